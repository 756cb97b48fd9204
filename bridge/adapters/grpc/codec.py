"""Between the port's values and protobuf messages. What comes in is checked here, once; both sides use it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeVar, assert_never

from bridge.core.caip import WORD_LEN, AssetId, EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import Closed, Decree, Epoch, Handover, Kind, Trial
from bridge.core.transfer import LANES_MAX, U64_MAX, Lane, TransferId
from bridge.core.votes import VoteHead
from bridge.errors import InvalidInputError
from bridge.frost import ParticipantId, SignatureShare, SigningCommitments
from bridge.ports.committee import (
    Commitment,
    EndorseRequest,
    Offer,
    Question,
    Seat,
    SignedShare,
    SignItem,
    SignRequest,
    TransferRef,
    Verdict,
    WitnessReport,
)
from bridge.rpc.v1 import committee_pb2 as committee
from bridge.rpc.v1 import notary_pb2 as pb

K = TypeVar("K")

ITEMS_MAX: Final = 500
MESSAGE_LEN_MAX: Final = 1 << 20
MEMBERS_MAX: Final = 255
HANDLE_LEN_MAX: Final = 32
LISTS_MAX: Final = 16
"""Lists whose encoding is kept while their signers are asked."""
SIGNATURE_LEN: Final = 64
"""Of an identity (Ed25519)."""
_QUESTIONS: Final = {Question.DECISION: pb.QUESTION_DECISION, Question.OUTCOME: pb.QUESTION_OUTCOME}
_KINDS: Final = {
    Kind.LOCKED: pb.STATEMENT_KIND_LOCKED,
    Kind.REFUSED: pb.STATEMENT_KIND_REFUSED,
    Kind.OUTCOME: pb.STATEMENT_KIND_OUTCOME,
}


def question_out(question: Question) -> pb.Question.ValueType:
    """Encode a question."""
    return _QUESTIONS[question]


def question_in(number: int) -> Question:
    """Decode a question."""
    return _member(_QUESTIONS, number, "question")


def ref_out(ref: TransferRef) -> pb.TransferRef:
    """Encode the name of a transfer."""
    lane = ref.lane
    return pb.TransferRef(
        source=lane.source,
        destination=lane.destination,
        asset=lane.asset,
        sequence=ref.sequence,
        transfer_id=ref.transfer_id,
    )


def ref_in(message: pb.TransferRef) -> TransferRef:
    """Decode the name of a transfer."""
    if not 0 < message.sequence <= U64_MAX:
        msg = "sequence must be at least 1"
        raise InvalidInputError(msg)
    return TransferRef(
        lane=_lane(message.source, message.destination, message.asset),
        sequence=message.sequence,
        transfer_id=TransferId(_bytes(message.transfer_id, WORD_LEN, "transfer_id")),
    )


def refs_in(messages: Sequence[pb.TransferRef]) -> list[TransferRef]:
    """Decode the names of 1 to 500 transfers, none twice."""
    refs = [ref_in(message) for message in messages]
    if not 0 < len(refs) <= ITEMS_MAX or len({ref.transfer_id for ref in refs}) != len(refs):
        msg = f"name 1 to {ITEMS_MAX} transfers, none twice"
        raise InvalidInputError(msg)
    return refs


def verdict_out(verdict: Verdict) -> pb.Verdict:
    """Encode a verdict."""
    return pb.Verdict(
        transfer_id=verdict.transfer_id,
        offers=[pb.Offer(kind=_KINDS[offer.kind], code=offer.code) for offer in verdict.offers],
        waiting_for=verdict.waiting_for,
        note=verdict.note,
    )


def verdict_in(message: pb.Verdict) -> Verdict:
    """Decode a verdict."""
    return Verdict(
        transfer_id=TransferId(_bytes(message.transfer_id, WORD_LEN, "transfer_id")),
        offers=tuple(Offer(kind=_member(_KINDS, o.kind, "kind"), code=_byte(o.code)) for o in message.offers),
        waiting_for=_reason(message.waiting_for),
        note=message.note,
    )


def kind_out(kind: Kind) -> pb.StatementKind.ValueType:
    """Encode a statement's kind."""
    return _KINDS[kind]


def kind_in(number: int) -> Kind:
    """Decode a statement's kind."""
    return _member(_KINDS, number, "kind")


def head_out(head: VoteHead) -> pb.VoteHead:
    """Encode where a seat's votes stand."""
    return pb.VoteHead(epoch=head.epoch, notary=head.notary, count=head.count, hash=head.hash, signature=head.signature)


def head_in(message: pb.VoteHead) -> VoteHead:
    """Decode where a seat's votes stand; whose signature it is, the reader checks."""
    return VoteHead(
        epoch=Epoch(message.epoch),
        notary=message.notary,
        count=message.count,
        hash=_bytes(message.hash, WORD_LEN, "hash"),
        signature=_bytes(message.signature, SIGNATURE_LEN, "signature"),
    )


def seat_out(seat: Seat) -> pb.SeatStatus:
    """Encode what anybody may know of a seat."""
    return pb.SeatStatus(
        notary=seat.notary,
        epoch=seat.epoch,
        threshold=seat.threshold,
        members=seat.members,
        group_key=seat.group_key,
        head=head_out(seat.head),
        problem=seat.problem,
    )


def report_out(report: WitnessReport) -> committee.WitnessReport:
    """Encode what one member has seen of another's votes."""
    return committee.WitnessReport(
        epoch=report.epoch,
        witness=report.witness,
        subject=report.subject,
        challenge=report.challenge,
        seen=None if report.seen is None else head_out(report.seen),
        signature=report.signature,
    )


def report_in(message: committee.WitnessReport) -> WitnessReport:
    """Decode what one member has seen of another's votes."""
    return WitnessReport(
        epoch=Epoch(message.epoch),
        witness=ParticipantId(message.witness),
        subject=ParticipantId(message.subject),
        challenge=_bytes(message.challenge, WORD_LEN, "challenge"),
        seen=head_in(message.seen) if message.HasField("seen") else None,
        signature=_bytes(message.signature, SIGNATURE_LEN, "signature"),
    )


def commitment_out(commitment: Commitment) -> pb.Commitment:
    """Encode a commitment under its handle."""
    return pb.Commitment(
        notary=commitment.notary,
        handle=commitment.handle,
        commitments=commitment.commitments.to_bytes(),
        head=head_out(commitment.head),
    )


def commitment_in(message: pb.Commitment) -> Commitment:
    """Decode a commitment under its handle."""
    notary = ParticipantId(message.notary)
    if not 0 < len(message.handle) <= HANDLE_LEN_MAX:
        raise InvalidInputError(f"a commitment's handle has 1 to {HANDLE_LEN_MAX} bytes, not {len(message.handle)}")
    return Commitment(
        notary=notary,
        handle=message.handle,
        commitments=SigningCommitments.from_bytes(notary, message.commitments),
        head=head_in(message.head),
    )


def commitments_in(messages: Sequence[pb.Commitment]) -> tuple[Commitment, ...]:
    """Decode the commitments of all signers; their order and number is FROST's to check."""
    if len(messages) > MEMBERS_MAX:
        raise InvalidInputError(f"a committee has at most {MEMBERS_MAX} members, not {len(messages)}")
    return tuple(commitment_in(message) for message in messages)


def sign_out(request: SignRequest) -> pb.SignRequest:
    """Encode a request to sign a list."""
    return pb.SignRequest(
        kind=_KINDS[request.kind],
        verifier=request.verifier,
        epoch=request.epoch,
        items=_items_out(request.items),
        handle=request.handle,
        commitments=[commitment_out(c) for c in request.commitments],
    )


@lru_cache(maxsize=LISTS_MAX)
def _items_out(items: tuple[SignItem, ...]) -> list[pb.SignItem]:
    """Encode a list's items once for all signers; a request copies them."""
    return [pb.SignItem(transfer=ref_out(item.ref), code=item.code) for item in items]


def sign_in(message: pb.SignRequest) -> SignRequest:
    """Decode a request to sign a list."""
    refs = refs_in([item.transfer for item in message.items])
    return SignRequest(
        kind=kind_in(message.kind),
        verifier=EndpointId(_bytes(message.verifier, WORD_LEN, "verifier")),
        epoch=Epoch(message.epoch),
        items=tuple(SignItem(ref=ref, code=_byte(item.code)) for ref, item in zip(refs, message.items, strict=True)),
        handle=message.handle,
        commitments=commitments_in(message.commitments),
    )


def endorse_out(request: EndorseRequest) -> pb.EndorseRequest:
    """Encode a request to sign a decree."""
    message = pb.EndorseRequest(handle=request.handle, commitments=[commitment_out(c) for c in request.commitments])
    match request.decree:
        case Handover(verifier=verifier, epoch=epoch, px=px, py=py):
            decree = pb.HandoverDecree(verifier=verifier, epoch=epoch, px=px.to_bytes(32), py=py.to_bytes(32))
            message.handover.CopyFrom(decree)
        case Closed(verifier=verifier, epoch=epoch, endpoint=endpoint):
            message.closed.CopyFrom(pb.ClosedDecree(verifier=verifier, epoch=epoch, endpoint=endpoint))
        case Trial(epoch=epoch, session=session, subset=subset):
            message.trial.CopyFrom(pb.TrialDecree(epoch=epoch, session=session, subset=subset))
        case unknown:
            assert_never(unknown)
    return message


def endorse_in(message: pb.EndorseRequest) -> EndorseRequest:
    """Decode a request to sign a decree."""
    return EndorseRequest(
        decree=_decree_in(message), handle=message.handle, commitments=commitments_in(message.commitments)
    )


def signed_out(signed: SignedShare) -> pb.SignResponse:
    """Encode a share."""
    return pb.SignResponse(share=signed.share.to_bytes(), evidence=signed.evidence, next=commitment_out(signed.next))


def signed_in(message: pb.SignResponse) -> SignedShare:
    """Decode a share."""
    return SignedShare(
        share=SignatureShare.from_bytes(message.share),
        evidence=_bytes(message.evidence, SIGNATURE_LEN, "evidence"),
        next=commitment_in(message.next),
    )


def _decree_in(message: pb.EndorseRequest) -> Decree:
    match message.WhichOneof("decree"):
        case "handover":
            body = message.handover
            return Handover(
                verifier=EndpointId(_bytes(body.verifier, WORD_LEN, "verifier")),
                epoch=Epoch(body.epoch),
                px=int.from_bytes(_bytes(body.px, WORD_LEN, "px")),
                py=int.from_bytes(_bytes(body.py, WORD_LEN, "py")),
            )
        case "closed":
            return Closed(
                verifier=EndpointId(_bytes(message.closed.verifier, WORD_LEN, "verifier")),
                epoch=Epoch(message.closed.epoch),
                endpoint=EndpointId(_bytes(message.closed.endpoint, WORD_LEN, "endpoint")),
            )
        case "trial":
            trial = message.trial
            return Trial(epoch=Epoch(trial.epoch), session=trial.session, subset=trial.subset)
        case _:
            raise InvalidInputError("name a decree: a handover, a closed endpoint or a ceremony's trial")


@lru_cache(maxsize=LANES_MAX)
def _lane(source: bytes, destination: bytes, asset: bytes) -> Lane:
    """Decode a lane; items of a list have few different ones."""
    return Lane(
        source=EndpointId(_bytes(source, WORD_LEN, "source")),
        destination=EndpointId(_bytes(destination, WORD_LEN, "destination")),
        asset=AssetId(_bytes(asset, WORD_LEN, "asset")),
    )


def _member(table: Mapping[K, int], number: int, what: str) -> K:
    for member, code in table.items():
        if code == number:
            return member
    msg = f"{what} {number} is not known here"
    raise InvalidInputError(msg)


def _bytes(value: bytes, length: int, what: str) -> bytes:
    if len(value) != length:
        msg = f"{what} must be {length} bytes, not {len(value)}"
        raise InvalidInputError(msg)
    return value


def _byte(code: int) -> int:
    if not 0 <= code <= 255:  # noqa: PLR2004 - one byte
        msg = f"code {code} is not a byte"
        raise InvalidInputError(msg)
    return code


def _reason(number: int) -> Reason:
    try:
        return Reason(number)
    except ValueError:
        msg = f"reason {number} is not known here"
        raise InvalidInputError(msg) from None
