"""What stands on the two ledgers of a network before its first transfer: gateways, tokens, register, lanes, issue."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.adapters.evm.codes import implementation_hash
from bridge.adapters.evm.deploy import GatewayGovernance, LaneLimits, Outbox, sign_issue
from bridge.adapters.evm.node import Node
from bridge.core.caip import Endpoint
from bridge.core.register import Issue
from bridge.core.transfer import Lane
from bridge.devnet.issuance import Issuance, NetworkAsset, Placed, Site
from bridge.errors import InvalidInputError, LedgerRefusedError
from bridge.frost import Element

EPOCH: Final = 1
LIMITS: Final = LaneLimits(amount_min=1, amount_max=10**12, deadline_min_s=2, deadline_max_s=86_400)
"""A short minimum: the demo's short deadline must still be ahead where a busy machine takes long to lock."""
FUNDS_WEI: Final = 10**17
"""Native coin for each account's gas, on a ledger whose funded key is somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What genesis put on one ledger; tokens by asset name."""

    endpoint: Endpoint
    tokens: Mapping[str, str]

    async def code_behind(self, node: Node) -> frozenset[str]:
        """Give the hashes, in hexadecimal, of the code behind those tokens that are proxies: the notaries trust it."""
        at = await node.head()
        found = [await implementation_hash(node, token, at) for token in self.tokens.values()]
        return frozenset(code.hex() for code in found if code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Two ledgers with their contracts deployed, and nothing registered: the committee's key is not needed yet."""

    foundations: tuple["_Foundation", "_Foundation"]
    built: Mapping[str, Built]
    """By ledger name."""

    async def join(self, key: Element) -> None:
        """Register the committee's key and each ledger with the other, side by side."""
        one, other = self.foundations
        here, there = (self.built[f.site.name].endpoint for f in self.foundations)
        await asyncio.gather(one.join(here, there, key), other.join(there, here, key))


async def lay(sites: tuple[Site, Site], issuance: Issuance) -> Ground:
    """Deploy on both ledgers, side by side."""
    one, other = await asyncio.gather(*(_Foundation.lay(site, issuance) for site in sites))
    built = {f.site.name: Built(endpoint=await f.gateway.endpoint(), tokens=f.placed.tokens) for f in (one, other)}
    return Ground(foundations=(one, other), built=built)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Foundation:
    """A ledger with its contracts deployed."""

    site: Site
    outbox: Outbox
    gateway: GatewayGovernance
    issuance: Issuance
    placed: Placed

    @classmethod
    async def lay(cls, site: Site, issuance: Issuance) -> "_Foundation":
        """Deploy the contracts, hand out gas, fill the register, issue.

        Raises:
            InvalidInputError: the site's account can't pay for it.
        """
        try:
            return await cls._lay(site, issuance)
        except LedgerRefusedError as error:
            if error.name != "InsufficientFunds":
                raise
            msg = f"{site.name}: {site.account.address} can't pay for contracts and gas there: fund it ({error.detail})"
            raise InvalidInputError(msg) from error

    @classmethod
    async def _lay(cls, site: Site, issuance: Issuance) -> "_Foundation":
        outbox = Outbox(site.account)
        gateway = await GatewayGovernance.deploy(outbox)
        for address in site.fund:
            await outbox.fund(address, FUNDS_WEI)
        placed = await issuance.place(outbox, site, gateway.address)
        await outbox.confirm()
        return cls(site=site, outbox=outbox, gateway=gateway, issuance=issuance, placed=placed)

    async def join(self, here: Endpoint, peer: Endpoint, key: Element) -> None:
        """Register key, peer and assets, post what is issued, and open the lanes of each asset both ways."""
        await self.gateway.register_key(EPOCH, key)
        await self.gateway.register_peer(peer)
        for asset in self.issuance.assets:
            token, handler = self.placed.tokens[asset.name], self.placed.handler
            await self.gateway.add_asset(asset.id, token, handler, asset.decimals, self.issuance.terms)
            await self._post_issue(asset, here)
            for source, destination in ((here, peer), (peer, here)):
                lane = Lane(source=source.id, destination=destination.id, asset=asset.id)
                await self.gateway.open_lane(lane, LIMITS)
        await self.outbox.confirm()

    async def _post_issue(self, asset: NetworkAsset, here: Endpoint) -> None:
        """Sign the register's first entry with the site's account, which is the register here, and post it (R-11)."""
        register = self.site.account
        await self.gateway.set_register_key(asset.id, register.address)
        issue = Issue(endpoint=here.id, asset=asset.id, number=1, issued=asset.issued[self.site.name])
        await self.gateway.post_issue(issue, sign_issue(register, issue))
