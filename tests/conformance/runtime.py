"""What every clock and every source of randomness must do. Subclass for an adapter of your own."""

import asyncio
from abc import ABC, abstractmethod

import pytest

from bridge.ports.runtime import Clock, Entropy


class ClockContract(ABC):
    @abstractmethod
    def fresh(self) -> Clock: ...

    @pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.001])
    def test_a_sleep_lets_at_least_its_time_pass(self, seconds: float) -> None:
        async def scenario() -> None:
            clock = self.fresh()
            before = clock.now()
            await clock.sleep(seconds)

            assert clock.now() - before >= seconds * 0.99

        asyncio.run(scenario())

    def test_sleepers_wake_in_the_order_of_their_ends(self) -> None:
        async def scenario() -> None:
            clock, woken = self.fresh(), list[float]()

            async def sleep(seconds: float) -> None:
                await clock.sleep(seconds)
                woken.append(seconds)

            await asyncio.gather(*(sleep(s) for s in (0.03, 0.01, 0.02)))
            assert woken == [0.01, 0.02, 0.03]

        asyncio.run(scenario())

    def test_a_sleeper_can_be_cancelled(self) -> None:
        async def scenario() -> None:
            clock = self.fresh()
            sleeper = asyncio.ensure_future(clock.sleep(3600))
            await asyncio.sleep(0)
            sleeper.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sleeper
            before = clock.now()
            await clock.sleep(0.001)

            assert clock.now() - before < 60

        asyncio.run(scenario())


class EntropyContract(ABC):
    @abstractmethod
    def fresh(self) -> Entropy: ...

    @pytest.mark.parametrize("length", [0, 1, 32, 1000])
    def test_it_gives_the_length_asked_for(self, length: int) -> None:
        assert len(self.fresh()(length)) == length

    def test_it_never_gives_the_same_twice(self) -> None:
        entropy = self.fresh()

        assert len({entropy(16) for _ in range(100)}) == 100
