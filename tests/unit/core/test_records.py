"""The one table, cell by cell against the specification's, and what is derived from it (protocol.md, section 2)."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.records import (
    PLAN,
    BlockStamp,
    Destination,
    Ending,
    Outcome,
    Source,
    Status,
    Step,
    covers,
    destination_view,
    plan,
    source_view,
    status,
)

SPECIFICATION = """
            UNKNOWN  NONE     MINTED   REJECTED  EXPIRED
UNKNOWN     WAIT     WAIT     WAIT     WAIT      WAIT
ABSENT      WAIT     DONE     BROKEN   DONE      DONE
LOCKED      DECIDE   DECIDE   COMMIT   RELEASE   RELEASE
COMMITTED   WAIT     BROKEN   DONE     BROKEN    BROKEN
RELEASED    WAIT     BROKEN   BROKEN   DONE      DONE
"""
"""protocol.md, section 2, written out a second time on purpose."""
_HEAD, *_ROWS = [line.split() for line in SPECIFICATION.strip().splitlines()]
CELLS = {(row[0], column): step for row in _ROWS for column, step in zip(_HEAD, row[1:], strict=True)}
PAIRS = tuple(itertools.product(Source, Destination))
STATUSES = {
    "UNKNOWN": ["P", "P", "P", "P", "P"],
    "ABSENT": ["P", "ROLLED_BACK", "BROKEN", "ROLLED_BACK", "ROLLED_BACK"],
    "LOCKED": ["P", "P", "COMMITTING", "ROLLING_BACK", "ROLLING_BACK"],
    "COMMITTED": ["COMMITTING", "BROKEN", "COMMITTED", "BROKEN", "BROKEN"],
    "RELEASED": ["ROLLING_BACK", "BROKEN", "BROKEN", "ROLLED_BACK", "ROLLED_BACK"],
}
"""Columns as above; P: still preparing, prepared or deciding."""


def test_the_specification_has_as_many_cells_as_the_code() -> None:
    assert len(CELLS) == len(PLAN) == len(PAIRS) == 25


@pytest.mark.parametrize(("source", "destination"), PAIRS)
def test_a_pair_of_records_has_the_step_that_the_specification_gives_it(
    source: Source, destination: Destination
) -> None:
    """R-50: every relayer reads the same next step from the same two records, INV-8."""
    assert plan(source, destination).value == CELLS[source.value, destination.value]


@pytest.mark.parametrize(("source", "destination"), PAIRS)
def test_exactly_the_contradictions_are_broken(source: Source, destination: Destination) -> None:
    """INV-1, INV-2: minted with anything but locked or committed behind it, an ending that nobody decided."""
    contradiction = {
        Source.ABSENT: destination is Destination.MINTED,
        Source.COMMITTED: destination not in {Destination.MINTED, Destination.UNKNOWN},
        Source.RELEASED: destination in {Destination.MINTED, Destination.NONE},
    }.get(source, False)
    assert (plan(source, destination) is Step.BROKEN) == contradiction


def test_nothing_is_done_about_a_record_that_is_not_seen() -> None:
    acting = {Step.COMMIT, Step.RELEASE}
    assert not [pair for pair in PAIRS if "UNKNOWN" in {pair[0].value, pair[1].value} and plan(*pair) in acting]


def test_a_release_is_planned_only_over_a_refusal_and_a_commit_only_over_a_mint() -> None:
    """INV-1, INV-2."""
    assert [p for p in PAIRS if plan(*p) is Step.COMMIT] == [(Source.LOCKED, Destination.MINTED)]
    released = [p for p in PAIRS if plan(*p) is Step.RELEASE]
    assert released == [(Source.LOCKED, Destination.REJECTED), (Source.LOCKED, Destination.EXPIRED)]


@pytest.mark.parametrize(("source", "destination"), PAIRS)
@pytest.mark.parametrize(
    ("final", "submitted", "open_status"),
    [
        (False, False, Status.PREPARING),
        (False, True, Status.PREPARING),
        (True, False, Status.PREPARED),
        (True, True, Status.DECIDING),
    ],
)
def test_a_status_is_derived_from_the_two_records(
    source: Source, destination: Destination, *, final: bool, submitted: bool, open_status: Status
) -> None:
    expected = STATUSES[source.value][list(Destination).index(destination)]
    seen = status(source, destination, final=final, submitted=submitted)
    assert seen is (open_status if expected == "P" else Status(expected))


def test_only_committed_and_rolled_back_have_ended() -> None:
    assert {s for s in Status if s.ended} == {Status.COMMITTED, Status.ROLLED_BACK}


@pytest.mark.parametrize("covered", [False, True])
@pytest.mark.parametrize("locked", [False, True])
def test_a_source_ending_speaks_for_itself(*, locked: bool, covered: bool) -> None:
    assert source_view(Ending.COMMITTED, locked=locked, covered=covered) is Source.COMMITTED
    assert source_view(Ending.RELEASED, locked=locked, covered=covered) is Source.RELEASED


def test_silence_means_absent_only_at_a_head_that_covers() -> None:
    assert source_view(Ending.OPEN, locked=True, covered=False) is Source.LOCKED
    assert source_view(Ending.OPEN, locked=True, covered=True) is Source.LOCKED
    assert source_view(Ending.OPEN, locked=False, covered=False) is Source.UNKNOWN
    assert source_view(Ending.OPEN, locked=False, covered=True) is Source.ABSENT
    assert destination_view(Outcome.NONE, covered=False) is Destination.UNKNOWN
    assert destination_view(Outcome.NONE, covered=True) is Destination.NONE


@pytest.mark.parametrize("covered", [False, True])
@pytest.mark.parametrize("outcome", [Outcome.MINTED, Outcome.REJECTED, Outcome.EXPIRED])
def test_a_decision_speaks_for_itself(outcome: Outcome, *, covered: bool) -> None:
    assert destination_view(outcome, covered=covered).value == outcome.name


@given(st.integers(0, 2**40), st.integers(-300, 300))
@example(record_time=1_700_000_000, distance=119)
@example(record_time=1_700_000_000, distance=120)
def test_a_head_covers_a_record_that_is_two_minutes_older(record_time: int, distance: int) -> None:
    """INV-5 reads one side at a head that covers the other's."""
    head = BlockStamp(height=1, hash=bytes(32), time=record_time + distance)
    assert covers(head, record_time) is (distance >= 120)


def test_the_numbers_on_ledgers_are_those_of_the_specification() -> None:
    """R-08: two bits each."""
    assert [(e.name, e.value) for e in Ending] == [("OPEN", 0), ("COMMITTED", 1), ("RELEASED", 2)]
    assert [(o.name, o.value) for o in Outcome] == [("NONE", 0), ("MINTED", 1), ("REJECTED", 2), ("EXPIRED", 3)]
