"""What a notary tells the others of its votes and asks of them: each head once, and at a start until it is admitted."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import pytest

from bridge.adapters.memory.runtime import ManualClock
from bridge.config import MemberConfig
from bridge.core.statements import Epoch, Kind
from bridge.core.votes import VoteHead
from bridge.errors import BridgeError, ConfigError, RefusedError, UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import Described, EndorseRequest, Seat, WitnessReport
from notary.peers import PERIOD_S, Line, Peers, committee_of
from notary.signer.desk import Desk
from notary.signer.seat import HeldSeat
from tests.committee import EPOCH
from tests.conformance.samples import vote
from tests.seats import COORDINATOR, document, held_seat, sign_all

SIGNED = b"x" * 64


class OwnSigner:
    """The own signer, whose seats a test sets; keeps the reports that it was given."""

    def __init__(self, *seats: Seat) -> None:
        self.held = list(seats)
        self.admitted: list[list[WitnessReport]] = []
        self.missing: list[str] = []
        self.down = False

    async def describe(self) -> Described:
        return Described(card=b"", seats=await self.seats())

    async def seats(self) -> list[Seat]:
        if self.down:
            msg = "the signer: away"
            raise UnavailableError(msg)
        return self.held

    async def admit(self, reports: Sequence[WitnessReport]) -> list[str]:
        self.admitted.append(list(reports))
        return self.missing

    async def witness(self, asked: WitnessReport, head: VoteHead | None) -> NoReturn:
        self._not_asked(asked, head)

    async def commit(self, *request: object) -> NoReturn:
        self._not_asked(*request)

    async def votable(self, *request: object) -> NoReturn:
        self._not_asked(*request)

    async def sign(self, *request: object) -> NoReturn:
        self._not_asked(*request)

    async def endorse(self, request: EndorseRequest, coordinator: str) -> NoReturn:
        self._not_asked(request, coordinator)

    def _not_asked(self, *request: object) -> NoReturn:
        msg = f"peers have no business with {request}"
        raise AssertionError(msg)


class Town:
    """The other members, who keep what they were asked; some are silent."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, WitnessReport, VoteHead | None]] = []
        self.silent: dict[int, BridgeError] = {}

    def line(self, member: MemberConfig) -> Line:
        return _Member(self, ParticipantId(member.id))

    def heard(self) -> list[int]:
        """Tell who was asked since the last time."""
        numbers, self.asked = [number for number, _, _ in self.asked], []
        return numbers


class _Member:
    def __init__(self, town: Town, number: ParticipantId) -> None:
        self._town = town
        self._number = number

    async def witness(self, asked: WitnessReport, head: VoteHead | None) -> WitnessReport:
        self._town.asked.append((self._number, asked, head))
        if (error := self._town.silent.get(self._number)) is not None:
            raise error
        return replace(asked, witness=self._number, signature=SIGNED)


def seat(*, epoch: Epoch = EPOCH, count: int = 0, admitted: bool = True, challenge: bytes = bytes(32)) -> Seat:
    head = VoteHead(epoch=epoch, notary=2, count=count, hash=count.to_bytes(32), signature=SIGNED)
    return Seat(
        epoch=epoch,
        notary=ParticipantId(2),
        threshold=3,
        members=4,
        group_key=bytes(33),
        head=head,
        challenge=challenge,
        admitted=admitted,
        problem="",
        committee=document(epoch=epoch),
    )


def peers(signer: OwnSigner, town: Town) -> Peers:
    return Peers(signer, town.line, ManualClock())


def steps(of: Peers, count: int = 1) -> None:
    async def whole() -> None:
        for _ in range(count):
            await of.step()

    asyncio.run(whole())


def test_all_others_are_told_of_the_seat_s_head_over_its_own_challenge() -> None:
    own, town = seat(count=5, challenge=b"c" * 32), Town()
    steps(peers(OwnSigner(own), town))
    expected = WitnessReport(epoch=EPOCH, witness=ParticipantId(2), subject=ParticipantId(2), challenge=b"", seen=None)
    assert [number for number, _, _ in town.asked] == [1, 3, 4]
    for number, asked, head in town.asked:
        assert asked == replace(expected, witness=ParticipantId(number), challenge=b"c" * 32)
        assert head == own.head


def test_a_head_is_told_once_and_a_new_one_again() -> None:
    signer, town = OwnSigner(seat(count=5)), Town()
    of = peers(signer, town)
    steps(of, 3)
    assert town.heard() == [1, 3, 4]
    signer.held = [seat(count=6)]
    steps(of, 3)
    assert town.heard() == [1, 3, 4]
    assert signer.admitted == [], "a seat that may sign needs no reports"


def test_peers_are_asked_until_the_seat_is_admitted_and_their_reports_go_to_the_signer() -> None:
    """R-13."""
    signer, town = OwnSigner(seat(admitted=False)), Town()
    of = peers(signer, town)
    steps(of, 2)
    assert town.heard() == [1, 3, 4] * 2
    assert [[r.witness for r in reports] for reports in signer.admitted] == [[1, 3, 4]] * 2
    assert all(report.signature == SIGNED for reports in signer.admitted for report in reports)
    signer.held = [seat(admitted=True)]
    steps(of, 2)
    assert (town.heard(), len(signer.admitted)) == ([], 2)


def test_a_signer_that_was_started_anew_is_admitted_anew_though_its_votes_are_no_news() -> None:
    signer, town = OwnSigner(seat()), Town()
    of = peers(signer, town)
    steps(of)
    town.heard()
    signer.held = [seat(admitted=False, challenge=b"n" * 32)]
    steps(of)
    assert {asked.challenge for _, asked, _ in town.asked} == {b"n" * 32}
    assert len(signer.admitted) == 1


@pytest.mark.parametrize(
    "error",
    [UnavailableError("away"), RefusedError("no seat there"), ConfigError(("no name for TLS",))],
    ids=["away", "refuses", "configured wrongly"],
)
def test_a_silent_peer_does_no_harm_and_is_told_when_it_is_back(error: BridgeError) -> None:
    signer, town = OwnSigner(seat(admitted=False)), Town()
    town.silent[3] = error
    of = peers(signer, town)
    steps(of)
    assert [r.witness for r in signer.admitted[0]] == [1, 4]
    signer.held = [seat()]
    town.heard()
    steps(of)
    assert 3 in town.heard()
    del town.silent[3]
    steps(of)
    assert 3 in town.heard()
    steps(of)
    assert town.heard() == []


def test_a_member_that_can_not_be_reached_at_all_does_no_harm() -> None:
    """Such as one without a name in the committee document, behind TLS."""
    signer, town = OwnSigner(seat(admitted=False)), Town()

    def line(member: MemberConfig) -> Line:
        if member.id == 1:
            raise ConfigError(("notary 1 has no name",))
        return town.line(member)

    steps(Peers(signer, line, ManualClock()))
    assert [r.witness for r in signer.admitted[0]] == [3, 4]


def test_with_nobody_else_there_nothing_is_admitted_and_nothing_breaks() -> None:
    signer, town = OwnSigner(seat(admitted=False)), Town()
    town.silent = {number: UnavailableError("away") for number in (1, 3, 4)}
    steps(peers(signer, town), 2)
    assert signer.admitted == [[], []]


def test_each_seat_has_its_own_news() -> None:
    """R-40: during a handover a notary has two."""
    later = Epoch(EPOCH + 1)
    signer, town = OwnSigner(seat(), seat(epoch=later)), Town()
    of = peers(signer, town)
    steps(of)
    assert [asked.epoch for _, asked, _ in town.asked] == [EPOCH] * 3 + [later] * 3
    town.heard()
    signer.held = [seat(), seat(epoch=later, count=1)]
    steps(of)
    assert {asked.epoch for _, asked, _ in town.asked} == {later}


def test_it_goes_on_after_the_own_signer_was_away() -> None:
    async def whole() -> None:
        clock, signer, town = ManualClock(), OwnSigner(seat()), Town()
        signer.down = True
        stopping = asyncio.Event()
        running = asyncio.create_task(Peers(signer, town.line, clock).run(stopping))
        await clock.sleep(3 * PERIOD_S)
        assert town.asked == []
        signer.down = False
        await clock.sleep(3 * PERIOD_S)
        assert town.heard() == [1, 3, 4]
        stopping.set()
        await running

    asyncio.run(whole())


@pytest.mark.parametrize("text", ["", "epoch = ", "epoch = 1", document().replace("epoch = 1", "epoch = 0")])
def test_a_committee_document_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="the committee document of epoch 1 can't be used"):
        committee_of(replace(seat(), committee=text))


# --- with real seats


class _Reached:
    """A member's real signer, as its front hands questions on."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def witness(self, asked: WitnessReport, head: VoteHead | None) -> WitnessReport:
        return await self._desk.witness(asked, head)


def test_four_notaries_admit_each_other_and_then_witness_each_vote_once() -> None:
    """R-13: what one seat has signed, every other knows within a period."""

    async def whole() -> list[HeldSeat]:
        seats = [held_seat(number) for number in (1, 2, 3, 4)]
        desks = {seat.notary: Desk([seat]) for seat in seats}
        everybody = [
            Peers(desk, lambda member: _Reached(desks[ParticipantId(member.id)]), ManualClock())
            for desk in desks.values()
        ]
        assert not any(seat.describe().admitted for seat in seats)
        for one in everybody:
            await one.step()
        assert all(seat.describe().admitted for seat in seats)
        sign_all(seats[:3], [vote(Kind.LOCKED)])
        for one in everybody:
            await one.step()
        return seats

    seats = asyncio.run(whole())
    for witness in seats:
        known = [witness.votes.seen(other.notary) for other in seats if other is not witness]
        heads = [other.describe().head for other in seats if other is not witness]
        assert [head for head in known if head is not None and head.count] == [h for h in heads if h.count]
        assert witness.commit(COORDINATOR, 1)
