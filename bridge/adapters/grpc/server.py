"""A gRPC server as every daemon has one: mutual TLS or this machine only, a Guard in front, health and reflection.

Certificates are followed: a new connection gets what the files hold when it is made. A connection lives for an hour at
the most, so that what a certificate or its authority no longer allows ends by itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped] # has no types
from grpc_health.v1.health import aio as health  # type: ignore[import-untyped] # the same
from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped] # the same

from bridge.adapters.grpc.codec import MESSAGE_LEN_MAX
from bridge.adapters.grpc.guard import ANY_PEER, Guard, Limits, Policy
from bridge.adapters.grpc.tls import TlsFiles, TlsIdentity, TlsSource
from bridge.core.hosts import is_loopback
from bridge.errors import ConfigError

GRACE_S: Final = 3.0
CALLS_AT_ONCE_MAX: Final = 2048
"""Of all peers together."""
HEALTH: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_LEN_MAX),
    ("grpc.max_send_message_length", MESSAGE_LEN_MAX),
    ("grpc.max_concurrent_streams", 256),  # of one connection
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_age_ms", 3_600_000),
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # a client that pings more often is cut off
    ("grpc.so_reuseport", 0),  # two servers on one port are a mistake
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: its full name, such as `bridge.rpc.v1.Notary`, and what adds its servicer to a server."""

    name: str
    add: Callable[[grpc.aio.Server], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that answers."""

    address: str
    """`host:port` where it listens, with the port that it got."""
    port: int
    _server: grpc.aio.Server = field(repr=False)
    _health: health.HealthServicer = field(repr=False)
    _names: tuple[str, ...] = field(repr=False)

    async def tell_health(self, *, serving: bool) -> None:
        """Let health say of this server and each of its services whether it does its work."""
        status = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Take no more calls, and let those that run end within *grace_s*."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)


async def serve(
    listen: str,
    services: Sequence[Service],
    policy: Policy,
    *,
    tls: TlsFiles | TlsSource | None,
    limits: Limits | None = None,
) -> RunningServer:
    """Listen on `host:port`; without *tls* in plaintext, to this machine only (also `unix:PATH`).

    Health and reflection answer any peer; of *services*, only what *policy* allows.

    Raises:
        ConfigError: the address can't be listened on, others would reach plaintext, or the certificate can't be used.
    """
    source = TlsSource(tls) if isinstance(tls, TlsFiles) else tls
    if source is None and not is_local(listen):
        text = f"{listen} is not a loopback address: plaintext gRPC is allowed on 127.0.0.1 only"
        raise ConfigError((f"{text}; name ca, certificate and key for TLS",))
    open_to_all = {HEALTH: ANY_PEER, reflection.SERVICE_NAME: ANY_PEER}
    guard = Guard({**open_to_all, **policy}, limits or Limits(), encrypted=source is not None)
    server = grpc.aio.server(interceptors=(guard,), options=_OPTIONS, maximum_concurrent_rpcs=CALLS_AT_ONCE_MAX)
    for service in services:
        service.add(server)
    told = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(told, server)
    names = [service.name for service in services]
    reflection.enable_server_reflection([*names, HEALTH, reflection.SERVICE_NAME], server)
    port = _bound(server, listen, source)
    await server.start()
    address = listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"
    running = RunningServer(address=address, port=port, _server=server, _health=told, _names=("", *names))
    await running.tell_health(serving=True)
    return running


def is_local(address: str) -> bool:
    """Tell whether this machine's own processes only can reach an address: a loopback one, or a Unix socket."""
    return address.startswith("unix:") or is_loopback(address)


def _bound(server: grpc.aio.Server, listen: str, source: TlsSource | None) -> int:
    try:
        if source is None:
            return server.add_insecure_port(listen)
        return server.add_secure_port(listen, _credentials(source))
    except RuntimeError as error:
        raise ConfigError((f"{listen} can't be listened on: choose a free port ({error})",)) from error


def _credentials(source: TlsSource) -> grpc.ServerCredentials:
    """Make credentials that ask at every handshake whether the files have changed."""
    given = source.latest()

    def fetch() -> grpc.ServerCertificateConfiguration | None:  # None: as it was
        nonlocal given
        latest = source.latest()
        if latest is given:
            return None
        given = latest
        return _configuration(latest)

    fetcher = cast("Callable[[], grpc.ServerCertificateConfiguration]", fetch)  # the stub forgets None
    return grpc.dynamic_ssl_server_credentials(_configuration(given), fetcher, require_client_authentication=True)


def _configuration(identity: TlsIdentity) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(identity.key, identity.certificate)], identity.ca)
