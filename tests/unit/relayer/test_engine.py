"""The engine does what PLAN says and nothing else; of broken pairs it touches only those that can be mended."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.core.caip import Account
from bridge.core.reasons import Reason
from bridge.core.records import COVER_S, Ending, Outcome, Source, Status, Step, plan
from bridge.core.transfer import Transfer
from bridge.ports.ledger import PreparedTransaction, Submission
from relayer.engine import BATCH_LEN_MAX
from tests.committee import finish, refuse, settle
from tests.scenarios.world import ALICE, ASSET, BOB, CAROL, World
from tests.unit.relayer.relay import Relay, Unwilling, run


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


def alarms(logs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [line for line in logs if line["event"] == "atomicity.violated"]


@pytest.mark.parametrize(
    ("decided", "ended"),
    [
        (settle, Outcome.REJECTED),
        (lambda transfers: refuse(transfers, Reason.POLICY_REFUSED), Outcome.MINTED),
    ],
    ids=["minted and released", "refused and committed"],
)
def test_a_broken_pair_raises_the_alarm_once_and_is_never_acted_on(
    decided: Callable[[Sequence[Transfer]], Submission], ended: Outcome
) -> None:
    """INV-1, INV-2, R-53: stop, keep everything, call a person."""

    async def script(relay: Relay) -> None:
        world = relay.world
        transfer = world.lock(7)
        world.beta.submit(world.beta.prepare(BOB, decided([transfer])))
        world.alpha.submit(world.alpha.prepare(BOB, finish([transfer], ended)))
        world.alpha.mine()
        world.beta.mine()
        before = relay.sent
        with capture_logs() as logs:
            await relay.steps(5)
        (alarm,) = alarms(logs)

        assert (alarm["log_level"], alarm["transfer_id"]) == ("error", transfer.id.hex())
        assert (relay.asked, relay.sent) == ([], before)
        record = await relay.record(transfer)
        assert (record.status, record.is_open) == (Status.BROKEN, True)

    run(script)


@pytest.mark.parametrize(
    ("ending", "sent", "status", "outcome"),
    [
        (Ending.COMMITTED, "settle sent", Status.COMMITTED, Outcome.MINTED),
        (Ending.RELEASED, "refuse sent", Status.ROLLED_BACK, Outcome.REJECTED),
    ],
)
def test_a_record_that_the_destination_has_lost_is_written_again_after_the_alarm(
    ending: Ending, sent: str, status: Status, outcome: Outcome
) -> None:
    """Section 2: COMMITTED × NONE submits its settle again, RELEASED × NONE its refuse; then the lane goes on."""

    async def script(relay: Relay) -> None:
        world = relay.world
        transfer = world.lock(7, deadline_s=10 * COVER_S)
        world.alpha.newest.endings[transfer.lane.id, 1] = ending
        world.alpha.mine()
        world.beta.mine(3 * COVER_S)
        with capture_logs() as logs:
            await relay.steps(20)
            waiting = world.lock(8, deadline_s=10 * COVER_S)
            await relay.steps(20)

        assert len(alarms(logs)) == 1
        record = await relay.record(transfer)
        assert (record.status, record.is_open) == (status, False)
        assert record.decision is not None
        assert record.decision.outcome is outcome
        assert [entry.event for entry in record.timeline].count(sent) == 1
        assert (await relay.record(waiting)).status is Status.COMMITTED

    run(script)


def test_a_mint_that_is_lost_past_its_deadline_is_left_to_people_who_are_told_once() -> None:
    """R-13: Locked lapses; the lane stays stopped, and each look keeps what the notaries say."""

    async def script(relay: Relay) -> None:
        world = relay.world
        transfer = world.lock(7)
        world.alpha.newest.endings[transfer.lane.id, 1] = Ending.COMMITTED
        world.alpha.mine()
        world.beta.mine(3 * COVER_S)
        before = relay.sent
        await relay.steps(100)

        record = await relay.record(transfer)
        assert (record.status, relay.sent) == (Status.BROKEN, before)
        assert "people must act" in record.note
        assert [entry.event for entry in record.timeline].count("held") == 1
        assert len(relay.asked) > 1

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
        assert len(alarms(logs)) == 2

    run(script)
