"""A node's answers, read strictly: what Ethereum's JSON-RPC specification does not allow is refused.

Law: a node may send anything, and nothing that it sends raises another error than ValueError here.
"""

import json
import re
from typing import Any, Final, NoReturn, cast

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3.types import LogReceipt, RPCResponse

from bridge.core.records import BlockStamp
from bridge.ports.facts import Header

DEPTH_MAX: Final = 32
SLACK: Final = 64
"""Brackets within texts that the measure of depth may stumble over."""
HEIGHT_BITS: Final = 48
"""A lock word has no more (R-08)."""
TIME_BITS: Final = 62
WORD_LEN: Final = 32
ADDRESS_LEN: Final = 20
TOPICS_MAX: Final = 4
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def response(raw: bytes, identity: object) -> RPCResponse:
    """Read the answer to the request *identity*: JSON-RPC 2.0, one of result and error, no key twice, not deep.

    Raises:
        ValueError: it is none.
    """
    if _is_deep(raw):
        _refuse("an answer that is nested too deeply")
    answer = json.loads(raw, object_pairs_hook=_object, parse_constant=_refuse)
    if not isinstance(answer, dict) or ("result" in answer) == ("error" in answer):
        _refuse("no JSON-RPC answer")
    problem = answer.get("error")
    if "error" in answer and not isinstance(problem, dict):
        _refuse("an error without a code")
    if answer.get("id") != identity and not (problem and answer.get("id") is None):
        _refuse("the answer to another request")
    return cast("RPCResponse", answer)


def header(value: object) -> Header:
    """Read a block's header.

    Raises:
        ValueError: a field is missing, or not as it must be.
    """
    block = _fields(value, "block")
    stamp = BlockStamp(
        height=quantity(block.get("number"), HEIGHT_BITS),
        hash=data(block.get("hash"), WORD_LEN),
        time=quantity(block.get("timestamp"), TIME_BITS),
    )
    return Header(stamp=stamp, parent=data(block.get("parentHash"), WORD_LEN))


def log(value: object) -> LogReceipt | None:
    """Read a log; None for one that is in no block yet, or was taken back.

    Raises:
        ValueError: a field is missing, or not as it must be.
    """
    fields = _fields(value, "log")
    if fields.get("removed") not in (False, None) or fields.get("blockNumber") is None:
        return None
    topics = fields.get("topics")
    if not isinstance(topics, list) or len(topics) > TOPICS_MAX:
        _refuse("a log whose topics are no list")
    read = {
        "address": to_checksum_address(data(fields.get("address"), ADDRESS_LEN)),
        "topics": [HexBytes(data(topic, WORD_LEN)) for topic in topics],
        "data": HexBytes(data(fields.get("data"))),
        "blockNumber": quantity(fields.get("blockNumber"), HEIGHT_BITS),
        "blockHash": HexBytes(data(fields.get("blockHash"), WORD_LEN)),
        "transactionHash": HexBytes(data(fields.get("transactionHash"), WORD_LEN)),
        "logIndex": quantity(fields.get("logIndex"), HEIGHT_BITS),
    }
    return cast("LogReceipt", read)


def logs(value: object) -> list[LogReceipt | None]:
    """Read a list of logs.

    Raises:
        ValueError: it is none, or a log in it is not as it must be.
    """
    if not isinstance(value, list):
        _refuse("no list of logs")
    return [log(each) for each in value]


def quantity(value: object, bits: int) -> int:
    """Read a number: 0x and hexadecimal digits without leading zeros, below 2^*bits*.

    Raises:
        ValueError: it is anything else, such as a decimal number or null.
    """
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        _refuse(f"{_shown(value)} where a hexadecimal number must stand")
    number = int(value, 16)
    if number >> bits:
        _refuse(f"{_shown(value)}, a number of more than {bits} bits")
    return number


def data(value: object, length: int | None = None) -> bytes:
    """Read bytes: 0x and pairs of hexadecimal digits; *length* of them, if it is given.

    Raises:
        ValueError: it is anything else.
    """
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        _refuse(f"{_shown(value)} where hexadecimal bytes must stand")
    read = bytes.fromhex(value[2:])
    if length is not None and len(read) != length:
        _refuse(f"{len(read)} bytes where {length} must stand")
    return read


def _fields(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(f"{_shown(value)} where a {what} must stand")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):
        _refuse("an object that has a key twice")
    return read


def _is_deep(raw: bytes) -> bool:
    """Tell before parsing, which would end in the C stack: each turn takes the innermost brackets away."""
    brackets = raw.translate(None, _NOT_BRACKETS)
    for _ in range(DEPTH_MAX):
        shorter = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    return len(brackets) > SLACK


def _refuse(what: str) -> NoReturn:
    msg = f"it gives {what}"
    raise ValueError(msg)


def _shown(value: object) -> str:
    return f"{value!r:.40}" if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
