"""The judge of a security token's day finds each invariant broken that is."""

from dataclasses import replace

import pytest

from bridge.core.conservation import Totals
from bridge.core.records import Ending, Outcome
from bridge.core.transfer import TransferId
from tests.integration.day_books import Books, LaneTotals, Picture, objections

ONE, OTHER = TransferId(b"\1" * 32), TransferId(b"\2" * 32)
ALPHA = Totals(issued=100, supply=70, minted=0, burned=40, reminted=10, held=0, balance=0)
BETA = Totals(issued=0, supply=30, minted=30, burned=0, reminted=0, held=0, balance=0)
LANE = LaneTotals(locked=40, committed=30, released=10, minted=30)
GOOD = Picture(
    records={ONE: (Ending.COMMITTED, Outcome.MINTED), OTHER: (Ending.RELEASED, Outcome.REJECTED)},
    mints={ONE: 1},
    lanes={"alpha to beta": LANE},
    totals={"alpha": ALPHA, "beta": BETA},
    units={("alpha", "alice"): 70, ("beta", "bob"): 30},
)
BOOKS = Books(units=GOOD.units, issued={"alpha": 100, "beta": 0})


def told(now: Picture, before: Picture = GOOD) -> set[str]:
    return {text.split(":")[0] for text in objections(before, now, BOOKS)}


def test_two_ledgers_in_order_are_not_objected_to() -> None:
    assert objections(Picture(), GOOD, BOOKS) == []
    assert objections(GOOD, GOOD, BOOKS) == []


@pytest.mark.parametrize(
    ("record", "mints", "invariants"),
    [
        ((Ending.RELEASED, Outcome.MINTED), 1, {"INV-1", "INV-3"}),
        ((Ending.COMMITTED, Outcome.REJECTED), 0, {"INV-2", "INV-3"}),
        ((Ending.COMMITTED, Outcome.MINTED), 2, {"INV-3"}),
        ((Ending.COMMITTED, Outcome.MINTED), 0, {"INV-3"}),
        ((Ending.RELEASED, Outcome.EXPIRED), 0, {"INV-3"}),
        ((Ending.OPEN, Outcome.MINTED), 1, {"0x01010101 is under way", "INV-3"}),
    ],
)
def test_a_record_that_contradicts_another_is_found(
    record: tuple[Ending, Outcome], mints: int, invariants: set[str]
) -> None:
    assert told(replace(GOOD, records={**GOOD.records, ONE: record}, mints={ONE: mints})) == invariants


def test_a_record_that_is_gone_is_found() -> None:
    assert told(replace(GOOD, records={ONE: GOOD.records[ONE]})) == {"INV-3"}


@pytest.mark.parametrize(
    ("changed", "invariants"),
    [
        (replace(ALPHA, supply=71), {"INV-4", "INV-6"}),
        (replace(ALPHA, reminted=11), {"INV-4"}),
        (replace(ALPHA, issued=90, burned=30), {"INV-4"}),
        (replace(ALPHA, held=1), {"INV-9"}),
        (replace(ALPHA, held=1, balance=1), {"INV-9"}),
    ],
)
def test_totals_that_do_not_add_up_are_found(changed: Totals, invariants: set[str]) -> None:
    assert told(replace(GOOD, totals={"alpha": changed, "beta": BETA})) == invariants


@pytest.mark.parametrize("lane", [replace(LANE, released=11), replace(LANE, minted=29), replace(LANE, locked=39)])
def test_a_lane_that_let_out_more_than_in_is_found(lane: LaneTotals) -> None:
    assert told(replace(GOOD, lanes={"alpha to beta": lane})) == {"INV-5"}


def test_units_that_came_back_to_somebody_else_are_found() -> None:
    assert told(replace(GOOD, units={("alpha", "alice"): 60, ("alpha", "bob"): 10, ("beta", "bob"): 30})) == {"INV-6"}
    assert told(replace(GOOD, units={("alpha", "alice"): 69, ("beta", "bob"): 30})) == {"INV-6"}
