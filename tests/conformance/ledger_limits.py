"""Facts about what the destination lets in at a time, and about the auditor's pause."""

import pytest

from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.transfer import Transfer
from bridge.errors import LedgerRefusedError
from bridge.ports.ledger import LaneView
from tests.committee import finish, refuse, settle
from tests.conformance.bench import SOON_S, Bench, End, LedgerFacts

NEVER = 10**9
"""More than any amount, and longer than any test."""


class LimitFacts(LedgerFacts):
    def test_each_end_of_a_lane_tells_its_own_half_of_the_limits(self) -> None:
        """R-01, R-25."""

        async def script(bench: Bench) -> None:
            await bench.limit(capacity=1000, refill_s=NEVER, large_amount=500, large_delay_s=60)
            source, destination = await _view(bench, End.SOURCE), await _view(bench, End.DESTINATION)

            assert (source.capacity, source.refill_s, source.large_amount, source.large_delay_s) == (0, 0, 0, 0)
            assert 0 < source.amount_min <= source.amount_max
            assert 0 < source.deadline_min_s <= source.deadline_max_s
            assert (destination.amount_min, destination.amount_max) == (0, 0)
            assert (destination.deadline_min_s, destination.deadline_max_s) == (0, 0)
            limits = (destination.capacity, destination.refill_s, destination.large_amount, destination.large_delay_s)
            assert limits == (1000, NEVER, 500, 60)
            assert (source.headroom, destination.headroom) == (0, 1000)
            assert (source.next_sequence, destination.next_sequence) == (1, 1)

        self.run(script)

    # --- the bucket

    def test_the_bucket_bounds_what_is_minted_and_what_does_not_fit_stays_undecided(self) -> None:
        """R-25: the rest of the list is minted all the same."""

        async def script(bench: Bench) -> None:
            await bench.limit(capacity=100, refill_s=NEVER, large_amount=NEVER, large_delay_s=0)
            first, second, third = [await bench.lock(amount) for amount in (60, 50, 40)]
            receipt = await bench.send(End.DESTINATION, settle([first, second, third]))

            assert (receipt.failures, receipt.releases) == (((second.id, Reason.LIMIT_EXCEEDED),), ())
            assert await _outcomes(bench, first, second, third) == [Outcome.MINTED, None, Outcome.MINTED]
            assert await bench.balance(End.DESTINATION, bench.bob) == 100
            view = await _view(bench, End.DESTINATION)
            assert (view.headroom, view.minted) == (0, 100)
            assert await _eligibility(bench, second) is Reason.LIMIT_EXCEEDED

        self.run(script)

    def test_the_bucket_fills_again_with_time(self) -> None:
        """R-25."""

        async def script(bench: Bench) -> None:
            await bench.limit(capacity=100, refill_s=SOON_S, large_amount=NEVER, large_delay_s=0)
            first, second = await bench.lock(100), await bench.lock(100)
            receipt = await bench.send(End.DESTINATION, settle([first, second]))
            assert receipt.failures == ((second.id, Reason.LIMIT_EXCEEDED),)
            await bench.reach(End.DESTINATION, receipt.stamp.time + SOON_S)

            assert (await _view(bench, End.DESTINATION)).headroom == 100
            assert await _eligibility(bench, second) is Reason.NONE
            again = await bench.send(End.DESTINATION, settle([first, second]))
            assert again.failures == ()
            assert await bench.balance(End.DESTINATION, bench.bob) == 200

        self.run(script)

    def test_what_is_not_minted_takes_nothing_from_the_bucket(self) -> None:
        """R-20, R-25: all of an item happens, or none."""

        async def script(bench: Bench) -> None:
            await bench.limit(capacity=100, refill_s=NEVER, large_amount=NEVER, large_delay_s=0)
            receipt = await bench.send(End.DESTINATION, settle([await bench.lock(60, recipient=bench.carol)]))

            assert [reason for _, reason in receipt.failures] == [Reason.NOT_ELIGIBLE]
            assert (await _view(bench, End.DESTINATION)).headroom == 100

        self.run(script)

    def test_a_limit_stops_no_refusal_and_no_finish(self) -> None:
        """R-25."""

        async def script(bench: Bench) -> None:
            await bench.limit(capacity=1, refill_s=NEVER, large_amount=1, large_delay_s=NEVER)
            transfer = await bench.lock(60)
            await bench.send(End.DESTINATION, refuse([transfer], Reason.POLICY_REFUSED))
            await bench.send(End.SOURCE, finish([transfer], Outcome.REJECTED))
            assert await _outcomes(bench, transfer) == [Outcome.REJECTED]
            await self.check_all(bench, held=0)

        self.run(script)

    # --- large amounts

    def test_a_large_amount_is_minted_only_after_its_delay_from_its_first_showing(self) -> None:
        """R-25: so that people can look before it is minted; what is smaller does not wait."""

        async def script(bench: Bench) -> None:
            await bench.limit(capacity=NEVER, refill_s=NEVER, large_amount=500, large_delay_s=SOON_S)
            large, small = await bench.lock(500), await bench.lock(499)
            first = await bench.send(End.DESTINATION, settle([large, small]))
            release = first.stamp.time + SOON_S
            assert first.failures == ((large.id, Reason.LIMIT_EXCEEDED),)
            assert first.releases == ((large.id, release),)
            assert await _eligibility(bench, large) is Reason.NONE
            early = await bench.send(End.DESTINATION, settle([large]))
            assert early.releases == ((large.id, release),)
            assert await bench.balance(End.DESTINATION, bench.bob) == 499

            await bench.reach(End.DESTINATION, release)
            late = await bench.send(End.DESTINATION, settle([large]))
            assert (late.failures, late.releases) == ((), ())
            assert await _outcomes(bench, large, small) == [Outcome.MINTED] * 2

        self.run(script)

    # --- the auditor's pause

    def test_an_auditors_pause_stops_lock_and_mint_on_its_lane_and_shows(self) -> None:
        """R-61, R-32."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            for end in End:
                await bench.audit_pause_lane(end)
                assert (await _view(bench, end)).paused
            with pytest.raises(LedgerRefusedError, match="LanePausedError"):
                await bench.lock(7)
            skipped = await bench.send(End.DESTINATION, settle([transfer]))
            assert (skipped.succeeded, skipped.failures) == (True, ())
            assert await _eligibility(bench, transfer) is Reason.TOKEN_PAUSED
            assert await _outcomes(bench, transfer) == [None]

            for end in End:
                await bench.unpause_lane(end)
                assert not (await _view(bench, end)).paused
            await bench.send(End.DESTINATION, settle([transfer]))
            assert await _outcomes(bench, transfer) == [Outcome.MINTED]

        self.run(script)


async def _view(bench: Bench, end: End) -> LaneView:
    return await bench.reader(end).lane(bench.lane, await bench.reader(end).head())


async def _eligibility(bench: Bench, transfer: Transfer) -> Reason:
    return await bench.destination.eligibility(transfer, await bench.destination.head())


async def _outcomes(bench: Bench, *transfers: Transfer) -> list[Outcome | None]:
    decisions = await bench.destination.decisions(transfers, await bench.destination.head())
    return [decision.outcome if decision else None for decision in decisions]
