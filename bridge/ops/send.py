"""Sending: look at both sides, then lock."""

from dataclasses import dataclass
from typing import Final, Self

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.asking import mint_error
from bridge.adapters.evm.holder import NONCE_MAX, EvmHolder, LockTerms
from bridge.adapters.evm.locking import NONCE_USED, Locked
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.config import AssetConfig, LedgerConfig
from bridge.core.caip import Account, LedgerId, evm_chain_id
from bridge.core.known_refusals import BUILT_IN
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.core.refusals import Refusals
from bridge.core.transfer import AMOUNT_MAX, ZERO_WORD, Lane, Transfer
from bridge.errors import (
    BridgeError,
    ConflictError,
    InvalidInputError,
    LedgerRefusedError,
    RefusedError,
    UnavailableError,
)
from bridge.ops.client import format_amount
from bridge.ports.ledger import LaneView

DEADLINE_IN_S_MAX: Final = 100 * 366 * 86_400
"""A century: no lane's limit is longer, and every deadline fits 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a person wants moved; amount in smallest units, deadline in seconds from now."""

    source: LedgerConfig
    destination: LedgerConfig
    asset: AssetConfig
    recipient: Account
    amount: int
    deadline_in_s: int
    client_reference: bytes = ZERO_WORD
    payload_hash: bytes = ZERO_WORD
    """Of lifecycle data, as `naru lifecycle make` prints it (R-27)."""
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
        """The lane that it takes."""
        return Lane(source=self.source.endpoint.id, destination=self.destination.endpoint.id, asset=self.asset.id)


class PreflightError(InvalidInputError):
    """One side would not take the transfer; nothing was locked."""

    def __init__(self, text: str, reason: Reason = Reason.NONE) -> None:
        """Keep the reason code, where there is one."""
        super().__init__(f"{text}; nothing was locked")
        self.reason = reason


class Sender:
    """One holder's way to the two ledgers of one move."""

    def __init__(self, move: Move, key: str, refusals: Refusals = BUILT_IN) -> None:
        """Make *move* with the holder's private *key*; *refusals* tells what tokens' errors mean."""
        self._move = move
        self._refusals = refusals
        self._nodes = tuple(
            Node(ledger.nodes[0], finality=ledger.finality) for ledger in (move.source, move.destination)
        )
        self._source = EvmReader(self._nodes[0], move.source.endpoint)
        self._destination = EvmReader(self._nodes[1], move.destination.endpoint)
        self._account = EvmAccount(self._nodes[0], key)
        self._holder = EvmHolder(self._account, self._source)

    async def __aenter__(self) -> Self:
        """Make sure that both nodes are of the configured chains.

        Raises:
            ConfigError: one isn't.
            UnavailableError: one doesn't answer.
        """
        try:
            for node, ledger in zip(self._nodes, (self._move.source, self._move.destination), strict=True):
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
            RefusedError: the move's nonce was used.
        """
        if self._move.nonce is not None:
            try:
                await self._holder.unused(self._move.nonce)
            except LedgerRefusedError as error:
                raise self._refusal(error) from error
        draft = await self._check_source()
        reason = await self._destination.eligibility(draft, await self._destination.head())
        if reason is Reason.NONE:
            return ""
        said = await self._said(draft)
        if not reason.transient:
            raise PreflightError(refusal_text(self._move.destination, reason) + said, reason)
        explanation = EXPLANATIONS[reason]
        text = f"{reason.name}: {explanation.english} {explanation.action}"
        return text.rstrip(".") + said if said else text

    async def lock(self) -> Locked:
        """Lock at the source, by the node's newest block time.

        Raises:
            RefusedError: gateway or token refuses; nothing is locked.
            ConflictError: another send took the nonce that was chosen; nothing is locked.
            LockUncertainError: it was submitted, and nobody tells what became of it.
        """
        move = self._move
        now = (await self._nodes[0].stamp("latest")).time
        terms = LockTerms(
            destination=move.destination.endpoint.id,
            asset=move.asset.id,
            recipient=move.recipient,
            amount=move.amount,
            deadline=now + move.deadline_in_s,
            client_reference=move.client_reference,
            payload_hash=move.payload_hash,
        )
        try:
            return await self._holder.lock(terms, nonce=move.nonce)
        except LedgerRefusedError as error:
            raise self._refusal(error) from error

    async def _said(self, draft: Transfer) -> str:
        """Tell the destination's error behind a reason code; nothing where the code says it all."""
        try:
            error = await mint_error(self._nodes[1], self._destination.endpoint, draft)
        except UnavailableError:  # what is asked for here is only said besides
            return ""
        reading = self._refusals.read(error)
        return f". The destination's error: {reading.said}: {reading.words}".rstrip(".") if error else ""

    def _refusal(self, error: LedgerRefusedError) -> BridgeError:
        if error.name != NONCE_USED:
            where, told = self._move.source.name, self._refusals.told(error)
            return RefusedError(
                f"{where} refused the lock with {told}; nothing was locked: preflight tells why in words"
            )
        if self._move.nonce is None:
            return ConflictError("another send of this account was faster: try again; nothing was locked by this one")
        return RefusedError(f"nonce {self._move.nonce}: this nonce was used: the lock got in; see naru transfer list")

    async def _check_source(self) -> Transfer:
        move = self._move
        head = await self._source.head()
        objection = lane_objection(move, await self._source.lane(move.lane, head))
        if objection:
            raise PreflightError(objection)
        balance = await self._holder.balance(move.asset.id)
        if balance < move.amount:
            has, wants = (format_amount(a, move.asset.decimals) for a in (balance, move.amount))
            raise PreflightError(f"{self._account.address} holds {has} {move.asset.name} there, not {wants}")
        return draft_of(move, self._account.account, head.time)


def lane_objection(move: Move, lane: LaneView) -> str:
    """Tell why the source's gateway would not take *move* on its lane; empty if it would (R-01)."""
    if not lane.enabled or lane.paused:
        state = "paused" if lane.enabled else "not open"
        return f"the lane {move.source.name} → {move.destination.name} for {move.asset.name} is {state}"
    if not lane.amount_min <= move.amount <= lane.amount_max:
        low, high = (format_amount(a, move.asset.decimals) for a in (lane.amount_min, lane.amount_max))
        return f"amount is outside the lane's limits of {low} to {high}"
    if not lane.deadline_min_s <= move.deadline_in_s <= lane.deadline_max_s:
        limits = f"{lane.deadline_min_s} s to {lane.deadline_max_s} s"
        return f"deadline in {move.deadline_in_s} s is outside the lane's limits of {limits} from now"
    return ""


def refusal_text(destination: LedgerConfig, reason: Reason) -> str:
    """Tell that *destination* would refuse for good, why, and what to do."""
    explanation = EXPLANATIONS[reason]
    text = f"{destination.name} would refuse ({reason.name}): {explanation.english} {explanation.action}"
    return text.rstrip(".")


def draft_of(move: Move, sender: Account, now: int) -> Transfer:
    """Make the transfer that *move* would become, but for its number: what the destination is asked about."""
    return Transfer(
        source=move.lane.source,
        destination=move.lane.destination,
        sequence=1,
        asset=move.asset.id,
        sender=sender,
        recipient=move.recipient,
        amount=move.amount,
        deadline=now + move.deadline_in_s,
        client_reference=move.client_reference,
        payload_hash=move.payload_hash,
    )
