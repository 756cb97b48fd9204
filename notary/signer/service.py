"""The signer's gRPC service, for its own front: decode, ask the desk, encode."""

from importlib.metadata import version
from typing import Final, Protocol, TypeVar

import grpc
import structlog

from bridge.adapters.grpc import codec, signer_codec
from bridge.adapters.grpc.answering import answer
from bridge.core.statements import Epoch
from bridge.frost import ParticipantId
from bridge.ports.committee import WitnessedSigner, WitnessReport
from bridge.rpc.v1 import committee_pb2 as committee
from bridge.rpc.v1 import notary_pb2 as notary
from bridge.rpc.v1 import signer_pb2 as pb
from bridge.rpc.v1.signer_pb2_grpc import SignerServicer

Request = TypeVar("Request")
Response = TypeVar("Response")

DISTRIBUTION: Final = "naru-bridge"
log = structlog.get_logger()


class Ceremonies(Protocol):
    """The ceremonies that this notary takes part in; their messages are their own to read."""

    async def exchange(self, request: committee.ExchangeRequest) -> committee.ExchangeResponse:
        """Take one step of a ceremony.

        Raises:
            UnavailableError: the disk refuses.
            RefusedError, InvalidInputError: what was handed over is not acceptable.
        """
        ...


class SignerService(SignerServicer):
    """What the front may ask."""

    def __init__(self, desk: WitnessedSigner, ceremonies: Ceremonies) -> None:
        """Answer from *desk* and *ceremonies*."""
        self._desk = desk
        self._ceremonies = ceremonies
        self._version = version(DISTRIBUTION)

    async def Describe(
        self, request: pb.DescribeRequest, context: grpc.aio.ServicerContext[pb.DescribeRequest, pb.DescribeResponse]
    ) -> pb.DescribeResponse:
        """Tell who this is, and which seats it holds."""
        return await answer("seats.described", request, context, self._describe)

    async def Commit(
        self,
        request: pb.SignerCommitRequest,
        context: grpc.aio.ServicerContext[pb.SignerCommitRequest, notary.CommitResponse],
    ) -> notary.CommitResponse:
        """Make commitments."""
        return await answer("commitments.made", request, context, self._commit)

    async def Votable(
        self, request: pb.VotableRequest, context: grpc.aio.ServicerContext[pb.VotableRequest, pb.VotableResponse]
    ) -> pb.VotableResponse:
        """Tell what no earlier vote stands against."""
        return await answer("votes.compared", request, context, self._votable)

    async def Sign(
        self,
        request: pb.SignerSignRequest,
        context: grpc.aio.ServicerContext[pb.SignerSignRequest, notary.SignResponse],
    ) -> notary.SignResponse:
        """Release a share of a list."""
        return await answer("share.released", request, context, self._sign)

    async def Endorse(
        self,
        request: pb.SignerEndorseRequest,
        context: grpc.aio.ServicerContext[pb.SignerEndorseRequest, notary.SignResponse],
    ) -> notary.SignResponse:
        """Release a share of a decree."""
        return await answer("decree.endorsed", request, context, self._endorse)

    async def Exchange(
        self,
        request: committee.ExchangeRequest,
        context: grpc.aio.ServicerContext[committee.ExchangeRequest, committee.ExchangeResponse],
    ) -> committee.ExchangeResponse:
        """Take one step of a ceremony."""
        return await answer("ceremony.exchanged", request, context, self._ceremonies.exchange)

    async def Witness(
        self,
        request: committee.WitnessRequest,
        context: grpc.aio.ServicerContext[committee.WitnessRequest, committee.WitnessResponse],
    ) -> committee.WitnessResponse:
        """Report what was seen of a member's votes."""
        return await answer("votes.witnessed", request, context, self._witness)

    async def Admit(
        self, request: pb.AdmitRequest, context: grpc.aio.ServicerContext[pb.AdmitRequest, pb.AdmitResponse]
    ) -> pb.AdmitResponse:
        """Take peers' reports."""
        return await answer("reports.taken", request, context, self._admit)

    async def _describe(self, _request: pb.DescribeRequest) -> pb.DescribeResponse:
        described = await self._desk.describe()
        seats = [signer_codec.seat_out(seat) for seat in described.seats]
        return pb.DescribeResponse(identity=described.card, seats=seats, version=self._version)

    async def _commit(self, request: pb.SignerCommitRequest) -> notary.CommitResponse:
        coordinator = signer_codec.coordinator_in(request.coordinator)
        commitments = await self._desk.commit(Epoch(request.epoch), coordinator, request.count)
        return notary.CommitResponse(commitments=[codec.commitment_out(c) for c in commitments])

    async def _votable(self, request: pb.VotableRequest) -> pb.VotableResponse:
        return pb.VotableResponse(votable=await self._desk.votable(signer_codec.votes_in(request.votes)))

    async def _sign(self, request: pb.SignerSignRequest) -> notary.SignResponse:
        return codec.signed_out(await self._desk.sign(*signer_codec.order_in(request)))

    async def _endorse(self, request: pb.SignerEndorseRequest) -> notary.SignResponse:
        return codec.signed_out(await self._desk.endorse(*signer_codec.decree_in(request)))

    async def _witness(self, request: committee.WitnessRequest) -> committee.WitnessResponse:
        asked = WitnessReport(
            epoch=Epoch(request.epoch),
            witness=ParticipantId(0),
            subject=ParticipantId(request.subject),
            challenge=request.challenge,
            seen=None,
        )
        head = codec.head_in(request.head) if request.HasField("head") else None
        return committee.WitnessResponse(report=codec.report_out(await self._desk.witness(asked, head)))

    async def _admit(self, request: pb.AdmitRequest) -> pb.AdmitResponse:
        return pb.AdmitResponse(missing=await self._desk.admit([codec.report_in(r) for r in request.reports]))
