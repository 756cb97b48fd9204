"""One message, signed whatever up to n − t members of its committee do (R-15, after ROAST).

Members that handed over commitments ahead sign in one round trip. Who fails, wavers or cheats is out for this
message; who is silent stays busy, and a further session starts without it as soon as t others are free. Sessions that
were opened stay open: the first that all its signers answer is the signature. Each that does not end so has a member
of its own to blame, so at most n − t + 1 are opened while t members answer. Law: no share counts that the member's
identity did not sign for, and no commitment stands in two sessions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

import structlog

from bridge.committee.identity import ForgedError, Purpose
from bridge.committee.roster import Roster, Stocked
from bridge.committee.signed import Committee, Failure, Fault, NonsenseError, NotSignedError, Signed, fault
from bridge.committee.transcript import Seat, Transcript
from bridge.core.statements import Signable
from bridge.errors import BridgeError, UnavailableError
from bridge.frost import InvalidShareError, ParticipantId, Signature, aggregate, verify_share
from bridge.ports.committee import Commitment, Notary, SignedShare, evidence_message
from bridge.ports.runtime import Clock

S = TypeVar("S", bound=Signable)

log = structlog.get_logger()

GIVE_UP_S: Final = 10.0
"""After which there is no signature, if t members have not answered by then."""
Question: TypeAlias = Callable[[Notary, bytes, tuple[Commitment, ...]], Awaitable[SignedShare]]
"""Ask a member for its share, by its handle and the commitments of all signers."""


@dataclass(slots=True, kw_only=True)
class _Session:
    """One try with t signers; `commitments` by ascending id."""

    commitments: tuple[Commitment, ...]
    due_at: float
    shares: dict[ParticipantId, SignedShare] = field(default_factory=dict)
    trusted: set[ParticipantId] = field(default_factory=set)
    """Whose share was found right."""
    dead: bool = False
    """Whether a signer failed."""

    @property
    def is_complete(self) -> bool:
        return not self.dead and len(self.shares) == len(self.commitments)


class Message(Generic[S]):
    """One message on its way: each candidate is free, or doing one thing, or out."""

    def __init__(
        self,
        committee: Committee,
        roster: Roster,
        clock: Clock,
        signable: S,
        ask: Question,
        candidates: Iterable[ParticipantId],
    ) -> None:
        """Let *candidates* sign what *ask* names to them; they are on the *roster* of *committee*."""
        self._committee, self._roster, self._clock = committee, roster, clock
        self._signable, self._digest, self._ask = signable, signable.digest, ask
        self._threshold = committee.keys.threshold
        self._free = roster.notaries.keys() & set(candidates)
        self._doubtful: set[ParticipantId] = set()
        """Free, but a commitment of theirs from the stock was refused: asked once more if nobody else is left."""
        self._doubted: set[ParticipantId] = set()
        self._fetching: dict[ParticipantId, tuple[asyncio.Task[None], float]] = {}
        """Asked for commitments, and until when there is patience."""
        self._ready: dict[ParticipantId, Stocked] = {}
        self._asked: dict[ParticipantId, tuple[asyncio.Task[SignedShare], _Session]] = {}
        self._sessions: list[_Session] = []
        self._failures: dict[ParticipantId, Failure] = {}
        self._give_up_at = clock.now() + GIVE_UP_S

    async def sign(self) -> Signed[S]:
        """Have it signed, once.

        Raises:
            NotSignedError: fewer than t members did before `GIVE_UP_S` were over.
            FrostError: the committee's public keys are not those of its members.
        """
        try:
            while True:
                since = self._clock.now()
                self._advance()
                if self._hopeless():
                    raise NotSignedError(self._told())
                await self._wait(since)
                if (signed := self._collect()) is not None:
                    return signed
        finally:
            for stocked in self._ready.values():
                self._roster.give_back(stocked)

    def transcript(self, signed: Signed[S] | None) -> Transcript:
        """Tell what came of it so far."""
        return Transcript(
            at=self._clock.now(),
            signable=self._signable,
            sessions=tuple(tuple(_seat(session, c) for c in session.commitments) for session in self._sessions),
            failures={failure.notary: f"{failure.fault}: {failure.error}" for failure in self._told()},
            signature=None if signed is None else signed.signature.to_bytes(),
            signers=() if signed is None else signed.signers,
        )

    # --- who is asked next

    def _advance(self) -> None:
        """Open a session if none can be hoped for and t members are ready; get more ready if they are too few."""
        if self._hopeful():
            return
        self._engage()
        if len(self._ready) >= self._threshold:
            self._open()

    def _engage(self) -> None:
        """Let as many of the best get ready as are missing; who is about to be free again counts as there."""
        coming = sum(not self._late(due_at) for _, due_at in self._fetching.values())
        coming += sum(session.dead and not self._late(session.due_at) for _, session in self._asked.values())
        missing = self._threshold - len(self._ready) - coming
        free = self._roster.best_first(m for m in self._free if not self._roster.is_overdue(m))
        for member in (*free, *self._roster.best_first(self._doubtful)):
            if missing <= 0:
                return
            missing -= self._get_ready(member)

    def _get_ready(self, member: ParticipantId) -> bool:
        """Take a commitment, or fetch some; tell whether it may sign in the next session.

        A share that it gave in an earlier session is held against it now at the latest, so that no member can spoil
        two sessions.
        """
        if not all(self._is_right(member, session) for session in self._sessions if member in session.shares):
            return False
        self._free.discard(member)
        self._doubtful.discard(member)
        if (stocked := self._roster.take(member)) is not None:
            self._ready[member] = stocked
        else:
            due_at = self._clock.now() + self._roster.patience_s(member)
            self._fetching[member] = self._roster.refill(member), due_at
        return True

    def _open(self) -> None:
        members = sorted(self._roster.best_first(self._ready)[: self._threshold])
        commitments = tuple(self._ready.pop(member).commitment for member in members)
        patience_s = max(self._roster.patience_s(member) for member in members)
        session = _Session(commitments=commitments, due_at=self._clock.now() + patience_s)
        self._sessions.append(session)
        for commitment in commitments:
            self._asked[commitment.notary] = self._request(commitment, session), session

    def _request(self, commitment: Commitment, session: _Session) -> asyncio.Task[SignedShare]:
        return self._roster.ask_share(
            commitment.notary, lambda notary: self._ask(notary, commitment.handle, session.commitments)
        )

    # --- what came of it

    async def _wait(self, since: float) -> None:
        """Let something happen: an answer, the end of patience, the end of all patience; all after *since*.

        What others ask of members that are free here matters only once they are needed here.
        """
        ends = [
            self._give_up_at,
            *(s.due_at for s in self._sessions),
            *(due_at for _, due_at in self._fetching.values()),
        ]
        alarm = asyncio.ensure_future(self._clock.sleep(min(end for end in ends if end > since) - since))
        tasks: set[asyncio.Future[Any]] = {alarm}
        tasks.update(task for task, _ in self._fetching.values())
        tasks.update(task for task, _ in self._asked.values())
        if not self._hopeful():
            tasks.update(task for member in self._free for task in self._roster.pending(member))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()

    def _collect(self) -> Signed[S] | None:
        for member, (task, _) in [*self._fetching.items()]:
            if task.done():
                del self._fetching[member]
                self._fetched(member, task)
        for member, (asked, session) in [*self._asked.items()]:
            if asked.done():
                del self._asked[member]
                self._answered(member, asked, session)
        for session in self._sessions:
            if session.is_complete and (signature := self._aggregate(session)) is not None:
                return self._signed(session, signature)
        return None

    def _fetched(self, member: ParticipantId, task: asyncio.Task[None]) -> None:
        if (error := _error_of(task)) is not None:
            self._fail(member, error)
        elif (stocked := self._roster.take(member)) is not None:
            self._ready[member] = stocked
        else:  # others were faster: its next answer is for us
            self._free.add(member)

    def _answered(self, member: ParticipantId, task: asyncio.Task[SignedShare], session: _Session) -> None:
        error = _error_of(task)
        if error is None:
            error = self._unproven(member, task.result(), session)
        if error is None:
            session.shares[member] = task.result()
            self._free.add(member)
            return
        session.dead = True
        if fault(error) is Fault.REFUSED and member not in self._doubted:
            log.info("notary.doubted", notary=member, error=str(error))
            self._roster.note(member, failing=True)
            self._roster.drop_stock(member)  # it may have lost its nonces in a restart
            self._doubted.add(member)
            self._doubtful.add(member)
        else:
            self._fail(member, error)

    def _unproven(self, member: ParticipantId, signed: SignedShare, session: _Session) -> BridgeError | None:
        """Hold a share against the member's identity: without its signature nobody could be shown a wrong one."""
        cards = self._committee.cards
        if not cards:
            return None
        handle = next(c.handle for c in session.commitments if c.notary == member)
        message = evidence_message(self._digest, handle, session.commitments, signed.share)
        try:
            cards[member].check(Purpose.SHARE, message, signed.evidence)
        except ForgedError as error:
            return ForgedError(f"notary {member}'s share is {error}")
        return None

    def _aggregate(self, session: _Session) -> Signature | None:
        shares = {member: signed.share for member, signed in session.shares.items()}
        listed = [commitment.commitments for commitment in session.commitments]
        try:
            return aggregate(self._committee.keys, self._digest, listed, shares)
        except InvalidShareError as error:
            session.dead = True
            for member in error.culprits:
                self._blame(member, error)
            return None

    def _is_right(self, member: ParticipantId, session: _Session) -> bool:
        if member in session.trusted:
            return True
        listed = [commitment.commitments for commitment in session.commitments]
        share = session.shares[member].share
        if verify_share(self._committee.keys, self._digest, listed, member, share):
            session.trusted.add(member)
            return True
        session.dead = True
        self._blame(member, InvalidShareError([member]))
        return False

    def _blame(self, member: ParticipantId, error: InvalidShareError) -> None:
        self._free.discard(member)
        if (stocked := self._ready.pop(member, None)) is not None:
            self._roster.give_back(stocked)
        self._fail(member, InvalidShareError([member]) if len(error.culprits) > 1 else error)

    def _fail(self, member: ParticipantId, error: BridgeError) -> None:
        failure = Failure(notary=member, fault=fault(error), error=error)
        log.info("notary.failed", notary=member, reason=failure.fault, error=str(error))
        self._failures[member] = failure
        self._roster.note(member, failing=True)
        if failure.fault is not Fault.WAVERED:
            self._roster.drop_stock(member)

    def _signed(self, session: _Session, signature: Signature) -> Signed[S]:
        signers = tuple(commitment.notary for commitment in session.commitments)
        for member in signers:
            self._roster.note(member, failing=False)
        return Signed(
            signable=self._signable,
            group_key=self._committee.keys.group_public_key,
            signature=signature,
            signers=signers,
            failures=self._told(),
            sessions=len(self._sessions),
        )

    def _hopeful(self) -> bool:
        """Tell whether a session may still come to its end in time."""
        return any(not session.dead and not self._late(session.due_at) for session in self._sessions)

    def _hopeless(self) -> bool:
        left = len(self._free) + len(self._doubtful) + len(self._fetching) + len(self._ready) + len(self._asked)
        return left < self._threshold or self._late(self._give_up_at)

    def _told(self) -> tuple[Failure, ...]:
        """Tell who failed, and who owes an answer beyond patience: to this message, or to any when it is given up."""
        over = self._late(self._give_up_at)
        owing = [m for m, (_, due_at) in self._fetching.items() if over or self._late(due_at)]
        owing += [m for m, (_, session) in self._asked.items() if over or self._late(session.due_at)]
        owing += [m for m in self._free if over and self._roster.is_overdue(m)]
        silent = (
            Failure(notary=m, fault=Fault.SILENT, error=UnavailableError(f"notary {m} does not answer")) for m in owing
        )
        return (*self._failures.values(), *silent)

    def _late(self, due_at: float) -> bool:
        return self._clock.now() >= due_at


def _seat(session: _Session, commitment: Commitment) -> Seat:
    signed = session.shares.get(commitment.notary)
    if signed is None:
        return Seat(commitment=commitment)
    return Seat(commitment=commitment, share=signed.share, evidence=signed.evidence)


def _error_of(task: asyncio.Task[object]) -> BridgeError | None:
    """Tell how a request failed; what nobody foresaw in one member's answer must not end the others' session."""
    if task.cancelled():
        return UnavailableError("the request was given up")
    match task.exception():
        case None:
            return None
        case BridgeError() as error:
            return error
        case Exception() as error:
            return NonsenseError(f"{type(error).__name__}: {error}")
        case error:
            raise error
