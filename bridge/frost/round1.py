"""Round one: a signer commits to two fresh nonces (RFC 9591, section 5.1).

Law: nonces are used once or never. They live in one object in memory, which cannot be copied,
pickled or printed, and `take` empties it before anything is done with them. What this module
cannot know is that the process was cloned: a fork, a snapshot or a live migration that is rolled
back leaves two such objects. The signer process drops its nonces on fork and forbids the others.
"""

from dataclasses import dataclass
from typing import Final, NoReturn, Self, SupportsIndex, final

from bridge.frost.errors import NonceExportError, NonceReusedError
from bridge.frost.group import (
    ELEMENT_LEN,
    Element,
    Entropy,
    Scalar,
    check_length,
    draw,
    encode_scalar,
    multiply_base,
    refuse_identity,
)
from bridge.frost.hashing import h3
from bridge.frost.keys import KeyPackage, ParticipantId

COMMITMENTS_LEN: Final = 2 * ELEMENT_LEN
RANDOMNESS_LEN: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningCommitments:
    """The public half of a signer's nonces.

    Raises:
        IdentityError: a commitment is the identity.
    """

    identifier: ParticipantId
    hiding: Element
    binding: Element

    def __post_init__(self) -> None:
        """Refuse the identity (RFC 9591, section 5.2)."""
        refuse_identity(self.hiding, "a hiding commitment")
        refuse_identity(self.binding, "a binding commitment")

    def to_bytes(self) -> bytes:
        """Give hiding (33) ‖ binding (33); who sent them stands beside them."""
        return self.hiding.to_bytes() + self.binding.to_bytes()

    @classmethod
    def from_bytes(cls, identifier: ParticipantId, data: bytes) -> Self:
        """Read 66 bytes from the signer `identifier`.

        Raises:
            EncodingError: wrong length, or not two points of the curve.
        """
        check_length(data, COMMITMENTS_LEN, "commitments")
        return cls(
            identifier=identifier,
            hiding=Element.from_bytes(data[:ELEMENT_LEN]),
            binding=Element.from_bytes(data[ELEMENT_LEN:]),
        )


@final
class SigningNonces:
    """Two secret nonces, to be taken once, and the commitments to them."""

    __slots__ = ("_pairs", "commitments")

    def __init__(self, identifier: ParticipantId, *, hiding: Scalar, binding: Scalar) -> None:
        """Hold the nonces and compute their commitments; signers call `commit` instead."""
        self.commitments: Final = SigningCommitments(
            identifier=identifier,
            hiding=multiply_base(hiding),
            binding=multiply_base(binding),
        )
        self._pairs = [(hiding, binding)]

    def take(self) -> tuple[Scalar, Scalar]:
        """Hand over the hiding and the binding nonce, and forget them.

        Raises:
            NonceReusedError: they were taken before.
        """
        try:
            # One atomic step: of two threads that sign with these nonces, one gets none.
            return self._pairs.pop()
        except IndexError:
            raise NonceReusedError from None

    def __repr__(self) -> str:
        """Show whether they are still there, never what they are."""
        return f"SigningNonces(<{'unused' if self._pairs else 'taken'}>)"

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        """Refuse `copy`, `deepcopy` and `pickle`, which all come here."""
        raise NonceExportError


def commit(key_package: KeyPackage, entropy: Entropy) -> tuple[SigningNonces, SigningCommitments]:
    """Make nonces for one signature, and what the coordinator may see of them.

    Raises:
        EntropyError: the source does not give the number of bytes that it was asked for.
    """
    hiding = _generate_nonce(key_package.signing_share, entropy)
    binding = _generate_nonce(key_package.signing_share, entropy)
    nonces = SigningNonces(key_package.identifier, hiding=hiding, binding=binding)
    return nonces, nonces.commitments


def _generate_nonce(secret: Scalar, entropy: Entropy) -> Scalar:
    """Derive a nonce hedged with the secret against weak entropy (RFC 9591, section 4.1)."""
    return h3(draw(entropy, RANDOMNESS_LEN) + encode_scalar(secret))
