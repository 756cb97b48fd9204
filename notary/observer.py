"""A notary's own eyes: a reader that speaks only where enough of its own nodes agree (R-10)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from bridge.core.caip import Endpoint
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision
from bridge.core.transfer import Lane, Transfer
from bridge.errors import BridgeError, UnavailableError
from bridge.ports.ledger import GatewayView, LaneView, LedgerReader, Lock

T = TypeVar("T")


class AgreedReader:
    """A LedgerReader over m nodes of one ledger; k of them must agree on block hash and content.

    Raises everywhere:
        UnavailableError: fewer than k agree. It never falls back to fewer.
    """

    def __init__(self, readers: Sequence[LedgerReader], agreement: int) -> None:
        """Ask all *readers*, each a node of its own; *agreement* is k."""
        self._readers = tuple(readers)
        self._agreement = agreement

    @property
    def endpoint(self) -> Endpoint:
        """Which gateway on which ledger this is."""
        return self._readers[0].endpoint

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        """Give the highest final block that k nodes have, and agree on; a node that claims more holds nothing up."""
        heads = await self._ask(lambda reader: reader.head(height_max=height_max))
        heights = sorted((head.height for head in heads), reverse=True)
        disagreement = self._disagreement(len(heights))
        for height in dict.fromkeys(heights[self._agreement - 1 :]):
            try:
                return self._agreed(await self._ask(partial(_head_up_to, height)))
            except UnavailableError as error:
                disagreement = error
        raise disagreement

    async def gateway(self, at: BlockStamp) -> GatewayView:
        """Read the gateway's own state."""
        return await self._read(lambda reader: reader.gateway(at), at)

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        """Read a lane."""
        return await self._read(lambda reader: reader.lane(lane, at), at)

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        """Read the source records of sequences [first, first + count)."""
        return await self._read(lambda reader: reader.locks(lane, first, count, at, open_only=open_only), at)

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        """Read the destination records."""
        return await self._read(lambda reader: reader.decisions(transfers, at), at)

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the destination gateway why it would not mint now."""
        return await self._read(lambda reader: reader.eligibility(transfer, at), at)

    async def _read(self, question: Callable[[LedgerReader], Awaitable[T]], at: BlockStamp) -> T:
        async def on_this_chain(reader: LedgerReader) -> T:
            if await reader.head(height_max=at.height) != at:
                msg = f"a node of {self.endpoint.ledger} has another block at height {at.height}"
                raise UnavailableError(msg)
            return await question(reader)

        return self._agreed(await self._ask(on_this_chain))

    async def _ask(self, question: Callable[[LedgerReader], Awaitable[T]]) -> list[T]:
        answers = await asyncio.gather(*(question(reader) for reader in self._readers), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, BridgeError):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    def _agreed(self, answers: list[T]) -> T:
        """Give the answer that at least k gave; equality, since answers hold lists and are few."""
        best = max(answers, key=answers.count, default=None)
        if best is None or answers.count(best) < self._agreement:
            raise self._disagreement(0 if best is None else answers.count(best))
        return best

    def _disagreement(self, agreeing: int) -> UnavailableError:
        return UnavailableError(
            f"{agreeing} of {len(self._readers)} nodes of {self.endpoint.ledger} agree, {self._agreement} must: "
            "check the nodes in this notary's configuration"
        )


async def _head_up_to(height: int, reader: LedgerReader) -> BlockStamp:
    return await reader.head(height_max=height)
