"""One notary over gRPC (ports.committee.Notary)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import grpc

from bridge.adapters.grpc import codec
from bridge.adapters.grpc.channel import connect
from bridge.adapters.grpc.errors import translated
from bridge.core.statements import Epoch
from bridge.errors import BridgeError, UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import (
    Commitment,
    EndorseRequest,
    Question,
    SignedShare,
    SignRequest,
    TransferRef,
    Verdict,
)
from bridge.rpc.v1 import notary_pb2 as pb
from bridge.rpc.v1.notary_pb2_grpc import NotaryStub

M = TypeVar("M")
T = TypeVar("T")

TIMEOUT_S: Final = 10.0


class GrpcNotary:
    """A notary at an address, as a member of one epoch's committee."""

    def __init__(
        self, notary: ParticipantId, address: str, epoch: Epoch, channel: grpc.aio.Channel | None = None
    ) -> None:
        """Ask through *channel*, or connect lazily in plaintext.

        Raises:
            ConfigError: the address is not on loopback, and there is no channel.
        """
        self._id = notary
        self._address = address
        self._epoch = epoch
        self._channel = connect(address, tls=None, expected=None) if channel is None else channel
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
            question=codec.question_out(question),
            transfers=[codec.ref_out(ref) for ref in refs],
            epoch=self._epoch,
        )
        response = await self._call(self._stub.Review(request, timeout=TIMEOUT_S))
        verdicts = [self._checked(codec.verdict_in, message) for message in response.verdicts]
        if [v.transfer_id for v in verdicts] != [ref.transfer_id for ref in refs]:
            raise self._nonsense("verdicts on other transfers than it was asked about")
        return verdicts

    async def commit(self, count: int) -> list[Commitment]:
        """Ask for fresh commitments."""
        request = pb.CommitRequest(epoch=self._epoch, count=count)
        response = await self._call(self._stub.Commit(request, timeout=TIMEOUT_S))
        commitments = [self._own(self._checked(codec.commitment_in, message)) for message in response.commitments]
        if len(commitments) != count or len({c.handle for c in commitments}) != count:
            raise self._nonsense(f"{len(commitments)} commitments, not {count} different ones")
        return commitments

    async def sign(self, request: SignRequest) -> SignedShare:
        """Ask for a share of a list's signature."""
        return self._signed(await self._call(self._stub.Sign(codec.sign_out(request), timeout=TIMEOUT_S)))

    async def endorse(self, request: EndorseRequest) -> SignedShare:
        """Ask for a share of a decree's signature."""
        return self._signed(await self._call(self._stub.Endorse(codec.endorse_out(request), timeout=TIMEOUT_S)))

    def _signed(self, response: pb.SignResponse) -> SignedShare:
        signed = self._checked(codec.signed_in, response)
        self._own(signed.next)
        return signed

    def _own(self, commitment: Commitment) -> Commitment:
        if commitment.notary != self._id:
            raise self._nonsense(f"a commitment in the name of notary {commitment.notary}")
        return commitment

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise translated(error, self._who) from error

    def _checked(self, decode: Callable[[M], T], message: M) -> T:
        try:
            return decode(message)
        except BridgeError as error:
            raise self._nonsense(str(error)) from error

    def _nonsense(self, what: str) -> UnavailableError:
        return UnavailableError(f"{self._who} answered nonsense: {what}")

    @property
    def _who(self) -> str:
        return f"notary {self._id} at {self._address}"
