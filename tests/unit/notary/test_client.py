"""The client of a notary that is not what it says: nonsense counts as silence, and plaintext stays on loopback."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import grpc
import pytest

from bridge.adapters.grpc.client import GrpcNotary
from bridge.adapters.memory.runtime import ManualClock, SeededEntropy
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.core.statements import Kind
from bridge.errors import ConfigError, RefusedError, UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import Question, SignItem, SignRequest, TransferRef
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.notary_pb2_grpc import NotaryServicer, add_NotaryServicer_to_server
from notary.signer import Signer
from tests.committee import EPOCH, dealing
from tests.conformance.samples import transfer

T = TypeVar("T")

REFS = [TransferRef(lane=transfer(n).lane, sequence=n, transfer_id=transfer(n).id) for n in (1, 2)]
COMMITMENT = Signer(dealing().key_packages[0], EPOCH, MemoryVoteStore(), ManualClock(), SeededEntropy(1)).commit()


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
        client = GrpcNotary(ParticipantId(1), f"127.0.0.1:{port}")
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


@pytest.mark.parametrize(
    "answer",
    [
        pb.CommitResponse(),
        pb.CommitResponse(notary=1, handle=b"h", commitments=b"not points"),
        pb.CommitResponse(notary=1, handle=b"h", commitments=bytes(66)),
        pb.CommitResponse(notary=2, handle=b"h", commitments=COMMITMENT.commitments.to_bytes()),
    ],
    ids=["nothing", "short", "no points", "another's name"],
)
def test_a_commitment_that_makes_no_sense_counts_as_no_answer(answer: pb.CommitResponse) -> None:
    with pytest.raises(UnavailableError, match="answered nonsense"):
        ask(answer, lambda client: client.commit())


@pytest.mark.parametrize("share", [b"", bytes(31), b"\xff" * 32])
def test_a_share_that_makes_no_sense_counts_as_no_answer(share: bytes) -> None:
    with pytest.raises(UnavailableError, match="answered nonsense"):
        ask(pb.SignResponse(share=share), lambda client: client.sign(request()))


def test_bytes_that_are_no_message_count_as_no_answer() -> None:
    with pytest.raises(UnavailableError):
        ask("not a message", lambda client: client.commit())


def test_a_notary_that_is_not_there_is_unavailable() -> None:
    async def whole() -> None:
        client = GrpcNotary(ParticipantId(1), "127.0.0.1:1")
        try:
            await client.commit()
        finally:
            await client.close()

    with pytest.raises(UnavailableError, match=r"notary 1 at 127\.0\.0\.1:1"):
        asyncio.run(whole())


def test_a_server_that_is_no_notary_is_refused() -> None:
    async def whole() -> None:
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        client = GrpcNotary(ParticipantId(1), f"127.0.0.1:{port}")
        try:
            await client.commit()
        finally:
            await client.close()
            await server.stop(None)

    with pytest.raises(RefusedError):
        asyncio.run(whole())


@pytest.mark.parametrize("address", ["10.0.0.1:7000", "example.com:7000", "0.0.0.0:7000", "[::]:7000", ":7000", "7000"])
def test_plaintext_leaves_this_machine_never(address: str) -> None:
    with pytest.raises(ConfigError, match="loopback only"):
        GrpcNotary(ParticipantId(1), address)


def request() -> SignRequest:
    return SignRequest(
        kind=Kind.LOCKED,
        verifier=transfer(1).destination,
        epoch=EPOCH,
        items=(SignItem(ref=REFS[0], code=0),),
        handle=COMMITMENT.handle,
        commitments=(COMMITMENT.commitments,),
    )
