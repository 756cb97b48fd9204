"""R-25 at the notary: the same times whatever was read, and no more read than is needed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.adapters.memory.gateway import Limits
from bridge.core.rate import Pace
from bridge.core.records import BlockStamp
from bridge.core.transfer import Lane
from bridge.errors import UnavailableError
from bridge.ports.ledger import LedgerReader, Lock
from notary import pacing
from notary.pacing import Pacer
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import World

PACE = Pace(capacity=100, refill_s=50, horizon_s=60)


class Counting(FalseReader):
    """Notes which locks are read."""

    def __init__(self, honest: LedgerReader) -> None:
        super().__init__(honest)
        self.read: list[tuple[int, int]] = []

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        self.read.append((first, count))
        return await super().locks(lane, first, count, at, open_only=open_only)


def world_of(locks: int, *, every_s: int = 2) -> World:
    world = World()
    world.alpha.open_lane(world.lane, Limits(deadline_max_s=10**6))
    for _ in range(locks):
        world.alpha.mine(every_s)
        world.lock(10, deadline_s=10**5)
    return world


def times(pacer: Pacer, world: World, reader: LedgerReader, *sequences: int, pace: Pace = PACE) -> dict[int, int]:
    async def ask() -> dict[int, int]:
        head = await world.alpha.head()
        found = {s: (await world.alpha.locks(world.lane, s, 1, head))[0] for s in sequences}
        return await pacer.allowed_from(reader, world.lane, pace, found, head)

    return asyncio.run(ask())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "LOOK_BACK_LEN", 4)


@pytest.mark.parametrize("every_s", [2, 4, 5, 6, 30, 200])
@pytest.mark.usefixtures("few")
def test_a_lock_s_time_does_not_hang_on_what_was_asked_before(every_s: int) -> None:
    """Overloaded, just loaded, and hardly loaded: from the whole history, lock by lock, or only the last one."""
    world = world_of(40, every_s=every_s)
    whole = times(Pacer(), world, world.alpha, *range(1, 41))
    one_by_one = Pacer()
    asked = {s: times(one_by_one, world, world.alpha, s)[s] for s in range(1, 41)}
    backwards = Pacer()
    alone = {s: times(backwards, world, world.alpha, s)[s] for s in range(40, 0, -7)}

    assert asked == whole
    assert alone == {s: whole[s] for s in alone}


@pytest.mark.usefixtures("few")
def test_a_quiet_lane_is_not_read_from_its_beginning() -> None:
    world = world_of(60, every_s=200)
    reader = Counting(world.alpha)
    times(Pacer(), world, reader, 60)

    assert reader.read == [(56, 5)]


def test_a_lock_is_counted_once() -> None:
    world = world_of(10)
    reader, pacer = Counting(world.alpha), Pacer()
    times(pacer, world, reader, 5)
    times(pacer, world, reader, 5)
    times(pacer, world, reader, 9)
    times(pacer, world, reader, 10)

    assert reader.read == [(1, 5), (6, 4)]


def test_other_limits_are_counted_anew() -> None:
    world = world_of(30, every_s=0)
    pacer = Pacer()
    slow = times(pacer, world, world.alpha, 30)
    fast = times(pacer, world, world.alpha, 30, pace=replace(PACE, capacity=1000))

    assert slow[30] > fast[30]
    assert fast == times(Pacer(), world, world.alpha, 30, pace=replace(PACE, capacity=1000))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "TIMES_MAX", 3)
    world = world_of(20)
    pacer = Pacer()
    whole = times(pacer, world, world.alpha, *range(1, 21))

    assert {s: times(pacer, world, world.alpha, s)[s] for s in range(1, 21)} == whole


class Gappy(FalseReader):
    """A node that has lost a log."""

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        found: Sequence[Lock] = await super().locks(lane, first, count, at, open_only=open_only)
        return [lock for lock in found if lock.transfer.sequence != 2]


def test_a_lock_that_is_missing_before_another_is_not_counted_as_none() -> None:
    world = world_of(5)
    with pytest.raises(UnavailableError, match="not all there"):
        times(Pacer(), world, Gappy(world.alpha), 5)
