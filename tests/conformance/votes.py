"""What every notary's vote store must do (R-13). Subclass `VoteStoreContract` for an adapter of your own."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.statements import Kind
from bridge.core.transfer import U64_MAX, TransferId
from bridge.core.votes import Vote, VoteConflictError, check
from bridge.ports.store import VoteStore
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
    def fresh(self) -> AbstractContextManager[VoteStore]: ...

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
