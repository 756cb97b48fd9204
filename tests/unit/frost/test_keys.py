"""Key packages are consistent or don't exist; the dealer of RFC 9591, appendix C."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.frost import (
    ORDER,
    CommitteeSizeError,
    Element,
    ElementError,
    EncodingError,
    EntropyError,
    IdentityError,
    KeyPackage,
    LengthError,
    ParticipantId,
    ParticipantIdError,
    PublicKeyPackage,
    Scalar,
    ScalarError,
    ShareMismatchError,
    UnusableKeyError,
    check_share,
    deal,
    deal_at_random,
    is_usable_group_key,
    participant_ids,
)
from bridge.frost.group import FIELD, IDENTITY, multiply_base
from bridge.frost.session import lagrange
from tests.unit.frost.support import dealing_of, entropy_of


def point_above_order() -> Element:
    for x in range(ORDER, FIELD):
        try:
            return Element.from_bytes(b"\x02" + x.to_bytes(32, "big"))
        except ElementError:
            continue
    raise AssertionError


DEALING = dealing_of(3, 5)
PACKAGE = DEALING.key_packages[1]
PUBLIC = DEALING.public_key_package


@given(seed=st.integers(0, 2**32), threshold=st.integers(2, 5), extra=st.integers(0, 2))
def test_a_dealt_key_is_usable_and_every_share_fits_it(seed: int, threshold: int, extra: int) -> None:
    dealing = dealing_of(threshold, threshold + extra, seed)
    key = dealing.public_key_package.group_public_key
    assert 0 < key.coordinates()[0] < ORDER
    assert is_usable_group_key(key)
    for package in dealing.key_packages:
        check_share(package, dealing.commitment)
        assert package.verifying_share == dealing.public_key_package.verifying_share(package.identifier)


def test_a_threshold_of_shares_interpolates_to_the_dealt_secret() -> None:
    dealing = deal(secret=Scalar(42), coefficients=[Scalar(7), Scalar(9)], participants=5)
    for ids in ([1, 2, 3], [1, 3, 5], [2, 4, 5]):
        signers = [ParticipantId(i) for i in ids]
        shares = (dealing.key_packages[i - 1].signing_share * lagrange(i, signers) for i in signers)
        assert sum(shares) % ORDER == 42


@pytest.mark.parametrize(("threshold", "participants"), [(0, 3), (1, 3), (4, 3), (2, 1), (2, 65536)])
def test_an_impossible_committee_is_refused(threshold: int, participants: int) -> None:
    with pytest.raises(CommitteeSizeError) as caught:
        deal_at_random(entropy=entropy_of(1), threshold=threshold, participants=participants)
    assert (caught.value.threshold, caught.value.participants) == (threshold, participants)


def test_a_dealer_without_coefficients_is_refused() -> None:
    with pytest.raises(CommitteeSizeError):
        deal(secret=Scalar(1), coefficients=[], participants=3)


@pytest.mark.parametrize(
    ("secret", "coefficient"),
    [(0, 5), (5, 0), (ORDER - 2, 1)],
    ids=["no secret", "no coefficient", "the share of participant 2 is zero"],
)
def test_a_dealing_with_a_zero_in_it_is_refused(secret: int, coefficient: int) -> None:
    with pytest.raises(UnusableKeyError):
        deal(secret=Scalar(secret), coefficients=[Scalar(coefficient)], participants=3)


def test_the_dealer_draws_again_after_an_unusable_key() -> None:
    tape = iter([bytes(48), bytes(48)])
    good = entropy_of(3)
    dealing = deal_at_random(entropy=lambda n: next(tape, b"") or good(n), threshold=2, participants=3)
    assert dealing == dealing_of(2, 3, seed=3)


def test_the_dealer_gives_up_on_entropy_that_is_always_zero() -> None:
    with pytest.raises(EntropyError):
        deal_at_random(entropy=bytes, threshold=2, participants=3)


def test_a_key_whose_x_is_not_below_the_order_is_refused_everywhere() -> None:
    key = point_above_order()
    assert not is_usable_group_key(key)
    with pytest.raises(UnusableKeyError):
        replace(PACKAGE, group_public_key=key)
    with pytest.raises(UnusableKeyError):
        replace(PUBLIC, group_public_key=key)
    with pytest.raises(UnusableKeyError):
        PublicKeyPackage.from_commitment([key, multiply_base(Scalar(1))], 3)


def test_the_identity_is_no_key_and_no_verifying_share() -> None:
    assert not is_usable_group_key(IDENTITY)
    with pytest.raises(UnusableKeyError):
        replace(PACKAGE, group_public_key=IDENTITY)
    with pytest.raises(IdentityError) as caught:
        replace(PACKAGE, signing_share=Scalar(0), verifying_share=IDENTITY)
    assert caught.value.what == "a verifying share"
    with pytest.raises(IdentityError):
        replace(PUBLIC, verifying_shares=(*PUBLIC.verifying_shares[:-1], IDENTITY))


def test_a_package_whose_share_is_of_another_signer_is_refused() -> None:
    with pytest.raises(ShareMismatchError) as caught:
        replace(PACKAGE, signing_share=DEALING.key_packages[0].signing_share)
    assert caught.value.identifier == 2


@pytest.mark.parametrize("identifier", [-1, 0, 6])
def test_an_identifier_outside_the_committee_is_refused(identifier: int) -> None:
    with pytest.raises(ParticipantIdError) as caught:
        replace(PACKAGE, identifier=ParticipantId(identifier))
    assert (caught.value.identifier, caught.value.participants) == (identifier, 5)
    with pytest.raises(ParticipantIdError):
        PUBLIC.verifying_share(ParticipantId(identifier))


def test_a_share_that_does_not_follow_from_the_commitment_is_refused() -> None:
    other = dealing_of(3, 5, seed=9)
    mixed = (DEALING.commitment[0], *other.commitment[1:])
    for commitment in (other.commitment, mixed, DEALING.commitment[:-1], ()):
        with pytest.raises(ShareMismatchError):
            check_share(PACKAGE, commitment)


def test_public_keys_follow_from_the_commitment() -> None:
    assert PublicKeyPackage.from_commitment(DEALING.commitment, 5) == PUBLIC
    with pytest.raises(CommitteeSizeError):
        PublicKeyPackage.from_commitment([], 5)


def test_packages_survive_their_encoding() -> None:
    assert KeyPackage.from_bytes(PACKAGE.to_bytes()) == PACKAGE
    assert len(PACKAGE.to_bytes()) == 71
    assert PublicKeyPackage.from_bytes(bytes.fromhex(PUBLIC.to_bytes().hex())) == PUBLIC


def test_packages_of_wrong_length_are_refused() -> None:
    for data in (b"", PACKAGE.to_bytes()[:-1], PACKAGE.to_bytes() + b"\x00"):
        with pytest.raises(LengthError):
            KeyPackage.from_bytes(data)
    for data in (b"", b"\x00\x02\x00", PUBLIC.to_bytes()[:-1], PUBLIC.to_bytes() + b"\x00"):
        with pytest.raises(LengthError):
            PublicKeyPackage.from_bytes(data)


def test_packages_with_a_part_that_is_not_canonical_are_refused() -> None:
    data = PACKAGE.to_bytes()
    with pytest.raises(ScalarError):
        KeyPackage.from_bytes(data[:6] + b"\xff" * 32 + data[38:])
    with pytest.raises(IdentityError):
        KeyPackage.from_bytes(data[:6] + bytes(32) + data[38:])
    with pytest.raises(EncodingError):
        PublicKeyPackage.from_bytes(PUBLIC.to_bytes()[:-33] + bytes(33))


def test_the_secret_is_not_shown() -> None:
    shown = repr(DEALING)
    for package in DEALING.key_packages:
        assert str(package.signing_share) not in shown
        assert f"{package.signing_share:x}" not in shown
    assert "signing_share" not in shown


def test_identifiers_count_from_one() -> None:
    assert participant_ids(3) == (1, 2, 3)
