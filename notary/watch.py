"""Follows one ledger in the background: fills the store ahead of being asked, pins checkpoints, names bad nodes.

Law: nothing here decides what is signed. Without it a notary signs the same, later. Memory stays flat: what was
followed is in the store, and only places in it are kept here.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from bridge.core.records import BlockStamp
from bridge.core.transfer import Lane
from bridge.errors import BridgeError, UnavailableError
from bridge.ports.facts import Checkpoint, CheckpointStore, EndpointRetiredError, FactConflictError, FactStore, LockFact
from bridge.ports.runtime import Clock
from bridge.telemetry import crash_text
from notary.observed import ObservedReader
from notary.observer import AgreedReader

PAGE_LEN: Final = 200
"""Sequences that are read and stored in one go."""
PAGES_MAX: Final = 20
"""Of one lane in one step, so that no lane holds up another."""
PIN_BLOCKS: Final = 1_000
BACKOFF_MAX_S: Final = 60.0
Alarm = Callable[[str], None]
log = structlog.get_logger()


@dataclass(slots=True)
class _Undecided:
    """Where to look for decisions next: before *first* all are decided, up to *next* they were looked at this round."""

    first: int = 1
    next: int = 1
    whole: bool = True
    """All that was looked at in this round, from *first* on, is decided."""


class LedgerWatch:
    """One ledger's follower."""

    def __init__(
        self,
        agreed: AgreedReader,
        facts: FactStore,
        checkpoints: CheckpointStore,
        clock: Clock,
        alarm: Alarm,
        *,
        pin_blocks: int = PIN_BLOCKS,
    ) -> None:
        """Follow *agreed*'s gateway; *alarm* is told what only a person can mend, and should open the breaker."""
        self._agreed = agreed
        self._observed = ObservedReader(agreed, facts, checkpoints)
        self._facts = facts
        self._checkpoints = checkpoints
        self._clock = clock
        self._alarm = alarm
        self._pin_blocks = pin_blocks
        self._undecided: dict[Lane, _Undecided] = {}
        self._told: dict[str, str] = {}
        self._last: BlockStamp | None = None

    @property
    def endpoint_id(self) -> bytes:
        """Whose gateway is followed."""
        return self._agreed.endpoint.id

    async def run(self, stopping: asyncio.Event, poll_s: float) -> None:
        """Follow until *stopping* is set or the endpoint is retired; what fails is tried again, later each time."""
        failures = 0
        while not stopping.is_set():
            try:
                await self.step()
                failures = 0
            except EndpointRetiredError as error:
                self._log_failure("ledger.retired", error)
                return
            except BridgeError as error:
                failures += 1
                self._log_failure("ledger.unobserved", error, failures)
            except Exception as error:  # noqa: BLE001 - the task's boundary: a surprise must not end the other ledgers
                failures += 1
                self._log_failure("watch.crashed", error, failures)
            await self._clock.sleep(min(poll_s * 2**failures, BACKOFF_MAX_S) if failures else poll_s)

    async def step(self) -> None:
        """Look once: the checkpoints, then the head, then what is new on each lane.

        Raises:
            EndpointRetiredError: a checkpoint changed, now or earlier.
            FactConflictError: k nodes contradict what is stored; the alarm has been told.
            UnavailableError: fewer than k nodes agree.
        """
        try:
            await self._check_pins()
            head = await self._observed.head()
            self._pin(head)
            locks = decisions = 0
            for lane in (await self._observed.gateway(head)).lanes:
                if lane.source == self.endpoint_id:
                    locks += await self._follow_locks(lane, head)
                else:
                    decisions += await self._follow_decisions(lane, head)
        except FactConflictError as error:
            self._alarm(str(error))
            raise
        finally:
            self._tell_problems()
        if head != self._last:
            log.info("ledger.observed", ledger=self._ledger, height=head.height, items=locks + decisions)
        self._last = head

    async def _check_pins(self) -> None:
        """Hold the newest pin, whose hash stands for every block before it, against the nodes (R-06)."""
        endpoint = self._agreed.endpoint
        for pin in self._checkpoints.checkpoints(endpoint.id, 1):
            found = await self._agreed.block(pin.height)
            if found.hash != pin.hash:
                why = f"its final block {pin.height} was 0x{pin.hash.hex()}, and is now 0x{found.hash.hex()}"
                self._checkpoints.retire(endpoint.id, why)
                self._alarm(f"endpoint 0x{endpoint.id.hex()} on {endpoint.ledger} is retired: {why}")
        why_retired = self._checkpoints.retired(endpoint.id)
        if why_retired is not None:
            raise EndpointRetiredError(endpoint.id, why_retired)
        await self._check_last()

    async def _check_last(self) -> None:
        """A head seen since the newest pin must not change either: that is finality broken, if not yet a new ledger."""
        if self._last is not None and (found := await self._agreed.block(self._last.height)) != self._last:
            msg = (
                f"{self._ledger}: the final block {self._last.height} was 0x{self._last.hash.hex()}, and is now "
                f"0x{found.hash.hex()}: the ledger was reorganised beneath its finality"
            )
            raise FactConflictError(msg)

    def _pin(self, head: BlockStamp) -> None:
        newest = self._checkpoints.checkpoints(self._agreed.endpoint.id, 1)
        if not newest or head.height >= newest[0].height + self._pin_blocks:
            self._checkpoints.pin(self._agreed.endpoint.id, Checkpoint(height=head.height, hash=head.hash))

    async def _follow_locks(self, lane: Lane, head: BlockStamp) -> int:
        last = (await self._observed.lane(lane, head)).next_sequence - 1
        before = self._facts.known(lane.id)
        for _ in range(PAGES_MAX):
            known = self._facts.known(lane.id)
            if known >= last:
                break
            count = min(PAGE_LEN, last - known)
            locks = await self._agreed.locks(lane, known + 1, count, head)
            if len(locks) != count:
                raise UnavailableError(f"{self._ledger}: {len(locks)} locks where the lane has {count} after {known}")
            self._facts.add_locks([LockFact(transfer=lock.transfer, stamp=lock.stamp) for lock in locks])
        return self._facts.known(lane.id) - before

    async def _follow_decisions(self, lane: Lane, head: BlockStamp) -> int:
        """Look for decisions of the locks that the source's watch has stored, a bounded part of them in each step."""
        place, news = self._undecided.setdefault(lane, _Undecided()), 0
        for _ in range(PAGES_MAX):
            facts = self._facts.locks(lane.id, place.next, PAGE_LEN)
            if not facts:
                break
            news += await self._decide(place, facts, head)
        else:
            return news
        place.next, place.whole = place.first, True
        return news

    async def _decide(self, place: _Undecided, facts: Sequence[LockFact], head: BlockStamp) -> int:
        transfers = [fact.transfer for fact in facts]
        before = self._facts.decisions([transfer.id for transfer in transfers])
        after = await self._observed.decisions(transfers, head)
        place.next = transfers[-1].sequence + 1
        place.whole = place.whole and None not in after
        if place.whole:
            place.first = place.next
        return before.count(None) - after.count(None)

    @property
    def _ledger(self) -> str:
        return self._agreed.endpoint.ledger

    def _tell_problems(self) -> None:
        """Name a node whose health has changed, once for each change."""
        problems = self._agreed.problems
        for name in self._told.keys() - problems.keys():
            log.info("node.recovered", ledger=self._ledger, address=name)
        for name in problems.keys() - self._told.keys():
            log.warning("node.unhealthy", ledger=self._ledger, address=name, error=problems[name])
        self._told = problems

    def _log_failure(self, event: str, error: Exception, attempt: int = 1) -> None:
        text = str(error) if isinstance(error, BridgeError) else crash_text(error)
        log.error(event, ledger=self._ledger, attempt=attempt, error=text)


async def run(watches: Sequence[LedgerWatch], stopping: asyncio.Event, poll_s: float) -> None:
    """Follow every ledger, each in a task of its own, until *stopping* is set."""
    async with asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(watch.run(stopping, poll_s)) for watch in watches]
        await stopping.wait()
        for task in following:
            task.cancel()  # whatever it was about to store is read again
