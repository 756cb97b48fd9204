"""The bench that the ledger suite works on: a lane of its own between two gateways, both seen through the ports."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import pytest

from bridge.core.caip import Account
from bridge.core.reasons import Reason
from bridge.core.records import Decision
from bridge.core.transfer import Lane, Transfer
from bridge.ports.ledger import (
    AssetReader,
    LedgerReader,
    LedgerWriter,
    Lock,
    Payout,
    Receipt,
    Submission,
    SupplyReader,
)

ISSUED = 1_000_000
LATER_S = 10_000
"""A deadline that no test lives to see."""
SOON_S = 20
POLLS_MAX = 2_000


class End(Enum):
    """The lane's two gateways."""

    SOURCE = "source"
    DESTINATION = "destination"


class Reader(LedgerReader, SupplyReader, AssetReader, Protocol):
    """All that is read."""


@dataclass(kw_only=True)
class Bench(ABC):
    """A lane between two gateways: alice holds ISSUED units at its source, and may receive at both ends like bob.

    carol is on no register. The committee of tests.committee is in force. Nothing is issued at the destination.
    """

    lane: Lane
    alice: Account
    bob: Account
    carol: Account
    source: Reader
    destination: Reader
    source_writer: LedgerWriter
    destination_writer: LedgerWriter

    @abstractmethod
    async def lock(self, amount: int, *, recipient: Account | None = None, deadline_s: int = LATER_S) -> Transfer:
        """Lock alice's units, for bob if nobody else is named, and wait until they are."""

    @abstractmethod
    async def balance(self, end: End, holder: Account) -> int: ...

    @abstractmethod
    async def set_paused(self, end: End, *, paused: bool) -> None: ...

    @abstractmethod
    async def set_token_paused(self, end: End, *, paused: bool) -> None: ...

    @abstractmethod
    async def set_holder(self, end: End, holder: Account, *, registered: bool) -> None: ...

    @abstractmethod
    async def set_refusal(self, end: End, reason: Reason | None) -> None:
        """Have the token's handler refuse every mint for a reason; None: it gives no answer (R-22)."""

    @abstractmethod
    async def set_lane_enabled(self, end: End, *, enabled: bool) -> None: ...

    @abstractmethod
    async def limit(self, *, capacity: int, refill_s: int, large_amount: int, large_delay_s: int) -> None:
        """Change what the destination lets in (R-25)."""

    @abstractmethod
    async def post_issue(self, end: End, number: int, issued: int) -> None:
        """Post an entry of the asset's register, signed by it (R-11)."""

    @abstractmethod
    async def audit_pause_lane(self, end: End) -> None:
        """Pause the lane as the auditor."""

    @abstractmethod
    async def unpause_lane(self, end: End) -> None: ...

    @abstractmethod
    async def tick(self, end: End) -> None:
        """Let a little time pass, in which a block may be sealed."""

    def reader(self, end: End) -> Reader:
        return self.source if end is End.SOURCE else self.destination

    async def send(self, end: End, call: Submission | Payout) -> Receipt:
        """Have a call carried out, and wait until it is in a block."""
        writer = self.source_writer if end is End.SOURCE else self.destination_writer
        transaction = await writer.prepare(call)
        await writer.submit(transaction)
        return await self.mined(end, writer, transaction.reference)

    async def mined(self, end: End, writer: LedgerWriter, reference: bytes) -> Receipt:
        for _ in range(POLLS_MAX):
            receipt = await writer.receipt(reference)
            if receipt is not None:
                return receipt
            await self.tick(end)
        pytest.fail("the transaction is in no block")

    async def reach(self, end: End, time: int) -> None:
        """Let time pass until a block is sealed at *time* or later."""
        for _ in range(POLLS_MAX):
            if (await self.reader(end).head()).time >= time:
                return
            await self.tick(end)
        pytest.fail("the ledger's time stands still")

    async def decision(self, transfer: Transfer) -> Decision | None:
        return (await self.destination.decisions([transfer], await self.destination.head()))[0]

    async def lock_of(self, transfer: Transfer) -> Lock:
        (lock,) = await self.source.locks(self.lane, transfer.sequence, 1, await self.source.head())
        return lock

    async def check_totals(self, end: End) -> None:
        """INV-4 and INV-9, at the newest block."""
        view = await self.reader(end).supply(self.lane.asset, await self.reader(end).head())
        issued = ISSUED if end is End.SOURCE else 0
        assert view.supply - view.minted + view.burned - view.reminted == issued
        assert view.balance >= view.held


Script = Callable[[Bench], Awaitable[None]]


class LedgerFacts(ABC):
    """What the parts of the suite have in common."""

    @abstractmethod
    def fresh(self) -> AbstractAsyncContextManager[Bench]: ...

    def run(self, script: Script) -> None:
        async def opened() -> None:
            async with self.fresh() as bench:
                await script(bench)

        asyncio.run(opened())

    async def check_all(self, bench: Bench, *, held: int) -> None:
        for end in End:
            await bench.check_totals(end)
        source: Sequence[Lock] = await bench.source.locks(bench.lane, 1, 99, await bench.source.head())
        assert all(lock.transfer.lane == bench.lane for lock in source)
        assert (await bench.source.supply(bench.lane.asset, await bench.source.head())).held == held
