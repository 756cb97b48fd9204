"""For every test: one hypothesis profile, children that gRPC lets live, and skips that can't be overlooked."""

import os
import sys
from collections.abc import Iterable
from typing import Protocol

import pytest
from hypothesis import settings

RECURSION_LIMIT = sys.getrecursionlimit()
settings.register_profile("naru", derandomize=True, deadline=None)
settings.load_profile("naru")
# Else gRPC starts its threads again in a child that was forked but runs no program yet, whose descriptors are being
# closed: one in six such children died of it (grpc/grpc#43055). Read when gRPC is first used.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"


class _Terminal(Protocol):
    """The part of pytest's reporter that is used here."""

    stats: dict[str, list[pytest.TestReport]]

    def section(self, title: str, sep: str, *, bold: bool, yellow: bool) -> None: ...
    def write_line(self, line: str) -> None: ...


def pytest_collection_finish() -> None:
    """py-evm raises the limit at import; deeply nested JSON would then overflow this process's C stack."""
    sys.setrecursionlimit(RECURSION_LIMIT)


def pytest_terminal_summary(terminalreporter: _Terminal) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section(f"NOT RUN: {len(skipped)}", "!", bold=True, yellow=True)
        for line in _reasons(skipped):
            terminalreporter.write_line(line)


def _reasons(reports: Iterable[pytest.TestReport]) -> list[str]:
    return sorted({f"{r.nodeid}: {r.longrepr[2] if isinstance(r.longrepr, tuple) else r.longrepr}" for r in reports})
