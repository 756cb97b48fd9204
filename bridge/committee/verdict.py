"""What the messages of a ceremony say together: how far it is, who is waited for, who cheated (R-41).

Law: a verdict is a function of the messages known, whatever their order. Done needs all n certificates of one key and
outweighs everything else: once all have certified, all hold their shares. Otherwise one proof of a cheat, one
complaint or one abort ends the ceremony.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum, unique
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from bridge.committee.document import CommitteeDocument, draft
from bridge.committee.messages import Board, Kind, Message, MessageFault, MessageRefusedError, Slot
from bridge.committee.proposal import Proposal, fields
from bridge.errors import RefusedError
from bridge.frost import (
    FrostError,
    ParticipantId,
    ProofError,
    PublicKeyPackage,
    Round1Package,
    check_round1,
    public_keys_of,
)

SEALED_SHARE_LEN: Final = 80
"""HPKE over X25519 with AES-256-GCM: encapsulated key (32) ‖ share (32) ‖ tag (16)."""
HASH_LEN: Final = 32
REASON_LEN_MAX: Final = 200
"""Characters of an abort's reason that are shown."""
_ENTRY_LEN: Final = 3
_ECHO_TAG: Final = b"naru.echo.1"

Ids = frozenset[ParticipantId]
NOBODY: Final[Ids] = frozenset()


@unique
class Phase(StrEnum):
    """Where a ceremony stands for one member."""

    UNKNOWN = "unknown"
    ROUND_1 = "round-1"
    ECHO = "echo"
    ROUND_2 = "round-2"
    CERTIFY = "certify"
    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"


@unique
class Grievance(IntEnum):
    """What is wrong with a share, as its recipient says."""

    SEALED = 1
    SCALAR = 2
    SHARE = 3

    @property
    def text(self) -> str:
        """Say it in words."""
        return _GRIEVANCES[self]


_GRIEVANCES: Final = {
    Grievance.SEALED: "its sealed share can't be opened",
    Grievance.SCALAR: "its share is no number below the group order",
    Grievance.SHARE: "its share is not on the polynomial that it committed to",
}


class NotDoneError(RefusedError):
    """There is no committee document before the ceremony is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a ceremony failed."""

    text: str
    culprits: Ids = NOBODY
    """Whose own signatures prove it."""
    suspects: Ids = NOBODY
    """One of them at the least is at fault, and no signature tells which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the ceremony stands by the messages known."""

    phase: Phase
    waiting_for: tuple[ParticipantId, ...] = ()
    problem: str = ""
    culprits: Ids = NOBODY
    suspects: Ids = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Whose shares are wrong, and how; the body of a complaint is one entry a sender: id (2 bytes) ‖ grievance (1)."""

    entries: Mapping[ParticipantId, Grievance]

    def to_bytes(self) -> bytes:
        """Give the body, by ascending ids."""
        return b"".join(i.to_bytes(2) + grievance.to_bytes(1) for i, grievance in sorted(self.entries.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What follows from the round-1 messages known."""

    packages: Mapping[ParticipantId, Round1Package]
    """The good ones."""
    faults: tuple[Fault, ...]
    transcript: bytes | None
    """Hash of all n of them; None as long as one is missing."""
    keys: PublicKeyPackage | None
    """None as long as one is missing or wrong."""
    certificate: bytes | None
    """What all are to certify; None with `keys`."""


def take(board: Board, message: Message) -> Board:
    """Hang a message on the board; the same board comes back if it says nothing new.

    A member that signs several certificates can't keep its right one from anybody by sending wrong ones ahead.

    Raises:
        MessageRefusedError: it is dropped, and nothing has changed.
    """
    try:
        return board.add(message)
    except MessageRefusedError as error:
        surplus = error.fault is MessageFault.SURPLUS and message.kind == Kind.CERTIFY
        if not surplus or message.body != read(board).certificate:
            raise
    place = (ParticipantId(message.sender), Kind.CERTIFY)
    slot = Slot(first=board.slots[place].first, second=message)
    return replace(board, slots=MappingProxyType({**board.slots, place: slot}))


def assess(board: Board) -> Standing:
    """Tell where the ceremony stands. Done stays done whatever else comes; failed and aborted end in done at most."""
    reading = read(board)
    if _is_certified(board, reading):
        return Standing(phase=Phase.DONE)
    faults = [*reading.faults, *_faults(board, reading)]
    if faults:
        return Standing(
            phase=Phase.FAILED,
            problem="; ".join(fault.text for fault in faults),
            culprits=NOBODY.union(*(fault.culprits for fault in faults)),
            suspects=NOBODY.union(*(fault.suspects for fault in faults)),
        )
    aborts = board.bodies(Kind.ABORT)
    if aborts:
        told = "; ".join(f"member {i} aborted: {printable(body)}" for i, body in aborts.items())
        return Standing(phase=Phase.ABORTED, problem=told)
    phase, kind = next((p, k) for p, k in _STEPS if board.missing(k))
    return Standing(phase=phase, waiting_for=board.missing(kind))


def read(board: Board) -> Reading:
    """Work out what follows from the round-1 messages known."""
    return _work_out(board.proposal, tuple(board.bodies(Kind.ROUND_1).items()))


def document(board: Board) -> CommitteeDocument:
    """Give the document with all n signatures.

    Raises:
        NotDoneError: the ceremony is not done.
    """
    reading = read(board)
    if reading.keys is None or not _is_certified(board, reading):
        raise NotDoneError("the ceremony is not done: there is no committee document yet")
    slots = (board.slots[member.id, Kind.CERTIFY] for member in board.proposal.members)
    signatures = (next(m.signature for m in slot.all if m.body == reading.certificate) for slot in slots)
    return draft(board.proposal, reading.keys).signed(tuple(signatures))


def printable(reason: bytes) -> str:
    """Make a reason that a member gave fit to be shown: at most 200 characters, none of them a control."""
    text = reason.decode(errors="replace")[:REASON_LEN_MAX]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@lru_cache(maxsize=64)  # the same few packages are looked at in every step of a ceremony
def _work_out(proposal: Proposal, said: tuple[tuple[ParticipantId, bytes], ...]) -> Reading:
    packages, faults = dict[ParticipantId, Round1Package](), list[Fault]()
    n, t = proposal.participants, proposal.threshold
    for sender, body in said:
        try:
            package = Round1Package.from_bytes(sender, body, threshold=t)
            check_round1(package, threshold=t, participants=n)
            packages[sender] = package
        except ProofError as error:
            faults.append(_cheat(sender, str(error)))
    keys = None
    if len(packages) == n:
        try:
            keys = public_keys_of(packages)
        except FrostError as error:
            faults.append(Fault(text=f"the key that came out can't be used: {error}"))
    return Reading(
        packages=MappingProxyType(packages),
        faults=tuple(faults),
        transcript=_transcript(proposal, said) if len(said) == n else None,
        keys=keys,
        certificate=None if keys is None else draft(proposal, keys).certificate,
    )


def _transcript(proposal: Proposal, said: tuple[tuple[ParticipantId, bytes], ...]) -> bytes:
    """Hash what all n said in round 1; not their signatures, which a sender can vary without saying another thing."""
    return hashlib.sha256(fields(_ECHO_TAG, proposal.session, *(body for _, body in said))).digest()


def _is_certified(board: Board, reading: Reading) -> bool:
    if reading.certificate is None or board.missing(Kind.CERTIFY):
        return False
    slots = (board.slots[member.id, Kind.CERTIFY] for member in board.proposal.members)
    return all(any(m.body == reading.certificate for m in slot.all) for slot in slots)


def _faults(board: Board, reading: Reading) -> Iterable[Fault]:
    for (sender, kind), slot in board.slots.items():
        if slot.second is not None:
            yield _cheat(sender, f"member {sender} signed two different {kind} messages")
    yield from _echo_faults(board, reading)
    length = (board.proposal.participants - 1) * SEALED_SHARE_LEN
    for sender, body in board.bodies(Kind.ROUND_2).items():
        if len(body) != length:
            yield _cheat(sender, f"member {sender} dealt {len(body)} bytes instead of {length}")
    for accuser, body in board.bodies(Kind.COMPLAINT).items():
        yield _complaint_fault(board, accuser, body)
    for sender, body in board.bodies(Kind.CERTIFY).items():
        if len(body) != HASH_LEN or (reading.certificate is not None and body != reading.certificate):
            yield _cheat(sender, f"member {sender} certified another key than the round-1 messages give")


def _echo_faults(board: Board, reading: Reading) -> Iterable[Fault]:
    """Compare what the members have of round 1: with one another, and with what is known here."""
    echoes = board.bodies(Kind.ECHO)
    for sender, body in echoes.items():
        if len(body) != HASH_LEN:
            yield _cheat(sender, f"member {sender} signed no hash of the round-1 messages")
    holders = dict[bytes, list[str]]()
    if reading.transcript is not None:
        holders[reading.transcript] = ["this member"]
    for sender, body in echoes.items():
        holders.setdefault(body, []).append(str(sender))
    if len(holders) > 1:
        told = ", ".join(f"{body.hex()[:16]}… by {' and '.join(who)}" for body, who in holders.items())
        everybody = frozenset(member.id for member in board.proposal.members)
        yield Fault(text=f"the members do not have the same round-1 messages: {told}", suspects=everybody)


def _complaint_fault(board: Board, accuser: ParticipantId, body: bytes) -> Fault:
    entries = _entries(body)
    others = {member.id for member in board.proposal.members} - {accuser}
    if not entries or not set(entries) <= others or Complaint(entries=entries).to_bytes() != body:
        return _cheat(accuser, f"member {accuser} complained of nobody")
    told = ", ".join(f"of member {accused}: {grievance.text}" for accused, grievance in entries.items())
    return Fault(text=f"member {accuser} complains {told}", suspects=frozenset({accuser, *entries}))


def _entries(body: bytes) -> dict[ParticipantId, Grievance]:
    """Read what can be read of a complaint; what it is written back as tells whether that was all."""
    parts = (body[at : at + _ENTRY_LEN] for at in range(0, len(body), _ENTRY_LEN))
    return {
        ParticipantId(int.from_bytes(part[:2])): Grievance(part[2])
        for part in parts
        if len(part) == _ENTRY_LEN and part[2] in set(Grievance)
    }


def _cheat(sender: ParticipantId, text: str) -> Fault:
    return Fault(text=text, culprits=frozenset({sender}))


_STEPS: Final = (
    (Phase.ROUND_1, Kind.ROUND_1),
    (Phase.ECHO, Kind.ECHO),
    (Phase.ROUND_2, Kind.ROUND_2),
    (Phase.CERTIFY, Kind.CERTIFY),
)
