"""One thread that owns the chain: jobs run one at a time, so that py-evm stays synchronous and HTTP responsive.

Law: only this thread touches the chain. Sealing goes before calls, or a flood of calls would stop the clock.
"""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from enum import IntEnum
from itertools import count
from queue import PriorityQueue
from typing import TypeVar

Result = TypeVar("Result")

JOBS_MAX = 512
_STACK_LEN = 64 * 1024 * 1024


class Urgency(IntEnum):
    """What goes first when several jobs wait."""

    STOP = 0
    SEAL = 1
    CALL = 2


class Worker:
    """A daemon thread with a bounded queue; the interpreter's exit doesn't wait for it."""

    def __init__(self) -> None:
        """Prepare, but start nothing; create it inside the event loop that will use it."""
        self._loop = asyncio.get_running_loop()
        self._queue: PriorityQueue[tuple[Urgency, int, Callable[[], None] | None]] = PriorityQueue()
        self._order = count()
        self._room = asyncio.Semaphore(JOBS_MAX)

    def start(self) -> None:
        """Start the thread; its stack holds 1,024 nested EVM calls."""
        before = threading.stack_size(_STACK_LEN)
        try:
            threading.Thread(target=self._work, name="ledger", daemon=True).start()
        finally:
            threading.stack_size(before)

    def stop(self) -> None:
        """Let the thread end after its present job; jobs that wait are left undone."""
        self._queue.put((Urgency.STOP, next(self._order), None))

    async def run(self, job: Callable[[], Result], urgency: Urgency = Urgency.CALL) -> Result:
        """Run a job on the thread and return its result, or raise what it raised."""
        if urgency is not Urgency.CALL:
            return await self._enqueue(job, urgency)
        async with self._room:
            return await self._enqueue(job, urgency)

    def _enqueue(self, job: Callable[[], Result], urgency: Urgency) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = self._loop.create_future()
        self._queue.put((urgency, next(self._order), lambda: self._perform(job, future)))
        return future

    def _work(self) -> None:
        while True:
            job = self._queue.get()[2]
            if job is None:
                return
            job()

    def _perform(self, job: Callable[[], Result], future: asyncio.Future[Result]) -> None:
        """Run a job, unless nobody waits any more, and hand its end over to the loop."""
        if future.cancelled():
            return
        try:
            result = job()
        except Exception as error:  # noqa: BLE001  # it is raised where the job was asked for
            self._deliver(future, functools.partial(future.set_exception, error))
        else:
            self._deliver(future, functools.partial(future.set_result, result))

    def _deliver(self, future: asyncio.Future[Result], end: Callable[[], None]) -> None:
        """Settle the future on the loop, unless either has gone meanwhile."""

        def settle() -> None:
            if not future.cancelled():
                end()

        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(settle)
