"""Has the committee sign: verdicts first, then lists that enough members agree on, then signatures (R-15)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import structlog

from bridge.committee.session import SigningDesk
from bridge.committee.signed import Failure, NonsenseError, NotSignedError
from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import Epoch, Kind
from bridge.core.transfer import TransferId
from bridge.errors import BridgeError, UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import NotApprovedError, Notary, Offer, Question, SignItem, TransferRef, Verdict
from bridge.ports.ledger import Attestation
from bridge.ports.runtime import Clock
from bridge.telemetry import crash_text

T = TypeVar("T")
_Verdicts: TypeAlias = Mapping[ParticipantId, Mapping[TransferId, Verdict]]

log = structlog.get_logger()
GRACE_S: Final = 0.5
_PREFERENCE: Final = (Kind.LOCKED, Kind.OUTCOME, Kind.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An attestation, and who signed it."""

    attestation: Attestation
    signers: tuple[ParticipantId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a transfer got no signature for now."""

    reason: Reason
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """What came of asking the committee about a list."""

    signed: tuple[Signed, ...]
    holds: Mapping[TransferId, Hold]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Items of one kind that all of `supporters` would sign."""

    kind: Kind
    items: tuple[SignItem, ...]
    supporters: frozenset[ParticipantId]


class Epochs(Protocol):
    """Which committee a gateway takes signatures of."""

    async def __call__(self, verifier: EndpointId, /) -> Epoch:
        """Tell which epoch the verifier's finalised view has as current (R-40).

        Raises:
            UnavailableError: the ledger can't be read.
        """
        ...


class Coordinator:
    """Has lists signed by the committee whose epoch their verifier has as current."""

    def __init__(self, desks: Mapping[Epoch, SigningDesk], epochs: Epochs, clock: Clock) -> None:
        """Sign at one of *desks*, looked up each time: a handover may add one while this runs."""
        self._desks = desks
        self._epochs = epochs
        self._clock = clock
        self._slow: dict[Epoch, set[ParticipantId]] = {}
        """Who had not given its verdicts when enough others had, the last time that it was asked."""

    async def attest(self, question: Question, verifier: EndpointId, refs: Sequence[TransferRef]) -> Attested:
        """Get as many of the transfers signed as t members agree on; never raises for what a member does.

        *refs* must all have *verifier* as the end of their lanes that the question's statements go to. A member that
        is silent, wavers or cheats is routed around; where too few are left to sign a list as it is, what the failed
        ones offered no longer counts, and the list is formed anew from what the others agree on (R-15).

        Raises:
            ExceptionGroup: of FrostError; the committee's public keys are not those of its members.
        """
        try:
            epoch = await self._epochs(verifier)
        except UnavailableError as error:
            return _nothing(refs, Hold(reason=Reason.LEDGER_UNREACHABLE, note=str(error)))
        if not epoch:
            note = "the gateway has no committee: its epoch was revoked, and governance must register a key (R-40)"
            return _nothing(refs, Hold(reason=Reason.NONE, note=note))
        if epoch not in self._desks:
            known = ", ".join(str(e) for e in sorted(self._desks)) or "none"
            note = f"the gateway's committee is epoch {epoch}, and this relayer knows {known}: give it that committee"
            return _nothing(refs, Hold(reason=Reason.NONE, note=f"{note}'s document"))
        sitting = _Sitting(self._desks[epoch], question, verifier, refs)
        verdicts = await sitting.review(self._clock, self._slow.setdefault(epoch, set()))
        return await sitting.attest(verdicts)


class _Sitting:
    """One list of transfers before one committee."""

    def __init__(
        self, desk: SigningDesk, question: Question, verifier: EndpointId, refs: Sequence[TransferRef]
    ) -> None:
        self._desk = desk
        self._question, self._verifier, self._refs = question, verifier, refs
        self._threshold = desk.committee.keys.threshold

    async def attest(self, verdicts: _Verdicts) -> Attested:
        signed: list[Signed] = []
        holds = {ref.transfer_id: self._hold(ref.transfer_id, verdicts) for ref in self._refs}
        for _ in range(len(self._desk.notaries) * len(self._refs) + 1):  # each failure takes an offer away
            groups = self._groups([ref for ref in self._refs if ref.transfer_id in holds], verdicts)
            if not groups:
                break
            for group, outcome in await self._sign_all(groups):
                ids = {item.ref.transfer_id for item in group.items}
                if isinstance(outcome, NotSignedError):
                    log.warning("list.unsigned", signers=sorted(group.supporters), error=str(outcome))
                    verdicts = _without(verdicts, outcome.failures, ids)
                    holds |= dict.fromkeys(ids, Hold(reason=Reason.NONE, note=str(outcome)))
                else:
                    signed.append(outcome)
                    holds = {i: hold for i, hold in holds.items() if i not in ids}
        return Attested(signed=tuple(signed), holds=holds)

    async def review(self, clock: Clock, slow: set[ParticipantId]) -> _Verdicts:
        """Collect verdicts; *slow* are not waited for once the others' suffice, and it is kept up to date."""

        async def review(notary: Notary) -> dict[TransferId, Verdict]:
            found = {verdict.transfer_id: verdict for verdict in await notary.review(self._question, self._refs)}
            if found.keys() != {ref.transfer_id for ref in self._refs}:
                raise NonsenseError(f"notary {notary.id} gave verdicts on other transfers than it was asked about")
            return found

        def suffices(verdicts: _Verdicts) -> bool:
            trusted = {member: of for member, of in verdicts.items() if not self._desk.is_failing(member)}
            return sum(len(group.items) for group in self._groups(self._refs, trusted)) == len(self._refs)

        answers = await _gather(self._desk.notaries, review, suffices, lambda: clock.sleep(GRACE_S), slow)
        for notary, answer in answers.items():
            if isinstance(answer, BridgeError):
                log.warning("notary.silent", notary=notary, error=str(answer))
        return _good(answers)

    async def _sign_all(self, groups: Sequence[_Group]) -> list[tuple[_Group, Signed | NotSignedError]]:
        """Sign lists side by side: they name different transfers, so none waits for another."""
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self._sign(group)) for group in groups]
        return [(group, task.result()) for group, task in zip(groups, asked, strict=True)]

    async def _sign(self, group: _Group) -> Signed | NotSignedError:
        try:
            made = await self._desk.sign_list(group.kind, self._verifier, group.items, group.supporters)
        except NotSignedError as error:
            return error
        attestation = Attestation(statement=made.signable, group_key=made.group_key, signature=made.signature)
        return Signed(attestation=attestation, signers=made.signers)

    def _groups(self, refs: Sequence[TransferRef], verdicts: _Verdicts) -> list[_Group]:
        """Split the list into groups of one kind, each with at least t members that would sign all of it."""
        groups: list[_Group] = []
        for kind in _PREFERENCE:
            chosen = {g_item.ref.transfer_id for group in groups for g_item in group.items}
            open_items: list[tuple[SignItem, frozenset[ParticipantId]]] = []
            for ref in refs:
                best = None if ref.transfer_id in chosen else self._best(kind, ref.transfer_id, verdicts)
                if best is not None:
                    open_items.append((SignItem(ref=ref, code=best[0].code), best[1]))
            groups += self._partition(kind, open_items)
        return groups

    def _best(
        self, kind: Kind, transfer_id: TransferId, verdicts: _Verdicts
    ) -> tuple[Offer, frozenset[ParticipantId]] | None:
        """Choose the offer of this kind that t members make; among several the one that is named first most often."""
        supporters: dict[Offer, set[ParticipantId]] = {}
        for notary, of_notary in verdicts.items():
            for offer in of_notary[transfer_id].offers if transfer_id in of_notary else ():
                if offer.kind is kind:
                    supporters.setdefault(offer, set()).add(notary)
        for offer, members in supporters.items():
            if len(members) >= self._threshold:
                return offer, frozenset(members)
        return None

    def _partition(self, kind: Kind, open_items: list[tuple[SignItem, frozenset[ParticipantId]]]) -> list[_Group]:
        """List first what the t members with most approvals all approve; the rest forms the next list (R-15)."""
        groups = []
        while open_items:
            order = self._by_approvals([members for _, members in open_items])
            top = frozenset(order[: self._threshold])
            agreed = [entry for entry in open_items if top <= entry[1]] or open_items[:1]
            supporters = frozenset.intersection(*(members for _, members in agreed))
            groups.append(_Group(kind=kind, items=tuple(item for item, _ in agreed), supporters=supporters))
            open_items = [entry for entry in open_items if entry not in agreed]
        return groups

    def _by_approvals(self, approving: Sequence[frozenset[ParticipantId]]) -> list[ParticipantId]:
        """Sort members: most approvals first; among equals who failed goes last."""
        counts = Counter(member for members in approving for member in members)
        return sorted(counts, key=lambda member: (-counts[member], self._desk.is_failing(member), member))

    def _hold(self, transfer_id: TransferId, verdicts: _Verdicts) -> Hold:
        answering = len(verdicts)
        if answering < self._threshold:
            note = f"{answering} of {len(self._desk.notaries)} notaries answer, {self._threshold} must"
            return Hold(reason=Reason.NONE, note=note)
        reasons = Counter(v[transfer_id].waiting_for for v in verdicts.values())
        notes = Counter(v[transfer_id].note for v in verdicts.values() if v[transfer_id].note)
        reason = max(reasons, key=lambda r: (r is not Reason.NONE, reasons[r]))
        return Hold(reason=reason, note=notes.most_common(1)[0][0] if notes else "the notaries do not agree yet")


async def _gather(
    notaries: Mapping[ParticipantId, Notary],
    question: Callable[[Notary], Awaitable[T]],
    suffices: Callable[[Mapping[ParticipantId, T]], bool],
    grace: Callable[[], Coroutine[None, None, None]],
    slow: set[ParticipantId],
) -> dict[ParticipantId, T | BridgeError]:
    """Ask all side by side. Once the answers suffice, the others get a short while more and then count as silent.

    Until then every one is waited for, up to its own time-out: a slow honest member may be the one that is needed.
    Who was cut off the last time (*slow*) gets no while more, or a dead member would cost it each time.
    """

    async def ask(notary: Notary) -> T | BridgeError:
        try:
            return await question(notary)
        except BridgeError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the task's boundary: one member's answer must not end the others'
            return NonsenseError(f"notary {notary.id}: {crash_text(error)}")

    answers: dict[ParticipantId, T | BridgeError] = {}
    async with asyncio.TaskGroup() as tasks:
        asked = {tasks.create_task(ask(notary)): member for member, notary in notaries.items()}
        pending = set(asked)
        over: asyncio.Task[None] | None = None
        while pending and not (over and over.done()):
            waiting: set[asyncio.Task[Any]] = {*pending, over} if over else {*pending}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            answers |= {asked[task]: task.result() for task in pending if task.done()}
            pending = {task for task in pending if not task.done()}
            if suffices(_good(answers)):
                if {asked[task] for task in pending} <= slow:
                    break
                over = over or tasks.create_task(grace())
        for task in pending:
            task.cancel()
            answers[asked[task]] = UnavailableError(f"notary {asked[task]} has not answered while enough others had")
        if over:
            over.cancel()
        slow.clear()
        slow.update(asked[task] for task in pending)
    return {member: answers[member] for member in notaries}


def _good(answers: Mapping[ParticipantId, T | BridgeError]) -> dict[ParticipantId, T]:
    return {member: answer for member, answer in answers.items() if not isinstance(answer, BridgeError)}


def _nothing(refs: Sequence[TransferRef], hold: Hold) -> Attested:
    return Attested(signed=(), holds={ref.transfer_id: hold for ref in refs})


def _without(
    verdicts: _Verdicts,
    failures: Sequence[Failure],
    ids: Collection[TransferId],
) -> _Verdicts:
    """Leave out what those that failed said of the item that they named, else of all *ids* (R-15)."""
    gone = {failure.notary: _unbelieved(failure, ids) for failure in failures}
    return {
        member: {i: verdict for i, verdict in of_member.items() if i not in gone.get(member, ())}
        for member, of_member in verdicts.items()
    }


def _unbelieved(failure: Failure, ids: Collection[TransferId]) -> Collection[TransferId]:
    match failure.error:
        case NotApprovedError(transfer_id=transfer_id) if transfer_id in ids:
            return (transfer_id,)
        case _:
            return ids
