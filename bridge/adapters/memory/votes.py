"""A notary's votes in memory. To crash a notary and start it again, give the new one the same store."""

from collections.abc import Sequence

from bridge.core.transfer import TransferId
from bridge.core.votes import Vote, check


class MemoryVoteStore:
    """VoteStore."""

    def __init__(self) -> None:
        """Start empty."""
        self._votes: dict[_VoteKey, Vote] = {}

    def record(self, votes: Sequence[Vote]) -> None:
        """Keep all votes or none; one that is there already is no error.

        Raises:
            VoteConflictError: a vote contradicts an earlier one; nothing was kept.
        """
        kept = dict(self._votes)
        for vote in votes:
            check(vote, (other for other in kept.values() if _related(vote, other)))
            kept.setdefault(_key(vote), vote)
        self._votes = kept

    def votes(self, transfer_id: TransferId) -> list[Vote]:
        """List what was voted on a transfer, over all epochs, oldest first."""
        return [vote for vote in self._votes.values() if vote.transfer_id == transfer_id]


_VoteKey = tuple[TransferId, int, str, int]


def _key(vote: Vote) -> _VoteKey:
    return vote.transfer_id, vote.epoch, vote.kind, vote.code


def _related(vote: Vote, other: Vote) -> bool:
    same_place = (vote.lane, vote.sequence) == (other.lane, other.sequence)
    return same_place or vote.transfer_id == other.transfer_id
