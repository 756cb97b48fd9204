"""What a notary remembers of ledgers (R-06, R-10), and what it asks of each of its nodes beyond reading a gateway."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol, runtime_checkable

from bridge.core.caip import EndpointId
from bridge.core.records import BlockStamp, Decision, Ending
from bridge.core.transfer import LaneId, Transfer, TransferId
from bridge.errors import BridgeError, UnavailableError
from bridge.ports.ledger import AssetReader, LedgerReader

PREFIX_LEN: Final = 24
"""Bytes of the TransferId in a lock word (R-08)."""


class FactConflictError(UnavailableError):
    """What is read contradicts what was read before as final: the ledger changed beneath its finality, or nodes lie.

    No answer can be given, and asking again does not help: the breaker's affair, and a person's.
    """

    retryable: ClassVar[bool] = False


class FactGapError(BridgeError):
    """A lock was to be stored before the one that precedes it on its lane: read the missing ones first."""

    def __init__(self, lane: LaneId, sequence: int, known: int) -> None:
        """Name the lane, the sequence given, and the last one stored."""
        super().__init__(
            f"lane 0x{lane.hex()}: sequence {sequence} can't be stored after {known}: store {known + 1} first"
        )
        self.lane = lane
        self.known = known


class EndpointRetiredError(UnavailableError):
    """A checkpoint of this endpoint changed (R-06): this notary answers nothing about it, ever again."""

    retryable: ClassVar[bool] = False

    def __init__(self, endpoint: EndpointId, why: str) -> None:
        """Keep the endpoint; *why* tells what was seen."""
        super().__init__(
            f"the endpoint 0x{endpoint.hex()} is retired for ever: {why}; "
            "a restored or replaced ledger is another one and needs a new gateway (R-06)"
        )
        self.endpoint = endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A block and the hash of the one before it."""

    stamp: BlockStamp
    parent: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFact:
    """A lock that was seen final: what never changes of it."""

    transfer: Transfer
    stamp: BlockStamp


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """What a source gateway stores of one sequence at one block (R-08), without looking for the lock's event."""

    prefix: bytes
    """First 24 bytes of the TransferId while the lock is open, else empty."""
    ending: Ending
    pending: bool
    """The record is sealed and waits for a payout (R-31)."""

    @property
    def exists(self) -> bool:
        """Something was locked at this sequence."""
        return bool(self.prefix) or self.ending is not Ending.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A final block that must never change."""

    height: int
    hash: bytes


@runtime_checkable
class LockStateReader(Protocol):
    """The present state of locks whose terms are known."""

    async def lock_states(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[LockState]:
        """Read what stands at each transfer's sequence, whatever it is, in the order given.

        Raises:
            UnavailableError: the node does not answer, or lacks the block.
        """
        ...


@runtime_checkable
class HeaderReader(Protocol):
    """The blocks themselves."""

    async def header(self, height: int) -> Header:
        """Read a block anew; nothing remembered is given.

        Raises:
            UnavailableError: the node does not answer, or lacks the block.
        """
        ...


@runtime_checkable
class AssetNode(AssetReader, Protocol):
    """An AssetReader that can be told from a reader that is none."""


class LedgerNode(LedgerReader, LockStateReader, HeaderReader, AssetReader, Protocol):
    """One gateway through one node, with what its health shows in."""

    @property
    def name(self) -> str:
        """What people call this node: its address."""
        ...

    async def identify(self) -> None:
        """Ask anew whether the node is on the endpoint's own chain: chain id and fingerprint.

        Raises:
            UnavailableError: it is not, or does not answer.
        """
        ...


class FactStore(Protocol):
    """Append-only: the final locks of each lane, without gaps from sequence 1, and the final decisions.

    Raises everywhere:
        UnavailableError: the disk refuses.
    """

    def known(self, lane: LaneId) -> int:
        """Give the last sequence that is stored of a lane; 0 if none is."""
        ...

    def add_locks(self, locks: Sequence[LockFact]) -> None:
        """Store all or none; one that is there already is no error.

        Raises:
            FactGapError: a lock's sequence is not the next of its lane.
            FactConflictError: another lock is stored at its place, or the same one with another block.
        """
        ...

    def locks(self, lane: LaneId, first: int, count: int) -> list[LockFact]:
        """Give what is stored of the sequences [first, first + count), in order."""
        ...

    def add_decisions(self, decisions: Sequence[tuple[TransferId, Decision]]) -> None:
        """Store all or none; one that is there already is no error.

        Raises:
            FactConflictError: another decision is stored for the transfer.
        """
        ...

    def decisions(self, transfer_ids: Sequence[TransferId]) -> list[Decision | None]:
        """Give each transfer's decision, None where none is stored."""
        ...


class CheckpointStore(Protocol):
    """Append-only: pinned blocks of each endpoint, ascending, and which endpoints are retired (R-06). Fsynced.

    Raises everywhere:
        UnavailableError: the disk refuses.
    """

    def pin(self, endpoint: EndpointId, checkpoint: Checkpoint) -> None:
        """Pin a final block; one that is pinned already is no error.

        Raises:
            FactConflictError: another hash is pinned at its height, or it is below the newest and not pinned.
        """
        ...

    def checkpoints(self, endpoint: EndpointId, limit: int) -> list[Checkpoint]:
        """List up to *limit* pinned blocks, highest first."""
        ...

    def retire(self, endpoint: EndpointId, why: str) -> None:
        """Retire an endpoint for ever; the first reason stays."""
        ...

    def retired(self, endpoint: EndpointId) -> str | None:
        """Tell why an endpoint is retired; None if it isn't."""
        ...
