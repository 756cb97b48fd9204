"""`naru demo`: a network, three transfers, and the totals before and after."""

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.devnet.kinds import TokenKind
from bridge.errors import InvalidInputError
from bridge.ops.cli.output import Output, OutputOption, print_json
from bridge.ops.cli.tokens import TokenOption, TrexOption, token_arguments

if TYPE_CHECKING:
    from bridge.ops.client import Names
    from bridge.ops.demo import Play, Progress, Result


def demo(  # noqa: PLR0913 - a command's options
    ledger_a: Annotated[str | None, typer.Option(help="JSON-RPC address of an EVM node of yours.")] = None,
    ledger_b: Annotated[str | None, typer.Option(help="The same for the other ledger.")] = None,
    key_a: Annotated[Path | None, typer.Option(help="File (mode 600) with a funded private key on ledger A.")] = None,
    key_b: Annotated[Path | None, typer.Option(help="The same on ledger B.")] = None,
    finality_a: Annotated[str, typer.Option(help="instant, tag:safe, tag:finalized or depth:N.")] = "instant",
    finality_b: Annotated[str, typer.Option(help="The same for ledger B.")] = "instant",
    *,
    token: TokenOption = TokenKind.SAMPLE,
    trex_artifacts: TrexOption = None,
    ceremony: Annotated[
        bool, typer.Option("--ceremony", help="The notaries make their key together; without it, it is dealt, faster.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the network up afterwards.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Start a network and show three transfers: one commits, one is refused, one expires (trex: breaks a rule)."""
    arguments = _own("alpha", ledger_a, key_a, finality_a) + _own("beta", ledger_b, key_b, finality_b)
    arguments += token_arguments(token, trex_artifacts) + (["--ceremony"] if ceremony else [])
    from bridge.devnet.launch import Launch  # noqa: PLC0415 - start-up time
    from bridge.ops.cli.screen import Screen  # noqa: PLC0415 - start-up time
    from bridge.ops.demo import PLAYS  # noqa: PLC0415 - web3 takes a second to import

    quiet, play = output is Output.JSON, PLAYS[token]
    launch = Launch(detached=keep, arguments=arguments)
    try:
        with closing(Screen(play, quiet=quiet)) as screen:
            config = screen.starting(launch.wait)
            screen.tell(_key_story(config, ceremony=ceremony))
            result, names = _perform(play, config, screen.show)
    except BaseException:
        launch.stop()
        raise
    if keep:
        screen.tell(f"the network stays up: {config}\nstop it with: naru devnet down {launch.name}")
    else:
        launch.stop()
    if quiet:
        print_json(_as_json(result, names))
    else:
        screen.finish(result)
    if not result.ended_well:
        raise typer.Exit(1)


def _key_story(config: Path, *, ceremony: bool) -> str:
    """Tell who made the committee's key: a dealer could sign alone, and that must be seen."""
    from bridge.config import ClientConfig, load  # noqa: PLC0415 - start-up time

    if not ceremony:
        return "the committee's key was dealt by one process, for development only; --ceremony makes it properly\n"
    committee = load(config, ClientConfig).committee
    return (
        f"the four notaries made their key together in ceremony {committee.session[:16]}…; all certified it, and every "
        "subset that was tried could sign\n"
    )


def _own(name: str, url: str | None, key: Path | None, finality: str) -> list[str]:
    """Turn the options of a user's own ledger into the supervisor's arguments."""
    letter = name[0]
    if url is None:
        if key is not None:
            msg = f"--key-{letter} goes with --ledger-{letter}: name the node too"
            raise InvalidInputError(msg)
        return []
    if key is None or not key.is_file():
        msg = f"--ledger-{letter} needs --key-{letter} FILE: a file (mode 600) with a private key funded there"
        raise InvalidInputError(msg)
    from bridge.config import FINALITY, read_secret  # noqa: PLC0415 - start-up time

    read_secret(key)
    if not url.startswith(("http://", "https://")):
        msg = f"--ledger-{letter} {url} is not a JSON-RPC address: give http://host:port"
        raise InvalidInputError(msg)
    if not re.fullmatch(FINALITY, finality):
        msg = f"--finality-{letter} {finality} is unknown: give instant, tag:safe, tag:finalized or depth:BLOCKS"
        raise InvalidInputError(msg)
    return [f"--{name}", url, f"--{name}-key", str(key.resolve()), f"--{name}-finality", finality]


def _perform(play: "Play", config: Path, show: "Callable[[Progress, Names], None]") -> "tuple[Result, Names]":
    from bridge.ops.client import Names, open_config  # noqa: PLC0415 - start-up time
    from bridge.ops.demo import Demo  # noqa: PLC0415 - web3 takes a second to import

    opened = open_config(config)
    names = Names(opened)
    return asyncio.run(Demo(opened, play, lambda progress: show(progress, names)).perform()), names


def _as_json(result: "Result", names: "Names") -> dict[str, object]:
    from bridge.ops.transfers import as_json  # noqa: PLC0415 - start-up time

    transfers = []
    for scene in result.play.scenes:
        record = result.progress.records.get(scene.name)
        known = as_json(record, names) if record else {"id": None, "status": None, "reason": None, "timeline": []}
        transfers.append({"scene": scene.name, "as_expected": scene.ended_well(record), **known})
    totals = [
        {
            "ledger": line.ledger,
            "asset": line.asset,
            "height": line.height,
            "issued": str(line.totals.issued),
            "supply": str(line.totals.supply),
            "minted": str(line.totals.minted),
            "burned": str(line.totals.burned),
            "reminted": str(line.totals.reminted),
            "unexplained": str(line.totals.unexplained),
        }
        for line in result.after
    ]
    return {"transfers": transfers, "totals": totals, "conserved": result.conserved}
