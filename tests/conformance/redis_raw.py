"""The stores and, beside them, the raw client that looks at their keys and spoils them."""

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from bridge.adapters.redis.client import RedisStores, connect
from tests.conformance.samples import transfer

LANE = transfer(1).lane.id
RECORD_KEY = f"naru:{{{LANE.hex()}}}:transfer:{transfer(1).id.hex()}"
LOOKUP_KEY = f"naru:lane-of:{transfer(1).id.hex()}"
OPEN_KEY, RECENT_KEY, CURSOR_KEY = (f"naru:{{{LANE.hex()}}}:{name}" for name in ("open", "recent", "cursor"))
INTENTS_KEY = "naru:intents:eip155:1337"
Scenario = Callable[[RedisStores, Redis], Awaitable[None]]


def run(url: str, scenario: Scenario) -> None:
    async def opened() -> None:
        async with connect(url) as stores, Redis.from_url(url) as raw:
            await raw.flushall()
            await scenario(stores, raw)

    asyncio.run(opened())
