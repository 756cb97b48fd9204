"""The demonstration: three transfers on a running network, and what must be true of them at the end.

It does what a person could do with `naru transfer send` and an issuer's key; no daemon knows of it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import SAMPLE_TOKEN
from bridge.adapters.evm.deploy import Outbox, TokenIssuer
from bridge.adapters.evm.node import Node
from bridge.adapters.redis.client import RedisStores, connect
from bridge.config import AssetConfig, ClientConfig, LedgerConfig, read_secret
from bridge.core.conservation import conserved
from bridge.core.reasons import Reason
from bridge.core.records import Status
from bridge.core.transfer import TransferId
from bridge.devnet.kinds import TokenKind
from bridge.errors import BridgeError, InvalidInputError, UnavailableError
from bridge.ops.audit import AuditLine, audit
from bridge.ops.client import Names
from bridge.ops.send import Move, PreflightError, Sender
from bridge.ports.store import TransferRecord

DEADLINE_S: Final = 600
SHORT_DEADLINE_S: Final = 15
END_TIMEOUT_S: Final = 180.0
POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One transfer of the demonstration, and how it must end."""

    name: str
    story: str
    asset: str
    amount: int
    recipient: str
    deadline_in_s: int
    preflight: bool
    status: Status
    reason: Reason

    def ended_well(self, record: TransferRecord | None) -> bool:
        """Tell whether the transfer ended as told."""
        return (
            record is not None and not record.is_open and (record.status, record.reason) == (self.status, self.reason)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is shown of one kind of token. `paused`: an asset whose token is paused on the destination meanwhile."""

    scenes: tuple[Scene, ...]
    paused: str = ""


def _commits(story: str) -> Scene:
    return Scene(
        name="commits",
        story=story,
        asset="tower",
        amount=120,
        recipient="bob",
        deadline_in_s=DEADLINE_S,
        preflight=True,
        status=Status.COMMITTED,
        reason=Reason.NONE,
    )


def _is_refused(story: str) -> Scene:
    return Scene(
        name="is refused",
        story=story,
        asset="tower",
        amount=75,
        recipient="carol",
        deadline_in_s=DEADLINE_S,
        preflight=False,
        status=Status.ROLLED_BACK,
        reason=Reason.NOT_ELIGIBLE,
    )


SAMPLE_PLAY: Final = Play(
    paused="melody",
    scenes=(
        _commits("alice moves 120 tower to bob: locked on alpha, minted on beta, burned on alpha"),
        _is_refused("alice moves 75 tower to carol, who is not on beta's register (sent with --no-preflight)"),
        Scene(
            name="expires",
            story=f"alice moves 30 melody to bob while it is paused on beta, with a deadline in {SHORT_DEADLINE_S} s",
            asset="melody",
            amount=30,
            recipient="bob",
            deadline_in_s=SHORT_DEADLINE_S,
            preflight=True,
            status=Status.ROLLED_BACK,
            reason=Reason.EXPIRED,
        ),
    ),
)
TREX_PLAY: Final = Play(
    scenes=(
        _commits(
            "alice moves 120 tower to bob: burned on alpha, minted on beta, by the gateway as an agent of the token"
        ),
        _is_refused("alice moves 75 tower to carol, who has no identity on beta (sent with --no-preflight)"),
        Scene(
            name="is too much",
            story="alice moves 800000 tower to bob, who has 250000 and may hold 1000000 (sent with --no-preflight)",
            asset="tower",
            amount=800_000,
            recipient="bob",
            deadline_in_s=DEADLINE_S,
            preflight=False,
            status=Status.ROLLED_BACK,
            reason=Reason.COMPLIANCE_RULE,
        ),
    ),
)
PLAYS: Final[Mapping[TokenKind, Play]] = {TokenKind.SAMPLE: SAMPLE_PLAY, TokenKind.TREX: TREX_PLAY}


@dataclass(slots=True)
class Progress:
    """What is known of the scenes so far: sent transfers by scene name, and both ledgers' heights."""

    notes: dict[str, str]
    ids: dict[str, TransferId]
    records: dict[str, TransferRecord]
    heights: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How the demonstration ended."""

    play: Play
    progress: Progress
    before: list[AuditLine]
    after: list[AuditLine]

    @property
    def conserved(self) -> bool:
        """INV-4 and INV-9 hold on each ledger."""
        return conserved(line.totals for line in self.after)

    @property
    def ended_well(self) -> bool:
        """Every scene ended as told, and the invariants hold."""
        ended = all(scene.ended_well(self.progress.records.get(scene.name)) for scene in self.play.scenes)
        return ended and self.conserved


class Demo:
    """The three scenes of a play on one network."""

    def __init__(self, config: ClientConfig, play: Play, show: Callable[[Progress], None]) -> None:
        """Perform *play* on the network of *config*; *show* is called whenever something is new."""
        self._config = config
        self._play = play
        self._names = Names(config)
        self._show = show
        self._source, self._destination = config.ledgers
        self._progress = Progress(notes={}, ids={}, records={}, heights={})

    async def perform(self) -> Result:
        """Send the three transfers and wait for their ends.

        Raises:
            BridgeError: a transfer can't be sent. What doesn't end in time is told by the result.
        """
        before = await audit(self._config)
        async with self._paused(self._play.paused), connect(self._config.redis) as stores:
            await self._act(stores)
        after = await audit(self._config)
        return Result(play=self._play, progress=self._progress, before=before, after=after)

    async def _act(self, stores: RedisStores) -> None:
        """Send and follow side by side; what can't be sent ends both."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send_all())
                tasks.create_task(self._follow(stores))
        except ExceptionGroup as group:
            refused = group.subgroup(BridgeError)
            if refused is None:
                raise
            raise refused.exceptions[0] from group

    async def _send_all(self) -> None:
        for scene in self._play.scenes:
            await self._send(scene)

    async def _send(self, scene: Scene) -> None:
        move = Move(
            source=self._source,
            destination=self._destination,
            asset=self._names.asset(scene.asset),
            recipient=self._names.recipient(scene.recipient, self._destination),
            amount=scene.amount,
            deadline_in_s=scene.deadline_in_s,
        )
        async with Sender(move, read_secret(self._names.key_file("alice"))) as sender:
            if scene.preflight:
                self._note(scene, f"preflight: {await sender.preflight() or 'both sides would take it'}")
            else:
                self._note(scene, f"preflight would say: {await _objection(sender)}")
            locked = await sender.lock()
        self._progress.ids[scene.name] = locked.transfer.id
        self._note(scene, f"locked on {self._source.name} at height {locked.height}")

    async def _follow(self, stores: RedisStores) -> None:
        nodes = [(ledger, Node(ledger.nodes[0], finality=ledger.finality)) for ledger in self._config.ledgers]
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                while not self._ended():
                    await self._look(stores, nodes)
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return
        finally:
            for _, node in nodes:
                await node.close()

    async def _look(self, stores: RedisStores, nodes: list[tuple[LedgerConfig, Node]]) -> None:
        try:
            for ledger, node in nodes:
                self._progress.heights[ledger.name] = (await node.head()).height
            for name, transfer_id in list(self._progress.ids.items()):
                record = await stores.transfers.get(transfer_id)
                if record is not None:
                    self._progress.records[name] = record
        except UnavailableError:
            return
        self._show(self._progress)

    def _ended(self) -> bool:
        records = self._progress.records
        return len(records) == len(self._play.scenes) and all(not record.is_open for record in records.values())

    def _note(self, scene: Scene, text: str) -> None:
        self._progress.notes[scene.name] = text
        self._show(self._progress)

    @asynccontextmanager
    async def _paused(self, asset: str) -> AsyncIterator[None]:
        """Have the asset's token paused on the destination, as its issuer may, for as long as this lasts; if any."""
        if not asset:
            yield
            return
        await self._as_issuer(asset, TokenIssuer.pause)
        try:
            yield
        finally:
            await self._as_issuer(asset, TokenIssuer.unpause)

    async def _as_issuer(self, asset: str, order: Callable[[TokenIssuer], Awaitable[None]]) -> None:
        node = Node(self._destination.nodes[0])
        try:
            key = read_secret(self._names.key_file(f"issuer-{self._destination.name}"))
            outbox = Outbox(EvmAccount(node, key))
            token = _token_on(self._names.asset(asset), self._destination)
            await order(TokenIssuer(outbox, SAMPLE_TOKEN, token))
            await outbox.confirm()
        finally:
            await node.close()


async def _objection(sender: Sender) -> str:
    try:
        return await sender.preflight() or "nothing"
    except PreflightError as error:
        return error.reason.name


def _token_on(asset: AssetConfig, ledger: LedgerConfig) -> str:
    for token in asset.tokens:
        if token.ledger == ledger.name:
            return token.token
    msg = f"asset {asset.name} has no token on {ledger.name} in the configuration"
    raise InvalidInputError(msg)
