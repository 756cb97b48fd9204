"""What a network issues on its ledgers: assets as tokens of one kind, and how gateways handle those."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import SAMPLE_HANDLER, SAMPLE_TOKEN
from bridge.adapters.evm.deploy import SAMPLE_TERMS, Outbox, ProfileTerms, TokenIssuer
from bridge.adapters.system import system_entropy
from bridge.core.caip import AssetId, asset_id
from bridge.devnet.trex.artifacts import TrexArtifacts
from bridge.devnet.trex.foundation import ClaimIssuer, Module, Terms
from bridge.devnet.trex.profile import HANDLER as TREX_HANDLER
from bridge.devnet.trex.profile import TREX_TERMS
from bridge.devnet.trex.suite import KOREA, Suite

KYC: Final = 1
"""The one claim topic that a holder of the network's T-REX tokens needs."""
BALANCE_MAX: Final = 1_000_000
"""What one holder of them may have on a ledger."""
KEY_LEN: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAsset:
    """An asset of a network; `issued` per ledger name, in smallest units."""

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


TOWER: Final = NetworkAsset(
    name="tower",
    asset="isin:KR7900010013",
    title="Han River Tower, beneficial certificate",
    symbol="TOWER",
    decimals=0,
    issued={"alpha": 1_000_000, "beta": 250_000},
)
MELODY: Final = NetworkAsset(
    name="melody",
    asset="isin:KR7900020012",
    title="Night Ferry, music royalty",
    symbol="MELODY",
    decimals=0,
    issued={"alpha": 400_000, "beta": 0},
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
class Placed:
    """What an issuance put on one ledger: the handler of its tokens, and these by asset name."""

    handler: str
    tokens: Mapping[str, str]


class Issuance(Protocol):
    """Tokens of one kind, for some assets."""

    @property
    def assets(self) -> tuple[NetworkAsset, ...]:
        """What is issued."""
        ...

    @property
    def terms(self) -> ProfileTerms:
        """How gateways handle the tokens."""
        ...

    async def place(self, outbox: Outbox, site: Site, gateway: str) -> Placed:
        """Deploy tokens and handler, register the site's holders, issue, and let the gateway move and mint.

        What goes through *outbox* need not be in blocks yet.
        """
        ...


class SampleIssuance:
    """Two assets, as sample security tokens in escrow."""

    assets = (TOWER, MELODY)
    terms = SAMPLE_TERMS

    async def place(self, outbox: Outbox, site: Site, gateway: str) -> Placed:
        """As Issuance says."""
        handler = await outbox.deploy(SAMPLE_HANDLER)
        tokens = {}
        for asset in self.assets:
            token = await TokenIssuer.deploy(outbox, SAMPLE_TOKEN, asset.title, asset.symbol, asset.decimals)
            await token.allow_minting(gateway)
            await token.register(gateway, site.issue_to, *site.register)
            await token.issue(site.issue_to, asset.issued[site.name])
            tokens[asset.name] = token.address
        return Placed(handler=handler, tokens=tokens)


class TrexIssuance:
    """One asset, as T-REX suites, burned when it leaves: claims, allowed countries, a largest balance."""

    assets = (TOWER,)
    terms = TREX_TERMS

    def __init__(self, node_modules: Path) -> None:
        """Deploy from the npm package in a folder *node_modules*.

        Raises:
            ConfigError: it isn't there.
        """
        self._artifacts = TrexArtifacts(node_modules)

    async def place(self, outbox: Outbox, site: Site, gateway: str) -> Placed:
        """As Issuance says. The gateway is on the register too: it pulls what it burns."""
        handler = await outbox.deploy(TREX_HANDLER)
        tokens = {asset.name: await self._issue(asset, site, gateway) for asset in self.assets}
        return Placed(handler=handler, tokens=tokens)

    async def _issue(self, asset: NetworkAsset, site: Site, gateway: str) -> str:
        """Deploy a suite and fill it; the claim issuer's key is forgotten once all holders are on the register."""
        claim_issuer = ClaimIssuer(key=f"0x{system_entropy(KEY_LEN).hex()}", topics=(KYC,))
        terms = Terms(
            name=asset.title,
            symbol=asset.symbol,
            decimals=asset.decimals,
            claim_issuers=(claim_issuer,),
            modules=(Module.COUNTRY_ALLOW, Module.MAX_BALANCE),
        )
        suite = await Suite.deploy(site.account, self._artifacts, terms)
        await suite.allow_countries(KOREA)
        await suite.limit_balance(BALANCE_MAX)
        for holder in dict.fromkeys((gateway, site.issue_to, *site.register)):
            await suite.onboard(holder)
        await suite.add_agent(gateway)
        await suite.mint(site.issue_to, asset.issued[site.name])
        await suite.confirm()
        return suite.token
