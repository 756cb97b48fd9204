# ruff: noqa: ANN401 - answers are JSON, and what is in them is what each test looks at
import json
from typing import Any

import pytest

from bridge.devnet.ledger.chain import ChainSettings, DevChain
from bridge.devnet.ledger.methods import Methods
from bridge.devnet.ledger.rpc import BATCH_LEN_MAX, answer_body
from tests.unit.devnet.contracts import (
    CHAIN_ID,
    LOGGER,
    REVERTER,
    WEI,
    account,
    address_of,
    deployment,
    signed,
    word,
)

ALICE = account(1)
ALICE_TEXT = "0x" + address_of(ALICE).hex()
UNKNOWN_HASH = "0x" + "ab" * 32
YES, NO = True, False


class Desk:
    """One chain with its table of methods, asked as over HTTP but in this thread."""

    def __init__(self) -> None:
        settings = ChainSettings(chain_id=CHAIN_ID, funds={address_of(ALICE): WEI}, genesis_timestamp=1_000)
        self.chain = DevChain(settings)
        self.chain.seal(1_001)
        self.table = Methods(self.chain, "Naru-devnet/test").table

    def post(self, body: bytes) -> Any:
        return json.loads(answer_body(self.table, body))

    def ask(self, method: str, *params: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.post(json.dumps(request).encode())
        assert answer["jsonrpc"] == "2.0"
        assert answer["id"] == 1
        return answer

    def result(self, method: str, *params: object) -> Any:
        return self.ask(method, *params)["result"]

    def error(self, method: str, *params: object) -> tuple[int, str]:
        error = self.ask(method, *params)["error"]
        return error["code"], error["message"]

    def send(self, raw: bytes) -> str:
        sent = self.result("eth_sendRawTransaction", "0x" + raw.hex())
        assert isinstance(sent, str)
        return sent

    def deploy(self, runtime: bytes) -> str:
        nonce = int(self.result("eth_getTransactionCount", ALICE_TEXT, "pending"), 16)
        sent = self.send(signed(ALICE, nonce, to=None, data=deployment(runtime), gas=1_000_000))
        self.chain.seal(0)
        address = self.result("eth_getTransactionReceipt", sent)["contractAddress"]
        assert isinstance(address, str)
        return address


def code_of(answer: Any) -> object:
    return answer["error"]["code"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"nul",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"[" * 33 + b"]" * 33,
        b'{"id": NaN}',
        b"1" * 5_000,
    ],
)
def test_what_is_no_json_is_a_parse_error(body: bytes) -> None:
    answer = Desk().post(body)
    assert answer["id"] is None
    assert code_of(answer) == -32700


@pytest.mark.parametrize(
    "request_",
    [
        1,
        "text",
        None,
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": {}, "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": True, "method": "eth_chainId"},
    ],
)
def test_what_is_no_request_is_invalid(request_: object) -> None:
    assert code_of(Desk().post(json.dumps(request_).encode())) == -32600


def test_an_unknown_method_is_not_found() -> None:
    assert Desk().error("eth_sign")[0] == -32601


def test_named_arguments_and_too_many_are_invalid() -> None:
    named = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}'
    assert code_of(Desk().post(named)) == -32602
    assert Desk().error("eth_chainId", 1)[0] == -32602


def test_a_notification_gets_no_answer() -> None:
    assert answer_body(Desk().table, b'{"jsonrpc":"2.0","method":"eth_chainId"}') == b""


def test_a_batch_is_answered_in_order_with_its_errors() -> None:
    requests = [{"jsonrpc": "2.0", "id": name, "method": name} for name in ("eth_chainId", "eth_no", "net_version")]
    answers = Desk().post(json.dumps([*requests, 7]).encode())
    assert [answer["id"] for answer in answers] == ["eth_chainId", "eth_no", "net_version", None]
    assert answers[0]["result"] == hex(CHAIN_ID)
    assert code_of(answers[1]) == -32601
    assert answers[2]["result"] == str(CHAIN_ID)
    assert code_of(answers[3]) == -32600


def test_empty_and_oversized_batches_are_invalid() -> None:
    assert code_of(Desk().post(b"[]")) == -32600
    assert code_of(Desk().post(json.dumps([1] * (BATCH_LEN_MAX + 1)).encode())) == -32600


def test_a_broken_method_is_an_internal_error_and_no_end() -> None:
    desk = Desk()
    del desk.chain._history  # noqa: SLF001  # anything that no method expects
    assert desk.error("eth_getTransactionByHash", UNKNOWN_HASH) == (-32603, "internal error")
    assert desk.result("eth_chainId") == hex(CHAIN_ID)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBalance", []),
        ("eth_getBalance", ["0x12"]),
        ("eth_getBalance", ["12" * 20]),
        ("eth_getBalance", [ALICE_TEXT, "0x01"]),
        ("eth_getBalance", [ALICE_TEXT, "newest"]),
        ("eth_getBalance", [ALICE_TEXT, {"blockHash": "0x12"}]),
        ("eth_getBalance", [ALICE_TEXT, "0x" + "f" * 65]),
        ("eth_getBlockByNumber", []),
        ("eth_getBlockByNumber", ["latest", "yes"]),
        ("eth_getBlockByHash", ["0x12"]),
        ("eth_call", ["text"]),
        ("eth_call", [{"to": "0x12"}]),
        ("eth_call", [{"to": ALICE_TEXT, "data": "0x1"}]),
        ("eth_call", [{"to": ALICE_TEXT}, "latest", {ALICE_TEXT: {"balance": "0x1"}}]),
        ("eth_call", [{"to": ALICE_TEXT, "accessList": [1]}]),
        ("eth_sendRawTransaction", ["0xzz"]),
        ("eth_getLogs", [[]]),
        ("eth_getLogs", [{"address": "0x12"}]),
        ("eth_getLogs", [{"topics": "0x12"}]),
        ("eth_getLogs", [{"topics": [None] * 5}]),
        ("eth_getLogs", [{"topics": [[UNKNOWN_HASH] * 1_001]}]),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}]),
        ("eth_getLogs", [{"blockHash": UNKNOWN_HASH, "fromBlock": "0x1"}]),
        ("eth_feeHistory", ["0x1", "latest", [50, 10]]),
        ("eth_feeHistory", ["0x1", "latest", [101]]),
    ],
)
def test_malformed_arguments_are_invalid(method: str, params: list[object]) -> None:
    assert Desk().error(method, *params)[0] == -32602


def test_a_block_has_every_field_of_a_cancun_header() -> None:
    block = Desk().result("eth_getBlockByNumber", "latest", NO)
    assert block["number"] == "0x1"
    assert block["baseFeePerGas"] == block["excessBlobGas"] == block["blobGasUsed"] == "0x0"
    assert block["parentBeaconBlockRoot"] == "0x" + "00" * 32
    assert block["withdrawals"] == []
    assert len(block["logsBloom"]) == 2 + 512
    assert set(block) >= {"mixHash", "nonce", "sha3Uncles", "withdrawalsRoot", "receiptsRoot", "size", "extraData"}


def test_a_block_to_come_is_null_and_its_state_an_error() -> None:
    desk = Desk()
    assert desk.result("eth_getBlockByNumber", "0x9", NO) is None
    assert desk.result("eth_getBlockByHash", UNKNOWN_HASH, NO) is None
    assert desk.result("eth_getBlockReceipts", "0x9") is None
    assert desk.result("eth_getTransactionByHash", UNKNOWN_HASH) is None
    assert desk.result("eth_getTransactionReceipt", UNKNOWN_HASH) is None
    assert desk.error("eth_getBalance", ALICE_TEXT, "0x9") == (-32000, "header not found")
    assert desk.error("eth_call", {"to": ALICE_TEXT}, {"blockHash": UNKNOWN_HASH}) == (-32000, "header not found")


def test_a_transaction_is_shown_waiting_and_then_in_its_place() -> None:
    desk = Desk()
    sent = desk.send(signed(ALICE, 0, value=3, data=b"\x01"))
    waiting = desk.result("eth_getTransactionByHash", sent)
    assert waiting["blockHash"] is None
    assert desk.result("eth_getTransactionCount", ALICE_TEXT, "latest") == "0x0"
    assert desk.result("eth_getTransactionCount", ALICE_TEXT, "pending") == "0x1"
    desk.chain.seal(0)
    shown = desk.result("eth_getTransactionByHash", sent)
    assert (shown["blockNumber"], shown["transactionIndex"], shown["from"]) == ("0x2", "0x0", ALICE_TEXT)
    assert (shown["type"], shown["value"], shown["input"], shown["chainId"]) == ("0x2", "0x3", "0x01", hex(CHAIN_ID))
    assert desk.result("eth_getBlockByNumber", "0x2", YES)["transactions"] == [shown]
    assert desk.result("eth_getBlockByNumber", "0x2", NO)["transactions"] == [sent]


def test_a_legacy_transaction_is_shown_without_fields_of_later_types() -> None:
    desk = Desk()
    sent = desk.send(signed(ALICE, 0, legacy=True))
    shown = desk.result("eth_getTransactionByHash", sent)
    assert shown["type"] == "0x0"
    assert int(shown["v"], 16) in (2 * CHAIN_ID + 35, 2 * CHAIN_ID + 36)
    assert not {"yParity", "accessList", "maxFeePerGas"} & set(shown)


def test_receipts_of_a_block_come_by_number_tag_and_hash() -> None:
    desk = Desk()
    sent = desk.send(signed(ALICE, 0))
    desk.chain.seal(0)
    receipt = desk.result("eth_getTransactionReceipt", sent)
    assert (receipt["status"], receipt["gasUsed"], receipt["type"]) == ("0x1", "0x5208", "0x2")
    for name in ("0x2", "latest", receipt["blockHash"]):
        assert desk.result("eth_getBlockReceipts", name) == [receipt]


def test_refusals_of_the_pool_have_geths_code() -> None:
    desk = Desk()
    raw = "0x" + signed(ALICE, 0).hex()
    desk.result("eth_sendRawTransaction", raw)
    assert desk.error("eth_sendRawTransaction", raw) == (-32000, "already known")
    desk.chain.seal(0)
    assert desk.error("eth_sendRawTransaction", raw) == (-32000, "nonce too low: next nonce 1, tx nonce 0")


def test_revert_data_is_in_the_error() -> None:
    desk = Desk()
    call = {"to": desk.deploy(REVERTER), "data": "0xcafe"}
    for method in ("eth_call", "eth_estimateGas"):
        assert desk.ask(method, call)["error"] == {"code": 3, "message": "execution reverted", "data": "0xcafe"}


def test_logs_are_found_by_range_and_by_block_hash() -> None:
    desk = Desk()
    logger = desk.deploy(LOGGER)
    sent = desk.send(signed(ALICE, 1, to=bytes.fromhex(logger[2:]), data=word(7) + word(8)))
    desk.chain.seal(0)
    topic = "0x" + word(7).hex()
    found = desk.result("eth_getLogs", {"address": logger, "topics": [[topic, UNKNOWN_HASH]], "fromBlock": "earliest"})
    assert [item["transactionHash"] for item in found] == [sent]
    receipt = desk.result("eth_getTransactionReceipt", sent)
    assert found == receipt["logs"]
    assert receipt["logsBloom"] == desk.result("eth_getBlockByNumber", "latest", NO)["logsBloom"] != "0x" + "00" * 256
    assert found == desk.result("eth_getLogs", {"blockHash": found[0]["blockHash"]})
    assert found == desk.result("eth_getLogs", {"topics": [None, "0x" + "00" * 12 + ALICE_TEXT[2:]], "toBlock": "safe"})
    assert desk.result("eth_getLogs", {"topics": [topic, topic]}) == []
    assert desk.result("eth_getLogs", {"fromBlock": "0x64", "toBlock": "0xc8"}) == []
    assert desk.error("eth_getLogs", {"blockHash": UNKNOWN_HASH}) == (-32000, "header not found")


def test_storage_and_code_are_readable() -> None:
    desk = Desk()
    logger = desk.deploy(LOGGER)
    assert desk.result("eth_getCode", logger) == "0x" + LOGGER.hex()
    assert desk.result("eth_getStorageAt", logger, "0x0", "latest") == "0x" + "00" * 32
    assert desk.result("eth_getStorageAt", logger, "0x" + "00" * 32) == "0x" + "00" * 32


def test_fees_are_zero() -> None:
    desk = Desk()
    assert desk.result("eth_gasPrice") == desk.result("eth_maxPriorityFeePerGas") == "0x0"
    desk.send(signed(ALICE, 0, fee=3))
    desk.chain.seal(0)
    history = desk.result("eth_feeHistory", "0x2", "latest", [0, 100])
    assert history["oldestBlock"] == "0x1"
    assert history["baseFeePerGas"] == ["0x0", "0x0", "0x0"]
    assert history["reward"] == [["0x0", "0x0"], ["0x3", "0x3"]]
    assert history["gasUsedRatio"] == [0.0, 21_000 / 60_000_000]


def test_the_client_says_what_it_is() -> None:
    desk = Desk()
    assert desk.result("web3_clientVersion").startswith("Naru-devnet/")
    assert desk.result("net_listening") is True
    assert desk.result("eth_syncing") is False
    assert desk.result("eth_blockNumber") == "0x1"
