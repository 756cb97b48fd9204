"""Round two: a signer answers the commitment list with its signature share (RFC 9591, 5.2).

Law: the nonces are gone before anything else happens, so that no failure, retry or second request
can use them again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bridge.frost.errors import CommitmentFault, CommitmentListError
from bridge.frost.group import ORDER, Scalar, decode_scalar, encode_scalar
from bridge.frost.keys import KeyPackage
from bridge.frost.round1 import SigningCommitments, SigningNonces
from bridge.frost.session import check_commitments, open_session


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureShare:
    """One signer's part of z. Public once sent; who sent it stands beside it."""

    scalar: Scalar

    def to_bytes(self) -> bytes:
        """Give 32 bytes, big endian."""
        return encode_scalar(self.scalar)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read 32 bytes, big endian.

        Raises:
            EncodingError: wrong length, or not below the group order.
        """
        return cls(scalar=decode_scalar(data))


def sign(
    key_package: KeyPackage,
    nonces: SigningNonces,
    message: bytes,
    commitments: Sequence[SigningCommitments],
) -> SignatureShare:
    """Sign `message` together with the signers of the list; uses up `nonces` even if it fails.

    The caller has built `message` from its own reading: an opaque hash is never signed.

    Raises:
        NonceReusedError: the nonces were used, by a success or by a failure.
        CommitmentListError: the list breaks a rule, or its entry for this signer is not the one
            that belongs to `nonces`.
        IdentityError: the commitments cancel.
    """
    hiding, binding = nonces.take()
    _check_own_entry(key_package, nonces, commitments)
    session = open_session(key_package.group_public_key, message, commitments)
    identifier = key_package.identifier
    z = hiding + binding * session.binding_factors[identifier] + key_package.signing_share * session.weight(identifier)
    return SignatureShare(scalar=Scalar(z % ORDER))


def _check_own_entry(key_package: KeyPackage, nonces: SigningNonces, commitments: Sequence[SigningCommitments]) -> None:
    check_commitments(commitments, threshold=key_package.threshold, participants=key_package.participants)
    own = nonces.commitments
    if own.identifier != key_package.identifier or own not in commitments:
        raise CommitmentListError(CommitmentFault.NOT_OWN)
