"""Any threshold signs, nobody below it does, and whoever cheats is named (RFC 9591, sections 5.3 and 5.4)."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.frost import (
    ORDER,
    CommitmentFault,
    CommitmentListError,
    EncodingError,
    IdentityError,
    InconsistentKeysError,
    InvalidShareError,
    ParticipantId,
    Scalar,
    ScalarError,
    ShareSetError,
    Signature,
    SignatureShare,
    aggregate,
    commit,
    decode_scalar,
    sign,
    verify,
    verify_share,
)
from bridge.frost.group import IDENTITY, Element, multiply_base
from tests.unit.frost.support import Shares, dealing_of, entropy_of, sign_together

MESSAGE = b"m" * 32
DEALINGS = {(t, n): dealing_of(t, n) for t in range(2, 6) for n in range(t, 8)}
DEALING = DEALINGS[5, 7]
PUBLIC = DEALING.public_key_package
COMMITMENTS, SHARES = sign_together(DEALING, MESSAGE, range(1, 8), entropy_of(1))
SIGNATURE = aggregate(PUBLIC, MESSAGE, COMMITMENTS, SHARES)


def tampered(shares: Shares, offsets: dict[int, int]) -> Shares:
    return {i: SignatureShare(scalar=Scalar((s.scalar + offsets.get(i, 0)) % ORDER)) for i, s in shares.items()}


def flips(data: bytes) -> list[bytes]:
    value = int.from_bytes(data, "big")
    return [(value ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]


@pytest.mark.parametrize("size", DEALINGS, ids=str)
def test_every_threshold_of_signers_makes_a_valid_signature(size: tuple[int, int]) -> None:
    threshold, participants = size
    public = DEALINGS[size].public_key_package
    for signers in combinations(range(1, participants + 1), threshold):
        commitments, shares = sign_together(DEALINGS[size], MESSAGE, signers, entropy_of(1))
        signature = aggregate(public, MESSAGE, commitments, shares)
        assert verify(public.group_public_key, MESSAGE, signature)


@given(
    size=st.sampled_from(sorted(DEALINGS)),
    data=st.data(),
    message=st.binary(max_size=100),
    seed=st.integers(0, 2**32),
)
def test_any_set_of_at_least_the_threshold_signs_any_message(
    size: tuple[int, int], data: st.DataObject, message: bytes, seed: int
) -> None:
    threshold, participants = size
    dealing = DEALINGS[size]
    ids = st.sets(st.integers(1, participants), min_size=threshold)
    commitments, shares = sign_together(dealing, message, sorted(data.draw(ids)), entropy_of(seed))
    signature = aggregate(dealing.public_key_package, message, commitments, shares)
    assert verify(dealing.public_key_package.group_public_key, message, signature)
    for identifier, share in shares.items():
        assert verify_share(dealing.public_key_package, message, commitments, identifier, share)


@given(
    st.dictionaries(st.integers(1, 7), st.integers(1, ORDER - 1), min_size=1).filter(
        lambda offsets: sum(offsets.values()) % ORDER != 0
    )
)
def test_exactly_the_signers_of_tampered_shares_are_named(offsets: dict[int, int]) -> None:
    with pytest.raises(InvalidShareError) as caught:
        aggregate(PUBLIC, MESSAGE, COMMITMENTS, tampered(SHARES, offsets))
    assert caught.value.culprits == frozenset(offsets)
    assert not caught.value.retryable


@pytest.mark.parametrize("culprit", range(1, 8))
def test_each_signer_alone_is_named_and_its_share_fails_its_check(culprit: int) -> None:
    shares = tampered(SHARES, {culprit: 1})
    with pytest.raises(InvalidShareError) as caught:
        aggregate(PUBLIC, MESSAGE, COMMITMENTS, shares)
    assert caught.value.culprits == {culprit}
    wrong = [i for i, s in shares.items() if not verify_share(PUBLIC, MESSAGE, COMMITMENTS, i, s)]
    assert wrong == [culprit]


def test_a_share_of_zero_is_named() -> None:
    with pytest.raises(InvalidShareError) as caught:
        aggregate(PUBLIC, MESSAGE, COMMITMENTS, {**SHARES, ParticipantId(4): SignatureShare(scalar=Scalar(0))})
    assert caught.value.culprits == {4}


def test_a_share_that_makes_z_zero_is_named() -> None:
    with pytest.raises(InvalidShareError) as caught:
        aggregate(PUBLIC, MESSAGE, COMMITMENTS, tampered(SHARES, {7: -SIGNATURE.z}))
    assert caught.value.culprits == {7}


def test_shares_of_another_message_are_named() -> None:
    _, others = sign_together(DEALING, b"other", range(1, 8), entropy_of(1))
    with pytest.raises(InvalidShareError) as caught:
        aggregate(PUBLIC, MESSAGE, COMMITMENTS, {**SHARES, ParticipantId(2): others[ParticipantId(2)]})
    assert caught.value.culprits == {2}


def test_errors_that_cancel_leave_a_valid_signature() -> None:
    assert aggregate(PUBLIC, MESSAGE, COMMITMENTS, tampered(SHARES, {1: 5, 2: -5})) == SIGNATURE


def test_below_the_threshold_nothing_is_aggregated_or_checked() -> None:
    few = {i: SHARES[i] for i in list(SHARES)[:4]}
    with pytest.raises(CommitmentListError) as caught:
        aggregate(PUBLIC, MESSAGE, COMMITMENTS[:4], few)
    assert caught.value.fault is CommitmentFault.BELOW_THRESHOLD
    with pytest.raises(CommitmentListError):
        verify_share(PUBLIC, MESSAGE, COMMITMENTS[:4], ParticipantId(1), SHARES[ParticipantId(1)])


def test_signers_below_the_threshold_who_lie_about_it_make_no_valid_signature() -> None:
    # They take the 2-of-3 rules for their shares of a 3-of-3 key, as an attacker's software would.
    honest = DEALINGS[3, 3]
    packages = [replace(p, threshold=2) for p in honest.key_packages[:2]]
    public = replace(honest.public_key_package, threshold=2)
    entropy = entropy_of(1)
    rounds = [(p, *commit(p, entropy)) for p in packages]
    commitments = [c for _, _, c in rounds]
    shares = {p.identifier: sign(p, n, MESSAGE, commitments) for p, n, _ in rounds}
    with pytest.raises(InconsistentKeysError):
        aggregate(public, MESSAGE, commitments, shares)


def test_the_shares_must_be_those_of_the_listed_signers() -> None:
    commitments, shares = sign_together(DEALING, MESSAGE, range(1, 6), entropy_of(1))
    shares[ParticipantId(7)] = shares.pop(ParticipantId(3))
    with pytest.raises(ShareSetError) as caught:
        aggregate(PUBLIC, MESSAGE, commitments, shares)
    assert caught.value.missing == {3}
    assert caught.value.unexpected == {7}
    with pytest.raises(ShareSetError):
        verify_share(PUBLIC, MESSAGE, commitments, ParticipantId(7), shares[ParticipantId(7)])


def test_a_single_flipped_bit_of_the_signature_is_refused() -> None:
    for data in flips(SIGNATURE.to_bytes()):
        try:
            signature = Signature.from_bytes(data)
        except EncodingError:
            continue
        assert not verify(PUBLIC.group_public_key, MESSAGE, signature)


def test_a_single_flipped_bit_of_the_message_is_refused() -> None:
    for message in flips(MESSAGE):
        assert not verify(PUBLIC.group_public_key, message, SIGNATURE)


def test_a_single_flipped_bit_of_the_key_is_refused() -> None:
    for data in flips(PUBLIC.group_public_key.to_bytes()):
        try:
            key = Element.from_bytes(data)
        except EncodingError:
            continue
        assert not verify(key, MESSAGE, SIGNATURE)


def test_the_identity_as_key_verifies_nothing() -> None:
    assert not verify(IDENTITY, MESSAGE, SIGNATURE)


def test_a_signature_survives_both_encodings() -> None:
    assert len(SIGNATURE.to_bytes()) == 65
    assert Signature.from_bytes(SIGNATURE.to_bytes()) == SIGNATURE
    words = SIGNATURE.to_evm()
    assert len(words) == 96
    x, y = SIGNATURE.group_commitment.coordinates()
    assert (int.from_bytes(words[:32], "big"), int.from_bytes(words[32:64], "big")) == (x, y)
    assert decode_scalar(words[64:]) == SIGNATURE.z
    assert Signature.from_evm(words) == SIGNATURE


@pytest.mark.parametrize("length", [0, 64, 66, 95, 97])
def test_a_signature_of_wrong_length_is_refused(length: int) -> None:
    for parse in (Signature.from_bytes, Signature.from_evm):
        with pytest.raises(EncodingError):
            parse(bytes(length))


def test_a_signature_with_z_out_of_range_or_r_the_identity_is_refused() -> None:
    r = SIGNATURE.group_commitment
    for z in (0, ORDER, 2**256 - 1):
        with pytest.raises(ScalarError):
            Signature.from_bytes(r.to_bytes() + z.to_bytes(32, "big"))
    with pytest.raises(IdentityError):
        Signature(group_commitment=IDENTITY, z=SIGNATURE.z)
    assert multiply_base(SIGNATURE.z) != r
