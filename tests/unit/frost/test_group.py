"""Scalars and elements: one encoding each, and a whole group (RFC 9591, sections 3.1 and 6.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError
from bridge.frost import (
    ORDER,
    Element,
    ElementError,
    EncodingError,
    EntropyError,
    FrostError,
    IdentityError,
    LengthError,
    Scalar,
    ScalarError,
    decode_scalar,
    encode_scalar,
)
from bridge.frost.group import (
    FIELD,
    IDENTITY,
    draw,
    multiply_base,
    random_scalar,
    sum_elements,
)

BASE = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
scalars = st.integers(0, ORDER - 1).map(Scalar)


def negate(scalar: Scalar) -> Scalar:
    return Scalar(-scalar % ORDER)


@given(scalars)
def test_a_scalar_survives_its_encoding(scalar: Scalar) -> None:
    assert decode_scalar(encode_scalar(scalar)) == scalar


@pytest.mark.parametrize("value", [ORDER, ORDER + 1, 2**256 - 1])
def test_an_unreduced_scalar_is_refused(value: int) -> None:
    with pytest.raises(ScalarError):
        decode_scalar(value.to_bytes(32, "big"))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_scalar_of_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(LengthError) as caught:
        decode_scalar(bytes(length))
    assert (caught.value.expected, caught.value.actual) == (32, length)


def test_one_times_the_base_is_the_generator_of_secp256k1() -> None:
    assert multiply_base(Scalar(1)).to_bytes().hex() == BASE


@given(scalars.filter(bool))
def test_an_element_survives_both_encodings(scalar: Scalar) -> None:
    element = multiply_base(scalar)
    assert Element.from_bytes(element.to_bytes()) == element
    assert Element.from_coordinates(*element.coordinates()) == element


@given(scalars, scalars)
def test_multiplication_spreads_over_addition(a: Scalar, b: Scalar) -> None:
    both = multiply_base(Scalar((a + b) % ORDER))
    assert multiply_base(a) + multiply_base(b) == both
    assert a * multiply_base(b) == multiply_base(Scalar(a * b % ORDER))


@given(scalars)
def test_opposite_elements_cancel_to_the_identity(scalar: Scalar) -> None:
    total = multiply_base(scalar) + multiply_base(negate(scalar))
    assert total == IDENTITY
    assert total.is_identity


def test_a_sum_that_cancels_on_the_way_is_right_at_the_end() -> None:
    one, other = multiply_base(Scalar(5)), multiply_base(negate(Scalar(5)))
    assert sum_elements([one, other, one]) == one
    assert sum_elements([]) == IDENTITY


def test_zero_and_the_identity_multiply_to_the_identity() -> None:
    assert Scalar(0) * multiply_base(Scalar(7)) == IDENTITY
    assert Scalar(7) * IDENTITY == IDENTITY
    assert multiply_base(Scalar(0)) == IDENTITY


def test_the_identity_has_no_encoding() -> None:
    with pytest.raises(IdentityError):
        IDENTITY.to_bytes()
    with pytest.raises(IdentityError):
        IDENTITY.coordinates()


@pytest.mark.parametrize(
    "data",
    [
        bytes(33),
        b"\x02" + (5).to_bytes(32, "big"),
        b"\x02" + FIELD.to_bytes(32, "big"),
        b"\x04" + bytes.fromhex(BASE[2:]),
        b"\x00" + bytes.fromhex(BASE[2:]),
    ],
    ids=["zeros", "off the curve", "x is the prime", "uncompressed tag", "no tag"],
)
def test_what_is_not_a_compressed_point_is_refused(data: bytes) -> None:
    with pytest.raises(ElementError):
        Element.from_bytes(data)


@pytest.mark.parametrize("length", [0, 1, 32, 34, 65])
def test_an_element_of_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(LengthError):
        Element.from_bytes(b"\x02" * length)


@pytest.mark.parametrize("point", [(0, 0), (5, 1), (-1, 1), (1, -1), (FIELD, 1), (1, 2**256)])
def test_coordinates_out_of_range_or_off_the_curve_are_refused(point: tuple[int, int]) -> None:
    with pytest.raises(ElementError):
        Element.from_coordinates(*point)


def test_elements_are_equal_by_value_and_differ_from_other_things() -> None:
    element = multiply_base(Scalar(2))
    assert len({element, Element.from_bytes(element.to_bytes())}) == 1
    assert element != IDENTITY
    assert element != element.to_bytes()


def test_an_element_shows_its_public_encoding() -> None:
    assert repr(multiply_base(Scalar(1))) == f"Element({BASE})"
    assert repr(IDENTITY) == "Element(identity)"


def test_a_random_scalar_takes_48_bytes_so_that_it_is_unbiased() -> None:
    asked: list[int] = []

    def entropy(length: int) -> bytes:
        asked.append(length)
        return b"\xff" * length

    assert random_scalar(entropy) == (2**384 - 1) % ORDER
    assert asked == [48]


def test_a_source_of_entropy_that_gives_too_little_is_refused() -> None:
    with pytest.raises(EntropyError):
        draw(lambda length: bytes(length - 1), 32)


def test_every_error_is_under_the_one_root_and_none_is_retryable() -> None:
    assert issubclass(FrostError, BridgeError)
    assert issubclass(EncodingError, FrostError)
    assert not ScalarError().retryable
