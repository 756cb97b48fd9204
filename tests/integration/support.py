"""A real network under test: started, looked into, broken by pid, watched until its transfers end.

Nothing sleeps for a fixed time: everything polls for a fact, with a deadline that a loaded machine can meet.
"""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import SAMPLE_TOKEN
from bridge.adapters.evm.deploy import Outbox, TokenIssuer
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.redis.client import connect
from bridge.config import ClientConfig, LedgerConfig, load, read_secret
from bridge.core.conservation import conserved
from bridge.core.reasons import Reason
from bridge.core.records import Status
from bridge.core.transfer import Lane, TransferId
from bridge.devnet.launch import Launch
from bridge.devnet.runs import live
from bridge.errors import UnavailableError
from bridge.ops.audit import audit
from bridge.ops.cli.main import main
from bridge.ops.client import Names
from bridge.ops.send import Move, Sender
from bridge.ports.store import TransferRecord

WAIT_S: Final = 120.0
POLL_S: Final = 0.02
COMMAND_S: Final = 240.0
PLENTY: Final = 10**9
NUMBERS: Final = (1, 2, 3, 4)
FRONTS: Final = tuple(f"notary-{number}" for number in NUMBERS)
SIGNERS: Final = tuple(f"signer-{number}" for number in NUMBERS)
CHILDREN: Final = ("redis", "alpha", "beta", *FRONTS, *SIGNERS, "relayer")
T = TypeVar("T")


def until(look: Callable[[], T | None], what: str, timeout_s: float = WAIT_S) -> T:
    """Look again and again until there is something to see that is neither None nor False."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if seen is not None and seen is not False:
            return seen
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(POLL_S)


# --- the command


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Read the whole of standard output as one JSON value."""
        assert self.out, f"nothing on standard output; exit code {self.code}, standard error: {self.err}"
        return json.loads(self.out)


def command(*arguments: str) -> list[str]:
    """Give the command line of `naru`, for which every warning is an error; a network that stays is none."""
    warnings = ["-W", "error", "-W", "ignore:subprocess:ResourceWarning"]
    return [sys.executable, *warnings, "-m", "bridge.ops.cli.main", *arguments]


def started(*arguments: str, folder: Path | None = None) -> subprocess.Popen[str]:
    """Start `naru`, with *folder* for its networks."""
    environment = os.environ | ({} if folder is None else {"XDG_RUNTIME_DIR": str(folder)})
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 - this process has no threads that matter to it
    )


def _heed_interrupts() -> None:
    """Undo what a shell does to what it starts in the background: ignoring SIGINT is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def done(process: subprocess.Popen[str]) -> Done:
    """Wait for a command's end; it is killed if there is none."""
    try:
        out, err = process.communicate(timeout=COMMAND_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    return Done(process.returncode, out, err)


def naru(*arguments: str, folder: Path | None = None) -> Done:
    """Run `naru` to its end."""
    return done(started(*arguments, folder=folder))


def naru_here(*arguments: str) -> Done:
    """Run `naru` in this process, where nothing takes long to import any more."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["naru", *arguments])
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    return Done(code, out.getvalue(), err.getvalue())


# --- processes


def children(parent: int) -> list[int]:
    """List a process's living children."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is not None and fields[0] != "Z" and int(fields[1]) == parent:
            found.append(int(entry.name))
    return found


def name_of(pid: int) -> str:
    """Name a child of the supervisor by the log that it writes; empty while that is not its own yet, or it is gone."""
    try:
        log = Path(f"/proc/{pid}/fd/2").readlink()
    except OSError:
        return ""
    return log.stem if log.parent.name == "logs" else ""


def alive(pid: int) -> bool:
    """Tell whether a process is there, and no zombie."""
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"


def _stat(pid: int) -> list[str] | None:
    """Give what follows the name in /proc/PID/stat: state, parent …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


# --- a network


class Network:
    """An embedded network that runs."""

    def __init__(self, folder: Path, supervisor: int) -> None:
        self.folder = folder
        self.supervisor = supervisor
        self.config_path = folder / "network.toml"
        self.config = load(self.config_path, ClientConfig)
        self.names = Names(self.config)

    @property
    def source(self) -> LedgerConfig:
        return self.names.ledger("alpha")

    @property
    def destination(self) -> LedgerConfig:
        return self.names.ledger("beta")

    def pids(self) -> dict[str, int]:
        """Map the names of the supervisor's children to their pids."""
        return {name_of(pid): pid for pid in children(self.supervisor)}

    def pid(self, name: str) -> int:
        """Wait until a child runs; give its pid."""
        return until(lambda: self.pids().get(name), f"{name} runs")

    def kill(self, name: str) -> None:
        """Kill -9 a child, and wait until the supervisor has started it again."""
        old = self.pid(name)
        os.kill(old, signal.SIGKILL)
        until(lambda: self.pids().get(name, old) != old, f"{name} is started again")

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")

    def key(self, name: str) -> str:
        return read_secret(self.names.key_file(name))

    # --- transfers

    def send(self, *, asset: str = "tower", to: str = "bob", amount: int = 1, deadline_in_s: int = 600) -> TransferId:
        """Lock some of alice's units on alpha without asking anybody first."""
        move = Move(
            source=self.source,
            destination=self.destination,
            asset=self.names.asset(asset),
            recipient=self.names.recipient(to, self.destination),
            amount=amount,
            deadline_in_s=deadline_in_s,
        )

        async def lock() -> TransferId:
            async with Sender(move, self.key("alice")) as sender:
                return (await sender.lock()).transfer.id

        return asyncio.run(lock())

    def record(self, transfer_id: TransferId) -> TransferRecord | None:
        """Read the relayer's record; None while there is none, or nobody answers."""

        async def get() -> TransferRecord | None:
            async with connect(self.config.redis) as stores:
                return await stores.transfers.get(transfer_id)

        try:
            return asyncio.run(get())
        except UnavailableError:
            return None

    def reached(self, transfer_id: TransferId, event: str) -> TransferRecord:
        """Wait until an event stands in a transfer's timeline."""

        def look() -> TransferRecord | None:
            record = self.record(transfer_id)
            return record if record is not None and event in events(record) else None

        return until(look, f"{event!r} in the timeline of 0x{transfer_id.hex()}")

    def ended(self, transfer_id: TransferId) -> tuple[Status, Reason]:
        """Wait for a transfer's end; tell which it was."""

        def look() -> TransferRecord | None:
            record = self.record(transfer_id)
            return record if record is not None and not record.is_open else None

        record = until(look, f"0x{transfer_id.hex()} ends")
        return record.status, record.reason

    def assert_conserved(self) -> None:
        """INV-4 and INV-9 hold on both ledgers, and nothing is held for a transfer that has ended."""
        lines = asyncio.run(audit(self.config))
        assert conserved(line.totals for line in lines), lines
        assert [line.totals.held for line in lines] == [0] * len(lines)

    def locked(self) -> list[tuple[int, int, int]]:
        """Tell what a lock would change on alpha: per asset the next sequence, what was ever locked, what is held."""
        return asyncio.run(self._locked())

    async def _locked(self) -> list[tuple[int, int, int]]:
        node = Node(self.source.nodes[0])
        try:
            reader = EvmReader(node, self.source.endpoint)
            head, seen = await reader.head(), []
            for asset in self.config.assets:
                ends = {"source": self.source.endpoint.id, "destination": self.destination.endpoint.id}
                lane = await reader.lane(Lane(**ends, asset=asset.id), head)
                seen.append((lane.next_sequence, lane.locked, (await reader.supply(asset.id, head)).held))
            return seen
        finally:
            await node.close()

    # --- preparations

    def prepare(self) -> None:
        """Have melody paused on beta, and alice's units allowed to alpha's gateway: a lock is then one transaction."""
        asyncio.run(self._prepare())

    async def _prepare(self) -> None:
        source, destination = Node(self.source.nodes[0]), Node(self.destination.nodes[0])
        try:
            issuer = Outbox(EvmAccount(destination, self.key("issuer-beta")))
            await TokenIssuer(issuer, SAMPLE_TOKEN, self._token("melody", "beta")).pause()
            alice = Outbox(EvmAccount(source, self.key("alice")))
            for asset in ("tower", "melody"):
                token = source.contract(SAMPLE_TOKEN, self._token(asset, "alpha"))
                await alice.call(token, "approve", self.source.gateway, PLENTY)
            await issuer.confirm()
            await alice.confirm()
        finally:
            await source.close()
            await destination.close()

    def _token(self, asset: str, ledger: str) -> str:
        return next(t.token for t in self.names.asset(asset).tokens if t.ledger == ledger)


@contextmanager
def running(*arguments: str) -> Iterator[Network]:
    """Start a network that dies with this process; stop it at the end."""
    launch = Launch(detached=False, arguments=arguments)
    try:
        config = launch.wait()
        supervisor = next(run.supervisor for run in live() if run.name == launch.name)
        yield Network(config.parent, supervisor)
    finally:
        launch.stop()


def events(record: TransferRecord) -> list[str]:
    """List what happened to a transfer."""
    return [entry.event for entry in record.timeline]
