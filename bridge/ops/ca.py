"""`naru ca`: folders of the private certificate authority and of those that it certifies. Nothing is overwritten.

The authority's folder holds `ca.pem` and `ca.key`; a process's folder `tls.key`, `tls.pem` and `ca.pem`, and `tls.csr`
where the key was made there.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge import ca
from bridge.config import read_secret
from bridge.core.peers import Peer
from bridge.disk import put
from bridge.errors import InvalidInputError

CA_CERTIFICATE: Final = "ca.pem"
CA_KEY: Final = "ca.key"
CERTIFICATE: Final = "tls.pem"
KEY: Final = "tls.key"
REQUEST: Final = "tls.csr"
PASSPHRASE_LEN_MIN: Final = 12
_SECRET: Final = 0o600
_PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a file says; a request says nothing of serial and time."""

    kind: str
    """`authority`, `certificate` or `request`."""
    name: str
    """`<role>/<instance>`; an authority's own name."""
    fingerprint: str
    """SHA-256 of the certificate, or of the request's public key: hexadecimal."""
    serial: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    days_left: int | None = None


def init(folder: Path, name: str, passphrase_file: Path | None, now: datetime) -> Path:
    """Make an authority in *folder*; give its certificate.

    Raises:
        InvalidInputError: there is one already, or it can't be written.
        ConfigError: the passphrase can't be read, or others can read it.
    """
    passphrase = _passphrase(passphrase_file)
    made = ca.new_authority(name, now)
    _write(folder, {CA_KEY: ca.key_pem(made.key, passphrase), CA_CERTIFICATE: ca.pem(made.certificate)})
    return folder / CA_CERTIFICATE


def issue(folder: Path, peer: Peer, out: Path, *, days: int, passphrase_file: Path | None, now: datetime) -> Path:
    """Make a key and its certificate in *out*, the authority's certificate beside; give the certificate.

    Raises:
        InvalidInputError: something of it is there already, or the authority in *folder* can't sign it.
        ConfigError: a secret file can't be read, or others can read it.
    """
    authority, key = _authority(folder, passphrase_file), ca.new_key()
    certificate = ca.issue(authority, peer, key.public_key(), now=now, days=days)
    texts = {KEY: ca.key_pem(key), CERTIFICATE: ca.pem(certificate), CA_CERTIFICATE: ca.pem(authority.certificate)}
    _write(out, texts)
    return out / CERTIFICATE


def request(peer: Peer, out: Path) -> Path:
    """Make a key in *out*, where it stays, and a request that can travel; give the request.

    Raises:
        InvalidInputError: something of it is there already, or it can't be written.
    """
    key = ca.new_key()
    _write(out, {KEY: ca.key_pem(key), REQUEST: ca.pem(ca.request(peer, key))})
    return out / REQUEST


def sign(folder: Path, asked: Path, out: Path, *, days: int, passphrase_file: Path | None, now: datetime) -> Path:
    """Certify what a request asks, in *out*, the authority's certificate beside; give the certificate.

    Raises:
        InvalidInputError, ConfigError: as for `issue`; or *asked* holds no request that can be signed.
    """
    try:
        parsed = x509.load_pem_x509_csr(_read(asked))
    except ValueError as error:
        raise InvalidInputError(f"{asked} holds no request: make one with `naru ca request`") from error
    authority = _authority(folder, passphrase_file)
    certificate = ca.sign(authority, parsed, now=now, days=days)
    _write(out, {CERTIFICATE: ca.pem(certificate), CA_CERTIFICATE: ca.pem(authority.certificate)})
    return out / CERTIFICATE


def renew(folder: Path, certificate: Path, *, days: int, passphrase_file: Path | None, now: datetime) -> None:
    """Put a fresh certificate of the same peer and key in the place of an old one, whole or not at all.

    Processes that run take it up by themselves.

    Raises:
        InvalidInputError, ConfigError: as for `issue`; or the authority in *folder* did not issue the old one.
    """
    old = _certificate(certificate)
    fresh = ca.renew(_authority(folder, passphrase_file), old, now=now, days=days)
    try:
        put(certificate, ca.pem(fresh), mode=_PUBLIC)
    except OSError as error:
        raise InvalidInputError(f"{certificate} can't be written: {error.strerror}") from error


def show(path: Path, now: datetime) -> Shown:
    """Tell what a certificate, an authority's or a process's, or a request says.

    Raises:
        InvalidInputError: it is none of them.
    """
    data = _read(path)
    if b"BEGIN CERTIFICATE REQUEST" in data:
        return _shown_request(path, data)
    found = _certificate(path)
    authority = _is_authority(found)
    return Shown(
        kind="authority" if authority else "certificate",
        name=found.subject.rfc4514_string() if authority else _spelled(ca.peer_in(found)),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        serial=f"{found.serial_number:x}",
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        days_left=(found.not_valid_after_utc - now).days,
    )


def _shown_request(path: Path, data: bytes) -> Shown:
    try:
        asked = x509.load_pem_x509_csr(data)
    except ValueError as error:
        raise InvalidInputError(f"{path} holds no request: make one with `naru ca request`") from error
    public = asked.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Shown(kind="request", name=_spelled(ca.peer_in(asked)), fingerprint=sha256(public).hexdigest())


def _authority(folder: Path, passphrase_file: Path | None) -> ca.Authority:
    certificate = _read(folder / CA_CERTIFICATE)
    key = read_secret(folder / CA_KEY).encode()
    return ca.load_authority(certificate, key, _passphrase(passphrase_file))


def _passphrase(path: Path | None) -> str:
    if path is None:
        return ""
    text = read_secret(path)
    if len(text) < PASSPHRASE_LEN_MIN:
        raise InvalidInputError(f"{path} holds fewer than {PASSPHRASE_LEN_MIN} characters: choose a longer passphrase")
    return text


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError as error:
        raise InvalidInputError(f"{path} holds no certificate: give a PEM file as `naru ca` writes it") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read: {error.strerror}") from error


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write every file or, where one of them is there already, none; keys first, so that none is missing."""
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise InvalidInputError(f"{', '.join(there)} in {folder} would be overwritten: name another folder")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in texts.items():
            put(folder / name, text, mode=_SECRET if name in {CA_KEY, KEY} else _PUBLIC, new=True)
    except OSError as error:
        raise InvalidInputError(f"{folder} can't be written: {error.strerror}") from error


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _spelled(peer: Peer) -> str:
    return f"{peer.role}/{peer.instance}"
