"""`naru ca`: certificates for mutual TLS, for set-ups without a certificate authority of their own."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.core.peers import Peer, Role
from bridge.ops.cli.output import Output, OutputOption, console, print_json

if TYPE_CHECKING:
    from bridge.ops.ca import Shown

app = typer.Typer(help="Certificates for mutual TLS: a small private certificate authority.", no_args_is_help=True)
FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The certificate authority's folder.")]
RoleOption = Annotated[Role, typer.Option(help="What the process is to the others.")]
InstanceOption = Annotated[str, typer.Option(help="Its name among those of its role: a-z, 0-9 and -, up to 32.")]
OutOption = Annotated[Path, typer.Option(help="Folder to write into; nothing in it is overwritten.")]
DaysOption = Annotated[int, typer.Option(help="How long the certificate is good: 1 to 90 days.")]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(help="File (chmod 600) with the passphrase of the authority's key, 12 characters or more."),
]


@app.command()
def init(
    folder: FolderArgument,
    name: Annotated[str, typer.Option(help="Of the authority, for people.")] = "Naru private CA",
    passphrase_file: PassphraseOption = None,
) -> None:
    """Make a certificate authority, good for five years. Keep its folder off the machines that it certifies."""
    from bridge.ops import ca  # noqa: PLC0415 - start-up time

    _tell(ca.init(folder, name, passphrase_file, _now()))


@app.command()
def issue(
    folder: FolderArgument,
    role: RoleOption,
    instance: InstanceOption,
    out: OutOption,
    days: DaysOption = 30,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Make a key and its certificate: tls.key, tls.pem, and ca.pem beside them."""
    from bridge.ops import ca  # noqa: PLC0415 - start-up time

    peer = Peer(role=role, instance=instance)
    _tell(ca.issue(folder, peer, out, days=days, passphrase_file=passphrase_file, now=_now()))


@app.command()
def request(role: RoleOption, instance: InstanceOption, out: OutOption) -> None:
    """Make a key, which stays in its folder, and tls.csr, for whoever keeps the authority to sign."""
    from bridge.ops import ca  # noqa: PLC0415 - start-up time

    _tell(ca.request(Peer(role=role, instance=instance), out))


@app.command()
def sign(
    folder: FolderArgument,
    csr: Annotated[Path, typer.Argument(metavar="CSR", help="A request; look at it first with `naru ca show`.")],
    out: OutOption,
    days: DaysOption = 30,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Certify the role, instance and key that a request names: tls.pem and ca.pem, to be put beside its tls.key."""
    from bridge.ops import ca  # noqa: PLC0415 - start-up time

    _tell(ca.sign(folder, csr, out, days=days, passphrase_file=passphrase_file, now=_now()))


@app.command()
def renew(
    folder: FolderArgument,
    certificate: Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="tls.pem; it is replaced.")],
    days: DaysOption = 30,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Certify the same process and key for another while. What runs with it takes it up without a restart."""
    from bridge.ops import ca  # noqa: PLC0415 - start-up time

    ca.renew(folder, certificate, days=days, passphrase_file=passphrase_file, now=_now())
    _tell(certificate)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A certificate or a request.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Tell whom a certificate or a request names, how long it is good, and its fingerprint."""
    from bridge.ops import ca  # noqa: PLC0415 - start-up time

    shown = ca.show(file, _now())
    if output is Output.JSON:
        print_json(_laid_out(shown))
    else:
        _print(file, shown)


def _tell(path: Path) -> None:
    from bridge.ops import ca  # noqa: PLC0415 - start-up time

    _print(path, ca.show(path, _now()))


def _print(path: Path, shown: "Shown") -> None:
    console.print(f"{path}: {shown.kind} of {shown.name}", soft_wrap=True, markup=False)
    if shown.not_after is not None:
        console.print(f"  until        {shown.not_after:%Y-%m-%d %H:%M} UTC, {_left(shown.days_left or 0)}")
    console.print(f"  fingerprint  {shown.fingerprint} (SHA-256)", soft_wrap=True)


def _left(days: int) -> str:
    return f"{days} days left" if days >= 0 else "expired"


def _laid_out(shown: "Shown") -> dict[str, object]:
    role, _, instance = shown.name.partition("/")
    named = {"name": shown.name} if shown.kind == "authority" else {"role": role, "instance": instance}
    dated: dict[str, object] = {}
    if shown.not_before is not None and shown.not_after is not None:
        dated = {
            "serial": shown.serial,
            "not_before": shown.not_before.isoformat(),
            "not_after": shown.not_after.isoformat(),
            "days_left": shown.days_left,
        }
    return {"kind": shown.kind, **named, **dated, "fingerprint": shown.fingerprint}


def _now() -> datetime:
    return datetime.now(UTC)
