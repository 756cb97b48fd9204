"""Puts the T-REX suite on a ledger the way its factory does: implementations, an authority over them, and proxies.

Everything is sent without waiting: an address is known from its transaction's nonce before the contract is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from eth_account import Account as EthAccount
from eth_utils.address import to_checksum_address
from web3.contract import AsyncContract
from web3.types import Nonce
from web3.utils.address import get_create_address

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.deploy import GAS_DEPLOY, Outbox
from bridge.core.keccak import keccak
from bridge.devnet.trex.artifacts import VERSION, TrexArtifacts

MANAGEMENT_KEY: Final = 1
CLAIM_KEY: Final = 3
ECDSA: Final = 1
"""ONCHAINID's purposes and type of keys (ERC-734)."""
NOBODY: Final = "0x" + "00" * 20


class Module(StrEnum):
    """The compliance modules that can be asked for, by their contracts' names."""

    CONDITIONAL_TRANSFER = "ConditionalTransferModule"
    COUNTRY_ALLOW = "CountryAllowModule"
    COUNTRY_RESTRICT = "CountryRestrictModule"
    MAX_BALANCE = "MaxBalanceModule"
    SUPPLY_LIMIT = "SupplyLimitModule"
    TIME_TRANSFERS_LIMITS = "TimeTransfersLimitsModule"
    TRANSFER_FEES = "TransferFeesModule"
    TRANSFER_RESTRICT = "TransferRestrictModule"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimIssuer:
    """Somebody whose claims are trusted: the private key that signs them, and the topics they are trusted for."""

    key: str = field(repr=False)
    topics: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What suite to deploy. A holder must have, for each topic of any claim issuer, one valid claim of one of them."""

    name: str
    symbol: str
    decimals: int = 0
    claim_issuers: tuple[ClaimIssuer, ...] = ()
    modules: tuple[Module, ...] = ()

    @property
    def topics(self) -> tuple[int, ...]:
        """The topics required, each once."""
        return tuple(dict.fromkeys(topic for issuer in self.claim_issuers for topic in issuer.topics))


class TrexOutbox(Outbox):
    """An outbox that deploys from the T-REX package too."""

    def __init__(self, account: EvmAccount, artifacts: TrexArtifacts) -> None:
        """Send from *account*."""
        super().__init__(account)
        self._artifacts = artifacts

    async def put(self, name: str, *arguments: object) -> str:
        """Send the deployment of a T-REX contract; give the address that it will have."""
        code = self._artifacts.artifact(name)
        constructor = self.account.node.web3.eth.contract(abi=code.abi, bytecode=code.bytecode).constructor(*arguments)
        gas = GAS_DEPLOY[0] + GAS_DEPLOY[1] * len(code.bytecode)
        sent = await self._enqueue({"data": constructor.data_in_transaction}, f"deploy {name}", gas=gas)
        return get_create_address(self.account.address, Nonce(sent.nonce))

    def bind(self, name: str, address: str) -> AsyncContract:
        """Bind a T-REX contract to an address on this ledger."""
        abi = self._artifacts.artifact(name).abi
        return self.account.node.web3.eth.contract(address=to_checksum_address(address), abi=abi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """A suite's contracts; claim issuers in the order of the terms."""

    token: AsyncContract
    registry: AsyncContract
    compliance: AsyncContract
    claim_issuers: tuple[AsyncContract, ...]
    modules: Mapping[Module, AsyncContract]


async def found(outbox: TrexOutbox, terms: Terms) -> Contracts:
    """Deploy a suite whose owner and first agent, of token and registry, is the outbox's account; it is unpaused."""
    owner, authority = outbox.account.address, await _put_authority(outbox)
    topics = await _proxy(outbox, "ClaimTopicsRegistry", authority)
    issuers = await _proxy(outbox, "TrustedIssuersRegistry", authority)
    storage = await _proxy(outbox, "IdentityRegistryStorage", authority)
    registry = await _proxy(outbox, "IdentityRegistry", authority, issuers.address, topics.address, storage.address)
    compliance = await _proxy(outbox, "ModularCompliance", authority)
    ends = (registry.address, compliance.address)
    token = await _proxy(outbox, "Token", authority, *ends, terms.name, terms.symbol, terms.decimals, NOBODY)
    await outbox.call(storage, "bindIdentityRegistry", registry.address)
    for contract, agent in ((registry, token.address), (registry, owner), (token, owner)):
        await outbox.call(contract, "addAgent", agent)
    for topic in terms.topics:
        await outbox.call(topics, "addClaimTopic", topic)
    contracts = Contracts(
        token=token,
        registry=registry,
        compliance=compliance,
        claim_issuers=await _put_claim_issuers(outbox, issuers, terms.claim_issuers),
        modules={module: await _put_module(outbox, token, compliance, module) for module in terms.modules},
    )
    await outbox.call(token, "unpause")
    return contracts


async def look_up(outbox: TrexOutbox, token: str) -> Contracts:
    """Find the contracts of the suite that *token* belongs to."""
    call, bound = outbox.account.node.call, outbox.bind("Token", token)
    registry = outbox.bind("IdentityRegistry", await call(bound.functions.identityRegistry()))
    compliance = outbox.bind("ModularCompliance", await call(bound.functions.compliance()))
    issuers = outbox.bind("TrustedIssuersRegistry", await call(registry.functions.issuersRegistry()))
    modules = {}
    for address in await call(compliance.functions.getModules()):
        module = Module(await call(outbox.bind(Module.MAX_BALANCE, address).functions.name()))  # all have it
        modules[module] = outbox.bind(module, address)
    return Contracts(
        token=bound,
        registry=registry,
        compliance=compliance,
        claim_issuers=tuple(
            outbox.bind("ClaimIssuer", address) for address in await call(issuers.functions.getTrustedIssuers())
        ),
        modules=modules,
    )


async def _put_authority(outbox: TrexOutbox) -> str:
    """Deploy the implementations, and the authority that tells proxies where they are."""
    names = (
        "Token",
        "ClaimTopicsRegistry",
        "IdentityRegistry",
        "IdentityRegistryStorage",
        "TrustedIssuersRegistry",
        "ModularCompliance",
    )
    implementations = tuple([await outbox.put(name) for name in names])
    address = await outbox.put("TREXImplementationAuthority", True, NOBODY, NOBODY)  # noqa: FBT003 - the reference one
    version = tuple(int(part) for part in VERSION.split("."))
    contract = outbox.bind("TREXImplementationAuthority", address)
    await outbox.call(contract, "addAndUseTREXVersion", version, implementations)
    return address


async def _proxy(outbox: TrexOutbox, name: str, *arguments: object) -> AsyncContract:
    return outbox.bind(name, await outbox.put(f"{name}Proxy", *arguments))


async def _put_claim_issuers(
    outbox: TrexOutbox, registry: AsyncContract, claim_issuers: Sequence[ClaimIssuer]
) -> tuple[AsyncContract, ...]:
    """Deploy claim issuers that the outbox's account manages, each with the key that signs its claims."""
    contracts = []
    for terms in claim_issuers:
        contract = outbox.bind("ClaimIssuer", await outbox.put("ClaimIssuer", outbox.account.address))
        await outbox.call(contract, "addKey", key_of(EthAccount.from_key(terms.key).address), CLAIM_KEY, ECDSA)
        await outbox.call(registry, "addTrustedIssuer", contract.address, terms.topics)
        contracts.append(contract)
    return tuple(contracts)


async def _put_module(
    outbox: TrexOutbox, token: AsyncContract, compliance: AsyncContract, module: Module
) -> AsyncContract:
    implementation = await outbox.put(module)
    initialize = outbox.bind(module, implementation).encode_abi("initialize")
    contract = outbox.bind(module, await outbox.put("ModuleProxy", implementation, initialize))
    if module is Module.TRANSFER_FEES:  # it takes them by forcedTransfer
        await outbox.call(token, "addAgent", contract.address)
    await outbox.call(compliance, "addModule", contract.address)
    return contract


def key_of(address: str) -> bytes:
    """Give an address as ONCHAINID names keys: the hash of its ABI encoding."""
    return keccak(bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0"))
