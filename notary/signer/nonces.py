"""Nonces between commitment and share (R-14): in this object's memory only, each taken once.

Law: whatever happens after `take`, the same nonces are never seen again; threshold.md, pitfalls 1 to 3, is the reason.
Python can't wipe a number from memory: it is forgotten, and the process is undumpable and, where allowed, locked.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from weakref import WeakMethod

from bridge.errors import RefusedError
from bridge.frost import SigningNonces
from bridge.ports.committee import COMMITMENTS_MAX
from bridge.ports.runtime import Clock, Entropy

TTL_S: Final = 30.0
OF_ALL_MAX: Final = 256
HANDLE_LEN: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    nonces: SigningNonces
    coordinator: str
    expires_at: float


class NoncePool:
    """The outstanding commitments of one seat."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        """Start empty: a restart loses every nonce."""
        self._clock = clock
        self._entropy = entropy
        self._held: OrderedDict[bytes, _Held] = OrderedDict()

    def put(self, coordinator: str, nonces: SigningNonces) -> bytes:
        """Keep *nonces* for 30 s under a handle that is good for *coordinator* only; the oldest make room."""
        self._forget_lapsed()
        of_coordinator = [handle for handle, held in self._held.items() if held.coordinator == coordinator]
        for handle in of_coordinator[: max(0, len(of_coordinator) - COMMITMENTS_MAX + 1)]:
            del self._held[handle]
        while len(self._held) >= OF_ALL_MAX:
            self._held.popitem(last=False)
        handle = self._entropy(HANDLE_LEN)
        self._held[handle] = _Held(nonces=nonces, coordinator=coordinator, expires_at=self._clock.now() + TTL_S)
        return handle

    def take(self, coordinator: str, handle: bytes) -> SigningNonces:
        """Give the nonces away for good.

        Raises:
            RefusedError: the handle is unknown, used, lapsed or another coordinator's, whose it stays.
        """
        self._forget_lapsed()
        held = self._held.get(handle)
        if held is None or held.coordinator != coordinator:
            raise RefusedError("this commitment is unknown, used, lapsed or another coordinator's: ask for a fresh one")
        return self._held.pop(handle).nonces

    def forget(self) -> None:
        """Drop every nonce."""
        self._held.clear()

    def _forget_lapsed(self) -> None:
        now = self._clock.now()
        while self._held:
            handle, held = next(iter(self._held.items()))
            if held.expires_at > now:
                return
            del self._held[handle]


def forgetting(pool: NoncePool) -> Callable[[], None]:
    """Give what drops the nonces of *pool*, and doesn't keep it alive: a hook at fork can't be taken back."""
    method = WeakMethod(pool.forget)

    def forget() -> None:
        if (call := method()) is not None:
            call()

    return forget
