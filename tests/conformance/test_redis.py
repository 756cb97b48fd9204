"""What is Redis's own: its keys, and what is done when some of them are lost (R-51)."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bridge.adapters.redis.client import RedisStores
from bridge.core.records import Status
from bridge.errors import ConflictError
from tests.conformance.redis_raw import CURSOR_KEY, INTENTS_KEY, LANE, LOOKUP_KEY, OPEN_KEY, RECENT_KEY, RECORD_KEY, run
from tests.conformance.samples import intent, record, transfer

# --- keys


def test_all_that_a_lane_holds_is_in_one_cluster_slot(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await stores.transfers.put(record(1))
        await stores.cursors.advance(LANE, 1)
        await stores.intents.add(intent(1))

        lane_keys = {RECORD_KEY, OPEN_KEY, RECENT_KEY, CURSOR_KEY}
        assert {bytes(key).decode() for key in await raw.keys() if isinstance(key, bytes)} == lane_keys | {
            LOOKUP_KEY,
            INTENTS_KEY,
            "naru:lanes",
        }

    run(redis_url, scenario)


def test_the_open_index_holds_open_records_only(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        first = await stores.transfers.put(record(1))
        assert await raw.zcard(OPEN_KEY) == 1
        await stores.transfers.put(replace(first, status=Status.COMMITTED))

        assert await raw.zcard(OPEN_KEY) == 0
        assert await raw.zcard(RECENT_KEY) == 1

    run(redis_url, scenario)


def test_a_put_goes_on_after_the_server_has_forgotten_its_scripts(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        first = await stores.transfers.put(record(1))
        await raw.script_flush()
        await stores.transfers.put(first)
        await raw.script_flush()
        await stores.cursors.advance(LANE, 3)

        assert await stores.cursors.cursor(LANE) == 3

    run(redis_url, scenario)


# --- partial loss


def test_an_index_entry_without_its_record_is_skipped(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await stores.transfers.put(record(1))
        other = await stores.transfers.put(record(2))
        await raw.delete(RECORD_KEY)
        await raw.zadd(OPEN_KEY, {b"\xff nonsense": 0})

        assert await stores.transfers.get(transfer(1).id) is None
        assert await stores.transfers.open() == await stores.transfers.recent(9) == [other]
        assert (await stores.transfers.put(record(1))).version == 1

    run(redis_url, scenario)


@pytest.mark.parametrize("lost", [[OPEN_KEY], [RECENT_KEY], ["naru:lanes"], [LOOKUP_KEY], [OPEN_KEY, "naru:lanes"]])
def test_a_record_that_lost_its_index_is_indexed_again_by_its_next_put(redis_url: str, lost: list[str]) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        first = await stores.transfers.put(record(1))
        await raw.delete(*lost)
        second = await stores.transfers.put(replace(first, status=Status.DECIDING))

        assert await stores.transfers.get(first.id) == second
        assert await stores.transfers.open() == await stores.transfers.recent(9) == [second]

    run(redis_url, scenario)


def test_a_record_that_can_t_be_found_by_its_id_is_found_again_after_the_conflict(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        first = await stores.transfers.put(record(1))
        await raw.delete(LOOKUP_KEY)
        assert await stores.transfers.get(first.id) is None
        with pytest.raises(ConflictError):
            await stores.transfers.put(record(1))

        assert await stores.transfers.get(first.id) == first

    run(redis_url, scenario)


def test_a_writer_that_dies_before_its_record_leaves_nothing_to_be_seen(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await raw.sadd("naru:lanes", LANE.hex())
        await raw.set(LOOKUP_KEY, LANE.hex())

        assert await stores.transfers.get(transfer(1).id) is None
        assert await stores.transfers.open() == await stores.transfers.recent(9) == []
        assert (await stores.transfers.put(record(1))).version == 1

    run(redis_url, scenario)
