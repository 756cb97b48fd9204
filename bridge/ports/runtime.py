"""Time and randomness, given by constructor so that nothing below a composition root reads them itself."""

from typing import Protocol


class Clock(Protocol):
    """The machine's time."""

    def now(self) -> float:
        """Tell unix seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        ...


class Entropy(Protocol):
    """A cryptographically secure source."""

    def __call__(self, length: int, /) -> bytes:
        """Give *length* fresh random bytes."""
        ...
