"""A notary's identity: Ed25519 for what it says, X25519 for what only it may read (threshold.md, pitfalls 5 and 8).

Law: the identity key signs nothing but messages under one of the `Purpose` tags, and it is never the key of a TLS
certificate, a gas account or the committee. The private half lives in the signer's process only.
"""

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from bridge.errors import InvalidInputError

KEY_LEN: Final = 32
CARD_LEN: Final = 2 * KEY_LEN
SIGNATURE_LEN: Final = 64
_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
"""RFC 9180 in base mode; who sealed it is said by the Ed25519 signature around it."""


@unique
class Purpose(StrEnum):
    """What a signature of an identity is for; one made for one purpose is never good for another."""

    CEREMONY = "naru.ceremony.1"
    SHARE = "naru.share.1"
    VOTE_HEAD = "naru.vote-head.1"
    WITNESS = "naru.witness.1"

    def tagged(self, message: bytes) -> bytes:
        """Put the purpose before *message*, so that no other purpose's message has the same bytes."""
        return self.value.encode() + b"\x00" + message


class ForgedError(InvalidInputError):
    """A signature is not of the identity that it came in the name of: drop the message."""


@dataclass(frozen=True, slots=True)
class IdentityCard:
    """The public half of an identity; 64 bytes, Ed25519 ‖ X25519, shown as 128 hexadecimal digits.

    Raises:
        InvalidInputError: not two keys of 32 bytes.
    """

    signing: bytes
    sealing: bytes

    def __post_init__(self) -> None:
        """Refuse what is no pair of keys."""
        if len(self.signing) != KEY_LEN or len(self.sealing) != KEY_LEN:
            raise InvalidInputError(f"an identity card is {CARD_LEN} bytes: give the notary's `identity.pub`")

    def to_bytes(self) -> bytes:
        """Give both keys, 64 bytes."""
        return self.signing + self.sealing

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave."""
        return cls(data[:KEY_LEN], data[KEY_LEN:])

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read 128 hexadecimal digits.

        Raises:
            InvalidInputError: it isn't that.
        """
        try:
            return cls.from_bytes(bytes.fromhex(text))
        except ValueError:
            raise InvalidInputError(
                "no identity card: give the 128 hexadecimal digits of the notary's `identity.pub`"
            ) from None

    def check(self, purpose: Purpose, message: bytes, signature: bytes) -> None:
        """Check a signature of this identity.

        Raises:
            ForgedError: it is none.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.signing).verify(signature, purpose.tagged(message))
        except (InvalidSignature, ValueError):
            raise ForgedError(f"not signed ({purpose}) by the identity {self.signing.hex()[:16]}…") from None

    def seal(self, secret: bytes, context: bytes) -> bytes:
        """Encrypt *secret* for this identity alone; *context* must be given again to open it (HPKE's info).

        Raises:
            ValueError: nothing can be sealed to its key; a proposal refuses such a card.
        """
        return _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(self.sealing), info=context)


@dataclass(frozen=True, slots=True)
class Identity:
    """Both halves; in the signer's process only."""

    _signing: Ed25519PrivateKey = field(repr=False)
    _sealing: X25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Make a fresh one, from the system's entropy."""
        return cls(Ed25519PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the 64 secret bytes that `to_bytes` gave.

        Raises:
            InvalidInputError: wrong length.
        """
        if len(data) != CARD_LEN:
            raise InvalidInputError("the sealed identity is damaged: restore it from its backup")
        return cls(
            Ed25519PrivateKey.from_private_bytes(data[:KEY_LEN]), X25519PrivateKey.from_private_bytes(data[KEY_LEN:])
        )

    def to_bytes(self) -> bytes:
        """Give 64 secret bytes, for the sealed store alone."""
        return self._signing.private_bytes_raw() + self._sealing.private_bytes_raw()

    @property
    def card(self) -> IdentityCard:
        """The public half."""
        return IdentityCard(
            self._signing.public_key().public_bytes_raw(), self._sealing.public_key().public_bytes_raw()
        )

    def sign(self, purpose: Purpose, message: bytes) -> bytes:
        """Sign *message* for one purpose; 64 bytes."""
        return self._signing.sign(purpose.tagged(message))

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt what was sealed for this identity.

        Raises:
            ForgedError: it was sealed for another one or another context, or was changed.
        """
        try:
            return _SUITE.decrypt(sealed, self._sealing, info=context)
        except (InvalidTag, ValueError):
            raise ForgedError("a sealed part is not for this identity and context, or was changed") from None
