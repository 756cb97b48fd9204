"""Every intermediate value of the published vectors (RFC 9591, appendix E.5, and two more)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pytest

from bridge.frost import (
    Dealing,
    Entropy,
    KeyPackage,
    ParticipantId,
    Signature,
    SigningCommitments,
    SigningNonces,
    aggregate,
    check_share,
    commit,
    deal,
    decode_scalar,
    encode_scalar,
    sign,
    verify,
    verify_share,
)
from bridge.frost.session import binding_factor_prefix, binding_factors, open_session

VECTORS = Path(__file__).parents[2] / "vectors"


class Share(TypedDict):
    identifier: int
    participant_share: str


class Inputs(TypedDict):
    group_secret_key: str
    group_public_key: str
    message: str
    share_polynomial_coefficients: list[str]
    participant_shares: list[Share]


class Signer(TypedDict):
    identifier: int
    hiding_nonce_randomness: str
    binding_nonce_randomness: str
    hiding_nonce: str
    binding_nonce: str
    hiding_nonce_commitment: str
    binding_nonce_commitment: str
    binding_factor_input: str
    binding_factor: str
    sig_share: str


class Case(TypedDict):
    name: str
    max_participants: int
    min_participants: int
    inputs: Inputs
    signers: list[Signer]
    sig: str


def cases() -> list[Case]:
    names = ("frost_rfc9591_secp256k1.json", "frost_zf_secp256k1.json")
    return [case for name in names for case in json.loads((VECTORS / name).read_text())["cases"]]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A case, and what this package makes of its inputs."""

    case: Case
    dealing: Dealing
    message: bytes
    nonces: list[SigningNonces]
    commitments: list[SigningCommitments]

    def key_package(self, signer: Signer) -> KeyPackage:
        return self.dealing.key_packages[signer["identifier"] - 1]


def replay(*randomness: str) -> Entropy:
    tape = iter(randomness)
    return lambda _length: bytes.fromhex(next(tape))


@pytest.fixture(params=cases(), ids=lambda case: case["name"])
def run(request: pytest.FixtureRequest) -> Run:
    case: Case = request.param
    inputs = case["inputs"]
    dealing = deal(
        secret=decode_scalar(bytes.fromhex(inputs["group_secret_key"])),
        coefficients=[decode_scalar(bytes.fromhex(c)) for c in inputs["share_polynomial_coefficients"]],
        participants=case["max_participants"],
    )
    rounds = []
    for signer in case["signers"]:
        package = dealing.key_packages[signer["identifier"] - 1]
        rounds.append(commit(package, replay(signer["hiding_nonce_randomness"], signer["binding_nonce_randomness"])))
    return Run(
        case=case,
        dealing=dealing,
        message=bytes.fromhex(inputs["message"]),
        nonces=[nonces for nonces, _ in rounds],
        commitments=[commitments for _, commitments in rounds],
    )


def test_the_rfc_signature_is_the_one_in_its_appendix() -> None:
    assert cases()[0]["sig"].startswith("0205b6d0")


def test_the_dealer_gives_the_published_keys(run: Run) -> None:
    public = run.dealing.public_key_package
    assert public.group_public_key.to_bytes().hex() == run.case["inputs"]["group_public_key"]
    assert public.threshold == run.case["min_participants"]
    for share in run.case["inputs"]["participant_shares"]:
        package = run.dealing.key_packages[share["identifier"] - 1]
        assert package.identifier == share["identifier"]
        assert encode_scalar(package.signing_share).hex() == share["participant_share"]
        check_share(package, run.dealing.commitment)


def test_nonces_and_commitments_are_the_published_ones(run: Run) -> None:
    for signer, nonces, commitments in zip(run.case["signers"], run.nonces, run.commitments, strict=True):
        hiding, binding = nonces.take()
        assert encode_scalar(hiding).hex() == signer["hiding_nonce"]
        assert encode_scalar(binding).hex() == signer["binding_nonce"]
        published = signer["hiding_nonce_commitment"] + signer["binding_nonce_commitment"]
        assert commitments.to_bytes().hex() == published


def test_binding_factors_and_their_inputs_are_the_published_ones(run: Run) -> None:
    key = run.dealing.public_key_package.group_public_key
    prefix = binding_factor_prefix(key, run.message, run.commitments)
    factors = binding_factors(key, run.message, run.commitments)
    for signer in run.case["signers"]:
        identifier = ParticipantId(signer["identifier"])
        assert (prefix + encode_scalar(identifier)).hex() == signer["binding_factor_input"]
        assert encode_scalar(factors[identifier]).hex() == signer["binding_factor"]


def test_shares_and_signature_are_the_published_ones(run: Run) -> None:
    public = run.dealing.public_key_package
    shares = {}
    for signer, nonces in zip(run.case["signers"], run.nonces, strict=True):
        package = run.key_package(signer)
        share = sign(package, nonces, run.message, run.commitments)
        assert share.to_bytes().hex() == signer["sig_share"]
        assert verify_share(public, run.message, run.commitments, package.identifier, share)
        shares[package.identifier] = share
    signature = aggregate(public, run.message, run.commitments, shares)
    assert signature.to_bytes().hex() == run.case["sig"]
    session = open_session(public.group_public_key, run.message, run.commitments)
    assert session.group_commitment == signature.group_commitment


def test_the_published_signature_verifies(run: Run) -> None:
    signature = Signature.from_bytes(bytes.fromhex(run.case["sig"]))
    assert verify(run.dealing.public_key_package.group_public_key, run.message, signature)
