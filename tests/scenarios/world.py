"""Two ledgers in memory, a committee of four and as many relayers as a scenario wants, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from eth_hash.auto import keccak

from bridge.adapters.memory.gateway import Limits, LockTerms
from bridge.adapters.memory.ledger import MemoryLedger, MemoryWriter
from bridge.adapters.memory.lines import MemoryLineLog
from bridge.adapters.memory.runtime import ManualClock, SeededEntropy
from bridge.adapters.memory.store import MemoryStores
from bridge.adapters.memory.verdicts import MemoryVerdicts
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.committee.identity import Identity
from bridge.committee.session import SigningDesk
from bridge.committee.signed import Committee
from bridge.committee.transcript import TranscriptLog
from bridge.core.caip import Account, EndpointId, LedgerId, asset_id
from bridge.core.policy import EVERYTHING
from bridge.core.statements import Epoch
from bridge.core.transfer import Lane, Transfer
from bridge.frost import Dealing, KeyPackage
from bridge.ports.committee import Notary
from bridge.ports.ledger import LedgerReader, LedgerWriter
from bridge.ports.store import CursorStore, IntentStore, TransferStore
from notary.judge import Judge, LedgerEyes
from notary.service import NotaryService
from notary.signer.desk import Desk
from notary.signer.seat import HeldSeat, Holding
from relayer.coordinator import Coordinator
from relayer.service import Parts, run
from relayer.submitter import Submitter
from tests.committee import EPOCH, dealing
from tests.scenarios.seat import Fickle, Nothing, Seat

ASSET = asset_id("isin:KR7900010013")
ISSUED = 1_000_000
DEADLINE_S = 60
IDLE_ALLOWANCE_S = 5.0
POLL_S = 1.0
LIMIT_S = 600.0
"""Virtual seconds after which a scenario that has not ended never will."""


Fact = Callable[[], Awaitable[bool]]


def account(name: str) -> Account:
    return Account(bytes(12) + keccak(name.encode())[:20])


ALICE, BOB, CAROL = account("alice"), account("bob"), account("carol")
"""alice holds what is issued on alpha, bob on beta; carol is on no register."""


class World:
    """alpha and beta, and one lane from alpha to beta."""

    def __init__(self, *, finality_depth: int = 0, margin_s: int = 0, dealt: Dealing | None = None) -> None:
        self.dealt = dealt or dealing()
        self.clock = ManualClock()
        start = int(self.clock.now())
        self.alpha = MemoryLedger(LedgerId("book:alpha"), finality_depth=finality_depth, start=start)
        self.beta = MemoryLedger(LedgerId("book:beta"), finality_depth=finality_depth, start=start)
        self.lane = Lane(source=self.alpha.endpoint.id, destination=self.beta.endpoint.id, asset=ASSET)
        for ledger, holder in ((self.alpha, ALICE), (self.beta, BOB)):
            ledger.register_key(EPOCH, self.dealt.public_key_package.group_public_key)
            ledger.add_asset(ASSET, ALICE, BOB)
            ledger.issue(ASSET, holder, ISSUED)
            ledger.post_issue(ASSET, 1, ISSUED)
            ledger.open_lane(self.lane, Limits())
        self.begun = {ledger.endpoint.id: ledger.mine(0).height for ledger in (self.alpha, self.beta)}
        self._margin_s = margin_s
        numbers = [package.identifier for package in self.dealt.key_packages]
        self.votes = {number: MemoryVoteStore() for number in numbers}
        self.journals = {number: MemoryVerdicts() for number in numbers}
        self._entropy = {number: SeededEntropy(number) for number in numbers}
        self.identities = {number: Identity.from_bytes(SeededEntropy(1000 + number)(64)) for number in numbers}
        self.members = [self.seat(package) for package in self.dealt.key_packages]
        self.stores = MemoryStores()
        self.transcripts = MemoryLineLog()

    def seat(
        self, package: KeyPackage, *, alpha: LedgerReader | None = None, beta: LedgerReader | None = None
    ) -> Fickle:
        """Start a notary, whose memory is its votes; it reads the ledgers through its own readers."""
        eyes = {
            self.lane.source: LedgerEyes(reader=alpha or self.alpha, assets=self.alpha, margin_s=self._margin_s),
            self.lane.destination: LedgerEyes(reader=beta or self.beta, assets=self.beta, margin_s=self._margin_s),
        }
        number = package.identifier
        service = self.service(eyes, self.journals[number], Desk([self._held(package)]))
        return Fickle(Seat(number, service), self.identities[number])

    def service(self, eyes: Mapping[EndpointId, LedgerEyes], journal: MemoryVerdicts, desk: Desk) -> NotaryService:
        """Compose a notary that sees through *eyes* and signs with the seats at *desk*."""
        judge = Judge(
            eyes,
            self.clock,
            idle_allowance_s=IDLE_ALLOWANCE_S,
            policy=EVERYTHING,
            verdicts=journal,
            breakers=journal,
        )
        return NotaryService(judge, desk, (), lambda _: "relayer/world")

    def restart(self, index: int) -> None:
        """Let a notary lose what it keeps in memory; its votes are on disk."""
        self.members[index].honest = self.seat(self.dealt.key_packages[index]).honest

    def lock(self, amount: int, *, recipient: Account = BOB, deadline_s: int = DEADLINE_S) -> Transfer:
        """Lock alice's units for *recipient*."""
        deadline = int(self.clock.now()) + deadline_s
        terms = LockTerms(lane=self.lane, sender=ALICE, recipient=recipient, amount=amount, deadline=deadline)
        return self.alpha.lock(terms)

    def relayer(
        self,
        name: str = "relayer",
        *,
        transfers: TransferStore | None = None,
        cursors: CursorStore | None = None,
        intents: IntentStore | None = None,
        wrap: Callable[[LedgerWriter], LedgerWriter] = lambda writer: writer,
    ) -> Parts:
        """Compose a relayer with an account of its own, on the world's stores or on those given."""
        ledgers = (self.alpha, self.beta)
        return Parts(
            readers={ledger.endpoint.id: ledger for ledger in ledgers},
            submitters={
                ledger.endpoint.id: Submitter(
                    ledger.endpoint.ledger,
                    wrap(MemoryWriter(ledger, account(name))),
                    intents or self.stores.intents,
                    self.clock,
                )
                for ledger in ledgers
            },
            coordinator=Coordinator(self.desks(), self.epoch, self.clock),
            transfers=transfers or self.stores.transfers,
            cursors=cursors or self.stores.cursors,
            clock=self.clock,
        )

    def desks(self) -> Mapping[Epoch, SigningDesk]:
        """Open the desks that one relayer has."""
        return {EPOCH: self.desk(self.members)}

    def desk(self, notaries: Iterable[Notary]) -> SigningDesk:
        """Have *notaries* sign for one coordinator, every member's identity being known to it."""
        cards = {number: identity.card for number, identity in self.identities.items()}
        committee = Committee(epoch=EPOCH, keys=self.dealt.public_key_package, cards=cards)
        return SigningDesk(committee, notaries, self.clock, TranscriptLog(self.transcripts))

    async def epoch(self, verifier: EndpointId) -> Epoch:
        """Tell which epoch a gateway has as current."""
        ledger = self.alpha if verifier == self.lane.source else self.beta
        return (await ledger.gateway(await ledger.head())).epoch

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Let both ledgers seal a block every virtual second."""
        sealing = [asyncio.ensure_future(self._seal(ledger)) for ledger in (self.alpha, self.beta)]
        try:
            yield
        finally:
            for task in sealing:
                task.cancel()
            await asyncio.gather(*sealing, return_exceptions=True)

    async def relay(self, *relayers: Parts, until: Fact | None = None) -> None:
        """Run relayers until every transfer has ended and is known to have, or until something else holds."""
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for parts in relayers:
                tasks.create_task(run(parts, stopping, POLL_S))
            await self.reach(until or self.ended)
            stopping.set()

    async def reach(self, fact: Fact) -> None:
        """Let time pass until *fact* holds."""
        limit = self.clock.now() + LIMIT_S
        while not await fact():
            assert self.clock.now() < limit, "this never happens"
            await self.clock.sleep(0.5)

    async def ended(self) -> bool:
        """Nothing is open on the ledgers, and the relayers' store knows each transfer and knows that."""
        state, transfers = self.alpha.newest, self.stores.transfers
        if len(state.endings) < len(state.locks) or state.pending:
            return False
        return not await transfers.open() and len(await transfers.recent(len(state.locks))) == len(state.locks)

    def minted(self) -> int:
        """Units that beta has minted, at its newest block."""
        return self.beta.newest.lanes[self.lane.id].minted

    def _held(self, package: KeyPackage) -> HeldSeat:
        number = package.identifier
        holding = Holding(epoch=EPOCH, key=package, votes=self.votes[number], document="", session=b"", cards={})
        return HeldSeat(holding, self.identities[number], Nothing(), self.clock, self._entropy[number])

    async def _seal(self, ledger: MemoryLedger) -> None:
        while True:
            await self.clock.sleep(1)
            ledger.mine(1)


def happens(fact: Callable[[], bool]) -> Fact:
    """Make a fact of what can be told at once."""

    async def told() -> bool:
        return fact()

    return told
