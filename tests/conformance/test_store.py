from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from bridge.adapters.memory.store import MemoryStores
from bridge.adapters.redis.client import connect
from tests.conformance.store import StoreContract, Stores


class TestMemoryStores(StoreContract):
    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Stores]:
        yield MemoryStores()

    async def wipe(self, stores: Stores) -> None:
        assert isinstance(stores, MemoryStores)
        stores.wipe()


class TestRedisStores(StoreContract):
    url = ""

    @pytest.fixture(autouse=True)
    def _server(self, redis_url: str) -> None:
        self.url = redis_url

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Stores]:
        async with connect(self.url) as stores:
            await self.wipe(stores)
            yield stores

    async def wipe(self, stores: Stores) -> None:
        del stores
        async with Redis.from_url(self.url) as client:
            await client.flushall()


class TestRedisClusterStores(TestRedisStores):
    """No script and no call crosses slots."""

    @pytest.fixture(autouse=True)
    def _server(self, cluster_url: str) -> None:
        self.url = cluster_url
