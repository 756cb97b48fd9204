"""What every notary's fact store must do (R-06, R-10). Subclass `FactsContract` for an adapter of your own."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import Decision, Outcome
from bridge.core.transfer import AMOUNT_MAX, U64_MAX, LaneId, TransferId
from bridge.ports.facts import (
    Checkpoint,
    CheckpointStore,
    FactConflictError,
    FactGapError,
    FactStore,
    LockFact,
)
from tests.conformance.samples import START_S, stamp, transfer, word

ALPHA, BETA = EndpointId(word(1)), EndpointId(word(2))
LANE = transfer(1).lane.id


class Facts(FactStore, CheckpointStore, Protocol):
    """Both ports, as one store keeps them."""


def fact(sequence: int, *, lane: int = 0, at: int | None = None) -> LockFact:
    return LockFact(transfer=transfer(sequence, lane=lane), stamp=stamp(START_S + (sequence if at is None else at)))


def decision(outcome: Outcome = Outcome.MINTED, *, reason: Reason = Reason.NONE, at: int = 7) -> Decision:
    return Decision(outcome=outcome, reason=reason, stamp=stamp(START_S + at))


def pin(height: int, *, name: int = 0) -> Checkpoint:
    return Checkpoint(height=height, hash=word(height + 1000 * name))


class FactsContract(ABC):
    """One suite for every adapter; `fresh` gives it an empty store."""

    @abstractmethod
    def fresh(self) -> AbstractContextManager[Facts]: ...

    # --- locks

    def test_an_empty_store_knows_nothing(self) -> None:
        with self.fresh() as store:
            assert store.known(LANE) == 0
            assert store.locks(LANE, 1, 10) == []
            assert store.decisions([TransferId(word(1))]) == [None]
            assert store.checkpoints(ALPHA, 10) == []
            assert store.retired(ALPHA) is None

    def test_locks_come_back_as_they_were_stored_by_range(self) -> None:
        facts = [fact(sequence) for sequence in range(1, 8)]
        with self.fresh() as store:
            store.add_locks(facts[:3])
            store.add_locks(facts[3:])

            assert store.known(LANE) == 7
            assert store.locks(LANE, 1, 100) == facts
            assert store.locks(LANE, 3, 2) == facts[2:4]
            assert store.locks(LANE, 8, 5) == []
            assert store.locks(LANE, 1, 0) == []
            assert store.locks(LaneId(word(9)), 1, 5) == []

    def test_terms_at_their_extremes_come_back(self) -> None:
        wide = replace(
            transfer(1), amount=AMOUNT_MAX, deadline=U64_MAX, client_reference=b"\xff" * 32, payload_hash=b"\xfe" * 32
        )
        extreme = LockFact(transfer=wide, stamp=replace(stamp(START_S), height=2**48 - 1, time=2**62 - 1))
        with self.fresh() as store:
            store.add_locks([extreme])
            assert store.locks(wide.lane.id, 1, 1) == [extreme]

    @pytest.mark.parametrize(("stored", "added"), [(0, [2]), (1, [3]), (3, [5]), (0, [1, 3]), (2, [3, 4, 6])])
    def test_a_gap_is_refused_and_nothing_of_the_list_is_stored(self, stored: int, added: Sequence[int]) -> None:
        with self.fresh() as store:
            store.add_locks([fact(sequence) for sequence in range(1, stored + 1)])
            with pytest.raises(FactGapError, match=r"store \d+ first"):
                store.add_locks([fact(sequence) for sequence in added])
            assert store.known(LANE) == stored

    def test_lanes_are_numbered_apart(self) -> None:
        with self.fresh() as store:
            store.add_locks([fact(1), fact(1, lane=1), fact(2, lane=1), fact(2)])
            assert (store.known(LANE), store.known(transfer(1, lane=1).lane.id)) == (2, 2)
            with pytest.raises(FactGapError):
                store.add_locks([fact(1, lane=2), fact(3, lane=2)])

    def test_the_same_lock_again_is_no_error(self) -> None:
        with self.fresh() as store:
            store.add_locks([fact(1), fact(2)])
            store.add_locks([fact(1), fact(2), fact(3)])
            assert store.known(LANE) == 3

    def test_what_contradicts_a_stored_lock_is_refused_and_changes_nothing(self) -> None:
        """R-06: a final lock never changes, neither in its terms nor in its block."""
        with self.fresh() as store:
            store.add_locks([fact(1), fact(2)])
            for wrong in (
                replace(fact(2), transfer=replace(transfer(2), amount=999)),
                fact(2, at=77),
                replace(fact(2), stamp=replace(fact(2).stamp, hash=word(5))),
            ):
                with pytest.raises(FactConflictError, match="sequence 2"):
                    store.add_locks([fact(3), wrong])
            assert store.locks(LANE, 1, 9) == [fact(1), fact(2)]

    def test_whatever_is_added_the_store_has_no_gap(self) -> None:
        @settings(max_examples=30)
        @given(st.lists(st.lists(st.integers(1, 9), max_size=5), max_size=8))
        def holds(lists: list[list[int]]) -> None:
            with self.fresh() as store:
                for sequences in lists:
                    with suppress(FactGapError):
                        store.add_locks([fact(sequence) for sequence in sequences])
                numbers = [known.transfer.sequence for known in store.locks(LANE, 1, 99)]
                assert numbers == list(range(1, store.known(LANE) + 1))

        holds()

    # --- decisions

    def test_decisions_come_back_in_the_order_asked_for(self) -> None:
        ids = [transfer(n).id for n in range(1, 5)]
        minted, refused = decision(), decision(Outcome.REJECTED, reason=Reason.SUPERSEDED, at=9)
        with self.fresh() as store:
            store.add_decisions([(ids[2], minted), (ids[0], refused)])
            assert store.decisions(ids) == [refused, None, minted, None]
            assert store.decisions([]) == []

    def test_a_decision_is_final_and_the_same_again_is_no_error(self) -> None:
        """INV-3, R-06."""
        name = transfer(1).id
        with self.fresh() as store:
            store.add_decisions([(name, decision())])
            store.add_decisions([(name, decision())])
            for wrong in (
                decision(Outcome.REJECTED),
                decision(at=8),
                decision(reason=Reason.POLICY_REFUSED),
            ):
                with pytest.raises(FactConflictError):
                    store.add_decisions([(transfer(2).id, decision()), (name, wrong)])
            assert store.decisions([name, transfer(2).id]) == [decision(), None]

    def test_one_list_that_contradicts_itself_is_refused(self) -> None:
        with self.fresh() as store:
            with pytest.raises(FactConflictError):
                store.add_decisions([(transfer(1).id, decision()), (transfer(1).id, decision(Outcome.EXPIRED))])
            assert store.decisions([transfer(1).id]) == [None]

    # --- checkpoints

    def test_pins_are_listed_highest_first(self) -> None:
        with self.fresh() as store:
            for height in (5, 9, 30):
                store.pin(ALPHA, pin(height))
            store.pin(BETA, pin(7))
            assert store.checkpoints(ALPHA, 2) == [pin(30), pin(9)]
            assert store.checkpoints(ALPHA, 9) == [pin(30), pin(9), pin(5)]
            assert store.checkpoints(BETA, 9) == [pin(7)]

    def test_a_pin_never_changes_and_none_is_put_below_another(self) -> None:
        """R-06."""
        with self.fresh() as store:
            store.pin(ALPHA, pin(5))
            store.pin(ALPHA, pin(9))
            store.pin(ALPHA, pin(5))
            for wrong in (pin(9, name=1), pin(5, name=1), pin(7)):
                with pytest.raises(FactConflictError, match=f"block {wrong.height}"):
                    store.pin(ALPHA, wrong)
            assert store.checkpoints(ALPHA, 9) == [pin(9), pin(5)]

    def test_an_endpoint_is_retired_for_ever_and_for_its_first_reason(self) -> None:
        """R-06."""
        with self.fresh() as store:
            store.retire(ALPHA, "its block 5 changed")
            store.retire(ALPHA, "another reason")
            assert store.retired(ALPHA) == "its block 5 changed"
            assert store.retired(BETA) is None
