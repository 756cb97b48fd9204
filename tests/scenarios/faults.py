"""What breaks: a relayer that dies between two writes, nodes that lie or fall silent."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from bridge.adapters.memory.store import MemoryStores
from bridge.core.caip import AssetId, Endpoint
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.transfer import Lane, LaneId, Transfer, TransferId
from bridge.errors import UnavailableError
from bridge.ports.facts import PREFIX_LEN, Header, LockState
from bridge.ports.ledger import (
    AssetReader,
    AssetView,
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


class FalseNode(FalseReader):
    """LedgerNode over a ledger in memory, until told otherwise: set what it claims instead."""

    def __init__(self, ledger: LedgerReader, name: str = "a node") -> None:
        super().__init__(ledger)
        self.name = name
        self.asked: list[str] = []
        """What was asked of it, in order."""
        self.on_its_chain = True
        self.claims_head: Callable[[BlockStamp], BlockStamp] = _as_it_is
        self.claims_block: Callable[[BlockStamp], BlockStamp] = _as_it_is
        self.claims_header: Callable[[Header], Header] = _as_it_is
        self.claims_locks: Callable[[list[Lock]], list[Lock]] = _as_it_is
        self.claims_states: Callable[[list[LockState]], list[LockState]] = _as_it_is
        self.claims_decisions: Callable[[list[Decision | None]], list[Decision | None]] = _as_it_is
        self.claims_eligibility: Callable[[Reason], Reason] = _as_it_is

    def move_to(self, ledger: LedgerReader) -> None:
        """Serve another ledger from now on, as after a restore."""
        self._honest = ledger

    async def identify(self) -> None:
        self.asked.append("identify")
        self._asked()
        if not self.on_its_chain:
            msg = f"node {self.name} is on another chain"
            raise UnavailableError(msg)

    async def header(self, height: int) -> Header:
        self.asked.append("header")
        stamp = await self._asked().head(height_max=height)
        if stamp.height != height:
            msg = f"node {self.name} has no block {height} yet"
            raise UnavailableError(msg)
        before = await self._asked().head(height_max=max(0, height - 1))
        return self.claims_header(Header(stamp=stamp, parent=before.hash))

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        self.asked.append("head" if height_max is None else "block")
        head = await super().head(height_max=height_max)
        return self.claims_head(head) if height_max is None else self.claims_block(head)

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        self.asked.append("locks")
        return self.claims_locks(await super().locks(lane, first, count, at, open_only=open_only))

    async def lock_states(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[LockState]:
        self.asked.append("lock_states")
        states = []
        for transfer in transfers:
            found = await self._asked().locks(transfer.lane, transfer.sequence, 1, at)
            states.append(_state_of(found[0]) if found else NO_LOCK)
        return self.claims_states(states)

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        self.asked.append("decisions")
        return self.claims_decisions(await super().decisions(transfers, at))

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        self.asked.append("eligibility")
        return self.claims_eligibility(await super().eligibility(transfer, at))

    async def asset(self, asset: AssetId, at: BlockStamp) -> AssetView:
        self.asked.append("asset")
        return await cast("AssetReader", self._asked()).asset(asset, at)


NO_LOCK = LockState(prefix=b"", ending=Ending.OPEN, pending=False)


def _state_of(lock: Lock) -> LockState:
    prefix = b"" if lock.ending else lock.transfer.id[:PREFIX_LEN]
    return LockState(prefix=prefix, ending=lock.ending, pending=lock.pending)


def _as_it_is(answer: T) -> T:
    return answer
