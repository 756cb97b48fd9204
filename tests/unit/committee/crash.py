"""Kills one notary between any two things that it does to its disk."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

CHANGES: Final = frozenset({"open", "write", "fsync", "link", "unlink", "mkdir"})
WRITERS: Final = ("bridge.adapters.ceremony.folder", "bridge.disk")
"""What changes the disk in a ceremony."""


class Killed(BaseException):
    """As SIGKILL: nothing that the program does about errors may catch it."""


class Fuse:
    """Counts what is done to the disk, and kills at the chosen count; the dead do nothing more."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.count = 0
        self.log: list[str] = []

    def tick(self) -> None:
        self.count += 1
        if 0 < self.at <= self.count:
            raise Killed

    def reset(self, at: int = 0) -> None:
        self.at, self.count = at, 0
        self.log.clear()


class FusedOs:
    """The module `os` with a fuse before each change of the disk; a write that is killed leaves half of its bytes."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for a module
        real = getattr(os, name)
        return self._fused(name, real) if name in CHANGES else real

    def _fused(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:  # noqa: ANN401 - as above
            try:
                self._fuse.tick()
            except Killed:
                if name == "write" and self._fuse.count == self._fuse.at:
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                raise
            self._fuse.log.append(f"{name} {args[0] if name != 'link' else args[1]}")
            return real(*args)

        return call


@contextmanager
def fused(fuse: Fuse) -> Iterator[None]:
    """Let all that happens inside go through the fuse."""
    with pytest.MonkeyPatch.context() as patch:
        for writer in WRITERS:
            patch.setattr(f"{writer}.os", FusedOs(fuse))
        yield
