"""Members of a committee in this process: an honest one, and those that do what they must not.

Each keeps the rules of a real seat that a coordinator can notice: 16 commitments out, each good once and for 30 s.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from bridge.adapters.memory.lines import MemoryLineLog
from bridge.adapters.memory.runtime import ManualClock
from bridge.committee.identity import Identity, IdentityCard, Purpose
from bridge.committee.session import SigningDesk
from bridge.committee.signed import Committee
from bridge.committee.transcript import TranscriptLog
from bridge.core.statements import Epoch, Item, Signable, Statement
from bridge.core.transfer import TransferId
from bridge.core.votes import VoteHead
from bridge.errors import RefusedError, UnavailableError
from bridge.frost import (
    ORDER,
    Dealing,
    KeyPackage,
    ParticipantId,
    Scalar,
    SignatureShare,
    SigningNonces,
    commit,
    deal_at_random,
    sign,
)
from bridge.ports.committee import (
    Commitment,
    EndorseRequest,
    NotApprovedError,
    Notary,
    Question,
    SignedShare,
    SignRequest,
    TransferRef,
    Verdict,
    evidence_message,
)
from bridge.ports.runtime import Clock
from tests.unit.frost.support import entropy_of

EPOCH = Epoch(1)
TTL_S = 30.0
OUT_MAX = 16


@dataclass(frozen=True, kw_only=True)
class _Nonces:
    nonces: SigningNonces
    commitment: Commitment
    made_at: float


@cache
def dealing(threshold: int = 3, participants: int = 4) -> Dealing:
    return deal_at_random(entropy=entropy_of(7), threshold=threshold, participants=participants)


@cache
def identity(number: int) -> Identity:
    return Identity.from_bytes(entropy_of(1000 + number)(64))


def cards(participants: int) -> dict[ParticipantId, IdentityCard]:
    return {ParticipantId(n): identity(n).card for n in range(1, participants + 1)}


def signable_of(request: SignRequest | EndorseRequest) -> Signable:
    if isinstance(request, EndorseRequest):
        return request.decree
    items = tuple(Item(transfer_id=item.ref.transfer_id, code=item.code) for item in request.items)
    return Statement(kind=request.kind, verifier=request.verifier, epoch=request.epoch, items=items)


class Member:
    """Honest: signs whatever is not in `disapproved`."""

    def __init__(self, key: KeyPackage, clock: Clock) -> None:
        self.key, self._clock = key, clock
        self.identity = identity(key.identifier)
        self._entropy = entropy_of(key.identifier)
        self._out: dict[bytes, _Nonces] = {}
        self._handles = 0
        self.disapproved: dict[TransferId, str] = {}
        self.asked: list[SignRequest | EndorseRequest] = []
        """Every request for a share, whatever came of it."""
        self.committed: list[int] = []
        """How many commitments it was asked for, each time."""

    @property
    def id(self) -> ParticipantId:
        return self.key.identifier

    def restart(self) -> None:
        """Lose what is in memory only."""
        self._out.clear()

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        raise UnavailableError(f"nobody asks for verdicts here: {question} {len(refs)}")

    async def commit(self, count: int) -> list[Commitment]:
        self.committed.append(count)
        return [self.fresh() for _ in range(count)]

    async def sign(self, request: SignRequest) -> SignedShare:
        self.asked.append(request)
        for item in request.items:
            if item.ref.transfer_id in self.disapproved:
                raise NotApprovedError(item.ref.transfer_id, self.disapproved[item.ref.transfer_id])
        return self.answer(request)

    async def endorse(self, request: EndorseRequest) -> SignedShare:
        self.asked.append(request)
        return self.answer(request)

    def fresh(self) -> Commitment:
        nonces, commitments = commit(self.key, self._entropy)
        self._handles += 1
        handle = self._handles.to_bytes(16)
        made = Commitment(notary=self.id, handle=handle, commitments=commitments, head=self.head())
        while len(self._out) >= OUT_MAX:
            del self._out[next(iter(self._out))]
        self._out[handle] = _Nonces(nonces=nonces, commitment=made, made_at=self._clock.now())
        return made

    def head(self) -> VoteHead:
        bare = VoteHead(epoch=EPOCH, notary=self.id, count=len(self.asked), hash=bytes(32))
        return replace(bare, signature=self.identity.sign(Purpose.VOTE_HEAD, bare.message))

    def answer(self, request: SignRequest | EndorseRequest) -> SignedShare:
        made = self._out.pop(request.handle, None)
        if made is None or made.made_at + TTL_S <= self._clock.now():
            raise RefusedError("this commitment is unknown, used or lapsed: ask for a fresh one")
        digest = signable_of(request).digest
        share = sign(self.key, made.nonces, digest, [c.commitments for c in request.commitments])
        return self.signed(request, share)

    def signed(self, request: SignRequest | EndorseRequest, share: SignatureShare) -> SignedShare:
        message = evidence_message(signable_of(request).digest, request.handle, request.commitments, share)
        return SignedShare(share=share, evidence=self.identity.sign(Purpose.SHARE, message), next=self.fresh())


class Down(Member):
    """Answers nothing, and says so at once."""

    async def commit(self, count: int) -> list[Commitment]:
        raise UnavailableError(f"notary {self.id} is down: no {count} commitments")

    async def sign(self, request: SignRequest) -> SignedShare:
        self.asked.append(request)
        raise UnavailableError(f"notary {self.id} is down")


class Aborting(Member):
    """Hands commitments over and then never signs."""

    async def sign(self, request: SignRequest) -> SignedShare:
        self.asked.append(request)
        raise UnavailableError(f"notary {self.id} has aborted")


class Refusing(Member):
    """Says each time that its commitment is gone."""

    async def sign(self, request: SignRequest) -> SignedShare:
        self.asked.append(request)
        raise RefusedError(f"notary {self.id}: this commitment is unknown, used or lapsed: ask for a fresh one")


class Wavering(Member):
    """Approves when it is asked for a verdict, and not any more when it is asked to sign."""

    async def sign(self, request: SignRequest) -> SignedShare:
        self.asked.append(request)
        raise NotApprovedError(request.items[0].ref.transfer_id, f"notary {self.id} has changed its mind")


class Cheating(Member):
    """Its shares are wrong, and it signs for them."""

    def signed(self, request: SignRequest | EndorseRequest, share: SignatureShare) -> SignedShare:
        return super().signed(request, SignatureShare(scalar=Scalar((share.scalar + 1) % ORDER)))


class Framing(Member):
    """Its shares are wrong, and its signature is for another one, so that nobody can show it."""

    def signed(self, request: SignRequest | EndorseRequest, share: SignatureShare) -> SignedShare:
        signed = super().signed(request, share)
        return replace(signed, share=SignatureShare(scalar=Scalar((share.scalar + 1) % ORDER)))


class Replaying(Member):
    """Hands the same commitment over again and again."""

    def __init__(self, key: KeyPackage, clock: Clock) -> None:
        super().__init__(key, clock)
        self._only: Commitment | None = None

    def fresh(self) -> Commitment:
        self._only = self._only or super().fresh()
        return self._only


class Impersonating(Member):
    """Hands over commitments in its neighbour's name."""

    def fresh(self) -> Commitment:
        other = ParticipantId(self.id % self.key.participants + 1)
        return replace(super().fresh(), notary=other)


class HeadForger(Member):
    """Its vote heads are nobody's: honest co-signers would refuse a list with its commitment in it."""

    def head(self) -> VoteHead:
        return replace(super().head(), signature=bytes(64))


class Babbling(Member):
    """Answers something else than it was asked for."""

    async def commit(self, count: int) -> list[Commitment]:
        return (await super().commit(count))[1:]

    async def sign(self, request: SignRequest) -> SignedShare:
        self.asked.append(request)
        raise KeyError("an answer that no program foresaw")


class Slow(Member):
    """Honest, and takes `takes_s` for each share."""

    takes_s = 2.0

    async def sign(self, request: SignRequest) -> SignedShare:
        await self._clock.sleep(self.takes_s)
        return await super().sign(request)


class Hung(Member):
    """Takes a request for a share and keeps it, until `let_go`."""

    def __init__(self, key: KeyPackage, clock: Clock) -> None:
        super().__init__(key, clock)
        self.let_go = asyncio.Event()

    async def sign(self, request: SignRequest) -> SignedShare:
        self.asked.append(request)
        await self.let_go.wait()
        return self.answer(request)


class Mute(Hung):
    """Does not even hand commitments over."""

    async def commit(self, count: int) -> list[Commitment]:
        await self.let_go.wait()
        return await super().commit(count)


BYZANTINE: tuple[type[Member], ...] = (
    Down, Aborting, Refusing, Wavering, Cheating, Framing, Replaying, Impersonating, HeadForger, Babbling, Hung, Mute,
)  # fmt: skip
"""Every way to misbehave that this file knows."""


class Table:
    """A committee, its members by what they are like, and a desk; all honest unless said otherwise."""

    def __init__(
        self,
        kinds: dict[int, type[Member]] | None = None,
        *,
        threshold: int = 3,
        participants: int = 4,
        known: bool = True,
    ) -> None:
        self.clock = ManualClock()
        self.lines = MemoryLineLog()
        dealt = dealing(threshold, participants)
        self.keys = dealt.public_key_package
        self.members = [(kinds or {}).get(key.identifier, Member)(key, self.clock) for key in dealt.key_packages]
        cards_of = cards(participants) if known else {}
        self.committee = Committee(epoch=EPOCH, keys=self.keys, cards=cards_of)
        self.desk = self.new_desk()

    def new_desk(self) -> SigningDesk:
        """Take another coordinator, or the same after a restart."""
        notaries: list[Notary] = [*self.members]
        return SigningDesk(self.committee, notaries, self.clock, TranscriptLog(self.lines))

    def __getitem__(self, number: int) -> Member:
        return self.members[number - 1]
