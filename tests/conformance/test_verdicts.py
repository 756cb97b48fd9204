"""A notary's verdicts and breakers: the suite on the fake and on SQLite, and what is the file's own."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bridge.adapters.memory.verdicts import MemoryVerdicts
from bridge.adapters.sqlite import verdicts as adapter
from bridge.adapters.sqlite.verdicts import SqliteVerdicts
from bridge.errors import ConfigError, UnavailableError
from bridge.ports.verdicts import GLOBAL
from tests.conformance.verdicts import (
    REFUSES,
    WAITS,
    Store,
    VerdictContract,
    test_a_breaker_concerns_the_lanes_that_begin_or_end_at_its_place,
    test_a_breaker_of_an_asset_needs_its_endpoint,
    test_a_place_has_a_name,
)

__all__ = (
    "test_a_breaker_concerns_the_lanes_that_begin_or_end_at_its_place",
    "test_a_breaker_of_an_asset_needs_its_endpoint",
    "test_a_place_has_a_name",
)


class TestMemoryVerdicts(VerdictContract):
    @contextmanager
    def fresh(self) -> Iterator[Store]:
        yield MemoryVerdicts()


class TestSqliteVerdicts(VerdictContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self._path = tmp_path / "verdicts.sqlite"

    def fresh(self) -> AbstractContextManager[Store]:
        return SqliteVerdicts(self._path)


def test_what_was_kept_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    with SqliteVerdicts(path) as store:
        store.keep([WAITS])
        store.open(GLOBAL, at=1, why="a drill", by="operator")
    with SqliteVerdicts(path) as store:
        store.keep([WAITS])
        assert store.explain(WAITS.transfer_id) == [WAITS]
        assert [event.place for event in store.opened()] == [GLOBAL]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_command_reads_and_closes_breakers_while_the_notary_runs(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    with SqliteVerdicts(path) as notary, SqliteVerdicts(path) as command:
        notary.open(GLOBAL, at=1, why="a drill", by="this notary")
        assert len(command.opened()) == 1
        command.close(GLOBAL, at=2, why="over", by="operator")
        assert notary.opened() == []


def test_breaker_events_can_be_neither_changed_nor_deleted(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    with SqliteVerdicts(path) as store:
        store.open(GLOBAL, at=1, why="a drill", by="this notary")
    connection = sqlite3.connect(path)
    for statement in ("UPDATE breaker_events SET is_open = 0", "DELETE FROM breaker_events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_what_was_kept_long_ago_is_still_no_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of last verdicts is bounded; the file is asked beyond it."""
    monkeypatch.setattr(adapter, "REMEMBERED_MAX", 0)
    with SqliteVerdicts(tmp_path / "verdicts.sqlite") as store:
        for verdict in (WAITS, WAITS, REFUSES, REFUSES):
            store.keep([verdict])
        assert store.explain(WAITS.transfer_id) == [WAITS, REFUSES]


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 20])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "verdicts.sqlite"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="name another"):
        SqliteVerdicts(path)


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE something (id INTEGER)")
    connection.commit()
    connection.close()
    with pytest.raises(ConfigError, match="another program's"):
        SqliteVerdicts(path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="folder must exist"):
        SqliteVerdicts(tmp_path / "nowhere" / "verdicts.sqlite")


def test_a_store_that_is_closed_is_unavailable(tmp_path: Path) -> None:
    store = SqliteVerdicts(tmp_path / "verdicts.sqlite")
    store.close_file()
    store.close_file()
    with pytest.raises(UnavailableError, match="see to the disk"):
        store.opened()
    with pytest.raises(UnavailableError, match="see to the disk"):
        store.keep([WAITS])
