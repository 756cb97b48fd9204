"""What a notary would sign about a transfer (R-11, R-12, R-30). Pure: facts in, opinion out."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.core.caip import LedgerId
from bridge.core.policy import (
    Answer,
    Check,
    Finding,
    Policy,
    account_digest,
    check_deadline,
    check_large,
    check_rate,
    check_terms,
    overdrawn,
)
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.refusals import as_note
from bridge.core.statements import Kind
from bridge.core.transfer import TransferId
from bridge.ports.committee import Offer, Verdict
from bridge.ports.ledger import AssetView, LaneView, Lock
from bridge.ports.verdicts import BreakerEvent

LOCKED = Offer(kind=Kind.LOCKED, code=0)
EXPIRED = Offer(kind=Kind.REFUSED, code=Reason.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What this notary read itself of the two records, all of it final."""

    lock: Lock
    destination_head: BlockStamp
    decision: Decision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The lane's source gateway at the notary's finalised head of it."""

    ledger: LedgerId
    paused: bool
    lane: LaneView
    asset: AssetView
    now: int
    """Source time, unix seconds: the head's, or the own clock less the idle allowance if that is later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An open lock that is to be decided, and all that may stand against it."""

    lock: Lock
    source: Source
    destination_ledger: LedgerId
    destination_asset: AssetView
    eligibility: Reason
    """The destination's answer; NONE is eligible."""
    error: bytes = b""
    """What its token said to that, raw, for people to read; empty if that is not known."""
    allowed_from: int
    """When the lane's limits let it out, unix seconds (bridge/core/rate.py)."""
    now: int
    """The own clock, unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A verdict, which check decided it, and when waiting ends by itself (unix seconds), if it does."""

    verdict: Verdict
    check: Check
    until: int | None = None


def idle_time(head: BlockStamp, now: float, idle_allowance_s: float) -> int:
    """Tell a ledger's time where it may seal no blocks: the head's, or the own clock less the allowance (R-12)."""
    return max(head.time, int(now - idle_allowance_s))


def examine(policy: Policy, case: Case) -> tuple[Finding, ...]:
    """List what stands against approving an open lock, the telling one first of each kind (R-11).

    Pure over finalised views, so notaries with equal policies agree as soon as their heads do.
    """
    transfer = case.lock.transfer
    parties = (
        account_digest(case.source.ledger, transfer.sender),
        account_digest(case.destination_ledger, transfer.recipient),
    )
    now = max(case.now, case.source.now)
    found = (
        _eligibility(case.eligibility, case.error),
        check_terms(policy, transfer, parties),
        check_deadline(transfer, now=now, deadline_max_s=case.source.lane.deadline_max_s),
        _source_state(case.source),
        code_finding(policy, case.source.asset, "source"),
        code_finding(policy, case.destination_asset, "destination"),
        account_finding(policy, case.source.asset),
        *_limits(policy, case),
    )
    return tuple(finding for finding in found if finding is not None)


def account_finding(policy: Policy, asset: AssetView) -> Finding | None:
    """Hold the source ledger's account (R-11): it sends out no more than was issued on it plus what came in.

    A break is waited for and never refused, though SUPPLY_BREAK is a permanent reason. It says nothing about this
    transfer, but that some lock of the ledger has no units behind it, or that the register's entry is late; which of
    the two, and which lock, only people can tell. A refusal would write REJECTED for ever to every honest holder's
    transfer, and differently by each notary's head. Waiting keeps all ways open: an entry posted late lets everything
    go on once the breaker is closed, and at the deadline EXPIRED rolls back what nobody cleared (R-12).
    """
    if not asset.issue_number:
        note = "the asset's register has posted no entry of what is issued on the source ledger: it must do so first"
        return _waits(Check.ISSUE, Reason.SUPPLY_BREAK, note) if policy.issue_required else None
    excess = overdrawn(issued=asset.issued, sent=asset.sent, received=asset.received)
    if not excess:
        return None
    note = (
        f"the source ledger has sent out {excess} units too many: {asset.sent} net of releases, against {asset.issued} "
        f"issued by entry {asset.issue_number} and {asset.received} that came in"
    )
    return _waits(Check.ACCOUNT, Reason.SUPPLY_BREAK, note)


def code_finding(policy: Policy, asset: AssetView, end: str) -> Finding | None:
    """Hold the code behind an asset at one *end* of its lane (R-31): other code than was looked at may do anything.

    It is waited for and never refused: whoever changed it may change it back, register a new profile, or have this
    notary's institution look at the new code; at the deadline EXPIRED rolls back what nobody cleared.
    """
    if asset.code_changed:
        note = f"the code of the {end}'s token or handler is not what was registered: see `naru gateway verify` there"
        return _waits(Check.CODE, Reason.ASSET_NOT_REGISTERED, note)
    if not asset.implementation or asset.implementation in policy.implementations:
        return None
    note = (
        f"the {end}'s token is a proxy for code {asset.implementation.hex()}, which this notary's policy does not "
        "name: look at that code, then add its hash to policy.implementations"
    )
    return _waits(Check.CODE, Reason.ASSET_NOT_REGISTERED, note)


def breaker_finding(opened: BreakerEvent) -> Finding:
    """Let everything wait that an open breaker concerns; of the transient reasons, it is a pause."""
    note = f"this notary's breaker is open for {opened.place}: {opened.why}"
    return _waits(Check.BREAKER, Reason.TOKEN_PAUSED, note)


def unreadable_finding(why: str) -> Finding:
    """Let what can't be examined wait."""
    return _waits(Check.READ, Reason.LEDGER_UNREACHABLE, why)


def decision_opinion(facts: Facts, findings: Sequence[Finding], *, time: int) -> Opinion:
    """Say what may be signed for the destination: Locked, or Refused.

    *time* is the destination's by `idle_time`; *findings* stand against an open lock. Refused(T, EXPIRED) is offered
    from the deadline on, whatever they are (R-12). An open breaker comes alone among them: then nothing else is.

    COMMITTED × NONE and RELEASED × NONE are holes: the destination has lost a record that the source has acted on. Its
    statement is offered again (section 2), whatever limits, policy or breaker say: a source record is sealed by an
    attested decision only, and write-once. Locked then mints units that were burned for it, at most once, since the
    destination's record is write-once too, and lapses at the deadline (R-13); Refused shuts what must never open.
    """
    transfer = facts.lock.transfer
    if facts.decision is not None:
        return _hold(transfer.id, Check.RECORDS, Reason.NONE, "the destination has decided already")
    expired = time >= transfer.deadline
    match facts.lock.ending:
        case Ending.COMMITTED:
            return _committed(transfer.id, expired=expired)
        case Ending.RELEASED:
            note = "the source has paid it back, so it must never be minted"
            return _offer(transfer.id, Check.RECORDS, _refusals([Reason.LOCK_BROKEN], expired=expired), note)
        case Ending.OPEN:
            return _open(transfer.id, findings, expired=expired)


def outcome_opinion(facts: Facts, *, margin_s: int) -> Opinion:
    """Say what may be signed for the source: the destination's decision, once it can't be undone (R-30)."""
    transfer, decision = facts.lock.transfer, facts.decision
    if decision is None:
        note = "the destination has not decided yet, or not finally"
        return _hold(transfer.id, Check.RECORDS, Reason.NONE, note)
    settled_at = min(decision.stamp.time, transfer.deadline) + margin_s
    if decision.outcome is not Outcome.MINTED and facts.destination_head.time < settled_at:
        note = f"the margin of {margin_s} s after the refusal has not passed"
        return _hold(transfer.id, Check.MARGIN, Reason.NONE, note, settled_at)
    return _offer(transfer.id, Check.ALL, (Offer(kind=Kind.OUTCOME, code=decision.outcome),))


def waiting(transfer_id: TransferId, check: Check, reason: Reason, note: str) -> Opinion:
    """Sign nothing for now; never a refusal."""
    return _hold(transfer_id, check, reason, note)


def _open(transfer_id: TransferId, findings: Sequence[Finding], *, expired: bool) -> Opinion:
    refused = [finding for finding in findings if finding.answer is Answer.REFUSE]
    if refused:
        offers = _refusals([finding.reason for finding in refused], expired=expired)
        return _offer(transfer_id, refused[0].check, offers, refused[0].note)
    if expired:
        return _offer(transfer_id, Check.DEADLINE, (EXPIRED,), "its deadline has passed")
    if findings:
        first = findings[0]
        return _hold(transfer_id, first.check, first.reason, first.note, first.until)
    return _offer(transfer_id, Check.ALL, (LOCKED,))


def _committed(transfer_id: TransferId, *, expired: bool) -> Opinion:
    if expired:
        note = "the source is committed and the destination shows no mint: its deadline has passed, so people must act"
        return _hold(transfer_id, Check.RECORDS, Reason.NONE, note)
    return _offer(transfer_id, Check.RECORDS, (LOCKED,))


def _refusals(reasons: Sequence[Reason], *, expired: bool) -> tuple[Offer, ...]:
    """Offer each permanent reason, and the one that all who refuse share (R-12); EXPIRED in its time only."""
    codes = dict.fromkeys((*reasons, Reason.POLICY_REFUSED))
    offers = tuple(Offer(kind=Kind.REFUSED, code=code) for code in codes if code is not Reason.EXPIRED)
    return (*offers, EXPIRED) if expired else offers


def _eligibility(answer: Reason, error: bytes) -> Finding | None:
    if answer is Reason.NONE:
        return None
    if answer.transient:
        return _waits(Check.ELIGIBILITY, answer, "the destination would not mint now; waiting may change it")
    said = f": {as_note(error)}" if error else ""
    note = f"the destination would never mint it: {answer.name}{said}"
    return Finding(answer=Answer.REFUSE, check=Check.ELIGIBILITY, reason=answer, note=note)


def _source_state(source: Source) -> Finding | None:
    if source.paused or source.lane.paused:
        return _waits(Check.PAUSE, Reason.TOKEN_PAUSED, "the source's gateway or lane is paused")
    if not source.lane.enabled or not source.asset.enabled:
        note = (
            "the lane or the asset is disabled at its source: what was locked before waits, and is rolled back in time"
        )
        return _waits(Check.ENABLED, Reason.ASSET_NOT_REGISTERED, note)
    return None


def _limits(policy: Policy, case: Case) -> tuple[Finding | None, ...]:
    transfer, source = case.lock.transfer, case.source
    rule = policy.rule(transfer.lane)
    large = rule and check_large(rule, transfer, locked_at=case.lock.stamp.time, now=source.now)
    return large or None, check_rate(allowed_from=case.allowed_from, now=source.now), _lane_maximum(case)


def _lane_maximum(case: Case) -> Finding | None:
    amount_max = case.source.lane.amount_max
    if case.lock.transfer.amount <= amount_max:
        return None
    note = f"the lane's maximum is {amount_max} by now: raised again, it goes on"
    return _waits(Check.AMOUNT, Reason.LIMIT_EXCEEDED, note)


def _waits(check: Check, reason: Reason, note: str) -> Finding:
    return Finding(answer=Answer.WAIT, check=check, reason=reason, note=note)


def _offer(transfer_id: TransferId, check: Check, offers: tuple[Offer, ...], note: str = "") -> Opinion:
    verdict = Verdict(transfer_id=transfer_id, offers=offers, waiting_for=Reason.NONE, note=note)
    return Opinion(verdict=verdict, check=check)


def _hold(transfer_id: TransferId, check: Check, reason: Reason, note: str, until: int | None = None) -> Opinion:
    verdict = Verdict(transfer_id=transfer_id, offers=(), waiting_for=reason, note=note)
    return Opinion(verdict=verdict, check=check, until=until)
