"""The prime-order group of RFC 9591, sections 3.1 and 6.5: secp256k1, over libsecp256k1.

Scalars are integers modulo the group order. Elements form a whole group here, so sums may cancel
and zero may multiply; what must never be the identity is refused where it is encoded, decoded or
put into a value. Multiplication of the base point is constant time and the only one that a secret
may enter; `scalar * element` is variable time, for public data. Python's integers can neither be
wiped nor computed with in constant time: see the signer's process for what that asks of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NewType, Self, TypeAlias, final

from coincurve import PublicKey

from bridge.frost.errors import (
    ElementError,
    EntropyError,
    IdentityError,
    LengthError,
    ScalarError,
)

ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
FIELD: Final = 2**256 - 2**32 - 977
SCALAR_LEN: Final = 32
ELEMENT_LEN: Final = 33
WIDE_LEN: Final = 48
"""Bytes that give a scalar with a bias below 2^-128 when reduced modulo the order."""

Scalar = NewType("Scalar", int)
"""An integer in 0..ORDER-1."""

Entropy: TypeAlias = Callable[[int], bytes]
"""Given a length, that many fresh unpredictable bytes."""


def check_length(data: bytes, expected: int, what: str) -> None:
    """Refuse `data` that is not `expected` bytes long."""
    if len(data) != expected:
        raise LengthError(what, expected=expected, actual=len(data))


def encode_scalar(scalar: int) -> bytes:
    """Give 32 bytes, big endian (SerializeScalar)."""
    return scalar.to_bytes(SCALAR_LEN, "big")


def decode_scalar(data: bytes) -> Scalar:
    """Read 32 bytes, big endian (DeserializeScalar).

    Raises:
        LengthError: not 32 bytes.
        ScalarError: the value is not below the order.
    """
    check_length(data, SCALAR_LEN, "scalar")
    value = int.from_bytes(data, "big")
    if value >= ORDER:
        raise ScalarError
    return Scalar(value)


def reduce_scalar(data: bytes) -> Scalar:
    """Reduce a big-endian number of any length modulo the order."""
    return Scalar(int.from_bytes(data, "big") % ORDER)


def draw(entropy: Entropy, length: int) -> bytes:
    """Take `length` bytes, and refuse a source that gives another number of them."""
    data = entropy(length)
    if len(data) != length:
        raise EntropyError
    return data


def random_scalar(entropy: Entropy) -> Scalar:
    """Draw a scalar by wide reduction (RFC 9591, appendix D); zero is possible in theory."""
    return reduce_scalar(draw(entropy, WIDE_LEN))


@final
class Element:
    """A point of secp256k1, or the identity. Immutable; equal by value."""

    __slots__ = ("_encoded", "_point")

    def __init__(self, point: PublicKey | None, encoded: bytes = b"") -> None:
        """Wrap a point of the library; `None` is the identity. Others call `from_bytes`.

        `encoded` is its compressed form where that is known already: the one form that it has.
        """
        self._point = point
        self._encoded = encoded

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read 33 bytes in SEC1 compressed form (DeserializeElement).

        Raises:
            LengthError: not 33 bytes, so also the one zero byte that SEC1 has for the identity.
            ElementError: not compressed, x not below the field's prime, or off the curve.
        """
        check_length(data, ELEMENT_LEN, "element")
        return cls(_parsed(data), data)

    @classmethod
    def from_coordinates(cls, x: int, y: int) -> Self:
        """Read affine coordinates, as the EVM keeps them.

        Raises:
            ElementError: a coordinate is not in 0..FIELD-1, or the point is off the curve.
        """
        if not (0 <= x < FIELD and 0 <= y < FIELD):
            raise ElementError
        return cls(_parsed(b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")))

    def to_bytes(self) -> bytes:
        """Give 33 bytes in SEC1 compressed form (SerializeElement).

        Raises:
            IdentityError: the identity has no such form.
        """
        if not self._encoded:
            self._encoded = self._affine().format()
        return self._encoded

    def coordinates(self) -> tuple[int, int]:
        """Give x and y, each in 0..FIELD-1.

        Raises:
            IdentityError: the identity has none.
        """
        return self._affine().point()

    @property
    def is_identity(self) -> bool:
        """Whether this is the neutral element."""
        return self._point is None

    def _affine(self) -> PublicKey:
        if self._point is None:
            what = "an element to encode"
            raise IdentityError(what)
        return self._point

    def __add__(self, other: Element) -> Element:
        """Add two elements (ScalarMult and addition: RFC 9591, section 3.1)."""
        return sum_elements((self, other))

    def __rmul__(self, scalar: Scalar) -> Element:
        """Multiply by a *public* scalar, in variable time."""
        if scalar == 0 or self._point is None:
            return IDENTITY
        return Element(self._point.multiply(encode_scalar(scalar)))

    def __eq__(self, other: object) -> bool:
        """Compare by value."""
        if not isinstance(other, Element):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        """Agree with `==`."""
        return hash(self._key())

    def __repr__(self) -> str:
        """Show the encoding: elements are public."""
        return f"Element({self._key().hex() or 'identity'})"

    def _key(self) -> bytes:
        return b"" if self._point is None else self.to_bytes()


def _parsed(data: bytes) -> PublicKey:
    try:
        return PublicKey(data)
    except ValueError as refused:
        raise ElementError from refused


IDENTITY: Final = Element(None)


def multiply_base(scalar: Scalar) -> Element:
    """Multiply the base point, in constant time (ScalarBaseMult); zero gives the identity."""
    if scalar == 0:
        return IDENTITY
    return Element(PublicKey.from_secret(encode_scalar(scalar)))


def sum_elements(elements: Iterable[Element]) -> Element:
    """Add any number of elements, none giving the identity."""
    points = [e._point for e in elements if e._point is not None]  # noqa: SLF001 - same module
    if not points:
        return IDENTITY
    try:
        return Element(PublicKey.combine_keys(points))
    except ValueError:
        # The library has no identity: this is how it says that valid points cancel.
        return IDENTITY


def refuse_identity(element: Element, what: str) -> None:
    """Raise `IdentityError` naming `what` if the element is the identity."""
    if element.is_identity:
        raise IdentityError(what)
