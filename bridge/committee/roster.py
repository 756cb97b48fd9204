"""A committee's members as one coordinator knows them: what they handed over ahead, their pace, who goes last.

Law: a commitment leaves the stock once, for one signature, and never comes back once a request has named it (R-14);
and a coordinator never has more out with a member than that member keeps for it, or its own would be crowded out.
"""

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from bridge.committee.identity import ForgedError, IdentityCard, Purpose
from bridge.committee.signed import NonsenseError
from bridge.core.statements import Epoch
from bridge.errors import UnavailableError
from bridge.frost import ParticipantId
from bridge.ports.committee import COMMITMENTS_MAX, Commitment, Notary, SignedShare
from bridge.ports.runtime import Clock

T = TypeVar("T")

STOCK_AGE_MAX_S: Final = 20.0
"""Members forget theirs after 30 s; what is between is for the way and for clocks."""
PATIENCE_S: Final = (0.5, 5.0)
"""Least and most that a member is waited for while others could take its place."""
_PACES: Final = 4
"""Patience in usual answering times of the member."""
_FORGET_S: Final = 30.0
"""A pace that was not seen again for so long counts half: who was slow once is tried again."""
_SEEN_MAX: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    """A commitment and when it was got, unix seconds."""

    commitment: Commitment
    got_at: float


@dataclass(slots=True)
class _Member:
    notary: Notary
    stock: deque[Stocked] = field(default_factory=deque)
    seen: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    out: int = 0
    """Commitments taken and not used up yet."""
    refill: asyncio.Task[None] | None = None
    pace_s: float = 0.0
    paced_at: float = 0.0
    failing: bool = False
    calls: dict[asyncio.Task[Any], float] = field(default_factory=dict)
    """Requests without an answer yet, by when they were made."""


class Roster:
    """The members that a coordinator of one epoch's committee asks."""

    def __init__(
        self, notaries: Iterable[Notary], epoch: Epoch, cards: Mapping[ParticipantId, IdentityCard], clock: Clock
    ) -> None:
        """Know *notaries* by number; without *cards* nothing that they say is held against their identities."""
        self._members = {notary.id: _Member(notary) for notary in notaries}
        self._epoch = epoch
        self._cards = cards
        self._clock = clock
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def notaries(self) -> dict[ParticipantId, Notary]:
        """Every member, by number."""
        return {number: member.notary for number, member in self._members.items()}

    def best_first(self, members: Iterable[ParticipantId]) -> list[ParticipantId]:
        """Sort: who failed when last asked goes last (R-15), then by pace in steps of two, then by number."""
        return sorted(members, key=lambda m: (self._members[m].failing, self._step(m), m))

    def is_failing(self, member: ParticipantId) -> bool:
        """Tell whether it did not sign what it had offered, when it was last asked to."""
        return self._members[member].failing

    def note(self, member: ParticipantId, *, failing: bool) -> None:
        """Remember how it did when it was asked to sign."""
        self._members[member].failing = failing

    def patience_s(self, member: ParticipantId) -> float:
        """Tell for how long it is waited for while others could take its place."""
        return min(max(PATIENCE_S[0], _PACES * self._pace_s(member)), PATIENCE_S[1])

    def pending(self, member: ParticipantId) -> Iterable[asyncio.Task[Any]]:
        """List the requests that it has not answered."""
        return self._members[member].calls

    def is_overdue(self, member: ParticipantId) -> bool:
        """Tell whether it owes an answer beyond patience: it is busy, and not asked again until it answers."""
        made = self._members[member].calls.values()
        return bool(made) and self._clock.now() - min(made) >= self.patience_s(member)

    def ask_share(
        self, member: ParticipantId, question: Callable[[Notary], Awaitable[SignedShare]]
    ) -> asyncio.Task[SignedShare]:
        """Ask for a share by a commitment that was taken, in a task that lives until the answer comes.

        The next commitment goes into the stock, whether or not anybody waits for the share any more.
        """
        entry = self._members[member]

        async def asked() -> SignedShare:
            began = self._clock.now()
            try:
                signed = await question(entry.notary)
            finally:
                entry.out -= 1
            self._set_pace(entry, self._clock.now() - began)
            self._stock(member, signed.next)
            return signed

        return self._call(member, asked())

    def take(self, member: ParticipantId) -> Stocked | None:
        """Take the oldest commitment that is fresh enough, for one signature; None if a refill must come first."""
        entry = self._members[member]
        fresh_from = self._clock.now() - STOCK_AGE_MAX_S
        while entry.stock:
            oldest = entry.stock.popleft()
            if oldest.got_at > fresh_from:
                entry.out += 1
                return oldest
        return None

    def give_back(self, stocked: Stocked) -> None:
        """Put back what no request has named."""
        entry = self._members[stocked.commitment.notary]
        entry.out -= 1
        entry.stock.appendleft(stocked)

    def drop_stock(self, member: ParticipantId) -> None:
        """Forget what it handed over: who failed may have lost the nonces."""
        self._members[member].stock.clear()

    def refill(self, member: ParticipantId) -> asyncio.Task[None]:
        """Ask for as many commitments as the member keeps; whoever needs some waits for the same answer."""
        entry = self._members[member]
        if entry.refill is None or entry.refill.done():
            entry.refill = asyncio.ensure_future(self._refill(member))
            self._keep(entry.refill)
        return entry.refill

    async def close(self) -> None:
        """End every request that nobody has answered."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _refill(self, member: ParticipantId) -> None:
        room = COMMITMENTS_MAX - self._members[member].out - len(self._members[member].stock)
        if room <= 0:
            raise UnavailableError(f"notary {member} owes {self._members[member].out} answers")
        commitments = await self._call(member, self._members[member].notary.commit(room))
        if len(commitments) != room:
            raise NonsenseError(f"notary {member} handed over {len(commitments)} commitments, not {room}")
        for commitment in commitments:
            self._stock(member, commitment)

    def _stock(self, member: ParticipantId, commitment: Commitment) -> None:
        self._check(member, commitment)
        self._members[member].stock.append(Stocked(commitment=commitment, got_at=self._clock.now()))

    def _call(self, member: ParticipantId, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        calls, task = self._members[member].calls, asyncio.ensure_future(call)
        calls[task] = self._clock.now()
        task.add_done_callback(lambda done: calls.pop(done, None))
        self._keep(task)
        return task

    def _check(self, member: ParticipantId, commitment: Commitment) -> None:
        if not member == commitment.notary == commitment.commitments.identifier:
            raise NonsenseError(f"notary {member} handed over a commitment in another's name")
        seen, name = self._members[member].seen, commitment.commitments.to_bytes()
        if name in seen:
            raise NonsenseError(f"notary {member} handed over one commitment twice")
        seen[name] = None
        if len(seen) > _SEEN_MAX:
            seen.popitem(last=False)
        self._check_head(member, commitment)

    def _check_head(self, member: ParticipantId, commitment: Commitment) -> None:
        """Check what its co-signers will: they would refuse the whole list, and look as if it was their fault."""
        head = commitment.head
        if (head.epoch, head.notary) != (self._epoch, member):
            raise NonsenseError(f"notary {member} told of the votes of another seat")
        if self._cards:
            try:
                self._cards[member].check(Purpose.VOTE_HEAD, head.message, head.signature)
            except ForgedError as error:
                raise NonsenseError(f"notary {member}'s vote head is {error}") from error

    def _keep(self, task: asyncio.Task[T]) -> None:
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_seen)

    def _pace_s(self, member: ParticipantId) -> float:
        entry = self._members[member]
        return entry.pace_s * math.exp2((entry.paced_at - self._clock.now()) / _FORGET_S)

    def _set_pace(self, entry: _Member, took_s: float) -> None:
        """Follow the last answers; one that is slow for once weighs a quarter."""
        entry.pace_s = (3 * self._pace_s(entry.notary.id) + took_s) / 4
        entry.paced_at = self._clock.now()

    def _step(self, member: ParticipantId) -> int:
        return int(1000 * self._pace_s(member)).bit_length()


def _seen(task: asyncio.Task[Any]) -> None:
    """Look at the end of a task, so that one that nobody waits for any more is not told as never looked at."""
    if not task.cancelled():
        task.exception()
