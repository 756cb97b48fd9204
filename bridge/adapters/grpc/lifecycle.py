"""Both ends of the Lifecycle service (proto/bridge/rpc/v1/lifecycle.proto): a Correspondent on either side of it."""

from typing import Final

import grpc
import structlog

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.answering import answer
from bridge.adapters.grpc.errors import translated
from bridge.core.lifecycle import Fault, LifecycleError
from bridge.errors import UnavailableError
from bridge.ports.lifecycle import Correspondent, Delivery
from bridge.rpc.v1 import lifecycle_pb2 as pb
from bridge.rpc.v1.lifecycle_pb2_grpc import LifecycleServicer, LifecycleStub

TIMEOUT_S: Final = 10.0
NOTE_LEN_MAX: Final = 500
"""Of another institution's words, in this one's log."""
SERVICE: Final = "bridge.rpc.v1.Lifecycle"
_FAULTS: Final = {
    Fault.MALFORMED: pb.LIFECYCLE_FAULT_MALFORMED,
    Fault.TOO_LONG: pb.LIFECYCLE_FAULT_TOO_LONG,
    Fault.OTHER_RECIPIENT: pb.LIFECYCLE_FAULT_OTHER_RECIPIENT,
    Fault.SEAL_BROKEN: pb.LIFECYCLE_FAULT_SEAL_BROKEN,
    Fault.HASH_MISMATCH: pb.LIFECYCLE_FAULT_HASH_MISMATCH,
    Fault.UNITS_MISMATCH: pb.LIFECYCLE_FAULT_UNITS_MISMATCH,
    Fault.NO_TRANSFER: pb.LIFECYCLE_FAULT_NO_TRANSFER,
}
_NAMES: Final = {number: fault for fault, number in _FAULTS.items()}
log = structlog.get_logger()


class LifecycleService(LifecycleServicer):
    """What other institutions' relayers hand to this one's *receiver*."""

    def __init__(self, receiver: Correspondent) -> None:
        """Hand on to *receiver*."""
        self._receiver = receiver

    async def Deliver(  # noqa: N802 - gRPC names the methods
        self,
        request: pb.DeliverRequest,
        context: grpc.aio.ServicerContext[pb.DeliverRequest, pb.DeliverResponse],
    ) -> pb.DeliverResponse:
        """Take the data of one transfer."""
        return await answer("lifecycle.received", request, context, self._deliver)

    async def _deliver(self, request: pb.DeliverRequest) -> pb.DeliverResponse:
        delivery = Delivery(ref=codec.ref_in(request.transfer), recipient=request.recipient, sealed=request.sealed)
        told = delivery.ref.transfer_id.hex()
        try:
            await self._receiver.deliver(delivery)
        except LifecycleError as error:
            log.info("request.refused", step="lifecycle.received", transfer_id=told, error=str(error))
            return pb.DeliverResponse(fault=_FAULTS[error.fault], note=error.text)
        return pb.DeliverResponse()


class GrpcCorrespondent:
    """Another institution's relayer, at the end of a channel that somebody else opens and closes."""

    def __init__(self, name: str, channel: grpc.aio.Channel) -> None:
        """Deliver through *channel*; *name* is who is told of in errors."""
        self._name = name
        self._stub = LifecycleStub(channel)

    async def deliver(self, delivery: Delivery) -> None:
        """Hand a package over."""
        request = pb.DeliverRequest(
            transfer=codec.ref_out(delivery.ref), recipient=delivery.recipient, sealed=delivery.sealed
        )
        try:
            response = await self._stub.Deliver(request, timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise translated(error, self._name) from error
        if response.fault in _NAMES:
            raise LifecycleError(_NAMES[response.fault], f"{self._name}: {response.note[:NOTE_LEN_MAX]}")
        if response.fault:
            raise UnavailableError(f"{self._name} names a fault ({response.fault}) of a newer program: update this one")
