"""Transfer records and intents as JSON. Every value carries its schema; what can't be read is a typed error.

Bytes are hexadecimal text. The terms are the 320 bytes of `bridge.core.transfer.encode`, so that they are checked
by the core when they are read, and the identity follows from them.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NoReturn

from bridge.adapters.redis.errors import CorruptValueError, UnknownSchemaError
from bridge.core.caip import Account, word
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Destination, Outcome, Overlay, Source, Status
from bridge.core.transfer import TransferId, decode, encode
from bridge.errors import InvalidInputError
from bridge.ports.ledger import PreparedTransaction
from bridge.ports.store import Intent, TimelineEntry, TransferRecord

SCHEMA: Final = 1


def encode_record(record: TransferRecord) -> bytes:
    """Lay a record out, without its version, which the store keeps beside it."""
    return _dump(
        {
            "terms": encode(record.transfer).hex(),
            "locked_at": _stamp(record.locked_at),
            "source": record.source,
            "destination": record.destination,
            "status": record.status,
            "decision": record.decision and _decision(record.decision),
            "overlay": record.overlay,
            "reason": record.reason,
            "note": record.note,
            "timeline": [_entry(entry) for entry in record.timeline],
        }
    )


def decode_record(key: str, body: bytes, version: int) -> TransferRecord:
    """Read what encode_record wrote; *key* is where it was found.

    Raises:
        CorruptValueError: it isn't such a value.
        UnknownSchemaError: it is of another schema.
    """
    with _reading(key):
        row = _load(key, body)
        return TransferRecord(
            transfer=decode(row.hex("terms")),
            locked_at=_read_stamp(row.row("locked_at")),
            source=Source(row.text("source")),
            destination=Destination(row.text("destination")),
            status=Status(row.text("status")),
            decision=None if row.empty("decision") else _read_decision(row.row("decision")),
            overlay=None if row.empty("overlay") else Overlay(row.text("overlay")),
            reason=Reason(row.integer("reason")),
            note=row.text("note"),
            timeline=tuple(_read_entry(entry) for entry in row.rows("timeline")),
            version=version,
        )


def encode_intent(intent: Intent) -> bytes:
    """Lay an intent out."""
    transaction = intent.transaction
    return _dump(
        {
            "ledger": intent.ledger,
            "action": intent.action,
            "account": transaction.account.hex(),
            "nonce": transaction.nonce,
            "reference": transaction.reference.hex(),
            "raw": transaction.raw.hex(),
            "transfers": [i.hex() for i in intent.transfer_ids],
        }
    )


def decode_intent(key: str, body: bytes) -> Intent:
    """Read what encode_intent wrote; *key* is where it was found.

    Raises:
        CorruptValueError: it isn't such a value.
        UnknownSchemaError: it is of another schema.
    """
    with _reading(key):
        row = _load(key, body)
        return Intent(
            ledger=row.text("ledger"),
            action=row.text("action"),
            transaction=PreparedTransaction(
                account=Account(word(row.hex("account"))),
                nonce=row.integer("nonce"),
                reference=row.hex("reference"),
                raw=row.hex("raw"),
            ),
            transfer_ids=tuple(TransferId(word(i)) for i in row.hexes("transfers")),
        )


class _Row:
    """A JSON object of which every value is read with its type."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def empty(self, name: str) -> bool:
        return self._values[name] is None

    def text(self, name: str) -> str:
        return _text(name, self._values[name])

    def integer(self, name: str) -> int:
        return _integer(name, self._values[name])

    def integers(self, name: str) -> tuple[int, ...]:
        return tuple(_integer(name, value) for value in self._list(name))

    def number(self, name: str) -> float:
        value = self._values[name]
        return value if isinstance(value, float) else float(_integer(name, value))

    def hex(self, name: str) -> bytes:
        return bytes.fromhex(self.text(name))

    def hexes(self, name: str) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(_text(name, value)) for value in self._list(name))

    def row(self, name: str) -> "_Row":
        return _object(name, self._values[name])

    def rows(self, name: str) -> tuple["_Row", ...]:
        return tuple(_object(name, value) for value in self._list(name))

    def _list(self, name: str) -> list[object]:
        value = self._values[name]
        if not isinstance(value, list):
            _malformed(name, "a list")
        return value


def _stamp(stamp: BlockStamp) -> dict[str, object]:
    return {"height": stamp.height, "hash": stamp.hash.hex(), "time": stamp.time}


def _read_stamp(row: _Row) -> BlockStamp:
    return BlockStamp(height=row.integer("height"), hash=row.hex("hash"), time=row.integer("time"))


def _decision(decision: Decision) -> dict[str, object]:
    return {"outcome": decision.outcome, "reason": decision.reason, "stamp": _stamp(decision.stamp)}


def _read_decision(row: _Row) -> Decision:
    return Decision(
        outcome=Outcome(row.integer("outcome")),
        reason=Reason(row.integer("reason")),
        stamp=_read_stamp(row.row("stamp")),
    )


def _entry(entry: TimelineEntry) -> dict[str, object]:
    return {
        "event": entry.event,
        "at": entry.at,
        "ledger": entry.ledger,
        "height": entry.height,
        "reference": entry.reference,
        "signers": entry.signers,
        "note": entry.note,
    }


def _read_entry(row: _Row) -> TimelineEntry:
    return TimelineEntry(
        event=row.text("event"),
        at=row.number("at"),
        ledger=row.text("ledger"),
        height=row.integer("height"),
        reference=row.text("reference"),
        signers=row.integers("signers"),
        note=row.text("note"),
    )


def _dump(values: Mapping[str, object]) -> bytes:
    return json.dumps({"schema": SCHEMA, **values}, separators=(",", ":"), allow_nan=False).encode()


def _load(key: str, body: bytes) -> _Row:
    value: object = json.loads(body, parse_constant=_no_constant)
    row = _object("value", value)
    schema = row.integer("schema")
    if schema != SCHEMA:
        raise UnknownSchemaError(key, schema, SCHEMA)
    return row


@contextmanager
def _reading(key: str) -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise CorruptValueError(key, f"{error.args[0]} is missing") from error
    except (ValueError, RecursionError, InvalidInputError) as error:
        raise CorruptValueError(key, str(error)) from error


def _object(name: str, value: object) -> _Row:
    if not isinstance(value, dict):
        _malformed(name, "an object")
    return _Row(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        _malformed(name, "text")
    return value


def _integer(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        _malformed(name, "a whole number")
    return value


def _malformed(name: str, wanted: str) -> NoReturn:
    msg = f"{name} is not {wanted}"
    raise ValueError(msg)


def _no_constant(name: str) -> NoReturn:
    _malformed(name, "a number")
