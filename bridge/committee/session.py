"""Has a committee sign: the one place that a relayer, a notary or a command needs for it (R-15)."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Final, TypeVar

import structlog

from bridge.committee.roast import Message, Question
from bridge.committee.roster import Roster
from bridge.committee.signed import Committee, Signed
from bridge.committee.transcript import Transcript, TranscriptLog
from bridge.core.caip import EndpointId
from bridge.core.statements import Decree, Item, Kind, Signable, Statement
from bridge.errors import UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import Commitment, EndorseRequest, Notary, SignedShare, SignItem, SignRequest
from bridge.ports.runtime import Clock

D = TypeVar("D", bound=Decree)
S = TypeVar("S", bound=Signable)

log = structlog.get_logger()

MESSAGES_MAX: Final = 8
"""Signed side by side: half of what members keep for a coordinator, so that some are always in stock."""


class SigningDesk:
    """Where one coordinator has one epoch's committee sign."""

    def __init__(
        self, committee: Committee, notaries: Iterable[Notary], clock: Clock, transcripts: TranscriptLog
    ) -> None:
        """Ask *notaries*, who are members of *committee*."""
        self.committee = committee
        self._roster = Roster(notaries, committee.epoch, committee.cards, clock)
        self._clock = clock
        self._transcripts = transcripts
        self._places = asyncio.Semaphore(MESSAGES_MAX)

    @property
    def notaries(self) -> dict[ParticipantId, Notary]:
        """Every member that can be asked, by number."""
        return self._roster.notaries

    def is_failing(self, member: ParticipantId) -> bool:
        """Tell whether a member failed when it was last asked to sign; it goes last until it signs again (R-15)."""
        return self._roster.is_failing(member)

    async def sign_list(
        self, kind: Kind, verifier: EndpointId, items: tuple[SignItem, ...], candidates: Iterable[ParticipantId]
    ) -> Signed[Statement]:
        """Have a list signed by t of *candidates*, who have said that they would.

        Raises:
            NotSignedError: fewer than t of them did within 10 s.
        """
        listed = tuple(Item(transfer_id=item.ref.transfer_id, code=item.code) for item in items)
        statement = Statement(kind=kind, verifier=verifier, epoch=self.committee.epoch, items=listed)

        def ask(notary: Notary, handle: bytes, commitments: tuple[Commitment, ...]) -> Awaitable[SignedShare]:
            return notary.sign(
                SignRequest(
                    kind=kind,
                    verifier=verifier,
                    epoch=statement.epoch,
                    items=items,
                    handle=handle,
                    commitments=commitments,
                )
            )

        return await self._sign(statement, candidates, ask)

    async def endorse(self, decree: D, candidates: Iterable[ParticipantId] | None = None) -> Signed[D]:
        """Have a decree signed by t of *candidates*, or of all members.

        Raises:
            NotSignedError: fewer than t of them did within 10 s.
        """

        def ask(notary: Notary, handle: bytes, commitments: tuple[Commitment, ...]) -> Awaitable[SignedShare]:
            return notary.endorse(EndorseRequest(decree=decree, handle=handle, commitments=commitments))

        return await self._sign(decree, self.notaries if candidates is None else candidates, ask)

    async def close(self) -> None:
        """Forget every request that has no answer yet."""
        await self._roster.close()

    async def _sign(self, signable: S, candidates: Iterable[ParticipantId], ask: Question) -> Signed[S]:
        async with self._places:
            message = Message(self.committee, self._roster, self._clock, signable, ask, candidates)
            signed: Signed[S] | None = None
            try:
                signed = await message.sign()
            finally:
                self._keep(message.transcript(signed))
        if signed.failures:
            why = "; ".join(f"notary {f.notary} {f.fault}: {f.error}" for f in signed.failures)
            log.warning("signature.rerouted", signers=list(signed.signers), attempt=signed.sessions, error=why)
        return signed

    def _keep(self, transcript: Transcript) -> None:
        try:
            self._transcripts.keep(transcript)
        except UnavailableError as error:
            log.error("transcript.lost", epoch=self.committee.epoch, error=str(error))  # noqa: TRY400 - no such key
