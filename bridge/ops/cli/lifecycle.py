"""`naru lifecycle`: data that travels beside the units between registers (R-27)."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bridge.ops.cli.output import Output, OutputOption, console, print_json

if TYPE_CHECKING:
    from bridge.ops.transfers import Json
    from bridge.ports.lifecycle import Box
    from bridge.relayer_config import RelayerConfig

app = typer.Typer(
    help="Data that travels beside the units: lots, acquisition dates, rights that were cut. No transfer waits for it.",
    no_args_is_help=True,
)
RelayerOption = Annotated[
    Path, typer.Option("--config", help="This institution's relayer configuration (TOML), with a lifecycle table.")
]
IdArgument = Annotated[str, typer.Argument(metavar="TRANSFER", help="Transfer id, or its first 8 or more digits.")]
_SENDING: Final = {
    "outbox": "waits in the outbox: the relayer tries until the receiving institution has it",
    "sent": "the receiving institution has it",
    "refused": "the receiving institution refused it for good: the relayer's log names why (lifecycle.refused)",
}


@app.command()
def identity(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the secret half is, or will be (mode 0600).")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Make this institution's identity, once, and print its card: other institutions seal to it what they send."""
    from bridge.ops import lifecycle  # noqa: PLC0415 - start-up time

    card = lifecycle.identity(file).to_bytes().hex()
    if output is Output.JSON:
        print_json({"card": card})
    else:
        console.print(card, soft_wrap=True)


@app.command()
def make(
    file: Annotated[Path, typer.Argument(metavar="FILE.json", help="Lots, rights, record dates: docs/lifecycle.md.")],
    out: Annotated[
        Path | None, typer.Option(help="Package to write; else FILE.package. Keep it: it has the salt.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check lifecycle data, salt it, and print the hash that the transfer must bind (its --payload-hash)."""
    from bridge.adapters.system import system_entropy  # noqa: PLC0415 - start-up time
    from bridge.ops import lifecycle  # noqa: PLC0415 - start-up time

    made = lifecycle.make(file, out, system_entropy)
    digest = "0x" + made.package.hash.hex()
    if output is Output.JSON:
        print_json({"payload_hash": digest, "units": str(made.data.units), "file": str(made.path)})
    else:
        console.print(
            f"{made.data.units} smallest units in {len(made.data.lots)} lots; keep {made.path}",
            soft_wrap=True,
            markup=False,
        )
        console.print(f"lock exactly these units with: naru transfer send … --payload-hash {digest}", soft_wrap=True)


@app.command()
def send(
    transfer: IdArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The package that `naru lifecycle make` wrote.")],
    config: RelayerOption,
    output: OutputOption = Output.TEXT,
) -> None:
    """Have this institution's relayer hand a package to the institution that the transfer goes to."""
    from bridge.ops import lifecycle  # noqa: PLC0415 - start-up time
    from bridge.ops.client import parse_id  # noqa: PLC0415 - start-up time

    parcel = asyncio.run(lifecycle.send(_relayer(config), parse_id(transfer), file))
    transfer_id = "0x" + parcel.transfer.id.hex()
    if output is Output.JSON:
        print_json({"id": transfer_id, "sending": "outbox"})
    else:
        console.print("in the outbox: the relayer hands it over while it runs", soft_wrap=True)
        console.print(f"look with: naru lifecycle show {transfer_id} --config {config}", soft_wrap=True, markup=False)


@app.command()
def show(transfer: IdArgument, config: RelayerOption, output: OutputOption = Output.TEXT) -> None:
    """Tell what has arrived beside a transfer, or that nothing has; and what became of what was sent from here."""
    from bridge.ops import lifecycle  # noqa: PLC0415 - start-up time
    from bridge.ops.client import parse_id  # noqa: PLC0415 - start-up time
    from bridge.ports.lifecycle import Box  # noqa: PLC0415 - start-up time

    transfer_id, found = lifecycle.show(_relayer(config), parse_id(transfer))
    received = lifecycle.document(found[Box.INBOX].package) if Box.INBOX in found else None
    sending = _state([box for box in found if box is not Box.INBOX])
    if output is Output.JSON:
        print_json({"id": "0x" + transfer_id.hex(), "received": received, "sending": sending})
        return
    console.print(f"[bold]0x{transfer_id.hex()}[/]", soft_wrap=True)
    if received is None:
        console.print("received: nothing. The transfer does not wait for it; ask the sending institution.")
    else:
        _print(received)
    if sending is not None:
        console.print(f"sent from here: {_SENDING[sending]}", soft_wrap=True)


def _state(boxes: "list[Box]") -> str | None:
    """Tell where what was sent from here stands; sent again after a refusal, it is in the outbox once more."""
    return next((box.value for box in boxes), None)


def _print(received: "Json") -> None:
    console.print("received:")
    for name in ("lots", "rights", "record_dates"):
        rows = received[name]
        if isinstance(rows, list):
            for row in rows:
                told = ", ".join(f"{key} {value}" for key, value in row.items())
                console.print(f"  {name}: {told}", soft_wrap=True, markup=False)


def _relayer(path: Path) -> "RelayerConfig":
    from bridge.config import load  # noqa: PLC0415 - start-up time
    from bridge.relayer_config import RelayerConfig  # noqa: PLC0415 - start-up time

    return load(path, RelayerConfig)
