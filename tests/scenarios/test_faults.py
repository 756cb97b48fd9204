"""Up to f notaries, any node, any other relayer and a ledger above its finality may do what they like."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.adapters.memory.ledger import MemoryLedger
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Outcome, Status
from bridge.errors import InvalidInputError
from bridge.ports.ledger import LedgerReader
from notary.observer import AgreedReader
from tests.committee import dealing, settle
from tests.scenarios.checker import check
from tests.scenarios.faults import FalseReader, HighHead, LockInventor, MintDenier
from tests.scenarios.seat import Fickle, silent, wavers
from tests.scenarios.world import ALICE, ASSET, BOB, CAROL, ISSUED, World, happens

OUTCOMES = [Outcome.MINTED, Outcome.REJECTED]


def locked_world(*, finality_depth: int = 0) -> World:
    world = World(finality_depth=finality_depth)
    world.lock(1, recipient=BOB)
    world.lock(20, recipient=CAROL)
    return world


def down(member: Fickle) -> None:
    member.on_review = member.on_commit = member.on_sign = silent


def silent_when_it_counts(member: Fickle) -> None:
    member.on_sign = silent


def wavering(member: Fickle) -> None:
    member.on_sign = wavers


def cheating(member: Fickle) -> None:
    member.cheats = True


FAULTS = [down, silent_when_it_counts, wavering, cheating]


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("fault", FAULTS)
def test_any_one_faulty_notary_stops_nothing(fault: Callable[[Fickle], None], index: int) -> None:
    """INV-8, R-15: f = 1 of 4."""

    async def script() -> None:
        world = locked_world()
        fault(world.members[index])
        async with world.living():
            await world.relay(world.relayer())

        assert await check(world) == OUTCOMES

    asyncio.run(script())


def test_with_two_notaries_down_everything_waits_and_goes_on_once_one_is_back() -> None:
    """Fewer than t sign nothing: all is late, nothing is wrong, and what was late expired."""

    async def script() -> None:
        world = locked_world()
        for member in world.members[:2]:
            down(member)
        async with world.living():
            deadline = world.clock.now() + 100
            await world.relay(world.relayer(), until=happens(lambda: world.clock.now() > deadline))
            assert not world.beta.newest.outcomes
            world.members[0] = world.seat(dealing().key_packages[0])
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.EXPIRED, Outcome.REJECTED]

    asyncio.run(script())


def test_a_cheating_and_a_wavering_notary_at_once_delay_and_break_nothing() -> None:
    """More than f are faulty: no liveness is promised, and INV-1 holds all the same."""

    async def script() -> None:
        world = locked_world()
        cheating(world.members[1])
        wavering(world.members[2])
        async with world.living():
            deadline = world.clock.now() + 30
            await world.relay(world.relayer(), until=happens(lambda: world.clock.now() > deadline))
            assert not world.beta.newest.outcomes
            world.members[1].cheats = False
            await world.relay(world.relayer())

        assert await check(world) == OUTCOMES

    asyncio.run(script())


def denier(world: World) -> FalseReader:
    return MintDenier(world.beta)


def high_head(world: World) -> FalseReader:
    return HighHead(world.beta)


def silent_node(world: World) -> FalseReader:
    node = FalseReader(world.beta)
    node.silent = True
    return node


@pytest.mark.parametrize("lie", [denier, high_head, silent_node])
def test_one_bad_node_of_three_of_every_notary_changes_nothing(lie: Callable[[World], FalseReader]) -> None:
    """R-10: two of three agree."""

    async def script() -> None:
        world = locked_world()
        for index, package in enumerate(dealing().key_packages):
            nodes: list[LedgerReader] = [world.beta, world.beta]
            nodes.insert(index % 3, lie(world))
            world.members[index] = world.seat(package, beta=AgreedReader(nodes, 2))
        async with world.living():
            await world.relay(world.relayer())

        assert await check(world) == OUTCOMES

    asyncio.run(script())


def test_a_lock_that_one_node_invents_is_never_minted() -> None:
    """R-10, INV-5: every notary's first source node lies, and so does the relayer's."""

    async def script() -> None:
        world = World()
        real = world.lock(5)
        invented = replace(real, amount=1_000)
        for index, package in enumerate(dealing().key_packages):
            nodes: list[LedgerReader] = [LockInventor(world.alpha, invented), world.alpha, world.alpha]
            world.members[index] = world.seat(package, alpha=AgreedReader(nodes, 2))
        parts = world.relayer()
        lied_to = replace(parts, readers={**parts.readers, world.lane.source: LockInventor(world.alpha, invented)})
        async with world.living():
            later = world.clock.now() + 20
            await world.relay(lied_to, until=happens(lambda: world.clock.now() > later))
            assert world.minted() == 0
            world.stores.wipe()
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.MINTED]

    asyncio.run(script())


@pytest.mark.parametrize("shared", [True, False], ids=["one store", "a store each"])
def test_two_relayers_at_once_do_everything_once(shared: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """R-50: idempotent by TransferId."""

    async def script() -> None:
        world = locked_world()
        for amount in range(30, 40):
            world.lock(amount)
        other = World().stores
        second = (
            world.relayer("second")
            if shared
            else world.relayer("second", transfers=other.transfers, cursors=other.cursors, intents=other.intents)
        )
        async with world.living():
            await world.relay(world.relayer("first"), second)

        assert await check(world) == [*OUTCOMES, *[Outcome.MINTED] * 10]

    asyncio.run(script())


def test_a_lock_that_a_reorganisation_takes_back_before_finality_is_never_seen() -> None:
    """R-10: only final locks count; the one that takes its sequence is another transfer, and the only one minted."""

    async def script() -> None:
        world = World(finality_depth=8)
        lost = world.lock(500)
        async with world.living():
            began = world.clock.now()
            await world.relay(world.relayer(), until=happens(lambda: world.clock.now() >= began + 2))
            _take_back_from(world.alpha, world.alpha.newest.locks[world.lane.id, 1][1])
            kept = world.lock(7)
            assert (kept.sequence, kept.id != lost.id) == (lost.sequence, True)
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.MINTED]
        assert world.minted() == 7
        assert await world.stores.transfers.get(lost.id) is None

    asyncio.run(script())


def test_a_decision_that_a_reorganisation_takes_back_is_made_again() -> None:
    """R-30, INV-1: nothing was attested on it, since it was not final."""

    async def script() -> None:
        world = World(finality_depth=8)
        minted = world.lock(7)
        async with world.living():
            await world.relay(world.relayer(), until=happens(lambda: world.minted() > 0))
            assert not world.alpha.newest.endings
            _take_back_from(world.beta, world.beta.newest.decided[minted.id].stamp)
            assert world.minted() == 0
            await world.relay(world.relayer())

        assert await check(world) == [Outcome.MINTED]

    asyncio.run(script())


def test_what_is_final_can_not_be_taken_back() -> None:
    world = World(finality_depth=4)
    world.alpha.mine()
    with pytest.raises(InvalidInputError, match="4 are not final"):
        world.alpha.reorg(5)


def test_a_transfer_that_waits_for_finality_is_not_sent_again_at_every_look() -> None:
    """R-53: what was sent is given time, longer each time."""

    async def script() -> None:
        world = World(finality_depth=16)
        world.lock(7)
        async with world.living():
            await world.relay(world.relayer())
            sent = sum(world.beta.newest.nonces.values()), sum(world.alpha.newest.nonces.values())

        assert await check(world) == [Outcome.MINTED]
        assert max(sent) <= 5

    asyncio.run(script())


def test_a_transfer_whose_place_was_decided_for_another_is_superseded_and_paid_back() -> None:
    """R-26, INV-1: the destination minted here for a lock that the source, restored since, does not have."""

    async def script() -> None:
        world = World(margin_s=5)
        real = world.lock(7)
        forgotten = settle([replace(real, amount=500)])
        world.beta.submit(world.beta.prepare(BOB, forgotten))
        world.beta.mine()
        async with world.living():
            await world.relay(world.relayer())

        record = await world.stores.transfers.get(real.id)
        assert record is not None
        assert (record.status, record.reason) == (Status.ROLLED_BACK, Reason.SUPERSEDED)
        assert world.alpha.balance(ASSET, ALICE) == ISSUED
        assert world.minted() == 500

    asyncio.run(script())


def _take_back_from(ledger: MemoryLedger, first: BlockStamp) -> None:
    ledger.reorg(ledger.mine(0).height - first.height + 1)
