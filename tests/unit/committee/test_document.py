"""A committee document says who certified which key, and is refused unless all did (R-41)."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from bridge.committee.document import CommitteeDocument, DocumentError, document_of, is_dealt, verify_document
from bridge.committee.identity import Identity, Purpose
from bridge.committee.keys import public_keys
from bridge.committee.verdict import document
from bridge.config import CommitteeConfig, load
from bridge.errors import ConfigError
from tests.unit.committee.support import identity, member, play, proposal
from tests.unit.frost.support import dealing_of

N = 4


def signed() -> CommitteeDocument:
    return document(play(proposal(N))[0].board)


def parsed(text: str, folder: Path) -> CommitteeConfig:
    path = folder / "committee.toml"
    path.write_text(text)
    return load(path, CommitteeConfig)


def changed(folder: Path, **changes: object) -> CommitteeConfig:
    return parsed(tomli_w.dumps(tomllib.loads(signed().to_toml()) | changes), folder)


def told(config: CommitteeConfig) -> str:
    with pytest.raises(DocumentError) as caught:
        verify_document(config)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("n", range(4, 8))
def test_a_ceremony_s_document_is_the_configuration_of_its_committee(n: int, tmp_path: Path) -> None:
    made = document(play(proposal(n))[0].board)
    config = parsed(made.to_toml(), tmp_path)
    verify_document(config)
    verify_document(config, proposal(n))
    assert document_of(config) == made
    assert public_keys(config) == made.keys
    assert (config.threshold, config.epoch) == (proposal(n).threshold, 1)
    assert not is_dealt(config)


def test_rows_in_another_order_are_the_same_document(tmp_path: Path) -> None:
    rows: dict[str, Any] = tomllib.loads(signed().to_toml())
    rows["members"].reverse()
    rows["signatures"].reverse()
    verify_document(parsed(tomli_w.dumps(rows), tmp_path), proposal(N))


def test_a_dealt_document_is_none_of_a_ceremony(tmp_path: Path) -> None:
    rows = tomllib.loads(signed().to_toml())
    del rows["session"], rows["signatures"]
    config = parsed(tomli_w.dumps(rows), tmp_path)
    assert is_dealt(config)
    assert "its key was dealt" in told(config)


def test_half_a_certificate_is_neither_dealt_nor_certified(tmp_path: Path) -> None:
    for config in (changed(tmp_path, session=""), changed(tmp_path, signatures=[])):
        assert not is_dealt(config)
        assert told(config)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_one_signature_less_is_no_certificate(number: int, tmp_path: Path) -> None:
    """R-41: a key that not all have certified may be one that not all can sign with."""
    good = [s.hex() for s in signed().signatures]
    assert "3 signatures of 4 members" in told(changed(tmp_path, signatures=good[: number - 1] + good[number:]))
    own = identity(number)
    for wrong in (
        bytes(64),
        own.sign(Purpose.CEREMONY, signed().certificate),
        own.sign(Purpose.WITNESS, b""),
        signed().signatures[number % 4],
    ):
        forged = [*good[: number - 1], wrong.hex(), *good[number:]]
        assert f"member {number} (House {number}) did not sign" in told(changed(tmp_path, signatures=forged))


def test_everybody_who_did_not_sign_is_named(tmp_path: Path) -> None:
    text = told(changed(tmp_path, signatures=[bytes(64).hex()] * 4))
    assert all(f"member {i} " in text for i in range(1, 5))


def test_nothing_in_a_document_can_be_changed(tmp_path: Path) -> None:
    rows: dict[str, Any] = tomllib.loads(signed().to_toml())
    first = rows["members"][0]
    for change in (
        {"operator": "House 1b"},
        {"address": "elsewhere.example:7000"},
        {"name": "notary-1b"},
    ):
        assert "did not sign" in told(changed(tmp_path, members=[first | change, *rows["members"][1:]]))
    assert "did not sign" in told(changed(tmp_path, epoch=2))
    assert "did not sign" in told(changed(tmp_path, session=bytes(32).hex()))
    other = dealing_of(3, 4).public_key_package.to_bytes().hex()
    assert "did not sign" in told(changed(tmp_path, public_keys=other))


def test_a_signature_of_another_attempt_is_none(tmp_path: Path) -> None:
    other = document(play(proposal(N, attempt=2))[0].board)
    assert "did not sign" in told(changed(tmp_path, signatures=[s.hex() for s in other.signatures]))


def test_a_document_is_held_against_the_proposal_that_people_approved(tmp_path: Path) -> None:
    """n identities that somebody made up certify each other: only the proposal tells who the members are."""
    stranger = replace(proposal(N), members=tuple(member(i, card=identity(50 + i).card) for i in range(1, N + 1)))
    config = changed(tmp_path)
    verify_document(config)
    with pytest.raises(DocumentError, match="not of the proposal"):
        verify_document(config, stranger)


def test_a_made_up_document_with_the_session_of_the_proposal_is_refused(tmp_path: Path) -> None:
    made = replace(signed(), members=tuple(member(i, card=identity(50 + i).card) for i in range(1, N + 1)))
    signatures = tuple(_certify(identity(50 + i), made, i) for i in range(1, N + 1))
    config = parsed(made.signed(signatures).to_toml(), tmp_path)
    verify_document(config)
    with pytest.raises(DocumentError, match="not the proposal's"):
        verify_document(config, proposal(N))


def _certify(who: Identity, made: CommitteeDocument, number: int) -> bytes:
    parts = (made.session, number.to_bytes(2), b"certify", made.certificate)
    return who.sign(Purpose.CEREMONY, b"".join(len(part).to_bytes(4) + part for part in parts))


def test_one_identity_on_two_seats_certifies_nothing(tmp_path: Path) -> None:
    made = replace(signed(), members=(member(1), member(2, card=identity(1).card), member(3), member(4)))
    signatures = tuple(_certify(identity(number), made, i) for i, number in ((1, 1), (2, 1), (3, 3), (4, 4)))
    assert "members 1, 2 share a signing key" in told(parsed(made.signed(signatures).to_toml(), tmp_path))


def test_a_member_without_identity_and_a_broken_key_are_told(tmp_path: Path) -> None:
    rows: dict[str, Any] = tomllib.loads(signed().to_toml())
    del rows["members"][2]["identity"]
    assert "member 3 has no identity" in told(parsed(tomli_w.dumps(rows), tmp_path))
    with pytest.raises(ConfigError, match="no public key package"):
        verify_document(changed(tmp_path, public_keys="00"))
