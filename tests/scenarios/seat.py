"""A seat of the committee in this process: the real service, judge and signer; only gRPC's channel is left out."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, NoReturn, TypeVar, cast

import grpc

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.errors import NOT_APPROVED
from bridge.committee.identity import Identity, Purpose
from bridge.core.caip import EndpointId
from bridge.core.statements import Epoch, Item, Statement
from bridge.core.transfer import TransferId
from bridge.errors import BridgeError, RefusedError, UnavailableError
from bridge.frost import ORDER, ParticipantId, Scalar, SignatureShare
from bridge.ports.committee import (
    Commitment,
    EndorseRequest,
    NotApprovedError,
    Notary,
    Question,
    SignedShare,
    SignRequest,
    TransferRef,
    Verdict,
    evidence_message,
)
from bridge.rpc.v1 import notary_pb2 as pb
from notary.service import NotaryService
from tests.committee import EPOCH

A = TypeVar("A")
Q = TypeVar("Q")
Metadata = Sequence[tuple[str, str]]


class _AbortedError(Exception):
    def __init__(self, code: grpc.StatusCode, text: str, metadata: Metadata) -> None:
        super().__init__(text)
        self.code, self.metadata = code, dict(metadata)


class _Context:
    """What the service uses of gRPC's context."""

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        raise _AbortedError(code, details, trailing_metadata)


class Seat:
    """ports.committee.Notary over a NotaryService."""

    def __init__(self, notary: ParticipantId, service: NotaryService, epoch: Epoch = EPOCH) -> None:
        self._id = notary
        self._service = service
        self._epoch = epoch

    @property
    def id(self) -> ParticipantId:
        return self._id

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        transfers = [codec.ref_out(ref) for ref in refs]
        request = pb.ReviewRequest(question=codec.question_out(question), transfers=transfers, epoch=self._epoch)
        response = await _answer(self._service.Review, request)
        return [codec.verdict_in(message) for message in response.verdicts]

    async def commit(self, count: int) -> list[Commitment]:
        response = await _answer(self._service.Commit, pb.CommitRequest(epoch=self._epoch, count=count))
        return [codec.commitment_in(message) for message in response.commitments]

    async def sign(self, request: SignRequest) -> SignedShare:
        return codec.signed_in(await _answer(self._service.Sign, codec.sign_out(request)))

    async def endorse(self, request: EndorseRequest) -> SignedShare:
        return codec.signed_in(await _answer(self._service.Endorse, codec.endorse_out(request)))


class Fickle:
    """A member that behaves until told otherwise: set what it does instead of answering each call."""

    def __init__(self, honest: Notary, identity: Identity | None = None) -> None:
        self.honest = honest
        self._identity = identity
        self.on_review: Callable[[], None] = _nothing
        self.on_commit: Callable[[], None] = _nothing
        self.on_sign: Callable[[SignRequest], None] = _nothing
        self.cheats = False
        """Whether its shares are wrong."""
        self.signed: list[SignRequest] = []

    @property
    def id(self) -> ParticipantId:
        return self.honest.id

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        self.on_review()
        return await self.honest.review(question, refs)

    async def commit(self, count: int) -> list[Commitment]:
        self.on_commit()
        return await self.honest.commit(count)

    async def sign(self, request: SignRequest) -> SignedShare:
        self.on_sign(request)
        signed = await self.honest.sign(request)
        self.signed.append(request)
        return self._spoilt(request, signed) if self.cheats else signed

    async def endorse(self, request: EndorseRequest) -> SignedShare:
        return await self.honest.endorse(request)

    def _spoilt(self, request: SignRequest, signed: SignedShare) -> SignedShare:
        """Make the share wrong; with an identity, sign for that."""
        share = SignatureShare(scalar=Scalar((signed.share.scalar + 1) % ORDER))
        if self._identity is None:
            return replace(signed, share=share)
        digest = statement_of(request).digest
        message = evidence_message(digest, request.handle, request.commitments, share)
        return replace(signed, share=share, evidence=self._identity.sign(Purpose.SHARE, message))


class Nothing:
    """Approvals of an operator who has approved nothing."""

    def handover(self, _epoch: Epoch) -> None:
        return None

    def closing(self, _endpoint: EndpointId) -> bool:
        return False


def statement_of(request: SignRequest) -> Statement:
    items = tuple(Item(transfer_id=item.ref.transfer_id, code=item.code) for item in request.items)
    return Statement(kind=request.kind, verifier=request.verifier, epoch=request.epoch, items=items)


def silent(*_request: object) -> None:
    msg = "it does not answer"
    raise UnavailableError(msg)


def wavers(request: SignRequest) -> None:
    raise NotApprovedError(request.items[0].ref.transfer_id, "it has changed its mind")


def _nothing(*_request: object) -> None:
    """Behave."""


async def _answer(method: Callable[[Q, Any], Awaitable[A]], request: Q) -> A:
    try:
        return await method(request, cast("Any", _Context()))
    except _AbortedError as error:
        raise _translated(error) from error


def _translated(error: _AbortedError) -> BridgeError:
    """As the client does it."""
    if NOT_APPROVED in error.metadata:
        return NotApprovedError(TransferId(bytes.fromhex(error.metadata[NOT_APPROVED])), str(error))
    return UnavailableError(str(error)) if error.code is grpc.StatusCode.UNAVAILABLE else RefusedError(str(error))
