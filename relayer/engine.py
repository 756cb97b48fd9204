"""One lane's loop: look at both records, ask PLAN, store the intent, act, repeat. That is also the recovery path."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import HOLES, Destination, Overlay, Source, Step, plan, status
from bridge.core.refusals import as_note
from bridge.core.statements import Kind
from bridge.core.transfer import Lane, Transfer, TransferId
from bridge.errors import BridgeError, ConflictError, RefusedError, UnavailableError
from bridge.ports.committee import Question, TransferRef
from bridge.ports.ledger import Payout, Submission
from bridge.ports.runtime import Clock
from bridge.ports.store import TimelineEntry, TransferRecord, TransferStore
from bridge.telemetry import crash_text
from relayer.coordinator import Coordinator, Hold, Signed
from relayer.submitter import Submitted, Submitter
from relayer.watcher import Watcher, was_submitted

BATCH_LEN_MAX: Final = 40
"""Transfers in one statement and one transaction; bounded by a block's gas."""
RECONCILE_S: Final = 60.0
BACKOFF_S: Final = (1.0, 30.0)
"""First and longest wait before the same step of a transfer is tried again (R-53)."""
log = structlog.get_logger()
_ACTIONS: Final = {Kind.LOCKED: "settle", Kind.REFUSED: "refuse", Kind.OUTCOME: "finish"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Retry:
    step: Step
    due_at: float
    wait_s: float


class LaneEngine:
    """Drives every transfer of one lane to its end."""

    def __init__(
        self,
        lane: Lane,
        watcher: Watcher,
        coordinator: Coordinator,
        submitters: Mapping[EndpointId, Submitter],
        transfers: TransferStore,
        clock: Clock,
    ) -> None:
        """Work on *lane*; *submitters* by gateway."""
        self._lane = lane
        self._watcher = watcher
        self._coordinator = coordinator
        self._submitters = submitters
        self._transfers = transfers
        self._clock = clock
        self._retries: dict[TransferId, _Retry] = {}
        self._broken: dict[TransferId, tuple[Source, Destination]] = {}
        self._reconcile_at = 0.0

    async def run(self, stopping: asyncio.Event, poll_s: float) -> None:
        """Step until *stopping* is set; what fails is logged and tried again, and nothing is lost by it."""
        while not stopping.is_set():
            try:
                await self.step()
            except BridgeError as error:
                log.warning("lane.step_failed", lane=self._lane.id.hex(), error=str(error))
            except Exception as error:  # noqa: BLE001 - the task's boundary: a surprise must not end the other lanes
                log.error("lane.step_crashed", lane=self._lane.id.hex(), error=crash_text(error))  # noqa: TRY400 - no such key
            await self._clock.sleep(poll_s)

    async def step(self) -> None:
        """Look at both ledgers once and do what PLAN says, deciding and finishing side by side.

        Raises:
            ExceptionGroup: what nobody foresaw in a stage; the other stages have ended by themselves.
        """
        heads = await self._watcher.heads()
        now = self._clock.now()
        await self._watcher.discover(heads, again=now >= self._reconcile_at)
        if now >= self._reconcile_at:
            self._reconcile_at = now + RECONCILE_S
        due: dict[Step, list[TransferRecord]] = {}
        records = await self._watcher.refresh(heads)
        self._retries = {record.id: self._retries[record.id] for record in records if record.id in self._retries}
        self._alarm(records)
        for record in records:
            step = plan(record.source, record.destination)
            is_hole = (record.source, record.destination) in HOLES
            if self._broken and step in (Step.DECIDE, Step.BROKEN) and not is_hole:
                continue
            if record.is_open and self._is_due(record, step, now):
                due.setdefault(step, []).append(record)
        work = (
            self._attest(Question.DECISION, due.get(Step.DECIDE, []) + due.get(Step.BROKEN, [])),
            self._attest(Question.OUTCOME, due.get(Step.COMMIT, []) + due.get(Step.RELEASE, [])),
            self._pay(due.get(Step.DONE, [])),
        )
        async with asyncio.TaskGroup() as tasks:
            stages = [tasks.create_task(self._guarded(stage)) for stage in work]
        if surprises := [error for stage in stages if (error := stage.result())]:
            raise ExceptionGroup("stages", surprises)

    def _alarm(self, records: Sequence[TransferRecord]) -> None:
        """Note what contradicts itself, which stops the lane for new decisions; tell each change of it once."""
        told = self._broken
        broken = [record for record in records if plan(record.source, record.destination) is Step.BROKEN]
        self._broken = {record.id: (record.source, record.destination) for record in broken}
        for record in broken:
            if told.get(record.id) != self._broken[record.id]:
                log.error(
                    "atomicity.violated",
                    transfer_id=record.id.hex(),
                    lane=self._lane.id.hex(),
                    status=record.status,
                    error=f"source {record.source} contradicts destination {record.destination}: "
                    "nothing new is decided on this lane",
                )

    async def _guarded(self, work: Awaitable[None]) -> Exception | None:
        """Keep one stage's failure from cancelling its neighbours; hand back what nobody foresaw."""
        try:
            await work
        except BridgeError as error:
            log.warning("stage.failed", lane=self._lane.id.hex(), error=str(error))
        except Exception as error:  # noqa: BLE001 - raised by `step`, once the neighbours have ended
            return error
        return None

    async def _attest(self, question: Question, records: Sequence[TransferRecord]) -> None:
        verifier = self._lane.destination if question is Question.DECISION else self._lane.source
        for start in range(0, len(records), BATCH_LEN_MAX):
            batch = {record.id: record for record in records[start : start + BATCH_LEN_MAX]}
            attested = await self._coordinator.attest(question, verifier, [_ref(r.transfer) for r in batch.values()])
            for transfer_id, hold in attested.holds.items():
                await self._hold(batch[transfer_id], hold)
            for signed in attested.signed:
                await self._submit(verifier, signed, batch)

    async def _submit(self, verifier: EndpointId, signed: Signed, batch: Mapping[TransferId, TransferRecord]) -> None:
        statement = signed.attestation.statement
        records = [batch[item.transfer_id] for item in statement.items]
        action = _ACTIONS[statement.kind]
        call = Submission(attestation=signed.attestation, tried=tuple(record.transfer for record in records))
        entry = TimelineEntry(event=f"{action} signed", at=self._clock.now(), signers=signed.signers)
        noted = [await self._put(replace(r, timeline=(*r.timeline, entry))) for r in records]
        try:
            submitted = await self._submitters[verifier].submit(call, action, tuple(r.id for r in noted))
        except (RefusedError, UnavailableError) as error:
            for record in noted:
                await self._hold(record, Hold(reason=Reason.NONE, note=f"{action} was not done: {error}"))
            return
        receipt = submitted.receipt
        failures, releases, errors = dict(receipt.failures), dict(receipt.releases), dict(receipt.errors)
        for record in noted:
            sent = await self._sent(record, action, submitted)
            if record.id in releases:
                note = f"a large amount: the destination mints it from {releases[record.id]} (unix seconds) on"
                await self._hold(sent, Hold(reason=failures[record.id], note=note), until=releases[record.id])
            elif record.id in failures:
                note = f"the destination did not mint: {as_note(errors.get(record.id, b''))}"
                await self._hold(sent, Hold(reason=failures[record.id], note=note))
            else:
                self._wait(sent)
            log.info(
                "transfer.submitted",
                transfer_id=record.id.hex(),
                step=action,
                height=receipt.stamp.height,
                signers=list(signed.signers),
            )

    async def _pay(self, records: Sequence[TransferRecord]) -> None:
        """Try again what a token refused at finish (R-31)."""
        for record in records:
            submitter = self._submitters[self._lane.source]
            try:
                submitted = await submitter.submit(Payout(transfer=record.transfer), "payout", (record.id,))
            except RefusedError as error:
                self._wait(record)
                log.info("payout.refused", transfer_id=record.id.hex(), error=str(error))
            except UnavailableError as error:
                self._wait(record)
                log.warning("payout.failed", transfer_id=record.id.hex(), error=str(error))
            else:
                await self._sent(record, "payout", submitted)
                self._wait(record)

    async def _hold(self, record: TransferRecord, hold: Hold, *, until: float = 0) -> None:
        """Say why it waits; nothing can come of it before *until* (unix seconds)."""
        self._wait(record, until=until)
        overlay = Overlay.HELD if hold.reason is not Reason.NONE else record.overlay
        if (record.overlay, record.reason, record.note) == (overlay, hold.reason, hold.note):
            return
        entry = TimelineEntry(event="held", at=self._clock.now(), note=_told(hold))
        await self._put(
            replace(
                record,
                overlay=overlay,
                reason=hold.reason,
                note=hold.note,
                timeline=(*record.timeline, entry),
            )
        )

    def _wait(self, record: TransferRecord, *, until: float = 0) -> None:
        """Let the same step wait: it failed (R-53) or is not final yet. Longer each time, but not past the deadline."""
        step, now = plan(record.source, record.destination), self._clock.now()
        earlier = self._retries.get(record.id)
        wait_s = min(BACKOFF_S[1], earlier.wait_s * 2) if earlier and earlier.step is step else BACKOFF_S[0]
        due_at = max(now + wait_s, until)
        if step is Step.DECIDE and now < record.transfer.deadline < due_at:
            due_at, wait_s = record.transfer.deadline, BACKOFF_S[0]
        self._retries[record.id] = _Retry(step=step, due_at=due_at, wait_s=wait_s)

    async def _sent(self, record: TransferRecord, action: str, submitted: Submitted) -> TransferRecord:
        entry = TimelineEntry(
            event=f"{action} sent",
            at=self._clock.now(),
            ledger=submitted.ledger,
            height=submitted.receipt.stamp.height,
            reference="0x" + submitted.reference.hex(),
        )
        sent = replace(record, timeline=(*record.timeline, entry))
        shown = status(sent.source, sent.destination, final=True, submitted=was_submitted(sent))
        return await self._put(replace(sent, status=shown))

    async def _put(self, record: TransferRecord) -> TransferRecord:
        """Write; where another relayer was faster, its view stands and the ledgers are looked at again."""
        try:
            return await self._transfers.put(record)
        except ConflictError:
            return await self._transfers.get(record.id) or record

    def _is_due(self, record: TransferRecord, step: Step, now: float) -> bool:
        retry = self._retries.get(record.id)
        return retry is None or retry.step is not step or now >= retry.due_at


def _ref(transfer: Transfer) -> TransferRef:
    return TransferRef(lane=transfer.lane, sequence=transfer.sequence, transfer_id=transfer.id)


def _told(hold: Hold) -> str:
    return ": ".join(text for text in ("" if hold.reason is Reason.NONE else hold.reason.name, hold.note) if text)
