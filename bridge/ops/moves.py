"""The file that `naru transfer bulk` takes: read and checked whole, everything wrong told at once. Asks no ledger."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from bridge.config import LedgerConfig
from bridge.errors import BridgeError, InvalidInputError
from bridge.ops.client import Names, parse_amount
from bridge.ops.send import Move

REQUIRED: Final = ("asset", "amount", "recipient", "reference")
OPTIONAL: Final = ("destination", "deadline_in")
SIZE_MAX: Final = 16 * 2**20
ROWS_MAX: Final = 10_000
REFERENCE_LEN_MAX: Final = 200
SHOWN_MAX: Final = 100
"""Problems that are told; a file with more is the wrong file."""
_FORMULA: Final = ("=", "+", "-", "@")
T = TypeVar("T")


class FileProblemsError(InvalidInputError):
    """A file can't be used; `problems` tells everything that is wrong by line. Nothing was locked by this run."""

    def __init__(self, path: Path, problems: Sequence[str], by: str = "by this run") -> None:
        """Keep every problem; *by* ends the sentence that nothing was locked."""
        shown = [f"  {problem}" for problem in problems[:SHOWN_MAX]]
        if len(problems) > SHOWN_MAX:
            shown.append(f"  and {len(problems) - SHOWN_MAX} more")
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{path.name}: {count}; nothing was locked {by}", *shown]))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the file of moves; its reference is its identity."""

    line: int
    reference: str
    move: Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What the command's options say for rows that don't."""

    source: LedgerConfig
    destination: LedgerConfig | None
    deadline_in_s: int


def read_moves(path: Path, names: Names, defaults: Defaults) -> tuple[Row, ...]:
    """Read and check the whole file.

    Raises:
        FileProblemsError: something in it is wrong; every line's problems are told.
    """
    lines = csv_lines(path)
    header = [cell.lower() for cell in lines[0][1]] if lines else []
    if problems := _header_problems(header):
        raise FileProblemsError(path, problems)
    rows: list[Row] = []
    references: list[tuple[int, str]] = []
    for number, cells in lines[1:]:
        if not any(cells):
            continue
        if len(cells) != len(header):
            problems.append(f"line {number}: has {len(cells)} cells where the header has {len(header)}")
            continue
        named = dict(zip(header, cells, strict=True))
        references.append((number, named["reference"]))
        row, found = _row(number, named, names, defaults)
        problems += [f"line {number}: {problem}" for problem in found]
        rows += [row] if row else []
    problems += _repeated(references)
    if not rows and not problems:
        problems.append("there is no row below the header")
    if len(rows) > ROWS_MAX:
        problems.append(f"{len(rows)} rows are too many for one file: give at most {ROWS_MAX}")
    if problems:
        raise FileProblemsError(path, problems)
    return tuple(rows)


def csv_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Read a CSV file: per line its number and its cells without surrounding blanks."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read ({error.strerror}): give the path of a CSV file") from error
    if len(data) > SIZE_MAX:
        raise FileProblemsError(path, [f"it has more than {SIZE_MAX // 2**20} MiB: split it"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileProblemsError(path, [f"line {line}: is not UTF-8: save the file as “CSV UTF-8”"]) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise FileProblemsError(path, [f"line {reader.line_num}: is not CSV: {error}"]) from error


def _header_problems(header: Sequence[str]) -> list[str]:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        return ["line 1: cells must be separated by commas"]
    if not set(header) & set(REQUIRED):
        return [f"line 1: must be the header; it lacks {', '.join(REQUIRED)}"]
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in REQUIRED + OPTIONAL]
    problems = []
    if missing:
        problems.append(f"line 1: must be the header; it lacks {', '.join(missing)}")
    if unknown:
        known = ", ".join(REQUIRED + OPTIONAL)
        problems.append(f"line 1: unknown column {', '.join(map(repr, unknown))}: known are {known}")
    problems += [f"line 1: column {name} occurs twice" for name in dict.fromkeys(header) if header.count(name) > 1]
    return problems


def _row(number: int, cells: Mapping[str, str], names: Names, defaults: Defaults) -> tuple[Row | None, Sequence[str]]:
    """Read one row: it, or all that is wrong with it."""
    problems: list[str] = []

    def told(parse: Callable[[], T]) -> T | None:
        try:
            return parse()
        except BridgeError as error:
            problems.append(str(error))
            return None

    asset = told(lambda: names.asset(cells["asset"]))
    amount = told(lambda: parse_amount(cells["amount"], asset.decimals)) if asset else None
    destination = told(lambda: _destination(cells.get("destination", ""), names, defaults))
    recipient = told(lambda: names.recipient(cells["recipient"], destination)) if destination else None
    deadline_in_s = told(lambda: _seconds(cells.get("deadline_in", ""), defaults.deadline_in_s))
    reference = told(lambda: _reference(cells["reference"]))
    if not (asset and amount and destination and recipient and reference) or deadline_in_s is None:
        return None, problems
    move = told(
        lambda: Move(
            source=defaults.source,
            destination=destination,
            asset=asset,
            recipient=recipient,
            amount=amount,
            deadline_in_s=deadline_in_s,
        )
    )
    return (Row(line=number, reference=reference, move=move) if move else None), problems


def _destination(text: str, names: Names, defaults: Defaults) -> LedgerConfig:
    if text:
        return names.ledger(text)
    if defaults.destination is None:
        raise InvalidInputError("no destination: fill the column destination, or give --destination")
    return defaults.destination


def _seconds(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10):  # noqa: PLR2004 - a century has ten digits
        raise InvalidInputError(f"deadline_in {text!r} is not a number of seconds from now, such as 600")
    return int(text)


def _reference(text: str) -> str:
    if not text:
        raise InvalidInputError("reference is empty: it is what tells this row from all others")
    if len(text) > REFERENCE_LEN_MAX or not text.isprintable():
        raise InvalidInputError(f"reference has control characters or more than {REFERENCE_LEN_MAX} characters")
    if text.startswith(_FORMULA):
        raise InvalidInputError(f"reference {text!r} would be a formula in a spreadsheet: start it with another sign")
    return text


def _repeated(references: Sequence[tuple[int, str]]) -> list[str]:
    first: dict[str, int] = {}
    return [
        f"line {number}: reference {text!r} stands on line {line} already"
        for number, text in references
        if text and (line := first.setdefault(text, number)) != number
    ]
