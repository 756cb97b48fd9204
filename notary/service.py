"""The notary's gRPC services: decode, ask judge and signer, encode. It never signs what it was handed (R-10)."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, Final, Protocol, TypeVar

import grpc
import structlog

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.answering import answer
from bridge.config import LedgerConfig, node_host
from bridge.core.statements import Epoch, Kind
from bridge.core.votes import Vote
from bridge.errors import InvalidInputError, RefusedError, UnavailableError
from bridge.ports.committee import (
    COMMITMENTS_MAX,
    NotApprovedError,
    Offer,
    Question,
    Signer,
    SignItem,
    SignOrder,
    SignRequest,
    Verdict,
)
from bridge.rpc.v1 import committee_pb2 as committee
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.committee_pb2_grpc import CommitteeServicer
from bridge.rpc.v1.notary_pb2_grpc import NotaryServicer
from notary.judge import Judge, Judged

Request = TypeVar("Request")
Response = TypeVar("Response")

HOST_LEN: Final = 8
DISTRIBUTION: Final = "naru-bridge"
log = structlog.get_logger()


class Caller(Protocol):
    """Who calls, as its certificate names it."""

    def __call__(self, context: grpc.aio.ServicerContext[Any, Any], /) -> str:
        """Give role and instance."""
        ...


class NotaryService(NotaryServicer):
    """What a coordinator asks of this notary's seats."""

    def __init__(self, judge: Judge, signer: Signer, ledgers: Sequence[LedgerConfig], caller: Caller) -> None:
        """Answer from *judge* and *signer*; *ledgers* are told by Status."""
        self._judge = judge
        self._signer = signer
        self._ledgers = tuple(ledgers)
        self._caller = caller

    async def Status(
        self, request: pb.StatusRequest, context: grpc.aio.ServicerContext[pb.StatusRequest, pb.StatusResponse]
    ) -> pb.StatusResponse:
        """Tell who this is, and how its own view of each ledger stands."""
        return await answer("status.told", request, context, self._status)

    async def Review(
        self, request: pb.ReviewRequest, context: grpc.aio.ServicerContext[pb.ReviewRequest, pb.ReviewResponse]
    ) -> pb.ReviewResponse:
        """Give verdicts."""
        return await answer("transfers.reviewed", request, context, self._review)

    async def Commit(
        self, request: pb.CommitRequest, context: grpc.aio.ServicerContext[pb.CommitRequest, pb.CommitResponse]
    ) -> pb.CommitResponse:
        """Give a commitment."""
        coordinator = self._caller(context)
        return await answer("commitment.given", request, context, lambda r: self._commit(r, coordinator))

    async def Sign(
        self, request: pb.SignRequest, context: grpc.aio.ServicerContext[pb.SignRequest, pb.SignResponse]
    ) -> pb.SignResponse:
        """Release a share of a list."""
        coordinator = self._caller(context)
        return await answer("share.released", request, context, lambda r: self._sign(r, coordinator))

    async def Endorse(
        self, request: pb.EndorseRequest, context: grpc.aio.ServicerContext[pb.EndorseRequest, pb.SignResponse]
    ) -> pb.SignResponse:
        """Release a share of a decree."""
        coordinator = self._caller(context)
        return await answer("decree.endorsed", request, context, lambda r: self._endorse(r, coordinator))

    async def _status(self, _request: pb.StatusRequest) -> pb.StatusResponse:
        response = pb.StatusResponse(
            ledgers=[await self._ledger_status(ledger) for ledger in self._ledgers], version=version(DISTRIBUTION)
        )
        try:
            described = await self._signer.describe()
        except UnavailableError as error:
            response.problem = str(error)
        else:
            response.identity = described.card
            response.seats.extend(codec.seat_out(seat) for seat in described.seats)
        return response

    async def _ledger_status(self, ledger: LedgerConfig) -> pb.LedgerStatus:
        hosts = {
            sha256(host.encode()).digest()[:HOST_LEN] for node in ledger.nodes if _is_public(host := node_host(node))
        }
        status = pb.LedgerStatus(ledger=ledger.ledger, endpoint=ledger.endpoint.id, node_hosts=sorted(hosts))
        try:
            head = await self._judge.head(ledger.endpoint.id)
        except UnavailableError as error:
            status.problem = str(error)
        else:
            status.height, status.time = head.height, head.time
        return status

    async def _review(self, request: pb.ReviewRequest) -> pb.ReviewResponse:
        refs = codec.refs_in(request.transfers)
        judged = await self._judge.judge(codec.question_in(request.question), refs)
        verdicts = await self._votable(judged, Epoch(request.epoch))
        return pb.ReviewResponse(verdicts=[codec.verdict_out(verdict) for verdict in verdicts])

    async def _commit(self, request: pb.CommitRequest, coordinator: str) -> pb.CommitResponse:
        if not 0 < request.count <= COMMITMENTS_MAX:
            raise InvalidInputError(f"ask for 1 to {COMMITMENTS_MAX} commitments, not {request.count}")
        commitments = await self._signer.commit(Epoch(request.epoch), coordinator, request.count)
        return pb.CommitResponse(commitments=[codec.commitment_out(c) for c in commitments])

    async def _sign(self, message: pb.SignRequest, coordinator: str) -> pb.SignResponse:
        request = codec.sign_in(message)
        await self._check_verifier(request)
        question = Question.OUTCOME if request.kind is Kind.OUTCOME else Question.DECISION
        judged = await self._judge.judge(question, [item.ref for item in request.items])
        order = SignOrder(
            kind=request.kind,
            verifier=request.verifier,
            epoch=request.epoch,
            votes=tuple(_approved_vote(request, item, j) for item, j in zip(request.items, judged, strict=True)),
            handle=request.handle,
            commitments=request.commitments,
        )
        return codec.signed_out(await self._signer.sign(order, coordinator))

    async def _endorse(self, message: pb.EndorseRequest, coordinator: str) -> pb.SignResponse:
        return codec.signed_out(await self._signer.endorse(codec.endorse_in(message), coordinator))

    async def _check_verifier(self, request: SignRequest) -> None:
        for item in request.items:
            lane = item.ref.lane
            if request.verifier != (lane.source if request.kind is Kind.OUTCOME else lane.destination):
                msg = f"the verifier of a {request.kind} statement must be an end of every item's lane"
                raise InvalidInputError(msg)
        current = await self._judge.epoch(request.verifier)
        if request.epoch != current:
            raise RefusedError(f"epoch {request.epoch} asked, {current} current at the verifier")

    async def _votable(self, judged: Sequence[Judged], epoch: Epoch) -> list[Verdict]:
        """Leave out of verdicts what an earlier vote of this notary stands against (R-13)."""
        votes = [_vote(j, offer, epoch) for j in judged for offer in j.verdict.offers]
        answers = iter(await self._signer.votable(votes) if votes else ())
        return [_without([offer for offer in j.verdict.offers if next(answers)], j.verdict) for j in judged]


class Ceremonies(Protocol):
    """The signer's half of what notaries tell each other; messages go through as they are, being signed or sealed."""

    async def exchange(self, request: committee.ExchangeRequest) -> committee.ExchangeResponse:
        """Take one step of a ceremony."""
        ...

    async def witness_raw(self, request: committee.WitnessRequest) -> committee.WitnessResponse:
        """Report what was seen of a member's votes."""
        ...


class CommitteeService(CommitteeServicer):
    """What other notaries, and whoever drives a ceremony, ask of this notary's signer."""

    def __init__(self, signer: Ceremonies) -> None:
        """Hand on to *signer*."""
        self._signer = signer

    async def Exchange(
        self,
        request: committee.ExchangeRequest,
        context: grpc.aio.ServicerContext[committee.ExchangeRequest, committee.ExchangeResponse],
    ) -> committee.ExchangeResponse:
        """Take one step of a ceremony."""
        return await answer("ceremony.exchanged", request, context, self._signer.exchange)

    async def Witness(
        self,
        request: committee.WitnessRequest,
        context: grpc.aio.ServicerContext[committee.WitnessRequest, committee.WitnessResponse],
    ) -> committee.WitnessResponse:
        """Report what was seen of a member's votes."""
        return await answer("votes.witnessed", request, context, self._signer.witness_raw)


def _is_public(host: str) -> bool:
    """Tell whether a host is the same for everybody: a private address means another machine at each institution."""
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host


def _without(left: list[Offer], verdict: Verdict) -> Verdict:
    """Leave *left* of a verdict's offers, and say so where that is none of some."""
    if left or not verdict.offers:
        return replace(verdict, offers=tuple(left))
    return replace(verdict, offers=(), note="an earlier vote of this notary stands against it")


def _approved_vote(request: SignRequest, item: SignItem, judged: Judged) -> Vote:
    offer = Offer(kind=request.kind, code=item.code)
    if offer not in judged.verdict.offers:
        why = judged.verdict.note or f"{request.kind} {item.code} is not what this notary would sign"
        raise NotApprovedError(item.ref.transfer_id, why)
    return _vote(judged, offer, request.epoch)


def _vote(judged: Judged, offer: Offer, epoch: Epoch) -> Vote:
    return Vote(
        epoch=epoch,
        kind=offer.kind,
        lane=judged.ref.lane.id,
        sequence=judged.ref.sequence,
        transfer_id=judged.ref.transfer_id,
        code=offer.code,
        expired=judged.expired,
    )
