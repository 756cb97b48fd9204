"""What a notary would sign: the whole table, and each rule in words of its own."""

from dataclasses import replace
from itertools import product

import pytest

from bridge.core.caip import LedgerId
from bridge.core.policy import (
    EVERYTHING,
    Answer,
    Check,
    Finding,
    Policy,
    Rule,
    Scope,
    account_digest,
)
from bridge.core.reasons import Reason
from bridge.core.records import Decision, Ending, Outcome
from bridge.core.statements import Kind
from bridge.ports.committee import Offer
from bridge.ports.ledger import AssetView, LaneView, Lock
from bridge.ports.verdicts import GLOBAL, BreakerEvent
from notary.approval import (
    Case,
    Facts,
    Source,
    account_finding,
    breaker_finding,
    decision_opinion,
    examine,
    idle_time,
    outcome_opinion,
    unreadable_finding,
)
from tests.conformance.samples import START_S, stamp, transfer

TERMS = transfer(1)
DEADLINE = TERMS.deadline
LOCKED = Offer(kind=Kind.LOCKED, code=0)
EXPIRED = Offer(kind=Kind.REFUSED, code=Reason.EXPIRED)
PERMANENT = [r for r in Reason if r is not Reason.NONE and not r.transient]
TRANSIENT = [r for r in Reason if r.transient]
HERE, THERE = LedgerId("book:here"), LedgerId("book:there")


def locked(ending: Ending = Ending.OPEN, *, amount: int = TERMS.amount) -> Lock:
    return Lock(transfer=replace(TERMS, amount=amount), ending=ending, pending=False, stamp=stamp(START_S))


def facts(*, ending: Ending = Ending.OPEN, decision: Decision | None = None, head_time: int = START_S) -> Facts:
    return Facts(lock=locked(ending), destination_head=stamp(head_time), decision=decision)


def decided(outcome: Outcome, *, at: int = START_S + 10) -> Decision:
    return Decision(outcome=outcome, reason=Reason.NONE, stamp=stamp(at))


def refused(reason: Reason, check: Check = Check.ELIGIBILITY) -> Finding:
    return Finding(answer=Answer.REFUSE, check=check, reason=reason, note="it is refused")


def waits(reason: Reason, *, until: int | None = None) -> Finding:
    return Finding(answer=Answer.WAIT, check=Check.RATE, reason=reason, note="it waits", until=until)


FINDINGS = [(), *((refused(reason),) for reason in PERMANENT), *((waits(reason),) for reason in TRANSIENT)]
DECISIONS = [None, *(decided(outcome) for outcome in Outcome if outcome is not Outcome.NONE)]


def refusals(*reasons: Reason) -> tuple[Offer, ...]:
    """R-12: the notary's own reasons, and the one that all can share."""
    codes = dict.fromkeys([*reasons, Reason.POLICY_REFUSED])
    return tuple(Offer(kind=Kind.REFUSED, code=code) for code in codes if code is not Reason.EXPIRED)


def expected(
    ending: Ending, decision: Decision | None, findings: tuple[Finding, ...], *, expired: bool
) -> tuple[Offer, ...]:
    """R-12, R-13, said once more."""
    if decision is not None:
        return ()
    if ending is Ending.COMMITTED:
        return () if expired else (LOCKED,)
    offers: tuple[Offer, ...] = ()
    if ending is Ending.RELEASED:
        offers = refusals(Reason.LOCK_BROKEN)
    elif findings and findings[0].answer is Answer.REFUSE:
        offers = refusals(findings[0].reason)
    elif not findings and not expired:
        offers = (LOCKED,)
    return (*offers, EXPIRED) if expired else offers


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize(("ending", "decision"), list(product(Ending, DECISIONS)))
@pytest.mark.parametrize("findings", FINDINGS)
def test_the_whole_table(
    ending: Ending, decision: Decision | None, findings: tuple[Finding, ...], *, expired: bool
) -> None:
    """R-11, R-12: ending × decision × what stands against it × expired."""
    time = DEADLINE if expired else DEADLINE - 1
    verdict = decision_opinion(facts(ending=ending, decision=decision), findings, time=time).verdict

    assert verdict.transfer_id == TERMS.id
    assert verdict.offers == expected(ending, decision, findings, expired=expired)
    assert verdict.offers or verdict.note
    assert verdict.waiting_for in {Reason.NONE, *(f.reason for f in findings if f.answer is Answer.WAIT)}


def test_an_eligible_transfer_is_approved_and_nothing_else() -> None:
    opinion = decision_opinion(facts(), (), time=START_S)

    assert (opinion.verdict.offers, opinion.check) == ((LOCKED,), Check.ALL)


@pytest.mark.parametrize("reason", [reason for reason in PERMANENT if reason is not Reason.EXPIRED])
def test_a_permanent_reason_is_refused_with_it_or_by_policy(reason: Reason) -> None:
    """R-12: Refused(T, POLICY_REFUSED) whatever the permanent reason, so that t notaries can agree."""
    opinion = decision_opinion(facts(), (waits(Reason.TOKEN_PAUSED), refused(reason)), time=START_S)

    assert opinion.verdict.offers[0] == Offer(kind=Kind.REFUSED, code=reason)
    assert Offer(kind=Kind.REFUSED, code=Reason.POLICY_REFUSED) in opinion.verdict.offers
    assert (opinion.check, opinion.verdict.note) == (Check.ELIGIBILITY, "it is refused")


def test_a_destination_that_calls_it_expired_before_the_deadline_is_not_repeated() -> None:
    """R-12: EXPIRED is the notary's own reading of time."""
    assert decision_opinion(facts(), (refused(Reason.EXPIRED),), time=START_S).verdict.offers == refusals()


def test_every_permanent_reason_that_is_found_is_offered_the_first_one_first() -> None:
    """R-12: for permanent reason r, Refused(T, r)."""
    both = (refused(Reason.NOT_ELIGIBLE), refused(Reason.POLICY_REFUSED, Check.DENY_LIST))

    assert decision_opinion(facts(), both, time=START_S).verdict.offers == refusals(Reason.NOT_ELIGIBLE)


@pytest.mark.parametrize("reason", TRANSIENT)
def test_a_transient_reason_is_waited_for_and_told(reason: Reason) -> None:
    """R-12: WAIT, never REFUSE."""
    opinion = decision_opinion(facts(), (waits(reason, until=START_S + 9),), time=DEADLINE - 1)

    assert (opinion.verdict.offers, opinion.verdict.waiting_for, opinion.until) == ((), reason, START_S + 9)


@pytest.mark.parametrize(
    "findings", [*FINDINGS, (breaker_finding(BreakerEvent(place=GLOBAL, is_open=True, at=0, why="a drill", by="me")),)]
)
@pytest.mark.parametrize("ending", [Ending.OPEN, Ending.RELEASED])
def test_after_the_deadline_expired_is_offered_whatever_the_verdict(
    ending: Ending, findings: tuple[Finding, ...]
) -> None:
    """R-12: limits, breaker, or an earlier approval don't matter any more; and Locked is never offered."""
    offers = decision_opinion(facts(ending=ending), findings, time=DEADLINE).verdict.offers

    assert EXPIRED in offers
    assert LOCKED not in offers


@pytest.mark.parametrize("findings", FINDINGS)
def test_a_mint_that_the_destination_has_lost_is_offered_again_until_the_deadline(
    findings: tuple[Finding, ...],
) -> None:
    """Section 2: COMMITTED × NONE submits its settle again, whatever limits say; never after the deadline (R-13)."""
    lost = facts(ending=Ending.COMMITTED)

    assert decision_opinion(lost, findings, time=DEADLINE - 1).verdict.offers == (LOCKED,)
    assert decision_opinion(lost, findings, time=DEADLINE).verdict.offers == ()


@pytest.mark.parametrize("findings", FINDINGS)
def test_what_was_paid_back_is_refused_where_the_destination_has_lost_its_refusal(
    findings: tuple[Finding, ...],
) -> None:
    """Section 2: RELEASED × NONE submits its refuse again; INV-1: it is never approved."""
    offers = decision_opinion(facts(ending=Ending.RELEASED), findings, time=START_S).verdict.offers

    assert offers == refusals(Reason.LOCK_BROKEN)


def test_a_decision_that_stands_is_never_voted_against() -> None:
    for outcome in (Outcome.MINTED, Outcome.REJECTED, Outcome.EXPIRED):
        verdict = decision_opinion(facts(decision=decided(outcome)), (), time=DEADLINE + 1).verdict
        assert (verdict.offers, verdict.waiting_for) == ((), Reason.NONE)


def test_an_open_breaker_and_an_unreadable_ledger_are_waited_for() -> None:
    """R-11, R-12: neither is a refusal."""
    event = BreakerEvent(place=GLOBAL, is_open=True, at=0, why="the depository called", by="operator")
    breaker, unreadable = breaker_finding(event), unreadable_finding("1 of 3 nodes agree")

    assert (breaker.answer, breaker.check) == (Answer.WAIT, Check.BREAKER)
    assert "everything: the depository called" in breaker.note
    assert (unreadable.answer, unreadable.reason) == (Answer.WAIT, Reason.LEDGER_UNREACHABLE)


# --- what stands against an open lock

OUTBOUND = LaneView(
    enabled=True,
    paused=False,
    next_sequence=2,
    amount_min=1,
    amount_max=1000,
    deadline_min_s=5,
    deadline_max_s=DEADLINE - START_S,
    locked=1,
    committed=0,
    released=0,
    capacity=0,
    refill_s=0,
    large_amount=0,
    large_delay_s=0,
    headroom=0,
    minted=0,
)
REGISTERED = AssetView(enabled=True, issue_number=1, issued=100, sent=100, received=0)
SOURCE = Source(ledger=HERE, paused=False, lane=OUTBOUND, asset=REGISTERED, now=START_S)
CASE = Case(
    lock=locked(),
    source=SOURCE,
    destination_ledger=THERE,
    destination_asset=REGISTERED,
    eligibility=Reason.NONE,
    allowed_from=START_S,
    now=START_S,
)
DENIED = Policy(scopes=(Scope(),), denied=frozenset({account_digest(HERE, TERMS.sender)}))
DENIED_THERE = Policy(scopes=(Scope(),), denied=frozenset({account_digest(THERE, TERMS.recipient)}))
CODE = bytes(range(32))
UPGRADED = replace(REGISTERED, implementation=CODE)
LOOKED_AT = replace(EVERYTHING, implementations=frozenset({CODE}))
SLOW = Policy(scopes=(Scope(rule=Rule(large_amount=1, large_delay_s=60)),))


def at_source(**changes: object) -> Case:
    return replace(CASE, source=replace(SOURCE, **changes))  # type: ignore[arg-type] # fields by name


def at_destination(**changes: object) -> Case:
    return replace(CASE, destination_asset=replace(REGISTERED, **changes))  # type: ignore[arg-type] # fields by name


def test_nothing_stands_against_a_transfer_that_is_in_order() -> None:
    assert examine(EVERYTHING, CASE) == ()


def test_a_proxy_for_code_that_the_policy_names_is_in_order_r_31() -> None:
    assert examine(LOOKED_AT, replace(at_source(asset=UPGRADED), destination_asset=UPGRADED)) == ()


def test_whose_code_waits_for_whom_is_told_r_31() -> None:
    (changed,) = examine(EVERYTHING, at_source(asset=replace(REGISTERED, code_changed=True)))
    assert "source's token or handler" in changed.note
    assert "naru gateway verify" in changed.note
    (unknown,) = examine(EVERYTHING, at_destination(implementation=CODE))
    assert "destination's token" in unknown.note
    assert CODE.hex() in unknown.note
    assert "policy.implementations" in unknown.note


@pytest.mark.parametrize(
    ("policy", "case", "answer", "check", "reason"),
    [
        (EVERYTHING, replace(CASE, eligibility=Reason.NOT_ELIGIBLE), Answer.REFUSE, Check.ELIGIBILITY, 1),
        (EVERYTHING, replace(CASE, eligibility=Reason.TOKEN_PAUSED), Answer.WAIT, Check.ELIGIBILITY, 8),
        (Policy(scopes=()), CASE, Answer.REFUSE, Check.SCOPE, 6),
        (DENIED, CASE, Answer.REFUSE, Check.DENY_LIST, 6),
        (DENIED_THERE, CASE, Answer.REFUSE, Check.DENY_LIST, 6),
        (EVERYTHING, at_source(lane=replace(OUTBOUND, deadline_max_s=1)), Answer.REFUSE, Check.DEADLINE, 6),
        (EVERYTHING, at_source(paused=True), Answer.WAIT, Check.PAUSE, 8),
        (EVERYTHING, at_source(lane=replace(OUTBOUND, paused=True)), Answer.WAIT, Check.PAUSE, 8),
        (EVERYTHING, at_source(lane=replace(OUTBOUND, enabled=False)), Answer.WAIT, Check.ENABLED, 4),
        (EVERYTHING, at_source(asset=replace(REGISTERED, enabled=False)), Answer.WAIT, Check.ENABLED, 4),
        (EVERYTHING, at_source(asset=replace(REGISTERED, issue_number=0)), Answer.WAIT, Check.ISSUE, 11),
        (EVERYTHING, at_source(asset=replace(REGISTERED, sent=101)), Answer.WAIT, Check.ACCOUNT, 11),
        (EVERYTHING, at_source(asset=replace(REGISTERED, code_changed=True)), Answer.WAIT, Check.CODE, 4),
        (EVERYTHING, at_destination(code_changed=True), Answer.WAIT, Check.CODE, 4),
        (LOOKED_AT, at_destination(implementation=CODE, code_changed=True), Answer.WAIT, Check.CODE, 4),
        (EVERYTHING, at_source(asset=UPGRADED), Answer.WAIT, Check.CODE, 4),
        (LOOKED_AT, at_destination(implementation=CODE[::-1]), Answer.WAIT, Check.CODE, 4),
        (SLOW, CASE, Answer.WAIT, Check.LARGE, 7),
        (EVERYTHING, replace(CASE, allowed_from=START_S + 1), Answer.WAIT, Check.RATE, 7),
        (EVERYTHING, replace(CASE, lock=locked(amount=1001)), Answer.WAIT, Check.AMOUNT, 7),
    ],
)
def test_each_thing_that_stands_against_it_is_found(
    policy: Policy, case: Case, answer: Answer, check: Check, reason: int
) -> None:
    """R-11, R-25: limits and pauses are waited for, what the policy excludes is refused."""
    (finding,) = examine(policy, case)

    assert (finding.answer, finding.check, finding.reason) == (answer, check, reason)
    assert finding.note


def test_all_that_stands_against_it_is_found_at_once() -> None:
    case = replace(at_source(paused=True), eligibility=Reason.ACCOUNT_FROZEN, allowed_from=START_S + 5)

    assert [f.check for f in examine(SLOW, case)] == [Check.ELIGIBILITY, Check.PAUSE, Check.LARGE, Check.RATE]


def test_a_large_amount_and_a_turn_come_by_the_source_s_time() -> None:
    later = replace(at_source(now=START_S + 60), allowed_from=START_S + 60)

    assert examine(SLOW, later) == ()
    assert examine(SLOW, replace(later, source=replace(SOURCE, now=START_S + 59)))


def test_a_broken_account_is_waited_for_and_never_refused_though_its_reason_is_permanent() -> None:
    """R-11, R-12: it says nothing about this transfer; at the deadline EXPIRED rolls it back."""
    broken = account_finding(EVERYTHING, replace(REGISTERED, sent=107, received=2))
    assert broken is not None
    assert "5 units too many" in broken.note

    assert decision_opinion(facts(), (broken,), time=DEADLINE - 1).verdict.offers == ()
    assert decision_opinion(facts(), (broken,), time=DEADLINE).verdict.offers == (EXPIRED,)


@pytest.mark.parametrize(("sent", "received", "holds"), [(100, 0, True), (150, 50, True), (151, 50, False)])
def test_what_came_in_may_go_out_again(sent: int, received: int, *, holds: bool) -> None:
    """R-11."""
    assert (account_finding(EVERYTHING, replace(REGISTERED, sent=sent, received=received)) is None) is holds


def test_a_register_without_an_entry_is_waited_for_except_in_development() -> None:
    nothing_posted = replace(REGISTERED, issue_number=0, issued=0)
    finding = account_finding(EVERYTHING, nothing_posted)

    assert finding is not None
    assert "must do so first" in finding.note
    assert account_finding(replace(EVERYTHING, issue_required=False), nothing_posted) is None
    assert account_finding(replace(EVERYTHING, issue_required=False), replace(REGISTERED, sent=101)) is not None


# --- time


@pytest.mark.parametrize(
    ("head", "now", "idle", "time"),
    [
        (1000, 1000.0, 300, 1000),
        (1000, 1200.0, 300, 1000),
        (1000, 1300.9, 300, 1000),
        (1000, 1400.0, 300, 1100),
        (1000, 0.0, 300, 1000),
    ],
)
def test_a_ledger_s_time_is_its_head_s_or_the_own_clock_less_the_idle_allowance(
    head: int, now: float, idle: float, time: int
) -> None:
    """R-12: an idle ledger must not keep a transfer from expiring."""
    assert idle_time(stamp(head), now, idle) == time


# --- outcomes


@pytest.mark.parametrize("outcome", [Outcome.MINTED, Outcome.REJECTED, Outcome.EXPIRED])
def test_an_outcome_is_attested_as_decided(outcome: Outcome) -> None:
    verdict = outcome_opinion(facts(decision=decided(outcome), head_time=DEADLINE + 999), margin_s=30).verdict

    assert verdict.offers == (Offer(kind=Kind.OUTCOME, code=outcome),)


def test_no_decision_has_no_outcome_not_even_after_the_deadline() -> None:
    """INV-1, INV-2: silence of the destination is never a rollback."""
    verdict = outcome_opinion(facts(head_time=DEADLINE + 10**6), margin_s=0).verdict

    assert (verdict.offers, verdict.waiting_for) == ((), Reason.NONE)


def test_a_mint_is_attested_as_soon_as_it_is_final() -> None:
    """R-30: MINTED needs no margin."""
    at = START_S + 10

    assert outcome_opinion(facts(decision=decided(Outcome.MINTED, at=at), head_time=at), margin_s=3600).verdict.offers


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.EXPIRED])
@pytest.mark.parametrize(
    ("decided_at", "begins"), [(START_S + 10, START_S + 10), (DEADLINE, DEADLINE), (DEADLINE + 50, DEADLINE)]
)
def test_a_refusal_is_attested_when_the_margin_has_passed_and_not_a_second_before(
    outcome: Outcome, decided_at: int, begins: int
) -> None:
    """R-30: finalised destination time ≥ min(time of the record's block, deadline) + margin."""
    margin = 30
    decision = decided(outcome, at=decided_at)
    early = outcome_opinion(facts(decision=decision, head_time=begins + margin - 1), margin_s=margin)
    due = outcome_opinion(facts(decision=decision, head_time=begins + margin), margin_s=margin)

    assert (early.verdict.offers, early.check, early.until) == ((), Check.MARGIN, begins + margin)
    assert due.verdict.offers == (Offer(kind=Kind.OUTCOME, code=outcome),)


@pytest.mark.parametrize("ending", list(Ending))
def test_an_outcome_is_offered_whatever_the_source_says(ending: Ending) -> None:
    """It is a fact about the destination; the gateway skips a record that is written already."""
    assert outcome_opinion(facts(ending=ending, decision=decided(Outcome.MINTED)), margin_s=0).verdict.offers
