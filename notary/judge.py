"""Gathers the facts of transfers that a coordinator names, and has them judged (R-10, R-12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp
from bridge.core.spans import spans
from bridge.core.transfer import Lane, TransferId
from bridge.errors import UnavailableError
from bridge.ports.committee import Question, TransferRef, Verdict
from bridge.ports.ledger import LedgerReader, Lock
from bridge.ports.runtime import Clock
from notary.approval import Facts, decision_verdict, destination_time, outcome_verdict, waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEyes:
    """One ledger as this notary sees it."""

    reader: LedgerReader
    margin_s: int
    """R-30's margin of this ledger as destination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict with the facts that a vote needs; None where the lock was not found final."""

    ref: TransferRef
    verdict: Verdict
    expired: bool


class Judge:
    """Judges transfers by this notary's own eyes only."""

    def __init__(self, ledgers: Mapping[EndpointId, LedgerEyes], clock: Clock, *, idle_allowance_s: float) -> None:
        """Know *ledgers* by their gateways' EndpointIds."""
        self._ledgers = ledgers
        self._clock = clock
        self._idle_allowance_s = idle_allowance_s

    async def judge(self, question: Question, refs: Sequence[TransferRef]) -> list[Judged]:
        """Judge each transfer, in order; what can't be read is waited for, never refused."""
        judged: dict[TransferId, Judged] = {}
        for lane in dict.fromkeys(ref.lane for ref in refs):
            of_lane = [ref for ref in refs if ref.lane == lane]
            try:
                judged |= await self._judge_lane(question, lane, of_lane)
            except UnavailableError as error:
                judged |= {ref.transfer_id: _wait(ref, Reason.LEDGER_UNREACHABLE, str(error)) for ref in of_lane}
        return [judged[ref.transfer_id] for ref in refs]

    async def _judge_lane(
        self, question: Question, lane: Lane, refs: Sequence[TransferRef]
    ) -> dict[TransferId, Judged]:
        source, destination = self._ledgers.get(lane.source), self._ledgers.get(lane.destination)
        if source is None or destination is None:
            note = "this notary is not configured for a ledger of this lane"
            return {ref.transfer_id: _wait(ref, Reason.LEDGER_UNREACHABLE, note) for ref in refs}
        locks = await self._locks(source.reader, lane, [ref.sequence for ref in refs])
        head = await destination.reader.head()
        judged = {}
        for ref in refs:
            lock = locks.get(ref.sequence)
            if lock is None or lock.transfer.id != ref.transfer_id:
                judged[ref.transfer_id] = _wait(ref, Reason.NONE, "its lock is not final, or not there")
            else:
                judged[ref.transfer_id] = await self._judge_lock(question, ref, lock, destination, head)
        return judged

    async def _judge_lock(
        self, question: Question, ref: TransferRef, lock: Lock, destination: LedgerEyes, head: BlockStamp
    ) -> Judged:
        decision = (await destination.reader.decisions([lock.transfer], head))[0]
        asks_eligibility = question is Question.DECISION and decision is None
        eligibility = await destination.reader.eligibility(lock.transfer, head) if asks_eligibility else Reason.NONE
        facts = Facts(lock=lock, destination_head=head, decision=decision, eligibility=eligibility)
        time = destination_time(head, self._clock.now(), self._idle_allowance_s)
        if question is Question.DECISION:
            verdict = decision_verdict(facts, time=time)
        else:
            verdict = outcome_verdict(facts, margin_s=destination.margin_s)
        return Judged(ref=ref, verdict=verdict, expired=time >= lock.transfer.deadline)

    async def _locks(self, reader: LedgerReader, lane: Lane, sequences: Sequence[int]) -> dict[int, Lock]:
        head = await reader.head()
        locks: dict[int, Lock] = {}
        for span in spans(sequences):
            found = await reader.locks(lane, span.first, span.count, head)
            locks |= {lock.transfer.sequence: lock for lock in found}
        return locks

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


def _wait(ref: TransferRef, reason: Reason, note: str) -> Judged:
    return Judged(ref=ref, verdict=waiting(ref.transfer_id, reason, note), expired=False)
