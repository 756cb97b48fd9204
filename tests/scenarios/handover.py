"""Five notaries, some of whom hold seats of several epochs, between two gateways that change committees (R-40)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from bridge.adapters.memory.ledger import MemoryLedger
from bridge.adapters.memory.lines import MemoryLineLog
from bridge.adapters.memory.runtime import SeededEntropy
from bridge.adapters.memory.verdicts import MemoryVerdicts
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.committee.identity import Identity
from bridge.committee.session import SigningDesk
from bridge.committee.signed import Committee
from bridge.committee.transcript import TranscriptLog
from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import Overlay
from bridge.core.statements import Epoch, Handover, Kind
from bridge.core.votes import HandoverVote
from bridge.errors import UnavailableError
from bridge.frost import Element
from bridge.ops.handover import Handovers
from bridge.ports.ledger import LedgerReader, LedgerWriter, Payout, PreparedTransaction, Receipt, Submission
from notary.judge import LedgerEyes
from notary.signer.desk import Desk
from notary.signer.seat import HeldSeat, Holding
from relayer.service import Parts
from tests.committee import dealing
from tests.scenarios.faults import FalseReader
from tests.scenarios.seat import Fickle, Seat, silent
from tests.scenarios.world import ASSET, BOB, CAROL, World, happens
from tests.seats import Operator

FIRST, SECOND, THIRD = Epoch(1), Epoch(2), Epoch(3)
COMMITTEES: Mapping[Epoch, str] = {FIRST: "abcd", SECOND: "eabc", THIRD: "bace"}
"""Who has which seat: seat 1 first. d is dead from the beginning, and e is its successor."""
DAY_S = 86_400
DELAY_S = 20
OPEN = 100
DECIDED, PAUSED, EXPIRED = 40, 20, 15


def group_key(epoch: Epoch) -> Element:
    return dealing(epoch).public_key_package.group_public_key


@dataclass
class Party:
    """A notary's institution: its identity, and what its operator approved."""

    name: str
    identity: Identity
    operator: Operator = field(default_factory=Operator)

    def approve(self, heir: Epoch, signer: Epoch = FIRST) -> None:
        px, py = group_key(heir).coordinates()
        self.operator.handovers = [HandoverVote(epoch=signer, px=px, py=py)]


class Gate:
    """LedgerWriter through which some kinds of statements do not pass."""

    def __init__(self, writer: LedgerWriter, closed: set[Kind]) -> None:
        self._writer, self._closed = writer, closed

    async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
        if isinstance(call, Submission) and call.attestation.statement.kind in self._closed:
            raise UnavailableError("this node does not answer")
        return await self._writer.prepare(call)

    async def submit(self, transaction: PreparedTransaction) -> None:
        await self._writer.submit(transaction)

    async def receipt(self, reference: bytes) -> Receipt | None:
        return await self._writer.receipt(reference)


class HandoverWorld(World):
    """a, b, c and d are epoch 1, in force at both gateways; the ceremonies of the next epochs are over."""

    def __init__(self, *, finality_depth: int = 0) -> None:
        super().__init__(finality_depth=finality_depth, dealt=dealing(FIRST))
        self.nodes = {ledger.endpoint.id: FalseReader(ledger) for ledger in (self.alpha, self.beta)}
        """What everybody reads: one that is silent is so for all."""
        for ledger in (self.alpha, self.beta):
            ledger.change_epochs(lambda epochs, _: replace(epochs, delay_s=DELAY_S))
        self.closed: set[Kind] = set()
        """What relayers can't submit now."""
        names = sorted(set("".join(COMMITTEES.values())))
        self.parties = {n: Party(n, Identity.from_bytes(SeededEntropy(ord(n))(64))) for n in names}
        seats = {name: self._seats(self.parties[name]) for name in names}
        self.committees = {
            epoch: {name: seats[name][epoch] for name in members} for epoch, members in COMMITTEES.items()
        }
        for member in seats["d"].values():
            fall_silent(member)

    def desks(self) -> Mapping[Epoch, SigningDesk]:
        return {epoch: self.desk_of(epoch) for epoch in COMMITTEES}

    def desk_of(self, epoch: Epoch) -> SigningDesk:
        members = self.committees[epoch]
        cards = {member.id: self.parties[name].identity.card for name, member in members.items()}
        committee = Committee(epoch=epoch, keys=dealing(epoch).public_key_package, cards=cards)
        return SigningDesk(committee, members.values(), self.clock, TranscriptLog(MemoryLineLog()))

    async def epoch(self, verifier: EndpointId) -> Epoch:
        node = self.nodes[verifier]
        return (await node.gateway(await node.head())).epoch

    def gated(self) -> Parts:
        """Compose a relayer that sees and reaches what everybody does."""
        parts = self.relayer(wrap=lambda writer: Gate(writer, self.closed))
        readers: dict[EndpointId, LedgerReader] = {**self.nodes}
        return replace(parts, readers=readers)

    def signed_by(self, epoch: Epoch) -> set[Kind]:
        """Tell what an epoch's members have released shares of."""
        return {request.kind for member in self.committees[epoch].values() for request in member.signed}

    # --- the committees' changes

    async def sign_handover(self, heir: Epoch = SECOND) -> Handovers:
        """Have epoch 1 sign the handover for every gateway, before any of them changes."""
        px, py = group_key(heir).coordinates()
        desk = self.desk_of(FIRST)
        found = {}
        for verifier in self.nodes:
            decree = Handover(verifier=verifier, epoch=SECOND, px=px, py=py)
            found[verifier] = (await desk.endorse(decree)).signature
        return Handovers(epoch=SECOND, key=group_key(heir), signer=group_key(FIRST), signatures=found)

    def announce(self, ledger: MemoryLedger, made: Handovers) -> None:
        here = ledger.endpoint.id
        decree, signature = made.decree(here), made.signatures[here]
        ledger.change_epochs(lambda e, now: e.announced(decree, made.signer, signature, here=here, now=now))

    async def activate(self, ledger: MemoryLedger, *relayers: Parts) -> None:
        """Activate the announced epoch as soon as it can be; relayers run until then."""
        pending = ledger.newest.epochs.pending
        assert pending is not None

        async def ready() -> bool:
            return (await ledger.head()).time >= pending.ready

        await self.relay(*relayers, until=ready)
        ledger.change_epochs(lambda e, now: e.activated(now))

    async def pass_by(self, seconds: float, *relayers: Parts) -> None:
        """Let relayers run for a while."""
        until = self.clock.now() + seconds
        await self.relay(*relayers, until=happens(lambda: self.clock.now() >= until))

    # --- what is open

    async def open_many(self, relayer: Parts) -> None:
        """Leave OPEN transfers open, in every state that there is; beta's token is paused then."""
        self.closed |= {Kind.OUTCOME, Kind.REFUSED}
        for number in range(DECIDED):
            self.lock(10 + number, recipient=BOB)
        await self.relay(relayer, until=happens(lambda: len(self.beta.newest.outcomes) == DECIDED))
        self.beta.set_token_paused(ASSET, paused=True)
        waiting = [self.lock(100 + number, deadline_s=6 * DAY_S).id for number in range(PAUSED)]
        late = [self.lock(200 + number, deadline_s=5) for number in range(EXPIRED)]

        async def held() -> bool:
            records = [await self.stores.transfers.get(i) for i in waiting]
            return all(r is not None and (r.overlay, r.reason) == (Overlay.HELD, Reason.TOKEN_PAUSED) for r in records)

        await self.relay(relayer, until=held)
        await self.reach(happens(lambda: self.clock.now() > late[0].deadline))
        for number in range(OPEN - DECIDED - PAUSED - EXPIRED):
            self.lock(300 + number, recipient=CAROL if number < 15 else BOB, deadline_s=DAY_S)
        state = self.alpha.newest
        assert (len(state.locks), len(state.endings)) == (OPEN, 0)
        assert len(self.beta.newest.outcomes) == DECIDED

    def unpause(self) -> None:
        self.beta.set_token_paused(ASSET, paused=False)

    def _seats(self, party: Party) -> dict[Epoch, Fickle]:
        """Start one notary with all its seats."""
        held, numbers = [], {}
        for epoch, members in COMMITTEES.items():
            if party.name in members:
                key = dealing(epoch).key_packages[members.index(party.name)]
                numbers[epoch] = key.identifier
                holding = Holding(epoch=epoch, key=key, votes=MemoryVoteStore(), document="", session=b"", cards={})
                entropy = SeededEntropy(100 * epoch + key.identifier)
                held.append(HeldSeat(holding, party.identity, party.operator, self.clock, entropy))
        ledgers = (self.alpha, self.beta)
        eyes = {
            ledger.endpoint.id: LedgerEyes(reader=self.nodes[ledger.endpoint.id], assets=ledger, margin_s=0)
            for ledger in ledgers
        }
        service = self.service(eyes, MemoryVerdicts(), Desk(held))
        return {epoch: Fickle(Seat(number, service, epoch), party.identity) for epoch, number in numbers.items()}


def fall_silent(*members: Fickle) -> None:
    for member in members:
        member.on_review = member.on_commit = member.on_sign = silent


def approve(world: HandoverWorld, names: Iterable[str] = "abc", heir: Epoch = SECOND) -> None:
    """Have these operators approve the handover of epoch 1."""
    for name in names:
        world.parties[name].approve(heir)
