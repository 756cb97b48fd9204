"""A gRPC channel to one known peer: mutual TLS that follows its files, or plaintext within this machine."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Generic, ParamSpec, Self, TypeVar, cast

import grpc

from bridge.adapters.grpc.codec import MESSAGE_LEN_MAX
from bridge.adapters.grpc.tls import TlsFiles, TlsIdentity, TlsSource
from bridge.core.hosts import is_loopback
from bridge.core.peers import Peer
from bridge.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")
Q = TypeVar("Q")
A = TypeVar("A")
Own = TypeVar("Own")

DEADLINE_S: Final = 10.0
"""What a call gets that names no deadline. (gRPC's own default, of a service config, the server is not told.)"""
RETIRE_S: Final = 60.0
"""How long a channel stays open after its certificate was renewed, for the calls that run on it."""
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_LEN_MAX),
    ("grpc.max_send_message_length", MESSAGE_LEN_MAX),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.use_local_subchannel_pool", 1),  # a channel with renewed certificates shares no connection with the former
)


def connect(
    address: str, *, tls: TlsFiles | TlsSource | None, expected: Peer | None, deadline_s: float = DEADLINE_S
) -> grpc.aio.Channel:
    """Connect lazily to *expected* at `host:port`; without *tls* in plaintext, within this machine (also `unix:PATH`).

    A certificate of the same authority that names another role or instance is refused. A call with one answer that
    names no deadline gets *deadline_s*.

    Raises:
        ConfigError: others would read plaintext, the certificate can't be used, or nobody is expected behind TLS.
    """
    if tls is None:
        if not (address.startswith("unix:") or is_loopback(address)):
            raise ConfigError((f"{_named(address, expected)}: plaintext gRPC is allowed on loopback only",))
        return _Following(lambda: None, lambda _: grpc.aio.insecure_channel(address, _OPTIONS), deadline_s)
    if expected is None:
        raise ConfigError((f"{address}: name the role and instance that answer there, for its certificate",))
    options = (*_OPTIONS, ("grpc.ssl_target_name_override", expected.dns_name))
    source = TlsSource(tls) if isinstance(tls, TlsFiles) else tls
    return _Following(
        source.latest, lambda own: grpc.aio.secure_channel(address, _credentials(own), options), deadline_s
    )


class _Following(grpc.aio.Channel, Generic[Own]):
    """A channel that is another one from when its identity has changed; calls under way end on the former."""

    def __init__(self, latest: Callable[[], Own], open_: Callable[[Own], grpc.aio.Channel], deadline_s: float) -> None:
        self._latest = latest
        self._open = open_
        self._deadline_s = deadline_s
        self._identity = latest()
        self._channel = open_(self._identity)
        self._retiring: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()

    def current(self) -> grpc.aio.Channel:
        latest = self._latest()
        if latest is not self._identity:
            former, self._channel, self._identity = self._channel, self._open(latest), latest
            task = asyncio.get_running_loop().create_task(self._retire(former))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
        return self._channel

    async def _retire(self, former: grpc.aio.Channel) -> None:
        """Let the calls of a former channel end; its own `close` with a grace can't be hurried up by a second one."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), RETIRE_S)
        await former.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        self._closed.set()
        await self._channel.close(grace)
        await asyncio.gather(*self._retiring)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 - gRPC's
        return self.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self.current().channel_ready()

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Q], bytes] | None = None,
        response_deserializer: Callable[[bytes], A] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - as generated stubs give it
    ) -> grpc.aio.UnaryUnaryMultiCallable[Q, A]:
        def bind(channel: grpc.aio.Channel) -> grpc.aio.UnaryUnaryMultiCallable[Q, A]:
            return channel.unary_unary(method, request_serializer, response_deserializer)

        late = _Late(self.current, bind, self._deadline_s)
        return cast("grpc.aio.UnaryUnaryMultiCallable[Q, A]", late)

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Q], bytes] | None = None,
        response_deserializer: Callable[[bytes], A] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - the same
    ) -> grpc.aio.UnaryStreamMultiCallable[Q, A]:
        def bind(channel: grpc.aio.Channel) -> grpc.aio.UnaryStreamMultiCallable[Q, A]:
            return channel.unary_stream(method, request_serializer, response_deserializer)

        late = _Late(self.current, bind, None)
        return cast("grpc.aio.UnaryStreamMultiCallable[Q, A]", late)

    def stream_unary(
        self,
        method: str,
        request_serializer: Callable[[Q], bytes] | None = None,
        response_deserializer: Callable[[bytes], A] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - the same
    ) -> grpc.aio.StreamUnaryMultiCallable[Q, A]:
        def bind(channel: grpc.aio.Channel) -> grpc.aio.StreamUnaryMultiCallable[Q, A]:
            return channel.stream_unary(method, request_serializer, response_deserializer)

        late = _Late(self.current, bind, self._deadline_s)
        return cast("grpc.aio.StreamUnaryMultiCallable[Q, A]", late)

    def stream_stream(
        self,
        method: str,
        request_serializer: Callable[[Q], bytes] | None = None,
        response_deserializer: Callable[[bytes], A] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - the same
    ) -> grpc.aio.StreamStreamMultiCallable[Q, A]:
        def bind(channel: grpc.aio.Channel) -> grpc.aio.StreamStreamMultiCallable[Q, A]:
            return channel.stream_stream(method, request_serializer, response_deserializer)

        late = _Late(self.current, bind, None)
        return cast("grpc.aio.StreamStreamMultiCallable[Q, A]", late)


class _Late(Generic[P, R]):
    """A method of whichever channel is the current one when it is called."""

    def __init__(
        self,
        current: Callable[[], grpc.aio.Channel],
        bind: Callable[[grpc.aio.Channel], Callable[P, R]],
        deadline_s: float | None,
    ) -> None:
        self._current = current
        self._bind = bind
        self._deadline_s = deadline_s
        self._channel: grpc.aio.Channel | None = None
        self._call: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        current = self._current()
        if self._call is None or current is not self._channel:
            self._channel, self._call = current, self._bind(current)
        if self._deadline_s is not None and kwargs.get("timeout") is None:
            kwargs["timeout"] = self._deadline_s
        return self._call(*args, **kwargs)


def _credentials(own: TlsIdentity) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(own.ca, own.key, own.certificate)


def _named(address: str, expected: Peer | None) -> str:
    return address if expected is None else f"{expected.role} {expected.instance} at {address}"
