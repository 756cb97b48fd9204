"""One T-REX suite, spoken to as its issuer: who may hold, under which rules, and what an agent does to holdings."""

from collections.abc import Collection
from typing import Final, Self

from eth_abi.abi import encode as abi_encode
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct
from web3.contract import AsyncContract

from bridge.adapters.evm.account import EvmAccount
from bridge.core.keccak import keccak
from bridge.devnet.trex.artifacts import TrexArtifacts
from bridge.devnet.trex.foundation import (
    ECDSA,
    MANAGEMENT_KEY,
    NOBODY,
    ClaimIssuer,
    Contracts,
    Module,
    Terms,
    TrexOutbox,
    found,
    key_of,
    look_up,
)

CLAIM_DATA: Final = b"\x01"
"""A claim says that its topic holds; of no holder anything else goes on a ledger."""
KOREA: Final = 410
"""ISO 3166-1, as the country modules have it."""


class Suite:
    """A suite whose owner and agent is one account. Calls are sent in order; `confirm` waits for them all."""

    def __init__(self, outbox: TrexOutbox, contracts: Contracts, claim_issuers: tuple[ClaimIssuer, ...]) -> None:
        """Speak through *outbox*; *claim_issuers* in the order of the contracts'."""
        self._outbox = outbox
        self._claim_issuers = claim_issuers
        self.contracts = contracts
        self.token = str(contracts.token.address)

    @classmethod
    async def deploy(cls, account: EvmAccount, artifacts: TrexArtifacts, terms: Terms) -> Self:
        """Deploy a suite and wait until it stands: unpaused, with no holder and no rule of any module set.

        Raises:
            LedgerRefusedError: a deployment reverted.
            UnavailableError: the node does not answer, or makes no blocks.
        """
        outbox = TrexOutbox(account, artifacts)
        contracts = await found(outbox, terms)
        await outbox.confirm()
        return cls(outbox, contracts, terms.claim_issuers)

    @classmethod
    async def at(
        cls, account: EvmAccount, artifacts: TrexArtifacts, token: str, claim_issuers: tuple[ClaimIssuer, ...]
    ) -> Self:
        """Speak to a suite that was deployed before, by its token's address; *claim_issuers* as it was deployed with.

        Raises:
            UnavailableError: there is none, or the node does not answer.
        """
        outbox = TrexOutbox(account, artifacts)
        return cls(outbox, await look_up(outbox, token), claim_issuers)

    async def confirm(self) -> None:
        """Wait until all that was called is in blocks.

        Raises:
            LedgerRefusedError: one call reverted.
            UnavailableError: one is in no block after a minute.
        """
        await self._outbox.confirm()

    # --- who may hold

    async def onboard(self, holder: str, country: int = KOREA, *, claims_of: Collection[int] | None = None) -> str:
        """Give a holder, such as a person's wallet or a gateway, an identity with claims, and register it.

        The identity's management key is the issuer's account, so that a contract can have one too. Each claim issuer
        signs a claim for each of its topics; with *claims_of* only those do, by their place in the list.

        Returns:
            The identity's address.
        """
        identity = await self._outbox.put("Identity", self._outbox.account.address, False)  # noqa: FBT003 - no library
        contract = self._outbox.bind("Identity", identity)
        for number, issuer in enumerate(self._claim_issuers):
            if claims_of is None or number in claims_of:
                for topic in issuer.topics:
                    await self._claim(contract, number, topic)
        await self.register(holder, identity, country)
        return identity

    async def register(self, wallet: str, identity: str, country: int = KOREA) -> None:
        """Register a wallet, maybe one more, of an identity."""
        await self._registry("registerIdentity", wallet, identity, country)

    async def offboard(self, holder: str) -> None:
        """Take a wallet off the register: it keeps its units, and gets no more."""
        await self._registry("deleteIdentity", holder)

    async def move(self, holder: str, country: int) -> None:
        """Change a holder's country."""
        await self._registry("updateCountry", holder, country)

    async def revoke(self, identity: str, number: int, topic: int) -> None:
        """Have a claim issuer, by its place in the list, revoke its claim on a topic."""
        claim = keccak(abi_encode(["address", "uint256"], [self.contracts.claim_issuers[number].address, topic]))
        await self._outbox.call(self.contracts.claim_issuers[number], "revokeClaim", claim, identity)

    async def is_verified(self, holder: str) -> bool:
        """Ask the register whether a holder may hold now."""
        return bool(await self._outbox.account.node.call(self.contracts.registry.functions.isVerified(holder)))

    # --- what an agent does

    async def add_agent(self, agent: str) -> None:
        """Let an account, such as a gateway, mint, burn, freeze and force transfers: T-REX has no smaller right."""
        await self._token("addAgent", agent)

    async def remove_agent(self, agent: str) -> None:
        """Take that right back."""
        await self._token("removeAgent", agent)

    async def mint(self, holder: str, amount: int) -> None:
        """Issue units to a holder."""
        await self._token("mint", holder, amount)

    async def burn(self, holder: str, amount: int) -> None:
        """Destroy a holder's units, the free ones first."""
        await self._token("burn", holder, amount)

    async def pause(self) -> None:
        """Stop transfers by holders; agents go on."""
        await self._token("pause")

    async def unpause(self) -> None:
        """Let holders transfer again."""
        await self._token("unpause")

    async def freeze(self, holder: str) -> None:
        """Freeze a wallet."""
        await self._token("setAddressFrozen", holder, True)  # noqa: FBT003 - T-REX's

    async def unfreeze(self, holder: str) -> None:
        """Let a wallet transfer again."""
        await self._token("setAddressFrozen", holder, False)  # noqa: FBT003 - T-REX's

    async def freeze_units(self, holder: str, amount: int) -> None:
        """Freeze some of a holder's units."""
        await self._token("freezePartialTokens", holder, amount)

    async def unfreeze_units(self, holder: str, amount: int) -> None:
        """Free some of a holder's frozen units."""
        await self._token("unfreezePartialTokens", holder, amount)

    async def force_transfer(self, sender: str, recipient: str, amount: int) -> None:
        """Move units whatever the sender wants and whatever is paused or frozen."""
        await self._token("forcedTransfer", sender, recipient, amount)

    async def give_key(self, identity: str, wallet: str) -> None:
        """Make a wallet a management key of an identity, the only sign of the same person that recovery asks for."""
        contract = self._outbox.bind("Identity", identity)
        await self._outbox.call(contract, "addKey", key_of(wallet), MANAGEMENT_KEY, ECDSA)

    async def recover(self, lost: str, wallet: str, identity: str) -> None:
        """Move everything of a lost wallet to a new one of the same identity; the register drops the lost one."""
        await self.give_key(identity, wallet)
        await self._token("recoveryAddress", lost, wallet, identity)

    # --- rules

    async def allow_countries(self, *countries: int) -> None:
        """Let holders of countries receive (COUNTRY_ALLOW; none may before)."""
        await self._rule(Module.COUNTRY_ALLOW, "batchAllowCountries", countries)

    async def disallow_countries(self, *countries: int) -> None:
        """Take that back."""
        await self._rule(Module.COUNTRY_ALLOW, "batchDisallowCountries", countries)

    async def restrict_countries(self, *countries: int) -> None:
        """Let no holder of countries receive (COUNTRY_RESTRICT)."""
        await self._rule(Module.COUNTRY_RESTRICT, "batchRestrictCountries", countries)

    async def unrestrict_countries(self, *countries: int) -> None:
        """Take that back."""
        await self._rule(Module.COUNTRY_RESTRICT, "batchUnrestrictCountries", countries)

    async def limit_balance(self, amount: int) -> None:
        """Bound what one identity holds in all its wallets (MAX_BALANCE; nothing before)."""
        await self._rule(Module.MAX_BALANCE, "setMaxBalance", amount)

    async def limit_supply(self, amount: int) -> None:
        """Bound what exists on this ledger (SUPPLY_LIMIT; nothing may before)."""
        await self._rule(Module.SUPPLY_LIMIT, "setSupplyLimit", amount)

    async def limit_transfers(self, amount: int, span_s: int) -> None:
        """Bound what an identity sends in each span (TIME_TRANSFERS_LIMITS)."""
        await self._rule(Module.TIME_TRANSFERS_LIMITS, "setTimeTransferLimit", (span_s, amount))

    async def allow_transfers(self, *holders: str) -> None:
        """Let holders send and receive: one of the two is enough (TRANSFER_RESTRICT)."""
        await self._rule(Module.TRANSFER_RESTRICT, "batchAllowUsers", holders)

    async def take_fees(self, per_ten_thousand: int, collector: str) -> None:
        """Take a part of each transfer's units from its recipient (TRANSFER_FEES)."""
        await self._rule(Module.TRANSFER_FEES, "setFee", per_ten_thousand, collector)

    async def approve_transfer(self, sender: str | None, recipient: str, amount: int) -> None:
        """Approve one transfer of exactly *amount*; without a *sender* all mints of as much (CONDITIONAL_TRANSFER)."""
        await self._rule(
            Module.CONDITIONAL_TRANSFER, "approveTransfer", NOBODY if sender is None else sender, recipient, amount
        )

    async def _rule(self, module: Module, name: str, *arguments: object) -> None:
        """Call a module through the compliance contract, which is the only one that it heeds."""
        contract = self.contracts.modules[module]
        data = contract.encode_abi(name, arguments)
        await self._outbox.call(self.contracts.compliance, "callModuleFunction", data, contract.address)

    async def _claim(self, identity: AsyncContract, number: int, topic: int) -> None:
        """Add a claim: the issuer signs the hash of identity, topic and data as a message (ERC-735, ONCHAINID)."""
        encoded = abi_encode(["address", "uint256", "bytes"], [identity.address, topic, CLAIM_DATA])
        signer = EthAccount.from_key(self._claim_issuers[number].key)
        signature = bytes(signer.sign_message(encode_defunct(primitive=keccak(encoded))).signature)
        issuer = self.contracts.claim_issuers[number].address
        await self._outbox.call(identity, "addClaim", topic, ECDSA, issuer, signature, CLAIM_DATA, "")

    async def _registry(self, name: str, *arguments: object) -> None:
        await self._outbox.call(self.contracts.registry, name, *arguments)

    async def _token(self, name: str, *arguments: object) -> None:
        await self._outbox.call(self.contracts.token, name, *arguments)
