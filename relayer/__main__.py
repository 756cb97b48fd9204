"""`python -m relayer --config FILE`: the composition root of a relayer."""

import asyncio
import sys
from contextlib import AsyncExitStack

import structlog

from bridge import daemon
from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.evm.writer import EvmWriter
from bridge.adapters.grpc.client import GrpcNotary
from bridge.adapters.redis.client import connect
from bridge.adapters.system import SystemClock
from bridge.committee.keys import public_keys
from bridge.config import LedgerConfig, RelayerConfig, read_secret
from bridge.core.caip import LedgerId, evm_chain_id
from bridge.core.statements import Epoch
from bridge.errors import ConfigError, InvalidInputError
from bridge.frost import ParticipantId
from bridge.ports.store import IntentStore
from relayer.coordinator import Coordinator
from relayer.service import Parts, run
from relayer.submitter import Submitter

log = structlog.get_logger()


def main() -> int:
    """Run until SIGTERM or SIGINT; exit code 2 where the configuration can't be used."""
    return daemon.main("relayer", "Naru's relayer: watches, has notaries attest, submits.", RelayerConfig, _run)


async def _run(config: RelayerConfig, stopping: asyncio.Event) -> None:
    async with AsyncExitStack() as resources:
        parts = await _parts(config, resources)
        log.info("relayer.started", epoch=config.committee.epoch)
        await run(parts, stopping, config.poll_s)
    log.info("relayer.stopped")


async def _parts(config: RelayerConfig, resources: AsyncExitStack) -> Parts:
    stores = await resources.enter_async_context(connect(config.redis))
    nodes = {ledger.name: Node(ledger.nodes[0], finality=ledger.finality) for ledger in config.ledgers}
    for ledger in config.ledgers:
        resources.push_async_callback(nodes[ledger.name].close)
        await nodes[ledger.name].check_chain(evm_chain_id(LedgerId(ledger.ledger)))
    readers = {ledger.endpoint.id: EvmReader(nodes[ledger.name], ledger.endpoint) for ledger in config.ledgers}
    notaries = [GrpcNotary(ParticipantId(member.id), member.address) for member in config.committee.members]
    for notary in notaries:
        resources.push_async_callback(notary.close)
    return Parts(
        readers=readers,
        submitters={
            ledger.endpoint.id: _submitter(ledger, nodes[ledger.name], readers[ledger.endpoint.id], stores.intents)
            for ledger in config.ledgers
        },
        coordinator=Coordinator(notaries, public_keys(config.committee), Epoch(config.committee.epoch)),
        transfers=stores.transfers,
        cursors=stores.cursors,
        clock=SystemClock(),
    )


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
