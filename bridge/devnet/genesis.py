"""What stands on the two ledgers of a network before its first transfer: gateways, tokens, register, lanes, issue."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import SAMPLE_HANDLER, SAMPLE_TOKEN
from bridge.adapters.evm.deploy import GatewayGovernance, LaneLimits, Outbox, TokenIssuer, sign_issue
from bridge.core.caip import AssetId, Endpoint, asset_id
from bridge.core.register import Issue
from bridge.core.transfer import Lane
from bridge.errors import InvalidInputError, LedgerRefusedError
from bridge.frost import Element

EPOCH: Final = 1
LIMITS: Final = LaneLimits(amount_min=1, amount_max=10**12, deadline_min_s=5, deadline_max_s=86_400)
FUNDS_WEI: Final = 10**17
"""Native coin for each account's gas, on a ledger whose funded key is somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAsset:
    """An asset of the embedded network; `issued` per ledger name, in smallest units."""

    name: str
    asset: str
    title: str
    symbol: str
    decimals: int
    issued: Mapping[str, int]

    @property
    def id(self) -> AssetId:
        """The AssetId."""
        return asset_id(self.asset)


ASSETS: Final = (
    SampleAsset(
        name="tower",
        asset="isin:KR7900010013",
        title="Han River Tower, beneficial certificate",
        symbol="TOWER",
        decimals=0,
        issued={"alpha": 1_000_000, "beta": 250_000},
    ),
    SampleAsset(
        name="melody",
        asset="isin:KR7900020012",
        title="Night Ferry, music royalty",
        symbol="MELODY",
        decimals=0,
        issued={"alpha": 400_000, "beta": 0},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One ledger as genesis finds it: a funded account, and who is to have gas, hold units and be on the register."""

    name: str
    account: EvmAccount
    fund: tuple[str, ...]
    issue_to: str
    register: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What genesis put on one ledger; tokens by asset name."""

    endpoint: Endpoint
    tokens: Mapping[str, str]


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


async def lay(sites: tuple[Site, Site]) -> Ground:
    """Deploy on both ledgers, side by side."""
    one, other = await asyncio.gather(*(_Foundation.lay(site) for site in sites))
    built = {
        f.site.name: Built(
            endpoint=await f.gateway.endpoint(), tokens={name: token.address for name, token in f.tokens.items()}
        )
        for f in (one, other)
    }
    return Ground(foundations=(one, other), built=built)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Foundation:
    """A ledger with its contracts deployed."""

    site: Site
    outbox: Outbox
    gateway: GatewayGovernance
    tokens: Mapping[str, TokenIssuer]
    handler: str
    """Of all tokens: where it stands."""

    @classmethod
    async def lay(cls, site: Site) -> "_Foundation":
        """Deploy the contracts, hand out gas, fill the register, issue.

        Raises:
            InvalidInputError: the site's account can't pay for it.
        """
        try:
            return await cls._lay(site)
        except LedgerRefusedError as error:
            if error.name != "InsufficientFunds":
                raise
            msg = f"{site.name}: {site.account.address} can't pay for contracts and gas there: fund it ({error.detail})"
            raise InvalidInputError(msg) from error

    @classmethod
    async def _lay(cls, site: Site) -> "_Foundation":
        outbox = Outbox(site.account)
        gateway = await GatewayGovernance.deploy(outbox)
        handler = await outbox.deploy(SAMPLE_HANDLER)
        tokens = {
            asset.name: await TokenIssuer.deploy(outbox, SAMPLE_TOKEN, asset.title, asset.symbol, asset.decimals)
            for asset in ASSETS
        }
        for address in site.fund:
            await outbox.fund(address, FUNDS_WEI)
        for asset in ASSETS:
            token = tokens[asset.name]
            await token.allow_minting(gateway.address)
            await token.register(gateway.address, site.issue_to, *site.register)
            await token.issue(site.issue_to, asset.issued[site.name])
        await outbox.confirm()
        return cls(site=site, outbox=outbox, gateway=gateway, tokens=tokens, handler=handler)

    async def join(self, here: Endpoint, peer: Endpoint, key: Element) -> None:
        """Register key, peer and assets, post what is issued, and open the lanes of each asset both ways."""
        await self.gateway.register_key(EPOCH, key)
        await self.gateway.register_peer(peer)
        for asset in ASSETS:
            await self.gateway.add_asset(asset.id, self.tokens[asset.name].address, self.handler, asset.decimals)
            await self._post_issue(asset, here)
            for source, destination in ((here, peer), (peer, here)):
                lane = Lane(source=source.id, destination=destination.id, asset=asset.id)
                await self.gateway.open_lane(lane, LIMITS)
        await self.outbox.confirm()

    async def _post_issue(self, asset: SampleAsset, here: Endpoint) -> None:
        """Sign the register's first entry with the site's account, which is the register here, and post it (R-11)."""
        register = self.site.account
        await self.gateway.set_register_key(asset.id, register.address)
        issue = Issue(endpoint=here.id, asset=asset.id, number=1, issued=asset.issued[self.site.name])
        await self.gateway.post_issue(issue, sign_issue(register, issue))
