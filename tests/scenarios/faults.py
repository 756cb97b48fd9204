"""What breaks: a relayer that dies between two writes, nodes that lie or fall silent."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from bridge.adapters.memory.store import MemoryStores
from bridge.core.caip import Endpoint
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.transfer import Lane, LaneId, Transfer, TransferId
from bridge.errors import UnavailableError
from bridge.ports.ledger import (
    GatewayView,
    LaneView,
    LedgerReader,
    LedgerWriter,
    Lock,
    Payout,
    PreparedTransaction,
    Receipt,
    Submission,
)
from bridge.ports.store import Intent, TransferRecord

T = TypeVar("T")


class CrashError(BaseException):
    """The process is gone; no boundary of a task outlives that."""


class Fuse:
    """Blows at the k-th write, before it is done. Once blown, nothing is written any more."""

    def __init__(self, k: int) -> None:
        self._k = k
        self.writes = 0

    @property
    def blown(self) -> bool:
        return self.writes >= self._k

    async def write(self, operation: Callable[[], Awaitable[T]]) -> T:
        self.writes += 1
        if self.blown:
            raise CrashError
        return await operation()


class CrashingTransfers:
    """TransferStore behind a fuse."""

    def __init__(self, stores: MemoryStores, fuse: Fuse) -> None:
        self._store, self._fuse = stores.transfers, fuse

    async def get(self, transfer_id: TransferId) -> TransferRecord | None:
        return await self._store.get(transfer_id)

    async def put(self, record: TransferRecord) -> TransferRecord:
        return await self._fuse.write(lambda: self._store.put(record))

    async def open(self, lane: LaneId | None = None) -> list[TransferRecord]:
        return await self._store.open(lane)

    async def recent(self, limit: int) -> list[TransferRecord]:
        return await self._store.recent(limit)


class CrashingCursors:
    """CursorStore behind a fuse."""

    def __init__(self, stores: MemoryStores, fuse: Fuse) -> None:
        self._store, self._fuse = stores.cursors, fuse

    async def cursor(self, lane: LaneId) -> int:
        return await self._store.cursor(lane)

    async def advance(self, lane: LaneId, sequence: int) -> None:
        await self._fuse.write(lambda: self._store.advance(lane, sequence))


class CrashingIntents:
    """IntentStore behind a fuse."""

    def __init__(self, stores: MemoryStores, fuse: Fuse) -> None:
        self._store, self._fuse = stores.intents, fuse

    async def add(self, intent: Intent) -> None:
        await self._fuse.write(lambda: self._store.add(intent))

    async def remove(self, intent: Intent) -> None:
        await self._fuse.write(lambda: self._store.remove(intent))

    async def intents(self, ledger: str) -> list[Intent]:
        return await self._store.intents(ledger)


class CrashingWriter:
    """LedgerWriter behind a fuse."""

    def __init__(self, writer: LedgerWriter, fuse: Fuse) -> None:
        self._writer, self._fuse = writer, fuse

    async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
        return await self._writer.prepare(call)

    async def submit(self, transaction: PreparedTransaction) -> None:
        await self._fuse.write(lambda: self._writer.submit(transaction))

    async def receipt(self, reference: bytes) -> Receipt | None:
        return await self._writer.receipt(reference)


class FalseReader:
    """A node that tells everything its own way: override what it lies about. Silent if told so."""

    def __init__(self, honest: LedgerReader) -> None:
        self._honest = honest
        self.silent = False

    @property
    def endpoint(self) -> Endpoint:
        return self._honest.endpoint

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        return await self._asked().head(height_max=height_max)

    async def gateway(self, at: BlockStamp) -> GatewayView:
        return await self._asked().gateway(at)

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        return await self._asked().lane(lane, at)

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        return await self._asked().locks(lane, first, count, at, open_only=open_only)

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        return await self._asked().decisions(transfers, at)

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        return await self._asked().eligibility(transfer, at)

    def _asked(self) -> LedgerReader:
        if self.silent:
            msg = "this node does not answer"
            raise UnavailableError(msg)
        return self._honest


class MintDenier(FalseReader):
    """Says of every decision that it was a rejection, long ago."""

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        long_ago = replace(at, time=1)
        return [Decision(outcome=Outcome.REJECTED, reason=Reason.POLICY_REFUSED, stamp=long_ago) for _ in transfers]


class LockInventor(FalseReader):
    """Shows locks that nobody made."""

    def __init__(self, honest: LedgerReader, invented: Transfer) -> None:
        super().__init__(honest)
        self._invented = invented

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        del lane, first, count, open_only
        lock = Lock(transfer=self._invented, ending=Ending.OPEN, pending=False, stamp=at)
        return [lock]


class HighHead(FalseReader):
    """Is always ahead of everybody, on a chain of its own."""

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        head = await self._asked().head(height_max=height_max)
        return replace(head, height=head.height + 1_000) if height_max is None else replace(head, hash=b"\x66" * 32)
