"""The three coordination ports over Redis. One Lua script per atomic operation, each within one Cluster slot.

| key | type | holds |
|---|---|---|
| `naru:lanes` | set | the hex id of every lane that has a record |
| `naru:lane-of:<id>` | string | the hex id of a transfer's lane |
| `naru:{<lane>}:transfer:<id>` | hash | `version` (decimal) and `body` (codec) of a record |
| `naru:{<lane>}:open` | sorted set | the records that are open, by lock time |
| `naru:{<lane>}:recent` | sorted set | all records, by lock time |
| `naru:{<lane>}:cursor` | string | the last sequence that is indexed, decimal |
| `naru:intents:<ledger>` | hash | `<account>:<nonce>:<reference>` to an intent (codec) |

Index before record: the lane and the way from id to lane are written before the script runs, and the script adds to
the index before it writes the record. An entry without its record is skipped; every put writes all of them anew.
Index members are `<sequence, 20 digits>:<id>`, so that locks of one second stay in the order of their sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Final

from redis.asyncio import Redis

from bridge.adapters.redis.codec import decode_intent, decode_record, encode_intent, encode_record
from bridge.adapters.redis.errors import CorruptValueError, translated
from bridge.core.transfer import LaneId, TransferId
from bridge.errors import ConflictError
from bridge.ports.store import Intent, TransferRecord

LANES: Final = "naru:lanes"
READ_LEN_MAX: Final = 500
"""Records read in one round trip."""


class RedisTransferStore:
    """TransferStore."""

    def __init__(self, client: Redis) -> None:
        """Use *client*; the caller closes it."""
        self._client = client
        self._put = client.register_script(_lua("put.lua"))

    async def get(self, transfer_id: TransferId) -> TransferRecord | None:
        """Read a record.

        Raises:
            StoredValueError: it is corrupt or of another schema.
        """
        key = _lane_of_key(transfer_id)
        with translated(key):
            lane = await self._client.get(key)
        if lane is None:
            return None
        entry = _Entry(lane=_text(lane), id=transfer_id.hex(), order=(0, ""))
        return (await self._read([entry]))[0]

    async def put(self, record: TransferRecord) -> TransferRecord:
        """Write a record if its version is still the stored one; indexes first."""
        stored = replace(record, version=record.version + 1)
        lane, transfer_id = stored.transfer.lane.id.hex(), stored.id
        with translated(LANES):
            pipeline = self._client.pipeline(transaction=False)
            pipeline.sadd(LANES, lane)
            pipeline.set(_lane_of_key(transfer_id), lane)
            await pipeline.execute()
        await self._compare_and_set(stored, lane, transfer_id.hex())
        return stored

    async def open(self, lane: LaneId | None = None) -> list[TransferRecord]:
        """List the records that are open, of one lane or of all, oldest lock first.

        Raises:
            StoredValueError: one of them is corrupt or of another schema.
        """
        lanes = await self._lanes() if lane is None else [lane.hex()]
        entries = sorted(await self._entries(lanes, "open", 0), key=lambda e: e.order)
        return [r for r in await self._read(entries) if r is not None and r.is_open]

    async def recent(self, limit: int) -> list[TransferRecord]:
        """List up to *limit* records of any status, newest lock first.

        Raises:
            StoredValueError: one of them is corrupt or of another schema.
        """
        if limit <= 0:
            return []
        entries = await self._entries(await self._lanes(), "recent", -limit)
        entries.sort(key=lambda e: e.order, reverse=True)
        return [r for r in await self._read(entries[:limit]) if r is not None]

    async def _compare_and_set(self, stored: TransferRecord, lane: str, transfer_id: str) -> None:
        key = _record_key(lane, transfer_id)
        arguments = (
            stored.version - 1,
            stored.version,
            encode_record(stored),
            f"{stored.transfer.sequence:020}:{transfer_id}",
            stored.locked_at.time,
            int(not stored.is_open),
        )
        with translated(key):
            written: object = await self._put((key, _lane_key(lane, "open"), _lane_key(lane, "recent")), arguments)
        if written != 1:
            msg = f"transfer 0x{transfer_id} is no longer at version {stored.version - 1}: read it again"
            raise ConflictError(msg)

    async def _lanes(self) -> list[str]:
        with translated(LANES):
            return [_text(lane) for lane in await self._client.smembers(LANES)]

    async def _entries(self, lanes: Sequence[str], index: str, first: int) -> list["_Entry"]:
        with translated(f"the {index} indexes"):
            pipeline = self._client.pipeline(transaction=False)
            for lane in lanes:
                pipeline.zrange(_lane_key(lane, index), first, -1, withscores=True)
            rows: list[list[tuple[bytes, float]]] = await pipeline.execute()
        return [_entry(lane, *pair) for lane, row in zip(lanes, rows, strict=True) for pair in row]

    async def _read(self, entries: Sequence["_Entry"]) -> list[TransferRecord | None]:
        found: list[TransferRecord | None] = []
        for start in range(0, len(entries), READ_LEN_MAX):
            batch = entries[start : start + READ_LEN_MAX]
            with translated("the transfer records"):
                pipeline = self._client.pipeline(transaction=False)
                for entry in batch:
                    pipeline.hmget(_record_key(entry.lane, entry.id), ["version", "body"])
                rows: list[tuple[bytes | None, bytes | None]] = await pipeline.execute()
            found += [_record(entry, *row) for entry, row in zip(batch, rows, strict=True)]
        return found


class RedisCursorStore:
    """CursorStore."""

    def __init__(self, client: Redis) -> None:
        """Use *client*; the caller closes it."""
        self._client = client
        self._advance = client.register_script(_lua("advance.lua"))

    async def cursor(self, lane: LaneId) -> int:
        """Give the last sequence that is indexed; 0 if none is known.

        Raises:
            CorruptValueError: what is stored is no number.
        """
        key = _lane_key(lane.hex(), "cursor")
        with translated(key):
            value = await self._client.get(key)
        return 0 if value is None else _number(key, value)

    async def advance(self, lane: LaneId, sequence: int) -> None:
        """Remember *sequence*, unless the cursor is further already."""
        key = _lane_key(lane.hex(), "cursor")
        with translated(key):
            await self._advance((key,), (sequence,))


class RedisIntentStore:
    """IntentStore."""

    def __init__(self, client: Redis) -> None:
        """Use *client*; the caller closes it."""
        self._client = client

    async def add(self, intent: Intent) -> None:
        """Keep an intent until it is removed."""
        key = _intents_key(intent.ledger)
        with translated(key):
            await self._client.hset(key, _intent_field(intent), encode_intent(intent))

    async def remove(self, intent: Intent) -> None:
        """Forget an intent; one that isn't there is no error."""
        key = _intents_key(intent.ledger)
        with translated(key):
            await self._client.hdel(key, _intent_field(intent))

    async def intents(self, ledger: str) -> list[Intent]:
        """List what was about to be sent to *ledger*, lowest nonce first.

        Raises:
            StoredValueError: one is corrupt or of another schema.
        """
        key = _intents_key(ledger)
        with translated(key):
            bodies = await self._client.hvals(key)
        found = [decode_intent(key, _bytes(body)) for body in bodies]
        return sorted(found, key=lambda i: (i.transaction.nonce, i.transaction.account, i.transaction.reference))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    lane: str
    id: str
    order: tuple[float, str]
    """Lock time, then the index member: sequence, then id."""


def _entry(lane: str, member: bytes, score: float) -> _Entry:
    text = _text(member)
    return _Entry(lane=lane, id=text.rpartition(":")[2], order=(score, text))


def _record(entry: _Entry, version: bytes | None, body: bytes | None) -> TransferRecord | None:
    if version is None and body is None:
        return None
    key = _record_key(entry.lane, entry.id)
    if version is None or body is None:
        raise CorruptValueError(key, "it lacks its version or its body")
    record = decode_record(key, body, _number(key, version))
    if (record.transfer.lane.id.hex(), record.id.hex()) != (entry.lane, entry.id):
        raise CorruptValueError(key, "it holds another transfer")
    return record


def _record_key(lane: str, transfer_id: str) -> str:
    return _lane_key(lane, f"transfer:{transfer_id}")


def _lane_key(lane: str, name: str) -> str:
    return f"naru:{{{lane}}}:{name}"


def _lane_of_key(transfer_id: TransferId) -> str:
    return f"naru:lane-of:{transfer_id.hex()}"


def _intents_key(ledger: str) -> str:
    return f"naru:intents:{ledger}"


def _intent_field(intent: Intent) -> str:
    transaction = intent.transaction
    return f"{transaction.account.hex()}:{transaction.nonce}:{transaction.reference.hex()}"


def _number(key: str, value: bytes | str) -> int:
    text = _text(value)
    if not (text.isascii() and text.isdecimal()):
        raise CorruptValueError(key, "it is no number")
    return int(text)


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")


def _lua(name: str) -> str:
    return resources.files(__package__).joinpath("lua", name).read_text(encoding="utf-8")
