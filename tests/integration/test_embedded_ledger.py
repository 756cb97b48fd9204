"""The embedded ledger as a real process, driven through web3.py as the EVM adapter drives it."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import ContractCustomError, Web3RPCError
from web3.types import BlockData, TxReceipt

from tests.unit.devnet.contracts import LOGGER, PARENT, REVERTER, WEI, account, deployment, signed, word

pytestmark = pytest.mark.processes

CHAIN_ID = 1001
ALICE = account(1)
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
MINED_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Ledger:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def running(directory: Path, *arguments: str) -> Iterator[Ledger]:
    """Start a ledger, wait until it announces its port, and end it whatever happens."""
    port, log = directory / "port", directory / "log"
    command = [sys.executable, "-W", "error", "-m", "bridge.devnet.ledger", "--chain-id", str(CHAIN_ID)]
    with log.open("wb") as file:
        process = subprocess.Popen([*command, "--announce", str(port), *arguments], stderr=file)
    try:
        until(lambda: port.exists() or process.poll() is not None, START_TIMEOUT_S)
        assert process.poll() is None, log.read_text()
        yield Ledger(process, f"http://127.0.0.1:{port.read_text().strip()}", log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_TIMEOUT_S)


def until(fact: Callable[[], bool], timeout_s: float) -> None:
    """Poll until a fact holds."""
    deadline = time.monotonic() + timeout_s
    while not fact():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def cpu_s(ledger: Ledger) -> float:
    """Return how much processor time the ledger has used."""
    fields = Path(f"/proc/{ledger.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drive(ledger: Ledger, scenario: Callable[[AsyncWeb3[AsyncHTTPProvider]], Awaitable[None]]) -> None:
    """Run a scenario against the ledger."""

    async def run() -> None:
        web3 = AsyncWeb3(AsyncHTTPProvider(ledger.url))
        try:
            await asyncio.wait_for(scenario(web3), 60)
        finally:
            await web3.provider.disconnect()

    asyncio.run(run())


async def mine(web3: AsyncWeb3[AsyncHTTPProvider], raw: bytes) -> TxReceipt:
    sent = await web3.eth.send_raw_transaction(raw)
    return await web3.eth.wait_for_transaction_receipt(sent, timeout=MINED_TIMEOUT_S, poll_latency=0.1)


async def deploy(web3: AsyncWeb3[AsyncHTTPProvider], runtime: bytes) -> ChecksumAddress:
    nonce = await web3.eth.get_transaction_count(ALICE.address, "pending")
    receipt = await mine(web3, signed(ALICE, nonce, to=None, data=deployment(runtime), gas=1_000_000))
    assert receipt["status"] == 1
    address = receipt["contractAddress"]
    assert address is not None
    return address


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with running(tmp_path_factory.mktemp("ledger"), "--fund", f"{ALICE.address}:{WEI}") as started:
        yield started


def test_it_introduces_itself(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        assert await web3.is_connected()
        assert await web3.eth.chain_id == CHAIN_ID
        assert (await web3.client_version).startswith("Naru-devnet/")
        assert await web3.eth.gas_price == 0
        assert await web3.eth.max_priority_fee == 0
        assert await web3.eth.syncing is False
        assert await web3.eth.get_balance(ALICE.address) <= WEI
        assert (await web3.eth.fee_history(1, "latest"))["baseFeePerGas"] == [0, 0]

    drive(ledger, scenario)


def test_blocks_are_sealed_without_transactions_and_times_rise(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        first = await web3.eth.get_block("latest")
        deadline = time.monotonic() + MINED_TIMEOUT_S
        while await web3.eth.block_number < first["number"] + 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        second, third = [await web3.eth.get_block(first["number"] + step) for step in (1, 2)]
        assert first["timestamp"] < second["timestamp"] < third["timestamp"]
        assert third["parentHash"] == second["hash"]
        assert abs(third["timestamp"] - time.time()) < 5
        for tag in ("safe", "finalized"):
            assert (await web3.eth.get_block(tag))["number"] >= third["number"]

    drive(ledger, scenario)


def test_a_contract_is_deployed_and_its_event_found(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        logger = await deploy(web3, LOGGER)
        assert await web3.eth.get_code(logger) == LOGGER
        nonce = await web3.eth.get_transaction_count(ALICE.address)
        receipt = await mine(web3, signed(ALICE, nonce, to=bytes.fromhex(logger[2:]), data=word(7) + word(8)))
        assert receipt["logs"][0]["data"] == HexBytes(word(8))
        wanted: list[Any] = [HexBytes(word(7)), None]
        found = await web3.eth.get_logs({"address": logger, "topics": wanted, "fromBlock": 0, "toBlock": "finalized"})
        assert [item["transactionHash"] for item in found] == [receipt["transactionHash"]]
        assert await web3.eth.get_logs({"blockHash": receipt["blockHash"]}) == list(receipt["logs"])
        assert await web3.eth.get_block_receipts(receipt["blockNumber"]) == [receipt]
        shown = await web3.eth.get_transaction(receipt["transactionHash"])
        assert (shown["from"], shown["to"]) == (ALICE.address, logger)

    drive(ledger, scenario)


def test_revert_data_reaches_the_caller(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        reverter = await deploy(web3, REVERTER)
        with pytest.raises(ContractCustomError) as caught:
            await web3.eth.call({"to": reverter, "data": HexBytes("0x12345678")})
        assert caught.value.data == "0x12345678"
        with pytest.raises(ContractCustomError):
            await web3.eth.estimate_gas({"to": reverter, "data": HexBytes("0x12345678")})

    drive(ledger, scenario)


def test_a_transaction_that_web3_fills_and_the_wallet_signs_is_mined(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        nonce = await web3.eth.get_transaction_count(ALICE.address)
        fields: dict[str, Any] = {"from": ALICE.address, "to": ALICE.address, "value": 1, "nonce": nonce}
        fields["gas"] = await web3.eth.estimate_gas(fields)  # type: ignore[arg-type]  # a plain dict
        fields |= {"chainId": await web3.eth.chain_id, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "type": 2}
        del fields["from"]
        receipt = await mine(web3, bytes(ALICE.sign_transaction(fields).raw_transaction))
        assert receipt["gasUsed"] == 21_000

    drive(ledger, scenario)


def test_another_chains_transaction_is_refused(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        for legacy in (False, True):
            with pytest.raises(Web3RPCError, match="invalid chain id for signer"):
                await web3.eth.send_raw_transaction(signed(ALICE, 99, chain_id=CHAIN_ID + 1, legacy=legacy))

    drive(ledger, scenario)


def test_the_parents_hash_is_known_to_a_contract(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        parent = await deploy(web3, PARENT)
        head = await web3.eth.get_block("latest")
        assert await web3.eth.call({"to": parent}, head["hash"]) == head["parentHash"]

    drive(ledger, scenario)


def test_a_batch_is_answered_whole(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        async with web3.batch_requests() as batch:
            batch.add(web3.eth.get_block(0))
            batch.add(web3.eth.get_block("latest"))
            genesis, head = cast("list[BlockData]", await batch.async_execute())
        assert genesis["number"] == 0
        assert head["number"] >= 1

    drive(ledger, scenario)


def test_only_json_posted_to_the_root_is_served(ledger: Ledger) -> None:
    def status(headers: dict[str, str], body: bytes | None) -> int:
        request = urllib.request.Request(ledger.url, data=body, headers=headers)  # noqa: S310  # http to loopback
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # http to loopback
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    json_type = {"Content-Type": "application/json"}
    assert status(json_type, b"{}") == 200
    assert status({"Content-Type": "text/plain"}, b"{}") == 415
    assert status(json_type, b" " * (5 * 1024 * 1024)) == 413
    assert status({}, None) == 405


def test_sealed_blocks_with_transactions_are_logged(ledger: Ledger) -> None:
    async def scenario(web3: AsyncWeb3[AsyncHTTPProvider]) -> None:
        nonce = await web3.eth.get_transaction_count(ALICE.address)
        receipt = await mine(web3, signed(ALICE, nonce))
        lines = [line for line in ledger.events() if line.get("height") == receipt["blockNumber"]]
        assert [line["event"] for line in lines] == ["block.sealed"]
        assert lines[0]["ledger"] == CHAIN_ID
        assert lines[0]["transactions"] == 1
        assert set(lines[0]) >= {"gas_used", "duration_ms"}

    drive(ledger, scenario)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_without_waiting_for_the_next_block_and_exits_with_zero(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running(tmp_path, "--period-s", "3600") as started:
        assert started.stop(number) == 0
        assert [line["event"] for line in started.events()] == ["ledger.started", "ledger.stopped"]


def test_it_stops_although_a_call_runs_for_long(tmp_path: Path) -> None:
    endless = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"data": "0x5b5f56"}]}
    with running(tmp_path) as started, closing(_connection(started)) as connection:
        connection.request("POST", "/", json.dumps(endless), {"Content-Type": "application/json"})
        busy = cpu_s(started)
        until(lambda: cpu_s(started) > busy + 0.2, MINED_TIMEOUT_S)
        assert started.stop(signal.SIGTERM) == 0


def _connection(ledger: Ledger) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(ledger.url.removeprefix("http://"), timeout=STOP_TIMEOUT_S)


def test_a_taken_port_is_told_and_ends_with_one(ledger: Ledger) -> None:
    port = ledger.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "bridge.devnet.ledger", "--chain-id", "5", "--port", port]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: cannot listen on 127.0.0.1:{port}")
