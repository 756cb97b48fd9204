"""The watcher: index before cursor, both records seen again, silence only where a head covers (R-51, section 2)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.adapters.memory.store import MemoryCursorStore
from bridge.core.reasons import Reason
from bridge.core.records import COVER_S, BlockStamp, Decision, Destination, Ending, Outcome, Overlay, Source, Status
from bridge.core.transfer import Lane, LaneId, Transfer
from bridge.errors import UnavailableError
from bridge.ports.ledger import LedgerReader, Lock
from bridge.ports.store import CursorStore, TransferRecord
from relayer.watcher import PAGE_LEN, Watcher
from tests.committee import finish, refuse, settle
from tests.scenarios.faults import CrashError, CrashingCursors, CrashingTransfers, FalseReader, Fuse
from tests.scenarios.world import ALICE, ASSET, BOB, World


class Tracked(FalseReader):
    """A node that remembers which sequences it was asked for, and can hide what it has."""

    def __init__(self, honest: LedgerReader) -> None:
        super().__init__(honest)
        self.asked: list[int] = []
        self.hides_locks = False
        self.hides_decisions = False

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        self.asked += range(first, first + count)
        return [] if self.hides_locks else await self._asked().locks(lane, first, count, at, open_only=open_only)

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        return [None for _ in transfers] if self.hides_decisions else await self._asked().decisions(transfers, at)


class Lane1:
    """A world with a watcher on its lane."""

    def __init__(self, *, finality_depth: int = 0) -> None:
        self.world = World(finality_depth=finality_depth)
        self.source, self.destination = Tracked(self.world.alpha), Tracked(self.world.beta)
        self.watcher = self.watch()

    def watch(self, *, cursors: CursorStore | None = None, fuse: Fuse | None = None) -> Watcher:
        stores = self.world.stores
        transfers = CrashingTransfers(stores, fuse) if fuse else stores.transfers
        kept = CrashingCursors(stores, fuse) if fuse else cursors or stores.cursors
        return Watcher(self.world.lane, self.source, self.destination, transfers, kept, self.world.clock)

    async def look(self) -> list[TransferRecord]:
        heads = await self.watcher.heads()
        await self.watcher.discover(heads)
        return await self.watcher.refresh(heads)

    async def only(self) -> TransferRecord:
        await self.look()
        (record,) = await self.world.stores.transfers.recent(9)
        return record

    @property
    def cursor(self) -> int:
        return asyncio.run(self.world.stores.cursors.cursor(self.world.lane.id))

    def submit(self, *calls: object) -> None:
        """Let the gateways that they are for carry attested calls out."""
        for call in calls:
            ledger = self.world.alpha if _for_source(call, self.world) else self.world.beta
            ledger.submit(ledger.prepare(BOB, call))  # type: ignore[arg-type] # a Submission
            ledger.mine()


def _for_source(call: object, world: World) -> bool:
    return call.attestation.statement.verifier == world.lane.source  # type: ignore[attr-defined,no-any-return]


def test_every_lock_is_indexed_once_with_its_block() -> None:
    lane = Lane1()
    transfers = [lane.world.lock(n) for n in (1, 2, 3)]
    records = asyncio.run(lane.look())

    assert [r.transfer for r in records] == transfers
    assert {(r.source, r.destination, r.status) for r in records} == {
        (Source.LOCKED, Destination.UNKNOWN, Status.PREPARED)
    }
    assert [r.locked_at for r in records] == [
        lane.world.alpha.newest.locks[lane.world.lane.id, n][1] for n in (1, 2, 3)
    ]
    assert asyncio.run(lane.look()) == records
    assert lane.cursor == 3


def test_a_lock_that_is_not_final_is_not_seen() -> None:
    lane = Lane1(finality_depth=2)
    lane.world.alpha.mine()
    lane.world.alpha.mine()
    lane.world.lock(1)

    assert asyncio.run(lane.look()) == []
    assert lane.cursor == 0


def test_only_what_is_after_the_cursor_is_read_again() -> None:
    lane = Lane1()
    for n in range(1, 4):
        lane.world.lock(n)
    asyncio.run(lane.look())
    lane.world.lock(4)
    lane.source.asked.clear()

    async def discover() -> None:
        await lane.watcher.discover(await lane.watcher.heads())

    asyncio.run(discover())
    assert lane.source.asked == [4]


@pytest.mark.parametrize("k", range(1, 5))
def test_the_index_is_written_before_the_cursor(k: int) -> None:
    """R-51: wherever it dies, nothing at or below the cursor is missing from the index."""
    lane = Lane1()
    for n in range(1, 4):
        lane.world.lock(n)

    async def script() -> None:
        with pytest.raises(CrashError):
            await lane.watch(fuse=Fuse(k)).discover(await lane.watcher.heads())
        indexed = [r.transfer.sequence for r in await lane.world.stores.transfers.recent(9)]
        assert set(range(1, await lane.world.stores.cursors.cursor(lane.world.lane.id) + 1)) <= set(indexed)
        await lane.look()
        assert len(await lane.world.stores.transfers.recent(9)) == 3

    asyncio.run(script())


def test_many_locks_are_indexed_page_by_page_and_the_cursor_follows() -> None:
    lane = Lane1()
    for n in range(PAGE_LEN + 5):
        lane.world.lock(n + 1)

    class Slow(MemoryCursorStore):
        def __init__(self) -> None:
            super().__init__()
            self.steps: list[int] = []

        async def advance(self, lane: LaneId, sequence: int) -> None:
            self.steps.append(sequence)
            await super().advance(lane, sequence)

    cursors = Slow()

    async def script() -> None:
        watcher = lane.watch(cursors=cursors)
        await watcher.discover(await watcher.heads())
        assert cursors.steps == [PAGE_LEN, PAGE_LEN + 5]
        assert len(await lane.world.stores.transfers.open()) == PAGE_LEN + 5

    asyncio.run(script())


@pytest.mark.parametrize("loss", ["cursor", "everything", "index"])
def test_what_was_lost_is_rebuilt_from_the_gateway_s_views(loss: str) -> None:
    """R-51, INV-7: a lost cursor is 0; a lost index with the cursor kept takes the periodic second look."""
    lane = Lane1()
    for n in range(1, 4):
        lane.world.lock(n)
    before = asyncio.run(lane.look())
    assert len(before) == 3
    stores = lane.world.stores
    if loss != "index":
        stores.cursors.wipe()
    if loss != "cursor":
        stores.transfers.wipe()
    lane.world.alpha.mine()

    async def script() -> None:
        heads = await lane.watcher.heads()
        await lane.watcher.discover(heads, again=loss == "index")
        assert await lane.watcher.refresh(heads) == before

    asyncio.run(script())


# --- what the two ledgers say


def test_a_mint_is_seen_with_its_block() -> None:
    lane = Lane1()
    transfer = lane.world.lock(7)
    lane.submit(settle([transfer]))
    record = asyncio.run(lane.only())

    assert (record.destination, record.status) == (Destination.MINTED, Status.COMMITTING)
    assert record.decision == lane.world.beta.newest.decided[transfer.id]
    assert [(e.event, e.height) for e in record.timeline][1:] == [("minted", record.decision.stamp.height)]


def test_a_refusal_is_seen_with_its_reason() -> None:
    lane = Lane1()
    lane.submit(refuse([lane.world.lock(7)], Reason.ACCOUNT_FROZEN))
    record = asyncio.run(lane.only())

    assert (record.destination, record.status) == (Destination.REJECTED, Status.ROLLING_BACK)
    assert (record.reason, record.timeline[-1].note) == (Reason.ACCOUNT_FROZEN, "ACCOUNT_FROZEN")


@pytest.mark.parametrize(
    ("outcome", "source", "status"),
    [
        (Outcome.MINTED, Source.COMMITTED, Status.COMMITTED),
        (Outcome.REJECTED, Source.RELEASED, Status.ROLLED_BACK),
        (Outcome.EXPIRED, Source.RELEASED, Status.ROLLED_BACK),
    ],
)
def test_an_end_is_seen_and_the_record_closed(outcome: Outcome, source: Source, status: Status) -> None:
    lane = Lane1()
    transfer = lane.world.lock(7)
    reason = Reason.EXPIRED if outcome is Outcome.EXPIRED else Reason.POLICY_REFUSED
    lane.submit(settle([transfer]) if outcome is Outcome.MINTED else refuse([transfer], reason))
    lane.submit(finish([transfer], outcome))
    record = asyncio.run(lane.only())

    assert (record.source, record.status, record.is_open) == (source, status, False)
    assert [e.event for e in record.timeline] == ["locked", outcome.name.lower(), source.lower()]
    assert asyncio.run(lane.look()) == []


def test_heads_that_have_not_moved_are_not_read_again() -> None:
    lane = Lane1()
    lane.world.lock(7)
    first = asyncio.run(lane.look())
    lane.source.asked.clear()

    assert asyncio.run(lane.look()) == first
    assert lane.source.asked == []


def test_nothing_new_is_not_written() -> None:
    lane = Lane1()
    lane.world.lock(7)
    first = asyncio.run(lane.only())
    for _ in range(3):
        lane.world.beta.mine()

    assert asyncio.run(lane.only()) == first


def test_a_payout_that_waits_keeps_the_record_open_until_it_is_done() -> None:
    """R-31: rolled back, and HELD."""
    lane = Lane1()
    transfer = lane.world.lock(7)
    lane.world.alpha.set_holder(ASSET, ALICE, registered=False)
    lane.submit(refuse([transfer], Reason.POLICY_REFUSED), finish([transfer], Outcome.REJECTED))
    record = asyncio.run(lane.only())
    assert (record.status, record.overlay, record.is_open) == (Status.ROLLED_BACK, Overlay.HELD, True)

    lane.world.alpha.newest.pending.clear()
    lane.world.alpha.mine()
    record = asyncio.run(lane.only())
    assert (record.overlay, record.note, record.is_open) == (None, "", False)


# --- silence (section 2)


def test_no_decision_is_unknown_until_a_head_covers_the_lock_and_none_from_then_on() -> None:
    lane = Lane1()
    lane.world.lock(7)
    lane.world.beta.mine(COVER_S - 1)
    assert asyncio.run(lane.only()).destination is Destination.UNKNOWN
    lane.world.beta.mine(1)
    assert asyncio.run(lane.only()).destination is Destination.NONE


def test_a_lock_that_is_gone_is_unknown_until_a_head_covers_it_and_absent_from_then_on() -> None:
    lane = Lane1()
    lane.world.lock(7)
    asyncio.run(lane.look())
    lane.source.hides_locks = True
    lane.world.alpha.mine(COVER_S - 1)
    assert asyncio.run(lane.only()).source is Source.UNKNOWN
    lane.world.alpha.mine(1)
    assert asyncio.run(lane.only()).source is Source.ABSENT


def test_a_mint_without_a_lock_is_broken_only_once_the_source_covers_the_mint() -> None:
    """INV-5: until then the source's node may just be late."""
    lane = Lane1()
    transfer = lane.world.lock(7)
    asyncio.run(lane.look())
    lane.world.beta.mine(200)
    lane.submit(settle([transfer]) if lane.world.beta.newest.paused else refuse([transfer], Reason.POLICY_REFUSED))
    lane.source.hides_locks = True
    minted_at = lane.world.beta.newest.decided[transfer.id].stamp.time - lane.world.alpha.mine(0).time
    lane.world.alpha.mine(minted_at + COVER_S - 1)
    assert asyncio.run(lane.only()).source is Source.UNKNOWN
    lane.world.alpha.mine(1)
    assert asyncio.run(lane.only()).source is Source.ABSENT


@pytest.mark.parametrize(
    ("ending", "source"), [(Ending.COMMITTED, Source.COMMITTED), (Ending.RELEASED, Source.RELEASED)]
)
def test_an_end_without_a_decision_waits_until_the_destination_covers_it_and_is_broken_then(
    ending: Ending, source: Source
) -> None:
    """Section 2: COMMITTED or RELEASED × NONE."""
    lane = Lane1()
    transfer = lane.world.lock(7)
    asyncio.run(lane.look())
    lane.world.alpha.mine(1000)
    lane.world.alpha.newest.endings[transfer.lane.id, transfer.sequence] = ending
    seen_at = lane.world.alpha.mine(0).time
    record = asyncio.run(lane.only())
    assert (record.source, record.destination) == (source, Destination.UNKNOWN)
    assert record.status is (Status.COMMITTING if source is Source.COMMITTED else Status.ROLLING_BACK)

    lane.world.beta.mine(seen_at + COVER_S - 1 - lane.world.beta.mine(0).time)
    assert asyncio.run(lane.only()).destination is Destination.UNKNOWN
    lane.world.beta.mine(1)
    record = asyncio.run(lane.only())
    assert (record.destination, record.status) == (Destination.NONE, Status.BROKEN)


def test_minted_and_released_is_broken_and_stays_listed() -> None:
    """INV-1."""
    lane = Lane1()
    transfer = lane.world.lock(7)
    lane.submit(settle([transfer]), finish([transfer], Outcome.REJECTED))
    record = asyncio.run(lane.only())

    assert (record.status, record.is_open) == (Status.BROKEN, True)


def test_a_node_that_does_not_answer_changes_nothing() -> None:
    lane = Lane1()
    lane.world.lock(7)
    first = asyncio.run(lane.only())
    lane.destination.silent = True
    with pytest.raises(UnavailableError):
        asyncio.run(lane.look())
    lane.destination.silent = False

    assert asyncio.run(lane.only()) == first


def test_another_lock_at_the_same_place_is_not_taken_for_this_one() -> None:
    lane = Lane1()
    transfer = lane.world.lock(7)
    asyncio.run(lane.look())
    place = transfer.lane.id, transfer.sequence
    lane.world.alpha.mine(COVER_S)
    stamp = lane.world.alpha.newest.locks[place][1]
    lane.world.alpha.newest.locks[place] = (replace(transfer, amount=8), stamp)

    assert asyncio.run(lane.only()).source is Source.ABSENT
