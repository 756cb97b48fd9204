"""What every store of a notary's verdicts and breakers must do. Subclass for an adapter of your own."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

import pytest

from bridge.core.caip import AssetId, EndpointId
from bridge.core.policy import Check
from bridge.core.reasons import Reason
from bridge.core.statements import Kind
from bridge.core.transfer import TransferId
from bridge.errors import InvalidInputError
from bridge.ports.committee import Offer, Question
from bridge.ports.verdicts import GLOBAL, VERDICTS_MAX, BreakerEvent, Breakers, KeptVerdict, Place, VerdictLog
from tests.conformance.samples import START_S, transfer, word

LANE = transfer(1).lane
OFFERS = (Offer(kind=Kind.REFUSED, code=1), Offer(kind=Kind.REFUSED, code=6))
WAITS = KeptVerdict(
    transfer_id=TransferId(word(1)),
    question=Question.DECISION,
    at=START_S + 0.25,
    offers=(),
    reason=Reason.LIMIT_EXCEEDED,
    check=Check.RATE,
    note='in its turn: "나루"\n',
    until=START_S + 60,
)
REFUSES = replace(WAITS, at=START_S + 9, offers=OFFERS, reason=Reason.NONE, check=Check.ELIGIBILITY, until=None)


class Store(VerdictLog, Breakers, Protocol):
    """Both at once."""


class VerdictContract(ABC):
    """One suite for every adapter."""

    @abstractmethod
    def fresh(self) -> AbstractContextManager[Store]: ...

    def test_nothing_is_known_of_a_transfer_that_was_never_judged(self) -> None:
        with self.fresh() as store:
            assert store.explain(WAITS.transfer_id) == []

    def test_verdicts_are_kept_as_they_were_in_their_order(self) -> None:
        other = replace(WAITS, transfer_id=TransferId(word(2)), question=Question.OUTCOME)
        with self.fresh() as store:
            store.keep([WAITS, other])
            store.keep([REFUSES])
            assert store.explain(WAITS.transfer_id) == [WAITS, REFUSES]
            assert store.explain(other.transfer_id) == [other]

    def test_what_does_not_differ_is_not_kept_again_and_what_comes_back_is(self) -> None:
        with self.fresh() as store:
            store.keep([WAITS])
            store.keep([replace(WAITS, at=START_S + 1, note="another figure", until=START_S + 61)])
            store.keep([REFUSES])
            store.keep([replace(WAITS, at=START_S + 20)])
            assert store.explain(WAITS.transfer_id) == [WAITS, REFUSES, replace(WAITS, at=START_S + 20)]

    @pytest.mark.parametrize(
        "news",
        [
            replace(WAITS, offers=OFFERS),
            replace(WAITS, reason=Reason.TOKEN_PAUSED),
            replace(WAITS, check=Check.LARGE),
            replace(WAITS, question=Question.OUTCOME),
        ],
    )
    def test_another_offer_reason_check_or_question_is_kept(self, news: KeptVerdict) -> None:
        with self.fresh() as store:
            store.keep([WAITS])
            store.keep([news])
            assert store.explain(WAITS.transfer_id) == [WAITS, news]

    def test_the_newest_of_a_transfer_are_kept_and_the_oldest_make_room(self) -> None:
        flips = [replace(WAITS if n % 2 else REFUSES, at=float(n)) for n in range(VERDICTS_MAX + 10)]
        elsewhere = replace(WAITS, transfer_id=TransferId(word(2)))
        with self.fresh() as store:
            store.keep([elsewhere])
            for verdict in flips:
                store.keep([verdict])
            assert store.explain(WAITS.transfer_id) == flips[10:]
            assert store.explain(elsewhere.transfer_id) == [elsewhere]

    # --- an open breaker

    def test_every_breaker_is_closed_at_first(self) -> None:
        with self.fresh() as store:
            assert (store.opened(), store.history()) == ([], [])

    def test_a_breaker_stays_as_it_was_opened_until_it_is_closed(self) -> None:
        place = Place(endpoint=LANE.source, asset=LANE.asset)
        with self.fresh() as store:
            store.open(place, at=1.5, why="supply", by="this notary")
            store.open(place, at=2, why="again", by="operator")
            opened = BreakerEvent(place=place, is_open=True, at=1.5, why="supply", by="this notary")
            assert (store.opened(), store.history()) == ([opened], [opened])

            store.close(place, at=3, why="it was counted twice", by="operator")
            store.close(place, at=4, why="to be sure", by="operator")
            closed = BreakerEvent(place=place, is_open=False, at=3, why="it was counted twice", by="operator")
            assert (store.opened(), store.history()) == ([], [opened, closed])

            store.open(place, at=5, why="once more", by="operator")
            assert [event.at for event in store.opened()] == [5]
            assert len(store.history()) == 3

    def test_breakers_of_different_places_do_not_touch_each_other(self) -> None:
        places = [GLOBAL, Place(endpoint=LANE.source), Place(endpoint=LANE.source, asset=LANE.asset)]
        with self.fresh() as store:
            for number, place in enumerate(places):
                store.open(place, at=number, why="a drill", by="operator")
            store.close(places[1], at=9, why="over", by="operator")
            assert [event.place for event in store.opened()] == [places[0], places[2]]


@pytest.mark.parametrize(
    ("place", "concerns"),
    [
        (GLOBAL, True),
        (Place(endpoint=LANE.source), True),
        (Place(endpoint=LANE.destination), True),
        (Place(endpoint=LANE.source, asset=LANE.asset), True),
        (Place(endpoint=LANE.destination, asset=LANE.asset), True),
        (Place(endpoint=EndpointId(word(77))), False),
        (Place(endpoint=EndpointId(word(77)), asset=LANE.asset), False),
        (Place(endpoint=LANE.source, asset=AssetId(word(77))), False),
    ],
)
def test_a_breaker_concerns_the_lanes_that_begin_or_end_at_its_place(place: Place, *, concerns: bool) -> None:
    assert place.concerns(LANE) is concerns


def test_a_breaker_of_an_asset_needs_its_endpoint() -> None:
    with pytest.raises(InvalidInputError, match="needs the endpoint"):
        Place(asset=LANE.asset)


def test_a_place_has_a_name() -> None:
    assert str(GLOBAL) == "everything"
    assert str(Place(endpoint=LANE.source)) == f"endpoint 0x{LANE.source.hex()}"
    assert str(Place(endpoint=LANE.source, asset=LANE.asset)).startswith(f"asset 0x{LANE.asset.hex()} on ")
