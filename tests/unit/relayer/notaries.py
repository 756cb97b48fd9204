"""A member of the committee whose opinions are given, and that signs by them with its real share."""

from collections.abc import Iterable, Mapping, Sequence

from bridge.adapters.memory.lines import MemoryLineLog
from bridge.adapters.memory.runtime import ManualClock
from bridge.committee.session import SigningDesk
from bridge.committee.signed import Committee
from bridge.committee.transcript import TranscriptLog
from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import Epoch
from bridge.core.transfer import TransferId
from bridge.ports.committee import (
    NotApprovedError,
    Notary,
    Offer,
    Question,
    SignedShare,
    SignRequest,
    TransferRef,
    Verdict,
)
from bridge.ports.runtime import Clock
from relayer.coordinator import Coordinator
from tests.committee import EPOCH, MEMBERS, dealing
from tests.unit.committee.members import Member, cards

Opinions = Mapping[TransferId, tuple[Offer, ...]]


class Opinionated(Member):
    """Offers what it was told to; without an opinion it waits for `waiting_for`."""

    def __init__(self, number: int, opinions: Opinions, *, waiting_for: Reason = Reason.NONE, note: str = "") -> None:
        super().__init__(dealing().key_packages[number - 1], ManualClock())
        self._opinions = opinions
        self._waiting_for, self._note = waiting_for, note
        self.questions: list[Question] = []
        self.signed_for: list[SignRequest] = []

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        self.questions.append(question)
        return [self._verdict(ref.transfer_id) for ref in refs]

    async def sign(self, request: SignRequest) -> SignedShare:
        for item in request.items:
            if Offer(kind=request.kind, code=item.code) not in self._verdict(item.ref.transfer_id).offers:
                raise NotApprovedError(item.ref.transfer_id, "never offered")
        self.signed_for.append(request)
        return await super().sign(request)

    def _verdict(self, transfer_id: TransferId) -> Verdict:
        offers = self._opinions.get(transfer_id, ())
        reason = Reason.NONE if offers else self._waiting_for
        return Verdict(transfer_id=transfer_id, offers=offers, waiting_for=reason, note="" if offers else self._note)


def desk(notaries: Iterable[Notary], clock: Clock) -> SigningDesk:
    """Have *notaries* sign with their identities known."""
    committee = Committee(epoch=EPOCH, keys=dealing().public_key_package, cards=cards(MEMBERS))
    return SigningDesk(committee, notaries, clock, TranscriptLog(MemoryLineLog()))


def coordinator(notaries: Iterable[Notary], clock: Clock | None = None) -> Coordinator:
    """Coordinate the one committee that every gateway has as current."""
    time = clock or ManualClock()
    return Coordinator({EPOCH: desk(notaries, time)}, first_epoch, time)


async def first_epoch(_verifier: EndpointId) -> Epoch:
    return EPOCH
