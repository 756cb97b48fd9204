"""The judge reads for itself (R-10), and waits for whatever it can't read (R-12)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.statements import Kind
from bridge.core.transfer import Lane, Transfer, TransferId
from bridge.errors import UnavailableError
from bridge.ports.committee import Offer, Question, TransferRef
from bridge.ports.ledger import LedgerReader
from notary.judge import Judge, Judged, LedgerEyes
from tests.committee import finish, refuse, settle
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import BOB, CAROL, DEADLINE_S, IDLE_ALLOWANCE_S, World

LOCKED = Offer(kind=Kind.LOCKED, code=0)
EXPIRED = Offer(kind=Kind.REFUSED, code=Reason.EXPIRED)


def ref(transfer: Transfer, *, sequence: int | None = None, transfer_id: TransferId | None = None) -> TransferRef:
    return TransferRef(
        lane=transfer.lane,
        sequence=transfer.sequence if sequence is None else sequence,
        transfer_id=transfer_id or transfer.id,
    )


def judge_of(
    world: World, *, alpha: LedgerReader | None = None, beta: LedgerReader | None = None, margin_s: int = 0
) -> Judge:
    eyes = {
        world.lane.source: LedgerEyes(reader=alpha or world.alpha, margin_s=margin_s),
        world.lane.destination: LedgerEyes(reader=beta or world.beta, margin_s=margin_s),
    }
    return Judge(eyes, world.clock, idle_allowance_s=IDLE_ALLOWANCE_S)


def ask(judge: Judge, *refs: TransferRef, question: Question = Question.DECISION) -> list[Judged]:
    return asyncio.run(judge.judge(question, refs))


def assert_waits(judged: Sequence[Judged], reason: Reason = Reason.NONE) -> None:
    assert [(j.verdict.offers, j.verdict.waiting_for, j.expired) for j in judged] == [((), reason, False)] * len(judged)
    assert all(j.verdict.note for j in judged)


def test_a_final_lock_of_an_eligible_transfer_is_approved() -> None:
    world = World()
    transfer = world.lock(7)
    (judged,) = ask(judge_of(world), ref(transfer))

    assert (judged.verdict.offers, judged.expired, judged.ref) == ((LOCKED,), False, ref(transfer))


def test_a_lock_that_is_not_final_is_waited_for_even_after_its_deadline() -> None:
    """R-12: neither Locked nor Refused of what it has not read final."""
    world = World(finality_depth=3)
    world.alpha.mine()
    world.alpha.mine()
    world.alpha.mine()
    transfer = world.lock(7)
    world.clock.advance(10 * DEADLINE_S)
    world.beta.mine(10 * DEADLINE_S)

    assert_waits(ask(judge_of(world), ref(transfer)))


@pytest.mark.parametrize("question", list(Question))
def test_another_transfer_at_that_sequence_is_waited_for(question: Question) -> None:
    world = World()
    transfer = world.lock(7)
    named = replace(transfer, amount=8)

    assert_waits(ask(judge_of(world), ref(named), question=question))


@pytest.mark.parametrize("sequence", [2, 3, 2**64 - 1])
def test_a_sequence_without_a_lock_is_waited_for(sequence: int) -> None:
    world = World()
    transfer = world.lock(7)

    assert_waits(ask(judge_of(world), ref(transfer, sequence=sequence)))


@pytest.mark.parametrize("end", ["source", "destination"])
def test_a_ledger_that_is_not_configured_is_unreachable(end: str) -> None:
    """R-10: whatever the request says, it is not looked for anywhere else."""
    world = World()
    transfer = world.lock(7)
    lane = replace(transfer.lane, source=EndpointId(bytes(32))) if end == "source" else transfer.lane
    lane = lane if end == "source" else replace(lane, destination=EndpointId(bytes(32)))

    assert_waits(ask(judge_of(world), replace(ref(transfer), lane=lane)), Reason.LEDGER_UNREACHABLE)


@pytest.mark.parametrize("end", ["alpha", "beta"])
@pytest.mark.parametrize("question", list(Question))
def test_a_ledger_that_can_not_be_read_is_waited_for(end: str, question: Question) -> None:
    """R-12: unreachable is transient, also once the deadline has passed."""
    world = World()
    transfer = world.lock(7)
    world.clock.advance(10 * DEADLINE_S)
    node = FalseReader(world.alpha if end == "alpha" else world.beta)
    node.silent = True
    judge = judge_of(world, alpha=node) if end == "alpha" else judge_of(world, beta=node)

    assert_waits(ask(judge, ref(transfer), question=question), Reason.LEDGER_UNREACHABLE)


def test_one_lane_that_can_not_be_read_holds_no_other_up() -> None:
    world = World()
    transfer = world.lock(7)
    elsewhere = replace(ref(transfer), lane=_back(world.lane), transfer_id=TransferId(bytes(32)))
    unknown = replace(
        elsewhere, lane=replace(world.lane, source=EndpointId(bytes(32))), transfer_id=TransferId(b"1" * 32)
    )
    first, second, third = ask(judge_of(world), elsewhere, ref(transfer), unknown)

    assert_waits([first])
    assert second.verdict.offers == (LOCKED,)
    assert_waits([third], Reason.LEDGER_UNREACHABLE)


def test_verdicts_come_in_the_order_of_the_request_however_far_apart_the_sequences_are() -> None:
    world = World()
    transfers = [world.lock(amount) for amount in range(1, 301)]
    asked = [ref(transfers[i]) for i in (299, 0, 150)]

    assert [(j.ref, j.verdict.offers) for j in ask(judge_of(world), *asked)] == [(r, (LOCKED,)) for r in asked]


def test_an_ineligible_recipient_is_refused_with_its_reason() -> None:
    """R-11: eligibility is asked of the destination."""
    world = World()
    transfer = world.lock(7, recipient=CAROL)
    (judged,) = ask(judge_of(world), ref(transfer))

    assert judged.verdict.offers[0] == Offer(kind=Kind.REFUSED, code=Reason.NOT_ELIGIBLE)


def test_a_passed_deadline_by_the_destination_s_time_is_expired() -> None:
    world = World()
    transfer = world.lock(7)
    world.beta.mine(DEADLINE_S)
    (judged,) = ask(judge_of(world), ref(transfer))

    assert (judged.verdict.offers, judged.expired) == ((EXPIRED,), True)


def test_an_idle_destination_expires_by_the_own_clock_less_the_idle_allowance() -> None:
    """R-12: the clock only lets a refusal start."""
    world = World()
    transfer = world.lock(7)
    world.clock.advance(DEADLINE_S + IDLE_ALLOWANCE_S - 1)
    (before,) = ask(judge_of(world), ref(transfer))
    world.clock.advance(1)
    (after,) = ask(judge_of(world), ref(transfer))

    assert (before.verdict.offers, before.expired) == ((LOCKED,), False)
    assert (after.verdict.offers, after.expired) == ((EXPIRED,), True)


def test_what_the_destination_decided_is_attested_to_the_source_after_the_margin() -> None:
    """R-30, with the margin of the destination and its own time, not the notary's clock."""
    world = World()
    transfers = [world.lock(7), world.lock(8, recipient=BOB)]
    for call in (settle(transfers[:1]), refuse(transfers[1:], Reason.POLICY_REFUSED)):
        world.beta.submit(world.beta.prepare(BOB, call))
    world.beta.mine()
    world.clock.advance(3600)
    judge = judge_of(world, margin_s=10)
    refs = [ref(t) for t in transfers]
    minted, refused = ask(judge, *refs, question=Question.OUTCOME)
    assert minted.verdict.offers == (Offer(kind=Kind.OUTCOME, code=Outcome.MINTED),)
    assert refused.verdict.offers == ()

    world.beta.mine(10)
    _, refused = ask(judge, *refs, question=Question.OUTCOME)
    assert refused.verdict.offers == (Offer(kind=Kind.OUTCOME, code=Outcome.REJECTED),)


def test_a_finished_transfer_is_not_decided_again() -> None:
    world = World()
    transfer = world.lock(7)
    for ledger, call in ((world.beta, settle([transfer])), (world.alpha, finish([transfer], Outcome.MINTED))):
        ledger.submit(ledger.prepare(BOB, call))
        ledger.mine()

    assert ask(judge_of(world), ref(transfer))[0].verdict.offers == ()


def test_the_epoch_is_the_one_that_the_verifier_has_as_current() -> None:
    """R-40."""
    world = World()

    assert asyncio.run(judge_of(world).epoch(world.lane.destination)) == 1
    with pytest.raises(UnavailableError, match="not configured"):
        asyncio.run(judge_of(world).epoch(EndpointId(bytes(32))))
    with pytest.raises(UnavailableError, match="not configured"):
        asyncio.run(judge_of(world).head(EndpointId(bytes(32))))


def _back(lane: Lane) -> Lane:
    return replace(lane, source=lane.destination, destination=lane.source)
