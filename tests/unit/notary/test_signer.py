"""The key share: votes on disk before a share leaves (R-13), a nonce used once and lost on restart (R-14)."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.adapters.memory.runtime import ManualClock
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.committee.identity import Purpose
from bridge.core.caip import EndpointId
from bridge.core.statements import Closed, Decree, Epoch, Handover, Item, Kind, Statement, Trial
from bridge.core.votes import HandoverConflictError, HandoverVote, Vote, VoteConflictError, VoteHead
from bridge.errors import InvalidInputError, RefusedError, UnavailableError
from bridge.frost import CommitmentListError, ParticipantId, aggregate, verify, verify_share
from bridge.ports.committee import COMMITMENTS_MAX, Commitment, EndorseRequest, SignedShare, SignOrder, evidence_message
from notary.signer.broken import BrokenVotes
from notary.signer.nonces import OF_ALL_MAX, TTL_S
from notary.signer.seat import HeldSeat
from tests.committee import EPOCH, dealing
from tests.conformance.samples import vote, word
from tests.seats import (
    COORDINATOR,
    SESSION,
    VERIFIER,
    Operator,
    admit,
    committee,
    held_seat,
    identity,
    order,
    reports,
    sign_all,
)

VOTES = [vote(Kind.LOCKED, name=1), vote(Kind.LOCKED, name=2)]
ENDPOINT = EndpointId(word(5))
HANDOVER = Handover(verifier=VERIFIER, epoch=Epoch(2), px=11, py=12)
APPROVED = HandoverVote(epoch=EPOCH, px=11, py=12)


class FullDisk(MemoryVoteStore):
    """A store that can't write."""

    def record(self, votes: Sequence[Vote], seen: Sequence[VoteHead] = ()) -> None:
        del seen
        raise UnavailableError(f"no space for {len(votes)} votes")


def admitted(seat: HeldSeat) -> HeldSeat:
    for report in reports(seat, (held_seat(number) for number in (2, 3))):
        seat.admit(report)
    return seat


def others(*numbers: int) -> list[Commitment]:
    return [held_seat(number).commit(COORDINATOR, 1)[0] for number in numbers]


def fresh(seat: HeldSeat, coordinator: str = COORDINATOR) -> Commitment:
    return seat.commit(coordinator, 1)[0]


def share_of(
    seat: HeldSeat, votes: Sequence[Vote], commitment: Commitment, coordinator: str = COORDINATOR
) -> SignedShare:
    return seat.sign(order(votes, [commitment, *others(2, 3)], commitment.handle), coordinator)


def endorsed(seat: HeldSeat, decree: Decree) -> SignedShare:
    own = fresh(seat)
    request = EndorseRequest(decree=decree, handle=own.handle, commitments=(own, *others(2, 3)))
    return seat.endorse(request, COORDINATOR)


def digest_of(given: SignOrder) -> bytes:
    items = tuple(Item(transfer_id=v.transfer_id, code=v.code) for v in given.votes)
    return Statement(kind=given.kind, verifier=given.verifier, epoch=given.epoch, items=items).digest


# --- a share


def test_three_shares_make_the_committee_s_signature() -> None:
    seats = committee((1, 2, 4))
    commitments = [fresh(seat) for seat in seats]
    shares = sign_all(seats, VOTES, commitments=commitments)
    listed = [c.commitments for c in commitments]
    digest = digest_of(order(VOTES, commitments, b""))
    public = dealing().public_key_package
    by_member = {c.notary: signed.share for c, signed in zip(commitments, shares, strict=True)}

    assert verify(public.group_public_key, digest, aggregate(public, digest, listed, by_member))


def test_a_share_is_good_under_the_own_verifying_share_only() -> None:
    seat = admitted(held_seat())
    commitments = [fresh(seat), *others(2, 3)]
    given = order(VOTES, commitments, commitments[0].handle)
    share = seat.sign(given, COORDINATOR).share
    public, listed = dealing().public_key_package, [c.commitments for c in commitments]

    assert verify_share(public, digest_of(given), listed, ParticipantId(1), share)
    assert not verify_share(public, digest_of(given), listed, ParticipantId(2), share)


def test_a_share_comes_with_the_identity_s_signature_over_all_that_decides_whether_it_is_right() -> None:
    """threshold.md, pitfall 8: else a coordinator could frame a signer."""
    seat = admitted(held_seat())
    commitments = [fresh(seat), *others(2, 3)]
    given = order(VOTES, commitments, commitments[0].handle)
    signed = seat.sign(given, COORDINATOR)

    message = evidence_message(digest_of(given), given.handle, commitments, signed.share)
    identity(1).card.check(Purpose.SHARE, message, signed.evidence)


def test_the_next_commitment_comes_with_the_share_and_is_good() -> None:
    seat = admitted(held_seat())
    first = share_of(seat, VOTES, fresh(seat))
    second = share_of(seat, VOTES, first.next)

    assert second.next.commitments != first.next.commitments


def test_a_commitment_carries_the_signed_head_of_the_votes() -> None:
    store = MemoryVoteStore()
    seat = admitted(held_seat(votes=store))
    before = fresh(seat).head
    after = share_of(seat, VOTES, fresh(seat)).next.head

    assert (before.count, after.count) == (0, 1)
    assert (after.count, after.hash) == store.head()
    for head in (before, after):
        identity(1).card.check(Purpose.VOTE_HEAD, head.message, head.signature)


# --- votes


def test_the_votes_are_in_the_store_once_the_share_is_out() -> None:
    store = MemoryVoteStore()
    seat = admitted(held_seat(votes=store))
    share_of(seat, VOTES, fresh(seat))

    assert [store.votes(v.transfer_id) for v in VOTES] == [[v] for v in VOTES]


def test_a_store_that_can_not_write_means_no_share_and_the_nonces_are_gone() -> None:
    """R-13: the votes are written before the share leaves; R-14: a failed try uses the handle up."""
    seat = admitted(held_seat(votes=FullDisk()))
    commitment = fresh(seat)
    with pytest.raises(UnavailableError, match="no space"):
        share_of(seat, VOTES, commitment)
    with pytest.raises(RefusedError, match="used"):
        share_of(seat, VOTES, commitment)


def test_a_vote_that_contradicts_an_earlier_one_means_no_share_for_the_whole_list() -> None:
    """R-13: Locked and Refused of one transfer, before the deadline."""
    store = MemoryVoteStore()
    seat = admitted(held_seat(votes=store))
    share_of(seat, [vote(Kind.LOCKED, name=1)], fresh(seat))
    contradicting = [vote(Kind.REFUSED, 6, name=2), vote(Kind.REFUSED, 6, name=1)]
    with pytest.raises(VoteConflictError) as caught:
        share_of(seat, contradicting, fresh(seat))

    assert caught.value.vote == contradicting[1]
    assert store.votes(contradicting[0].transfer_id) == []


def test_what_could_not_be_signed_is_not_votable() -> None:
    """R-13: also for another transfer at the same place of the lane."""
    seat = admitted(held_seat())
    share_of(seat, [vote(Kind.LOCKED, name=1)], fresh(seat))
    asked = [
        vote(Kind.LOCKED, name=1),
        vote(Kind.LOCKED, name=2),
        vote(Kind.REFUSED, 6, name=1),
        vote(Kind.LOCKED, name=2, place=1),
        vote(Kind.LOCKED, name=3, expired=True),
    ]

    assert [seat.votable(v) for v in asked] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("votes", "kind", "epoch"),
    [
        ([vote(Kind.LOCKED, epoch=2)], Kind.LOCKED, 1),
        ([vote(Kind.LOCKED, epoch=2)], Kind.LOCKED, 2),
        ([vote(Kind.LOCKED)], Kind.LOCKED, 2),
        ([vote(Kind.LOCKED)], Kind.REFUSED, 1),
        ([vote(Kind.LOCKED, name=1), vote(Kind.REFUSED, 6, name=2)], Kind.LOCKED, 1),
    ],
    ids=["votes of another epoch", "another epoch", "a list of another epoch", "another kind", "a mixed list"],
)
def test_what_is_voted_is_what_is_signed(votes: list[Vote], kind: Kind, epoch: int) -> None:
    """R-13, R-40: votes of one kind and epoch, the seat's; the digest is made of them."""
    store = MemoryVoteStore()
    seat = admitted(held_seat(votes=store))
    own = fresh(seat)
    given = replace(order(votes, [own, *others(2, 3)], own.handle), kind=kind, epoch=Epoch(epoch))
    with pytest.raises(RefusedError, match="not all"):
        seat.sign(given, COORDINATOR)
    assert store.head()[0] == 0


def test_a_list_that_no_gateway_would_take_is_not_voted() -> None:
    store = MemoryVoteStore()
    seat = admitted(held_seat(votes=store))
    with pytest.raises(InvalidInputError, match="twice"):
        share_of(seat, [VOTES[0], VOTES[0]], fresh(seat))
    assert store.head()[0] == 0


# --- nonces


def test_a_handle_is_good_for_one_share() -> None:
    """R-14: two shares under one nonce give the key away."""
    seat = admitted(held_seat())
    commitment = fresh(seat)
    share_of(seat, VOTES, commitment)
    with pytest.raises(RefusedError, match="unknown, used, lapsed"):
        share_of(seat, VOTES, commitment)


@pytest.mark.parametrize("failing", ["commitments", "admission", "votes"])
def test_a_handle_is_used_up_by_a_refusal_too(failing: str) -> None:
    """R-14, pitfall 3: taken before anything is looked at."""
    seat = held_seat() if failing == "admission" else admitted(held_seat())
    commitment = fresh(seat)
    listed = others(2, 3) if failing == "commitments" else [commitment, *others(2, 3)]
    epoch = Epoch(2) if failing == "votes" else EPOCH
    with pytest.raises((CommitmentListError, UnavailableError, RefusedError)) as caught:
        seat.sign(order(VOTES, listed, commitment.handle, epoch=epoch), COORDINATOR)
    assert "unknown" not in str(caught.value)
    admitted(seat)
    with pytest.raises(RefusedError, match="used"):
        share_of(seat, VOTES, commitment)


def test_a_handle_is_good_for_the_coordinator_that_got_it_only_and_stays_its() -> None:
    seat = admitted(held_seat())
    commitment = fresh(seat, "relayer/a")
    with pytest.raises(RefusedError, match="another coordinator's"):
        share_of(seat, VOTES, commitment, "relayer/b")
    share_of(seat, VOTES, commitment, "relayer/a")


def test_a_commitment_lapses_after_its_time() -> None:
    clock = ManualClock()
    seat = admitted(held_seat(clock=clock))
    in_time, late = fresh(seat), fresh(seat)
    clock.advance(TTL_S - 0.001)
    share_of(seat, VOTES, in_time)
    clock.advance(0.001)
    with pytest.raises(RefusedError, match="lapsed"):
        share_of(seat, VOTES, late)


def test_a_restart_loses_every_nonce() -> None:
    """R-14: they live in memory only, whatever the store keeps."""
    store = MemoryVoteStore()
    commitment = fresh(held_seat(votes=store))
    with pytest.raises(RefusedError, match="unknown"):
        share_of(admitted(held_seat(votes=store)), VOTES, commitment)


def test_no_two_commitments_share_nonces_or_handles() -> None:
    seat = held_seat()
    commitments = [c for _ in range(5) for c in seat.commit(COORDINATOR, 10)]

    assert len({c.handle for c in commitments}) == 50
    assert len({c.commitments.hiding.to_bytes() for c in commitments}) == 50
    assert len({c.commitments.binding.to_bytes() for c in commitments}) == 50
    assert {c.notary for c in commitments} == {ParticipantId(1)}


@pytest.mark.parametrize("count", [-1, 0, COMMITMENTS_MAX + 1])
def test_a_number_of_commitments_that_is_not_1_to_16_is_refused(count: int) -> None:
    with pytest.raises(InvalidInputError, match="1 to 16"):
        held_seat().commit(COORDINATOR, count)


def test_of_a_17th_commitment_the_coordinator_s_oldest_makes_room_and_no_other_s() -> None:
    """R-14, issue 5: up to 16 for a coordinator."""
    seat = admitted(held_seat())
    other = fresh(seat, "relayer/b")
    commitments = [*seat.commit(COORDINATOR, COMMITMENTS_MAX), fresh(seat)]
    with pytest.raises(RefusedError):
        share_of(seat, VOTES, commitments[0])
    share_of(seat, VOTES, commitments[1])
    share_of(seat, VOTES, commitments[-1])
    share_of(seat, VOTES, other, "relayer/b")


def test_of_more_commitments_than_are_kept_in_all_the_oldest_make_room() -> None:
    """Bounded memory, however many coordinators ask."""
    seat = admitted(held_seat())
    commitments = {name: fresh(seat, name) for name in (f"relayer/{n}" for n in range(OF_ALL_MAX + 1))}
    names = list(commitments)
    with pytest.raises(RefusedError):
        share_of(seat, VOTES, commitments[names[0]], names[0])
    share_of(seat, VOTES, commitments[names[1]], names[1])
    share_of(seat, VOTES, commitments[names[-1]], names[-1])


def test_a_fork_has_none_of_its_parent_s_nonces() -> None:
    """Pitfall 2: a copy of the process would answer the same commitment again."""
    program = "from tests.unit.notary.test_signer import forked; print(*forked())"
    root = Path(__file__).parents[3]
    told = subprocess.check_output([sys.executable, "-c", program], cwd=root, text=True)

    assert told.split() == [str(_REFUSED), str(_SIGNED)]


def forked() -> tuple[int, int]:
    """What the child can do with a commitment of its parent, and then the parent; run in a process without threads."""
    seat = admitted(held_seat())
    commitment = fresh(seat)
    child = os.fork()
    if child == 0:
        os._exit(_outcome(seat, commitment))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), _outcome(seat, commitment)


_SIGNED, _REFUSED, _FAILED = 10, 11, 12


def _outcome(seat: HeldSeat, commitment: Commitment) -> int:
    try:
        share_of(seat, VOTES, commitment)
    except RefusedError:
        return _REFUSED
    except BaseException:  # noqa: BLE001 - a child must end, whatever happens
        return _FAILED
    return _SIGNED


# --- co-signers' heads


def test_co_signers_heads_are_remembered_with_the_votes() -> None:
    seats = committee()
    sign_all(seats[:3], [vote(Kind.LOCKED, name=1)])
    sign_all(seats[:3], [vote(Kind.LOCKED, name=2)])

    for seat in seats[:3]:
        known = {n: seat.votes.seen(n) for n in (1, 2, 3, 4) if n != seat.notary}
        assert {n: head.count for n, head in known.items() if head} == {n: 1 for n in (1, 2, 3) if n != seat.notary}


def test_a_forged_head_means_no_share_and_is_not_remembered() -> None:
    store = MemoryVoteStore()
    seat = admitted(held_seat(votes=store))
    own, second, third = fresh(seat), *others(2, 3)
    forged = replace(third, head=replace(third.head, count=9))
    with pytest.raises(RefusedError, match="notary 3's votes is forged"):
        seat.sign(order(VOTES, [own, second, forged], own.handle), COORDINATOR)
    assert (store.seen(2), store.seen(3), store.head()[0]) == (None, None, 0)


def test_another_member_s_head_is_refused_though_its_signature_is_good() -> None:
    seat = admitted(held_seat())
    own, second, third = fresh(seat), *others(2, 3)
    with pytest.raises(RefusedError, match="another seat's"):
        seat.sign(order(VOTES, [own, second, replace(third, head=second.head)], own.handle), COORDINATOR)


def test_two_histories_of_one_length_are_kept_as_evidence_and_the_list_is_signed() -> None:
    """A member on two vote stores: both heads carry its signature."""
    store = MemoryVoteStore()
    seat = admitted(held_seat(votes=store))
    heads = []
    for name in (1, 2):
        twin = committee((2, 3, 4))
        sign_all(twin, [vote(Kind.LOCKED, name=name)])
        own, second, third = fresh(seat), fresh(twin[0]), fresh(held_seat(3))
        seat.sign(order(VOTES, [own, second, third], own.handle), COORDINATOR)
        heads.append(second.head)

    assert store.evidence() == heads
    assert store.seen(2) == heads[0]


# --- decrees


def test_a_handover_is_endorsed_only_to_exactly_the_key_that_the_operator_approved() -> None:
    operator = Operator()
    seat = admitted(held_seat(operator=operator))
    with pytest.raises(RefusedError, match="has not approved a handover"):
        endorsed(seat, HANDOVER)
    operator.handovers = [APPROVED]
    for other in (replace(HANDOVER, px=13), replace(HANDOVER, py=13)):
        with pytest.raises(RefusedError, match="has not approved a handover"):
            endorsed(seat, other)
    signed = endorsed(seat, HANDOVER)
    assert signed.next.head.count == 1
    endorsed(seat, replace(HANDOVER, verifier=EndpointId(word(3))))


def test_a_second_next_key_is_refused_though_the_operator_approves_it() -> None:
    """R-13: one next key an epoch, for ever."""
    operator, store = Operator(), MemoryVoteStore()
    operator.handovers = [APPROVED]
    endorsed(admitted(held_seat(operator=operator, votes=store)), HANDOVER)
    operator.handovers = [replace(APPROVED, px=13)]
    with pytest.raises(HandoverConflictError):
        endorsed(admitted(held_seat(operator=operator, votes=store)), replace(HANDOVER, px=13))


def test_a_decree_of_another_epoch_s_signers_is_refused() -> None:
    """R-40: a handover to epoch n is signed by n - 1."""
    operator = Operator()
    operator.handovers = [APPROVED, replace(APPROVED, epoch=Epoch(2))]
    seat = admitted(held_seat(operator=operator))
    with pytest.raises(RefusedError, match="epoch 2's to sign"):
        endorsed(seat, replace(HANDOVER, epoch=Epoch(3)))


def test_a_closing_is_endorsed_only_for_the_endpoint_that_the_operator_approved() -> None:
    """R-60."""
    operator = Operator()
    operator.closings = [ENDPOINT]
    seat = admitted(held_seat(operator=operator))
    closed = Closed(verifier=VERIFIER, epoch=EPOCH, endpoint=ENDPOINT)
    endorsed(seat, closed)
    with pytest.raises(RefusedError, match="has not approved that the endpoint"):
        endorsed(seat, replace(closed, endpoint=EndpointId(word(6))))


def test_a_trial_is_endorsed_for_the_own_ceremony_only_and_before_admission() -> None:
    seat = held_seat()
    endorsed(seat, Trial(epoch=EPOCH, session=SESSION, subset=1))
    with pytest.raises(RefusedError, match="another ceremony"):
        endorsed(seat, Trial(epoch=EPOCH, session=word(78), subset=1))


@pytest.mark.parametrize(
    "decree", [HANDOVER, Closed(verifier=VERIFIER, epoch=EPOCH, endpoint=ENDPOINT)], ids=["handover", "closed"]
)
def test_an_unadmitted_seat_endorses_nothing_that_counts(decree: Decree) -> None:
    operator = Operator()
    operator.handovers, operator.closings = [APPROVED], [ENDPOINT]
    with pytest.raises(UnavailableError, match="waits for 2 more members"):
        endorsed(held_seat(operator=operator), decree)


def test_a_decree_uses_its_handle_up_too() -> None:
    seat = held_seat()
    own = fresh(seat)
    request = EndorseRequest(
        decree=Trial(epoch=EPOCH, session=SESSION, subset=1), handle=own.handle, commitments=(own, *others(2, 3))
    )
    seat.endorse(request, COORDINATOR)
    with pytest.raises(RefusedError, match="used"):
        seat.endorse(request, COORDINATOR)


# --- a store that is out of use


def test_a_seat_whose_store_can_not_be_opened_says_so_and_does_nothing() -> None:
    seat = held_seat(votes=BrokenVotes("the vote store is missing"))

    assert seat.describe().problem == "the vote store is missing"
    assert seat.missing == "epoch 1, notary 1: the vote store is missing"
    for asked in (
        lambda: seat.commit(COORDINATOR, 1),
        lambda: seat.votable(VOTES[0]),
        lambda: reports(held_seat(2), [seat]),
        lambda: seat.votes.record([]),
        lambda: seat.votes.record_handover(APPROVED),
        lambda: seat.votes.votes(VOTES[0].transfer_id),
        lambda: seat.votes.remember([]),
        seat.votes.evidence,
    ):
        with pytest.raises(UnavailableError, match="is missing"):
            asked()
    seat.votes.refuse("for good")
    assert seat.votes.problem == "the vote store is missing"


def test_a_dealt_committee_s_seats_need_no_reports() -> None:
    """In development only: see the tests of opening a seat."""
    seat = held_seat(dealt=True)
    own = fresh(seat)
    seat.sign(order(VOTES, [own, *others(2, 3)], own.handle), COORDINATOR)
    assert seat.describe().admitted
    assert admit([seat]) == [seat]
