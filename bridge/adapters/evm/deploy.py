"""Puts gateways and sample tokens on a ledger, and says what governance says."""

from dataclasses import dataclass
from typing import Any, Final, Self, cast

from eth_abi.abi import encode as abi_encode
from eth_typing import HexStr
from eth_utils.abi import collapse_if_tuple
from web3.contract import AsyncContract
from web3.types import Nonce, TxParams, Wei
from web3.utils.address import get_create_address

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY, GATEWAY_EXTENSION, artifact
from bridge.adapters.evm.handlers import OWN
from bridge.core.caip import AssetId, Endpoint, EndpointId, LedgerId, evm_account
from bridge.core.keccak import keccak
from bridge.core.register import Issue
from bridge.core.statements import domain_separator
from bridge.core.transfer import Lane
from bridge.errors import LedgerRefusedError
from bridge.frost import Element
from bridge.ports.ledger import PreparedTransaction

BURN, ESCROW = 1, 2
"""LockMode (R-04)."""
GAS_ALLOWANCE: Final = 200_000
"""For one call of a sample token; measured worst 71k (R-21)."""
GAS_CALL: Final = 1_000_000
GAS_DEPLOY: Final = (1_000_000, 240)
"""What a constructor may take, and each byte of its code: 200 stored, 16 sent and a little to copy."""
GAS_TRANSFER: Final = 100_000
"""Ample: a call is sent before what it builds on is in a block, so its gas can't be estimated."""
MINTER: Final = keccak(b"MINTER")
HANDOVER_DELAY_S: Final = 60
REDIRECT_DELAY_S: Final = 60
"""For development."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileTerms:
    """How a gateway handles a token: LockMode, TokenForm, gas of one call (R-04, R-21)."""

    mode: int = ESCROW
    form: int = OWN
    gas_allowance: int = GAS_ALLOWANCE


SAMPLE_TERMS: Final = ProfileTerms()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """What both ends of a lane hold (R-01, R-25): amounts in smallest units, spans in seconds. No amount is large."""

    amount_min: int = 1
    amount_max: int = 10**15
    deadline_min_s: int = 5
    deadline_max_s: int = 7 * 86_400
    capacity: int = 10**15
    refill_s: int = 86_400
    large_amount: int = 10**15 + 1
    large_delay_s: int = 0


class Outbox:
    """One account's transactions on their way: sent one after the other, waited for together."""

    def __init__(self, account: EvmAccount) -> None:
        """Send from *account*."""
        self.account = account
        self._sent: list[tuple[str, PreparedTransaction]] = []

    async def call(self, contract: AsyncContract, name: str, *arguments: object, gas: int = GAS_CALL) -> None:
        """Send a call of a contract's function."""
        await self._enqueue({"to": contract.address, "data": contract.encode_abi(name, arguments)}, name, gas=gas)

    async def fund(self, address: str, wei: int) -> None:
        """Send native coin, for another account's gas."""
        await self._enqueue({"to": address, "value": Wei(wei)}, "fund", gas=GAS_TRANSFER)

    async def deploy(self, name: str, *arguments: object) -> str:
        """Send the deployment of a committed artifact; give the address that it will have."""
        code = artifact(name)
        types = [
            collapse_if_tuple(cast("dict[str, Any]", argument))
            for entry in code.abi
            if entry["type"] == "constructor"
            for argument in entry.get("inputs", ())
        ]
        data = HexStr("0x" + (code.bytecode + abi_encode(types, arguments)).hex())
        gas = GAS_DEPLOY[0] + GAS_DEPLOY[1] * len(code.bytecode)
        sent = await self._enqueue({"data": data}, f"deploy {name}", gas=gas)
        return get_create_address(self.account.address, Nonce(sent.nonce))

    async def confirm(self) -> None:
        """Wait until all of it is in blocks.

        Raises:
            LedgerRefusedError: one reverted.
            UnavailableError: one is in no block after a minute.
        """
        for what, transaction in self._sent:
            try:
                await self.account.confirm(transaction)
            except LedgerRefusedError as error:
                raise LedgerRefusedError(error.name, f"{what}: {error.detail}") from error
        self._sent.clear()

    async def _enqueue(self, transaction: TxParams, what: str, *, gas: int) -> PreparedTransaction:
        sent = await self.account.enqueue(transaction, gas=gas)
        self._sent.append((what, sent))
        return sent


class GatewayGovernance:
    """Speaks to one gateway as its governance; for now one account (R-61's two persons and timelock come later)."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        """Speak through *outbox* to the gateway at *address*."""
        self._outbox = outbox
        self._contract = outbox.account.node.contract(GATEWAY, address)
        self._id: EndpointId | None = None
        self.address = address

    @classmethod
    async def deploy(cls, outbox: Outbox) -> Self:
        """Deploy a gateway, its cold half first, for which the outbox's account speaks in every role."""
        owner = outbox.account.address
        extension = await outbox.deploy(GATEWAY_EXTENSION)
        settings = (extension, owner, owner, owner, owner, HANDOVER_DELAY_S, REDIRECT_DELAY_S)
        return cls(outbox, await outbox.deploy(GATEWAY, settings))

    async def endpoint(self) -> Endpoint:
        """Read what the gateway's EndpointId is made of."""
        functions, node = self._contract.functions, self._outbox.account.node
        return Endpoint(
            ledger=LedgerId(await node.call(functions.caip2())),
            fingerprint=bytes(await node.call(functions.fingerprint())),
            gateway=evm_account(self.address),
        )

    async def register_key(self, epoch: int, key: Element) -> None:
        """Register the committee's first key (R-40)."""
        await self._call("registerKey", epoch, *key.coordinates())

    async def register_peer(self, peer: Endpoint) -> None:
        """Let lanes lead to and from another ledger's gateway."""
        await self._call("registerPeer", peer.ledger, peer.fingerprint, peer.gateway)

    async def add_asset(
        self, asset: AssetId, token: str, handler: str, decimals: int, terms: ProfileTerms = SAMPLE_TERMS
    ) -> None:
        """Register a token for an asset, with its handler; a first profile enables its asset. Two burns are tried."""
        gas = GAS_CALL + 2 * terms.gas_allowance
        arguments = (asset, token, handler, terms.mode, terms.form, decimals, terms.gas_allowance)
        await self._outbox.call(self._contract, "addProfile", *arguments, gas=gas)

    async def set_register_key(self, asset: AssetId, address: str) -> None:
        """Say whose signature makes an entry the register's (R-11)."""
        await self._call("setRegisterKey", asset, address)

    async def post_issue(self, issue: Issue, signature: bytes) -> None:
        """Post an entry of the register, which anybody may; *signature* as `sign_issue` makes it."""
        await self._call("issue", issue.asset, issue.number, issue.issued, signature)

    async def open_lane(self, lane: Lane, limits: LaneLimits) -> None:
        """Create a lane, or change the limits of the end that this gateway is; a new one is enabled."""
        if lane.source == await self._own_id():
            words = (limits.amount_min, limits.amount_max, limits.deadline_min_s, limits.deadline_max_s)
            await self._call("configureOutbound", lane.destination, lane.asset, words)
        else:
            bucket = (limits.capacity, limits.large_amount, limits.refill_s, limits.large_delay_s)
            await self._call("configureInbound", lane.source, lane.asset, bucket)

    async def _own_id(self) -> EndpointId:
        if self._id is None:
            node = self._outbox.account.node
            self._id = EndpointId(await node.call(self._contract.functions.endpointId()))
        return self._id

    async def _call(self, name: str, *arguments: object) -> None:
        await self._outbox.call(self._contract, name, *arguments)


def sign_issue(register: EvmAccount, issue: Issue) -> bytes:
    """Sign an entry as the register whose key *register* is: 65 bytes r ‖ s ‖ v."""
    return register.sign(domain_separator(issue.endpoint), issue.struct_hash)


class TokenIssuer:
    """Speaks to one token of ours as its issuer: the samples of contracts/evm/src/samples."""

    def __init__(self, outbox: Outbox, name: str, address: str) -> None:
        """Speak through *outbox* to the token *name* at *address*."""
        self._outbox = outbox
        self._contract = outbox.account.node.contract(name, address)
        self.address = address

    @classmethod
    async def deploy(cls, outbox: Outbox, name: str, title: str, symbol: str, decimals: int) -> Self:
        """Deploy a sample token whose administrator is the outbox's account."""
        return cls(outbox, name, await outbox.deploy(name, title, symbol, decimals, outbox.account.address))

    async def allow_minting(self, holder: str) -> None:
        """Let an account, such as a gateway, mint."""
        await self._call("grantRole", MINTER, holder)

    async def register(self, *holders: str) -> None:
        """Put holders on the register (SampleSecurityToken)."""
        await self._call("register", list(holders))

    async def issue(self, holder: str, amount: int) -> None:
        """Issue units to a holder."""
        await self._call("mint", holder, amount)

    async def pause(self) -> None:
        """Stop every movement of the token."""
        await self._call("pause")

    async def unpause(self) -> None:
        """Let the token move again."""
        await self._call("unpause")

    async def _call(self, name: str, *arguments: object) -> None:
        await self._outbox.call(self._contract, name, *arguments)
