"""`python -m notary --config FILE`: the composition root of a notary's front."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Any, Final

import grpc
import structlog

from bridge import daemon
from bridge.adapters.evm.asking import EvmMintErrors
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.grpc.guard import Policy, peer_of
from bridge.adapters.grpc.server import Service, serve
from bridge.adapters.grpc.signer import GrpcSigner
from bridge.adapters.sqlite.facts import SqliteFacts
from bridge.adapters.sqlite.verdicts import SqliteVerdicts
from bridge.adapters.system import SystemClock
from bridge.config import LedgerConfig, MemberConfig
from bridge.connections import lines, tls_source
from bridge.core.caip import EndpointId, LedgerId, evm_chain_id
from bridge.core.peers import Role
from bridge.errors import ConfigError
from bridge.notary_config import NotaryConfig
from bridge.ports.runtime import Clock
from bridge.ports.verdicts import Place
from bridge.rpc.v1.committee_pb2_grpc import add_CommitteeServicer_to_server
from bridge.rpc.v1.notary_pb2_grpc import add_NotaryServicer_to_server
from notary import watch
from notary.health import WatchedNode
from notary.judge import Judge, LedgerEyes
from notary.observed import ObservedReader
from notary.observer import AgreedReader
from notary.peers import Line, Peers
from notary.policies import policy_of
from notary.service import CommitteeService, NotaryService
from notary.watch import LedgerWatch

WATCH_S: Final = 1.0
"""How often ledgers are looked at ahead of being asked."""
COORDINATORS: Final = frozenset({Role.RELAYER, Role.NOTARY, Role.OPERATOR})
POLICY: Final[Policy] = {
    "bridge.rpc.v1.Notary": COORDINATORS,
    "bridge.rpc.v1.Committee/Exchange": frozenset({Role.NOTARY, Role.OPERATOR}),
    "bridge.rpc.v1.Committee/Witness": frozenset({Role.NOTARY}),
}
"""Who may call what. It keeps strangers out; what is signed never depends on who asks (R-10)."""
log = structlog.get_logger()


def main() -> int:
    """Run until SIGTERM or SIGINT; exit code 2 where the configuration can't be used."""
    return daemon.main("notary", "One seat of Naru's committee: what reads ledgers.", NotaryConfig, _run)


async def _run(config: NotaryConfig, stopping: asyncio.Event) -> None:
    clock = SystemClock()
    async with AsyncExitStack() as resources:
        _make_folder(config)
        facts = resources.enter_context(SqliteFacts(config.facts))
        verdicts = resources.enter_context(SqliteVerdicts(config.verdicts))
        signer = GrpcSigner(config.signer_socket)
        resources.push_async_callback(signer.close)
        eyes, watches = {}, []
        for ledger in config.ledgers:
            nodes = await _nodes(ledger, resources, development=config.development)
            readers = [WatchedNode(EvmReader(node, ledger.endpoint), clock) for node in nodes]
            agreed = AgreedReader(readers, ledger.agreement)
            observed = ObservedReader(agreed, facts, facts)
            errors = EvmMintErrors(nodes, ledger.endpoint)
            eyes[ledger.endpoint.id] = LedgerEyes(
                reader=observed, assets=observed, margin_s=ledger.margin_s, errors=errors
            )
            alarm = _Alarm(ledger.endpoint.id, verdicts, clock)
            watches.append(LedgerWatch(agreed, facts, facts, clock, alarm))
        judge = Judge(
            eyes,
            clock,
            idle_allowance_s=config.idle_allowance_s,
            policy=policy_of(config),
            verdicts=verdicts,
            breakers=verdicts,
        )
        opened = await lines(resources, config.tls)

        def line(member: MemberConfig) -> Line:
            return opened.committee(member)

        await _serve(config, NotaryService(judge, signer, config.ledgers, _caller), signer, resources)
        async with asyncio.TaskGroup() as tasks:
            peers = tasks.create_task(Peers(signer, line, clock).run(stopping))
            tasks.create_task(watch.run(watches, stopping, WATCH_S))
            await stopping.wait()
            peers.cancel()
    log.info("notary.stopped", notary=config.name)


class _Alarm:
    """Opens the breaker of one endpoint: nothing more is approved there until a person has looked."""

    def __init__(self, endpoint: EndpointId, breakers: SqliteVerdicts, clock: Clock) -> None:
        self._endpoint = endpoint
        self._breakers = breakers
        self._clock = clock

    def __call__(self, why: str) -> None:
        self._breakers.open(Place(endpoint=self._endpoint), at=self._clock.now(), why=why, by="watch")


async def _nodes(ledger: LedgerConfig, resources: AsyncExitStack, *, development: bool) -> list[Node]:
    """Connect to a ledger's nodes; one that does not answer yet is asked again later."""
    nodes = [Node(address, finality=ledger.finality) for address in ledger.nodes]
    for node in nodes:
        resources.push_async_callback(node.close)
        if development:  # a mistake in a test should show at once; elsewhere a node may be down at a start
            await node.check_chain(evm_chain_id(LedgerId(ledger.ledger)))
    return nodes


def _caller(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    peer = peer_of(context)
    return f"{peer.role}/{peer.instance}"


def _make_folder(config: NotaryConfig) -> None:
    try:
        config.folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        problem = f"{config.folder} can't be made ({error.strerror}): the folder that it is in must exist"
        raise ConfigError((problem,)) from error


async def _serve(config: NotaryConfig, service: NotaryService, signer: GrpcSigner, resources: AsyncExitStack) -> None:
    services = (
        Service(name="bridge.rpc.v1.Notary", add=lambda s: add_NotaryServicer_to_server(service, s)),
        Service(
            name="bridge.rpc.v1.Committee",
            add=lambda s: add_CommitteeServicer_to_server(CommitteeService(signer), s),
        ),
    )
    server = await serve(config.listen, services, POLICY, tls=tls_source(config.tls))
    resources.push_async_callback(server.stop)
    if config.announce_file is not None:
        draft = config.announce_file.with_suffix(".draft")
        draft.write_text(server.address)
        draft.replace(config.announce_file)
    log.info("notary.started", notary=config.name, address=server.address)


if __name__ == "__main__":
    sys.exit(main())
