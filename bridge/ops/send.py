"""Sending: look at both sides, then lock."""

from dataclasses import dataclass
from typing import Final, Self

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.holder import NONCE_MAX, NONCE_USED, EvmHolder, Locked, LockTerms
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.config import AssetConfig, LedgerConfig
from bridge.core.caip import Account, LedgerId, evm_chain_id
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.core.transfer import AMOUNT_MAX, ZERO_WORD, Lane, Transfer
from bridge.errors import BridgeError, ConflictError, InvalidInputError, LedgerRefusedError, RefusedError
from bridge.ops.client import format_amount

DEADLINE_IN_S_MAX: Final = 100 * 366 * 86_400
"""A century: no lane's limit is longer, and every deadline fits 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person wants moved; amount in smallest units, deadline in seconds from now."""

    source: LedgerConfig
    destination: LedgerConfig
    asset: AssetConfig
    recipient: Account
    amount: int
    deadline_in_s: int
    client_reference: bytes = ZERO_WORD
    nonce: int | None = None
    """At the gateway, where each locks once only (R-02), 1 to 2^24 - 1; None: the lowest unused one."""

    def __post_init__(self) -> None:
        """Refuse what no gateway would take.

        Raises:
            InvalidInputError: amount, deadline or nonce out of range, or one ledger given twice.
        """
        if not 0 < self.amount <= AMOUNT_MAX:
            msg = "amount must be from 1 smallest unit to 2^127 - 1"
            raise InvalidInputError(msg)
        if self.deadline_in_s <= 0:
            msg = f"deadline {self.deadline_in_s} s from now has passed: give seconds above zero"
            raise InvalidInputError(msg)
        if self.deadline_in_s > DEADLINE_IN_S_MAX:
            msg = f"deadline {self.deadline_in_s} s from now is more than a century away: give fewer seconds"
            raise InvalidInputError(msg)
        if self.nonce is not None and not 1 <= self.nonce <= NONCE_MAX:
            msg = f"nonce {self.nonce} is out of range: give 1 to 2^24 - 1, or none for the lowest unused one"
            raise InvalidInputError(msg)
        if self.source.ledger == self.destination.ledger:
            msg = f"source and destination are both {self.source.name}: a transfer moves between two ledgers"
            raise InvalidInputError(msg)

    @property
    def lane(self) -> Lane:
        """The lane that the order takes."""
        return Lane(source=self.source.endpoint.id, destination=self.destination.endpoint.id, asset=self.asset.id)


class PreflightError(InvalidInputError):
    """One side would not take the transfer; nothing was locked."""

    def __init__(self, text: str, reason: Reason = Reason.NONE) -> None:
        """Keep the reason code, where there is one."""
        super().__init__(f"{text}; nothing was locked")
        self.reason = reason


class Sender:
    """One holder's way to one order's two ledgers."""

    def __init__(self, order: Order, key: str) -> None:
        """Send *order* with the holder's private *key*."""
        self._order = order
        self._nodes = tuple(
            Node(ledger.nodes[0], finality=ledger.finality) for ledger in (order.source, order.destination)
        )
        self._source = EvmReader(self._nodes[0], order.source.endpoint)
        self._destination = EvmReader(self._nodes[1], order.destination.endpoint)
        self._account = EvmAccount(self._nodes[0], key)
        self._holder = EvmHolder(self._account, self._source)

    async def __aenter__(self) -> Self:
        """Make sure that both nodes are of the configured chains.

        Raises:
            ConfigError: one isn't.
            UnavailableError: one doesn't answer.
        """
        try:
            for node, ledger in zip(self._nodes, (self._order.source, self._order.destination), strict=True):
                await node.check_chain(evm_chain_id(LedgerId(ledger.ledger)))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give the connections back."""
        for node in self._nodes:
            await node.close()

    async def preflight(self) -> str:
        """Ask both sides; give a warning if the destination would wait, else nothing.

        Raises:
            PreflightError: a side would refuse.
            RefusedError: the order's nonce was used.
        """
        if self._order.nonce is not None:
            try:
                await self._holder.unused(self._order.nonce)
            except LedgerRefusedError as error:
                raise self._refusal(error) from error
        draft = await self._check_source()
        reason = await self._destination.eligibility(draft, await self._destination.head())
        explanation = EXPLANATIONS[reason]
        if reason is not Reason.NONE and not reason.transient:
            where = self._order.destination.name
            text = f"{where} would refuse ({reason.name}): {explanation.english} {explanation.action}"
            raise PreflightError(text.rstrip("."), reason)
        return "" if reason is Reason.NONE else f"{reason.name}: {explanation.english} {explanation.action}"

    async def lock(self) -> Locked:
        """Lock at the source, by the node's newest block time.

        Raises:
            RefusedError: gateway or token refuses; nothing is locked.
            ConflictError: another send took the nonce that was chosen; nothing is locked.
            LockUncertainError: it was submitted, and nobody tells what became of it.
        """
        order = self._order
        now = (await self._nodes[0].stamp("latest")).time
        terms = LockTerms(
            destination=order.destination.endpoint.id,
            asset=order.asset.id,
            recipient=order.recipient,
            amount=order.amount,
            deadline=now + order.deadline_in_s,
            client_reference=order.client_reference,
        )
        try:
            return await self._holder.lock(terms, nonce=order.nonce)
        except LedgerRefusedError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: LedgerRefusedError) -> BridgeError:
        if error.name != NONCE_USED:
            where = self._order.source.name
            return RefusedError(
                f"{where} refused the lock with {error}; nothing was locked: preflight tells why in words"
            )
        if self._order.nonce is None:
            return ConflictError("another send of this account was faster: try again; nothing was locked by this one")
        return RefusedError(f"nonce {self._order.nonce}: this nonce was used: the lock got in; see naru transfer list")

    async def _check_source(self) -> Transfer:
        order = self._order
        head = await self._source.head()
        lane = await self._source.lane(order.lane, head)
        if not lane.enabled or lane.paused:
            state = "paused" if lane.enabled else "not open"
            text = f"the lane {order.source.name} → {order.destination.name} for {order.asset.name} is {state}"
            raise PreflightError(text)
        if not lane.amount_min <= order.amount <= lane.amount_max:
            low, high = (format_amount(a, order.asset.decimals) for a in (lane.amount_min, lane.amount_max))
            raise PreflightError(f"amount is outside the lane's limits of {low} to {high}")
        if not lane.deadline_min_s <= order.deadline_in_s <= lane.deadline_max_s:
            limits = f"{lane.deadline_min_s} s to {lane.deadline_max_s} s"
            raise PreflightError(
                f"deadline in {order.deadline_in_s} s is outside the lane's limits of {limits} from now"
            )
        balance = await self._holder.balance(order.asset.id)
        if balance < order.amount:
            has, wants = (format_amount(a, order.asset.decimals) for a in (balance, order.amount))
            raise PreflightError(f"{self._account.address} holds {has} {order.asset.name} there, not {wants}")
        return Transfer(
            source=order.lane.source,
            destination=order.lane.destination,
            sequence=lane.next_sequence,
            asset=order.asset.id,
            sender=self._account.account,
            recipient=order.recipient,
            amount=order.amount,
            deadline=head.time + order.deadline_in_s,
        )
