import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from web3.types import LogReceipt

from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.memory.gateway import AUDIT_PAUSE_S, Limits, LockTerms
from bridge.adapters.memory.ledger import MemoryLedger, MemoryWriter
from bridge.core.caip import Account, AssetId, LedgerId
from bridge.core.reasons import Reason
from bridge.core.statements import Epoch
from bridge.core.transfer import Lane, Transfer
from bridge.errors import LedgerRefusedError, UnavailableError
from tests.committee import EPOCH, dealing, settle
from tests.conformance.bench import ISSUED, LATER_S, Bench, End
from tests.conformance.evm import EvmPair
from tests.conformance.ledger import LedgerContract
from tests.scenarios.world import account

ASSETS = itertools.count(1)


@dataclass(kw_only=True)
class MemoryBench(Bench):
    alpha: MemoryLedger
    beta: MemoryLedger

    async def lock(self, amount: int, *, recipient: Account | None = None, deadline_s: int = LATER_S) -> Transfer:
        now = (await self.alpha.head()).time
        return self.alpha.lock(
            LockTerms(
                lane=self.lane,
                sender=self.alice,
                recipient=self.bob if recipient is None else recipient,
                amount=amount,
                deadline=now + deadline_s,
            )
        )

    async def balance(self, end: End, holder: Account) -> int:
        return self._ledger(end).balance(self.lane.asset, holder)

    async def set_paused(self, end: End, *, paused: bool) -> None:
        self._ledger(end).set_paused(paused=paused)

    async def set_token_paused(self, end: End, *, paused: bool) -> None:
        self._ledger(end).set_token_paused(self.lane.asset, paused=paused)

    async def set_holder(self, end: End, holder: Account, *, registered: bool) -> None:
        self._ledger(end).set_holder(self.lane.asset, holder, registered=registered)

    async def set_refusal(self, end: End, reason: Reason | None) -> None:
        self._ledger(end).set_token_refusal(self.lane.asset, Reason.TOKEN_PAUSED if reason is None else reason)

    async def set_lane_enabled(self, end: End, *, enabled: bool) -> None:
        self._ledger(end).set_lane_enabled(self.lane, enabled=enabled)

    async def limit(self, *, capacity: int, refill_s: int, large_amount: int, large_delay_s: int) -> None:
        limits = Limits(capacity=capacity, refill_s=refill_s, large_amount=large_amount, large_delay_s=large_delay_s)
        self.beta.open_lane(self.lane, limits)

    async def post_issue(self, end: End, number: int, issued: int) -> None:
        self._ledger(end).post_issue(self.lane.asset, number, issued)

    async def audit_pause_lane(self, end: End) -> None:
        self._ledger(end).audit_pause_lane(self.lane)

    async def unpause_lane(self, end: End) -> None:
        self._ledger(end).unpause_lane(self.lane)

    async def tick(self, end: End) -> None:
        self._ledger(end).mine()

    def _ledger(self, end: End) -> MemoryLedger:
        return self.alpha if end is End.SOURCE else self.beta


class TestMemoryLedger(LedgerContract):
    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Bench]:
        alice, bob, carol, relayer = (account(name) for name in ("alice", "bob", "carol", "relayer"))
        alpha, beta = (MemoryLedger(LedgerId(f"book:{name}")) for name in ("alpha", "beta"))
        asset = AssetId(next(ASSETS).to_bytes(32))
        lane = Lane(source=alpha.endpoint.id, destination=beta.endpoint.id, asset=asset)
        for ledger in (alpha, beta):
            ledger.register_key(EPOCH, dealing().public_key_package.group_public_key)
            ledger.add_asset(asset, alice, bob)
            ledger.open_lane(lane, Limits())
        alpha.issue(asset, alice, ISSUED)
        yield MemoryBench(
            lane=lane,
            alice=alice,
            bob=bob,
            carol=carol,
            source=alpha,
            destination=beta,
            source_writer=MemoryWriter(alpha, relayer),
            destination_writer=MemoryWriter(beta, relayer),
            alpha=alpha,
            beta=beta,
        )

    def test_the_current_epoch_and_the_one_before_are_accepted_and_no_other(self) -> None:
        """R-40."""

        async def script(bench: Bench) -> None:
            assert isinstance(bench, MemoryBench)
            transfer = await bench.lock(7)
            for epoch in (2, 3):
                bench.beta.register_key(Epoch(epoch), dealing(epoch).public_key_package.group_public_key)
                assert (await bench.beta.gateway(await bench.beta.head())).epoch == epoch
                if epoch == 2:
                    await bench.send(End.DESTINATION, settle([await bench.lock(8)]))
            with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                await bench.send(End.DESTINATION, settle([transfer]))
            with pytest.raises(LedgerRefusedError, match="EpochUsed"):
                bench.beta.register_key(EPOCH, dealing().public_key_package.group_public_key)
            assert await bench.balance(End.DESTINATION, bench.bob) == 8

        self.run(script)

    def test_an_auditors_pause_lapses_after_a_day(self) -> None:
        """R-61."""

        async def script(bench: Bench) -> None:
            assert isinstance(bench, MemoryBench)
            await bench.audit_pause_lane(End.SOURCE)
            bench.alpha.mine(AUDIT_PAUSE_S - 1)
            with pytest.raises(LedgerRefusedError, match="LanePausedError"):
                await bench.lock(7)
            bench.alpha.mine(1)
            assert not (await bench.source.lane(bench.lane, await bench.source.head())).paused
            await bench.lock(7)

        self.run(script)


@pytest.mark.processes
class TestEvmLedger(LedgerContract):
    """The EVM adapter on two embedded ledgers, each a process; one pair of gateways for all, a lane for each test."""

    @pytest.fixture(autouse=True)
    def _pair(self, evm_pair: EvmPair) -> None:
        self._evm = evm_pair

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Bench]:
        async with self._evm.bench(AssetId(next(ASSETS).to_bytes(32))) as bench:
            yield bench

    def test_a_node_without_the_event_of_a_decision_is_waited_for_and_gives_no_refusal(self) -> None:
        """R-26: bits that are set and an event that is missing are a node that lags, never SUPERSEDED."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            await bench.send(End.DESTINATION, settle([transfer]))
            node = WithoutLogs(self._evm.urls[End.DESTINATION])
            reader = EvmReader(node, bench.destination.endpoint)
            with pytest.raises(UnavailableError, match="no Decided event"):
                await reader.decisions([transfer], await reader.head())
            await node.close()

        self.run(script)


class WithoutLogs(Node):
    """A node whose log index lags, or was pruned."""

    async def logs(
        self, address: str, topics: Sequence[object], first: int, last: int
    ) -> AsyncGenerator[LogReceipt, None]:
        async for log in super().logs(address, topics, first, last):
            if log["address"] != address:
                yield log
