"""A value that is not what a store wrote is an error that says what to do; it is never taken, nor overwritten."""

import re

import pytest
from redis.asyncio import Redis

from bridge.adapters.redis.client import RedisStores
from bridge.adapters.redis.errors import CorruptValueError, UnknownSchemaError
from tests.conformance.redis_raw import CURSOR_KEY, INTENTS_KEY, LANE, LOOKUP_KEY, OPEN_KEY, RECENT_KEY, RECORD_KEY, run
from tests.conformance.samples import intent, record, transfer

BODIES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"\xff\xfe",
    b'{"schema":1',
    b'{"schema":1}',
    b'{"schema":true}',
    b'{"schema":NaN}',
    b'{"schema":"1"}',
    b"[" * 200_000,
    b'{"schema":' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_corrupt_value_is_an_error_that_names_its_key(redis_url: str, body: bytes) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await stores.transfers.put(record(1))
        await stores.intents.add(intent(1))
        field = (await raw.hkeys(INTENTS_KEY))[0]
        await raw.hset(RECORD_KEY, "body", body)
        await raw.hset(INTENTS_KEY, field, body)

        for read, key in (
            (stores.transfers.get(transfer(1).id), RECORD_KEY),
            (stores.transfers.open(), RECORD_KEY),
            (stores.transfers.recent(1), RECORD_KEY),
            (stores.intents.intents("eip155:1337"), INTENTS_KEY),
        ):
            with pytest.raises(CorruptValueError, match=r"delete it, and the relayer builds it again") as caught:
                await read
            assert caught.value.key == key
            assert key in str(caught.value)

    run(redis_url, scenario)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"status":"PREPARED"', b'"status":"GONE"'),
        (b'"reason":0', b'"reason":99'),
        (b'"reason":0', b'"reason":0.0'),
        (b'"reason":0', b'"reason":null'),
        (b'"note":""', b'"note":[]'),
        (b'"timeline":[]', b'"timeline":{}'),
        (b'"timeline":[]', b'"timeline":[1]'),
        (b'"timeline":[]', b'"timeline":[{"event":"x"}]'),
        (b'"decision":null', b'"decision":7'),
        (b'"terms":"', b'"terms":"zz'),
        (b'"terms":"', b'"terms":"00'),
        (b'"locked_at":{', b'"locked_at":{"time":1e999,'),
    ],
)
def test_one_wrong_field_is_an_error(redis_url: str, old: bytes, new: bytes) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await stores.transfers.put(record(1))
        body = await raw.hget(RECORD_KEY, "body")
        assert isinstance(body, bytes)
        assert old in body
        changed = body.replace(old, new, 1)
        if b"1e999" in new:
            changed = re.sub(rb',"time":\d+', b"", changed)
        await raw.hset(RECORD_KEY, "body", changed)

        with pytest.raises(CorruptValueError):
            await stores.transfers.get(transfer(1).id)

    run(redis_url, scenario)


def test_a_body_under_another_transfer_s_key_is_an_error(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await stores.transfers.put(record(1))
        await stores.transfers.put(record(2))
        body = await raw.hget(RECORD_KEY.replace(transfer(1).id.hex(), transfer(2).id.hex()), "body")
        assert body is not None
        await raw.hset(RECORD_KEY, "body", body)

        with pytest.raises(CorruptValueError, match="another transfer"):
            await stores.transfers.get(transfer(1).id)

    run(redis_url, scenario)


@pytest.mark.parametrize("field", ["version", "body"])
def test_half_a_record_is_an_error(redis_url: str, field: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await stores.transfers.put(record(1))
        await raw.hdel(RECORD_KEY, field)

        with pytest.raises(CorruptValueError, match="lacks its version or its body"):
            await stores.transfers.get(transfer(1).id)

    run(redis_url, scenario)


@pytest.mark.parametrize("number", [b"", b"-1", b"1.5", b"x", b"\xff", "\u0661".encode()])
def test_a_version_or_cursor_that_is_no_number_is_an_error(redis_url: str, number: bytes) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await stores.transfers.put(record(1))
        await raw.hset(RECORD_KEY, "version", number)
        await raw.set(CURSOR_KEY, number)

        with pytest.raises(CorruptValueError, match="no number"):
            await stores.transfers.get(transfer(1).id)
        with pytest.raises(CorruptValueError, match="no number"):
            await stores.cursors.cursor(LANE)

    run(redis_url, scenario)


def test_a_value_of_a_newer_schema_asks_for_the_newer_program(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await stores.transfers.put(record(1))
        await raw.hset(RECORD_KEY, "body", b'{"schema":2,"new":{}}')

        with pytest.raises(UnknownSchemaError, match=r"has schema 2.*run the newer program") as caught:
            await stores.transfers.get(transfer(1).id)
        assert caught.value.key == RECORD_KEY

    run(redis_url, scenario)


@pytest.mark.parametrize("key", [RECORD_KEY, OPEN_KEY, RECENT_KEY, LOOKUP_KEY, CURSOR_KEY, INTENTS_KEY, "naru:lanes"])
def test_a_key_of_another_type_is_an_error_and_never_overwritten(redis_url: str, key: str) -> None:
    async def use(stores: RedisStores) -> None:
        await stores.transfers.get(transfer(1).id)
        await stores.transfers.put(record(1))
        await stores.cursors.advance(LANE, 1)
        await stores.intents.add(intent(1))

    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await raw.xadd(key, {"of": "another type"})
        if key == LOOKUP_KEY:
            assert (await stores.transfers.put(record(1))).version == 1
            return
        with pytest.raises(CorruptValueError, match="another type"):
            await use(stores)
        assert await raw.type(key) == b"stream"

    run(redis_url, scenario)
