"""A small private certificate authority for mutual TLS. No files and no clock here: keys and certificates as values.

One level: the authority signs the certificates of processes, and nothing below it may sign (RFC 5280, 4.2.1.9: path
length 0). A process's certificate names it twice (core.peers.Peer) and serves both ends of a connection.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bridge.core.peers import Peer
from bridge.errors import InvalidInputError

DAYS: Final = 30
DAYS_MAX: Final = 90
AUTHORITY_DAYS: Final = 5 * 365
CLOCK_SKEW: Final = timedelta(minutes=5)
"""A certificate is valid from so long before it is made, for machines whose clock is behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(name: str, now: datetime) -> Authority:
    """Make an authority that signs for five years; *name* is told to people only.

    Raises:
        InvalidInputError: the name has not 1 to 64 characters.
    """
    if not 0 < len(name) <= 64:  # noqa: PLR2004 - RFC 5280, appendix A: ub-common-name
        raise InvalidInputError("a certificate authority's name has 1 to 64 characters")
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(sign_certificates=True), critical=True)
    return Authority(certificate=builder.sign(key, hashes.SHA256()), key=key)


def issue(
    authority: Authority, peer: Peer, public_key: ec.EllipticCurvePublicKey, *, now: datetime, days: int = DAYS
) -> x509.Certificate:
    """Certify that a key is a peer's, for 1 to 90 days.

    Raises:
        InvalidInputError: the days are out of range, or the authority itself ends before.
    """
    if not 0 < days <= DAYS_MAX:
        raise InvalidInputError(f"a certificate is good for 1 to {DAYS_MAX} days, not {days}: renew it in time instead")
    issuer = authority.certificate
    if now + timedelta(days=days) > issuer.not_valid_after_utc:
        raise InvalidInputError(
            f"the certificate authority itself ends on {issuer.not_valid_after_utc:%Y-%m-%d}: give fewer --days, and "
            "make a new one (`naru ca init`) before that"
        )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, peer.dns_name)])
    builder = _builder(subject, issuer.subject, public_key, now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(sign_certificates=False), critical=True)
    ends = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = builder.add_extension(ends, critical=False)
    builder = builder.add_extension(_names(peer), critical=False)
    own = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return builder.add_extension(own, critical=False).sign(authority.key, hashes.SHA256())


def renew(authority: Authority, old: x509.Certificate, *, now: datetime, days: int = DAYS) -> x509.Certificate:
    """Certify the same peer and the same key anew; *old* may have expired.

    Raises:
        InvalidInputError: another authority issued it, or as for `issue`.
    """
    try:
        old.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise InvalidInputError("another certificate authority issued this certificate: ask that one") from error
    return issue(authority, peer_in(old), _p256(old.public_key()), now=now, days=days)


def request(peer: Peer, key: ec.EllipticCurvePrivateKey) -> x509.CertificateSigningRequest:
    """Ask for a certificate (PKCS #10), so that the key stays where it is."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, peer.dns_name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.add_extension(_names(peer), critical=False).sign(key, hashes.SHA256())


def sign(
    authority: Authority, asked: x509.CertificateSigningRequest, *, now: datetime, days: int = DAYS
) -> x509.Certificate:
    """Certify what a request asks; of it only the peer's name and the key are taken.

    Raises:
        InvalidInputError: it is not signed by its own key, its key is not on P-256, or as for `issue`.
    """
    if not asked.is_signature_valid:
        raise InvalidInputError("the request is not signed by the key that it holds: make it anew (`naru ca request`)")
    return issue(authority, peer_in(asked), _p256(asked.public_key()), now=now, days=days)


def peer_in(named: x509.Certificate | x509.CertificateSigningRequest) -> Peer:
    """Tell whom a certificate or a request names.

    Raises:
        InvalidInputError: nobody, or several.
    """
    try:
        names = named.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise InvalidInputError("no role and instance are named: it is not from `naru ca`") from error
    return Peer.among(names.get_values_for_type(x509.UniformResourceIdentifier))


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: str = "") -> str:
    """Write a key as PKCS #8, encrypted if there is a passphrase."""
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def pem(made: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Write a certificate or a request."""
    return made.public_bytes(Encoding.PEM).decode()


def load_authority(certificate: bytes, key: bytes, passphrase: str = "") -> Authority:
    """Read an authority back.

    Raises:
        InvalidInputError: a part is not what it should be, the passphrase is wrong or missing, or they don't fit.
    """
    try:
        parsed = x509.load_pem_x509_certificate(certificate)
        private = load_pem_private_key(key, passphrase.encode() if passphrase else None)
    except TypeError as error:  # one of the two has a passphrase, and the other has not
        wanted = (
            "is not encrypted: leave --passphrase-file out" if passphrase else "is encrypted: give --passphrase-file"
        )
        raise InvalidInputError(f"the certificate authority's key {wanted}") from error
    except ValueError as error:
        raise InvalidInputError(
            f"the certificate authority's key or certificate can't be read, or the passphrase is wrong: {error}"
        ) from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != parsed.public_key():
        raise InvalidInputError("the certificate authority's key and certificate do not belong together")
    return Authority(certificate=parsed, key=private)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _names(peer: Peer) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(peer.uri), x509.DNSName(peer.dns_name)])


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _p256(key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidInputError("the key is not on P-256: make it with `naru ca request`")
    return key
