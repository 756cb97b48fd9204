"""A committee makes its key together: nobody deals, nobody ever knows it (R-41).

Pedersen's key generation with proofs of possession, as in the FROST paper (Komlo and Goldberg,
2020, figure 1) with the hash of the Zcash Foundation's frost-core, so that its vectors pass. Each
member deals a polynomial of its own; the key is the sum of all. The steps: `draw_polynomial`,
`round1`, `check_round1` of each package; `share_for` each member, `check_dealt_share` of each
share; `finish`.

Law: every member takes part, or there is no key; whoever cheats is named, as `culprit`. What this
module cannot see is a member that shows different packages to different members, or an old one
again (the proof binds no session): before a share is dealt the ceremony lets all members sign the
same packages, in messages bound to one proposal.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Self, SupportsIndex, final

from bridge.frost.aggregate import SIGNATURE_LEN, Signature
from bridge.frost.errors import (
    CommitteeSizeError,
    DealtShareError,
    EncodingError,
    EntropyError,
    IdentityError,
    MemberSetError,
    MixedThresholdsError,
    PackageFault,
    PolynomialExportError,
    ProofError,
    ScalarError,
    UnusableKeyError,
)
from bridge.frost.group import (
    ELEMENT_LEN,
    ORDER,
    SCALAR_LEN,
    WIDE_LEN,
    Element,
    Entropy,
    Scalar,
    check_length,
    decode_scalar,
    draw,
    encode_scalar,
    multiply_base,
    random_scalar,
    reduce_scalar,
    sum_elements,
)
from bridge.frost.hashing import CONTEXT, expand_message_xmd, h3
from bridge.frost.keys import (
    PARTICIPANTS_MAX,
    THRESHOLD_MIN,
    KeyPackage,
    ParticipantId,
    PublicKeyPackage,
    check_committee,
    check_participant,
    evaluate_commitment,
    evaluate_polynomial,
    participant_ids,
)
from bridge.frost.round1 import RANDOMNESS_LEN

Packages = Mapping[ParticipantId, "Round1Package"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polynomial:
    """What one member deals from: secret, drawn once for one ceremony.

    `coefficients` are `threshold` scalars in 1..ORDER-1, the one of x^0 first. It cannot be copied,
    pickled or printed; a ceremony that must survive a restart seals `to_bytes`.

    Raises:
        CommitteeSizeError: fewer than 2 or more than 65535 coefficients.
        ScalarError: a coefficient is not in 1..ORDER-1.
    """

    coefficients: tuple[Scalar, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no committee could use."""
        check_committee(threshold=self.threshold, participants=PARTICIPANTS_MAX)
        if not all(0 < coefficient < ORDER for coefficient in self.coefficients):
            raise ScalarError

    @property
    def threshold(self) -> int:
        """How many signers the key will need."""
        return len(self.coefficients)

    def to_bytes(self) -> bytes:
        """Give threshold × 32 secret bytes: for a sealed store, never for a log or a peer."""
        return b"".join(encode_scalar(coefficient) for coefficient in self.coefficients)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave; the length tells the threshold.

        Raises:
            EncodingError: not two or more whole scalars in 1..ORDER-1.
            CommitteeSizeError: more than 65535 of them.
        """
        whole = max(THRESHOLD_MIN, -(-len(data) // SCALAR_LEN)) * SCALAR_LEN
        check_length(data, whole, "polynomial")
        return cls(coefficients=tuple(decode_scalar(part) for part in _parts(data, SCALAR_LEN)))

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        """Refuse `copy`, `deepcopy` and `pickle`, which all come here."""
        raise PolynomialExportError


@dataclass(frozen=True, slots=True, kw_only=True)
class Round1Package:
    """What one member tells all others: its committed polynomial, and a proof that it knows the secret.

    `commitment` has one element for each coefficient; `proof` is a Schnorr signature under the first
    of them. A package may be a lie until `check_round1` has let it pass.
    """

    identifier: ParticipantId
    commitment: tuple[Element, ...]
    proof: Signature

    def to_bytes(self) -> bytes:
        """Give threshold × 33 bytes of commitment ‖ R (33) ‖ mu (32); who sent it stands beside it."""
        return b"".join(element.to_bytes() for element in self.commitment) + self.proof.to_bytes()

    @classmethod
    def from_bytes(cls, identifier: ParticipantId, data: bytes, *, threshold: int) -> Self:
        """Read the package that the member `identifier` sent.

        Raises:
            ProofError: `data` is not threshold × 33 + 65 bytes, or a part is not canonical.
        """
        split = threshold * ELEMENT_LEN
        try:
            check_length(data, split + SIGNATURE_LEN, "package")
            commitment = tuple(Element.from_bytes(part) for part in _parts(data[:split], ELEMENT_LEN))
            proof = Signature.from_bytes(data[split:])
        except EncodingError as malformed:
            raise ProofError(identifier, PackageFault.ENCODING) from malformed
        return cls(identifier=identifier, commitment=commitment, proof=proof)


def draw_polynomial(entropy: Entropy, threshold: int) -> Polynomial:
    """Draw a member's polynomial for one ceremony.

    Raises:
        CommitteeSizeError: not 2 <= threshold <= 65535.
        EntropyError: the source gives a wrong number of bytes, or zeros.
    """
    check_committee(threshold=threshold, participants=PARTICIPANTS_MAX)
    coefficients = tuple(random_scalar(entropy) for _ in range(threshold))
    if 0 in coefficients:
        # One has a chance of 2^-256: this is no chance.
        raise EntropyError
    return Polynomial(coefficients=coefficients)


def round1(identifier: ParticipantId, polynomial: Polynomial, entropy: Entropy, *, participants: int) -> Round1Package:
    """Commit to `polynomial` and prove possession of its secret (figure 1, round 1, steps 1 to 3).

    Each call proves anew: a ceremony keeps the first package and sends that again, since two
    different ones look like a cheat.

    Raises:
        CommitteeSizeError, ParticipantIdError: not a member of a possible committee.
        EntropyError: the source gives a wrong number of bytes.
    """
    check_committee(threshold=polynomial.threshold, participants=participants)
    check_participant(identifier, participants=participants)
    commitment = tuple(multiply_base(coefficient) for coefficient in polynomial.coefficients)
    secret = polynomial.coefficients[0]
    nonce = h3(draw(entropy, RANDOMNESS_LEN) + encode_scalar(secret))
    nonce_commitment = multiply_base(nonce)
    c = _proof_challenge(identifier, commitment[0], nonce_commitment)
    proof = Signature(group_commitment=nonce_commitment, z=Scalar((nonce + secret * c) % ORDER))
    return Round1Package(identifier=identifier, commitment=commitment, proof=proof)


def check_round1(package: Round1Package, *, threshold: int, participants: int) -> None:
    """Check one member's package (figure 1, round 1, step 5).

    Raises:
        CommitteeSizeError, ParticipantIdError: not a member of a possible committee.
        ProofError: the package is refused; `culprit` is its sender.
    """
    check_committee(threshold=threshold, participants=participants)
    check_participant(package.identifier, participants=participants)
    if len(package.commitment) != threshold:
        raise ProofError(package.identifier, PackageFault.DEGREE)
    if any(element.is_identity for element in package.commitment):
        raise ProofError(package.identifier, PackageFault.IDENTITY)
    if not _proves_possession(package):
        raise ProofError(package.identifier, PackageFault.PROOF)


def share_for(polynomial: Polynomial, recipient: ParticipantId) -> Scalar:
    """Compute the secret share for one member, the dealer itself included (figure 1, round 2, step 1).

    Raises:
        ParticipantIdError: not in 1..65535; at zero it would be the secret itself.
    """
    check_participant(recipient, participants=PARTICIPANTS_MAX)
    return evaluate_polynomial(polynomial.coefficients, recipient)


def check_dealt_share(sender_package: Round1Package, recipient: ParticipantId, share: Scalar) -> None:
    """Check the share that `recipient` got from the sender of this package (figure 1, round 2, step 2).

    The package is one that `check_round1` let pass.

    Raises:
        DealtShareError: it does not lie on the committed polynomial; `culprit` is the sender.
    """
    if multiply_base(share) != evaluate_commitment(sender_package.commitment, recipient):
        raise DealtShareError(sender_package.identifier, recipient)


def finish(
    *,
    identifier: ParticipantId,
    threshold: int,
    participants: int,
    packages: Packages,
    shares: Mapping[ParticipantId, Scalar],
) -> tuple[KeyPackage, PublicKeyPackage]:
    """Make this member's key package from what all members sent it (figure 1, round 2, steps 3 and 4).

    `packages` and `shares` are of all members, by sender, this one included; all are checked again.

    Raises:
        CommitteeSizeError, ParticipantIdError: not a member of a possible committee.
        MemberSetError: somebody's package or share is missing, or is of no member.
        ProofError, DealtShareError: a package or share is refused; `culprit` sent it.
        UnusableKeyError: the key that came out is not 0 < x < ORDER, or a part is zero: start anew.
    """
    check_committee(threshold=threshold, participants=participants)
    check_participant(identifier, participants=participants)
    _check_members("packages", _senders(packages), participants=participants)
    _check_members("shares", shares, participants=participants)
    for member in participant_ids(participants):
        check_round1(packages[member], threshold=threshold, participants=participants)
        check_dealt_share(packages[member], identifier, shares[member])
    public = _combine(packages)
    key = KeyPackage(
        identifier=identifier,
        signing_share=Scalar(sum(shares.values()) % ORDER),
        verifying_share=public.verifying_share(identifier),
        group_public_key=public.group_public_key,
        threshold=threshold,
        participants=participants,
    )
    return key, public


def public_keys_of(packages: Packages) -> PublicKeyPackage:
    """Compute the committee's public keys from the packages of all its members; anybody can.

    Raises:
        CommitteeSizeError: fewer packages than their threshold, or too many.
        MemberSetError: they are not those of 1..n.
        MixedThresholdsError: they commit to different thresholds.
        ProofError: a package is refused; `culprit` sent it.
        UnusableKeyError: as `finish`.
    """
    participants = len(packages)
    _check_members("packages", _senders(packages), participants=participants)
    thresholds = {len(package.commitment) for package in packages.values()}
    if not thresholds:
        raise CommitteeSizeError(threshold=0, participants=participants)
    if len(thresholds) > 1:
        raise MixedThresholdsError
    for package in packages.values():
        check_round1(package, threshold=min(thresholds), participants=participants)
    return _combine(packages)


def _combine(packages: Packages) -> PublicKeyPackage:
    columns = zip(*(package.commitment for package in packages.values()), strict=True)
    commitment = [sum_elements(column) for column in columns]
    if any(element.is_identity for element in commitment):
        raise UnusableKeyError
    try:
        return PublicKeyPackage.from_commitment(commitment, len(packages))
    except IdentityError as somebodys_share_is_zero:
        raise UnusableKeyError from somebodys_share_is_zero


def _senders(packages: Packages) -> set[ParticipantId]:
    """Give whose packages there are; a package under another's number is of nobody."""
    misplaced = next((i for i, package in packages.items() if package.identifier != i), None)
    if misplaced is not None:
        what = "packages"
        raise MemberSetError(what, missing=(misplaced,), unexpected=(packages[misplaced].identifier,))
    return set(packages)


def _check_members(what: str, given: Collection[ParticipantId], *, participants: int) -> None:
    members, senders = set(participant_ids(participants)), set(given)
    if members != senders:
        raise MemberSetError(what, missing=members - senders, unexpected=senders - members)


def _proves_possession(package: Round1Package) -> bool:
    key, proof = package.commitment[0], package.proof
    c = _proof_challenge(package.identifier, key, proof.group_commitment)
    return multiply_base(proof.z) == proof.group_commitment + c * key


def _proof_challenge(identifier: ParticipantId, key: Element, nonce_commitment: Element) -> Scalar:
    """Hash identifier ‖ key ‖ R (HDKG of frost-core)."""
    data = encode_scalar(identifier) + key.to_bytes() + nonce_commitment.to_bytes()
    return reduce_scalar(expand_message_xmd(data, CONTEXT + b"dkg", WIDE_LEN))


def _parts(data: bytes, length: int) -> Iterable[bytes]:
    return (data[at : at + length] for at in range(0, len(data), length))
