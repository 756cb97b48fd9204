"""All seats of this notary: fills ports.committee.Signer and Witnesses within this process.

What a seat does blocks the event loop, its fsync (0.2 ms on a local disk) too: whoever waits is this notary's own
front, and a thread would cost more than it gives. Only opening a seat, where scrypt takes its time, goes to one.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import structlog

from bridge.core.statements import Epoch
from bridge.core.votes import Vote, VoteHead
from bridge.errors import BridgeError, RefusedError
from bridge.ports.committee import Commitment, Described, EndorseRequest, Seat, SignedShare, SignOrder, WitnessReport
from notary.signer.seat import HeldSeat

RETRY_S: Final = 30.0
"""After which a seat that could not be opened is tried again: each try costs an scrypt."""
log = structlog.get_logger()


class Source(Protocol):
    """Where further seats come from. Its calls may block.

    Raises everywhere:
        ConfigError, UnavailableError: a seat can't be used, or can't be read.
    """

    def epochs(self) -> list[Epoch]:
        """List the epochs whose seats may sign, lowest first."""
        ...

    def open(self, epoch: Epoch) -> HeldSeat:
        """Open a seat, once."""
        ...


class Desk:
    """Signer and Witnesses."""

    def __init__(
        self,
        seats: Iterable[HeldSeat] = (),
        source: Source | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        card: bytes = b"",
    ) -> None:
        """Hold *seats*, and those of *source* once they are made, for the notary whose identity card is *card*."""
        self._card = card
        self._seats = {seat.epoch: seat for seat in seats}
        self._source = source
        self._now = monotonic
        self._failed: dict[Epoch, float] = {}
        self._looking = asyncio.Lock()

    async def describe(self) -> Described:
        """Tell who this is, with every seat."""
        return Described(card=self._card, seats=await self.seats())

    async def seats(self) -> list[Seat]:
        """Describe every seat, lowest epoch first."""
        await self.refresh()
        return [seat.describe() for _, seat in sorted(self._seats.items())]

    async def commit(self, epoch: Epoch, coordinator: str, count: int) -> list[Commitment]:
        """Make fresh commitments."""
        return (await self._seat(epoch)).commit(coordinator, count)

    async def votable(self, votes: Sequence[Vote]) -> list[bool]:
        """Tell of each whether no earlier vote stands against it."""
        return [(await self._seat(vote.epoch)).votable(vote) for vote in votes]

    async def sign(self, order: SignOrder, coordinator: str) -> SignedShare:
        """Release a share of a list's signature."""
        return (await self._seat(order.epoch)).sign(order, coordinator)

    async def endorse(self, request: EndorseRequest, coordinator: str) -> SignedShare:
        """Release a share of a decree's signature."""
        return (await self._seat(request.decree.signer_epoch)).endorse(request, coordinator)

    async def witness(self, asked: WitnessReport, head: VoteHead | None) -> WitnessReport:
        """Report what was seen of a member's votes, then remember its newest head."""
        return (await self._seat(asked.epoch)).witness(asked, head)

    async def admit(self, reports: Sequence[WitnessReport]) -> list[str]:
        """Take peers' reports on own seats; tell what is still missing."""
        for report in reports:
            (await self._seat(report.epoch)).admit(report)
        return [seat.missing for _, seat in sorted(self._seats.items()) if seat.missing]

    async def refresh(self) -> None:
        """Take in seats that were made since; one that can't be opened is logged, and tried again after a while."""
        if self._source is None:
            return
        async with self._looking:
            try:
                epochs = await asyncio.to_thread(self._source.epochs)
            except BridgeError as error:
                log.warning("seats.unreadable", error=str(error))
                return
            for epoch in epochs:
                if epoch not in self._seats and self._failed.get(epoch, -RETRY_S) + RETRY_S <= self._now():
                    await self._take_in(epoch, self._source)

    async def _take_in(self, epoch: Epoch, source: Source) -> None:
        try:
            self._seats[epoch] = await asyncio.to_thread(source.open, epoch)
        except BridgeError as error:
            self._failed[epoch] = self._now()
            log.warning("seat.unusable", epoch=epoch, error=str(error))
        else:
            log.info("seat.opened", epoch=epoch, notary=self._seats[epoch].notary)

    async def _seat(self, epoch: Epoch) -> HeldSeat:
        if epoch not in self._seats:
            await self.refresh()
        try:
            return self._seats[epoch]
        except KeyError:
            raise RefusedError(f"this notary has no seat in epoch {epoch}") from None
