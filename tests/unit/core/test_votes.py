"""R-13: what a notary must never sign together."""

from dataclasses import replace
from itertools import product

import pytest

from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import LaneId, TransferId
from bridge.core.votes import (
    NO_VOTES,
    HandoverConflictError,
    HandoverVote,
    Vote,
    VoteConflictError,
    VoteHead,
    chained,
    check,
    check_handover,
)
from bridge.errors import RefusedError

EXPIRED_CODE = 10
ITEMS = [
    (Kind.LOCKED, 0),
    *((Kind.REFUSED, code) for code in (1, 6, EXPIRED_CODE)),
    *((Kind.OUTCOME, code) for code in (1, 2, 3)),
]
ALONE = Vote(
    epoch=Epoch(1),
    kind=Kind.LOCKED,
    lane=LaneId(b"\x01" * 32),
    sequence=1,
    transfer_id=TransferId(b"\x02" * 32),
    code=0,
    expired=False,
)


def item(kind: Kind, code: int, *, expired: bool) -> Vote:
    return replace(ALONE, kind=kind, code=code, expired=expired)


def refused(vote: Vote, *earlier: Vote) -> bool:
    try:
        check(vote, earlier)
    except VoteConflictError:
        return True
    return False


def elsewhere(vote: Vote) -> list[Vote]:
    """The same item at every place that R-13 does not bind to the first: no pair with these is ever in conflict."""
    other_id = TransferId(b"\x03" * 32)
    return [
        replace(vote, transfer_id=other_id, sequence=2),
        replace(vote, transfer_id=other_id, lane=LaneId(b"\x04" * 32)),
        replace(vote, epoch=Epoch(0)),
        replace(vote, epoch=Epoch(2)),
        replace(vote, epoch=Epoch(2), transfer_id=other_id),
    ]


VOTES = [item(*kind_and_code, expired=expired) for kind_and_code, expired in product(ITEMS, (False, True))]
PAIRS = list(product(VOTES, VOTES))


def untimely(vote: Vote) -> bool:
    """R-12, R-13: Locked before the deadline only, Refused(EXPIRED) from the deadline on only."""
    if (vote.kind, vote.code) == (Kind.REFUSED, EXPIRED_CODE):
        return not vote.expired
    return vote.kind is Kind.LOCKED and vote.expired


@pytest.mark.parametrize("vote", VOTES, ids=lambda v: f"{v.kind}-{v.code}-{v.expired}")
def test_alone_a_vote_is_refused_only_for_the_deadline(vote: Vote) -> None:
    """R-13."""
    assert refused(vote) == untimely(vote)


def test_every_pair_on_one_transfer_is_judged_as_r13_says() -> None:
    """R-13: Outcome one per transfer; before the deadline never both Locked and Refused; Locked never after it."""
    for new, old in PAIRS:
        kinds = (new.kind, old.kind)
        expected = (
            untimely(new)
            or (kinds == (Kind.OUTCOME, Kind.OUTCOME) and new.code != old.code)
            or kinds == (Kind.LOCKED, Kind.REFUSED)
            or (kinds == (Kind.REFUSED, Kind.LOCKED) and not new.expired)
        )
        assert refused(new, old) == expected, (new, old)


def test_every_pair_at_one_place_of_a_lane_is_judged_as_r13_says() -> None:
    """R-13: Locked, one transfer per (lane, sequence); nothing else is bound to the place."""
    for new, old in PAIRS:
        other = replace(old, transfer_id=TransferId(b"\x03" * 32))
        expected = untimely(new) or (new.kind is Kind.LOCKED and old.kind is Kind.LOCKED)
        assert refused(new, other) == expected, (new, other)


def test_votes_of_other_places_lanes_and_epochs_never_stand_against_one() -> None:
    """R-13 binds within an epoch, a transfer and a place only."""
    for new, old in PAIRS:
        assert refused(new, *elsewhere(old)) == refused(new)


def test_an_item_may_be_signed_again_in_any_other_list() -> None:
    """R-13."""
    for vote in VOTES:
        assert refused(vote, vote) == refused(vote)


def test_after_the_deadline_an_approved_transfer_may_be_refused_but_never_approved_again() -> None:
    """R-12, R-13."""
    late = item(Kind.REFUSED, EXPIRED_CODE, expired=True)

    assert not refused(late, ALONE)
    assert refused(ALONE, ALONE, late)
    assert refused(replace(ALONE, expired=True), ALONE, late)


def test_one_contradiction_among_many_votes_is_enough() -> None:
    """R-13."""
    harmless = [vote for old in VOTES for vote in elsewhere(old)]

    assert refused(ALONE, *harmless, item(Kind.REFUSED, 1, expired=False), *harmless)


def test_a_conflict_is_for_good_and_says_which_vote_and_why() -> None:
    with pytest.raises(VoteConflictError, match=f"no Locked vote on 0x{'02' * 32}: it was refused") as caught:
        check(ALONE, [item(Kind.REFUSED, 1, expired=False)])

    assert caught.value.vote == ALONE
    assert isinstance(caught.value, RefusedError)
    assert not caught.value.retryable


# --- handovers


def test_within_an_epoch_one_next_key_is_handed_over_to() -> None:
    """R-13."""
    key = HandoverVote(epoch=Epoch(1), px=11, py=12)

    check_handover(key, [])
    check_handover(key, [key, replace(key, epoch=Epoch(2), px=13)])
    for other in (replace(key, px=13), replace(key, py=13)):
        with pytest.raises(HandoverConflictError, match="handed over to another key already") as caught:
            check_handover(other, [replace(key, epoch=Epoch(2)), key])
        assert caught.value.vote == other
        assert isinstance(caught.value, RefusedError)


# --- heads


def test_no_two_votes_have_the_same_encoding() -> None:
    handovers = [HandoverVote(epoch=Epoch(e), px=x, py=y) for e, x, y in product((1, 2), (1, 2), (1, 2))]
    votes: list[Vote | HandoverVote] = [*VOTES, *(other for vote in VOTES[:2] for other in elsewhere(vote)), *handovers]
    encodings = {vote.to_bytes() for vote in votes}

    assert len(encodings) == len(set(votes))
    assert {len(one.to_bytes()) for one in votes} == {83, 73}
    assert not {one.to_bytes()[:1] for one in handovers} & {one.to_bytes()[:1] for one in VOTES}


def test_a_vote_is_encoded_field_by_field() -> None:
    vote = replace(ALONE, kind=Kind.OUTCOME, epoch=Epoch(3), sequence=4, code=2, expired=True)
    handover = HandoverVote(epoch=Epoch(3), px=5, py=6)

    place = b"\x01" * 32 + bytes(7) + b"\x04"
    assert vote.to_bytes() == b"\x03" + bytes(7) + b"\x03" + place + b"\x02" * 32 + b"\x02\x01"
    assert handover.to_bytes() == b"\x04" + bytes(7) + b"\x03" + (5).to_bytes(32) + (6).to_bytes(32)


def test_a_head_s_hash_binds_what_was_added_its_order_and_its_grouping() -> None:
    one, two = ALONE, replace(ALONE, sequence=2)
    once = chained(NO_VOTES, [one, two])

    assert chained(NO_VOTES, [one, two]) == once
    others = (
        chained(NO_VOTES, [two, one]),
        chained(NO_VOTES, [one]),
        chained(chained(NO_VOTES, [one]), [two]),
        chained(once, []),
        chained(b"\x01" * 32, [one, two]),
    )
    assert len({once, *others}) == 6
    assert all(len(digest) == 32 for digest in others)


def test_a_head_is_beyond_a_store_with_fewer_votes_or_with_others() -> None:
    head = VoteHead(epoch=Epoch(1), notary=2, count=5, hash=b"\x05" * 32)

    assert head.is_beyond(4, b"\x04" * 32)
    assert head.is_beyond(4, head.hash)
    assert head.is_beyond(5, b"\x04" * 32)
    assert not head.is_beyond(5, head.hash)
    assert not head.is_beyond(6, b"\x06" * 32)


def test_a_head_s_message_binds_seat_count_and_hash() -> None:
    head = VoteHead(epoch=Epoch(1), notary=2, count=3, hash=b"\x05" * 32, signature=b"\x01")

    assert head.message == bytes(7) + b"\x01" + b"\x00\x02" + bytes(7) + b"\x03" + b"\x05" * 32
    assert replace(head, signature=b"\x02").message == head.message
