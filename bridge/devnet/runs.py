"""Where embedded networks live: one folder each, alive while its supervisor holds the folder's lock."""

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.errors import ConfigError

CLIENT_CONFIG: Final = "network.toml"
_LOCK: Final = "supervisor.lock"
_PREFIX: Final = "net-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A network that runs."""

    folder: Path
    supervisor: int
    """Process id."""

    @property
    def name(self) -> str:
        """The folder's name, by which people tell networks apart."""
        return self.folder.name

    @property
    def config(self) -> Path:
        """The client configuration; there once the network is up."""
        return self.folder / CLIENT_CONFIG


def root() -> Path:
    """Give this user's folder of networks, private to the user.

    Raises:
        ConfigError: somebody else owns it.
    """
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder = base / f"naru-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise ConfigError(
            (f"{folder} must be a folder of yours that nobody else can enter: remove it, or set XDG_RUNTIME_DIR",)
        )
    return folder


def new_name() -> str:
    """Choose a name that no network has."""
    return _PREFIX + secrets.token_hex(4)


def claim(name: str) -> tuple[Path, int]:
    """Make the folder of a new network and hold its lock; give both. The lock lapses with this process.

    The folder gets its name only once the lock is held, so that nobody takes it for a dead network's.
    """
    draft = root() / f".{name}"
    draft.mkdir(mode=0o700)
    lock = os.open(draft / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(lock, str(os.getpid()).encode())
    folder = draft.rename(root() / name)
    return folder, lock


def live() -> list[Run]:
    """List the networks that run, and remove what dead ones left."""
    runs = []
    for folder in sorted(root().glob(f"{_PREFIX}*")):
        supervisor = _holder(folder)
        if supervisor is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            runs.append(Run(folder=folder, supervisor=supervisor))
    return runs


def _holder(folder: Path) -> int | None:
    try:
        with (folder / _LOCK).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (OSError, ValueError):
        return None
    return None
