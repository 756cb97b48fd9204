"""A notary's own eyes: a reader that speaks only where enough of its own nodes agree (R-10)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, TypeVar

from bridge.core.caip import AssetId, Endpoint
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending
from bridge.core.transfer import Lane, Transfer
from bridge.errors import BridgeError, UnavailableError
from bridge.ports.facts import PREFIX_LEN, AssetNode, HeaderReader, LockState, LockStateReader
from bridge.ports.ledger import AssetView, GatewayView, LaneView, LedgerReader, Lock

T = TypeVar("T")
FOREVER: Final = float("inf")
NOTE_LEN_MAX: Final = 200
"""Of what went wrong at one node no more goes into an error's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long nodes are waited for, in seconds."""

    late_s: float = 0.5
    """For the rest, once k nodes have told their heads: a fast liar must not settle alone what the head is."""
    answer_s: float = 20.0
    """For any answer; a node that takes longer has not answered."""
    forgiven_s: float = 10.0
    """For so long a node that was late with its head is not waited for."""
    behind_s: float = 120.0
    """By so much of ledger time a node's head may be behind the highest that k nodes ever agreed on."""


DEFAULT: Final = Patience()


@dataclass(slots=True)
class _Replies(Generic[T]):
    """What each node said so far, by its place; `notes` tells what kept a node from answering."""

    answers: dict[int, T] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    mistake: Exception | None = None
    """An error that is ours: no silence of a node's."""

    def sort(self, place: int, answer: T | Exception) -> None:
        """Keep an answer, or why there is none."""
        if isinstance(answer, BridgeError):
            self.notes[place] = str(answer)
        elif isinstance(answer, Exception):
            self.mistake = answer
        else:
            self.answers[place] = answer


Enough = Callable[[Mapping[int, T], "set[int]"], float]
"""Tells, of the answers and the nodes that have not answered, how many seconds more are worth waiting."""


class AgreedReader:
    """LedgerReader, LockStateReader and AssetReader over m nodes of one ledger; k must agree on block hash and content.

    Raises everywhere:
        UnavailableError: fewer than k agree; the text names what each node said. It never falls back to fewer.
    """

    def __init__(self, readers: Sequence[LedgerReader], agreement: int, patience: Patience = DEFAULT) -> None:
        """Ask all *readers*, each a node of its own; *agreement* is k."""
        self._readers = tuple(readers)
        self._agreement = agreement
        self._patience = patience
        self._late_until: dict[int, float] = {}
        self._highest: BlockStamp | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Which gateway on which ledger this is."""
        return self._readers[0].endpoint

    @property
    def problems(self) -> dict[str, str]:
        """Tell what is wrong with each node whose health is watched and bad, by its name."""
        found = {self._name(place): getattr(reader, "problem", "") for place, reader in enumerate(self._readers)}
        return {name: problem for name, problem in found.items() if problem}

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        """Give the highest final block that k nodes have, and agree on; a node that claims more holds nothing up."""
        replies = await self._ask(lambda reader: reader.head(height_max=height_max), self._for_heads)
        self._leave_out_stale(replies)
        heads = list(replies.answers.values())
        heights = sorted((head.height for head in heads), reverse=True)
        disagreement = self._disagreement(len(heights), replies.notes)
        for height in dict.fromkeys(heights[self._agreement - 1 :]):
            try:
                return self._advanced(await self._agreed(partial(_head_up_to, height)))
            except UnavailableError as error:
                disagreement = error
        raise disagreement

    async def block(self, height: int) -> BlockStamp:
        """Read the block at a height anew, from nodes that contradicted themselves too: for checkpoints (R-06)."""
        return await self._agreed(partial(_block, height))

    async def gateway(self, at: BlockStamp) -> GatewayView:
        """Read the gateway's own state."""
        return await self._read(lambda reader: reader.gateway(at), at)

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        """Read a lane."""
        return await self._read(lambda reader: reader.lane(lane, at), at)

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        """Read the source records of sequences [first, first + count)."""
        return await self._read(lambda reader: reader.locks(lane, first, count, at, open_only=open_only), at)

    async def lock_states(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[LockState]:
        """Read what stands at each transfer's sequence."""
        return await self._read(partial(_lock_states, transfers, at), at)

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        """Read the destination records."""
        return await self._read(lambda reader: reader.decisions(transfers, at), at)

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the destination gateway why it would not mint now."""
        return await self._read(lambda reader: reader.eligibility(transfer, at), at)

    async def asset(self, asset: AssetId, at: BlockStamp) -> AssetView:
        """Read an asset."""
        return await self._read(partial(_asset, asset, at), at)

    async def _read(self, question: Callable[[LedgerReader], Awaitable[T]], at: BlockStamp) -> T:
        async def on_this_chain(reader: LedgerReader) -> T:
            if await reader.head(height_max=at.height) != at:
                msg = f"it has another block at height {at.height}"
                raise UnavailableError(msg)
            return await question(reader)

        return await self._agreed(on_this_chain)

    async def _agreed(self, question: Callable[[LedgerReader], Awaitable[T]]) -> T:
        """Give the answer that at least k gave, as soon as they did."""
        replies = await self._ask(question, self._for_agreement)
        best = _commonest(replies.answers)
        count = 0 if best is None else list(replies.answers.values()).count(best[0])
        if best is None or count < self._agreement:
            different = {place: "it answers otherwise" for place, a in replies.answers.items() if best and a != best[0]}
            raise self._disagreement(count, replies.notes | different)
        return best[0]

    async def _ask(self, question: Callable[[LedgerReader], Awaitable[T]], enough: "Enough[T]") -> _Replies[T]:
        """Ask every node at once, and wait for as long as *enough* says; who has not answered then is cut off."""
        now = asyncio.get_running_loop().time
        replies: _Replies[T] = _Replies()
        end = now() + self._patience.answer_s
        async with asyncio.TaskGroup() as tasks:
            asked = {tasks.create_task(_caught(question, reader)): place for place, reader in enumerate(self._readers)}
            waiting = set(asked)
            while waiting and replies.mistake is None and (left := end - now()) >= 0:
                done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    replies.sort(asked[task], task.result())
                end = min(end, now() + enough(replies.answers, {asked[task] for task in waiting}))
            for task in waiting:
                task.cancel()
                replies.notes[asked[task]] = "it takes too long"
        if replies.mistake is not None:
            raise replies.mistake
        return replies

    def _for_agreement(self, answers: Mapping[int, T], waiting: "set[int]") -> float:
        del waiting
        best = _commonest(answers)
        return 0.0 if best and list(answers.values()).count(best[0]) >= self._agreement else FOREVER

    def _for_heads(self, answers: Mapping[int, T], waiting: "set[int]") -> float:
        """Wait a little for the rest, but for those that were late before, whom every head would wait for."""
        now = asyncio.get_running_loop().time()
        for place in answers:
            self._late_until.pop(place, None)
        if len(answers) < self._agreement:
            return FOREVER
        awaited = {place for place in waiting if self._late_until.get(place, 0.0) <= now}
        self._late_until |= dict.fromkeys(awaited, now + self._patience.late_s + self._patience.forgiven_s)
        return self._patience.late_s if awaited else 0.0

    def _leave_out_stale(self, replies: _Replies[BlockStamp]) -> None:
        if self._highest is None:
            return
        for place, head in list(replies.answers.items()):
            behind = self._highest.time - head.time
            if behind > self._patience.behind_s:
                del replies.answers[place]
                replies.notes[place] = f"its head is {behind} s behind block {self._highest.height}, agreed on before"

    def _advanced(self, head: BlockStamp) -> BlockStamp:
        if self._highest is None or head.height > self._highest.height:
            self._highest = head
        return head

    def _disagreement(self, agreeing: int, notes: Mapping[int, str]) -> UnavailableError:
        told = "".join(f"; {self._name(place)}: {note[:NOTE_LEN_MAX]}" for place, note in sorted(notes.items()))
        return UnavailableError(
            f"{agreeing} of {len(self._readers)} nodes of {self.endpoint.ledger} agree, {self._agreement} must: "
            f"check the nodes in this notary's configuration{told}"
        )

    def _name(self, place: int) -> str:
        return str(getattr(self._readers[place], "name", f"node {place + 1}"))


async def _caught(question: Callable[[LedgerReader], Awaitable[T]], reader: LedgerReader) -> T | Exception:
    try:
        return await question(reader)
    except Exception as error:  # noqa: BLE001 - handed on: a node's error is counted, a mistake of ours is raised
        return error


def _commonest(answers: Mapping[int, T]) -> tuple[T] | None:
    """Give the answer that most gave; by equality, since answers hold lists and are few. An answer may be None."""
    given = list(answers.values())
    return (max(given, key=given.count),) if given else None


async def _head_up_to(height: int, reader: LedgerReader) -> BlockStamp:
    return await reader.head(height_max=height)


async def _block(height: int, reader: LedgerReader) -> BlockStamp:
    """Read a block from a node itself; of a reader that is none, by its final head."""
    if isinstance(reader, HeaderReader):
        return (await reader.header(height)).stamp
    found = await reader.head(height_max=height)
    if found.height != height:
        msg = f"it has no final block {height}"
        raise UnavailableError(msg)
    return found


async def _lock_states(transfers: Sequence[Transfer], at: BlockStamp, reader: LedgerReader) -> list[LockState]:
    if isinstance(reader, LockStateReader):
        return await reader.lock_states(transfers, at)
    return [await _lock_state(transfer, at, reader) for transfer in transfers]


async def _lock_state(transfer: Transfer, at: BlockStamp, reader: LedgerReader) -> LockState:
    for lock in await reader.locks(transfer.lane, transfer.sequence, 1, at):
        prefix = b"" if lock.ending else lock.transfer.id[:PREFIX_LEN]
        return LockState(prefix=prefix, ending=lock.ending, pending=lock.pending)
    return LockState(prefix=b"", ending=Ending.OPEN, pending=False)


async def _asset(asset: AssetId, at: BlockStamp, reader: LedgerReader) -> AssetView:
    if isinstance(reader, AssetNode):
        return await reader.asset(asset, at)
    msg = "it can't read assets"
    raise UnavailableError(msg)
