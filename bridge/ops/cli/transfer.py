"""`naru transfer`: send, list, show, watch; bulk is in a module of its own."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from bridge.errors import UnavailableError
from bridge.ops.cli import bulk
from bridge.ops.cli.output import (
    ConfigOption,
    Output,
    OutputOption,
    console,
    errors,
    lock_json,
    print_json,
)

if TYPE_CHECKING:
    from bridge.config import ClientConfig
    from bridge.core.refusals import Refusals
    from bridge.ops.client import Names
    from bridge.ops.send import Move
    from bridge.ports.store import TimelineEntry, TransferRecord

app = typer.Typer(help="Send transfers and look at them.", no_args_is_help=True)
app.command("bulk")(bulk.bulk)
WATCH_S: Final = 0.3
LISTED_DIGITS: Final = 2 + 12
"""Of an id, 0x included: enough to find it again."""
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Transfer id, or its first 8 or more digits.")]


@app.command()
def send(  # noqa: PLR0913, PLR0917 - a command's options
    amount: Annotated[str, typer.Argument(help="In units of the asset, such as 12 or 0.5.")],
    asset: Annotated[str, typer.Argument(help="Name or isin: text.")],
    sender: Annotated[str, typer.Option("--from", help="Name of an account, or file with its private key.")],
    to: Annotated[str, typer.Option("--to", help="Name, address, or CAIP-10 account on the destination.")],
    source: Annotated[str, typer.Option(help="Ledger that the units leave.")],
    destination: Annotated[str, typer.Option(help="Ledger that the units go to.")],
    deadline_in: Annotated[int, typer.Option(help="Seconds from now after which it rolls back.")] = 600,
    reference: Annotated[str, typer.Option(help="Client reference: 0x and 64 hexadecimal digits.")] = "",
    payload_hash: Annotated[str, typer.Option(help="Of lifecycle data, as `naru lifecycle make` prints it.")] = "",
    nonce: Annotated[
        int | None, typer.Option(help="Of the account at the gateway: locks once only. Default: the lowest unused.")
    ] = None,
    *,
    preflight: Annotated[bool, typer.Option(help="Ask both sides before locking.")] = True,
    config: ConfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check both sides, then lock units at the source; the relayer does the rest."""
    from bridge.config import read_secret  # noqa: PLC0415 - start-up time
    from bridge.ops.client import Names, open_config, parse_amount, parse_reference  # noqa: PLC0415 - start-up time
    from bridge.ops.refusals import refusals_of  # noqa: PLC0415 - start-up time
    from bridge.ops.send import Move  # noqa: PLC0415 - web3 takes a second to import

    opened = open_config(config)
    names = Names(opened)
    to_ledger, of_asset = names.ledger(destination), names.asset(asset)
    move = Move(
        source=names.ledger(source),
        destination=to_ledger,
        asset=of_asset,
        recipient=names.recipient(to, to_ledger),
        amount=parse_amount(amount, of_asset.decimals),
        deadline_in_s=deadline_in,
        nonce=nonce,
        **({"client_reference": parse_reference(reference)} if reference else {}),
        **({"payload_hash": parse_reference(payload_hash, "payload hash")} if payload_hash else {}),
    )
    refusals = refusals_of(opened.refusals_file)
    result = asyncio.run(_send(move, read_secret(names.key_file(sender)), refusals, preflight=preflight))
    if output is Output.JSON:
        print_json(result)
    else:
        console.print(f"locked at height {result['height']} of {move.source.name}, sequence {result['sequence']}")
        console.print(f"[bold]{result['id']}[/]", soft_wrap=True)
        console.print(f"follow it with: naru transfer watch {result['id']}", soft_wrap=True)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    config: ConfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List transfers, newest first."""
    from bridge.ops.client import Names, open_config  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import as_json, recent  # noqa: PLC0415 - start-up time

    opened = open_config(config)
    records, names = asyncio.run(recent(opened, limit)), Names(opened)
    if output is Output.JSON:
        print_json([as_json(record, names) for record in records])
        return
    if not records:
        console.print("no transfers yet: `naru transfer send --help` tells how to make one")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("ID", "STATUS", "REASON", "AMOUNT", "ASSET", "LANE", "LOCKED AT"):
        table.add_column(heading, justify="right" if heading == "AMOUNT" else "left", overflow="fold")
    for record in records:
        table.add_row(*_row(record, names))
    console.print(table)


@app.command()
def show(transfer_id: IdArgument, config: ConfigOption = None, output: OutputOption = Output.TEXT) -> None:
    """Show one transfer with everything that happened to it."""
    from bridge.ops.client import Names, open_config, parse_id  # noqa: PLC0415 - start-up time
    from bridge.ops.refusals import refusals_of  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import as_json  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import show as read  # noqa: PLC0415 - start-up time

    opened = open_config(config)
    record, names = asyncio.run(read(opened, parse_id(transfer_id))), Names(opened)
    if output is Output.JSON:
        print_json(as_json(record, names))
        return
    print_transfer(record, names, refusals_of(opened.refusals_file))


@app.command()
def explain(transfer_id: IdArgument, config: ConfigOption = None, output: OutputOption = Output.TEXT) -> None:
    """Tell why a transfer waits or was refused, in its tokens' own words, and who must act; asks both ledgers."""
    from bridge.ops.client import Names, open_config, parse_id  # noqa: PLC0415 - start-up time
    from bridge.ops.explain_transfer import explain as ask  # noqa: PLC0415 - web3 takes a second to import
    from bridge.ops.refusals import refusals_of  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import show as read  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import shown_status  # noqa: PLC0415 - start-up time

    opened = open_config(config)
    names, refusals = Names(opened), refusals_of(opened.refusals_file)
    record = asyncio.run(read(opened, parse_id(transfer_id)))
    found = asyncio.run(ask(record, names, refusals))
    if output is Output.JSON:
        print_json({"id": f"0x{record.id.hex()}", "status": record.status.value, "said": [s.as_json for s in found]})
        return
    console.print(f"[bold]0x{record.id.hex()}[/]  {shown_status(record)}", soft_wrap=True)
    for said in found:
        for line in said.lines:
            console.print(line, soft_wrap=True, markup=False)


@app.command()
def watch(
    transfer_id: IdArgument,
    timeout: Annotated[float, typer.Option(help="Seconds after which to give up.")] = 600,
    config: ConfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Follow one transfer until it has ended; exit code 0: committed, 1: rolled back or broken, 3: neither yet."""
    from bridge.ops.client import Names, open_config, parse_id  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import as_json  # noqa: PLC0415 - start-up time

    opened = open_config(config)
    names = Names(opened)
    record = asyncio.run(_watch(opened, parse_id(transfer_id), timeout, names, quiet=output is Output.JSON))
    if output is Output.JSON:
        print_json(as_json(record, names))
    if record.status.value != "COMMITTED":
        raise typer.Exit(1)


def print_transfer(record: "TransferRecord", names: "Names", refusals: "Refusals") -> None:
    """Print one transfer for a person; *refusals* tells what tokens' errors mean."""
    from bridge.core.reasons import EXPLANATIONS, Reason  # noqa: PLC0415 - start-up time
    from bridge.core.refusals import in_short  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import as_json, shown_status  # noqa: PLC0415 - start-up time

    data = as_json(record, names)
    console.print(f"[bold]{data['id']}[/]", soft_wrap=True)
    console.print(f"{data['amount']} {data['asset']}, {data['source']} → {data['destination']}, #{data['sequence']}")
    sender, recipient = (names.account_text(a) for a in (record.transfer.sender, record.transfer.recipient))
    console.print(f"from {sender}\n  to {recipient}", soft_wrap=True)
    console.print(f"deadline {data['deadline']}")
    console.print(f"[bold]{shown_status(record)}[/]  (source {record.source}, destination {record.destination})")
    if record.reason is not Reason.NONE:
        explanation = EXPLANATIONS[record.reason]
        console.print(f"{record.reason.name}: {explanation.english} {explanation.korean}", soft_wrap=True)
        console.print(f"→ {explanation.action}", soft_wrap=True)
    if record.note:
        console.print(in_short(record.note), soft_wrap=True, markup=False)
    if reading := refusals.read_in(record.note):
        for line in reading.lines:
            console.print(f"  {line}", soft_wrap=True, markup=False)
    elif record.reason is Reason.TOKEN_REVERTED:
        console.print(f"what the token says: naru transfer explain {data['id']}", soft_wrap=True)
    for entry in record.timeline:
        console.print("  " + timeline_text(entry, names), soft_wrap=True, markup=False)


def timeline_text(entry: "TimelineEntry", names: "Names") -> str:
    """Write one thing that happened to a transfer as a line."""
    from bridge.core.refusals import in_short  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import time_text  # noqa: PLC0415 - start-up time

    parts = [time_text(entry.at)[11:], f"{entry.event:<14}"]
    if entry.ledger:
        parts.append(f"{names.ledger_by_caip2(entry.ledger)} at height {entry.height}")
    if entry.signers:
        parts.append("by notaries " + ", ".join(str(s) for s in entry.signers))
    if entry.note:
        parts.append(in_short(entry.note))
    return "  ".join(parts)


async def _send(move: "Move", key: str, refusals: "Refusals", *, preflight: bool) -> dict[str, object]:
    from bridge.ops.send import Sender  # noqa: PLC0415 - web3 takes a second to import

    async with Sender(move, key, refusals) as sender:
        if preflight:
            warning = await sender.preflight()
            if warning:
                errors.print(f"note: {warning}", style="yellow", markup=False)
        locked = await sender.lock()
    return lock_json(locked) | {"deadline": locked.transfer.deadline}


async def _watch(
    config: "ClientConfig", digits: str, timeout_s: float, names: "Names", *, quiet: bool
) -> "TransferRecord":
    """Print what happens to a transfer, as it happens, until nothing more can.

    Raises:
        UnavailableError: something still can after *timeout_s*.
    """
    from bridge.adapters.redis.client import connect  # noqa: PLC0415 - start-up time
    from bridge.core.records import Status  # noqa: PLC0415 - start-up time
    from bridge.ops.transfers import find, shown_status  # noqa: PLC0415 - start-up time

    until, told, status = time.monotonic() + timeout_s, 0, ""
    async with connect(config.redis) as stores:
        while time.monotonic() < until:
            record = await find(stores, digits)
            if record is not None:
                if not quiet:
                    for entry in record.timeline[told:]:
                        console.print(timeline_text(entry, names), soft_wrap=True, markup=False)
                    if shown_status(record) != status:
                        console.print(f"{shown_status(record)}", style="bold")
                told, status = len(record.timeline), shown_status(record)
                if not record.is_open or record.status is Status.BROKEN:
                    return record
            await asyncio.sleep(WATCH_S)
    state = (
        f"is still {status}" if status else "is not known to the relayer: its lock is not final, or not on this network"
    )
    msg = f"transfer 0x{digits} {state} after {timeout_s:.0f} s"
    raise UnavailableError(msg)


def _row(record: "TransferRecord", names: "Names") -> tuple[str, ...]:
    from bridge.ops.transfers import as_json, shown_status, time_text  # noqa: PLC0415 - start-up time

    data = as_json(record, names)
    return (
        str(data["id"])[:LISTED_DIGITS],
        shown_status(record),
        str(data["reason"] or ""),
        str(data["amount"]),
        str(data["asset"]),
        f"{data['source']} → {data['destination']} #{data['sequence']}",
        time_text(record.locked_at.time),
    )
