"""What members of a ceremony say to one another, and the board on which all of it hangs, for everybody to read.

Law: a message counts by its sender's signature alone, over session, sender, kind and body; who carried it doesn't
matter. A member says one thing of each kind. What is no message of this session's members changes nothing; a second,
different message of one kind is kept beside the first, as proof against its sender.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final, Self

from bridge.committee.identity import SIGNATURE_LEN, ForgedError, Purpose
from bridge.committee.proposal import Proposal, fields
from bridge.errors import InvalidInputError
from bridge.frost import ParticipantId

BODY_LEN_MAX: Final = 1 << 15
"""More than any honest message of a committee of 255 has."""


@unique
class Kind(StrEnum):
    """Kinds of messages, in the order in which a member says them."""

    ROUND_1 = "round-1"
    ECHO = "echo"
    ROUND_2 = "round-2"
    COMPLAINT = "complaint"
    CERTIFY = "certify"
    ABORT = "abort"


@unique
class MessageFault(StrEnum):
    """Why a message is dropped."""

    SESSION = "it is of another ceremony"
    SENDER = "its sender is no member"
    KIND = "there is no such kind"
    SIZE = "it is too long"
    SIGNATURE = "its sender did not sign it"
    SURPLUS = "two different ones of its kind are kept already"


class MessageRefusedError(InvalidInputError):
    """A message is dropped and nothing has changed; `fault` says why. Whoever carried it may be at fault, or nobody."""

    def __init__(self, fault: MessageFault) -> None:
        """Keep the reason."""
        super().__init__(f"a ceremony's message is dropped: {fault}")
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as it came; it may be a lie until a board has taken it."""

    session: bytes
    sender: int
    kind: str
    body: bytes
    signature: bytes

    def says(self, other: Self) -> bool:
        """Tell whether *other* says the same; a signature of it can be made in several ways."""
        return (self.session, self.sender, self.kind, self.body) == (
            other.session,
            other.sender,
            other.kind,
            other.body,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What one member said of one kind: one message, or two different ones, which prove that it cheats."""

    first: Message
    second: Message | None = None

    @property
    def all(self) -> tuple[Message, ...]:
        """Both."""
        return (self.first,) if self.second is None else (self.first, self.second)


Place = tuple[ParticipantId, Kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All messages of one ceremony that one member knows; every one of them is checked."""

    proposal: Proposal
    session: bytes
    slots: Mapping[Place, Slot] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        """Give the empty board of a proposal."""
        return cls(proposal=proposal, session=proposal.session)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All, in the order of kinds and senders."""
        return tuple(m for kind in Kind for i in self.senders(kind) for m in self.slots[i, kind].all)

    def senders(self, kind: Kind) -> list[ParticipantId]:
        """List who has said something of that kind."""
        return [m.id for m in self.proposal.members if (m.id, kind) in self.slots]

    def missing(self, kind: Kind) -> tuple[ParticipantId, ...]:
        """List who has not."""
        return tuple(m.id for m in self.proposal.members if (m.id, kind) not in self.slots)

    def bodies(self, kind: Kind) -> dict[ParticipantId, bytes]:
        """Give what was said first of that kind, by sender."""
        return {i: self.slots[i, kind].first.body for i in self.senders(kind)}

    def add(self, message: Message) -> Self:
        """Take a message; the same board comes back if it says nothing new.

        Raises:
            MessageRefusedError: it is dropped.
        """
        if message in self.messages:
            return self
        place = self._checked(message)
        slot = self.slots.get(place)
        if slot is None:
            return self._with(place, Slot(first=message))
        if any(known.says(message) for known in slot.all):
            return self
        if slot.second is not None:
            raise MessageRefusedError(MessageFault.SURPLUS)
        return self._with(place, Slot(first=slot.first, second=message))

    def _with(self, place: Place, slot: Slot) -> Self:
        return replace(self, slots=MappingProxyType({**self.slots, place: slot}))

    def _checked(self, message: Message) -> Place:
        if message.session != self.session:
            raise MessageRefusedError(MessageFault.SESSION)
        if not 1 <= message.sender <= self.proposal.participants:
            raise MessageRefusedError(MessageFault.SENDER)
        if message.kind not in _KINDS:
            raise MessageRefusedError(MessageFault.KIND)
        if len(message.body) > BODY_LEN_MAX or len(message.signature) != SIGNATURE_LEN:
            raise MessageRefusedError(MessageFault.SIZE)
        card = self.proposal.member(message.sender).card
        try:
            card.check(Purpose.CEREMONY, signed_bytes(message), message.signature)
        except ForgedError:
            raise MessageRefusedError(MessageFault.SIGNATURE) from None
        return ParticipantId(message.sender), Kind(message.kind)


def signed_bytes(message: Message) -> bytes:
    """Give what the sender signs, after its purpose: session, sender (2 bytes), kind and body, each with its length."""
    return fields(message.session, message.sender.to_bytes(2), message.kind.encode(), message.body)


_KINDS: Final = frozenset(kind.value for kind in Kind)
