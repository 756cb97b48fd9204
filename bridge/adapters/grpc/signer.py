"""A notary's own signer, over its Unix socket (ports.committee.Signer and Witnesses)."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import grpc

from bridge.adapters.grpc import codec, signer_codec
from bridge.adapters.grpc.errors import NOT_APPROVED, translated
from bridge.core.statements import Epoch
from bridge.core.votes import Vote, VoteConflictError, VoteHead
from bridge.errors import BridgeError, RefusedError, UnavailableError
from bridge.frost import FrostError
from bridge.ports.committee import Commitment, Described, EndorseRequest, Seat, SignedShare, SignOrder, WitnessReport
from bridge.rpc.v1 import committee_pb2 as committee
from bridge.rpc.v1 import notary_pb2 as notary
from bridge.rpc.v1 import signer_pb2 as pb
from bridge.rpc.v1.signer_pb2_grpc import SignerStub

M = TypeVar("M")
T = TypeVar("T")

TIMEOUT_S: Final = 10.0
WHO: Final = "the signer"
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", codec.MESSAGE_LEN_MAX),
    ("grpc.max_send_message_length", codec.MESSAGE_LEN_MAX),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
)


class GrpcSigner:
    """The signer at the other end of a socket."""

    def __init__(self, socket: Path) -> None:
        """Connect lazily, and again whenever the signer was started anew."""
        credentials = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
        self._channel = grpc.aio.secure_channel(f"unix:{socket}", credentials, options=_OPTIONS)
        self._stub = SignerStub(self._channel)

    async def close(self) -> None:
        """Give the connection back."""
        await self._channel.close()

    # --- Signer

    async def describe(self) -> Described:
        """Tell who this is, with every seat."""
        told: pb.DescribeResponse = await _call(self._stub.Describe(pb.DescribeRequest(), timeout=TIMEOUT_S))
        return Described(card=told.identity, seats=[_checked(signer_codec.seat_in, seat) for seat in told.seats])

    async def seats(self) -> list[Seat]:
        """Describe every seat, lowest epoch first."""
        return (await self.describe()).seats

    async def commit(self, epoch: Epoch, coordinator: str, count: int) -> list[Commitment]:
        """Make fresh commitments."""
        request = pb.SignerCommitRequest(epoch=epoch, count=count, coordinator=coordinator)
        response: notary.CommitResponse = await _call(self._stub.Commit(request, timeout=TIMEOUT_S))
        return [_checked(codec.commitment_in, message) for message in response.commitments]

    async def votable(self, votes: Sequence[Vote]) -> list[bool]:
        """Tell of each whether no earlier vote stands against it."""
        request = pb.VotableRequest(votes=[signer_codec.vote_out(vote) for vote in votes])
        answers = list((await _call(self._stub.Votable(request, timeout=TIMEOUT_S))).votable)
        if len(answers) != len(votes):
            raise UnavailableError(f"{WHO} answered nonsense: {len(answers)} answers on {len(votes)} votes")
        return answers

    async def sign(self, order: SignOrder, coordinator: str) -> SignedShare:
        """Release a share of a list's signature."""
        request = signer_codec.order_out(order, coordinator)
        try:
            response = await self._stub.Sign(request, timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise _conflict(error, order.votes) or _translated(error) from error
        return _checked(codec.signed_in, response)

    async def endorse(self, request: EndorseRequest, coordinator: str) -> SignedShare:
        """Release a share of a decree's signature."""
        message = signer_codec.decree_out(request, coordinator)
        return _checked(codec.signed_in, await _call(self._stub.Endorse(message, timeout=TIMEOUT_S)))

    # --- Witnesses

    async def witness(self, asked: WitnessReport, head: VoteHead | None) -> WitnessReport:
        """Report what was seen of a member's votes, then remember its newest head."""
        request = committee.WitnessRequest(
            epoch=asked.epoch,
            subject=asked.subject,
            challenge=asked.challenge,
            head=None if head is None else codec.head_out(head),
        )
        return _checked(codec.report_in, (await self.witness_raw(request)).report)

    async def admit(self, reports: Sequence[WitnessReport]) -> list[str]:
        """Take peers' reports on own seats; tell what is still missing."""
        request = pb.AdmitRequest(reports=[codec.report_out(report) for report in reports])
        return list((await _call(self._stub.Admit(request, timeout=TIMEOUT_S))).missing)

    # --- what the front only hands on

    async def witness_raw(self, request: committee.WitnessRequest) -> committee.WitnessResponse:
        """Ask as `witness` does, in the wire's own terms."""
        return await _call(self._stub.Witness(request, timeout=TIMEOUT_S))

    async def exchange(self, request: committee.ExchangeRequest) -> committee.ExchangeResponse:
        """Take one step of a ceremony.

        Raises:
            UnavailableError: it does not answer, or its disk refuses.
            RefusedError: it does not take what was handed over.
        """
        return await _call(self._stub.Exchange(request, timeout=TIMEOUT_S))


async def _call(call: Awaitable[T]) -> T:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise _translated(error) from error


def _translated(error: grpc.aio.AioRpcError) -> BridgeError:
    """Say in our terms what went wrong: what the signer finds unacceptable is the caller's list or commitments."""
    if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
        return FrostError(f"{WHO}: {error.details()}")
    return translated(error, WHO)


def _conflict(error: grpc.aio.AioRpcError, votes: Sequence[Vote]) -> RefusedError | None:
    named = {str(value) for key, value in error.trailing_metadata() or () if key == NOT_APPROVED}
    for vote in votes:
        if vote.transfer_id.hex() in named:
            why = (error.details() or "").partition(f"0x{vote.transfer_id.hex()}: ")[2]
            return VoteConflictError(vote, why)
    return None


def _checked(decode: Callable[[M], T], message: M) -> T:
    try:
        return decode(message)
    except BridgeError as error:
        raise UnavailableError(f"{WHO} answered nonsense: {error}") from error
