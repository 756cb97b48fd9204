"""`naru notary`: a notary's own operator: its identity, why it signs or does not, its breakers."""

import getpass
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.errors import InvalidInputError
from bridge.ops.cli.output import Output, OutputOption, console, print_json

if TYPE_CHECKING:
    from bridge.adapters.sqlite.verdicts import SqliteVerdicts
    from bridge.notary_config import NotaryConfig, SignerConfig
    from bridge.ports.verdicts import BreakerEvent, Place

app = typer.Typer(
    help="One notary's operator: its identity, why it signs or doesn't, its breakers.", no_args_is_help=True
)
SignerOption = Annotated[Path, typer.Option("--config", help="This notary's signer configuration (TOML).")]
FrontOption = Annotated[Path, typer.Option("--config", help="This notary's own configuration (TOML), its front's.")]
PlaceArgument = Annotated[
    str, typer.Argument(metavar="LEDGER[:ASSET]|all", help="A ledger's name there, an asset on it (isin:…), or all.")
]


@app.command()
def init(config: SignerOption) -> None:
    """Make this notary's identity, sealed under its key-encryption key. Once, before its first ceremony."""
    from bridge.ops import committee  # noqa: PLC0415 - start-up time

    made = committee.init(_signer(config))
    if made.made_key:
        console.print("made a key-encryption key on the token")
    console.print("identity card (public; every proposal names it):")
    console.print(made.card.to_bytes().hex(), soft_wrap=True)


@app.command()
def card(config: SignerOption, output: OutputOption = Output.TEXT) -> None:
    """Print this notary's identity card, which is public."""
    from bridge.ops import committee  # noqa: PLC0415 - start-up time

    text = committee.card(_signer(config)).to_bytes().hex()
    if output is Output.JSON:
        print_json({"identity": text})
    else:
        console.print(text, soft_wrap=True)


@app.command()
def explain(
    transfer: Annotated[str, typer.Argument(metavar="ID", help="The TransferId, 0x and 64 digits.")],
    config: FrontOption,
    output: OutputOption = Output.TEXT,
) -> None:
    """Tell what this notary found about a transfer, which check decided, what will change it, and who must act."""
    from bridge.core.transfer import TransferId  # noqa: PLC0415 - start-up time
    from bridge.ops import explain as words  # noqa: PLC0415 - start-up time
    from bridge.ops.refusals import refusals_of  # noqa: PLC0415 - the same

    digits = transfer.removeprefix("0x")
    if len(digits) != 64 or any(c not in "0123456789abcdef" for c in digits):  # noqa: PLR2004 - 32 bytes
        raise InvalidInputError(f"{transfer!r} is no TransferId: give 0x and 64 digits, from `naru transfer show`")
    front = _front(config)
    refusals = refusals_of(front.refusals_file)
    with _journal(front) as journal:
        kept = journal.explain(TransferId(bytes.fromhex(digits)))
    sentences = words.explain(kept, refusals)
    if output is Output.JSON:
        rows = [
            {"at": k.at, "question": k.question, "check": k.check, "reason": k.reason.name, "note": k.note or None}
            for k in kept
        ]
        print_json({"id": transfer, "verdicts": rows, "explanation": sentences})
    else:
        for sentence in sentences:
            console.print(sentence, soft_wrap=True, markup=False)


@app.command()
def breakers(config: FrontOption, output: OutputOption = Output.TEXT) -> None:
    """List what this notary has stopped approving, and why. None closes by itself."""
    front = _front(config)
    with _journal(front) as journal:
        opened = journal.opened()
    if output is Output.JSON:
        print_json([{"place": str(e.place), "since": e.at, "why": e.why, "by": e.by} for e in opened])
        return
    if not opened:
        console.print("no breaker is open")
    for event in opened:
        console.print(_told(front, event), soft_wrap=True, markup=False)


@app.command("open-breaker")
def open_breaker(
    place: PlaceArgument, config: FrontOption, why: Annotated[str, typer.Option(help="Kept for ever.")]
) -> None:
    """Stop approving there at once. What is decided still ends (R-32)."""
    front = _front(config)
    with _journal(front) as journal:
        journal.open(_place(front, place), at=time.time(), why=why, by=getpass.getuser())
    console.print(f"open: {place}")


@app.command("close-breaker")
def close_breaker(
    place: PlaceArgument, config: FrontOption, why: Annotated[str, typer.Option(help="Kept for ever.")]
) -> None:
    """Let approving go on there, because somebody has found and mended the cause."""
    front = _front(config)
    with _journal(front) as journal:
        journal.close(_place(front, place), at=time.time(), why=why, by=getpass.getuser())
    console.print(f"closed: {place}")


@app.command()
def digest(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="CAIP-10: eip155:CHAIN:0xADDRESS.")],
) -> None:
    """Print an account as the policy's `denied` list takes it: the file then does not show who is on it."""
    from bridge.core.caip import evm_account, ledger_id  # noqa: PLC0415 - start-up time
    from bridge.core.policy import account_digest  # noqa: PLC0415 - start-up time

    ledger, _, address = account.rpartition(":")
    console.print(account_digest(ledger_id(ledger), evm_account(address)).hex())


def _told(front: "NotaryConfig", event: "BreakerEvent") -> str:
    names = {ledger.endpoint.id: ledger.name for ledger in front.ledgers}
    where = names.get(event.place.endpoint, str(event.place)) if event.place.endpoint else "everything"
    asset = f", asset 0x{event.place.asset.hex()}" if event.place.asset else ""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at))
    return f"{where}{asset}: since {since}, by {event.by}: {event.why}"


def _place(front: "NotaryConfig", text: str) -> "Place":
    from bridge.core.caip import asset_id  # noqa: PLC0415 - start-up time
    from bridge.ports.verdicts import GLOBAL, Place  # noqa: PLC0415 - start-up time

    if text == "all":
        return GLOBAL
    name, _, asset = text.partition(":")
    endpoints = {ledger.name: ledger.endpoint.id for ledger in front.ledgers}
    if name not in endpoints:
        raise InvalidInputError(f"{name!r} is no ledger here: known are {', '.join(endpoints)}")
    return Place(endpoint=endpoints[name], asset=asset_id(asset) if asset else None)


def _journal(front: "NotaryConfig") -> "SqliteVerdicts":
    from bridge.adapters.sqlite.verdicts import SqliteVerdicts  # noqa: PLC0415 - start-up time

    path = front.verdicts
    if not path.exists():
        raise InvalidInputError(f"{path} is not there: this notary has not run yet, or this is another's configuration")
    return SqliteVerdicts(path)


def _front(path: Path) -> "NotaryConfig":
    from bridge.config import load  # noqa: PLC0415 - start-up time
    from bridge.notary_config import NotaryConfig  # noqa: PLC0415 - start-up time

    return load(path, NotaryConfig)


def _signer(path: Path) -> "SignerConfig":
    from bridge.config import load  # noqa: PLC0415 - start-up time
    from bridge.notary_config import SignerConfig  # noqa: PLC0415 - start-up time

    return load(path, SignerConfig)
