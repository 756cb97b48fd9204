"""A node that lies: a JSON-RPC proxy in front of a real ledger, which answers in its own way what it is told to.

Runs in the test's own event loop, on a free port of loopback.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final

from aiohttp import ClientSession, web

from bridge.adapters.evm.events import DECIDED, LOCKED
from bridge.core.transfer import decode, encode

HUGE_LEN: Final = 1 << 20
Json = Any
"""A node's answers are JSON, and what is in them is what each lie looks at."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request, what the real node says to it, and a way to ask that one more."""

    method: str
    parameters: list[Json]
    answer: Json
    ask: Callable[..., Any]
    number: int
    """Of this request, from 0."""

    @property
    def result(self) -> Json:
        return self.answer.get("result")

    def told(self, result: Json) -> bytes:
        return json.dumps(self.answer | {"result": result}).encode()


Lie = Callable[[Exchange], Any]
"""Gives the bytes to answer with, a web.Response, or None for the truth; may be awaited."""


@dataclass
class Liar:
    """Where the proxy listens, what it tells, and what it was asked."""

    real: str
    lie: Lie
    url: str = ""
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def lying(real: str, lie: Lie) -> AsyncIterator[Liar]:
    """Stand in front of the node at *real*."""
    liar = Liar(real, lie)
    numbers = count()
    async with ClientSession() as session:

        async def ask(method: str, *parameters: Json) -> Json:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
            async with session.post(real, json=body) as response:
                return (await response.json())["result"]

        async def answer(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            asked = json.loads(body)
            liar.asked.append(asked["method"])
            async with session.post(real, data=body, headers={"Content-Type": "application/json"}) as response:
                truth = await response.read()
            exchange = Exchange(
                method=asked["method"],
                parameters=asked["params"],
                answer=json.loads(truth),
                ask=ask,
                number=next(numbers),
            )
            told = liar.lie(exchange)
            if hasattr(told, "__await__"):
                told = await told
            if isinstance(told, web.StreamResponse):
                return told
            return web.Response(body=truth if told is None else told, content_type="application/json")

        application = web.Application()
        application.router.add_post("/", answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            liar.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield liar
        finally:
            await runner.cleanup()


# --- lies about logs


def of_logs(change: Callable[[list[Json]], list[Json]]) -> Lie:
    return lambda e: e.told(change(e.result)) if e.method == "eth_getLogs" and e.result else None


def of_each_log(change: Callable[[Json], Mapping[str, Json]]) -> Lie:
    return of_logs(lambda logs: [log | change(log) for log in logs])


def forged(log: Json) -> Json:
    """Give an event of the gateway's that never was: the same place, other terms, whose id is the hash of them."""
    data = bytes.fromhex(log["data"][2:])
    if log["topics"][0] == _hex(LOCKED):
        terms = decode(data)
        other = replace(terms, amount=terms.amount * 1_000)
        return log | {"data": _hex(encode(other)), "topics": [log["topics"][0], _hex(other.id), *log["topics"][2:]]}
    if log["topics"][0] == _hex(DECIDED):
        return log | {"topics": [log["topics"][0], _hex(b"\x66" * 32), *log["topics"][2:]]}
    return log


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


ELSEWHERE: Final = "0x" + "66" * 20
NOWHERE: Final = "0x" + "66" * 32

missing_log = of_logs(lambda _: [])
forged_log = of_logs(lambda logs: [*logs, *(forged(log) for log in logs)])
only_forged_logs = of_logs(lambda logs: [forged(log) for log in logs])
wrong_emitter = of_each_log(lambda _: {"address": ELSEWHERE})
look_alike = of_logs(
    lambda logs: [each for log in logs for each in (log, forged(log) | {"address": ELSEWHERE, "logIndex": "0x63"})]
)
removed_log = of_each_log(lambda _: {"removed": True})
pending_log = of_each_log(lambda _: {"blockNumber": None, "blockHash": None, "logIndex": None})
log_of_another_block = of_each_log(lambda _: {"blockHash": NOWHERE})
log_of_another_height = of_each_log(lambda log: {"blockNumber": hex(int(log["blockNumber"], 16) + 1)})
anonymous_log = of_each_log(lambda log: {"topics": log["topics"][1:]})
log_without_topics = of_each_log(lambda _: {"topics": []})
extra_data = of_each_log(lambda log: {"data": log["data"] + "00" * 32})
indexed_swap = of_each_log(
    lambda log: {"topics": log["topics"][:2], "data": "0x" + log["topics"][2][2:] + log["data"][2:]}
)
topics_that_are_none = of_each_log(lambda _: {"topics": None})


def logs_that_are_none(exchange: Exchange) -> bytes | None:
    return exchange.told({"logs": 7}) if exchange.method == "eth_getLogs" else None


def wrong_receipt(exchange: Exchange) -> bytes | None:
    if exchange.method != "eth_getTransactionReceipt" or not exchange.result:
        return None
    return exchange.told(exchange.result | {"status": "0x0", "logs": []})


# --- lies about blocks


async def stale_head(exchange: Exchange) -> bytes | None:
    """Knows no block of the last twenty."""
    if exchange.method != "eth_getBlockByNumber":
        return None
    newest = int(await exchange.ask("eth_blockNumber"), 16) - 20
    if exchange.parameters[0] == "latest":
        return exchange.told(await exchange.ask("eth_getBlockByNumber", hex(newest), False))  # noqa: FBT003 - JSON-RPC's
    return exchange.told(None) if int(exchange.parameters[0], 16) > newest else None


def of_blocks(change: Callable[[Json], Mapping[str, Json]]) -> Lie:
    return lambda e: e.told(e.result | change(e.result)) if e.method == "eth_getBlockByNumber" and e.result else None


future_head = of_blocks(lambda block: {"timestamp": hex(int(block["timestamp"], 16) + 10**8)})
wrong_block_hash = of_blocks(lambda block: {"hash": "0x" + block["hash"][2:][::-1]})
null_block_hash = of_blocks(lambda _: {"hash": None})
decimal_number = of_blocks(lambda block: {"number": int(block["number"], 16)})
fraction = of_blocks(lambda block: {"timestamp": float(int(block["timestamp"], 16))})
leading_zeros = of_blocks(lambda block: {"number": "0x00" + block["number"][2:]})
endless_number = of_blocks(lambda _: {"number": "0x" + "f" * 5000})


def block_that_is_a_list(exchange: Exchange) -> bytes | None:
    return exchange.told([]) if exchange.method == "eth_getBlockByNumber" else None


def far_head(exchange: Exchange) -> bytes | None:
    """Is far ahead of everybody, on a chain of its own."""
    if exchange.method != "eth_getBlockByNumber" or exchange.parameters[0] != "latest" or not exchange.result:
        return None
    number = hex(int(exchange.result["number"], 16) + 1_000)
    return exchange.told(exchange.result | {"number": number, "hash": NOWHERE})


def other_chain_id(exchange: Exchange) -> bytes | None:
    return exchange.told("0x539") if exchange.method == "eth_chainId" else None


async def slow(_: Exchange) -> bytes:
    """Never comes to its answer; the test's end cancels it."""
    await asyncio.Event().wait()
    raise AssertionError


def dripping(_: Exchange) -> web.Response:
    """Sends a byte now and then, for ever."""

    async def drips() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    return web.Response(body=drips(), content_type="application/json")


# --- lies about state


def wrong_view(exchange: Exchange) -> bytes | None:
    """Changes the last byte of every word of a view, but keeps the layout of lists."""
    if exchange.method != "eth_call" or not exchange.result:
        return None
    data = bytearray.fromhex(exchange.result[2:])
    for end in range(95, len(data), 32):
        data[end] ^= 1
    if len(data) == 32:
        data[31] ^= 1
    return exchange.told(_hex(bytes(data)))


def silent_view(exchange: Exchange) -> bytes | None:
    """Says of all that nothing stands there."""
    if exchange.method != "eth_call" or not exchange.result:
        return None
    words = [exchange.result[2:][i : i + 64] for i in range(0, len(exchange.result) - 2, 64)]
    return exchange.told("0x" + "".join(word if i < 2 else "0" * 64 for i, word in enumerate(words)))


def short_view(exchange: Exchange) -> bytes | None:
    return exchange.told("0x" + "00" * 31) if exchange.method == "eth_call" else None


def longer_lists(exchange: Exchange) -> bytes | None:
    """Claims lists of 2^255 words."""
    if exchange.method != "eth_call" or not exchange.result:
        return None
    return exchange.told("0x" + "00" * 31 + "20" + "7f" + "ff" * 31)


# --- answers that are none


def huge(_: Exchange) -> web.Response:
    return web.Response(
        body=b" " * HUGE_LEN + b'{"jsonrpc":"2.0","id":1,"result":"0x1"}', content_type="application/json"
    )


def truncated(exchange: Exchange) -> bytes:
    whole = json.dumps(exchange.answer).encode()
    return whole[: len(whole) // 2]


def refuses(exchange: Exchange) -> web.Response:
    return web.Response(
        status=(429, 500, 503, 404, 302)[exchange.number % 5], headers={"Location": "http://127.0.0.1:1/"}
    )


def twice_the_key(exchange: Exchange) -> bytes:
    whole = json.dumps(exchange.answer)
    return (whole[:-1] + ', "result": "0x1"}').encode()


def deep(_: Exchange) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 50_000 + b"]" * 50_000 + b"}"


def another_request(exchange: Exchange) -> bytes:
    return json.dumps(exchange.answer | {"id": 10**9}).encode()


def not_json(_: Exchange) -> bytes:
    return b"<html>\xff\xfe"


def no_object(_: Exchange) -> bytes:
    return b"[7]"


def error_of_text(exchange: Exchange) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": exchange.answer["id"], "error": "no"}).encode()


def null_result(exchange: Exchange) -> bytes:
    return exchange.told(None)


def number_result(exchange: Exchange) -> bytes:
    return exchange.told(7)
