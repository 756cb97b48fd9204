"""A reader that knows what it has seen: terms and decisions once final come from the store, their state from the chain.

Law: whether a lock is open or ended is asked of k nodes at the block that the caller names, each time, and what they
say is held against what is stored. Nothing is said of a retired endpoint (R-06).
"""

from collections.abc import Sequence

from bridge.core.caip import AssetId, Endpoint
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending
from bridge.core.transfer import Lane, Transfer
from bridge.ports.facts import (
    PREFIX_LEN,
    CheckpointStore,
    EndpointRetiredError,
    FactConflictError,
    FactStore,
    LockFact,
    LockState,
)
from bridge.ports.ledger import AssetView, GatewayView, LaneView, Lock
from notary.observer import AgreedReader


class ObservedReader:
    """LedgerReader and AssetReader over an AgreedReader and what was seen before.

    Raises everywhere:
        UnavailableError: fewer than k nodes agree.
        EndpointRetiredError: a checkpoint of the endpoint changed.
        FactConflictError: k nodes agree on what contradicts a stored fact.
    """

    def __init__(self, agreed: AgreedReader, facts: FactStore, checkpoints: CheckpointStore) -> None:
        """Serve from *facts* what *agreed* gave before."""
        self._agreed = agreed
        self._facts = facts
        self._checkpoints = checkpoints

    @property
    def endpoint(self) -> Endpoint:
        """Which gateway on which ledger this is."""
        return self._agreed.endpoint

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        """Give the highest final block that k nodes have, not above *height_max*."""
        return await self._living().head(height_max=height_max)

    async def gateway(self, at: BlockStamp) -> GatewayView:
        """Read the gateway's own state."""
        return await self._living().gateway(at)

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        """Read a lane."""
        return await self._living().lane(lane, at)

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the destination gateway why it would not mint now."""
        return await self._living().eligibility(transfer, at)

    async def asset(self, asset: AssetId, at: BlockStamp) -> AssetView:
        """Read an asset."""
        return await self._living().asset(asset, at)

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        """Read the source records of sequences [first, first + count); what is news is stored, without gaps."""
        agreed = self._living()
        known = self._facts.locks(lane.id, first, count)
        standing = [fact for fact in known if fact.stamp.height <= at.height]
        locks = await self._standing(standing, at, open_only=open_only)
        if len(standing) < len(known) or len(known) == count:
            return locks
        rest = first + len(known)
        news = await agreed.locks(lane, rest, first + count - rest, at, open_only=open_only)
        self._store(lane, news)
        return locks + news

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        """Read the destination records; a final decision never changes, and is asked for once."""
        agreed = self._living()
        stored = self._facts.decisions([transfer.id for transfer in transfers])
        known = {t.id: d for t, d in zip(transfers, stored, strict=True) if d and d.stamp.height <= at.height}
        asked = [transfer for transfer in transfers if transfer.id not in known]
        found = await agreed.decisions(asked, at) if asked else []
        news = [(t.id, decision) for t, decision in zip(asked, found, strict=True) if decision is not None]
        self._facts.add_decisions(news)
        known |= dict(news)
        return [known.get(transfer.id) for transfer in transfers]

    def _living(self) -> AgreedReader:
        why = self._checkpoints.retired(self.endpoint.id)
        if why is not None:
            raise EndpointRetiredError(self.endpoint.id, why)
        return self._agreed

    async def _standing(self, facts: Sequence[LockFact], at: BlockStamp, *, open_only: bool) -> list[Lock]:
        if not facts:
            return []
        states = await self._agreed.lock_states([fact.transfer for fact in facts], at)
        return [
            _lock(fact, state)
            for fact, state in zip(facts, states, strict=True)
            if state.ending is Ending.OPEN or not open_only
        ]

    def _store(self, lane: Lane, locks: Sequence[Lock]) -> None:
        """Store what follows on what is stored; the watch fills what is missing before."""
        following = self._facts.known(lane.id) + 1
        facts: list[LockFact] = []
        for lock in locks:
            if lock.transfer.sequence == following + len(facts):
                facts.append(LockFact(transfer=lock.transfer, stamp=lock.stamp))
        self._facts.add_locks(facts)


def _lock(fact: LockFact, state: LockState) -> Lock:
    """Join terms and state.

    Raises:
        FactConflictError: the record is of another transfer, or gone.
    """
    transfer = fact.transfer
    if state.ending is Ending.OPEN and state.prefix != transfer.id[:PREFIX_LEN]:
        msg = (
            f"lane 0x{transfer.lane.id.hex()} sequence {transfer.sequence}: the lock 0x{transfer.id.hex()}, seen final "
            f"in block {fact.stamp.height}, is not there any more: the ledger changed beneath its finality"
        )
        raise FactConflictError(msg)
    return Lock(transfer=transfer, ending=state.ending, pending=state.pending, stamp=fact.stamp)
