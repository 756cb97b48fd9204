"""Starting and stopping a network's supervisor from another process. Imports nothing heavy."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from bridge.devnet.runs import CLIENT_CONFIG, Run, live, new_name, root
from bridge.errors import ConfigError, UnavailableError

START_TIMEOUT_S: Final = 180.0
STOP_TIMEOUT_S: Final = 30.0
POLL_S: Final = 0.05
SPEAKER: Final = "devnet: "
"""How a supervisor's last words begin, on standard error."""
EXIT_INPUT: Final = 2
"""The supervisor's, where what it was given can't be used."""


class Launch:
    """A supervisor that was just started."""

    def __init__(self, *, detached: bool, arguments: Sequence[str] = ()) -> None:
        """Start it: *detached* it stays, else it dies with this process. *arguments* as bridge.devnet takes them."""
        self.name = new_name()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        command = [sys.executable, "-m", "bridge.devnet", "--name", self.name, *arguments]
        if not detached:
            command += ["--with-parent", str(os.getpid())]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
        )

    @property
    def folder(self) -> Path:
        """The network's folder."""
        return root() / self.name

    def poll(self) -> Path | None:
        """Give the client configuration once the network is up, else None.

        Raises:
            ConfigError: it can't use what it was given.
            UnavailableError: the supervisor ended for another reason; its last words are in the text.
        """
        config = self.folder / CLIENT_CONFIG
        if config.exists():
            return config
        code = self._process.poll()
        if code is not None:
            msg = f"the network did not start: {self._last_words()}"
            if code == EXIT_INPUT:
                raise ConfigError((msg,))
            raise UnavailableError(msg)
        return None

    def wait(self) -> Path:
        """Wait until the network is up; give the client configuration.

        Raises:
            UnavailableError: it did not come up.
        """
        until = time.monotonic() + START_TIMEOUT_S
        while (config := self.poll()) is None:
            if time.monotonic() > until:
                msg = f"the network is not up after {START_TIMEOUT_S:.0f} s: {self._last_words()}"
                self.stop()
                raise UnavailableError(msg)
            time.sleep(POLL_S)
        self._errors.close()
        return config

    def stop(self) -> None:
        """End the network, and wait for its end."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._errors.close()

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        told = [line.removeprefix(SPEAKER) for line in lines if line.startswith(SPEAKER)]
        return (told or lines or ["it said nothing"])[-1]


def stop(run: Run) -> None:
    """Ask a network's supervisor to end, and wait until it has.

    Raises:
        UnavailableError: it does not.
    """
    os.kill(run.supervisor, signal.SIGTERM)
    until = time.monotonic() + STOP_TIMEOUT_S
    while run in live():
        if time.monotonic() > until:
            msg = f"{run.name} does not end: look at process {run.supervisor}, its supervisor"
            raise UnavailableError(msg)
        time.sleep(POLL_S)
