"""Losing a relayer between any two writes, or the whole store at any moment, costs time and nothing else (INV-7)."""

import asyncio
from collections.abc import Callable

import pytest

from bridge.core.records import Outcome
from relayer.service import Parts
from tests.scenarios.checker import check
from tests.scenarios.faults import CrashError, CrashingCursors, CrashingIntents, CrashingTransfers, CrashingWriter, Fuse
from tests.scenarios.world import ALICE, ASSET, BOB, CAROL, Fact, World, happens

OUTCOMES = [Outcome.MINTED, Outcome.REJECTED, Outcome.MINTED]
WRITES_MIN = 25


def fragile(world: World, fuse: Fuse) -> Parts:
    stores = world.stores
    return world.relayer(
        transfers=CrashingTransfers(stores, fuse),
        cursors=CrashingCursors(stores, fuse),
        intents=CrashingIntents(stores, fuse),
        wrap=lambda writer: CrashingWriter(writer, fuse),
    )


def locked_world() -> World:
    world = World()
    for amount, recipient in ((1, BOB), (20, CAROL), (300, BOB)):
        world.lock(amount, recipient=recipient)
    return world


async def crash_at(world: World, k: int) -> bool:
    """Run a relayer that dies at its *k*-th write; tell whether it came so far."""
    fuse = Fuse(k)
    try:
        await world.relay(fragile(world, fuse))
    except* CrashError:
        pass
    return fuse.blown


async def every_crash(make: Callable[[], World], after: Callable[[World], None]) -> int:
    """Crash at the first write, the second, … until a run needs no more; a new relayer finishes each."""
    k = 0
    while True:
        k, world = k + 1, make()
        async with world.living():
            crashed = await crash_at(world, k)
            after(world)
            await world.relay(world.relayer())
        assert await check(world) == OUTCOMES, k
        if not crashed:
            return k


def nothing(_world: World) -> None:
    """Leave the store as it is."""


@pytest.mark.parametrize("after", [nothing, lambda world: world.stores.wipe()], ids=["kept", "wiped"])
def test_a_relayer_may_die_before_any_write_and_the_next_one_finishes(after: Callable[[World], None]) -> None:
    """R-52, INV-7, INV-8: on the store that the dead one left, and on an empty one."""
    assert asyncio.run(every_crash(locked_world, after)) > WRITES_MIN


def test_what_waited_for_a_block_may_be_dropped_with_the_crash() -> None:
    """R-52: a node forgets a transaction; the intent brings it back, or a fresh one takes its place."""

    def drop(world: World) -> None:
        world.alpha.drop_waiting()
        world.beta.drop_waiting()

    assert asyncio.run(every_crash(locked_world, drop)) > WRITES_MIN


def test_a_payout_survives_every_crash() -> None:
    """R-31, INV-6."""

    def make() -> World:
        world = locked_world()
        world.alpha.set_holder(ASSET, ALICE, registered=False)
        return world

    async def script() -> int:
        k = 0
        while True:
            k, world = k + 1, make()
            async with world.living():
                relayer = world.relayer()

                async def sealed(world: World = world) -> bool:
                    return len(world.alpha.newest.endings) == len(OUTCOMES)

                await world.relay(relayer, until=sealed)
                world.alpha.set_holder(ASSET, ALICE, registered=True)
                crashed = await crash_at(world, k)
                await world.relay(world.relayer())
            assert await check(world) == OUTCOMES, k
            if not crashed:
                return k

    assert asyncio.run(script()) > 3


@pytest.mark.parametrize("second", range(12))
def test_the_store_may_be_wiped_under_a_running_relayer(second: int) -> None:
    """INV-7, R-51: at any second of the run; the cursor is lost, so the lane is read again from its first sequence."""

    async def script() -> None:
        world = locked_world()
        async with world.living():
            start = world.clock.now()

            async def wiped() -> bool:
                if world.clock.now() < start + second:
                    return False
                world.stores.wipe()
                return True

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(world.relay(world.relayer(), until=_later(world, 20, world.ended)))
                await world.reach(wiped)

        assert await check(world) == OUTCOMES

    asyncio.run(script())


def test_a_wipe_with_all_transfers_ended_finds_them_again_and_does_nothing() -> None:
    async def script() -> None:
        world = locked_world()
        async with world.living():
            await world.relay(world.relayer())
            nonces = dict(world.alpha.newest.nonces), dict(world.beta.newest.nonces)
            world.stores.wipe()
            await world.relay(world.relayer("another"))
            assert (world.alpha.newest.nonces, world.beta.newest.nonces) == nonces

        assert await check(world) == OUTCOMES

    asyncio.run(script())


def test_a_notary_that_restarts_between_commitment_and_share_gives_none_and_the_others_sign() -> None:
    """R-13, R-14: nonces are lost, votes are kept."""

    async def script() -> None:
        world = locked_world()
        world.members[0].on_sign = lambda _: world.restart(0)
        async with world.living():
            await world.relay(world.relayer())

        assert await check(world) == OUTCOMES
        assert world.members[0].signed == []

    asyncio.run(script())


def test_a_committee_that_restarts_as_a_whole_goes_on_from_its_votes() -> None:
    """R-13: what was signed before the restart may be signed again, and nothing that contradicts it."""

    async def script() -> None:
        world = locked_world()
        async with world.living():
            await world.relay(world.relayer(), until=happens(lambda: world.minted() > 0))
            for index in range(len(world.members)):
                world.restart(index)
            world.stores.wipe()
            await world.relay(world.relayer())

        assert await check(world) == OUTCOMES

    asyncio.run(script())


def _later(world: World, seconds: float, fact: Fact) -> Fact:
    until = world.clock.now() + seconds

    async def told() -> bool:
        return world.clock.now() >= until and await fact()

    return told
