"""Has the committee sign: verdicts first, then lists that enough members agree on, then two FROST rounds (R-15)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import Epoch, Item, Kind, Statement
from bridge.core.transfer import TransferId
from bridge.errors import BridgeError, UnavailableError
from bridge.frost import InvalidShareError, ParticipantId, PublicKeyPackage, SignatureShare, aggregate
from bridge.ports.committee import (
    Commitment,
    NotApprovedError,
    Notary,
    Offer,
    Question,
    SignItem,
    SignRequest,
    TransferRef,
    Verdict,
)
from bridge.ports.ledger import Attestation

T = TypeVar("T")

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


class _FailedSessionError(UnavailableError):
    """Members did not sign what they had offered; `failed` says of each why."""

    def __init__(self, failed: Mapping[ParticipantId, BridgeError]) -> None:
        super().__init__(f"no signature: {'; '.join(dict.fromkeys(str(error) for error in failed.values()))}")
        self.failed = failed


class Coordinator:
    """Runs signing sessions with the committee of one epoch."""

    def __init__(self, notaries: Iterable[Notary], keys: PublicKeyPackage, epoch: Epoch) -> None:
        """Ask *notaries*, whose group key is in *keys*."""
        self._notaries = {notary.id: notary for notary in notaries}
        self._keys = keys
        self._epoch = epoch
        self._failing: set[ParticipantId] = set()
        """Members that did not sign what they had offered, the last time that they were asked to; they go last."""

    async def attest(self, question: Question, verifier: EndpointId, refs: Sequence[TransferRef]) -> Attested:
        """Get as many of the transfers signed as t members agree on; never raises for what a member does.

        *refs* must all have *verifier* as the end of their lanes that the question's statements go to. A member that
        is silent, wavers or cheats is routed around: what it offered no longer counts for that list, and the list is
        formed anew from what the others agree on, at most n - t + 1 times for each item while t are honest (R-15).
        """
        verdicts = await self._review(question, refs)
        signed: list[Signed] = []
        holds = {ref.transfer_id: self._hold(ref.transfer_id, verdicts) for ref in refs}
        for _ in range(len(self._notaries) * len(refs) + 1):  # each failure takes an offer away
            groups = self._groups([ref for ref in refs if ref.transfer_id in holds], verdicts)
            if not groups:
                break
            for group in groups:
                ids = {item.ref.transfer_id for item in group.items}
                try:
                    signed.append(await self._sign(verifier, group))
                except _FailedSessionError as error:
                    log.warning("session.failed", signers=sorted(error.failed), error=str(error))
                    self._failing |= error.failed.keys()
                    verdicts = _without(verdicts, error.failed, ids)
                    holds |= dict.fromkeys(ids, Hold(reason=Reason.NONE, note=str(error)))
                else:
                    holds = {i: hold for i, hold in holds.items() if i not in ids}
        return Attested(signed=tuple(signed), holds=holds)

    async def _review(
        self, question: Question, refs: Sequence[TransferRef]
    ) -> dict[ParticipantId, dict[TransferId, Verdict]]:
        async def review(notary: Notary) -> dict[TransferId, Verdict]:
            return {verdict.transfer_id: verdict for verdict in await notary.review(question, refs)}

        def suffices(verdicts: Mapping[ParticipantId, Mapping[TransferId, Verdict]]) -> bool:
            trusted = {member: of for member, of in verdicts.items() if member not in self._failing}
            return sum(len(group.items) for group in self._groups(refs, trusted)) == len(refs)

        answers = await _gather(self._notaries, review, suffices)
        for notary, answer in answers.items():
            if isinstance(answer, BridgeError):
                log.warning("notary.silent", notary=notary, error=str(answer))
        return _good(answers)

    def _groups(
        self, refs: Sequence[TransferRef], verdicts: Mapping[ParticipantId, Mapping[TransferId, Verdict]]
    ) -> list[_Group]:
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
        self, kind: Kind, transfer_id: TransferId, verdicts: Mapping[ParticipantId, Mapping[TransferId, Verdict]]
    ) -> tuple[Offer, frozenset[ParticipantId]] | None:
        """Choose the offer of this kind that t members make; among several the one that is named first most often."""
        supporters: dict[Offer, set[ParticipantId]] = {}
        for notary, of_notary in verdicts.items():
            for offer in of_notary[transfer_id].offers if transfer_id in of_notary else ():
                if offer.kind is kind:
                    supporters.setdefault(offer, set()).add(notary)
        for offer, members in supporters.items():
            if len(members) >= self._keys.threshold:
                return offer, frozenset(members)
        return None

    def _partition(self, kind: Kind, open_items: list[tuple[SignItem, frozenset[ParticipantId]]]) -> list[_Group]:
        """List first what the t members with most approvals all approve; the rest forms the next list (R-15)."""
        groups = []
        while open_items:
            popularity = Counter(member for _, members in open_items for member in sorted(members))
            top = frozenset(member for member, _ in popularity.most_common(self._keys.threshold))
            agreed = [entry for entry in open_items if top <= entry[1]] or open_items[:1]
            supporters = frozenset.intersection(*(members for _, members in agreed))
            groups.append(_Group(kind=kind, items=tuple(item for item, _ in agreed), supporters=supporters))
            open_items = [entry for entry in open_items if entry not in agreed]
        return groups

    async def _sign(self, verifier: EndpointId, group: _Group) -> Signed:
        """Run one session with t of those that would sign; those that failed before go last (R-15).

        Raises:
            _FailedSessionError: some of them did not sign.
        """
        items = tuple(Item(transfer_id=item.ref.transfer_id, code=item.code) for item in group.items)
        statement = Statement(kind=group.kind, verifier=verifier, epoch=self._epoch, items=items)
        signers = sorted(group.supporters, key=lambda m: (m in self._failing, m))[: self._keys.threshold]
        commitments = _all(await self._ask(signers, lambda notary: notary.commit()))
        shares = _all(await self._shares(statement, group, commitments))
        signed = self._aggregate(statement, commitments, shares)
        self._failing -= set(signers)
        return signed

    async def _shares(
        self, statement: Statement, group: _Group, commitments: Mapping[ParticipantId, Commitment]
    ) -> dict[ParticipantId, SignatureShare | BridgeError]:
        listed = tuple(commitments[notary].commitments for notary in sorted(commitments))

        def request(notary: Notary) -> Awaitable[SignatureShare]:
            return notary.sign(
                SignRequest(
                    kind=statement.kind,
                    verifier=statement.verifier,
                    epoch=statement.epoch,
                    items=group.items,
                    handle=commitments[notary.id].handle,
                    commitments=listed,
                )
            )

        return await self._ask(sorted(commitments), request)

    def _aggregate(
        self,
        statement: Statement,
        commitments: Mapping[ParticipantId, Commitment],
        shares: Mapping[ParticipantId, SignatureShare],
    ) -> Signed:
        listed = [commitments[notary].commitments for notary in sorted(commitments)]
        try:
            signature = aggregate(self._keys, statement.digest, listed, shares)
        except InvalidShareError as error:
            raise _FailedSessionError(dict.fromkeys(error.culprits, error)) from error
        attestation = Attestation(statement=statement, group_key=self._keys.group_public_key, signature=signature)
        return Signed(attestation=attestation, signers=tuple(sorted(shares)))

    async def _ask(
        self, members: Iterable[ParticipantId], question: Callable[[Notary], Awaitable[T]]
    ) -> dict[ParticipantId, T | BridgeError]:
        return await _gather({member: self._notaries[member] for member in members}, question)

    def _hold(self, transfer_id: TransferId, verdicts: Mapping[ParticipantId, Mapping[TransferId, Verdict]]) -> Hold:
        answering = len(verdicts)
        if answering < self._keys.threshold:
            note = f"{answering} of {len(self._notaries)} notaries answer, {self._keys.threshold} must"
            return Hold(reason=Reason.NONE, note=note)
        reasons = Counter(v[transfer_id].waiting_for for v in verdicts.values())
        notes = Counter(v[transfer_id].note for v in verdicts.values() if v[transfer_id].note)
        reason = max(reasons, key=lambda r: (r is not Reason.NONE, reasons[r]))
        return Hold(reason=reason, note=notes.most_common(1)[0][0] if notes else "the notaries do not agree yet")


async def _gather(
    notaries: Mapping[ParticipantId, Notary],
    question: Callable[[Notary], Awaitable[T]],
    suffices: Callable[[Mapping[ParticipantId, T]], bool] = lambda _: False,
) -> dict[ParticipantId, T | BridgeError]:
    """Ask all side by side. Once the answers suffice, the others get a short while more and then count as silent.

    Until then every one is waited for, up to its own time-out: a slow honest member may be the one that is needed.
    """

    async def ask(notary: Notary) -> T | BridgeError:
        try:
            return await question(notary)
        except BridgeError as error:
            return error

    answers: dict[ParticipantId, T | BridgeError] = {}
    async with asyncio.TaskGroup() as tasks:
        asked = {tasks.create_task(ask(notary)): member for member, notary in notaries.items()}
        pending = set(asked)
        while pending:
            enough = suffices(_good(answers))
            when = asyncio.ALL_COMPLETED if enough else asyncio.FIRST_COMPLETED
            done, pending = await asyncio.wait(pending, timeout=GRACE_S if enough else None, return_when=when)
            answers |= {asked[task]: task.result() for task in done}
            if enough:
                break
        for task in pending:
            task.cancel()
            answers[asked[task]] = UnavailableError(f"notary {asked[task]} has not answered while enough others had")
    return {member: answers[member] for member in notaries}


def _good(answers: Mapping[ParticipantId, T | BridgeError]) -> dict[ParticipantId, T]:
    return {member: answer for member, answer in answers.items() if not isinstance(answer, BridgeError)}


def _all(answers: Mapping[ParticipantId, T | BridgeError]) -> dict[ParticipantId, T]:
    """Give every member's answer.

    Raises:
        _FailedSessionError: some gave none.
    """
    failed = {member: answer for member, answer in answers.items() if isinstance(answer, BridgeError)}
    if failed:
        raise _FailedSessionError(failed)
    return _good(answers)


def _without(
    verdicts: Mapping[ParticipantId, Mapping[TransferId, Verdict]],
    failed: Mapping[ParticipantId, BridgeError],
    ids: Collection[TransferId],
) -> dict[ParticipantId, dict[TransferId, Verdict]]:
    """Leave out what those that *failed* said of the item that they named, else of all *ids* (R-15)."""
    left = {}
    for member, of_member in verdicts.items():
        match failed.get(member):
            case None:
                gone: Collection[TransferId] = ()
            case NotApprovedError(transfer_id=transfer_id) if transfer_id in ids:
                gone = (transfer_id,)
            case _:
                gone = ids
        left[member] = {i: verdict for i, verdict in of_member.items() if i not in gone}
    return left
