"""What a coordinator asks of a notary, and a notary's front of its signer. Requests name transfers only (R-10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import Decree, Epoch, Kind
from bridge.core.transfer import Lane, TransferId
from bridge.core.votes import Vote, VoteHead
from bridge.errors import RefusedError
from bridge.frost import ParticipantId, SignatureShare, SigningCommitments

COMMITMENTS_MAX: Final = 16
"""That a seat keeps for one coordinator, and that a coordinator may ask for at once (threshold.md, message flow)."""


class Question(StrEnum):
    """What a notary is asked about a transfer."""

    DECISION = "DECISION"
    """May it be minted, or must it be refused? Answered with Locked or Refused."""
    OUTCOME = "OUTCOME"
    """What did the destination decide? Answered with Outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRef:
    """The name of a transfer: where to look for it, and which one must be there."""

    lane: Lane
    sequence: int
    transfer_id: TransferId


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An item that a notary would sign now; `code` as in statements.Item."""

    kind: Kind
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A notary's opinion of one transfer: what it would sign, best first; none of it is a promise (R-12)."""

    transfer_id: TransferId
    offers: tuple[Offer, ...]
    waiting_for: Reason
    """Why it would sign nothing now; NONE if it would, or if it has not seen the lock final."""
    note: str
    """A sentence for operations staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """FROST round one of one notary: public commitments under a handle that is good for one signature."""

    notary: ParticipantId
    handle: bytes
    commitments: SigningCommitments
    head: VoteHead
    """The seat's votes when it was handed out; co-signers remember it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedShare:
    """FROST round two of one notary."""

    share: SignatureShare
    evidence: bytes
    """By the notary's identity, over `evidence_message`: what blames it if the share is wrong."""
    next: Commitment
    """For the next signature, so that it takes one round trip."""


def evidence_message(digest: bytes, handle: bytes, commitments: Sequence[Commitment], share: SignatureShare) -> bytes:
    """Give what `SignedShare.evidence` is a signature over: all that decides whether the share is right."""
    listed = b"".join(c.notary.to_bytes(2) + c.commitments.to_bytes() for c in commitments)
    return digest + len(handle).to_bytes(1) + handle + listed + share.to_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignItem:
    """An item of a statement, named so that the notary can look it up itself."""

    ref: TransferRef
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRequest:
    """FROST round two: what to sign, by name, and the commitments of all signers."""

    kind: Kind
    verifier: EndpointId
    epoch: Epoch
    items: tuple[SignItem, ...]
    handle: bytes
    commitments: tuple[Commitment, ...]
    """Of all signers, by ascending id; `handle` is the asked one's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndorseRequest:
    """FROST round two of a decree, which this notary's operator must have approved."""

    decree: Decree
    handle: bytes
    commitments: tuple[Commitment, ...]


class NotApprovedError(RefusedError):
    """A notary was asked to sign an item that it does not approve; it released no share (R-15)."""

    def __init__(self, transfer_id: TransferId, why: str) -> None:
        """Name the item."""
        super().__init__(f"transfer 0x{transfer_id.hex()} is not approved: {why}")
        self.transfer_id = transfer_id


class Notary(Protocol):
    """One member of one epoch's committee.

    Raises everywhere:
        UnavailableError: it does not answer.
    """

    @property
    def id(self) -> ParticipantId:
        """Its number in the committee, 1..n."""
        ...

    async def review(self, question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        """Ask for verdicts, one per transfer, in order."""
        ...

    async def commit(self, count: int) -> list[Commitment]:
        """Ask for *count* fresh commitments, 1 to 16; they lapse after 30 s."""
        ...

    async def sign(self, request: SignRequest) -> SignedShare:
        """Ask for a share of a list's signature.

        Raises:
            NotApprovedError: an item of the list is not approved.
            RefusedError: handle, epoch or commitments are not acceptable.
        """
        ...

    async def endorse(self, request: EndorseRequest) -> SignedShare:
        """Ask for a share of a decree's signature.

        Raises:
            RefusedError: its operator has not approved it, or handle, epoch or commitments are not acceptable.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One share of one epoch's key, as its signer describes it."""

    epoch: Epoch
    notary: ParticipantId
    threshold: int
    members: int
    group_key: bytes
    """33 bytes, SEC1 compressed."""
    head: VoteHead
    challenge: bytes
    """32 bytes, fresh at each start: peers report over it what they have seen of this seat's votes."""
    admitted: bool
    """Whether enough peers have reported; until then it signs nothing."""
    problem: str
    """What stands in the way of signing; empty if nothing does."""
    committee: str
    """The committee document, TOML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessReport:
    """What one member has seen of another's votes, over the other's challenge; signed by the witness's identity."""

    epoch: Epoch
    witness: ParticipantId
    subject: ParticipantId
    challenge: bytes
    seen: VoteHead | None
    signature: bytes = b""

    @property
    def message(self) -> bytes:
        """What the signature is over."""
        numbers = self.epoch.to_bytes(8) + self.witness.to_bytes(2) + self.subject.to_bytes(2)
        seen = b"" if self.seen is None else self.seen.message + self.seen.signature
        return numbers + self.challenge + seen


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOrder:
    """A list to sign, as the front judged it: the statement's items, in order, as votes."""

    kind: Kind
    verifier: EndpointId
    epoch: Epoch
    votes: tuple[Vote, ...]
    handle: bytes
    commitments: tuple[Commitment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Who a signer is: the notary's identity card, 64 bytes, and its seats, lowest epoch first."""

    card: bytes
    seats: list[Seat]


class Signer(Protocol):
    """A notary's shares, whoever holds them: our own process, a native one, an HSM.

    It keeps the votes (R-13) and the nonces (R-14), recomputes every digest from the items, has the votes on disk
    before a share leaves, and never answers twice for one commitment. `coordinator` is who asks, as its certificate
    names it: commitments are counted, and good, for that one only.

    Raises everywhere:
        UnavailableError: it does not answer, its disk refuses, or the seat is not admitted yet.
        RefusedError: there is no seat of that epoch.
    """

    async def describe(self) -> Described:
        """Tell who this is, with every seat."""
        ...

    async def seats(self) -> list[Seat]:
        """Describe every seat, lowest epoch first."""
        ...

    async def commit(self, epoch: Epoch, coordinator: str, count: int) -> list[Commitment]:
        """Make fresh commitments, 1 to 16; the coordinator's oldest make room beyond 16."""
        ...

    async def votable(self, votes: Sequence[Vote]) -> list[bool]:
        """Tell of each whether no earlier vote stands against it (R-13)."""
        ...

    async def sign(self, order: SignOrder, coordinator: str) -> SignedShare:
        """Release a share of the list's signature.

        Raises:
            VoteConflictError: an earlier vote stands against an item (R-13).
            RefusedError: the handle is unknown, used, lapsed or another coordinator's.
            FrostError: the commitments are not acceptable.
        """
        ...

    async def endorse(self, request: EndorseRequest, coordinator: str) -> SignedShare:
        """Release a share of a decree's signature.

        Raises:
            RefusedError: the operator has not approved it, or as in `sign`.
        """
        ...


class Witnesses(Protocol):
    """How members keep each other's vote stores honest: an older one, restored from a backup, is noticed (R-13).

    Raises everywhere:
        UnavailableError: the signer does not answer, or its disk refuses.
        RefusedError: there is no seat of that epoch.
    """

    async def witness(self, asked: WitnessReport, head: VoteHead | None) -> WitnessReport:
        """Fill in and sign *asked* (its `seen` and `signature`), then remember the subject's *head* if it is newer."""
        ...

    async def admit(self, reports: Sequence[WitnessReport]) -> list[str]:
        """Take peers' reports on own seats; give what is still missing, a sentence per seat that may not sign yet."""
        ...


class WitnessedSigner(Signer, Witnesses, Protocol):
    """A signer whose votes others keep an eye on, and that does so for them."""
