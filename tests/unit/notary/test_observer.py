"""k of m of a notary's own nodes must agree on block hash and content, or it abstains (R-10)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.transfer import Transfer
from bridge.errors import UnavailableError
from bridge.ports.facts import LockState
from bridge.ports.ledger import LedgerReader
from notary.observer import AgreedReader, Patience
from tests.committee import finish, settle
from tests.scenarios.faults import FalseReader, HighHead, LockInventor, MintDenier
from tests.unit.notary.ledgers import Pair, nodes_of


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


def silent(world: Pair) -> FalseReader:
    node = FalseReader(world.beta)
    node.silent = True
    return node


def world_with_a_lock() -> tuple[Pair, Transfer]:
    world = Pair()
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


# --- what is named


def test_a_disagreement_names_each_node_and_what_it_said() -> None:
    async def script() -> None:
        world, transfer = world_with_a_lock()
        one, two, _ = nodes = nodes_of(world.beta)
        at = await world.beta.head()
        one.silent = True
        two.claims_decisions = lambda _: [Decision(outcome=Outcome.MINTED, reason=Reason.NONE, stamp=at)]
        with pytest.raises(UnavailableError) as caught:
            await AgreedReader(nodes, 2).decisions([transfer], at)

        text = str(caught.value)
        assert text.startswith("1 of 3 nodes of book:beta agree, 2 must: check the nodes")
        assert "node 1: this node does not answer" in text
        assert "it answers otherwise" in text

    asyncio.run(script())


def test_what_a_node_says_does_not_flood_the_text() -> None:
    async def script() -> None:
        world, _ = world_with_a_lock()

        class Talker(FalseReader):
            async def head(self, *, height_max: int | None = None) -> BlockStamp:
                raise UnavailableError(f"{height_max}" + "x" * 10**6)

        with pytest.raises(UnavailableError) as caught:
            await AgreedReader([Talker(world.beta)] * 3, 2).head()
        assert len(str(caught.value)) < 1000

    asyncio.run(script())


# --- content of one block


def test_the_states_of_locks_are_agreed_on_too_whether_or_not_a_reader_can_tell_them_itself() -> None:
    async def script() -> None:
        world, transfer = world_with_a_lock()
        other = world.lock(8)
        world.send(world.beta, settle([transfer]))
        world.send(world.alpha, finish([transfer], Outcome.MINTED))
        at = await world.alpha.head()
        absent = replace(transfer, sequence=9)
        expected = [
            LockState(prefix=b"", ending=Ending.COMMITTED, pending=False),
            LockState(prefix=other.id[:24], ending=Ending.OPEN, pending=False),
            LockState(prefix=b"", ending=Ending.OPEN, pending=False),
        ]
        nodes = nodes_of(world.alpha)
        for readers in (nodes, [world.alpha] * 3):
            assert await AgreedReader(readers, 2).lock_states([transfer, other, absent], at) == expected

        nodes[0].claims_states = nodes[1].claims_states = lambda states: states[:1] * len(states)
        nodes[1].silent = True
        with pytest.raises(UnavailableError, match="1 of 3"):
            await AgreedReader(nodes, 2).lock_states([transfer, other], at)

    asyncio.run(script())


def test_assets_are_agreed_on_and_a_reader_that_can_t_read_them_counts_as_silent() -> None:
    async def script() -> None:
        world, _ = world_with_a_lock()
        at = await world.alpha.head()
        reader = AgreedReader([FalseReader(world.alpha), *nodes_of(world.alpha, 2)], 2)

        assert await reader.asset(world.lane.asset, at) == await world.alpha.asset(world.lane.asset, at)
        with pytest.raises(UnavailableError, match="can't read assets"):
            await AgreedReader([FalseReader(world.alpha)] * 2, 2).asset(world.lane.asset, at)

    asyncio.run(script())


def test_answers_of_another_block_never_count_however_equal_they_are() -> None:
    """R-10: block hash and content; two nodes stand on a branch of their own and say the same."""

    async def script() -> None:
        here, there = Pair(), Pair()
        transfer = here.lock(7)
        there.lock(7)
        here.alpha.mine(1)
        there.alpha.mine(2)
        at = await here.alpha.head()
        nodes = [*nodes_of(there.alpha, 2), *nodes_of(here.alpha, 1)]

        with pytest.raises(UnavailableError, match="another block at height"):
            await AgreedReader(nodes, 2).locks(transfer.lane, 1, 1, at)
        assert await AgreedReader([*nodes, *nodes_of(here.alpha, 1)], 2).locks(transfer.lane, 1, 1, at)

    asyncio.run(script())


# --- time


class Stuck(FalseReader):
    """A node that takes a request and never answers; *first* requests are answered."""

    def __init__(self, honest: LedgerReader, first: int = 0) -> None:
        super().__init__(honest)
        self.answered = 0
        self.cancelled = 0
        self._first = first

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        self.answered += 1
        if self.answered <= self._first:
            return await super().head(height_max=height_max)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError


IMPATIENT = Patience(late_s=0.02, answer_s=0.1, forgiven_s=60)


def test_a_node_that_never_answers_holds_up_no_reading() -> None:
    """INV-8: k equal answers are enough at once; no time-out is waited for."""

    async def script() -> None:
        world, transfer = world_with_a_lock()
        stuck = Stuck(world.beta)
        reader = AgreedReader([stuck, world.beta, world.beta], 2, Patience(late_s=0.02, answer_s=3600))
        async with asyncio.timeout(5):
            at = await reader.head()
            for read in every_read(reader, at, transfer):
                await read()
        assert stuck.cancelled == stuck.answered > 5

    asyncio.run(script())


def test_a_slow_node_is_waited_for_once_and_then_for_a_while_not_at_all() -> None:
    async def script() -> None:
        world, _ = world_with_a_lock()
        loop = asyncio.get_running_loop()
        reader = AgreedReader([Stuck(world.beta), world.beta, world.beta], 2, IMPATIENT)
        moments = [loop.time()]
        for _ in range(20):
            await reader.head()
            moments.append(loop.time())
        first, *later = [after - before for before, after in pairwise(moments)]

        assert first >= IMPATIENT.late_s
        assert sorted(later)[len(later) // 2] < IMPATIENT.late_s

    asyncio.run(script())


def test_too_few_answers_in_time_are_no_agreement() -> None:
    async def script() -> None:
        world, transfer = world_with_a_lock()
        at = await world.beta.head()
        nodes: list[LedgerReader] = [Stuck(world.beta), Stuck(world.beta), world.beta]
        with pytest.raises(UnavailableError, match=r"1 of 3 nodes .*it takes too long"):
            await AgreedReader(nodes, 2, IMPATIENT).lane(transfer.lane, at)

    asyncio.run(script())


def test_a_reading_that_is_cancelled_leaves_no_request_behind() -> None:
    async def script() -> None:
        world, _ = world_with_a_lock()
        nodes = [Stuck(world.beta) for _ in range(3)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await AgreedReader(nodes, 2).head()
        assert [node.cancelled for node in nodes] == [1, 1, 1]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(script())


def test_a_fast_liar_with_an_old_head_does_not_settle_the_head_alone() -> None:
    """The third node is slower than the liar, and within patience."""

    class Slow(FalseReader):
        async def head(self, *, height_max: int | None = None) -> BlockStamp:
            await asyncio.sleep(0.01)
            return await super().head(height_max=height_max)

    async def script() -> None:
        world, _ = world_with_a_lock()
        world.beta.mine()
        reader = AgreedReader([Follower(world.beta, 0), world.beta, Slow(world.beta)], 2)
        assert await reader.head() == await world.beta.head()

    asyncio.run(script())


def test_nodes_whose_heads_fall_behind_what_was_agreed_on_do_not_count() -> None:
    """R-10: two of three are cut off from their ledger; a notary that went by them would sign on old facts."""

    async def script() -> None:
        world, _ = world_with_a_lock()
        old = (await world.beta.head()).height
        reader = AgreedReader([world.beta, world.beta, world.beta], 2)
        world.beta.mine(121)
        await reader.head()
        reader._readers = (world.beta, Follower(world.beta, old), Follower(world.beta, old))  # noqa: SLF001 - they stop
        with pytest.raises(UnavailableError, match="121 s behind block"):
            await reader.head()
        reader._readers = (world.beta, world.beta, Follower(world.beta, old))  # noqa: SLF001 - one is back
        assert await reader.head() == await world.beta.head()

    asyncio.run(script())


def test_a_block_is_read_from_the_nodes_themselves_anew() -> None:
    """R-06: what is held against a checkpoint is nobody's memory."""

    async def script() -> None:
        world, _ = world_with_a_lock()
        at = await world.beta.head()
        nodes = nodes_of(world.beta)
        reader = AgreedReader(nodes, 2)
        assert await reader.block(at.height) == at
        nodes[0].claims_header = lambda header: replace(header, stamp=replace(header.stamp, hash=b"\x66" * 32))
        assert await reader.block(at.height) == at
        nodes[1].silent = True
        with pytest.raises(UnavailableError, match="1 of 3"):
            await reader.block(at.height)
        assert await AgreedReader([world.beta] * 2, 2).block(at.height) == at
        with pytest.raises(UnavailableError, match="no final block"):
            await AgreedReader([world.beta] * 2, 2).block(at.height + 1)

    asyncio.run(script())
