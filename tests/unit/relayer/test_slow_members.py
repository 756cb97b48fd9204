"""A member that never answers holds nobody up; one that is only slow is waited for while it is needed (R-15, INV-8)."""

import asyncio
from collections.abc import Sequence

from bridge.core.statements import Kind
from bridge.ports.committee import Offer, Question, TransferRef, Verdict
from relayer.coordinator import Attested, Coordinator
from tests.committee import EPOCH, dealing
from tests.unit.relayer.notaries import Opinionated, Opinions
from tests.unit.relayer.test_coordinator import IDS, VERIFIER, ref

APPROVES: Opinions = {IDS[0]: (Offer(kind=Kind.LOCKED, code=0),)}
NOTHING: Opinions = {}


class Held(Opinionated):
    """Answers only once it is let go."""

    def __init__(self, number: int, opinions: Opinions) -> None:
        super().__init__(number, opinions)
        self.let_go = asyncio.Event()
        self.asked = False

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        self.asked = True
        await self.let_go.wait()
        return await super().review(question, refs)


async def attest(*notaries: Opinionated) -> Attested:
    return await Coordinator(notaries, dealing().public_key_package, EPOCH).attest(
        Question.DECISION, VERIFIER, [ref(1)]
    )


def test_a_member_that_never_answers_holds_nobody_up() -> None:
    """R-15."""

    async def scenario() -> Attested:
        return await attest(*(Opinionated(n, APPROVES) for n in (1, 2, 3)), Held(4, APPROVES))

    attested = asyncio.run(scenario())

    assert [signed.signers for signed in attested.signed] == [(1, 2, 3)]


def test_a_slow_member_is_waited_for_while_the_others_do_not_agree() -> None:
    """INV-8: it may be the one that is needed."""

    async def scenario() -> Attested:
        slow = Held(4, APPROVES)
        asked = asyncio.create_task(attest(Opinionated(1, NOTHING), *(Opinionated(n, APPROVES) for n in (2, 3)), slow))
        while len(asyncio.all_tasks()) != len(("this", "the coordinator", "the slow member")) or not slow.asked:  # noqa: ASYNC110 - no event tells that the others have answered
            await asyncio.sleep(0)
        slow.let_go.set()
        return await asked

    attested = asyncio.run(scenario())

    assert [signed.signers for signed in attested.signed] == [(2, 3, 4)]
