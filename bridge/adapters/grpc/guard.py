"""Who may call what, how often, how long: looked at before any servicer sees a call. What no rule allows is refused.

The handshake proves that the caller holds a key that our authority certified. It does not prove the version of TLS,
which grpcio's Python API can't limit, nor what the caller may do: that is told apart here, for each call.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isasyncgenfunction
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import grpc
import structlog

from bridge.core.peers import Peer, Role
from bridge.errors import InvalidInputError

Request = TypeVar("Request")
Response = TypeVar("Response")
Callers: TypeAlias = frozenset[Role | Peer]
Policy: TypeAlias = Mapping[str, Callers]
"""Who may call: by service (`bridge.rpc.v1.Notary`) or method (`bridge.rpc.v1.Notary/Sign`); the method counts first.

Looked up at each call, so a mapping that changes is followed.
"""

ANY_PEER: Final[Callers] = frozenset(Role)
DEVELOPER: Final = Peer(role=Role.OPERATOR, instance="development")
"""Whoever calls over plaintext, which this machine's own processes only can."""
TLS_VERSION: Final = b"TLSv1.3"
PUSHBACK: Final = "grpc-retry-pushback-ms"
"""Trailing metadata of a call refused for its rate: milliseconds after which the next will do (gRPC proposal A6)."""
_Call: TypeAlias = grpc.aio.ServicerContext[object, object]
_Unary: TypeAlias = Callable[[object, _Call], Awaitable[object]]
_PLAINTEXT: Final = b"insecure"
_ENCRYPTED: Final = b"TSI_PRIVACY_AND_INTEGRITY"
log = structlog.get_logger()


class Context(Protocol):
    """What is asked of a call's context."""

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Tell what the handshake showed, by name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one peer may ask for. A notary that signs 200 lists a second gets two or three times as many calls."""

    calls_per_s: float = 1000.0
    burst: int = 2000
    calls_at_once: int = 256
    call_s: float = 30.0
    """The longest that a call with one answer may take, whatever deadline it has, or without one."""
    stream_s: float = 3600.0
    """The same for one with many answers."""


class Refusal(NamedTuple):
    """Why a call is not served."""

    code: grpc.StatusCode
    text: str
    metadata: tuple[tuple[str, str], ...] = ()


class Buckets:
    """A token bucket for each peer. No clock of its own: times are seconds of any one that does not run backwards."""

    def __init__(self, per_s: float, burst: int) -> None:
        """Let *burst* calls pass at once, and *per_s* in the long run."""
        self._per_s = per_s
        self._burst = burst
        self._levels: dict[Peer, tuple[float, float]] = {}

    def take(self, peer: Peer, now: float) -> float:
        """Take a token; tell 0, or after how many seconds there will be one."""
        level, since = self._levels.get(peer, (float(self._burst), now))
        level = min(float(self._burst), level + (now - since) * self._per_s)
        if level < 1:
            self._levels[peer] = (level, now)
            return (1 - level) / self._per_s
        self._levels[peer] = (level - 1, now)
        return 0.0


class Guard(grpc.aio.ServerInterceptor):
    """Stands before every servicer of a server."""

    def __init__(
        self, policy: Policy, limits: Limits, *, encrypted: bool, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow what *policy* does; on a server that is not *encrypted*, to everybody."""
        self._policy = policy
        self._limits = limits
        self._encrypted = encrypted
        self._now = monotonic
        self._buckets = Buckets(limits.calls_per_s, limits.burst)
        self._running: Counter[Peer] = Counter()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Request, Response] | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Request, Response] | None":
        """Put the checks before the method that is called, known or not."""
        method = handler_call_details.method.removeprefix("/")
        handler = await continuation(handler_call_details)
        if handler is None:
            return grpc.stream_stream_rpc_method_handler(self._unserved(method))
        return self._guarded(method, handler)

    def _guarded(
        self, method: str, handler: "grpc.RpcMethodHandler[Request, Response]"
    ) -> "grpc.RpcMethodHandler[Request, Response]":
        coders = handler.request_deserializer, handler.response_serializer
        match handler.request_streaming, handler.response_streaming:
            case False, False:
                return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), *coders)
            case True, False:
                return grpc.stream_unary_rpc_method_handler(self._unary(method, handler.stream_unary), *coders)
            case False, True:
                return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), *coders)
            case _:
                return grpc.stream_stream_rpc_method_handler(self._stream(method, handler.stream_stream), *coders)

    def _unary(self, method: str, inner: object) -> _Unary:
        answer = cast("_Unary", inner)

        async def served(request: object, context: _Call) -> object:
            async with self._admitted(method, context, self._limits.call_s):
                return await answer(request, context)

        return served

    def _stream(self, method: str, inner: object) -> _Unary:
        async def served(request: object, context: _Call) -> None:
            async with self._admitted(method, context, self._limits.stream_s):
                if isasyncgenfunction(inner):
                    async for response in inner(request, context):
                        await context.write(response)
                else:  # it writes itself
                    await cast("_Unary", inner)(request, context)

        return served

    def _unserved(self, method: str) -> _Unary:
        async def served(_requests: object, context: _Call) -> None:
            async with self._admitted(method, context, self._limits.call_s):
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{method} is not served here")

        return served

    @asynccontextmanager
    async def _admitted(self, method: str, context: _Call, longest_s: float) -> AsyncIterator[None]:
        peer = await self._checked(method, context)
        limit = asyncio.timeout(longest_s)
        self._running[peer] += 1
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            text = f"{method} takes longer than {longest_s:g} s, the most that this server gives a call"
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, text)
        finally:
            self._running[peer] -= 1
            if not self._running[peer]:
                del self._running[peer]

    async def _checked(self, method: str, context: _Call) -> Peer:
        verdict = self._judged(method, context)
        if isinstance(verdict, Peer):
            return verdict
        if verdict.code is not grpc.StatusCode.RESOURCE_EXHAUSTED:  # a flood must not fill the log
            log.warning("call.refused", step=method, address=context.peer(), error=verdict.text)
        return await context.abort(verdict.code, verdict.text, verdict.metadata)

    def _judged(self, method: str, context: _Call) -> Peer | Refusal:
        peer = _identified(context) if self._encrypted else DEVELOPER
        if not isinstance(peer, Peer):
            return peer
        callers = _callers(self._policy, method)
        if not callers or (self._encrypted and not {peer, peer.role} & callers):
            return Refusal(grpc.StatusCode.PERMISSION_DENIED, f"{peer.uri} may not call {method}")
        wait_s = self._buckets.take(peer, self._now())
        if wait_s > 0:
            wait_ms = math.ceil(1000 * wait_s)
            text = f"{peer.uri} calls more than {self._limits.calls_per_s:g} times a second: try again in {wait_ms} ms"
            return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, text, ((PUSHBACK, str(wait_ms)),))
        if self._running[peer] >= self._limits.calls_at_once:
            text = f"{peer.uri} has {self._limits.calls_at_once} calls running: try again when one has ended"
            return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        return peer


def peer_of(context: Context) -> Peer:
    """Tell who calls: of a servicer's context behind a Guard. Over plaintext it is always DEVELOPER.

    Raises:
        InvalidInputError: the certificate names nobody; a Guard has refused such a call.
    """
    shown = context.auth_context()
    return DEVELOPER if list(shown.get("transport_security_type", ())) == [_PLAINTEXT] else _certified(shown)


def _identified(context: Context) -> Peer | Refusal:
    shown = context.auth_context()
    if list(shown.get("security_level", ())) != [_ENCRYPTED]:
        return Refusal(grpc.StatusCode.UNAUTHENTICATED, "this server speaks TLS 1.3 with client certificates only")
    if list(shown.get("ssl_tls_version", ())) != [TLS_VERSION]:
        return Refusal(grpc.StatusCode.UNAUTHENTICATED, "this server speaks TLS 1.3 only: let the client use that")
    try:
        return _certified(shown)
    except (InvalidInputError, UnicodeDecodeError) as error:
        text = f"the client's certificate names no role and instance ({error}): issue it with `naru ca`"
        return Refusal(grpc.StatusCode.UNAUTHENTICATED, text)


def _certified(shown: Mapping[str, Iterable[bytes]]) -> Peer:
    return Peer.among(uri.decode("ascii") for uri in shown.get("peer_uri", ()))


def _callers(policy: Policy, method: str) -> Callers:
    return policy.get(method, policy.get(method.rpartition("/")[0], frozenset()))
