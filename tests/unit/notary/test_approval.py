"""What a notary would sign: the whole table, and each rule in words of its own."""

from itertools import product

import pytest

from bridge.core.reasons import Reason
from bridge.core.records import Decision, Ending, Outcome
from bridge.core.statements import Kind
from bridge.ports.committee import Offer
from bridge.ports.ledger import Lock
from notary.approval import Facts, decision_verdict, destination_time, outcome_verdict
from tests.conformance.samples import START_S, stamp, transfer

TERMS = transfer(1)
DEADLINE = TERMS.deadline
LOCKED = Offer(kind=Kind.LOCKED, code=0)
EXPIRED = Offer(kind=Kind.REFUSED, code=Reason.EXPIRED)
PERMANENT = [r for r in Reason if r is not Reason.NONE and not r.transient]


def facts(
    *,
    ending: Ending = Ending.OPEN,
    decision: Decision | None = None,
    eligibility: Reason = Reason.NONE,
    head_time: int = START_S,
) -> Facts:
    lock = Lock(transfer=TERMS, ending=ending, pending=False, stamp=stamp(START_S))
    return Facts(lock=lock, destination_head=stamp(head_time), decision=decision, eligibility=eligibility)


def decided(outcome: Outcome, *, at: int = START_S + 10) -> Decision:
    return Decision(outcome=outcome, reason=Reason.NONE, stamp=stamp(at))


def refusals(reason: Reason) -> tuple[Offer, ...]:
    """R-12: the notary's own reason, and the one that all can share."""
    reasons = dict.fromkeys([reason, Reason.POLICY_REFUSED])
    return tuple(Offer(kind=Kind.REFUSED, code=r) for r in reasons)


def expected(ending: Ending, decision: Decision | None, eligibility: Reason, *, expired: bool) -> tuple[Offer, ...]:
    """R-12, R-13, said once more."""
    if decision is not None or ending is Ending.COMMITTED:
        return ()
    offers: tuple[Offer, ...] = ()
    if ending is Ending.OPEN and eligibility in PERMANENT:
        offers = refusals(eligibility)
    if ending is Ending.OPEN and eligibility is Reason.NONE and not expired:
        offers = (LOCKED,)
    return (*offers, EXPIRED) if expired else offers


DECISIONS = [None, *(decided(outcome) for outcome in Outcome if outcome is not Outcome.NONE)]


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize(("ending", "decision"), list(product(Ending, DECISIONS)))
@pytest.mark.parametrize("eligibility", list(Reason))
def test_the_whole_table(ending: Ending, decision: Decision | None, eligibility: Reason, *, expired: bool) -> None:
    """R-11, R-12: ending × decision × eligibility × expired."""
    time = DEADLINE if expired else DEADLINE - 1
    verdict = decision_verdict(facts(ending=ending, decision=decision, eligibility=eligibility), time=time)

    assert verdict.transfer_id == TERMS.id
    assert verdict.offers == expected(ending, decision, eligibility, expired=expired)
    assert bool(verdict.offers) != bool(verdict.note)
    assert verdict.waiting_for in (Reason.NONE, eligibility)


def test_an_eligible_transfer_is_approved_and_nothing_else() -> None:
    assert decision_verdict(facts(), time=START_S).offers == (LOCKED,)


@pytest.mark.parametrize("reason", PERMANENT)
def test_a_permanent_reason_is_refused_with_it_or_by_policy(reason: Reason) -> None:
    """R-12: Refused(T, POLICY_REFUSED) whatever the permanent reason, so that t notaries can agree."""
    offers = decision_verdict(facts(eligibility=reason), time=START_S).offers

    assert offers[0] == Offer(kind=Kind.REFUSED, code=reason)
    assert Offer(kind=Kind.REFUSED, code=Reason.POLICY_REFUSED) in offers


@pytest.mark.parametrize("reason", [Reason.LIMIT_EXCEEDED, Reason.TOKEN_PAUSED, Reason.LEDGER_UNREACHABLE])
def test_a_transient_reason_is_waited_for_and_told(reason: Reason) -> None:
    """R-12: WAIT, never REFUSE."""
    verdict = decision_verdict(facts(eligibility=reason), time=DEADLINE - 1)

    assert (verdict.offers, verdict.waiting_for) == ((), reason)


@pytest.mark.parametrize("eligibility", list(Reason))
@pytest.mark.parametrize("ending", [Ending.OPEN, Ending.RELEASED])
def test_after_the_deadline_expired_is_offered_whatever_the_verdict(ending: Ending, eligibility: Reason) -> None:
    """R-12: limits, breaker, or an earlier approval don't matter any more; and Locked is never offered."""
    offers = decision_verdict(facts(ending=ending, eligibility=eligibility), time=DEADLINE).offers

    assert EXPIRED in offers
    assert LOCKED not in offers


def test_a_decision_that_stands_is_never_voted_against() -> None:
    for outcome in (Outcome.MINTED, Outcome.REJECTED, Outcome.EXPIRED):
        verdict = decision_verdict(facts(decision=decided(outcome)), time=DEADLINE + 1)
        assert (verdict.offers, verdict.waiting_for) == ((), Reason.NONE)


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
def test_destination_time_is_the_head_s_or_the_own_clock_less_the_idle_allowance(
    head: int, now: float, idle: float, time: int
) -> None:
    """R-12: an idle ledger must not keep a transfer from expiring."""
    assert destination_time(stamp(head), now, idle) == time


@pytest.mark.parametrize("outcome", [Outcome.MINTED, Outcome.REJECTED, Outcome.EXPIRED])
def test_an_outcome_is_attested_as_decided(outcome: Outcome) -> None:
    verdict = outcome_verdict(facts(decision=decided(outcome), head_time=DEADLINE + 999), margin_s=30)

    assert verdict.offers == (Offer(kind=Kind.OUTCOME, code=outcome),)


def test_no_decision_has_no_outcome_not_even_after_the_deadline() -> None:
    """INV-1, INV-2: silence of the destination is never a rollback."""
    verdict = outcome_verdict(facts(head_time=DEADLINE + 10**6), margin_s=0)

    assert (verdict.offers, verdict.waiting_for) == ((), Reason.NONE)


def test_a_mint_is_attested_as_soon_as_it_is_final() -> None:
    """R-30: MINTED needs no margin."""
    at = START_S + 10
    verdict = outcome_verdict(facts(decision=decided(Outcome.MINTED, at=at), head_time=at), margin_s=3600)

    assert verdict.offers


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
    early = facts(decision=decision, head_time=begins + margin - 1)
    due = facts(decision=decision, head_time=begins + margin)

    assert outcome_verdict(early, margin_s=margin).offers == ()
    assert outcome_verdict(due, margin_s=margin).offers == (Offer(kind=Kind.OUTCOME, code=outcome),)


@pytest.mark.parametrize("ending", list(Ending))
def test_an_outcome_is_offered_whatever_the_source_says(ending: Ending) -> None:
    """It is a fact about the destination; the gateway skips a record that is written already."""
    assert outcome_verdict(facts(ending=ending, decision=decided(Outcome.MINTED)), margin_s=0).offers
