"""A committee makes its key (R-41): what a member says next, and with which of its secrets.

Law: everything here is a function of the messages on a board and of the member's own secrets, so a ceremony goes on
from wherever it stood. A member deals shares only when all n have signed the same round-1 messages; it certifies
only what was sealed and read back; until it has certified it can stop the ceremony for good, and afterwards it never
gives its share up. So a key is certified by all n or is nobody's (docs/ceremony.md tells why no funds can be lost).
There is no disk, clock or network in here.
"""

from dataclasses import replace
from enum import StrEnum, unique
from typing import Final

from bridge.committee.document import CommitteeDocument, draft
from bridge.committee.identity import ForgedError, Identity, Purpose
from bridge.committee.messages import Board, Kind, Message, signed_bytes
from bridge.committee.proposal import Member, fields
from bridge.committee.verdict import SEALED_SHARE_LEN, Complaint, Grievance, Phase, assess, read
from bridge.errors import BridgeError, ConfigError, RefusedError
from bridge.frost import (
    DealtShareError,
    EncodingError,
    Entropy,
    KeyPackage,
    ParticipantId,
    Polynomial,
    Round1Package,
    Scalar,
    check_dealt_share,
    decode_scalar,
    encode_scalar,
    finish,
    round1,
    share_for,
)

_SHARE_TAG: Final = b"naru.dealt-share.1"


@unique
class Duty(StrEnum):
    """What a member has to do next."""

    COMMIT = "commit"
    ECHO = "echo"
    DEAL = "deal"
    RECEIVE = "receive"
    """Open the shares; complain, or make the seat and certify."""
    ENTER = "enter"
    """All have certified: put the seat in force."""
    ERASE = "erase"
    """The ceremony ended without this member's certificate: every secret of it goes."""
    WAIT = "wait"


class OutOfTurnError(RefusedError):
    """This step is not the member's next one: ask `duty` first."""

    def __init__(self, wanted: Duty, due: Duty) -> None:
        """Name both."""
        super().__init__(f"the ceremony's next step here is to {due}, not to {wanted}")
        self.wanted = wanted
        self.due = due


class LostSecretError(BridgeError):
    """The secret polynomial is not the one of this member's own round-1 message: abort, and propose anew."""

    def __init__(self) -> None:
        """Say how it can come about."""
        super().__init__(
            "the secret of this notary's own round-1 message is not here: its folder was restored from a backup, or "
            "its identity is used elsewhere"
        )


class SeatError(ConfigError):
    """The share that was read back is not the one that was made: nothing is certified."""


def duty(board: Board, me: ParticipantId) -> Duty:
    """Tell what this member has to do next."""
    phase = assess(board).phase
    if phase is Phase.DONE:
        return Duty.ENTER
    if is_bound(board, me):
        return Duty.WAIT
    if phase in {Phase.FAILED, Phase.ABORTED}:
        return Duty.ERASE
    _, before, step = next(row for row in _DUTIES if (me, row[0]) not in board.slots)
    return Duty.WAIT if before is not None and board.missing(before) else step


def is_bound(board: Board, me: ParticipantId) -> bool:
    """Whether this member has certified: from then on it keeps its share, whatever comes."""
    return (me, Kind.CERTIFY) in board.slots


def can_receive(board: Board) -> bool:
    """Whether all that a share is made of is known."""
    return not board.missing(Kind.ROUND_2) and read(board).keys is not None


def say(identity: Identity, board: Board, me: ParticipantId, kind: Kind, body: bytes) -> Message:
    """Sign a message of one's own."""
    unsigned = Message(session=board.session, sender=me, kind=kind, body=body, signature=b"")
    return replace(unsigned, signature=identity.sign(Purpose.CEREMONY, signed_bytes(unsigned)))


def round1_body(board: Board, me: ParticipantId, polynomial: Polynomial, entropy: Entropy) -> bytes:
    """Commit to the polynomial and prove its possession. It is different each time: what was said first counts.

    Raises:
        OutOfTurnError: it has been said, or the ceremony has ended.
        FrostError: the polynomial is not of this committee's threshold, or the entropy is broken.
    """
    _check_turn(board, me, Duty.COMMIT)
    return round1(me, polynomial, entropy, participants=board.proposal.participants).to_bytes()


def echo_body(board: Board, me: ParticipantId) -> bytes:
    """Hash what all n said in round 1, as this member has it: the equality check is that all n sign the same.

    Raises:
        OutOfTurnError: not all of them are known, one is wrong, or it has been said.
    """
    _check_turn(board, me, Duty.ECHO)
    return read(board).transcript or b""


def round2_body(board: Board, me: ParticipantId, polynomial: Polynomial) -> bytes:
    """Seal each other member its share: n − 1 of them, 80 bytes each, by ascending ids.

    Raises:
        OutOfTurnError: not all n have signed the same round-1 messages, or it has been said.
        LostSecretError: the polynomial is another one than this member committed to.
    """
    _check_turn(board, me, Duty.DEAL)
    own = read(board).packages[me]
    for member in board.proposal.members:
        _check_own(own, member.id, share_for(polynomial, member.id))
    return b"".join(
        member.card.seal(encode_scalar(share_for(polynomial, member.id)), sealing_context(board.session, me, member.id))
        for member in _others(board, me)
    )


def open_shares(
    board: Board, me: ParticipantId, identity: Identity, polynomial: Polynomial
) -> tuple[KeyPackage, CommitteeDocument] | Complaint:
    """Open and check this member's shares: its part of the key and what is to be certified, or whom it complains of.

    Unlike the other steps it may be taken again by a member that has certified: one that crashed before it erased
    its polynomial.

    Raises:
        OutOfTurnError: not all n have dealt, or the ceremony has ended.
        LostSecretError: the polynomial is another one than this member committed to.
    """
    if not (is_bound(board, me) and can_receive(board)):
        _check_turn(board, me, Duty.RECEIVE)
    packages = read(board).packages
    shares, wrong = {me: share_for(polynomial, me)}, dict[ParticipantId, Grievance]()
    _check_own(packages[me], me, shares[me])
    for member in _others(board, me):
        found = _open_share(board, packages[member.id], me, identity)
        if isinstance(found, Grievance):
            wrong[member.id] = found
        else:
            shares[member.id] = found
    if wrong:
        return Complaint(entries=wrong)
    n, t = board.proposal.participants, board.proposal.threshold
    key, public = finish(identifier=me, threshold=t, participants=n, packages=packages, shares=shares)
    return key, draft(board.proposal, public)


def certificate_body(board: Board, me: ParticipantId, kept: KeyPackage) -> bytes:
    """Certify the committee's key, given the share as it was *read back* from where it is sealed.

    Raises:
        OutOfTurnError: not all n have dealt, the ceremony has ended, or it has been said.
        SeatError: what was read back is not this member's share of this key.
    """
    _check_turn(board, me, Duty.RECEIVE)
    reading, proposal = read(board), board.proposal
    if reading.keys is None or reading.certificate is None:
        raise OutOfTurnError(Duty.RECEIVE, Duty.WAIT)
    public = (reading.keys.verifying_share(me), reading.keys.group_public_key)
    if (kept.verifying_share, kept.group_public_key) != public or (
        (kept.identifier, kept.threshold, kept.participants) != (me, proposal.threshold, proposal.participants)
    ):
        raise SeatError(("the share that was read back is not the one that was made: see to the disk, then try again",))
    return reading.certificate


def sealing_context(session: bytes, sender: ParticipantId, recipient: ParticipantId) -> bytes:
    """Give what a sealed share is bound to."""
    return fields(_SHARE_TAG, session, sender.to_bytes(2), recipient.to_bytes(2))


def _open_share(board: Board, package: Round1Package, me: ParticipantId, identity: Identity) -> Scalar | Grievance:
    """Open what one member dealt to this one, and hold it against what that member committed to."""
    sender = package.identifier
    place = [member.id for member in _others(board, sender)].index(me) * SEALED_SHARE_LEN
    sealed = board.slots[sender, Kind.ROUND_2].first.body[place : place + SEALED_SHARE_LEN]
    try:
        share = decode_scalar(identity.open(sealed, sealing_context(board.session, sender, me)))
        check_dealt_share(package, me, share)
    except ForgedError:
        return Grievance.SEALED
    except EncodingError:
        return Grievance.SCALAR
    except DealtShareError:
        return Grievance.SHARE
    return share


def _check_own(package: Round1Package, recipient: ParticipantId, share: Scalar) -> None:
    try:
        check_dealt_share(package, recipient, share)
    except DealtShareError:
        raise LostSecretError from None


def _check_turn(board: Board, me: ParticipantId, wanted: Duty) -> None:
    due = duty(board, me)
    if due is not wanted:
        raise OutOfTurnError(wanted, due)


def _others(board: Board, me: ParticipantId) -> list[Member]:
    return [member for member in board.proposal.members if member.id != me]


_DUTIES: Final = (
    (Kind.ROUND_1, None, Duty.COMMIT),
    (Kind.ECHO, Kind.ROUND_1, Duty.ECHO),
    (Kind.ROUND_2, Kind.ECHO, Duty.DEAL),
    (Kind.CERTIFY, Kind.ROUND_2, Duty.RECEIVE),
)
"""What is to be said, which kind of all n members comes before, and the duty."""
