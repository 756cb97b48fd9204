"""How results and errors reach a person or a machine."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from bridge.errors import BridgeError, ConfigError, ConflictError, InvalidInputError, UnavailableError, UncertainError

if TYPE_CHECKING:
    from bridge.adapters.evm.locking import Locked

EXIT_REFUSED: Final = 1
EXIT_INPUT: Final = 2
EXIT_UNAVAILABLE: Final = 3
EXIT_UNCERTAIN: Final = 4
EXIT_INTERRUPTED: Final = 130


class Output(StrEnum):
    """What to print on standard output."""

    TEXT = "text"
    JSON = "json"


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Client configuration; else NARU_CONFIG, else the one embedded network that runs."),
]
OutputOption = Annotated[Output, typer.Option("-o", "--output", help="text for people, json for machines.")]

console: Final = Console(highlight=False)
errors: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print one JSON value on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def lock_json(locked: "Locked") -> dict[str, object]:
    """Lay a lock out for machines."""
    return {
        "id": "0x" + locked.transfer.id.hex(),
        "sequence": locked.transfer.sequence,
        "height": locked.height,
        "transaction": "0x" + locked.reference.hex(),
    }


def report(error: BridgeError) -> int:
    """Tell a person what went wrong and what to do; give the exit code."""
    lines = error.problems if isinstance(error, ConfigError) else (str(error),)
    for line in lines:
        errors.print(f"naru: {line}", style="red", markup=False)
    match error:
        case ConfigError() | InvalidInputError():
            return EXIT_INPUT
        case UnavailableError() | ConflictError():
            return EXIT_UNAVAILABLE
        case UncertainError():
            return EXIT_UNCERTAIN
        case _:
            return EXIT_REFUSED
