"""R-25's token bucket in one number, the time at which it will be full. Pure; twin of BucketLib.sol.

Times of the bucket are in 1/65536 s since the epoch. An amount takes the time in which it flows in, rounded up, so that
many small amounts never take less than one large.
"""

from dataclasses import dataclass, replace
from typing import Final

UNIT: Final = 16
"""Bits below the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Holds *capacity* smallest units and fills in *refill_s* seconds; none of them if either is 0."""

    capacity: int
    refill_s: int
    full_at: int = 0

    def take(self, amount: int, now: int) -> "Bucket | None":
        """Give what is left after *amount* was taken at *now* (unix seconds); None if there is not that much."""
        if not self.capacity:
            return None
        cost = -(-amount * (self.refill_s << UNIT) // self.capacity)
        full_at = self._level(now) + cost
        return replace(self, full_at=full_at) if full_at <= self._empty(now) else None

    def headroom(self, now: int) -> int:
        """Tell how much it holds at *now* (unix seconds), in smallest units."""
        level, empty = self._level(now), self._empty(now)
        return (empty - level) * self.capacity // (self.refill_s << UNIT) if level < empty else 0

    def resized(self, *, capacity: int, refill_s: int, now: int) -> "Bucket":
        """Give a changed one that is as many seconds from full as it was, but no further than an empty one."""
        changed = replace(self, capacity=capacity, refill_s=refill_s)
        return replace(changed, full_at=min(self.full_at, changed._empty(now)))  # noqa: SLF001 - its own class

    def _level(self, now: int) -> int:
        return max(self.full_at, now << UNIT)

    def _empty(self, now: int) -> int:
        return (now + self.refill_s) << UNIT
