"""Files and folders that nobody but their user may use: refused otherwise, before a byte of them is read.

Everything is checked on the open descriptor, so that what was checked is what is read. Symbolic links are refused.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bridge.errors import ConfigError, UnavailableError

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
CREDENTIAL_OTHERS: Final = OTHERS & ~stat.S_IRGRP
"""systemd lets the service read by an access list, whose mask shows as the group's bit (systemd.exec, CREDENTIALS)."""
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO must not hold the caller up
_ROOT: Final = 0
_MISSING: Final = {errno.ENOENT, errno.ENOTDIR}


@contextmanager
def private_folder(path: Path) -> Iterator[int]:
    """Open a folder (mode 0700, this user's) and give its descriptor.

    Raises:
        ConfigError: it isn't there, is a link, another user's, or open to others.
        UnavailableError: the disk refuses, here or in what is done with the folder.
    """
    with translated(path):
        descriptor = _open(path, _READ | os.O_DIRECTORY, None, path)
        try:
            _check(path, os.fstat(descriptor), others=OTHERS, mode="700")
            yield descriptor
        finally:
            os.close(descriptor)


def read_private(path: Path, *, size_max: int, folder: int | None = None, others: int = OTHERS) -> bytes:
    """Read a file of this user that others may not use; with *folder*, the one of that name inside it.

    Raises:
        ConfigError: it isn't there, is a link or no file, another user's, open to others, or longer than *size_max*.
        UnavailableError: the disk refuses.
    """
    with translated(path):
        descriptor = _open(path if folder is None else Path(path.name), _READ, folder, path)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ConfigError((f"{path} is not a file: name a file",))
            _check(path, found, others=others, mode="600")
            return _read(path, descriptor, size_max)
        finally:
            os.close(descriptor)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Tell the system's errors about *path* in the project's own."""
    try:
        yield
    except OSError as error:
        text = f"{path} can't be used ({error.strerror}): see to the disk, its free space and its rights; try again"
        raise UnavailableError(text) from error


def _open(name: Path, flags: int, folder: int | None, path: Path) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> Exception:
    if path.is_symlink():
        return ConfigError((f"{path} is a symbolic link, which could lead anywhere: give the real path",))
    if error.errno == errno.ENOTDIR and path.exists():
        return ConfigError((f"{path} is not a folder: name one",))
    if error.errno in _MISSING:
        return ConfigError((f"{path} is not there: give the path of one that is, or make it first",))
    if error.errno == errno.EACCES:
        return ConfigError((f"{path} is not readable by this user (uid {os.geteuid()}): run as its owner",))
    return error


def _check(path: Path, found: os.stat_result, *, others: int, mode: str) -> None:
    user = os.geteuid()
    owners = {user} if others == OTHERS else {user, _ROOT}
    problems: list[str] = []
    if found.st_uid not in owners:
        problems.append(f"{path} belongs to uid {found.st_uid}, not to this user (uid {user}): chown {user} {path}")
    if found.st_mode & others:
        problems.append(f"others may use {path}: chmod {mode} {path}")
    if problems:
        raise ConfigError(tuple(problems))


def _read(path: Path, descriptor: int, size_max: int) -> bytes:
    data = b""
    while len(data) <= size_max and (piece := os.read(descriptor, size_max + 1 - len(data))):
        data += piece
    if len(data) > size_max:
        raise ConfigError((f"{path} is longer than {size_max} bytes: it is not the file that belongs here",))
    return data
