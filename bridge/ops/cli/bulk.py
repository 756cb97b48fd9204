"""`naru transfer bulk`: many moves from one CSV file."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.errors import BridgeError
from bridge.ops.cli.output import (
    EXIT_REFUSED,
    EXIT_UNAVAILABLE,
    ConfigOption,
    Output,
    OutputOption,
    console,
    errors,
    print_json,
    report,
)

if TYPE_CHECKING:
    from bridge.ops.bulk import Bulk, Job, Wishes
    from bridge.ops.results import Result

SHOWN_MAX = 20
"""Rows that are shown one by one; the result file has all."""


def bulk(  # noqa: PLR0913 - a command's options
    file: Annotated[Path, typer.Argument(metavar="MOVES.CSV", help="UTF-8, commas, a header line; see above.")],
    *,
    sender: Annotated[str, typer.Option("--from", help="Name of an account, or file with its private key.")],
    source: Annotated[str, typer.Option(help="Ledger that the units leave.")],
    destination: Annotated[str, typer.Option(help="Ledger that they go to, for rows that don't say.")] = "",
    deadline_in: Annotated[int, typer.Option(help="Seconds from a row's lock, for rows that don't say.")] = 600,
    result: Annotated[Path | None, typer.Option(help="Result file. Default: MOVES.result.csv beside it.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Look at everything, lock nothing.")] = False,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Leave out rows that a side would refuse, instead of stopping.")
    ] = False,
    preflight: Annotated[bool, typer.Option(help="Ask both sides before locking.")] = True,
    config: ConfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Lock all moves of a CSV file, each once, however often this is run.

    Columns: asset, amount, recipient, reference; if wanted destination, deadline_in.

    The reference is yours, unique in the file; ledgers see a salted hash of it only.

    All rows are checked before the first lock. Each row's end is in the result file.

    KEEP THAT FILE: by it a second run knows what is locked. After a crash, or if
    something did not answer, run the same command again.
    """
    from bridge.config import read_secret  # noqa: PLC0415 - start-up time
    from bridge.ops.bulk import Job, Wishes  # noqa: PLC0415 - web3 takes a second to import
    from bridge.ops.client import Names, open_config  # noqa: PLC0415 - start-up time
    from bridge.ops.moves import Defaults, read_moves  # noqa: PLC0415 - web3
    from bridge.ops.refusals import refusals_of  # noqa: PLC0415 - start-up time
    from bridge.ops.results import alone, result_path  # noqa: PLC0415 - the same

    opened = open_config(config)
    names = Names(opened)
    defaults = Defaults(
        source=names.ledger(source),
        destination=names.ledger(destination) if destination else None,
        deadline_in_s=deadline_in,
    )
    key = read_secret(names.key_file(sender))
    with alone(file):
        job = Job(
            rows=read_moves(file, names, defaults),
            path=file,
            result=result or result_path(file),
            source=defaults.source,
            key=key,
            refusals=refusals_of(opened.refusals_file),
        )
        wishes = Wishes(preflight=preflight, skip_refused=skip_refused, check_only=check)
        code = asyncio.run(_work(job, wishes, output))
    if code:
        raise typer.Exit(code)


async def _work(job: "Job", wishes: "Wishes", output: Output) -> int:
    """Run, and tell where every row stands, whatever happened; give the exit code."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - start-up time

    from bridge.ops.bulk import carry_out, opened  # noqa: PLC0415 - web3 takes a second to import
    from bridge.ops.moves import FileProblemsError  # noqa: PLC0415 - the same

    columns = (TextColumn("locking"), BarColumn(), MofNCompleteColumn())
    async with opened(job) as (run, both_sides):
        with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
            task = progress.add_task("", total=None)
            try:
                await carry_out(
                    run,
                    both_sides,
                    job.path,
                    wishes,
                    told=lambda done, total: progress.update(task, completed=done, total=total),
                    noted=lambda text: errors.print(f"note: {text}", style="yellow", markup=False),
                )
                code = 0
            except FileProblemsError:
                raise
            except BridgeError as error:
                code = report(error)
        if wishes.check_only:
            return _checked(job, run, output)
        _show(job, run.results, output)
        return code or _exit_code(run)


def _exit_code(run: "Bulk") -> int:
    from bridge.ops.results import State  # noqa: PLC0415 - web3

    states = {result.state for result in run.results}
    if states & {State.SENT, State.PLANNED}:
        return EXIT_UNAVAILABLE
    return EXIT_REFUSED if states - {State.LOCKED} else 0


def _checked(job: "Job", run: "Bulk", output: Output) -> int:
    count = len(run.rows_open())
    if output is Output.JSON:
        print_json({"rows": len(job.rows), "to_lock": count})
    else:
        console.print(f"{job.path.name}: {len(job.rows)} rows, {count} to lock; nothing was sent (--check)")
    return 0


def _show(job: "Job", results: Sequence["Result"], output: Output) -> None:
    if output is Output.JSON:
        print_json({"result_file": str(job.result), "rows": [_as_json(result) for result in results]})
        return
    counts = Counter(result.state.value for result in results)
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    console.print(f"{job.path.name}: {len(results)} rows: {told}", soft_wrap=True)
    troubled = [result for result in results if result.error]
    lines = {row.reference: row.line for row in job.rows}
    for result in troubled[:SHOWN_MAX]:
        text = f"  line {lines[result.reference]} {result.reference}: {result.state}: {result.error}"
        console.print(text, soft_wrap=True, markup=False)
    if len(troubled) > SHOWN_MAX:
        console.print(f"  and {len(troubled) - SHOWN_MAX} more")
    console.print(
        f"each row's transfer: {job.result} (keep it: a second run locks nothing twice by it)", soft_wrap=True
    )


def _as_json(result: "Result") -> dict[str, object]:
    return {
        "reference": result.reference,
        "status": result.state.value,
        "id": result.transfer_id or None,
        "sequence": int(result.sequence) if result.sequence else None,
        "height": int(result.height) if result.height else None,
        "transaction": result.transaction or None,
        "client_reference": "0x" + result.client_reference.hex(),
        "error": result.error or None,
    }
