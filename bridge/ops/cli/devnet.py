"""`naru devnet`: the embedded network."""

from typing import Annotated

import typer

from bridge.devnet.kinds import TokenKind
from bridge.errors import InvalidInputError
from bridge.ops.cli.output import Output, OutputOption, console, print_json
from bridge.ops.cli.tokens import TokenOption, TrexOption, token_arguments

app = typer.Typer(help="The embedded network: two ledgers, four notaries, a relayer, a Redis.", no_args_is_help=True)


@app.command()
def up(
    *,
    token: TokenOption = TokenKind.SAMPLE,
    trex_artifacts: TrexOption = None,
    ceremony: Annotated[
        bool, typer.Option("--ceremony", help="The notaries make their key together; without it, it is dealt, faster.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Start a network that stays until `naru devnet down`."""
    arguments = token_arguments(token, trex_artifacts) + (["--ceremony"] if ceremony else [])
    from bridge.devnet.launch import Launch  # noqa: PLC0415 - start-up time

    launch = Launch(detached=True, arguments=arguments)
    try:
        with console.status("starting two ledgers, four notaries, a relayer …"):
            config = launch.wait()
    except BaseException:
        launch.stop()
        raise
    if output is Output.JSON:
        print_json({"name": launch.name, "config": str(config)})
    else:
        console.print(f"{launch.name} is up: {config}", soft_wrap=True)
        console.print(f"stop it with: naru devnet down {launch.name}")


@app.command()
def status(output: OutputOption = Output.TEXT) -> None:
    """List the networks that run."""
    from bridge.devnet.runs import live  # noqa: PLC0415 - start-up time

    runs = live()
    if output is Output.JSON:
        print_json([{"name": r.name, "config": str(r.config), "pid": r.supervisor} for r in runs])
        return
    if not runs:
        console.print("no embedded network runs: start one with `naru devnet up`")
    for run in runs:
        state = "up" if run.config.exists() else "starting"
        console.print(f"{run.name}  {state}  {run.config}", soft_wrap=True)


@app.command()
def down(
    name: Annotated[str | None, typer.Argument(help="Which network; not needed if only one runs.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Stop a network; nothing of it stays."""
    from bridge.devnet.launch import stop  # noqa: PLC0415 - start-up time
    from bridge.devnet.runs import live  # noqa: PLC0415 - start-up time

    runs = [run for run in live() if name in (None, run.name)]
    if not runs:
        msg = f"no network {name} runs: `naru devnet status` lists them" if name else "no embedded network runs"
        raise InvalidInputError(msg)
    if len(runs) > 1:
        msg = f"{len(runs)} networks run ({', '.join(r.name for r in runs)}): name the one to stop"
        raise InvalidInputError(msg)
    with console.status(f"stopping {runs[0].name} …"):
        stop(runs[0])
    if output is Output.JSON:
        print_json({"stopped": runs[0].name})
    else:
        console.print(f"{runs[0].name} is stopped, and nothing of it is left")
