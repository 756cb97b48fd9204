"""A node in bad health counts as not answering, and is named (R-10)."""

import asyncio
from dataclasses import replace

import pytest

from bridge.core.records import BlockStamp
from bridge.errors import UnavailableError
from notary.health import HealthLimits, WatchedNode
from notary.observer import AgreedReader
from tests.scenarios.faults import FalseNode
from tests.unit.notary.ledgers import Pair, asked, nodes_of

LIMITS = HealthLimits(ahead_s=30, idle_s=None, recheck_s=60, quarantine_s=600, links_max=4)


def watched(pair: Pair, *, limits: HealthLimits = LIMITS) -> tuple[FalseNode, WatchedNode]:
    node = FalseNode(pair.alpha, "node 1")
    return node, WatchedNode(node, pair.clock, limits)


def mined(pair: Pair, blocks: int) -> None:
    for _ in range(blocks):
        pair.alpha.mine()
        pair.clock.advance(1)


def test_a_healthy_node_answers_as_it_would_without_being_watched() -> None:
    async def script() -> None:
        pair = Pair()
        transfer = pair.lock(7)
        node, watch = watched(pair)
        at = await watch.head()
        assert (watch.name, watch.endpoint, watch.problem) == ("node 1", pair.alpha.endpoint, "")
        assert at == await pair.alpha.head()
        assert await watch.head(height_max=1) == await pair.alpha.head(height_max=1)
        assert await watch.gateway(at) == await pair.alpha.gateway(at)
        assert await watch.lane(pair.lane, at) == await pair.alpha.lane(pair.lane, at)
        assert await watch.locks(pair.lane, 1, 5, at) == await pair.alpha.locks(pair.lane, 1, 5, at)
        assert await watch.lock_states([transfer], at) == await node.lock_states([transfer], at)
        assert await watch.decisions([transfer], at) == [None]
        assert await watch.eligibility(transfer, at) == await pair.alpha.eligibility(transfer, at)
        assert await watch.asset(pair.lane.asset, at) == await pair.alpha.asset(pair.lane.asset, at)
        assert (await watch.header(at.height)).stamp == at

    asyncio.run(script())


# --- which chain it is on


def test_a_node_on_another_chain_answers_nothing_at_all() -> None:
    async def script() -> None:
        pair = Pair()
        transfer = pair.lock(7)
        at = await pair.alpha.head()
        node, watch = watched(pair)
        node.on_its_chain = False
        for read in (
            watch.head(),
            watch.head(height_max=1),
            watch.gateway(at),
            watch.lane(pair.lane, at),
            watch.locks(pair.lane, 1, 1, at),
            watch.lock_states([transfer], at),
            watch.decisions([transfer], at),
            watch.eligibility(transfer, at),
            watch.asset(pair.lane.asset, at),
            watch.header(1),
        ):
            with pytest.raises(UnavailableError, match="node 1 is on another chain"):
                await read
        assert asked([node]) == ["identify"]

    asyncio.run(script())


def test_a_node_behind_a_load_balancer_is_asked_again_which_chain_it_is_on() -> None:
    async def script() -> None:
        pair = Pair()
        node, watch = watched(pair)
        await asyncio.gather(*(watch.head() for _ in range(5)))
        assert asked([node]).count("identify") == 1
        node.on_its_chain = False
        pair.clock.advance(59)
        await watch.head()
        pair.clock.advance(1)
        asked([node])
        for _ in range(5):
            with pytest.raises(UnavailableError, match="on another chain"):
                await watch.head()
        assert "on another chain" in watch.problem
        assert asked([node]).count("identify") == 1
        node.on_its_chain = True
        pair.clock.advance(LIMITS.retry_s)
        await watch.head()
        assert watch.problem == ""

    asyncio.run(script())


# --- time


@pytest.mark.parametrize(("ahead", "healthy"), [(0, True), (30, True), (31, False), (10**9, False)])
def test_a_head_in_the_future_is_not_believed(ahead: int, healthy: bool) -> None:  # noqa: FBT001 - what is expected
    async def script() -> None:
        pair = Pair()
        node, watch = watched(pair)
        node.claims_head = lambda head: replace(head, time=int(pair.clock.now()) + ahead)
        if healthy:
            await watch.head()
        else:
            with pytest.raises(UnavailableError, match=f"{ahead} s in the future"):
                await watch.head()

    asyncio.run(script())


def test_where_a_ledger_never_idles_an_old_head_is_a_node_that_has_stopped() -> None:
    async def script() -> None:
        pair = Pair()
        _, watch = watched(pair, limits=replace(LIMITS, idle_s=20))
        _, patient = watched(pair)
        pair.clock.advance(20)
        await watch.head()
        pair.clock.advance(1)
        with pytest.raises(UnavailableError, match="21 s old: it has stopped"):
            await watch.head()
        await patient.head()

    asyncio.run(script())


# --- its own past


def test_a_final_head_that_goes_back_does_not_count_until_it_has_caught_up() -> None:
    async def script() -> None:
        pair = Pair()
        mined(pair, 5)
        node, watch = watched(pair)
        top = await watch.head()
        before = await pair.alpha.head(height_max=top.height - 1)
        node.claims_head = lambda _: before
        with pytest.raises(UnavailableError, match=f"went back from block {top.height} to {before.height}"):
            await watch.head()
        assert "went back" in watch.problem
        node.claims_head = lambda head: head
        assert await watch.head() == top

    asyncio.run(script())


@pytest.mark.parametrize("blocks", [0, 1, 4, 5, 50])
def test_a_final_block_that_changes_takes_the_node_out(blocks: int) -> None:
    """By parent hashes over up to four blocks, beyond by the hash at the height seen; 0: the same height again."""

    async def script() -> None:
        pair, other = Pair(), Pair()
        mined(pair, 3)
        node, watch = watched(pair)
        seen = await watch.head()
        for _ in range(3 + blocks):
            other.alpha.mine(2)
        pair.clock.advance(1000)
        node.move_to(other.alpha)
        with pytest.raises(UnavailableError, match=f"final block {seen.height} was 0x{seen.hash.hex()} and is not"):
            await watch.head()
        asked([node])
        with pytest.raises(UnavailableError, match="not asked for another 600 s"):
            await watch.head()
        assert asked([node]) == []
        assert (await watch.header(1)).stamp == await other.alpha.head(height_max=1)
        pair.clock.advance(600)
        assert await watch.head() == await other.alpha.head()

    asyncio.run(script())


@pytest.mark.parametrize("blocks", [1, 4, 5, 50])
def test_a_node_that_goes_on_is_followed_with_few_questions(blocks: int) -> None:
    async def script() -> None:
        pair = Pair()
        node, watch = watched(pair)
        await watch.head()
        mined(pair, blocks)
        asked([node])
        assert await watch.head() == await pair.alpha.head()
        headers = blocks if blocks <= 4 else 1
        assert sorted(asked([node])) == ["head", *["header"] * headers]
        await watch.head()
        assert asked([node])[-1:] == ["head"]

    asyncio.run(script())


def test_a_chain_whose_links_do_not_meet_is_none() -> None:
    """The head's block says that its parent is another one."""

    async def script() -> None:
        pair = Pair()
        node, watch = watched(pair)
        await watch.head()
        mined(pair, 2)
        top = await pair.alpha.head()
        node.claims_header = lambda header: replace(header, parent=b"\x66" * 32) if header.stamp == top else header
        with pytest.raises(UnavailableError, match="and is not any more"):
            await watch.head()

    asyncio.run(script())


def test_older_answers_that_come_late_are_no_step_back() -> None:
    """Two readings at once: the one that asked first may hear last."""

    class Uneven(FalseNode):
        async def head(self, *, height_max: int | None = None) -> BlockStamp:
            head = await super().head(height_max=height_max)
            pair.alpha.mine()
            await asyncio.sleep(delays.pop(0))
            return head

    pair, delays = Pair(), [0.02, 0.0]

    async def script() -> None:
        watch = WatchedNode(Uneven(pair.alpha), pair.clock, LIMITS)
        first, second = await asyncio.gather(watch.head(), watch.head())
        assert second.height == first.height + 1

    asyncio.run(script())


# --- in agreement


def test_one_node_in_bad_health_is_named_and_two_of_three_go_on() -> None:
    async def script() -> None:
        pair = Pair()
        nodes = nodes_of(pair.alpha)
        reader = AgreedReader([WatchedNode(node, pair.clock, LIMITS) for node in nodes], 2)
        nodes[1].claims_head = lambda head: replace(head, time=head.time + 10**6)
        assert await reader.head() == await pair.alpha.head()
        assert list(reader.problems) == ["node 2"]
        assert "in the future" in reader.problems["node 2"]
        nodes[2].on_its_chain = False
        pair.clock.advance(60)
        with pytest.raises(UnavailableError, match=r"1 of 3 .*node 2: .*in the future.*; node 3: .*another chain"):
            await reader.head()

    asyncio.run(script())


def test_a_silent_node_is_a_problem_until_it_answers() -> None:
    async def script() -> None:
        pair = Pair()
        nodes = nodes_of(pair.alpha)
        reader = AgreedReader([WatchedNode(node, pair.clock, LIMITS) for node in nodes], 2)
        nodes[0].silent = True
        await reader.head()
        assert reader.problems == {"node 1": "this node does not answer"}
        nodes[0].silent = False
        pair.clock.advance(LIMITS.retry_s)
        await reader.head()
        assert reader.problems == {}

    asyncio.run(script())
