"""Bulk: each row locks once only, wherever a run is cut off, and the ledger's word counts (R-02)."""

import asyncio
import csv
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
import tomli_w

from bridge.adapters.evm.holder import LockRequest
from bridge.adapters.evm.locking import NONCE_USED, Locked, LockList, LockResult
from bridge.core.caip import Account, AssetId, evm_account
from bridge.core.keccak import keccak
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp
from bridge.core.transfer import Lane, Transfer
from bridge.errors import (
    ConflictError,
    LedgerRefusedError,
    RefusedError,
    RevertedError,
    UnavailableError,
    UncertainError,
)
from bridge.ops.bulk import BothSides, Bulk, Findings, Job, Wishes, carry_out
from bridge.ops.moves import FileProblemsError, Row
from bridge.ops.results import Journal, Result, State, alone, result_path
from bridge.ops.send import Move
from bridge.ports.ledger import PreparedTransaction
from tests.integration.support import Done, naru_here
from tests.unit.ops.test_client import ALICE, BETA, BOB, NAMES
from tests.unit.test_config import client

HOLDER: Final = evm_account(ALICE)
TOWER: Final = NAMES.asset("tower")
PER_LIST: Final = 2
ROWS: Final = 5


class KilledError(BaseException):
    """Kill -9: nothing below may catch it."""


def move(amount: int = 1, **changes: Any) -> Move:  # noqa: ANN401 - fields of any type
    right = Move(
        source=NAMES.ledger("alpha"),
        destination=BETA,
        asset=TOWER,
        recipient=evm_account(BOB),
        amount=amount,
        deadline_in_s=600,
    )
    return replace(right, **changes)


def rows(number: int = ROWS) -> list[Row]:
    return [Row(line=n + 2, reference=f"TRADE-{n}", move=move(n + 1)) for n in range(number)]


@dataclass
class Ledger:
    """What stays when a run dies: locks, nonces, and transactions that no block has yet."""

    locks: list[Locked] = field(default_factory=list)
    nonces: set[int] = field(default_factory=set)
    cancelled: set[int] = field(default_factory=set)
    underway: list[tuple[LockRequest, ...]] = field(default_factory=list)
    blind: bool = False
    """The node shows no events."""
    refused: frozenset[int] = frozenset()
    """Amounts that the token refuses."""
    height: int = 100

    def take(self, requests: Sequence[LockRequest]) -> list[LockResult]:
        self.height += 1
        return [self._lock(request) for request in requests]

    def mine(self) -> None:
        for requests in self.underway:
            self.take(requests)
        self.underway.clear()

    def _lock(self, request: LockRequest) -> LockResult:
        if request.nonce in self.nonces:
            return LedgerRefusedError(NONCE_USED, str(request.nonce))
        terms = request.terms
        if terms.amount in self.refused:
            return LedgerRefusedError("TokenCallFailed", "ERC20InsufficientBalance")
        self.nonces.add(request.nonce)
        transfer = Transfer(
            source=NAMES.ledger("alpha").endpoint.id,
            destination=terms.destination,
            sequence=len(self.locks) + 1,
            asset=terms.asset,
            sender=HOLDER,
            recipient=Account(terms.recipient),
            amount=terms.amount,
            deadline=terms.deadline,
            client_reference=terms.client_reference,
        )
        self.locks.append(Locked(transfer=transfer, height=self.height, reference=bytes([self.height]) * 32))
        return self.locks[-1]


class FakeHolder:
    """The holder's side on a ledger in memory; `step` is called wherever a process can die."""

    account = HOLDER

    def __init__(self, ledger: Ledger, step: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._step = step
        self.allowed: dict[AssetId, int] = {}
        self.has = 10**6

    async def latest(self) -> BlockStamp:
        return BlockStamp(height=self._ledger.height, hash=b"\1" * 32, time=1_700_000_000)

    async def balance(self, asset: AssetId) -> int:  # noqa: ARG002 - as in EvmHolder
        return self.has

    async def used(self, nonces: Iterable[int]) -> set[int]:
        self._step("used")
        return set(nonces) & (self._ledger.nonces | self._ledger.cancelled)

    async def cancelled(self, nonces: Iterable[int], since: int) -> set[int]:  # noqa: ARG002 - as in EvmHolder
        return set(nonces) & self._ledger.cancelled

    async def find(self, lanes: Iterable[Lane], references: Iterable[bytes], since: int) -> dict[bytes, Locked]:
        wanted, ids = set(references), {lane.id for lane in lanes}
        locks = [] if self._ledger.blind else self._ledger.locks
        return {
            lock.transfer.client_reference: lock
            for lock in locks
            if lock.transfer.client_reference in wanted and lock.transfer.lane.id in ids and lock.height >= since
        }

    async def allow(self, amounts: Mapping[AssetId, int]) -> None:
        self._step("allow")
        self.allowed.update(amounts)

    async def prepare(self, requests: Sequence[LockRequest]) -> LockList[LockRequest]:
        self._step("prepare")
        transaction = PreparedTransaction(account=HOLDER, nonce=1, reference=b"\xab" * 32, raw=b"")
        return LockList(items=tuple(requests[:PER_LIST]), transaction=transaction)

    async def send(self, prepared: LockList[LockRequest]) -> list[LockResult]:
        self._step("before submission")
        try:
            self._step("submitted, in no block yet")
        except KilledError:
            self._ledger.underway.append(prepared.items)
            raise
        results = self._ledger.take(prepared.items)
        self._step("in a block, before the answer")
        return results


def entropy() -> Callable[[int], bytes]:
    numbers = count(1)
    return lambda length: next(numbers).to_bytes(length)


def nothing(*_: object) -> None:
    """What nobody looks at."""


def run(
    folder: Path,
    ledger: Ledger,
    step: Callable[[str], None] = nothing,
    *,
    of: Sequence[Row] | None = None,
    told: Callable[[int, int], None] = nothing,
) -> Bulk:
    """Make one run to its end, or to where *step* ends it."""
    bulk = Bulk(of or rows(), FakeHolder(ledger, step), Journal(folder / "moves.result.csv", HOLDER), entropy())

    async def all_of_it() -> None:
        await bulk.open()
        await bulk.run(bulk.rows_open(), told)

    asyncio.run(all_of_it())
    return bulk


def recorded(folder: Path) -> list[dict[str, str]]:
    with (folder / "moves.result.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_each_locked_once(ledger: Ledger, folder: Path, number: int = ROWS) -> None:
    record = recorded(folder)
    assert [row["reference"] for row in record] == [f"TRADE-{n}" for n in range(number)]
    assert {row["state"] for row in record} == {"locked"}
    assert sorted(lock.transfer.amount for lock in ledger.locks) == list(range(1, number + 1))
    by_id = {"0x" + lock.transfer.id.hex(): lock for lock in ledger.locks}
    for n, row in enumerate(record):
        lock = by_id[row["transfer_id"]]
        assert (lock.transfer.amount, str(lock.transfer.sequence)) == (n + 1, row["sequence"])


# --- runs


def test_every_row_is_locked_and_on_record(tmp_path: Path) -> None:
    ledger, seen = Ledger(), list[tuple[int, int]]()
    run(tmp_path, ledger, told=lambda done, total: seen.append((done, total)))
    assert_each_locked_once(ledger, tmp_path)
    assert seen == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert stat.S_IMODE((tmp_path / "moves.result.csv").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["moves.result.csv"]


def test_a_second_run_locks_nothing_r_02(tmp_path: Path) -> None:
    ledger = Ledger()
    run(tmp_path, ledger)
    before = recorded(tmp_path)
    run(tmp_path, ledger)
    assert recorded(tmp_path) == before
    assert_each_locked_once(ledger, tmp_path)


def test_rows_may_be_added_to_a_file(tmp_path: Path) -> None:
    ledger = Ledger()
    run(tmp_path, ledger, of=rows(2))
    run(tmp_path, ledger, of=rows())
    assert_each_locked_once(ledger, tmp_path)
    nonces = [int(row["nonce"], 16) for row in recorded(tmp_path)]
    assert nonces == list(range(nonces[0], nonces[0] + ROWS))


def test_the_ledger_sees_a_salted_hash_of_the_reference_only(tmp_path: Path) -> None:
    """Section 1: keccak256(32 random bytes ‖ data), the random bytes kept off ledger."""
    ledger = Ledger()
    run(tmp_path, ledger)
    for row, lock in zip(recorded(tmp_path), ledger.locks, strict=True):
        salt = bytes.fromhex(row["salt"])
        assert len(salt) == 32
        assert lock.transfer.client_reference == keccak(salt + row["reference"].encode())
    assert len({row["salt"] for row in recorded(tmp_path)}) == ROWS


def test_nonces_are_consecutive_from_a_place_of_the_file_s_own(tmp_path: Path) -> None:
    """Far above those that `naru transfer send` numbers from below."""
    run(tmp_path, Ledger())
    nonces = [int(row["nonce"], 16) for row in recorded(tmp_path)]
    assert nonces == list(range(nonces[0], nonces[0] + ROWS))
    assert nonces[0] % 256 == 0
    assert 2**103 < nonces[0] < 2**106


def test_the_gateway_is_allowed_the_sum_once(tmp_path: Path) -> None:
    holder = FakeHolder(Ledger(), nothing)
    bulk = Bulk(rows(), holder, Journal(tmp_path / "r.csv", HOLDER), entropy())

    async def all_of_it() -> None:
        await bulk.open()
        await bulk.run(bulk.rows_open(), nothing)

    asyncio.run(all_of_it())
    assert holder.allowed == {TOWER.id: 15}


# --- deaths


STEPS: Final = 17


def test_there_are_as_many_places_to_die_as_are_tried(tmp_path: Path) -> None:
    seen: list[str] = []
    run(tmp_path, Ledger(), seen.append)
    assert len(seen) == STEPS


@pytest.mark.parametrize("at", range(STEPS))
@pytest.mark.parametrize("mined", ["late", "before the second run"])
def test_a_killed_run_is_finished_by_the_next_and_locks_nothing_twice_r_02(tmp_path: Path, at: int, mined: str) -> None:
    ledger, steps = Ledger(), count()

    def dying(_: str) -> None:
        if next(steps) == at:
            raise KilledError

    with pytest.raises(KilledError):
        run(tmp_path, ledger, dying)
    if mined == "before the second run":
        ledger.mine()
        run(tmp_path, ledger)
    else:
        first = count()
        run(tmp_path, ledger, lambda name: ledger.mine() if name == "before submission" and next(first) == 0 else None)
    assert_each_locked_once(ledger, tmp_path)


@pytest.mark.parametrize("at", range(14))
def test_a_run_killed_while_it_writes_its_record_is_finished_by_the_next(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after each fsync: of the draft, then of the folder."""
    ledger, syncs, fsync = Ledger(), count(), os.fsync

    def dying(descriptor: int) -> None:
        if next(syncs) == at:
            raise KilledError
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", dying)
    with pytest.raises(KilledError):
        run(tmp_path, ledger)
    monkeypatch.undo()
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


def test_nothing_is_sent_before_it_is_on_disk(tmp_path: Path) -> None:
    def look(name: str) -> None:
        if name == "before submission":
            states = [row["state"] for row in recorded(tmp_path)]
            assert states.count("sent") in {1, PER_LIST}
            assert all(row["transaction"] for row in recorded(tmp_path) if row["state"] == "sent")

    run(tmp_path, Ledger(), look)


# --- what a ledger says


def _failing(name: str, error: Exception) -> Callable[[str], None]:
    def step(at: str) -> None:
        if at == name:
            raise error

    return step


def test_silence_after_submission_is_told_and_settled_by_the_next_run(tmp_path: Path) -> None:
    ledger = Ledger()
    with pytest.raises(UncertainError, match="run the same command again, which locks nothing twice") as caught:
        run(tmp_path, ledger, _failing("in a block, before the answer", UncertainError(b"\xab" * 32, "silence")))
    assert "2 locks were submitted in transaction 0xabab" in str(caught.value)
    assert [row["state"] for row in recorded(tmp_path)] == ["sent", "sent", "planned", "planned", "planned"]
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


def test_a_row_that_is_refused_is_told_and_tried_again(tmp_path: Path) -> None:
    ledger = Ledger(refused=frozenset({2}))
    run(tmp_path, ledger)
    row = recorded(tmp_path)[1]
    assert (row["state"], row["error"]) == ("refused", "TokenCallFailed(ERC20InsufficientBalance)")
    assert len(ledger.locks) == ROWS - 1
    ledger.refused = frozenset()
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


def test_a_list_refused_as_a_whole_is_told_and_stays_to_be_done(tmp_path: Path) -> None:
    ledger = Ledger()
    with pytest.raises(RefusedError, match="the source refused a list of 5 with Paused; none of it was locked"):
        run(tmp_path, ledger, _failing("prepare", LedgerRefusedError("Paused", "")))
    with pytest.raises(RefusedError, match="was refused with Reverted; none of it was locked"):
        run(tmp_path, ledger, _failing("before submission", LedgerRefusedError("Reverted", "")))
    assert [row["error"] for row in recorded(tmp_path)] == ["Reverted", "Reverted", "", "", ""]
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


def _two_underway(folder: Path, ledger: Ledger) -> None:
    """Submit two rows that no block has yet."""
    with pytest.raises(KilledError):
        run(folder, ledger, _failing("submitted, in no block yet", KilledError()))  # type: ignore[arg-type] # a death
    _changed(folder, "0x" + "ab" * 32, "0x" + "cd" * 32)  # any later transaction has another hash


UNKNOWN: Final = "locked by this run, but the end of 2 rows that were sent before is unknown: run again later"


@pytest.mark.parametrize("at", ["prepare", "before submission"])
def test_a_lock_that_may_still_get_in_stays_sent_when_a_later_one_is_refused_r_02(tmp_path: Path, at: str) -> None:
    ledger = Ledger()
    _two_underway(tmp_path, ledger)
    with pytest.raises(RefusedError, match=UNKNOWN):
        run(tmp_path, ledger, _failing(at, LedgerRefusedError("InsufficientFunds", "")))
    rows_ = [(row["state"], row["transaction"]) for row in recorded(tmp_path)]
    assert rows_ == [*[("sent", "0x" + "cd" * 32)] * 2, *[("planned", "")] * 3]
    ledger.mine()
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


def test_a_later_transaction_that_is_in_a_block_and_reverted_settles_the_earlier(tmp_path: Path) -> None:
    """Of one account, so that the earlier is in a block too, or never will be."""
    ledger = Ledger()
    _two_underway(tmp_path, ledger)
    reverted = RevertedError(b"\xab" * 32)
    with pytest.raises(RefusedError, match=r"locked by this run$"):
        run(tmp_path, ledger, _failing("before submission", reverted))
    assert [row["state"] for row in recorded(tmp_path)[:2]] == ["refused", "refused"]


def test_a_row_whose_nonce_the_holder_cancelled_is_never_locked(tmp_path: Path) -> None:
    ledger = Ledger()
    with pytest.raises(UnavailableError):
        run(tmp_path, ledger, _failing("allow", UnavailableError("silence")))
    ledger.cancelled = {int(recorded(tmp_path)[0]["nonce"], 16)}
    for _ in range(2):
        bulk = run(tmp_path, ledger)
        assert [r.state for r in bulk.results] == [State.CANCELLED, *[State.LOCKED] * 4]
        assert bulk.results[0].error == "the holder cancelled this row's nonce"


def test_a_used_nonce_whose_lock_is_not_seen_is_not_sent_again(tmp_path: Path) -> None:
    ledger = Ledger()
    with pytest.raises(KilledError):
        run(tmp_path, ledger, _failing("in a block, before the answer", KilledError()))  # type: ignore[arg-type] # a death
    ledger.blind = True
    bulk = run(tmp_path, ledger)
    assert [r.state for r in bulk.results] == [State.SENT, State.SENT, *[State.LOCKED] * 3]
    assert "run again" in bulk.results[0].error
    ledger.blind = False
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


def test_a_lock_whose_block_was_undone_is_made_again(tmp_path: Path) -> None:
    ledger = Ledger()
    run(tmp_path, ledger)
    ledger.locks.clear()
    ledger.nonces.clear()
    ledger.height = 90
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


# --- the record


def _changed(folder: Path, old: str, new: str) -> None:
    path = folder / "moves.result.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _refused(folder: Path, ledger: Ledger, of: Sequence[Row] | None = None) -> str:
    before = len(ledger.locks), (folder / "moves.result.csv").read_bytes()
    with pytest.raises(FileProblemsError) as caught:
        run(folder, ledger, of=of)
    assert (len(ledger.locks), (folder / "moves.result.csv").read_bytes()) == before
    return str(caught.value)


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"amount": 9}, "reference 'TRADE-0' was begun with amount 1, and now has 9: a new move needs a new reference"),
        ({"recipient": HOLDER}, "reference 'TRADE-0' was begun with recipient"),
    ],
)
def test_a_reference_stands_for_one_move_only(tmp_path: Path, changed: dict[str, Any], part: str) -> None:
    ledger = Ledger()
    run(tmp_path, ledger)
    of = rows()
    of[0] = replace(of[0], move=move(**changed))
    assert part in _refused(tmp_path, ledger, of)


def test_a_row_may_not_vanish(tmp_path: Path) -> None:
    """A spreadsheet that makes 7 of 007 would else have it locked twice."""
    ledger = Ledger()
    run(tmp_path, ledger)
    assert "has reference 'TRADE-4', which the moves lack: put that row back" in _refused(tmp_path, ledger, rows(4))


@pytest.mark.parametrize("column", ["gateway", "sender"])
def test_a_record_is_of_one_holder_at_one_gateway(tmp_path: Path, column: str) -> None:
    ledger = Ledger()
    run(tmp_path, ledger)
    value = recorded(tmp_path)[0][column]
    _changed(tmp_path, value, value[:-1] + ("0" if value[-1] != "0" else "1"))
    assert "use the same --from, --source and network" in _refused(tmp_path, ledger)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("reference,asset", "reference;asset", "is no result file of `naru transfer bulk`"),
        ("locked", "lokced", "was changed by something else than `naru transfer bulk`"),
        ("0x10000", "1.3E+31", "was changed by something else than `naru transfer bulk`"),
        ("0000001,", "0000001", "was changed by something else than `naru transfer bulk`"),
        ("00000002\n", "02\n", "was changed by something else than `naru transfer bulk`"),
    ],
)
def test_a_damaged_record_stops_the_run(tmp_path: Path, old: str, new: str, part: str) -> None:
    ledger = Ledger()
    run(tmp_path, ledger)
    if old not in (tmp_path / "moves.result.csv").read_text():
        old, new = recorded(tmp_path)[0]["nonce"], "nonce"
    _changed(tmp_path, old, new)
    assert part in _refused(tmp_path, ledger)


def test_two_first_runs_at_once_lock_nothing_twice(tmp_path: Path) -> None:
    """Both found no record; the one that comes second to the disk stops."""
    ledger, journal = Ledger(), Journal(tmp_path / "moves.result.csv", HOLDER)
    late = Bulk(rows(), FakeHolder(ledger, nothing), journal, entropy())

    async def both() -> None:
        await late.open()
        early = Bulk(rows(), FakeHolder(ledger, nothing), Journal(journal.path, HOLDER), entropy())
        await early.open()
        await early.run(early.rows_open(), nothing)
        await late.run(late.rows_open(), nothing)

    with pytest.raises(ConflictError, match="was made by another run meanwhile: run this again"):
        asyncio.run(both())
    assert_each_locked_once(ledger, tmp_path)


def test_a_second_run_on_the_same_file_waits_for_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "moves.csv"
    path.touch()
    with alone(path), pytest.raises(ConflictError, match="wait for its end"), alone(path):
        pass
    with alone(path):
        pass


def test_a_record_that_can_t_be_written_stops_the_run(tmp_path: Path) -> None:
    ledger = Ledger()
    bulk = Bulk(rows(), FakeHolder(ledger, nothing), Journal(tmp_path / "none" / "r.csv", HOLDER), entropy())

    async def all_of_it() -> None:
        await bulk.open()
        await bulk.run(bulk.rows_open(), nothing)

    with pytest.raises(Exception, match="no lock is sent without it"):
        asyncio.run(all_of_it())
    assert not ledger.locks


def test_the_result_file_stands_beside_the_moves() -> None:
    assert result_path(Path("a/moves.csv")) == Path("a/moves.result.csv")


# --- preflight


def _carried(folder: Path, findings: Findings, wishes: Wishes, ledger: Ledger) -> tuple[Sequence[Result], list[str]]:
    notes: list[str] = []
    bulk = Bulk(rows(), FakeHolder(ledger, nothing), Journal(folder / "moves.result.csv", HOLDER), entropy())

    async def asked(_: Sequence[Row]) -> Findings:
        return findings

    async def all_of_it() -> None:
        await bulk.open()
        await carry_out(bulk, asked, folder / "moves.csv", wishes, told=nothing, noted=notes.append)

    asyncio.run(all_of_it())
    return bulk.results, notes


FINE: Final = Findings(refusals={}, whole=(), notes=())
BAD: Final = Findings(refusals={3: "beta would refuse"}, whole=(), notes=("2 rows would wait",))


def test_a_row_that_would_be_refused_stops_everything(tmp_path: Path) -> None:
    ledger = Ledger()
    with pytest.raises(FileProblemsError, match="line 3: beta would refuse"):
        _carried(tmp_path, BAD, Wishes(), ledger)
    assert not ledger.locks
    assert not (tmp_path / "moves.result.csv").exists()


def test_or_is_left_out_on_demand(tmp_path: Path) -> None:
    ledger = Ledger()
    results, notes = _carried(tmp_path, BAD, Wishes(skip_refused=True), ledger)
    assert [r.state for r in results] == [State.LOCKED, State.REFUSED, *[State.LOCKED] * 3]
    assert recorded(tmp_path)[1]["error"] == "beta would refuse"
    assert notes == ["2 rows would wait"]
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


def test_what_was_sent_before_is_not_told_to_be_refused_r_02(tmp_path: Path) -> None:
    ledger = Ledger()
    _two_underway(tmp_path, ledger)
    with pytest.raises(FileProblemsError, match=f"1 problem; nothing was {UNKNOWN}\n  line 3"):
        _carried(tmp_path, BAD, Wishes(), ledger)
    _carried(tmp_path, BAD, Wishes(skip_refused=True), ledger)
    row = recorded(tmp_path)[1]
    assert (row["state"], row["transaction"], row["error"]) == ("sent", "0x" + "cd" * 32, "beta would refuse")
    ledger.mine()
    run(tmp_path, ledger)
    assert_each_locked_once(ledger, tmp_path)


def test_what_is_wrong_with_the_whole_stops_it_in_any_case(tmp_path: Path) -> None:
    with pytest.raises(FileProblemsError, match="the holder has 1"):
        _carried(tmp_path, replace(BAD, whole=("the holder has 1",)), Wishes(skip_refused=True), Ledger())


def test_a_check_locks_nothing_and_writes_nothing(tmp_path: Path) -> None:
    ledger = Ledger()
    for findings, wishes in ((FINE, Wishes(check_only=True)), (BAD, Wishes(check_only=True, skip_refused=True))):
        _carried(tmp_path, findings, wishes, ledger)
    assert not ledger.locks
    assert not list(tmp_path.iterdir())


class Reader:
    """A side that answers as it is told."""

    def __init__(self, reasons: Mapping[int, Reason], **lane: Any) -> None:  # noqa: ANN401 - fields of any type
        self._reasons = reasons
        limits = {"amount_min": 1, "amount_max": 100, "deadline_min_s": 5, "deadline_max_s": 900}
        self._lane = type("View", (), {"enabled": True, "paused": False, **limits, **lane})

    async def head(self, *, height_max: int | None = None) -> BlockStamp:  # noqa: ARG002 - as in LedgerReader
        return BlockStamp(height=1, hash=b"\1" * 32, time=1_700_000_000)

    async def lane(self, *_: object) -> object:
        return self._lane

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:  # noqa: ARG002 - as in LedgerReader
        return self._reasons.get(transfer.amount, Reason.NONE)


def _found(source: Reader, destination: Reader, has: int = 10**6) -> Findings:
    holder = FakeHolder(Ledger(), nothing)
    holder.has = has
    ask: Callable[[Sequence[Row]], Awaitable[Findings]] = BothSides(
        holder,
        source,  # type: ignore[arg-type] # what is asked of it
        {BETA.ledger: destination},  # type: ignore[dict-item] # the same
    )
    return asyncio.run(ask(rows()))  # type: ignore[arg-type] # an awaitable of asyncio's


def test_both_sides_are_asked_about_every_row() -> None:
    reasons = {1: Reason.NOT_ELIGIBLE, 2: Reason.TOKEN_PAUSED, 3: Reason.TOKEN_PAUSED}
    found = _found(Reader({}, amount_max=4), Reader(reasons))
    assert set(found.refusals) == {2, 6}
    assert found.refusals[2].startswith("beta would refuse (NOT_ELIGIBLE)")
    assert found.refusals[6] == "amount is outside the lane's limits of 1 to 4"
    assert found.notes[0].startswith("2 rows would wait (TOKEN_PAUSED): ")
    assert not found.whole


def test_more_than_the_holder_has_is_told_of_the_whole() -> None:
    found = _found(Reader({}), Reader({}), has=14)
    assert list(found.whole) == ["the holder has 14 tower there; the rows ahead move 15"]


# --- the command


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a configuration, a key and a file of moves."""
    asset = {"name": "tower", "asset": "isin:KR7900010013", "decimals": 0}
    config = client(assets=[asset | {"tokens": [{"ledger": "alpha", "token": ALICE}]}])
    (tmp_path / "naru.toml").write_text(tomli_w.dumps(config))
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("0x" + "11" * 32)
    lines = ["asset,amount,recipient,reference", *(f"tower,{n + 1},{BOB},TRADE-{n}" for n in range(ROWS))]
    (tmp_path / "moves.csv").write_text("\n".join(lines))
    return tmp_path


def naru(
    folder: Path, ledger: Ledger, *arguments: str, step: Callable[[str], None] = nothing, found: Findings = FINE
) -> Done:
    """Run the command with a ledger in memory."""

    async def ask(_: Sequence[Row]) -> Findings:
        return found

    @asynccontextmanager
    async def opened(job: Job) -> AsyncIterator[tuple[Bulk, object]]:
        bulk = Bulk(job.rows, FakeHolder(ledger, step), Journal(job.result, HOLDER), entropy())
        await bulk.open()
        yield bulk, ask

    lane = ["--from", str(folder / "key"), "--source", "alpha", "--destination", "beta"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.ops.bulk.opened", opened)
        config = ["--config", str(folder / "naru.toml")]
        return naru_here("transfer", "bulk", str(folder / "moves.csv"), *lane, *config, *arguments)


def test_the_command_tells_what_became_of_the_rows(here: Path) -> None:
    ledger = Ledger(refused=frozenset({2}))
    first = naru(here, ledger)
    assert (first.code, first.err) == (1, "")
    assert first.out.splitlines()[:2] == [
        "moves.csv: 5 rows: 4 locked, 1 refused",
        "  line 3 TRADE-1: refused: TokenCallFailed(ERC20InsufficientBalance)",
    ]
    ledger.refused = frozenset()
    second = naru(here, ledger, "-o", "json")
    assert (second.code, second.err) == (0, "")
    assert [row["status"] for row in second.json["rows"]] == ["locked"] * ROWS
    assert sorted(row["sequence"] for row in second.json["rows"]) == [1, 2, 3, 4, 5]
    assert_each_locked_once(ledger, here)


def test_what_is_wrong_with_the_file_is_told_before_anything_else(here: Path) -> None:
    (here / "moves.csv").write_text("asset,amount,recipient,reference\ngold,1,bob,A\ntower,0,bob,B\n")
    done = naru(here, Ledger())
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[0] == "naru: moves.csv: 4 problems; nothing was locked by this run"
    assert not (here / "moves.result.csv").exists()


def test_a_run_that_must_be_repeated_says_so_by_its_exit_code(here: Path) -> None:
    ledger = Ledger()
    uncertain = _failing("in a block, before the answer", UncertainError(b"\xab" * 32, "silence"))
    unsure = naru(here, ledger, step=uncertain)
    assert (unsure.code, "run the same command again" in unsure.err) == (4, True)
    assert unsure.out.startswith("moves.csv: 5 rows: 3 planned, 2 sent\n")
    silent = naru(here, ledger, step=_failing("prepare", UnavailableError("silence")))
    assert (silent.code, silent.err) == (3, "naru: silence\n")
    assert naru(here, ledger).code == 0
    assert_each_locked_once(ledger, here)


def test_a_refusal_by_a_side_stops_the_command_unless_it_may_skip(here: Path) -> None:
    ledger = Ledger()
    stopped = naru(here, ledger, found=BAD)
    assert (stopped.code, stopped.out, len(ledger.locks)) == (2, "", 0)
    assert "note: 2 rows would wait" in stopped.err
    assert "  line 3: beta would refuse" in stopped.err
    checked = naru(here, ledger, "--check")
    assert (checked.code, checked.out) == (0, "moves.csv: 5 rows, 5 to lock; nothing was sent (--check)\n")
    assert naru(here, ledger, "--check", "-o", "json").json == {"rows": 5, "to_lock": 5}
    skipped = naru(here, ledger, "--skip-refused", found=BAD)
    assert (skipped.code, len(ledger.locks)) == (1, 4)
