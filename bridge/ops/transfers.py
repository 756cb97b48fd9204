"""Looking at transfers, as a relayer's Redis has them: a view, never the truth."""

from datetime import UTC, datetime
from typing import Final

from bridge.adapters.redis.client import RedisStores, connect
from bridge.config import ClientConfig
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.core.records import Overlay
from bridge.core.transfer import TransferId
from bridge.errors import InvalidInputError
from bridge.ops.client import Names, format_amount
from bridge.ports.store import TimelineEntry, TransferRecord

Json = dict[str, object]
FULL_ID_LEN: Final = 64
SEARCH_MAX: Final = 10_000
"""Newest transfers in which the start of an id is looked for."""


async def recent(config: ClientConfig, limit: int) -> list[TransferRecord]:
    """List the newest transfers.

    Raises:
        UnavailableError: Redis does not answer.
    """
    async with connect(config.redis) as stores:
        return await stores.transfers.recent(limit)


async def find(stores: RedisStores, digits: str) -> TransferRecord | None:
    """Read the one transfer whose id starts with *digits*, at least 8; None if the relayer knows none.

    Raises:
        InvalidInputError: several do.
        UnavailableError: Redis does not answer.
    """
    if len(digits) == FULL_ID_LEN:
        return await stores.transfers.get(TransferId(bytes.fromhex(digits)))
    found = [r for r in await stores.transfers.recent(SEARCH_MAX) if r.id.hex().startswith(digits)]
    if len(found) > 1:
        raise InvalidInputError(f"{len(found)} transfers start with 0x{digits}: give more digits")
    return found[0] if found else None


async def show(config: ClientConfig, digits: str) -> TransferRecord:
    """Read one transfer, as `find` does.

    Raises:
        InvalidInputError: none, or several.
        UnavailableError: Redis does not answer.
    """
    async with connect(config.redis) as stores:
        record = await find(stores, digits)
    if record is None:
        msg = f"no transfer 0x{digits}: its lock is not final yet, or this network never had it"
        raise InvalidInputError(msg)
    return record


def shown_status(record: TransferRecord) -> str:
    """Give the status with its overlay."""
    return record.status if record.overlay is None else f"{record.status} · {Overlay(record.overlay)}"


def as_json(record: TransferRecord, names: Names) -> Json:
    """Describe a transfer for machines: amounts as decimal strings, times as RFC 3339 UTC, ids as 0x hex."""
    transfer, asset = record.transfer, names.asset_of(record.transfer.asset)
    explanation = EXPLANATIONS[record.reason]
    return {
        "id": _hex(record.id),
        "status": record.status.value,
        "overlay": record.overlay.value if record.overlay else None,
        "reason": record.reason.name if record.reason is not Reason.NONE else None,
        "explanation": {"en": explanation.english, "ko": explanation.korean, "action": explanation.action},
        "note": record.note,
        "asset": asset.name if asset else _hex(transfer.asset),
        "amount": format_amount(transfer.amount, asset.decimals if asset else 0),
        "source": names.ledger_name(transfer.source),
        "destination": names.ledger_name(transfer.destination),
        "sequence": transfer.sequence,
        "sender": _hex(transfer.sender),
        "recipient": _hex(transfer.recipient),
        "deadline": time_text(transfer.deadline),
        "client_reference": _hex(transfer.client_reference),
        "source_record": record.source.value,
        "destination_record": record.destination.value,
        "timeline": [_entry(entry, names) for entry in record.timeline],
    }


def time_text(seconds: float) -> str:
    """Write unix seconds as RFC 3339 UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _entry(entry: TimelineEntry, names: Names) -> Json:
    return {
        "event": entry.event,
        "at": time_text(entry.at),
        "ledger": names.ledger_by_caip2(entry.ledger) or None,
        "height": entry.height or None,
        "transaction": entry.reference or None,
        "signers": list(entry.signers) or None,
        "note": entry.note or None,
    }


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
