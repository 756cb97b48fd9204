"""Where a notary takes part in ceremonies: hears messages, does what is its to do, and says what it has to say.

Law: what leaves is on disk before, and so is the secret behind it; each step is looked up from disk, so it makes no
difference where a process was killed. A secret lives until this notary has certified, or the ceremony has ended
without that. Whoever brings messages is not trusted: they carry their senders' signatures.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, assert_never

from bridge.adapters.ceremony.approval import ENDED, approve, ask_abort
from bridge.adapters.ceremony.folder import CeremonyFolder
from bridge.committee.ceremony import (
    Duty,
    LostSecretError,
    can_receive,
    certificate_body,
    duty,
    echo_body,
    is_bound,
    open_shares,
    round1_body,
    round2_body,
    say,
)
from bridge.committee.document import CommitteeDocument
from bridge.committee.identity import Identity
from bridge.committee.messages import Board, Kind, Message, MessageRefusedError
from bridge.committee.proposal import Proposal, readable
from bridge.committee.verdict import Complaint, Phase, assess, document, printable, take
from bridge.core.statements import Epoch
from bridge.errors import BridgeError, InvalidInputError, RefusedError, UnavailableError
from bridge.frost import Entropy, KeyPackage, ParticipantId, Polynomial, draw_polynomial

KEPT: Final = (
    "this notary has certified, so it keeps its share: the others may have the whole document. Its operator removes "
    "the share by hand once another key is in force"
)


class SecretBox(Protocol):
    """Sealed secrets, by name."""

    def seal(self, name: str, secret: bytes) -> None:
        """Put a secret away, on disk before this returns.

        Raises:
            UnavailableError, ConfigError: it can't be.
        """
        ...

    def open(self, name: str) -> bytes | None:
        """Give it back; None only where there is certainly none of that name.

        Raises:
            UnavailableError, ConfigError: it can't be opened now, or was changed.
        """
        ...

    def remove(self, name: str) -> None:
        """Make sure that there is none of that name.

        Raises:
            UnavailableError: the disk refuses.
        """
        ...


class SeatMaker(Protocol):
    """Makes this notary's seat in a committee; every call may come again after a crash, and then does what is left."""

    def make(self, draft: CommitteeDocument, key: KeyPackage) -> KeyPackage:
        """Seal the share on disk and make its vote store; give the share as *read back and opened* from there.

        Raises:
            UnavailableError, ConfigError: it can't be done; nothing is certified.
        """
        ...

    def enter(self, document: CommitteeDocument) -> None:
        """Put the seat in force: all have certified.

        Raises:
            UnavailableError, ConfigError: it can't be done, as where another session's seat has this epoch.
        """
        ...

    def discard(self, epoch: Epoch, session: bytes) -> None:
        """Erase the seat that was made for *session*, if there is one; never another session's.

        Raises:
            UnavailableError: the disk refuses.
        """
        ...


class CertifiedError(RefusedError):
    """This notary has certified the key and can't undo that alone: don't register the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that this notary has of one ceremony, and where that stands."""

    messages: tuple[Message, ...] = ()
    phase: Phase
    waiting_for: tuple[ParticipantId, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One ceremony in a list."""

    proposal: Proposal
    answer: Answer


class CeremonyDesk:
    """One notary's part in all its ceremonies; usable from any thread. Its calls block: on the disk, and on a KMS."""

    def __init__(
        self, folder: CeremonyFolder, identity: Identity, box: SecretBox, seats: SeatMaker, entropy: Entropy
    ) -> None:
        """Take the folder, which no other process uses, and what the steps need."""
        self._mutex = threading.Lock()
        self._folder = folder
        self._identity = identity
        self._box = box
        self._seats = seats
        self._entropy = entropy

    def approve(self, proposal: Proposal) -> Answer:
        """Take part in this ceremony, as this notary's operator decided by hand.

        Raises:
            ConfigError: this notary is no member, or has another ceremony or key of that epoch.
            UnavailableError: the disk refuses.
        """
        with self._mutex:
            approve(self._folder, self._identity.card, proposal)
            return self._step(proposal, ())

    def exchange(self, session: bytes, messages: Iterable[Message]) -> Answer:
        """Hear messages, do what is due, and give all there are. Messages that are none are dropped.

        What keeps this notary from its next step is told as the problem, and tried again at the next call.

        Raises:
            ConfigError: a file of the ceremony is damaged.
            UnavailableError: the disk refuses to give what is there.
        """
        with self._mutex:
            proposal = self._folder.proposal(session)
            return _unknown(session) if proposal is None else self._step(proposal, messages)

    def abort(self, session: bytes, reason: str) -> Answer:
        """End a ceremony for everybody who hears of it, and erase its secrets; one that has ended stays as it is.

        Raises:
            InvalidInputError: no such ceremony was approved here.
            CertifiedError: too late: this notary has certified.
            ConfigError, UnavailableError: as `exchange`.
        """
        with self._mutex:
            proposal = self._known(session)
            if is_bound(self._folder.board(proposal), self._seat(proposal)):
                raise CertifiedError(f"ceremony {session.hex()} can't be aborted here: {KEPT}")
            ask_abort(self._folder, session, reason)
            return self._step(proposal, ())

    def document(self, session: bytes) -> CommitteeDocument:
        """Give the committee document with all signatures.

        Raises:
            InvalidInputError: no such ceremony was approved here.
            NotDoneError: it is not done.
            ConfigError, UnavailableError: as `exchange`.
        """
        with self._mutex:
            return document(self._folder.board(self._known(session)))

    def ceremonies(self) -> list[Summary]:
        """List all ceremonies that were approved here, and do what is still due in them, as after a crash.

        Raises:
            ConfigError, UnavailableError: as `exchange`.
        """
        with self._mutex:
            known = [self._known(session) for session in self._folder.sessions()]
            return [Summary(proposal=proposal, answer=self._step(proposal, ())) for proposal in known]

    def _step(self, proposal: Proposal, messages: Iterable[Message]) -> Answer:
        board, me, problem = self._folder.board(proposal), self._seat(proposal), ""
        try:
            board = self._advance(self._hear(self._heed(board, me), messages), me)
        except BridgeError as error:
            problem = f"this notary can't go on: {error}"
            board = self._folder.board(proposal)
        return _answer(board, me, problem)

    def _seat(self, proposal: Proposal) -> ParticipantId:
        return proposal.seat_of(self._identity.card)

    def _known(self, session: bytes) -> Proposal:
        proposal = self._folder.proposal(session)
        if proposal is None:
            raise InvalidInputError(_unknown(session).problem)
        return proposal

    def _heed(self, board: Board, me: ParticipantId) -> Board:
        """Abort if the operator wants it and it is not too late; before anything else, so that it isn't by then."""
        reason = self._folder.abort_asked(board.session)
        if reason is None or is_bound(board, me) or assess(board).phase in ENDED:
            return board
        return self._say(board, me, Kind.ABORT, printable(reason.encode()).encode())

    def _hear(self, board: Board, messages: Iterable[Message]) -> Board:
        for message in messages:
            try:
                heard = take(board, message)
            except MessageRefusedError:
                continue  # nothing to do about it: a carrier may bring anything
            if heard is not board:
                self._folder.keep(message)
                board = heard
        return board

    def _advance(self, board: Board, me: ParticipantId) -> Board:
        """Do what is due until there is nothing left but to wait."""
        while True:
            step = duty(board, me)
            match step:
                case Duty.COMMIT | Duty.ECHO | Duty.DEAL | Duty.RECEIVE:
                    board = self._say(board, me, *self._next(board, me, step))
                case Duty.ENTER | Duty.WAIT:
                    self._settle(board, me)
                    return board
                case Duty.ERASE:
                    self._erase(board)
                    return board
                case _:
                    assert_never(step)

    def _next(self, board: Board, me: ParticipantId, step: Duty) -> tuple[Kind, bytes]:
        try:
            match step:
                case Duty.COMMIT:
                    return Kind.ROUND_1, round1_body(board, me, self._drawn(board), self._entropy)
                case Duty.ECHO:
                    return Kind.ECHO, echo_body(board, me)
                case Duty.DEAL:
                    return Kind.ROUND_2, round2_body(board, me, self._polynomial(board))
                case _:
                    return self._receive(board, me)
        except LostSecretError as error:
            return Kind.ABORT, str(error).encode()

    def _receive(self, board: Board, me: ParticipantId) -> tuple[Kind, bytes]:
        found = open_shares(board, me, self._identity, self._polynomial(board))
        if isinstance(found, Complaint):
            return Kind.COMPLAINT, found.to_bytes()
        key, draft = found
        kept = self._seats.make(draft, key)
        return Kind.CERTIFY, certificate_body(board, me, kept)

    def _say(self, board: Board, me: ParticipantId, kind: Kind, body: bytes) -> Board:
        message = say(self._identity, board, me, kind, body)
        self._folder.keep_own(message)
        return take(board, message)

    def _settle(self, board: Board, me: ParticipantId) -> None:
        """Once this notary has certified: erase what only the ceremony needed; once all have, take the seat."""
        name = _name(board)
        if is_bound(board, me) and can_receive(board) and self._box.open(name) is not None:
            found = open_shares(board, me, self._identity, self._polynomial(board))
            if not isinstance(found, Complaint):
                self._seats.make(found[1], found[0])  # there already, unless its folder is an older one
            self._box.remove(name)
        if duty(board, me) is Duty.ENTER and self._folder.document(board.session) is None:
            whole = document(board)
            self._seats.enter(whole)
            self._folder.keep_document(whole)

    def _erase(self, board: Board) -> None:
        self._box.remove(_name(board))
        self._seats.discard(board.proposal.epoch, board.session)

    def _drawn(self, board: Board) -> Polynomial:
        """Give this notary's polynomial, drawn and sealed first if there is none."""
        if self._box.open(_name(board)) is None:
            self._box.seal(_name(board), draw_polynomial(self._entropy, board.proposal.threshold).to_bytes())
        try:
            return self._polynomial(board)
        except LostSecretError:
            raise UnavailableError("a secret that was just sealed is not there: see to the keystore") from None

    def _polynomial(self, board: Board) -> Polynomial:
        secret = self._box.open(_name(board))
        if secret is None:
            raise LostSecretError
        return Polynomial.from_bytes(secret)


def _unknown(session: bytes) -> Answer:
    problem = (
        f"this notary has not approved ceremony {session.hex()}: its operator compares {readable(session)} with the "
        "others', then runs `naru committee approve` with the proposal"
    )
    return Answer(phase=Phase.UNKNOWN, problem=problem)


def _answer(board: Board, me: ParticipantId, problem: str) -> Answer:
    standing = assess(board)
    kept = KEPT if standing.phase in {Phase.FAILED, Phase.ABORTED} and is_bound(board, me) else ""
    problems = [text for text in (standing.problem, kept, problem) if text]
    return Answer(
        messages=board.messages,
        phase=standing.phase,
        waiting_for=standing.waiting_for,
        problem="; ".join(problems),
    )


def _name(board: Board) -> str:
    return f"ceremony-{board.session.hex()}"
