"""`naru committee`: make a committee's key together, and hand the gateways over to the next one."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bridge.errors import InvalidInputError, RefusedError
from bridge.ops.cli.output import EXIT_REFUSED, ConfigOption, Output, OutputOption, console, errors, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from bridge.committee.proposal import Member, Proposal
    from bridge.config import ClientConfig, CommitteeConfig, MemberConfig
    from bridge.connections import Lines
    from bridge.notary_config import SignerConfig
    from bridge.ops.ceremony import Seen
    from bridge.ops.handover import Gateway

app = typer.Typer(
    help="Make a committee's key, and hand the gateways over to the next committee (docs/operations.md).",
    no_args_is_help=True,
)
POLL_S: Final = 1.0
ProposalArgument = Annotated[Path, typer.Argument(metavar="PROPOSAL", help="The proposal (TOML) that all have.")]
DocumentArgument = Annotated[Path, typer.Argument(metavar="DOCUMENT", help="A committee document (TOML).")]
SignerOption = Annotated[Path, typer.Option("--config", help="This notary's signer configuration (TOML).")]
TlsOption = Annotated[Path, typer.Option("--tls", help="Folder of an operator's certificate, from `naru ca`.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Don't ask: what is shown was compared with the others.")]


# --- the ceremony


@app.command()
def check(proposal: ProposalArgument, output: OutputOption = Output.TEXT) -> None:
    """Tell what a proposal says, and its name, which all operators compare before they approve."""
    found = _proposal(proposal)
    if output is Output.JSON:
        print_json({"session": found.session.hex(), "epoch": found.epoch, "threshold": found.threshold})
    else:
        _show(found)


@app.command()
def approve(proposal: ProposalArgument, config: SignerOption, *, yes: YesOption = False) -> None:
    """Take part in a ceremony, as this notary's operator. Its signer then answers whoever drives it."""
    from bridge.ops import committee  # noqa: PLC0415 - start-up time

    found = _proposal(proposal)
    _show(found)
    _confirm("Is every member who it claims to be, and is this name what the others read to you?", yes=yes)
    committee.approve(_signer(config), found)
    console.print("approved: this notary takes part")


@app.command()
def abort(
    proposal: ProposalArgument,
    config: SignerOption,
    reason: Annotated[str, typer.Option(help="Told to all members.")],
) -> None:
    """End a ceremony for all members. Its secrets are erased; a new one has the next attempt number."""
    from bridge.ops import committee  # noqa: PLC0415 - start-up time

    committee.abort(_signer(config), _proposal(proposal), reason)
    console.print("asked: the signer ends it at its next step; `naru committee status` tells when all know")


@app.command()
def run(
    proposal: ProposalArgument,
    tls: TlsOption,
    out: Annotated[Path, typer.Option(help="Where the committee document goes.")],
) -> None:
    """Drive a ceremony to its end, and have the members try the key. Anybody may, from anywhere; run again, it goes on.

    It carries messages, and is trusted with nothing. It waits for members whose operators have not approved yet.
    """
    if out.exists():
        raise InvalidInputError(f"{out} is there already: name a new file")
    _check_place(out)
    found = _proposal(proposal)
    asyncio.run(_run(found, tls, out))
    console.print(f"{out}: the key of epoch {found.epoch} may be registered now", soft_wrap=True)


@app.command()
def status(proposal: ProposalArgument, tls: TlsOption, output: OutputOption = Output.TEXT) -> None:
    """Ask every member how far the ceremony is."""
    from bridge.ops.ceremony import look  # noqa: PLC0415 - start-up time

    async def ask() -> "list[Seen]":
        async with AsyncExitStack() as resources:
            return await look(_proposal(proposal), await _lines(resources, tls))

    seen = asyncio.run(ask())
    if output is Output.JSON:
        print_json([{"member": s.member.id, "phase": str(s.phase), "problem": s.problem or None} for s in seen])
    else:
        _tell(seen)


@app.command()
def show(
    document: DocumentArgument,
    proposal: Annotated[Path | None, typer.Option(help="The proposal that you approved, to compare with.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check that all members certified a committee document, and tell what it says. Exit code 2 if they did not."""
    from bridge.committee.document import verify_document  # noqa: PLC0415 - start-up time
    from bridge.committee.keys import key_account, public_keys  # noqa: PLC0415 - start-up time
    from bridge.core.caip import evm_address  # noqa: PLC0415 - start-up time

    found = _document(document)
    verify_document(found, None if proposal is None else _proposal(proposal))
    key = public_keys(found).group_public_key
    px, py = key.coordinates()
    if output is Output.JSON:
        print_json({"epoch": found.epoch, "session": found.session, "px": hex(px), "py": hex(py)})
        return
    console.print(f"epoch {found.epoch}: {found.threshold} of {len(found.members)} sign; certified by all members")
    console.print(f"  ceremony  {found.session}\n  px        0x{px:064x}\n  py        0x{py:064x}", soft_wrap=True)
    console.print(f"  address   {evm_address(key_account(key))} (as gateways show it)")
    for member in found.members:
        console.print(_row(member), soft_wrap=True, markup=False)


async def _run(found: "Proposal", tls: Path, out: Path) -> None:
    from bridge.adapters.system import SystemClock  # noqa: PLC0415 - start-up time
    from bridge.disk import put  # noqa: PLC0415 - start-up time
    from bridge.ops.ceremony import drive, try_key  # noqa: PLC0415 - start-up time

    async with AsyncExitStack() as resources:
        lines = await _lines(resources, tls)
        made = await drive(found, lines, SystemClock(), _tell)
        console.print("the key is made and certified by all; now each member tries it:")
        await try_key(made, lines, SystemClock(), lambda _, who: console.print(f"  members {_list(who)} signed"))
        put(out, made.to_toml(), mode=0o644, new=True)


# --- the handover


@app.command("approve-handover")
def approve_handover(
    document: DocumentArgument,
    config: SignerOption,
    proposal: Annotated[
        Path | None, typer.Option(help="Of the heir's ceremony; not needed where this notary took part in it.")
    ] = None,
    *,
    yes: YesOption = False,
) -> None:
    """Let this notary's seat of the epoch before sign the handover to exactly this committee."""
    from bridge.ops import committee  # noqa: PLC0415 - start-up time

    heir = _document(document)
    console.print(
        f"epoch {heir.epoch}: {heir.threshold} of {len(heir.members)} sign, ceremony {heir.session}", soft_wrap=True
    )
    for member in heir.members:
        console.print(_row(member), soft_wrap=True, markup=False)
    _confirm("Hand the gateways over to this committee? Within an epoch that can't be taken back once signed.", yes=yes)
    committee.approve_handover(_signer(config), heir, None if proposal is None else _proposal(proposal))
    console.print("approved: this notary signs the handover when it is asked to")


@app.command()
def handover(
    document: DocumentArgument,
    sender: Annotated[Path, typer.Option("--from", help="File (mode 600) with a private key that pays for gas.")],
    out: Annotated[Path, typer.Option(help="Keeps the signatures; they do not lapse. Give it again to go on.")],
    config: ConfigOption = None,
    *,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until every gateway has changed.")] = True,
    output: OutputOption = Output.TEXT,
) -> None:
    """Have the current committee sign the handover for every gateway, submit it, activate it after the delay.

    Anybody may run it. A gateway that can't be reached changes when this is run again, however much later.
    """
    from bridge.ops.client import open_config  # noqa: PLC0415 - start-up time

    _check_place(out)
    speaker = errors if output is Output.JSON else console
    gateways = asyncio.run(_hand_over(open_config(config), _document(document), sender, out, speaker, wait=wait))
    if output is Output.JSON:
        rows = [{"ledger": g.ledger, "stage": g.stage, "note": g.note or None, "until": g.until} for g in gateways]
        print_json(rows)
    if not all(g.stage == "done" for g in gateways):
        raise typer.Exit(EXIT_REFUSED)


async def _hand_over(
    config: "ClientConfig", heir: "CommitteeConfig", sender: Path, out: Path, speaker: "Console", *, wait: bool
) -> "list[Gateway]":
    from bridge.adapters.system import SystemClock  # noqa: PLC0415 - start-up time
    from bridge.config import read_secret  # noqa: PLC0415 - start-up time
    from bridge.connections import lines  # noqa: PLC0415 - start-up time
    from bridge.ops.handover import Stage, advance, sign_all  # noqa: PLC0415 - start-up time

    key, clock = read_secret(sender), SystemClock()
    last: list[Gateway] = []
    async with AsyncExitStack() as resources:
        opened = await lines(resources, config.tls)
        signed = await sign_all(config, heir, opened, clock, out, lambda name: speaker.print(f"  {name}: signed"))
    while True:
        gateways = await advance(config.ledgers, signed, key)
        if gateways != last:
            _tell_gateways(gateways, speaker)
            last = gateways
        moving = [g for g in gateways if g.stage in {Stage.SIGNED, Stage.ANNOUNCED, Stage.UNREACHABLE}]
        if not wait or not moving:
            return gateways
        await clock.sleep(POLL_S)


def _tell_gateways(gateways: "list[Gateway]", speaker: "Console") -> None:
    for gateway in gateways:
        until = f" until {time.strftime('%H:%M:%S', time.localtime(gateway.until))}" if gateway.until else ""
        note = f": {gateway.note}" if gateway.note else ""
        speaker.print(f"  {gateway.ledger}: {gateway.stage}{until}{note}", soft_wrap=True, markup=False)


# --- what they share


def _check_place(out: Path) -> None:
    """Refuse at once what would only be noticed once everybody has signed."""
    if not out.resolve().parent.is_dir():
        raise InvalidInputError(f"{out} can't be written: its folder is not there; make it first")


def _proposal(path: Path) -> "Proposal":
    from bridge.committee.proposal import read_proposal  # noqa: PLC0415 - start-up time

    return read_proposal(path)


def _document(path: Path) -> "CommitteeConfig":
    from bridge.config import CommitteeConfig, load  # noqa: PLC0415 - start-up time

    return load(path, CommitteeConfig)


def _signer(path: Path) -> "SignerConfig":
    from bridge.config import load  # noqa: PLC0415 - start-up time
    from bridge.notary_config import SignerConfig  # noqa: PLC0415 - start-up time

    return load(path, SignerConfig)


async def _lines(resources: AsyncExitStack, folder: Path) -> "Lines":
    from bridge.config import TlsConfig  # noqa: PLC0415 - start-up time
    from bridge.connections import lines  # noqa: PLC0415 - start-up time

    files = TlsConfig(ca_file=folder / "ca.pem", certificate_file=folder / "tls.pem", key_file=folder / "tls.key")
    return await lines(resources, files)


def _show(proposal: "Proposal") -> None:
    from bridge.committee.proposal import readable  # noqa: PLC0415 - start-up time

    n, t = proposal.participants, proposal.threshold
    console.print(
        f"epoch {proposal.epoch}, attempt {proposal.attempt}, proposed {proposal.created}: {t} of {n} will sign"
    )
    for member in proposal.members:
        console.print(_row(member), soft_wrap=True, markup=False)
        console.print(f"       identity {member.card.to_bytes().hex()}", soft_wrap=True)
    for ledger in proposal.ledgers:
        endpoint = f", endpoint 0x{ledger.endpoint.hex()}" if ledger.endpoint else ""
        console.print(f"  ledger {ledger.name}: {ledger.ledger}{endpoint}", soft_wrap=True, markup=False)
    console.print(f"name of this ceremony:\n  {readable(proposal.session)}", soft_wrap=True)


def _tell(seen: "list[Seen]") -> None:
    for one in seen:
        problem = f" ({one.problem})" if one.problem else ""
        console.print(f"  {one.member.id:>3} {one.member.name:<16} {one.phase}{problem}", soft_wrap=True, markup=False)


def _row(member: "Member | MemberConfig") -> str:
    return f"  {member.id:>3}  {member.name:<16} {member.operator}, {member.address}"


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in numbers)


def _confirm(question: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        raise RefusedError("nothing was approved")
