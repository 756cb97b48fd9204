"""What an embedded network asks of the nodes that it is built on."""

import asyncio
from collections.abc import Mapping
from typing import Final

from bridge.adapters.evm.node import Node
from bridge.errors import ConfigError, UnavailableError

FINAL_TIMEOUT_S: Final = 60.0
FINAL_POLL_S: Final = 0.2


async def check_apart(nodes: Mapping[str, Node]) -> None:
    """Refuse two nodes of one chain: a lane never joins two gateways of one ledger.

    Raises:
        ConfigError: they are.
    """
    chains = {name: await node.chain_id() for name, node in nodes.items()}
    if len(set(chains.values())) < len(chains):
        shared = next(iter(chains.values()))
        problem = f"{' and '.join(chains)} are both on chain {shared}: give nodes of two different chain ids"
        raise ConfigError((problem,))


async def final(name: str, node: Node) -> None:
    """Wait until what was just built is final: everybody reads at finality.

    Raises:
        UnavailableError: it isn't after a minute.
    """
    built = await node.stamp("latest")
    try:
        async with asyncio.timeout(FINAL_TIMEOUT_S):
            while True:
                if (await node.head()).height >= built.height:
                    return
                await asyncio.sleep(FINAL_POLL_S)
    except TimeoutError:
        msg = f"{name}: block {built.height} is not final after {FINAL_TIMEOUT_S:.0f} s: does {node.name} make any?"
        raise UnavailableError(msg) from None
