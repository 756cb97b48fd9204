import asyncio
import time

import pytest

from bridge.adapters.memory.runtime import ManualClock, SeededEntropy
from bridge.adapters.system import SystemClock, system_entropy
from bridge.ports.runtime import Clock, Entropy
from tests.conformance.runtime import ClockContract, EntropyContract

HOUR = 3600.0


class TestSystemClock(ClockContract):
    def fresh(self) -> Clock:
        return SystemClock()

    def test_it_tells_unix_seconds(self) -> None:
        assert abs(self.fresh().now() - time.time()) < 60


class TestSystemEntropy(EntropyContract):
    def fresh(self) -> Entropy:
        return system_entropy


class TestSeededEntropy(EntropyContract):
    def fresh(self) -> Entropy:
        return SeededEntropy(1)

    def test_one_seed_gives_the_same_again_and_another_something_else(self) -> None:
        assert SeededEntropy(1)(32) == SeededEntropy(1)(32) != SeededEntropy(2)(32)


class TestManualClock(ClockContract):
    def fresh(self) -> ManualClock:
        return ManualClock()

    def test_an_hour_passes_at_once_and_exactly(self) -> None:
        clock = ManualClock(start=5)
        asyncio.run(clock.sleep(HOUR))

        assert clock.now() == 5 + HOUR

    def test_time_stands_still_while_a_task_runs(self) -> None:
        async def scenario() -> None:
            clock = self.fresh()
            start = clock.now()
            sleeper = asyncio.ensure_future(clock.sleep(1))
            for _ in range(10):
                await asyncio.sleep(0)
                assert clock.now() == start
            await sleeper
            assert clock.now() == start + 1

        asyncio.run(scenario())

    def test_two_loops_of_sleeps_interleave_as_in_real_time(self) -> None:
        async def scenario() -> list[tuple[str, float]]:
            clock, log = ManualClock(start=0), list[tuple[str, float]]()

            async def tick(name: str, every: float, count: int) -> None:
                for _ in range(count):
                    await clock.sleep(every)
                    log.append((name, clock.now()))

            await asyncio.gather(tick("slow", 10, 2), tick("fast", 3, 6))
            return log

        expected = [(3, "fast"), (6, "fast"), (9, "fast"), (10, "slow"), (12, "fast"), (15, "fast"), (18, "fast")]
        assert asyncio.run(scenario()) == [*((name, at) for at, name in expected), ("slow", 20)]

    @pytest.mark.parametrize(("seconds", "woken"), [(0.5, []), (1, [1]), (2.5, [1, 2]), (9, [1, 2, 3])])
    def test_time_moved_by_hand_wakes_those_whose_end_has_come(self, seconds: float, woken: list[int]) -> None:
        async def scenario() -> None:
            clock, log = ManualClock(start=0), list[int]()

            async def sleep(length: int) -> None:
                await clock.sleep(length)
                log.append(length)

            sleepers = [asyncio.ensure_future(sleep(n)) for n in (3, 1, 2)]
            await asyncio.sleep(0)
            clock.advance(seconds)
            await asyncio.sleep(0)

            assert (log, clock.now()) == (woken, seconds)
            await asyncio.gather(*sleepers)
            assert clock.now() == max(seconds, 3)

        asyncio.run(scenario())

    def test_one_clock_goes_on_in_the_next_event_loop_without_the_sleepers_of_the_last(self) -> None:
        clock = ManualClock(start=0)

        async def leave_a_sleeper() -> None:
            sleeper = asyncio.ensure_future(clock.sleep(100))
            await clock.sleep(1)
            assert not sleeper.done()

        for _ in range(2):
            asyncio.run(leave_a_sleeper())
        assert clock.now() == 2
