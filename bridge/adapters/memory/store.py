"""The coordination ports in memory. `wipe` is what a loss of Redis looks like."""

from dataclasses import dataclass, field, replace

from bridge.core.transfer import LaneId, TransferId
from bridge.errors import ConflictError
from bridge.ports.store import Intent, TransferRecord


class MemoryTransferStore:
    """TransferStore."""

    def __init__(self) -> None:
        """Start empty."""
        self._records: dict[TransferId, TransferRecord] = {}

    async def get(self, transfer_id: TransferId) -> TransferRecord | None:
        """Read a record."""
        return self._records.get(transfer_id)

    async def put(self, record: TransferRecord) -> TransferRecord:
        """Write a record if its version is still the stored one."""
        known = self._records.get(record.id)
        if record.version != (known.version if known else 0):
            msg = f"transfer 0x{record.id.hex()} is no longer at version {record.version}: read it again"
            raise ConflictError(msg)
        stored = replace(record, version=record.version + 1)
        self._records[stored.id] = stored
        return stored

    async def open(self, lane: LaneId | None = None) -> list[TransferRecord]:
        """List the records that are open, of one lane or of all, oldest lock first."""
        found = (r for r in self._records.values() if r.is_open and lane in (None, r.transfer.lane.id))
        return sorted(found, key=_age)

    async def recent(self, limit: int) -> list[TransferRecord]:
        """List up to *limit* records of any status, newest lock first."""
        return sorted(self._records.values(), key=_age, reverse=True)[: max(limit, 0)]

    def wipe(self) -> None:
        """Forget everything."""
        self._records.clear()


class MemoryCursorStore:
    """CursorStore."""

    def __init__(self) -> None:
        """Start empty."""
        self._cursors: dict[LaneId, int] = {}

    async def cursor(self, lane: LaneId) -> int:
        """Give the last sequence that is indexed; 0 if none is known."""
        return self._cursors.get(lane, 0)

    async def advance(self, lane: LaneId, sequence: int) -> None:
        """Remember *sequence*, unless the cursor is further already."""
        self._cursors[lane] = max(self._cursors.get(lane, 0), sequence)

    def wipe(self) -> None:
        """Forget everything."""
        self._cursors.clear()


class MemoryIntentStore:
    """IntentStore."""

    def __init__(self) -> None:
        """Start empty."""
        self._intents: dict[_IntentKey, Intent] = {}

    async def add(self, intent: Intent) -> None:
        """Keep an intent until it is removed."""
        self._intents[_intent_key(intent)] = intent

    async def remove(self, intent: Intent) -> None:
        """Forget an intent; one that isn't there is no error."""
        self._intents.pop(_intent_key(intent), None)

    async def intents(self, ledger: str) -> list[Intent]:
        """List what was about to be sent to *ledger*, lowest nonce first."""
        return [intent for key, intent in sorted(self._intents.items(), key=lambda pair: pair[0]) if key[0] == ledger]

    def wipe(self) -> None:
        """Forget everything."""
        self._intents.clear()


@dataclass(frozen=True, slots=True)
class MemoryStores:
    """The three stores together, as the Redis adapter gives them."""

    transfers: MemoryTransferStore = field(default_factory=MemoryTransferStore)
    cursors: MemoryCursorStore = field(default_factory=MemoryCursorStore)
    intents: MemoryIntentStore = field(default_factory=MemoryIntentStore)

    def wipe(self) -> None:
        """Forget everything, as a wiped Redis does."""
        self.transfers.wipe()
        self.cursors.wipe()
        self.intents.wipe()


_IntentKey = tuple[str, int, bytes, bytes]


def _intent_key(intent: Intent) -> _IntentKey:
    transaction = intent.transaction
    return intent.ledger, transaction.nonce, transaction.account, transaction.reference


def _age(record: TransferRecord) -> tuple[int, int, TransferId]:
    return record.locked_at.time, record.transfer.sequence, record.id
