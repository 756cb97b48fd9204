"""`python -m bridge.devnet.ledger`: run one embedded ledger until SIGTERM or SIGINT.

Exit status: 0 after a stop that was asked for, 1 if the port can't be had, 2 for bad arguments.
"""

import argparse
import asyncio
import gc
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
from eth_typing import Address

from bridge.devnet.ledger.service import PortUnavailableError, ServiceSettings, serve
from bridge.errors import ConfigError

_FUND = re.compile(r"0x([0-9a-fA-F]{40}):([0-9]{1,78})")
_CHAIN_ID_MAX = 2**53
_PORT_MAX = 65_535
_PERIOD_S_MAX = 3_600
_BALANCE_MAX = 2**255


def main(arguments: Sequence[str]) -> int:
    """Run the ledger that the arguments describe and return the exit status."""
    try:
        settings = parse(arguments)
    except ConfigError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)  # the log is not set up yet
        return 2
    _set_up_logs()
    gc.freeze()
    try:
        asyncio.run(_run(settings))
    except PortUnavailableError as error:
        print(f"error: {error}", file=sys.stderr)  # for a person
        return 1
    return 0


def parse(arguments: Sequence[str]) -> ServiceSettings:
    """Return the settings.

    Raises:
        ConfigError: with everything that is wrong at once.
    """
    given = _parser().parse_args(arguments)
    problems: list[str] = []
    settings = ServiceSettings(
        chain_id=_number(given.chain_id, "--chain-id", 1, _CHAIN_ID_MAX, problems),
        period_s=_number(given.period_s, "--period-s", 1, _PERIOD_S_MAX, problems),
        funds=_funds(given.fund, problems),
        port=_number(given.port, "--port", 0, _PORT_MAX, problems),
        announce=_announce(given.announce, problems),
    )
    if problems:
        raise ConfigError(tuple(problems))
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bridge.devnet.ledger", description="An embedded EVM ledger for demonstrations, in memory."
    )
    parser.add_argument("--chain-id", required=True, metavar="N", help="the chain id to sign for")
    parser.add_argument("--period-s", default="1", metavar="S", help="whole seconds between blocks (default 1)")
    parser.add_argument(
        "--fund", nargs="+", action="extend", default=[], metavar="ADDRESS:WEI", help="an account of the genesis"
    )
    parser.add_argument("--port", default="0", metavar="PORT", help="on 127.0.0.1; 0 lets the system choose (default)")
    parser.add_argument("--announce", metavar="FILE", help="where to write the port once the ledger answers")
    return parser


def _number(text: str, name: str, least: int, most: int, problems: list[str]) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text) and least <= int(text) <= most:
        return int(text)
    problems.append(f"{name}: give a whole number from {least} to {most}, not {text!r}")
    return least


def _funds(texts: Sequence[str], problems: list[str]) -> dict[Address, int]:
    funds: dict[Address, int] = {}
    for text in texts:
        match = _FUND.fullmatch(text)
        if match is None or int(match[2]) > _BALANCE_MAX:
            problems.append(f"--fund: give ADDRESS:WEI as 0x and 40 hex digits, a colon, a whole number, not {text!r}")
        elif (address := Address(bytes.fromhex(match[1]))) in funds:
            problems.append(f"--fund: 0x{match[1]} is given twice")
        else:
            funds[address] = int(match[2])
    return funds


def _announce(text: str | None, problems: list[str]) -> Path | None:
    if text is None:
        return None
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        problems.append(f"--announce: give a file in a directory that exists, not {text!r}")
    return path


async def _run(settings: ServiceSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop)


def _set_up_logs() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
