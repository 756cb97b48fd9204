"""What is kept outside the ledgers: the relayer's coordination state (R-51) and the notary's votes (R-13)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Destination, Overlay, Source, Status
from bridge.core.transfer import LaneId, Transfer, TransferId
from bridge.core.votes import HandoverVote, Vote, VoteHead
from bridge.ports.ledger import PreparedTransaction


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened to a transfer. `at` in unix seconds; the rest where it applies."""

    event: str
    at: float
    ledger: str = ""
    height: int = 0
    reference: str = ""
    """The ledger's transaction, 0x hex."""
    signers: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRecord:
    """A relayer's view of one transfer. `version` counts writes; 0 is a record that was never stored."""

    transfer: Transfer
    locked_at: BlockStamp
    source: Source
    destination: Destination
    status: Status
    decision: Decision | None = None
    overlay: Overlay | None = None
    reason: Reason = Reason.NONE
    note: str = ""
    timeline: tuple[TimelineEntry, ...] = field(default=())
    version: int = 0

    @property
    def id(self) -> TransferId:
        """The transfer's identity."""
        return self.transfer.id

    @property
    def is_open(self) -> bool:
        """Something is left to do: it has not ended, or a payout still waits."""
        return not self.status.ended or self.overlay is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A transaction that was about to be sent (R-52), and the transfers that it is for."""

    ledger: str
    action: str
    transaction: PreparedTransaction
    transfer_ids: tuple[TransferId, ...]


class TransferStore(Protocol):
    """One record per transfer, with an index of the open ones.

    Raises everywhere:
        UnavailableError: the store does not answer.
    """

    async def get(self, transfer_id: TransferId) -> TransferRecord | None:
        """Read a record."""
        ...

    async def put(self, record: TransferRecord) -> TransferRecord:
        """Write a record if its `version` is still the stored one, index included; give it back one version later.

        Raises:
            ConflictError: another writer was faster.
        """
        ...

    async def open(self, lane: LaneId | None = None) -> list[TransferRecord]:
        """List the records that are open, of one lane or of all, oldest lock first."""
        ...

    async def recent(self, limit: int) -> list[TransferRecord]:
        """List up to *limit* records of any status, newest lock first."""
        ...


class CursorStore(Protocol):
    """How far each lane was watched. Losing it costs time only: index before cursor (R-51)."""

    async def cursor(self, lane: LaneId) -> int:
        """Give the last sequence that is indexed; 0 if none is known."""
        ...

    async def advance(self, lane: LaneId, sequence: int) -> None:
        """Remember *sequence*, unless the cursor is further already."""
        ...


class IntentStore(Protocol):
    """What was about to be sent."""

    async def add(self, intent: Intent) -> None:
        """Keep an intent until it is removed."""
        ...

    async def remove(self, intent: Intent) -> None:
        """Forget an intent; one that isn't there is no error."""
        ...

    async def intents(self, ledger: str) -> list[Intent]:
        """List what was about to be sent to *ledger*, lowest nonce first."""
        ...


class VoteStore(Protocol):
    """One seat's durable memory of what it signed (R-13), and how far it has come: see votes.VoteHead.

    Each call of `record` or `record_handover` that adds something moves the head by one, and is whole or not at all.
    *seen* are other members' heads, their signatures checked: what is news of them is kept in the same write.

    Raises everywhere but in `problem` and `head`:
        UnavailableError: the disk refuses, or did so earlier, or the seat is refused for good.
    """

    @property
    def problem(self) -> str:
        """What stands in the way of recording, for a restart or for good; empty if nothing does."""
        ...

    def head(self) -> tuple[int, bytes]:
        """Give count and hash of what is recorded."""
        ...

    def record(self, votes: Sequence[Vote], seen: Sequence[VoteHead] = ()) -> None:
        """Write all votes to disk (fsync) or none; one that is there already is no error.

        Raises:
            VoteConflictError: a vote contradicts an earlier one; nothing was written.
        """
        ...

    def record_handover(self, vote: HandoverVote, seen: Sequence[VoteHead] = ()) -> None:
        """Write a handover to disk (fsync); the same again is no error.

        Raises:
            HandoverConflictError: another key was named in that epoch; nothing was written.
        """
        ...

    def votes(self, transfer_id: TransferId) -> list[Vote]:
        """List what was voted on a transfer, over all epochs."""
        ...

    def related(self, vote: Vote) -> list[Vote]:
        """List what `votes.check` holds *vote* against: votes on its transfer, and at its place of the lane."""
        ...


class HeadStore(Protocol):
    """What a seat remembers of other members' votes: the highest head of each, and every proof of two stores.

    Raises everywhere:
        UnavailableError: the disk refuses, or did so earlier.
    """

    def seen(self, notary: int) -> VoteHead | None:
        """Give the highest head seen of a member; of two with one count, the first."""
        ...

    def remember(self, heads: Sequence[VoteHead]) -> None:
        """Write to disk (fsync) what is news; a second head with a count that is known is kept apart, as evidence."""
        ...

    def evidence(self) -> list[VoteHead]:
        """List heads that contradict each other: same member, same count, another hash; both signed by the member."""
        ...

    def refuse(self, why: str) -> None:
        """Write to disk that this store must never be used again; `problem` tells *why* from here on."""
        ...


class SeatStore(VoteStore, HeadStore, Protocol):
    """All that one seat keeps on disk besides its share."""
