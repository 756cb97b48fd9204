"""Between the signer's values and protobuf messages (signer.proto); both ends of the socket use it."""

from collections.abc import Sequence
from typing import Final

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.codec import (
    ITEMS_MAX,
    commitment_out,
    commitments_in,
    endorse_in,
    endorse_out,
    head_in,
    kind_in,
    kind_out,
)
from bridge.core.caip import WORD_LEN, EndpointId
from bridge.core.statements import Epoch
from bridge.core.transfer import LaneId, TransferId
from bridge.core.votes import Vote
from bridge.errors import InvalidInputError
from bridge.frost import ParticipantId
from bridge.ports.committee import EndorseRequest, Seat, SignOrder
from bridge.rpc.v1 import signer_pb2 as pb

VOTES_MAX: Final = 3 * ITEMS_MAX
"""Asked about at once: each of a review's transfers has up to three offers."""
COORDINATOR_LEN_MAX: Final = 200


def seat_out(seat: Seat) -> pb.SignerSeat:
    """Encode a seat's description."""
    return pb.SignerSeat(
        status=codec.seat_out(seat), challenge=seat.challenge, admitted=seat.admitted, committee=seat.committee
    )


def seat_in(message: pb.SignerSeat) -> Seat:
    """Decode a seat's description."""
    status = message.status
    return Seat(
        epoch=Epoch(status.epoch),
        notary=ParticipantId(status.notary),
        threshold=status.threshold,
        members=status.members,
        group_key=status.group_key,
        head=head_in(status.head),
        challenge=_word(message.challenge, "challenge"),
        admitted=message.admitted,
        problem=status.problem,
        committee=message.committee,
    )


def vote_out(vote: Vote) -> pb.SignerVote:
    """Encode a vote."""
    return pb.SignerVote(
        epoch=vote.epoch,
        kind=kind_out(vote.kind),
        lane=vote.lane,
        sequence=vote.sequence,
        transfer_id=vote.transfer_id,
        code=vote.code,
        expired=vote.expired,
    )


def votes_in(messages: Sequence[pb.SignerVote]) -> tuple[Vote, ...]:
    """Decode up to 1,500 votes."""
    if len(messages) > VOTES_MAX:
        raise InvalidInputError(f"give at most {VOTES_MAX} votes, not {len(messages)}")
    return tuple(_vote_in(message) for message in messages)


def order_out(order: SignOrder, coordinator: str) -> pb.SignerSignRequest:
    """Encode a list to sign."""
    return pb.SignerSignRequest(
        kind=kind_out(order.kind),
        verifier=order.verifier,
        epoch=order.epoch,
        votes=[vote_out(vote) for vote in order.votes],
        handle=order.handle,
        commitments=[commitment_out(c) for c in order.commitments],
        coordinator=coordinator,
    )


def order_in(message: pb.SignerSignRequest) -> tuple[SignOrder, str]:
    """Decode a list to sign, of 1 to 500 items, and who asks."""
    if not 0 < len(message.votes) <= ITEMS_MAX:
        raise InvalidInputError(f"a list has 1 to {ITEMS_MAX} items, not {len(message.votes)}")
    order = SignOrder(
        kind=kind_in(message.kind),
        verifier=EndpointId(_word(message.verifier, "verifier")),
        epoch=Epoch(message.epoch),
        votes=votes_in(message.votes),
        handle=message.handle,
        commitments=commitments_in(message.commitments),
    )
    return order, coordinator_in(message.coordinator)


def decree_out(request: EndorseRequest, coordinator: str) -> pb.SignerEndorseRequest:
    """Encode a decree to sign."""
    return pb.SignerEndorseRequest(request=endorse_out(request), coordinator=coordinator)


def decree_in(message: pb.SignerEndorseRequest) -> tuple[EndorseRequest, str]:
    """Decode a decree to sign, and who asks."""
    return endorse_in(message.request), coordinator_in(message.coordinator)


def coordinator_in(name: str) -> str:
    """Check the name of who asks."""
    if not 0 < len(name) <= COORDINATOR_LEN_MAX:
        raise InvalidInputError(f"name the coordinator in 1 to {COORDINATOR_LEN_MAX} characters")
    return name


def _vote_in(message: pb.SignerVote) -> Vote:
    if not 0 <= message.code <= 255:  # noqa: PLR2004 - one byte
        raise InvalidInputError(f"code {message.code} is not a byte")
    return Vote(
        epoch=Epoch(message.epoch),
        kind=kind_in(message.kind),
        lane=LaneId(_word(message.lane, "lane")),
        sequence=message.sequence,
        transfer_id=TransferId(_word(message.transfer_id, "transfer_id")),
        code=message.code,
        expired=message.expired,
    )


def _word(value: bytes, what: str) -> bytes:
    if len(value) != WORD_LEN:
        raise InvalidInputError(f"{what} must be {WORD_LEN} bytes, not {len(value)}")
    return value
