"""What can go wrong in FROST, one class for each thing that a caller does about it.

None is retryable: a burnt nonce, a bad share or a malformed point stays so. The text never holds
a secret; attributes hold public data only.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.frost.keys import ParticipantId


class FrostError(BridgeError):
    """Root of the errors of this package."""


class EncodingError(FrostError):
    """Bytes from outside are not the one encoding of a value: refuse the message they came in."""


class LengthError(EncodingError):
    """An encoding has the wrong length, in bytes."""

    def __init__(self, what: str, *, expected: int, actual: int) -> None:
        """Keep both lengths."""
        super().__init__(f"{what}: {expected} bytes expected, got {actual}")
        self.expected = expected
        self.actual = actual


class ScalarError(EncodingError):
    """A scalar is not below the group order, or is zero where zero is refused."""

    def __init__(self) -> None:
        """Say it without the value, which may be secret."""
        super().__init__("scalar out of range: it must be reduced modulo the group order")


class ElementError(EncodingError):
    """A point is not in SEC1 compressed form, or not on the curve."""

    def __init__(self) -> None:
        """Say it without the bytes, whose length nobody has checked yet."""
        super().__init__("not a point of secp256k1 in its canonical form")


class IdentityError(FrostError):
    """The identity element turned up where the RFC refuses it; `what` names the place."""

    def __init__(self, what: str) -> None:
        """Keep the place."""
        super().__init__(f"{what} is the identity element")
        self.what = what


class CommitteeSizeError(FrostError):
    """Threshold and committee do not satisfy 2 <= threshold <= participants <= 65535."""

    def __init__(self, *, threshold: int, participants: int) -> None:
        """Keep both."""
        super().__init__(
            f"{threshold} of {participants} is no committee: 2 <= threshold <= participants <= 65535 must hold"
        )
        self.threshold = threshold
        self.participants = participants


class ParticipantIdError(FrostError):
    """An identifier is not in 1..participants."""

    def __init__(self, identifier: int, *, participants: int) -> None:
        """Keep both."""
        super().__init__(f"participant {identifier} is not in 1..{participants}")
        self.identifier = identifier
        self.participants = participants


class UnusableKeyError(FrostError):
    """A key must be made anew: its x is not below the group order, or a part of it is zero."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("unusable key, draw another: 0 < x < order must hold and no part be zero")


class ShareMismatchError(FrostError):
    """A secret share does not belong to the public values it came with: complain of its maker."""

    def __init__(self, identifier: ParticipantId) -> None:
        """Keep whose share it is."""
        super().__init__(f"the share of participant {identifier} does not fit its public values")
        self.identifier = identifier


class EntropyError(FrostError):
    """The caller's source of entropy is broken: stop, and sign nothing with it."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("the source of entropy is broken: use nothing that came from it")


@unique
class CommitmentFault(StrEnum):
    """Why a list of commitments is refused."""

    BELOW_THRESHOLD = "fewer signers than the threshold"
    DUPLICATED = "a signer occurs twice"
    UNSORTED = "not in ascending order of identifiers"
    UNKNOWN_SIGNER = "an identifier is not of this committee"
    NOT_OWN = "the entry of this signer is missing, or not the commitment of these nonces"


class CommitmentListError(FrostError):
    """A list of commitments is refused (RFC 9591, section 5.2); `fault` says why."""

    def __init__(self, fault: CommitmentFault) -> None:
        """Keep the reason."""
        super().__init__(f"commitments refused: {fault}")
        self.fault = fault


class NonceReusedError(FrostError):
    """Nonces were asked for a second time: commit anew. Two uses would give the share away."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("these nonces are used up: commit anew")


class NonceExportError(FrostError):
    """Something tried to copy or pickle nonces, which would allow a second use."""

    def __init__(self) -> None:
        """Say the rule."""
        super().__init__("nonces are neither copied nor pickled")


class ShareSetError(FrostError):
    """The signature shares are not those of exactly the signers in the commitment list."""

    def __init__(self, *, missing: Iterable[ParticipantId], unexpected: Iterable[ParticipantId]) -> None:
        """Keep who is missing and who was not asked."""
        self.missing = frozenset(missing)
        self.unexpected = frozenset(unexpected)
        super().__init__(f"shares missing of {sorted(self.missing)}, not asked of {sorted(self.unexpected)}")


class InvalidShareError(FrostError):
    """Signature shares fail their check: try again without `culprits`, who are all at fault."""

    def __init__(self, culprits: Iterable[ParticipantId]) -> None:
        """Keep every signer at fault."""
        self.culprits = frozenset(culprits)
        super().__init__(f"invalid signature shares of participants {sorted(self.culprits)}")


@unique
class PackageFault(StrEnum):
    """Why a package of the key generation is refused."""

    ENCODING = "its bytes are not the encoding of a package of this threshold"
    DEGREE = "it commits to another number of coefficients than the threshold"
    IDENTITY = "an element is the identity"
    PROOF = "its proof of possession fails"


class ProofError(FrostError):
    """A package of the key generation is refused: complain of `culprit`, who sent it; `fault` says why."""

    def __init__(self, culprit: ParticipantId, fault: PackageFault) -> None:
        """Keep who sent it and the reason."""
        super().__init__(f"the package of participant {culprit} is refused: {fault}; complain of its sender")
        self.culprit = culprit
        self.fault = fault


class DealtShareError(FrostError):
    """A share dealt in the key generation is wrong: `recipient` complains of `culprit`, who sent it."""

    def __init__(self, culprit: ParticipantId, recipient: ParticipantId) -> None:
        """Keep who sent it and to whom."""
        super().__init__(
            f"the share of participant {culprit} for participant {recipient} does not fit its package: "
            "complain of its sender"
        )
        self.culprit = culprit
        self.recipient = recipient


class MemberSetError(FrostError):
    """Packages, or dealt shares, are not those of exactly the members 1..n: wait for `missing`; `what` says which."""

    def __init__(self, what: str, *, missing: Iterable[ParticipantId], unexpected: Iterable[ParticipantId]) -> None:
        """Keep who is missing and who is no member."""
        self.what = what
        self.missing = frozenset(missing)
        self.unexpected = frozenset(unexpected)
        super().__init__(
            f"{what} missing of {sorted(self.missing)}, not of this committee {sorted(self.unexpected)}: "
            "a key is made by all members and nobody else"
        )


class MixedThresholdsError(FrostError):
    """The packages commit to different thresholds: hold each against the proposal, by `check_round1`."""

    def __init__(self) -> None:
        """Say what to do; whose is wrong only the agreed threshold tells."""
        super().__init__("the packages commit to different thresholds: hold each against the agreed one")


class PolynomialExportError(FrostError):
    """Something tried to copy or pickle a secret polynomial: only its bytes, in a sealed store, leave memory."""

    def __init__(self) -> None:
        """Say the rule."""
        super().__init__("a polynomial is neither copied nor pickled: seal what `to_bytes` gives")


class InconsistentKeysError(FrostError):
    """Each share is right but the signature is wrong: verifying shares and group key differ."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("the verifying shares do not belong to the group key: check the package")
