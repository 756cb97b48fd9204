"""The vote store of a seat whose file can't be used: it says why, and records nothing."""

from collections.abc import Sequence

from bridge.core.transfer import TransferId
from bridge.core.votes import NO_VOTES, HandoverVote, Vote, VoteHead
from bridge.errors import UnavailableError


class BrokenVotes:
    """SeatStore that refuses everything, so that the seat can be told of while it signs nothing."""

    def __init__(self, problem: str) -> None:
        """Refuse because of *problem*."""
        self.problem = problem

    def head(self) -> tuple[int, bytes]:
        """Give the head of no votes: it tells others nothing new."""
        return 0, NO_VOTES

    def record(self, _votes: Sequence[Vote], _seen: Sequence[VoteHead] = ()) -> None:
        """Refuse."""
        raise UnavailableError(self.problem)

    def record_handover(self, _vote: HandoverVote, _seen: Sequence[VoteHead] = ()) -> None:
        """Refuse."""
        raise UnavailableError(self.problem)

    def votes(self, _transfer_id: TransferId) -> list[Vote]:
        """Refuse."""
        raise UnavailableError(self.problem)

    def related(self, _vote: Vote) -> list[Vote]:
        """Refuse."""
        raise UnavailableError(self.problem)

    def seen(self, _notary: int) -> VoteHead | None:
        """Refuse: nothing seen would be a wrong answer."""
        raise UnavailableError(self.problem)

    def remember(self, _heads: Sequence[VoteHead]) -> None:
        """Refuse."""
        raise UnavailableError(self.problem)

    def evidence(self) -> list[VoteHead]:
        """Refuse."""
        raise UnavailableError(self.problem)

    def refuse(self, _why: str) -> None:
        """Do nothing: it is refused already."""
