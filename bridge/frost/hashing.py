"""The hash functions H1 to H5 of FROST(secp256k1, SHA-256): RFC 9591, section 6.5.

H1, H2 and H3 give scalars by hash_to_field with expand_message_xmd (RFC 9380, sections 5.2 and
5.3.1) and differ in their tag; H4 and H5 give 32 bytes. Nothing else in the project may hash
under this context string.
"""

from hashlib import sha256
from typing import Final

from bridge.frost.group import WIDE_LEN, Element, Scalar, reduce_scalar

CONTEXT: Final = b"FROST-secp256k1-SHA256-v1"
BLOCK_LEN: Final = 64
"""Input block of SHA-256, in bytes."""
_NO_BLOCK: Final = bytes(BLOCK_LEN)


def h1(message: bytes) -> Scalar:
    """Hash to a binding factor."""
    return _hash_to_scalar(message, CONTEXT + b"rho")


def h2(message: bytes) -> Scalar:
    """Hash to the challenge of a Schnorr signature."""
    return _hash_to_scalar(message, CONTEXT + b"chal")


def h3(message: bytes) -> Scalar:
    """Hash to a nonce."""
    return _hash_to_scalar(message, CONTEXT + b"nonce")


def h4(message: bytes) -> bytes:
    """Hash the message to be signed to 32 bytes."""
    return sha256(CONTEXT + b"msg" + message).digest()


def h5(message: bytes) -> bytes:
    """Hash an encoded commitment list to 32 bytes."""
    return sha256(CONTEXT + b"com" + message).digest()


def challenge(group_commitment: Element, group_public_key: Element, message: bytes) -> Scalar:
    """Compute H2(R, key, message) (RFC 9591, section 4.6).

    Raises:
        IdentityError: an element is the identity.
    """
    return h2(group_commitment.to_bytes() + group_public_key.to_bytes() + message)


def expand_message_xmd(message: bytes, tag: bytes, length: int) -> bytes:
    """Expand to `length` bytes with SHA-256 (RFC 9380, section 5.3.1).

    `tag` is at most 255 bytes, `length` at most 255 * 32; both are constants wherever it is called.
    """
    tag += bytes([len(tag)])
    seed = sha256(_NO_BLOCK + message + length.to_bytes(2, "big") + b"\x00" + tag).digest()
    block = expanded = sha256(seed + b"\x01" + tag).digest()
    for index in range(2, -(-length // len(seed)) + 1):
        mixed = (int.from_bytes(seed) ^ int.from_bytes(block)).to_bytes(len(seed))
        block = sha256(mixed + bytes([index]) + tag).digest()
        expanded += block
    return expanded[:length]


def _hash_to_scalar(message: bytes, tag: bytes) -> Scalar:
    return reduce_scalar(expand_message_xmd(message, tag, WIDE_LEN))
