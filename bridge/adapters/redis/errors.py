"""Where the errors of Redis and of its client become ours. Nothing above this package sees a redis exception."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions as foreign

from bridge.errors import BridgeError, UnavailableError


class StoredValueError(BridgeError):
    """A value in Redis can't be used; `key` is its key. Redis holds no truth: deleting the key loses time only."""

    def __init__(self, key: str, text: str) -> None:
        """Keep the key apart from the text."""
        super().__init__(text)
        self.key = key


class CorruptValueError(StoredValueError):
    """A value is not what this project writes there: delete the key, the relayer builds it again."""

    def __init__(self, key: str, why: str) -> None:
        """Tell the key and what is wrong with its value."""
        text = f"the Redis key {key} is corrupt ({why}): delete it, and the relayer builds it again from the ledgers"
        super().__init__(key, text)


class UnknownSchemaError(StoredValueError):
    """A value was written by another release: run that release, or delete the key."""

    def __init__(self, key: str, found: object, known: int) -> None:
        """Tell which schema was found and which is known."""
        text = (
            f"the Redis key {key} has schema {found}, and this program knows {known}: run the newer program, "
            "or delete the key, and the relayer builds it again from the ledgers"
        )
        super().__init__(key, text)


_ADVICE: Final[tuple[tuple[type[Exception], str], ...]] = (
    (foreign.BusyLoadingError, "it is still loading its data; wait, nothing else is to be done"),
    (foreign.MaxConnectionsError, "this process uses all its connections to it; find out what holds them"),
    (foreign.AuthenticationError, "it refuses the credentials; check user and password in the Redis URL"),
    (foreign.AuthorizationError, "it refuses the credentials; check user and password in the Redis URL"),
    (foreign.AuthenticationWrongNumberOfArgsError, "it takes no user name; leave it out of the Redis URL"),
    (foreign.NoPermissionError, "its user may not do this; grant it the naru:* keys and scripts in the ACL"),
    (foreign.ConnectionError, "it can't be reached; check that it runs at the configured Redis URL"),
    (foreign.InvalidResponse, "it does not speak Redis's protocol; check host and port of the Redis URL"),
    (foreign.TimeoutError, "it did not answer in time; check its load and the network"),
    (foreign.ReadOnlyError, "it is a read-only replica; point the Redis URL to the primary"),
    (foreign.OutOfMemoryError, "its memory is full; raise maxmemory, and keep maxmemory-policy noeviction"),
    (foreign.MasterDownError, "its primary is down; wait for the failover, or bring the primary back"),
    (foreign.ClusterDownError, "its cluster is down; bring back the missing nodes"),
    (foreign.ClusterError, "its cluster refuses the call; check the cluster's slots"),
    (foreign.TryAgainError, "its cluster is moving these keys; wait, nothing else is to be done"),
    (foreign.AskError, "another node of its cluster owns these keys; point the Redis URL to the node that owns them"),
)
_DEFAULT: Final = "it refused the call; run `naru doctor` to check the server"


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Turn what the Redis client raises inside into our errors; *key* is what was being used.

    Raises:
        CorruptValueError: the key is of another type.
        UnavailableError: anything else; the text says what to do.
    """
    try:
        yield
    except foreign.RedisError as error:
        raise _ours(_first(error), key) from error


def _first(error: foreign.RedisError) -> foreign.RedisError:
    """Find what went wrong first: the client wraps what happens while it connects in a ConnectionError."""
    cause = error.__cause__
    return _first(cause) if isinstance(cause, foreign.RedisError) else error


def _ours(error: foreign.RedisError, key: str) -> BridgeError:
    text = str(error)
    if "WRONGTYPE" in text:
        return CorruptValueError(key, "it is of another type")
    if "MISCONF" in text:
        return UnavailableError(f"Redis failed at {key}: it can't save to its disk; free space there ({text})")
    advice = next((a for kind, a in _ADVICE if isinstance(error, kind)), _DEFAULT)
    return UnavailableError(f"Redis failed at {key}: {advice} ({text})")
