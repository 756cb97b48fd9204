"""The machine's own clock and randomness."""

import asyncio
import os
import time
from typing import Final

from bridge.ports.runtime import Entropy


class SystemClock:
    """Clock."""

    def now(self) -> float:
        """Tell unix seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        await asyncio.sleep(seconds)


system_entropy: Final[Entropy] = os.urandom
"""The kernel's random bytes."""
