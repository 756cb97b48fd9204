"""One asset as a gateway on an EVM ledger has it: its account, its totals, its code, its gas."""

import asyncio
from typing import Final

from web3.contract import AsyncContract

from bridge.adapters.evm.codes import code_now
from bridge.adapters.evm.contracts import SAMPLE_TOKEN
from bridge.adapters.evm.node import Node
from bridge.core.caip import AssetId
from bridge.core.records import BlockStamp
from bridge.errors import InvalidInputError
from bridge.ports.ledger import AssetView, SupplyView

ASSET_ENABLED: Final = 0
ASSET_PROFILE: Final = 1
ASSET_PENDING_PAY: Final = 4
ASSET_ISSUE_NUMBER: Final = 6
ASSET_ISSUED: Final = 7
PROFILE_TOKEN, PROFILE_GAS, PROFILE_ASKS = 1, 8, 9
"""Places in the structs AssetState and Profile."""


async def read_asset(node: Node, gateway: AsyncContract, asset: AssetId, at: BlockStamp) -> AssetView:
    """Read an asset; one that the gateway doesn't know is disabled, with zeros.

    `totals` tells minted, burned, reminted and held: in either mode what was sent out is burned or held, less what was
    minted back, and what still waits for its payout counts as released already.
    """
    functions = gateway.functions
    state, totals = await asyncio.gather(node.call(functions.asset(asset), at), node.call(functions.totals(asset), at))
    minted, burned, reminted, held = totals
    number = int(state[ASSET_PROFILE])
    changed, implementation = (
        await code_now(node, await node.call(functions.profile(number), at), at) if number else (False, b"")
    )
    return AssetView(
        enabled=bool(state[ASSET_ENABLED]),
        issue_number=int(state[ASSET_ISSUE_NUMBER]),
        issued=int(state[ASSET_ISSUED]),
        sent=burned + held - reminted - int(state[ASSET_PENDING_PAY]),
        received=minted,
        code_changed=changed,
        implementation=implementation,
    )


async def read_supply(node: Node, gateway: AsyncContract, asset: AssetId, at: BlockStamp) -> SupplyView:
    """Read the five totals and the gateway's own balance.

    Raises:
        InvalidInputError: the gateway does not know the asset.
    """
    functions = gateway.functions
    profile = (await node.call(functions.asset(asset), at))[ASSET_PROFILE]
    if not profile:
        msg = f"gateway {gateway.address} does not know asset 0x{asset.hex()}: register it first"
        raise InvalidInputError(msg)
    token_address = (await node.call(functions.profile(profile), at))[PROFILE_TOKEN]
    token = node.contract(SAMPLE_TOKEN, token_address).functions
    minted, burned, reminted, held = await node.call(functions.totals(asset), at)
    return SupplyView(
        supply=await node.call(token.totalSupply(), at),
        minted=minted,
        burned=burned,
        reminted=reminted,
        held=held,
        balance=await node.call(token.balanceOf(gateway.address), at),
    )


async def read_gas_allowance(node: Node, gateway: AsyncContract, asset: AssetId) -> int:
    """Tell how much gas an item's calls are given: of the asset's token, and as much of its handler (R-21)."""
    functions = gateway.functions
    number = (await node.call(functions.asset(asset)))[ASSET_PROFILE]
    profile = await node.call(functions.profile(number))
    return int(profile[PROFILE_GAS]) * (2 if profile[PROFILE_ASKS] else 1)
