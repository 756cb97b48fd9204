"""A node's connections: given back for good, and none is lost."""

import asyncio
from typing import Any, Final

import aiohttp
import pytest

from bridge.adapters.evm.node import Node
from bridge.errors import UnavailableError

NOBODY_HOME: Final = "http://127.0.0.1:1"


def test_a_request_that_outlives_its_caller_opens_no_connection_anew() -> None:
    async def script() -> None:
        node = Node(NOBODY_HOME)
        await node.close()
        with pytest.raises(UnavailableError, match=r"the connection to node http://127\.0\.0\.1:1 was closed"):
            await node.chain_id()

    asyncio.run(script())


def test_two_first_requests_on_another_event_loop_lose_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[aiohttp.ClientSession] = []
    session = aiohttp.ClientSession

    def recorded(**given: Any) -> aiohttp.ClientSession:  # noqa: ANN401 - handed on as they are
        opened.append(session(**given))
        return opened[-1]

    monkeypatch.setattr(aiohttp, "ClientSession", recorded)
    node = Node(NOBODY_HOME)

    async def ask() -> None:
        with pytest.raises(UnavailableError):
            await node.chain_id()

    async def two() -> None:
        await asyncio.gather(ask(), ask())
        await node.close()

    asyncio.run(ask())
    asyncio.run(two())
    assert [one.closed for one in opened] == [True, True]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://10.1.0.5:8545", "http://10.1.0.5:8545"),
        ("http://10.1.0.5:8545/", "http://10.1.0.5:8545"),
        ("https://naru:hunter2@node/", "https://node"),
        ("https://node.example/v3/0123abcd", "https://node.example/…"),
        ("https://node.example?key=0123abcd", "https://node.example/…"),
        ("http://[::1]:8545", "http://[::1]:8545"),
    ],
)
def test_a_node_is_named_without_what_may_be_a_secret(address: str, told: str) -> None:
    assert Node(address).name == told


def test_an_error_of_a_node_tells_neither_password_nor_key() -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def script() -> None:
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            node = Node(f"http://naru:hunter2@127.0.0.1:{port}/v3/0123abcd")
            try:
                with pytest.raises(UnavailableError) as caught:
                    await node.chain_id()
            finally:
                await node.close()
        text = str(caught.value)
        assert f"node http://127.0.0.1:{port}/… " in text
        assert "401" in text
        assert "hunter2" not in text
        assert "0123abcd" not in text

    asyncio.run(script())
