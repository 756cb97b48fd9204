"""bridge.frost and a second implementation of RFC 9591, on plain integers, agree in everything."""

import os
import random
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from bridge.frost import (
    Dealing,
    ParticipantId,
    Scalar,
    SignatureShare,
    SigningCommitments,
    aggregate,
    commit,
    deal,
    participant_ids,
    sign,
    verify,
    verify_share,
)
from bridge.frost.session import binding_factors
from tests.unit.frost import reference
from tests.unit.frost.test_vectors import Case, cases, replay

RFC = cases()[0]
FULL = bool(os.environ.get("NARU_FULL"))
CASES = 1000 if FULL else 200
GROUPS = 20
"""The cases run in so many tests, which may run side by side."""


def hexed(point: reference.Point) -> str:
    return reference.serialize_element(point).hex()


# --- the reference by itself


def test_the_reference_does_not_import_what_it_is_held_against() -> None:
    text = Path(reference.__file__).read_text()
    imports = [line for line in text.splitlines() if line.startswith(("import", "from"))]
    assert imports == ["import hashlib", "from typing import TypeAlias"]


def test_the_reference_s_curve_is_a_group_of_its_order() -> None:
    rng = random.Random(1)
    x, y = reference.G
    assert (y * y - x**3 - 7) % reference.P == 0
    assert reference.scalar_mult(reference.Q, reference.G) is None
    assert reference.scalar_mult(reference.Q - 1, reference.G) == (x, reference.P - y)
    points = [reference.scalar_base_mult(k) for k in range(6)]
    assert all(reference.sum_points(left, reference.G) == right for left, right in pairwise(points))
    for _ in range(20):
        a, b = rng.randrange(reference.Q), rng.randrange(reference.Q)
        product = reference.scalar_mult(a, reference.scalar_base_mult(b))
        assert product == reference.scalar_base_mult(a * b % reference.Q)
        assert reference.sum_points(product, product) == reference.scalar_mult(2, product)
        assert reference.deserialize_element(reference.serialize_element(product)) == product


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_the_reference_passes_the_published_vectors(case: Case) -> None:
    inputs = case["inputs"]
    message = bytes.fromhex(inputs["message"])
    coefficients = [int(c, 16) for c in inputs["share_polynomial_coefficients"]]
    keys, public_key, commitment = reference.trusted_dealer_keygen(
        int(inputs["group_secret_key"], 16), coefficients, case["max_participants"]
    )
    assert hexed(public_key) == inputs["group_public_key"]
    for share in inputs["participant_shares"]:
        identifier = share["identifier"]
        assert reference.serialize_scalar(keys[identifier]).hex() == share["participant_share"]
        assert reference.derive_public_point(identifier, commitment) == reference.scalar_base_mult(keys[identifier])

    nonces, commitments = {}, []
    for signer in case["signers"]:
        identifier = signer["identifier"]
        drawn = (bytes.fromhex(signer["hiding_nonce_randomness"]), bytes.fromhex(signer["binding_nonce_randomness"]))
        nonces[identifier], (hiding, binding) = reference.commit(keys[identifier], drawn)
        assert [f"{nonce:064x}" for nonce in nonces[identifier]] == [signer["hiding_nonce"], signer["binding_nonce"]]
        assert hexed(hiding) == signer["hiding_nonce_commitment"]
        assert hexed(binding) == signer["binding_nonce_commitment"]
        commitments.append((identifier, hiding, binding))

    factors = reference.compute_binding_factors(public_key, commitments, message)
    shares = []
    for signer in case["signers"]:
        identifier = signer["identifier"]
        assert f"{factors[identifier]:064x}" == signer["binding_factor"]
        shares.append(
            reference.sign(identifier, keys[identifier], public_key, nonces[identifier], message, commitments)
        )
        assert f"{shares[-1]:064x}" == signer["sig_share"]
    signature = reference.aggregate(commitments, message, public_key, shares)
    assert reference.serialize_signature(signature).hex() == case["sig"]
    assert reference.prime_order_verify(message, signature, public_key)


def test_the_reference_refuses_what_is_wrong() -> None:
    signature = bytes.fromhex(RFC["sig"])
    r, z = reference.deserialize_element(signature[:33]), int.from_bytes(signature[33:], "big")
    key = reference.deserialize_element(bytes.fromhex(RFC["inputs"]["group_public_key"]))
    message = bytes.fromhex(RFC["inputs"]["message"])
    assert reference.prime_order_verify(message, (r, z), key)
    assert not reference.prime_order_verify(message + b"!", (r, z), key)
    assert not reference.prime_order_verify(message, (r, z + 1), key)
    assert not reference.prime_order_verify(message, (key, z), key)
    assert not reference.prime_order_verify(message, (r, z), r)


# --- both, side by side


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One random case: what both sides are given, and which signers the reference plays."""

    coefficients: list[int]
    participants: int
    signers: list[ParticipantId]
    played_by_reference: list[ParticipantId]
    randomness: dict[ParticipantId, tuple[bytes, bytes]]
    message: bytes
    suspect: ParticipantId
    error: int


def drawn(seed: int) -> Drawn:
    rng = random.Random(seed)
    participants = rng.randint(2, 7)
    threshold = rng.randint(2, participants)
    signers = sorted(rng.sample(participant_ids(participants), rng.randint(threshold, participants)))
    return Drawn(
        coefficients=[rng.randrange(1, reference.Q) for _ in range(threshold)],
        participants=participants,
        signers=signers,
        played_by_reference=rng.sample(signers, rng.randint(1, len(signers) - 1)),
        randomness={i: (rng.randbytes(32), rng.randbytes(32)) for i in signers},
        message=rng.randbytes(rng.choice([0, 1, 32, 32, 32, 64, 200])),
        suspect=rng.choice(signers),
        error=rng.choice([0, 1, rng.randrange(1, reference.Q)]),
    )


@dataclass(frozen=True, kw_only=True)
class Naru:
    """What bridge.frost makes of a case."""

    dealing: Dealing
    commitments: list[SigningCommitments]
    shares: dict[ParticipantId, SignatureShare]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the reference makes of the same, and the shares of the signers that it plays."""

    public_key: reference.Point
    commitment: list[reference.Point]
    keys: dict[int, int]
    commitments: list[reference.Commitment]
    shares: dict[ParticipantId, int]


def by_naru(case: Drawn) -> Naru:
    secret, *rest = (Scalar(c) for c in case.coefficients)
    dealing = deal(secret=secret, coefficients=rest, participants=case.participants)
    packages = [dealing.key_packages[i - 1] for i in case.signers]
    rounds = [(p, *commit(p, replay(*(part.hex() for part in case.randomness[p.identifier])))) for p in packages]
    commitments = [commitments for _, _, commitments in rounds]
    shares = {p.identifier: sign(p, nonces, case.message, commitments) for p, nonces, _ in rounds}
    return Naru(dealing=dealing, commitments=commitments, shares=shares)


def by_reference(case: Drawn) -> Reference:
    secret, *rest = case.coefficients
    keys, public_key, commitment = reference.trusted_dealer_keygen(secret, rest, case.participants)
    rounds = {i: reference.commit(keys[i], case.randomness[i]) for i in case.signers}
    commitments: list[reference.Commitment] = [(i, *committed) for i, (_, committed) in rounds.items()]
    shares = {
        i: reference.sign(i, keys[i], public_key, rounds[i][0], case.message, commitments)
        for i in case.played_by_reference
    }
    return Reference(public_key=public_key, commitment=commitment, keys=keys, commitments=commitments, shares=shares)


def check_keys_and_commitments(ours: Naru, theirs: Reference, message: bytes) -> None:
    public = ours.dealing.public_key_package
    assert {p.identifier: p.signing_share for p in ours.dealing.key_packages} == theirs.keys
    assert hexed(theirs.public_key) == public.group_public_key.to_bytes().hex()
    assert [hexed(e) for e in theirs.commitment] == [e.to_bytes().hex() for e in ours.dealing.commitment]
    assert [hexed(d) + hexed(e) for _, d, e in theirs.commitments] == [c.to_bytes().hex() for c in ours.commitments]
    factors = reference.compute_binding_factors(theirs.public_key, theirs.commitments, message)
    assert binding_factors(public.group_public_key, message, ours.commitments) == factors


def check_suspect(case: Drawn, ours: Naru, theirs: Reference) -> None:
    """Both sides think the same of a share that may be wrong."""
    public, i = ours.dealing.public_key_package, case.suspect
    share = (ours.shares[i].scalar + case.error) % reference.Q
    right = verify_share(public, case.message, ours.commitments, i, SignatureShare(scalar=Scalar(share)))
    pk_i = reference.derive_public_point(i, theirs.commitment)
    assert right == (case.error == 0)
    assert right == reference.verify_signature_share(
        i, pk_i, share, theirs.commitments, theirs.public_key, case.message
    )


def check_mixed_signature(case: Drawn, ours: Naru, theirs: Reference) -> None:
    """Some shares are the one side's, some the other's; neither aggregator can tell."""
    public = ours.dealing.public_key_package
    mixed = {**ours.shares, **{i: SignatureShare(scalar=Scalar(share)) for i, share in theirs.shares.items()}}
    assert mixed == ours.shares
    signature = aggregate(public, case.message, ours.commitments, mixed)
    other = reference.aggregate(
        theirs.commitments, case.message, theirs.public_key, [share.scalar for share in mixed.values()]
    )
    assert signature.to_bytes() == reference.serialize_signature(other)
    assert verify(public.group_public_key, case.message, signature)
    assert reference.prime_order_verify(case.message, other, theirs.public_key)
    assert not verify(public.group_public_key, case.message + b"!", signature)


@pytest.mark.parametrize("group", range(GROUPS))
def test_both_implementations_agree_and_sign_in_one_committee(group: int) -> None:
    for seed in range(group, CASES, GROUPS):
        case = drawn(seed)
        ours, theirs = by_naru(case), by_reference(case)
        check_keys_and_commitments(ours, theirs, case.message)
        check_suspect(case, ours, theirs)
        check_mixed_signature(case, ours, theirs)


def test_the_cases_are_of_every_size_and_mixture() -> None:
    all_cases = [drawn(seed) for seed in range(CASES)]
    assert {(len(c.coefficients), c.participants) for c in all_cases} == {
        (t, n) for n in range(2, 8) for t in range(2, n + 1)
    }
    assert all(0 < len(c.played_by_reference) < len(c.signers) for c in all_cases)
    assert {c.error == 0 for c in all_cases} == {True, False}
    assert {len(c.message) for c in all_cases} == {0, 1, 32, 64, 200}
