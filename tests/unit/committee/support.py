"""Notaries that hold ceremonies: identities and proposals from a seed, and what a desk needs, all of it in files."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from bridge.adapters.ceremony.desk import Answer, CeremonyDesk
from bridge.adapters.ceremony.folder import CeremonyFolder
from bridge.committee.ceremony import (
    certificate_body,
    echo_body,
    open_shares,
    round1_body,
    round2_body,
    say,
)
from bridge.committee.document import CommitteeDocument
from bridge.committee.identity import Identity
from bridge.committee.messages import Board, Kind, Message
from bridge.committee.proposal import Member, Proposal, ProposedLedger
from bridge.committee.verdict import Complaint, take
from bridge.config import NOTARIES_MIN
from bridge.core.caip import EndpointId, LedgerId
from bridge.core.statements import Epoch
from bridge.frost import Entropy, KeyPackage, ParticipantId, Polynomial, draw_polynomial, encode_scalar, share_for

Hook = Callable[[], None]


def pid(number: int) -> ParticipantId:
    return ParticipantId(number)


@cache
def identity(number: int, seed: int = 0) -> Identity:
    return Identity.from_bytes(random.Random(f"{seed}/{number}").randbytes(64))


def member(number: int, **changes: object) -> Member:
    made = Member(
        id=pid(number),
        operator=f"House {number}",
        name=f"notary-{number}",
        address=f"notary-{number}.example:7000",
        card=identity(number).card,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # fields of a member


def proposal(n: int, **changes: object) -> Proposal:
    made = Proposal(
        epoch=Epoch(1),
        attempt=1,
        created="2026-11-22",
        members=tuple(member(i) for i in range(1, n + 1)),
        ledgers=(ProposedLedger(name="alpha", ledger=LedgerId("eip155:7001"), endpoint=EndpointId(bytes([7] * 32))),),
        development=n < NOTARIES_MIN,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # fields of a proposal


@cache
def polynomial(number: int, threshold: int, seed: int = 0) -> Polynomial:
    return draw_polynomial(random.Random(f"{seed}/polynomial/{number}").randbytes, threshold)


def entropy(number: int, seed: int = 0) -> Entropy:
    return random.Random(f"{seed}/entropy/{number}").randbytes


@dataclass(slots=True)
class Notary:
    """A member by the pure core alone: its board and secrets in memory."""

    board: Board
    id: ParticipantId
    key: KeyPackage | None = None
    seed: int = 0

    @property
    def polynomial(self) -> Polynomial:
        return polynomial(self.id, self.board.proposal.threshold, self.seed)

    def say(self, kind: Kind, body: bytes) -> Message:
        message = say(identity(self.id), self.board, self.id, kind, body)
        self.board = take(self.board, message)
        return message

    def hear(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.board = take(self.board, message)

    def commit(self) -> Message:
        body = round1_body(self.board, self.id, self.polynomial, entropy(self.id, self.seed))
        return self.say(Kind.ROUND_1, body)

    def echo(self) -> Message:
        return self.say(Kind.ECHO, echo_body(self.board, self.id))

    def deal(self) -> Message:
        return self.say(Kind.ROUND_2, round2_body(self.board, self.id, self.polynomial))

    def receive(self) -> Message:
        found = open_shares(self.board, self.id, identity(self.id), self.polynomial)
        if isinstance(found, Complaint):
            return self.say(Kind.COMPLAINT, found.to_bytes())
        self.key = found[0]
        return self.say(Kind.CERTIFY, certificate_body(self.board, self.id, found[0]))


def notaries(wanted: Proposal, seed: int = 0) -> list[Notary]:
    return [Notary(Board.of(wanted), m.id, seed=seed) for m in wanted.members]


def tell_all(everybody: Sequence[Notary], messages: Iterable[Message]) -> None:
    told = list(messages)
    for notary in everybody:
        notary.hear(told)


STAGES = ("round-1", "echo", "round-2", "certify", "done")


def play(wanted: Proposal, until: str = "done", seed: int = 0) -> list[Notary]:
    """Bring an honest ceremony to where all have said what comes before that phase, and all know it."""
    everybody = notaries(wanted, seed)
    steps: dict[str, Callable[[Notary], Message]] = {
        "round-1": Notary.commit,
        "echo": Notary.echo,
        "round-2": Notary.deal,
        "certify": Notary.receive,
    }
    for stage in STAGES[: STAGES.index(until)]:
        tell_all(everybody, [steps[stage](notary) for notary in everybody])
    return everybody


@dataclass(slots=True, kw_only=True)
class OpenBox:
    """A SecretBox that seals nothing, so that a search of the disk finds what it holds."""

    folder: Path
    tick: Hook = field(default=lambda: None)

    def seal(self, name: str, secret: bytes) -> None:
        self.tick()
        self.folder.mkdir(exist_ok=True)
        (self.folder / name).write_bytes(secret)
        self.tick()

    def open(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def remove(self, name: str) -> None:
        self.tick()
        (self.folder / name).unlink(missing_ok=True)
        self.tick()


@dataclass(slots=True, kw_only=True)
class OpenSeats:
    """A SeatMaker that seals nothing, for the same reason."""

    folder: Path
    tick: Hook = field(default=lambda: None)

    def make(self, draft: CommitteeDocument, key: KeyPackage) -> KeyPackage:
        self.tick()
        self.folder.mkdir(exist_ok=True)
        path = self._path(draft.session)
        if not path.exists():
            path.write_bytes(key.to_bytes())
        self.tick()
        return KeyPackage.from_bytes(path.read_bytes())

    def enter(self, document: CommitteeDocument) -> None:
        self.tick()
        document.check()
        if not self._path(document.session).exists():
            msg = "a seat is entered that was not made"
            raise AssertionError(msg)

    def discard(self, epoch: Epoch, session: bytes) -> None:
        assert epoch
        self.tick()
        self._path(session).unlink(missing_ok=True)
        self.tick()

    def key(self, session: bytes) -> KeyPackage | None:
        path = self._path(session)
        return KeyPackage.from_bytes(path.read_bytes()) if path.exists() else None

    def _path(self, session: bytes) -> Path:
        return self.folder / session.hex()


@dataclass(slots=True)
class Party:
    """A notary with a disk; `restart` forgets all but the disk."""

    root: Path
    number: int
    tick: Hook = field(default=lambda: None)
    entropy: Entropy = field(init=False)
    desk: CeremonyDesk = field(init=False)
    seats: OpenSeats = field(init=False)

    def __post_init__(self) -> None:
        self.entropy = entropy(self.number)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.restart()

    def restart(self) -> None:
        box = OpenBox(folder=self.root / "box", tick=self.tick)
        self.seats = OpenSeats(folder=self.root / "seats", tick=self.tick)
        folder = CeremonyFolder(self.root / "ceremonies")
        self.desk = CeremonyDesk(folder, identity(self.number), box, self.seats, self.entropy)

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.root)): p.read_bytes() for p in sorted(self.root.rglob("*")) if p.is_file()}

    def holds(self, secrets: Iterable[bytes]) -> list[str]:
        """Name the files in which one of the secrets stands."""
        wanted = list(secrets)
        return [name for name, data in self.files().items() if any(secret in data for secret in wanted)]


def parties(root: Path, n: int) -> list[Party]:
    return [Party(root / str(i), i) for i in range(1, n + 1)]


def carry(wanted: Proposal, everybody: Sequence[Party], rounds: int = 6) -> list[Answer]:
    """Carry messages from one to the next until nothing new is said; give what each says last."""
    known: tuple[Message, ...] = ()
    answers: list[Answer] = []
    for _ in range(rounds):
        answers = []
        for party in everybody:
            answers.append(party.desk.exchange(wanted.session, known))
            known += tuple(m for m in answers[-1].messages if m not in known)
    return answers


def secrets_of(dealt: Polynomial, n: int) -> list[bytes]:
    """All that must be found nowhere: coefficients and evaluations."""
    shares = [encode_scalar(share_for(dealt, pid(i))) for i in range(1, n + 1)]
    return [*(encode_scalar(c) for c in dealt.coefficients), *shares]
