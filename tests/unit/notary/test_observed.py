"""What was seen final is not asked for again; what may change is asked for each time (R-10)."""

import asyncio
from dataclasses import replace

import pytest

from bridge.adapters.memory.facts import MemoryFacts
from bridge.core.reasons import Reason
from bridge.core.records import Ending, Outcome
from bridge.errors import UnavailableError
from bridge.ports.facts import EndpointRetiredError, FactConflictError, LockFact
from notary.observed import ObservedReader
from notary.observer import AgreedReader
from tests.committee import finish, refuse, settle
from tests.scenarios.faults import NO_LOCK, FalseNode
from tests.unit.notary.ledgers import Pair, asked, nodes_of


class Eyes:
    """A notary's eyes on both ends of a pair, with two of three nodes each, over one store."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.facts = MemoryFacts()
        self.alpha_nodes, self.beta_nodes = nodes_of(pair.alpha), nodes_of(pair.beta)
        self.alpha = self.reader(self.alpha_nodes)
        self.beta = self.reader(self.beta_nodes)

    def reader(self, nodes: list[FalseNode]) -> ObservedReader:
        return ObservedReader(AgreedReader(nodes, 2), self.facts, self.facts)


def test_it_answers_as_the_ledger_does_whatever_is_stored() -> None:
    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        transfers = [pair.lock(amount) for amount in (1, 2, 3, 4)]
        pair.send(pair.beta, settle(transfers[:2]))
        pair.send(pair.alpha, finish(transfers[:1], Outcome.MINTED))
        for _ in range(3):
            at, there = await eyes.alpha.head(), await eyes.beta.head()
            assert (at, eyes.alpha.endpoint) == (await pair.alpha.head(), pair.alpha.endpoint)
            for first, count in ((2, 2), (1, 2), (1, 9), (4, 1), (9, 3)):
                for open_only in (False, True):
                    expected = await pair.alpha.locks(pair.lane, first, count, at, open_only=open_only)
                    assert await eyes.alpha.locks(pair.lane, first, count, at, open_only=open_only) == expected
            assert await eyes.beta.decisions(transfers, there) == await pair.beta.decisions(transfers, there)
            assert await eyes.alpha.lane(pair.lane, at) == await pair.alpha.lane(pair.lane, at)
            assert await eyes.alpha.gateway(at) == await pair.alpha.gateway(at)
            assert await eyes.alpha.asset(pair.lane.asset, at) == await pair.alpha.asset(pair.lane.asset, at)
            assert await eyes.beta.eligibility(transfers[3], there) is Reason.NONE
            transfers.append(pair.lock(9))

    asyncio.run(script())


def test_terms_are_looked_for_once_and_their_state_each_time() -> None:
    """Endings change, and only the chain's final head tells them."""

    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        transfer = pair.lock(7)
        await eyes.alpha.locks(pair.lane, 1, 1, await eyes.alpha.head())
        asked(eyes.alpha_nodes)
        (lock,) = await eyes.alpha.locks(pair.lane, 1, 1, await eyes.alpha.head())
        told = asked(eyes.alpha_nodes)
        assert (lock.ending, told.count("locks"), told.count("lock_states")) == (Ending.OPEN, 0, 3)

        pair.send(pair.beta, settle([transfer]))
        pair.send(pair.alpha, finish([transfer], Outcome.MINTED))
        (lock,) = await eyes.alpha.locks(pair.lane, 1, 1, await eyes.alpha.head())
        assert (lock.ending, lock.transfer) == (Ending.COMMITTED, transfer)

    asyncio.run(script())


def test_a_final_decision_is_asked_for_once_and_none_is_asked_for_again() -> None:
    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        decided, waiting = pair.lock(7), pair.lock(8)
        pair.send(pair.beta, settle([decided]))
        at = await eyes.beta.head()
        before = await eyes.beta.decisions([waiting, decided], at)
        asked(eyes.beta_nodes)
        assert await eyes.beta.decisions([decided], at) == before[1:]
        assert asked(eyes.beta_nodes) == []

        pair.send(pair.beta, refuse([waiting], Reason.POLICY_REFUSED))
        (now,) = await eyes.beta.decisions([waiting], await eyes.beta.head())
        assert now is not None
        assert now.outcome is Outcome.REJECTED

    asyncio.run(script())


def test_at_an_older_block_what_came_later_is_not_told() -> None:
    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        source_before, destination_before = await eyes.alpha.head(), await eyes.beta.head()
        transfer = pair.lock(7)
        pair.send(pair.beta, settle([transfer]))
        await eyes.alpha.locks(pair.lane, 1, 1, await eyes.alpha.head())
        await eyes.beta.decisions([transfer], await eyes.beta.head())

        assert eyes.facts.known(pair.lane.id) == 1
        assert await eyes.alpha.locks(pair.lane, 1, 9, source_before) == []
        assert await eyes.beta.decisions([transfer], destination_before) == [None]

    asyncio.run(script())


def test_nodes_that_lost_their_logs_are_enough_for_what_was_seen() -> None:
    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        transfer = pair.lock(7)
        await eyes.alpha.locks(pair.lane, 1, 1, await eyes.alpha.head())

        def lost(_: object) -> list[object]:
            msg = "no Locked event"
            raise UnavailableError(msg)

        for node in eyes.alpha_nodes:
            node.claims_locks = lost  # type: ignore[assignment] # it never returns
        at = await eyes.alpha.head()
        assert [lock.transfer for lock in await eyes.alpha.locks(pair.lane, 1, 1, at)] == [transfer]

    asyncio.run(script())


def test_what_follows_is_stored_and_what_leaves_a_gap_is_only_told() -> None:
    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        transfers = [pair.lock(amount) for amount in (1, 2, 3)]
        at = await eyes.alpha.head()
        assert [lock.transfer for lock in await eyes.alpha.locks(pair.lane, 3, 1, at)] == transfers[2:]
        assert eyes.facts.known(pair.lane.id) == 0
        await eyes.alpha.locks(pair.lane, 1, 2, at)
        assert eyes.facts.known(pair.lane.id) == 2
        await eyes.alpha.locks(pair.lane, 2, 5, at)
        assert eyes.facts.known(pair.lane.id) == 3

    asyncio.run(script())


@pytest.mark.parametrize("liars", [1, 2])
def test_a_stored_lock_that_k_nodes_deny_is_a_conflict_and_one_liar_is_none(liars: int) -> None:
    """R-06: beneath finality nothing changes; if k nodes say it did, nothing is signed."""

    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        transfer = pair.lock(7)
        at = await eyes.alpha.head()
        await eyes.alpha.locks(pair.lane, 1, 1, at)
        for node in eyes.alpha_nodes[:liars]:
            node.claims_states = lambda states: [NO_LOCK] * len(states)
        if liars == 1:
            (lock,) = await eyes.alpha.locks(pair.lane, 1, 1, at)
            assert lock.transfer == transfer
        else:
            with pytest.raises(FactConflictError, match="changed beneath its finality") as caught:
                await eyes.alpha.locks(pair.lane, 1, 1, at)
            assert not caught.value.retryable

    asyncio.run(script())


def test_a_word_that_names_another_transfer_than_the_store_is_a_conflict() -> None:
    """The store was filled on a branch that is gone: the lock that stands there now is another."""

    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        real = pair.lock(7)
        at = await eyes.alpha.head()
        eyes.facts.add_locks([LockFact(transfer=replace(real, amount=500), stamp=at)])
        with pytest.raises(FactConflictError):
            await eyes.alpha.locks(pair.lane, 1, 1, at)

    asyncio.run(script())


def test_another_decision_than_the_stored_one_is_a_conflict() -> None:
    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        transfer = pair.lock(7)
        pair.send(pair.beta, settle([transfer]))
        at = await eyes.beta.head()
        (decision,) = await eyes.beta.decisions([transfer], at)
        assert decision is not None
        eyes.facts = MemoryFacts()
        later = replace(decision.stamp, height=at.height + 1)
        eyes.facts.add_decisions([(transfer.id, replace(decision, stamp=later))])
        with pytest.raises(FactConflictError):
            await eyes.reader(eyes.beta_nodes).decisions([transfer], at)

    asyncio.run(script())


def test_of_a_retired_endpoint_nothing_is_said() -> None:
    """R-06: for ever, and every reading says why and what to do."""

    async def script() -> None:
        pair = Pair()
        eyes = Eyes(pair)
        transfer = pair.lock(7)
        at = await eyes.alpha.head()
        await eyes.alpha.locks(pair.lane, 1, 1, at)
        eyes.facts.retire(pair.alpha.endpoint.id, "its final block 5 changed")
        asked(eyes.alpha_nodes)
        for read in (
            eyes.alpha.head(),
            eyes.alpha.gateway(at),
            eyes.alpha.lane(pair.lane, at),
            eyes.alpha.locks(pair.lane, 1, 1, at),
            eyes.alpha.decisions([transfer], at),
            eyes.alpha.eligibility(transfer, at),
            eyes.alpha.asset(pair.lane.asset, at),
        ):
            with pytest.raises(EndpointRetiredError, match=r"block 5 changed; .* needs a new gateway") as caught:
                await read
            assert not caught.value.retryable
        assert asked(eyes.alpha_nodes) == []
        await eyes.beta.head()

    asyncio.run(script())
