"""What every notary's vote store must do (R-13). Subclass `VoteStoreContract` for an adapter of your own."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import U64_MAX, TransferId
from bridge.core.votes import (
    NO_VOTES,
    HandoverConflictError,
    HandoverVote,
    Vote,
    VoteConflictError,
    VoteHead,
    chained,
    check,
)
from bridge.errors import UnavailableError
from bridge.ports.store import SeatStore
from tests.conformance.samples import vote, word

ITEMS = [(Kind.LOCKED, 0), (Kind.REFUSED, 1), (Kind.REFUSED, 10), (Kind.OUTCOME, 1), (Kind.OUTCOME, 2)]


def allowed(new: Vote, earlier: list[Vote]) -> bool:
    try:
        check(new, earlier)
    except VoteConflictError:
        return False
    return True


def breaks_r13(votes: list[Vote]) -> bool:
    """R-13 over a finished history, said in other words than the code's."""
    for a, b in product(votes, votes):
        if a.epoch != b.epoch:
            continue
        kinds, same = (a.kind, b.kind), a.transfer_id == b.transfer_id
        if kinds == (Kind.LOCKED, Kind.LOCKED) and a.sequence == b.sequence and not same:
            return True
        if kinds == (Kind.OUTCOME, Kind.OUTCOME) and same and a.code != b.code:
            return True
        if kinds == (Kind.LOCKED, Kind.REFUSED) and same and not b.expired:
            return True
    return any(v.kind is Kind.LOCKED and v.expired for v in votes)


class VoteStoreContract(ABC):
    """One suite for every adapter; `fresh` gives it an empty store."""

    @abstractmethod
    def fresh(self) -> AbstractContextManager[SeatStore]: ...

    def test_a_transfer_without_votes_has_none(self) -> None:
        with self.fresh() as store:
            assert store.votes(TransferId(word(1))) == []

    def test_votes_come_back_as_they_were_recorded_over_all_epochs_oldest_first(self) -> None:
        given_votes = [
            vote(Kind.REFUSED, 10, epoch=U64_MAX, place=U64_MAX, expired=True),
            vote(Kind.LOCKED, epoch=2),
            vote(Kind.OUTCOME, 3, epoch=2, expired=True),
        ]
        with self.fresh() as store:
            for one in given_votes:
                store.record([one])

            assert store.votes(given_votes[0].transfer_id) == given_votes

    def test_a_list_is_recorded_whole(self) -> None:
        given_votes = [vote(Kind.LOCKED, name=n) for n in range(1, 301)]
        with self.fresh() as store:
            store.record(given_votes)

            assert [v for one in given_votes for v in store.votes(one.transfer_id)] == given_votes

    def test_an_empty_list_records_nothing(self) -> None:
        with self.fresh() as store:
            store.record([])

    def test_a_vote_that_is_there_already_may_stand_in_any_other_list(self) -> None:
        with self.fresh() as store:
            store.record([vote(Kind.LOCKED, name=1), vote(Kind.LOCKED, name=2)])
            store.record([vote(Kind.LOCKED, name=2), vote(Kind.LOCKED, name=3), vote(Kind.LOCKED, name=3)])

            assert [store.votes(vote(Kind.LOCKED, name=n).transfer_id) for n in (1, 2, 3)] == [
                [vote(Kind.LOCKED, name=n)] for n in (1, 2, 3)
            ]

    def test_a_locked_vote_is_not_repeated_after_the_deadline(self) -> None:
        """R-13: never at or after the deadline, though the vote is there already."""
        with self.fresh() as store:
            store.record([vote(Kind.LOCKED)])

            with pytest.raises(VoteConflictError):
                store.record([vote(Kind.LOCKED, expired=True)])

    @pytest.mark.parametrize("position", [0, 2, 4])
    def test_one_contradiction_anywhere_in_a_list_leaves_nothing_of_it(self, position: int) -> None:
        fine = [vote(Kind.LOCKED, name=n) for n in range(2, 6)]
        with self.fresh() as store:
            store.record([vote(Kind.OUTCOME, 1)])
            with pytest.raises(VoteConflictError) as caught:
                store.record([*fine[:position], vote(Kind.OUTCOME, 2), *fine[position:]])

            assert caught.value.vote == vote(Kind.OUTCOME, 2)
            assert [store.votes(v.transfer_id) for v in fine] == [[], [], [], []]
            store.record(fine)

    def test_a_list_that_contradicts_itself_is_refused(self) -> None:
        with self.fresh() as store:
            with pytest.raises(VoteConflictError):
                store.record([vote(Kind.REFUSED, 1), vote(Kind.LOCKED)])
            with pytest.raises(VoteConflictError):
                store.record([vote(Kind.LOCKED, name=2, place=9), vote(Kind.LOCKED, name=3, place=9)])

            assert store.votes(vote(Kind.LOCKED).transfer_id) == []

    def test_every_pair_of_votes_is_judged_as_the_core_judges_it(self) -> None:
        """R-13, exhaustively: kinds, codes, deadline passed or not, same or other transfer, place and epoch."""
        with self.fresh() as store:
            for number, (first, second) in enumerate(_pairs()):
                moved = _moved(first, 10 * number), _moved(second, 10 * number)
                if not allowed(moved[0], []):
                    continue
                store.record([moved[0]])
                assert allowed(moved[1], store.related(moved[1])) == allowed(moved[1], [moved[0]])
                if allowed(moved[1], [moved[0]]):
                    store.record([moved[1]])
                else:
                    with pytest.raises(VoteConflictError):
                        store.record([moved[1]])

    def test_no_history_of_lists_breaks_r13(self) -> None:
        votes = st.builds(
            lambda item, name, place, epoch, expired: vote(*item, name=name, place=place, epoch=epoch, expired=expired),
            st.sampled_from(ITEMS),
            st.integers(1, 2),
            st.integers(1, 2),
            st.integers(1, 2),
            st.booleans(),
        )

        @settings(deadline=None)  # a real disk on a busy machine
        @given(st.lists(st.lists(votes, max_size=3), max_size=6))
        def try_history(history: list[list[Vote]]) -> None:
            signed: list[Vote] = []
            with self.fresh() as store:
                for one_list in history:
                    try:
                        store.record(one_list)
                    except VoteConflictError:
                        continue
                    signed += one_list
                stored = [v for name in (1, 2) for v in store.votes(vote(Kind.LOCKED, name=name).transfer_id)]
            assert not breaks_r13(signed)
            assert {_identity(v) for v in stored} == {_identity(v) for v in signed}

        try_history()

    # --- handovers

    def test_one_next_key_an_epoch_may_be_handed_over_to(self) -> None:
        """R-13."""
        with self.fresh() as store:
            store.record_handover(handover(1))
            store.record_handover(handover(1))
            store.record_handover(handover(2, epoch=2))
            for other in (handover(2), replace(handover(1), py=9), handover(1, epoch=2)):
                with pytest.raises(HandoverConflictError) as caught:
                    store.record_handover(other)
                assert caught.value.vote == other

    # --- the head

    def test_the_head_of_no_votes_is_zero(self) -> None:
        with self.fresh() as store:
            assert store.head() == (0, NO_VOTES)
            assert store.problem == ""

    def test_the_head_moves_by_one_with_each_list_and_hashes_what_it_added(self) -> None:
        first, second = vote(Kind.LOCKED, name=1), vote(Kind.LOCKED, name=2)
        with self.fresh() as store:
            store.record([first])
            after_first = chained(NO_VOTES, [first])
            assert store.head() == (1, after_first)

            store.record([first, second, second])
            assert store.head() == (2, chained(after_first, [second]))

            store.record_handover(handover(1))
            assert store.head() == (3, chained(chained(after_first, [second]), [handover(1)]))

    def test_what_adds_nothing_or_is_refused_leaves_the_head_where_it_is(self) -> None:
        with self.fresh() as store:
            store.record([vote(Kind.LOCKED)])
            store.record_handover(handover(1))
            before = store.head()

            store.record([])
            store.record([vote(Kind.LOCKED)])
            store.record_handover(handover(1))
            with pytest.raises(VoteConflictError):
                store.record([vote(Kind.LOCKED, name=5), vote(Kind.REFUSED, 1)])
            with pytest.raises(HandoverConflictError):
                store.record_handover(handover(2))

            assert store.head() == before

    # --- what others have voted

    def test_the_highest_head_of_each_member_is_kept(self) -> None:
        with self.fresh() as store:
            assert store.seen(2) is None
            store.remember([head(2, 5), head(3, U64_MAX)])
            store.remember([head(2, 4)])
            store.record([vote(Kind.LOCKED)], seen=[head(2, 7)])
            store.record_handover(handover(1), seen=[head(4, 1)])

            assert [store.seen(n) for n in (2, 3, 4, 5)] == [head(2, 7), head(3, U64_MAX), head(4, 1), None]
            assert store.evidence() == []

    def test_a_refused_list_leaves_no_head_of_others_either(self) -> None:
        """They are of one write."""
        with self.fresh() as store:
            store.record([vote(Kind.LOCKED)])
            with pytest.raises(VoteConflictError):
                store.record([vote(Kind.REFUSED, 1)], seen=[head(2, 7)])

            assert store.seen(2) is None

    def test_two_heads_of_one_count_are_evidence_and_the_first_stays(self) -> None:
        with self.fresh() as store:
            store.remember([head(2, 5), head(2, 5, digest=9), head(2, 5), head(3, 5, digest=9)])
            store.record([vote(Kind.LOCKED)], seen=[head(2, 5, digest=9), head(2, 5, digest=8)])

            assert store.seen(2) == head(2, 5)
            assert set(store.evidence()) == {head(2, 5), head(2, 5, digest=9), head(2, 5, digest=8)}

    def test_a_store_that_is_refused_records_nothing_more_and_says_why(self) -> None:
        with self.fresh() as store:
            store.refuse("it is too old")

            assert store.problem == "it is too old"
            with pytest.raises(UnavailableError, match="it is too old"):
                store.record([vote(Kind.LOCKED)])
            with pytest.raises(UnavailableError, match="it is too old"):
                store.record_handover(handover(1))
            assert store.head() == (0, NO_VOTES)


def handover(key: int, *, epoch: int = 1) -> HandoverVote:
    return HandoverVote(epoch=Epoch(epoch), px=key, py=key + 1)


def head(notary: int, count: int, *, digest: int = 7) -> VoteHead:
    return VoteHead(epoch=Epoch(1), notary=notary, count=count, hash=word(digest), signature=b"\x01" * 64)


def _pairs() -> list[tuple[Vote, Vote]]:
    sides = [(item, expired) for item in ITEMS for expired in (False, True)]
    # the other vote is on: the same transfer; another at the same place; another elsewhere; the same in another epoch
    others = [(1, 1, 1), (2, 1, 1), (2, 2, 1), (1, 1, 2)]
    return [
        (vote(*a, place=1, expired=a_expired), vote(*b, name=name, place=place, epoch=epoch, expired=b_expired))
        for (a, a_expired), (b, b_expired) in product(sides, sides)
        for name, place, epoch in others
    ]


def _moved(given_vote: Vote, by: int) -> Vote:
    name = int.from_bytes(given_vote.transfer_id) - 1000 + by
    return vote(
        given_vote.kind,
        given_vote.code,
        name=name,
        place=given_vote.sequence + by,
        epoch=given_vote.epoch,
        expired=given_vote.expired,
    )


def _identity(v: Vote) -> tuple[int, str, bytes, int]:
    return v.epoch, v.kind, v.transfer_id, v.code
