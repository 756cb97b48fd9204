"""The file that `naru transfer bulk` takes: what is read, and what is told, all of it at once."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bridge.core.caip import evm_account
from bridge.errors import InvalidInputError
from bridge.ops import moves
from bridge.ops.moves import Defaults, FileProblemsError, Row, read_moves
from tests.unit.ops.test_client import BETA, BOB, NAMES

DEFAULTS: Final = Defaults(source=NAMES.ledger("alpha"), destination=BETA, deadline_in_s=600)
HEADER: Final = "asset,amount,recipient,reference\n"
GOOD: Final = f"tower,5,bob,TRADE-1\ntower,7,{BOB},인보이스-2\n"


def read(folder: Path, text: str | bytes, defaults: Defaults = DEFAULTS) -> tuple[Row, ...]:
    path = folder / "moves.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_moves(path, NAMES, defaults)


def problems(folder: Path, text: str | bytes, defaults: Defaults = DEFAULTS) -> tuple[str, ...]:
    with pytest.raises(FileProblemsError) as caught:
        read(folder, text, defaults)
    assert "nothing was locked" in str(caught.value)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


def test_rows_are_read_with_their_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, HEADER + GOOD)
    assert [(r.line, r.reference, r.move.amount, r.move.deadline_in_s) for r in rows] == [
        (2, "TRADE-1", 5, 600),
        (3, "인보이스-2", 7, 600),
    ]
    assert {r.move.recipient for r in rows} == {evm_account(BOB)}
    assert {(r.move.source.name, r.move.destination.name) for r in rows} == {("alpha", "beta")}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + GOOD,
        (HEADER + GOOD).replace("\n", "\r\n"),
        HEADER + "\n" + GOOD + "\n,,,\n",
        HEADER.replace(",", " , ") + GOOD.replace(",", " , "),
        HEADER.upper() + GOOD,
        HEADER + GOOD.replace("TRADE-1", '"TRADE-1"'),
        (HEADER + GOOD).removesuffix("\n"),
    ],
    ids=["byte order mark", "CRLF", "empty lines", "blanks", "capitals", "quotes", "no last line end"],
)
def test_what_spreadsheets_make_of_it_is_read_alike(tmp_path: Path, text: str) -> None:
    plain, other = read(tmp_path, HEADER + GOOD), read(tmp_path, text)
    assert [(r.reference, r.move) for r in other] == [(r.reference, r.move) for r in plain]


def test_a_row_may_say_its_own_destination_and_deadline(tmp_path: Path) -> None:
    text = (
        "reference,deadline_in,destination,asset,amount,recipient\nA,30,beta,tower,5,bob\nB,,eip155:7002,tower,5,bob\n"
    )
    rows = read(tmp_path, text, replace(DEFAULTS, destination=None))
    assert [(r.move.destination.name, r.move.deadline_in_s) for r in rows] == [("beta", 30), ("beta", 600)]


def test_everything_wrong_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = HEADER + "gold,5,bob,B\ntower,1e3,nobody,\ntower,5,bob,B\ntower,5,bob\ntower,5,bob,B\n"
    found = problems(tmp_path, text)
    expected = [
        "line 2: unknown asset 'gold': known are tower",
        "line 3: amount '1e3' is not a positive decimal number",
        "line 3: 'nobody' is not an EVM account",
        "line 3: reference is empty",
        "line 5: has 3 cells where the header has 4",
        "line 4: reference 'B' stands on line 2 already",
        "line 6: reference 'B' stands on line 2 already",
    ]
    assert len(found) == len(expected)
    for problem, start in zip(found, expected, strict=True):
        assert problem.startswith(start)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "line 1: must be the header; it lacks asset, amount, recipient, reference"),
        (GOOD, "line 1: must be the header; it lacks asset, amount, recipient, reference"),
        ("asset,amount,recipient\ntower,5,bob\n", "line 1: must be the header; it lacks reference"),
        ("asset,amount,recipient,reference,memo\ntower,5,bob,A,x\n", "line 1: unknown column 'memo': known are asset"),
        ("asset,asset,amount,recipient,reference\n", "line 1: column asset occurs twice"),
        ("asset;amount;recipient;reference\n", "line 1: cells must be separated by commas"),
        (HEADER, "there is no row below the header"),
        (HEADER + '"tower', "is not CSV: unexpected end of data"),
        ((HEADER + "tower,5,bob,인보이스\n").encode("cp949"), "line 2: is not UTF-8: save the file as “CSV UTF-8”"),
        (HEADER + "tower,0,bob,A\n", "line 2: amount must be above zero"),
        (HEADER + f"tower,{2**127},bob,A\n", "line 2: amount must be from 1 smallest unit to 2^127 - 1"),
        (HEADER + 'tower,"1,000",bob,A\n', "without sign, exponent or commas"),
        (HEADER + "tower,5,bob,=1+1\n", "would be a formula in a spreadsheet"),
        (HEADER + "tower,5,bob,A\0B\n", "has control characters"),
        (HEADER + 'tower,5,bob,"A\nB"\n', "line 3: reference has control characters"),
        (HEADER + f"tower,5,bob,{'A' * 201}\n", "more than 200 characters"),
        (
            HEADER.replace("\n", ",deadline_in\n") + "tower,5,bob,A,soon\n",
            "deadline_in 'soon' is not a number of seconds",
        ),
        (HEADER.replace("\n", ",deadline_in\n") + "tower,5,bob,A,-5\n", "deadline_in '-5' is not a number of seconds"),
        (HEADER.replace("\n", ",deadline_in\n") + "tower,5,bob,A,0\n", "line 2: deadline 0 s from now has passed"),
        (HEADER.replace("\n", ",destination\n") + "tower,5,bob,A,gamma\n", "unknown ledger 'gamma'"),
        (HEADER.replace("\n", ",destination\n") + "tower,5,bob,A,alpha\n", "are both alpha"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_what_to_do(tmp_path: Path, text: str | bytes, part: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert part in problem


def test_a_row_without_destination_is_told(tmp_path: Path) -> None:
    found = problems(tmp_path, HEADER + GOOD, replace(DEFAULTS, destination=None))
    assert found == tuple(
        f"line {line}: no destination: fill the column destination, or give --destination" for line in (2, 3)
    )


def test_a_wrong_file_does_not_fill_the_screen(tmp_path: Path) -> None:
    with pytest.raises(FileProblemsError, match=r"moves\.csv: 150 problems; nothing was locked") as caught:
        read(tmp_path, HEADER + "".join(f"gold,5,bob,R{n}\n" for n in range(150)))
    assert len(str(caught.value).splitlines()) == 102
    assert str(caught.value).endswith("  and 50 more")


def test_a_file_that_is_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moves, "ROWS_MAX", 1)
    assert problems(tmp_path, HEADER + GOOD) == ("2 rows are too many for one file: give at most 1",)
    monkeypatch.setattr(moves, "SIZE_MAX", 2**20)
    assert problems(tmp_path, b" " * (2**20 + 1)) == ("it has more than 1 MiB: split it",)


@pytest.mark.parametrize("name", ["missing.csv", ""])
def test_a_file_that_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape("give the path of a CSV file")):
        read_moves(tmp_path / name, NAMES, DEFAULTS)
