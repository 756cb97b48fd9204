"""A member of the committee whose opinions are given, and that signs by them with its real share."""

from collections.abc import Mapping, Sequence

from bridge.core.reasons import Reason
from bridge.core.statements import Item, Statement
from bridge.core.transfer import TransferId
from bridge.frost import ParticipantId, SignatureShare, SigningNonces, commit, sign
from bridge.ports.committee import Commitment, NotApprovedError, Offer, Question, SignRequest, TransferRef, Verdict
from tests.committee import dealing
from tests.unit.frost.support import entropy_of

Opinions = Mapping[TransferId, tuple[Offer, ...]]


class Opinionated:
    """Offers what it was told to; without an opinion it waits for `waiting_for`."""

    def __init__(self, number: int, opinions: Opinions, *, waiting_for: Reason = Reason.NONE, note: str = "") -> None:
        self._key = dealing().key_packages[number - 1]
        self._opinions = opinions
        self._waiting_for, self._note = waiting_for, note
        self._entropy = entropy_of(number)
        self._nonces: dict[bytes, SigningNonces] = {}
        self.questions: list[Question] = []
        self.signed: list[SignRequest] = []

    @property
    def id(self) -> ParticipantId:
        return self._key.identifier

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        self.questions.append(question)
        return [self._verdict(ref.transfer_id) for ref in refs]

    async def commit(self) -> Commitment:
        nonces, commitments = commit(self._key, self._entropy)
        handle = len(self._nonces).to_bytes(16)
        self._nonces[handle] = nonces
        return Commitment(notary=self.id, handle=handle, commitments=commitments)

    async def sign(self, request: SignRequest) -> SignatureShare:
        for item in request.items:
            if Offer(kind=request.kind, code=item.code) not in self._verdict(item.ref.transfer_id).offers:
                raise NotApprovedError(item.ref.transfer_id, "never offered")
        self.signed.append(request)
        items = tuple(Item(transfer_id=item.ref.transfer_id, code=item.code) for item in request.items)
        statement = Statement(kind=request.kind, verifier=request.verifier, epoch=request.epoch, items=items)
        return sign(self._key, self._nonces[request.handle], statement.digest, request.commitments)

    def _verdict(self, transfer_id: TransferId) -> Verdict:
        offers = self._opinions.get(transfer_id, ())
        reason = Reason.NONE if offers else self._waiting_for
        return Verdict(transfer_id=transfer_id, offers=offers, waiting_for=reason, note="" if offers else self._note)
