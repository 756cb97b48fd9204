"""What every store of coordination state must do (R-51, R-52). Subclass `StoreContract` for an adapter of your own."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Protocol

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.core.records import Overlay, Status
from bridge.core.transfer import U64_MAX
from bridge.errors import ConflictError
from bridge.ports.store import CursorStore, IntentStore, TransferRecord, TransferStore
from tests.conformance.samples import START_S, full_record, intent, record, transfer

LANE, OTHER_LANE = transfer(1).lane.id, transfer(1, lane=1).lane.id


class Stores(Protocol):
    """The three stores of one adapter."""

    @property
    def transfers(self) -> TransferStore: ...
    @property
    def cursors(self) -> CursorStore: ...
    @property
    def intents(self) -> IntentStore: ...


class StoreContract(ABC):
    """One suite for every adapter. `fresh` gives it empty stores, `wipe` loses all that they hold."""

    @abstractmethod
    def fresh(self) -> AbstractAsyncContextManager[Stores]: ...

    @abstractmethod
    async def wipe(self, stores: Stores) -> None: ...

    def run(self, scenario: Callable[[Stores], Awaitable[None]]) -> None:
        async def opened() -> None:
            async with self.fresh() as stores:
                await scenario(stores)

        asyncio.run(opened())

    # --- records

    def test_a_transfer_that_was_never_put_is_none(self) -> None:
        async def scenario(stores: Stores) -> None:
            assert await stores.transfers.get(transfer(1).id) is None

        self.run(scenario)

    @pytest.mark.parametrize("given_record", [record(1), full_record()], ids=["smallest", "fullest"])
    def test_a_record_comes_back_as_it_was_put_one_version_later(self, given_record: TransferRecord) -> None:
        async def scenario(stores: Stores) -> None:
            stored = await stores.transfers.put(given_record)

            assert stored == replace(given_record, version=1)
            assert await stores.transfers.get(given_record.id) == stored

        self.run(scenario)

    def test_put_with_a_version_that_is_not_the_stored_one_is_a_conflict_and_writes_nothing(self) -> None:
        async def scenario(stores: Stores) -> None:
            first = await stores.transfers.put(record(1))
            second = await stores.transfers.put(replace(first, status=Status.DECIDING))

            for stale in (record(1), first, replace(second, version=3)):
                with pytest.raises(ConflictError):
                    await stores.transfers.put(replace(stale, status=Status.COMMITTED, note="lost"))
            assert await stores.transfers.get(first.id) == second
            assert await stores.transfers.open() == [second]

        self.run(scenario)

    def test_a_first_put_with_a_version_above_0_is_a_conflict(self) -> None:
        async def scenario(stores: Stores) -> None:
            with pytest.raises(ConflictError):
                await stores.transfers.put(replace(record(1), version=1))
            assert await stores.transfers.get(transfer(1).id) is None
            assert await stores.transfers.recent(9) == []

        self.run(scenario)

    def test_of_writers_that_race_exactly_one_wins_each_version(self) -> None:
        async def scenario(stores: Stores) -> None:
            async def count_up() -> None:
                for _ in range(5):
                    while True:
                        try:
                            known = await stores.transfers.get(transfer(1).id) or record(1)
                            await stores.transfers.put(replace(known, note=f"{int(known.note or 0) + 1}"))
                            break
                        except ConflictError:
                            continue

            await asyncio.gather(*(count_up() for _ in range(4)))

            last = await stores.transfers.get(transfer(1).id)
            assert last is not None
            assert (last.note, last.version) == ("20", 20)

        self.run(scenario)

    # --- indexes

    @pytest.mark.parametrize("status", Status)
    def test_a_record_is_open_until_its_status_has_ended(self, status: Status) -> None:
        async def scenario(stores: Stores) -> None:
            first = await stores.transfers.put(record(1))
            assert await stores.transfers.open() == [first]

            second = await stores.transfers.put(replace(first, status=status))
            assert await stores.transfers.open() == ([] if status.ended else [second])
            assert await stores.transfers.recent(1) == [second]

        self.run(scenario)

    def test_an_ended_record_whose_payout_waits_is_open(self) -> None:
        async def scenario(stores: Stores) -> None:
            held = await stores.transfers.put(replace(record(1, status=Status.ROLLED_BACK), overlay=Overlay.HELD))
            assert await stores.transfers.open() == [held]

            await stores.transfers.put(replace(held, overlay=None))
            assert await stores.transfers.open() == []

        self.run(scenario)

    def test_open_records_are_listed_of_one_lane_or_of_all(self) -> None:
        async def scenario(stores: Stores) -> None:
            mine, other = [await stores.transfers.put(record(n, lane=lane)) for n, lane in ((1, 0), (2, 1))]

            assert await stores.transfers.open(LANE) == [mine]
            assert await stores.transfers.open(OTHER_LANE) == [other]
            assert await stores.transfers.open(transfer(1, lane=2).lane.id) == []
            assert await stores.transfers.open() == [mine, other]

        self.run(scenario)

    def test_an_ended_record_that_is_open_again_is_listed_again(self) -> None:
        async def scenario(stores: Stores) -> None:
            ended = await stores.transfers.put(record(1, status=Status.COMMITTED))
            broken = await stores.transfers.put(replace(ended, status=Status.BROKEN))

            assert await stores.transfers.open() == [broken]

        self.run(scenario)

    def test_open_is_oldest_lock_first_and_recent_newest_first_over_all_lanes(self) -> None:
        async def scenario(stores: Stores) -> None:
            times = [(1, 1, 50), (2, 1, 50), (10, 1, 50), (3, 0, 40), (4, 0, 60), (5, 2, 45)]
            stored = {
                sequence: await stores.transfers.put(record(sequence, lane=lane, locked_at=START_S + time))
                for sequence, lane, time in times
            }
            oldest_first = [stored[sequence] for sequence in (3, 5, 1, 2, 10, 4)]

            assert await stores.transfers.open() == oldest_first
            assert await stores.transfers.recent(99) == oldest_first[::-1]
            assert await stores.transfers.recent(4) == oldest_first[::-1][:4]
            assert await stores.transfers.recent(0) == []

        self.run(scenario)

    def test_a_lock_that_moved_to_another_block_moves_in_the_order(self) -> None:
        async def scenario(stores: Stores) -> None:
            first, second = [await stores.transfers.put(record(n)) for n in (1, 2)]
            moved = await stores.transfers.put(replace(first, locked_at=replace(first.locked_at, time=START_S + 99)))

            assert await stores.transfers.open() == [second, moved]

        self.run(scenario)

    def test_more_records_than_one_round_trip_takes_are_all_listed(self) -> None:
        async def scenario(stores: Stores) -> None:
            for sequence in range(1, 602):
                await stores.transfers.put(record(sequence))

            assert [r.transfer.sequence for r in await stores.transfers.open()] == list(range(1, 602))

        self.run(scenario)

    def test_any_history_of_puts_leaves_what_a_plain_dict_would(self) -> None:
        @settings(deadline=None, max_examples=50)  # a real server on a busy machine
        @given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.sampled_from(Status)), max_size=12))
        def check(history: list[tuple[int, int, Status]]) -> None:
            self.run(lambda stores: _replay(stores, history))

        check()

    # --- loss

    def test_after_a_wipe_all_is_empty_and_only_version_0_can_be_put(self) -> None:
        async def scenario(stores: Stores) -> None:
            known = await stores.transfers.put(record(1))
            await stores.cursors.advance(LANE, 5)
            await stores.intents.add(intent(1))
            await self.wipe(stores)

            assert await stores.transfers.get(known.id) is None
            assert await stores.transfers.open() == await stores.transfers.recent(9) == []
            assert await stores.cursors.cursor(LANE) == 0
            assert await stores.intents.intents("eip155:1337") == []
            with pytest.raises(ConflictError):
                await stores.transfers.put(known)
            again = await stores.transfers.put(replace(known, version=0))
            assert again == known
            assert await stores.transfers.open() == [again]

        self.run(scenario)

    # --- cursors

    def test_a_cursor_starts_at_0_and_is_each_lane_s_own(self) -> None:
        async def scenario(stores: Stores) -> None:
            await stores.cursors.advance(LANE, 7)

            assert await stores.cursors.cursor(LANE) == 7
            assert await stores.cursors.cursor(OTHER_LANE) == 0

        self.run(scenario)

    def test_a_cursor_never_goes_back_over_the_whole_width_of_a_sequence(self) -> None:
        steps = st.one_of(st.integers(0, U64_MAX), st.integers(2**53 - 2, 2**53 + 2), st.integers(0, 120))

        @settings(deadline=None, max_examples=50)  # a real server on a busy machine
        @given(st.lists(steps, max_size=10))
        @example([2**53, 2**53 + 1])
        @example([U64_MAX - 1, U64_MAX, U64_MAX - 1])
        @example([9, 10, 9])
        def check(sequences: list[int]) -> None:
            async def scenario(stores: Stores) -> None:
                highest = 0
                for sequence in sequences:
                    await stores.cursors.advance(LANE, sequence)
                    highest = max(highest, sequence)
                    assert await stores.cursors.cursor(LANE) == highest

            self.run(scenario)

        check()

    # --- intents

    def test_intents_of_a_ledger_are_listed_lowest_nonce_first(self) -> None:
        async def scenario(stores: Stores) -> None:
            given_intents = [intent(10), intent(9), intent(2, account=5), intent(2, account=4), intent(2**64 - 1)]
            for one in [*given_intents, intent(1, ledger="eip155:1")]:
                await stores.intents.add(one)

            expected = [given_intents[i] for i in (3, 2, 1, 0, 4)]
            assert await stores.intents.intents("eip155:1337") == expected
            assert await stores.intents.intents("eip155:1") == [intent(1, ledger="eip155:1")]

        self.run(scenario)

    def test_an_intent_added_twice_is_kept_once_and_removed_once(self) -> None:
        async def scenario(stores: Stores) -> None:
            for _ in range(2):
                await stores.intents.add(intent(1))
            assert await stores.intents.intents("eip155:1337") == [intent(1)]

            for _ in range(2):
                await stores.intents.remove(intent(1))
            assert await stores.intents.intents("eip155:1337") == []

        self.run(scenario)

    def test_two_transactions_with_one_nonce_are_two_intents(self) -> None:
        async def scenario(stores: Stores) -> None:
            first, replacement = intent(1, reference=1), intent(1, reference=2)
            await stores.intents.add(first)
            await stores.intents.add(replacement)
            assert await stores.intents.intents("eip155:1337") == [first, replacement]

            await stores.intents.remove(first)
            assert await stores.intents.intents("eip155:1337") == [replacement]

        self.run(scenario)


async def _replay(stores: Stores, history: list[tuple[int, int, Status]]) -> None:
    model: dict[int, TransferRecord] = {}
    for sequence, version, status in history:
        attempt = replace(record(sequence, lane=sequence % 2, status=status), version=version)
        known = model.get(sequence)
        if version == (known.version if known else 0):
            model[sequence] = await stores.transfers.put(attempt)
        else:
            with pytest.raises(ConflictError):
                await stores.transfers.put(attempt)
    ordered = [model[sequence] for sequence in sorted(model)]
    assert await stores.transfers.open() == [r for r in ordered if r.is_open]
    assert await stores.transfers.recent(9) == ordered[::-1]
