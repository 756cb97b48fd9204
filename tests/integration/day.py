"""The world of a security token's day: a T-REX asset on two ledgers of a running network, its people and its books."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import pytest

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.deploy import GatewayGovernance, LaneLimits, Outbox, sign_issue
from bridge.adapters.evm.events import DECIDED, decided
from bridge.adapters.evm.node import Node, hex_word
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.redis.client import RedisStores, connect
from bridge.config import AssetConfig, ClientConfig, LedgerConfig, TokenConfig
from bridge.core.caip import asset_id, evm_account
from bridge.core.conservation import Totals
from bridge.core.reasons import Reason
from bridge.core.records import Ending, Outcome, Overlay, Status
from bridge.core.register import Issue
from bridge.core.transfer import Lane, Transfer, TransferId
from bridge.devnet.trex.artifacts import TrexArtifacts
from bridge.devnet.trex.foundation import ClaimIssuer, Module, Terms, TrexOutbox
from bridge.devnet.trex.profile import HANDLER, TREX_TERMS
from bridge.devnet.trex.suite import KOREA, Suite
from bridge.errors import LedgerRefusedError, RefusedError
from bridge.ops.audit import audit
from bridge.ops.send import Move, PreflightError, Sender
from bridge.ports.store import TransferRecord
from tests.integration import trex
from tests.integration.anvil import FUNDS_WEI, Anvil
from tests.integration.day_books import Books, LaneTotals, Picture, Place, objections
from tests.integration.support import WAIT_S, Network

NAME: Final = "harbour"
ISIN: Final = "isin:KR7900040010"
ASSET: Final = asset_id(ISIN)
MODULES: Final = (Module.COUNTRY_ALLOW, Module.MAX_BALANCE, Module.SUPPLY_LIMIT, Module.CONDITIONAL_TRANSFER)
TOPICS: Final = ((1,), (2,))
AGENTS: Final = ("first agent", "second agent")
PLENTY: Final = 1_000_000
HANDOVER_DELAY_S: Final = 60
REDIRECT_DELAY_S: Final = 2
POLL_S: Final = 0.1
T = TypeVar("T")


async def eventually(look: Callable[[], Coroutine[Any, Any, T | None]], what: str) -> T:
    """Look again and again until there is something to see that is neither None nor False."""
    deadline = time.monotonic() + WAIT_S
    while True:
        seen = await look()
        if seen is not None and seen is not False:
            return seen
        assert time.monotonic() < deadline, f"not within {WAIT_S:.0f} s: {what}"
        await asyncio.sleep(POLL_S)


@dataclass(frozen=True)
class House:
    """One ledger as the token's issuer has it; its account governs the gateway and keeps the register, too."""

    config: LedgerConfig
    anvil: Anvil
    node: Node
    reader: EvmReader
    issuer: EvmAccount
    suite: Suite

    @property
    def name(self) -> str:
        return self.config.name

    def account(self, person: str) -> EvmAccount:
        return EvmAccount(self.node, trex.key(person))

    def address(self, person: str) -> str:
        return str(self.account(person).address)

    def fund(self, person: str) -> None:
        """Give somebody native coin, where gas costs any."""
        self.anvil.call("anvil_setBalance", self.address(person), hex(FUNDS_WEI))

    async def do(self, *calls: Coroutine[Any, Any, object]) -> None:
        """Make calls of the suite, one after the other, and wait until they are in blocks."""
        for call in calls:
            await call
        await self.suite.confirm()

    async def tell_gateway(self, name: str, *arguments: object, sender: EvmAccount | None = None) -> None:
        """Call the gateway, by default as its governance, and wait."""
        await (sender or self.issuer).transact(self.node.contract(GATEWAY, self.config.gateway), name, *arguments)

    async def ask_gateway(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - any answer
        return await self.node.call(self.node.contract(GATEWAY, self.config.gateway).functions[name](*arguments))

    async def ask_token(self, name: str, person: str) -> int:
        return int(await self.node.call(self.suite.contracts.token.functions[name](self.address(person))))

    async def bind(self, module: Module, *, bound: bool) -> None:
        """Put a compliance module in force, or out of it."""
        outbox = TrexOutbox(self.issuer, TrexArtifacts(trex.NODE_MODULES))
        name = "addModule" if bound else "removeModule"
        await outbox.call(self.suite.contracts.compliance, name, self.suite.contracts.modules[module].address)
        await outbox.confirm()

    async def now(self) -> int:
        """Tell the newest block's time."""
        return (await self.node.stamp("latest")).time

    async def post(self, number: int, issued: int) -> None:
        """Have the register say what is issued here (R-11)."""
        issue = Issue(endpoint=self.config.endpoint.id, asset=ASSET, number=number, issued=issued)
        await self.tell_gateway("issue", ASSET, number, issued, sign_issue(self.issuer, issue))


class Day:
    """What happens, and what everybody must have after it. People have one key, and an account on each ledger."""

    def __init__(self, config: ClientConfig, stores: RedisStores, houses: Sequence[House]) -> None:
        self._config = config
        self._stores = stores
        self.alpha, self.beta = houses
        self.units: dict[Place, int] = defaultdict(int)
        self.issued = {"alpha": 0, "beta": 0}
        self.transfers: list[Transfer] = []
        self.identities: dict[Place, str] = {}
        self._picture = Picture()
        self._turns: dict[Place, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def onboard(self, house: House, *people: str, country: int = KOREA) -> None:
        """Give people an identity on a ledger, and native coin for gas."""
        for person in people:
            house.fund(person)
            self.identities[house.name, person] = await house.suite.onboard(house.address(person), country)
            self.units[house.name, person] += 0
        await house.suite.confirm()

    def shift(self, amount: int, giver: Place | None, taker: Place | None) -> None:
        """Write down that units change hands; without a giver they are new, without a taker gone."""
        for place, change in ((giver, -amount), (taker, amount)):
            if place is not None:
                self.units[place] += change

    # --- transfers; by default from alpha

    async def quote(self, sender: str, recipient: str, amount: int, *, back: bool = False) -> Reason:
        """Ask both sides, as `naru transfer send` does before it locks."""
        async with self._sender(sender, recipient, amount, back=back) as asked:
            try:
                warning = await asked.preflight()
            except PreflightError as error:
                return error.reason
        return Reason[warning.partition(":")[0]] if warning else Reason.NONE

    async def lock(
        self, sender: str, recipient: str, amount: int, *, back: bool = False, deadline_in_s: int = 600
    ) -> Transfer:
        """Lock, and ask nobody first. A sender's locks follow each other."""
        source = self.beta if back else self.alpha
        locking = self._sender(sender, recipient, amount, back=back, deadline_in_s=deadline_in_s)
        async with self._turns[source.name, sender], locking:
            transfer = (await locking.lock()).transfer
        self.transfers.append(transfer)
        return transfer

    async def lock_refusal(
        self, sender: str, recipient: str, amount: int, *, back: bool = False, deadline_in_s: int = 600
    ) -> LedgerRefusedError:
        """Try to lock; give what the source says against it."""
        with pytest.raises(RefusedError) as caught:
            await self.lock(sender, recipient, amount, back=back, deadline_in_s=deadline_in_s)
        cause = caught.value.__cause__
        assert isinstance(cause, LedgerRefusedError)
        return cause

    async def move(self, sender: str, recipient: str, amount: int, *, back: bool = False) -> None:
        """Move units, after asking, and see them arrive."""
        assert await self.quote(sender, recipient, amount, back=back) is Reason.NONE
        transfer = await self.lock(sender, recipient, amount, back=back)
        assert await self.ended(transfer) == (Status.COMMITTED, Reason.NONE)
        self.arrived(sender, recipient, amount, back=back)

    async def refused(self, sender: str, recipient: str, amount: int, reason: Reason) -> None:
        """See that the quote says why not, and that who locks nevertheless is told the same and gets all back."""
        assert await self.quote(sender, recipient, amount) is reason, recipient
        transfer = await self.lock(sender, recipient, amount)
        assert await self.ended(transfer) == (Status.ROLLED_BACK, reason), recipient

    def arrived(self, sender: str, recipient: str, amount: int, *, back: bool = False) -> None:
        """Write down that a transfer was committed."""
        source, destination = ("beta", "alpha") if back else ("alpha", "beta")
        self.shift(amount, (source, sender), (destination, recipient))

    async def record(self, transfer: Transfer) -> TransferRecord | None:
        """Read the relayer's record."""
        return await self._stores.transfers.get(transfer.id)

    async def held(self, transfer: Transfer, reason: Reason) -> None:
        """Wait until people are told that a transfer waits, and why."""

        async def look() -> bool:
            record = await self.record(transfer)
            return record is not None and (record.overlay, record.reason) == (Overlay.HELD, reason)

        await eventually(look, f"{reason.name} holds 0x{transfer.id.hex()}")

    async def ended(self, transfer: Transfer) -> tuple[Status, Reason]:
        """Wait for a transfer's end; tell which it was."""

        async def look() -> TransferRecord | None:
            record = await self.record(transfer)
            return record if record is not None and not record.is_open else None

        record = await eventually(look, f"0x{transfer.id.hex()} ends")
        return record.status, record.reason

    def wanted(self, recipient: str, amount: int, *, back: bool = False, deadline_in_s: int = 600) -> Move:
        """Say what is to move."""
        source, destination = (self.beta, self.alpha) if back else (self.alpha, self.beta)
        return Move(
            source=source.config,
            destination=destination.config,
            asset=self._config.assets[0],
            recipient=evm_account(destination.address(recipient)),
            amount=amount,
            deadline_in_s=deadline_in_s,
        )

    def _sender(self, sender: str, recipient: str, amount: int, *, back: bool, deadline_in_s: int = 600) -> Sender:
        return Sender(self.wanted(recipient, amount, back=back, deadline_in_s=deadline_in_s), trex.key(sender))

    # --- the invariants

    async def check(self, after: str) -> None:
        """Hold both ledgers to the invariants and to the books."""
        now = await self._look()
        found = objections(self._picture, now, Books(units=self.units, issued=self.issued))
        assert found == [], f"after {after}: {'; '.join(found)}"
        self._picture = now

    def endings(self) -> Counter[Ending]:
        """Count the transfers that were checked, by how they ended."""
        return Counter(ending for ending, _ in self._picture.records.values())

    async def unexplained(self) -> dict[str, int]:
        """Tell, by ledger, what neither the register's entry nor the bridge accounts for (INV-4)."""
        return {ledger: totals.unexplained for ledger, totals in (await self._totals()).items()}

    async def _totals(self) -> dict[str, Totals]:
        """Audit both ledgers, by what their registers say is issued now."""
        found = {}
        for line in await audit(self._config):
            found[line.ledger] = replace(line.totals, issued=await _issued(self._house(line.ledger)))
        return found

    async def _look(self) -> Picture:
        pairs = ((self.alpha, self.beta), (self.beta, self.alpha))
        records, mints = {}, Counter[TransferId]()
        for source, destination in pairs:
            sent = [t for t in self.transfers if t.source == source.config.endpoint.id]
            states = await source.reader.lock_states(sent, await source.reader.head())
            decisions = await destination.reader.decisions(sent, await destination.reader.head())
            for transfer, state, decision in zip(sent, states, decisions, strict=True):
                records[transfer.id] = (state.ending, decision.outcome if decision else Outcome.NONE)
            mints += await _mints(source, destination)
        return Picture(
            records=records,
            mints=mints,
            lanes={f"{s.name} to {d.name}": await _lane_totals(s, d) for s, d in pairs},
            totals=await self._totals(),
            units={place: await self._house(place[0]).ask_token("balanceOf", place[1]) for place in self.units},
        )

    def _house(self, name: str) -> House:
        return self.alpha if name == "alpha" else self.beta


def _lane(source: House, destination: House) -> Lane:
    return Lane(source=source.config.endpoint.id, destination=destination.config.endpoint.id, asset=ASSET)


async def _issued(house: House) -> int:
    return (await house.reader.asset(ASSET, await house.reader.head())).issued


async def _lane_totals(source: House, destination: House) -> LaneTotals:
    lane = _lane(source, destination)
    sent = await source.reader.lane(lane, await source.reader.head())
    received = await destination.reader.lane(lane, await destination.reader.head())
    return LaneTotals(locked=sent.locked, committed=sent.committed, released=sent.released, minted=received.minted)


async def _mints(source: House, destination: House) -> Counter[TransferId]:
    """Count the events that tell of a mint, by transfer."""
    counted, lane = Counter[TransferId](), _lane(source, destination)
    head = await destination.reader.head()
    async for log in destination.node.logs(
        destination.config.gateway, [DECIDED, None, hex_word(lane.id)], 0, head.height
    ):
        event = decided(log)
        if event is not None and event.outcome is Outcome.MINTED:
            counted[event.transfer_id] += 1
    return counted


# --- before the day


@asynccontextmanager
async def dawn(network: Network, anvils: Sequence[Anvil]) -> AsyncIterator[Day]:
    """Put a suite on both ledgers and have the gateways take it: nothing is issued yet, and nobody is on a register."""
    async with AsyncExitStack() as resources:
        nodes = [Node(ledger.nodes[0]) for ledger in network.config.ledgers]
        for node in nodes:
            resources.push_async_callback(node.close)
        places = zip(network.config.ledgers, anvils, nodes, strict=True)
        houses = await asyncio.gather(*(_house(network, *place) for place in places))
        ends = [house.config.endpoint.id for house in houses]
        await asyncio.gather(*(_introduce(house, (ends[0], ends[1])) for house in houses))
        config = network.config.model_copy(update={"assets": (_asset(houses),)})
        stores = await resources.enter_async_context(connect(network.config.redis))
        yield Day(config, stores, houses)


async def _house(network: Network, ledger: LedgerConfig, anvil: Anvil, node: Node) -> House:
    issuer = EvmAccount(node, network.key(f"issuer-{ledger.name}"))
    reader, suite = EvmReader(node, ledger.endpoint), await _found(issuer)
    return House(config=ledger, anvil=anvil, node=node, reader=reader, issuer=issuer, suite=suite)


async def _found(issuer: EvmAccount) -> Suite:
    issuers = tuple(ClaimIssuer(key=trex.key(f"claim issuer {n}"), topics=t) for n, t in enumerate(TOPICS))
    terms = Terms(name="Harbour warehouse", symbol="HARB", claim_issuers=issuers, modules=MODULES)
    return await Suite.deploy(issuer, TrexArtifacts(trex.NODE_MODULES), terms)


async def _introduce(house: House, ends: tuple[Any, Any]) -> None:
    """Do what the issuer and the gateway's governance do for a new asset."""
    await house.bind(Module.CONDITIONAL_TRANSFER, bound=False)
    gateway = house.config.gateway
    await house.do(
        house.suite.allow_countries(KOREA),
        house.suite.limit_balance(PLENTY),
        house.suite.limit_supply(PLENTY),
        house.suite.onboard(gateway),
        house.suite.add_agent(gateway),
    )
    outbox = Outbox(house.issuer)
    governance = GatewayGovernance(outbox, gateway)
    await governance.add_asset(ASSET, house.suite.token, await outbox.deploy(HANDLER), 0, TREX_TERMS)
    await governance.set_register_key(ASSET, house.issuer.address)
    for source, destination in (ends, ends[::-1]):
        await governance.open_lane(Lane(source=source, destination=destination, asset=ASSET), LaneLimits())
    await outbox.confirm()
    await house.tell_gateway("setDelays", HANDOVER_DELAY_S, REDIRECT_DELAY_S)
    for agent in AGENTS:
        house.fund(agent)
        await house.tell_gateway("setAgent", ASSET, house.address(agent), True)  # noqa: FBT003 - the gateway's


def _asset(houses: Sequence[House]) -> AssetConfig:
    tokens = tuple(TokenConfig(ledger=house.name, token=house.suite.token) for house in houses)
    return AssetConfig(name=NAME, asset=ISIN, decimals=0, tokens=tokens)
