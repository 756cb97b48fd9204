"""Lying nodes in front of a real ledger (G7): what k of m agree on is the truth, or there is no answer.

5 transfers by default, 100 with NARU_FULL=1. Every behaviour sees every transfer, open, minted, rejected and ended.
"""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.memory.facts import MemoryFacts
from bridge.adapters.system import SystemClock
from bridge.core.caip import AssetId, Endpoint
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Outcome
from bridge.core.transfer import Lane, Transfer
from bridge.errors import BridgeError, UnavailableError
from bridge.ports.ledger import LedgerReader
from notary.health import HealthLimits, WatchedNode
from notary.observed import ObservedReader
from notary.observer import AgreedReader, Patience
from tests.committee import finish, refuse, settle
from tests.conformance.bench import Bench, End
from tests.conformance.evm import EvmPair, running_pair
from tests.integration import liar as lies
from tests.integration.liar import HUGE_LEN, Liar, Lie, lying

pytestmark = [pytest.mark.processes, pytest.mark.slow]

TRANSFERS = 100 if os.environ.get("NARU_FULL") else 5
TIMEOUT_S, LIAR_TIMEOUT_S = 30.0, 0.5
"""An honest node may take its time on a loaded machine."""
LIMITS = HealthLimits(ahead_s=10**7, quarantine_s=0.0)
"""The ledgers under test run ahead of the machine's clock, ten seconds a second."""
PATIENCE = Patience(late_s=0.05, answer_s=60.0, behind_s=10**7)

LIES: dict[str, Lie] = {
    "wrong receipt": lies.wrong_receipt,
    "missing log": lies.missing_log,
    "forged log": lies.forged_log,
    "only forged logs": lies.only_forged_logs,
    "wrong emitter": lies.wrong_emitter,
    "look-alike log": lies.look_alike,
    "removed log": lies.removed_log,
    "pending log": lies.pending_log,
    "log of another block": lies.log_of_another_block,
    "log of another height": lies.log_of_another_height,
    "anonymous log": lies.anonymous_log,
    "log without topics": lies.log_without_topics,
    "extra data": lies.extra_data,
    "indexed swap": lies.indexed_swap,
    "topics that are none": lies.topics_that_are_none,
    "logs that are none": lies.logs_that_are_none,
    "stale head": lies.stale_head,
    "future head": lies.future_head,
    "far head": lies.far_head,
    "other chain id": lies.other_chain_id,
    "wrong block hash": lies.wrong_block_hash,
    "null block hash": lies.null_block_hash,
    "decimal number": lies.decimal_number,
    "fraction": lies.fraction,
    "leading zeros": lies.leading_zeros,
    "endless number": lies.endless_number,
    "block that is a list": lies.block_that_is_a_list,
    "wrong view": lies.wrong_view,
    "silent view": lies.silent_view,
    "short view": lies.short_view,
    "longer lists": lies.longer_lists,
    "huge": lies.huge,
    "slow": lies.slow,
    "dripping": lies.dripping,
    "truncated": lies.truncated,
    "429 and 500": lies.refuses,
    "a key twice": lies.twice_the_key,
    "deep": lies.deep,
    "another request": lies.another_request,
    "not JSON": lies.not_json,
    "no object": lies.no_object,
    "error of text": lies.error_of_text,
    "null": lies.null_result,
    "number": lies.number_result,
}
"""G7's fifteen, and their variants."""
SEEN_THROUGH = ("wrong receipt", "look-alike log", "far head")
"""Alone, such a node is read as if it told the truth, its head apart: what is false is never asked, or not taken."""
STATE_LIES = ("wrong view", "silent view", "forged log", "only forged logs", "stale head", "future head")
"""One node alone may be believed in these: k nodes are what stands against them."""
REFUSED = tuple(name for name in LIES if name not in SEEN_THROUGH and name not in STATE_LIES)


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Both ledgers' addresses and gateways, and the transfers that stand on them."""

    urls: dict[End, str]
    endpoints: dict[End, Endpoint]
    lane: Lane
    transfers: list[Transfer]

    @asynccontextmanager
    async def nodes(self, end: End, *behaviours: Lie | None) -> AsyncIterator[tuple[list[WatchedNode], list[Liar]]]:
        """A node each, with its own memory; None is an honest one."""
        nodes, liars = [], []
        async with AsyncExitStack() as stack:
            for lie in behaviours:
                url, timeout_s = self.urls[end], TIMEOUT_S
                if lie is not None:
                    liars.append(await stack.enter_async_context(lying(url, lie)))
                    url, timeout_s = liars[-1].url, LIAR_TIMEOUT_S
                node = Node(url, timeout_s=timeout_s, response_len_max=HUGE_LEN // 2)
                stack.push_async_callback(node.close)
                nodes.append(WatchedNode(EvmReader(node, self.endpoints[end]), SystemClock(), LIMITS))
            yield nodes, liars


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with running_pair(tmp_path_factory.mktemp("liar")) as pair:
        yield asyncio.run(_laid(pair))


async def _laid(pair: EvmPair) -> Ground:
    """Of five transfers one stays open, two are minted, two rejected; one of each two is finished on the source."""
    async with pair.bench(AssetId(b"\x0a" * 32)) as bench:
        transfers = [await bench.lock(amount) for amount in range(1, TRANSFERS + 1)]
        by = [[t for t in transfers if t.sequence % 5 == rest] for rest in range(5)]
        await _in_parts(bench, End.DESTINATION, settle, [*by[1], *by[2]])
        await _in_parts(bench, End.DESTINATION, partial(refuse, reason=Reason.POLICY_REFUSED), [*by[3], *by[4]])
        await _in_parts(bench, End.SOURCE, partial(finish, outcome=Outcome.MINTED), by[2])
        await _in_parts(bench, End.SOURCE, partial(finish, outcome=Outcome.REJECTED), by[4])
        return Ground(urls=dict(pair.urls), endpoints=dict(pair.endpoints), lane=bench.lane, transfers=transfers)


async def _in_parts(bench: Bench, end: End, call: Callable[..., object], transfers: list[Transfer]) -> None:
    for first in range(0, len(transfers), 20):
        receipt = await bench.send(end, call(transfers[first : first + 20]))  # type: ignore[arg-type] # a Submission
        assert receipt.succeeded
        assert not receipt.failures


Reading = Callable[[LedgerReader, BlockStamp], Awaitable[object]]


def readings(ground: Ground, end: End) -> list[Reading]:
    """All that a notary asks of a ledger, for every transfer."""
    lane, transfers = ground.lane, ground.transfers
    both: list[Reading] = [lambda r, at: r.gateway(at), lambda r, at: r.lane(lane, at)]
    if end is End.SOURCE:
        return [
            *both,
            lambda r, at: r.locks(lane, 1, TRANSFERS + 3, at),
            lambda r, at: r.locks(lane, 1, TRANSFERS + 3, at, open_only=True),
        ]
    return [
        *both,
        lambda r, at: r.decisions(transfers, at),
        *(lambda r, at, t=t: r.eligibility(t, at) for t in transfers[:10]),
    ]


async def truth(ground: Ground, end: End, at: BlockStamp) -> list[object]:
    """What an honest node says at the same block."""
    async with ground.nodes(end, None) as ([honest], _):
        told = await all_told(honest, ground, end, at)
        assert UnavailableError not in told
        return told


async def all_told(reader: LedgerReader, ground: Ground, end: End, at: BlockStamp) -> list[object]:
    """Ask all at once; UnavailableError itself stands for no answer."""
    return list(await asyncio.gather(*(_told(reading, reader, at) for reading in readings(ground, end))))


@pytest.mark.parametrize("name", LIES)
def test_one_liar_of_three_changes_nothing_and_holds_nothing_up(ground: Ground, name: str) -> None:
    """R-10, INV-8: the two others agree."""

    async def script(end: End) -> None:
        async with ground.nodes(end, LIES[name], None, None) as (nodes, liars):
            reader = AgreedReader(nodes, 2, PATIENCE)
            at = await reader.head()
            told = await all_told(reader, ground, end, at)
            assert told == await truth(ground, end, at)
            assert liars[0].asked
            assert await reader.block(1) == (await nodes[1].header(1)).stamp

    asyncio.run(_at_both_ends(script))


@pytest.mark.parametrize("name", LIES)
def test_a_liar_and_an_honest_node_agree_on_the_truth_or_on_nothing(ground: Ground, name: str) -> None:
    """R-10: two must agree, so nothing false is ever told."""

    async def script(end: End) -> None:
        async with ground.nodes(end, LIES[name], None) as (nodes, _):
            reader = AgreedReader(nodes, 2, PATIENCE)
            honest = await nodes[1].head()
            expected = await truth(ground, end, honest)
            told = await all_told(reader, ground, end, honest)
            assert all(answer in (right, UnavailableError) for answer, right in zip(told, expected, strict=True))

    asyncio.run(_at_both_ends(script))


@pytest.mark.parametrize("name", REFUSED)
def test_even_alone_such_a_node_is_not_believed(ground: Ground, name: str) -> None:
    """Each is seen by what the node says itself: an error that the notary knows, never a false answer or a crash."""

    async def script(end: End) -> None:
        async with ground.nodes(end, LIES[name]) as ([node], _), ground.nodes(end, None) as ([honest], _):
            at = await honest.head()
            expected = await truth(ground, end, at)
            told = await all_told(node, ground, end, at)
            assert all(answer in (right, UnavailableError) for answer, right in zip(told, expected, strict=True))
            assert UnavailableError in [*told, await _told(_head, node, at)]

    asyncio.run(_at_both_ends(script))


@pytest.mark.parametrize("name", SEEN_THROUGH)
def test_what_is_never_asked_or_taken_does_not_matter_even_alone(ground: Ground, name: str) -> None:
    async def script(end: End) -> None:
        async with ground.nodes(end, LIES[name]) as ([node], [liar]), ground.nodes(end, None) as ([honest], _):
            at = await honest.head()
            assert await all_told(node, ground, end, at) == await truth(ground, end, at)
            assert "eth_getTransactionReceipt" not in liar.asked

    asyncio.run(_at_both_ends(script))


def test_a_node_whose_clock_is_ahead_is_named(ground: Ground) -> None:
    async def script() -> None:
        async with ground.nodes(End.SOURCE, lies.future_head, None, None) as (nodes, _):
            reader = AgreedReader(nodes, 2, PATIENCE)
            await reader.head()
            assert [problem for problem in reader.problems.values() if "in the future" in problem]

    asyncio.run(script())


def test_a_node_that_stopped_does_not_count_once_the_others_have_gone_on(ground: Ground) -> None:
    """R-10: two of three are cut off; what they say is true and old, and nothing is signed on it."""

    async def script() -> None:
        async with ground.nodes(End.SOURCE, None, None, None) as (nodes, _):
            agreed = AgreedReader(nodes, 2, Patience(late_s=0.05, answer_s=60, behind_s=2))
            await agreed.head()
            async with ground.nodes(End.SOURCE, lies.stale_head, lies.stale_head) as (stopped, _):
                agreed._readers = (nodes[0], *stopped)  # noqa: SLF001 - two stop
                with pytest.raises(UnavailableError, match=r"1 of 3 .*s behind block"):
                    await agreed.head()

    asyncio.run(script())


def test_a_node_on_another_ledger_of_the_same_chain_id_is_told_by_its_fingerprint(ground: Ground) -> None:
    """Section 1: the hash of the block before the gateway."""

    async def script() -> None:
        async def other_genesis(exchange: lies.Exchange) -> bytes | None:
            return await _renamed(exchange)

        async with ground.nodes(End.SOURCE, other_genesis) as ([node], _):
            with pytest.raises(UnavailableError, match="on another ledger of chain 8101"):
                await node.identify()
        async with ground.nodes(End.SOURCE, lies.other_chain_id) as ([node], _):
            with pytest.raises(UnavailableError, match="on chain 1337, not 8101"):
                await node.identify()

    async def _renamed(exchange: lies.Exchange) -> bytes | None:
        return lies.wrong_block_hash(exchange) if exchange.parameters[:1] != ["latest"] else None

    asyncio.run(script())


def test_a_huge_answer_is_cut_off_and_does_not_stay_in_memory(ground: Ground) -> None:
    async def script() -> None:
        async with ground.nodes(End.SOURCE, lies.huge) as ([node], _):
            before = _resident()
            for _ in range(10):
                with pytest.raises(UnavailableError, match=f"more than {HUGE_LEN // 2} bytes"):
                    await node.identify()
            assert _resident() - before < 64 * 2**20

    asyncio.run(script())


@pytest.mark.parametrize("name", ["slow", "dripping"])
def test_a_slow_answer_ends_in_bounded_time(ground: Ground, name: str) -> None:
    async def script() -> None:
        async with ground.nodes(End.SOURCE, LIES[name]) as ([node], _):
            with pytest.raises(UnavailableError, match="does not answer properly"):
                async with asyncio.timeout(40 * LIAR_TIMEOUT_S):
                    await node.identify()

    asyncio.run(script())


def test_a_request_that_is_given_up_at_any_moment_holds_up_no_later_one(ground: Ground) -> None:
    """R-10: once k nodes agree, the rest are cut off, again and again."""

    async def script() -> None:
        node = Node(ground.urls[End.SOURCE], timeout_s=TIMEOUT_S)
        try:
            for turns in range(60):
                await asyncio.gather(*(_cut_off(node, turns) for _ in range(4)))
            async with asyncio.timeout(TIMEOUT_S):
                assert await node.live_chain_id() == 8101
        finally:
            await node.close()

    asyncio.run(script())


def test_what_was_seen_is_told_though_every_node_but_one_has_lost_its_logs(ground: Ground) -> None:
    async def script() -> None:
        facts = MemoryFacts()
        async with ground.nodes(End.SOURCE, None, None, None) as (nodes, _):
            reader = ObservedReader(AgreedReader(nodes, 2, PATIENCE), facts, facts)
            await reader.locks(ground.lane, 1, TRANSFERS, await reader.head())
            assert facts.known(ground.lane.id) == TRANSFERS
        async with ground.nodes(End.SOURCE, lies.missing_log, lies.missing_log, None) as (nodes, liars):
            agreed = AgreedReader(nodes, 2, PATIENCE)
            reader = ObservedReader(agreed, facts, facts)
            at = await reader.head()
            right = (await truth(ground, End.SOURCE, at))[2]
            with pytest.raises(UnavailableError):
                await agreed.locks(ground.lane, 1, TRANSFERS, at)
            for liar in liars:
                liar.asked.clear()
            assert await reader.locks(ground.lane, 1, TRANSFERS, at) == right
            assert "eth_getLogs" not in liars[0].asked

    asyncio.run(script())


def test_the_lies_are_lies(ground: Ground) -> None:
    """Else this file proved nothing. Of the others the refusals are the proof, and of those seen through the logs."""

    async def changed(name: str, end: End) -> bool:
        """Whether a node that tells this lie is heard to say anything else than an honest one."""
        async with ground.nodes(end, LIES[name]) as ([node], [liar]), ground.nodes(end, None) as ([honest], _):
            at = await honest.head()
            expected = await truth(ground, end, at)
            told = await all_told(node, ground, end, at)
            head = await _told(_head, node, at)
            assert liar.asked
            return told != expected or not isinstance(head, BlockStamp) or head.height < at.height

    async def script() -> list[str]:
        return [name for name in STATE_LIES if not any([await changed(name, end) for end in End])]

    assert asyncio.run(script()) == []


async def _at_both_ends(script: Callable[[End], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for end in End:
            tasks.create_task(_run(script, end))


async def _run(script: Callable[[End], Awaitable[None]], end: End) -> None:
    await script(end)


async def _head(reader: LedgerReader, at: BlockStamp) -> BlockStamp:
    del at
    return await reader.head()


async def _cut_off(node: Node, turns: int) -> None:
    """Ask something, and give up after *turns* of the event loop."""
    task = asyncio.create_task(node.live_chain_id())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _told(reading: Reading, reader: LedgerReader, at: BlockStamp) -> object:
    """The answer, or that there is none; only errors that the notary knows count as none."""
    try:
        return await reading(reader, at)
    except BridgeError:
        return UnavailableError


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
