"""What a node sends is read strictly, and whatever it is, nothing but ValueError comes of it (R-53)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adapters.evm import answers

HASH, PARENT = "0x" + "ab" * 32, "0x" + "cd" * 32
BLOCK = {"number": "0x10", "hash": HASH, "parentHash": PARENT, "timestamp": "0x5f", "extraData": "0x" + "00" * 97}
LOG = {
    "address": "0x" + "5a" * 20,
    "topics": [HASH, PARENT],
    "data": "0x0102",
    "blockNumber": "0x10",
    "blockHash": HASH,
    "transactionHash": PARENT,
    "transactionIndex": "0x0",
    "logIndex": "0x3",
    "removed": False,
}
NOT_HEX: list[object] = [
    None,
    7,
    1.5,
    True,
    "",
    "0x",
    "7",
    "0x07",
    "0xg",
    "-0x1",
    "0x-1",
    " 0x1",
    "0x1 ",
    "0x1_0",
    [],
    {},
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=70)
    | st.sampled_from([HASH, "0x1", "0x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*BLOCK, *LOG, "result"]), inner),
    max_leaves=12,
)


def body(**changes: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps({"jsonrpc": "2.0", "id": 7, "result": "0x1"} | changes).encode()


def test_a_proper_answer_is_read() -> None:
    assert answers.response(body(), 7)["result"] == "0x1"
    error = {"code": -32000, "message": "[[[ {{{"}
    refused = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
    assert answers.response(refused, 7)["error"]["message"] == "[[[ {{{"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'{"jsonrpc":"2.0","id":7}',
        b'{"jsonrpc":"2.0","id":7,"result":1,"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","id":7,"error":"no"}',
        b'{"jsonrpc":"2.0","id":7,"error":null}',
        b'{"jsonrpc":"2.0","id":8,"result":1}',
        b'{"jsonrpc":"2.0","id":null,"result":1}',
        b'{"jsonrpc":"2.0","id":7,"id":7,"result":1}',
        b'{"jsonrpc":"2.0","id":7,"result":{"a":1,"a":1}}',
        b'{"jsonrpc":"2.0","id":7,"result":NaN}',
        b'{"jsonrpc":"2.0","id":7,"result":-Infinity}',
        b'{"jsonrpc":"2.0","id":7,"result":"0x1"',
        b'{"jsonrpc":"2.0","id":7,"result":"\xff"}',
    ],
)
def test_what_is_no_answer_to_the_request_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        answers.response(raw, 7)


@pytest.mark.parametrize("depth", [200, 100_000, 2_000_000])
@pytest.mark.parametrize(("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_nesting_ends_before_the_parser_s_stack(depth: int, left: bytes, right: bytes) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        answers.response(b'{"id":7,"result":' + left * depth + b"1" + right * depth + b"}", 7)


def test_a_long_flat_answer_is_not_deep() -> None:
    logs = [LOG] * 3_000
    assert len(answers.logs(answers.response(body(result=logs), 7)["result"])) == 3_000


def test_a_header_is_read() -> None:
    header = answers.header(BLOCK)
    assert (header.stamp.height, header.stamp.time) == (16, 95)
    assert (header.stamp.hash, header.parent) == (bytes.fromhex(HASH[2:]), bytes.fromhex(PARENT[2:]))


@pytest.mark.parametrize("field", ["number", "hash", "parentHash", "timestamp"])
@pytest.mark.parametrize("value", [*NOT_HEX, "0x" + "f" * 70, "0x" + "ab" * 31, "0x" + "ab" * 33])
def test_a_header_with_one_field_wrong_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match="it gives"):
        answers.header(BLOCK | {field: value})
    with pytest.raises(ValueError, match="it gives"):
        answers.header({name: BLOCK[name] for name in BLOCK if name != field})


def test_a_log_is_read() -> None:
    log = answers.log(LOG)
    assert log is not None
    assert (log["blockNumber"], log["logIndex"], bytes(log["data"])) == (16, 3, b"\x01\x02")
    assert [bytes(topic) for topic in log["topics"]] == [bytes.fromhex(HASH[2:]), bytes.fromhex(PARENT[2:])]
    assert log["address"].lower() == LOG["address"]


@pytest.mark.parametrize("change", [{"removed": True}, {"removed": 1}, {"blockNumber": None}])
def test_a_log_that_was_taken_back_or_is_in_no_block_is_none(change: dict[str, object]) -> None:
    assert answers.log(LOG | change) is None


@pytest.mark.parametrize(
    "change",
    [
        {"topics": None},
        {"topics": "0x"},
        {"topics": [HASH] * 5},
        {"topics": ["0x1234"]},
        {"topics": [None]},
        {"address": HASH},
        {"address": None},
        {"data": None},
        {"data": "0x123"},
        {"blockNumber": 16},
        {"blockNumber": "0x1000000000000"},
        {"blockHash": None},
        {"blockHash": "0x"},
        {"transactionHash": 7},
        {"logIndex": -1},
    ],
)
def test_a_log_with_one_field_wrong_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="it gives"):
        answers.log(LOG | change)


def test_an_endless_value_does_not_flood_the_text() -> None:
    with pytest.raises(ValueError, match="it gives") as caught:
        answers.quantity("0x" + "z" * 10**6, 64)
    assert len(str(caught.value)) < 200


@given(JSON)
def test_whatever_json_comes_it_is_read_or_refused(value: object) -> None:
    for read in (answers.header, answers.log, answers.logs, answers.data, lambda v: answers.quantity(v, 64)):
        try:
            read(value)
        except ValueError as error:
            assert str(error).startswith("it gives")  # noqa: PT017 - most of what comes is refused, and some is read


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_read_or_refused(raw: bytes) -> None:
    try:
        answers.response(raw, 7)
    except ValueError:
        return
