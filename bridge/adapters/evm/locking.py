"""Lists of locks in one transaction: cut to what it may hold, sent, and told item by item (R-02).

A list reverts as a whole when gas is short, so an estimate covers all of it; an item that is refused is left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from eth_abi.abi import decode as abi_decode
from eth_typing import ChecksumAddress, HexStr
from eth_utils.address import to_checksum_address
from web3.contract import AsyncContract
from web3.types import LogReceipt, TxParams, TxReceipt

from bridge.adapters.evm.account import GAS_MARGIN, EvmAccount
from bridge.adapters.evm.assets import ASSET_PROFILE, PROFILE_TOKEN
from bridge.adapters.evm.contracts import PLAIN_TOKEN, topic
from bridge.adapters.evm.events import LOCKED
from bridge.adapters.evm.node import Node, revert
from bridge.adapters.evm.writer import GAS_MAX
from bridge.core.caip import AssetId
from bridge.core.transfer import Transfer, decode
from bridge.errors import InvalidInputError, LedgerRefusedError, UnavailableError, UncertainError
from bridge.ports.ledger import PreparedTransaction

LIST_MAX: Final = 100
"""Items in one transaction; more saves hardly any gas, and a person wants to see something move."""
LOCK_FAILED: Final = topic("LockFailed(uint256,address,bytes)")
LOCK_ITEM: Final = "submitSingle"
LOCK_ORDER: Final = "drawSingle"
"""The gateway's self-calls, one for a request and one for an Order; named there for a low selector."""
NONCE_USED: Final = "NonceUsed"
_TOO_LITTLE_GAS: Final = frozenset({"InsufficientGas", "Reverted"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A lock that is in a block."""

    transfer: Transfer
    height: int
    reference: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LockList(Generic[T]):
    """A signed transaction, and what it locks, in its order."""

    items: tuple[T, ...]
    transaction: PreparedTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """How a gateway comes to move a holder's units: its token, and the allowance that is left."""

    token: ChecksumAddress
    allowance: int


LockResult = Locked | LedgerRefusedError


class LockSender:
    """Sends lists of locks from one account to one gateway."""

    def __init__(self, account: EvmAccount, gateway: AsyncContract) -> None:
        """Send from *account* to *gateway*."""
        self._account = account
        self._gateway = gateway

    async def prepare(self, items: Sequence[T], encode: Callable[[Sequence[T]], HexStr]) -> LockList[T]:
        """Sign a transaction with as many of the leading items as one may hold; sends nothing.

        Raises:
            LedgerRefusedError: the gateway refuses the call as a whole, as when it is paused.
        """
        count = min(len(items), LIST_MAX)
        while count > 1:
            gas = await self._gas(encode(items[:count]))
            if gas is not None:
                return await self._signed(items[:count], encode, gas)
            count //= 2
        return await self._signed(items[:1], encode, None)

    async def send(self, transaction: PreparedTransaction, count: int) -> list[LockResult]:
        """Submit a list of *count* items and wait; one result each, in its order.

        Raises:
            LedgerRefusedError: the whole of it reverted, or the node took it not; nothing is locked.
            UncertainError: the node does not tell what became of it: from the first byte on, no answer says nothing.
        """
        try:
            await self._account.submit(transaction)
            receipt = await self._account.confirm(transaction)
        except UnavailableError as error:
            raise UncertainError(transaction.reference, str(error)) from error
        return self._results(receipt, count)

    async def simulate(self, name: str, *arguments: object) -> None:
        """Ask for one item's self-call, which reverts with the reason that the list would swallow into an event.

        Raises:
            LedgerRefusedError: the reason.
        """
        data = self._gateway.encode_abi(name, arguments)
        call: TxParams = {"from": self._gateway.address, "to": self._gateway.address, "data": data}
        await self._account.node.ask(lambda: self._account.node.web3.eth.call(call))

    async def _signed(
        self, items: Sequence[T], encode: Callable[[Sequence[T]], HexStr], gas: int | None
    ) -> LockList[T]:
        transaction: TxParams = {"to": self._gateway.address, "data": encode(items)}
        return LockList(items=tuple(items), transaction=await self._account.prepare(transaction, gas=gas))

    async def _gas(self, data: HexStr) -> int | None:
        """Tell what a list needs; None if that is more than one transaction may have."""
        web3 = self._account.node.web3
        block = await self._account.node.ask(lambda: web3.eth.get_block("latest"))
        gas_max = min(int(block.get("gasLimit", GAS_MAX)), GAS_MAX)
        call: TxParams = {"from": self._account.address, "to": self._gateway.address, "data": data, "gas": gas_max}
        try:
            estimate = await self._account.node.ask(lambda: web3.eth.estimate_gas(call))
        except LedgerRefusedError as error:
            if error.name in _TOO_LITTLE_GAS:
                return None
            raise
        gas = estimate * GAS_MARGIN[0] // GAS_MARGIN[1]
        return gas if gas <= gas_max else None

    def _results(self, receipt: TxReceipt, count: int) -> list[LockResult]:
        """Put what was left out at its place; the locks fill the others in their order."""
        own = [log for log in receipt["logs"] if log["address"] == self._gateway.address and log["topics"]]
        failures = dict(_failure(log) for log in own if log["topics"][0] == LOCK_FAILED)
        locks = iter([locked_in(log) for log in own if log["topics"][0] == LOCKED])
        nothing = LedgerRefusedError("NoLock", "the transaction holds no lock of this gateway")
        return [failures[place] if place in failures else next(locks, nothing) for place in range(count)]


async def moving_of(node: Node, gateway: AsyncContract, asset: AssetId, holder: ChecksumAddress) -> Moving:
    """Read how *gateway* comes to move units of *asset*.

    Raises:
        InvalidInputError: the gateway does not know the asset.
    """
    number = (await node.call(gateway.functions.asset(asset)))[ASSET_PROFILE]
    if not number:
        msg = f"gateway {gateway.address} does not know asset 0x{asset.hex()}: see naru doctor for what it knows"
        raise InvalidInputError(msg)
    profile = await node.call(gateway.functions.profile(number))
    token = to_checksum_address(profile[PROFILE_TOKEN])
    functions = node.contract(PLAIN_TOKEN, token).functions
    return Moving(token=token, allowance=int(await node.call(functions.allowance(holder, gateway.address))))


def locked_in(log: LogReceipt) -> Locked:
    """Read a Locked event.

    Raises:
        InvalidInputError: it is none.
    """
    return Locked(
        transfer=decode(bytes(log["data"])),
        height=int(log["blockNumber"]),
        reference=bytes(log["transactionHash"]),
    )


def _failure(log: LogReceipt) -> tuple[int, LedgerRefusedError]:
    place, error = abi_decode(("uint256", "bytes"), bytes(log["data"]))
    return place, revert("0x" + error.hex(), "the lock was left out")
