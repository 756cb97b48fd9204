"""`python -m notary.signer --config FILE`: the composition root of a signer."""

import asyncio
import os
import stat
import sys
from contextlib import ExitStack
from pathlib import Path
from socket import AF_UNIX
from socket import socket as Socket  # noqa: N812 - it is a class
from typing import Final

import grpc
import structlog

from bridge import daemon
from bridge.adapters.ceremony.desk import CeremonyDesk
from bridge.adapters.ceremony.folder import CeremonyFolder
from bridge.adapters.grpc.codec import MESSAGE_LEN_MAX
from bridge.adapters.keystore.approvals import Approvals
from bridge.adapters.keystore.private import private_folder, translated
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.adapters.system import SystemClock, system_entropy
from bridge.committee.identity import Identity
from bridge.custody import signer_folder
from bridge.errors import ConfigError
from bridge.hardening import harden
from bridge.notary_config import SignerConfig
from bridge.rpc.v1.signer_pb2_grpc import add_SignerServicer_to_server
from notary.signer.ceremonies import NewSeats, SignerCeremonies
from notary.signer.desk import Desk
from notary.signer.opening import Opener, OpenVotes
from notary.signer.service import SignerService

GRACE_S: Final = 3.0
SOCKET_LEN_MAX: Final = 107
"""sockaddr_un, unix(7)."""
_PROBE_S: Final = 1.0
log = structlog.get_logger()


def main() -> int:
    """Run until SIGTERM or SIGINT; exit code 2 where configuration or folder can't be used."""
    return daemon.main("signer", "The half of a notary that holds its secrets.", SignerConfig, _run)


async def _run(config: SignerConfig, stopping: asyncio.Event) -> None:
    hardening = harden()  # before any secret is in memory
    if hardening.detail:
        log.warning("memory.not_locked", reason=hardening.detail)
    with ExitStack() as resources:
        folder = await asyncio.to_thread(signer_folder, config)
        resources.enter_context(folder.owned())
        identity = Identity.from_bytes(await asyncio.to_thread(folder.identity))
        opener = Opener(
            folder,
            _opening(resources),
            identity,
            Approvals(config.folder),
            SystemClock(),
            system_entropy,
            development=config.development,
        )
        seats = await asyncio.to_thread(lambda: [opener.open(epoch) for epoch in opener.epochs()])
        ceremonies = CeremonyDesk(CeremonyFolder(config.ceremonies), identity, folder, NewSeats(folder), system_entropy)
        desk = Desk(seats, opener, card=identity.card.to_bytes())
        service = SignerService(desk, SignerCeremonies(ceremonies.exchange))
        await _serve(config.socket, service, stopping)


def _opening(resources: ExitStack) -> OpenVotes:
    """Open vote stores that stay open until *resources* are closed."""
    return lambda path, *, notary, epoch, group_key: resources.enter_context(
        SqliteVoteStore(path, notary=notary, epoch=epoch, group_key=group_key)
    )


async def _serve(path: Path, service: SignerService, stopping: asyncio.Event) -> None:
    _make_way(path)
    options = (
        ("grpc.max_receive_message_length", MESSAGE_LEN_MAX),
        ("grpc.max_send_message_length", MESSAGE_LEN_MAX),
    )
    server = grpc.aio.server(options=options)
    add_SignerServicer_to_server(service, server)
    try:
        server.add_secure_port(f"unix:{path}", grpc.local_server_credentials(grpc.LocalConnectionType.UDS))
    except RuntimeError as error:
        raise ConfigError((f"{path} can't be listened on ({error}): name a socket in a folder of its own",)) from error
    await server.start()
    log.info("signer.started", address=str(path))
    await stopping.wait()
    await server.stop(GRACE_S)
    log.info("signer.stopped")


def _make_way(path: Path) -> None:
    """Remove the socket that a killed signer left; only if nobody answers there.

    Raises:
        ConfigError: somebody does, the path is no socket's, too long, or in a folder that is open to others.
    """
    if len(os.fsencode(path)) > SOCKET_LEN_MAX:
        raise ConfigError((f"{path} is longer than {SOCKET_LEN_MAX} bytes, more than a socket may have: shorten it",))
    with translated(path):
        path.parent.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    with private_folder(path.parent):
        if not os.path.lexists(path):
            return
        if not path.is_socket():
            raise ConfigError((f"{path} is there and no socket: name another path, or move it away",))
        with Socket(AF_UNIX) as probe:
            probe.settimeout(_PROBE_S)
            try:
                probe.connect(str(path))
            except OSError:
                path.unlink()
                return
        raise ConfigError((f"somebody answers on {path} already: stop the other signer first",))


if __name__ == "__main__":
    sys.exit(main())
