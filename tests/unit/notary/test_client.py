"""The client of a notary that is not what it says: nonsense counts as silence, and plaintext stays on loopback."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

import grpc
import pytest

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.client import GrpcNotary
from bridge.core.statements import Kind, Trial
from bridge.errors import ConfigError, RefusedError, UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import EndorseRequest, Question, SignItem, SignRequest, TransferRef
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.notary_pb2_grpc import NotaryServicer, add_NotaryServicer_to_server
from tests.committee import EPOCH
from tests.conformance.samples import transfer
from tests.seats import COORDINATOR, SESSION, held_seat

T = TypeVar("T")

REFS = [TransferRef(lane=transfer(n).lane, sequence=n, transfer_id=transfer(n).id) for n in (1, 2)]
COMMITMENT, NEXT = held_seat(1).commit(COORDINATOR, 2)
OTHERS = held_seat(2).commit(COORDINATOR, 1)[0]
SHARE = bytes(31) + b"\x01"


class Scripted(NotaryServicer):
    """Answers what it was given, whatever it is asked."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    async def Status(self, request: object, context: object) -> pb.StatusResponse:  # noqa: N802 - gRPC's name
        return await self._told(pb.StatusResponse, request, context)

    async def Review(self, request: object, context: object) -> pb.ReviewResponse:  # noqa: N802 - gRPC's name
        return await self._told(pb.ReviewResponse, request, context)

    async def Commit(self, request: object, context: object) -> pb.CommitResponse:  # noqa: N802 - gRPC's name
        return await self._told(pb.CommitResponse, request, context)

    async def Sign(self, request: object, context: object) -> pb.SignResponse:  # noqa: N802 - gRPC's name
        return await self._told(pb.SignResponse, request, context)

    async def Endorse(self, request: object, context: object) -> pb.SignResponse:  # noqa: N802 - gRPC's name
        return await self._told(pb.SignResponse, request, context)

    async def _told(self, kind: type[T], request: object, context: object) -> T:
        """Give the answer as if it were of the kind asked for."""
        del kind, request, context
        return cast("T", self._answer)


def ask(answer: object, question: Callable[[GrpcNotary], Awaitable[object]]) -> object:
    async def whole() -> object:
        server = grpc.aio.server()
        add_NotaryServicer_to_server(Scripted(answer), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        client = GrpcNotary(ParticipantId(1), f"127.0.0.1:{port}", EPOCH)
        try:
            return await question(client)
        finally:
            await client.close()
            await server.stop(None)

    return asyncio.run(whole())


def verdict(number: int, **fields: int) -> pb.Verdict:
    return pb.Verdict(transfer_id=transfer(number).id, waiting_for=fields.get("waiting_for", 0))


def bad_offer(kind: int, code: int) -> pb.ReviewResponse:
    response = pb.ReviewResponse(verdicts=[verdict(1), verdict(2)])
    offer = response.verdicts[1].offers.add(code=code)
    offer.kind = kind  # type: ignore[assignment] # what no enum holds
    return response


@pytest.mark.parametrize(
    "answer",
    [
        pb.ReviewResponse(),
        pb.ReviewResponse(verdicts=[verdict(1)]),
        pb.ReviewResponse(verdicts=[verdict(2), verdict(1)]),
        pb.ReviewResponse(verdicts=[verdict(1), verdict(1)]),
        pb.ReviewResponse(verdicts=[verdict(1), verdict(2), verdict(3)]),
        pb.ReviewResponse(verdicts=[verdict(1), pb.Verdict(transfer_id=b"short")]),
        pb.ReviewResponse(verdicts=[verdict(1), verdict(2, waiting_for=99)]),
        bad_offer(0, 0),
        bad_offer(9, 0),
        bad_offer(1, 256),
    ],
    ids=["nothing", "one missing", "order", "twice", "one more", "short id", "reason", "no kind", "kind", "code"],
)
def test_verdicts_that_make_no_sense_count_as_no_answer(answer: pb.ReviewResponse) -> None:
    with pytest.raises(UnavailableError, match="answered nonsense"):
        ask(answer, lambda client: client.review(Question.DECISION, REFS))


def committed(*commitments: pb.Commitment) -> pb.CommitResponse:
    return pb.CommitResponse(commitments=commitments)


def spoilt(spoil: Callable[[pb.Commitment], object]) -> pb.Commitment:
    commitment = codec.commitment_out(COMMITMENT)
    spoil(commitment)
    return commitment


Spoil = Callable[[pb.Commitment], object]
SPOILT: Sequence[tuple[str, Spoil]] = (
    ("empty", lambda c: c.Clear()),
    ("short points", lambda c: setattr(c, "commitments", b"not points")),
    ("no points", lambda c: setattr(c, "commitments", bytes(66))),
    ("another's name", lambda c: setattr(c, "notary", 2)),
    ("no name", lambda c: setattr(c, "notary", 0)),
    ("no handle", lambda c: setattr(c, "handle", b"")),
    ("long handle", lambda c: setattr(c, "handle", bytes(33))),
    ("no head", lambda c: c.ClearField("head")),
    ("short hash", lambda c: setattr(c.head, "hash", bytes(31))),
    ("short signature", lambda c: setattr(c.head, "signature", bytes(63))),
)
SPOILS = pytest.mark.parametrize("spoil", [spoil for _, spoil in SPOILT], ids=[name for name, _ in SPOILT])


@SPOILS
def test_a_commitment_that_makes_no_sense_counts_as_no_answer(spoil: Spoil) -> None:
    with pytest.raises(UnavailableError, match="answered nonsense"):
        ask(committed(spoilt(spoil)), lambda client: client.commit(1))


@pytest.mark.parametrize("number", [0, 1, 3])
def test_another_number_of_commitments_than_was_asked_for_counts_as_no_answer(number: int) -> None:
    commitments = [codec.commitment_out(c) for c in (COMMITMENT, NEXT, COMMITMENT)][:number]
    with pytest.raises(UnavailableError, match=f"answered nonsense: {number} commitments, not 2 different ones"):
        ask(committed(*commitments), lambda client: client.commit(2))


def test_one_commitment_given_twice_counts_as_no_answer() -> None:
    """R-14: a coordinator that used both would ask for two signatures under one nonce."""
    with pytest.raises(UnavailableError, match="2 commitments, not 2 different ones"):
        ask(committed(*[codec.commitment_out(COMMITMENT)] * 2), lambda client: client.commit(2))


def test_commitments_come_as_they_were_given() -> None:
    answer = committed(*map(codec.commitment_out, (COMMITMENT, NEXT)))
    assert ask(answer, lambda client: client.commit(2)) == [COMMITMENT, NEXT]


def signed(**changes: object) -> pb.SignResponse:
    fields: dict[str, object] = {"share": SHARE, "evidence": bytes(64), "next": codec.commitment_out(NEXT)}
    return pb.SignResponse(**fields | changes)  # type: ignore[arg-type] # fields of the message


ASKS: Sequence[Callable[[GrpcNotary], Awaitable[object]]] = (
    lambda client: client.sign(request()),
    lambda client: client.endorse(decree()),
)
EACH = pytest.mark.parametrize("question", ASKS, ids=["sign", "endorse"])


@EACH
@pytest.mark.parametrize(
    "changes",
    [
        {"share": b""},
        {"share": bytes(31)},
        {"share": b"\xff" * 32},
        {"evidence": b""},
        {"evidence": bytes(65)},
        {"next": None},
    ],
    ids=["no share", "short share", "no scalar", "no evidence", "long evidence", "no next"],
)
def test_a_share_that_makes_no_sense_counts_as_no_answer(
    changes: dict[str, object], question: Callable[[GrpcNotary], Awaitable[object]]
) -> None:
    with pytest.raises(UnavailableError, match="answered nonsense"):
        ask(signed(**changes), question)


@EACH
@SPOILS
def test_a_share_whose_next_commitment_makes_no_sense_counts_as_no_answer(
    spoil: Spoil, question: Callable[[GrpcNotary], Awaitable[object]]
) -> None:
    with pytest.raises(UnavailableError, match="answered nonsense"):
        ask(signed(next=spoilt(spoil)), question)


@EACH
def test_a_share_comes_as_it_was_given(question: Callable[[GrpcNotary], Awaitable[object]]) -> None:
    assert ask(signed(), question) == codec.signed_in(signed())


def test_bytes_that_are_no_message_count_as_no_answer() -> None:
    with pytest.raises(UnavailableError):
        ask("not a message", lambda client: client.commit(1))


def test_a_notary_that_is_not_there_is_unavailable() -> None:
    async def whole() -> None:
        client = GrpcNotary(ParticipantId(1), "127.0.0.1:1", EPOCH)
        try:
            await client.commit(1)
        finally:
            await client.close()

    with pytest.raises(UnavailableError, match=r"notary 1 at 127\.0\.0\.1:1"):
        asyncio.run(whole())


def test_a_server_that_is_no_notary_is_refused() -> None:
    async def whole() -> None:
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        client = GrpcNotary(ParticipantId(1), f"127.0.0.1:{port}", EPOCH)
        try:
            await client.commit(1)
        finally:
            await client.close()
            await server.stop(None)

    with pytest.raises(RefusedError):
        asyncio.run(whole())


@pytest.mark.parametrize("address", ["10.0.0.1:7000", "example.com:7000", "0.0.0.0:7000", "[::]:7000", ":7000", "7000"])
def test_plaintext_leaves_this_machine_never(address: str) -> None:
    with pytest.raises(ConfigError, match="loopback only"):
        GrpcNotary(ParticipantId(1), address, EPOCH)


def request() -> SignRequest:
    return SignRequest(
        kind=Kind.LOCKED,
        verifier=transfer(1).destination,
        epoch=EPOCH,
        items=(SignItem(ref=REFS[0], code=0),),
        handle=COMMITMENT.handle,
        commitments=(COMMITMENT, OTHERS),
    )


def decree() -> EndorseRequest:
    trial = Trial(epoch=EPOCH, session=SESSION, subset=0)
    return EndorseRequest(decree=trial, handle=COMMITMENT.handle, commitments=(COMMITMENT, OTHERS))
