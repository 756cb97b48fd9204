"""What fails in one place is told, and costs nobody else anything (R-53)."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.core.records import Status
from bridge.errors import UnavailableError
from bridge.ports.ledger import Payout, PreparedTransaction, Submission
from bridge.telemetry import KEYS
from tests.committee import settle
from tests.scenarios.world import BOB, World
from tests.unit.relayer.relay import Relay, SurpriseError, Unwilling, run


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


@pytest.mark.parametrize("error", [SurpriseError(), ExceptionGroup("of tasks", [SurpriseError()])])
def test_a_surprise_in_one_stage_does_not_cancel_the_other(error: Exception) -> None:
    """R-53: what is decided is finished while deciding crashes, though finishing takes longer."""
    world = World()

    class SurprisingDestination(Unwilling):
        async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
            assert isinstance(call, Submission)
            if call.attestation.statement.verifier == world.lane.destination:
                raise error
            await world.clock.sleep(1)
            return await super().prepare(call)

    async def script(relay: Relay) -> None:
        decided = world.lock(7)
        world.beta.submit(world.beta.prepare(BOB, settle([decided])))
        world.beta.mine()
        waiting = world.lock(8)
        stopping = asyncio.Event()
        with capture_logs() as logs:
            running = asyncio.ensure_future(relay.engine.run(stopping, 1.0))
            await world.clock.sleep(5)
            stopping.set()
            await running

        assert (await relay.record(decided)).status is Status.COMMITTED
        assert (await relay.record(waiting)).status is Status.PREPARED
        told = [line for line in logs if line["log_level"] == "error"]
        assert {(line["event"], line["error"]) for line in told} == {
            ("lane.step_crashed", "SurpriseError: of a library")
        }
        assert set(told[0]) - {"log_level"} <= KEYS

    run(script, Relay(world, wrap=SurprisingDestination))


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
