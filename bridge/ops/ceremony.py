"""Drives a key ceremony: carries its messages between the members, then has every member try the key (R-41).

Whoever drives it is trusted with nothing: it can delay the ceremony, and anybody else can drive it on from where it
stands. Two who drive at once do no harm.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bridge.adapters.memory.lines import MemoryLineLog
from bridge.committee.document import CommitteeDocument
from bridge.committee.messages import Board, Message, MessageRefusedError
from bridge.committee.proposal import Member, Proposal, member_row
from bridge.committee.session import SigningDesk
from bridge.committee.signed import Committee, NotSignedError
from bridge.committee.transcript import TranscriptLog
from bridge.committee.verdict import Phase, assess, document, take
from bridge.config import MemberConfig
from bridge.connections import Lines
from bridge.core.statements import Trial
from bridge.errors import BridgeError, RefusedError, UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.runtime import Clock
from bridge.rpc.v1 import committee_pb2 as pb

POLL_S: Final = 0.2
TRIAL_ATTEMPTS: Final = 20
"""A seat that was made just now may still wait for its peers' reports."""
TRIAL_PAUSE_S: Final = 0.5
_ENDED: Final = frozenset({Phase.DONE, Phase.FAILED, Phase.ABORTED})


class CeremonyFailedError(RefusedError):
    """The ceremony ended without a key; nothing was registered and nothing can be signed. The text says who and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How far one member is: the phase, and what stands in the way of going on, empty if nothing does."""

    member: Member
    phase: str
    problem: str = ""


@dataclass(slots=True)
class _Carrier:
    """What is known so far, and what each member has been given of it."""

    proposal: Proposal
    board: Board
    given: dict[ParticipantId, set[bytes]] = field(default_factory=dict)


async def drive(
    proposal: Proposal, lines: Lines, clock: Clock, told: Callable[[list[Seen]], None]
) -> CommitteeDocument:
    """Carry messages until every member says that it is done; *told* hears how far each is whenever that changes.

    It waits for members that do not answer, or whose operators have not approved yet.

    Raises:
        CeremonyFailedError: somebody cheated, complained or aborted.
    """
    carrier = _Carrier(proposal, Board.of(proposal))
    last: list[Seen] = []
    while True:
        seen = list(await asyncio.gather(*(_visit(carrier, lines, member) for member in proposal.members)))
        if seen != last:
            told(seen)
            last = seen
        standing = assess(carrier.board)
        if standing.phase in {Phase.FAILED, Phase.ABORTED} and all(s.phase in _ENDED or s.problem for s in seen):
            raise CeremonyFailedError(
                f"the ceremony {standing.phase}: {standing.problem}; nothing was registered: agree on what went wrong, "
                "then propose anew with the next attempt number"
            )
        if all(s.phase == Phase.DONE for s in seen):
            return document(carrier.board)
        await clock.sleep(POLL_S)


async def look(proposal: Proposal, lines: Lines) -> list[Seen]:
    """Ask every member how far it is; nothing is carried."""
    carrier = _Carrier(proposal, Board.of(proposal))
    return list(await asyncio.gather(*(_visit(carrier, lines, member) for member in proposal.members)))


async def try_key(
    made: CommitteeDocument, lines: Lines, clock: Clock, told: Callable[[int, tuple[ParticipantId, ...]], None]
) -> None:
    """Have rotating subsets of t members sign a trial, so that each has signed: only then may the key be registered.

    Raises:
        UnavailableError: a subset did not sign; its members and what each said are in the text.
    """
    cards = {member.id: member.card for member in made.members}
    members = [_config(member) for member in made.members]
    committee = Committee(epoch=made.epoch, keys=made.keys, cards=cards)
    notaries = [lines.notary(member, made.epoch) for member in members]
    desk = SigningDesk(committee, notaries, clock, TranscriptLog(MemoryLineLog()))
    try:
        for subset in range(len(members)):
            signers = subset_of(subset, members=len(members), threshold=made.keys.threshold)
            await _try(desk, made, subset, signers, clock)
            told(subset, signers)
    finally:
        await desk.close()


def subset_of(subset: int, *, members: int, threshold: int) -> tuple[ParticipantId, ...]:
    """Give the members of the trial *subset*, counted from 0: t in a row, beginning one further each time."""
    return tuple(ParticipantId((subset + i) % members + 1) for i in range(threshold))


async def _try(
    desk: SigningDesk, made: CommitteeDocument, subset: int, signers: tuple[ParticipantId, ...], clock: Clock
) -> None:
    trial = Trial(epoch=made.epoch, session=made.session, subset=subset)
    for attempt in range(TRIAL_ATTEMPTS):
        try:
            await desk.endorse(trial, signers)
        except NotSignedError as error:
            if attempt + 1 == TRIAL_ATTEMPTS:
                who = ", ".join(str(i) for i in signers)
                raise UnavailableError(
                    f"members {who} can't sign together: {error}; register nothing until they can: mend it, then run "
                    "this again"
                ) from error
            await clock.sleep(TRIAL_PAUSE_S)
        else:
            return


async def _visit(carrier: _Carrier, lines: Lines, member: Member) -> Seen:
    """Hand one member what it lacks, and take what it has."""
    given = carrier.given.setdefault(member.id, set())
    news = [message for message in carrier.board.messages if message.signature not in given]
    request = pb.ExchangeRequest(session=carrier.board.session, messages=[_out(message) for message in news])
    try:
        response = await lines.committee(_config(member)).exchange(request)
    except BridgeError as error:
        given.clear()
        return Seen(member=member, phase=Phase.UNKNOWN, problem=str(error))
    given |= {message.signature for message in news}
    for message in response.messages:
        try:
            carrier.board = take(carrier.board, _in(message))
        except MessageRefusedError as error:
            return Seen(member=member, phase=response.phase, problem=f"it handed over what counts for nothing: {error}")
        given.add(message.signature)
    return Seen(member=member, phase=response.phase, problem=response.problem)


def _config(member: Member) -> MemberConfig:
    return MemberConfig.model_validate(member_row(member))


def _out(message: Message) -> pb.CeremonyMessage:
    return pb.CeremonyMessage(
        session=message.session,
        sender=message.sender,
        kind=message.kind,
        body=message.body,
        signature=message.signature,
    )


def _in(message: pb.CeremonyMessage) -> Message:
    return Message(
        session=message.session,
        sender=message.sender,
        kind=message.kind,
        body=message.body,
        signature=message.signature,
    )
