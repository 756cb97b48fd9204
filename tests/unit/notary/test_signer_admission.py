"""A restored, older vote store is noticed by what other members have seen of it, and refused for good (R-13)."""

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.core.statements import Epoch, Kind
from bridge.core.votes import VoteHead
from bridge.errors import InvalidInputError, RefusedError, UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import WitnessReport
from bridge.ports.store import SeatStore
from notary.signer.seat import HeldSeat
from tests.committee import EPOCH, dealing
from tests.conformance.samples import vote, word
from tests.seats import COORDINATOR, admit, committee, held_seat, order, reports, sign_all

FIRST, SECOND = [vote(Kind.LOCKED, name=1)], [vote(Kind.LOCKED, name=2)]
CONTRADICTION = [vote(Kind.REFUSED, 6, name=2)]


def signs(seat: HeldSeat) -> bool:
    own = seat.commit(COORDINATOR, 1)[0]
    others = [held_seat(number).commit(COORDINATOR, 1)[0] for number in range(1, 5) if number != seat.notary]
    listed = sorted([own, *others], key=lambda c: c.notary)
    try:
        seat.sign(order(FIRST, listed, own.handle), COORDINATOR)
    except UnavailableError:
        return False
    return True


def restarted(store: SeatStore, *, others: list[HeldSeat]) -> HeldSeat:
    """Start seat 1 on *store*, and have the others report."""
    seat = held_seat(1, votes=store)
    for report in reports(seat, others):
        seat.admit(report)
    return seat


@pytest.mark.parametrize("witnesses", [(), (2,), (4,)])
def test_a_seat_signs_nothing_before_t_minus_1_members_have_reported(witnesses: tuple[int, ...]) -> None:
    seat = restarted(MemoryVoteStore(), others=[held_seat(number) for number in witnesses])

    assert not signs(seat)
    assert not seat.describe().admitted
    assert f"waits for {2 - len(witnesses)} more members" in seat.missing


@pytest.mark.parametrize("witnesses", [(2, 3), (3, 4), (2, 3, 4)])
def test_a_seat_signs_once_they_have(witnesses: tuple[int, ...]) -> None:
    seat = restarted(MemoryVoteStore(), others=[held_seat(number) for number in witnesses])

    assert (seat.missing, seat.describe().problem, seat.describe().admitted) == ("", "", True)
    assert signs(seat)


def test_one_member_s_report_counts_once() -> None:
    seat = held_seat(1)
    for report in reports(seat, [held_seat(2)]) * 5:
        seat.admit(report)

    assert not signs(seat)


def test_a_seat_that_is_started_again_on_its_own_store_signs_again() -> None:
    store = MemoryVoteStore()
    seats = admit([held_seat(1, votes=store), *(held_seat(n) for n in (2, 3, 4))])
    sign_all(seats[:3], FIRST)
    sign_all(seats[:3], SECOND)

    assert signs(restarted(store, others=seats[1:]))


def test_a_restored_older_vote_store_is_noticed_and_refused_for_good(tmp_path: Path) -> None:
    """Issue 5, proof: copy the file, sign more, restore the copy, start."""
    path, copy = tmp_path / "votes.sqlite", tmp_path / "copy.sqlite"
    group_key = dealing().key_packages[0].group_public_key.to_bytes()
    others = committee((2, 3, 4))
    with SqliteVoteStore.create(path, notary=ParticipantId(1), epoch=EPOCH, group_key=group_key) as store:
        mine = restarted(store, others=others)
        sign_all([mine, *others[:2]], FIRST)
    copy.write_bytes(path.read_bytes())
    with SqliteVoteStore(path, notary=ParticipantId(1), epoch=EPOCH, group_key=group_key) as store:
        mine = restarted(store, others=others)
        sign_all([mine, *others[:2]], SECOND)
        sign_all([mine, *others[:2]], [vote(Kind.LOCKED, name=3)])
    path.write_bytes(copy.read_bytes())

    for reporting in (others[:2], others[2:], others):
        with SqliteVoteStore(path, notary=ParticipantId(1), epoch=EPOCH, group_key=group_key) as store:
            mine = restarted(store, others=reporting)
            assert "older than what was signed" in mine.describe().problem
            assert "retire the seat by a handover" in mine.missing
            with pytest.raises(UnavailableError, match="never restore an older store"):
                mine.commit(COORDINATOR, 1)
            with pytest.raises(UnavailableError, match="never restore an older store"):
                store.record(CONTRADICTION)


def test_a_head_beyond_the_store_condemns_it_also_after_admission() -> None:
    store, older = MemoryVoteStore(), MemoryVoteStore()
    seats = admit([held_seat(1, votes=store), *(held_seat(n) for n in (2, 3, 4))])
    sign_all(seats[:3], FIRST)
    sign_all(seats[:3], SECOND)
    mine = restarted(older, others=[held_seat(2), seats[3]])
    assert mine.describe().admitted
    for report in reports(mine, [seats[1]]):
        mine.admit(report)

    assert "notary 2 has seen 1 votes of this seat, where this one has 0" in mine.describe().problem


def test_another_history_of_the_same_length_condemns_the_store() -> None:
    witness = committee((2, 3, 4))
    mine = admit([held_seat(1), *witness])[0]
    sign_all([mine, *witness[:2]], FIRST)
    sign_all([mine, *witness[:2]], SECOND)
    other = MemoryVoteStore()
    other.record([vote(Kind.LOCKED, name=9)])
    mine = restarted(other, others=witness)

    assert "with another hash" in mine.describe().problem


def test_a_head_that_is_no_newer_than_the_store_is_what_is_to_be_expected() -> None:
    store = MemoryVoteStore()
    witness = committee((2, 3, 4))
    mine = restarted(store, others=witness)
    sign_all([mine, *witness[:2]], FIRST)
    for report in reports(mine, witness):
        mine.admit(report)

    assert mine.describe().problem == ""


# --- reports that don't count


def changed_reports() -> list[tuple[str, HeldSeat, WitnessReport]]:
    """Reports that a peer, or whoever carries them, might make up, each for a seat that was just started."""
    seat = held_seat(1)
    good = reports(seat, [held_seat(2)])[0]
    elsewhere = reports(held_seat(3), [held_seat(2)])[0]
    stale = WitnessReport(epoch=EPOCH, witness=ParticipantId(0), subject=ParticipantId(1), challenge=word(1), seen=None)
    own_head = held_seat(1).describe().head
    return [
        ("of another start", seat, held_seat(2).witness(stale, None)),
        ("about another member", seat, elsewhere),
        ("in another member's name", seat, replace(good, witness=ParticipantId(3))),
        ("in the seat's own name", seat, replace(good, witness=ParticipantId(1))),
        ("of nobody", seat, replace(good, witness=ParticipantId(9))),
        ("of another epoch", seat, replace(good, epoch=Epoch(2))),
        ("with a head put in", seat, replace(good, seen=own_head)),
        ("not signed", seat, replace(good, signature=bytes(64))),
    ]


@pytest.mark.parametrize("number", range(8), ids=[what for what, _, _ in changed_reports()])
def test_a_report_that_is_not_about_this_seat_and_start_or_is_forged_does_not_count(number: int) -> None:
    _, seat, report = changed_reports()[number]
    before = seat.missing
    seat.admit(report)

    assert seat.missing == before
    assert "waits for 2 more" in before


@pytest.mark.parametrize("what", ["count", "other seat"])
def test_a_witness_can_not_report_votes_that_the_seat_never_signed_for(what: str) -> None:
    """A liar could otherwise stop every honest seat: heads carry the subject's signature."""
    liar, seat = MemoryVoteStore(), held_seat(1)
    head = held_seat(1).describe().head if what == "count" else held_seat(3).describe().head
    made_up = VoteHead(epoch=EPOCH, notary=1, count=99, hash=head.hash, signature=head.signature)
    liar.remember([made_up if what == "count" else replace(head, notary=1, epoch=Epoch(2))])
    for report in reports(seat, [held_seat(2, votes=liar)]):
        seat.admit(report)

    assert "waits for 2 more" in seat.missing


# --- what a witness does


def test_a_witness_reports_what_it_had_seen_before_it_was_asked_then_remembers_the_newest() -> None:
    seats = committee()
    sign_all(seats[:3], FIRST)
    mine, absent = seats[0].describe(), seats[3]
    asked = WitnessReport(
        epoch=EPOCH, witness=ParticipantId(0), subject=mine.notary, challenge=mine.challenge, seen=None
    )

    assert absent.witness(asked, mine.head).seen is None
    assert absent.witness(asked, None).seen == mine.head
    assert mine.head.count == 1


def test_a_witness_remembers_no_forged_head() -> None:
    seat = held_seat(2)
    head = held_seat(1).describe().head
    asked = WitnessReport(epoch=EPOCH, witness=ParticipantId(0), subject=ParticipantId(1), challenge=word(1), seen=None)
    for forged in (replace(head, count=5), replace(head, notary=3), replace(head, epoch=Epoch(2))):
        with pytest.raises(RefusedError):
            seat.witness(asked, forged)
    assert seat.votes.seen(1) is None


@pytest.mark.parametrize(("subject", "challenge"), [(2, word(1)), (9, word(1)), (1, b""), (1, word(1) + b"\x00")])
def test_a_witness_answers_about_other_members_and_over_32_bytes_only(subject: int, challenge: bytes) -> None:
    """A challenge of any length could make one report's bytes those of another."""
    asked = WitnessReport(
        epoch=EPOCH, witness=ParticipantId(0), subject=ParticipantId(subject), challenge=challenge, seen=None
    )
    with pytest.raises(InvalidInputError):
        held_seat(2).witness(asked, None)
