"""One SQLite file of one process: private, owned through a lock file, of one program and one schema."""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.disk import sync_folder
from bridge.errors import ConfigError, UnavailableError

BUSY_TIMEOUT_S: Final = 5.0
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_PRIVATE: Final = stat.S_IRUSR | stat.S_IWUSR
_PRIMARY_CODE: Final = 0xFF
"""The low byte of SQLite's extended result codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a file must be. `name` stands in texts; `loss` tells what to do where the file is damaged."""

    name: str
    application_id: int
    schema: int
    tables: tuple[str, ...]
    """Statements that make the schema."""
    synchronous: str
    loss: str


class FileInUseError(ConfigError):
    """Another process owns the file."""

    def __init__(self, name: str, path: Path, process: str) -> None:
        """Tell which file and, where it is known, which process."""
        who = f"another notary (process {process})" if process else "another notary"
        super().__init__((f"{who} uses the {name} {path}: stop it first, or give this one a file of its own",))
        self.path = path


def opened(path: Path, form: Form, resources: ExitStack) -> sqlite3.Connection:
    """Own *path*, created with mode 0600 if it isn't there, until *resources* are closed; any thread may use it.

    Raises:
        FileInUseError: another process owns it.
        ConfigError: others may read it, or it is not of this form.
        UnavailableError: the disk refuses.
    """
    with _translated(path, form):
        resources.enter_context(_owned(path, form))
        _make_private(path, form)
        connection = resources.enter_context(closing(_connect(path)))
        _prepare(connection, path, form)
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all or nothing, with the right to write from the start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another program holds the file for now."""
    return _code(error) == sqlite3.SQLITE_BUSY


@contextmanager
def _translated(path: Path, form: Form) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"the {form.name} {path} can't be opened: {error.strerror}; its folder must exist and be the notary's own"
        raise ConfigError((msg,)) from error
    except sqlite3.Error as error:
        if _code(error) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise ConfigError((f"{path} is no {form.name}, or is damaged ({error}): {form.loss}",)) from error
        raise UnavailableError(f"the {form.name} {path} can't be opened ({error}): see to the disk") from error


@contextmanager
def _owned(path: Path, form: Form) -> Iterator[None]:
    """Hold the lock file, which is never deleted: whoever deletes it lets a second owner in."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            process = os.pread(descriptor, 20, 0).decode("ascii", errors="replace").strip()
            raise FileInUseError(form.name, path, process) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _make_private(path: Path, form: Form) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE))
    except FileExistsError:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError((f"the {form.name} {path} is not a file: name a file",)) from None
        if mode & _OTHERS:
            raise ConfigError((f"others may use the {form.name} {path}: chmod 600 {path}",)) from None
    else:
        sync_folder(path.parent)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S
    )


def _prepare(connection: sqlite3.Connection, path: Path, form: Form) -> None:
    if _pragma(connection, "journal_mode=WAL") != "wal":
        raise ConfigError((f"the file system of {path} can't hold a {form.name}: use a local disk",))
    connection.execute(f"PRAGMA synchronous={form.synchronous}")
    connection.execute("PRAGMA fullfsync=ON")
    with transaction(connection):
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            _create(connection, form)
    _check_schema(connection, path, form)


def _create(connection: sqlite3.Connection, form: Form) -> None:
    for statement in form.tables:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={form.application_id}")
    connection.execute(f"PRAGMA user_version={form.schema}")


def _check_schema(connection: sqlite3.Connection, path: Path, form: Form) -> None:
    if _pragma(connection, "application_id") != form.application_id:
        raise ConfigError((f"{path} is another program's database: name the notary's {form.name}",))
    schema = _pragma(connection, "user_version")
    if schema != form.schema:
        msg = f"the {form.name} {path} has schema {schema}, and this program knows {form.schema}: run the newer program"
        raise ConfigError((msg,))


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    row: tuple[object] = connection.execute(f"PRAGMA {name}").fetchone()
    return row[0]


def _code(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE
