"""The three files of a mutual TLS identity: read, checked before anything is connected, read again when they change.

No gRPC here: bytes for it. Keys are not logged, and an error's text names a file, never what is in it.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from bridge.core.peers import Peer
from bridge.errors import ConfigError, InvalidInputError

OTHERS: Final = 0o077
RETRY: Final = timedelta(seconds=1)
"""Changed files that can't be used are looked at again so often: they may become valid, or readable."""
_BOTH_ENDS: Final = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
_ROOTS: Final = "a certificate authority of"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where an identity is: PEM files, as `naru ca` writes them. `certificate` may hold intermediates after its own."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """What the files held: PEM as it was, and what the own certificate says."""

    ca: bytes
    certificate: bytes
    key: bytes = field(repr=False)
    peer: Peer
    not_after: datetime


class TlsSource:
    """An identity that follows its files, from any thread."""

    def __init__(self, files: TlsFiles, now: Callable[[], datetime] | None = None) -> None:
        """Read the files.

        Raises:
            ConfigError: as for `read_identity`.
        """
        self._files = files
        self._now = now or _utc_now
        self._lock = threading.Lock()  # gRPC's own threads ask, too
        self._seen = _stamps(files)
        self._retry_at: datetime | None = None
        self._identity = read_identity(files, self._now())

    def latest(self) -> TlsIdentity:
        """Give the identity of the files as they are; the former, as the same object, while they can't be used."""
        with self._lock:
            stamps = _stamps(self._files)
            if stamps != self._seen or (self._retry_at is not None and self._now() >= self._retry_at):
                self._reload(told_before=stamps == self._seen)
                self._seen = stamps
            return self._identity

    def _reload(self, *, told_before: bool) -> None:
        try:
            self._identity = self._same_peer(read_identity(self._files, self._now()))
        except ConfigError as error:
            self._retry_at = self._now() + RETRY
            if not told_before:
                log.warning("certificate.refused", error=str(error))
        else:
            self._retry_at = None
            until = f"{self._identity.not_after:%F %T}"
            log.info("certificate.loaded", reference=self._identity.peer.uri, status=f"good until {until} UTC")

    def _same_peer(self, found: TlsIdentity) -> TlsIdentity:
        was, now = self._identity.peer, found.peer
        if now != was:
            names = f"names {now.role} {now.instance}, and this process is {was.role} {was.instance}"
            raise ConfigError((f"{self._files.certificate} {names}: start it anew to be another",))
        return found


def read_identity(files: TlsFiles, now: datetime) -> TlsIdentity:
    """Read and check the three files.

    Raises:
        ConfigError: others may read the key, it does not fit the certificate, this names no peer, is not valid now, or
            no authority in `ca` issued it: everything that is wrong at once, each with what to do.
    """
    problems: list[str] = []
    ca, certificate, key = (_read(path, problems) for path in (files.ca, files.certificate, files.key))
    stamp = _stamp(files.key)
    if stamp is not None and stamp.mode & OTHERS:
        problems.append(f"{files.key} can be read by others: run chmod 600 {files.key}")
    roots, chain = _certificates(files.ca, ca, problems), _certificates(files.certificate, certificate, problems)
    private = _private(files.key, key, problems)
    peer = _checked_peer(files, chain, now, problems) if chain else None
    if chain and private is not None and private.public_key() != chain[0].public_key():
        problems.append(f"{files.key} is not the key of {files.certificate}: give the two that were made together")
    if chain and roots and not _leads_to(chain[0], chain[1:], roots):
        problems.append(f"{files.certificate} was not issued by {_ROOTS} {files.ca}: give the ca.pem that came with it")
    if problems or peer is None or ca is None or certificate is None or key is None:
        raise ConfigError(tuple(problems))
    return TlsIdentity(ca=ca, certificate=certificate, key=key, peer=peer, not_after=chain[0].not_valid_after_utc)


def _read(path: Path, problems: list[str]) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        problems.append(f"{path} can't be read ({error.strerror}): make it with `naru ca issue`")
        return None


def _certificates(path: Path, data: bytes | None, problems: list[str]) -> list[x509.Certificate]:
    if data is None:
        return []
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        problems.append(f"{path} holds no certificate: give a PEM file as `naru ca` writes it")
        return []


def _private(path: Path, data: bytes | None, problems: list[str]) -> PrivateKeyTypes | None:
    if data is None:
        return None
    try:
        return load_pem_private_key(data, None)
    except TypeError:
        problems.append(f"{path} is encrypted: a process that starts by itself needs a key without a passphrase")
    except (ValueError, UnsupportedAlgorithm):
        problems.append(f"{path} holds no private key: give a PEM file as `naru ca` writes it")
    return None


def _checked_peer(files: TlsFiles, chain: list[x509.Certificate], now: datetime, problems: list[str]) -> Peer | None:
    path, own = files.certificate, chain[0]
    for certificate in chain:
        if now > certificate.not_valid_after_utc:
            problems.append(f"{path} expired at {certificate.not_valid_after_utc:%F %T} UTC: run `naru ca renew`")
        if now < certificate.not_valid_before_utc:
            from_ = f"{certificate.not_valid_before_utc:%F %T}"
            problems.append(f"{path} is valid from {from_} UTC only: is this machine's clock right?")
    try:
        names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        peer = Peer.among(names.get_values_for_type(x509.UniformResourceIdentifier))
    except (x509.ExtensionNotFound, ValueError, InvalidInputError) as error:
        problems.append(f"{path} names no role and instance ({error}): issue it with `naru ca`")
        return None
    if peer.dns_name not in names.get_values_for_type(x509.DNSName) or not _serves_both_ends(own):
        problems.append(f"{path} can't be used: it needs the name {peer.dns_name}, and use as server and client")
    return peer


def _serves_both_ends(certificate: x509.Certificate) -> bool:
    with suppress(x509.ExtensionNotFound):
        return set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) >= _BOTH_ENDS
    return True


def _leads_to(own: x509.Certificate, others: list[x509.Certificate], roots: list[x509.Certificate]) -> bool:
    """Tell whether issuers lead from the own certificate to a root. The handshake checks more; this is for people."""
    if any(_issued(own, root) for root in roots):
        return True
    issuers = (other for other in others if _issued(own, other))
    return any(_leads_to(issuer, [other for other in others if other is not issuer], roots) for issuer in issuers)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


class _Stamp(NamedTuple):
    inode: int
    mode: int
    size: int
    changed_ns: int
    """Of the file's status: a copy that keeps the time of the last write changes it, too."""


def _stamps(files: TlsFiles) -> tuple[_Stamp | None, ...]:
    return tuple(map(_stamp, (files.ca, files.certificate, files.key)))


def _stamp(path: Path) -> _Stamp | None:
    with suppress(OSError):
        found = path.stat()
        return _Stamp(found.st_ino, found.st_mode, found.st_size, found.st_ctime_ns)
    return None


def _utc_now() -> datetime:
    return datetime.now(UTC)
