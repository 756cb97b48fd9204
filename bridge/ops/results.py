"""The result file of `naru transfer bulk`: the memory between runs.

Each row's nonce at the gateway and the salt of its client reference are on disk before its lock is sent, so that
whatever is repeated locks once only (R-02). Nothing here asks a ledger.
"""

import csv
import fcntl
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Final

from bridge.core.caip import Account, evm_address
from bridge.core.keccak import keccak
from bridge.core.orders import U256_MAX
from bridge.disk import put
from bridge.errors import ConflictError, InvalidInputError
from bridge.ops.client import format_amount
from bridge.ops.moves import FileProblemsError, Row, csv_lines
from bridge.ports.runtime import Entropy

SALT_LEN: Final = 32
NONCE_SPACE_LEN: Final = 12
"""Bytes chosen at random for a file's first nonce, above all that others number from below."""


class State(StrEnum):
    """Where a row stands."""

    PLANNED = "planned"
    """Numbered; nothing was sent."""
    SENT = "sent"
    """About to be sent, or sent: the ledger knows."""
    LOCKED = "locked"
    REFUSED = "refused"
    """The source refused it, nothing is locked; tried again at the next run."""
    CANCELLED = "cancelled"
    """The holder used its nonce up otherwise; nothing is locked and nothing will be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of the result file: the move as it was read, then what became of it."""

    reference: str
    asset: str
    amount: str
    recipient: str
    destination: str
    """CAIP-2, as `asset` is `isin:` text and `recipient` an address: names may change."""
    gateway: str
    """EndpointId of the source."""
    sender: str
    state: State
    transfer_id: str = ""
    sequence: str = ""
    height: str = ""
    transaction: str = ""
    error: str = ""
    since: int
    """Height below which there is no lock of this row."""
    nonce: int
    salt: bytes

    @property
    def client_reference(self) -> bytes:
        """What the ledger sees of the reference: nothing that could be guessed (protocol.md, section 1)."""
        return keccak(self.salt + self.reference.encode())

    @property
    def is_open(self) -> bool:
        """Whether this row has still to be locked."""
        return self.state not in {State.LOCKED, State.CANCELLED}


def by_this_run(results: Iterable[Result]) -> str:
    """End a sentence that nothing was locked: what was sent before may still get in."""
    count = sum(result.state is State.SENT for result in results)
    if not count:
        return "by this run"
    rows = "1 row that was sent before is" if count == 1 else f"{count} rows that were sent before is"
    return f"by this run, but the end of {rows} unknown: run again later"


_TERMS: Final = ("asset", "amount", "recipient", "destination")
_ORIGIN: Final = ("gateway", "sender")
RESULT_COLUMNS: Final = tuple(field.name for field in fields(Result))


class Journal:
    """The result file: whole and on disk after each write, whatever happens."""

    def __init__(self, path: Path, sender: Account) -> None:
        """Keep the results of *sender*'s moves in *path*."""
        self.path = path
        self._sender = sender
        self._exists = path.exists()

    def results(self, rows: Sequence[Row], height: int, entropy: Entropy) -> list[Result]:
        """Give each row its result so far, in the rows' order; a row that is new gets its nonce and salt.

        Raises:
            FileProblemsError: the file is of other moves, or was changed; nothing was locked.
        """
        known = {result.reference: result for result in self._read()} if self._exists else {}
        fresh = {row.reference: self._planned(row, height) for row in rows}
        if problems := _differences(known, fresh):
            raise FileProblemsError(self.path, problems)
        start = (1 << 8 * NONCE_SPACE_LEN | int.from_bytes(entropy(NONCE_SPACE_LEN))) << 8
        numbers = count(1 + max((result.nonce for result in known.values()), default=start - 1))
        return [
            known.get(row.reference) or Result(**fresh[row.reference], nonce=next(numbers), salt=entropy(SALT_LEN))  # type: ignore[arg-type] # a table of texts
            for row in rows
        ]

    def write(self, results: Sequence[Result]) -> None:
        """Put the results on disk, all or nothing.

        Raises:
            ConflictError: another run has made the file meanwhile.
        """
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(RESULT_COLUMNS)
        writer.writerows(_cells(result) for result in results)
        _put(self.path, text.getvalue(), new=not self._exists)
        self._exists = True

    def _planned(self, row: Row, height: int) -> dict[str, object]:
        move = row.move
        return {
            "reference": row.reference,
            "asset": move.asset.asset,
            "amount": format_amount(move.amount, move.asset.decimals),
            "recipient": evm_address(move.recipient),
            "destination": move.destination.ledger,
            "gateway": "0x" + move.source.endpoint.id.hex(),
            "sender": evm_address(self._sender),
            "state": State.PLANNED,
            "since": height,
        }

    def _read(self) -> list[Result]:
        lines = csv_lines(self.path)
        if not lines or tuple(lines[0][1]) != RESULT_COLUMNS:
            raise FileProblemsError(self.path, ["is no result file of `naru transfer bulk`: name another by --result"])
        try:
            return [_result(dict(zip(RESULT_COLUMNS, cells, strict=True))) for _, cells in lines[1:]]
        except (ValueError, InvalidInputError) as error:
            problem = f"was changed by something else than `naru transfer bulk` ({error}): put the original back"
            raise FileProblemsError(self.path, [problem]) from error


def _differences(known: Mapping[str, Result], fresh: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Tell where the result file speaks of other moves than the rows: a file that was taken for another, or edited."""
    problems = [
        f"has reference {reference!r}, which the moves lack: put that row back, or start a new file for the rest"
        for reference in known
        if reference not in fresh
    ]
    for reference, result in known.items():
        if reference not in fresh:
            continue
        now, then = fresh[reference], asdict(result)
        if any(then[name] != now[name] for name in _ORIGIN):
            what = f"was begun by {result.sender} at gateway {result.gateway[:10]}…"
            return [f"{what}: use the same --from, --source and network, or name another by --result"]
        problems += [
            f"reference {reference!r} was begun with {name} {then[name]}, and now has {now[name]}: a new move needs "
            "a new reference"
            for name in _TERMS
            if then[name] != now[name]
        ]
    return problems


def _cells(result: Result) -> list[str]:
    values = asdict(result) | {"nonce": hex(result.nonce), "salt": result.salt.hex()}
    return [" ".join(str(values[name]).split()) if name == "error" else str(values[name]) for name in RESULT_COLUMNS]


def _result(cells: Mapping[str, str]) -> Result:
    nonce, salt = int(cells["nonce"], 16), bytes.fromhex(cells["salt"])
    if not 0 < nonce <= U256_MAX or len(salt) != SALT_LEN:
        raise ValueError("nonce or salt")
    values = {**cells, "state": State(cells["state"]), "since": int(cells["since"]), "nonce": nonce, "salt": salt}
    return Result(**values)  # type: ignore[arg-type] # each of its own type


def _put(path: Path, text: str, *, new: bool) -> None:
    """Write a file for its owner alone, with everything on disk before this returns."""
    try:
        put(path, text, mode=0o600, new=new)
    except FileExistsError:
        raise ConflictError(f"{path} was made by another run meanwhile: run this again") from None
    except OSError as error:
        raise InvalidInputError(f"{path} can't be written ({error.strerror}): no lock is sent without it") from error


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep a second run off the same file of moves.

    Raises:
        ConflictError: there is one.
        InvalidInputError: the file can't be opened.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read ({error.strerror}): give the path of a CSV file") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"another `naru transfer bulk` works on {path}: wait for its end") from None
        yield


def result_path(path: Path) -> Path:
    """Name the result file of a file of moves: moves.csv has moves.result.csv."""
    return path.with_name(f"{path.stem}.result.csv")
