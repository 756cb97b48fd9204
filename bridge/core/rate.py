"""From when on each lock of a lane may be approved, by the limits on what a lane lets out (R-11, R-25). Pure.

A function of the lane's final locks alone, in sequence order, by their own block times: every notary with the same
limits computes the same times. Each lock passes the policy's windows one after the other, then the destination's
bucket, so that what comes out is never faster than the bucket lets in. What would have to wait longer than the horizon,
after which its deadline has passed, counts as if it had filled the limit up to there.

Every step is monotone: from a fuller state comes a fuller state and a later time. So the past before any lock is
bounded by the emptiest state and the fullest, and as soon as both give a lock the same time, that time is the one that
the whole history gives. No history has to be read further back than that.
"""

from dataclasses import dataclass
from typing import Final

from bridge.core.bucket import UNIT, Bucket
from bridge.errors import InvalidInputError

SECONDS_MAX: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """At most *amount_max* smallest units in each span of *seconds*, counted from 1970-01-01T00:00Z.

    Raises:
        InvalidInputError: one of them is below 1, or *seconds* above 2^32 - 1.
    """

    amount_max: int
    seconds: int

    def __post_init__(self) -> None:
        """Refuse what lets nothing out, or can't be counted in."""
        if self.amount_max < 1 or not 1 <= self.seconds <= SECONDS_MAX:
            msg = f"a window of {self.amount_max} units in {self.seconds} s lets nothing out: give both from 1 on"
            raise InvalidInputError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a lane lets out: the destination's bucket (R-25) and the policy's windows.

    *horizon_s*: the longest deadline that the lane takes, in seconds from the lock.
    """

    capacity: int
    refill_s: int
    horizon_s: int
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A final lock as limits count it: *time* of its block in unix seconds, amount in smallest units."""

    sequence: int
    time: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How full all limits are: of each window its number and what was let out in it, of the bucket when it is full."""

    windows: tuple[tuple[int, int], ...]
    full_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The emptiest and the fullest that the limits can be; equal where the whole past is known."""

    low: Tally
    high: Tally


def before(pace: Pace, sent: Sent) -> Bounds:
    """Bound the limits just before *sent*, of whose past nothing is known unless it is the lane's first."""
    nothing = Tally(windows=((0, 0),) * len(pace.windows), full_at=0)
    if sent.sequence == 1:
        return Bounds(low=nothing, high=nothing)
    latest = sent.time + pace.horizon_s
    windows = tuple((latest // window.seconds, window.amount_max) for window in pace.windows)
    return Bounds(low=nothing, high=Tally(windows=windows, full_at=(latest + pace.refill_s) << UNIT))


def let_out(pace: Pace, bounds: Bounds, sent: Sent) -> tuple[Bounds, int | None]:
    """Count *sent*; tell from when on it may be approved (unix seconds), None if that takes more of the past."""
    low, earliest = pass_on(pace, bounds.low, sent)
    high, latest = pass_on(pace, bounds.high, sent)
    return Bounds(low=low, high=high), earliest if earliest == latest else None


def pass_on(pace: Pace, tally: Tally, sent: Sent) -> tuple[Tally, int]:
    """Let *sent* pass all limits in turn; give what they are then, and the time at which it has passed the last.

    What no limit can ever let out is not counted, and told the horizon.
    """
    at, latest = sent.time, sent.time + pace.horizon_s
    whole = Bucket(capacity=pace.capacity, refill_s=pace.refill_s).take(sent.amount, 0)
    if whole is None or any(sent.amount > window.amount_max for window in pace.windows):
        return tally, latest
    windows = []
    for window, state in zip(pace.windows, tally.windows, strict=True):
        state_then, at = _through_window(window, state, at, sent.amount, latest)
        windows.append(state_then)
    full_at, at = _through_bucket(pace.refill_s, tally.full_at, at, whole.full_at, latest)
    return Tally(windows=tuple(windows), full_at=full_at), at


def _through_window(
    window: Window, state: tuple[int, int], at: int, amount: int, latest: int
) -> tuple[tuple[int, int], int]:
    number, used = max(state, (at // window.seconds, 0))
    if used + amount > window.amount_max:
        number, used = number + 1, 0
    if number > latest // window.seconds:
        return (latest // window.seconds, window.amount_max), latest
    return (number, used + amount), max(at, number * window.seconds)


def _through_bucket(refill_s: int, full_at: int, at: int, cost: int, latest: int) -> tuple[int, int]:
    """As Bucket.take, at the first full second at which it fits; *cost* is what filling the amount in takes."""
    due = max(at, -(-(max(full_at, at << UNIT) + cost) // (1 << UNIT)) - refill_s)
    if due > latest:
        return (latest + refill_s) << UNIT, latest
    return max(full_at, due << UNIT) + cost, due
