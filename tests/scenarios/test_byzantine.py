"""Notaries that do what they must not, with shares and identities of their own.

Up to f = n − t of them stop nothing; up to 2f of them, together with a relayer that is theirs, get nothing signed that
is not so: t shares are f + 1 honest ones then at the least, and those read for themselves (R-10, R-13, R-15).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.committee import transcript
from bridge.committee.signed import NotSignedError
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.statements import Kind, Statement
from bridge.core.transfer import TransferId
from bridge.errors import UnavailableError
from bridge.frost import Dealing, ParticipantId, verify
from bridge.ports.committee import (
    Commitment,
    EndorseRequest,
    Notary,
    Offer,
    Question,
    SignedShare,
    SignItem,
    SignRequest,
    TransferRef,
    Verdict,
)
from tests.committee import dealing
from tests.scenarios.checker import check
from tests.scenarios.seat import Fickle
from tests.scenarios.world import BOB, CAROL, World, happens
from tests.unit.committee.members import (
    BYZANTINE,
    Babbling,
    Cheating,
    Member,
    Slow,
    Wavering,
)
from tests.unit.frost.support import dealing_of

OUTCOMES = [Outcome.MINTED, Outcome.REJECTED]
KINDS: tuple[type[Member], ...] = (*BYZANTINE, Slow, Member)
"""`Member` by itself signs whatever it is asked to, and keeps no votes."""
OFFERS = {
    Question.DECISION: (
        Offer(kind=Kind.LOCKED, code=0),
        Offer(kind=Kind.REFUSED, code=Reason.NOT_ELIGIBLE),
        Offer(kind=Kind.REFUSED, code=Reason.POLICY_REFUSED),
        Offer(kind=Kind.REFUSED, code=Reason.EXPIRED),
    ),
    Question.OUTCOME: tuple(Offer(kind=Kind.OUTCOME, code=code) for code in (1, 2, 3)),
}


class Traitor:
    """Offers whatever can be signed, each time in another order, and then does as its kind does."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._reviews = 0

    @property
    def id(self) -> ParticipantId:
        return self._member.id

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        self._reviews += 1
        if isinstance(self._member, Babbling) and self._reviews % 2:
            raise KeyError("an answer that no program foresaw")
        offers = OFFERS[question]
        turn = self._reviews % len(offers)
        turned = (*offers[turn:], *offers[:turn])[: 1 + self._reviews % 3]
        return [
            Verdict(transfer_id=ref.transfer_id, offers=turned, waiting_for=Reason.NONE, note="trust me")
            for ref in refs
        ]

    async def commit(self, count: int) -> list[Commitment]:
        return await self._member.commit(count)

    async def sign(self, request: SignRequest) -> SignedShare:
        return await self._member.sign(request)

    async def endorse(self, request: EndorseRequest) -> SignedShare:
        return await self._member.endorse(request)


def dealt(threshold: int, participants: int) -> Dealing:
    return dealing() if participants == 4 else dealing_of(threshold, participants)


def corrupt(world: World, kinds: Mapping[int, type[Member]]) -> list[Fickle]:
    """Let members fall; give the honest ones that they were."""
    fallen = []
    for index, kind in kinds.items():
        member = kind(world.dealt.key_packages[index], world.clock)
        member.identity = world.identities[member.id]
        fallen.append(world.members[index])
        world.members[index] = Fickle(Traitor(member))
    return fallen


def locked_world(size: tuple[int, int]) -> World:
    world = World(dealt=dealt(*size))
    world.lock(1, recipient=BOB)
    world.lock(20, recipient=CAROL)
    return world


SIZES = st.sampled_from([(3, 4), (5, 7)])


@st.composite
def _traitors(draw: st.DrawFn, times: int) -> tuple[tuple[int, int], dict[int, type[Member]]]:
    """Draw a committee and up to *times* f of its members, each with a way of its own."""
    size = draw(SIZES)
    most = times * (size[1] - size[0])
    indexes = draw(st.permutations(range(size[1])))[: draw(st.integers(1, most))]
    return size, {index: draw(st.sampled_from(KINDS)) for index in indexes}


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_one_of_four_stops_nothing_whatever_it_does(kind: type[Member], index: int) -> None:
    """INV-8, R-15; INV-1 and the others by the checker."""
    asyncio.run(_all_end_well((3, 4), {index: kind}))


@settings(max_examples=40)
@given(_traitors(times=1))
def test_f_of_four_or_of_seven_stop_nothing_whatever_they_do(
    drawn: tuple[tuple[int, int], dict[int, type[Member]]],
) -> None:
    """INV-8, R-15."""
    asyncio.run(_all_end_well(*drawn))


async def _all_end_well(size: tuple[int, int], kinds: Mapping[int, type[Member]]) -> None:
    world = locked_world(size)
    corrupt(world, kinds)
    async with world.living():
        await world.relay(world.relayer())

    assert await check(world) == OUTCOMES
    threshold, participants = size
    told = transcript.read(world.transcripts.kept)
    assert max(len(one.sessions) for one in told) <= participants - threshold + 1
    cards = {number: identity.card for number, identity in world.identities.items()}
    shown = {m for one in told for m in transcript.culprits(one, world.dealt.public_key_package, cards)}
    assert shown <= {ParticipantId(index + 1) for index, kind in kinds.items() if kind is Cheating}


@settings(max_examples=30)
@given(_traitors(times=2))
def test_more_than_f_may_delay_and_break_nothing(drawn: tuple[tuple[int, int], dict[int, type[Member]]]) -> None:
    """Up to 2f: no liveness is promised; once they are replaced all ends well, INV-1 by the checker."""
    size, kinds = drawn

    async def script() -> None:
        world = locked_world(size)
        honest = corrupt(world, kinds)
        async with world.living():
            deadline = world.clock.now() + 20
            await world.relay(world.relayer(), until=happens(lambda: world.clock.now() > deadline))
            for index, member in zip(kinds, honest, strict=True):
                world.members[index] = member
            await world.relay(world.relayer())

        outcomes = await check(world)
        assert outcomes[0] in {Outcome.MINTED, Outcome.EXPIRED}
        assert outcomes[1] in {Outcome.REJECTED, Outcome.EXPIRED}

    asyncio.run(script())


# --- 2f of them, and the relayer is theirs


@dataclass(frozen=True, kw_only=True)
class Lie:
    """A list that is not so, in the state of `undecided` below."""

    kind: Kind
    code: int
    invented: bool = False
    """Names a transfer that nobody locked."""
    swapped: bool = False
    """Asks for it in the name of the wrong gateway."""


LIES = [
    Lie(kind=Kind.LOCKED, code=0, invented=True),
    Lie(kind=Kind.LOCKED, code=0, swapped=True),
    Lie(kind=Kind.REFUSED, code=Reason.NOT_ELIGIBLE),
    Lie(kind=Kind.REFUSED, code=Reason.POLICY_REFUSED),
    Lie(kind=Kind.REFUSED, code=Reason.EXPIRED),
    Lie(kind=Kind.OUTCOME, code=Outcome.MINTED),
    Lie(kind=Kind.OUTCOME, code=Outcome.REJECTED),
    Lie(kind=Kind.OUTCOME, code=Outcome.EXPIRED),
    Lie(kind=Kind.OUTCOME, code=Outcome.MINTED, invented=True),
]


def item_of(world: World, lie: Lie) -> SignItem:
    lock = world.alpha.newest.locks[world.lane.id, 1][0]
    transfer_id = TransferId(bytes(31) + b"\x07") if lie.invented else lock.id
    return SignItem(ref=TransferRef(lane=world.lane, sequence=1, transfer_id=transfer_id), code=lie.code)


async def told(world: World, lie: Lie) -> Statement | None:
    """Try to have *lie* signed by whoever signs; give it if it worked."""
    at_source = (lie.kind is Kind.OUTCOME) != lie.swapped
    verifier = world.lane.source if at_source else world.lane.destination
    members: Sequence[Notary] = world.members
    desk = world.desk(members)
    try:
        signed = await desk.sign_list(lie.kind, verifier, (item_of(world, lie),), desk.notaries)
    except NotSignedError:
        return None
    finally:
        await desk.close()
    assert verify(signed.group_key, signed.signable.digest, signed.signature)
    return signed.signable


@settings(max_examples=25)
@given(SIZES, st.data())
def test_2f_who_sign_anything_get_no_lie_signed(size: tuple[int, int], data: st.DataObject) -> None:
    """R-10, R-13: the smallest set that could forge is t."""
    colluding = data.draw(st.permutations(range(size[1])))[: 2 * (size[1] - size[0])]

    async def script() -> None:
        world = World(dealt=dealt(*size))
        world.lock(7, recipient=BOB)
        world.alpha.mine()
        corrupt(world, dict.fromkeys(colluding, Member))
        for lie in LIES:
            assert await told(world, lie) is None, lie
        truth = Lie(kind=Kind.LOCKED, code=0)
        assert await told(world, truth) is not None
        assert await told(world, replace(truth, kind=Kind.REFUSED, code=Reason.POLICY_REFUSED)) is None

    asyncio.run(script())


def test_t_who_sign_anything_sign_anything() -> None:
    """What the committee's size is for: the proof above can fail."""

    async def script() -> None:
        world = World()
        world.lock(7, recipient=BOB)
        corrupt(world, dict.fromkeys(range(3), Member))
        assert [lie for lie in LIES if await told(world, lie) is None] == []

    asyncio.run(script())


@settings(max_examples=25)
@given(st.data())
def test_traitors_can_not_have_an_honest_member_sign_both_ways(data: st.DataObject) -> None:
    """R-13: 2f = 2 of four equivocate; before the deadline an honest one votes Locked or Refused, never both."""
    colluding = data.draw(st.permutations(range(4)))[:2]
    kinds = data.draw(st.permutations([Kind.LOCKED, Kind.REFUSED]))

    async def script() -> None:
        world = World()
        lock = world.lock(7, recipient=BOB)
        world.alpha.mine()
        corrupt(world, dict.fromkeys(colluding, Member))
        signed = [
            await told(world, Lie(kind=kind, code=0 if kind is Kind.LOCKED else Reason.POLICY_REFUSED))
            for kind in kinds
        ]
        assert {statement.kind for statement in signed if statement} == {Kind.LOCKED}
        votes = [store.votes(lock.id) for index, store in enumerate(world.votes.values()) if index not in colluding]
        assert all({vote.kind for vote in of_one} <= {Kind.LOCKED} for of_one in votes)

    asyncio.run(script())


def test_a_member_that_wavers_each_time_is_told_and_goes_last() -> None:
    """R-15."""

    async def script() -> None:
        world = locked_world((3, 4))
        corrupt(world, {0: Wavering})
        async with world.living():
            await world.relay(world.relayer())
        one_failed = [one for one in transcript.read(world.transcripts.kept) if ParticipantId(1) in one.failures]
        assert len(one_failed) == 1
        assert one_failed[0].failures[ParticipantId(1)].startswith("WAVERED")

    asyncio.run(script())


def test_members_that_are_gone_are_no_traitors() -> None:
    """The other end: with more than f silent there is no signature, and nobody is shown to have cheated."""

    async def script() -> None:
        world = World()
        world.lock(7)
        world.alpha.mine()
        for member in world.members[:2]:
            member.on_commit = _gone
        assert await told(world, Lie(kind=Kind.LOCKED, code=0)) is None
        (one,) = transcript.read(world.transcripts.kept)
        assert set(one.failures) == {1, 2}

    asyncio.run(script())


def _gone() -> None:
    raise UnavailableError("gone")
