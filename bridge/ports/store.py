"""What is kept outside the ledgers: the relayer's coordination state (R-51) and the notary's votes (R-13)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Destination, Overlay, Source, Status
from bridge.core.transfer import LaneId, Transfer, TransferId
from bridge.core.votes import Vote
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
    """A notary's own durable memory of what it signed (R-13)."""

    def record(self, votes: Sequence[Vote]) -> None:
        """Write all votes to disk (fsync) or none; one that is there already is no error.

        Raises:
            VoteConflictError: a vote contradicts an earlier one; nothing was written.
            UnavailableError: the disk refuses.
        """
        ...

    def votes(self, transfer_id: TransferId) -> list[Vote]:
        """List what was voted on a transfer, over all epochs."""
        ...
