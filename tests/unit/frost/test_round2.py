"""Signing: every check on the commitment list, and nonces that a failure burns (RFC 9591, section 5.2)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.frost import (
    CommitmentFault,
    CommitmentListError,
    IdentityError,
    LengthError,
    NonceReusedError,
    ParticipantId,
    ScalarError,
    SignatureShare,
    SigningCommitments,
    SigningNonces,
    commit,
    sign,
)
from bridge.frost import session as session_module
from bridge.frost.group import IDENTITY, Element
from bridge.frost.session import open_session
from tests.unit.frost.support import dealing_of, entropy_of

MESSAGE = b"m" * 32
DEALING = dealing_of(3, 5)
Commitments = list[SigningCommitments]


def rounds_of(seed: int = 1) -> tuple[list[SigningNonces], Commitments]:
    entropy = entropy_of(seed)
    pairs = [commit(package, entropy) for package in DEALING.key_packages[:4]]
    return [n for n, _ in pairs], [c for _, c in pairs]


def moved(commitments: Commitments, at: int, identifier: int) -> Commitments:
    renamed = replace(commitments[at], identifier=ParticipantId(identifier))
    return [*commitments[:at], renamed, *commitments[at + 1 :]]


WRONG: list[tuple[Callable[[Commitments], Commitments], CommitmentFault]] = [
    (lambda _c: [], CommitmentFault.BELOW_THRESHOLD),
    (lambda c: c[:2], CommitmentFault.BELOW_THRESHOLD),
    (lambda c: c[::-1], CommitmentFault.UNSORTED),
    (lambda c: [c[1], c[0], *c[2:]], CommitmentFault.UNSORTED),
    (lambda c: [c[0], c[0], c[1]], CommitmentFault.DUPLICATED),
    (lambda c: moved(c, 3, 3), CommitmentFault.DUPLICATED),
    (lambda c: moved(c, 3, 6), CommitmentFault.UNKNOWN_SIGNER),
    (lambda c: moved(c, 0, 0), CommitmentFault.UNKNOWN_SIGNER),
    (lambda c: moved(c, 0, -1), CommitmentFault.UNKNOWN_SIGNER),
    (lambda c: c[1:], CommitmentFault.NOT_OWN),
    (lambda c: [replace(c[0], hiding=c[1].hiding), *c[1:]], CommitmentFault.NOT_OWN),
    (lambda c: [replace(c[0], binding=c[1].binding), *c[1:]], CommitmentFault.NOT_OWN),
]


@pytest.mark.parametrize(("spoil", "fault"), WRONG)
def test_a_wrong_commitment_list_is_refused_and_burns_the_nonces(
    spoil: Callable[[Commitments], Commitments], fault: CommitmentFault
) -> None:
    nonces, commitments = rounds_of()
    package = DEALING.key_packages[0]
    with pytest.raises(CommitmentListError) as caught:
        sign(package, nonces[0], MESSAGE, spoil(commitments))
    assert caught.value.fault is fault
    with pytest.raises(NonceReusedError):
        sign(package, nonces[0], MESSAGE, commitments)


def test_nonces_of_another_signer_are_refused() -> None:
    nonces, commitments = rounds_of()
    with pytest.raises(CommitmentListError) as caught:
        sign(DEALING.key_packages[0], nonces[1], MESSAGE, commitments)
    assert caught.value.fault is CommitmentFault.NOT_OWN


def test_nonces_used_twice_raise_even_for_the_same_request() -> None:
    nonces, commitments = rounds_of()
    package = DEALING.key_packages[0]
    sign(package, nonces[0], MESSAGE, commitments)
    for message in (MESSAGE, b"other"):
        with pytest.raises(NonceReusedError):
            sign(package, nonces[0], message, commitments)


def test_commitments_that_cancel_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(_elements: object) -> Element:
        return IDENTITY

    # Nobody can find such a list: the binding factors hash it. Hence the sum is replaced.
    monkeypatch.setattr(session_module, "sum_elements", cancel)
    _, commitments = rounds_of()
    with pytest.raises(IdentityError) as caught:
        open_session(DEALING.public_key_package.group_public_key, MESSAGE, commitments)
    assert caught.value.what == "the group commitment"


def test_binding_factors_change_with_key_message_and_list() -> None:
    _, commitments = rounds_of(1)
    _, others = rounds_of(2)
    key = DEALING.public_key_package.group_public_key
    other_key = dealing_of(3, 5, seed=7).public_key_package.group_public_key
    sessions = [
        open_session(key, MESSAGE, commitments),
        open_session(other_key, MESSAGE, commitments),
        open_session(key, b"other", commitments),
        open_session(key, MESSAGE, others),
        open_session(key, MESSAGE, commitments[:3]),
    ]
    factors = [s.binding_factors[i] for s in sessions for i in s.binding_factors]
    assert len(set(factors)) == len(factors) == 19


def test_a_share_survives_its_32_bytes() -> None:
    nonces, commitments = rounds_of()
    share = sign(DEALING.key_packages[0], nonces[0], MESSAGE, commitments)
    assert len(share.to_bytes()) == 32
    assert SignatureShare.from_bytes(share.to_bytes()) == share


def test_a_malformed_share_is_refused() -> None:
    with pytest.raises(LengthError):
        SignatureShare.from_bytes(bytes(31))
    with pytest.raises(ScalarError):
        SignatureShare.from_bytes(b"\xff" * 32)
