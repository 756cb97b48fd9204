"""A committee makes its key together, and whoever cheats is named (R-41; FROST paper, figure 1)."""

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.frost import (
    ORDER,
    CommitteeSizeError,
    DealtShareError,
    Element,
    EncodingError,
    EntropyError,
    KeyPackage,
    MemberSetError,
    MixedThresholdsError,
    PackageFault,
    ParticipantId,
    ParticipantIdError,
    Polynomial,
    PolynomialExportError,
    ProofError,
    PublicKeyPackage,
    Round1Package,
    Scalar,
    ScalarError,
    Signature,
    UnusableKeyError,
    aggregate,
    check_dealt_share,
    check_round1,
    decode_scalar,
    draw_polynomial,
    encode_scalar,
    finish,
    public_keys_of,
    round1,
    share_for,
    verify,
)
from bridge.frost.group import IDENTITY, multiply_base, sum_elements
from bridge.frost.session import lagrange
from tests.unit.frost.members import Packages, Shares, members_of, members_with, sign_with
from tests.unit.frost.support import entropy_of

MESSAGE = b"m" * 32
ONE, TWO, THREE, FOUR, FIVE = (ParticipantId(i) for i in range(1, 6))
COMMITTEE = members_of(3, 5)
SIZES = [(t, n) for n in range(2, 8) for t in range(2, n + 1)]


class Member(TypedDict):
    identifier: int
    coefficients: list[str]
    commitment: list[str]
    proof: str
    received_shares: dict[str, str]
    signing_share: str
    verifying_share: str


class Vectors(TypedDict):
    participants: int
    threshold: int
    group_public_key: str
    members: list[Member]


VECTORS: Vectors = json.loads(Path(__file__).with_name("dkg_vectors.json").read_text())


def published_packages() -> Packages:
    return {
        ParticipantId(m["identifier"]): Round1Package.from_bytes(
            ParticipantId(m["identifier"]), bytes.fromhex("".join(m["commitment"]) + m["proof"]), threshold=2
        )
        for m in VECTORS["members"]
    }


def published_polynomial(member: Member) -> Polynomial:
    return Polynomial.from_bytes(bytes.fromhex("".join(member["coefficients"])))


# --- the published vectors


def test_the_published_proofs_of_possession_pass() -> None:
    for package in published_packages().values():
        check_round1(package, threshold=2, participants=3)


def test_the_published_commitments_are_those_of_the_published_coefficients() -> None:
    for member in VECTORS["members"]:
        identifier, polynomial = ParticipantId(member["identifier"]), published_polynomial(member)
        package = round1(identifier, polynomial, entropy_of(1), participants=3)
        assert [element.to_bytes().hex() for element in package.commitment] == member["commitment"]


def test_the_published_shares_and_keys_come_out() -> None:
    packages = published_packages()
    polynomials = {ParticipantId(m["identifier"]): published_polynomial(m) for m in VECTORS["members"]}
    for member in VECTORS["members"]:
        identifier = ParticipantId(member["identifier"])
        shares = {i: share_for(p, identifier) for i, p in polynomials.items()}
        received = {str(i): encode_scalar(share).hex() for i, share in shares.items() if i != identifier}
        assert received == member["received_shares"]
        key, public = finish(identifier=identifier, threshold=2, participants=3, packages=packages, shares=shares)
        assert encode_scalar(key.signing_share).hex() == member["signing_share"]
        assert key.verifying_share.to_bytes().hex() == member["verifying_share"]
        assert public.group_public_key.to_bytes().hex() == VECTORS["group_public_key"]
        assert public == public_keys_of(packages)


# --- a key that everybody makes


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_threshold_of_members_signs_with_the_key_they_made(size: tuple[int, int]) -> None:
    threshold, participants = size
    members = members_of(threshold, participants)
    keys, public = members.all_keys(), public_keys_of(members.packages)
    for signers in combinations(keys, threshold):
        signature = aggregate(public, MESSAGE, *sign_with(signers, MESSAGE))
        assert verify(public.group_public_key, MESSAGE, signature)


@given(size=st.sampled_from(SIZES), data=st.data(), message=st.binary(max_size=100), seed=st.integers(0, 2**32))
def test_any_set_of_at_least_the_threshold_signs_with_a_made_key(
    size: tuple[int, int], data: st.DataObject, message: bytes, seed: int
) -> None:
    threshold, participants = size
    members = members_of(threshold, participants, seed)
    public = public_keys_of(members.packages)
    signers = sorted(data.draw(st.sets(st.sampled_from(sorted(members.polynomials)), min_size=threshold)))
    keys = [members.finish(i)[0] for i in signers]
    signature = aggregate(public, message, *sign_with(keys, message, seed))
    assert verify(public.group_public_key, message, signature)


@given(size=st.sampled_from(SIZES), seed=st.integers(0, 2**32))
def test_all_members_and_any_onlooker_have_the_same_public_keys(size: tuple[int, int], seed: int) -> None:
    members = members_of(*size, seed)
    made = [members.finish(i) for i in members.polynomials]
    assert {public for _, public in made} == {public_keys_of(members.packages)}
    for key, public in made:
        assert key.verifying_share == public.verifying_share(key.identifier)
        assert (key.group_public_key, key.threshold, key.participants) == (public.group_public_key, *size)


def test_the_key_is_the_sum_of_what_all_members_drew_and_nobody_alone_knows_it() -> None:
    keys = COMMITTEE.all_keys()
    signers = [key.identifier for key in keys[:3]]
    secret = sum(key.signing_share * lagrange(key.identifier, signers) for key in keys[:3]) % ORDER
    assert secret == sum(p.coefficients[0] for p in COMMITTEE.polynomials.values()) % ORDER
    assert multiply_base(Scalar(secret)) == keys[0].group_public_key
    assert secret not in {p.coefficients[0] for p in COMMITTEE.polynomials.values()}


def test_a_made_key_survives_its_sealed_encodings() -> None:
    key, public = COMMITTEE.finish(TWO)
    assert KeyPackage.from_bytes(key.to_bytes()) == key
    assert PublicKeyPackage.from_bytes(public.to_bytes()) == public


def test_a_second_ceremony_of_the_same_members_makes_another_key() -> None:
    """R-41: a share of the one is worth nothing for the other."""
    other = members_of(3, 5, seed=7)
    assert public_keys_of(other.packages).group_public_key != public_keys_of(COMMITTEE.packages).group_public_key
    assert not {k.signing_share for k in other.all_keys()} & {k.signing_share for k in COMMITTEE.all_keys()}


# --- whoever cheats is named


def altered(package: Round1Package, *, at: int, element: Element) -> Round1Package:
    commitment = (*package.commitment[:at], element, *package.commitment[at + 1 :])
    return replace(package, commitment=commitment)


def with_a_bad_proof(package: Round1Package, _honest: Packages) -> Round1Package:
    z = Scalar(package.proof.z % (ORDER - 1) + 1)
    return replace(package, proof=Signature(group_commitment=package.proof.group_commitment, z=z))


def with_another_s_secret(package: Round1Package, honest: Packages) -> Round1Package:
    victim = next(p for p in honest.values() if p.identifier != package.identifier)
    return replace(victim, identifier=package.identifier)


def with_a_rogue_key(package: Round1Package, honest: Packages) -> Round1Package:
    """What would make the group key one that the rogue knows, if a replayed proof passed."""
    others = [p.commitment[0] for p in honest.values() if p.identifier != package.identifier]
    minus_others = Scalar(ORDER - 1) * sum_elements(others)
    rogue = altered(package, at=0, element=package.commitment[0] + minus_others)
    return replace(rogue, proof=next(iter(honest.values())).proof)


def with_a_coefficient_less(package: Round1Package, _honest: Packages) -> Round1Package:
    return replace(package, commitment=package.commitment[:-1])


def with_a_coefficient_more(package: Round1Package, _honest: Packages) -> Round1Package:
    return replace(package, commitment=(*package.commitment, multiply_base(Scalar(5))))


def without_a_secret(package: Round1Package, _honest: Packages) -> Round1Package:
    return altered(package, at=0, element=IDENTITY)


def without_the_last_coefficient(package: Round1Package, _honest: Packages) -> Round1Package:
    return altered(package, at=len(package.commitment) - 1, element=IDENTITY)


Cheat = Callable[[Round1Package, Packages], Round1Package]
CHEATS: dict[Cheat, PackageFault] = {
    with_a_bad_proof: PackageFault.PROOF,
    with_another_s_secret: PackageFault.PROOF,
    with_a_rogue_key: PackageFault.PROOF,
    with_a_coefficient_less: PackageFault.DEGREE,
    with_a_coefficient_more: PackageFault.DEGREE,
    without_a_secret: PackageFault.IDENTITY,
    without_the_last_coefficient: PackageFault.IDENTITY,
}
SHARES_OF = ("a bad share to one", "a bad share to all", "a share that is another's")


def named_by_packages(packages: Packages, threshold: int) -> dict[ParticipantId, PackageFault]:
    named = {}
    for package in packages.values():
        try:
            check_round1(package, threshold=threshold, participants=len(packages))
        except ProofError as complaint:
            named[complaint.culprit] = complaint.fault
    return named


def named_by_shares(recipient: ParticipantId, packages: Packages, shares: Shares) -> set[ParticipantId]:
    named: set[tuple[ParticipantId, ParticipantId]] = set()
    for sender, share in shares.items():
        try:
            check_dealt_share(packages[sender], recipient, share)
        except DealtShareError as complaint:
            named.add((complaint.culprit, complaint.recipient))
    return {culprit for culprit, complainant in named if complainant == recipient}


@given(size=st.sampled_from(SIZES), data=st.data(), seed=st.integers(0, 2**32))
def test_every_cheat_in_round_one_is_named_and_no_honest_member_is(
    size: tuple[int, int], data: st.DataObject, seed: int
) -> None:
    members = members_of(*size, seed)
    ids = st.sampled_from(sorted(members.polynomials))
    cheats = data.draw(st.dictionaries(ids, st.sampled_from(list(CHEATS)), min_size=1))
    packages = {i: cheats[i](p, members.packages) if i in cheats else p for i, p in members.packages.items()}
    expected = {i: CHEATS[cheat] for i, cheat in cheats.items()}
    assert named_by_packages(packages, members.threshold) == expected
    for recipient in members.polynomials:
        with pytest.raises(ProofError) as caught:
            members.finish(recipient, packages=packages)
        assert caught.value.culprit in expected


@given(size=st.sampled_from(SIZES), data=st.data(), seed=st.integers(0, 2**32))
def test_every_sender_of_a_bad_share_is_named_by_whom_it_cheated_and_no_other(
    size: tuple[int, int], data: st.DataObject, seed: int
) -> None:
    members = members_of(*size, seed)
    ids = sorted(members.polynomials)
    cheats = data.draw(st.dictionaries(st.sampled_from(ids), st.sampled_from(SHARES_OF), min_size=1))
    victim = data.draw(st.sampled_from(ids))
    for recipient in ids:
        shares = members.shares_for(recipient)
        expected = {i for i, cheat in cheats.items() if recipient == victim or cheat != SHARES_OF[0]}
        for i in expected:
            other = ids[recipient % len(ids)]
            of_another = share_for(members.polynomials[i], other)
            shares[i] = of_another if cheats[i] == SHARES_OF[2] else Scalar((shares[i] + 1) % ORDER)
        assert named_by_shares(recipient, members.packages, shares) == expected
        if expected:
            with pytest.raises(DealtShareError) as caught:
                members.finish(recipient, shares=shares)
            assert caught.value.culprit in expected
        else:
            assert members.finish(recipient)[0].identifier == recipient


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.__name__)
@pytest.mark.parametrize("culprit", [ONE, THREE, FIVE])
def test_each_cheat_in_round_one_is_named_with_its_fault(cheat: Cheat, culprit: ParticipantId) -> None:
    package = cheat(COMMITTEE.packages[culprit], COMMITTEE.packages)
    with pytest.raises(ProofError) as caught:
        check_round1(package, threshold=3, participants=5)
    assert (caught.value.culprit, caught.value.fault) == (culprit, CHEATS[cheat])
    assert not caught.value.retryable


def test_a_rogue_key_with_a_replayed_proof_is_refused() -> None:
    rogue = with_a_rogue_key(COMMITTEE.packages[FIVE], COMMITTEE.packages)
    everybody = [*(p.commitment[0] for p in list(COMMITTEE.packages.values())[:-1]), rogue.commitment[0]]
    assert sum_elements(everybody) == multiply_base(COMMITTEE.polynomials[FIVE].coefficients[0])  # the rogue's alone
    with pytest.raises(ProofError) as caught:
        public_keys_of({**COMMITTEE.packages, FIVE: rogue})
    assert (caught.value.culprit, caught.value.fault) == (FIVE, PackageFault.PROOF)


def test_a_bad_share_is_a_complaint_of_its_sender() -> None:
    share = share_for(COMMITTEE.polynomials[FOUR], TWO)
    check_dealt_share(COMMITTEE.packages[FOUR], TWO, share)
    for bad in ((share + 1) % ORDER, 0):
        with pytest.raises(DealtShareError) as caught:
            check_dealt_share(COMMITTEE.packages[FOUR], TWO, Scalar(bad))
        assert (caught.value.culprit, caught.value.recipient) == (FOUR, TWO)


def test_shares_of_polynomials_of_too_high_a_degree_do_not_fit_a_package_of_the_right_one() -> None:
    steep = Polynomial(coefficients=(*COMMITTEE.polynomials[FOUR].coefficients, Scalar(5)))
    with pytest.raises(DealtShareError) as caught:
        check_dealt_share(COMMITTEE.packages[FOUR], TWO, share_for(steep, TWO))
    assert caught.value.culprit == FOUR


# --- all members, and nobody else


@pytest.mark.parametrize("absent", [ONE, FIVE])
def test_without_one_member_s_package_or_share_there_is_no_key(absent: ParticipantId) -> None:
    packages = {i: p for i, p in COMMITTEE.packages.items() if i != absent}
    shares = {i: s for i, s in COMMITTEE.shares_for(TWO).items() if i != absent}
    with pytest.raises(MemberSetError) as of_packages:
        COMMITTEE.finish(TWO, packages=packages)
    with pytest.raises(MemberSetError) as of_shares:
        COMMITTEE.finish(TWO, shares=shares)
    with pytest.raises(MemberSetError) as of_both:  # the others' alone would make a key: theirs
        COMMITTEE.finish(TWO, packages=packages, shares=shares)
    assert (of_packages.value.what, of_shares.value.what) == ("packages", "shares")
    for caught in (of_packages, of_shares, of_both):
        assert caught.value.missing == {absent}
        assert not caught.value.unexpected


@pytest.mark.parametrize("stranger", [0, 6, -1])
def test_a_stranger_s_package_or_share_makes_no_key(stranger: int) -> None:
    nobody = ParticipantId(stranger)
    packages = {**COMMITTEE.packages, nobody: replace(COMMITTEE.packages[ONE], identifier=nobody)}
    shares = {**COMMITTEE.shares_for(TWO), nobody: Scalar(1)}
    with pytest.raises(MemberSetError) as of_packages:
        COMMITTEE.finish(TWO, packages=packages)
    with pytest.raises(MemberSetError) as of_shares:
        COMMITTEE.finish(TWO, shares=shares)
    for caught in (of_packages, of_shares):
        assert not caught.value.missing
        assert caught.value.unexpected == {stranger}


def test_a_package_under_another_member_s_number_makes_no_key() -> None:
    packages = {**COMMITTEE.packages, ONE: COMMITTEE.packages[TWO]}
    for make in (lambda: COMMITTEE.finish(TWO, packages=packages), lambda: public_keys_of(packages)):
        with pytest.raises(MemberSetError) as caught:
            make()
        assert caught.value.missing == {1}
        assert caught.value.unexpected == {2}


def test_public_keys_are_of_members_that_are_numbered_from_one_without_a_gap() -> None:
    packages = {i: p for i, p in COMMITTEE.packages.items() if i != TWO}
    with pytest.raises(MemberSetError) as caught:
        public_keys_of(packages)
    assert caught.value.missing == {2}
    assert caught.value.unexpected == {5}


def test_public_keys_of_nobody_or_of_fewer_than_the_threshold_are_refused() -> None:
    for few in (0, 2):
        with pytest.raises(CommitteeSizeError):
            public_keys_of({i: p for i, p in COMMITTEE.packages.items() if i <= few})


def test_packages_of_different_thresholds_have_no_key_and_name_nobody() -> None:
    packages = {**COMMITTEE.packages, ONE: members_of(2, 5).packages[ONE]}
    with pytest.raises(MixedThresholdsError):
        public_keys_of(packages)


def test_packages_of_another_threshold_than_agreed_are_refused() -> None:
    with pytest.raises(ProofError) as caught:
        finish(
            identifier=ONE,
            threshold=4,
            participants=5,
            packages=COMMITTEE.packages,
            shares=COMMITTEE.shares_for(ONE),
        )
    assert caught.value.fault is PackageFault.DEGREE


@pytest.mark.parametrize("identifier", [-1, 0, 6])
def test_only_a_member_takes_part(identifier: int) -> None:
    nobody = ParticipantId(identifier)
    polynomial = COMMITTEE.polynomials[ONE]
    package = replace(COMMITTEE.packages[ONE], identifier=nobody)
    for attempt in (
        lambda: round1(nobody, polynomial, entropy_of(1), participants=5),
        lambda: check_round1(package, threshold=3, participants=5),
        lambda: COMMITTEE.finish(nobody, shares=COMMITTEE.shares_for(ONE)),
    ):
        with pytest.raises(ParticipantIdError):
            attempt()


@pytest.mark.parametrize(("threshold", "participants"), [(1, 3), (4, 3), (2, 65536)])
def test_an_impossible_committee_makes_no_key(threshold: int, participants: int) -> None:
    with pytest.raises(CommitteeSizeError):
        check_round1(COMMITTEE.packages[ONE], threshold=threshold, participants=participants)
    with pytest.raises(CommitteeSizeError):
        finish(identifier=ONE, threshold=threshold, participants=participants, packages={}, shares={})


def test_a_polynomial_of_a_higher_threshold_than_there_are_members_is_refused() -> None:
    with pytest.raises(CommitteeSizeError):
        round1(ONE, COMMITTEE.polynomials[ONE], entropy_of(1), participants=2)


# --- keys that can't be used


@pytest.mark.parametrize(
    "coefficients",
    [
        [(1, 5), (2, 6), (-3, 7)],
        [(1, 5), (2, 6), (3, -11)],
        [(1, 1), (1, 1), (-5, 1)],
    ],
    ids=["the secrets cancel", "the slopes cancel", "the share of participant 1 is zero"],
)
def test_a_key_with_a_zero_in_it_is_unusable(coefficients: list[tuple[int, int]]) -> None:
    members = members_with(coefficients)
    with pytest.raises(UnusableKeyError):
        public_keys_of(members.packages)
    for identifier in members.polynomials:
        with pytest.raises(UnusableKeyError):
            members.finish(identifier)


# --- polynomials


def test_a_drawn_polynomial_takes_48_fresh_bytes_a_coefficient() -> None:
    asked: list[int] = []
    source = entropy_of(1)

    def entropy(length: int) -> bytes:
        asked.append(length)
        return source(length)

    assert draw_polynomial(entropy, 4).threshold == 4
    assert asked == [48] * 4


@pytest.mark.parametrize("entropy", [bytes, lambda _length: b"short"], ids=["zeros", "short"])
def test_a_polynomial_is_not_drawn_from_a_broken_source(entropy: Callable[[int], bytes]) -> None:
    with pytest.raises(EntropyError):
        draw_polynomial(entropy, 3)


@pytest.mark.parametrize("threshold", [-1, 0, 1, 65536])
def test_a_polynomial_of_no_possible_threshold_is_not_drawn(threshold: int) -> None:
    with pytest.raises(CommitteeSizeError):
        draw_polynomial(entropy_of(1), threshold)


def test_a_polynomial_survives_its_bytes() -> None:
    polynomial = COMMITTEE.polynomials[ONE]
    data = polynomial.to_bytes()
    assert len(data) == 3 * 32
    assert Polynomial.from_bytes(data).coefficients == polynomial.coefficients


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 63, 65, 95])
def test_a_polynomial_of_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(EncodingError):
        Polynomial.from_bytes(b"\x01" * length)


@pytest.mark.parametrize("coefficient", [bytes(32), b"\xff" * 32, ORDER.to_bytes(32, "big")])
def test_a_polynomial_with_a_coefficient_out_of_range_is_refused(coefficient: bytes) -> None:
    with pytest.raises(ScalarError):
        Polynomial.from_bytes(encode_scalar(1) + coefficient)


def test_a_polynomial_of_one_coefficient_is_refused() -> None:
    with pytest.raises(CommitteeSizeError):
        Polynomial(coefficients=(Scalar(1),))


def test_a_polynomial_is_neither_shown_nor_copied_nor_pickled() -> None:
    polynomial = COMMITTEE.polynomials[ONE]
    assert repr(polynomial) == "Polynomial()"
    for export in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(PolynomialExportError):
            export(polynomial)


@pytest.mark.parametrize("recipient", [-1, 0, 65536])
def test_a_polynomial_is_evaluated_for_members_only(recipient: int) -> None:
    # At zero the share would be the secret itself.
    with pytest.raises(ParticipantIdError):
        share_for(COMMITTEE.polynomials[ONE], ParticipantId(recipient))


# --- packages


def test_a_package_survives_its_bytes() -> None:
    package = COMMITTEE.packages[TWO]
    data = package.to_bytes()
    assert len(data) == 3 * 33 + 65
    assert Round1Package.from_bytes(TWO, data, threshold=3) == package


def test_malformed_packages_name_their_sender() -> None:
    data = COMMITTEE.packages[TWO].to_bytes()
    off_curve = b"\x02" + b"\xff" * 32
    for wrong in (
        b"",
        data[:-1],
        data + b"\x00",
        off_curve + data[33:],
        bytes(33) + data[33:],
        data[:-32] + bytes(32),
        data[:-32] + b"\xff" * 32,
    ):
        with pytest.raises(ProofError) as caught:
            Round1Package.from_bytes(TWO, wrong, threshold=3)
        assert (caught.value.culprit, caught.value.fault) == (TWO, PackageFault.ENCODING)


@pytest.mark.parametrize("threshold", [0, 2, 4])
def test_a_package_read_for_another_threshold_is_malformed(threshold: int) -> None:
    with pytest.raises(ProofError):
        Round1Package.from_bytes(TWO, COMMITTEE.packages[TWO].to_bytes(), threshold=threshold)


def test_no_bit_of_a_secret_s_commitment_or_its_proof_can_be_changed() -> None:
    package = COMMITTEE.packages[TWO]
    data = package.to_bytes()
    proven = [*range(33), *range(99, len(data))]
    for at, bit in ((at, bit) for at in proven for bit in range(8)):
        changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        with pytest.raises(ProofError) as caught:
            check_round1(Round1Package.from_bytes(TWO, changed, threshold=3), threshold=3, participants=5)
        assert caught.value.culprit == TWO


def test_a_proof_is_hedged_with_the_secret_and_new_each_time() -> None:
    polynomial, other = COMMITTEE.polynomials[ONE], COMMITTEE.polynomials[TWO]
    entropy = entropy_of(5)
    proofs = [round1(ONE, polynomial, entropy, participants=5).proof for _ in range(2)]
    proofs += [round1(ONE, p, entropy_of(6), participants=5).proof for p in (polynomial, other)]
    assert len({proof.group_commitment for proof in proofs}) == 4


def test_a_proof_is_not_made_from_short_entropy() -> None:
    with pytest.raises(EntropyError):
        round1(ONE, COMMITTEE.polynomials[ONE], lambda _length: b"short", participants=5)


def test_shares_travel_as_32_bytes() -> None:
    share = share_for(COMMITTEE.polynomials[ONE], TWO)
    assert decode_scalar(encode_scalar(share)) == share
