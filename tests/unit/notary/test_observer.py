"""k of m of a notary's own nodes must agree on block hash and content, or it abstains (R-10)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp
from bridge.core.transfer import Transfer
from bridge.errors import UnavailableError
from bridge.ports.ledger import LedgerReader
from notary.observer import AgreedReader
from tests.scenarios.faults import FalseReader, HighHead, LockInventor, MintDenier
from tests.scenarios.world import World


class Follower(FalseReader):
    """A node that is behind."""

    def __init__(self, honest: LedgerReader, height: int) -> None:
        super().__init__(honest)
        self._height = height

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        height = self._height if height_max is None else min(height_max, self._height)
        return await self._asked().head(height_max=height)


class EligibilityLiar(FalseReader):
    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        del transfer, at
        return Reason.ACCOUNT_FROZEN


def silent(world: World) -> FalseReader:
    node = FalseReader(world.beta)
    node.silent = True
    return node


def world_with_a_lock() -> tuple[World, Transfer]:
    world = World()
    transfer = world.lock(7)
    world.beta.mine()
    return world, transfer


def every_read(reader: AgreedReader, at: BlockStamp, transfer: Transfer) -> list[Callable[[], Awaitable[object]]]:
    return [
        reader.head,
        lambda: reader.gateway(at),
        lambda: reader.lane(transfer.lane, at),
        lambda: reader.locks(transfer.lane, 1, 9, at),
        lambda: reader.decisions([transfer], at),
        lambda: reader.eligibility(transfer, at),
    ]


def test_agreeing_nodes_answer_as_one_of_them_would() -> None:
    async def script() -> None:
        world, transfer = world_with_a_lock()
        reader = AgreedReader([world.alpha] * 3, 2)
        at = await reader.head()

        assert at == await world.alpha.head()
        assert reader.endpoint == world.alpha.endpoint
        assert [lock.transfer for lock in await reader.locks(transfer.lane, 1, 9, at)] == [transfer]
        for ours, theirs in zip(
            every_read(reader, at, transfer), every_read(AgreedReader([world.alpha], 1), at, transfer), strict=True
        ):
            assert await ours() == await theirs()

    asyncio.run(script())


@pytest.mark.parametrize(("nodes", "k"), [(1, 2), (2, 3), (2, 2)])
def test_fewer_than_k_answering_nodes_are_never_enough(nodes: int, k: int) -> None:
    """R-10: it never falls back to fewer; with k of them one falls silent."""

    async def script() -> None:
        world, transfer = world_with_a_lock()
        at = await world.beta.head()
        answering: list[LedgerReader] = [world.beta] * nodes
        if nodes == k:
            answering[0] = silent(world)
        reader = AgreedReader(answering, k)
        for read in every_read(reader, at, transfer):
            with pytest.raises(UnavailableError, match=f"{k} must"):
                await read()

    asyncio.run(script())


def test_a_silent_node_more_than_can_be_spared_is_one_too_many() -> None:
    async def script() -> None:
        world, transfer = world_with_a_lock()
        at = await world.beta.head()
        spared = AgreedReader([silent(world), world.beta, world.beta], 2)
        too_few = AgreedReader([silent(world), silent(world), world.beta], 2)
        for good, bad in zip(every_read(spared, at, transfer), every_read(too_few, at, transfer), strict=True):
            await good()
            with pytest.raises(UnavailableError):
                await bad()

    asyncio.run(script())


def test_a_node_on_another_chain_is_not_asked() -> None:
    """Agreement on the block's hash comes first: two of two are needed, one stands elsewhere."""

    async def script() -> None:
        world, transfer = world_with_a_lock()
        at = await world.beta.head()
        reader = AgreedReader([world.beta, HighHead(world.beta)], 2)
        for read in every_read(reader, at, transfer):
            with pytest.raises(UnavailableError):
                await read()

    asyncio.run(script())


def test_nodes_that_agree_on_the_block_and_not_on_the_content_have_not_agreed() -> None:
    async def script() -> None:
        world, transfer = world_with_a_lock()
        at = await world.beta.head()
        for liar in (MintDenier(world.beta), EligibilityLiar(world.beta)):
            two = AgreedReader([world.beta, liar], 2)
            three = AgreedReader([world.beta, liar, world.beta], 2)
            assert await three.decisions([transfer], at) == [None]
            assert await three.eligibility(transfer, at) is Reason.NONE
            with pytest.raises(UnavailableError):
                await asyncio.gather(two.decisions([transfer], at), two.eligibility(transfer, at))

    asyncio.run(script())


def test_k_minus_one_liars_invent_nothing() -> None:
    async def script() -> None:
        world, transfer = world_with_a_lock()
        at = await world.alpha.head()
        invented = replace(transfer, sequence=2, amount=10**9)
        liar = LockInventor(world.alpha, invented)
        reader = AgreedReader([liar, world.alpha, world.alpha], 2)

        assert [lock.transfer for lock in await reader.locks(transfer.lane, 1, 9, at)] == [transfer]
        with pytest.raises(UnavailableError, match="1 of 2"):
            await AgreedReader([liar, world.alpha], 2).locks(transfer.lane, 1, 9, at)

    asyncio.run(script())


@pytest.mark.parametrize("behind", [0, 1, 2, 3])
def test_the_head_is_the_highest_that_k_nodes_have(behind: int) -> None:
    async def script() -> None:
        world, _ = world_with_a_lock()
        for _ in range(5):
            world.beta.mine()
        top = (await world.beta.head()).height
        nodes = [Follower(world.beta, top), Follower(world.beta, top - behind), Follower(world.beta, 1)]

        assert (await AgreedReader(nodes, 2).head()).height == top - behind

    asyncio.run(script())


def test_a_node_that_claims_to_be_far_ahead_moves_no_head() -> None:
    async def script() -> None:
        world, _ = world_with_a_lock()
        nodes: list[LedgerReader] = [HighHead(world.beta), world.beta, world.beta]

        assert await AgreedReader(nodes, 2).head() == await world.beta.head()

    asyncio.run(script())


@pytest.mark.parametrize("behind", [0, 1, 5])
def test_a_node_that_claims_to_be_far_ahead_and_one_that_is_late_leave_the_late_one_s_head(behind: int) -> None:
    """R-10, INV-8: two of three have that block; a liar must not turn every moment of lag into silence."""

    async def script() -> None:
        world, _ = world_with_a_lock()
        for _ in range(5):
            world.beta.mine()
        top = (await world.beta.head()).height
        nodes = [HighHead(world.beta), Follower(world.beta, top), Follower(world.beta, top - behind)]

        assert (await AgreedReader(nodes, 2).head()).height == top - behind
        with pytest.raises(UnavailableError, match="1 of 3"):
            await AgreedReader([nodes[0], nodes[1], silent(world)], 2).head()

    asyncio.run(script())


def test_a_bug_in_a_reader_is_not_taken_for_silence() -> None:
    class Buggy(FalseReader):
        async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
            raise ZeroDivisionError(transfer, at)

    async def script() -> None:
        world, transfer = world_with_a_lock()
        reader = AgreedReader([world.beta, world.beta, Buggy(world.beta)], 2)
        with pytest.raises(ZeroDivisionError):
            await reader.eligibility(transfer, await world.beta.head())

    asyncio.run(script())
