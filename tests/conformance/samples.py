"""Transfers, records, intents and votes to try an adapter with."""

from dataclasses import replace

from bridge.core.caip import Account, AssetId, EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Destination, Outcome, Overlay, Source, Status
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import AMOUNT_MAX, U64_MAX, LaneId, Transfer, TransferId
from bridge.core.votes import Vote
from bridge.ports.ledger import PreparedTransaction
from bridge.ports.store import Intent, TimelineEntry, TransferRecord

START_S = 1_800_000_000


def word(number: int) -> bytes:
    return number.to_bytes(32)


def transfer(sequence: int, *, lane: int = 0) -> Transfer:
    return Transfer(
        source=EndpointId(word(1)),
        destination=EndpointId(word(2)),
        sequence=sequence,
        asset=AssetId(word(100 + lane)),
        sender=Account(word(3)),
        recipient=Account(word(4)),
        amount=sequence,
        deadline=START_S + 3600,
    )


def stamp(time: int) -> BlockStamp:
    return BlockStamp(height=time - START_S, hash=word(time), time=time)


def record(
    sequence: int, *, lane: int = 0, locked_at: int | None = None, status: Status = Status.PREPARED
) -> TransferRecord:
    return TransferRecord(
        transfer=transfer(sequence, lane=lane),
        locked_at=stamp(START_S + sequence if locked_at is None else locked_at),
        source=Source.LOCKED,
        destination=Destination.UNKNOWN,
        status=status,
    )


def full_record() -> TransferRecord:
    """Every field set, each number at its extreme."""
    terms = replace(transfer(U64_MAX), amount=AMOUNT_MAX, deadline=U64_MAX, payload_hash=b"\xff" * 32)
    block = BlockStamp(height=2**48, hash=b"\xfe" * 32, time=START_S)
    entry = TimelineEntry(
        event="outcome.attested",
        at=START_S + 0.125,
        ledger="eip155:1337",
        height=7,
        reference="0xab",
        signers=(1, 3),
        note='공증 "완료"\n\x00\ud800',
    )
    return TransferRecord(
        transfer=terms,
        locked_at=block,
        source=Source.RELEASED,
        destination=Destination.REJECTED,
        status=Status.ROLLED_BACK,
        decision=Decision(outcome=Outcome.REJECTED, reason=Reason.ACCOUNT_FROZEN, stamp=block),
        overlay=Overlay.HELD,
        reason=Reason.ACCOUNT_FROZEN,
        note="계좌 동결",
        timeline=(entry, TimelineEntry(event="lock.seen", at=START_S)),
    )


def intent(nonce: int, *, account: int = 9, ledger: str = "eip155:1337", reference: int = 0) -> Intent:
    transaction = PreparedTransaction(
        account=Account(word(account)), nonce=nonce, reference=word(reference or nonce + 1), raw=b"\x02\x00\xff"
    )
    return Intent(
        ledger=ledger, action="settle", transaction=transaction, transfer_ids=(transfer(1).id, transfer(2).id)
    )


def vote(
    kind: Kind, code: int = 0, *, name: int = 1, place: int | None = None, epoch: int = 1, expired: bool = False
) -> Vote:
    """A vote on transfer *name*, which stands at sequence *place* of the one lane; by default its own number."""
    return Vote(
        epoch=Epoch(epoch),
        kind=kind,
        lane=LaneId(word(7)),
        sequence=name if place is None else place,
        transfer_id=TransferId(word(1000 + name)),
        code=code,
        expired=expired,
    )
