"""A process that holds secrets leaves no copy of its memory (R-14: nonces are in memory only)."""

import json
import os
import subprocess
import sys

import pytest

from bridge.errors import ConfigError
from bridge.hardening import harden

TIMEOUT_S = 60
REPORT = """
import ctypes, json, os, resource, sys
from pathlib import Path
from bridge.hardening import harden
if sys.argv[1] != "as it is":
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
if sys.argv[2] == "drop" and os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
done = harden()
block = bytearray(64 * 2**20)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps({
    "limits": Path("/proc/self/limits").read_text(),
    "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
    "umask": os.umask(0),
    "locked_kib": int(status["VmLck"].split()[0]),
    "memory_locked": done.memory_locked,
    "detail": done.detail,
    "block": len(block),
}))
"""


def report(limit: str = "as it is", drop: str = "stay") -> dict[str, object]:
    command = [sys.executable, "-c", REPORT, limit, drop]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_no_core_dump_no_debugger_and_no_file_for_others() -> None:
    """R-14."""
    found = report()
    (cores,) = [line.split() for line in str(found["limits"]).splitlines() if line.startswith("Max core file size")]

    assert cores[4:6] == ["0", "0"]
    assert found["dumpable"] == 0
    assert found["umask"] == 0o077


def test_under_a_small_limit_nothing_is_locked_and_large_allocations_work() -> None:
    """mlockall with MCL_FUTURE would make scrypt's 128 MiB fail."""
    found = report(limit="65536", drop="drop")

    assert found["memory_locked"] is False
    assert found["locked_kib"] == 0
    assert found["block"] == 64 * 2**20
    text = "memory may be swapped: RLIMIT_MEMLOCK is 65536 bytes; set LimitMEMLOCK=infinity, or encrypt the swap"
    assert found["detail"] == text


def test_memory_is_locked_where_it_is_allowed() -> None:
    found = report()
    if not found["memory_locked"]:
        pytest.skip(f"this machine does not allow it: {found['detail']}")

    assert found["detail"] == ""
    assert int(str(found["locked_kib"])) > 64 * 2**10


def test_a_system_that_keeps_core_dumps_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, so nothing may take effect before the refusal."""

    class Libc:
        def prctl(self, *_: int) -> int:
            return -1

    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: Libc())
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr(os, "umask", lambda _: 0)
    with pytest.raises(ConfigError, match=r"core dumps can't be turned off .*: allow prctl in the service's seccomp"):
        harden()


def test_a_fork_forgets_and_its_parent_does_not() -> None:
    """R-14: a nonce that two processes hold could be used twice."""
    script = (
        "import os\n"
        "from bridge.hardening import forget_at_fork\n"
        "nonces = [1, 2]\n"
        "forget_at_fork(nonces.clear)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(len(nonces))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(nonces))\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)

    assert done.stdout.split() == ["0", "2"]
