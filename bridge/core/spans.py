"""Cuts sequences into spans that are worth one read each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

GAP_MAX: Final = 16
"""Unwanted sequences in a row that cost less than another read."""
LEN_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Span:
    """Sequences [first, first + count)."""

    first: int
    count: int


def spans(sequences: Iterable[int]) -> list[Span]:
    """Cover every sequence by as few spans of at most 256 as gaps allow, in ascending order."""
    found: list[Span] = []
    for sequence in sorted(set(sequences)):
        if found and sequence <= found[-1].first + found[-1].count + GAP_MAX:
            length = sequence - found[-1].first + 1
            if length <= LEN_MAX:
                found[-1] = Span(found[-1].first, length)
                continue
        found.append(Span(sequence, 1))
    return found
