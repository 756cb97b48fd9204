"""Replays what lanes let out, from as little of their locks as suffices (bridge/core/rate.py does the counting)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.core.rate import Bounds, Pace, Sent, before, let_out
from bridge.core.records import BlockStamp
from bridge.core.spans import Span, spans
from bridge.core.transfer import Lane, LaneId
from bridge.errors import UnavailableError
from bridge.ports.ledger import LedgerReader, Lock

LOOK_BACK_LEN: Final = 256
"""Locks before the wanted ones that are read first; twice as many each time that they don't suffice."""
TIMES_MAX: Final = 100_000
"""Answers kept of a lane."""


@dataclass(slots=True, kw_only=True)
class _Replay:
    """A lane as counted up to sequence *next* - 1, and what came out."""

    pace: Pace
    next: int
    bounds: Bounds | None = None
    times: dict[int, int | None] = field(default_factory=dict)
    """Of the last span counted; None where more of the past is needed."""

    def count(self, locks: Iterable[Lock]) -> None:
        """Go on with the next locks."""
        self.times = {}
        for lock in locks:
            sent = Sent(sequence=lock.transfer.sequence, time=lock.stamp.time, amount=lock.transfer.amount)
            self.bounds, self.times[sent.sequence] = let_out(self.pace, self.bounds or before(self.pace, sent), sent)
            self.next = sent.sequence + 1

    def answers(self, span: Span) -> dict[int, int] | None:
        """Give the times of *span*'s locks; None if not all of them are known."""
        times = [self.times.get(sequence) for sequence in range(span.first, span.first + span.count)]
        known = [time for time in times if time is not None]
        return dict(enumerate(known, span.first)) if len(known) == len(times) else None


@dataclass(slots=True, kw_only=True)
class _Lane:
    pace: Pace
    times: dict[int, int] = field(default_factory=dict)
    replay: _Replay | None = None


class Pacer:
    """Remembers how far each lane was counted, so that a lock is counted once."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lanes: dict[LaneId, _Lane] = {}

    async def allowed_from(
        self, reader: LedgerReader, lane: Lane, pace: Pace, found: Mapping[int, Lock], at: BlockStamp
    ) -> dict[int, int]:
        """Tell from when on each lock of *found*, by sequence, may be approved, in unix seconds.

        Raises:
            UnavailableError: locks before them can't be read.
        """
        known = self._lanes.get(lane.id)
        if known is None or known.pace != pace:
            known = self._lanes[lane.id] = _Lane(pace=pace)
        for span in spans(sequence for sequence in found if sequence not in known.times):
            known.times |= await _counted(reader, lane, known, span, found, at)
        answers = {sequence: known.times[sequence] for sequence in found}
        while len(known.times) > TIMES_MAX:
            del known.times[next(iter(known.times))]
        return answers


async def _counted(
    reader: LedgerReader, lane: Lane, known: _Lane, span: Span, found: Mapping[int, Lock], at: BlockStamp
) -> dict[int, int]:
    last, replay = span.first + span.count - 1, known.replay
    if replay is not None and replay.next <= span.first <= replay.next + LOOK_BACK_LEN:
        replay.count(await _read(reader, lane, replay.next, last, found, at))
        if (answers := replay.answers(span)) is not None:
            return answers
    length = LOOK_BACK_LEN
    while True:
        first = max(1, span.first - length)
        replay = _Replay(pace=known.pace, next=first)
        replay.count(await _read(reader, lane, first, last, found, at))
        if (answers := replay.answers(span)) is not None:
            if known.replay is None or known.replay.next < replay.next:
                known.replay = replay
            return answers
        length *= 2


async def _read(
    reader: LedgerReader, lane: Lane, first: int, last: int, found: Mapping[int, Lock], at: BlockStamp
) -> Sequence[Lock]:
    """Give the locks [first, last], from *found* if they are all there."""
    wanted = range(first, last + 1)
    if all(sequence in found for sequence in wanted):
        return [found[sequence] for sequence in wanted]
    locks = await reader.locks(lane, first, len(wanted), at)
    if [lock.transfer.sequence for lock in locks] != list(wanted):
        msg = f"locks {first} to {last} of lane 0x{lane.id.hex()} are not all there, though a later one is final"
        raise UnavailableError(msg)
    return locks
