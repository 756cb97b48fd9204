"""What can not be done yet waits longer and longer, by its class (R-53), and the record says why."""

from itertools import pairwise

from structlog.testing import capture_logs

from bridge.adapters.memory.gateway import Limits
from bridge.core.reasons import Reason
from bridge.core.records import Overlay, Status
from bridge.core.transfer import Transfer
from bridge.errors import UnavailableError
from bridge.ports.ledger import Payout, PreparedTransaction, Submission
from tests.scenarios.world import ALICE, ASSET, CAROL, World
from tests.unit.relayer.relay import FINAL_S, Relay, Unwilling, run


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


def test_a_large_amount_is_shown_once_and_tried_again_when_its_delay_is_over() -> None:
    """R-25: what the destination told of its release is believed; the deadline comes first all the same."""

    async def script(relay: Relay) -> None:
        world = relay.world
        world.beta.open_lane(world.lane, Limits(large_amount=7, large_delay_s=40))
        transfer, late = world.lock(7), world.lock(8, deadline_s=20)
        start = world.clock.now()
        await relay.step()
        assert relay.sent == (0, 1)
        record = await relay.record(transfer)
        assert (record.overlay, record.reason) == (Overlay.HELD, Reason.LIMIT_EXCEEDED)
        assert "a large amount" in record.note
        await relay.steps(45)
        assert (await relay.record(late)).status is Status.ROLLED_BACK
        early = [at for at in relay.asked if start + FINAL_S < at < start + 40]
        assert all(at >= late.deadline for at in early)
        assert relay.sent[1] == 3
        await relay.steps(10)
        assert (await relay.record(transfer)).status is Status.COMMITTED

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
