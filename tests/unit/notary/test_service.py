"""A notary behind real gRPC on a loopback port: what comes in from anybody, and how each answer reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
import pytest

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.client import GrpcNotary
from bridge.adapters.grpc.errors import NOT_APPROVED
from bridge.adapters.memory.runtime import SeededEntropy
from bridge.adapters.memory.verdicts import MemoryVerdicts
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.config import LedgerConfig
from bridge.core.caip import EndpointId
from bridge.core.policy import EVERYTHING
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.statements import Closed, Decree, Epoch, Handover, Kind, Trial
from bridge.core.transfer import Transfer
from bridge.core.votes import HandoverVote, Vote, VoteHead
from bridge.errors import RefusedError, UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import (
    COMMITMENTS_MAX,
    Commitment,
    EndorseRequest,
    NotApprovedError,
    Offer,
    Question,
    Signer,
    SignItem,
    SignRequest,
    TransferRef,
)
from bridge.ports.ledger import LedgerReader
from bridge.ports.store import SeatStore
from bridge.rpc.v1 import committee_pb2 as committee
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.committee_pb2_grpc import CommitteeStub, add_CommitteeServicer_to_server
from bridge.rpc.v1.notary_pb2_grpc import NotaryStub, add_NotaryServicer_to_server
from notary.judge import Judge, LedgerEyes
from notary.service import HOST_LEN, CommitteeService, NotaryService
from notary.signer.desk import Desk
from notary.signer.seat import HeldSeat, Holding
from tests.committee import EPOCH, dealing, settle
from tests.conformance.samples import word
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import BOB, CAROL, World
from tests.seats import SESSION, Operator, document, identity

if TYPE_CHECKING:
    from bridge.rpc.v1.committee_pb2_grpc import CommitteeAsyncStub
    from bridge.rpc.v1.notary_pb2_grpc import NotaryAsyncStub

CARD = bytes(range(64))
INVALID = grpc.StatusCode.INVALID_ARGUMENT
REFUSED = grpc.StatusCode.FAILED_PRECONDITION
DOWN = grpc.StatusCode.UNAVAILABLE
CALLER: Final = "test-caller"
"""Metadata by which a call names who makes it, where a certificate would."""
HOST: Final = "node.bank.example"


class FullDisk(MemoryVoteStore):
    """A vote store that can't write."""

    def record(self, votes: Sequence[Vote], seen: Sequence[VoteHead] = ()) -> None:
        del seen
        msg = f"no space for {len(votes)} votes"
        raise UnavailableError(msg)


class NoSigner:
    """The own signer, when it is down."""

    async def describe(self) -> NoReturn:
        self._down()

    async def seats(self) -> NoReturn:
        self._down()

    async def commit(self, *_request: object) -> NoReturn:
        self._down()

    async def votable(self, *_request: object) -> NoReturn:
        self._down()

    async def sign(self, *_request: object) -> NoReturn:
        self._down()

    async def endorse(self, *_request: object) -> NoReturn:
        self._down()

    def _down(self) -> NoReturn:
        msg = "the signer: connection refused"
        raise UnavailableError(msg)


@dataclass(frozen=True)
class Served:
    """A notary that answers, with a client, and a stub for what no client sends."""

    world: World
    client: GrpcNotary
    stub: "NotaryAsyncStub"
    votes: SeatStore
    operator: Operator

    async def sign_request(self, transfer: Transfer, *, kind: Kind = Kind.LOCKED, code: int = 0) -> SignRequest:
        (commitment,) = await self.client.commit(1)
        verifier = transfer.source if kind is Kind.OUTCOME else transfer.destination
        return SignRequest(
            kind=kind,
            verifier=verifier,
            epoch=EPOCH,
            items=(SignItem(ref=ref(transfer), code=code),),
            handle=commitment.handle,
            commitments=(commitment, *_others(2, 3)),
        )

    async def endorse_request(self, decree: Decree) -> EndorseRequest:
        (commitment,) = await self.client.commit(1)
        return EndorseRequest(decree=decree, handle=commitment.handle, commitments=(commitment, *_others(2, 3)))


def ref(transfer: Transfer) -> TransferRef:
    return TransferRef(lane=transfer.lane, sequence=transfer.sequence, transfer_id=transfer.id)


def _others(*numbers: int) -> list[Commitment]:
    return [_seat(World(), MemoryVoteStore(), Operator(), number=n).commit("relayer/a", 1)[0] for n in numbers]


def _seat(world: World, votes: SeatStore, operator: Operator, *, number: int = 1, epoch: int = EPOCH) -> HeldSeat:
    """A seat of a dealt committee, which waits for no peers' reports."""
    holding = Holding(
        epoch=Epoch(epoch),
        key=dealing().key_packages[number - 1],
        votes=votes,
        document=document(identities=False),
        session=SESSION,
        cards={},
    )
    return HeldSeat(holding, identity(number), operator, world.clock, SeededEntropy(number))


def _caller(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
    return metadata.get(CALLER, "relayer/a")


@asynccontextmanager
async def served(
    world: World,
    *,
    votes: SeatStore | None = None,
    beta: LedgerReader | None = None,
    epoch: int = EPOCH,
    signer: Signer | None = None,
) -> AsyncIterator[Served]:
    store, operator = MemoryVoteStore() if votes is None else votes, Operator()
    eyes = {
        world.lane.source: LedgerEyes(reader=world.alpha, assets=world.alpha, margin_s=0),
        world.lane.destination: LedgerEyes(reader=beta or world.beta, assets=world.beta, margin_s=0),
    }
    journal = MemoryVerdicts()
    judge = Judge(eyes, world.clock, idle_allowance_s=5, policy=EVERYTHING, verdicts=journal, breakers=journal)
    desk = Desk([_seat(world, store, operator, epoch=epoch)], card=CARD) if signer is None else signer
    server = grpc.aio.server()
    add_NotaryServicer_to_server(NotaryService(judge, desk, (_config(world),), _caller), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    channel = grpc.aio.insecure_channel(address)
    client = GrpcNotary(ParticipantId(1), address, Epoch(epoch))
    try:
        yield Served(world, client, NotaryStub(channel), store, operator)
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
        nodes=(f"https://user:secret@{HOST}:8545/key", f"https://{HOST}:8546", "http://127.0.0.1:1"),
        finality="tag:finalized",
        margin_s=900,
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

        signed = await notary.client.sign(await notary.sign_request(transfers[0]))
        assert [v.kind for v in notary.votes.votes(transfers[0].id)] == [Kind.LOCKED]
        assert (signed.next.notary, signed.next.head.count) == (1, 1)

    run(script)


def test_status_tells_the_seats_and_what_is_wrong_with_a_ledger() -> None:
    async def script(notary: Served) -> None:
        status = await notary.client.status()
        assert status.identity == CARD
        (seat,) = status.seats
        assert (seat.notary, seat.epoch, seat.threshold, seat.members) == (1, 1, 3, 4)
        assert seat.group_key == dealing().public_key_package.group_public_key.to_bytes()
        assert (seat.head.count, seat.problem, status.problem) == (0, "", "")
        assert "not configured" in status.ledgers[0].problem
        assert status.version

    run(script)


def test_status_lets_others_compare_the_hosts_of_nodes_and_does_not_name_them() -> None:
    """Issue 5, item 8: a host that several notaries read through is noticed by its digest."""

    async def script(notary: Served) -> None:
        status = await notary.client.status()
        (ledger,) = status.ledgers
        assert {len(host) for host in ledger.node_hosts} == {HOST_LEN}
        assert len(ledger.node_hosts) == 1, "two nodes on one host are one, and loopback is another at everybody"
        assert sha256(HOST.encode()).digest()[:HOST_LEN] in ledger.node_hosts
        told = str(status) + status.SerializeToString().decode(errors="replace")
        assert [word for word in (HOST, "secret", "8545", "127.0.0.1") if word in told] == []

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
        review = pb.ReviewRequest(question=pb.QUESTION_DECISION, transfers=[broken], epoch=EPOCH)
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
            review = pb.ReviewRequest(question=pb.QUESTION_DECISION, transfers=refs, epoch=EPOCH)
            error = await refused_with(notary.stub.Review(review))
            assert (error.code(), error.details()) == (INVALID, "name 1 to 500 transfers, none twice")
        fits = pb.ReviewRequest(question=pb.QUESTION_DECISION, transfers=many[:-1], epoch=EPOCH)
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
        lambda r: setattr(r.commitments[1], "handle", b""),
        lambda r: setattr(r.commitments[1], "handle", bytes(33)),
        lambda r: setattr(r.commitments[1].head, "hash", bytes(31)),
        lambda r: setattr(r.commitments[1].head, "signature", b""),
        lambda r: r.commitments.extend([r.commitments[0]] * 253),
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
        with pytest.raises(RefusedError, match="unknown, used, lapsed"):
            await notary.client.sign(replace(request, handle=bytes(16)))

    run(script)


# --- seats and epochs


def test_a_commitment_of_an_epoch_without_a_seat_is_refused() -> None:
    """R-40."""

    async def script(notary: Served) -> None:
        error = await refused_with(notary.stub.Commit(pb.CommitRequest(epoch=2, count=1)))
        assert (error.code(), error.details()) == (REFUSED, "this notary has no seat in epoch 2")

    run(script)


def test_a_review_for_an_epoch_without_a_seat_is_refused() -> None:
    """R-13: whether a vote would be allowed is known for own seats only."""

    async def script(notary: Served) -> None:
        review = pb.ReviewRequest(
            question=pb.QUESTION_DECISION, transfers=[codec.ref_out(ref(notary.world.lock(7)))], epoch=2
        )
        error = await refused_with(notary.stub.Review(review))
        assert (error.code(), "no seat in epoch 2" in (error.details() or "")) == (REFUSED, True)

    run(script)


def test_a_review_leaves_out_what_an_earlier_vote_stands_against() -> None:
    """R-13: approved, then struck off the register: it would refuse now, and must not."""

    async def script(notary: Served) -> None:
        transfer = notary.world.lock(7)
        await notary.client.sign(await notary.sign_request(transfer))
        notary.world.beta.set_holder(transfer.asset, BOB, registered=False)
        (verdict,) = await notary.client.review(Question.DECISION, [ref(transfer)])
        assert (verdict.offers, verdict.note) == ((), "an earlier vote of this notary stands against it")

    run(script)


@pytest.mark.parametrize("count", [0, COMMITMENTS_MAX + 1, 2**32 - 1])
def test_a_number_of_commitments_that_is_not_1_to_16_is_an_invalid_argument(count: int) -> None:
    """R-14."""

    async def script(notary: Served) -> None:
        error = await refused_with(notary.stub.Commit(pb.CommitRequest(epoch=EPOCH, count=count)))
        assert (error.code(), error.details()) == (INVALID, f"ask for 1 to 16 commitments, not {count}")

    run(script)


def test_up_to_16_commitments_are_handed_over_ahead_each_another() -> None:
    async def script(notary: Served) -> None:
        commitments = await notary.client.commit(COMMITMENTS_MAX)
        assert len({c.handle for c in commitments}) == len({c.commitments for c in commitments}) == COMMITMENTS_MAX

    run(script)


def test_a_handle_of_another_coordinator_is_refused_and_stays_its_own() -> None:
    """R-14: who asks is who the certificate names, not what a message says."""

    async def script(notary: Served) -> None:
        message = codec.sign_out(await notary.sign_request(notary.world.lock(7)))
        error = await refused_with(notary.stub.Sign(message, metadata=((CALLER, "relayer/b"),)))
        assert (error.code(), "another coordinator's" in (error.details() or "")) == (REFUSED, True)
        decree = codec.endorse_out(await notary.endorse_request(trial()))
        error = await refused_with(notary.stub.Endorse(decree, metadata=((CALLER, "relayer/b"),)))
        assert error.code() is REFUSED
        assert (await notary.stub.Sign(message)).share
        assert (await notary.stub.Endorse(decree)).share

    run(script)


# --- decrees


PX, PY = dealing(1).public_key_package.group_public_key.coordinates()
VERIFIER: Final = EndpointId(word(2))


def trial() -> Trial:
    return Trial(epoch=EPOCH, session=SESSION, subset=0)


def handover() -> Handover:
    return Handover(verifier=VERIFIER, epoch=Epoch(EPOCH + 1), px=PX, py=PY)


def closed() -> Closed:
    return Closed(verifier=VERIFIER, epoch=EPOCH, endpoint=EndpointId(word(3)))


@pytest.mark.parametrize("decree", [handover(), closed()], ids=["handover", "closed"])
def test_a_decree_that_the_operator_has_not_approved_is_refused(decree: Decree) -> None:
    """R-40, R-60: a person decides it, whoever asks."""

    async def script(notary: Served) -> None:
        error = await refused_with(notary.stub.Endorse(codec.endorse_out(await notary.endorse_request(decree))))
        assert (error.code(), "operator has not approved" in (error.details() or "")) == (REFUSED, True)
        with pytest.raises(RefusedError, match="operator has not approved"):
            await notary.client.endorse(await notary.endorse_request(decree))
        assert notary.votes.head()[0] == 0

    run(script)


@pytest.mark.parametrize("decree", [handover(), closed(), trial()], ids=["handover", "closed", "trial"])
def test_a_decree_that_the_operator_has_approved_is_endorsed(decree: Decree) -> None:
    async def script(notary: Served) -> None:
        notary.operator.handovers.append(HandoverVote(epoch=EPOCH, px=PX, py=PY))
        notary.operator.closings.append(EndpointId(word(3)))
        signed = await notary.client.endorse(await notary.endorse_request(decree))
        assert signed.next.notary == 1

    run(script)


@pytest.mark.parametrize(
    ("decree", "code"),
    [
        (None, INVALID),
        (pb.EndorseRequest(trial=pb.TrialDecree(epoch=1, session=b"short", subset=0)), INVALID),
        (pb.EndorseRequest(trial=pb.TrialDecree(epoch=0, session=SESSION, subset=0)), INVALID),
        (pb.EndorseRequest(trial=pb.TrialDecree(epoch=1, session=word(5), subset=0)), REFUSED),
        (pb.EndorseRequest(trial=pb.TrialDecree(epoch=2, session=SESSION, subset=0)), REFUSED),
        (pb.EndorseRequest(closed=pb.ClosedDecree(verifier=bytes(31), epoch=1, endpoint=bytes(32))), INVALID),
        (pb.EndorseRequest(handover=pb.HandoverDecree(verifier=bytes(32), epoch=1, px=word(1), py=word(1))), INVALID),
        (pb.EndorseRequest(handover=pb.HandoverDecree(verifier=bytes(32), epoch=2, px=b"", py=word(1))), INVALID),
    ],
    ids=["none", "session", "epoch 0", "another ceremony's", "epoch 2", "verifier", "the first key", "px"],
)
def test_a_malformed_decree_is_refused(decree: pb.EndorseRequest | None, code: grpc.StatusCode) -> None:
    async def script(notary: Served) -> None:
        message = codec.endorse_out(await notary.endorse_request(trial()))
        message.ClearField("trial")
        message.MergeFrom(decree or pb.EndorseRequest())
        assert (await refused_with(notary.stub.Endorse(message))).code() is code

    run(script)


# --- the own signer


def test_a_signer_that_does_not_answer_is_told_by_status_and_nothing_is_signed_meanwhile() -> None:
    async def script(notary: Served) -> None:
        status = await notary.client.status()
        assert (list(status.seats), status.problem) == ([], "the signer: connection refused")
        assert len(status.ledgers) == 1
        transfer = notary.world.lock(7)
        review = pb.ReviewRequest(question=pb.QUESTION_DECISION, transfers=[codec.ref_out(ref(transfer))], epoch=EPOCH)
        own, *others = _others(1, 2, 3)
        sign = SignRequest(
            kind=Kind.LOCKED,
            verifier=transfer.destination,
            epoch=EPOCH,
            items=(SignItem(ref=ref(transfer), code=0),),
            handle=own.handle,
            commitments=(own, *others),
        )
        endorse = EndorseRequest(decree=trial(), handle=own.handle, commitments=(own, *others))
        for call in (
            notary.stub.Review(review),
            notary.stub.Commit(pb.CommitRequest(epoch=EPOCH, count=1)),
            notary.stub.Sign(codec.sign_out(sign)),
            notary.stub.Endorse(codec.endorse_out(endorse)),
        ):
            assert (await refused_with(call)).code() is DOWN

    run(script, signer=NoSigner())


class Told:
    """A signer's half of what notaries tell each other; keeps what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[object] = []
        self._error = error

    async def exchange(self, request: committee.ExchangeRequest) -> committee.ExchangeResponse:
        self._take(request)
        return committee.ExchangeResponse(messages=request.messages, phase="echo", waiting_for=[3], problem="a note")

    async def witness_raw(self, request: committee.WitnessRequest) -> committee.WitnessResponse:
        self._take(request)
        return committee.WitnessResponse(report=committee.WitnessReport(epoch=request.epoch, signature=b"whose"))

    def _take(self, request: object) -> None:
        self.asked.append(request)
        if self._error is not None:
            raise self._error


@asynccontextmanager
async def handing_on(signer: Told) -> AsyncIterator["CommitteeAsyncStub"]:
    server = grpc.aio.server()
    add_CommitteeServicer_to_server(CommitteeService(signer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    try:
        yield CommitteeStub(channel)
    finally:
        await channel.close()
        await server.stop(None)


EXCHANGE: Final = committee.ExchangeRequest(
    session=SESSION,
    messages=[
        committee.CeremonyMessage(session=SESSION, sender=2, kind="round-1", body=b"anything", signature=bytes(64))
    ],
)
WITNESS: Final = committee.WitnessRequest(epoch=1, subject=2, challenge=bytes(32), head=pb.VoteHead(epoch=1, count=7))


def test_what_notaries_tell_each_other_goes_through_as_it_is() -> None:
    """The front reads nothing of it: it is signed or sealed."""

    async def whole() -> None:
        signer = Told()
        async with handing_on(signer) as stub:
            exchanged = await stub.Exchange(EXCHANGE)
            assert list(exchanged.messages) == list(EXCHANGE.messages)
            assert (exchanged.phase, list(exchanged.waiting_for), exchanged.problem) == ("echo", [3], "a note")
            witnessed = await stub.Witness(WITNESS)
            assert (witnessed.report.epoch, witnessed.report.signature) == (1, b"whose")
        assert signer.asked == [EXCHANGE, WITNESS]

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("error", "code"),
    [(RefusedError("no seat"), REFUSED), (UnavailableError("the signer: away"), DOWN)],
    ids=["refused", "away"],
)
def test_a_signer_that_refuses_or_is_away_says_so_to_other_notaries(error: Exception, code: grpc.StatusCode) -> None:
    async def whole() -> None:
        async with handing_on(Told(error)) as stub:
            for call in (stub.Exchange(EXCHANGE), stub.Witness(WITNESS)):
                refused = await refused_with(call)
                assert (refused.code(), refused.details()) == (code, str(error))

    asyncio.run(whole())
