"""What a process does first that holds secrets: no core dump, no debugger, no swap, no file for others.

R-14 wants nonces in memory only: a core dump, a swapped page or a fork's copy would be another place.
"""

import ctypes
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.errors import ConfigError

_UMASK: Final = 0o077
_PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h."""
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4
"""bits/mman-linux.h; without ONFAULT each thread's whole stack would be in memory."""
_CAP_IPC_LOCK: Final = 14
"""linux/capability.h: bit of the sets in /proc/self/status."""
_FIRST_NAMESPACE: Final = ["0", "0", "4294967295"]
"""uid_map of the machine's own user namespace: in another, CAP_IPC_LOCK lifts no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardening:
    """What was achieved; core dumps and debuggers are off in any case."""

    memory_locked: bool
    """Nothing of this process goes to swap."""
    detail: str
    """Why not, and what to do; else empty."""


def harden() -> Hardening:
    """Turn core dumps off, keep others of the same user from this process's memory and descriptors, set umask 077.

    Memory is locked where that can't make a later allocation fail. A fork's memory is not locked; a program that this
    process starts has nothing of this but the limit and the umask.

    Raises:
        ConfigError: the system refuses to turn core dumps off.
    """
    os.umask(_UMASK)
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # the limit alone does not stop a dump into a pipe (core(5)); this does
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        reason = os.strerror(ctypes.get_errno())
        raise ConfigError((f"core dumps can't be turned off ({reason}): allow prctl in the service's seccomp filter",))
    return _lock_memory(libc)


def forget_at_fork(callback: Callable[[], object]) -> None:
    """Call *callback* in each child that this process forks from now on, before anything else runs there (R-14)."""
    os.register_at_fork(after_in_child=callback)


def _lock_memory(libc: ctypes.CDLL) -> Hardening:
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limit != resource.RLIM_INFINITY and not _exempt():
        # under a limit, mlockall would succeed now and large allocations, scrypt's 128 MiB say, fail later
        detail = (
            f"memory may be swapped: RLIMIT_MEMLOCK is {limit} bytes; set LimitMEMLOCK=infinity, or encrypt the swap"
        )
        return Hardening(memory_locked=False, detail=detail)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT):
        reason = os.strerror(ctypes.get_errno())
        return Hardening(memory_locked=False, detail=f"memory may be swapped: mlockall says {reason}; encrypt the swap")
    return Hardening(memory_locked=True, detail="")


def _exempt() -> bool:
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        first = Path("/proc/self/uid_map").read_text(encoding="utf-8").split() == _FIRST_NAMESPACE
    except OSError:
        return False  # no /proc: better unlocked than out of memory
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return first and bool(int(fields["CapEff"], 16) >> _CAP_IPC_LOCK & 1)
