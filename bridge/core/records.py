"""The two write-once records and the one table over them (protocol.md, section 2).

Everything that decides what happens next to a transfer stands here. No step is decided anywhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, assert_never

from bridge.core.reasons import Reason

COVER_S: Final = 120
"""Seconds by which a finalised head must be later than a record before its silence means ABSENT or NONE."""


class Source(StrEnum):
    """A reader's view of the source record."""

    UNKNOWN = "UNKNOWN"
    ABSENT = "ABSENT"
    LOCKED = "LOCKED"
    COMMITTED = "COMMITTED"
    RELEASED = "RELEASED"


class Destination(StrEnum):
    """A reader's view of the destination record, the decision register."""

    UNKNOWN = "UNKNOWN"
    NONE = "NONE"
    MINTED = "MINTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class Ending(IntEnum):
    """What the source gateway stores at (lane, sequence): two bits (R-08)."""

    OPEN = 0
    COMMITTED = 1
    RELEASED = 2


class Outcome(IntEnum):
    """What the destination gateway stores at (lane, sequence): two bits (R-08)."""

    NONE = 0
    MINTED = 1
    REJECTED = 2
    EXPIRED = 3


class Step(StrEnum):
    """What to do next with a transfer."""

    WAIT = "WAIT"
    DECIDE = "DECIDE"
    COMMIT = "COMMIT"
    RELEASE = "RELEASE"
    DONE = "DONE"
    BROKEN = "BROKEN"


class Status(StrEnum):
    """What people are shown; derived, never stored as truth."""

    PREPARING = "PREPARING"
    PREPARED = "PREPARED"
    DECIDING = "DECIDING"
    COMMITTING = "COMMITTING"
    ROLLING_BACK = "ROLLING_BACK"
    COMMITTED = "COMMITTED"
    ROLLED_BACK = "ROLLED_BACK"
    BROKEN = "BROKEN"

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self in (Status.COMMITTED, Status.ROLLED_BACK)


class Overlay(StrEnum):
    """What is shown beside the status."""

    HELD = "HELD"
    STUCK = "STUCK"


_COLUMNS: Final = (
    Destination.UNKNOWN,
    Destination.NONE,
    Destination.MINTED,
    Destination.REJECTED,
    Destination.EXPIRED,
)
_ROWS: Final[Mapping[Source, tuple[Step, ...]]] = {
    Source.UNKNOWN: (Step.WAIT, Step.WAIT, Step.WAIT, Step.WAIT, Step.WAIT),
    Source.ABSENT: (Step.WAIT, Step.DONE, Step.BROKEN, Step.DONE, Step.DONE),
    Source.LOCKED: (Step.DECIDE, Step.DECIDE, Step.COMMIT, Step.RELEASE, Step.RELEASE),
    Source.COMMITTED: (Step.WAIT, Step.BROKEN, Step.DONE, Step.BROKEN, Step.BROKEN),
    Source.RELEASED: (Step.WAIT, Step.BROKEN, Step.BROKEN, Step.DONE, Step.DONE),
}
PLAN: Final[Mapping[tuple[Source, Destination], Step]] = {
    (source, destination): step
    for source, row in _ROWS.items()
    for destination, step in zip(_COLUMNS, row, strict=True)
}

HOLES: Final = frozenset({(Source.COMMITTED, Destination.NONE), (Source.RELEASED, Destination.NONE)})
"""Broken pairs whose destination has lost its record; the decision that the source tells, sent again, closes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStamp:
    """A block at which something was read; `time` in unix seconds."""

    height: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the destination decided, as its Decided event tells it; `stamp` is the deciding block's."""

    outcome: Outcome
    reason: Reason
    stamp: BlockStamp


def plan(source: Source, destination: Destination) -> Step:
    """Tell the next step of a transfer whose two records are seen so. Total: every pair has a step."""
    return PLAN[source, destination]


def source_view(ending: Ending, *, locked: bool, covered: bool) -> Source:
    """Read the source's words: no lock at a head that covers is ABSENT, at one that doesn't UNKNOWN."""
    match ending:
        case Ending.COMMITTED:
            return Source.COMMITTED
        case Ending.RELEASED:
            return Source.RELEASED
        case Ending.OPEN:
            if locked:
                return Source.LOCKED
            return Source.ABSENT if covered else Source.UNKNOWN
        case _:
            assert_never(ending)


def destination_view(outcome: Outcome, *, covered: bool) -> Destination:
    """Read the destination's bits: nothing at a head that covers is NONE, at one that doesn't UNKNOWN."""
    if outcome is Outcome.NONE:
        return Destination.NONE if covered else Destination.UNKNOWN
    return Destination[outcome.name]


def covers(head: BlockStamp, record_time: int) -> bool:
    """Tell whether a finalised *head* is late enough to speak for a record written at *record_time* (unix s)."""
    return head.time >= record_time + COVER_S


def status(source: Source, destination: Destination, *, final: bool, submitted: bool) -> Status:
    """Derive what people are shown. `final`: the lock is; `submitted`: settle or refuse was sent."""
    match plan(source, destination):
        case Step.BROKEN:
            return Status.BROKEN
        case Step.COMMIT:
            return Status.COMMITTING
        case Step.RELEASE:
            return Status.ROLLING_BACK
        case Step.DONE:
            return Status.COMMITTED if source is Source.COMMITTED else Status.ROLLED_BACK
        case Step.WAIT if source is Source.COMMITTED:
            return Status.COMMITTING
        case Step.WAIT if source is Source.RELEASED:
            return Status.ROLLING_BACK
        case Step.WAIT | Step.DECIDE:
            if not final:
                return Status.PREPARING
            return Status.DECIDING if submitted else Status.PREPARED
        case step:
            assert_never(step)
