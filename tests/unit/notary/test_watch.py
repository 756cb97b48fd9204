"""A ledger is followed in the background: facts stored ahead, checkpoints pinned, endpoints retired (R-06, R-10)."""

import asyncio
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.adapters.memory.facts import MemoryFacts
from bridge.adapters.memory.ledger import START_S, MemoryLedger
from bridge.adapters.sqlite.facts import SqliteFacts
from bridge.core.caip import LedgerId
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Outcome
from bridge.errors import UnavailableError
from bridge.ports.facts import Checkpoint, EndpointRetiredError, FactConflictError, Header
from bridge.telemetry import KEYS
from notary import watch as module
from notary.health import WatchedNode
from notary.observed import ObservedReader
from notary.observer import AgreedReader
from notary.watch import LedgerWatch, run
from tests.committee import refuse, settle
from tests.conformance.facts import Facts
from tests.scenarios.faults import FalseNode
from tests.unit.notary.ledgers import Pair, asked, nodes_of

PIN_BLOCKS = 10


class Follower:
    """A ledger, its three nodes, two of which must agree, and what follows it."""

    def __init__(self, pair: Pair, ledger: MemoryLedger, facts: Facts | None = None) -> None:
        self.facts = MemoryFacts() if facts is None else facts
        self.nodes = nodes_of(ledger)
        self.alarms: list[str] = []
        self.agreed = AgreedReader([WatchedNode(node, pair.clock) for node in self.nodes], 2)
        self.watch = self.another(pair, self.facts)
        self.observed = ObservedReader(self.agreed, self.facts, self.facts)

    def another(self, pair: Pair, facts: Facts) -> LedgerWatch:
        """As after a restart: of what was followed nothing is remembered but what is stored."""
        return LedgerWatch(self.agreed, facts, facts, pair.clock, self.alarms.append, pin_blocks=PIN_BLOCKS)


def restored(pair: Pair, height: int) -> MemoryLedger:
    """The same ledger after a restore from a copy: the same endpoint, other blocks from the first one on."""
    ledger = MemoryLedger(LedgerId("book:alpha"), start=START_S)
    while ledger.mine(2).height < height:
        pass
    assert ledger.endpoint == pair.alpha.endpoint
    return ledger


async def mined(pair: Pair, blocks: int) -> BlockStamp:
    for _ in range(blocks):
        pair.alpha.mine()
        pair.clock.advance(1)
    return await pair.alpha.head()


# --- facts ahead


def test_locks_and_decisions_are_stored_before_anybody_asks() -> None:
    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        destination = Follower(pair, pair.beta, source.facts)
        transfers = [pair.lock(amount) for amount in range(1, 6)]
        pair.send(pair.beta, settle(transfers[1:3]))
        await source.watch.step()
        await destination.watch.step()
        locks = await pair.alpha.locks(pair.lane, 1, 9, await pair.alpha.head())
        stored = source.facts.locks(pair.lane.id, 1, 9)
        assert [(fact.transfer, fact.stamp) for fact in stored] == [(lock.transfer, lock.stamp) for lock in locks]
        decided = await pair.beta.decisions(transfers, await pair.beta.head())
        assert source.facts.decisions([transfer.id for transfer in transfers]) == decided

        pair.send(pair.beta, refuse(transfers[:1], Reason.POLICY_REFUSED))
        pair.lock(6)
        await source.watch.step()
        await destination.watch.step()
        assert source.facts.known(pair.lane.id) == 6
        (decision,) = source.facts.decisions([transfers[0].id])
        assert decision is not None
        assert decision.outcome is Outcome.REJECTED

    asyncio.run(script())


def test_a_long_lane_is_stored_page_by_page_and_a_bounded_part_of_it_in_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAGE_LEN", 3)
    monkeypatch.setattr(module, "PAGES_MAX", 2)

    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        destination = Follower(pair, pair.beta, source.facts)
        transfers = [pair.lock(amount) for amount in range(1, 15)]
        pair.send(pair.beta, settle([t for t in transfers if t.sequence not in (2, 13)]))
        known, decided = [], []
        for _ in range(3):
            await source.watch.step()
            known.append(source.facts.known(pair.lane.id))
        for _ in range(3):
            await destination.watch.step()
            decided.append(14 - source.facts.decisions([t.id for t in transfers]).count(None))
        assert (known, decided) == ([6, 12, 14], [5, 11, 12])
        pair.send(pair.beta, settle([transfers[1]]))
        for _ in range(3):
            await destination.watch.step()
        assert source.facts.decisions([transfers[1].id, transfers[12].id]).count(None) == 1

    asyncio.run(script())


def test_what_is_decided_is_not_asked_for_in_every_step() -> None:
    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        destination = Follower(pair, pair.beta, source.facts)
        transfers = [pair.lock(amount) for amount in range(1, 6)]
        pair.send(pair.beta, settle(transfers))
        await source.watch.step()
        await destination.watch.step()
        asked(destination.nodes)
        await destination.watch.step()
        assert "decisions" not in asked(destination.nodes)

    asyncio.run(script())


def test_a_node_that_hides_a_lock_leaves_no_gap_in_the_store() -> None:
    """R-08: the lane says how many there are."""

    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        for amount in (1, 2, 3):
            pair.lock(amount)
        for node in source.nodes[:2]:
            node.claims_locks = lambda locks: [lock for lock in locks if lock.transfer.sequence != 2]
        with pytest.raises(UnavailableError, match="2 locks where the lane has 3"):
            await source.watch.step()
        assert source.facts.known(pair.lane.id) == 0

    asyncio.run(script())


# --- checkpoints


def test_final_heads_are_pinned_as_time_goes_on() -> None:
    """R-06."""

    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        pinned: list[Checkpoint] = []
        for blocks in (0, PIN_BLOCKS - 1, 1, 35, 1):
            head = await mined(pair, blocks)
            await source.watch.step()
            if blocks in (0, 35) or (blocks == 1 and len(pinned) == 1):
                pinned.append(Checkpoint(height=head.height, hash=head.hash))
        assert source.facts.checkpoints(pair.alpha.endpoint.id, 99) == pinned[::-1]

    asyncio.run(script())


def test_k_nodes_that_change_a_checkpoint_retire_the_endpoint_for_ever(tmp_path: Path) -> None:
    """R-06: a restored ledger; after a restart of the notary, and when the nodes come back, it stays so."""

    async def script() -> None:
        pair = Pair()
        with SqliteFacts(tmp_path / "facts.db") as facts:
            source = Follower(pair, pair.alpha, facts)
            await source.watch.step()
            at = await pair.alpha.head()
            other = restored(pair, at.height + 5)
            for node in source.nodes[:2]:
                node.move_to(other)
            with pytest.raises(EndpointRetiredError, match="needs a new gateway"):
                await source.watch.step()
            assert len(source.alarms) == 1
            for node in source.nodes[:2]:
                node.move_to(pair.alpha)
            with pytest.raises(EndpointRetiredError):
                await source.watch.step()
            with pytest.raises(EndpointRetiredError, match=f"final block {at.height} was 0x{at.hash.hex()}"):
                await source.observed.locks(pair.lane, 1, 1, at)
        with SqliteFacts(tmp_path / "facts.db") as facts:
            again = Follower(pair, pair.alpha, facts)
            with pytest.raises(EndpointRetiredError):
                await again.watch.step()
            with pytest.raises(EndpointRetiredError):
                await again.observed.head()

    asyncio.run(script())


@pytest.mark.parametrize("fault", ["lies", "is restored", "is silent"])
def test_one_node_alone_retires_nothing(fault: str) -> None:
    """R-06: k must agree; one liar must not take a ledger out of service."""

    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        await source.watch.step()
        node = source.nodes[1]
        node.silent = fault == "is silent"
        if fault == "is restored":
            node.move_to(restored(pair, 40))
        if fault == "lies":
            node.claims_header = lambda header: replace(header, stamp=replace(header.stamp, hash=b"\x66" * 32))
        for _ in range(3):
            await mined(pair, PIN_BLOCKS)
            await source.watch.step()
        assert source.facts.retired(pair.alpha.endpoint.id) is None
        assert len(source.facts.checkpoints(pair.alpha.endpoint.id, 99)) == 4
        assert source.alarms == []

    asyncio.run(script())


def test_two_nodes_of_another_chain_are_misconfigured_and_retire_nothing() -> None:
    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        await source.watch.step()
        other = restored(pair, 40)
        for node in source.nodes[:2]:
            node.move_to(other)
            node.on_its_chain = False
        pair.clock.advance(1000)
        with pytest.raises(UnavailableError, match="another chain"):
            await source.watch.step()
        assert source.facts.retired(pair.alpha.endpoint.id) is None

    asyncio.run(script())


def test_a_ledger_that_was_restored_while_the_notary_was_down_is_retired_at_its_first_look() -> None:
    """R-06: nothing is in memory then but the pinned checkpoint."""

    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        await source.watch.step()
        other = restored(pair, 40)
        for node in source.nodes:
            node.move_to(other)
        after = AgreedReader(source.nodes, 2)
        late = LedgerWatch(after, source.facts, source.facts, pair.clock, source.alarms.append)
        with pytest.raises(EndpointRetiredError):
            await late.step()

    asyncio.run(script())


def test_a_reorganisation_beneath_finality_that_leaves_the_pin_is_told_as_an_alarm() -> None:
    """R-10: a head seen since the last pin is gone; no new ledger, but nothing to sign on."""

    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        await source.watch.step()
        await mined(pair, 3)
        await source.watch.step()
        last = await pair.alpha.head()
        for node in source.nodes:
            node.claims_header = _other_at(last.height)
        with pytest.raises(FactConflictError, match="reorganised beneath its finality"):
            await source.watch.step()
        assert len(source.alarms) == 1
        assert source.facts.retired(pair.alpha.endpoint.id) is None

    asyncio.run(script())


def _other_at(height: int) -> Callable[[Header], Header]:
    def claim(header: Header) -> Header:
        if header.stamp.height < height:
            return header
        return replace(header, stamp=replace(header.stamp, hash=b"\x66" * 32))

    return claim


def test_stored_facts_that_k_nodes_contradict_are_an_alarm() -> None:
    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        destination = Follower(pair, pair.beta, source.facts)
        transfer = pair.lock(7)
        await source.watch.step()
        pair.send(pair.beta, settle([transfer]))
        await destination.watch.step()
        (decision,) = await pair.beta.decisions([transfer], await pair.beta.head())
        assert decision is not None
        contradicted = Follower(pair, pair.beta)
        contradicted.facts.add_locks(source.facts.locks(pair.lane.id, 1, 9))
        wrong = replace(decision, stamp=replace(decision.stamp, height=decision.stamp.height + 1))
        contradicted.facts.add_decisions([(transfer.id, wrong)])
        with pytest.raises(FactConflictError):
            await contradicted.watch.step()
        assert len(contradicted.alarms) == 1

    asyncio.run(script())


# --- as a task


class Flaky(FalseNode):
    """Fails a few times in ways that nobody foresaw."""

    failures = 0

    async def identify(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        await super().identify()


def test_what_fails_is_tried_again_later_each_time_and_other_ledgers_go_on() -> None:
    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        destination = Follower(pair, pair.beta, source.facts)
        for node in source.nodes[:2]:
            node.silent = True
        stopping = asyncio.Event()
        with capture_logs() as lines:
            task = asyncio.create_task(run([source.watch, destination.watch], stopping, 1.0))
            await pair.clock.sleep(100)
            for node in source.nodes:
                node.silent = False
            await pair.clock.sleep(130)
            stopping.set()
            await task
        attempts = [line["attempt"] for line in lines if line["event"] == "ledger.unobserved"]
        assert attempts == [1, 2, 3, 4, 5, 6][: len(attempts)]
        assert 5 <= len(attempts) <= 6
        observed = [line["ledger"] for line in lines if line["event"] == "ledger.observed"]
        assert sorted(observed) == ["book:alpha", "book:beta"]
        assert {line["event"] for line in lines} >= {"node.unhealthy", "node.recovered"}
        assert {key for line in lines for key in line} <= KEYS | {"log_level"}

    asyncio.run(script())


def test_a_surprise_in_one_ledger_ends_neither_its_watch_nor_the_others() -> None:
    async def script() -> None:
        pair = Pair()
        facts = MemoryFacts()
        flaky = Flaky(pair.alpha)
        flaky.failures = 2
        broken = LedgerWatch(AgreedReader([WatchedNode(flaky, pair.clock)], 1), facts, facts, pair.clock, print)
        healthy = Follower(pair, pair.beta, facts)
        stopping = asyncio.Event()
        with capture_logs() as lines:
            task = asyncio.create_task(run([broken, healthy.watch], stopping, 1.0))
            await pair.clock.sleep(30)
            stopping.set()
            await task
        crashed = [line for line in lines if line["event"] == "watch.crashed"]
        assert len(crashed) == 2
        assert "ZeroDivisionError" in crashed[0]["error"]
        assert sorted(line["ledger"] for line in lines if line["event"] == "ledger.observed") == [
            "book:alpha",
            "book:beta",
        ]

    asyncio.run(script())


def test_a_retired_endpoint_is_told_once_and_followed_no_more() -> None:
    async def script() -> None:
        pair = Pair()
        source = Follower(pair, pair.alpha)
        source.facts.retire(pair.alpha.endpoint.id, "its final block 5 changed")
        with capture_logs() as lines:
            await source.watch.run(asyncio.Event(), 1.0)
        assert [line["event"] for line in lines] == ["ledger.retired"]

    asyncio.run(script())


def test_a_watch_that_is_cancelled_at_any_await_leaves_no_half_page() -> None:
    async def script() -> None:
        for turns in range(60):
            pair = Pair()
            source = Follower(pair, pair.alpha)
            for amount in (1, 2, 3):
                pair.lock(amount)
            task = asyncio.create_task(source.watch.step())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert source.facts.known(pair.lane.id) in (0, 3)
            await source.watch.step()
            assert source.facts.known(pair.lane.id) == 3
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(script())


def test_memory_stays_flat_however_long_it_follows(tmp_path: Path) -> None:
    async def script() -> None:
        pair = Pair()
        with SqliteFacts(tmp_path / "facts.db") as facts:
            source, destination = Follower(pair, pair.alpha, facts), Follower(pair, pair.beta, facts)
            await _followed(pair, [source, destination], 20)
            tracemalloc.start(1)
            await _followed(pair, [source, destination], 10)
            before = _own()
            await _followed(pair, [source, destination], 90)
            grown = _own() - before
            tracemalloc.stop()
            assert facts.known(pair.lane.id) == 120
        assert grown < 10_000, grown

    asyncio.run(script())


async def _followed(pair: Pair, followers: Sequence[Follower], steps: int) -> None:
    for _ in range(steps):
        pair.lock(1)
        pair.clock.advance(1)
        for follower in followers:
            await follower.watch.step()
            for node in follower.nodes:
                node.asked.clear()


def _own() -> int:
    """Bytes that were allocated in the modules under test."""
    names = ("watch", "observer", "observed", "health")
    filters = [tracemalloc.Filter(inclusive=True, filename_pattern=f"*/notary/{name}.py") for name in names]
    own = tracemalloc.take_snapshot().filter_traces(filters)
    return sum(statistic.size for statistic in own.statistics("filename"))
