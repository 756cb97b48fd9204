"""Two embedded EVM ledgers as processes with a gateway each, and lanes between them for the ledger suite."""

import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eth_account import Account as EthAccount
from eth_hash.auto import keccak
from eth_typing import HexStr

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY, PLAIN_TOKEN, SAMPLE_HANDLER, SAMPLE_TOKEN
from bridge.adapters.evm.deploy import (
    ESCROW,
    GAS_ALLOWANCE,
    GatewayGovernance,
    LaneLimits,
    Outbox,
    TokenIssuer,
    sign_issue,
)
from bridge.adapters.evm.handlers import OWN
from bridge.adapters.evm.holder import EvmHolder, LockTerms
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.evm.writer import EvmWriter
from bridge.core.caip import Account, AssetId, Endpoint, evm_account, evm_address
from bridge.core.reasons import Reason
from bridge.core.register import Issue
from bridge.core.transfer import Lane, Transfer
from tests.committee import EPOCH, dealing
from tests.conformance.bench import ISSUED, LATER_S, Bench, End

START_S = 30.0
NO_REASON = 99
"""What no handler may answer: it counts as no answer."""
TICK_S = 0.03
CHAIN_IDS = {End.SOURCE: 8101, End.DESTINATION: 8102}
LIMITS = LaneLimits(deadline_min_s=1)
ASSETS = itertools.count(9_000)


def key(name: str) -> str:
    return "0x" + keccak(f"key of {name}".encode()).hex()


def address(name: str) -> str:
    return str(EthAccount.from_key(key(name)).address)


GOVERNOR, ALICE, BOB, CAROL, RELAYER, REGISTER = "governor", "alice", "bob", "carol", "relayer", "register"
FUNDED = (GOVERNOR, ALICE, RELAYER)


@dataclass(frozen=True, kw_only=True)
class EvmPair:
    """What is the same for all benches."""

    urls: Mapping[End, str]
    endpoints: Mapping[End, Endpoint]

    @asynccontextmanager
    async def bench(self, asset: AssetId) -> "AsyncIterator[EvmBench]":
        """Give *asset* a token and a lane, and take back what a test paused."""
        sites = {end: _Site(node=Node(self.urls[end]), endpoint=self.endpoints[end]) for end in End}
        lane = Lane(source=self.endpoints[End.SOURCE].id, destination=self.endpoints[End.DESTINATION].id, asset=asset)
        try:
            await asyncio.gather(*(sites[end].add(lane, issue=end is End.SOURCE) for end in End))
            yield _bench(sites, lane)
        finally:
            for site in sites.values():
                await site.restore()
                await site.node.close()

    def run(self, script: "Callable[[EvmBench], Awaitable[None]]") -> None:
        """Run *script* on a bench for an asset of its own."""

        async def opened() -> None:
            async with self.bench(AssetId(next(ASSETS).to_bytes(32))) as bench:
                await script(bench)

        asyncio.run(opened())


@dataclass(kw_only=True)
class _Site:
    """One ledger as a test sees it."""

    node: Node
    endpoint: Endpoint
    paused: bool = False
    token: str = ""
    handler: str = ""
    outbox: Outbox = field(init=False)
    reader: EvmReader = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(EvmAccount(self.node, key(GOVERNOR)))
        self.reader = EvmReader(self.node, self.endpoint)

    async def add(self, lane: Lane, *, issue: bool) -> None:
        gateway = GatewayGovernance(self.outbox, evm_address(self.endpoint.gateway))
        token = await TokenIssuer.deploy(self.outbox, SAMPLE_TOKEN, "a security under test", "TEST", 0)
        self.token = token.address
        await token.allow_minting(gateway.address)
        await token.register(gateway.address, address(ALICE), address(BOB))
        if issue:
            await token.issue(address(ALICE), ISSUED)
        self.handler = await self.outbox.deploy(SAMPLE_HANDLER)
        await gateway.add_asset(lane.asset, token.address, self.handler, 0)
        await gateway.set_register_key(lane.asset, address(REGISTER))
        await gateway.open_lane(lane, LIMITS)
        await self.outbox.confirm()

    async def govern(self, name: str, *arguments: object, token: bool = False) -> None:
        """Call the gateway, or its token, and wait until that is in a block."""
        target = (SAMPLE_TOKEN, self.token) if token else (GATEWAY, evm_address(self.endpoint.gateway))
        await self.outbox.call(self.node.contract(*target), name, *arguments)
        await self.outbox.confirm()

    async def set_paused(self, *, paused: bool) -> None:
        await self.govern("pause" if paused else "unpause")
        self.paused = paused

    async def restore(self) -> None:
        if self.paused:
            await self.set_paused(paused=False)


@dataclass(kw_only=True)
class EvmBench(Bench):
    sites: Mapping[End, _Site]

    async def lock(self, amount: int, *, recipient: Account | None = None, deadline_s: int = LATER_S) -> Transfer:
        site = self.sites[End.SOURCE]
        now = (await site.node.head()).time
        terms = LockTerms(
            destination=self.lane.destination,
            asset=self.lane.asset,
            recipient=self.bob if recipient is None else recipient,
            amount=amount,
            deadline=now + deadline_s,
        )
        return (await EvmHolder(EvmAccount(site.node, key(ALICE)), site.reader).lock(terms)).transfer

    async def balance(self, end: End, holder: Account) -> int:
        site = self.sites[end]
        token = site.node.contract(PLAIN_TOKEN, site.token)
        return int(await site.node.call(token.functions.balanceOf(evm_address(holder))))

    async def set_paused(self, end: End, *, paused: bool) -> None:
        await self.sites[end].set_paused(paused=paused)

    async def set_token_paused(self, end: End, *, paused: bool) -> None:
        await self.sites[end].govern("pause" if paused else "unpause", token=True)

    async def set_holder(self, end: End, holder: Account, *, registered: bool) -> None:
        await self.sites[end].govern("register" if registered else "unregister", [evm_address(holder)], token=True)

    async def set_refusal(self, end: End, reason: Reason | None) -> None:
        await self.set_handler(end, answering(NO_REASON if reason is None else reason), GAS_ALLOWANCE)

    async def set_handler(self, end: End, code: bytes, gas_allowance: int) -> None:
        """Register the token anew, with the handler that *code* deploys."""
        site = self.sites[end]
        receipt = await EvmAccount(site.node, key(GOVERNOR)).send({"data": HexStr("0x" + code.hex())})
        words = (self.lane.asset, site.token, receipt["contractAddress"], ESCROW, OWN, 0, gas_allowance)
        await site.govern("addProfile", *words)

    async def set_lane_enabled(self, end: End, *, enabled: bool) -> None:
        await self.sites[end].govern("setLaneEnabled", self.lane.id, enabled)

    async def limit(self, *, capacity: int, refill_s: int, large_amount: int, large_delay_s: int) -> None:
        words = (capacity, large_amount, refill_s, large_delay_s)
        await self.sites[End.DESTINATION].govern("configureInbound", self.lane.source, self.lane.asset, words)

    async def post_issue(self, end: End, number: int, issued: int) -> None:
        site = self.sites[end]
        issue = Issue(endpoint=site.endpoint.id, asset=self.lane.asset, number=number, issued=issued)
        outbox = Outbox(site.outbox.account)
        gateway = GatewayGovernance(outbox, evm_address(site.endpoint.gateway))
        await gateway.post_issue(issue, sign_issue(EvmAccount(site.node, key(REGISTER)), issue))
        await outbox.confirm()

    async def audit_pause_lane(self, end: End) -> None:
        await self.sites[end].govern("auditPauseLane", self.lane.id)

    async def unpause_lane(self, end: End) -> None:
        await self.sites[end].govern("unpauseLane", self.lane.id)

    async def tick(self, end: End) -> None:
        del end
        await asyncio.sleep(TICK_S)


def answering(reason: int) -> bytes:
    """Code that deploys a handler by hand: it takes any token, is to be asked, and answers *reason* to everything."""
    examined = "60016000526001602052600060405260606000f3"  # (true, true, false)
    answered = f"60{reason:02x}60005260206000f3"
    start = "60003560e01c63" + keccak(b"examine(address,uint8)")[:4].hex() + "1460"
    runtime = bytes.fromhex(start + f"{len(start) // 2 + 2 + len(answered) // 2:02x}57" + answered + "5b" + examined)
    return bytes.fromhex(f"60{len(runtime):02x}600c60003960{len(runtime):02x}6000f3") + runtime


def _bench(sites: Mapping[End, _Site], lane: Lane) -> EvmBench:
    source, destination = sites[End.SOURCE], sites[End.DESTINATION]
    return EvmBench(
        lane=lane,
        alice=evm_account(address(ALICE)),
        bob=evm_account(address(BOB)),
        carol=evm_account(address(CAROL)),
        source=source.reader,
        destination=destination.reader,
        source_writer=EvmWriter(EvmAccount(source.node, key(RELAYER)), source.reader),
        destination_writer=EvmWriter(EvmAccount(destination.node, key(RELAYER)), destination.reader),
        sites=sites,
    )


@contextmanager
def running_pair(folder: Path) -> Iterator[EvmPair]:
    """Start both ledgers, put the gateways on them, and end both by their process ids."""
    with ExitStack() as stack:
        urls = {end: stack.enter_context(_running(folder / end.value, CHAIN_IDS[end])) for end in End}
        yield EvmPair(urls=urls, endpoints=asyncio.run(_lay(urls)))


@contextmanager
def _running(announce: Path, chain_id: int) -> Iterator[str]:
    module = "tests.conformance.fast_ledger"
    command = [sys.executable, "-W", "error", "-m", module, str(chain_id), str(announce), *map(address, FUNDED)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S
        while not announce.exists():
            assert process.poll() is None, "the ledger did not start"
            assert time.monotonic() < deadline, "the ledger did not start in time"
            time.sleep(TICK_S)
        yield f"http://127.0.0.1:{announce.read_text().strip()}"
    finally:
        process.kill()
        process.wait()


async def _lay(urls: Mapping[End, str]) -> dict[End, Endpoint]:
    """Deploy a gateway on each, with the committee's key and the other as peer."""
    nodes = {end: Node(url) for end, url in urls.items()}
    outboxes = {end: Outbox(EvmAccount(nodes[end], key(GOVERNOR))) for end in End}
    gateways = {end: await GatewayGovernance.deploy(outboxes[end]) for end in End}
    for outbox in outboxes.values():
        await outbox.confirm()
    endpoints = {end: await gateways[end].endpoint() for end in End}
    for end, peer in ((End.SOURCE, End.DESTINATION), (End.DESTINATION, End.SOURCE)):
        await gateways[end].register_key(EPOCH, dealing().public_key_package.group_public_key)
        await gateways[end].register_peer(endpoints[peer])
        await outboxes[end].confirm()
        await nodes[end].close()
    return endpoints
