"""Certificates for tests, right ones and wrong ones, as files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bridge import ca
from bridge.adapters.grpc.tls import TlsFiles
from bridge.core.peers import Peer, Role

NOW: Final = datetime.now(UTC)
"""By the machine's clock, as handshakes are."""
LONG_AGO: Final = NOW - timedelta(days=60)
LATER: Final = NOW + timedelta(days=30)
NOTARY: Final = Peer(role=Role.NOTARY, instance="bank-a")
RELAYER: Final = Peer(role=Role.RELAYER, instance="r1")
AUTHORITY: Final = ca.new_authority("test", NOW - timedelta(days=365))
STRANGER: Final = ca.new_authority("test", NOW - timedelta(days=365))
"""Another authority with the same name."""


def identity(
    folder: Path,
    peer: Peer,
    *,
    by: ca.Authority = AUTHORITY,
    now: datetime = NOW,
    days: int = 30,
    trusted: ca.Authority = AUTHORITY,
) -> TlsFiles:
    """Write a peer's key and certificate, made at *now*, and whom it trusts."""
    key = ca.new_key()
    return written(folder, key, ca.issue(by, peer, key.public_key(), now=now, days=days), trusted)


def written(
    folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, trusted: ca.Authority = AUTHORITY
) -> TlsFiles:
    """Write the three files, each in one step, as `naru ca` does."""
    folder.mkdir(exist_ok=True, parents=True)
    files = TlsFiles(ca=folder / "ca.pem", certificate=folder / "tls.pem", key=folder / "tls.key")
    for path, text in (
        (files.ca, ca.pem(trusted.certificate)),
        (files.key, ca.key_pem(key)),
        (files.certificate, ca.pem(certificate)),
    ):
        replace(path, text)
    return files


def replace(path: Path, text: str) -> None:
    """Put a file in another's place, readable by its owner only."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def renewed(files: TlsFiles, *, days: int = 30) -> int:
    """Renew a certificate in place; give its new serial number."""
    old = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    fresh = ca.renew(AUTHORITY, old, now=NOW, days=days)
    replace(files.certificate, ca.pem(fresh))
    return fresh.serial_number


def serial(files: TlsFiles) -> int:
    """Give the serial number of the certificate in a file."""
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).serial_number


def uncommon(
    key: ec.EllipticCurvePrivateKey,
    *,
    by: ca.Authority | None = AUTHORITY,
    uris: tuple[str, ...] = (),
    dns: tuple[str, ...] = (),
    server_only: bool = False,
) -> x509.Certificate:
    """Make a certificate that `bridge.ca` would not; without *by* it signs itself."""
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "uncommon")])
    names = [*map(x509.UniformResourceIdentifier, uris), *map(x509.DNSName, dns)]
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, *([] if server_only else [ExtendedKeyUsageOID.CLIENT_AUTH])]
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(LATER)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key if by is None else by.key, hashes.SHA256())
