"""What a notary must never sign together (R-13). Pure: the store asks, this answers."""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.core.reasons import Reason
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import LaneId, TransferId
from bridge.errors import RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One item as signed, or about to be; the list that it stood in does not matter."""

    epoch: Epoch
    kind: Kind
    lane: LaneId
    sequence: int
    transfer_id: TransferId
    code: int
    expired: bool
    """Whether the destination's time had reached the deadline when this was voted."""


class VoteConflictError(RefusedError):
    """The notary has signed something that this vote would contradict (R-13)."""

    def __init__(self, vote: Vote, why: str) -> None:
        """Keep the vote that was not written."""
        super().__init__(f"no {vote.kind} vote on 0x{vote.transfer_id.hex()}: {why}")
        self.vote = vote


def check(vote: Vote, earlier: Iterable[Vote]) -> None:
    """Check *vote* by itself, and against every *earlier* one on the same transfer, or the same place of its lane.

    Raises:
        VoteConflictError: it contradicts one.
    """
    if vote.kind is Kind.LOCKED and vote.expired:
        raise VoteConflictError(vote, "the deadline has passed")
    if (vote.kind, vote.code) == (Kind.REFUSED, Reason.EXPIRED) and not vote.expired:
        raise VoteConflictError(vote, "the deadline has not passed")
    for other in earlier:
        if other.epoch == vote.epoch and (why := _contradiction(vote, other)):
            raise VoteConflictError(vote, why)


def _contradiction(vote: Vote, other: Vote) -> str:
    same_transfer = vote.transfer_id == other.transfer_id
    same_place = (vote.lane, vote.sequence) == (other.lane, other.sequence)
    match vote.kind, other.kind:
        case (Kind.LOCKED, Kind.LOCKED) if same_place and not same_transfer:
            return "another transfer was approved at this sequence of the lane"
        case (Kind.OUTCOME, Kind.OUTCOME) if same_transfer and vote.code != other.code:
            return "another outcome was attested"
        case (Kind.LOCKED, Kind.REFUSED) if same_transfer:
            return "it was refused"
        case (Kind.REFUSED, Kind.LOCKED) if same_transfer and not vote.expired:
            return "it was approved, and its deadline has not passed"
        case _:
            return ""
