"""The gateway's rules over plain values, as the contract has them in ESCROW mode, with one security token per asset.

Law: a call changes the state whole or raises LedgerRefusedError with the contract error's name; no time of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from bridge.adapters.memory.handover import Epochs
from bridge.core.bucket import Bucket
from bridge.core.caip import Account, AssetId, EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.statements import Kind, Statement
from bridge.core.transfer import ZERO_WORD, Lane, LaneId, Transfer, TransferId
from bridge.errors import LedgerRefusedError
from bridge.frost import verify
from bridge.ports.ledger import Attestation, Payout, Submission

Place = tuple[LaneId, int]
AUDIT_PAUSE_S: Final = 86_400
"""After that an auditor's pause lapses (R-61)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An item that settle left at NONE; *release*: when a large amount may be minted (unix seconds), else 0 (R-25)."""

    transfer_id: TransferId
    reason: Reason
    release: int = 0


Failures = tuple[Failure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What both ends of a lane hold (R-01, R-25): amounts in smallest units, spans in seconds. No amount is large."""

    amount_min: int = 1
    amount_max: int = 10**15
    deadline_min_s: int = 5
    deadline_max_s: int = 7 * 86_400
    capacity: int = 10**15
    refill_s: int = 86_400
    large_amount: int = 10**15 + 1
    large_delay_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTerms:
    """What a holder asks for; the gateway adds the sequence."""

    lane: Lane
    sender: Account
    recipient: Account
    amount: int
    deadline: int
    client_reference: bytes = ZERO_WORD
    payload_hash: bytes = ZERO_WORD


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneState:
    """A lane as stored; totals in smallest units."""

    lane: Lane
    limits: Limits
    bucket: Bucket
    enabled: bool = True
    paused: bool = False
    audit_paused_until: int = 0
    last_sequence: int = 0
    locked: int = 0
    committed: int = 0
    released: int = 0
    minted: int = 0

    def is_paused(self, now: int) -> bool:
        """Tell whether the guardian paused it, or the auditor, whose pause lapses by itself (R-61)."""
        return self.paused or now < self.audit_paused_until

    def limited(self, limits: Limits, now: int) -> "LaneState":
        """Give the lane with other *limits*; its bucket stays as far from full, in seconds, as it is at *now*."""
        bucket = self.bucket.resized(capacity=limits.capacity, refill_s=limits.refill_s, now=now)
        return replace(self, limits=limits, bucket=bucket)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetState:
    """An asset's token and what waits for it; amounts in smallest units."""

    holders: frozenset[Account]
    """The register: who may receive."""
    paused: bool = False
    refusal: Reason = Reason.NONE
    """Why the token takes nobody: any reason that its handler may give (R-22)."""
    supply: int = 0
    pending_burn: int = 0
    pending_pay: int = 0
    issue_number: int = 0
    """Of the register's last entry (R-11)."""
    issued: int = 0
    """As that entry has it."""


@dataclass(slots=True, kw_only=True)
class State:
    """Everything that one block leaves behind. The values are immutable, so a copy of the tables is a copy of all."""

    paused: bool = False
    epochs: Epochs = field(default_factory=Epochs)
    lanes: dict[LaneId, LaneState] = field(default_factory=dict)
    assets: dict[AssetId, AssetState] = field(default_factory=dict)
    balances: dict[tuple[AssetId, Account], int] = field(default_factory=dict)
    locks: dict[Place, tuple[Transfer, BlockStamp]] = field(default_factory=dict)
    endings: dict[Place, Ending] = field(default_factory=dict)
    pending: dict[TransferId, Ending] = field(default_factory=dict)
    outcomes: dict[Place, Outcome] = field(default_factory=dict)
    decided: dict[TransferId, Decision] = field(default_factory=dict)
    deciders: dict[Place, TransferId] = field(default_factory=dict)
    releases: dict[TransferId, int] = field(default_factory=dict)
    nonces: dict[Account, int] = field(default_factory=dict)

    def copy(self) -> "State":
        """Give a state that changes apart from this one."""
        return State(
            paused=self.paused,
            epochs=self.epochs,
            lanes=dict(self.lanes),
            assets=dict(self.assets),
            balances=dict(self.balances),
            locks=dict(self.locks),
            endings=dict(self.endings),
            pending=dict(self.pending),
            outcomes=dict(self.outcomes),
            decided=dict(self.decided),
            deciders=dict(self.deciders),
            releases=dict(self.releases),
            nonces=dict(self.nonces),
        )


class Gateway:
    """One gateway's entry points on one state, in one block."""

    def __init__(self, endpoint: EndpointId, account: Account, state: State, block: BlockStamp) -> None:
        """Act as *endpoint*, which holds its escrow in *account*, in *block*."""
        self._here = endpoint
        self._account = account
        self._state = state
        self._block = block

    def lock(self, terms: LockTerms) -> Transfer:
        """Take the holder's units into escrow and number the transfer (R-01, R-03)."""
        state, lane = self._state, terms.lane
        if state.paused:
            raise LedgerRefusedError("Paused", "")
        stored = state.lanes.get(lane.id)
        if stored is None or lane.source != self._here:
            raise LedgerRefusedError("LaneUnknown", lane.id.hex())
        _require_terms(stored, terms, self._block.time)
        transfer = _numbered(terms, stored.last_sequence + 1)
        self._move(lane.asset, terms.sender, self._account, terms.amount)
        state.lanes[lane.id] = replace(stored, last_sequence=transfer.sequence, locked=stored.locked + transfer.amount)
        state.locks[lane.id, transfer.sequence] = (transfer, self._block)
        return transfer

    def call(self, call: Submission | Payout) -> Failures:
        """Run a call as a relayer sends it; give what settle left at NONE."""
        if isinstance(call, Payout):
            self._payout(call.transfer)
            return ()
        kind = call.attestation.statement.kind
        if kind is Kind.LOCKED and self._state.paused:
            raise LedgerRefusedError("Paused", "")
        self._require_attested(call.attestation)
        tried = {transfer.id: transfer for transfer in call.tried}
        failures: list[Failure] = []
        for item in call.attestation.statement.items:
            transfer = tried.get(item.transfer_id)
            if transfer is None:
                continue
            if kind is Kind.LOCKED and (failure := self._settle(transfer)):
                failures.append(failure)
            elif kind is Kind.REFUSED:
                self._refuse(transfer, Reason(item.code))
            elif kind is Kind.OUTCOME:
                self._finish(transfer, Outcome(item.code))
        return tuple(failures)

    def eligibility(self, transfer: Transfer) -> Reason:
        """Say why a mint would not be done now; NONE if it would."""
        stored = self._state.lanes.get(transfer.lane.id)
        if transfer.destination != self._here or stored is None or not stored.enabled:
            return Reason.ASSET_NOT_REGISTERED
        now = self._block.time
        if transfer.asset not in self._state.assets:
            return Reason.ASSET_NOT_REGISTERED
        if reason := self._why_refused(transfer):
            return reason
        if self._state.paused or stored.is_paused(now):
            return Reason.TOKEN_PAUSED
        return Reason.NONE if stored.bucket.take(transfer.amount, now) else Reason.LIMIT_EXCEEDED

    # --- destination

    def _settle(self, transfer: Transfer) -> Failure | None:
        """Mint, or say why not; None also for an item that is skipped (R-20)."""
        state, place, now = self._state, _place(transfer), self._block.time
        stored = state.lanes.get(place[0])
        if stored is None or not stored.enabled or stored.is_paused(now) or transfer.asset not in state.assets:
            return None
        if transfer.destination != self._here or place in state.outcomes or now >= transfer.deadline:
            return None
        if transfer.amount >= stored.limits.large_amount:
            release = state.releases.setdefault(transfer.id, now + stored.limits.large_delay_s)
            if now < release:
                return Failure(transfer_id=transfer.id, reason=Reason.LIMIT_EXCEEDED, release=release)
        if reason := self._mint(transfer, stored):
            return Failure(transfer_id=transfer.id, reason=reason)
        return None

    def _mint(self, transfer: Transfer, stored: LaneState) -> Reason:
        """Do all of it, or nothing and say why."""
        bucket = stored.bucket.take(transfer.amount, self._block.time)
        if bucket is None:
            return Reason.LIMIT_EXCEEDED
        if reason := self._why_refused(transfer):
            return reason
        self._decide(transfer, Outcome.MINTED, Reason.NONE)
        minted = stored.minted + transfer.amount
        self._state.lanes[transfer.lane.id] = replace(stored, bucket=bucket, minted=minted)
        self._change_supply(transfer.asset, transfer.recipient, transfer.amount)
        return Reason.NONE

    def _refuse(self, transfer: Transfer, reason: Reason) -> None:
        """Write REJECTED or EXPIRED, whatever else holds (R-23)."""
        if transfer.destination == self._here and _place(transfer) not in self._state.outcomes:
            self._decide(transfer, Outcome.EXPIRED if reason is Reason.EXPIRED else Outcome.REJECTED, reason)

    def _decide(self, transfer: Transfer, outcome: Outcome, reason: Reason) -> None:
        self._state.outcomes[_place(transfer)] = outcome
        self._state.deciders[_place(transfer)] = transfer.id
        self._state.decided[transfer.id] = Decision(outcome=outcome, reason=reason, stamp=self._block)

    def _why_refused(self, transfer: Transfer) -> Reason:
        """Say what speaks against the recipient, or for the token's pause (R-22)."""
        asset = self._state.assets[transfer.asset]
        if not is_account(transfer.recipient) or transfer.recipient == self._account:
            return Reason.MALFORMED_ACCOUNT
        if asset.paused:
            return Reason.TOKEN_PAUSED
        return asset.refusal if transfer.recipient in asset.holders else Reason.NOT_ELIGIBLE

    # --- source

    def _finish(self, transfer: Transfer, outcome: Outcome) -> None:
        """Seal the record by the decision; what the token refuses becomes pending (R-31)."""
        state, place = self._state, _place(transfer)
        known = state.locks.get(place)
        if known is None or known[0] != transfer or place in state.endings:
            return
        stored, amount = state.lanes[place[0]], transfer.amount
        if outcome is Outcome.MINTED:
            state.endings[place] = Ending.COMMITTED
            state.lanes[place[0]] = replace(stored, committed=stored.committed + amount)
        else:
            state.endings[place] = Ending.RELEASED
            state.lanes[place[0]] = replace(stored, released=stored.released + amount)
        try:
            self._move_out(transfer, state.endings[place])
        except LedgerRefusedError:
            state.pending[transfer.id] = state.endings[place]
            self._change_pending(transfer, state.endings[place], amount)

    def _payout(self, transfer: Transfer) -> None:
        ending = self._state.pending.get(transfer.id)
        if ending is None:
            raise LedgerRefusedError("NothingPending", transfer.id.hex())
        self._move_out(transfer, ending)
        del self._state.pending[transfer.id]
        self._change_pending(transfer, ending, -transfer.amount)

    def _move_out(self, transfer: Transfer, ending: Ending) -> None:
        """Burn, or pay the sender, out of escrow."""
        if ending is Ending.RELEASED:
            self._move(transfer.asset, self._account, transfer.sender, transfer.amount)
        elif self._state.assets[transfer.asset].paused:
            raise LedgerRefusedError("TokenCallFailed", "the token is paused")
        else:
            self._change_supply(transfer.asset, self._account, -transfer.amount)

    def _change_pending(self, transfer: Transfer, ending: Ending, amount: int) -> None:
        asset = self._state.assets[transfer.asset]
        if ending is Ending.COMMITTED:
            asset = replace(asset, pending_burn=asset.pending_burn + amount)
        else:
            asset = replace(asset, pending_pay=asset.pending_pay + amount)
        self._state.assets[transfer.asset] = asset

    # --- the token

    def _move(self, asset_id: AssetId, payer: Account, payee: Account, amount: int) -> None:
        state, asset = self._state, self._state.assets[asset_id]
        if asset.paused:
            raise LedgerRefusedError("TokenCallFailed", "the token is paused")
        if payee not in asset.holders:
            raise LedgerRefusedError("TokenCallFailed", "the payee is not on the register of holders")
        if state.balances.get((asset_id, payer), 0) < amount:
            raise LedgerRefusedError("TokenCallFailed", "the payer does not hold so much")
        state.balances[asset_id, payer] -= amount
        state.balances[asset_id, payee] = state.balances.get((asset_id, payee), 0) + amount

    def _change_supply(self, asset_id: AssetId, holder: Account, amount: int) -> None:
        state, asset = self._state, self._state.assets[asset_id]
        state.balances[asset_id, holder] = state.balances.get((asset_id, holder), 0) + amount
        state.assets[asset_id] = replace(asset, supply=asset.supply + amount)

    # --- the committee

    def _require_attested(self, attestation: Attestation) -> None:
        """Check the signature over the statement as this gateway is its verifier (R-40)."""
        given = attestation.statement
        key = self._state.epochs.key(given.epoch)
        if key is None:
            raise LedgerRefusedError("EpochUnknown", str(given.epoch))
        if attestation.group_key != key:
            raise LedgerRefusedError("KeyMismatch", str(given.epoch))
        ours = Statement(kind=given.kind, verifier=self._here, epoch=given.epoch, items=given.items)
        if not verify(key, ours.digest, attestation.signature):
            raise LedgerRefusedError("SignatureInvalid", "")


def is_account(account: Account) -> bool:
    """Tell whether *account* is of the ledger's form: upper twelve bytes zero, the rest not."""
    return not any(account[:12]) and any(account)


def attempt(state: State, change: Callable[[State], Failures]) -> tuple[State, Failures]:
    """Run *change* on a copy; the state given stays as it is, whatever happens."""
    copy = state.copy()
    return copy, change(copy)


def _require_terms(stored: LaneState, terms: LockTerms, now: int) -> None:
    limits, lane = stored.limits, terms.lane.id.hex()
    if not stored.enabled:
        raise LedgerRefusedError("LaneDisabled", lane)
    if stored.is_paused(now):
        raise LedgerRefusedError("LanePausedError", lane)
    if not limits.amount_min <= terms.amount <= limits.amount_max:
        raise LedgerRefusedError("AmountOutOfRange", str(terms.amount))
    if not now + limits.deadline_min_s <= terms.deadline <= now + limits.deadline_max_s:
        raise LedgerRefusedError("DeadlineOutOfRange", str(terms.deadline))
    if not is_account(terms.recipient):
        raise LedgerRefusedError("RecipientMalformed", terms.recipient.hex())


def _numbered(terms: LockTerms, sequence: int) -> Transfer:
    lane = terms.lane
    return Transfer(
        source=lane.source,
        destination=lane.destination,
        sequence=sequence,
        asset=lane.asset,
        sender=terms.sender,
        recipient=terms.recipient,
        amount=terms.amount,
        deadline=terms.deadline,
        client_reference=terms.client_reference,
        payload_hash=terms.payload_hash,
    )


def _place(transfer: Transfer) -> Place:
    return transfer.lane.id, transfer.sequence
