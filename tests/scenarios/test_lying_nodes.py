"""Notaries all of whose nodes lie (G7, R-10): f of them change nothing, more stop the bridge; nothing false is done.

The lies are those of tests/integration/liar.py as a reader shows them, told alike by every node of a notary.
5 transfers by default, 100 with NARU_FULL=1.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.adapters.memory.facts import MemoryFacts
from bridge.adapters.memory.ledger import MemoryLedger
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.ports.facts import LockState
from notary.health import WatchedNode
from notary.observed import ObservedReader
from notary.observer import AgreedReader
from tests.committee import dealing
from tests.scenarios.checker import check
from tests.scenarios.faults import NO_LOCK, FalseNode
from tests.scenarios.world import BOB, CAROL, World, happens

TRANSFERS = 100 if os.environ.get("NARU_FULL") else 5
DEADLINE_S = 400
STOPPED_S = 20
"""So long nothing may happen before it counts as stopped."""
LONG_AGO = BlockStamp(height=1, hash=b"\x66" * 32, time=1)
DENIED = Decision(outcome=Outcome.REJECTED, reason=Reason.POLICY_REFUSED, stamp=LONG_AGO)
INVENTED = Decision(outcome=Outcome.MINTED, reason=Reason.NONE, stamp=LONG_AGO)


def silent(node: FalseNode, _: BlockStamp) -> None:
    node.silent = True


def on_another_chain(node: FalseNode, _: BlockStamp) -> None:
    node.on_its_chain = False


def stopped_before_the_locks(node: FalseNode, old: BlockStamp) -> None:
    node.claims_head = lambda _: old


def in_the_future(node: FalseNode, _: BlockStamp) -> None:
    node.claims_head = lambda head: replace(head, time=head.time + 10**6)


def far_ahead(node: FalseNode, _: BlockStamp) -> None:
    node.claims_head = lambda head: replace(head, height=head.height + 1_000, hash=b"\x66" * 32)


def on_a_branch_of_its_own(node: FalseNode, _: BlockStamp) -> None:
    node.claims_head = node.claims_block = lambda block: replace(block, hash=block.hash[::-1])


def without_locks(node: FalseNode, _: BlockStamp) -> None:
    node.claims_locks = lambda _: []
    node.claims_states = lambda states: [NO_LOCK] * len(states)


def with_greater_amounts(node: FalseNode, _: BlockStamp) -> None:
    node.claims_locks = lambda locks: [
        replace(lock, transfer=replace(lock.transfer, amount=lock.transfer.amount * 1_000)) for lock in locks
    ]


def with_other_recipients(node: FalseNode, _: BlockStamp) -> None:
    node.claims_locks = lambda locks: [replace(k, transfer=replace(k.transfer, recipient=BOB)) for k in locks]


def all_committed(node: FalseNode, _: BlockStamp) -> None:
    node.claims_locks = lambda locks: [replace(lock, ending=Ending.COMMITTED) for lock in locks]
    ended = LockState(prefix=b"", ending=Ending.COMMITTED, pending=False)
    node.claims_states = lambda states: [ended] * len(states)


def all_rejected(node: FalseNode, _: BlockStamp) -> None:
    node.claims_decisions = lambda decisions: [DENIED for _ in decisions]


def all_minted(node: FalseNode, _: BlockStamp) -> None:
    node.claims_decisions = lambda decisions: [INVENTED for _ in decisions]


def nobody_eligible(node: FalseNode, _: BlockStamp) -> None:
    node.claims_eligibility = lambda _: Reason.NOT_ELIGIBLE


def never_decided(node: FalseNode, _: BlockStamp) -> None:
    node.claims_decisions = lambda decisions: [None for _ in decisions]


Lie = Callable[[FalseNode, BlockStamp], None]
BEFORE_DECIDING: list[Lie] = [
    silent,
    on_another_chain,
    stopped_before_the_locks,
    in_the_future,
    on_a_branch_of_its_own,
    without_locks,
    with_greater_amounts,
    all_rejected,
    all_minted,
]
"""More than f of these stop every transfer before it is decided."""
HALF: list[Lie] = [nobody_eligible, with_other_recipients, all_committed]
"""More than f of these stop those transfers about which they and the honest ones would sign otherwise.

What is committed and not minted may be minted, whoever may receive (section 2): the liars would, and need a third.
"""
BEFORE_FINISHING: list[Lie] = [never_decided]
"""More than f of these stop every transfer before it is finished."""
HARMLESS: list[Lie] = [far_ahead]
"""Seen through by each notary's own agreement, though all of its nodes tell it."""
ALL = [*BEFORE_DECIDING, *HALF, *BEFORE_FINISHING, *HARMLESS]


class Lied:
    """A world with transfers for a holder who may receive and one who may not, and notaries that see through nodes."""

    def __init__(self, lie: Lie, liars: int) -> None:
        self.world = World()
        old = {ledger.endpoint.id: ledger.mine(0) for ledger in (self.world.alpha, self.world.beta)}
        self.recipients = [CAROL if number % 5 == 4 else BOB for number in range(TRANSFERS)]
        for amount, recipient in enumerate(self.recipients, start=1):
            self.world.lock(amount, recipient=recipient, deadline_s=DEADLINE_S)
        self.nodes: list[FalseNode] = []
        for index, package in enumerate(dealing().key_packages):
            self._facts = MemoryFacts()
            alpha, beta = (self._eyes(ledger) for ledger in (self.world.alpha, self.world.beta))
            self.world.members[index] = self.world.seat(package, alpha=alpha, beta=beta)
            if index < liars:
                for node in self.nodes[-6:]:
                    lie(node, old[node.endpoint.id])

    def _eyes(self, ledger: MemoryLedger) -> ObservedReader:
        own = [FalseNode(ledger, f"node {number}") for number in range(3)]
        self.nodes += own
        return ObservedReader(
            AgreedReader([WatchedNode(node, self.world.clock) for node in own], 2), self._facts, self._facts
        )

    @property
    def outcomes(self) -> list[Outcome]:
        return [Outcome.REJECTED if recipient == CAROL else Outcome.MINTED for recipient in self.recipients]

    async def runs(self, seconds: float) -> None:
        later = self.world.clock.now() + seconds
        await self.world.relay(self.world.relayer(), until=happens(lambda: self.world.clock.now() > later))

    def tell_the_truth(self) -> None:
        """The operators point the liars at honest nodes, with a new fact store, and close the breakers that opened."""
        for journal in self.world.journals.values():
            for event in journal.opened():
                journal.close(event.place, at=self.world.clock.now(), why="its nodes were replaced", by="operator")
        for index in range(len(self.world.members)):
            self.world.restart(index)


@pytest.mark.parametrize("lie", ALL)
def test_f_notaries_all_of_whose_nodes_lie_change_nothing_and_everything_completes(lie: Lie) -> None:
    """R-10, INV-8: f = 1 of 4."""

    async def script() -> None:
        lied = Lied(lie, 1)
        async with lied.world.living():
            await lied.world.relay(lied.world.relayer())
        assert await check(lied.world) == lied.outcomes
        assert any(node.asked for node in lied.nodes[:6])

    asyncio.run(script())


@pytest.mark.parametrize("lie", BEFORE_DECIDING)
def test_more_than_f_stop_the_bridge_and_nothing_false_is_decided(lie: Lie) -> None:
    """R-10: 2 of 4; it goes on as if nothing had been once they tell the truth."""

    async def script() -> None:
        lied = Lied(lie, 2)
        async with lied.world.living():
            await lied.runs(STOPPED_S)
            assert not lied.world.beta.newest.outcomes
            assert not lied.world.alpha.newest.endings
            lied.tell_the_truth()
            await lied.world.relay(lied.world.relayer())
        assert await check(lied.world) == lied.outcomes

    asyncio.run(script())


@pytest.mark.parametrize("lie", HALF)
def test_more_than_f_that_lie_about_some_stop_those_and_decide_none_of_them_falsely(lie: Lie) -> None:
    async def script() -> None:
        lied = Lied(lie, 2)
        async with lied.world.living():
            await lied.runs(STOPPED_S)
            about = BOB if lie is nobody_eligible else CAROL
            decided = lied.world.beta.newest.outcomes
            assert not {sequence for _, sequence in decided} & {
                sequence for sequence, recipient in enumerate(lied.recipients, start=1) if recipient == about
            }
            lied.tell_the_truth()
            await lied.world.relay(lied.world.relayer())
        assert await check(lied.world) == lied.outcomes

    asyncio.run(script())


@pytest.mark.parametrize("lie", BEFORE_FINISHING)
def test_more_than_f_that_deny_decisions_stop_what_follows_them(lie: Lie) -> None:
    async def script() -> None:
        lied = Lied(lie, 2)
        async with lied.world.living():
            await lied.runs(STOPPED_S)
            assert len(lied.world.beta.newest.outcomes) == TRANSFERS
            assert not lied.world.alpha.newest.endings
            lied.tell_the_truth()
            await lied.world.relay(lied.world.relayer())
        assert await check(lied.world) == lied.outcomes

    asyncio.run(script())


def test_a_committee_that_sees_through_its_store_finishes_what_it_saw_after_its_nodes_lost_their_logs() -> None:
    """The terms are stored; only their state is asked for."""

    async def script() -> None:
        lied = Lied(far_ahead, 0)
        async with lied.world.living():
            await lied.world.relay(
                lied.world.relayer(), until=happens(lambda: len(lied.world.beta.newest.outcomes) == TRANSFERS)
            )
            for node in lied.nodes:
                node.claims_locks = lambda _: []
            await lied.world.relay(lied.world.relayer())
        assert await check(lied.world) == lied.outcomes

    asyncio.run(script())
