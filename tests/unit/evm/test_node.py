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
