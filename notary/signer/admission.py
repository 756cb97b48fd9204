"""Whether a seat's vote store is the one that it signed with: other members say what they have seen of it (R-13).

A vote store that was restored from an older copy has forgotten votes, and would sign what contradicts them. So after
each start a seat signs nothing until t-1 other members have reported, over this start's challenge, the highest head of
its votes that they know. A head carries the seat's own signature: nobody can report one that never was. One that lies
beyond the store condemns it.

Why t-1 reports are enough. Each session that came to a signature had t-1 other members, and each of them had the head
that came with the seat's commitment on disk before its share left. Those t-1 and the t-1 that report are of the same
n-1, so at least 2(t-1) - (n-1) = n - 2f - 1 >= f are in both. The seat whose store was restored is itself one of the f
that may be faulty, so at most f-1 others lie or have lost their own stores: an honest one reports the head.

What can be missed. The head in a commitment was taken when it was handed out, up to 30 s before it was used, so what
was voted in the 30 s before the last signature may be in no head that others know; nor what was voted in sessions that
never came to a signature; and a coordinator may pass on an older head, since head and commitment are not bound to each
other. For this the front also tells all members of every new head, each second (Witness). What is left is a copy that
is younger than the last head that t-1 members heard of: seconds. Backups are older; a virtual machine's snapshot may
not be, and is forbidden (threshold.md, pitfall 2).
"""

from collections.abc import Mapping

from bridge.committee.identity import ForgedError, IdentityCard, Purpose
from bridge.core.statements import Epoch
from bridge.core.votes import VoteHead
from bridge.errors import InvalidInputError, RefusedError
from bridge.frost import ParticipantId
from bridge.ports.committee import WitnessReport


class OlderStoreError(RefusedError):
    """A seat has signed more than its vote store knows."""

    def __init__(self, witness: int, seen: VoteHead, count: int) -> None:
        """Tell who has seen what, and what to do."""
        known = "with another hash" if seen.count == count else f"where this one has {count}"
        super().__init__(
            f"this vote store is older than what was signed: notary {witness} has seen {seen.count} votes of this "
            f"seat, {known}. The seat signs nothing any more: never restore an older store; put the newest one back, "
            "or retire the seat by a handover"
        )


class Admission:
    """Of one seat, since one start."""

    def __init__(
        self,
        epoch: Epoch,
        own: ParticipantId,
        cards: Mapping[ParticipantId, IdentityCard],
        needed: int,
        challenge: bytes,
    ) -> None:
        """Wait for *needed* reports over *challenge*; *cards* are all members' identities, the own among them."""
        self.challenge = challenge
        self._epoch = epoch
        self._own = own
        self._cards = cards
        self._needed = needed
        self._reported: set[ParticipantId] = set()

    @property
    def missing(self) -> int:
        """How many reports are still needed."""
        return max(0, self._needed - len(self._reported))

    def take(self, report: WitnessReport, count: int, digest: bytes) -> None:
        """Hold a report against the store's head.

        Raises:
            OlderStoreError: the store must not be used.
            InvalidInputError: the report is about something else, or forged; it does not count.
        """
        card = self._cards.get(report.witness)
        about = (report.epoch, report.subject, report.challenge)
        if card is None or report.witness == self._own or about != (self._epoch, self._own, self.challenge):
            raise InvalidInputError(f"notary {report.witness}'s report is not about this seat and start")
        card.check(Purpose.WITNESS, report.message, report.signature)
        if report.seen is not None:
            self._hold_against(report.witness, report.seen, count, digest)
        self._reported.add(report.witness)

    def _hold_against(self, witness: ParticipantId, seen: VoteHead, count: int, digest: bytes) -> None:
        if (seen.epoch, seen.notary) != (self._epoch, self._own):
            raise InvalidInputError(f"notary {witness} reports another seat's votes")
        try:
            self._cards[self._own].check(Purpose.VOTE_HEAD, seen.message, seen.signature)
        except ForgedError as error:
            raise ForgedError(f"notary {witness} reports votes that this seat never signed for") from error
        if seen.is_beyond(count, digest):
            raise OlderStoreError(witness, seen, count)
