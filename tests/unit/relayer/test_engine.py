"""The engine does what PLAN says and nothing else; what fails waits, by its class (R-53)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from bridge.core.caip import Account
from bridge.core.reasons import Reason
from bridge.core.records import COVER_S, BlockStamp, Ending, Outcome, Overlay, Source, Status, Step, plan
from bridge.core.transfer import Lane, Transfer
from bridge.errors import UnavailableError
from bridge.ports.ledger import LedgerReader, LedgerWriter, Lock, Payout, PreparedTransaction, Receipt, Submission
from bridge.ports.store import TransferRecord
from bridge.telemetry import KEYS
from relayer.engine import BATCH_LEN_MAX, LaneEngine
from relayer.service import Parts
from relayer.watcher import Watcher
from tests.committee import finish, refuse, settle
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import ALICE, ASSET, BOB, CAROL, World

FINAL_S = 3
"""Long enough for whatever was sent to be in a block."""


class Blinkered(FalseReader):
    """A node that can be made not to show any lock, to call the first one released, or to surprise everybody."""

    hides_locks = False
    calls_released = False
    surprises = False

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        if self.surprises:
            raise SurpriseError
        found = [] if self.hides_locks else await super().locks(lane, first, count, at, open_only=open_only)
        if self.calls_released and found and found[0].transfer.sequence == 1:
            found[0] = replace(found[0], ending=Ending.RELEASED)
        return found


class SurpriseError(Exception):
    """What no library was known to raise."""

    def __init__(self) -> None:
        super().__init__("of a library")


class Relay:
    """A world whose relayer is one engine, stepped by hand."""

    def __init__(self, world: World, *, wrap: Callable[[LedgerWriter], LedgerWriter] = lambda writer: writer) -> None:
        self.world = world
        self.parts = world.relayer(wrap=wrap)
        self.source = Blinkered(world.alpha)
        self.engine = engine_of(world, self.parts, self.source)
        self.asked: list[float] = []
        self.world.members[0].on_review = lambda: self.asked.append(world.clock.now())

    async def step(self) -> None:
        await self.engine.step()
        await self.world.clock.sleep(FINAL_S)

    async def steps(self, seconds: float, every: float = 1.0) -> None:
        until = self.world.clock.now() + seconds
        while self.world.clock.now() < until:
            await self.engine.step()
            await self.world.clock.sleep(every)

    async def record(self, transfer: Transfer) -> TransferRecord:
        record = await self.world.stores.transfers.get(transfer.id)
        assert record is not None
        return record

    @property
    def sent(self) -> tuple[int, int]:
        """Transactions that are in blocks, at source and destination."""
        return sum(self.world.alpha.newest.nonces.values()), sum(self.world.beta.newest.nonces.values())


def engine_of(world: World, parts: Parts, source: LedgerReader) -> LaneEngine:
    watcher = Watcher(world.lane, source, world.beta, parts.transfers, parts.cursors, world.clock)
    return LaneEngine(world.lane, watcher, parts.coordinator, parts.submitters, parts.transfers, world.clock)


def run(script: Callable[[Relay], Awaitable[None]], relay: Relay | None = None) -> None:
    async def whole() -> None:
        ours = relay or Relay(World())
        async with ours.world.living():
            await script(ours)

    asyncio.run(whole())


class Unwilling:
    """LedgerWriter whose node is down until told otherwise, or that does something first."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer

    down = False
    before_submit: Callable[[], None] = staticmethod(lambda: None)

    async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
        if type(self).down:
            msg = "the node does not answer"
            raise UnavailableError(msg)
        return await self._writer.prepare(call)

    async def submit(self, transaction: PreparedTransaction) -> None:
        type(self).before_submit()
        await self._writer.submit(transaction)

    async def receipt(self, reference: bytes) -> Receipt | None:
        return await self._writer.receipt(reference)


@pytest.mark.parametrize(
    ("recipient", "ended", "events"),
    [
        (BOB, Status.COMMITTED, ["locked", "settle signed", "settle sent", "minted", "finish signed", "finish sent"]),
        (
            CAROL,
            Status.ROLLED_BACK,
            ["locked", "refuse signed", "refuse sent", "rejected", "finish signed", "finish sent"],
        ),
    ],
)
def test_a_transfer_is_decided_then_finished_step_by_step(recipient: Account, ended: Status, events: list[str]) -> None:
    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7, recipient=recipient)
        await relay.step()
        record = await relay.record(transfer)
        assert (record.status, relay.sent) == (Status.DECIDING, (0, 1))
        await relay.step()
        assert relay.sent == (1, 1)
        await relay.step()
        record = await relay.record(transfer)
        assert (record.status, record.is_open, relay.sent) == (ended, False, (1, 1))
        assert [entry.event for entry in record.timeline] == [*events, record.source.lower()]
        assert {entry.signers for entry in record.timeline if entry.signers} == {(1, 2, 3)}

    run(script)


def test_each_question_goes_to_the_committee_for_the_step_that_plan_says() -> None:
    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7)
        for expected in (Step.DECIDE, Step.COMMIT, Step.DONE):
            await relay.step()
            record = await relay.record(transfer)
            if expected is not Step.DECIDE:
                assert plan(record.source, record.destination) is expected
        assert len(relay.asked) == 2

    run(script)


def test_nothing_is_asked_or_sent_for_what_can_not_be_judged_yet() -> None:
    """WAIT: the source's node does not show the lock any more, and no head covers it yet."""

    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7)
        relay.world.beta.set_token_paused(ASSET, paused=True)
        await relay.step()
        asked = len(relay.asked)
        relay.source.hides_locks = True
        await relay.steps(COVER_S // 2)
        assert (len(relay.asked), relay.sent) == (asked, (0, 0))
        assert (await relay.record(transfer)).source is Source.UNKNOWN

    run(script)


@pytest.mark.parametrize("broken", ["minted and released", "committed without a mint", "released without a refusal"])
def test_a_broken_pair_raises_the_alarm_once_and_is_never_acted_on(broken: str) -> None:
    """INV-1, INV-2, R-53: stop, keep everything, call a person."""

    async def script(relay: Relay) -> None:
        world = relay.world
        transfer = world.lock(7)
        if broken == "minted and released":
            world.beta.submit(world.beta.prepare(BOB, settle([transfer])))
            world.alpha.submit(world.alpha.prepare(BOB, finish([transfer], Outcome.REJECTED)))
        else:
            ending = Ending.COMMITTED if broken.startswith("committed") else Ending.RELEASED
            world.alpha.newest.endings[transfer.lane.id, 1] = ending
        world.alpha.mine()
        world.beta.mine(1 if broken == "minted and released" else 3 * COVER_S)
        before = relay.sent
        with capture_logs() as logs:
            await relay.steps(5)
        alarms = [line for line in logs if line["event"] == "atomicity.violated"]

        assert len(alarms) == 1
        assert {(line["log_level"], line["transfer_id"]) for line in alarms} == {("error", transfer.id.hex())}
        assert (relay.asked, relay.sent) == ([], before)
        record = await relay.record(transfer)
        assert (record.status, record.is_open) == (Status.BROKEN, True)

    run(script)


def test_a_lane_with_a_broken_pair_decides_nothing_new_and_goes_on_with_all_else() -> None:
    """R-53, broken: stop the lane for new locks, keep everything; what is decided is finished and paid."""

    async def script(relay: Relay) -> None:
        world = relay.world
        broken, minted, waiting = world.lock(7), world.lock(8), world.lock(9)
        refused = world.lock(10, recipient=CAROL)
        world.beta.submit(world.beta.prepare(BOB, settle([broken, minted])))
        world.beta.submit(world.beta.prepare(BOB, refuse([refused], Reason.NOT_ELIGIBLE)))
        world.alpha.set_holder(ASSET, ALICE, registered=False)
        world.alpha.submit(world.alpha.prepare(BOB, finish([refused], Outcome.REJECTED)))
        world.alpha.mine()
        world.beta.mine()
        world.alpha.set_holder(ASSET, ALICE, registered=True)
        relay.source.calls_released = True
        await relay.steps(20)
        assert (await relay.record(broken)).status is Status.BROKEN
        assert (await relay.record(minted)).status is Status.COMMITTED
        assert refused.id not in world.alpha.newest.pending
        assert (await relay.record(waiting)).status is Status.PREPARED
        assert len(relay.asked) == 1

        relay.source.calls_released = False
        await relay.steps(20)
        assert [(await relay.record(t)).status for t in (broken, waiting)] == [Status.COMMITTED, Status.COMMITTED]

    run(script)


def test_a_pair_that_is_broken_again_raises_the_alarm_again() -> None:
    async def script(relay: Relay) -> None:
        world = relay.world
        world.beta.submit(world.beta.prepare(BOB, settle([world.lock(7)])))
        world.alpha.mine()
        world.beta.mine()
        with capture_logs() as logs:
            relay.source.calls_released = True
            await relay.steps(5)
            relay.source.hides_locks = True
            await relay.steps(5)
            relay.source.hides_locks = False
            await relay.steps(5)
        assert [line["event"] for line in logs].count("atomicity.violated") == 2

    run(script)


def test_what_waits_is_asked_for_less_and_less_often_and_at_the_deadline_at_once() -> None:
    """R-53, transient: 1, 2, 4, … 30 s."""

    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7, deadline_s=100)
        relay.world.beta.set_token_paused(ASSET, paused=True)
        start = relay.world.clock.now()
        await relay.steps(101)
        waits = [round(later - earlier) for earlier, later in pairwise([at for at in relay.asked if at < start + 100])]

        assert waits == [1, 2, 4, 8, 16, 30, 30]
        assert start + 100 in relay.asked
        record = await relay.record(transfer)
        assert record.source.value == "LOCKED"

    run(script)


def test_why_it_waits_is_told_once_and_shown_as_held() -> None:
    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7)
        relay.world.beta.set_token_paused(ASSET, paused=True)
        await relay.steps(20)
        record = await relay.record(transfer)

        assert (record.overlay, record.reason) == (Overlay.HELD, Reason.TOKEN_PAUSED)
        assert [entry.event for entry in record.timeline] == ["locked", "held"]
        assert record.timeline[-1].note.startswith("TOKEN_PAUSED: ")

    run(script)


def test_what_was_held_goes_on_and_is_no_longer_shown_as_held() -> None:
    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7)
        relay.world.beta.set_token_paused(ASSET, paused=True)
        await relay.steps(3)
        relay.world.beta.set_token_paused(ASSET, paused=False)
        await relay.steps(20)
        record = await relay.record(transfer)

        assert (record.status, record.overlay, record.note) == (Status.COMMITTED, None, "")

    run(script)


def test_a_node_that_can_not_be_sent_to_is_tried_again_with_longer_waits_and_told() -> None:
    """R-53, transient; and the committee is not asked at every look."""

    class Down(Unwilling):
        down = True

    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7)
        await relay.steps(20)
        assert len(relay.asked) == 5
        record = await relay.record(transfer)
        assert "does not answer" in record.note
        Down.down = False
        await relay.steps(40)
        assert (await relay.record(transfer)).status is Status.COMMITTED

    run(script, Relay(World(), wrap=Down))


def test_a_call_that_the_gateway_refuses_is_held_with_what_it_said() -> None:
    """R-53: refused for now, by the gateway; the transfer itself is not."""

    class PausedMeanwhile(Unwilling):
        """The gateway is paused between the signature and the block."""

    world = World()
    PausedMeanwhile.before_submit = staticmethod(lambda: world.beta.set_paused(paused=True))

    async def script(relay: Relay) -> None:
        transfer = world.lock(7)
        await relay.step()
        record = await relay.record(transfer)
        assert "settle was not done: Reverted" in record.note
        PausedMeanwhile.before_submit = staticmethod(lambda: None)
        world.beta.set_paused(paused=False)
        await relay.steps(40)
        assert (await relay.record(transfer)).status is Status.COMMITTED

    run(script, Relay(world, wrap=PausedMeanwhile))


def test_an_item_that_settle_left_undone_is_held_with_its_reason_and_the_rest_goes_on() -> None:
    """R-20."""

    class StruckOffMeanwhile(Unwilling):
        """One recipient leaves the register between the signature and the block."""

    world = World()
    StruckOffMeanwhile.before_submit = staticmethod(lambda: world.beta.set_holder(ASSET, ALICE, registered=False))

    async def script(relay: Relay) -> None:
        left, done = world.lock(7, recipient=ALICE), world.lock(8)
        await relay.step()
        record = await relay.record(left)
        assert (record.overlay, record.reason) == (Overlay.HELD, Reason.NOT_ELIGIBLE)
        assert (await relay.record(done)).overlay is None
        assert world.minted() == 8

    run(script, Relay(world, wrap=StruckOffMeanwhile))


def test_one_ledger_that_fails_does_not_hold_the_other_up() -> None:
    """Deciding and finishing go side by side."""
    world = World()

    class DestinationDown(Unwilling):
        async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
            assert isinstance(call, Submission)
            if call.attestation.statement.verifier == world.lane.destination:
                msg = "the node does not answer"
                raise UnavailableError(msg)
            return await super().prepare(call)

    async def script(relay: Relay) -> None:
        decided = world.lock(7)
        world.beta.submit(world.beta.prepare(BOB, settle([decided])))
        world.beta.mine()
        waiting = world.lock(8)
        await relay.steps(5)

        assert (await relay.record(decided)).status is Status.COMMITTED
        assert (await relay.record(waiting)).status is Status.PREPARED

    run(script, Relay(world, wrap=DestinationDown))


def test_a_payout_is_tried_again_with_longer_waits_until_the_token_takes_it() -> None:
    """R-31."""

    async def script(relay: Relay) -> None:
        world = relay.world
        transfer = world.lock(7, recipient=CAROL)
        world.alpha.set_holder(ASSET, ALICE, registered=False)
        with capture_logs() as logs:
            await relay.steps(70)
        refused = [line for line in logs if line["event"] == "payout.refused"]
        assert 3 <= len(refused) <= 8
        record = await relay.record(transfer)
        assert (record.status, record.overlay) == (Status.ROLLED_BACK, Overlay.HELD)

        world.alpha.set_holder(ASSET, ALICE, registered=True)
        await relay.steps(40)
        record = await relay.record(transfer)
        assert (record.overlay, record.is_open, record.timeline[-1].event) == (None, False, "payout sent")

    run(script)


def test_a_payout_that_can_not_be_sent_waits_and_the_next_ones_are_paid() -> None:
    """R-31, R-53: transient."""
    world = World()
    tried: list[tuple[Transfer, float]] = []

    class FirstPayoutDown(Unwilling):
        async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
            if isinstance(call, Payout):
                tried.append((call.transfer, world.clock.now()))
                if call.transfer.sequence == 1 and type(self).down:
                    msg = "the node does not answer"
                    raise UnavailableError(msg)
            return await self._writer.prepare(call)

    async def script(relay: Relay) -> None:
        first, second = (world.lock(amount, recipient=CAROL) for amount in (7, 8))
        world.alpha.set_holder(ASSET, ALICE, registered=False)
        await relay.steps(5)
        assert set(world.alpha.newest.pending) == {first.id, second.id}
        world.alpha.set_holder(ASSET, ALICE, registered=True)
        FirstPayoutDown.down = True
        tried.clear()
        await relay.steps(40)
        assert set(world.alpha.newest.pending) == {first.id}
        assert [transfer for transfer, _ in tried[:2]] == [first, second]
        assert tried[0][1] == tried[1][1], "one look, one try of each"
        assert 2 <= sum(transfer == first for transfer, _ in tried) <= 6
        told = [entry.event for entry in (await relay.record(first)).timeline]
        assert len(told) == len(set(told)), "each try must not be told again"

        FirstPayoutDown.down = False
        await relay.steps(40)
        assert not world.alpha.newest.pending
        assert not (await relay.record(first)).is_open

    run(script, Relay(world, wrap=FirstPayoutDown))


def test_more_transfers_than_one_list_takes_go_in_several() -> None:
    async def script(relay: Relay) -> None:
        for amount in range(1, 2 * BATCH_LEN_MAX + 2):
            relay.world.lock(amount)
        await relay.step()

        assert relay.sent == (0, 3)
        assert len(relay.world.beta.newest.outcomes) == 2 * BATCH_LEN_MAX + 1

    run(script)


def test_a_record_that_another_relayer_wrote_meanwhile_is_taken_as_it_is() -> None:
    """R-50, R-51: compare-and-set; the ledgers are asked again at the next look."""
    world = World()

    class WrittenMeanwhile(Unwilling):
        before_submit = staticmethod(lambda: None)

        async def submit(self, transaction: PreparedTransaction) -> None:
            (record,) = await world.stores.transfers.recent(1)
            await world.stores.transfers.put(record)
            await super().submit(transaction)

    async def script(relay: Relay) -> None:
        transfer = world.lock(7)
        await relay.steps(20)
        record = await relay.record(transfer)

        assert record.status is Status.COMMITTED
        assert relay.sent == (1, 1)

    run(script, Relay(world, wrap=WrittenMeanwhile))


def test_a_step_that_fails_is_told_and_the_loop_goes_on() -> None:
    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7)
        relay.source.silent = True
        stopping = asyncio.Event()
        with capture_logs() as logs:
            running = asyncio.ensure_future(relay.engine.run(stopping, 1.0))
            await relay.world.clock.sleep(1.5)
            relay.source.silent = False
            await relay.world.clock.sleep(20)
            stopping.set()
            await running

        assert [line["event"] for line in logs].count("lane.step_failed") == 2
        assert (await relay.record(transfer)).status is Status.COMMITTED

    run(script)


@pytest.mark.parametrize("where", ["while it looks", "while it acts"])
def test_a_surprise_is_told_and_the_loop_goes_on(where: str) -> None:
    """R-53: an error that is none of ours ends no lane, alone or out of a group of tasks."""

    class Surprising(Unwilling):
        before_submit = staticmethod(lambda: None)

        async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
            if type(self).down:
                raise SurpriseError
            return await self._writer.prepare(call)

    async def script(relay: Relay) -> None:
        transfer = relay.world.lock(7)
        relay.source.surprises = where == "while it looks"
        Surprising.down = where == "while it acts"
        stopping = asyncio.Event()
        with capture_logs() as logs:
            running = asyncio.ensure_future(relay.engine.run(stopping, 1.0))
            await relay.world.clock.sleep(1.5)
            relay.source.surprises = Surprising.down = False
            await relay.world.clock.sleep(20)
            stopping.set()
            await running

        crashes = [line for line in logs if line["event"] == "lane.step_crashed"]
        assert [line["error"] for line in crashes] == ["SurpriseError: of a library"] * 2
        assert set(crashes[0]) - {"log_level"} <= KEYS
        assert (await relay.record(transfer)).status is Status.COMMITTED

    run(script, Relay(World(), wrap=Surprising))


def test_who_cancels_an_engine_in_its_step_is_heard() -> None:
    class Hanging(Unwilling):
        async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
            del call
            await asyncio.Event().wait()
            raise AssertionError

    async def script(relay: Relay) -> None:
        relay.world.lock(7)
        running = asyncio.ensure_future(relay.engine.run(asyncio.Event(), 1.0))
        await relay.world.clock.sleep(3)
        running.cancel()
        await asyncio.wait([running], timeout=5)
        assert running.cancelled()

    run(script, Relay(World(), wrap=Hanging))
