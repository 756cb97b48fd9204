"""Checks the protocol's model by Spin: what must hold holds, and each broken rule shows its hole. `make model`.

A run that must fail is as telling as one that must hold: a model that can't find a known hole proves nothing.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from bridge.core.records import PLAN, Destination, Source, Step
from tests.model.plan import macros

MODEL = Path(__file__).with_name("protocol.pml")
WORKERS = 2
TIMEOUT_S = 600
ERRORS = re.compile(r"errors: (\d+)")
FOUND = re.compile(r"pan:1: (assertion violated|acceptance cycle)")
STATES = re.compile(r"(\d+) states, stored")
UNFINISHED = ("max search depth too small", "out of memory", "Search not completed", "reached -DMEMLIM")


class Property(Enum):
    """What is checked, with the options of spin, gcc and pan."""

    SAFETY = ((), ("-DSAFETY",), ("-E", "-m3000000", "-w24"))
    LIVENESS = (("-DLTL",), ("-DNFAIR=4",), ("-a", "-f", "-m4000000", "-w24"))


VIOLATION = {Property.SAFETY: "assertion violated", Property.LIVENESS: "acceptance cycle"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One check: the flags of the model, and whether it must hold."""

    name: str
    shows: str
    of: Property
    flags: tuple[str, ...] = ()
    holds: bool = False
    plan: Mapping[tuple[Source, Destination], Step] = field(default_factory=lambda: PLAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What Spin said; `problem` if it said nothing of use."""

    run: Run
    held: bool
    states: int
    seconds: float
    problem: str = ""

    @property
    def as_expected(self) -> bool:
        return not self.problem and self.held == self.run.holds


def _planned(source: Source, destination: Destination, step: Step) -> dict[tuple[Source, Destination], Step]:
    return {**PLAN, (source, destination): step}


TWO_FAULTS = ("-DK=2",)
ONE_RELAYER = ("-DK=1", "-DR1")
"""Liveness costs more: one fault, and one relayer where a second adds nothing to what is shown."""
RUNS = (
    Run(name="safety", shows="INV-1, INV-2, INV-3, two faults", of=Property.SAFETY, flags=TWO_FAULTS, holds=True),
    Run(name="liveness", shows="INV-8, one fault of any kind", of=Property.LIVENESS, flags=ONE_RELAYER, holds=True),
    Run(name="source tip", shows="R-10: lock not final", of=Property.SAFETY, flags=(*TWO_FAULTS, "-DM_NOFINAL_S")),
    Run(
        name="destination tip",
        shows="R-30: outcome not final",
        of=Property.SAFETY,
        flags=(*TWO_FAULTS, "-DM_NOFINAL_D"),
    ),
    Run(
        name="source clock",
        shows="unlocked by comparing clocks",
        of=Property.SAFETY,
        flags=(*TWO_FAULTS, "-DM_SRCCLOCK"),
    ),
    Run(name="t = 1", shows="section 3: t = n - f", of=Property.SAFETY, flags=(*TWO_FAULTS, "-DT=1")),
    Run(
        name="overwritten", shows="INV-3: EXPIRED over MINTED", of=Property.SAFETY, flags=(*TWO_FAULTS, "-DM_OVERWRITE")
    ),
    Run(
        name="caught gas",
        shows="R-21: any failure is REJECTED",
        of=Property.SAFETY,
        flags=(*TWO_FAULTS, "-DM_NAIVE_CATCH"),
    ),
    Run(name="paused", shows="R-12: a pause is REJECTED", of=Property.SAFETY, flags=(*TWO_FAULTS, "-DM_REJECT_PAUSED")),
    Run(name="D's finality", shows="section 6: a limit, stated", of=Property.SAFETY, flags=(*TWO_FAULTS, "-DFV")),
    Run(
        name="cursor trusted", shows="R-51: no reconcile", of=Property.LIVENESS, flags=(*ONE_RELAYER, "-DM_NORECONCILE")
    ),
    Run(
        name="lease for ever",
        shows="R-51: a dead relayer keeps the lane",
        of=Property.LIVENESS,
        flags=("-DK=1", "-DM_NOTTL"),
    ),
    Run(name="pushed payout", shows="R-31: sender blocked", of=Property.LIVENESS, flags=(*ONE_RELAYER, "-DM_PUSH")),
    Run(name="t = n", shows="section 3: one silent seat", of=Property.LIVENESS, flags=(*ONE_RELAYER, "-DT=4")),
    Run(
        name="no expiry",
        shows="R-12: no refusal for a passed deadline",
        of=Property.LIVENESS,
        flags=(*ONE_RELAYER, "-DEXPIRE_BY_SETTLE", "-DPAUSEEXP", "-DTEXT5"),
    ),
    Run(
        name="PLAN: no release",
        shows="LOCKED × REJECTED: WAIT",
        of=Property.LIVENESS,
        flags=ONE_RELAYER,
        plan=_planned(Source.LOCKED, Destination.REJECTED, Step.WAIT),
    ),
    Run(
        name="PLAN: no commit",
        shows="LOCKED × MINTED: WAIT",
        of=Property.LIVENESS,
        flags=ONE_RELAYER,
        plan=_planned(Source.LOCKED, Destination.MINTED, Step.WAIT),
    ),
    Run(
        name="PLAN: all well",
        shows="LOCKED × MINTED called broken",
        of=Property.SAFETY,
        flags=("-DK=1",),
        plan=_planned(Source.LOCKED, Destination.MINTED, Step.BROKEN),
    ),
)


def main() -> int:
    """Do every run and print the table; give the exit code."""
    if missing := [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]:
        print(f"SKIPPED model: no {' and no '.join(missing)} on this machine (apt-get install {' '.join(missing)})")
        return 0
    print(f"{'run':<18}{'must':<7}{'did':<7}{'states':>12}{'s':>6}  shows")
    with ThreadPoolExecutor(WORKERS) as pool:
        verdicts = list(pool.map(_told, RUNS))
    failed = [verdict for verdict in verdicts if not verdict.as_expected]
    print(f"model: {len(verdicts) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def check(run: Run) -> Verdict:
    """Let Spin write the checker, compile it, run it, and read what it found."""
    started = time.monotonic()
    spin, gcc, pan = run.of.value
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(MODEL, folder)
        (folder / "plan.pml").write_text(macros(run.plan))
        _tool(folder, "spin", "-a", *spin, *run.flags, MODEL.name)
        _tool(folder, "gcc", "-O2", "-w", "-DCOLLAPSE", "-DVECTORSZ=2048", *gcc, "-o", "pan", "pan.c")
        output = _tool(folder, "./pan", *pan)
    return _read(run, output, time.monotonic() - started)


def _read(run: Run, output: str, seconds: float) -> Verdict:
    errors, states, found = ERRORS.search(output), STATES.search(output), FOUND.search(output)
    held = errors is not None and errors[1] == "0"
    problem = ""
    if errors is None:
        problem = f"no verdict: {output[-300:]}"
    elif held:
        problem = next((text for text in UNFINISHED if text in output), "")
    elif found is None or found[1] != VIOLATION[run.of]:
        problem = f"failed, but not by {VIOLATION[run.of]}"
    return Verdict(run=run, held=held, states=int(states[1]) if states else 0, seconds=seconds, problem=problem)


def _told(run: Run) -> Verdict:
    verdict = check(run)
    must, did = ("holds" if held else "fails" for held in (run.holds, verdict.held))
    mark = "" if verdict.as_expected else f"  <-- WRONG {verdict.problem}"
    print(f"{run.name:<18}{must:<7}{did:<7}{verdict.states:>12,}{verdict.seconds:>6.0f}  {run.shows}{mark}", flush=True)
    return verdict


def _tool(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    if done.returncode != 0 and command[0] != "./pan":
        msg = f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}"
        raise RuntimeError(msg)
    return done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
