"""The judge reads for itself (R-10), and waits for whatever it can't read (R-12)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from bridge.adapters.memory.gateway import Limits
from bridge.adapters.memory.verdicts import MemoryVerdicts
from bridge.core.caip import AssetId, EndpointId
from bridge.core.policy import EVERYTHING, Check, Policy, Rule, Scope
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Outcome
from bridge.core.statements import Kind
from bridge.core.transfer import Lane, Transfer, TransferId
from bridge.errors import UnavailableError
from bridge.ports.committee import Offer, Question, TransferRef
from bridge.ports.facts import EndpointRetiredError, FactConflictError
from bridge.ports.ledger import AssetReader, AssetView, LaneView, LedgerReader, Lock, Submission
from bridge.ports.verdicts import GLOBAL, BreakerEvent, Breakers, KeptVerdict, Place, VerdictLog
from notary.judge import Judge, Judged, LedgerEyes
from tests.committee import finish, refuse, settle
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import ALICE, ASSET, BOB, CAROL, DEADLINE_S, IDLE_ALLOWANCE_S, ISSUED, World

LOCKED = Offer(kind=Kind.LOCKED, code=0)
EXPIRED = Offer(kind=Kind.REFUSED, code=Reason.EXPIRED)


def ref(transfer: Transfer, *, sequence: int | None = None, transfer_id: TransferId | None = None) -> TransferRef:
    return TransferRef(
        lane=transfer.lane,
        sequence=transfer.sequence if sequence is None else sequence,
        transfer_id=transfer_id or transfer.id,
    )


def judge_of(  # noqa: PLR0913 - what a composition root gives, by name
    world: World,
    *,
    alpha: LedgerReader | None = None,
    beta: LedgerReader | None = None,
    margin_s: int = 0,
    assets: Mapping[EndpointId, AssetReader] | None = None,
    policy: Policy = EVERYTHING,
    verdicts: VerdictLog | None = None,
    breakers: Breakers | None = None,
) -> Judge:
    both = {world.lane.source: world.alpha, world.lane.destination: world.beta} | dict(assets or {})
    readers = {world.lane.source: alpha or world.alpha, world.lane.destination: beta or world.beta}
    eyes = {end: LedgerEyes(reader=readers[end], assets=both[end], margin_s=margin_s) for end in readers}
    return Judge(
        eyes,
        world.clock,
        idle_allowance_s=IDLE_ALLOWANCE_S,
        policy=policy,
        verdicts=verdicts or MemoryVerdicts(),
        breakers=breakers or MemoryVerdicts(),
    )


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


# --- limits, pauses, account


def test_a_lane_that_is_paused_at_its_source_is_waited_for_and_its_refusals_are_not() -> None:
    """R-11, R-32."""
    world = World()
    transfers = [world.lock(7), world.lock(8, recipient=CAROL)]
    world.alpha.audit_pause_lane(world.lane)
    approved, refused = ask(judge_of(world), *map(ref, transfers))

    assert_waits([approved], Reason.TOKEN_PAUSED)
    assert refused.verdict.offers[0] == Offer(kind=Kind.REFUSED, code=Reason.NOT_ELIGIBLE)


def test_a_lane_that_is_disabled_at_its_source_is_waited_for() -> None:
    """R-07, R-11."""
    world = World()
    transfer = world.lock(7)
    world.alpha.set_lane_enabled(world.lane, enabled=False)

    assert_waits(ask(judge_of(world), ref(transfer)), Reason.ASSET_NOT_REGISTERED)


def test_a_lane_sends_out_no_faster_than_the_destination_s_bucket_fills() -> None:
    """R-25: also what nobody has submitted yet counts."""
    world = World()
    world.beta.open_lane(world.lane, Limits(capacity=100, refill_s=50))
    transfers = [world.lock(amount) for amount in (60, 40, 20)]
    judge = judge_of(world)
    first, second, third = ask(judge, *map(ref, transfers))
    assert (first.verdict.offers, second.verdict.offers) == ((LOCKED,), (LOCKED,))
    assert_waits([third], Reason.LIMIT_EXCEEDED)

    world.alpha.mine(9)
    assert_waits(ask(judge, ref(transfers[2])), Reason.LIMIT_EXCEEDED)
    world.alpha.mine(1)
    assert ask(judge, ref(transfers[2]))[0].verdict.offers == (LOCKED,)


def test_a_notary_that_was_started_later_lets_out_at_the_same_times() -> None:
    """R-25: a pure function of the locks, never of what this notary has seen."""
    world = World()
    world.beta.open_lane(world.lane, Limits(capacity=100, refill_s=50))
    transfers = [world.lock(10) for _ in range(12)]
    old = judge_of(world)
    for transfer in transfers:
        ask(old, ref(transfer))
    for seconds in (0, 4, 1, 4, 1):
        world.alpha.mine(seconds)
        answers = [ask(judge, *map(ref, transfers)) for judge in (old, judge_of(world))]
        assert answers[0] == answers[1]


def test_a_large_amount_waits_by_the_policy_and_goes_on_after_its_delay() -> None:
    world = World()
    transfer = world.lock(500)
    judge = judge_of(world, policy=Policy(scopes=(Scope(rule=Rule(large_amount=500, large_delay_s=20)),)))
    assert_waits(ask(judge, ref(transfer)), Reason.LIMIT_EXCEEDED)

    world.alpha.mine(20)
    assert ask(judge, ref(transfer))[0].verdict.offers == (LOCKED,)


def test_a_lane_outside_the_policy_is_refused() -> None:
    """R-12: permanent, so it rolls back at once if enough notaries think so."""
    world = World()
    transfer = world.lock(5)
    (judged,) = ask(judge_of(world, policy=Policy(scopes=())), ref(transfer))

    assert judged.verdict.offers == (Offer(kind=Kind.REFUSED, code=Reason.POLICY_REFUSED),)


def test_a_ledger_that_sent_out_more_than_it_has_opens_the_breaker_of_that_asset_there() -> None:
    """R-11: and the breaker stays open when the figures are right again, until a person closes it."""
    world, breakers = World(), MemoryVerdicts()
    transfer = world.lock(7)
    world.alpha.post_issue(ASSET, 2, 5)
    judge = judge_of(world, breakers=breakers)
    assert_waits(ask(judge, ref(transfer)), Reason.SUPPLY_BREAK)
    (opened,) = breakers.opened()
    assert opened.place == Place(endpoint=world.lane.source, asset=ASSET)
    assert "2 units too many" in opened.why

    world.alpha.post_issue(ASSET, 3, ISSUED)
    (judged,) = ask(judge, ref(transfer))
    assert (judged.verdict.offers, judged.verdict.waiting_for) == ((), Reason.TOKEN_PAUSED)
    breakers.close(opened.place, at=0, why="the entry was late", by="operator")
    assert ask(judge, ref(transfer))[0].verdict.offers == (LOCKED,)
    assert len(breakers.history()) == 2


def test_what_was_released_does_not_count_as_sent_out() -> None:
    """R-11: net of releases."""
    world = World()
    back = world.lock(ISSUED, recipient=CAROL)
    for ledger, call in (
        (world.beta, refuse([back], Reason.NOT_ELIGIBLE)),
        (world.alpha, finish([back], Outcome.REJECTED)),
    ):
        ledger.submit(ledger.prepare(BOB, call))
        ledger.mine()
    again = world.lock(ISSUED)

    assert ask(judge_of(world), ref(again))[0].verdict.offers == (LOCKED,)


def test_an_asset_without_an_entry_of_its_register_waits_and_opens_no_breaker() -> None:
    world, breakers = World(), MemoryVerdicts()
    world.alpha.add_asset(ASSET, ALICE, BOB)
    world.alpha.issue(ASSET, ALICE, ISSUED)
    transfer = world.lock(7)
    judge = judge_of(world, breakers=breakers)

    assert_waits(ask(judge, ref(transfer)), Reason.SUPPLY_BREAK)
    assert breakers.opened() == []


class Upgraded(AssetReader):
    """A ledger on which the asset's code is not what it was."""

    def __init__(self, ledger: AssetReader) -> None:
        self.ledger = ledger

    async def asset(self, asset: AssetId, at: BlockStamp) -> AssetView:
        return replace(await self.ledger.asset(asset, at), code_changed=True)


@pytest.mark.parametrize("end", ["source", "destination"])
def test_code_that_changed_at_either_end_lets_a_mint_wait_and_no_outcome(end: str) -> None:
    """R-31, R-32."""
    world = World()
    transfer = world.lock(7)
    ledger = world.alpha if end == "source" else world.beta
    judge = judge_of(world, assets={getattr(world.lane, end): Upgraded(ledger)})
    assert_waits(ask(judge, ref(transfer)), Reason.ASSET_NOT_REGISTERED)

    world.beta.submit(world.beta.prepare(BOB, settle([transfer])))
    world.beta.mine()
    (judged,) = ask(judge, ref(transfer), question=Question.OUTCOME)
    assert judged.verdict.offers == (Offer(kind=Kind.OUTCOME, code=Outcome.MINTED),)


# --- an open breaker


@pytest.mark.parametrize("where", ["all", "source", "destination", "asset"])
def test_an_open_breaker_stops_decisions_and_no_outcome_and_no_expiry(where: str) -> None:
    """R-11, R-32, R-12: a breaker must not break atomicity."""
    world, breakers = World(), MemoryVerdicts()
    minted, open_one, refused = world.lock(7), world.lock(8), world.lock(9, recipient=CAROL)
    world.beta.submit(world.beta.prepare(BOB, settle([minted])))
    world.beta.mine()
    place = {
        "all": GLOBAL,
        "source": Place(endpoint=world.lane.source),
        "destination": Place(endpoint=world.lane.destination),
        "asset": Place(endpoint=world.lane.destination, asset=ASSET),
    }[where]
    breakers.open(place, at=1, why="a drill", by="operator")
    judge = judge_of(world, breakers=breakers)

    assert_waits(ask(judge, ref(open_one), ref(refused)), Reason.TOKEN_PAUSED)
    outcome = ask(judge, ref(minted), question=Question.OUTCOME)[0]
    assert outcome.verdict.offers == (Offer(kind=Kind.OUTCOME, code=Outcome.MINTED),)
    world.beta.mine(DEADLINE_S)
    assert [j.verdict.offers for j in ask(judge, ref(open_one), ref(refused))] == [(EXPIRED,), (EXPIRED,)]


@pytest.mark.parametrize("other", [Place(endpoint=EndpointId(b"o" * 32)), "another asset"])
def test_a_breaker_of_another_place_stops_nothing(other: Place | str) -> None:
    world, breakers = World(), MemoryVerdicts()
    transfer = world.lock(7)
    place = other if isinstance(other, Place) else Place(endpoint=world.lane.source, asset=AssetId(b"a" * 32))
    breakers.open(place, at=1, why="a drill", by="operator")

    assert ask(judge_of(world, breakers=breakers), ref(transfer))[0].verdict.offers == (LOCKED,)


class Retired(FalseReader):
    """A reader that has found its ledger changed below its finality."""

    def __init__(self, honest: LedgerReader, error: UnavailableError) -> None:
        super().__init__(honest)
        self._error = error

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        del lane, first, count, at, open_only
        raise self._error


@pytest.mark.parametrize("what", ["retired", "contradicts"])
def test_facts_that_contradict_themselves_open_the_breaker_of_their_endpoint(what: str) -> None:
    """R-06: the observer tells, the breaker stops."""
    world, breakers = World(), MemoryVerdicts()
    transfer = world.lock(7)
    why = "the block at height 1 is another one"
    error = EndpointRetiredError(world.lane.source, why) if what == "retired" else FactConflictError(why)
    judge = judge_of(world, alpha=Retired(world.alpha, error), breakers=breakers)

    assert_waits(ask(judge, ref(transfer)), Reason.LEDGER_UNREACHABLE)
    assert [event.place for event in breakers.opened()] == [Place(endpoint=world.lane.source)]
    ask(judge, ref(transfer))
    assert len(breakers.history()) == 1


def test_two_records_that_contradict_each_other_open_the_breaker_at_both_ends() -> None:
    """PLAN's broken pairs; INV-1."""
    world, breakers = World(), MemoryVerdicts()
    transfer = world.lock(7)
    for ledger, call in ((world.beta, settle([transfer])), (world.alpha, finish([transfer], Outcome.REJECTED))):
        ledger.submit(ledger.prepare(BOB, call))
        ledger.mine()
    ask(judge_of(world, breakers=breakers), ref(transfer), question=Question.OUTCOME)

    places = {Place(endpoint=end, asset=ASSET) for end in (world.lane.source, world.lane.destination)}
    assert {event.place for event in breakers.opened()} == places


class Broken:
    """A disk that refuses everything."""

    def keep(self, verdicts: Sequence[KeptVerdict]) -> None:
        del verdicts
        raise UnavailableError("the disk is full")

    def explain(self, transfer_id: TransferId) -> list[KeptVerdict]:
        del transfer_id
        raise UnavailableError("the disk is full")

    def open(self, place: Place, *, at: float, why: str, by: str) -> None:
        del place, at, why, by
        raise UnavailableError("the disk is full")

    def close(self, place: Place, *, at: float, why: str, by: str) -> None:
        del place, at, why, by
        raise UnavailableError("the disk is full")

    def opened(self) -> list[BreakerEvent]:
        raise UnavailableError("the disk is full")

    def history(self) -> list[BreakerEvent]:
        raise UnavailableError("the disk is full")


def test_breakers_that_can_not_be_read_count_as_open_and_stop_no_expiry() -> None:
    world = World()
    transfer = world.lock(7)
    judge = judge_of(world, breakers=Broken())
    assert_waits(ask(judge, ref(transfer)), Reason.LEDGER_UNREACHABLE)

    world.beta.mine(DEADLINE_S)
    assert ask(judge, ref(transfer))[0].verdict.offers == (EXPIRED,)


def test_verdicts_that_can_not_be_kept_hold_nothing_up() -> None:
    world = World()
    transfer = world.lock(7)

    assert ask(judge_of(world, verdicts=Broken()), ref(transfer))[0].verdict.offers == (LOCKED,)


class WithoutState(FalseReader):
    """A node that lacks the state behind views, and has the records."""

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        del lane, at
        raise UnavailableError("missing trie node")


def test_what_can_not_be_examined_expires_all_the_same() -> None:
    """R-12: EXPIRED hangs on its own lock, the decision and the time, and on nothing else."""
    world = World()
    transfer = world.lock(7)
    judge = judge_of(world, alpha=WithoutState(world.alpha), beta=WithoutState(world.beta))
    assert_waits(ask(judge, ref(transfer)), Reason.LEDGER_UNREACHABLE)

    world.beta.mine(DEADLINE_S)
    assert ask(judge, ref(transfer))[0].verdict.offers == (EXPIRED,)


# --- lost records (section 2)


class Forgetful(FalseReader):
    """A destination that has lost its records."""

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        del at
        return [None] * len(transfers)


@pytest.mark.parametrize(
    ("call", "outcome", "offers"),
    [
        (settle, Outcome.MINTED, (LOCKED,)),
        (
            lambda transfers: refuse(transfers, Reason.POLICY_REFUSED),
            Outcome.REJECTED,
            tuple(Offer(kind=Kind.REFUSED, code=r) for r in (Reason.LOCK_BROKEN, Reason.POLICY_REFUSED)),
        ),
    ],
)
def test_a_record_that_the_destination_has_lost_is_offered_again(
    call: Callable[[Sequence[Transfer]], Submission], outcome: Outcome, offers: tuple[Offer, ...]
) -> None:
    """Section 2: COMMITTED × NONE its settle, RELEASED × NONE its refuse, also while the breaker is open."""
    world, breakers = World(), MemoryVerdicts()
    transfer = world.lock(7)
    for ledger, submission in ((world.beta, call([transfer])), (world.alpha, finish([transfer], outcome))):
        ledger.submit(ledger.prepare(BOB, submission))
        ledger.mine()
    breakers.open(GLOBAL, at=1, why="a record is lost", by="operator")
    (judged,) = ask(judge_of(world, beta=Forgetful(world.beta), breakers=breakers), ref(transfer))

    assert judged.verdict.offers == offers


# --- what is kept


def test_each_change_of_a_verdict_is_kept_with_the_check_that_decided() -> None:
    world, verdicts = World(), MemoryVerdicts()
    transfer = world.lock(7)
    world.beta.set_token_paused(ASSET, paused=True)
    judge = judge_of(world, verdicts=verdicts)
    for _ in range(3):
        ask(judge, ref(transfer))
    world.beta.set_token_paused(ASSET, paused=False)
    ask(judge, ref(transfer))
    ask(judge, ref(transfer), question=Question.OUTCOME)

    kept = verdicts.explain(transfer.id)
    assert [(v.question, v.check, v.reason) for v in kept] == [
        (Question.DECISION, Check.ELIGIBILITY, Reason.TOKEN_PAUSED),
        (Question.DECISION, Check.ALL, Reason.NONE),
        (Question.OUTCOME, Check.RECORDS, Reason.NONE),
    ]
    assert kept[1].offers == (LOCKED,)


def test_what_is_the_same_for_all_transfers_is_read_once_for_each_head() -> None:
    world = World()
    transfers = [world.lock(7), world.lock(8)]
    counted = Counting(world.alpha)
    judge = judge_of(world, alpha=counted)
    for transfer in (*transfers, *transfers):
        ask(judge, ref(transfer))
    assert counted.lanes == 1

    world.alpha.mine()
    ask(judge, ref(transfers[0]))
    assert counted.lanes == 2


class Counting(FalseReader):
    """Counts how often the lane is read."""

    lanes = 0

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        self.lanes += 1
        return await super().lane(lane, at)


def _back(lane: Lane) -> Lane:
    return replace(lane, source=lane.destination, destination=lane.source)
