"""How gateways handle T-REX tokens: burned at lock, minted as an agent, refusals understood by their own handler."""

from typing import Final

from bridge.adapters.evm.deploy import BURN, ProfileTerms
from bridge.adapters.evm.handlers import HANDLERS, ROLE

HANDLER: Final = HANDLERS["erc3643"]
GAS_ALLOWANCE: Final = 1_200_000
"""Twice what the dearest mint needs: behind proxies, five claim topics and four modules (R-21)."""
TREX_TERMS: Final = ProfileTerms(mode=BURN, form=ROLE, gas_allowance=GAS_ALLOWANCE)
