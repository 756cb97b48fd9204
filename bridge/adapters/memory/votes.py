"""A notary's votes in memory. To crash a notary and start it again, give the new one the same store."""

from collections.abc import Sequence

from bridge.core.transfer import TransferId
from bridge.core.votes import NO_VOTES, HandoverVote, Vote, VoteHead, chained, check, check_handover
from bridge.errors import UnavailableError

_VoteKey = tuple[TransferId, int, str, int]


class MemoryVoteStore:
    """SeatStore."""

    def __init__(self) -> None:
        """Start empty."""
        self._votes: dict[_VoteKey, Vote] = {}
        self._handovers: list[HandoverVote] = []
        self._head = (0, NO_VOTES)
        self._seen: dict[int, VoteHead] = {}
        self._evidence: list[VoteHead] = []
        self._problem = ""

    @property
    def problem(self) -> str:
        """What stands in the way of recording."""
        return self._problem

    def head(self) -> tuple[int, bytes]:
        """Give count and hash of what is recorded."""
        return self._head

    def record(self, votes: Sequence[Vote], seen: Sequence[VoteHead] = ()) -> None:
        """Keep all votes or none; one that is there already is no error.

        Raises:
            VoteConflictError: a vote contradicts an earlier one; nothing was kept.
            UnavailableError: the store is refused for good.
        """
        self._refuse_if_refused()
        kept, added = dict(self._votes), list[Vote]()
        for vote in votes:
            check(vote, (other for other in kept.values() if _related(vote, other)))
            if _key(vote) not in kept:
                kept[_key(vote)] = vote
                added.append(vote)
        self._votes = kept
        self._add(added, seen)

    def record_handover(self, vote: HandoverVote, seen: Sequence[VoteHead] = ()) -> None:
        """Keep a handover; the same again is no error.

        Raises:
            HandoverConflictError: another key was named in that epoch.
            UnavailableError: the store is refused for good.
        """
        self._refuse_if_refused()
        check_handover(vote, self._handovers)
        added = [] if vote in self._handovers else [vote]
        self._handovers += added
        self._add(added, seen)

    def votes(self, transfer_id: TransferId) -> list[Vote]:
        """List what was voted on a transfer, over all epochs, oldest first."""
        return [vote for vote in self._votes.values() if vote.transfer_id == transfer_id]

    def related(self, vote: Vote) -> list[Vote]:
        """List votes on the same transfer, and at the same place of the lane."""
        return [other for other in self._votes.values() if _related(vote, other)]

    def seen(self, notary: int) -> VoteHead | None:
        """Give the highest head seen of a member."""
        return self._seen.get(notary)

    def remember(self, heads: Sequence[VoteHead]) -> None:
        """Keep what is news."""
        for head in heads:
            known = self._seen.get(head.notary)
            if known is None or head.count > known.count:
                self._seen[head.notary] = head
            elif head.is_beyond(known.count, known.hash):
                self._evidence += [one for one in (known, head) if one not in self._evidence]

    def evidence(self) -> list[VoteHead]:
        """List heads that contradict each other."""
        return list(self._evidence)

    def refuse(self, why: str) -> None:
        """Never record again."""
        self._problem = why

    def _refuse_if_refused(self) -> None:
        if self._problem:
            raise UnavailableError(self._problem)

    def _add(self, added: Sequence[Vote | HandoverVote], seen: Sequence[VoteHead]) -> None:
        if added:
            count, digest = self._head
            self._head = (count + 1, chained(digest, added))
        self.remember(seen)


def _key(vote: Vote) -> _VoteKey:
    return vote.transfer_id, vote.epoch, vote.kind, vote.code


def _related(vote: Vote, other: Vote) -> bool:
    same_place = (vote.lane, vote.sequence) == (other.lane, other.sequence)
    return same_place or vote.transfer_id == other.transfer_id
