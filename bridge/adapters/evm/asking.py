"""What a token itself says to a mint or a payout: raw errors, for people to read (bridge/core/refusals.py).

The gateway's views answer reason codes; here its own item is asked for, which always reverts with the error.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from eth_abi.abi import decode as abi_decode
from web3.types import TxParams

from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.node import Node, hex_word
from bridge.adapters.evm.reader import terms
from bridge.adapters.evm.writer import SETTLE_FAILED
from bridge.core.caip import Endpoint, evm_address
from bridge.core.reasons import Reason
from bridge.core.refusals import selector
from bridge.core.transfer import Transfer, TransferId
from bridge.errors import LedgerRefusedError, UnavailableError

WOULD_MINT: Final = selector("WouldMint()")
HANDLING: Final = ((1, 0), (8, 160), (5, 208), (6, 216), (9, 232))
"""Places in the struct Profile, and the bits at which HandlingLib.sol has them; token, gas, mode, form, asks."""
PROFILE_BIT, ENABLED_BIT = 192, 224


async def mint_error(node: Node, endpoint: Endpoint, transfer: Transfer) -> bytes:
    """Ask what stands against minting *transfer* now; empty if nothing does, or the asset is not known there.

    Raises:
        UnavailableError: the node does not answer.
    """
    address = evm_address(endpoint.gateway)
    gateway = node.contract(GATEWAY, address)
    enabled, number, *_ = await node.call(gateway.functions.asset(transfer.asset))
    if not number:
        return b""
    profile = await node.call(gateway.functions.profile(number))
    word = number << PROFILE_BIT | int(enabled) << ENABLED_BIT
    for place, bit in HANDLING:
        value = profile[place]
        word |= (int(value, 16) if isinstance(value, str) else int(value)) << bit
    data = gateway.encode_abi("simulateOne", [word, transfer.recipient, transfer.amount])
    error = await _error(node, {"from": gateway.address, "to": gateway.address, "data": data})
    return b"" if error[:4] == WOULD_MINT else error


class EvmMintErrors:
    """Asks the nodes of one ledger at once, and believes the first (ports.ledger.MintErrors)."""

    def __init__(self, nodes: Sequence[Node], endpoint: Endpoint) -> None:
        """Ask *nodes* about *endpoint*'s gateway."""
        self._nodes = tuple(nodes)
        self._endpoint = endpoint

    async def mint_error(self, transfer: Transfer) -> bytes:
        """Ask until one answers; one that is down must not hold this up."""
        tasks = [asyncio.create_task(mint_error(node, self._endpoint, transfer)) for node in self._nodes]
        try:
            for answer in asyncio.as_completed(tasks):
                with suppress(UnavailableError):
                    return await answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise UnavailableError(f"none of {len(self._nodes)} nodes tells what stands against a mint")


async def payout_error(node: Node, endpoint: Endpoint, transfer: Transfer) -> bytes:
    """Ask what stands against paying out, or burning, what a token refused at finish (R-31); empty if nothing does.

    Raises:
        UnavailableError: the node does not answer.
    """
    gateway = node.contract(GATEWAY, evm_address(endpoint.gateway))
    data = gateway.encode_abi("payout", [terms(transfer)])
    return await _error(node, {"to": gateway.address, "data": data})


async def last_failure(node: Node, endpoint: Endpoint, transfer_id: TransferId) -> tuple[int, Reason, bytes] | None:
    """Find the newest try to mint a transfer that failed: its height, the gateway's reason, the error.

    Raises:
        UnavailableError: the node does not answer.
    """
    address = evm_address(endpoint.gateway)
    since = int(await node.call(node.contract(GATEWAY, address).functions.deployedAt()))
    head = await node.stamp("latest")
    async for log in node.logs(address, [SETTLE_FAILED, hex_word(transfer_id)], since, head.height):
        reason, error = abi_decode(("uint8", "bytes"), bytes(log["data"]))
        known = Reason(reason) if reason in set(Reason) else Reason.TOKEN_REVERTED
        return int(log["blockNumber"]), known, error
    return None


async def _error(node: Node, call: TxParams) -> bytes:
    """Give what a call reverts with; empty if it does not.

    Raises:
        UnavailableError: it reverts, and the node keeps the error to itself.
    """
    try:
        await node.ask(lambda: node.web3.eth.call(call))
    except LedgerRefusedError as error:
        if not error.data:
            raise UnavailableError(f"node {node.name} tells of a revert without its error ({error})") from error
        return error.data
    return b""
