"""Mutual TLS between real gRPC servers and clients on loopback: who gets in, how far, and what follows the files."""

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped] # has no types
from grpc_reflection.v1alpha import (  # type: ignore[import-untyped] # the same
    reflection_pb2,
    reflection_pb2_grpc,
)
from structlog.testing import capture_logs

from bridge import ca
from bridge.adapters.grpc.channel import connect
from bridge.adapters.grpc.codec import MESSAGE_LEN_MAX
from bridge.adapters.grpc.guard import DEVELOPER, PUSHBACK, Limits, Policy, peer_of
from bridge.adapters.grpc.server import RunningServer, Service, serve
from bridge.adapters.grpc.tls import TlsFiles, TlsSource
from bridge.core.peers import Peer, Role
from bridge.errors import ConfigError
from tests.unit.transport.certificates import (
    LATER,
    LONG_AGO,
    NOTARY,
    NOW,
    RELAYER,
    STRANGER,
    identity,
    renewed,
    serial,
    uncommon,
    written,
)

Code = grpc.StatusCode
Call = grpc.aio.ServicerContext[bytes, bytes]
Method = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

ANYWHERE: Final = "127.0.0.1:0"
OTHER: Final = Peer(role=Role.RELAYER, instance="r2")
OPERATOR: Final = Peer(role=Role.OPERATOR, instance="kim")
POLICY: Final[Policy] = {
    "test.Probe": frozenset({Role.RELAYER}),
    "test.Probe/Pinned": frozenset({RELAYER}),
    "test.Probe/Nobody": frozenset(),
}
HANG_S: Final = 60.0
"""A call that would take so long has a test's end long behind it."""


class Probe:
    """Tells what a servicer knows of its caller, and holds calls until the test lets them go."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def who(self, _request: bytes, context: Call) -> bytes:
        return peer_of(context).uri.encode()

    async def serial(self, _request: bytes, context: Call) -> bytes:
        (certificate,) = context.auth_context()["x509_pem_cert"]
        return f"{x509.load_pem_x509_certificate(certificate).serial_number}".encode()

    async def hang(self, _request: bytes, _context: Call) -> bytes:
        self.called.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return b""

    async def count(self, requests: AsyncIterable[bytes], _context: Call) -> bytes:
        return str(sum([len(request) async for request in requests])).encode()

    def service(self) -> Service:
        unary = {"Who": self.who, "Pinned": self.who, "Nobody": self.who, "Serial": self.serial, "Hang": self.hang}
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            name: grpc.unary_unary_rpc_method_handler(method) for name, method in unary.items()
        }
        handlers["Count"] = grpc.stream_unary_rpc_method_handler(self.count)
        generic = grpc.method_handlers_generic_handler("test.Probe", handlers)
        return Service(name="test.Probe", add=lambda server: server.add_generic_rpc_handlers((generic,)))


class House:
    """One server, and clients of all kinds; everything ends with the test."""

    def __init__(self, folder: Path, resources: AsyncExitStack) -> None:
        self.folder = folder
        self.probe = Probe()
        self.resources = resources
        self.address = ""
        self.files = identity(folder / "server", NOTARY)

    async def open(self, tls: TlsFiles | TlsSource | None, limits: Limits | None = None) -> RunningServer:
        running = await serve(ANYWHERE, [self.probe.service()], POLICY, tls=tls, limits=limits)
        self.resources.push_async_callback(running.stop, 0)
        self.address = running.address
        return running

    def client(self, peer: Peer = RELAYER, *, expected: Peer = NOTARY, deadline_s: float = 30.0) -> grpc.aio.Channel:
        files = identity(self.folder / f"{peer.role}-{peer.instance}", peer)
        return self.connected(files, expected=expected, deadline_s=deadline_s)

    def connected(
        self, tls: TlsFiles | TlsSource | None, *, expected: Peer = NOTARY, deadline_s: float = 30.0
    ) -> grpc.aio.Channel:
        return self._closed_at_end(connect(self.address, tls=tls, expected=expected, deadline_s=deadline_s))

    def rogue(self, files: TlsFiles | None, **options: object) -> grpc.aio.Channel:
        """A client that checks nothing of its own, and shows the certificate that it was given, or none."""
        own = (None, None) if files is None else (files.key.read_bytes(), files.certificate.read_bytes())
        credentials = grpc.ssl_channel_credentials(self.files.ca.read_bytes(), *own)
        settings = {"grpc.ssl_target_name_override": NOTARY.dns_name, "grpc.use_local_subchannel_pool": 1, **options}
        return self._closed_at_end(grpc.aio.secure_channel(self.address, credentials, tuple(settings.items())))

    def plaintext(self, address: str) -> grpc.aio.Channel:
        return self._closed_at_end(grpc.aio.insecure_channel(address))

    def _closed_at_end(self, channel: grpc.aio.Channel) -> grpc.aio.Channel:
        self.resources.push_async_callback(channel.close)
        return channel


def run(script: Callable[[House], Awaitable[None]], folder: Path) -> None:
    async def whole() -> None:
        async with AsyncExitStack() as resources:
            await script(House(folder, resources))

    asyncio.run(whole())


async def ask(
    channel: grpc.aio.Channel, method: str = "test.Probe/Who", request: bytes = b"", *, deadline_s: float | None = 30.0
) -> str:
    call: Method = channel.unary_unary(f"/{method}")
    return (await call(request, timeout=deadline_s)).decode()


async def refused(call: Awaitable[object], code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code, caught.value.details()
    return caught.value


async def shown_serial(house: House) -> int:
    """Shake hands anew, and look at the server's certificate."""
    context = _context(identity(house.folder / "looker", RELAYER), ssl.TLSVersion.TLSv1_3)
    host, _, port = house.address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return x509.load_der_x509_certificate(shown).serial_number


def _context(files: TlsFiles, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(files.ca)
    context.load_cert_chain(files.certificate, files.key)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    return context


@asynccontextmanager
async def speaking(version: ssl.TLSVersion, files: TlsFiles, to: str) -> AsyncIterator[str]:
    """A relay on loopback from plaintext to one version of TLS: grpcio's own clients can't be held to one.

    It ends its connections itself: a server waits for none in Python 3.11, and for ever in 3.12.
    """
    carriers: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        host, _, port = to.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port), ssl=_context(files, version))
        writers.append(far_writer)
        assert far_writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, far_writer))
            both.create_task(_pump(far_reader, writer))

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carriers.append(asyncio.create_task(carry(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*carriers)
        for writer in writers:
            with suppress(ConnectionError):
                await writer.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def test_a_servicer_knows_who_calls(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        channel = house.client()
        assert await ask(channel) == RELAYER.uri
        assert await ask(channel, "test.Probe/Pinned") == RELAYER.uri
        count: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary("/test.Probe/Count")
        assert await count(iter([b"ab", b"c"])) == b"3"

    run(script, tmp_path)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_tls_1_3_is_spoken_and_tls_1_2_is_refused(version: ssl.TLSVersion, tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        async with speaking(version, identity(tmp_path / "old", RELAYER), house.address) as relay:
            call = ask(house.plaintext(relay))
            if version is ssl.TLSVersion.TLSv1_3:
                assert await call == RELAYER.uri
            else:
                error = await refused(call, Code.UNAUTHENTICATED)
                assert error.details() == "this server speaks TLS 1.3 only: let the client use that"

    run(script, tmp_path)


WRONG_CLIENTS: Final = {
    "a certificate of another authority": partial(identity, peer=RELAYER, by=STRANGER),
    "an expired certificate": partial(identity, peer=RELAYER, now=LONG_AGO),
    "a certificate that is not valid yet": partial(identity, peer=RELAYER, now=LATER),
}


@pytest.mark.parametrize("make", WRONG_CLIENTS.values(), ids=WRONG_CLIENTS)
def test_a_client_is_refused_that_shows(make: Callable[[Path], TlsFiles], tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        await refused(ask(house.rogue(make(tmp_path / "client"))), Code.UNAVAILABLE)
        assert await ask(house.rogue(identity(tmp_path / "right", RELAYER))) == RELAYER.uri

    run(script, tmp_path)


def test_a_client_is_refused_that_certified_itself(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        key = ca.new_key()
        certificate = uncommon(key, by=None, uris=(RELAYER.uri,), dns=(RELAYER.dns_name,))
        await refused(ask(house.rogue(written(tmp_path / "client", key, certificate))), Code.UNAVAILABLE)

    run(script, tmp_path)


def test_a_client_is_refused_that_shows_no_certificate(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        await refused(ask(house.rogue(None)), Code.UNAVAILABLE)

    run(script, tmp_path)


def test_a_plaintext_client_is_refused_on_a_tls_port(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        await refused(ask(house.plaintext(house.address)), Code.UNAVAILABLE)

    run(script, tmp_path)


@pytest.mark.parametrize("uris", [(), ("spiffe://naru/relayer",), (RELAYER.uri, OPERATOR.uri), ("naru:root/r1",)])
def test_a_certificate_that_names_nobody_is_refused(uris: tuple[str, ...], tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        key = ca.new_key()
        files = written(tmp_path / "client", key, uncommon(key, uris=uris, dns=(RELAYER.dns_name,)))
        error = await refused(ask(house.rogue(files)), Code.UNAUTHENTICATED)
        assert "names no role and instance" in str(error.details())

    run(script, tmp_path)


def test_a_client_of_another_role_is_refused(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        for peer in (NOTARY, OPERATOR):
            with capture_logs() as logs:
                error = await refused(ask(house.client(peer)), Code.PERMISSION_DENIED)
            assert error.details() == f"{peer.uri} may not call test.Probe/Who"
            assert [(line["event"], line["step"]) for line in logs] == [("call.refused", "test.Probe/Who")]

    run(script, tmp_path)


def test_another_instance_of_the_role_is_refused_where_one_is_pinned(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        channel = house.client(OTHER)
        assert await ask(channel) == OTHER.uri
        await refused(ask(channel, "test.Probe/Pinned"), Code.PERMISSION_DENIED)

    run(script, tmp_path)


@pytest.mark.parametrize(
    "method", ["test.Probe/Nobody", "test.Other/Who", "test.ProbeX/Who", "Who", "test.Probe/Who/Who"]
)
def test_what_no_rule_allows_is_refused(method: str, tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        await refused(ask(house.client(), method), Code.PERMISSION_DENIED)

    run(script, tmp_path)


def test_a_method_that_does_not_exist_is_unimplemented_to_those_who_may_call_its_service(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        await refused(ask(house.client(), "test.Probe/Missing"), Code.UNIMPLEMENTED)
        await refused(ask(house.client(OPERATOR), "test.Probe/Missing"), Code.PERMISSION_DENIED)

    run(script, tmp_path)


WRONG_SERVERS: Final = {
    "another instance": partial(identity, peer=Peer(role=Role.NOTARY, instance="bank-b")),
    "another role": partial(identity, peer=Peer(role=Role.RELAYER, instance="bank-a")),
    "a certificate of another authority": partial(identity, peer=NOTARY, by=STRANGER, trusted=STRANGER),
}


@pytest.mark.parametrize("make", WRONG_SERVERS.values(), ids=WRONG_SERVERS)
def test_a_server_is_refused_that_is(make: Callable[[Path], TlsFiles], tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(make(tmp_path / "wrong"))
        await refused(ask(house.client()), Code.UNAVAILABLE)
        assert not house.probe.called.is_set()

    run(script, tmp_path)


def test_a_message_over_the_limit_is_refused_by_both_ends(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        files = identity(tmp_path / "client", RELAYER)
        careless = house.rogue(files, **{"grpc.max_send_message_length": 4 * MESSAGE_LEN_MAX})
        for channel in (careless, house.connected(files)):
            assert await ask(channel, request=bytes(MESSAGE_LEN_MAX)) == RELAYER.uri
            error = await refused(ask(channel, request=bytes(MESSAGE_LEN_MAX + 1)), Code.RESOURCE_EXHAUSTED)
            assert "larger than max" in str(error.details())

    run(script, tmp_path)


def test_a_peer_that_calls_too_often_is_told_when_to_try_again_and_others_are_served(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files, Limits(calls_per_s=0.001, burst=2))
        channel = house.client()
        assert [await ask(channel) for _ in range(2)] == [RELAYER.uri] * 2
        error = await refused(ask(channel), Code.RESOURCE_EXHAUSTED)
        assert "calls more than 0.001 times a second: try again in" in str(error.details())
        assert 0 < int(str(dict(error.trailing_metadata())[PUSHBACK])) <= 1_000_000
        assert await ask(house.client(OTHER)) == OTHER.uri

    run(script, tmp_path)


def test_a_peer_has_only_so_many_calls_at_once(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files, Limits(calls_at_once=1))
        channel = house.client()
        async with asyncio.TaskGroup() as group:
            hanging = group.create_task(ask(channel, "test.Probe/Hang", deadline_s=HANG_S))
            await house.probe.called.wait()
            error = await refused(ask(channel), Code.RESOURCE_EXHAUSTED)
            assert "has 1 calls running" in str(error.details())
            assert await ask(house.client(OTHER)) == OTHER.uri
            hanging.cancel()
        await house.probe.cancelled.wait()

    run(script, tmp_path)


@pytest.mark.parametrize("deadline_s", [None, HANG_S], ids=["no deadline", "a long deadline"])
def test_the_server_ends_a_call_with(deadline_s: float | None, tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files, Limits(call_s=0.05))
        channel = house.rogue(identity(tmp_path / "client", RELAYER))
        error = await refused(ask(channel, "test.Probe/Hang", deadline_s=deadline_s), Code.DEADLINE_EXCEEDED)
        assert error.details() == "test.Probe/Hang takes longer than 0.05 s, the most that this server gives a call"
        assert house.probe.cancelled.is_set()

    run(script, tmp_path)


def test_the_client_gives_a_call_without_a_deadline_one(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        channel = house.client(deadline_s=0.5)
        await refused(ask(channel, "test.Probe/Hang", deadline_s=None), Code.DEADLINE_EXCEEDED)
        await house.probe.cancelled.wait()

    run(script, tmp_path)


def test_a_renewed_server_certificate_is_shown_to_new_connections_without_a_restart(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        channel = house.client()
        await ask(channel)
        assert await shown_serial(house) == serial(house.files)
        fresh = renewed(house.files)
        assert await shown_serial(house) == fresh
        assert await ask(channel) == RELAYER.uri  # a connection that stands goes on

    run(script, tmp_path)


def test_a_renewed_client_certificate_is_shown_by_the_same_channel(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        files = identity(tmp_path / "client", RELAYER)
        method: Method = house.connected(files).unary_unary("/test.Probe/Serial")
        assert int(await method(b"")) == serial(files)
        fresh = renewed(files)
        assert int(await method(b"")) == fresh

    run(script, tmp_path)


def test_a_call_under_way_outlives_the_renewal_of_its_certificate(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files, Limits(call_s=0.5))
        files = identity(tmp_path / "client", RELAYER)
        channel = house.connected(files)
        async with asyncio.TaskGroup() as group:
            group.create_task(refused(ask(channel, "test.Probe/Hang"), Code.DEADLINE_EXCEEDED))
            await house.probe.called.wait()
            renewed(files)
            assert await ask(channel) == RELAYER.uri

    run(script, tmp_path)


def test_a_channel_tells_its_state_and_closes_with_its_block(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        async with house.client() as channel:
            assert channel.get_state() is grpc.ChannelConnectivity.IDLE
            await channel.channel_ready()
            assert channel.get_state() is grpc.ChannelConnectivity.READY
        assert channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN

    run(script, tmp_path)


def test_closing_a_channel_ends_the_calls_of_its_former_certificate_too(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        files = identity(tmp_path / "client", RELAYER)
        channel = house.connected(files)
        hanging = asyncio.ensure_future(ask(channel, "test.Probe/Hang", deadline_s=HANG_S))
        await house.probe.called.wait()
        renewed(files)
        assert await ask(channel) == RELAYER.uri
        await channel.close()
        await asyncio.wait([hanging])
        assert hanging.cancelled()
        await house.probe.cancelled.wait()

    run(script, tmp_path)


@pytest.mark.parametrize("end", ["server", "client"])
def test_an_expired_certificate_stops_new_connections_until_it_is_renewed(end: str, tmp_path: Path) -> None:
    async def script(house: House) -> None:
        # It expired while the process ran: whose own clock, so far, says that it is good.
        peer = NOTARY if end == "server" else RELAYER
        expired = identity(tmp_path / "expired", peer, now=LONG_AGO)
        source = TlsSource(expired, now=lambda: LONG_AGO + timedelta(days=1))
        await house.open(source if end == "server" else house.files)
        good = identity(tmp_path / "good", RELAYER)
        await refused(ask(house.connected(good if end == "server" else source)), Code.UNAVAILABLE)
        source._now = lambda: NOW  # noqa: SLF001 - time goes on
        renewed(expired)
        assert await ask(house.connected(good if end == "server" else source)) == RELAYER.uri

    run(script, tmp_path)


def test_a_bad_new_certificate_is_told_once_and_the_former_stays_in_use(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        before = serial(house.files)
        good = house.files.certificate.read_text()
        house.files.certificate.write_text("half a certif")
        with capture_logs() as logs:
            assert [await shown_serial(house) for _ in range(2)] == [before] * 2
        told = [line for line in logs if line["event"] == "certificate.refused"]
        assert len(told) == 1
        assert "tls.pem holds no certificate" in told[0]["error"]
        house.files.certificate.write_text(good)
        fresh = renewed(house.files)
        assert await shown_serial(house) == fresh

    run(script, tmp_path)


@pytest.mark.parametrize("peer", [NOTARY, RELAYER, OPERATOR], ids=lambda peer: peer.role)
def test_health_answers_any_peer(peer: Peer, tmp_path: Path) -> None:
    async def script(house: House) -> None:
        running = await house.open(house.files)
        stub = health_pb2_grpc.HealthStub(house.client(peer))
        status = health_pb2.HealthCheckResponse
        watched = stub.Watch(health_pb2.HealthCheckRequest(service="test.Probe"))
        assert (await watched.read()).status == status.SERVING
        await running.tell_health(serving=False)
        assert (await watched.read()).status == status.NOT_SERVING
        for service in ("", "test.Probe"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30)
            assert answer.status == status.NOT_SERVING
        watched.cancel()

    run(script, tmp_path)


def test_reflection_answers_any_peer_with_the_services(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        stub = reflection_pb2_grpc.ServerReflectionStub(house.client(OPERATOR))
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = [each async for each in stub.ServerReflectionInfo(iter([request]))]
        assert [service.name for service in answer.list_services_response.service] == [
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
            "test.Probe",
        ]

    run(script, tmp_path)


def test_health_does_not_answer_who_shows_no_certificate(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(house.files)
        stub = health_pb2_grpc.HealthStub(house.rogue(None))
        await refused(stub.Check(health_pb2.HealthCheckRequest(), timeout=30), Code.UNAVAILABLE)

    run(script, tmp_path)


def test_plaintext_on_loopback_is_a_developer_and_still_needs_a_rule(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        await house.open(None)
        channel = house.connected(None)
        assert await ask(channel) == DEVELOPER.uri
        await refused(ask(channel, "test.Probe/Nobody"), Code.PERMISSION_DENIED)
        await refused(ask(channel, "test.Other/Who"), Code.PERMISSION_DENIED)

    run(script, tmp_path)


def test_a_unix_socket_is_this_machine_s_own(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        address = f"unix:{tmp_path}/socket"
        running = await serve(address, [house.probe.service()], POLICY, tls=None)
        house.resources.push_async_callback(running.stop, 0)
        house.address = running.address
        assert await ask(house.connected(None)) == DEVELOPER.uri

    run(script, tmp_path)


def test_plaintext_is_not_spoken_to_others(tmp_path: Path) -> None:
    async def script(house: House) -> None:
        with pytest.raises(ConfigError, match=r"0\.0\.0\.0:0 is not a loopback address: plaintext gRPC is allowed"):
            await serve("0.0.0.0:0", [house.probe.service()], POLICY, tls=None)
        with pytest.raises(
            ConfigError, match=r"notary bank-a at 192\.0\.2\.7:1: plaintext gRPC is allowed on loopback only"
        ):
            connect("192.0.2.7:1", tls=None, expected=NOTARY)

    run(script, tmp_path)


def test_a_tls_client_must_know_whom_it_expects(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name the role and instance that answer there"):
        connect("127.0.0.1:1", tls=identity(tmp_path, RELAYER), expected=None)


@pytest.mark.parametrize("encrypted", [True, False], ids=["tls", "plaintext"])
def test_an_address_that_is_taken_is_told(*, encrypted: bool, tmp_path: Path) -> None:
    async def script(house: House) -> None:
        tls = house.files if encrypted else None
        await house.open(tls)
        with pytest.raises(ConfigError, match="can't be listened on: choose a free port"):
            await serve(house.address, [house.probe.service()], POLICY, tls=tls)

    run(script, tmp_path)
