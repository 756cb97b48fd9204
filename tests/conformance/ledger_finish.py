"""Facts about the end: records that are sealed, units that are burned, paid back, or wait."""

from dataclasses import replace

import pytest

from bridge.core.reasons import Reason
from bridge.core.records import Ending, Outcome
from bridge.errors import LedgerRefusedError
from bridge.ports.ledger import Payout
from tests.committee import finish, refuse, settle
from tests.conformance.bench import ISSUED, Bench, End, LedgerFacts


class FinishFacts(LedgerFacts):
    # --- finish

    def test_a_mint_commits_the_source_and_burns_the_escrow(self) -> None:
        """INV-4, INV-5, INV-9."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            await self.check_all(bench, held=7)
            await bench.send(End.DESTINATION, settle([transfer]))
            await self.check_all(bench, held=7)
            await bench.send(End.SOURCE, finish([transfer], Outcome.MINTED))
            await self.check_all(bench, held=0)

            lock = await bench.lock_of(transfer)
            assert (lock.transfer, lock.ending, lock.pending) == (transfer, Ending.COMMITTED, False)
            view = await bench.source.lane(bench.lane, await bench.source.head())
            assert (view.locked, view.committed, view.released) == (7, 7, 0)
            supply = await bench.source.supply(bench.lane.asset, await bench.source.head())
            assert (supply.supply, supply.burned, supply.balance) == (ISSUED - 7, 7, 0)
            minted = await bench.destination.supply(bench.lane.asset, await bench.destination.head())
            assert (minted.supply, minted.minted) == (7, 7)

        self.run(script)

    def test_what_has_ended_can_be_left_out(self) -> None:
        """R-51: the reconcile looks for open locks only."""

        async def script(bench: Bench) -> None:
            ended, open_ = await bench.lock(7), await bench.lock(8)
            await bench.send(End.SOURCE, finish([ended], Outcome.EXPIRED))
            head = await bench.source.head()
            found = await bench.source.locks(bench.lane, 1, 9, head, open_only=True)

            assert [lock.transfer for lock in found] == [open_]
            assert [lock.transfer for lock in await bench.source.locks(bench.lane, 1, 9, head)] == [ended, open_]

        self.run(script)

    @pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.EXPIRED])
    def test_a_refusal_releases_the_source_and_pays_back_to_the_unit(self, outcome: Outcome) -> None:
        """INV-6."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            assert await bench.balance(End.SOURCE, bench.alice) == ISSUED - 7
            await bench.send(End.SOURCE, finish([transfer], outcome))
            await self.check_all(bench, held=0)

            assert (await bench.lock_of(transfer)).ending is Ending.RELEASED
            assert await bench.balance(End.SOURCE, bench.alice) == ISSUED
            view = await bench.source.lane(bench.lane, await bench.source.head())
            assert (view.locked, view.committed, view.released) == (7, 0, 7)

        self.run(script)

    @pytest.mark.parametrize(
        ("first", "second"), [(Outcome.MINTED, Outcome.REJECTED), (Outcome.REJECTED, Outcome.MINTED)]
    )
    def test_a_record_that_has_ended_is_never_changed(self, first: Outcome, second: Outcome) -> None:
        """INV-3, INV-1: also not by what the committee signed."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            await bench.send(End.SOURCE, finish([transfer], first))
            ended = await bench.lock_of(transfer)
            balance = await bench.balance(End.SOURCE, bench.alice)
            await bench.send(End.SOURCE, finish([transfer], second))
            await bench.send(End.SOURCE, finish([transfer], first))

            assert await bench.lock_of(transfer) == ended
            assert await bench.balance(End.SOURCE, bench.alice) == balance

        self.run(script)

    def test_only_exactly_the_terms_that_were_locked_are_finished(self) -> None:
        """R-31: the lock word must match the id."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            for false in (replace(transfer, amount=8), replace(transfer, sender=bench.bob)):
                receipt = await bench.send(End.SOURCE, finish([false], Outcome.REJECTED))
                assert receipt.succeeded

            assert (await bench.lock_of(transfer)).ending is Ending.OPEN
            assert await bench.balance(End.SOURCE, bench.alice) == ISSUED - 7

        self.run(script)

    # --- pauses and payouts

    def test_a_pause_stops_lock_and_settle_and_never_refuse_finish_or_payout(self) -> None:
        """R-32."""

        async def script(bench: Bench) -> None:
            transfers = [await bench.lock(amount) for amount in (7, 8)]
            for end in End:
                await bench.set_paused(end, paused=True)
            assert (await bench.source.gateway(await bench.source.head())).paused
            with pytest.raises(LedgerRefusedError, match="Paused"):
                await bench.lock(9)
            with pytest.raises(LedgerRefusedError, match="Paused"):
                await bench.send(End.DESTINATION, settle(transfers))
            await bench.send(End.DESTINATION, refuse(transfers, Reason.POLICY_REFUSED))
            await bench.set_holder(End.SOURCE, bench.alice, registered=False)
            await bench.send(End.SOURCE, finish(transfers, Outcome.REJECTED))
            await bench.set_holder(End.SOURCE, bench.alice, registered=True)
            for transfer in transfers:
                await bench.send(End.SOURCE, Payout(transfer=transfer))
            assert await bench.balance(End.SOURCE, bench.alice) == ISSUED

        self.run(script)

    def test_a_release_that_the_token_refuses_is_pending_until_it_is_paid_out(self) -> None:
        """R-31, INV-6, INV-9."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            await bench.set_holder(End.SOURCE, bench.alice, registered=False)
            await bench.send(End.SOURCE, finish([transfer], Outcome.REJECTED))
            await self.check_all(bench, held=7)
            lock = await bench.lock_of(transfer)
            assert (lock.ending, lock.pending) == (Ending.RELEASED, True)
            with pytest.raises(LedgerRefusedError):
                await bench.send(End.SOURCE, Payout(transfer=transfer))

            await bench.set_holder(End.SOURCE, bench.alice, registered=True)
            for false in (replace(transfer, amount=8), replace(transfer, sender=bench.bob)):
                with pytest.raises(LedgerRefusedError, match="NothingPending"):
                    await bench.send(End.SOURCE, Payout(transfer=false))
            await bench.send(End.SOURCE, Payout(transfer=transfer))
            await self.check_all(bench, held=0)
            assert not (await bench.lock_of(transfer)).pending
            assert await bench.balance(End.SOURCE, bench.alice) == ISSUED
            with pytest.raises(LedgerRefusedError, match="NothingPending"):
                await bench.send(End.SOURCE, Payout(transfer=transfer))

        self.run(script)

    def test_a_burn_that_the_token_refuses_is_pending_and_pays_nobody(self) -> None:
        """R-31, INV-4, INV-9."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            await bench.send(End.DESTINATION, settle([transfer]))
            await bench.set_token_paused(End.SOURCE, paused=True)
            await bench.send(End.SOURCE, finish([transfer], Outcome.MINTED))
            await self.check_all(bench, held=7)
            lock = await bench.lock_of(transfer)
            assert (lock.ending, lock.pending) == (Ending.COMMITTED, True)

            await bench.set_token_paused(End.SOURCE, paused=False)
            await bench.send(End.SOURCE, Payout(transfer=transfer))
            await self.check_all(bench, held=0)
            assert await bench.balance(End.SOURCE, bench.alice) == ISSUED - 7
            assert (await bench.source.supply(bench.lane.asset, await bench.source.head())).supply == ISSUED - 7

        self.run(script)
