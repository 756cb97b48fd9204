"""Keeps vote stores honest: peers are told of every new vote, and asked at a start what they have seen (R-13)."""

import asyncio
import tomllib
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from pydantic import ValidationError

from bridge.config import CommitteeConfig, MemberConfig
from bridge.core.statements import Epoch
from bridge.core.votes import VoteHead
from bridge.errors import BridgeError, ConfigError
from bridge.frost import ParticipantId
from bridge.ports.committee import Seat, WitnessedSigner, WitnessReport
from bridge.ports.runtime import Clock

PERIOD_S: Final = 1.0
"""The longest that a vote goes unwitnessed while peers answer: what a store that is restored too old may lack."""
log = structlog.get_logger()


class Line(Protocol):
    """One peer, reached over the network."""

    async def witness(self, asked: WitnessReport, head: VoteHead | None) -> WitnessReport:
        """Ask for a report on a member's votes, and tell the member's newest *head*."""
        ...


class Peers:
    """The other members of each committee that this notary has a seat in."""

    def __init__(self, signer: WitnessedSigner, line: Callable[[MemberConfig], Line], clock: Clock) -> None:
        """Reach members by *line*."""
        self._signer = signer
        self._line = line
        self._clock = clock
        self._told: dict[Epoch, VoteHead] = {}
        self._missing: list[str] = []

    async def run(self, stopping: asyncio.Event) -> None:
        """Tell and ask until *stopping* is set; what fails is tried again."""
        while not stopping.is_set():
            try:
                await self.step()
            except BridgeError as error:
                log.warning("peers.unreached", error=str(error))
            await self._clock.sleep(PERIOD_S)

    async def step(self) -> None:
        """Have peers witness each seat's votes once, where that is news to them or their reports are needed.

        Raises:
            UnavailableError: the own signer does not answer.
        """
        for seat in await self._signer.seats():
            if seat.admitted and self._told.get(seat.epoch) == seat.head:
                continue
            reports = await self._reports(seat)
            if len(reports) == seat.members - 1:
                self._told[seat.epoch] = seat.head
            if not seat.admitted:
                self._note(await self._signer.admit(list(reports.values())))

    async def _reports(self, seat: Seat) -> dict[ParticipantId, WitnessReport]:
        others = {ParticipantId(m.id): m for m in committee_of(seat).members if m.id != seat.notary}
        answers = await asyncio.gather(*(self._ask(seat, i, member) for i, member in others.items()))
        return {i: report for i, report in zip(others, answers, strict=True) if report is not None}

    async def _ask(self, seat: Seat, witness: ParticipantId, member: MemberConfig) -> WitnessReport | None:
        asked = WitnessReport(
            epoch=seat.epoch, witness=witness, subject=seat.notary, challenge=seat.challenge, seen=None
        )
        try:
            return await self._line(member).witness(asked, seat.head)
        except BridgeError as error:
            log.info("peer.silent", notary=member.id, epoch=seat.epoch, error=str(error))
            return None

    def _note(self, missing: list[str]) -> None:
        if missing != self._missing:
            self._missing = missing
            for text in missing:
                log.warning("seat.waiting", error=text)
            if not missing:
                log.info("seats.admitted")


def committee_of(seat: Seat) -> CommitteeConfig:
    """Parse a seat's committee document.

    Raises:
        ConfigError: the signer keeps one that is none.
    """
    try:
        return CommitteeConfig.model_validate(tomllib.loads(seat.committee))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        problem = f"the committee document of epoch {seat.epoch} can't be used: {error}"
        raise ConfigError((problem,)) from error
