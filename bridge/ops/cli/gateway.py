"""`naru gateway`: put a gateway on a ledger, check it, and govern it by two persons."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bridge.errors import InvalidInputError
from bridge.ops.cli.gateway_screens import (
    check_json,
    print_calls,
    print_checks,
    print_done,
    print_guarded,
    print_proposal,
    print_proposed,
    print_status,
)
from bridge.ops.cli.output import (
    EXIT_REFUSED,
    Output,
    OutputOption,
    console,
    errors,
    print_json,
)

if TYPE_CHECKING:
    from bridge.ops.gateway import Site, Waiting
    from bridge.ops.gateway_plan import Step
    from bridge.ops.gateway_roles import Check

T = TypeVar("T")

app = typer.Typer(
    help="Put a gateway on a ledger, check it, and govern it by two persons (docs/deploy.md).", no_args_is_help=True
)
PlanOption = Annotated[
    Path, typer.Option("--plan", envvar="NARU_PLAN", help="The gateway's plan (TOML); see docs/deploy.md.")
]
FromOption = Annotated[Path, typer.Option("--from", help="File (mode 600) with your private key.")]
LaneArgument = Annotated[
    list[str], typer.Argument(metavar="ASSET to|from PEER", help="In the plan's names; or the LaneId, 0x…")
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The operation's id, or its first 8 or more digits.")]


# --- deploying and checking


@app.command()
def deploy(plan: PlanOption, output: OutputOption = Output.TEXT) -> None:
    """Deploy what the plan says, and check the whole of it. Run again, it goes on where it ended.

    Two timelocks (governance; unpausing, without delay), the extension, the gateway.

    What is done stands in PLAN.deployment.json beside the plan: keep that file.
    """
    from bridge.ops.gateway_deploy import deploy as run  # noqa: PLC0415 - web3 takes a second to import

    def told(name: str, step: "Step") -> None:
        if output is Output.TEXT:
            console.print(f"  {name:<11} {step.address}  block {step.block}", soft_wrap=True)

    done = _waiting("deploying: each contract is waited for …", lambda: run(plan, told))
    if output is Output.JSON:
        record = done.record.model_dump(mode="json", exclude_none=True)
        print_json({"file": str(done.path), "deployment": record, "checks": [check_json(c) for c in done.checks]})
        return
    if done.checks:
        console.print(f"all {len(done.checks)} checks passed: no key, nothing registered yet")
    else:
        console.print("was complete before; `naru gateway verify` tells how it is now")
    console.print(f"endpoint {done.record.endpoint_id}\ndeployment file: {done.path} (keep it)", soft_wrap=True)


@app.command()
def handler(
    standard: Annotated[str, typer.Argument(help="erc20, erc3643, erc7943, erc7802, kip7, erc1404, erc1400.")],
    *,
    plan: PlanOption,
    output: OutputOption = Output.TEXT,
) -> None:
    """Deploy what knows a standard's tokens, for the plan's `handler`; run again, it only prints the address.

    It holds no state and no right: one on a ledger serves every token of its standard.
    """
    from bridge.ops.gateway_deploy import deploy_handler  # noqa: PLC0415 - web3 takes a second to import

    step = _waiting("deploying the handler …", lambda: deploy_handler(plan, standard, lambda *_: None))
    if output is Output.JSON:
        print_json({"standard": standard, "handler": step.address, "block": step.block, "code_hash": step.code_hash})
        return
    console.print(f'in the plan, of each asset whose token is {standard}: handler = "{step.address}"', soft_wrap=True)


@app.command()
def verify(
    plan: Annotated[Path | None, typer.Option("--plan", envvar="NARU_PLAN", help="The gateway's plan.")] = None,
    other: Annotated[Path | None, typer.Option("--other", help="A peer's plan: compare both ends of lanes.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Without a plan: a network's gateways.")] = None,
    *,
    off_only: Annotated[bool, typer.Option("--off-only", help="Print only what is off.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Hold everything that stands there against the plan: code, roles, registrations. Exit code 1 if anything is off.

    Without --plan: code, identity and single keys of the network in use.
    """
    checks = _verify_network(config) if plan is None else _verify(plan, other)
    if output is Output.JSON:
        print_json([check_json(check) for check in checks])
    else:
        print_checks(checks, off_only=off_only)
    if not all(check.ok for check in checks):
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def status(plan: PlanOption, output: OutputOption = Output.TEXT) -> None:
    """Tell what the gateway knows, what is paused, and what waits for a second person."""
    found = _at(plan, "reading the gateway …", lambda site: site.status())
    print_status(found, plan, output)


# --- governing


@app.command()
def register(
    plan: PlanOption,
    sender: FromOption,
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[key | peer NAME | asset NAME | lane ASSET PEER]", help="In the plan's names."),
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Propose tokens that are not ready for the gateway.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Propose what the plan says and the gateway doesn't know yet; without a name, all of it as one operation.

    Of a new token everything is tried first that can be: standard, rights, decimals, whether the gateway may hold it.

    Never removes, enables again or replaces a key: `naru gateway propose` does, by name.
    """
    from bridge.adapters.system import system_entropy  # noqa: PLC0415 - start-up time

    key = _secret(sender)
    proposal = _at(plan, "proposing …", lambda site: site.register(key, what or [], system_entropy, force=force))
    print_proposal(proposal, output)


@app.command()
def propose(
    call: Annotated[str, typer.Argument(help="The gateway's function; or addPerson, removePerson, updateDelay.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="Names of the plan, 0x words, numbers, true|false, none; limits as 1,100,60,3600."),
    ] = None,
    *,
    plan: PlanOption,
    sender: FromOption,
    at: Annotated[str, typer.Option(help="Whose persons change: governance or unpauser.")] = "governance",
    output: OutputOption = Output.TEXT,
) -> None:
    """Propose one call of governance; another person approves it after the delay.

    naru gateway propose setLaneEnabled "tower to beta" false

    naru gateway propose configureInbound beta tower 1000000,250000,86400,3600

    naru gateway propose setRoles UNPAUSER GUARDIAN AUDITOR

    Also: registerKey, setDelays, registerPeer, setPeerEnabled, allowClosing, addProfile,
    setAssetEnabled, setAgent, setRegisterKey, configureOutbound.
    """
    from bridge.adapters.system import system_entropy  # noqa: PLC0415 - start-up time

    if at not in {"governance", "unpauser"}:
        raise InvalidInputError(f"--at {at} is unknown: give governance or unpauser")
    key = _secret(sender)
    item = _at(plan, "proposing …", lambda site: site.propose(key, call, arguments or [], at, system_entropy))
    print_proposed(item, output)


@app.command()
def approve(
    operation: IdArgument,
    *,
    plan: PlanOption,
    sender: FromOption,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Carry out what another person proposed, once its delay is over; shows the calls and asks first."""
    key = _secret(sender)
    item = _at(plan, "looking it up …", lambda site: site.find(operation))
    if not yes:
        _ask(item)
    transaction = _at(plan, "approving …", lambda site: site.approve(key, item))
    print_done("approved and carried out", item, transaction, output)


@app.command()
def cancel(operation: IdArgument, plan: PlanOption, sender: FromOption, output: OutputOption = Output.TEXT) -> None:
    """End a proposal; any one of the persons may."""
    key = _secret(sender)
    item = _at(plan, "looking it up …", lambda site: site.find(operation))
    transaction = _at(plan, "cancelling …", lambda site: site.cancel(key, item))
    print_done("cancelled", item, transaction, output)


# --- stopping and resuming


@app.command()
def pause(plan: PlanOption, sender: FromOption, output: OutputOption = Output.TEXT) -> None:
    """Guardian: stop all locks and mints at once. What is locked still ends (R-32)."""
    key = _secret(sender)
    print_guarded("paused", _at(plan, "pausing …", lambda site: site.guard(key, "pause")), output)


@app.command("pause-lane")
def pause_lane(lane: LaneArgument, *, plan: PlanOption, sender: FromOption, output: OutputOption = Output.TEXT) -> None:
    """Guardian: stop one lane; also confirms an auditor's pause, which else lapses after 24 h."""
    key = _secret(sender)
    told = _at(plan, "pausing …", lambda site: site.guard(key, "pauseLane", site.book.lane(lane)))
    print_guarded(f"lane {' '.join(lane)} paused", told, output)


@app.command()
def unpause(plan: PlanOption, sender: FromOption, output: OutputOption = Output.TEXT) -> None:
    """Propose that the gateway resume; another unpausing person approves at once, without delay."""
    _propose_unpause(plan, sender, [], output)


@app.command("unpause-lane")
def unpause_lane(
    lane: LaneArgument, *, plan: PlanOption, sender: FromOption, output: OutputOption = Output.TEXT
) -> None:
    """Propose that a lane resume, whoever paused it; another unpausing person approves at once."""
    _propose_unpause(plan, sender, lane, output)


@app.command()
def strike(
    what: Annotated[str, typer.Argument(metavar="handover|previous|EPOCH", help="What to end.")],
    *,
    plan: PlanOption,
    sender: FromOption,
    output: OutputOption = Output.TEXT,
) -> None:
    """Guardian: veto the waiting handover, retire the previous epoch, or revoke an epoch with its heirs (R-40)."""
    match what:
        case "handover":
            call: tuple[object, ...] = ("vetoHandover",)
        case "previous":
            call = ("retirePreviousEpoch",)
        case _ if what.isascii() and what.isdigit() and 0 < int(what[:20]) < 1 << 64:
            call = ("revokeEpoch", int(what))
        case _:
            raise InvalidInputError(f"{what!r} is unknown: give handover, previous, or an epoch's number")
    key = _secret(sender)
    told = _at(plan, "striking …", lambda site: site.guard(key, str(call[0]), *call[1:]))
    print_guarded(f"{call[0]} done", told, output)


# --- running


def _waiting(text: str, work: Callable[[], Awaitable[T]]) -> T:
    """Run *work*, and show on standard error that something is under way."""

    async def run() -> T:
        return await work()

    with errors.status(text):
        return asyncio.run(run())


def _at(plan: Path, text: str, work: "Callable[[Site], Awaitable[T]]") -> T:
    """Do *work* at the gateway that *plan* led to."""
    from bridge.ops.gateway import site_at  # noqa: PLC0415 - web3 takes a second to import

    async def run() -> T:
        async with site_at(plan) as site:
            return await work(site)

    return _waiting(text, run)


def _secret(path: Path) -> str:
    from bridge.config import read_secret  # noqa: PLC0415 - start-up time

    return read_secret(path)


def _verify(plan: Path, other: Path | None) -> "list[Check]":
    from bridge.ops.gateway import verify_pair  # noqa: PLC0415 - web3 takes a second to import

    async def look(site: "Site") -> "list[Check]":
        checks = await site.verify()
        if other is not None and len(checks) > CODE_CHECKS:
            checks += await verify_pair(site, other)
        return checks

    return _at(plan, "reading the gateway …", look)


CODE_CHECKS = 2
"""All that is told of a gateway whose code is not the committed one: nothing that it answers counts."""


def _verify_network(config: Path | None) -> "list[Check]":
    from bridge.ops.client import open_config  # noqa: PLC0415 - start-up time
    from bridge.ops.gateway import verify_network  # noqa: PLC0415 - web3 takes a second to import

    opened = open_config(config)
    return _waiting("reading the gateways …", lambda: verify_network(opened))


def _propose_unpause(plan: Path, sender: Path, lane: list[str], output: Output) -> None:
    from bridge.adapters.system import system_entropy  # noqa: PLC0415 - start-up time

    key = _secret(sender)
    print_proposed(_at(plan, "proposing …", lambda site: site.propose_unpause(key, lane, system_entropy)), output)


def _ask(item: "Waiting") -> None:
    if not sys.stdin.isatty():
        raise InvalidInputError("no terminal to ask at: look with `naru gateway status`, then give --yes")
    print_calls(item)
    if not typer.confirm("Carry this out?"):
        raise typer.Exit(EXIT_REFUSED)
