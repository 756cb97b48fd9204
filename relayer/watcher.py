"""Finds the locks of one lane and keeps the relayer's view of both records (R-51). Reads only; decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bridge.core.reasons import Reason
from bridge.core.records import (
    HOLES,
    BlockStamp,
    Decision,
    Destination,
    Ending,
    Outcome,
    Overlay,
    Source,
    covers,
    destination_view,
    source_view,
    status,
)
from bridge.core.spans import spans
from bridge.core.transfer import Lane
from bridge.ports.ledger import LedgerReader, Lock
from bridge.ports.runtime import Clock
from bridge.ports.store import CursorStore, TimelineEntry, TransferRecord, TransferStore

_ENDED: Final = (Source.COMMITTED, Source.RELEASED)
PAGE_LEN: Final = 200
"""Sequences that are read and indexed in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The finalised heads of a lane's two ends."""

    source: BlockStamp
    destination: BlockStamp


class Watcher:
    """One lane's eyes."""

    def __init__(
        self,
        lane: Lane,
        source: LedgerReader,
        destination: LedgerReader,
        transfers: TransferStore,
        cursors: CursorStore,
        clock: Clock,
    ) -> None:
        """Watch *lane* from its two ends' readers."""
        self._lane = lane
        self._source = source
        self._destination = destination
        self._transfers = transfers
        self._cursors = cursors
        self._clock = clock
        self._discovered: BlockStamp | None = None
        self._refreshed: Heads | None = None

    async def heads(self) -> Heads:
        """Read both finalised heads."""
        return Heads(source=await self._source.head(), destination=await self._destination.head())

    async def discover(self, heads: Heads, *, again: bool = False) -> None:
        """Index every lock after the cursor; with the cursor lost, every lock of the lane: that is the rebuild.

        *again* looks at what is before the cursor too, for open locks that the index has lost (R-51).

        The index is written before the cursor, so a crash between the two costs a second look and nothing else.
        """
        if heads.source == self._discovered and not again:
            return
        last = (await self._source.lane(self._lane, heads.source)).next_sequence - 1
        cursor = await self._cursors.cursor(self._lane.id)
        first = 1 if again else cursor + 1
        while first <= last:
            known = first <= cursor
            count = min(PAGE_LEN, (cursor if known else last) - first + 1)
            for lock in await self._source.locks(self._lane, first, count, heads.source, open_only=known):
                await self._index(lock)
            first += count
            await self._cursors.advance(self._lane.id, first - 1)
        self._discovered = heads.source

    async def refresh(self, heads: Heads) -> list[TransferRecord]:
        """Read both records of every open transfer again; give the records as they are now, oldest first."""
        records = await self._transfers.open(self._lane.id)
        if not records or heads == self._refreshed:
            return records
        locks = await self._locks(records, heads)
        decisions = await self._destination.decisions([record.transfer for record in records], heads.destination)
        seen = [
            await self._seen(record, locks.get(record.transfer.sequence), decision, heads)
            for record, decision in zip(records, decisions, strict=True)
        ]
        self._refreshed = heads
        return seen

    async def _locks(self, records: Sequence[TransferRecord], heads: Heads) -> dict[int, Lock]:
        locks: dict[int, Lock] = {}
        for span in spans(record.transfer.sequence for record in records):
            found = await self._source.locks(self._lane, span.first, span.count, heads.source)
            locks |= {lock.transfer.sequence: lock for lock in found}
        return locks

    async def _index(self, lock: Lock) -> None:
        if await self._transfers.get(lock.transfer.id) is not None:
            return
        entry = TimelineEntry(
            event="locked",
            at=lock.stamp.time,
            ledger=self._source.endpoint.ledger,
            height=lock.stamp.height,
        )
        record = TransferRecord(
            transfer=lock.transfer,
            locked_at=lock.stamp,
            source=Source.LOCKED,
            destination=Destination.UNKNOWN,
            status=status(Source.LOCKED, Destination.UNKNOWN, final=True, submitted=False),
            timeline=(entry,),
        )
        await self._transfers.put(record)
        self._refreshed = None

    async def _seen(
        self, record: TransferRecord, lock: Lock | None, decision: Decision | None, heads: Heads
    ) -> TransferRecord:
        """Write what both ledgers say now, if it is news."""
        source = self._source_view(record, lock, decision, heads)
        destination = self._destination_view(record, source, decision, heads)
        overlay, note = record.overlay, record.note
        if decision is not None or (source is not Source.LOCKED and (source, destination) not in HOLES):
            waits = lock is not None and lock.pending
            overlay, note = (Overlay.HELD, "the token refuses the payout") if waits else (None, "")
        news = replace(
            record,
            source=source,
            destination=destination,
            decision=decision,
            status=status(source, destination, final=True, submitted=was_submitted(record)),
            overlay=overlay,
            reason=decision.reason if decision else record.reason,
            note=note,
            timeline=record.timeline + self._entries(record, source, decision, heads),
        )
        return record if news == record else await self._transfers.put(news)

    def _source_view(
        self, record: TransferRecord, lock: Lock | None, decision: Decision | None, heads: Heads
    ) -> Source:
        if lock is not None and lock.transfer == record.transfer:
            return source_view(lock.ending, locked=True, covered=True)
        latest = max(record.locked_at.time, decision.stamp.time if decision else 0)
        return source_view(Ending.OPEN, locked=False, covered=covers(heads.source, latest))

    def _destination_view(
        self, record: TransferRecord, source: Source, decision: Decision | None, heads: Heads
    ) -> Destination:
        """The record that must be covered is the source's: its lock's, or what was first seen to end it."""
        since = record.locked_at.time
        if source in _ENDED:
            since = next((int(e.at) for e in record.timeline if e.event == source.value.lower()), heads.source.time)
        outcome = decision.outcome if decision else Outcome.NONE
        return destination_view(outcome, covered=covers(heads.destination, since))

    def _entries(
        self, record: TransferRecord, source: Source, decision: Decision | None, heads: Heads
    ) -> tuple[TimelineEntry, ...]:
        entries = []
        if decision is not None and record.decision is None:
            entries.append(
                TimelineEntry(
                    event=decision.outcome.name.lower(),
                    at=decision.stamp.time,
                    ledger=self._destination.endpoint.ledger,
                    height=decision.stamp.height,
                    note="" if decision.reason is Reason.NONE else decision.reason.name,
                )
            )
        if source is not record.source and source in _ENDED:
            entries.append(
                TimelineEntry(
                    event=source.value.lower(),
                    at=heads.source.time,
                    ledger=self._source.endpoint.ledger,
                    height=heads.source.height,
                )
            )
        return tuple(entries)


def was_submitted(record: TransferRecord) -> bool:
    """Tell whether settle or refuse was sent for this transfer, by its timeline."""
    return any(entry.event in ("settle sent", "refuse sent") for entry in record.timeline)
