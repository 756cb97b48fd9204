"""Judges a run that is over: one outcome for each transfer, nothing lost or doubled, nothing left open.

Reads by the ports only, and every block from the first to the newest, so that it judges the whole history.
"""

from collections.abc import Sequence
from itertools import pairwise

from bridge.adapters.memory.ledger import MemoryLedger
from bridge.core.conservation import Totals, conserved
from bridge.core.records import COVER_S, BlockStamp, Decision, Ending, Outcome
from bridge.ports.ledger import LaneView, Lock
from tests.scenarios.world import ALICE, ASSET, BOB, CAROL, ISSUED, World

EXPECTED = {
    Outcome.MINTED: Ending.COMMITTED,
    Outcome.REJECTED: Ending.RELEASED,
    Outcome.EXPIRED: Ending.RELEASED,
}
PAGE = 10_000


async def check(world: World) -> list[Outcome]:
    """Let both ledgers go on until all is final and covered, judge, and give the outcomes by sequence from 1."""
    sources, destinations = await _history(world, world.alpha), await _history(world, world.beta)
    locks = await world.alpha.locks(world.lane, 1, PAGE, sources[-1])
    decisions = await world.beta.decisions([lock.transfer for lock in locks], destinations[-1])
    outcomes = [_outcome(lock, decision) for lock, decision in zip(locks, decisions, strict=True)]
    await _check_source(world, sources, locks)
    await _check_destination(world, destinations, locks, decisions)
    await _check_lane(world, sources, destinations, locks)
    await _check_supply(world.alpha, sources)
    await _check_supply(world.beta, destinations)
    _check_money(world, locks)
    return outcomes


async def _history(world: World, ledger: MemoryLedger) -> list[BlockStamp]:
    for _ in range(100):
        ledger.mine(COVER_S)
    first, last = world.begun[ledger.endpoint.id], (await ledger.head()).height
    return [await ledger.head(height_max=height) for height in range(first, last + 1)]


def _outcome(lock: Lock, decision: Decision | None) -> Outcome:
    """INV-1, INV-2, INV-8: decided, ended as decided, and nothing waits."""
    assert decision is not None, f"{lock.transfer.sequence} was never decided"
    assert lock.ending is EXPECTED[decision.outcome]
    assert not lock.pending
    return decision.outcome


async def _check_source(world: World, history: Sequence[BlockStamp], final: Sequence[Lock]) -> None:
    """INV-3: locks are numbered without gaps, keep their terms, and their records change once."""
    assert [lock.transfer.sequence for lock in final] == list(range(1, len(final) + 1))
    seen = [await world.alpha.locks(world.lane, 1, PAGE, at) for at in history]
    for earlier, later in pairwise(seen):
        assert [lock.transfer for lock in earlier] == [lock.transfer for lock in final[: len(earlier)]]
        for before, after in zip(earlier, later, strict=False):
            assert before.ending in (Ending.OPEN, after.ending)
            assert before.stamp == after.stamp


async def _check_destination(
    world: World, history: Sequence[BlockStamp], locks: Sequence[Lock], final: Sequence[Decision | None]
) -> None:
    """INV-3: decided once, on exactly the terms that were locked, and counted once."""
    transfers = [lock.transfer for lock in locks]
    seen = [await world.beta.decisions(transfers, at) for at in history]
    for earlier, later in pairwise(seen):
        assert all(before in (None, after) for before, after in zip(earlier, later, strict=True))
    minted = [t.amount for t, d in zip(transfers, final, strict=True) if d is not None and d.outcome is Outcome.MINTED]
    assert (await world.beta.lane(world.lane, history[-1])).minted == sum(minted)


async def _check_lane(
    world: World, sources: Sequence[BlockStamp], destinations: Sequence[BlockStamp], locks: Sequence[Lock]
) -> None:
    """INV-5, with the newest block of either ledger, which covers all of the other's."""
    source = [await world.alpha.lane(world.lane, at) for at in sources]
    destination = [await world.beta.lane(world.lane, at) for at in destinations]
    assert all(d.minted + source[-1].released <= source[-1].locked for d in destination)
    assert all(s.committed <= destination[-1].minted for s in source)
    for view in (*pairwise(source), *pairwise(destination)):
        assert _monotone(*view)
    last = source[-1]
    assert last.locked == last.committed + last.released == sum(lock.transfer.amount for lock in locks)


def _monotone(earlier: LaneView, later: LaneView) -> bool:
    return all(getattr(earlier, n) <= getattr(later, n) for n in ("locked", "committed", "released", "minted"))


async def _check_supply(ledger: MemoryLedger, history: Sequence[BlockStamp]) -> None:
    """INV-4 and INV-9, at every block of this ledger alone."""
    for at in history:
        view = await ledger.supply(ASSET, at)
        totals = Totals(
            issued=ISSUED,
            supply=view.supply,
            minted=view.minted,
            burned=view.burned,
            reminted=view.reminted,
            held=view.held,
            balance=view.balance,
        )
        assert conserved([totals]), (at, totals)


def _check_money(world: World, locks: Sequence[Lock]) -> None:
    """INV-6: who was paid back has what was taken, who was minted to has the rest, and the escrow is empty."""
    committed = [lock.transfer for lock in locks if lock.ending is Ending.COMMITTED]
    assert world.alpha.balance(ASSET, ALICE) == ISSUED - sum(t.amount for t in committed)
    assert world.alpha.balance(ASSET, world.alpha.endpoint.gateway) == 0
    for holder, before in ((ALICE, 0), (BOB, ISSUED), (CAROL, 0)):
        received = sum(t.amount for t in committed if t.recipient == holder)
        assert world.beta.balance(ASSET, holder) == before + received
