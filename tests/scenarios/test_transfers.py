"""Whole transfers by the real relayer and notaries, on two ledgers in memory and in virtual time."""

import asyncio

import pytest

from bridge.core.reasons import Reason
from bridge.core.records import Outcome, Overlay
from tests.scenarios.checker import check
from tests.scenarios.world import ALICE, ASSET, BOB, CAROL, DEADLINE_S, Fact, World, happens


@pytest.mark.parametrize("finality_depth", [0, 3])
def test_a_transfer_is_committed_on_both_ledgers(finality_depth: int) -> None:
    async def script() -> None:
        world = World(finality_depth=finality_depth)
        world.lock(70)
        async with world.living():
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.MINTED]

    asyncio.run(script())


def test_a_transfer_to_an_unregistered_holder_is_refused_and_paid_back() -> None:
    """R-12, R-23, INV-6."""

    async def script() -> None:
        world = World()
        refused = world.lock(70, recipient=CAROL)
        async with world.living():
            await world.relay(world.relayer())

        record = await world.stores.transfers.get(refused.id)
        assert record is not None
        assert record.reason is Reason.NOT_ELIGIBLE
        assert await check(world) == [Outcome.REJECTED]
        assert world.clock.now() < refused.deadline

    asyncio.run(script())


def test_many_transfers_of_one_lane_end_each_in_its_own_way() -> None:
    async def script() -> None:
        world = World(margin_s=3)
        for number in range(1, 91):
            world.lock(number, recipient=CAROL if number % 7 == 0 else BOB)
        async with world.living():
            await world.relay(world.relayer())

        outcomes = await check(world)
        assert outcomes == [Outcome.REJECTED if n % 7 == 0 else Outcome.MINTED for n in range(1, 91)]

    asyncio.run(script())


def test_a_transfer_that_no_one_can_decide_in_time_expires_and_is_never_minted() -> None:
    """R-12, INV-1: the destination's token is paused past the deadline."""

    async def script() -> None:
        world = World()
        expired = world.lock(70)
        world.beta.set_token_paused(ASSET, paused=True)
        async with world.living():
            await world.relay(world.relayer())
            world.beta.set_token_paused(ASSET, paused=False)
            assert world.clock.now() >= expired.deadline

        assert await check(world) == [Outcome.EXPIRED]

    asyncio.run(script())


def test_a_transfer_that_waited_long_is_paid_back_soon_after_its_deadline() -> None:
    """INV-8: deadline, the destination's clock that lags, and a few blocks; not one more long wait (R-53)."""

    async def script() -> None:
        world = World()
        world.clock.advance(4)
        waited = world.lock(70, deadline_s=300)
        world.beta.set_token_paused(ASSET, paused=True)
        async with world.living():
            await world.relay(world.relayer())
            assert world.clock.now() < waited.deadline + 16

        assert await check(world) == [Outcome.EXPIRED]

    asyncio.run(script())


def test_a_deadline_that_passed_before_any_relayer_ran_expires() -> None:
    async def script() -> None:
        world = World()
        world.lock(70)
        async with world.living():
            await world.clock.sleep(DEADLINE_S + 1)
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.EXPIRED]

    asyncio.run(script())


@pytest.mark.parametrize("what", ["gateway", "token"])
def test_what_is_unpaused_before_the_deadline_commits(what: str) -> None:
    """R-12, R-32: a pause is waited for, and shown."""

    async def script() -> None:
        world = World()
        held = world.lock(70)
        _pause(world, what, paused=True)

        async def shown_as_held() -> bool:
            record = await world.stores.transfers.get(held.id)
            return record is not None and (record.overlay, record.reason) == (Overlay.HELD, Reason.TOKEN_PAUSED)

        async with world.living():
            await world.relay(world.relayer(), until=shown_as_held)
            await world.clock.sleep(10)
            _pause(world, what, paused=False)
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.MINTED]

    asyncio.run(script())


def test_a_pause_of_the_gateways_stops_no_rollback() -> None:
    """R-32: refuse and finish go on."""

    async def script() -> None:
        world = World()
        world.lock(70, recipient=CAROL)
        for ledger in (world.alpha, world.beta):
            ledger.set_paused(paused=True)
        async with world.living():
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.REJECTED]

    asyncio.run(script())


def test_a_release_that_the_token_refuses_waits_and_is_paid_out_later() -> None:
    """R-31: the record is sealed, the units stay in escrow (INV-9), and nothing else is held up."""

    async def script() -> None:
        world = World()
        waiting = world.lock(70, recipient=CAROL)
        world.alpha.set_holder(ASSET, ALICE, registered=False)
        async with world.living():
            await world.relay(world.relayer(), until=happens(lambda: waiting.id in world.alpha.newest.pending))
            await world.relay(world.relayer(), until=_after(world, 90))
            record = await world.stores.transfers.get(waiting.id)
            assert record is not None
            assert (record.status.ended, record.overlay, record.is_open) == (True, Overlay.HELD, True)
            assert len(record.timeline) < 12, "each try must not be told again"
            world.alpha.set_holder(ASSET, ALICE, registered=True)
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.REJECTED]

    asyncio.run(script())


def test_a_burn_that_the_token_refuses_waits_and_is_done_later() -> None:
    """R-31: COMMITTED stands, though the escrow is not burned yet."""

    async def script() -> None:
        world = World()
        waiting = world.lock(70)
        world.alpha.set_token_paused(ASSET, paused=True)
        async with world.living():
            await world.relay(world.relayer(), until=happens(lambda: waiting.id in world.alpha.newest.pending))
            world.alpha.set_token_paused(ASSET, paused=False)
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.MINTED]

    asyncio.run(script())


def _pause(world: World, what: str, *, paused: bool) -> None:
    if what == "token":
        world.beta.set_token_paused(ASSET, paused=paused)
    else:
        world.beta.set_paused(paused=paused)


def _after(world: World, seconds: float) -> Fact:
    until = world.clock.now() + seconds
    return happens(lambda: world.clock.now() >= until)
