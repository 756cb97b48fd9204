"""Time and randomness of simulations: nothing waits, and one seed gives the same bytes again.

Not for tasks that wait for sockets, threads or processes: virtual time would run on without them.
"""

import asyncio
import heapq
import itertools
import random
from typing import Final

IDLE_TURNS: Final = 32
"""Turns of the event loop for which runnable tasks may go on before time moves."""
_Sleeper = tuple[float, int, asyncio.Future[None]]


class ManualClock:
    """Clock whose time moves to the next sleeper's end as soon as all tasks sleep, and never by itself otherwise.

    Sleepers wake in the order of their ends, one at a time; a woken task may run `IDLE_TURNS` turns before the next.
    """

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        """Start at *start* unix seconds."""
        self._now = start
        self._sleepers: list[_Sleeper] = []
        self._numbers = itertools.count()
        self._moving: asyncio.AbstractEventLoop | None = None

    def now(self) -> float:
        """Tell unix seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move time by hand: *seconds* ≥ 0 pass at once; those who slept so long wake."""
        until = self._now + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            self._wake_next()
        self._now = max(self._now, until)

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* of virtual time pass; other tasks run meanwhile."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        self._start_moving(loop)
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._numbers), woken))
        await woken

    def _start_moving(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._moving is loop:
            return
        self._sleepers = [s for s in self._sleepers if s[2].get_loop() is loop]
        self._moving = loop
        loop.call_soon(self._turn, IDLE_TURNS)

    def _turn(self, left: int) -> None:
        if self._moving is None or not self._sleepers:
            self._moving = None
            return
        if left == 0:
            self._wake_next()
        self._moving.call_soon(self._turn, left - 1 if left else IDLE_TURNS)

    def _wake_next(self) -> None:
        end, _, woken = heapq.heappop(self._sleepers)
        if woken.done():
            return
        self._now = max(self._now, end)
        woken.set_result(None)


class SeededEntropy:
    """Entropy that one seed repeats; never for keys that matter."""

    def __init__(self, seed: int) -> None:
        """Start at *seed*."""
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def __call__(self, length: int, /) -> bytes:
        """Give *length* bytes."""
        return self._random.randbytes(length)
