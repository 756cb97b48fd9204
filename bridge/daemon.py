"""What is the same around every daemon's work: its command line, log, signals and exit code. Not its parts."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

from bridge import telemetry
from bridge.config import load
from bridge.errors import BridgeError, ConfigError

EXIT_FAILED: Final = 1
EXIT_CONFIG: Final = 2
T = TypeVar("T", bound=BaseModel)


def main(role: str, description: str, model: type[T], serve: Callable[[T, asyncio.Event], Awaitable[None]]) -> int:
    """Give `--config FILE`, read as *model*, to *serve*, whose event SIGTERM or SIGINT sets; return the exit code.

    2 where the configuration can't be used, 1 where the daemon can't do its work: it may be started again.
    """
    parser = argparse.ArgumentParser(prog=role, description=description)
    parser.add_argument("--config", type=Path, required=True, help="TOML file")
    arguments = parser.parse_args()
    telemetry.configure(role)
    try:
        asyncio.run(_until_told(serve, load(arguments.config, model)))
    except ConfigError as error:
        for problem in error.problems:
            print(f"{role}: {problem}", file=sys.stderr)
        return EXIT_CONFIG
    except BridgeError as error:
        print(f"{role}: {error}", file=sys.stderr)
        return EXIT_FAILED
    return 0


async def _until_told(serve: Callable[[T, asyncio.Event], Awaitable[None]], config: T) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    await serve(config, stopping)
