"""One notary over gRPC (ports.committee.Notary)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import grpc

from bridge.adapters.grpc import codec
from bridge.core.hosts import is_loopback
from bridge.core.transfer import TransferId
from bridge.errors import BridgeError, ConfigError, RefusedError, UnavailableError
from bridge.frost import ParticipantId, SignatureShare
from bridge.ports.committee import Commitment, NotApprovedError, Question, SignRequest, TransferRef, Verdict
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.notary_pb2_grpc import NotaryStub

M = TypeVar("M")
T = TypeVar("T")

TIMEOUT_S: Final = 10.0
NOT_APPROVED: Final = "naru-not-approved"
"""Trailing metadata of a refused Sign: the item's TransferId, hexadecimal."""
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", codec.MESSAGE_LEN_MAX),
    ("grpc.max_send_message_length", codec.MESSAGE_LEN_MAX),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


class GrpcNotary:
    """A notary at an address."""

    def __init__(self, notary: ParticipantId, address: str) -> None:
        """Connect lazily.

        Raises:
            ConfigError: the address is not on loopback, and the channel is plaintext.
        """
        if not is_loopback(address):
            raise ConfigError((f"notary {notary} at {address}: plaintext gRPC is allowed on loopback only",))
        self._id = notary
        self._address = address
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._stub = NotaryStub(self._channel)

    @property
    def id(self) -> ParticipantId:
        """Its number in the committee."""
        return self._id

    async def close(self) -> None:
        """Give the connection back."""
        await self._channel.close()

    async def status(self) -> pb.StatusResponse:
        """Ask who it is, and how its own view of each ledger stands."""
        return await self._call(self._stub.Status(pb.StatusRequest(), timeout=TIMEOUT_S))

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        """Ask for verdicts, one per transfer, in order."""
        request = pb.ReviewRequest(
            question=codec.question_out(question), transfers=[codec.ref_out(ref) for ref in refs]
        )
        response = await self._call(self._stub.Review(request, timeout=TIMEOUT_S))
        verdicts = [self._checked(codec.verdict_in, message) for message in response.verdicts]
        if [v.transfer_id for v in verdicts] != [ref.transfer_id for ref in refs]:
            raise self._nonsense("verdicts on other transfers than it was asked about")
        return verdicts

    async def commit(self) -> Commitment:
        """Ask for a fresh commitment."""
        response = await self._call(self._stub.Commit(pb.CommitRequest(), timeout=TIMEOUT_S))
        commitment = self._checked(codec.commitment_in, response)
        if commitment.notary != self._id:
            raise self._nonsense(f"a commitment in the name of notary {commitment.notary}")
        return commitment

    async def sign(self, request: SignRequest) -> SignatureShare:
        """Ask for a share."""
        response = await self._call(self._stub.Sign(codec.sign_out(request), timeout=TIMEOUT_S))
        return self._checked(SignatureShare.from_bytes, response.share)

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from error

    def _translated(self, error: grpc.aio.AioRpcError) -> BridgeError:
        text = f"notary {self._id} at {self._address}: {error.details()}"
        match error.code():
            case grpc.StatusCode.FAILED_PRECONDITION:
                for key, value in error.trailing_metadata() or ():
                    if key == NOT_APPROVED:
                        return NotApprovedError(TransferId(bytes.fromhex(str(value))), text)
                return RefusedError(text)
            case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.UNIMPLEMENTED:
                return RefusedError(text)
            case _:
                return UnavailableError(text)

    def _checked(self, decode: Callable[[M], T], message: M) -> T:
        try:
            return decode(message)
        except BridgeError as error:
            raise self._nonsense(str(error)) from error

    def _nonsense(self, what: str) -> UnavailableError:
        return UnavailableError(f"notary {self._id} at {self._address} answered nonsense: {what}")
