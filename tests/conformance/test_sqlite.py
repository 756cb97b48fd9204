"""What is the vote file's own: who may open it, and what a dying process or disk leaves."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import overload

import pytest

from bridge.adapters.sqlite import files
from bridge.adapters.sqlite.files import FileInUseError
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.core.statements import Epoch, Kind
from bridge.core.votes import HandoverConflictError, Vote
from bridge.errors import ConfigError, UnavailableError
from bridge.frost.keys import ParticipantId
from tests.conformance.samples import vote
from tests.conformance.votes import handover, head

KEY = b"\x02" * 33
LIST_LEN = 20


def made(path: Path) -> SqliteVoteStore:
    return SqliteVoteStore.create(path, notary=ParticipantId(1), epoch=Epoch(1), group_key=KEY)


def opened(path: Path, *, notary: int = 1, epoch: int = 1, key: bytes = KEY) -> SqliteVoteStore:
    return SqliteVoteStore(path, notary=ParticipantId(notary), epoch=Epoch(epoch), group_key=key)


def listed(number: int) -> list[Vote]:
    """The list that a child process records as its *number*-th."""
    return [vote(Kind.LOCKED, name=number * LIST_LEN + i) for i in range(1, LIST_LEN + 1)]


def present(store: SqliteVoteStore, votes: Sequence[Vote]) -> int:
    return sum(len(store.votes(v.transfer_id)) for v in votes)


# --- who may open it


def test_a_new_store_is_private_with_all_its_files(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store:
        store.record(listed(0))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}

    assert modes == dict.fromkeys(("votes.db", "votes.db-wal", "votes.db-shm", "votes.db.lock"), 0o600)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o777])
def test_a_store_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "votes.db"
    made(path).close()
    path.chmod(mode)

    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        opened(path)


def test_each_vote_is_written_ahead_and_fsynced(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store:
        connection = store._connection  # noqa: SLF001 - a connection's own setting, seen nowhere else

        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_votes_are_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store:
        store.record(listed(0))
    with opened(tmp_path / "votes.db") as store:
        assert present(store, listed(0)) == LIST_LEN


@pytest.mark.parametrize(("notary", "epoch", "key"), [(2, 1, KEY), (1, 2, KEY), (1, 1, b"\x03" * 33)])
def test_a_store_of_another_seat_is_refused_and_given_back(tmp_path: Path, notary: int, epoch: int, key: bytes) -> None:
    made(tmp_path / "votes.db").close()

    with pytest.raises(ConfigError, match=f"of notary 1 in epoch 1 under group key {KEY.hex()}"):
        opened(tmp_path / "votes.db", notary=notary, epoch=epoch, key=key)
    opened(tmp_path / "votes.db").close()


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    made(path).close()
    _execute(path, "PRAGMA user_version=3")

    with pytest.raises(ConfigError, match="run the newer program"):
        opened(path)


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    _execute(path, "CREATE TABLE mine (x)")
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="another program's database"):
        opened(path)


@pytest.mark.parametrize("damage", [b"not a database, but long enough to be looked at" * 3, b"\x00" * 4096])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "votes.db"
    path.write_bytes(damage)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="never make an empty one"):
        opened(path)
    assert path.read_bytes() == damage


def test_a_missing_store_is_refused_and_never_made_anew(tmp_path: Path) -> None:
    """R-13: an empty store in the place of a lost one would let the seat contradict its votes."""
    with pytest.raises(ConfigError, match=r"is missing: never make an empty one .* retire this seat"):
        opened(tmp_path / "votes.db")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_without_a_seat_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    path.touch(mode=0o600)

    with pytest.raises(ConfigError, match="was not made with a seat: never make an empty one"):
        opened(path)


def test_a_store_is_made_once(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store:
        store.record(listed(0))
    with pytest.raises(ConfigError, match="is there already"):
        made(tmp_path / "votes.db")
    with opened(tmp_path / "votes.db") as store:
        assert present(store, listed(0)) == LIST_LEN


def test_head_handovers_and_what_others_voted_are_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store:
        store.record(listed(0), seen=[head(2, 5), head(2, 5, digest=9)])
        store.record_handover(handover(1))
        before = store.head(), store.evidence()
    with opened(tmp_path / "votes.db") as store:
        assert (store.head(), store.evidence()) == before
        assert store.head()[0] == 2
        assert store.seen(2) == head(2, 5)
        with pytest.raises(HandoverConflictError):
            store.record_handover(handover(2))


def test_a_store_that_was_refused_stays_so_wherever_it_is_copied(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store:
        store.refuse("it is too old")
    shutil.copy2(tmp_path / "votes.db", tmp_path / "copy.db")
    with opened(tmp_path / "copy.db") as store:
        assert store.problem == "it is too old"
        with pytest.raises(UnavailableError, match="it is too old"):
            store.record(listed(0))


def test_a_folder_that_is_not_there_or_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be opened: No such file or directory"):
        made(tmp_path / "none" / "votes.db")
    with pytest.raises(ConfigError, match="is not a file"):
        opened(tmp_path)


def test_a_store_can_be_used_from_any_thread(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store, ThreadPoolExecutor(4) as threads:
        list(threads.map(store.record, [listed(n) for n in range(8)]))

        assert sum(present(store, listed(n)) for n in range(8)) == 8 * LIST_LEN


# --- one process at a time


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    with _child("store.record(listed(0)); print('recorded', flush=True); input()", path) as child:
        assert _line(child) == "recorded"
        with pytest.raises(
            FileInUseError, match=rf"another notary \(process {child.pid}\) uses the vote store .*stop it first"
        ):
            opened(path)
        child.kill()
        child.wait()

    with opened(path) as store:
        assert present(store, listed(0)) == LIST_LEN


def test_a_second_store_in_the_same_process_is_refused_and_a_link_leads_to_the_same_store(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "votes.db")
    with made(tmp_path / "votes.db"):
        for path in (tmp_path / "votes.db", link):
            with pytest.raises(FileInUseError):
                opened(path)
    opened(link).close()


# --- kill -9


class _Deadly(Sequence[Vote]):
    """A list of votes that kills its reader when it comes to the vote at *at*."""

    def __init__(self, votes: Sequence[Vote], at: int) -> None:
        self._votes, self._at = votes, at

    @overload
    def __getitem__(self, index: int) -> Vote: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Vote]: ...
    def __getitem__(self, index: int | slice) -> Vote | Sequence[Vote]:
        if index == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._votes[index]

    def __len__(self) -> int:
        return len(self._votes)


def deadly(number: int, at: int) -> Sequence[Vote]:
    return _Deadly(listed(number), at)


@pytest.mark.parametrize("at", [1, LIST_LEN - 1])
def test_a_kill_in_the_middle_of_a_list_leaves_none_of_it(tmp_path: Path, at: int) -> None:
    path = tmp_path / "votes.db"
    with _child(f"store.record(listed(0)); store.record(deadly(1, {at}))", path) as child:
        assert child.wait() == -signal.SIGKILL

    with opened(path) as store:
        assert present(store, listed(0)) == LIST_LEN
        assert present(store, listed(1)) == 0


def test_a_kill_at_any_moment_leaves_whole_lists_and_all_that_were_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    with _child("for n in range(10**6): store.record(listed(n)); print(n, flush=True)", path) as child:
        confirmed = [_line(child) for _ in range(25)]
        child.kill()
        child.wait()
    assert child.stdout is not None
    last = int(confirmed[-1])

    with opened(path) as store:
        counts = [present(store, listed(n)) for n in range(last + 200)]
    assert set(counts) <= {0, LIST_LEN}
    assert set(counts[: last + 1]) == {LIST_LEN}
    assert all(before >= after for before, after in pairwise(counts))


# --- bad disks


def test_a_full_disk_stops_the_store_until_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    with made(path) as store:
        store.record(listed(0))
        with (
            _files_end_at((tmp_path / "votes.db-wal").stat().st_size + 100),
            pytest.raises(UnavailableError, match=r"nothing is signed any more.*start the signer again"),
        ):
            store.record(listed(1))
        for attempt in (listed(0), listed(2)):
            with pytest.raises(UnavailableError, match="nothing is signed any more"):
                store.record(attempt)

    with opened(path) as store:
        assert [present(store, listed(n)) for n in range(3)] == [LIST_LEN, 0, 0]


def test_a_full_disk_is_told_as_the_store_s_problem_and_the_head_stays(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store:
        store.record(listed(0))
        before = store.head()
        with (
            _files_end_at((tmp_path / "votes.db-wal").stat().st_size + 100),
            pytest.raises(UnavailableError),
        ):
            store.record(listed(1), seen=[head(2, 5)])

        assert "nothing is signed any more" in store.problem
        assert (store.head(), store.seen(2)) == (before, None)


def test_a_disk_that_fails_to_write_stops_the_store_until_it_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    with made(path) as store:
        store.record(listed(0))
        _break(tmp_path / "votes.db-wal")
        for attempt in (listed(1), listed(2)):
            with pytest.raises(UnavailableError, match=r"disk I/O error.*nothing is signed any more"):
                store.record(attempt)
        assert "nothing is signed any more" in store.problem

    with opened(path) as store:
        assert [present(store, listed(n)) for n in range(3)] == [LIST_LEN, 0, 0]
        store.record(listed(1))


def test_a_store_that_turns_read_only_stops(tmp_path: Path) -> None:
    with made(tmp_path / "votes.db") as store:
        store._connection.execute("PRAGMA query_only=ON")  # noqa: SLF001 - what a read-only mount looks like to SQLite
        with pytest.raises(UnavailableError, match=r"attempt to write a readonly database.*nothing is signed any more"):
            store.record(listed(0))
        with pytest.raises(UnavailableError, match="nothing is signed any more"):
            store.record([])


def test_another_program_that_holds_the_file_makes_it_unavailable_for_that_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT_S", 0.0)
    path = tmp_path / "votes.db"
    with made(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="another program holds"):
            store.record(listed(0))
        other.close()

        store.record(listed(0))


def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = made(tmp_path / "votes.db")
    store.close()
    store.close()

    with pytest.raises(UnavailableError, match="is closed"):
        store.record(listed(0))
    with pytest.raises(UnavailableError, match="is closed"):
        store.votes(listed(0)[0].transfer_id)


# --- helpers


@contextmanager
def _child(program: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the store at *path*."""
    lines = (
        "from pathlib import Path",
        "from tests.conformance.test_sqlite import deadly, listed, made",
        f"store = made(Path({str(path)!r}))",
        program,
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


@contextmanager
def _files_end_at(size: int) -> Iterator[None]:
    """No file of this process grows beyond *size* bytes: what a full disk looks like to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _break(path: Path) -> None:
    """Have every write to a file that this process has open fail, as on a broken disk."""
    read_only = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    for entry in Path("/proc/self/fd").iterdir():
        if int(entry.name) != read_only and os.path.realpath(entry) == str(path):
            os.dup2(read_only, int(entry.name), inheritable=False)
    os.close(read_only)


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
