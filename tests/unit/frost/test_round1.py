"""Nonces are used once or never (R-14; RFC 9591, section 5.1)."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.frost import (
    ElementError,
    EntropyError,
    IdentityError,
    LengthError,
    NonceExportError,
    NonceReusedError,
    ParticipantId,
    Scalar,
    SigningCommitments,
    SigningNonces,
    commit,
)
from bridge.frost.group import multiply_base
from tests.unit.frost.support import dealing_of, entropy_of

PACKAGE, OTHER, _ = dealing_of(2, 3).key_packages


def test_nonces_are_given_out_once() -> None:
    nonces, commitments = commit(PACKAGE, entropy_of(1))
    hiding, binding = nonces.take()
    assert (multiply_base(hiding), multiply_base(binding)) == (commitments.hiding, commitments.binding)
    with pytest.raises(NonceReusedError):
        nonces.take()


def test_of_many_threads_one_gets_the_nonces() -> None:
    def attempt(nonces: SigningNonces) -> int:
        try:
            nonces.take()
        except NonceReusedError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        for seed in range(50):
            nonces, _ = commit(PACKAGE, entropy_of(seed))
            assert sum(pool.map(attempt, [nonces] * 8)) == 1


def test_nonces_are_neither_copied_nor_pickled() -> None:
    nonces, _ = commit(PACKAGE, entropy_of(1))
    for export in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(NonceExportError):
            export(nonces)


def test_nonces_are_not_shown() -> None:
    nonces, _ = commit(PACKAGE, entropy_of(1))
    assert repr(nonces) == "SigningNonces(<unused>)"
    nonces.take()
    assert repr(nonces) == "SigningNonces(<taken>)"


def test_nonces_are_hedged_with_the_secret() -> None:
    same = [commit(p, entropy_of(1))[0].take() for p in (PACKAGE, OTHER)]
    assert len({nonce for pair in same for nonce in pair}) == 4


def test_nonces_take_32_fresh_bytes_each() -> None:
    asked: list[int] = []
    source = entropy_of(1)

    def entropy(length: int) -> bytes:
        asked.append(length)
        return source(length)

    commit(PACKAGE, entropy)
    assert asked == [32, 32]


def test_short_entropy_is_refused() -> None:
    with pytest.raises(EntropyError):
        commit(PACKAGE, lambda _length: b"short")


def test_commitments_survive_their_66_bytes() -> None:
    _, commitments = commit(PACKAGE, entropy_of(1))
    data = commitments.to_bytes()
    assert len(data) == 66
    assert SigningCommitments.from_bytes(PACKAGE.identifier, data) == commitments


def test_malformed_commitments_are_refused() -> None:
    data = commit(PACKAGE, entropy_of(1))[1].to_bytes()
    for wrong in (b"", data[:-1], data + b"\x00"):
        with pytest.raises(LengthError):
            SigningCommitments.from_bytes(ParticipantId(1), wrong)
    for wrong in (bytes(33) + data[33:], data[:33] + bytes(33)):
        with pytest.raises(ElementError):
            SigningCommitments.from_bytes(ParticipantId(1), wrong)


@pytest.mark.parametrize(("hiding", "binding"), [(0, 1), (1, 0)])
def test_a_zero_nonce_commits_to_the_identity_and_is_refused(hiding: int, binding: int) -> None:
    with pytest.raises(IdentityError):
        SigningNonces(ParticipantId(1), hiding=Scalar(hiding), binding=Scalar(binding))
