"""A notary's verdicts and breakers in one file. Breakers are append-only and fsynced; verdicts may be lost with power.

Not in the path of trust: what was signed stands in the vote store. WAL, so that commands may read, and open and close
breakers, while the notary runs.
"""

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bridge.core.caip import AssetId, EndpointId
from bridge.core.policy import Check
from bridge.core.reasons import Reason
from bridge.core.statements import Kind
from bridge.core.transfer import TransferId
from bridge.errors import ConfigError, UnavailableError
from bridge.ports.committee import Offer, Question
from bridge.ports.verdicts import VERDICTS_MAX, BreakerEvent, KeptVerdict, Place

SCHEMA: Final = 1
APPLICATION_ID: Final = int.from_bytes(b"NaVe")
BUSY_TIMEOUT_S: Final = 5.0
REMEMBERED_MAX: Final = 50_000
"""Last verdicts in memory, so that an unchanged one costs no read."""
_TABLES: Final = """
CREATE TABLE verdicts (
  id INTEGER PRIMARY KEY,
  transfer_id BLOB NOT NULL CHECK (length(transfer_id) = 32),
  question TEXT NOT NULL,
  at REAL NOT NULL,
  offers TEXT NOT NULL,
  reason INTEGER NOT NULL,
  decided_by TEXT NOT NULL,
  until INTEGER,
  note TEXT NOT NULL
);
CREATE INDEX verdicts_by_transfer ON verdicts (transfer_id, id);
CREATE TABLE breaker_events (
  id INTEGER PRIMARY KEY,
  endpoint BLOB NOT NULL CHECK (length(endpoint) IN (0, 32)),
  asset BLOB NOT NULL CHECK (length(asset) IN (0, 32)),
  is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)),
  at REAL NOT NULL,
  why TEXT NOT NULL,
  by TEXT NOT NULL
);
CREATE INDEX breaker_events_by_place ON breaker_events (endpoint, asset, id);
CREATE TRIGGER breaker_events_stay BEFORE UPDATE ON breaker_events
  BEGIN SELECT RAISE(ABORT, 'breaker events are append-only'); END;
CREATE TRIGGER breaker_events_remain BEFORE DELETE ON breaker_events
  BEGIN SELECT RAISE(ABORT, 'breaker events are append-only'); END;
"""
_VERDICT: Final = "transfer_id, question, at, offers, reason, decided_by, until, note"
_KEEP: Final = f"INSERT INTO verdicts ({_VERDICT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only
_OF_TRANSFER: Final = f"SELECT {_VERDICT} FROM verdicts WHERE transfer_id = ? ORDER BY id"  # noqa: S608 - constants only
_FORGET: Final = (
    "DELETE FROM verdicts WHERE transfer_id = ? AND id <= "
    "(SELECT id FROM verdicts WHERE transfer_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)"
)
_EVENT: Final = "endpoint, asset, is_open, at, why, by"
_HISTORY: Final = f"SELECT {_EVENT} FROM breaker_events ORDER BY id"  # noqa: S608 - constants only
_OPENED: Final = (
    f"SELECT {_EVENT} FROM breaker_events AS e WHERE is_open AND id = "  # noqa: S608 - constants only
    "(SELECT max(id) FROM breaker_events WHERE endpoint = e.endpoint AND asset = e.asset) ORDER BY id"
)
_SET: Final = (
    f"INSERT INTO breaker_events ({_EVENT}) SELECT ?, ?, ?, ?, ?, ? WHERE ? != "  # noqa: S608 - constants only
    "coalesce((SELECT is_open FROM breaker_events WHERE endpoint = ? AND asset = ? ORDER BY id DESC LIMIT 1), 0)"
)
_VerdictRow = tuple[bytes, str, float, str, int, str, int | None, str]
_EventRow = tuple[bytes, bytes, int, float, str, str]


class SqliteVerdicts:
    """VerdictLog and Breakers; usable from any thread, and by several processes at once."""

    def __init__(self, path: Path) -> None:
        """Open *path*, created with mode 0600 if it isn't there.

        Raises:
            ConfigError: it is another program's file, or a newer one's, or its folder is missing.
            UnavailableError: the disk refuses.
        """
        self._path = path.resolve()
        self._mutex = threading.Lock()
        self._last: OrderedDict[tuple[TransferId, Question], KeptVerdict] = OrderedDict()
        self._connection = _opened(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_file()

    def close_file(self) -> None:
        """Give the file up; a second time does nothing."""
        with self._mutex:
            self._connection.close()

    def keep(self, verdicts: Sequence[KeptVerdict]) -> None:
        """Keep what differs from the last verdict on the same transfer and question.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex:
            news = [verdict for verdict in verdicts if self._is_news(verdict)]
            if not news:
                return
            with self._transaction("NORMAL") as connection:
                connection.executemany(_KEEP, map(_verdict_row, news))
                bounds = {(v.transfer_id, v.transfer_id, VERDICTS_MAX) for v in news}
                connection.executemany(_FORGET, bounds)
            for verdict in news:
                self._remember(verdict)

    def explain(self, transfer_id: TransferId) -> list[KeptVerdict]:
        """List a transfer's verdicts, oldest first.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex, self._translated():
            return self._of(transfer_id)

    def open(self, place: Place, *, at: float, why: str, by: str) -> None:
        """Open the breaker, fsynced; one that is open stays as it is.

        Raises:
            UnavailableError: the disk refuses.
        """
        self._set(BreakerEvent(place=place, is_open=True, at=at, why=why, by=by))

    def close(self, place: Place, *, at: float, why: str, by: str) -> None:
        """Close it, fsynced; one that is closed stays as it is.

        Raises:
            UnavailableError: the disk refuses.
        """
        self._set(BreakerEvent(place=place, is_open=False, at=at, why=why, by=by))

    def opened(self) -> list[BreakerEvent]:
        """List those that are open, oldest first.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex, self._translated():
            return [_event(row) for row in self._connection.execute(_OPENED)]

    def history(self) -> list[BreakerEvent]:
        """List all that happened, oldest first.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex, self._translated():
            return [_event(row) for row in self._connection.execute(_HISTORY)]

    def _set(self, event: BreakerEvent) -> None:
        place = (event.place.endpoint or b"", event.place.asset or b"")
        values = (*place, event.is_open, event.at, event.why, event.by, event.is_open, *place)
        with self._mutex, self._transaction("FULL") as connection:
            connection.execute(_SET, values)

    def _is_news(self, verdict: KeptVerdict) -> bool:
        last = self._last.get((verdict.transfer_id, verdict.question))
        if last is None:
            with self._translated():
                kept = self._of(verdict.transfer_id)
            last = next((v for v in reversed(kept) if v.question is verdict.question), None)
        return last is None or verdict.differs(last)

    def _remember(self, verdict: KeptVerdict) -> None:
        key = (verdict.transfer_id, verdict.question)
        self._last[key] = verdict
        self._last.move_to_end(key)
        if len(self._last) > REMEMBERED_MAX:
            self._last.popitem(last=False)

    def _of(self, transfer_id: TransferId) -> list[KeptVerdict]:
        return [_verdict(row) for row in self._connection.execute(_OF_TRANSFER, (transfer_id,))]

    @contextmanager
    def _transaction(self, synchronous: str) -> Iterator[sqlite3.Connection]:
        with self._translated():
            self._connection.execute(f"PRAGMA synchronous={synchronous}")
            with _immediate(self._connection):
                yield self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            msg = f"the notary's verdicts in {self._path} can't be read or written ({error}): see to the disk"
            raise UnavailableError(msg) from error


def _opened(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S)
    except OSError as error:
        msg = f"{path} can't be opened: {error.strerror}; its folder must exist and be the notary's own"
        raise ConfigError((msg,)) from error
    try:
        _prepare(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        msg = f"{path} is not a notary's file of verdicts, or is damaged ({error}): name another"
        raise ConfigError((msg,)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    with _immediate(connection):
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            _create(connection)
    found = (_pragma(connection, "application_id"), _pragma(connection, "user_version"))
    if found != (APPLICATION_ID, SCHEMA):
        raise ConfigError((f"{path} is another program's file, or a newer one's: name the notary's own",))


def _create(connection: sqlite3.Connection) -> None:
    statement = ""
    for line in _TABLES.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA}")


@contextmanager
def _immediate(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    row: tuple[object] = connection.execute(f"PRAGMA {name}").fetchone()
    return row[0]


def _verdict_row(verdict: KeptVerdict) -> _VerdictRow:
    return (
        verdict.transfer_id,
        verdict.question.value,
        verdict.at,
        " ".join(f"{offer.kind}:{offer.code}" for offer in verdict.offers),
        verdict.reason.value,
        verdict.check.value,
        verdict.until,
        verdict.note,
    )


def _verdict(row: _VerdictRow) -> KeptVerdict:
    transfer_id, question, at, offers, reason, check, until, note = row
    return KeptVerdict(
        transfer_id=TransferId(transfer_id),
        question=Question(question),
        at=at,
        offers=tuple(_offer(text) for text in offers.split()),
        reason=Reason(reason),
        check=Check(check),
        note=note,
        until=until,
    )


def _offer(text: str) -> Offer:
    kind, _, code = text.partition(":")
    return Offer(kind=Kind(kind), code=int(code))


def _event(row: _EventRow) -> BreakerEvent:
    endpoint, asset, is_open, at, why, by = row
    place = Place(
        endpoint=EndpointId(endpoint) if endpoint else None,
        asset=AssetId(asset) if asset else None,
    )
    return BreakerEvent(place=place, is_open=bool(is_open), at=at, why=why, by=by)
