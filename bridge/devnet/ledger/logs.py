"""The log index behind eth_getLogs: posting lists by address and by first topic, cut by block with bisection.

Law: the answer is the same as that of a scan over every log kept; only the time differs.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from eth_typing import Address

from bridge.devnet.ledger.errors import HistoryPrunedError, InvalidParamsError, TooManyResultsError
from bridge.devnet.ledger.records import LogEntry

Key = TypeVar("Key", bound=bytes)

RESULTS_MAX = 10_000
TOPICS_MAX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """What to match. `addresses` empty means any; a topic position that is empty means any, but present."""

    addresses: frozenset[Address] = frozenset()
    topics: tuple[frozenset[bytes], ...] = ()

    def matches(self, entry: LogEntry) -> bool:
        """Tell whether a log matches; one with fewer topics than positions asked for does not."""
        if self.addresses and entry.address not in self.addresses:
            return False
        if len(self.topics) > len(entry.topics):
            return False
        return all(not wanted or have in wanted for wanted, have in zip(self.topics, entry.topics, strict=False))


def _block_of(entry: LogEntry) -> int:
    return entry.block_number


class LogIndex:
    """Every log kept, in chain order."""

    def __init__(self, results_max: int = RESULTS_MAX) -> None:
        """Begin empty; `results_max` bounds one answer."""
        self._results_max = results_max
        self._entries: list[LogEntry] = []
        self._by_address: dict[Address, list[LogEntry]] = {}
        self._by_topic: dict[bytes, list[LogEntry]] = {}
        self._floor = 0

    def __len__(self) -> int:
        """Count the logs kept."""
        return len(self._entries)

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Add the logs of one block, which is younger than all before."""
        for entry in entries:
            self._entries.append(entry)
            self._by_address.setdefault(entry.address, []).append(entry)
            if entry.topics:
                self._by_topic.setdefault(entry.topics[0], []).append(entry)

    def prune(self, floor: int) -> None:
        """Forget the logs of blocks below `floor`."""
        self._floor = floor
        _cut(self._entries, floor)
        _cut_all(self._by_address, floor)
        _cut_all(self._by_topic, floor)

    def find(self, wanted: LogFilter, first: int, last: int) -> list[LogEntry]:
        """Return the matching logs of blocks `first` to `last`, both included, in chain order.

        Raises:
            InvalidParamsError: first is after last.
            HistoryPrunedError: the range begins before what is kept.
            TooManyResultsError: more match than one answer may hold.
        """
        if first > last:
            msg = "invalid block range params"
            raise InvalidParamsError(msg)
        if first < self._floor:
            msg = f"pruned history unavailable: logs are kept from block {self._floor} on"
            raise HistoryPrunedError(msg)
        found: list[LogEntry] = []
        parts = self._parts(wanted, first, last)
        for entry in chain.from_iterable(parts):
            if wanted.matches(entry):
                if len(found) == self._results_max:
                    msg = f"query returned more than {self._results_max} results"
                    raise TooManyResultsError(msg)
                found.append(entry)
        return found if len(parts) == 1 else sorted(found, key=_place)

    def _parts(self, wanted: LogFilter, first: int, last: int) -> list[list[LogEntry]]:
        """Return the lists, fewest entries in all, that surely hold every match once; each is in chain order."""
        plans = [[_range(self._entries, first, last)]]
        if wanted.addresses:
            plans.append(_ranges(self._by_address, wanted.addresses, first, last))
        if wanted.topics and wanted.topics[0]:
            plans.append(_ranges(self._by_topic, wanted.topics[0], first, last))
        return min(plans, key=_total_len)


def _range(entries: list[LogEntry], first: int, last: int) -> list[LogEntry]:
    start = bisect_left(entries, first, key=_block_of)
    return entries[start : bisect_right(entries, last, lo=start, key=_block_of)]


def _ranges(postings: Mapping[Key, list[LogEntry]], keys: Iterable[Key], first: int, last: int) -> list[list[LogEntry]]:
    return [_range(postings[key], first, last) for key in keys if key in postings]


def _total_len(parts: list[list[LogEntry]]) -> int:
    return sum(len(part) for part in parts)


def _place(entry: LogEntry) -> tuple[int, int]:
    return entry.block_number, entry.log_index


def _cut_all(postings: dict[Key, list[LogEntry]], floor: int) -> None:
    for key in list(postings):
        _cut(postings[key], floor)
        if not postings[key]:
            del postings[key]


def _cut(entries: list[LogEntry], floor: int) -> None:
    del entries[: bisect_left(entries, floor, key=_block_of)]
