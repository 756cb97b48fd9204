"""How a process reaches a committee's members: by TLS under the name of the document, or in plaintext at home only."""

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import grpc
import pytest

from bridge.adapters.grpc.guard import Policy, peer_of
from bridge.adapters.grpc.server import Service, serve
from bridge.adapters.grpc.tls import TlsFiles
from bridge.config import CommitteeConfig, MemberConfig, TlsConfig
from bridge.connections import Lines, cards, lines, tls_source
from bridge.core.peers import Peer, Role
from bridge.core.statements import Epoch
from bridge.errors import ConfigError, UnavailableError
from bridge.rpc.v1 import notary_pb2 as pb
from tests.committee import EPOCH, MEMBERS
from tests.seats import cards as seats_cards
from tests.seats import document
from tests.unit.transport.certificates import NOTARY, RELAYER, identity

NOTARY_SERVICE: Final = "bridge.rpc.v1.Notary"
POLICY: Final[Policy] = {NOTARY_SERVICE: frozenset({Role.RELAYER})}


Context = grpc.aio.ServicerContext[pb.StatusRequest, pb.StatusResponse]


def status_only(answer: Callable[[Context], pb.StatusResponse]) -> Service:
    """A notary's service of which Status alone answers."""

    async def told(_request: pb.StatusRequest, context: Context) -> pb.StatusResponse:
        return answer(context)

    method = grpc.unary_unary_rpc_method_handler(
        told,
        request_deserializer=pb.StatusRequest.FromString,
        response_serializer=pb.StatusResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(NOTARY_SERVICE, {"Status": method})
    return Service(name=NOTARY_SERVICE, add=lambda server: server.add_generic_rpc_handlers((handler,)))


def config(files: TlsFiles) -> TlsConfig:
    return TlsConfig(ca_file=files.ca, certificate_file=files.certificate, key_file=files.key)


def member(address: str, *, name: str = NOTARY.instance) -> MemberConfig:
    return MemberConfig(id=1, operator="bank A", address=address, name=name)


def reached(folder: Path, script: Callable[[Lines, str], Awaitable[None]], *, server: Peer = NOTARY) -> None:
    """Run a notary with a certificate that names *server*, and lines of a relayer to it."""

    async def whole() -> None:
        async with AsyncExitStack() as resources:
            named = status_only(lambda context: pb.StatusResponse(version=peer_of(context).uri))
            running = await serve("127.0.0.1:0", [named], POLICY, tls=identity(folder / "server", server))
            resources.push_async_callback(running.stop, 0)
            opened = await lines(resources, config(identity(folder / "client", RELAYER)))
            await script(opened, running.address)

    asyncio.run(whole())


def test_a_member_is_asked_by_tls_and_sees_who_asks(tmp_path: Path) -> None:
    async def script(opened: Lines, address: str) -> None:
        assert (await opened.notary(member(address), EPOCH).status()).version == "naru:relayer/r1"

    reached(tmp_path, script)


@pytest.mark.parametrize(
    "server",
    [Peer(role=Role.NOTARY, instance="bank-b"), Peer(role=Role.OPERATOR, instance=NOTARY.instance)],
    ids=["another notary", "another role"],
)
def test_whoever_answers_under_another_name_than_the_document_s_is_no_member(server: Peer, tmp_path: Path) -> None:
    async def script(opened: Lines, address: str) -> None:
        with pytest.raises(UnavailableError):
            await opened.notary(member(address), EPOCH).status()

    reached(tmp_path, script, server=server)


def test_behind_tls_a_member_without_a_name_is_not_asked(tmp_path: Path) -> None:
    async def script(opened: Lines, address: str) -> None:
        with pytest.raises(ConfigError, match="notary 1 has no name in its committee document"):
            opened.notary(member(address, name=""), EPOCH)
        with pytest.raises(ConfigError, match="has no name"):
            opened.committee(member(address, name=""))

    reached(tmp_path, script)


def test_without_tls_others_are_not_asked() -> None:
    async def whole() -> None:
        async with AsyncExitStack() as resources:
            opened = await lines(resources, None)
            with pytest.raises(ConfigError, match=r"192\.0\.2\.7:7000: plaintext gRPC is allowed on loopback only"):
                opened.notary(member("192.0.2.7:7000"), EPOCH)

    asyncio.run(whole())


def test_a_member_has_one_channel_for_all_that_is_asked_of_it() -> None:
    async def whole() -> None:
        opened = Lines(None)
        one = opened.channel(member("127.0.0.1:7001"))
        assert opened.channel(member("127.0.0.1:7001")) is one
        assert opened.channel(member("127.0.0.1:7002")) is not one
        assert opened.channel(member("127.0.0.1:7001", name="bank-b")) is not one
        await opened.close()
        assert one.get_state() is grpc.ChannelConnectivity.SHUTDOWN
        assert opened.channel(member("127.0.0.1:7001")) is not one
        await opened.close()

    asyncio.run(whole())


def test_a_committee_s_members_are_known_by_their_numbers_in_its_epoch() -> None:
    async def whole() -> None:
        async with AsyncExitStack() as resources:
            opened = await lines(resources, None)
            assert [notary.id for notary in opened.notaries(committee())] == list(range(1, MEMBERS + 1))

    asyncio.run(whole())


def test_a_certificate_that_can_not_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    files = identity(tmp_path / "own", RELAYER)
    assert tls_source(None) is None
    assert tls_source(config(files)) is not None
    files.key.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others: run chmod 600"):
        tls_source(config(files))
    files.key.unlink()
    with pytest.raises(ConfigError, match=r"tls\.key"):
        tls_source(config(files))


def test_the_identity_cards_of_a_committee_are_its_documents() -> None:
    assert cards(committee()) == seats_cards()


def test_a_dealt_committee_without_identities_has_no_cards() -> None:
    assert cards(committee(identities=False)) == {}


def committee(*, identities: bool = True) -> CommitteeConfig:
    text = document(epoch=Epoch(EPOCH), identities=identities)
    return CommitteeConfig.model_validate(tomllib.loads(text))
