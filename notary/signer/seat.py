"""One seat: votes to disk, then one share per commitment (R-13, R-14).

Law: `sign` and `endorse` take the nonces first, so that nothing that goes wrong later can lead to a second answer; the
share exists only once the votes are on disk; what is signed is rebuilt here from the items, never taken as a digest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, assert_never

import structlog

from bridge.committee.identity import ForgedError, Identity, IdentityCard, Purpose
from bridge.core.caip import EndpointId
from bridge.core.statements import Closed, Digest, Epoch, Handover, Item, Statement, Trial
from bridge.core.votes import HandoverVote, Vote, VoteConflictError, VoteHead, check
from bridge.errors import InvalidInputError, RefusedError, UnavailableError
from bridge.frost import KeyPackage, ParticipantId, SigningNonces, commit, sign
from bridge.hardening import forget_at_fork
from bridge.ports.committee import (
    COMMITMENTS_MAX,
    Commitment,
    EndorseRequest,
    Seat,
    SignedShare,
    SignOrder,
    WitnessReport,
    evidence_message,
)
from bridge.ports.runtime import Clock, Entropy
from bridge.ports.store import SeatStore
from notary.signer.admission import Admission, OlderStoreError
from notary.signer.nonces import NoncePool, forgetting

CHALLENGE_LEN: Final = 32
log = structlog.get_logger()


class Approvals(Protocol):
    """What this notary's operator has approved.

    Raises everywhere:
        UnavailableError, ConfigError: it can't be read.
    """

    def handover(self, epoch: Epoch) -> HandoverVote | None:
        """Give the key to which the seat of *epoch* may hand over."""
        ...

    def closing(self, endpoint: EndpointId) -> bool:
        """Tell whether it may be signed that *endpoint* is closed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one seat is made of."""

    epoch: Epoch
    key: KeyPackage
    votes: SeatStore
    document: str
    """The committee document, TOML."""
    session: bytes
    """The ceremony's; empty if a dealer made the key."""
    cards: Mapping[ParticipantId, IdentityCard]
    """Of every member, the own among them; empty in a dealt committee, whose seats need no peers' reports."""


class HeldSeat:
    """A seat whose share this process holds; not for several threads."""

    def __init__(
        self, holding: Holding, identity: Identity, approvals: Approvals, clock: Clock, entropy: Entropy
    ) -> None:
        """Hold a seat, not yet admitted."""
        self.epoch = holding.epoch
        self.notary = holding.key.identifier
        self.votes = holding.votes
        self._key = holding.key
        self._document = holding.document
        self._session = holding.session
        self._cards = holding.cards
        self._identity = identity
        self._approvals = approvals
        self._entropy = entropy
        self._nonces = NoncePool(clock, entropy)
        forget_at_fork(forgetting(self._nonces))
        needed = holding.key.threshold - 1 if holding.cards else 0
        self._admission = Admission(self.epoch, self.notary, self._cards, needed, entropy(CHALLENGE_LEN))
        self._head: VoteHead | None = None

    def describe(self) -> Seat:
        """Tell what the seat is and how it stands."""
        return Seat(
            epoch=self.epoch,
            notary=self.notary,
            threshold=self._key.threshold,
            members=self._key.participants,
            group_key=self._key.group_public_key.to_bytes(),
            head=self._signed_head(),
            challenge=self._admission.challenge,
            admitted=not self._admission.missing,
            problem=self.votes.problem or self._waiting(),
            committee=self._document,
        )

    def commit(self, coordinator: str, count: int) -> list[Commitment]:
        """Make fresh commitments, each good for one signature within 30 s.

        Raises:
            InvalidInputError: *count* is not 1 to 16.
            UnavailableError: the vote store is out of use.
        """
        if not 1 <= count <= COMMITMENTS_MAX:
            raise InvalidInputError(f"ask for 1 to {COMMITMENTS_MAX} commitments, not {count}")
        self._check_store()
        return [self._fresh(coordinator) for _ in range(count)]

    def votable(self, vote: Vote) -> bool:
        """Tell whether no earlier vote stands against this one (R-13).

        Raises:
            UnavailableError: the disk refuses.
        """
        try:
            check(vote, self.votes.related(vote))
        except VoteConflictError:
            return False
        return True

    def sign(self, order: SignOrder, coordinator: str) -> SignedShare:
        """Release a share of a list's signature.

        Raises:
            VoteConflictError: an earlier vote stands against an item.
            RefusedError: the handle is not good, the votes are not the list's, or a co-signer's head is forged.
            InvalidInputError, FrostError: the list or the commitments are not acceptable.
            UnavailableError: the seat is not admitted, or the votes can't be written.
        """
        nonces = self._nonces.take(coordinator, order.handle)
        statement = self._statement(order)
        self._check_admitted()
        self.votes.record(order.votes, seen=self._heads(order.commitments))
        return self._answer(statement.digest, nonces, order, coordinator)

    def endorse(self, request: EndorseRequest, coordinator: str) -> SignedShare:
        """Release a share of a decree's signature. A ceremony's trial needs neither approval nor admission.

        Raises:
            RefusedError: it is not approved, of another epoch or ceremony; else as `sign`.
            HandoverConflictError: this seat has signed a handover to another key.
            InvalidInputError, FrostError: the commitments are not acceptable.
            UnavailableError: the seat is not admitted, or the vote can't be written.
        """
        nonces = self._nonces.take(coordinator, request.handle)
        decree = request.decree
        if decree.signer_epoch != self.epoch:
            raise RefusedError(f"the decree is epoch {decree.signer_epoch}'s to sign, and this seat is of {self.epoch}")
        match decree:
            case Handover():
                self._record_handover(decree, self._heads(request.commitments))
            case Closed():
                self._check_closing(decree)
                self.votes.remember(self._heads(request.commitments))
            case Trial(session=session):
                if not self._session or session != self._session:
                    raise RefusedError("the trial is of another ceremony than the one that made this seat's key")
            case unknown:
                assert_never(unknown)
        return self._answer(decree.digest, nonces, request, coordinator)

    def witness(self, asked: WitnessReport, head: VoteHead | None) -> WitnessReport:
        """Report the highest head of a member that this seat had seen, then remember *head*.

        Raises:
            InvalidInputError: the subject is no other member, or the challenge has another length.
            RefusedError: *head* is not the subject's own.
            UnavailableError: the disk refuses.
        """
        subject = ParticipantId(asked.subject)
        card = self._cards.get(subject)
        if card is None or subject == self.notary:
            raise InvalidInputError(f"notary {asked.subject} is no other member of epoch {self.epoch}")
        if len(asked.challenge) != CHALLENGE_LEN:  # else one report's bytes could be read as another's
            raise InvalidInputError(f"a challenge has {CHALLENGE_LEN} bytes, not {len(asked.challenge)}")
        seen = self.votes.seen(subject)
        if head is not None:
            self._remember(subject, card, head)
        report = replace(asked, witness=self.notary, seen=seen)
        return replace(report, signature=self._identity.sign(Purpose.WITNESS, report.message))

    def admit(self, report: WitnessReport) -> None:
        """Take a peer's report on this seat; one that is not acceptable is logged and does not count.

        Raises:
            UnavailableError: the store is condemned, and the disk does not take that; this process keeps to it.
        """
        try:
            self._admission.take(report, *self.votes.head())
        except OlderStoreError as error:
            log.warning("seat.refused", epoch=self.epoch, notary=self.notary, error=str(error))
            self.votes.refuse(str(error))
        except InvalidInputError as error:
            log.warning("report.ignored", epoch=self.epoch, notary=report.witness, error=str(error))

    @property
    def missing(self) -> str:
        """Why the seat may not sign yet, a sentence; empty if it may."""
        problem = self.votes.problem or self._waiting()
        return f"epoch {self.epoch}, notary {self.notary}: {problem}" if problem else ""

    # ---

    def _waiting(self) -> str:
        missing = self._admission.missing
        return f"waits for {missing} more members to report what they have seen of its votes" if missing else ""

    def _statement(self, order: SignOrder) -> Statement:
        if order.epoch != self.epoch or any((v.kind, v.epoch) != (order.kind, self.epoch) for v in order.votes):
            raise RefusedError(f"the votes are not all {order.kind} in epoch {self.epoch}, as the list is")
        items = tuple(Item(transfer_id=vote.transfer_id, code=vote.code) for vote in order.votes)
        return Statement(kind=order.kind, verifier=order.verifier, epoch=order.epoch, items=items)

    def _record_handover(self, decree: Handover, seen: Sequence[VoteHead]) -> None:
        self._check_admitted()
        vote = HandoverVote(epoch=self.epoch, px=decree.px, py=decree.py)
        if self._approvals.handover(self.epoch) != vote:
            raise RefusedError(
                f"this notary's operator has not approved a handover of epoch {self.epoch} to the key {vote.px:064x}"
            )
        self.votes.record_handover(vote, seen=seen)

    def _check_closing(self, decree: Closed) -> None:
        self._check_admitted()
        if not self._approvals.closing(decree.endpoint):
            raise RefusedError(
                f"this notary's operator has not approved that the endpoint 0x{decree.endpoint.hex()} is closed"
            )

    def _check_store(self) -> None:
        if self.votes.problem:
            raise UnavailableError(self.votes.problem)

    def _check_admitted(self) -> None:
        self._check_store()
        if waiting := self._waiting():
            raise UnavailableError(f"the seat of epoch {self.epoch} {waiting}")

    def _heads(self, commitments: Sequence[Commitment]) -> list[VoteHead]:
        """Check the co-signers' heads. A forged one ends it: a coordinator that forges, or lets pass, is no loss.

        One that is older than what is known tells nothing, so whose it is does not matter.
        """
        heads = []
        for commitment in commitments:
            card = self._cards.get(commitment.notary)
            if card is None or commitment.notary == self.notary:
                continue
            known = self.votes.seen(commitment.notary)
            if known is None or (commitment.head != known and commitment.head.count >= known.count):
                self._check_head(commitment.notary, card, commitment.head)
                self._note_two_stores(known, commitment.head)
                heads.append(commitment.head)
        return heads

    def _remember(self, subject: ParticipantId, card: IdentityCard, head: VoteHead) -> None:
        self._check_head(subject, card, head)
        self._note_two_stores(self.votes.seen(subject), head)
        self.votes.remember([head])

    def _check_head(self, member: ParticipantId, card: IdentityCard, head: VoteHead) -> None:
        if (head.epoch, head.notary) != (self.epoch, member):
            raise RefusedError(f"the head of notary {member}'s votes is another seat's: take commitments as they come")
        try:
            card.check(Purpose.VOTE_HEAD, head.message, head.signature)
        except ForgedError as error:
            raise RefusedError(f"the head of notary {member}'s votes is forged: it is {error}") from error

    def _note_two_stores(self, known: VoteHead | None, head: VoteHead) -> None:
        second = known is not None and head.count == known.count and head.hash != known.hash
        if second and head not in self.votes.evidence():
            error = f"it signed two histories of {head.count} votes: it runs on two vote stores; both heads are kept"
            log.error("member.equivocated", epoch=self.epoch, notary=head.notary, error=error)

    def _answer(
        self, digest: Digest, nonces: SigningNonces, request: SignOrder | EndorseRequest, coordinator: str
    ) -> SignedShare:
        share = sign(self._key, nonces, digest, [c.commitments for c in request.commitments])
        message = evidence_message(digest, request.handle, request.commitments, share)
        evidence = self._identity.sign(Purpose.SHARE, message)
        return SignedShare(share=share, evidence=evidence, next=self._fresh(coordinator))

    def _fresh(self, coordinator: str) -> Commitment:
        nonces, commitments = commit(self._key, self._entropy)
        handle = self._nonces.put(coordinator, nonces)
        return Commitment(notary=self.notary, handle=handle, commitments=commitments, head=self._signed_head())

    def _signed_head(self) -> VoteHead:
        count, digest = self.votes.head()
        if self._head is None or (self._head.count, self._head.hash) != (count, digest):
            head = VoteHead(epoch=self.epoch, notary=self.notary, count=count, hash=digest)
            signature = self._identity.sign(Purpose.VOTE_HEAD, head.message)
            self._head = replace(head, signature=signature)
        return self._head
