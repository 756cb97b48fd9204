"""A notary's votes on disk (R-13). What `record` has returned from survives a crash of the machine.

WAL with synchronous=FULL: each commit is fsynced before COMMIT returns. One process at a time owns the file, held by
an flock on `<file>.lock` that the kernel drops with the process, however it dies. After an error of the disk nothing
more is recorded until the notary is started again: a failed fsync can't be repeated.
"""

import fcntl
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import LaneId, TransferId
from bridge.core.votes import Vote, check
from bridge.errors import ConfigError, UnavailableError
from bridge.frost.keys import ParticipantId

SCHEMA: Final = 1
APPLICATION_ID: Final = int.from_bytes(b"Naru")
BUSY_TIMEOUT_S: Final = 5.0
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_PRIVATE: Final = stat.S_IRUSR | stat.S_IWUSR
_PRIMARY_CODE: Final = 0xFF
"""The low byte of SQLite's extended result codes."""

_TABLES: Final = """
CREATE TABLE owner (notary INTEGER NOT NULL, group_key TEXT NOT NULL);
CREATE TABLE votes (
  transfer_id BLOB NOT NULL CHECK (length(transfer_id) = 32),
  epoch BLOB NOT NULL CHECK (length(epoch) = 8),
  kind TEXT NOT NULL CHECK (kind IN ('Locked', 'Refused', 'Outcome')),
  code INTEGER NOT NULL CHECK (code BETWEEN 0 AND 255),
  lane BLOB NOT NULL CHECK (length(lane) = 32),
  sequence BLOB NOT NULL CHECK (length(sequence) = 8),
  expired INTEGER NOT NULL CHECK (expired IN (0, 1)),
  PRIMARY KEY (transfer_id, epoch, kind, code)
);
CREATE INDEX votes_by_place ON votes (lane, sequence);
"""
"""Numbers of 64 bits are blobs, big-endian: SQLite's own are signed."""
_COLUMNS: Final = "transfer_id, epoch, kind, code, lane, sequence, expired"
_INSERT: Final = (
    f"INSERT INTO votes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only
    " ON CONFLICT (transfer_id, epoch, kind, code) DO NOTHING"
)
_RELATED: Final = f"SELECT {_COLUMNS} FROM votes WHERE transfer_id = ? OR (lane = ? AND sequence = ?)"  # noqa: S608 - constants only
_OF_TRANSFER: Final = f"SELECT {_COLUMNS} FROM votes WHERE transfer_id = ? ORDER BY rowid"  # noqa: S608 - constants only


class StoreInUseError(ConfigError):
    """Another process owns the vote store; two notaries that share one could sign against each other."""

    def __init__(self, path: Path, process: str) -> None:
        """Tell which file and, where it is known, which process."""
        who = f"another notary (process {process})" if process else "another notary"
        super().__init__((f"{who} runs on {path}: stop it first, or give this one a store of its own",))
        self.path = path


class SqliteVoteStore:
    """VoteStore in one file, bound at first open to one notary and one group key; usable from any thread."""

    def __init__(self, path: Path, *, notary: ParticipantId, group_key: bytes) -> None:
        """Own *path*, created with mode 0600 if it isn't there, until close.

        Raises:
            StoreInUseError: another process owns it.
            ConfigError: others may read it, it is another notary's or another group key's, it was written by a newer
                program, or it is no vote store at all.
            UnavailableError: the disk refuses.
        """
        self._path = path.resolve()
        self._mutex = threading.Lock()
        self._stopped = ""
        with ExitStack() as resources, _opening(self._path):
            resources.enter_context(_owned(self._path))
            _make_private(self._path)
            self._connection = resources.enter_context(closing(_connect(self._path)))
            _prepare(self._connection, self._path)
            _bind(self._connection, self._path, notary, group_key.hex())
            self._resources = resources.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file up; a second time does nothing."""
        with self._mutex:
            self._stopped = f"the vote store {self._path} is closed"
            self._resources.close()

    def record(self, votes: Sequence[Vote]) -> None:
        """Write all votes to disk, fsynced, or none; one that is there already is no error.

        Raises:
            VoteConflictError: a vote contradicts an earlier one; nothing was written.
            UnavailableError: the disk refuses; nothing may be signed.
        """
        with self._mutex, self._transaction() as connection:
            for vote in votes:
                check(vote, _related(connection, vote))
                connection.execute(_INSERT, _row(vote))

    def votes(self, transfer_id: TransferId) -> list[Vote]:
        """List what was voted on a transfer, over all epochs, oldest first.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex, self._transaction() as connection:
            return [_vote(*row) for row in connection.execute(_OF_TRANSFER, (transfer_id,))]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._stopped:
            raise UnavailableError(self._stopped)
        try:
            with _immediate(self._connection):
                yield self._connection
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error) -> UnavailableError:
        if _code(error) == sqlite3.SQLITE_BUSY:
            return UnavailableError(f"another program holds the vote store {self._path}: end it ({error})")
        self._stopped = (
            f"the vote store {self._path} failed ({error}): nothing is signed any more; "
            "see to the disk, then start the notary again"
        )
        return UnavailableError(self._stopped)


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"the vote store {path} can't be opened: {error.strerror}; its folder must exist and be the notary's own"
        raise ConfigError((msg,)) from error
    except sqlite3.Error as error:
        if _code(error) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            msg = (
                f"{path} is not a vote store, or is damaged ({error}): never sign without the votes; restore the file,"
                " or retire this notary's key"
            )
            raise ConfigError((msg,)) from error
        msg = f"the vote store {path} can't be opened ({error}): see to the disk"
        raise UnavailableError(msg) from error


@contextmanager
def _owned(path: Path) -> Iterator[None]:
    """Hold the lock file, which is never deleted: whoever deletes it lets a second owner in."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            process = os.pread(descriptor, 20, 0).decode("ascii", errors="replace").strip()
            raise StoreInUseError(path, process) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _make_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE))
    except FileExistsError:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError((f"the vote store {path} is not a file: name a file",)) from None
        if mode & _OTHERS:
            raise ConfigError((f"others may use the vote store {path}: chmod 600 {path}",)) from None
    else:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S
    )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if _pragma(connection, "journal_mode=WAL") != "wal":
        raise ConfigError((f"the file system of {path} can't hold a vote store: use a local disk",))
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")
    with _immediate(connection):
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            _create(connection)
    _check_schema(connection, path)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA}")


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise ConfigError((f"{path} is another program's database: name the notary's vote store",))
    schema = _pragma(connection, "user_version")
    if schema != SCHEMA:
        msg = f"the vote store {path} has schema {schema}, and this program knows {SCHEMA}: run the newer program"
        raise ConfigError((msg,))


def _bind(connection: sqlite3.Connection, path: Path, notary: ParticipantId, group_key: str) -> None:
    with _immediate(connection):
        owner = connection.execute("SELECT notary, group_key FROM owner").fetchone()
        if owner is None:
            connection.execute("INSERT INTO owner VALUES (?, ?)", (notary, group_key))
        elif owner != (notary, group_key):
            msg = (
                f"the vote store {path} is of notary {owner[0]} under group key {owner[1]}, not of notary {notary} "
                f"under {group_key}: name the right store, or a new file for a new key"
            )
            raise ConfigError((msg,))


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


def _code(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE


def _related(connection: sqlite3.Connection, vote: Vote) -> list[Vote]:
    parameters = (vote.transfer_id, vote.lane, vote.sequence.to_bytes(8))
    return [_vote(*row) for row in connection.execute(_RELATED, parameters)]


def _row(vote: Vote) -> tuple[bytes | str | int, ...]:
    return (
        vote.transfer_id,
        vote.epoch.to_bytes(8),
        vote.kind.value,
        vote.code,
        vote.lane,
        vote.sequence.to_bytes(8),
        vote.expired,
    )


def _vote(  # noqa: PLR0913, PLR0917 - the columns of the table, in order
    transfer_id: bytes, epoch: bytes, kind: str, code: int, lane: bytes, sequence: bytes, expired: int
) -> Vote:
    return Vote(
        transfer_id=TransferId(transfer_id),
        epoch=Epoch(int.from_bytes(epoch)),
        kind=Kind(kind),
        code=code,
        lane=LaneId(lane),
        sequence=int.from_bytes(sequence),
        expired=bool(expired),
    )
