"""A notary's facts in memory. To crash a notary and start it again, give the new one the same store."""

from collections.abc import Sequence

from bridge.core.caip import EndpointId
from bridge.core.records import Decision
from bridge.core.transfer import LaneId, TransferId
from bridge.ports.facts import Checkpoint, FactConflictError, FactGapError, LockFact


class MemoryFacts:
    """FactStore and CheckpointStore."""

    def __init__(self) -> None:
        """Start empty."""
        self._locks: dict[LaneId, list[LockFact]] = {}
        self._decisions: dict[TransferId, Decision] = {}
        self._pins: dict[EndpointId, list[Checkpoint]] = {}
        self._retired: dict[EndpointId, str] = {}

    def known(self, lane: LaneId) -> int:
        """Give the last sequence that is stored of a lane; 0 if none is."""
        return len(self._locks.get(lane, []))

    def add_locks(self, locks: Sequence[LockFact]) -> None:
        """Store all or none; one that is there already is no error.

        Raises:
            FactGapError: a lock's sequence is not the next of its lane.
            FactConflictError: another lock is stored at its place, or the same one with another block.
        """
        touched = {lock.transfer.lane.id for lock in locks}
        stored = {lane: list(self._locks.get(lane, [])) for lane in touched}
        for lock in locks:
            lane, sequence = lock.transfer.lane.id, lock.transfer.sequence
            of_lane = stored[lane]
            if sequence > len(of_lane) + 1:
                raise FactGapError(lane, sequence, len(of_lane))
            if sequence == len(of_lane) + 1:
                of_lane.append(lock)
            elif of_lane[sequence - 1] != lock:
                msg = f"lane 0x{lane.hex()} sequence {sequence}: another lock is stored there as final"
                raise FactConflictError(msg)
        self._locks |= stored

    def locks(self, lane: LaneId, first: int, count: int) -> list[LockFact]:
        """Give what is stored of the sequences [first, first + count), in order."""
        return self._locks.get(lane, [])[max(0, first - 1) : max(0, first + count - 1)]

    def add_decisions(self, decisions: Sequence[tuple[TransferId, Decision]]) -> None:
        """Store all or none; one that is there already is no error.

        Raises:
            FactConflictError: another decision is stored for the transfer.
        """
        new: dict[TransferId, Decision] = {}
        for transfer_id, decision in decisions:
            known = self._decisions.get(transfer_id, decision)
            if known != decision or new.setdefault(transfer_id, decision) != decision:
                msg = f"transfer 0x{transfer_id.hex()}: another decision is stored as final"
                raise FactConflictError(msg)
        self._decisions |= new

    def decisions(self, transfer_ids: Sequence[TransferId]) -> list[Decision | None]:
        """Give each transfer's decision, None where none is stored."""
        return [self._decisions.get(transfer_id) for transfer_id in transfer_ids]

    def pin(self, endpoint: EndpointId, checkpoint: Checkpoint) -> None:
        """Pin a final block; one that is pinned already is no error.

        Raises:
            FactConflictError: another hash is pinned at its height, or it is below the newest and not pinned.
        """
        pins = self._pins.setdefault(endpoint, [])
        if pins and checkpoint.height <= pins[-1].height:
            if checkpoint not in pins:
                msg = f"endpoint 0x{endpoint.hex()}: block {checkpoint.height} is pinned otherwise, or below a pin"
                raise FactConflictError(msg)
            return
        pins.append(checkpoint)

    def checkpoints(self, endpoint: EndpointId, limit: int) -> list[Checkpoint]:
        """List up to *limit* pinned blocks, highest first."""
        return self._pins.get(endpoint, [])[::-1][:limit]

    def retire(self, endpoint: EndpointId, why: str) -> None:
        """Retire an endpoint for ever; the first reason stays."""
        self._retired.setdefault(endpoint, why)

    def retired(self, endpoint: EndpointId) -> str | None:
        """Tell why an endpoint is retired; None if it isn't."""
        return self._retired.get(endpoint)
