"""What every ledger with a gateway must do, seen through its reader and writer. Subclass for an adapter of your own.

`LedgerContract.fresh` gives a bench: a lane of its own between two gateways, on which nothing was locked yet.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bridge.core.caip import Account, AssetId
from bridge.core.reasons import Reason
from bridge.core.records import Ending, Outcome
from bridge.core.transfer import Transfer
from bridge.errors import InvalidInputError, LedgerRefusedError, UnavailableError
from tests.committee import EPOCH, finish, refuse, settle
from tests.conformance.bench import ISSUED, LATER_S, Bench, End
from tests.conformance.ledger_account import AccountFacts
from tests.conformance.ledger_decide import DecideFacts
from tests.conformance.ledger_eligibility import EligibilityFacts
from tests.conformance.ledger_finish import FinishFacts
from tests.conformance.ledger_limits import LimitFacts


class LedgerContract(DecideFacts, EligibilityFacts, FinishFacts, LimitFacts, AccountFacts):
    """One suite for every adapter: blocks, locks and transactions here, the rest inherited."""

    # --- blocks and views

    def test_heads_rise_and_older_blocks_stay_what_they_were(self) -> None:
        async def script(bench: Bench) -> None:
            first = await bench.source.head()
            await bench.reach(End.SOURCE, first.time + 1)
            second = await bench.source.head()

            assert second.height > first.height
            assert second.time > first.time
            assert await bench.source.head(height_max=first.height) == first
            assert await bench.source.head(height_max=second.height + 10**6) != first

        self.run(script)

    def test_a_block_that_is_not_there_is_unavailable(self) -> None:
        async def script(bench: Bench) -> None:
            head = await bench.source.head()
            beyond = replace(head, height=head.height + 10**6)
            with pytest.raises(UnavailableError):
                await bench.source.gateway(beyond)

        self.run(script)

    def test_a_gateway_tells_its_epoch_and_the_lanes_that_it_is_an_end_of(self) -> None:
        async def script(bench: Bench) -> None:
            for reader in (bench.source, bench.destination):
                view = await reader.gateway(await reader.head())
                assert (view.epoch, view.paused) == (EPOCH, False)
                assert bench.lane in view.lanes
            assert bench.source.endpoint.id == bench.lane.source
            assert bench.destination.endpoint.id == bench.lane.destination

        self.run(script)

    def test_a_lane_that_the_gateway_does_not_know_is_disabled_and_empty(self) -> None:
        async def script(bench: Bench) -> None:
            unknown = replace(bench.lane, asset=AssetId(b"\x77" * 32))
            head = await bench.source.head()
            view = await bench.source.lane(unknown, head)

            assert (view.enabled, view.next_sequence, view.amount_max, view.locked, view.minted) == (False, 1, 0, 0, 0)
            assert await bench.source.locks(unknown, 1, 10, head) == []
            with pytest.raises(InvalidInputError):
                await bench.source.supply(unknown.asset, head)

        self.run(script)

    # --- locks

    def test_locks_are_numbered_from_1_and_read_as_they_were_made(self) -> None:
        async def script(bench: Bench) -> None:
            before = await bench.source.head()
            transfers = [await bench.lock(amount) for amount in (5, 70, 900)]
            head = await bench.source.head()
            locks = await bench.source.locks(bench.lane, 1, 10, head)

            assert [t.sequence for t in transfers] == [1, 2, 3]
            assert [lock.transfer for lock in locks] == transfers
            assert {(lock.ending, lock.pending) for lock in locks} == {(Ending.OPEN, False)}
            for lock in locks:
                assert await bench.source.head(height_max=lock.stamp.height) == lock.stamp
                assert before.height < lock.stamp.height <= head.height
            assert [t.amount for t in transfers] == [5, 70, 900]
            assert {t.sender for t in transfers} == {bench.alice}
            assert await bench.source.locks(bench.lane, 2, 1, head) == locks[1:2]
            assert await bench.source.locks(bench.lane, 4, 300, head) == []
            view = await bench.source.lane(bench.lane, head)
            assert (view.enabled, view.next_sequence, view.locked) == (True, 4, 975)

        self.run(script)

    def test_a_read_at_an_older_block_does_not_see_what_came_later(self) -> None:
        """R-10: every read is at the block that the caller names."""

        async def script(bench: Bench) -> None:
            source_before, destination_before = await bench.source.head(), await bench.destination.head()
            transfer = await bench.lock(7)
            locked_at = (await bench.lock_of(transfer)).stamp
            await bench.send(End.DESTINATION, settle([transfer]))
            await bench.send(End.SOURCE, finish([transfer], Outcome.MINTED))

            assert await bench.source.locks(bench.lane, 1, 9, source_before) == []
            assert (await bench.source.lane(bench.lane, source_before)).next_sequence == 1
            (then,) = await bench.source.locks(bench.lane, 1, 9, locked_at)
            assert then.ending is Ending.OPEN
            assert (await bench.source.lane(bench.lane, locked_at)).committed == 0
            assert await bench.destination.decisions([transfer], destination_before) == [None]
            assert (await bench.destination.lane(bench.lane, destination_before)).minted == 0
            assert (await bench.destination.supply(bench.lane.asset, destination_before)).supply == 0
            assert await bench.destination.eligibility(transfer, destination_before) is Reason.NONE

        self.run(script)

    def test_a_lock_out_of_bounds_is_refused_and_locks_nothing(self) -> None:
        """R-01."""

        async def script(bench: Bench) -> None:
            view = await bench.source.lane(bench.lane, await bench.source.head())
            wide = Account(b"\x01" * 32)
            attempts: list[tuple[Callable[[], Awaitable[Transfer]], str]] = [
                (lambda: bench.lock(view.amount_max + 1), "AmountOutOfRange"),
                (lambda: bench.lock(7, deadline_s=view.deadline_max_s + LATER_S), "DeadlineOutOfRange"),
                (lambda: bench.lock(7, deadline_s=-LATER_S), "DeadlineOutOfRange"),
                (lambda: bench.lock(7, recipient=wide), "RecipientMalformed"),
                (lambda: bench.lock(7, recipient=Account(bytes(32))), "RecipientMalformed"),
            ]
            for attempt, name in attempts:
                with pytest.raises(LedgerRefusedError) as caught:
                    await attempt()
                assert caught.value.name == name
            assert (await bench.source.lane(bench.lane, await bench.source.head())).next_sequence == 1
            assert await bench.balance(End.SOURCE, bench.alice) == ISSUED

        self.run(script)

    def test_a_disabled_lane_takes_no_lock_and_mints_nothing_and_refuses_and_finishes_all_the_same(self) -> None:
        """R-07."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            for end in End:
                await bench.set_lane_enabled(end, enabled=False)
            with pytest.raises(LedgerRefusedError, match="LaneDisabled"):
                await bench.lock(7)
            await bench.send(End.DESTINATION, settle([transfer]))
            assert await bench.decision(transfer) is None
            await bench.send(End.DESTINATION, refuse([transfer], Reason.ASSET_NOT_REGISTERED))
            await bench.send(End.SOURCE, finish([transfer], Outcome.REJECTED))
            assert (await bench.lock_of(transfer)).ending is Ending.RELEASED

        self.run(script)

    # --- transactions

    def test_a_transaction_is_in_no_block_before_it_is_sent_and_sending_it_again_does_no_harm(self) -> None:
        """R-52."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            writer = bench.destination_writer
            transaction = await writer.prepare(settle([transfer]))
            assert await writer.receipt(transaction.reference) is None
            for _ in range(2):
                await writer.submit(transaction)
            receipt = await bench.mined(End.DESTINATION, writer, transaction.reference)
            await writer.submit(transaction)

            assert await writer.receipt(transaction.reference) == receipt
            assert await bench.balance(End.DESTINATION, bench.bob) == 7
            later = await writer.prepare(settle([transfer]))
            assert (later.account, later.nonce) == (transaction.account, transaction.nonce + 1)

        self.run(script)

    def test_a_transaction_whose_nonce_another_used_is_refused_for_good(self) -> None:
        """R-52: the ledger's own nonce is the truth."""

        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            writer = bench.destination_writer
            lost = await writer.prepare(settle([transfer]))
            await bench.send(End.DESTINATION, refuse([transfer], Reason.POLICY_REFUSED))
            with pytest.raises(LedgerRefusedError, match="NonceTooLow"):
                await writer.submit(lost)
            assert await writer.receipt(lost.reference) is None

        self.run(script)

    def test_a_transaction_that_reverts_in_its_block_says_so(self) -> None:
        async def script(bench: Bench) -> None:
            transfer = await bench.lock(7)
            writer = bench.destination_writer
            transaction = await writer.prepare(settle([transfer]))
            await bench.set_paused(End.DESTINATION, paused=True)
            await writer.submit(transaction)
            receipt = await bench.mined(End.DESTINATION, writer, transaction.reference)

            assert (receipt.succeeded, receipt.failures) == (False, ())
            assert await bench.decision(transfer) is None

        self.run(script)
