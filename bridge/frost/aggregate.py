"""The coordinator's part: shares become one Schnorr signature, or the guilty are named.

RFC 9591, sections 5.3 and 5.4, and appendix B. Law: nothing here is secret, and no signature
leaves `aggregate` that `verify` would refuse. The signature is what one ecrecover and SHA-256
verify on an EVM.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from bridge.frost.errors import (
    InconsistentKeysError,
    InvalidShareError,
    ScalarError,
    ShareSetError,
)
from bridge.frost.group import (
    ELEMENT_LEN,
    ORDER,
    SCALAR_LEN,
    Element,
    Scalar,
    check_length,
    decode_scalar,
    encode_scalar,
    multiply_base,
    refuse_identity,
)
from bridge.frost.hashing import challenge
from bridge.frost.keys import ParticipantId, PublicKeyPackage, is_usable_group_key
from bridge.frost.round1 import SigningCommitments
from bridge.frost.round2 import SignatureShare
from bridge.frost.session import Session, check_commitments, open_session

SIGNATURE_LEN: Final = ELEMENT_LEN + SCALAR_LEN
WORD_LEN: Final = 32
EVM_SIGNATURE_LEN: Final = 3 * WORD_LEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A Schnorr signature: R (`group_commitment`) and 0 < z < ORDER.

    Many valid signatures exist for one message: never use one, or its hash, as an identity.

    Raises:
        IdentityError, ScalarError: R is the identity, or z is zero.
    """

    group_commitment: Element
    z: Scalar

    def __post_init__(self) -> None:
        """Refuse what the verifiers on the ledgers refuse."""
        refuse_identity(self.group_commitment, "a signature's R")
        if self.z == 0:
            raise ScalarError

    def to_bytes(self) -> bytes:
        """Give R compressed (33) ‖ z (32)."""
        return self.group_commitment.to_bytes() + encode_scalar(self.z)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read 65 bytes.

        Raises:
            EncodingError: wrong length, R not a point, z not in 1..ORDER-1.
        """
        check_length(data, SIGNATURE_LEN, "signature")
        return cls(
            group_commitment=Element.from_bytes(data[:ELEMENT_LEN]),
            z=decode_scalar(data[ELEMENT_LEN:]),
        )

    def to_evm(self) -> bytes:
        """Give abi.encode(Rx, Ry, z), three words, for an ERC-7913 verifier."""
        x, y = self.group_commitment.coordinates()
        return x.to_bytes(WORD_LEN, "big") + y.to_bytes(WORD_LEN, "big") + encode_scalar(self.z)

    @classmethod
    def from_evm(cls, data: bytes) -> Self:
        """Read what `to_evm` gave.

        Raises:
            EncodingError: wrong length, R not a point, z not in 1..ORDER-1.
        """
        check_length(data, EVM_SIGNATURE_LEN, "signature of three words")
        x, y = (int.from_bytes(data[at : at + WORD_LEN], "big") for at in (0, WORD_LEN))
        return cls(
            group_commitment=Element.from_coordinates(x, y),
            z=decode_scalar(data[2 * WORD_LEN :]),
        )


def verify(group_public_key: Element, message: bytes, signature: Signature) -> bool:
    """Whether `signature` is of `message` under this key (RFC 9591, appendix B).

    A key outside 0 < x < ORDER signs nothing here, since no EVM could verify it.
    """
    if not is_usable_group_key(group_public_key):
        return False
    c = challenge(signature.group_commitment, group_public_key, message)
    return _satisfies(signature.z, signature.group_commitment, c, group_public_key)


def aggregate(
    public_key_package: PublicKeyPackage,
    message: bytes,
    commitments: Sequence[SigningCommitments],
    shares: Mapping[ParticipantId, SignatureShare],
) -> Signature:
    """Combine the shares of all signers in the list into one valid signature (RFC 9591, 5.3).

    Only if the result is wrong is each share checked, so wrong shares whose errors cancel pass:
    the signature is valid all the same.

    Raises:
        CommitmentListError: the list breaks a rule.
        ShareSetError: the shares are not those of exactly the listed signers.
        InvalidShareError: `culprits` names every signer whose share is wrong.
        InconsistentKeysError: all shares are right and the package is not.
        IdentityError: the commitments cancel.
    """
    session = _open(public_key_package, message, commitments)
    _check_share_set(session, shares)
    key = public_key_package.group_public_key
    z = Scalar(sum(share.scalar for share in shares.values()) % ORDER)
    if not _satisfies(z, session.group_commitment, session.challenge, key):
        raise _blame(public_key_package, session, shares)
    return Signature(group_commitment=session.group_commitment, z=z)


def verify_share(
    public_key_package: PublicKeyPackage,
    message: bytes,
    commitments: Sequence[SigningCommitments],
    identifier: ParticipantId,
    share: SignatureShare,
) -> bool:
    """Whether one signer's share is right (verify_signature_share: RFC 9591, section 5.4).

    Raises:
        CommitmentListError: the list breaks a rule.
        ShareSetError: the signer is not in the list.
        IdentityError: the commitments cancel.
    """
    session = _open(public_key_package, message, commitments)
    if identifier not in session.binding_factors:
        raise ShareSetError(missing=(), unexpected=(identifier,))
    return _is_right(public_key_package, session, identifier, share)


def _open(
    public_key_package: PublicKeyPackage,
    message: bytes,
    commitments: Sequence[SigningCommitments],
) -> Session:
    check_commitments(
        commitments,
        threshold=public_key_package.threshold,
        participants=public_key_package.participants,
    )
    return open_session(public_key_package.group_public_key, message, commitments)


def _check_share_set(session: Session, shares: Mapping[ParticipantId, SignatureShare]) -> None:
    asked, given = session.binding_factors.keys(), shares.keys()
    if asked != given:
        raise ShareSetError(missing=asked - given, unexpected=given - asked)


def _blame(
    public_key_package: PublicKeyPackage,
    session: Session,
    shares: Mapping[ParticipantId, SignatureShare],
) -> InvalidShareError | InconsistentKeysError:
    culprits = [i for i, share in shares.items() if not _is_right(public_key_package, session, i, share)]
    return InvalidShareError(culprits) if culprits else InconsistentKeysError()


def _is_right(
    public_key_package: PublicKeyPackage,
    session: Session,
    identifier: ParticipantId,
    share: SignatureShare,
) -> bool:
    return _satisfies(
        share.scalar,
        session.commitment_share(identifier),
        session.weight(identifier),
        public_key_package.verifying_share(identifier),
    )


def _satisfies(z: Scalar, commitment: Element, weight: Scalar, key: Element) -> bool:
    """Whether z * base = commitment + weight * key, the one equation of Schnorr's scheme."""
    return multiply_base(z) == commitment + weight * key
