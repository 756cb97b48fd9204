"""What a notary would sign about a transfer (R-11, R-12, R-30). Pure: facts in, verdict out."""

from dataclasses import dataclass

from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.statements import Kind
from bridge.core.transfer import TransferId
from bridge.ports.committee import Offer, Verdict
from bridge.ports.ledger import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What this notary read itself, all of it final."""

    lock: Lock
    destination_head: BlockStamp
    decision: Decision | None
    eligibility: Reason
    """The destination's answer; NONE is eligible. Not asked, and NONE, where a decision stands."""


def destination_time(head: BlockStamp, now: float, idle_allowance_s: float) -> int:
    """Tell the time that may start a refusal for a passed deadline (R-12): never what bounds a mint."""
    return max(head.time, int(now - idle_allowance_s))


def decision_verdict(facts: Facts, *, time: int) -> Verdict:
    """Say what may be signed for the destination: Locked, or Refused; *time* as destination_time gives it."""
    transfer = facts.lock.transfer
    if facts.decision is not None:
        return waiting(transfer.id, Reason.NONE, "the destination has decided already")
    if facts.lock.ending is Ending.COMMITTED:
        return waiting(transfer.id, Reason.NONE, "the source is committed")
    expired = time >= transfer.deadline
    offers: list[Offer] = []
    if facts.lock.ending is Ending.OPEN:
        offers += _opinion(facts.eligibility, expired=expired)
    if expired:
        offers.append(Offer(kind=Kind.REFUSED, code=Reason.EXPIRED))
    if offers:
        return Verdict(transfer_id=transfer.id, offers=tuple(offers), waiting_for=Reason.NONE, note="")
    return waiting(transfer.id, facts.eligibility, "the destination would not mint now; waiting may change it")


def outcome_verdict(facts: Facts, *, margin_s: int) -> Verdict:
    """Say what may be signed for the source: the destination's decision, once it can't be undone (R-30)."""
    transfer, decision = facts.lock.transfer, facts.decision
    if decision is None:
        return waiting(transfer.id, Reason.NONE, "the destination has not decided yet, or not finally")
    settled_at = min(decision.stamp.time, transfer.deadline) + margin_s
    if decision.outcome is not Outcome.MINTED and facts.destination_head.time < settled_at:
        return waiting(transfer.id, Reason.NONE, f"the margin of {margin_s} s after the refusal has not passed")
    offer = Offer(kind=Kind.OUTCOME, code=decision.outcome)
    return Verdict(transfer_id=transfer.id, offers=(offer,), waiting_for=Reason.NONE, note="")


def waiting(transfer_id: TransferId, reason: Reason, note: str) -> Verdict:
    """Sign nothing for now; never a refusal."""
    return Verdict(transfer_id=transfer_id, offers=(), waiting_for=reason, note=note)


def _opinion(eligibility: Reason, *, expired: bool) -> list[Offer]:
    if eligibility.transient or (eligibility is Reason.NONE and expired):
        return []
    if eligibility is Reason.NONE:
        return [Offer(kind=Kind.LOCKED, code=0)]
    refusals = dict.fromkeys((eligibility, Reason.POLICY_REFUSED))
    return [Offer(kind=Kind.REFUSED, code=reason) for reason in refusals]
