"""Facts about eligibility: a sender's quote, a notary's verdict and the mint itself give one answer (R-11)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bridge.adapters.memory.runtime import ManualClock
from bridge.adapters.memory.verdicts import MemoryVerdicts
from bridge.core.policy import Policy, Scope
from bridge.core.reasons import Reason
from bridge.core.records import Ending, Outcome
from bridge.core.statements import Kind
from bridge.core.transfer import Transfer
from bridge.ports.committee import Offer, Question, TransferRef
from bridge.ports.ledger import Payout
from notary.approval import LOCKED
from notary.judge import Judge, Judged, LedgerEyes
from tests.committee import finish, refuse, settle
from tests.conformance.bench import Bench, End, LedgerFacts

AMOUNT = 7
POLICY = Policy(scopes=(Scope(),), issue_required=False)
Change = Callable[[Bench, bool], Awaitable[None]]


def _limiting(bench: Bench, on: bool) -> Awaitable[None]:  # noqa: FBT001 - a Change
    capacity = AMOUNT - 1 if on else 10**15
    return bench.limit(capacity=capacity, refill_s=86_400, large_amount=10**15 + 1, large_delay_s=0)


CHANGES: dict[str, tuple[Change, Reason]] = {
    "the recipient is struck off": (
        lambda bench, on: bench.set_holder(End.DESTINATION, bench.bob, registered=not on),
        Reason.NOT_ELIGIBLE,
    ),
    "the token is paused": (
        lambda bench, on: bench.set_token_paused(End.DESTINATION, paused=on),
        Reason.TOKEN_PAUSED,
    ),
    "the gateway is paused": (
        lambda bench, on: bench.set_paused(End.DESTINATION, paused=on),
        Reason.TOKEN_PAUSED,
    ),
    "the lane is disabled": (
        lambda bench, on: bench.set_lane_enabled(End.DESTINATION, enabled=not on),
        Reason.ASSET_NOT_REGISTERED,
    ),
    "the lane's bucket is too small": (_limiting, Reason.LIMIT_EXCEEDED),
}
ANSWERS = (
    Reason.NOT_ELIGIBLE,
    Reason.ACCOUNT_FROZEN,
    Reason.COMPLIANCE_RULE,
    Reason.ASSET_NOT_REGISTERED,
    Reason.MALFORMED_ACCOUNT,
    Reason.LIMIT_EXCEEDED,
    Reason.TOKEN_PAUSED,
    Reason.TOKEN_REVERTED,
    None,
)
"""Of a handler; None: none, which counts as a pause."""
SILENT = frozenset({"the gateway is paused", "the lane is disabled"})
"""Where settle tries nothing at all, and so tells nothing of an item; of a pause it reverts."""


class EligibilityFacts(LedgerFacts):
    @pytest.mark.parametrize("what", CHANGES)
    def test_quote_approval_and_mint_give_one_answer(self, what: str) -> None:
        """R-11, R-12, R-20, R-22: before, while it is so, and after."""
        change, reason = CHANGES[what]

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(AMOUNT)
            assert await _quoted(bench, transfer) is Reason.NONE
            assert (await _judged(bench, transfer)).verdict.offers == (LOCKED,)

            await change(bench, True)  # noqa: FBT003 - a Change
            assert await _quoted(bench, transfer) is reason
            _assert_answers(await _judged(bench, transfer), reason)
            if what not in SILENT:
                receipt = await bench.send(End.DESTINATION, settle([transfer]))
                assert receipt.failures == ((transfer.id, reason),)
            assert await bench.decision(transfer) is None

            await change(bench, False)  # noqa: FBT003 - a Change
            await _assert_minted(bench, transfer)

        self.run(script)

    def test_quote_approval_and_mint_give_the_handler_s_answer(self) -> None:
        """R-12, R-22: a token that reverts is refused for good; one that gives no answer is waited for."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(AMOUNT)
            for answer in ANSWERS:
                await bench.set_refusal(End.DESTINATION, answer)
                reason = Reason.TOKEN_PAUSED if answer is None else answer
                assert await _quoted(bench, transfer) is reason
                _assert_answers(await _judged(bench, transfer), reason)
                receipt = await bench.send(End.DESTINATION, settle([transfer]))
                assert receipt.failures == ((transfer.id, reason),)
            await bench.set_refusal(End.DESTINATION, Reason.NONE)
            await _assert_minted(bench, transfer)

        self.run(script)

    def test_a_recipient_that_no_ledger_could_hold_units_for_is_told_alike(self) -> None:
        """R-22: the gateway itself."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(AMOUNT, recipient=bench.destination.endpoint.gateway)
            assert await _quoted(bench, transfer) is Reason.MALFORMED_ACCOUNT
            _assert_answers(await _judged(bench, transfer), Reason.MALFORMED_ACCOUNT)
            receipt = await bench.send(End.DESTINATION, settle([transfer]))
            assert receipt.failures == ((transfer.id, Reason.MALFORMED_ACCOUNT),)

        self.run(script)

    @pytest.mark.parametrize("reason", [Reason.NOT_ELIGIBLE, Reason.TOKEN_REVERTED])
    def test_who_was_eligible_at_the_lock_and_is_refused_at_the_mint_is_paid_back(self, reason: Reason) -> None:
        """R-20, R-23, R-31, INV-6: approved, refused by the token, refused by the notaries for its reason, released."""

        async def script(bench: Bench) -> None:
            before = await bench.balance(End.SOURCE, bench.alice)
            transfer = await bench.lock(AMOUNT)
            assert (await _judged(bench, transfer)).verdict.offers == (LOCKED,)
            await bench.set_refusal(End.DESTINATION, reason)
            receipt = await bench.send(End.DESTINATION, settle([transfer]))
            assert receipt.failures == ((transfer.id, reason),)

            _assert_answers(await _judged(bench, transfer), reason)
            await bench.send(End.DESTINATION, refuse([transfer], reason))
            decision = await bench.decision(transfer)
            assert decision is not None
            assert (decision.outcome, decision.reason) == (Outcome.REJECTED, reason)
            await bench.send(End.SOURCE, finish([transfer], Outcome.REJECTED))
            lock = await bench.lock_of(transfer)
            assert (lock.ending, lock.pending) == (Ending.RELEASED, False)
            assert await bench.balance(End.SOURCE, bench.alice) == before
            assert await bench.balance(End.DESTINATION, bench.bob) == 0

        self.run(script)

    def test_a_sender_who_lost_eligibility_waits_for_its_payout_and_gets_it_once_it_is_back(self) -> None:
        """R-31, INV-6: the record is sealed; the units stay its own."""

        async def script(bench: Bench) -> None:
            before = await bench.balance(End.SOURCE, bench.alice)
            transfer = await bench.lock(AMOUNT)
            await bench.send(End.DESTINATION, refuse([transfer], Reason.NOT_ELIGIBLE))
            await bench.set_holder(End.SOURCE, bench.alice, registered=False)
            await bench.send(End.SOURCE, finish([transfer], Outcome.REJECTED))
            lock = await bench.lock_of(transfer)
            assert (lock.ending, lock.pending) == (Ending.RELEASED, True)
            assert await bench.balance(End.SOURCE, bench.alice) == before - AMOUNT
            await bench.set_holder(End.SOURCE, bench.alice, registered=True)
            await bench.send(End.SOURCE, Payout(transfer=transfer))
            assert (await bench.lock_of(transfer)).pending is False
            assert await bench.balance(End.SOURCE, bench.alice) == before

        self.run(script)


async def _assert_minted(bench: Bench, transfer: Transfer) -> None:
    """Nothing stands against it any more, for anybody."""
    assert await _quoted(bench, transfer) is Reason.NONE
    assert (await _judged(bench, transfer)).verdict.offers == (LOCKED,)
    await bench.send(End.DESTINATION, settle([transfer]))
    decision = await bench.decision(transfer)
    assert decision is not None
    assert decision.outcome is Outcome.MINTED


async def _quoted(bench: Bench, transfer: Transfer) -> Reason:
    """Ask as a client does before it locks: the number is not known yet."""
    return await bench.destination.eligibility(replace(transfer, sequence=1), await bench.destination.head())


async def _judged(bench: Bench, transfer: Transfer) -> Judged:
    """Ask a notary whose clock is the destination's."""
    eyes = {
        reader.endpoint.id: LedgerEyes(reader=reader, assets=reader, margin_s=0)
        for reader in (bench.source, bench.destination)
    }
    kept = MemoryVerdicts()
    clock = ManualClock((await bench.destination.head()).time)
    judge = Judge(eyes, clock, idle_allowance_s=300.0, policy=POLICY, verdicts=kept, breakers=kept)
    ref = TransferRef(lane=transfer.lane, sequence=transfer.sequence, transfer_id=transfer.id)
    (judged,) = await judge.judge(Question.DECISION, [ref])
    return judged


def _assert_answers(judged: Judged, reason: Reason) -> None:
    """A reason that time can change is waited for, any other is refused for, or for the one that all share (R-12)."""
    verdict = judged.verdict
    if reason.transient:
        assert (verdict.offers, verdict.waiting_for) == ((), reason)
        return
    codes = dict.fromkeys((reason, Reason.POLICY_REFUSED))
    assert verdict.offers == tuple(Offer(kind=Kind.REFUSED, code=code) for code in codes)
