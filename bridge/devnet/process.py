"""Children that die with their parent, and are started again when they die alone."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

PR_SET_PDEATHSIG: Final = 1
GRACE_S: Final = 4.0
RESTART_S: Final = 0.5
log = structlog.get_logger()


class Child:
    """One daemon of the network. The kernel kills it when this process dies, however that happens."""

    def __init__(self, name: str, command: Sequence[str], log_file: Path, *, input_file: Path | None = None) -> None:
        """Run *command*, its output going to the end of *log_file*, its input, once it is fed, being *input_file*."""
        self.name = name
        self.input_file = input_file
        self._command = tuple(command)
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Process id of the current incarnation; 0 before the first."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, from the main thread: the kernel ties it to the thread that forks."""
        with self._log_file.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE if self.input_file else asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=die_with_parent(os.getpid()),
            )

    async def feed(self) -> None:
        """Write its input; a daemon that reads its configuration there is ready to run by then."""
        if self.input_file is None or self._process is None or self._process.stdin is None:
            return
        self._process.stdin.write(self.input_file.read_bytes())
        self._process.stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self._process.stdin.wait_closed()

    async def wait(self) -> int:
        """Wait for its end; give its exit code."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """Ask it to end, and kill it if it doesn't within a few seconds."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(GRACE_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def keep(self, stopping: asyncio.Event) -> None:
        """Start it again whenever it dies, until *stopping* is set."""
        while not stopping.is_set():
            code = await self.wait()
            if stopping.is_set():
                return
            log.warning("child.died", step=self.name, error=f"exit code {code}")
            await asyncio.sleep(RESTART_S)
            await self.start()
            await self.feed()

    def last_words(self, length: int = 2000) -> str:
        """Give the end of its log, for an error message."""
        try:
            return self._log_file.read_text(errors="replace")[-length:].strip()
        except OSError:
            return ""


def daemon(module: str) -> list[str]:
    """Give the command that runs one of our daemons, its configuration coming from standard input.

    So it can import what it needs while its configuration is still being made.
    """
    return python(module, "--config", "/dev/stdin")


def python(module: str, *arguments: str) -> list[str]:
    """Give the command that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Give what a child of process *parent* does to be sent *number* by the kernel when that dies, however it dies."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return ask
