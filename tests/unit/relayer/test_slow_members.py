"""A member that never answers holds nobody up; one that is only slow is waited for while it is needed (R-15, INV-8)."""

import asyncio
from collections.abc import Sequence

import pytest

from bridge.adapters.memory.runtime import ManualClock
from bridge.core.reasons import Reason
from bridge.core.statements import Kind
from bridge.ports.committee import NotApprovedError, Offer, Question, SignedShare, SignRequest, TransferRef, Verdict
from relayer.coordinator import GRACE_S, Attested
from tests.unit.relayer.notaries import Opinionated, Opinions, coordinator
from tests.unit.relayer.test_coordinator import IDS, VERIFIER, ref

APPROVES: Opinions = {IDS[0]: (Offer(kind=Kind.LOCKED, code=0),)}
NOTHING: Opinions = {}


class Held(Opinionated):
    """Answers only once it is let go."""

    def __init__(self, number: int, opinions: Opinions) -> None:
        super().__init__(number, opinions)
        self.let_go = asyncio.Event()
        self.was_asked = False

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        self.was_asked = True
        await self.let_go.wait()
        return await super().review(question, refs)


async def attest(*notaries: Opinionated) -> Attested:
    return await coordinator(notaries).attest(Question.DECISION, VERIFIER, [ref(1)])


def test_a_member_that_never_answers_holds_nobody_up() -> None:
    """R-15."""

    async def scenario() -> Attested:
        return await attest(*(Opinionated(n, APPROVES) for n in (1, 2, 3)), Held(4, APPROVES))

    attested = asyncio.run(scenario())

    assert [signed.signers for signed in attested.signed] == [(1, 2, 3)]


class Cheat(Opinionated):
    """Offers whatever it was told to, and signs nothing of it."""

    async def sign(self, request: SignRequest) -> SignedShare:
        raise NotApprovedError(request.items[0].ref.transfer_id, "not any more")


def test_what_a_cheat_offers_does_not_stand_in_the_way_of_what_the_others_agree_on() -> None:
    """R-15, INV-8: t honest members are enough, whatever one more says first."""
    rule, policy = (Offer(kind=Kind.REFUSED, code=r) for r in (Reason.COMPLIANCE_RULE, Reason.POLICY_REFUSED))
    both, last = {IDS[0]: (rule, policy)}, {IDS[0]: (policy,)}

    async def scenario() -> Attested:
        return await attest(Cheat(1, both), Opinionated(2, both), Opinionated(3, both), Opinionated(4, last))

    attested = asyncio.run(scenario())

    assert [signed.signers for signed in attested.signed] == [(2, 3, 4)]
    assert attested.signed[0].attestation.statement.codes == bytes([Reason.POLICY_REFUSED])
    assert not attested.holds


class Slow(Opinionated):
    """Answers many turns of the loop later than the others."""

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        for _ in range(100):
            await asyncio.sleep(0)
        return await super().review(question, refs)


def test_a_slow_honest_member_is_waited_for_once_a_quick_one_has_cheated(monkeypatch: pytest.MonkeyPatch) -> None:
    """INV-8: else the cheat's quick answer would cut the slow one off at every try."""
    monkeypatch.setattr("relayer.coordinator.GRACE_S", 0)

    async def scenario() -> list[Attested]:
        members = (Cheat(1, APPROVES), Opinionated(2, APPROVES), Opinionated(3, APPROVES), Slow(4, APPROVES))
        asking = coordinator(members)
        return [await asking.attest(Question.DECISION, VERIFIER, [ref(1)]) for _ in range(2)]

    first, second = asyncio.run(scenario())

    assert not first.signed
    assert "no signature" in first.holds[IDS[0]].note
    assert [signed.signers for signed in second.signed] == [(2, 3, 4)]


def test_a_slow_member_is_waited_for_while_the_others_do_not_agree() -> None:
    """INV-8: it may be the one that is needed."""

    async def scenario() -> Attested:
        slow = Held(4, APPROVES)
        asked = asyncio.create_task(attest(Opinionated(1, NOTHING), *(Opinionated(n, APPROVES) for n in (2, 3)), slow))
        while len(asyncio.all_tasks()) != len(("this", "the coordinator", "the slow member")) or not slow.was_asked:  # noqa: ASYNC110 - no event tells that the others have answered
            await asyncio.sleep(0)
        slow.let_go.set()
        return await asked

    attested = asyncio.run(scenario())

    assert [signed.signers for signed in attested.signed] == [(2, 3, 4)]


def test_an_item_that_one_member_will_not_sign_does_not_hold_its_neighbours_up() -> None:
    """R-15: the member names the item, and its word on the others still counts."""
    opinions: Opinions = dict.fromkeys(IDS[:3], (Offer(kind=Kind.LOCKED, code=0),))

    class Choosy(Opinionated):
        async def sign(self, request: SignRequest) -> SignedShare:
            if IDS[1] in [item.ref.transfer_id for item in request.items]:
                raise NotApprovedError(IDS[1], "an earlier vote stands against it")
            return await super().sign(request)

    async def scenario() -> Attested:
        members = [Choosy(1, opinions), Opinionated(2, opinions), Opinionated(3, opinions)]
        return await coordinator(members).attest(Question.DECISION, VERIFIER, [ref(1), ref(2), ref(3)])

    attested = asyncio.run(scenario())

    assert [item.transfer_id for s in attested.signed for item in s.attestation.statement.items] == [IDS[0], IDS[2]]
    assert list(attested.holds) == [IDS[1]]


def test_a_member_that_never_answers_costs_its_while_once() -> None:
    """Else a dead member would cost every list half a second."""

    async def scenario() -> list[float]:
        clock = ManualClock()
        asking = coordinator([*(Opinionated(n, APPROVES) for n in (1, 2, 3)), Held(4, APPROVES)], clock)
        times = [clock.now()]
        for _ in range(3):
            await asking.attest(Question.DECISION, VERIFIER, [ref(1)])
            times.append(clock.now())
        return times

    first, *others = asyncio.run(scenario())

    assert others == [first + GRACE_S] * 3


def test_a_member_that_answers_again_is_waited_for_again() -> None:
    async def scenario() -> tuple[list[Attested], Opinionated]:
        clock, back = ManualClock(), Held(4, APPROVES)
        asking = coordinator([*(Opinionated(n, APPROVES) for n in (1, 2, 3)), back], clock)
        first = await asking.attest(Question.DECISION, VERIFIER, [ref(1)])
        back.let_go.set()
        return [first, *[await asking.attest(Question.DECISION, VERIFIER, [ref(1)]) for _ in range(2)]], back

    attested, back = asyncio.run(scenario())

    assert all(one.signed for one in attested)
    assert len(back.questions) == 2
