"""Ceremonies as the signer takes part in them: its desk asked in a thread, its seats made in the signer's folder."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from bridge.committee.document import CommitteeDocument
from bridge.committee.messages import Message
from bridge.core.statements import Epoch
from bridge.frost import KeyPackage, ParticipantId
from bridge.rpc.v1 import committee_pb2 as pb


class SeatsFolder(Protocol):
    """Where seats are made.

    Raises everywhere:
        RefusedError: another key is in the epoch's place.
        ConfigError, UnavailableError: it can't be done.
    """

    def make(self, epoch: Epoch, key: KeyPackage, document: str) -> KeyPackage:
        """Make a seat, asleep, and give its share as read back."""
        ...

    def certify(self, epoch: Epoch, document: str) -> None:
        """Let the seat sign."""
        ...

    def discard(self, epoch: Epoch, session: bytes) -> None:
        """Remove the seat that this ceremony made."""
        ...


class NewSeats:
    """What a ceremony calls a SeatMaker, over the signer's folder."""

    def __init__(self, folder: SeatsFolder) -> None:
        """Make seats in *folder*."""
        self._folder = folder

    def make(self, draft: CommitteeDocument, key: KeyPackage) -> KeyPackage:
        """Make the seat; it sleeps until all members have certified."""
        return self._folder.make(draft.epoch, key, draft.to_toml())

    def enter(self, document: CommitteeDocument) -> None:
        """Let the seat sign."""
        self._folder.certify(document.epoch, document.to_toml())

    def discard(self, epoch: Epoch, session: bytes) -> None:
        """Remove what the ceremony made."""
        self._folder.discard(epoch, session)


class Answer(Protocol):
    """All that this notary has of one ceremony."""

    @property
    def messages(self) -> Sequence[Message]:
        """All of them, whoever said them."""
        ...

    @property
    def phase(self) -> str:
        """A phase's name."""
        ...

    @property
    def waiting_for(self) -> Sequence[ParticipantId]:
        """Members whose next message is waited for."""
        ...

    @property
    def problem(self) -> str:
        """What stands in the way."""
        ...


class SignerCeremonies:
    """Ceremonies of service.Ceremonies: decodes, asks in a thread, encodes."""

    def __init__(self, exchange: Callable[[bytes, Iterable[Message]], Answer]) -> None:
        """Ask *exchange*, which may block."""
        self._exchange = exchange

    async def exchange(self, request: pb.ExchangeRequest) -> pb.ExchangeResponse:
        """Take one step of a ceremony."""
        messages = [
            Message(session=m.session, sender=m.sender, kind=m.kind, body=m.body, signature=m.signature)
            for m in request.messages
        ]
        answer = await asyncio.to_thread(self._exchange, request.session, messages)
        return pb.ExchangeResponse(
            messages=[
                pb.CeremonyMessage(session=m.session, sender=m.sender, kind=m.kind, body=m.body, signature=m.signature)
                for m in answer.messages
            ],
            phase=answer.phase,
            waiting_for=answer.waiting_for,
            problem=answer.problem,
        )
