"""A node's connections: given back for good."""

import asyncio

import pytest

from bridge.adapters.evm.node import Node
from bridge.errors import UnavailableError


def test_a_request_that_outlives_its_caller_opens_no_connection_anew() -> None:
    async def script() -> None:
        node = Node("http://127.0.0.1:1")
        await node.close()
        with pytest.raises(UnavailableError, match=r"the connection to node http://127\.0\.0\.1:1 was closed"):
            await node.chain_id()

    asyncio.run(script())
