"""Keys of a committee, and the trusted dealer that makes them for development; `dkg` makes them without one.

Law: a key package that exists is consistent: its identifier is in 1..n, its share fits its
verifying share, its group key satisfies 0 < x < ORDER, so that one ecrecover verifies what it
signs. How a share is sealed on disk is not decided here.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NewType, Self

from bridge.frost.errors import (
    CommitteeSizeError,
    EntropyError,
    LengthError,
    ParticipantIdError,
    ShareMismatchError,
    UnusableKeyError,
)
from bridge.frost.group import (
    ELEMENT_LEN,
    ORDER,
    SCALAR_LEN,
    Element,
    Entropy,
    Scalar,
    check_length,
    decode_scalar,
    encode_scalar,
    multiply_base,
    random_scalar,
    refuse_identity,
)

ParticipantId = NewType("ParticipantId", int)
"""A signer's number, 1..n; it is also the x at which the committee's polynomial was evaluated."""

THRESHOLD_MIN: Final = 2
PARTICIPANTS_MAX: Final = 0xFFFF
COUNT_LEN: Final = 2
KEY_PACKAGE_LEN: Final = 3 * COUNT_LEN + SCALAR_LEN + ELEMENT_LEN
DRAWS_MAX: Final = 8
"""Unusable keys in a row after which the entropy must be broken; one has a chance of 2^-128."""


def participant_ids(participants: int) -> tuple[ParticipantId, ...]:
    """Give the identifiers 1..participants."""
    return tuple(ParticipantId(i) for i in range(1, participants + 1))


def is_usable_group_key(key: Element) -> bool:
    """Whether 0 < x < ORDER, which the ecrecover precompile asks of its r."""
    return not key.is_identity and 0 < key.coordinates()[0] < ORDER


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPackage:
    """What one signer holds: its secret share and what it must know of the committee.

    Raises:
        CommitteeSizeError, ParticipantIdError, UnusableKeyError, IdentityError,
        ShareMismatchError: the fields do not form a key package.
    """

    identifier: ParticipantId
    signing_share: Scalar = field(repr=False)
    verifying_share: Element
    group_public_key: Element
    threshold: int
    participants: int

    def __post_init__(self) -> None:
        """Refuse what is inconsistent."""
        check_committee(threshold=self.threshold, participants=self.participants)
        check_participant(self.identifier, participants=self.participants)
        _check_group_key(self.group_public_key)
        refuse_identity(self.verifying_share, "a verifying share")
        if multiply_base(self.signing_share) != self.verifying_share:
            raise ShareMismatchError(self.identifier)

    def to_bytes(self) -> bytes:
        """Give 71 bytes that hold the secret: for a sealed store, never for a log or a peer.

        identifier (2) ‖ threshold (2) ‖ participants (2) ‖ signing share (32) ‖ group key (33).
        """
        counts = (self.identifier, self.threshold, self.participants)
        return (
            b"".join(c.to_bytes(COUNT_LEN, "big") for c in counts)
            + encode_scalar(self.signing_share)
            + self.group_public_key.to_bytes()
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave.

        Raises:
            EncodingError: wrong length, or a part is not canonical.
            CommitteeSizeError, ParticipantIdError, UnusableKeyError, IdentityError: as above.
        """
        check_length(data, KEY_PACKAGE_LEN, "key package")
        identifier, threshold, participants = (int.from_bytes(data[at : at + COUNT_LEN], "big") for at in (0, 2, 4))
        signing_share = decode_scalar(data[6:38])
        return cls(
            identifier=ParticipantId(identifier),
            signing_share=signing_share,
            verifying_share=multiply_base(signing_share),
            group_public_key=Element.from_bytes(data[38:]),
            threshold=threshold,
            participants=participants,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeyPackage:
    """What everybody may know of a committee: enough to aggregate, verify and blame.

    `verifying_shares` are in the order of the identifiers 1..n.

    Raises:
        CommitteeSizeError, UnusableKeyError, IdentityError: the fields do not form a package.
    """

    group_public_key: Element
    verifying_shares: tuple[Element, ...]
    threshold: int

    def __post_init__(self) -> None:
        """Refuse what is inconsistent."""
        check_committee(threshold=self.threshold, participants=self.participants)
        _check_group_key(self.group_public_key)
        for share in self.verifying_shares:
            refuse_identity(share, "a verifying share")

    @property
    def participants(self) -> int:
        """The size n of the committee."""
        return len(self.verifying_shares)

    def verifying_share(self, identifier: ParticipantId) -> Element:
        """Give the public half of one signer's share.

        Raises:
            ParticipantIdError: nobody in this committee has that number.
        """
        check_participant(identifier, participants=self.participants)
        return self.verifying_shares[identifier - 1]

    @classmethod
    def from_commitment(cls, commitment: Sequence[Element], participants: int) -> Self:
        """Derive all public values from a polynomial's commitment (RFC 9591, appendix C.2).

        Raises:
            CommitteeSizeError, UnusableKeyError, IdentityError: as above.
        """
        check_committee(threshold=len(commitment), participants=participants)
        shares = (evaluate_commitment(commitment, i) for i in participant_ids(participants))
        return cls(
            group_public_key=commitment[0],
            verifying_shares=tuple(shares),
            threshold=len(commitment),
        )

    def to_bytes(self) -> bytes:
        """Give threshold (2) ‖ participants n (2) ‖ group key (33) ‖ n verifying shares (33)."""
        return (
            self.threshold.to_bytes(COUNT_LEN, "big")
            + self.participants.to_bytes(COUNT_LEN, "big")
            + self.group_public_key.to_bytes()
            + b"".join(share.to_bytes() for share in self.verifying_shares)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave.

        Raises:
            EncodingError: wrong length, or a part is not canonical.
            CommitteeSizeError, UnusableKeyError: as above.
        """
        what, head = "public key package", 2 * COUNT_LEN
        if len(data) < head:
            raise LengthError(what, expected=head, actual=len(data))
        participants = int.from_bytes(data[COUNT_LEN:head], "big")
        check_length(data, head + (participants + 1) * ELEMENT_LEN, what)
        key, *shares = (Element.from_bytes(data[at : at + ELEMENT_LEN]) for at in range(head, len(data), ELEMENT_LEN))
        return cls(
            group_public_key=key,
            verifying_shares=tuple(shares),
            threshold=int.from_bytes(data[:COUNT_LEN], "big"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """What the trusted dealer gives out; `commitment` is public, one element a coefficient."""

    key_packages: tuple[KeyPackage, ...]
    public_key_package: PublicKeyPackage
    commitment: tuple[Element, ...]


def deal(*, secret: Scalar, coefficients: Sequence[Scalar], participants: int) -> Dealing:
    """Share `secret` as a trusted dealer, *for development* (RFC 9591, appendix C.1).

    The dealer knows the whole key: a committee that guards value makes its key together instead.
    The threshold is one more than the number of `coefficients`, which, like the secret, are
    uniformly random and used once.

    Raises:
        CommitteeSizeError: not 2 <= threshold <= participants <= 65535.
        UnusableKeyError: the group key is not 0 < x < ORDER, or a coefficient or share is zero.
    """
    polynomial = (secret, *coefficients)
    check_committee(threshold=len(polynomial), participants=participants)
    shares = {i: evaluate_polynomial(polynomial, i) for i in participant_ids(participants)}
    if 0 in polynomial or 0 in shares.values():
        raise UnusableKeyError
    commitment = tuple(multiply_base(c) for c in polynomial)
    public = PublicKeyPackage.from_commitment(commitment, participants)
    packages = tuple(
        KeyPackage(
            identifier=i,
            signing_share=share,
            verifying_share=public.verifying_share(i),
            group_public_key=public.group_public_key,
            threshold=public.threshold,
            participants=participants,
        )
        for i, share in shares.items()
    )
    return Dealing(key_packages=packages, public_key_package=public, commitment=commitment)


def deal_at_random(*, entropy: Entropy, threshold: int, participants: int) -> Dealing:
    """Deal a fresh random key *for development*, drawing again until it is usable.

    Raises:
        CommitteeSizeError: as `deal`.
        EntropyError: the source gives a wrong number of bytes, or only unusable keys.
    """
    check_committee(threshold=threshold, participants=participants)
    for _ in range(DRAWS_MAX):
        secret, *coefficients = (random_scalar(entropy) for _ in range(threshold))
        with suppress(UnusableKeyError):
            return deal(secret=secret, coefficients=coefficients, participants=participants)
    raise EntropyError


def check_share(key_package: KeyPackage, commitment: Sequence[Element]) -> None:
    """Check a dealt share against the dealer's commitment (vss_verify: RFC 9591, appendix C.2).

    Raises:
        ShareMismatchError: share, group key or threshold do not follow from the commitment.
    """
    if (
        len(commitment) != key_package.threshold
        or commitment[0] != key_package.group_public_key
        or evaluate_commitment(commitment, key_package.identifier) != key_package.verifying_share
    ):
        raise ShareMismatchError(key_package.identifier)


def evaluate_commitment(commitment: Sequence[Element], identifier: ParticipantId) -> Element:
    """Evaluate a committed polynomial of one coefficient or more at `identifier`, by Horner."""
    *lower, value = commitment
    for coefficient in reversed(lower):
        value = Scalar(identifier) * value + coefficient
    return value


def evaluate_polynomial(polynomial: Sequence[Scalar], x: ParticipantId) -> Scalar:
    """Evaluate a secret polynomial, lowest coefficient first, at `x`: that signer's share (RFC 9591, appendix C.1)."""
    value = 0
    for coefficient in reversed(polynomial):
        value = (value * x + coefficient) % ORDER
    return Scalar(value)


def check_committee(*, threshold: int, participants: int) -> None:
    """Refuse what is not 2 <= threshold <= participants <= 65535."""
    if not THRESHOLD_MIN <= threshold <= participants <= PARTICIPANTS_MAX:
        raise CommitteeSizeError(threshold=threshold, participants=participants)


def check_participant(identifier: ParticipantId, *, participants: int) -> None:
    """Refuse an identifier that is not in 1..participants; at zero a polynomial gives its secret."""
    if not 1 <= identifier <= participants:
        raise ParticipantIdError(identifier, participants=participants)


def _check_group_key(key: Element) -> None:
    if not is_usable_group_key(key):
        raise UnusableKeyError
