"""What every signer and the coordinator compute alike: RFC 9591, sections 4.2 to 4.6.

Law: all of it is public and follows from group key, message and commitment list. The binding
factors, which hash all three, are what makes sessions in parallel safe: never leave one out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from bridge.frost.errors import CommitmentFault, CommitmentListError
from bridge.frost.group import (
    ORDER,
    Element,
    Scalar,
    encode_scalar,
    refuse_identity,
    sum_elements,
)
from bridge.frost.hashing import challenge, h1, h4, h5
from bridge.frost.keys import ParticipantId
from bridge.frost.round1 import SigningCommitments


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The public values of one signing session.

    `nonce_commitments` hold, per signer, hiding and binding factor * binding; the sum of them all is
    the signature's R, `group_commitment`.
    """

    binding_factors: Mapping[ParticipantId, Scalar]
    nonce_commitments: Mapping[ParticipantId, tuple[Element, Element]]
    group_commitment: Element
    challenge: Scalar

    def weight(self, identifier: ParticipantId) -> Scalar:
        """Give challenge * Lagrange coefficient, by which this signer's share counts."""
        return Scalar(self.challenge * lagrange(identifier, self.binding_factors) % ORDER)

    def commitment_share(self, identifier: ParticipantId) -> Element:
        """Give a signer's part of R: hiding + binding factor * binding."""
        return sum_elements(self.nonce_commitments[identifier])


def check_commitments(commitments: Sequence[SigningCommitments], *, threshold: int, participants: int) -> None:
    """Refuse a list that is not strictly ascending, within 1..n and as long as the threshold.

    Raises:
        CommitmentListError: `fault` says which rule of RFC 9591, section 4.3 or 5.2, is broken.
    """
    identifiers = [c.identifier for c in commitments]
    if len(identifiers) < threshold:
        raise CommitmentListError(CommitmentFault.BELOW_THRESHOLD)
    if any(left > right for left, right in pairwise(identifiers)):
        raise CommitmentListError(CommitmentFault.UNSORTED)
    if len(set(identifiers)) < len(identifiers):
        raise CommitmentListError(CommitmentFault.DUPLICATED)
    if identifiers[0] < 1 or identifiers[-1] > participants:
        raise CommitmentListError(CommitmentFault.UNKNOWN_SIGNER)


def open_session(group_public_key: Element, message: bytes, commitments: Sequence[SigningCommitments]) -> Session:
    """Compute the public values from a list that `check_commitments` let pass.

    Raises:
        IdentityError: the commitments cancel.
    """
    factors = binding_factors(group_public_key, message, commitments)
    nonces = {c.identifier: (c.hiding, factors[c.identifier] * c.binding) for c in commitments}
    group_commitment = sum_elements(chain.from_iterable(nonces.values()))
    refuse_identity(group_commitment, "the group commitment")
    return Session(
        binding_factors=factors,
        nonce_commitments=nonces,
        group_commitment=group_commitment,
        challenge=challenge(group_commitment, group_public_key, message),
    )


def binding_factors(
    group_public_key: Element, message: bytes, commitments: Sequence[SigningCommitments]
) -> dict[ParticipantId, Scalar]:
    """Hash each signer's binding factor (RFC 9591, section 4.4)."""
    prefix = binding_factor_prefix(group_public_key, message, commitments)
    return {c.identifier: h1(prefix + encode_scalar(c.identifier)) for c in commitments}


def binding_factor_prefix(
    group_public_key: Element, message: bytes, commitments: Sequence[SigningCommitments]
) -> bytes:
    """Give the 97 bytes that all binding factor inputs share: key ‖ H4(message) ‖ H5(list)."""
    encoded = b"".join(encode_scalar(c.identifier) + c.to_bytes() for c in commitments)
    return group_public_key.to_bytes() + h4(message) + h5(encoded)


def lagrange(identifier: ParticipantId, signers: Iterable[ParticipantId]) -> Scalar:
    """Compute a signer's interpolation coefficient at zero (RFC 9591, section 4.2).

    `signers` are distinct and include `identifier`.
    """
    numerator, denominator = 1, 1
    for other in signers:
        if other != identifier:
            numerator = numerator * other % ORDER
            denominator = denominator * (other - identifier) % ORDER
    return Scalar(numerator * pow(denominator, -1, ORDER) % ORDER)
