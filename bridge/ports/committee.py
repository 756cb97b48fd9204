"""What a coordinator asks of one notary. Requests name transfers and nothing else (R-10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import Lane, TransferId
from bridge.errors import RefusedError
from bridge.frost import ParticipantId, SignatureShare, SigningCommitments


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
    commitments: tuple[SigningCommitments, ...]
    """Of all signers, by ascending id; each names its own."""


class NotApprovedError(RefusedError):
    """A notary was asked to sign an item that it does not approve; it released no share (R-15)."""

    def __init__(self, transfer_id: TransferId, why: str) -> None:
        """Name the item."""
        super().__init__(f"transfer 0x{transfer_id.hex()} is not approved: {why}")
        self.transfer_id = transfer_id


class Notary(Protocol):
    """One member of the committee.

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

    async def commit(self) -> Commitment:
        """Ask for a fresh commitment; it lapses after 30 s."""
        ...

    async def sign(self, request: SignRequest) -> SignatureShare:
        """Ask for a share.

        Raises:
            NotApprovedError: an item of the list is not approved.
            RefusedError: handle, epoch or commitments are not acceptable.
        """
        ...
