"""A seat's votes on disk (R-13). What `record` has returned from survives a crash of the machine.

WAL with synchronous=FULL: each commit is fsynced before COMMIT returns. One process at a time owns the file. After an
error of the disk nothing more is recorded until the signer is started again: a failed fsync can't be repeated.
A store is made once, together with its seat's share, and never again: an empty one in the place of one that was lost
would let the notary sign what contradicts its votes.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bridge.adapters.sqlite.files import Form, is_busy, opened, transaction
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import LaneId, TransferId
from bridge.core.votes import NO_VOTES, HandoverVote, Vote, VoteHead, chained, check, check_handover
from bridge.errors import ConfigError, UnavailableError
from bridge.frost.keys import ParticipantId

SCHEMA: Final = 2
LOSS: Final = (
    "never make an empty one for a key that has signed; restore the newest copy, which other members check before "
    "anything is signed, or retire this seat: delete its share, and hand over to a new epoch"
)
_TABLES: Final = (
    """CREATE TABLE seat (
      notary INTEGER NOT NULL,
      epoch BLOB NOT NULL CHECK (length(epoch) = 8),
      group_key TEXT NOT NULL,
      count INTEGER NOT NULL,
      hash BLOB NOT NULL CHECK (length(hash) = 32),
      refused TEXT NOT NULL
    )""",
    """CREATE TABLE votes (
      transfer_id BLOB NOT NULL CHECK (length(transfer_id) = 32),
      epoch BLOB NOT NULL CHECK (length(epoch) = 8),
      kind TEXT NOT NULL CHECK (kind IN ('Locked', 'Refused', 'Outcome')),
      code INTEGER NOT NULL CHECK (code BETWEEN 0 AND 255),
      lane BLOB NOT NULL CHECK (length(lane) = 32),
      sequence BLOB NOT NULL CHECK (length(sequence) = 8),
      expired INTEGER NOT NULL CHECK (expired IN (0, 1)),
      PRIMARY KEY (transfer_id, epoch, kind, code)
    )""",
    "CREATE INDEX votes_by_place ON votes (lane, sequence)",
    """CREATE TABLE handovers (
      epoch BLOB NOT NULL PRIMARY KEY CHECK (length(epoch) = 8),
      px BLOB NOT NULL CHECK (length(px) = 32),
      py BLOB NOT NULL CHECK (length(py) = 32)
    ) WITHOUT ROWID""",
    """CREATE TABLE seen (
      notary INTEGER NOT NULL PRIMARY KEY,
      epoch BLOB NOT NULL CHECK (length(epoch) = 8),
      count BLOB NOT NULL CHECK (length(count) = 8),
      hash BLOB NOT NULL CHECK (length(hash) = 32),
      signature BLOB NOT NULL
    )""",
    """CREATE TABLE evidence (
      notary INTEGER NOT NULL,
      epoch BLOB NOT NULL CHECK (length(epoch) = 8),
      count BLOB NOT NULL CHECK (length(count) = 8),
      hash BLOB NOT NULL CHECK (length(hash) = 32),
      signature BLOB NOT NULL,
      PRIMARY KEY (notary, count, hash)
    )""",
)
"""Numbers of 64 bits that others give are blobs, big-endian: SQLite's own are signed."""
FORM: Final = Form(
    name="vote store",
    application_id=int.from_bytes(b"Naru"),
    schema=SCHEMA,
    tables=_TABLES,
    synchronous="FULL",
    loss=LOSS,
)
_COLUMNS: Final = "transfer_id, epoch, kind, code, lane, sequence, expired"
_INSERT: Final = (
    f"INSERT INTO votes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants only
    " ON CONFLICT (transfer_id, epoch, kind, code) DO NOTHING"
)
_RELATED: Final = f"SELECT {_COLUMNS} FROM votes WHERE transfer_id = ? OR (lane = ? AND sequence = ?)"  # noqa: S608 - constants only
_OF_TRANSFER: Final = f"SELECT {_COLUMNS} FROM votes WHERE transfer_id = ? ORDER BY rowid"  # noqa: S608 - constants only
_HEADS: Final = "SELECT notary, epoch, count, hash, signature FROM"


class SqliteVoteStore:
    """SeatStore in one file, of one seat for ever; usable from any thread."""

    def __init__(self, path: Path, *, notary: ParticipantId, epoch: Epoch, group_key: bytes) -> None:
        """Own *path*, which `create` made for this seat, until close.

        Raises:
            FileInUseError: another process owns it.
            ConfigError: it is missing, others may read it, it is another seat's, it was written by a newer program, or
                it is no vote store at all.
            UnavailableError: the disk refuses.
        """
        self._path = path.resolve()
        self._mutex = threading.Lock()
        self._stopped = ""
        if not os.path.lexists(self._path):
            raise ConfigError((f"the vote store {path} is missing: {LOSS}",))
        with ExitStack() as resources:
            self._connection = opened(self._path, FORM, resources)
            self._head, self._refused = self._bound(notary, epoch, group_key)
            self._seen = {head.notary: head for head in self._heads("seen")}
            self._resources = resources.pop_all()

    @classmethod
    def create(cls, path: Path, *, notary: ParticipantId, epoch: Epoch, group_key: bytes) -> Self:
        """Make the store of a new seat, and own it.

        Raises:
            ConfigError: something is at *path* already; else as the constructor.
        """
        if os.path.lexists(path):
            raise ConfigError((f"{path} is there already: a seat's vote store is made once, with the seat",))
        with ExitStack() as resources:
            connection = opened(path.resolve(), FORM, resources)
            owner = (notary, epoch.to_bytes(8), group_key.hex(), 0, NO_VOTES, "")
            try:
                with transaction(connection):
                    connection.execute("INSERT INTO seat VALUES (?, ?, ?, ?, ?, ?)", owner)
            except sqlite3.Error as error:
                raise UnavailableError(f"the vote store {path} can't be written ({error}): see to the disk") from error
        return cls(path, notary=notary, epoch=epoch, group_key=group_key)

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

    # --- VoteStore

    @property
    def problem(self) -> str:
        """What stands in the way of recording."""
        return self._refused or self._stopped

    def head(self) -> tuple[int, bytes]:
        """Give count and hash of what is recorded."""
        return self._head

    def record(self, votes: Sequence[Vote], seen: Sequence[VoteHead] = ()) -> None:
        """Write all votes to disk, fsynced, or none; one that is there already is no error.

        Raises:
            VoteConflictError: a vote contradicts an earlier one; nothing was written.
            UnavailableError: the disk refuses; nothing may be signed.
        """
        with self._mutex, self._writing(seen) as (connection, added):
            for vote in votes:
                check(vote, _related(connection, vote))
                if connection.execute(_INSERT, _row(vote)).rowcount:
                    added.append(vote)

    def record_handover(self, vote: HandoverVote, seen: Sequence[VoteHead] = ()) -> None:
        """Write a handover to disk, fsynced; the same again is no error.

        Raises:
            HandoverConflictError: another key was named in that epoch; nothing was written.
            UnavailableError: the disk refuses; nothing may be signed.
        """
        with self._mutex, self._writing(seen) as (connection, added):
            row = vote.epoch.to_bytes(8), vote.px.to_bytes(32), vote.py.to_bytes(32)
            earlier = connection.execute("SELECT epoch, px, py FROM handovers WHERE epoch = ?", row[:1])
            check_handover(vote, [_handover(*other) for other in earlier])
            if connection.execute("INSERT INTO handovers VALUES (?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount:
                added.append(vote)

    def votes(self, transfer_id: TransferId) -> list[Vote]:
        """List what was voted on a transfer, over all epochs, oldest first.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex, self._reading() as connection:
            return [_vote(*row) for row in connection.execute(_OF_TRANSFER, (transfer_id,))]

    def related(self, vote: Vote) -> list[Vote]:
        """List votes on the same transfer, and at the same place of the lane.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex, self._reading() as connection:
            return _related(connection, vote)

    # --- HeadStore

    def seen(self, notary: int) -> VoteHead | None:
        """Give the highest head seen of a member."""
        return self._seen.get(notary)

    def remember(self, heads: Sequence[VoteHead]) -> None:
        """Write to disk, fsynced, what is news.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex, self._writing(heads):
            pass

    def evidence(self) -> list[VoteHead]:
        """List heads that contradict each other.

        Raises:
            UnavailableError: the disk refuses.
        """
        with self._mutex, self._reading():
            return self._heads("evidence")

    def refuse(self, why: str) -> None:
        """Write to disk that this store must never be used again. The text goes with the file, wherever it is copied.

        Raises:
            UnavailableError: the disk refuses; this process refuses the store all the same.
        """
        with self._mutex, self._reading() as connection:
            self._refused = why
            with transaction(connection):
                connection.execute("UPDATE seat SET refused = ?", (why,))

    # ---

    def _bound(self, notary: ParticipantId, epoch: Epoch, group_key: bytes) -> tuple[tuple[int, bytes], str]:
        row = self._connection.execute("SELECT notary, epoch, group_key, count, hash, refused FROM seat").fetchone()
        if row is None:
            raise ConfigError((f"the vote store {self._path} was not made with a seat: {LOSS}",))
        if row[:3] != (notary, epoch.to_bytes(8), group_key.hex()):
            msg = (
                f"the vote store {self._path} is of notary {row[0]} in epoch {int.from_bytes(row[1])} under group key "
                f"{row[2]}, not of notary {notary} in epoch {epoch} under {group_key.hex()}: put the right one there"
            )
            raise ConfigError((msg,))
        return (row[3], row[4]), row[5]

    def _heads(self, table: str) -> list[VoteHead]:
        return [_head(*row) for row in self._connection.execute(f"{_HEADS} {table} ORDER BY notary, count, rowid")]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if self._stopped:
            raise UnavailableError(self._stopped)
        try:
            yield self._connection
        except sqlite3.Error as error:
            raise self._failure(error) from error

    @contextmanager
    def _writing(self, seen: Sequence[VoteHead]) -> Iterator[tuple[sqlite3.Connection, list[Vote | HandoverVote]]]:
        """Write what the caller adds, the head that follows from it, and what is news of others: all or nothing."""
        if self._refused:
            raise UnavailableError(self._refused)
        added: list[Vote | HandoverVote] = []
        count, digest = self._head
        with self._reading() as connection:
            with transaction(connection):
                yield connection, added
                if added:
                    count, digest = count + 1, chained(digest, added)
                    connection.execute("UPDATE seat SET count = ?, hash = ?", (count, digest))
                news = self._news(connection, seen)
            self._head = count, digest
            self._seen |= news

    def _news(self, connection: sqlite3.Connection, seen: Sequence[VoteHead]) -> dict[int, VoteHead]:
        news: dict[int, VoteHead] = {}
        for head in seen:
            known = news.get(head.notary) or self._seen.get(head.notary)
            if known is None or head.count > known.count:
                connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", _head_row(head))
                news[head.notary] = head
            elif head.is_beyond(known.count, known.hash):
                rows = [_head_row(known), _head_row(head)]
                connection.executemany("INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?)", rows)
        return news

    def _failure(self, error: sqlite3.Error) -> UnavailableError:
        if is_busy(error):
            return UnavailableError(f"another program holds the vote store {self._path}: end it ({error})")
        self._stopped = (
            f"the vote store {self._path} failed ({error}): nothing is signed any more; "
            "see to the disk, then start the signer again"
        )
        return UnavailableError(self._stopped)


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


def _handover(epoch: bytes, px: bytes, py: bytes) -> HandoverVote:
    return HandoverVote(epoch=Epoch(int.from_bytes(epoch)), px=int.from_bytes(px), py=int.from_bytes(py))


def _head_row(head: VoteHead) -> tuple[int | bytes, ...]:
    return head.notary, head.epoch.to_bytes(8), head.count.to_bytes(8), head.hash, head.signature


def _head(notary: int, epoch: bytes, count: bytes, digest: bytes, signature: bytes) -> VoteHead:
    return VoteHead(
        epoch=Epoch(int.from_bytes(epoch)),
        notary=notary,
        count=int.from_bytes(count),
        hash=digest,
        signature=signature,
    )
