"""Reaching a Redis or Valkey server, and what must be true of it."""

from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bridge.adapters.redis.errors import translated
from bridge.adapters.redis.store import RedisCursorStore, RedisIntentStore, RedisTransferStore
from bridge.errors import ConfigError

CONNECT_TIMEOUT_S: Final = 3.0
ANSWER_TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 16
REDIS_MAJOR_MIN: Final = 7
"""Scripts that start with #!lua are of Redis 7; every Valkey has them."""
_SERVER: Final = "the server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What `naru doctor` tells of the server; every problem is a sentence that says what to do."""

    version: str
    problems: tuple[str, ...]


class RedisStores:
    """The three stores over one pool of connections; use it as an async context manager, or close it."""

    def __init__(self, client: Redis) -> None:
        """Take over *client*."""
        self._client = client
        self.transfers: Final = RedisTransferStore(client)
        self.cursors: Final = RedisCursorStore(client)
        self.intents: Final = RedisIntentStore(client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def ping(self) -> None:
        """Ask for a sign of life.

        Raises:
            UnavailableError: none came.
        """
        with translated(_SERVER):
            await self._client.ping()

    async def check(self) -> Health:
        """Look whether the server is one that the bridge can rely on.

        Raises:
            UnavailableError: it does not answer.
        """
        with translated(_SERVER):
            answer = await self._client.info()
        info = {name: str(value) for name, value in answer.items()}
        return Health(version=_version(info), problems=_problems(info))


def connect(url: str) -> RedisStores:
    """Prepare connections to `redis://`, `rediss://` (TLS) or `unix://` *url*; none is opened before it is needed.

    Query options of redis-py, such as `?socket_timeout=2`, override the timeouts. Nothing is retried here: a caller
    retries what it may retry, and a compare-and-set sent twice would contradict itself.

    Raises:
        ConfigError: the URL can't be used. The text never repeats it, for it may hold a password.
    """
    problem = _url_problem(url)
    if problem:
        raise ConfigError((problem,))
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=ANSWER_TIMEOUT_S,
            socket_timeout=ANSWER_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,  # one round trip less
        )
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError):
        msg = "the Redis URL has an option that redis-py doesn't know, or a wrong value: check what follows the ?"
        raise ConfigError((msg,)) from None
    return RedisStores(Redis.from_pool(pool))


def _url_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "the Redis URL has a malformed host or port; percent-encode / ? # @ : in a password"
    match parts.scheme:
        case "unix":
            return _unix_problem(parts)
        case "redis" | "rediss":
            database = parts.path.removeprefix("/")
            if not host or (database and not (database.isascii() and database.isdecimal())):
                return "the Redis URL must be redis://host:port/number, or rediss:// for TLS"
            return ""
        case _:
            return "the Redis URL must start with redis://, rediss:// (TLS) or unix://"


def _unix_problem(parts: SplitResult) -> str:
    if parts.hostname or not parts.path.removeprefix("/"):
        return "a Redis URL of a Unix socket has three slashes and an absolute path: unix:///run/redis/redis.sock"
    return ""


def _version(info: dict[str, str]) -> str:
    if valkey := info.get("valkey_version"):
        return f"Valkey {valkey}"
    return f"Redis {info.get('redis_version', 'of unknown version')}"


def _problems(info: dict[str, str]) -> tuple[str, ...]:
    problems = []
    policy = info.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        problems.append(f"maxmemory-policy is {policy}: set it to noeviction, or records vanish under load")
    if info.get("role", "master") != "master":
        problems.append("the server is a replica: point the Redis URL to the primary")
    major = info.get("redis_version", "0").partition(".")[0]
    if not major.isdecimal() or int(major) < REDIS_MAJOR_MIN:
        problems.append(f"{_version(info)} is too old: run Redis {REDIS_MAJOR_MIN} or later, or Valkey")
    return tuple(problems)
