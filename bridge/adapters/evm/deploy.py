"""Puts gateways and sample tokens on a ledger, and says what governance says."""

from dataclasses import dataclass
from typing import Final, Self

from eth_abi.abi import encode as abi_encode
from eth_typing import HexStr
from web3.contract import AsyncContract
from web3.types import Nonce, TxParams, Wei
from web3.utils.address import get_create_address

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY, artifact
from bridge.core.caip import AssetId, Endpoint, LedgerId, evm_account
from bridge.core.keccak import keccak
from bridge.core.transfer import Lane
from bridge.errors import LedgerRefusedError
from bridge.frost import Element
from bridge.ports.ledger import PreparedTransaction

ESCROW: Final = 2
"""LockMode.ESCROW (R-04)."""
GAS_ALLOWANCE: Final = 200_000
"""For one call of a sample token; measured worst 71k (R-21)."""


GAS_CALL: Final = 1_000_000
GAS_DEPLOY: Final = 7_000_000
GAS_TRANSFER: Final = 100_000
"""Ample: a call is sent before what it builds on is in a block, so its gas can't be estimated."""
MINTER: Final = keccak(b"MINTER")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """R-01's limits: amounts in smallest units, spans in seconds."""

    amount_min: int = 1
    amount_max: int = 10**15
    deadline_min_s: int = 5
    deadline_max_s: int = 7 * 86_400


class Outbox:
    """One account's transactions on their way: sent one after the other, waited for together."""

    def __init__(self, account: EvmAccount) -> None:
        """Send from *account*."""
        self.account = account
        self._sent: list[tuple[str, PreparedTransaction]] = []

    async def call(self, contract: AsyncContract, name: str, *arguments: object) -> None:
        """Send a call of a contract's function."""
        await self._enqueue({"to": contract.address, "data": contract.encode_abi(name, arguments)}, name, gas=GAS_CALL)

    async def fund(self, address: str, wei: int) -> None:
        """Send native coin, for another account's gas."""
        await self._enqueue({"to": address, "value": Wei(wei)}, "fund", gas=GAS_TRANSFER)

    async def deploy(self, name: str, *arguments: object) -> str:
        """Send the deployment of a committed artifact; give the address that it will have."""
        code = artifact(name)
        types = [
            str(i["type"]) for entry in code.abi if entry["type"] == "constructor" for i in entry.get("inputs", ())
        ]
        data = HexStr("0x" + (code.bytecode + abi_encode(types, arguments)).hex())
        sent = await self._enqueue({"data": data}, f"deploy {name}", gas=GAS_DEPLOY)
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
        self.address = address

    @classmethod
    async def deploy(cls, outbox: Outbox) -> Self:
        """Deploy a gateway whose governance and guardian are the outbox's account."""
        owner = outbox.account.address
        return cls(outbox, await outbox.deploy(GATEWAY, owner, owner))

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

    async def add_asset(self, asset: AssetId, token: str, decimals: int) -> None:
        """Register a token for an asset, in ESCROW; a first profile enables its asset."""
        await self._call("addProfile", asset, token, ESCROW, decimals, GAS_ALLOWANCE)

    async def open_lane(self, lane: Lane, limits: LaneLimits) -> None:
        """Create a lane; a new one is enabled."""
        words = (limits.amount_min, limits.amount_max, limits.deadline_min_s, limits.deadline_max_s)
        await self._call("configureLane", lane.source, lane.destination, lane.asset, words)

    async def _call(self, name: str, *arguments: object) -> None:
        await self._outbox.call(self._contract, name, *arguments)


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
