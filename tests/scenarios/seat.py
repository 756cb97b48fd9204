"""A seat of the committee in this process: the real service, judge and signer; only gRPC's channel is left out."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, TypeVar, cast

import grpc

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.client import NOT_APPROVED
from bridge.core.transfer import TransferId
from bridge.errors import BridgeError, RefusedError, UnavailableError
from bridge.frost import ORDER, ParticipantId, Scalar, SignatureShare
from bridge.ports.committee import (
    Commitment,
    NotApprovedError,
    Notary,
    Question,
    SignRequest,
    TransferRef,
    Verdict,
)
from bridge.rpc.v1 import notary_pb2 as pb
from notary.service import NotaryService

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

    def __init__(self, notary: ParticipantId, service: NotaryService) -> None:
        self._id = notary
        self._service = service

    @property
    def id(self) -> ParticipantId:
        return self._id

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        transfers = [codec.ref_out(ref) for ref in refs]
        request = pb.ReviewRequest(question=codec.question_out(question), transfers=transfers)
        response = await _answer(self._service.Review, request)
        return [codec.verdict_in(message) for message in response.verdicts]

    async def commit(self) -> Commitment:
        return codec.commitment_in(await _answer(self._service.Commit, pb.CommitRequest()))

    async def sign(self, request: SignRequest) -> SignatureShare:
        response = await _answer(self._service.Sign, codec.sign_out(request))
        return SignatureShare.from_bytes(response.share)


class Fickle:
    """A member that behaves until told otherwise: set what it does instead of answering each call."""

    def __init__(self, honest: Notary) -> None:
        self.honest = honest
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

    async def commit(self) -> Commitment:
        self.on_commit()
        return await self.honest.commit()

    async def sign(self, request: SignRequest) -> SignatureShare:
        self.on_sign(request)
        share = await self.honest.sign(request)
        self.signed.append(request)
        return SignatureShare(scalar=Scalar((share.scalar + 1) % ORDER)) if self.cheats else share


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
