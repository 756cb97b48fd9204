"""Connections to nodes that are of the chain that they should be of."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bridge.adapters.evm.node import Node
from bridge.config import LedgerConfig
from bridge.core.caip import LedgerId, evm_chain_id


@asynccontextmanager
async def connected(address: str, *, finality: str, chain_id: int) -> AsyncIterator[Node]:
    """Connect to the node at *address*, and give the connection back.

    Raises:
        ConfigError: the node is of another chain than *chain_id*.
        UnavailableError: it does not answer.
    """
    node = Node(address, finality=finality)
    try:
        await node.check_chain(chain_id)
        yield node
    finally:
        await node.close()


def node_of(ledger: LedgerConfig) -> AbstractAsyncContextManager[Node]:
    """Connect to the first of a ledger's nodes, as `connected`."""
    return connected(ledger.nodes[0], finality=ledger.finality, chain_id=evm_chain_id(LedgerId(ledger.ledger)))
