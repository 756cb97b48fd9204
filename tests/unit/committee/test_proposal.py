"""A proposal is told whole, hashed whole, and refused with everything that is wrong with it (R-41, R-42)."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bridge.committee.identity import IdentityCard
from bridge.committee.proposal import Proposal, ProposedLedger, fields, read_proposal, readable
from bridge.core.caip import EndpointId, LedgerId
from bridge.core.statements import Epoch
from bridge.errors import ConfigError, InvalidInputError
from tests.unit.committee.support import identity, member, pid, proposal

SMALL_ORDER: Final = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
)
"""The eight points of order 1, 2, 4 and 8 on edwards25519 (as listed in libsodium's and other libraries' tests)."""


def written(**changes: object) -> dict[str, Any]:
    return tomllib.loads(proposal(4).to_toml()) | changes


def problems(table: dict[str, Any], folder: Path) -> str:
    path = folder / "proposal.toml"
    path.write_text(tomli_w.dumps(table))
    with pytest.raises(ConfigError) as caught:
        read_proposal(path)
    return "\n".join(caught.value.problems)


def refused(**changes: object) -> str:
    with pytest.raises(ConfigError) as caught:
        proposal(4, **changes)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("n", range(2, 20))
def test_what_is_written_is_read_again(n: int, tmp_path: Path) -> None:
    path = tmp_path / "proposal.toml"
    path.write_text(proposal(n).to_toml())
    assert read_proposal(path) == proposal(n)
    assert read_proposal(path).session == proposal(n).session


@pytest.mark.parametrize(("n", "t"), [(2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (19, 13)])
def test_the_threshold_is_n_less_f(n: int, t: int) -> None:
    assert proposal(n).threshold == t


def test_another_letter_anywhere_is_another_session() -> None:
    """R-41: a message is good in one ceremony only, and approval covers all of it."""
    base, first = proposal(4), member(1)
    ledger = base.ledgers[0]
    others = [
        replace(base, epoch=Epoch(2)),
        replace(base, attempt=2),
        replace(base, created="2026-11-23"),
        replace(base, development=True),
        *(
            replace(base, members=(replace(first, **change), *base.members[1:]))
            for change in (
                {"operator": "House 1b"},
                {"name": "notary-1b"},
                {"address": "notary-1.example:7001"},
                {"card": identity(99).card},
            )
        ),
        replace(base, ledgers=(replace(ledger, name="beta"),)),
        replace(base, ledgers=(replace(ledger, ledger=LedgerId("eip155:1")),)),
        replace(base, ledgers=(replace(ledger, endpoint=None),)),
        replace(base, ledgers=(replace(ledger, endpoint=EndpointId(bytes(32))),)),
        replace(base, ledgers=(ledger, ProposedLedger(name="beta", ledger=LedgerId("eip155:7002")))),
        replace(base, members=(*base.members, member(5))),
    ]
    sessions = {base.session, *(other.session for other in others)}
    assert len(sessions) == len(others) + 1


def test_letters_can_not_move_from_one_field_to_the_next() -> None:
    assert fields(b"ab", b"c") != fields(b"a", b"bc")
    assert fields(fields(b"a"), b"") != fields(fields(b"a", b""))


def test_a_session_is_read_out_whole_in_sixteen_groups() -> None:
    groups = readable(proposal(4).session).split(" ")
    assert [len(group) for group in groups] == [4] * 16
    assert "".join(groups) == proposal(4).session.hex()


def test_a_member_is_found_by_number_and_by_identity() -> None:
    assert proposal(4).member(3) == member(3)
    assert proposal(4).seat_of(identity(3).card) == 3
    for number in (0, 5):
        with pytest.raises(InvalidInputError, match="they are 1 to 4"):
            proposal(4).member(number)
    with pytest.raises(ConfigError, match="is no member of this proposal"):
        proposal(4).seat_of(identity(9).card)


def test_fewer_than_four_members_are_for_development() -> None:
    with pytest.raises(ConfigError, match="at least 4 notaries"):
        proposal(3, development=False)
    assert proposal(3, development=True).participants == 3
    with pytest.raises(ConfigError, match="at least 4 notaries"):
        proposal(1, development=True)


def test_nobody_holds_more_than_f_seats() -> None:
    """R-42: operators and hosts are counted, in development operators of a full committee too."""
    twice = (member(1), member(2, operator="House 1"), member(3), member(4))
    assert "operator 'House 1' holds 2 of 4 seats" in refused(members=twice)
    assert "operator 'House 1' holds 2 of 4 seats" in refused(members=twice, development=True)
    one_host = (member(1), member(2, address="NOTARY-1.example:7001"), member(3), member(4))
    assert "host notary-1.example holds 2 of 4 seats" in refused(members=one_host)
    assert proposal(4, members=one_host, development=True).participants == 4
    seven = [member(i) for i in range(1, 8)]
    seven[1] = member(2, operator="House 1", address="notary-1.example:7001")
    assert proposal(7, members=tuple(seven)).threshold == 5


def test_members_that_share_something_are_refused() -> None:
    mixed = IdentityCard(identity(2).card.signing, identity(1).card.sealing)
    assert "members 1, 2 share a signing key" in refused(
        members=(member(1), member(2, card=identity(1).card), member(3), member(4))
    )
    told = refused(members=(member(1), member(2, card=mixed), member(3), member(4)))
    assert "members 1, 2 share a sealing key" in told
    assert "signing" not in told
    assert "address notary-1.example:7000 occurs twice" in refused(
        members=(member(1), member(2, address="Notary-1.example:7000"), member(3), member(4))
    )
    assert "name notary-1 occurs twice" in refused(
        members=(member(1), member(2, name="notary-1"), member(3), member(4))
    )


@pytest.mark.parametrize("ids", [(0, 1, 2, 3), (1, 2, 3, 5), (1, 2, 2, 3), (2, 1, 3, 4)])
def test_ids_are_one_to_n_in_order(ids: tuple[int, ...]) -> None:
    members = tuple(replace(member(at), id=pid(number)) for at, number in enumerate(ids, start=1))
    assert "ids" in refused(members=members)


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_under_which_anybody_can_sign_is_no_identity(key: str) -> None:
    point = bytes.fromhex(key)
    assert forgeable(point), "the premise"
    card = IdentityCard(point, identity(1).card.sealing)
    told = refused(members=(member(1, card=card), member(2), member(3), member(4)))
    assert "member 1: under its signing key anybody can sign" in told


def forgeable(point: bytes) -> bool:
    """Find a message that a signature made without any secret signs: R the identity, s = 0."""
    signature = (1).to_bytes(32, "little") + bytes(32)
    for number in range(200):
        try:
            Ed25519PublicKey.from_public_bytes(point).verify(signature, bytes([number]))
        except Exception:  # noqa: BLE001, S112 - the library's own error, which is all there is to see
            continue
        return True
    return False


def test_an_identity_that_nothing_can_be_sealed_to_is_none() -> None:
    card = IdentityCard(identity(1).card.signing, bytes(32))
    told = refused(members=(member(1, card=card), member(2), member(3), member(4)))
    assert "member 1: nothing can be sealed to its sealing key" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"operator": ""}, "operator '' is not"),
        ({"operator": "House\x1b[2J"}, "plain characters"),
        ({"operator": " House"}, "without space at its ends"),
        ({"operator": "H" * 101}, "1 to 100"),
        ({"name": ""}, "name '' is no instance"),
        ({"name": "Notary 1"}, "is no instance of a certificate"),
        ({"address": "notary-1.example"}, "give host:port"),
        ({"address": ":7000"}, "give host:port"),
        ({"address": "notary-1.example:0"}, "give host:port"),
        ({"address": "notary-1.example:65536"}, "give host:port"),
        ({"address": "notary-1.example:70²"}, "give host:port"),
    ],
)
def test_a_member_that_can_not_be_reached_or_read_out_is_refused(change: dict[str, object], told: str) -> None:
    assert told in refused(members=(member(1, **change), member(2), member(3), member(4)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"epoch": 0}, "epoch 0 is out of range"),
        ({"epoch": 1 << 64}, "out of range"),
        ({"attempt": 0}, "attempt 0 is out of range"),
        ({"created": "22.11.2026"}, "is no day"),
        ({"created": "20261122"}, "is no day"),
        ({"ledgers": ()}, "no ledger is named"),
    ],
)
def test_numbers_and_days_out_of_range_are_refused(change: dict[str, object], told: str) -> None:
    assert told in refused(**change)


def test_ledgers_are_named_once() -> None:
    row = proposal(4).ledgers[0]
    told = refused(ledgers=(row, row))
    for what in ("ledger name alpha", "ledger eip155:7001", f"endpoint {bytes([7] * 32).hex()}"):
        assert f"{what} occurs twice" in told


def test_everything_wrong_in_a_file_is_told_at_once(tmp_path: Path) -> None:
    table = written(epoch="one", colour="red")
    table["members"][0]["address"] = "nowhere"
    table["members"][1]["identity"] = "ab"
    table["ledgers"][0]["ledger"] = "eip155"
    told = problems(table, tmp_path)
    for what in (
        "epoch",
        "colour: there is no such key",
        "members.0.address",
        "members.1.identity",
        "ledgers.0.ledger",
    ):
        assert what in told


def test_what_is_wrong_with_the_whole_committee_is_told_at_once_too(tmp_path: Path) -> None:
    table = written(threshold=2, created="today", attempt=0)
    told = problems(table, tmp_path)
    for what in ("threshold must be n - f = 3", "attempt 0", "is no day"):
        assert what in told
    table["members"][0]["identity"] = ""
    assert "member 1 has no identity" in problems(table, tmp_path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        read_proposal(tmp_path / "proposal.toml")


def test_a_proposal_without_an_endpoint_is_read_again(tmp_path: Path) -> None:
    bare = proposal(4, ledgers=(ProposedLedger(name="alpha", ledger=LedgerId("eip155:7001")),))
    (tmp_path / "p.toml").write_text(bare.to_toml())
    assert isinstance(bare, Proposal)
    assert read_proposal(tmp_path / "p.toml") == bare
