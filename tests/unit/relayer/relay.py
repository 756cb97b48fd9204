"""One engine on a world, stepped by hand, and what its nodes can be made to do."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bridge.core.records import BlockStamp, Ending
from bridge.core.transfer import Lane, Transfer
from bridge.errors import UnavailableError
from bridge.ports.ledger import LedgerReader, LedgerWriter, Lock, Payout, PreparedTransaction, Receipt, Submission
from bridge.ports.store import TransferRecord
from relayer.engine import LaneEngine
from relayer.service import Parts
from relayer.watcher import Watcher
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import World

FINAL_S = 3
"""Long enough for whatever was sent to be in a block."""


class Blinkered(FalseReader):
    """A node that can be made not to show any lock, to call the first one released, or to surprise everybody."""

    hides_locks = False
    calls_released = False
    surprises = False

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        if self.surprises:
            raise SurpriseError
        found = [] if self.hides_locks else await super().locks(lane, first, count, at, open_only=open_only)
        if self.calls_released and found and found[0].transfer.sequence == 1:
            found[0] = replace(found[0], ending=Ending.RELEASED)
        return found


class SurpriseError(Exception):
    """What no library was known to raise."""

    def __init__(self) -> None:
        super().__init__("of a library")


class Relay:
    """A world whose relayer is one engine, stepped by hand."""

    def __init__(self, world: World, *, wrap: Callable[[LedgerWriter], LedgerWriter] = lambda writer: writer) -> None:
        self.world = world
        self.parts = world.relayer(wrap=wrap)
        self.source = Blinkered(world.alpha)
        self.engine = engine_of(world, self.parts, self.source)
        self.asked: list[float] = []
        self.world.members[0].on_review = lambda: self.asked.append(world.clock.now())

    async def step(self) -> None:
        await self.engine.step()
        await self.world.clock.sleep(FINAL_S)

    async def steps(self, seconds: float, every: float = 1.0) -> None:
        until = self.world.clock.now() + seconds
        while self.world.clock.now() < until:
            await self.engine.step()
            await self.world.clock.sleep(every)

    async def record(self, transfer: Transfer) -> TransferRecord:
        record = await self.world.stores.transfers.get(transfer.id)
        assert record is not None
        return record

    @property
    def sent(self) -> tuple[int, int]:
        """Transactions that are in blocks, at source and destination."""
        return sum(self.world.alpha.newest.nonces.values()), sum(self.world.beta.newest.nonces.values())


def engine_of(world: World, parts: Parts, source: LedgerReader) -> LaneEngine:
    watcher = Watcher(world.lane, source, world.beta, parts.transfers, parts.cursors, world.clock)
    return LaneEngine(world.lane, watcher, parts.coordinator, parts.submitters, parts.transfers, world.clock)


def run(script: Callable[[Relay], Awaitable[None]], relay: Relay | None = None) -> None:
    async def whole() -> None:
        ours = relay or Relay(World())
        async with ours.world.living():
            await script(ours)

    asyncio.run(whole())


class Unwilling:
    """LedgerWriter whose node is down until told otherwise, or that does something first."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._writer = writer

    down = False
    before_submit: Callable[[], None] = staticmethod(lambda: None)

    async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
        if type(self).down:
            msg = "the node does not answer"
            raise UnavailableError(msg)
        return await self._writer.prepare(call)

    async def submit(self, transaction: PreparedTransaction) -> None:
        type(self).before_submit()
        await self._writer.submit(transaction)

    async def receipt(self, reference: bytes) -> Receipt | None:
        return await self._writer.receipt(reference)
