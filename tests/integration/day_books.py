"""What INV-1 to INV-6 and INV-9 say of two ledgers while nothing is under way, judged from what was read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bridge.core.conservation import Totals
from bridge.core.records import Ending, Outcome
from bridge.core.transfer import TransferId

Place = tuple[str, str]
"""A ledger and whose units stand there."""
Record = tuple[Ending, Outcome]


@dataclass(frozen=True, kw_only=True)
class LaneTotals:
    """A lane's totals, of its source and its destination."""

    locked: int
    committed: int
    released: int
    minted: int


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What both ledgers say."""

    records: Mapping[TransferId, Record] = field(default_factory=dict)
    mints: Mapping[TransferId, int] = field(default_factory=dict)
    """How many events tell of a mint."""
    lanes: Mapping[str, LaneTotals] = field(default_factory=dict)
    totals: Mapping[str, Totals] = field(default_factory=dict)
    units: Mapping[Place, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Books:
    """What was agreed: who has what, and what is issued where."""

    units: Mapping[Place, int]
    issued: Mapping[str, int]


def objections(before: Picture, now: Picture, books: Books) -> list[str]:
    """Tell what is not as it must be; *before* is an earlier picture."""
    return [*_of_records(before, now), *_of_totals(now, books), *_of_lanes(now), *_of_holders(now, books)]


def _of_records(before: Picture, now: Picture) -> Iterator[str]:
    for transfer_id, (ending, outcome) in now.records.items():
        name = f"0x{transfer_id.hex()[:8]}"
        if ending is Ending.OPEN or outcome is Outcome.NONE:
            yield f"{name} is under way"
        if (ending, outcome) == (Ending.RELEASED, Outcome.MINTED):
            yield f"INV-1: {name} is both minted and released"
        if ending is Ending.COMMITTED and outcome is not Outcome.MINTED:
            yield f"INV-2: {name} is committed, and not minted"
        if now.mints.get(transfer_id, 0) != (outcome is Outcome.MINTED):
            yield f"INV-3: {name} was minted {now.mints.get(transfer_id, 0)} times and is {outcome.name}"
    for transfer_id, record in before.records.items():
        if now.records.get(transfer_id) != record:
            yield f"INV-3: 0x{transfer_id.hex()[:8]} changed its record"


def _of_totals(now: Picture, books: Books) -> Iterator[str]:
    for ledger, totals in now.totals.items():
        if totals.issued != books.issued[ledger]:
            yield f"INV-4: {ledger}'s register says {totals.issued}, not {books.issued[ledger]}"
        if totals.unexplained:
            yield f"INV-4: {totals.unexplained} units on {ledger} are unexplained"
        if not totals.covered or totals.held:
            yield f"INV-9: {ledger}'s gateway has {totals.balance} and must hold {totals.held}"
    supply, issue = sum(t.supply for t in now.totals.values()), sum(books.issued.values())
    if supply != issue:
        yield f"INV-4: the ledgers have {supply} units of an issue of {issue}"


def _of_lanes(now: Picture) -> Iterator[str]:
    for name, lane in now.lanes.items():
        if lane.minted + lane.released > lane.locked:
            yield f"INV-5: {name} minted and released more than was locked"
        if lane.committed > lane.minted:
            yield f"INV-5: {name} committed more than was minted"


def _of_holders(now: Picture, books: Books) -> Iterator[str]:
    for place, expected in books.units.items():
        if now.units.get(place) != expected:
            yield f"INV-6: {' '.join(place)} has {now.units.get(place)} units, not {expected}"
    for ledger, totals in now.totals.items():
        known = sum(units for place, units in now.units.items() if place[0] == ledger)
        if known != totals.supply:
            yield f"INV-6: nobody known has {totals.supply - known} units on {ledger}"
