"""`python -m relayer --config FILE`: the composition root of a relayer."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Final

import structlog

from bridge import daemon
from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.evm.writer import EvmWriter
from bridge.adapters.files.lines import FileLineLog
from bridge.adapters.files.parcels import FileParcels
from bridge.adapters.grpc.guard import Limits, Policy
from bridge.adapters.grpc.lifecycle import SERVICE, LifecycleService
from bridge.adapters.grpc.server import Service, serve
from bridge.adapters.redis.client import connect
from bridge.adapters.system import SystemClock
from bridge.committee.identity import IdentityCard
from bridge.committee.keys import public_keys
from bridge.committee.session import SigningDesk
from bridge.committee.signed import Committee
from bridge.committee.transcript import TranscriptLog
from bridge.config import CommitteeConfig, LedgerConfig, read_secret
from bridge.connections import Lines, cards, lines, read_identity, tls_source
from bridge.core.caip import EndpointId, LedgerId, evm_chain_id
from bridge.core.peers import Role
from bridge.core.statements import Epoch
from bridge.errors import ConfigError, InvalidInputError
from bridge.ports.runtime import Clock
from bridge.ports.store import IntentStore
from bridge.ports.transcripts import LineLog
from bridge.relayer_config import LifecycleConfig, RelayerConfig
from bridge.rpc.v1.lifecycle_pb2_grpc import add_LifecycleServicer_to_server
from relayer.coordinator import Coordinator
from relayer.desks import Desks
from relayer.lifecycle import Institution, Receiver, Sender
from relayer.service import Parts, run
from relayer.submitter import Submitter

POLICY: Final[Policy] = {SERVICE: frozenset({Role.RELAYER})}
"""Who may hand lifecycle data over. It keeps strangers out; what is kept never depends on who sent it (R-27)."""
LIMITS: Final = Limits(calls_per_s=20.0, burst=100, calls_at_once=16)
"""Of one peer. Each call costs a read of the ledger."""
log = structlog.get_logger()


def main() -> int:
    """Run until SIGTERM or SIGINT; exit code 2 where the configuration can't be used."""
    return daemon.main("relayer", "Naru's relayer: watches, has notaries attest, submits.", RelayerConfig, _run)


async def _run(config: RelayerConfig, stopping: asyncio.Event) -> None:
    async with AsyncExitStack() as resources:
        opened = await lines(resources, config.tls)
        parts = await _parts(config, opened, resources)
        sender = await _lifecycle(config, config.lifecycle, parts, opened, resources) if config.lifecycle else None
        log.info("relayer.started", epoch=config.committee.epoch)
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(sender.run(stopping, config.poll_s)) if sender else None
            await run(parts, stopping, config.poll_s)
            if sending is not None:
                sending.cancel()  # what is not sent stays in the outbox
    log.info("relayer.stopped")


async def _parts(config: RelayerConfig, opened: Lines, resources: AsyncExitStack) -> Parts:
    stores = await resources.enter_async_context(connect(config.redis))
    nodes = {ledger.name: Node(ledger.nodes[0], finality=ledger.finality) for ledger in config.ledgers}
    for ledger in config.ledgers:
        resources.push_async_callback(nodes[ledger.name].close)
        await nodes[ledger.name].check_chain(evm_chain_id(LedgerId(ledger.ledger)))
    readers = {ledger.endpoint.id: EvmReader(nodes[ledger.name], ledger.endpoint) for ledger in config.ledgers}
    clock = SystemClock()
    desks = _desks(config, opened, resources, clock)

    async def epoch_of(verifier: EndpointId) -> Epoch:
        reader = readers[verifier]
        return (await reader.gateway(await reader.head())).epoch

    return Parts(
        readers=readers,
        submitters={
            ledger.endpoint.id: _submitter(ledger, nodes[ledger.name], readers[ledger.endpoint.id], stores.intents)
            for ledger in config.ledgers
        },
        coordinator=Coordinator(desks, epoch_of, clock),
        transfers=stores.transfers,
        cursors=stores.cursors,
        clock=clock,
    )


async def _lifecycle(
    config: RelayerConfig, table: LifecycleConfig, parts: Parts, opened: Lines, resources: AsyncExitStack
) -> Sender:
    """Answer other institutions' relayers; give what sends to them."""
    store = FileParcels(table.folder)
    service = LifecycleService(Receiver(read_identity(table.identity_file), parts.readers, store))
    offered = Service(name=SERVICE, add=lambda server: add_LifecycleServicer_to_server(service, server))
    server = await serve(table.listen, [offered], POLICY, tls=tls_source(config.tls), limits=LIMITS)
    resources.push_async_callback(server.stop)
    endpoints = {ledger.name: ledger.endpoint.id for ledger in config.ledgers}
    institutions = {
        endpoints[peer.ledger]: Institution(
            card=IdentityCard.from_hex(peer.card), correspondent=opened.institution(peer)
        )
        for peer in table.peers
    }
    return Sender(store, institutions, parts.clock)


def _desks(config: RelayerConfig, opened: Lines, resources: AsyncExitStack, clock: Clock) -> Desks:
    """Open where committees are asked to sign; what they said is kept as evidence."""
    log_file: LineLog = _Nowhere()
    if config.transcript_file is not None:
        kept = FileLineLog(config.transcript_file)
        resources.callback(kept.close)
        log_file = kept
    transcripts = TranscriptLog(log_file)

    def open_desk(committee: CommitteeConfig) -> SigningDesk:
        of_epoch = Committee(epoch=Epoch(committee.epoch), keys=public_keys(committee), cards=cards(committee))
        return SigningDesk(of_epoch, opened.notaries(committee), clock, transcripts)

    desks = Desks(config.committee, config.committee_folder, open_desk)
    resources.push_async_callback(desks.close)
    return desks


class _Nowhere:
    """Keeps no transcripts, where the configuration names no file for them."""

    def append(self, line: str) -> None:
        """Drop *line*."""

    def last(self) -> str | None:
        """Give none."""
        return None


def _submitter(ledger: LedgerConfig, node: Node, reader: EvmReader, intents: IntentStore) -> Submitter:
    if ledger.account_file is None:
        raise ConfigError((f"ledger {ledger.name} has no account_file: name the key that pays for transactions",))
    try:
        account = EvmAccount(node, read_secret(ledger.account_file))
    except InvalidInputError as error:
        raise ConfigError((f"{ledger.account_file}: {error}",)) from error
    return Submitter(ledger.ledger, EvmWriter(account, reader), intents, SystemClock())


if __name__ == "__main__":
    sys.exit(main())
