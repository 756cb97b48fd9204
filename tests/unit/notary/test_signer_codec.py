"""What the front and its signer say to each other survives the wire, and what no honest front says is refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.adapters.grpc import signer_codec as codec
from bridge.core.statements import Epoch, Handover, Kind, Trial
from bridge.core.transfer import U64_MAX
from bridge.errors import InvalidInputError
from bridge.ports.committee import EndorseRequest
from bridge.rpc.v1 import signer_pb2 as pb
from tests.conformance.samples import vote, word
from tests.seats import COORDINATOR, VERIFIER, held_seat, order

VOTES = (vote(Kind.REFUSED, 10, epoch=U64_MAX, place=U64_MAX, expired=True), vote(Kind.LOCKED), vote(Kind.OUTCOME, 2))
COMMITMENTS = tuple(held_seat(number).commit(COORDINATOR, 1)[0] for number in (1, 2, 3))


def sent() -> pb.SignerSignRequest:
    return codec.order_out(order([vote(Kind.LOCKED)], COMMITMENTS, COMMITMENTS[0].handle), COORDINATOR)


def test_votes_orders_decrees_and_seats_come_back_as_they_were() -> None:
    assert codec.votes_in([codec.vote_out(v) for v in VOTES]) == VOTES
    listed = order([vote(Kind.LOCKED, name=n) for n in range(1, 4)], COMMITMENTS, COMMITMENTS[0].handle)
    assert codec.order_in(codec.order_out(listed, COORDINATOR)) == (listed, COORDINATOR)
    for decree in (
        Handover(verifier=VERIFIER, epoch=Epoch(2), px=11, py=12),
        Trial(epoch=Epoch(1), session=word(1), subset=3),
    ):
        request = EndorseRequest(decree=decree, handle=COMMITMENTS[0].handle, commitments=COMMITMENTS)
        assert codec.decree_in(codec.decree_out(request, COORDINATOR)) == (request, COORDINATOR)
    seat = held_seat(1).describe()
    assert codec.seat_in(codec.seat_out(seat)) == seat
    admitted = replace(seat, admitted=True, problem="a problem")
    assert codec.seat_in(codec.seat_out(admitted)) == admitted


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.votes.pop(), "1 to 500 items"),
        (lambda m: m.votes.extend([m.votes[0]] * 500), "1 to 500 items"),
        (lambda m: setattr(m, "coordinator", ""), "name the coordinator"),
        (lambda m: setattr(m, "coordinator", "x" * 201), "name the coordinator"),
        (lambda m: setattr(m, "verifier", b"short"), "verifier must be 32 bytes"),
        (lambda m: setattr(m, "kind", 0), "kind"),
        (lambda m: setattr(m.votes[0], "code", 256), "not a byte"),
        (lambda m: setattr(m.votes[0], "lane", b""), "lane must be 32 bytes"),
        (lambda m: setattr(m.votes[0], "transfer_id", bytes(33)), "transfer_id must be 32 bytes"),
        (lambda m: setattr(m.votes[0], "kind", 9), "kind"),
    ],
)
def test_a_list_that_no_front_sends_is_refused(change: Callable[[pb.SignerSignRequest], object], said: str) -> None:
    message = sent()
    change(message)
    with pytest.raises(InvalidInputError, match=said):
        codec.order_in(message)


def test_more_votes_than_a_review_has_are_not_compared() -> None:
    votes = [codec.vote_out(vote(Kind.LOCKED))] * codec.VOTES_MAX
    assert len(codec.votes_in(votes)) == codec.VOTES_MAX
    with pytest.raises(InvalidInputError, match="at most 1500 votes"):
        codec.votes_in([*votes, votes[0]])
