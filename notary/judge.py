"""Gathers the facts of transfers that a coordinator names, has them judged, and keeps why (R-10, R-11, R-12)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar, cast

import structlog

from bridge.core.caip import AssetId, EndpointId
from bridge.core.policy import Check, Finding, Policy
from bridge.core.rate import Pace
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Step, destination_view, plan, source_view
from bridge.core.spans import spans
from bridge.core.transfer import Lane, TransferId
from bridge.errors import UnavailableError
from bridge.ports.committee import Question, TransferRef, Verdict
from bridge.ports.facts import EndpointRetiredError, FactConflictError
from bridge.ports.ledger import AssetReader, AssetView, LedgerReader, Lock, MintErrors
from bridge.ports.runtime import Clock
from bridge.ports.verdicts import Breakers, KeptVerdict, Place, VerdictLog
from notary.approval import (
    Case,
    Facts,
    Opinion,
    Source,
    breaker_finding,
    decision_opinion,
    examine,
    idle_time,
    outcome_opinion,
    unreadable_finding,
    waiting,
)
from notary.pacing import Pacer

T = TypeVar("T")

MYSELF = "this notary"
ERROR_TIMEOUT_S = 2.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEyes:
    """One ledger as this notary sees it; *assets* reads through the same nodes, by the same agreement."""

    reader: LedgerReader
    assets: AssetReader
    margin_s: int
    """R-30's margin of this ledger as destination."""
    errors: MintErrors | None = None
    """Tells what its tokens say; no verdict hangs on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict with the facts that a vote needs; None where the lock was not found final."""

    ref: TransferRef
    verdict: Verdict
    expired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """A lane's two ends, each at the final head that all reads of this look are at."""

    lane: Lane
    source: LedgerEyes
    destination: LedgerEyes
    source_head: BlockStamp
    destination_head: BlockStamp
    time: int
    """The destination's, by `idle_time`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thought:
    ref: TransferRef
    opinion: Opinion
    expired: bool = False


class Judge:
    """Judges transfers by this notary's own eyes only."""

    def __init__(
        self,
        ledgers: Mapping[EndpointId, LedgerEyes],
        clock: Clock,
        *,
        idle_allowance_s: float,
        policy: Policy,
        verdicts: VerdictLog,
        breakers: Breakers,
    ) -> None:
        """Know *ledgers* by their gateways' EndpointIds; approve by *policy*, and keep why in *verdicts*."""
        self._ledgers = ledgers
        self._clock = clock
        self._idle_allowance_s = idle_allowance_s
        self._policy = policy
        self._verdicts = verdicts
        self._breakers = breakers
        self._pacer = Pacer()
        self._seen: dict[Hashable, tuple[BlockStamp, object]] = {}

    async def judge(self, question: Question, refs: Sequence[TransferRef]) -> list[Judged]:
        """Judge each transfer, in order; what can't be read is waited for, never refused."""
        thoughts: dict[TransferId, _Thought] = {}
        for lane in dict.fromkeys(ref.lane for ref in refs):
            of_lane = [ref for ref in refs if ref.lane == lane]
            try:
                thoughts |= {thought.ref.transfer_id: thought for thought in await self._lane(question, lane, of_lane)}
            except UnavailableError as error:
                wait = (Check.READ, Reason.LEDGER_UNREACHABLE, str(error))
                thoughts |= {
                    ref.transfer_id: _Thought(ref=ref, opinion=waiting(ref.transfer_id, *wait)) for ref in of_lane
                }
        self._keep(question, thoughts.values())
        ordered = [thoughts[ref.transfer_id] for ref in refs]
        return [Judged(ref=t.ref, verdict=t.opinion.verdict, expired=t.expired) for t in ordered]

    async def epoch(self, verifier: EndpointId) -> int:
        """Tell which epoch the verifying gateway's finalised view has as current (R-40).

        Raises:
            UnavailableError: the ledger is not configured, or can't be read.
        """
        reader = self._reader(verifier)
        return (await reader.gateway(await reader.head())).epoch

    async def head(self, endpoint: EndpointId) -> BlockStamp:
        """Give the final head that enough of this notary's nodes agree on.

        Raises:
            UnavailableError: the ledger is not configured, or too few agree.
        """
        return await self._reader(endpoint).head()

    def _reader(self, endpoint: EndpointId) -> LedgerReader:
        if endpoint not in self._ledgers:
            msg = f"this notary is not configured for the gateway 0x{endpoint.hex()}"
            raise UnavailableError(msg)
        return self._ledgers[endpoint].reader

    # --- one lane

    async def _lane(self, question: Question, lane: Lane, refs: Sequence[TransferRef]) -> list[_Thought]:
        view = await self._view(lane)
        locks = await self._locks(view, [ref.sequence for ref in refs])
        named = {ref: locks[ref.sequence] for ref in refs if _is_named(ref, locks.get(ref.sequence))}
        decisions = await self._decisions(view, list(named.values()))
        facts = {
            ref: Facts(lock=lock, destination_head=view.destination_head, decision=decisions[ref.transfer_id])
            for ref, lock in named.items()
        }
        self._look_for_contradictions(lane, facts.values())
        findings: Mapping[TransferId, Sequence[Finding]] = {}
        if question is Question.DECISION:
            undecided = [f.lock for f in facts.values() if f.decision is None and f.lock.ending is Ending.OPEN]
            findings = await self._readable_findings(view, undecided)
        return [self._thought(question, view, ref, facts.get(ref), findings.get(ref.transfer_id, ())) for ref in refs]

    async def _view(self, lane: Lane) -> _View:
        source, destination = self._ledgers.get(lane.source), self._ledgers.get(lane.destination)
        if source is None or destination is None:
            msg = "this notary is not configured for a ledger of this lane"
            raise UnavailableError(msg)
        async with self._watching(lane.source):
            source_head = await source.reader.head()
        async with self._watching(lane.destination):
            destination_head = await destination.reader.head()
        return _View(
            lane=lane,
            source=source,
            destination=destination,
            source_head=source_head,
            destination_head=destination_head,
            time=idle_time(destination_head, self._clock.now(), self._idle_allowance_s),
        )

    def _thought(
        self, question: Question, view: _View, ref: TransferRef, facts: Facts | None, findings: Sequence[Finding]
    ) -> _Thought:
        if facts is None:
            wait = waiting(ref.transfer_id, Check.LOCK, Reason.NONE, "its lock is not final, or not there")
            return _Thought(ref=ref, opinion=wait)
        if question is Question.DECISION:
            opinion = decision_opinion(facts, findings, time=view.time)
        else:
            opinion = outcome_opinion(facts, margin_s=view.destination.margin_s)
        return _Thought(ref=ref, opinion=opinion, expired=view.time >= facts.lock.transfer.deadline)

    async def _locks(self, view: _View, sequences: Sequence[int]) -> dict[int, Lock]:
        locks: dict[int, Lock] = {}
        async with self._watching(view.lane.source):
            for span in spans(sequences):
                found = await view.source.reader.locks(view.lane, span.first, span.count, view.source_head)
                locks |= {lock.transfer.sequence: lock for lock in found}
        return locks

    async def _decisions(self, view: _View, locks: Sequence[Lock]) -> dict[TransferId, Decision | None]:
        if not locks:
            return {}
        transfers = [lock.transfer for lock in locks]
        async with self._watching(view.lane.destination):
            decisions = await view.destination.reader.decisions(transfers, view.destination_head)
        return {transfer.id: decision for transfer, decision in zip(transfers, decisions, strict=True)}

    # --- what stands against open locks

    async def _readable_findings(self, view: _View, locks: Sequence[Lock]) -> dict[TransferId, tuple[Finding, ...]]:
        """Let what can't be examined wait, and no more than that: EXPIRED hangs on none of it (R-12)."""
        try:
            opened = [event for event in self._breakers.opened() if event.place.concerns(view.lane)]
            if opened:
                return dict.fromkeys(_ids(locks), (breaker_finding(opened[0]),))
            return await self._findings(view, locks) if locks else {}
        except UnavailableError as error:
            return dict.fromkeys(_ids(locks), (unreadable_finding(str(error)),))

    async def _findings(self, view: _View, locks: Sequence[Lock]) -> dict[TransferId, tuple[Finding, ...]]:
        source = await self._source(view)
        destination_asset = await self._asset(view.destination, view.lane.asset, view.destination_head)
        allowed = await self._allowed(view, source, locks)
        async with self._watching(view.lane.destination):
            answers = await asyncio.gather(*(self._eligibility(view, lock) for lock in locks))
        findings = {}
        for lock, eligibility in zip(locks, answers, strict=True):
            case = Case(
                lock=lock,
                source=source,
                destination_ledger=view.destination.reader.endpoint.ledger,
                destination_asset=destination_asset,
                eligibility=eligibility,
                error=await self._error(view, lock, eligibility),
                allowed_from=allowed[lock.transfer.sequence],
                now=int(self._clock.now()),
            )
            findings[lock.transfer.id] = examine(self._policy, case)
        self._look_for_a_break(view.lane, findings)
        return findings

    async def _source(self, view: _View) -> Source:
        lane, head, reader = view.lane, view.source_head, view.source.reader
        async with self._watching(lane.source):
            gateway = await self._once(("gateway", lane.source), head, lambda: reader.gateway(head))
            state = await self._once(("source", lane), head, lambda: reader.lane(lane, head))
        asset = await self._asset(view.source, lane.asset, head)
        return Source(
            ledger=reader.endpoint.ledger,
            paused=gateway.paused,
            lane=state,
            asset=asset,
            now=idle_time(head, self._clock.now(), self._idle_allowance_s),
        )

    async def _asset(self, eyes: LedgerEyes, asset: AssetId, head: BlockStamp) -> AssetView:
        endpoint = eyes.reader.endpoint.id
        async with self._watching(endpoint):
            return await self._once(("asset", endpoint, asset), head, lambda: eyes.assets.asset(asset, head))

    async def _allowed(self, view: _View, source: Source, locks: Sequence[Lock]) -> dict[int, int]:
        lane, head = view.lane, view.destination_head
        async with self._watching(lane.destination):
            end = await self._once(("destination", lane), head, lambda: view.destination.reader.lane(lane, head))
        rule = self._policy.rule(lane)
        pace = Pace(
            capacity=end.capacity,
            refill_s=end.refill_s,
            horizon_s=source.lane.deadline_max_s,
            windows=rule.windows if rule else (),
        )
        found = {lock.transfer.sequence: lock for lock in locks}
        async with self._watching(lane.source):
            return await self._pacer.allowed_from(view.source.reader, lane, pace, found, view.source_head)

    async def _eligibility(self, view: _View, lock: Lock) -> Reason:
        return await view.destination.reader.eligibility(lock.transfer, view.destination_head)

    async def _error(self, view: _View, lock: Lock, eligibility: Reason) -> bytes:
        """Ask what stands behind a refusal for good; silence is none."""
        errors = view.destination.errors
        if errors is None or eligibility is Reason.NONE or eligibility.transient:
            return b""
        try:
            async with asyncio.timeout(ERROR_TIMEOUT_S):
                return await errors.mint_error(lock.transfer)
        except (UnavailableError, TimeoutError):
            return b""

    async def _once(self, key: Hashable, at: BlockStamp, read: Callable[[], Awaitable[T]]) -> T:
        """Read what is the same for all transfers once for each head."""
        stamp, value = self._seen.get(key, (None, None))
        if stamp != at:
            value = await read()
            self._seen[key] = (at, value)
        return cast("T", value)

    # --- alarms

    def _look_for_a_break(self, lane: Lane, findings: Mapping[TransferId, Sequence[Finding]]) -> None:
        """R-11: open the breaker of an asset on the ledger that has sent out too much of it."""
        broken = [f for of_one in findings.values() for f in of_one if f.check is Check.ACCOUNT]
        if broken:
            self._alarm(Place(endpoint=lane.source, asset=lane.asset), broken[0].note)

    def _look_for_contradictions(self, lane: Lane, facts: Iterable[Facts]) -> None:
        """PLAN's broken pairs of two records that are both there: atomicity is violated, or nodes lie."""
        for fact in facts:
            if fact.decision is None:
                continue
            source = source_view(fact.lock.ending, locked=True, covered=True)
            destination = destination_view(fact.decision.outcome, covered=True)
            if plan(source, destination) is Step.BROKEN:
                transfer_id = fact.lock.transfer.id.hex()
                why = f"transfer 0x{transfer_id} is {source} at its source and {destination} at its destination"
                for endpoint in (lane.source, lane.destination):
                    self._alarm(Place(endpoint=endpoint, asset=lane.asset), why)

    @asynccontextmanager
    async def _watching(self, endpoint: EndpointId) -> AsyncIterator[None]:
        """Open the endpoint's breaker where its facts contradict themselves, or it is retired (R-06)."""
        try:
            yield
        except (FactConflictError, EndpointRetiredError) as error:
            self._alarm(Place(endpoint=endpoint), str(error))
            raise

    def _alarm(self, place: Place, why: str) -> None:
        with _survived("breaker.not_kept"):
            if any(event.place == place for event in self._breakers.opened()):
                return
            self._breakers.open(place, at=self._clock.now(), why=why, by=MYSELF)
        log.error("breaker.opened", step=str(place), error=why)

    # --- what is kept

    def _keep(self, question: Question, thoughts: Iterable[_Thought]) -> None:
        at = self._clock.now()
        kept = [
            KeptVerdict(
                transfer_id=thought.ref.transfer_id,
                question=question,
                at=at,
                offers=thought.opinion.verdict.offers,
                reason=thought.opinion.verdict.waiting_for,
                check=thought.opinion.check,
                note=thought.opinion.verdict.note,
                until=thought.opinion.until,
            )
            for thought in thoughts
        ]
        with _survived("verdicts.not_kept"):
            self._verdicts.keep(kept)


@contextmanager
def _survived(event: str) -> Iterator[None]:
    """Log that the disk refuses what people only look at; no verdict hangs on it."""
    try:
        yield
    except UnavailableError as error:
        log.error(event, error=str(error))  # noqa: TRY400 - no such key


def _is_named(ref: TransferRef, lock: Lock | None) -> bool:
    return lock is not None and lock.transfer.id == ref.transfer_id


def _ids(locks: Sequence[Lock]) -> list[TransferId]:
    return [lock.transfer.id for lock in locks]
