"""A notary behind real gRPC on a loopback port: what comes in from anybody, and how each answer reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import grpc
import pytest

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.client import NOT_APPROVED, GrpcNotary
from bridge.adapters.memory.runtime import SeededEntropy
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.config import LedgerConfig
from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import Transfer, TransferId
from bridge.core.votes import Vote
from bridge.errors import RefusedError, UnavailableError
from bridge.frost import ParticipantId, SigningCommitments
from bridge.ports.committee import NotApprovedError, Offer, Question, SignItem, SignRequest, TransferRef
from bridge.ports.ledger import LedgerReader
from bridge.ports.store import VoteStore
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.notary_pb2_grpc import NotaryStub, add_NotaryServicer_to_server
from notary.judge import Judge, LedgerEyes
from notary.service import NotaryService
from notary.signer import Signer
from tests.committee import EPOCH, dealing, settle
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import BOB, CAROL, World

if TYPE_CHECKING:
    from bridge.rpc.v1.notary_pb2_grpc import NotaryAsyncStub

INVALID = grpc.StatusCode.INVALID_ARGUMENT
REFUSED = grpc.StatusCode.FAILED_PRECONDITION
DOWN = grpc.StatusCode.UNAVAILABLE


class FullDisk:
    def record(self, votes: Sequence[Vote]) -> None:
        msg = f"no space for {len(votes)} votes"
        raise UnavailableError(msg)

    def votes(self, transfer_id: TransferId) -> list[Vote]:
        del transfer_id
        return []


@dataclass(frozen=True)
class Served:
    """A notary that answers, with a client, and a stub for what no client sends."""

    world: World
    client: GrpcNotary
    stub: "NotaryAsyncStub"
    votes: VoteStore

    async def sign_request(self, transfer: Transfer, *, kind: Kind = Kind.LOCKED, code: int = 0) -> SignRequest:
        commitment = await self.client.commit()
        verifier = transfer.source if kind is Kind.OUTCOME else transfer.destination
        return SignRequest(
            kind=kind,
            verifier=verifier,
            epoch=EPOCH,
            items=(SignItem(ref=ref(transfer), code=code),),
            handle=commitment.handle,
            commitments=(commitment.commitments, *_others(2, 3)),
        )


def ref(transfer: Transfer) -> TransferRef:
    return TransferRef(lane=transfer.lane, sequence=transfer.sequence, transfer_id=transfer.id)


def _others(*numbers: int) -> list[SigningCommitments]:
    world = World()
    signers = [
        Signer(dealing().key_packages[n - 1], EPOCH, MemoryVoteStore(), world.clock, SeededEntropy(n)) for n in numbers
    ]
    return [signer.commit().commitments for signer in signers]


@asynccontextmanager
async def served(
    world: World, *, votes: VoteStore | None = None, beta: LedgerReader | None = None, epoch: int = 1
) -> AsyncIterator[Served]:
    store = MemoryVoteStore() if votes is None else votes
    eyes = {
        world.lane.source: LedgerEyes(reader=world.alpha, margin_s=0),
        world.lane.destination: LedgerEyes(reader=beta or world.beta, margin_s=0),
    }
    signer = Signer(dealing().key_packages[0], Epoch(epoch), store, world.clock, SeededEntropy(1))
    service = NotaryService(Judge(eyes, world.clock, idle_allowance_s=5), signer, (_config(world),))
    server = grpc.aio.server()
    add_NotaryServicer_to_server(service, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    channel = grpc.aio.insecure_channel(address)
    client = GrpcNotary(ParticipantId(1), address)
    try:
        yield Served(world, client, NotaryStub(channel), store)
    finally:
        await client.close()
        await channel.close()
        await server.stop(None)


def _config(world: World) -> LedgerConfig:
    """A ledger that the notary is told of, and does not know: its status is a problem."""
    return LedgerConfig(
        name="unknown",
        ledger="eip155:1",
        fingerprint="0x" + world.alpha.endpoint.fingerprint.hex(),
        gateway="0x" + "11" * 20,
        nodes=("http://127.0.0.1:1",),
    )


async def refused_with(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def run(script: Callable[[Served], Awaitable[None]], **options: object) -> None:
    async def whole() -> None:
        world = World()
        async with served(world, **options) as notary:  # type: ignore[arg-type] # as `served` takes them
            await script(notary)

    asyncio.run(whole())


def test_verdict_commitment_and_share_travel_as_they_are() -> None:
    async def script(notary: Served) -> None:
        transfers = [notary.world.lock(7), notary.world.lock(8, recipient=CAROL)]
        verdicts = await notary.client.review(Question.DECISION, [ref(t) for t in transfers])
        assert [v.transfer_id for v in verdicts] == [t.id for t in transfers]
        assert verdicts[0].offers == (Offer(kind=Kind.LOCKED, code=0),)
        assert verdicts[1].offers[0] == Offer(kind=Kind.REFUSED, code=Reason.NOT_ELIGIBLE)

        await notary.client.sign(await notary.sign_request(transfers[0]))
        assert [v.kind for v in notary.votes.votes(transfers[0].id)] == [Kind.LOCKED]

    run(script)


def test_status_tells_the_seat_and_what_is_wrong_with_a_ledger() -> None:
    async def script(notary: Served) -> None:
        status = await notary.client.status()
        assert (status.notary, status.epoch, status.threshold, status.members) == (1, 1, 3, 4)
        assert status.group_key == dealing().public_key_package.group_public_key.to_bytes()
        assert "not configured" in status.ledgers[0].problem

    run(script)


def good_ref() -> pb.TransferRef:
    word = bytes(31)
    return pb.TransferRef(
        source=word + b"\x01", destination=word + b"\x02", asset=word + b"\x03", sequence=1, transfer_id=word + b"\x04"
    )


def broken_refs() -> list[pb.TransferRef]:
    refs = [good_ref() for _ in range(7)]
    refs[0].sequence = 0
    refs[1].source = b"short"
    refs[2].destination = bytes(33)
    refs[3].asset = b""
    refs[4].transfer_id = bytes(31)
    refs[5].destination = refs[5].source
    refs[6].Clear()
    return refs


@pytest.mark.parametrize("broken", broken_refs(), ids=lambda message: str(message)[:20])
def test_a_malformed_name_of_a_transfer_is_an_invalid_argument(broken: pb.TransferRef) -> None:
    async def script(notary: Served) -> None:
        review = pb.ReviewRequest(question=pb.QUESTION_DECISION, transfers=[broken])
        assert (await refused_with(notary.stub.Review(review))).code() is INVALID
        sign = pb.SignRequest(kind=pb.STATEMENT_KIND_LOCKED, verifier=bytes(32), epoch=1)
        sign.items.add(transfer=broken)
        assert (await refused_with(notary.stub.Sign(sign))).code() is INVALID

    run(script)


def test_no_transfer_the_same_twice_or_too_many_is_an_invalid_argument() -> None:
    async def script(notary: Served) -> None:
        many = [good_ref() for _ in range(codec.ITEMS_MAX + 1)]
        for number, one in enumerate(many):
            one.transfer_id = number.to_bytes(32)
        for refs in ([], [good_ref()] * 2, many):
            review = pb.ReviewRequest(question=pb.QUESTION_DECISION, transfers=refs)
            error = await refused_with(notary.stub.Review(review))
            assert (error.code(), error.details()) == (INVALID, "name 1 to 500 transfers, none twice")
        fits = pb.ReviewRequest(question=pb.QUESTION_DECISION, transfers=many[:-1])
        assert len((await notary.stub.Review(fits)).verdicts) == codec.ITEMS_MAX

    run(script)


@pytest.mark.parametrize("question", [0, 3, 99])
def test_an_unknown_question_is_an_invalid_argument(question: int) -> None:
    async def script(notary: Served) -> None:
        review = pb.ReviewRequest(transfers=[good_ref()])
        review.question = question  # type: ignore[assignment] # what no enum holds
        assert (await refused_with(notary.stub.Review(review))).code() is INVALID

    run(script)


Spoil = Callable[[pb.SignRequest], object]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: setattr(r, "kind", 0),
        lambda r: setattr(r, "kind", 77),
        lambda r: setattr(r, "verifier", b"short"),
        lambda r: setattr(r, "verifier", bytes(32)),
        lambda r: setattr(r.items[0], "code", 256),
        lambda r: setattr(r.commitments[0], "commitments", b"not two points"),
        lambda r: setattr(r.commitments[0], "commitments", bytes(66)),
        lambda r: setattr(r.commitments[1], "notary", 9),
        lambda r: r.commitments.pop(),
        lambda r: r.commitments.add().CopyFrom(r.commitments[0]),
        lambda r: r.ClearField("commitments"),
        lambda r: r.ClearField("items"),
    ],
)
def test_a_malformed_request_to_sign_is_an_invalid_argument_and_leaves_no_share(spoil: Spoil) -> None:
    async def script(notary: Served) -> None:
        transfer = notary.world.lock(7)
        message = codec.sign_out(await notary.sign_request(transfer))
        spoil(message)
        assert (await refused_with(notary.stub.Sign(message))).code() is INVALID

    run(script)


def test_what_is_not_approved_is_named_and_no_share_leaves() -> None:
    """R-15: the whole list is refused, the item is told."""

    async def script(notary: Served) -> None:
        good, bad = notary.world.lock(7), notary.world.lock(8, recipient=CAROL)
        request = await notary.sign_request(good)
        both = replace(request, items=(*request.items, SignItem(ref=ref(bad), code=0)))
        error = await refused_with(notary.stub.Sign(codec.sign_out(both)))
        assert error.code() is REFUSED
        assert (NOT_APPROVED, bad.id.hex()) in list(error.trailing_metadata() or ())
        with pytest.raises(NotApprovedError) as caught:
            await notary.client.sign(both)
        assert caught.value.transfer_id == bad.id
        assert notary.votes.votes(good.id) == []

    run(script)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(Kind.REFUSED, 6), (Kind.REFUSED, 10), (Kind.LOCKED, 1), (Kind.OUTCOME, 1), (Kind.OUTCOME, 2), (Kind.OUTCOME, 0)],
)
def test_only_what_the_notary_read_itself_is_signed(kind: Kind, code: int) -> None:
    """R-10: the transfer is locked, eligible and undecided; anything else about it is not approved."""

    async def script(notary: Served) -> None:
        transfer = notary.world.lock(7)
        request = await notary.sign_request(transfer, kind=kind, code=code)
        with pytest.raises(NotApprovedError):
            await notary.client.sign(request)
        assert notary.votes.votes(transfer.id) == []

    run(script)


def test_a_lock_that_is_not_there_is_not_signed() -> None:
    """R-12, INV-5."""

    async def script(notary: Served) -> None:
        transfer = replace(notary.world.lock(7), amount=8)
        with pytest.raises(NotApprovedError, match="not final, or not there"):
            await notary.client.sign(await notary.sign_request(transfer))

    run(script)


def test_an_outcome_is_signed_for_the_source_only() -> None:
    async def script(notary: Served) -> None:
        world, transfer = notary.world, notary.world.lock(7)
        world.beta.submit(world.beta.prepare(BOB, settle([transfer])))
        world.beta.mine()
        request = await notary.sign_request(transfer, kind=Kind.OUTCOME, code=Outcome.MINTED)
        wrong = codec.sign_out(replace(request, verifier=transfer.destination))
        assert (await refused_with(notary.stub.Sign(wrong))).code() is INVALID
        await notary.client.sign(request)

    run(script)


def test_a_vote_that_contradicts_an_earlier_one_is_refused_and_named() -> None:
    """R-13: approved, then struck off the register before the deadline."""

    async def script(notary: Served) -> None:
        transfer = notary.world.lock(7)
        await notary.client.sign(await notary.sign_request(transfer))
        notary.world.beta.set_holder(transfer.asset, BOB, registered=False)
        request = await notary.sign_request(transfer, kind=Kind.REFUSED, code=Reason.NOT_ELIGIBLE)
        error = await refused_with(notary.stub.Sign(codec.sign_out(request)))
        assert error.code() is REFUSED
        assert "it was approved" in (error.details() or "")
        assert (NOT_APPROVED, transfer.id.hex()) in list(error.trailing_metadata() or ())

    run(script)


def test_a_handle_that_was_used_is_refused() -> None:
    """R-14."""

    async def script(notary: Served) -> None:
        request = await notary.sign_request(notary.world.lock(7))
        await notary.client.sign(request)
        assert (await refused_with(notary.stub.Sign(codec.sign_out(request)))).code() is REFUSED

    run(script)


@pytest.mark.parametrize(("asked", "held"), [(2, 1), (1, 2), (2, 2)])
def test_an_epoch_that_the_verifier_does_not_have_as_current_is_refused(asked: int, held: int) -> None:
    """R-40."""

    async def script(notary: Served) -> None:
        request = replace(await notary.sign_request(notary.world.lock(7)), epoch=Epoch(asked))
        error = await refused_with(notary.stub.Sign(codec.sign_out(request)))
        assert (error.code(), "epoch" in (error.details() or "")) == (REFUSED, True)

    run(script, epoch=held)


def test_a_disk_that_refuses_the_votes_is_unavailable() -> None:
    """R-13."""

    async def script(notary: Served) -> None:
        request = await notary.sign_request(notary.world.lock(7))
        assert (await refused_with(notary.stub.Sign(codec.sign_out(request)))).code() is DOWN
        with pytest.raises(UnavailableError):
            await notary.client.sign(await notary.sign_request(notary.world.lock(8)))

    run(script, votes=FullDisk())


def test_a_ledger_that_does_not_answer_is_waited_for_in_a_review_and_unavailable_for_a_share() -> None:
    async def whole() -> None:
        world = World()
        node = FalseReader(world.beta)
        async with served(world, beta=node) as notary:
            transfer = world.lock(7)
            request = await notary.sign_request(transfer)
            node.silent = True
            (verdict,) = await notary.client.review(Question.DECISION, [ref(transfer)])
            assert (verdict.offers, verdict.waiting_for) == ((), Reason.LEDGER_UNREACHABLE)
            assert (await refused_with(notary.stub.Sign(codec.sign_out(request)))).code() is DOWN

    asyncio.run(whole())


def test_a_verifier_that_is_not_configured_is_unavailable() -> None:
    async def script(notary: Served) -> None:
        transfer = replace(notary.world.lock(7), destination=EndpointId(bytes(32)))
        request = await notary.sign_request(transfer)
        with pytest.raises(UnavailableError, match="not configured"):
            await notary.client.sign(request)

    run(script)


def test_another_kind_of_refusal_is_terminal_for_the_client() -> None:
    async def script(notary: Served) -> None:
        request = await notary.sign_request(notary.world.lock(7))
        with pytest.raises(RefusedError, match="unknown, used or lapsed"):
            await notary.client.sign(replace(request, handle=bytes(16)))

    run(script)
