"""One node under watch: while its health is bad it counts as not answering (R-10).

Law: a node is judged by its own answers and this machine's clock alone. What other nodes say is agreement's affair.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.caip import AssetId, Endpoint
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision
from bridge.core.transfer import Lane, Transfer
from bridge.errors import UnavailableError
from bridge.ports.facts import Header, LedgerNode, LockState
from bridge.ports.ledger import AssetView, GatewayView, LaneView, Lock
from bridge.ports.runtime import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLimits:
    """When a node's health is bad. Seconds of this machine's clock, and blocks."""

    ahead_s: float = 60.0
    """How far a final head's time may be in the future."""
    idle_s: float | None = None
    """How old a final head may be; None where a ledger may seal no block for long."""
    recheck_s: float = 60.0
    """After so long a node is asked again which chain it is on: behind a load balancer that may change."""
    retry_s: float = 2.0
    """For so long after it could not tell that, no reading asks it again."""
    quarantine_s: float = 600.0
    """For so long a node that contradicted itself is not asked."""
    links_max: int = 8
    """Up to so many new blocks are followed by their parent hashes; beyond, the last block seen is looked up again."""


DEFAULT: Final = HealthLimits()


class WatchedNode:
    """LedgerNode and AssetReader over a node, which it leaves out while that node's health is bad.

    Raises everywhere:
        UnavailableError: the node does not answer, or its health is bad: `problem` says why.
    """

    def __init__(self, node: LedgerNode, clock: Clock, limits: HealthLimits = DEFAULT) -> None:
        """Watch *node*."""
        self._node = node
        self._clock = clock
        self._limits = limits
        self._identified_until: float | None = None
        self._unidentified = (0.0, "")
        self._identifying = asyncio.Lock()
        self._advancing = asyncio.Lock()
        self._quarantine = (0.0, "")
        self._seen: BlockStamp | None = None
        self.problem = ""
        """What is wrong with the node; empty while nothing is."""

    @property
    def name(self) -> str:
        """What people call this node."""
        return self._node.name

    @property
    def endpoint(self) -> Endpoint:
        """Which gateway on which ledger this is."""
        return self._node.endpoint

    async def identify(self) -> None:
        """Ask anew whether the node is on the endpoint's own chain."""
        self._identified_until = None
        try:
            await self._node.identify()
        except UnavailableError as error:
            self._unidentified = (self._clock.now() + self._limits.retry_s, str(error))
            raise
        self._identified_until = self._clock.now() + self._limits.recheck_s

    async def header(self, height: int) -> Header:
        """Read a block anew, even of a node that contradicted itself: how else is a changed ledger to be noticed."""
        await self._on_its_chain()
        return await self._node.header(height)

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        """Give the newest final block; without *height_max* the node's own progress is checked."""
        if height_max is not None:
            return await (await self._healthy()).head(height_max=height_max)
        try:
            head = await self._checked_head()
        except UnavailableError as error:
            self.problem = str(error)
            raise
        self.problem = ""
        return head

    async def gateway(self, at: BlockStamp) -> GatewayView:
        """Read the gateway's own state."""
        return await (await self._healthy()).gateway(at)

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        """Read a lane."""
        return await (await self._healthy()).lane(lane, at)

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        """Read the source records of sequences [first, first + count)."""
        return await (await self._healthy()).locks(lane, first, count, at, open_only=open_only)

    async def lock_states(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[LockState]:
        """Read what stands at each transfer's sequence."""
        return await (await self._healthy()).lock_states(transfers, at)

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        """Read the destination records."""
        return await (await self._healthy()).decisions(transfers, at)

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the destination gateway why it would not mint now."""
        return await (await self._healthy()).eligibility(transfer, at)

    async def asset(self, asset: AssetId, at: BlockStamp) -> AssetView:
        """Read an asset."""
        return await (await self._healthy()).asset(asset, at)

    async def _healthy(self) -> LedgerNode:
        until, why = self._quarantine
        left = until - self._clock.now()
        if left > 0:
            raise UnavailableError(f"{why}; it is not asked for another {left:.0f} s")
        await self._on_its_chain()
        return self._node

    async def _on_its_chain(self) -> None:
        async with self._identifying:
            now, (retry_at, why) = self._clock.now(), self._unidentified
            if self._identified_until is not None and now < self._identified_until:
                return
            if now < retry_at:
                raise UnavailableError(why)
            await self.identify()

    async def _checked_head(self) -> BlockStamp:
        """Read the head and what links it to the last one; in turn, or an older answer would look like a step back."""
        node = await self._healthy()
        async with self._advancing:
            head, seen = await node.head(), self._seen
            self._check_time(head)
            if seen is not None and head.height < seen.height:
                raise self._bad(f"its final head went back from block {seen.height} to {head.height}")
            if seen is not None and not await self._follows(head, seen):
                error = self._bad(f"its final block {seen.height} was 0x{seen.hash.hex()} and is not any more")
                self._quarantine = (self._clock.now() + self._limits.quarantine_s, str(error))
                self._seen = None
                raise error
            self._seen = head
            return head

    def _check_time(self, head: BlockStamp) -> None:
        ahead, idle = head.time - self._clock.now(), self._limits.idle_s
        if ahead > self._limits.ahead_s:
            raise self._bad(f"its final head, block {head.height}, is {ahead:.0f} s in the future: compare the clocks")
        if idle is not None and -ahead > idle:
            raise self._bad(
                f"its final head, block {head.height}, is {-ahead:.0f} s old: it has stopped, or was cut off"
            )

    async def _follows(self, head: BlockStamp, seen: BlockStamp) -> bool:
        """Tell whether *seen* is on the chain that ends in *head*."""
        if head.height - seen.height > self._limits.links_max:
            return (await self._node.header(seen.height)).stamp == seen
        expected = head.hash
        for height in range(head.height, seen.height, -1):
            header = await self._node.header(height)
            if header.stamp.hash != expected:
                return False
            expected = header.parent
        return expected == seen.hash

    def _bad(self, what: str) -> UnavailableError:
        return UnavailableError(f"node {self.name}: {what}")
