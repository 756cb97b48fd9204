"""Facts about what R-11's account is made of: the register's entries, and what went out and came in."""

from dataclasses import replace

import pytest

from bridge.core.caip import AssetId
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.errors import LedgerRefusedError
from bridge.ports.ledger import AssetView
from tests.committee import finish, refuse, settle
from tests.conformance.bench import ISSUED, Bench, End, LedgerFacts

NOTHING = AssetView(enabled=True, issue_number=0, issued=0, sent=0, received=0)


class AccountFacts(LedgerFacts):
    def test_an_asset_that_the_gateway_does_not_know_is_disabled_and_empty(self) -> None:
        async def script(bench: Bench) -> None:
            view = await bench.source.asset(AssetId(b"\x77" * 32), await bench.source.head())
            assert view == replace(NOTHING, enabled=False)

        self.run(script)

    def test_what_the_register_posts_is_read_at_its_block_and_entries_are_numbered_without_gaps(self) -> None:
        """R-11."""

        async def script(bench: Bench) -> None:
            before = await bench.source.head()
            assert await bench.source.asset(bench.lane.asset, before) == NOTHING
            await bench.post_issue(End.SOURCE, 1, ISSUED)
            await bench.post_issue(End.SOURCE, 2, ISSUED - 5)
            for number in (1, 2, 4):
                with pytest.raises(LedgerRefusedError):
                    await bench.post_issue(End.SOURCE, number, 10**9)

            view = await _asset(bench, End.SOURCE)
            assert (view.issue_number, view.issued) == (2, ISSUED - 5)
            assert await bench.source.asset(bench.lane.asset, before) == NOTHING
            assert (await _asset(bench, End.DESTINATION)).issue_number == 0

        self.run(script)

    def test_what_went_out_and_came_in_is_counted_and_a_release_is_not_out(self) -> None:
        """R-11: net of releases."""

        async def script(bench: Bench) -> None:
            minted, refused, open_one = [await bench.lock(amount) for amount in (70, 9, 4)]
            assert (await _asset(bench, End.SOURCE)).sent == 83
            await bench.send(End.DESTINATION, settle([minted]))
            await bench.send(End.DESTINATION, refuse([refused], Reason.POLICY_REFUSED))
            await bench.send(End.SOURCE, finish([minted], Outcome.MINTED))
            await bench.send(End.SOURCE, finish([refused], Outcome.REJECTED))

            source, destination = await _asset(bench, End.SOURCE), await _asset(bench, End.DESTINATION)
            assert (source.sent, source.received) == (minted.amount + open_one.amount, 0)
            assert (destination.sent, destination.received) == (0, minted.amount)

        self.run(script)

    @pytest.mark.parametrize(("outcome", "sent"), [(Outcome.REJECTED, 0), (Outcome.MINTED, 70)])
    def test_what_waits_for_its_payout_counts_as_its_record_says(self, outcome: Outcome, sent: int) -> None:
        """R-31, INV-5: totals count records."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(70)
            call = settle([transfer]) if outcome is Outcome.MINTED else refuse([transfer], Reason.POLICY_REFUSED)
            await bench.send(End.DESTINATION, call)
            await bench.set_token_paused(End.SOURCE, paused=True)
            await bench.send(End.SOURCE, finish([transfer], outcome))
            assert (await bench.lock_of(transfer)).pending
            assert (await _asset(bench, End.SOURCE)).sent == sent

        self.run(script)


async def _asset(bench: Bench, end: End) -> AssetView:
    reader = bench.reader(end)
    return await reader.asset(bench.lane.asset, await reader.head())
