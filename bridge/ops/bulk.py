"""Many moves from one file: looked at whole, then locked list by list, each on record before it is sent.

The ledger is the truth of what is locked: every run first asks it about the nonces on record. A row is locked once
only, because its nonce is (R-02), wherever a run was cut off.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.holder import EvmHolder, LockRequest, LockTerms
from bridge.adapters.evm.locking import LIST_MAX, NONCE_USED, Locked, LockList, LockResult
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.system import system_entropy
from bridge.config import LedgerConfig
from bridge.core.caip import Account, AssetId
from bridge.core.known_refusals import BUILT_IN
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.core.records import BlockStamp
from bridge.core.refusals import Refusals
from bridge.core.transfer import Lane
from bridge.errors import InvalidInputError, LedgerRefusedError, RefusedError, RevertedError, UncertainError
from bridge.ops.client import format_amount
from bridge.ops.moves import FileProblemsError, Row
from bridge.ops.nodes import node_of
from bridge.ops.results import Journal, Result, State, by_this_run
from bridge.ops.send import Move, draft_of, lane_objection, refusal_text
from bridge.ports.ledger import LedgerReader
from bridge.ports.runtime import Entropy

ASKED_AT_ONCE: Final = 8
Told = Callable[[int, int], None]
"""Told how many rows are done, of how many."""


class Holder(Protocol):
    """What a run needs of the holder's side; `EvmHolder` has it."""

    @property
    def account(self) -> Account:
        """The holder."""
        ...

    async def latest(self) -> BlockStamp:
        """Give the node's newest block."""
        ...

    async def balance(self, asset: AssetId) -> int:
        """Tell the holder's balance in smallest units."""
        ...

    async def used(self, nonces: Iterable[int]) -> set[int]:
        """Tell which of *nonces* the gateway would not take any more."""
        ...

    async def cancelled(self, nonces: Iterable[int], since: int) -> set[int]:
        """Tell which of *nonces* the holder has cancelled."""
        ...

    async def find(self, lanes: Iterable[Lane], references: Iterable[bytes], since: int) -> dict[bytes, Locked]:
        """Find the holder's locks by client reference."""
        ...

    async def allow(self, amounts: Mapping[AssetId, int]) -> None:
        """Let the gateway move so much, where it needs to be told ahead."""
        ...

    async def prepare(self, requests: Sequence[LockRequest]) -> LockList[LockRequest]:
        """Sign a transaction with some of *requests*."""
        ...

    async def send(self, prepared: LockList[LockRequest]) -> list[LockResult]:
        """Submit it and wait."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What both sides say of the rows ahead: by line what would be refused, and what would wait."""

    refusals: Mapping[int, str]
    whole: Sequence[str]
    """Of the file as such."""
    notes: Sequence[str]


Preflight = Callable[[Sequence[Row]], Awaitable[Findings]]


class Bulk:
    """One run over one file."""

    def __init__(
        self, rows: Sequence[Row], holder: Holder, journal: Journal, entropy: Entropy, refusals: Refusals = BUILT_IN
    ) -> None:
        """Lock *rows* for *holder*, on record in *journal*; *refusals* tells what tokens' errors mean."""
        self._refusals = refusals
        self._rows = {row.reference: row for row in rows}
        self._holder = holder
        self._journal = journal
        self._entropy = entropy
        self._results: dict[str, Result] = {}
        self._unseen: set[str] = set()

    @property
    def results(self) -> tuple[Result, ...]:
        """Where each row stands, in the rows' order."""
        return tuple(self._results.values())

    def rows_open(self) -> list[Row]:
        """List what has still to be locked; without what is locked, though its event was not found."""
        open_ = (result.reference for result in self.results if result.is_open)
        return [self._rows[reference] for reference in open_ if reference not in self._unseen]

    async def open(self) -> None:
        """Read the record of earlier runs, and ask the ledger what became of it; sends nothing, writes nothing.

        Raises:
            FileProblemsError: the record is of other moves.
            UnavailableError: the node does not answer.
        """
        head = await self._holder.latest()
        results = self._journal.results(tuple(self._rows.values()), head.height, self._entropy)
        self._results = {result.reference: result for result in results}
        await self._settle(results)

    def leave_out(self, refusals: Mapping[int, str]) -> None:
        """Put on record by line what is not sent because it would be refused; what was sent before may still get in."""
        for row in self.rows_open():
            if row.line in refusals:
                was_sent = self._results[row.reference].state is State.SENT
                self._put(row.reference, State.SENT if was_sent else State.REFUSED, error=refusals[row.line])
        self._journal.write(self.results)

    async def run(self, rows: Sequence[Row], told: Told) -> None:
        """Lock *rows*, list by list; the record is on disk before each list is sent.

        Raises:
            RefusedError: the source refuses a list as a whole; what is not locked is on record.
            UncertainError: a list was submitted, and nobody tells what became of it; it is on record.
            UnavailableError: the node does not answer; nothing is on its way.
        """
        self._journal.write(self.results)
        await self._holder.allow(_sums(row.move for row in rows))
        waiting, done = list(rows), 0
        while waiting:
            told(done, len(rows))
            sent = await self._send(waiting[:LIST_MAX])
            waiting = [row for row in waiting if row.reference not in sent]
            done = len(rows) - len(waiting)
        told(done, len(rows))

    async def _send(self, rows: Sequence[Row]) -> set[str]:
        """Lock the first that fit one transaction; their references."""
        head = await self._holder.latest()
        by_nonce = {self._results[row.reference].nonce: row.reference for row in rows}
        try:
            prepared = await self._holder.prepare([self._request(row, head.time) for row in rows])
        except LedgerRefusedError as error:
            text = f"the source refused a list of {len(rows)} with {error}; none of it was locked"
            raise RefusedError(f"{text} {by_this_run(self.results)}") from error
        references = [by_nonce[request.nonce] for request in prepared.items]
        before = [self._results[reference] for reference in references]
        transaction = "0x" + prepared.transaction.reference.hex()
        for reference in references:
            self._put(reference, State.SENT, transaction=transaction)
        self._journal.write(self.results)
        try:
            results = await self._holder.send(prepared)
        except LedgerRefusedError as error:
            self._all(before, error)
            text = f"transaction {transaction} was refused with {error}; none of it was locked"
            raise RefusedError(f"{text} {by_this_run(self.results)}") from error
        except UncertainError as error:
            raise _still_uncertain(error, len(references)) from error
        for reference, result in zip(references, results, strict=True):
            self._take(reference, result)
        await self._settle([r for r in (self._results[ref] for ref in references) if NONCE_USED in r.error])
        self._journal.write(self.results)
        return set(references)

    async def _settle(self, results: Sequence[Result]) -> None:
        """Ask the ledger about nonces on record: what is used was locked by an earlier run, or cancelled."""
        used = await self._holder.used(result.nonce for result in results)
        spent = [result for result in results if result.nonce in used and result.state is not State.CANCELLED]
        for result in results:
            if result.nonce not in used and result.state is State.LOCKED:  # a block was undone, or this node lags
                self._put(result.reference, State.PLANNED, transfer_id="", sequence="", height="", transaction="")
        unknown = [result for result in spent if result.state is not State.LOCKED]
        if not unknown:
            return
        since = min(result.since for result in unknown)
        lanes = {self._rows[result.reference].move.lane for result in unknown}
        found = await self._holder.find(lanes, (result.client_reference for result in unknown), since)
        lost = [result.nonce for result in unknown if result.client_reference not in found]
        cancelled = await self._holder.cancelled(lost, since) if lost else set()
        for result in unknown:
            if lock := found.get(result.client_reference):
                self._take(result.reference, lock)
            elif result.nonce in cancelled:
                self._put(result.reference, State.CANCELLED, error="the holder cancelled this row's nonce")
            else:
                self._unseen.add(result.reference)
                self._put(
                    result.reference, State.SENT, error="its nonce is used; the node shows no lock yet: run again"
                )

    def _all(self, before: Sequence[Result], error: LedgerRefusedError) -> None:
        for result in before:
            if result.state is State.SENT and not isinstance(error, RevertedError):  # the earlier may get in
                self._put(result.reference, State.SENT, error=str(error), transaction=result.transaction)
            else:
                self._take(result.reference, error)
        self._journal.write(self.results)

    def _take(self, reference: str, result: LockResult) -> None:
        if isinstance(result, LedgerRefusedError):
            self._put(reference, State.REFUSED, error=self._refusals.told(result), transaction="")
            return
        self._put(
            reference,
            State.LOCKED,
            transfer_id="0x" + result.transfer.id.hex(),
            sequence=str(result.transfer.sequence),
            height=str(result.height),
            transaction="0x" + result.reference.hex(),
        )

    def _put(self, reference: str, state: State, **changes: object) -> None:
        values = {"error": "", **changes, "state": state}
        self._results[reference] = replace(self._results[reference], **values)  # type: ignore[arg-type] # fields by name

    def _request(self, row: Row, now: int) -> LockRequest:
        result, move = self._results[row.reference], row.move
        terms = LockTerms(
            destination=move.lane.destination,
            asset=move.lane.asset,
            recipient=move.recipient,
            amount=move.amount,
            deadline=now + move.deadline_in_s,
            client_reference=result.client_reference,
        )
        return LockRequest(terms=terms, nonce=result.nonce)


def _still_uncertain(error: UncertainError, count: int) -> UncertainError:
    return UncertainError(
        error.reference,
        f"{error}; {count} locks were submitted in transaction 0x{error.reference.hex()} and may still get in: "
        "run the same command again, which locks nothing twice",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A file that was read: its rows, where its results go, and whose units it moves."""

    rows: Sequence[Row]
    path: Path
    result: Path
    source: LedgerConfig
    key: str = field(repr=False)
    refusals: Refusals = BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a person wants a run: ask both sides first; leave out what they refuse; send nothing at all."""

    preflight: bool = True
    skip_refused: bool = False
    check_only: bool = False


@asynccontextmanager
async def opened(job: Job) -> AsyncIterator[tuple[Bulk, "BothSides"]]:
    """Connect to the ledgers of a job and read its record.

    Raises:
        ConfigError: a node is of another chain.
        FileProblemsError, UnavailableError: as `Bulk.open`.
    """
    ledgers = {row.move.destination.ledger: row.move.destination for row in job.rows}
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(node_of(job.source))
        source = EvmReader(node, job.source.endpoint)
        destinations = {
            caip2: EvmReader(await stack.enter_async_context(node_of(ledger)), ledger.endpoint)
            for caip2, ledger in ledgers.items()
        }
        holder = EvmHolder(EvmAccount(node, job.key), source)
        run = Bulk(job.rows, holder, Journal(job.result, holder.account), system_entropy, job.refusals)
        await run.open()
        yield run, BothSides(holder, source, destinations)


async def carry_out(
    run: Bulk, ask: Preflight, path: Path, wishes: Wishes, *, told: Told, noted: Callable[[str], None]
) -> None:
    """Do what is left of a run of the file at *path*.

    Raises:
        FileProblemsError: rows would be refused; nothing was locked by this run.
        RefusedError, UncertainError, UnavailableError: as `Bulk.run`.
    """
    rows = run.rows_open()
    if wishes.preflight and rows:
        findings = await ask(rows)
        for note in findings.notes:
            noted(note)
        problems = [f"line {line}: {text}" for line, text in sorted(findings.refusals.items())]
        if findings.whole or (problems and not wishes.skip_refused):
            raise FileProblemsError(path, [*problems, *findings.whole], by_this_run(run.results))
        rows = [row for row in rows if row.line not in findings.refusals]
        if problems and not wishes.check_only:
            run.leave_out(findings.refusals)
    if not wishes.check_only:
        await run.run(rows, told)


class BothSides:
    """Asks both sides about rows before the first of them is locked."""

    def __init__(self, holder: Holder, source: LedgerReader, destinations: Mapping[str, LedgerReader]) -> None:
        """Ask *source*, and each of *destinations*, by CAIP-2."""
        self._holder = holder
        self._source = source
        self._destinations = destinations

    async def __call__(self, rows: Sequence[Row]) -> Findings:
        """Look at lanes, limits and balance, and whether each destination would take each row."""
        refusals = await self._lanes(rows)
        left = [row for row in rows if row.line not in refusals]
        reasons = await self._reasons(left)
        waiting: Counter[Reason] = Counter()
        for row, reason in zip(left, reasons, strict=True):
            if reason.transient:
                waiting[reason] += 1
            elif reason is not Reason.NONE:
                refusals[row.line] = refusal_text(row.move.destination, reason)
        notes = [
            f"{count} rows would wait ({reason.name}): {EXPLANATIONS[reason].english}"
            for reason, count in waiting.items()
        ]
        return Findings(
            refusals=refusals,
            whole=await self._short([row.move for row in rows if row.line not in refusals]),
            notes=notes,
        )

    async def _lanes(self, rows: Sequence[Row]) -> dict[int, str]:
        head = await self._source.head()
        lanes = {lane.id: lane for lane in (row.move.lane for row in rows)}
        views = {lane_id: await self._source.lane(lane, head) for lane_id, lane in lanes.items()}
        objections = {row.line: lane_objection(row.move, views[row.move.lane.id]) for row in rows}
        return {line: text for line, text in objections.items() if text}

    async def _reasons(self, rows: Sequence[Row]) -> list[Reason]:
        heads = {ledger: await reader.head() for ledger, reader in self._destinations.items()}
        now, gate = (await self._holder.latest()).time, asyncio.Semaphore(ASKED_AT_ONCE)

        async def reason(move: Move) -> Reason:
            async with gate:
                where, draft = move.destination.ledger, draft_of(move, self._holder.account, now)
                return await self._destinations[where].eligibility(draft, heads[where])

        try:
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(reason(row.move)) for row in rows]
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        return [task.result() for task in asked]

    async def _short(self, moves: Sequence[Move]) -> list[str]:
        """Compare what the file moves with what the holder has."""
        problems = []
        assets = {move.asset.id: move.asset for move in moves}
        for asset_id, wanted in _sums(moves).items():
            asset = assets[asset_id]
            try:
                has = await self._holder.balance(asset_id)
            except InvalidInputError as error:
                problems.append(str(error))
                continue
            if has < wanted:
                has_text, wanted_text = (format_amount(a, asset.decimals) for a in (has, wanted))
                problems.append(f"the holder has {has_text} {asset.name} there; the rows ahead move {wanted_text}")
        return problems


def _sums(moves: Iterable[Move]) -> Counter[AssetId]:
    sums: Counter[AssetId] = Counter()
    for move in moves:
        sums[move.asset.id] += move.amount
    return sums
