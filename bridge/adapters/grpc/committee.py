"""Another notary's Committee service: ceremonies are carried, votes witnessed (proto/bridge/rpc/v1/committee.proto)."""

from collections.abc import Awaitable
from typing import Final, TypeVar

import grpc

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.errors import translated
from bridge.core.votes import VoteHead
from bridge.errors import InvalidInputError, UnavailableError
from bridge.ports.committee import WitnessReport
from bridge.rpc.v1 import committee_pb2 as pb
from bridge.rpc.v1.committee_pb2_grpc import CommitteeStub

T = TypeVar("T")

TIMEOUT_S: Final = 10.0


class GrpcCommittee:
    """The Committee service at the end of a channel that somebody else opens and closes."""

    def __init__(self, name: str, channel: grpc.aio.Channel) -> None:
        """Ask through *channel*; *name* is who is told of in errors."""
        self._name = name
        self._stub = CommitteeStub(channel)

    async def exchange(self, request: pb.ExchangeRequest) -> pb.ExchangeResponse:
        """Take one step of a ceremony.

        Raises:
            UnavailableError: it does not answer.
            RefusedError: it does not take what was handed over.
        """
        return await self._call(self._stub.Exchange(request, timeout=TIMEOUT_S))

    async def witness(self, asked: WitnessReport, head: VoteHead | None) -> WitnessReport:
        """Ask for a report on a member's votes, and tell the member's newest *head*.

        Raises:
            UnavailableError: it does not answer, or answers nonsense.
            RefusedError: it has no seat of that epoch.
        """
        request = pb.WitnessRequest(
            epoch=asked.epoch,
            subject=asked.subject,
            challenge=asked.challenge,
            head=None if head is None else codec.head_out(head),
        )
        response = await self._call(self._stub.Witness(request, timeout=TIMEOUT_S))
        try:
            return codec.report_in(response.report)
        except InvalidInputError as error:
            raise UnavailableError(f"{self._name} answered nonsense: {error}") from error

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise translated(error, self._name) from error
