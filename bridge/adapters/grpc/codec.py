"""Between the port's values and protobuf messages. What comes in is checked here, once; both sides use it."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from bridge.core.caip import WORD_LEN, AssetId, EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import U64_MAX, Lane, TransferId
from bridge.errors import InvalidInputError
from bridge.frost import ParticipantId, SigningCommitments
from bridge.ports.committee import Commitment, Offer, Question, SignItem, SignRequest, TransferRef, Verdict
from bridge.rpc.v1 import notary_pb2 as pb

K = TypeVar("K")

ITEMS_MAX: Final = 500
MESSAGE_LEN_MAX: Final = 1 << 20
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
        lane=Lane(
            source=EndpointId(_bytes(message.source, WORD_LEN, "source")),
            destination=EndpointId(_bytes(message.destination, WORD_LEN, "destination")),
            asset=AssetId(_bytes(message.asset, WORD_LEN, "asset")),
        ),
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


def commitment_out(commitment: Commitment) -> pb.CommitResponse:
    """Encode a commitment under its handle."""
    return pb.CommitResponse(
        notary=commitment.notary, handle=commitment.handle, commitments=commitment.commitments.to_bytes()
    )


def commitment_in(message: pb.CommitResponse) -> Commitment:
    """Decode a commitment under its handle."""
    notary = ParticipantId(message.notary)
    return Commitment(
        notary=notary,
        handle=message.handle,
        commitments=SigningCommitments.from_bytes(notary, message.commitments),
    )


def sign_out(request: SignRequest) -> pb.SignRequest:
    """Encode a request to sign."""
    return pb.SignRequest(
        kind=_KINDS[request.kind],
        verifier=request.verifier,
        epoch=request.epoch,
        items=[pb.SignItem(transfer=ref_out(item.ref), code=item.code) for item in request.items],
        handle=request.handle,
        commitments=[pb.SignerCommitment(notary=c.identifier, commitments=c.to_bytes()) for c in request.commitments],
    )


def sign_in(message: pb.SignRequest) -> SignRequest:
    """Decode a request to sign."""
    refs = refs_in([item.transfer for item in message.items])
    return SignRequest(
        kind=_member(_KINDS, message.kind, "kind"),
        verifier=EndpointId(_bytes(message.verifier, WORD_LEN, "verifier")),
        epoch=Epoch(message.epoch),
        items=tuple(SignItem(ref=ref, code=_byte(item.code)) for ref, item in zip(refs, message.items, strict=True)),
        handle=message.handle,
        commitments=tuple(
            SigningCommitments.from_bytes(ParticipantId(c.notary), c.commitments) for c in message.commitments
        ),
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
