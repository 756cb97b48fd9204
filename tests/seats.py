"""Seats of the dealt committee in this process: each with its share, its votes and an identity that the others know."""

import random
from collections.abc import Iterable, Sequence
from functools import cache

import tomli_w

from bridge.adapters.memory.runtime import ManualClock, SeededEntropy
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.committee.identity import CARD_LEN, Identity, IdentityCard
from bridge.core.caip import EndpointId
from bridge.core.statements import Epoch
from bridge.core.votes import HandoverVote, Vote
from bridge.frost import ParticipantId, participant_ids
from bridge.ports.committee import Commitment, SignedShare, SignOrder, WitnessReport
from bridge.ports.runtime import Entropy
from bridge.ports.store import SeatStore
from notary.signer.seat import HeldSeat, Holding
from tests.committee import EPOCH, MEMBERS, THRESHOLD, dealing
from tests.conformance.samples import word

SESSION = word(77)
VERIFIER = EndpointId(word(2))
COORDINATOR = "relayer/a"


class Operator:
    """Approvals of an operator who says yes to what is listed."""

    def __init__(self) -> None:
        self.handovers: list[HandoverVote] = []
        self.closings: list[EndpointId] = []

    def handover(self, epoch: Epoch) -> HandoverVote | None:
        return next((vote for vote in self.handovers if vote.epoch == epoch), None)

    def closing(self, endpoint: EndpointId) -> bool:
        return endpoint in self.closings


@cache
def identity(number: int) -> Identity:
    return Identity.from_bytes(random.Random(f"identity {number}").randbytes(CARD_LEN))


def cards() -> dict[ParticipantId, IdentityCard]:
    return {number: identity(number).card for number in participant_ids(MEMBERS)}


def document(
    *, epoch: Epoch = EPOCH, seed: int = 0, session: bytes = b"", signatures: int = 0, identities: bool = True
) -> str:
    """The committee document of the dealt committee; with a *session*, as a ceremony writes it."""
    members = [
        {
            "id": number,
            "operator": f"operator {number}",
            "address": f"127.0.0.1:{7000 + number}",
            "name": f"notary-{number}",
            "identity": identity(number).card.to_bytes().hex() if identities else "",
        }
        for number in range(1, MEMBERS + 1)
    ]
    return tomli_w.dumps(
        {
            "epoch": epoch,
            "threshold": THRESHOLD,
            "public_keys": dealing(seed).public_key_package.to_bytes().hex(),
            "session": session.hex(),
            "signatures": ["00" * 64] * signatures,
            "members": members,
        }
    )


def held_seat(
    number: int = 1,
    *,
    votes: SeatStore | None = None,
    clock: ManualClock | None = None,
    entropy: Entropy | None = None,
    operator: Operator | None = None,
    dealt: bool = False,
) -> HeldSeat:
    """A seat that was just started; *dealt*: of a committee without identities, which needs no peers' reports."""
    holding = Holding(
        epoch=EPOCH,
        key=dealing().key_packages[number - 1],
        votes=MemoryVoteStore() if votes is None else votes,
        document=document(session=SESSION, signatures=MEMBERS, identities=not dealt),
        session=SESSION,
        cards={} if dealt else cards(),
    )
    return HeldSeat(
        holding, identity(number), operator or Operator(), clock or ManualClock(), entropy or SeededEntropy(number)
    )


def reports(subject: HeldSeat, witnesses: Iterable[HeldSeat]) -> list[WitnessReport]:
    """What the witnesses say of the subject's votes."""
    seat = subject.describe()
    asked = WitnessReport(
        epoch=EPOCH, witness=ParticipantId(0), subject=seat.notary, challenge=seat.challenge, seen=None
    )
    return [witness.witness(asked, None) for witness in witnesses]


def admit(seats: Sequence[HeldSeat]) -> list[HeldSeat]:
    """Have each seat be admitted by the reports of the others."""
    for seat in seats:
        for report in reports(seat, (other for other in seats if other is not seat)):
            seat.admit(report)
    return list(seats)


def committee(numbers: Sequence[int] = (1, 2, 3, 4)) -> list[HeldSeat]:
    """Seats that are admitted."""
    return admit([held_seat(number) for number in numbers])


def order(
    votes: Sequence[Vote], commitments: Sequence[Commitment], handle: bytes, *, epoch: Epoch = EPOCH
) -> SignOrder:
    """A list of these votes for the seat whose handle it is."""
    return SignOrder(
        kind=votes[0].kind,
        verifier=VERIFIER,
        epoch=epoch,
        votes=tuple(votes),
        handle=handle,
        commitments=tuple(commitments),
    )


def sign_all(
    seats: Sequence[HeldSeat], votes: Sequence[Vote], *, commitments: Sequence[Commitment] | None = None
) -> list[SignedShare]:
    """Have every seat sign a list together with the others."""
    listed = commitments or [seat.commit(COORDINATOR, 1)[0] for seat in seats]
    return [seat.sign(order(votes, listed, own.handle), COORDINATOR) for seat, own in zip(seats, listed, strict=True)]
