import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bridge.adapters.system import SystemClock
from bridge.devnet import redis_server
from tests.conformance.evm import EvmPair, running_pair

READY_S = 20.0
NO_DISK = ("--appendonly", "no")


@contextmanager
def running(folder: Path, *options: str) -> Iterator[str]:
    """A server of its own on *folder*, ended by its process id."""
    process = subprocess.Popen(
        [*redis_server.command(folder), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        asyncio.run(redis_server.ready(folder, clock=SystemClock(), timeout_s=READY_S))
        yield redis_server.url(folder)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("redis"), *NO_DISK) as url:
        yield url


@pytest.fixture(scope="session")
def evm_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvmPair]:
    with running_pair(tmp_path_factory.mktemp("evm")) as pair:
        yield pair


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Cluster of one node: every slot is its own, and it still refuses calls that cross slots."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    options = (*NO_DISK, "--cluster-enabled", "yes", "--cluster-port", port, "--bind", "127.0.0.1")
    with running(tmp_path_factory.mktemp("cluster"), *options) as url:
        asyncio.run(_take_all_slots(url))
        yield url


async def _take_all_slots(url: str) -> None:
    async with asyncio.timeout(READY_S), Redis.from_url(url) as client:
        await _cluster(client, "ADDSLOTSRANGE", "0", "16383")
        while "cluster_state:ok" not in await _cluster(client, "INFO"):  # noqa: ASYNC110 - the server has no event
            await asyncio.sleep(0.02)


async def _cluster(client: Redis, *words: str) -> str:
    return str(await client.execute_command("CLUSTER", *words))  # type: ignore[no-untyped-call]  # redis-py has none
