"""What a notary saw, on disk: append-only, in a file of its own (ports.facts).

WAL with synchronous=NORMAL: a crash of the machine may lose the newest facts, which the ledger gives again. Pins and
retirements are fsynced before the call returns. Triggers refuse every UPDATE and DELETE, whoever tries.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bridge.adapters.sqlite.files import Form, is_busy, opened, transaction
from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Outcome
from bridge.core.transfer import U64_MAX, LaneId, TransferId, decode, encode
from bridge.errors import UnavailableError
from bridge.ports.facts import Checkpoint, FactConflictError, FactGapError, LockFact

SCHEMA: Final = 1
_TABLES: Final = (
    """CREATE TABLE locks (
      lane BLOB NOT NULL CHECK (length(lane) = 32),
      sequence BLOB NOT NULL CHECK (length(sequence) = 8),
      terms BLOB NOT NULL CHECK (length(terms) = 320),
      height INTEGER NOT NULL CHECK (height >= 0),
      hash BLOB NOT NULL CHECK (length(hash) = 32),
      time INTEGER NOT NULL,
      PRIMARY KEY (lane, sequence)
    ) WITHOUT ROWID""",
    """CREATE TABLE decisions (
      transfer_id BLOB NOT NULL PRIMARY KEY CHECK (length(transfer_id) = 32),
      outcome INTEGER NOT NULL CHECK (outcome BETWEEN 1 AND 3),
      reason INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 255),
      height INTEGER NOT NULL CHECK (height >= 0),
      hash BLOB NOT NULL CHECK (length(hash) = 32),
      time INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE checkpoints (
      endpoint BLOB NOT NULL CHECK (length(endpoint) = 32),
      height INTEGER NOT NULL CHECK (height >= 0),
      hash BLOB NOT NULL CHECK (length(hash) = 32),
      PRIMARY KEY (endpoint, height)
    ) WITHOUT ROWID""",
    """CREATE TABLE retired (
      endpoint BLOB NOT NULL PRIMARY KEY CHECK (length(endpoint) = 32),
      why TEXT NOT NULL
    ) WITHOUT ROWID""",
    *(
        f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'append-only'); END"
        for table in ("locks", "decisions", "checkpoints", "retired")
        for verb in ("UPDATE", "DELETE")
    ),
)
"""Sequences are blobs, big-endian: SQLite's own numbers are signed."""
FORM: Final = Form(
    name="fact store",
    application_id=int.from_bytes(b"NarF"),
    schema=SCHEMA,
    tables=_TABLES,
    synchronous="NORMAL",
    loss="restore it; without its checkpoints a restored ledger can't be told from the right one (R-06)",
)
_LOCK_COLUMNS: Final = "terms, height, hash, time"
_DECISION_COLUMNS: Final = "outcome, reason, height, hash, time"


class SqliteFacts:
    """FactStore and CheckpointStore in one file; usable from any thread."""

    def __init__(self, path: Path) -> None:
        """Own *path*, created with mode 0600 if it isn't there, until close.

        Raises:
            FileInUseError: another process owns it.
            ConfigError: others may read it, it was written by a newer program, or it is no fact store at all.
            UnavailableError: the disk refuses.
        """
        self._path = path.resolve()
        self._mutex = threading.Lock()
        self._closed = False
        with ExitStack() as resources:
            self._connection = opened(self._path, FORM, resources)
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
            self._closed = True
            self._resources.close()

    # --- FactStore

    def known(self, lane: LaneId) -> int:
        """Give the last sequence that is stored of a lane; 0 if none is."""
        with self._asked() as connection:
            return _known(connection, lane)

    def add_locks(self, locks: Sequence[LockFact]) -> None:
        """Store all or none; one that is there already is no error.

        Raises:
            FactGapError: a lock's sequence is not the next of its lane.
            FactConflictError: another lock is stored at its place, or the same one with another block.
        """
        with self._writing() as connection:
            for lock in locks:
                _add_lock(connection, lock)

    def locks(self, lane: LaneId, first: int, count: int) -> list[LockFact]:
        """Give what is stored of the sequences [first, first + count), in order."""
        if count < 1:
            return []
        query = f"SELECT {_LOCK_COLUMNS} FROM locks WHERE lane = ? AND sequence BETWEEN ? AND ? ORDER BY sequence"  # noqa: S608 - constants only
        last = min(first + count - 1, U64_MAX)
        with self._asked() as connection:
            rows = connection.execute(query, (lane, max(first, 0).to_bytes(8), last.to_bytes(8)))
            return [_lock(*row) for row in rows]

    def add_decisions(self, decisions: Sequence[tuple[TransferId, Decision]]) -> None:
        """Store all or none; one that is there already is no error.

        Raises:
            FactConflictError: another decision is stored for the transfer.
        """
        with self._writing() as connection:
            for transfer_id, decision in decisions:
                _add_decision(connection, transfer_id, decision)

    def decisions(self, transfer_ids: Sequence[TransferId]) -> list[Decision | None]:
        """Give each transfer's decision, None where none is stored."""
        with self._asked() as connection:
            return [_decision(connection, transfer_id) for transfer_id in transfer_ids]

    # --- CheckpointStore

    def pin(self, endpoint: EndpointId, checkpoint: Checkpoint) -> None:
        """Pin a final block; one that is pinned already is no error.

        Raises:
            FactConflictError: another hash is pinned at its height, or it is below the newest and not pinned.
        """
        with self._writing(durable=True) as connection:
            _pin(connection, endpoint, checkpoint)

    def checkpoints(self, endpoint: EndpointId, limit: int) -> list[Checkpoint]:
        """List up to *limit* pinned blocks, highest first."""
        query = "SELECT height, hash FROM checkpoints WHERE endpoint = ? ORDER BY height DESC LIMIT ?"
        with self._asked() as connection:
            return [Checkpoint(height=h, hash=x) for h, x in connection.execute(query, (endpoint, max(limit, 0)))]

    def retire(self, endpoint: EndpointId, why: str) -> None:
        """Retire an endpoint for ever; the first reason stays."""
        with self._writing(durable=True) as connection:
            connection.execute("INSERT INTO retired VALUES (?, ?) ON CONFLICT DO NOTHING", (endpoint, why))

    def retired(self, endpoint: EndpointId) -> str | None:
        """Tell why an endpoint is retired; None if it isn't."""
        with self._asked() as connection:
            row = connection.execute("SELECT why FROM retired WHERE endpoint = ?", (endpoint,)).fetchone()
            return None if row is None else str(row[0])

    @contextmanager
    def _asked(self) -> Iterator[sqlite3.Connection]:
        with self._mutex:
            if self._closed:
                raise UnavailableError(f"the fact store {self._path} is closed")
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise self._failure(error) from error

    @contextmanager
    def _writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Write all or nothing; what is *durable* is on the disk when this returns."""
        with self._asked() as connection:
            if durable:
                connection.execute("PRAGMA synchronous=FULL")
            try:
                with transaction(connection):
                    yield connection
            finally:
                if durable:
                    connection.execute(f"PRAGMA synchronous={FORM.synchronous}")

    def _failure(self, error: sqlite3.Error) -> UnavailableError:
        if is_busy(error):
            return UnavailableError(f"another program holds the fact store {self._path}: end it ({error})")
        return UnavailableError(f"the fact store {self._path} failed ({error}): see to the disk")


def _known(connection: sqlite3.Connection, lane: LaneId) -> int:
    row: tuple[bytes | None] = connection.execute("SELECT max(sequence) FROM locks WHERE lane = ?", (lane,)).fetchone()
    return 0 if row[0] is None else int.from_bytes(row[0])


def _add_lock(connection: sqlite3.Connection, lock: LockFact) -> None:
    lane, sequence = lock.transfer.lane.id, lock.transfer.sequence
    known = _known(connection, lane)
    if sequence > known + 1:
        raise FactGapError(lane, sequence, known)
    row = (encode(lock.transfer), *_stamp_row(lock.stamp))
    if sequence == known + 1:
        connection.execute("INSERT INTO locks VALUES (?, ?, ?, ?, ?, ?)", (lane, sequence.to_bytes(8), *row))
        return
    query = f"SELECT {_LOCK_COLUMNS} FROM locks WHERE lane = ? AND sequence = ?"  # noqa: S608 - constants only
    if connection.execute(query, (lane, sequence.to_bytes(8))).fetchone() != row:
        msg = f"lane 0x{lane.hex()} sequence {sequence}: another lock is stored there as final"
        raise FactConflictError(msg)


def _add_decision(connection: sqlite3.Connection, transfer_id: TransferId, decision: Decision) -> None:
    known = _decision(connection, transfer_id)
    if known is None:
        row = (transfer_id, decision.outcome.value, decision.reason.value, *_stamp_row(decision.stamp))
        connection.execute("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)", row)
    elif known != decision:
        msg = f"transfer 0x{transfer_id.hex()}: another decision is stored as final"
        raise FactConflictError(msg)


def _decision(connection: sqlite3.Connection, transfer_id: TransferId) -> Decision | None:
    query = f"SELECT {_DECISION_COLUMNS} FROM decisions WHERE transfer_id = ?"  # noqa: S608 - constants only
    row = connection.execute(query, (transfer_id,)).fetchone()
    if row is None:
        return None
    outcome, reason, height, block_hash, time = row
    stamp = BlockStamp(height=height, hash=block_hash, time=time)
    return Decision(outcome=Outcome(outcome), reason=Reason(reason), stamp=stamp)


def _pin(connection: sqlite3.Connection, endpoint: EndpointId, checkpoint: Checkpoint) -> None:
    row = (endpoint, checkpoint.height, checkpoint.hash)
    newest = connection.execute("SELECT max(height) FROM checkpoints WHERE endpoint = ?", (endpoint,)).fetchone()[0]
    if newest is None or checkpoint.height > newest:
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", row)
        return
    query = "SELECT 1 FROM checkpoints WHERE endpoint = ? AND height = ? AND hash = ?"
    if connection.execute(query, row).fetchone() is None:
        msg = f"endpoint 0x{endpoint.hex()}: block {checkpoint.height} is pinned otherwise, or below a pin"
        raise FactConflictError(msg)


def _stamp_row(stamp: BlockStamp) -> tuple[int, bytes, int]:
    return stamp.height, stamp.hash, stamp.time


def _lock(terms: bytes, height: int, block_hash: bytes, time: int) -> LockFact:
    return LockFact(transfer=decode(terms), stamp=BlockStamp(height=height, hash=block_hash, time=time))
