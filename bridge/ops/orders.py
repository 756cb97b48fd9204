"""Orders in files: composed, signed, submitted by others, cancelled, looked at (R-02)."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.holder import EvmHolder
from bridge.adapters.evm.locking import Locked
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.evm.venue import EvmOrders, EvmVenue, OrderState, recovered
from bridge.config import ClientConfig, LedgerConfig
from bridge.core.caip import Account, evm_address
from bridge.core.known_refusals import BUILT_IN
from bridge.core.orders import ANYBODY, Order, SignedOrder, order_of
from bridge.core.refusals import Refusals
from bridge.errors import (
    BridgeError,
    ConflictError,
    InvalidInputError,
    LedgerRefusedError,
    UnavailableError,
    UncertainError,
)
from bridge.ops.client import format_amount
from bridge.ops.nodes import node_of
from bridge.ops.send import Move
from bridge.ports.runtime import Entropy

SIZE_MAX: Final = 2**20
AFTER_EXPIRY_S: Final = 600
"""Where no deadline is given: the last lock that gets in has as long to be settled."""
NONCE_LEN: Final = 8
"""Bytes of an order's nonce where none is given: at random, because the lowest unused one would be the same for all
orders that are out at a time."""
REMEDIES: Final = {
    "NonceUsed": "it was locked already, or its holder cancelled it",
    "OrderExpired": "it has expired: have it signed anew",
    "NotSubmitter": "it names another submitter: only that account may submit it",
    "OrderSignatureInvalid": "its signature is not its holder's, or its terms were changed",
    "DeadlineOutOfRange": "its deadline is too near or too far by now: have it signed anew",
    "TokenCallFailed": "the token refuses: has the holder the units, and may the gateway move them?",
    "Paused": "the gateway is paused: try again later",
    "LanePausedError": "the lane is paused: try again later",
}
"""By the gateway's error: what it means for who submits."""
TRANSIENT: Final = frozenset({"Paused", "LanePausedError"})
"""Of these, what ends without the order being changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a holder signs for; seconds count from now, and a life from the lock."""

    move: Move
    holder: Account
    submitter: Account = ANYBODY
    divisible: bool = False
    expires_in_s: int = 3600
    deadline_in_s: int | None = None
    life_s: int = 0
    nonce: int | None = None


def compose(wanted: Wanted, now: int, entropy: Entropy) -> Order:
    """Make the Order; without a deadline or a life its deadline is ten minutes after it expires.

    Raises:
        InvalidInputError: no gateway would take it.
    """
    if wanted.expires_in_s <= 0:
        raise InvalidInputError(f"an order that expires {wanted.expires_in_s} s from now is over: give seconds above 0")
    deadline_in_s = wanted.deadline_in_s
    if deadline_in_s is not None and deadline_in_s <= 0:
        raise InvalidInputError(f"deadline {deadline_in_s} s from now has passed: give seconds above zero")
    if deadline_in_s is None:
        deadline_in_s = 0 if wanted.life_s else wanted.expires_in_s + AFTER_EXPIRY_S
    top = 1 << 8 * NONCE_LEN - 1
    move = wanted.move
    return Order(
        source=move.lane.source,
        destination=move.lane.destination,
        asset=move.lane.asset,
        holder=wanted.holder,
        recipient=move.recipient,
        amount=move.amount,
        divisible=wanted.divisible,
        deadline=now + deadline_in_s if deadline_in_s else 0,
        life=wanted.life_s,
        client_reference=move.client_reference,
        payload_hash=move.payload_hash,
        nonce=top | int.from_bytes(entropy(NONCE_LEN)) if wanted.nonce is None else wanted.nonce,
        expiry=now + wanted.expires_in_s,
        submitter=wanted.submitter,
    )


# --- files


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """A signed Order as it was read, and the ledger that it is for."""

    name: str
    source: LedgerConfig
    signed: SignedOrder


def order_text(order: Order, source: LedgerConfig, signature: bytes) -> str:
    """Write a signed Order as a file's text."""
    table = {"order": order.typed_data(source.endpoint), "signature": "0x" + signature.hex()}
    return json.dumps(table, indent=2) + "\n"


def read_order(path: Path, config: ClientConfig) -> OrderFile:
    """Read a signed Order.

    Raises:
        InvalidInputError: the file holds none, or one for a gateway that *config* doesn't have.
    """
    table = _json(path)
    if set(table) != {"order", "signature"}:
        raise InvalidInputError(
            f"{path}: is no signed order: it has `order` and `signature`, as `naru order sign` writes"
        )
    order, source = _order(path, table["order"], config)
    try:
        signature = parse_signature(str(table["signature"]))
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error
    return OrderFile(name=path.name, source=source, signed=SignedOrder(order=order, signature=signature))


def read_orders(paths: Sequence[Path], config: ClientConfig) -> list[OrderFile]:
    """Read several for one transaction.

    Raises:
        InvalidInputError: some hold none, are for different ledgers, or one order is there twice; all of it is told.
    """
    found: list[OrderFile] = []
    problems: list[str] = []
    for path in paths:
        try:
            found.append(read_order(path, config))
        except InvalidInputError as error:
            problems.append(str(error))
    seen: dict[tuple[bytes, bytes, int], OrderFile] = {}
    for file in found:
        order = file.signed.order
        if (first := seen.setdefault((order.source, order.holder, order.nonce), file)) is not file:
            problems.append(f"{file.name}: has the holder and nonce of {first.name}: only one of them can be locked")
    names = sorted({file.source.name for file in found})
    if len(names) > 1:
        problems.append(f"the orders are for {' and '.join(names)}: submit those of each ledger by themselves")
    if problems:
        raise InvalidInputError("\n".join(["no order was submitted", *(f"  {problem}" for problem in problems)]))
    return found


def read_typed_data(path: Path, config: ClientConfig) -> tuple[Order, LedgerConfig]:
    """Read what `naru order sign --typed-data` wrote.

    Raises:
        InvalidInputError: it is something else.
    """
    return _order(path, _json(path), config)


def parse_signature(text: str) -> bytes:
    """Read a signature as wallets give it; of 65 bytes the last may be 0 or 1 for 27 or 28.

    Raises:
        InvalidInputError: not hexadecimal digits.
    """
    try:
        signature = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        signature = b""
    if not signature:
        raise InvalidInputError("not a signature: give 0x and its hexadecimal digits, as the wallet shows them")
    if len(signature) == 65 and signature[-1] < 2:  # noqa: PLR2004 - r, s, v
        return signature[:-1] + bytes([signature[-1] + 27])
    return signature


def _json(path: Path) -> Mapping[str, object]:
    try:
        if path.stat().st_size > SIZE_MAX:
            raise InvalidInputError(f"{path}: is too long for an order")
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path}: is not JSON: {error}") from error
    if not isinstance(table, dict):
        raise InvalidInputError(f"{path}: is not an order: give the JSON that `naru order sign` writes")
    return table


def _order(path: Path, data: object, config: ClientConfig) -> tuple[Order, LedgerConfig]:
    message = data.get("message") if isinstance(data, dict) else None
    source = message.get("source") if isinstance(message, dict) else None
    ledger = next((ledger for ledger in config.ledgers if "0x" + ledger.endpoint.id.hex() == source), None)
    if ledger is None:
        known = ", ".join(ledger.name for ledger in config.ledgers)
        raise InvalidInputError(f"{path}: is for none of the gateways of this configuration, which knows {known}")
    try:
        return order_of(data, ledger.endpoint), ledger
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error


# --- at the source


class OrderDesk:
    """The source of orders, as anybody sees it."""

    def __init__(self, node: Node, source: LedgerConfig) -> None:
        """Look at *source* through *node*."""
        self._node = node
        self._source = source
        self._reader = EvmReader(node, source.endpoint)
        self._orders = EvmOrders(node, source.endpoint)

    async def now(self) -> int:
        """Tell the newest block's time, in unix seconds."""
        return (await self._node.stamp("latest")).time

    def holder(self, key: str) -> EvmHolder:
        """Act as the holder."""
        return EvmHolder(EvmAccount(self._node, key), self._reader)

    async def state(self, order: Order) -> OrderState:
        """Read what became of *order*."""
        return await self._orders.state(order)

    async def is_signed(self, signed: SignedOrder) -> bool:
        """Tell whether its holder signed it."""
        return await self._orders.is_signed(signed)

    async def drawing(self, signed: SignedOrder, amount: int | None, drawn: int | None) -> SignedOrder:
        """Say what is drawn of a divisible order: *amount*, else all that is left; any other order stays as it is.

        *drawn*: in all before, else what the gateway says.

        Raises:
            InvalidInputError: the order is not divisible, or less is left of it.
        """
        if not signed.order.divisible:
            return replace(signed, amount=amount or 0, drawn=drawn or 0)
        before = (await self.state(signed.order)).drawn if drawn is None else drawn
        return replace(signed, amount=signed.order.amount - before if amount is None else amount, drawn=before)

    async def submit(self, orders: Sequence[SignedOrder], key: str) -> list[Locked | BridgeError]:
        """Lock what can be locked; one result each."""
        return await EvmVenue(EvmAccount(self._node, key), self._reader).lock_orders(orders)


@asynccontextmanager
async def desk_at(source: LedgerConfig) -> AsyncIterator[OrderDesk]:
    """Connect to *source*.

    Raises:
        ConfigError: the node is of another chain.
        UnavailableError: it does not answer.
    """
    async with node_of(source) as node:
        yield OrderDesk(node, source)


def objections(signed: SignedOrder, state: OrderState, *, is_signed: bool) -> list[str]:
    """Tell why the gateway would not lock this now, as far as the order itself goes."""
    order, found = signed.order, list[str]()
    if not is_signed:
        found.append("the signature is not the holder's, or the terms were changed")
    if state.time > order.expiry:
        found.append("it has expired")
    if state.is_other:
        found.append("another order with this nonce was drawn on")
    elif state.nonce_used:
        all_drawn = order.divisible and state.drawn == order.amount
        found.append(
            "all of it is drawn" if all_drawn else "its nonce is used: it was locked, or its holder cancelled it"
        )
    left = order.amount - state.drawn
    if not found and state.allowance < left:
        found.append(f"the gateway may move {state.allowance} of {left} smallest units: the holder must allow more")
    return found


def told(result: Locked | BridgeError, signed: SignedOrder, decimals: int, refusals: Refusals = BUILT_IN) -> str:
    """Say in words what became of a submitted order, of an asset with so many decimal places."""
    match result:
        case Locked():
            return f"locked 0x{result.transfer.id.hex()}, sequence {result.transfer.sequence}"
        case UncertainError():
            return (
                f"unknown: {result}; it was submitted in transaction 0x{result.reference.hex()} and may still get in: "
                f"submit it again{_repeating(signed, decimals)}, which locks nothing twice"
            )
        case LedgerRefusedError():
            drawn = result.name == "OrderDrawnOtherwise"
            remedy = _drawn_otherwise(result, signed, decimals) if drawn else REMEDIES.get(result.name, "")
            return f"refused: {refusals.told(result)}" + (f": {remedy}" if remedy else "")
        case _:
            return str(result)


def _repeating(signed: SignedOrder, decimals: int) -> str:
    """Tell how a draw is repeated: without what was drawn before it would be another one."""
    if not signed.order.divisible:
        return ""
    return f" with --amount {format_amount(signed.amount, decimals)} --drawn {_shown(signed.drawn, decimals)} only"


def _drawn_otherwise(error: LedgerRefusedError, signed: SignedOrder, decimals: int) -> str:
    """Tell a draw that got in before from one that others came before; its arguments are what was said, and what is."""
    figure = error.detail.rpartition(", ")[2]
    if figure == str(signed.drawn + signed.amount):
        return "this draw very likely got in already; don't submit it again, look at `naru transfer list`"
    is_ = _shown(int(figure), decimals) if figure.isdecimal() else "another amount"
    return (
        f"this draw says that {_shown(signed.drawn, decimals)} was drawn before, the gateway says {is_}: look at "
        "`naru transfer list` whether this draw is part of that, before anything more is drawn"
    )


def _shown(amount: int, decimals: int) -> str:
    return format_amount(amount, decimals) if amount else "0"


def is_transient(result: Locked | BridgeError) -> bool:
    """Tell whether the same submission may succeed later."""
    if isinstance(result, LedgerRefusedError):
        return result.name in TRANSIENT
    return isinstance(result, UnavailableError | ConflictError)


def signer_of(signed: SignedOrder, source: LedgerConfig) -> str:
    """Name who made a signature; empty if it is of no key's form."""
    return recovered(signed, source.endpoint)


def holder_text(order: Order) -> str:
    """Write an order's holder."""
    return evm_address(order.holder)
