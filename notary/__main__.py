"""`python -m notary --config FILE`: the composition root of a notary."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Final

import grpc
import structlog

from bridge import daemon
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.grpc.codec import MESSAGE_LEN_MAX
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.adapters.system import SystemClock, system_entropy
from bridge.config import LedgerConfig, NotaryConfig, read_secret
from bridge.core.caip import LedgerId, evm_chain_id
from bridge.core.statements import Epoch
from bridge.errors import ConfigError
from bridge.frost import FrostError, KeyPackage, ParticipantId
from bridge.rpc.v1.notary_pb2_grpc import add_NotaryServicer_to_server
from notary.judge import Judge, LedgerEyes
from notary.observer import AgreedReader
from notary.service import NotaryService
from notary.signer import Signer

GRACE_S: Final = 3.0
log = structlog.get_logger()


def main() -> int:
    """Run until SIGTERM or SIGINT; exit code 2 where the configuration can't be used."""
    return daemon.main("notary", "One seat of Naru's committee.", NotaryConfig, _run)


async def _run(config: NotaryConfig, stopping: asyncio.Event) -> None:
    key = _key(config)
    clock = SystemClock()
    nodes = [(ledger, [Node(n, finality=ledger.finality) for n in ledger.nodes]) for ledger in config.ledgers]
    group_key = key.group_public_key.to_bytes()
    async with AsyncExitStack() as resources:
        store = SqliteVoteStore(config.store_file, notary=ParticipantId(config.id), group_key=group_key)
        votes = resources.enter_context(store)
        for ledger, of_ledger in nodes:
            for node in of_ledger:
                resources.push_async_callback(node.close)
                await node.check_chain(evm_chain_id(LedgerId(ledger.ledger)))
        judge = Judge(
            {ledger.endpoint.id: _eyes(ledger, of_ledger) for ledger, of_ledger in nodes},
            clock,
            idle_allowance_s=config.idle_allowance_s,
        )
        signer = Signer(key, Epoch(config.epoch), votes, clock, system_entropy)
        await _serve(config, NotaryService(judge, signer, config.ledgers), stopping)


def _key(config: NotaryConfig) -> KeyPackage:
    try:
        key = KeyPackage.from_bytes(bytes.fromhex(read_secret(config.share_file)))
    except (ValueError, FrostError) as error:
        raise ConfigError((f"{config.share_file} holds no key package: {error}",)) from error
    if key.identifier != config.id:
        raise ConfigError((f"{config.share_file} is notary {key.identifier}'s share, and this is notary {config.id}",))
    return key


def _eyes(ledger: LedgerConfig, nodes: list[Node]) -> LedgerEyes:
    readers = [EvmReader(node, ledger.endpoint) for node in nodes]
    return LedgerEyes(reader=AgreedReader(readers, ledger.agreement), margin_s=ledger.margin_s)


async def _serve(config: NotaryConfig, service: NotaryService, stopping: asyncio.Event) -> None:
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", MESSAGE_LEN_MAX),
            ("grpc.so_reuseport", 0),
        )
    )
    add_NotaryServicer_to_server(service, server)
    host = config.listen.rpartition(":")[0]
    try:
        port = server.add_insecure_port(config.listen)
    except RuntimeError as error:
        raise ConfigError((f"{config.listen} can't be listened on: choose a free port ({error})",)) from error
    await server.start()
    address = f"{host}:{port}"
    if config.announce_file is not None:
        draft = config.announce_file.with_suffix(".draft")
        draft.write_text(address)
        draft.replace(config.announce_file)
    log.info("notary.started", notary=config.id, address=address, epoch=config.epoch)
    await stopping.wait()
    await server.stop(GRACE_S)
    log.info("notary.stopped", notary=config.id)


if __name__ == "__main__":
    sys.exit(main())
