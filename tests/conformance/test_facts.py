"""The fact stores, memory and SQLite; and what is the file's own."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.adapters.memory.facts import MemoryFacts
from bridge.adapters.sqlite import files
from bridge.adapters.sqlite.facts import SqliteFacts
from bridge.adapters.sqlite.files import FileInUseError
from bridge.errors import ConfigError, UnavailableError
from tests.conformance.facts import ALPHA, LANE, Facts, FactsContract, decision, fact, pin
from tests.conformance.samples import transfer


class TestMemoryFacts(FactsContract):
    @contextmanager
    def fresh(self) -> Iterator[Facts]:
        yield MemoryFacts()


class TestSqliteFacts(FactsContract):
    @contextmanager
    def fresh(self) -> Iterator[Facts]:
        with tempfile.TemporaryDirectory() as folder, SqliteFacts(Path(folder) / "facts.db") as store:
            yield store


def filled(path: Path) -> None:
    with SqliteFacts(path) as store:
        store.add_locks([fact(1), fact(2)])
        store.add_decisions([(transfer(1).id, decision())])
        store.pin(ALPHA, pin(5))
        store.retire(ALPHA, "it changed")


def test_what_was_stored_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    filled(tmp_path / "facts.db")
    with SqliteFacts(tmp_path / "facts.db") as store:
        assert store.locks(LANE, 1, 9) == [fact(1), fact(2)]
        assert store.decisions([transfer(1).id]) == [decision()]
        assert store.checkpoints(ALPHA, 9) == [pin(5)]
        assert store.retired(ALPHA) == "it changed"


def test_a_new_store_is_private_with_all_its_files(tmp_path: Path) -> None:
    with SqliteFacts(tmp_path / "facts.db") as store:
        store.pin(ALPHA, pin(5))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}

    assert modes == dict.fromkeys(("facts.db", "facts.db-wal", "facts.db-shm", "facts.db.lock"), 0o600)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o777])
def test_a_store_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "facts.db"
    filled(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}"):
        SqliteFacts(path)


@pytest.mark.parametrize("table", ["locks", "decisions", "checkpoints", "retired"])
def test_no_program_can_change_or_delete_a_row_by_mistake(tmp_path: Path, table: str) -> None:
    """R-06: append-only, by the file's own triggers."""
    path = tmp_path / "facts.db"
    filled(path)
    column = {"locks": "height", "decisions": "height", "checkpoints": "height", "retired": "why"}[table]
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = {column}"):  # noqa: S608 - names of ours
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_a_store_of_a_newer_program_another_program_s_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    newer, foreign, damaged = (tmp_path / name for name in ("newer.db", "foreign.db", "damaged.db"))
    filled(newer)
    _execute(newer, "PRAGMA user_version=2")
    _execute(foreign, "CREATE TABLE mine (x)")
    damaged.write_bytes(b"not a database, but long enough to be looked at" * 3)
    for path, text in ((newer, "newer program"), (foreign, "another program's"), (damaged, "its checkpoints")):
        path.chmod(0o600)
        with pytest.raises(ConfigError, match=text):
            SqliteFacts(path)


def test_a_folder_that_is_not_there_or_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be opened: No such file or directory"):
        SqliteFacts(tmp_path / "none" / "facts.db")
    with pytest.raises(ConfigError, match="is not a file"):
        SqliteFacts(tmp_path)


def test_one_process_at_a_time_owns_the_store(tmp_path: Path) -> None:
    path = tmp_path / "facts.db"
    with SqliteFacts(path), pytest.raises(FileInUseError, match=rf"process {os.getpid()}\) uses the fact store"):
        SqliteFacts(path)
    SqliteFacts(path).close()


def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = SqliteFacts(tmp_path / "facts.db")
    store.close()
    store.close()
    with pytest.raises(UnavailableError, match="is closed"):
        store.known(LANE)
    with pytest.raises(UnavailableError, match="is closed"):
        store.add_locks([fact(1)])


def test_a_full_disk_makes_it_unavailable_and_what_was_stored_stays(tmp_path: Path) -> None:
    path = tmp_path / "facts.db"
    with SqliteFacts(path) as store:
        store.add_locks([fact(1)])
        size = (tmp_path / "facts.db-wal").stat().st_size
        with _files_end_at(size + 100), pytest.raises(UnavailableError, match="see to the disk"):
            store.add_locks([fact(sequence) for sequence in range(2, 400)])
        assert store.known(LANE) == 1
        store.add_locks([fact(2)])
    with SqliteFacts(path) as store:
        assert store.locks(LANE, 1, 999) == [fact(1), fact(2)]


def test_another_program_that_holds_the_file_makes_it_unavailable_for_that_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT_S", 0.0)
    with SqliteFacts(tmp_path / "facts.db") as store:
        other = sqlite3.connect(tmp_path / "facts.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="another program holds"):
            store.add_locks([fact(1)])
        other.close()

        store.add_locks([fact(1)])


def test_a_retirement_outlives_a_kill_at_once_after_it(tmp_path: Path) -> None:
    """R-06: for ever."""
    program = (
        "import os, signal; from pathlib import Path; from bridge.adapters.sqlite.facts import SqliteFacts; "
        "from tests.conformance.facts import ALPHA, fact; "
        f"store = SqliteFacts(Path({str(tmp_path / 'facts.db')!r})); store.add_locks([fact(1)]); "
        "store.retire(ALPHA, 'it changed'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    with SqliteFacts(tmp_path / "facts.db") as store:
        assert store.retired(ALPHA) == "it changed"
        assert store.known(LANE) == 1


def test_what_must_be_durable_is_fsynced_and_the_rest_is_written_ahead(tmp_path: Path) -> None:
    with SqliteFacts(tmp_path / "facts.db") as store:
        connection = store._connection  # noqa: SLF001 - a connection's own setting, seen nowhere else
        seen: list[str] = []
        connection.set_trace_callback(seen.append)
        store.add_locks([fact(1)])
        assert not any("synchronous" in statement for statement in seen)
        store.pin(ALPHA, pin(5))
        connection.set_trace_callback(None)

    commit = seen.index("COMMIT", seen.index("PRAGMA synchronous=FULL"))
    assert seen.index("PRAGMA synchronous=NORMAL") > commit


@contextmanager
def _files_end_at(size: int) -> Iterator[None]:
    """No file of this process grows beyond *size* bytes: what a full disk looks like to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
