"""What a notary must never sign together (R-13). Pure: the store asks, this answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bridge.core.keccak import keccak
from bridge.core.reasons import Reason
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import LaneId, TransferId
from bridge.errors import RefusedError

NO_VOTES: Final = bytes(32)
"""The hash of a head at count 0."""
_TAGS: Final = {Kind.LOCKED: b"\x01", Kind.REFUSED: b"\x02", Kind.OUTCOME: b"\x03"}
_HANDOVER_TAG: Final = b"\x04"


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

    def to_bytes(self) -> bytes:
        """Give its one encoding: kind (1), epoch (8), lane (32), sequence (8), id (32), code (1), expired (1)."""
        place = self.lane + self.sequence.to_bytes(8)
        rest = self.transfer_id + self.code.to_bytes(1) + self.expired.to_bytes(1)
        return _TAGS[self.kind] + self.epoch.to_bytes(8) + place + rest


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverVote:
    """A signed Handover: within an epoch one next key only (R-13). The verifier doesn't matter."""

    epoch: Epoch
    """The signer's."""
    px: int
    py: int

    def to_bytes(self) -> bytes:
        """Give its one encoding: a tag that no other vote begins with (1), epoch (8), px (32), py (32)."""
        return _HANDOVER_TAG + self.epoch.to_bytes(8) + self.px.to_bytes(32) + self.py.to_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteHead:
    """Where a seat's votes stand: how often it recorded some, and the hash of all of them in order.

    Signed by the seat's identity, so that others can tell it later that its store is older than what it signed.
    """

    epoch: Epoch
    notary: int
    count: int
    hash: bytes
    """32 bytes; 32 zeros at count 0."""
    signature: bytes = b""

    @property
    def message(self) -> bytes:
        """What the signature is over."""
        return self.epoch.to_bytes(8) + self.notary.to_bytes(2) + self.count.to_bytes(8) + self.hash

    def is_beyond(self, count: int, digest: bytes) -> bool:
        """Tell whether a store that stands at *count* and *digest* can't be the one that this head was taken of."""
        return self.count > count or (self.count == count and self.hash != digest)


def chained(head: bytes, added: Iterable[Vote | HandoverVote]) -> bytes:
    """Give a head's hash once *added* are recorded together: keccak256(hash before ‖ their encodings, in order)."""
    return keccak(head + b"".join(vote.to_bytes() for vote in added))


class VoteConflictError(RefusedError):
    """The notary has signed something that this vote would contradict (R-13)."""

    def __init__(self, vote: Vote, why: str) -> None:
        """Keep the vote that was not written."""
        super().__init__(f"no {vote.kind} vote on 0x{vote.transfer_id.hex()}: {why}")
        self.vote = vote


class HandoverConflictError(RefusedError):
    """The notary has signed a handover to another key in this epoch (R-13): a ceremony more can't change that."""

    def __init__(self, vote: HandoverVote) -> None:
        """Name the key that was refused."""
        super().__init__(
            f"epoch {vote.epoch} was handed over to another key already: 0x{vote.px:064x} is refused (R-13)"
        )
        self.vote = vote


def check_handover(vote: HandoverVote, earlier: Iterable[HandoverVote]) -> None:
    """Check a handover against every *earlier* one.

    Raises:
        HandoverConflictError: another key was named in the same epoch.
    """
    if any(other.epoch == vote.epoch and other != vote for other in earlier):
        raise HandoverConflictError(vote)


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
