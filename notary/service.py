"""The notary's gRPC service: decodes, asks judge and signer, encodes. It never signs what it was handed (R-10)."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Final, TypeVar

import grpc
import structlog

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.client import NOT_APPROVED
from bridge.config import LedgerConfig
from bridge.core.statements import Item, Kind, Statement
from bridge.core.votes import Vote, VoteConflictError
from bridge.errors import BridgeError, InvalidInputError, RefusedError, UnavailableError
from bridge.frost import FrostError
from bridge.ports.committee import NotApprovedError, Offer, Question, SignItem, SignRequest, Verdict
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.notary_pb2_grpc import NotaryServicer
from notary.judge import Judge, Judged
from notary.signer import Signer

Request = TypeVar("Request")
Response = TypeVar("Response")

DISTRIBUTION: Final = "naru-bridge"
log = structlog.get_logger()


class NotaryService(NotaryServicer):
    """One seat of the committee."""

    def __init__(self, judge: Judge, signer: Signer, ledgers: Sequence[LedgerConfig]) -> None:
        """Answer from *judge* and *signer*; *ledgers* are told by Status."""
        self._judge = judge
        self._signer = signer
        self._ledgers = tuple(ledgers)

    async def Status(
        self, request: pb.StatusRequest, context: grpc.aio.ServicerContext[pb.StatusRequest, pb.StatusResponse]
    ) -> pb.StatusResponse:
        """Tell who this is, and how its own view of each ledger stands."""
        return await _answer("status.told", request, context, self._status)

    async def Review(
        self, request: pb.ReviewRequest, context: grpc.aio.ServicerContext[pb.ReviewRequest, pb.ReviewResponse]
    ) -> pb.ReviewResponse:
        """Give verdicts."""
        return await _answer("transfers.reviewed", request, context, self._review)

    async def Commit(
        self, request: pb.CommitRequest, context: grpc.aio.ServicerContext[pb.CommitRequest, pb.CommitResponse]
    ) -> pb.CommitResponse:
        """Give a commitment."""
        return await _answer("commitment.given", request, context, self._commit)

    async def Sign(
        self, request: pb.SignRequest, context: grpc.aio.ServicerContext[pb.SignRequest, pb.SignResponse]
    ) -> pb.SignResponse:
        """Release a share."""
        return await _answer("share.released", request, context, self._sign)

    async def _status(self, _request: pb.StatusRequest) -> pb.StatusResponse:
        key = self._signer.key
        return pb.StatusResponse(
            notary=key.identifier,
            epoch=self._signer.epoch,
            threshold=key.threshold,
            members=key.participants,
            group_key=key.group_public_key.to_bytes(),
            ledgers=[await self._ledger_status(ledger) for ledger in self._ledgers],
            version=version(DISTRIBUTION),
        )

    async def _ledger_status(self, ledger: LedgerConfig) -> pb.LedgerStatus:
        status = pb.LedgerStatus(ledger=ledger.ledger, endpoint=ledger.endpoint.id)
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
        return pb.ReviewResponse(verdicts=[codec.verdict_out(self._votable(j)) for j in judged])

    async def _commit(self, _request: pb.CommitRequest) -> pb.CommitResponse:
        return codec.commitment_out(self._signer.commit())

    async def _sign(self, message: pb.SignRequest) -> pb.SignResponse:
        request = codec.sign_in(message)
        await self._check_verifier(request)
        question = Question.OUTCOME if request.kind is Kind.OUTCOME else Question.DECISION
        judged = await self._judge.judge(question, [item.ref for item in request.items])
        votes = [self._approved_vote(request, item, j) for item, j in zip(request.items, judged, strict=True)]
        items = tuple(Item(transfer_id=vote.transfer_id, code=vote.code) for vote in votes)
        statement = Statement(kind=request.kind, verifier=request.verifier, epoch=request.epoch, items=items)
        share = self._signer.sign(statement, votes, request.handle, request.commitments)
        return pb.SignResponse(share=share.to_bytes())

    async def _check_verifier(self, request: SignRequest) -> None:
        for item in request.items:
            lane = item.ref.lane
            if request.verifier != (lane.source if request.kind is Kind.OUTCOME else lane.destination):
                msg = f"the verifier of a {request.kind} statement must be an end of every item's lane"
                raise InvalidInputError(msg)
        current = await self._judge.epoch(request.verifier)
        if not request.epoch == current == self._signer.epoch:
            msg = f"epoch {request.epoch} asked, {current} current at the verifier, {self._signer.epoch} held here"
            raise RefusedError(msg)

    def _votable(self, judged: Judged) -> Verdict:
        """Leave out of a verdict what an earlier vote of this notary stands against (R-13)."""
        verdict = judged.verdict
        offers = tuple(o for o in verdict.offers if self._signer.may_vote(self._vote(judged, o)))
        if offers or not verdict.offers:
            return replace(verdict, offers=offers)
        return replace(verdict, offers=offers, note="an earlier vote of this notary stands against it")

    def _approved_vote(self, request: SignRequest, item: SignItem, judged: Judged) -> Vote:
        offer = Offer(kind=request.kind, code=item.code)
        if offer not in judged.verdict.offers:
            why = judged.verdict.note or f"{request.kind} {item.code} is not what this notary would sign"
            raise NotApprovedError(item.ref.transfer_id, why)
        return self._vote(judged, offer)

    def _vote(self, judged: Judged, offer: Offer) -> Vote:
        return Vote(
            epoch=self._signer.epoch,
            kind=offer.kind,
            lane=judged.ref.lane.id,
            sequence=judged.ref.sequence,
            transfer_id=judged.ref.transfer_id,
            code=offer.code,
            expired=judged.expired,
        )


async def _answer(
    event: str,
    request: Request,
    context: grpc.aio.ServicerContext[Request, Response],
    handler: Callable[[Request], Awaitable[Response]],
) -> Response:
    started = time.monotonic()
    try:
        response = await handler(request)
    except BridgeError as error:
        log.info("request.refused", step=event, error=str(error))
        await context.abort(_code(error), str(error), _metadata(error))
    log.info(event, duration_ms=round(1000 * (time.monotonic() - started), 1))
    return response


def _code(error: BridgeError) -> grpc.StatusCode:
    if isinstance(error, InvalidInputError | FrostError):
        return grpc.StatusCode.INVALID_ARGUMENT
    return grpc.StatusCode.UNAVAILABLE if error.retryable else grpc.StatusCode.FAILED_PRECONDITION


def _metadata(error: BridgeError) -> tuple[tuple[str, str], ...]:
    match error:
        case NotApprovedError(transfer_id=transfer_id):
            return ((NOT_APPROVED, transfer_id.hex()),)
        case VoteConflictError(vote=vote):
            return ((NOT_APPROVED, vote.transfer_id.hex()),)
        case _:
            return ()
