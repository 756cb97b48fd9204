"""An identity signs for one purpose at a time; what is sealed to it nobody else opens (pitfalls 5 and 8)."""

from itertools import permutations

import pytest

from bridge.committee.identity import CARD_LEN, ForgedError, Identity, IdentityCard, Purpose
from bridge.errors import InvalidInputError

SECRET = bytes(range(32))


def test_what_an_identity_signs_its_card_checks() -> None:
    identity = Identity.generate()
    for purpose in Purpose:
        identity.card.check(purpose, b"message", identity.sign(purpose, b"message"))


@pytest.mark.parametrize(("signed", "claimed"), [*permutations(Purpose, 2)])
def test_a_signature_for_one_purpose_is_good_for_no_other(signed: Purpose, claimed: Purpose) -> None:
    identity = Identity.generate()
    with pytest.raises(ForgedError, match=f"not signed .{claimed}."):
        identity.card.check(claimed, b"message", identity.sign(signed, b"message"))


def test_no_purpose_is_the_beginning_of_another() -> None:
    tags = [purpose.tagged(b"") for purpose in Purpose]
    assert not [(a, b) for a, b in permutations(tags, 2) if a.startswith(b)]


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), bytes(65)])
def test_what_is_no_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(ForgedError):
        Identity.generate().card.check(Purpose.SHARE, b"message", signature)


def test_another_message_or_another_identity_is_refused() -> None:
    one, other = Identity.generate(), Identity.generate()
    signature = one.sign(Purpose.SHARE, b"message")
    with pytest.raises(ForgedError):
        one.card.check(Purpose.SHARE, b"messagf", signature)
    with pytest.raises(ForgedError):
        other.card.check(Purpose.SHARE, b"message", signature)


def test_what_is_sealed_opens_for_its_recipient_in_its_context_only() -> None:
    one, other = Identity.generate(), Identity.generate()
    sealed = one.card.seal(SECRET, b"session 1")
    assert SECRET not in sealed
    assert one.open(sealed, b"session 1") == SECRET
    with pytest.raises(ForgedError):
        one.open(sealed, b"session 2")
    with pytest.raises(ForgedError):
        other.open(sealed, b"session 1")


def test_a_sealed_part_that_was_changed_anywhere_is_refused() -> None:
    identity = Identity.generate()
    sealed = identity.card.seal(SECRET, b"")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(ForgedError):
            identity.open(bytes(changed), b"")
    for length in (0, 1, 31, len(sealed) - 1):
        with pytest.raises(ForgedError):
            identity.open(sealed[:length], b"")


def test_both_halves_survive_their_encoding() -> None:
    identity = Identity.generate()
    again = Identity.from_bytes(identity.to_bytes())
    assert again.card == identity.card == IdentityCard.from_hex(identity.card.to_bytes().hex())
    assert again.open(identity.card.seal(SECRET, b""), b"") == SECRET


@pytest.mark.parametrize("data", [b"", bytes(CARD_LEN - 1), bytes(CARD_LEN + 1)])
def test_other_lengths_are_no_identity(data: bytes) -> None:
    with pytest.raises(InvalidInputError, match="damaged"):
        Identity.from_bytes(data)
    with pytest.raises(InvalidInputError, match=r"identity\.pub"):
        IdentityCard.from_bytes(data)


@pytest.mark.parametrize("text", ["", "xy", "00" * 63, "0" * 127])
def test_other_text_is_no_card(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"identity\.pub"):
        IdentityCard.from_hex(text)


def test_the_secret_half_is_never_shown() -> None:
    identity = Identity.generate()
    assert "Private" not in repr(identity)
    assert identity.to_bytes().hex() not in repr(identity)
