"""`naru`: entry point."""

import asyncio
import sys
from typing import Annotated

import typer

from bridge.errors import BridgeError
from bridge.ops.cli import ca, committee, demo, devnet, gateway, lifecycle, notary, order, transfer
from bridge.ops.cli.output import (
    EXIT_INTERRUPTED,
    ConfigOption,
    Output,
    OutputOption,
    console,
    print_json,
    report,
)

app = typer.Typer(
    name="naru",
    help="Naru (나루): moves security tokens between ledgers by burn-and-mint, atomically.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.add_typer(devnet.app, name="devnet")
app.add_typer(transfer.app, name="transfer")
app.add_typer(order.app, name="order")
app.add_typer(lifecycle.app, name="lifecycle")
app.add_typer(gateway.app, name="gateway")
app.add_typer(committee.app, name="committee")
app.add_typer(notary.app, name="notary")
app.add_typer(ca.app, name="ca")


def main() -> None:
    """Run the command line and exit with its code.

    0 done, 1 refused, 2 wrong input, 3 something does not answer (try again), 4 a lock was sent and its end is unknown
    (repeat with its nonce only).
    """
    try:
        app()
    except BridgeError as error:
        sys.exit(report(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - start-up time

        console.print(f"naru {version('naru-bridge')}")
        raise typer.Exit


@app.callback()
def _top(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of `naru` itself."""


@app.command()
def doctor(config: ConfigOption = None, output: OutputOption = Output.TEXT) -> None:
    """Check ledgers, gateways, keys, notaries and Redis; one line each, with the remedy."""
    from bridge.ops.client import open_config  # noqa: PLC0415 - start-up time
    from bridge.ops.doctor import examine  # noqa: PLC0415 - web3 takes a second to import

    checks = asyncio.run(examine(open_config(config)))
    if output is Output.JSON:
        print_json([{"check": c.name, "ok": c.ok, "found": c.found, "remedy": c.remedy or None} for c in checks])
    else:
        for check in checks:
            mark = "[green]ok  [/]" if check.ok else "[red]BAD [/]"
            console.print(mark, end=" ")
            console.print(f"{check.name:<22} {check.found}", soft_wrap=True, markup=False)
            if check.remedy and not check.ok:
                console.print(f"     → {check.remedy}", style="yellow", soft_wrap=True, markup=False)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
