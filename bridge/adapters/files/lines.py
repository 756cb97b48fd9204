"""Lines in a file that is rotated by size (ports.transcripts.LineLog)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bridge.errors import ConfigError, UnavailableError

FILE_LEN_MAX: Final = 64 << 20
FILES_MAX: Final = 8
"""Together they are how much disk the log can take: 512 MB."""
_TAIL: Final = 1 << 16
_CLOSED: Final = -1


class FileLineLog:
    """`PATH`, and what was in it before under `PATH.1` (the newest) to `PATH.7`."""

    def __init__(self, path: Path, *, file_len_max: int = FILE_LEN_MAX, files_max: int = FILES_MAX) -> None:
        """Open or make the file, mode 0600, in a folder that is there; a line that a crash left torn is cut off.

        Raises:
            ConfigError: another process writes to it.
            UnavailableError: the disk refuses.
        """
        self._path, self._len_max, self._files_max = path, file_len_max, files_max
        with _translated(path):
            self._file = self._open()
            self._last = self._read_last()

    def append(self, line: str) -> None:
        """Add a line."""
        data = line.encode() + b"\n"
        with _translated(self._path):
            if self._file == _CLOSED:
                self._file = self._open()
            if self._size and self._size + len(data) > self._len_max:
                self._rotate()
            written = os.write(self._file, data)
            if written < len(data):  # a full disk: what came through would be a torn line
                os.ftruncate(self._file, self._size)
                raise UnavailableError(f"{self._path} takes no more: free some space on its disk")
        self._size += len(data)
        self._last = line

    def last(self) -> str | None:
        """Give the newest line."""
        return self._last

    def close(self) -> None:
        """Let another process write."""
        file, self._file = self._file, _CLOSED
        os.close(file)

    def _open(self) -> int:
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise ConfigError((f"{self._path} is written by another process: give each a file of its own",)) from None
        self._size = _cut(file)
        return file

    def _rotate(self) -> None:
        for number in range(self._files_max - 1, 0, -1):
            older = self._path if number == 1 else self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self.close()
        self._file = self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _read_last(self) -> str | None:
        data, rotated = _last_line(self._path), self._numbered(1)
        if data is None and rotated.exists():
            data = _last_line(rotated)
        return None if data is None else data.decode()


def _cut(file: int) -> int:
    """Cut off what follows the last line break; give the length."""
    size = end = os.fstat(file).st_size
    while end:
        start = max(0, end - _TAIL)
        found = os.pread(file, end - start, start).rfind(b"\n")
        end = start + found + 1 if found >= 0 else start
        if found >= 0:
            break
    if end < size:
        os.ftruncate(file, end)
    return end


def _last_line(path: Path) -> bytes | None:
    line = None
    with path.open("rb") as file:
        for line in file:  # noqa: B007 - the last one is what is asked for
            pass
    return None if line is None else line.removesuffix(b"\n")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"{path} can't be written ({error.strerror}): see to its disk and its rights") from error
