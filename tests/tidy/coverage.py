"""Measures which lines and branches of the contracts, samples apart, their tests reach; fails below 95 %.

Forge compiles for this without via-IR and without the optimizer. Left out is what is about the gas of optimised code,
`test_gas_of_*` (a table of figures) and GasSweepTest (margins between figures); and InvariantsTest, a random walk that
goes otherwise in that code and then misses what it should come to: what only it reached would have no test of its own.
All of them run in `make contracts`.

Forge's branches are less than all ways through: both sides of `if … else` and of `try … catch`, but of an `if` without
`else` the side taken only (that it is passed shows in the lines after it), and no operands of `&&` and `||`, no sides
of `? :`, no cases of an assembly `switch`. Whether tests see such a condition, the mutants tell (tests/mutants).

Run as a module: `make coverage`.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.tidy.slither import EVM, FORGE
from tests.tidy.sources import ROOT

LCOV = ROOT / ".cache" / "coverage" / "lcov.info"
PERCENT_MIN = 95
LEFT_OUT = ("--no-match-contract", "^(GasSweep|Invariants)Test$", "--no-match-test", "^test_gas_of_")


@dataclass(slots=True)
class Reached:
    """How often each line and each branch of a file was reached."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[int, str, str], int] = field(default_factory=dict)


def main() -> None:
    measure()
    files = parse(LCOV.read_text(encoding="utf-8"))
    print("\n".join(table(files)))
    if missed := list(unreached(files)):
        print("coverage: not reached:", *missed, sep="\n  ")
    if short := [what for what, reached in totals(files).items() if percent(reached) < PERCENT_MIN]:
        sys.exit(f"coverage: {' and '.join(short)} below {PERCENT_MIN} %")


def measure() -> None:
    """Have forge write LCOV; AuthorityTest needs the build for use in `out`, where coverage itself writes nothing."""
    LCOV.parent.mkdir(parents=True, exist_ok=True)
    _forge("default", "build", "--skip", "test")
    _forge("coverage", "coverage", "--report", "lcov", "--report-file", str(LCOV), "--exclude-tests", *LEFT_OUT)


def parse(lcov: str) -> dict[str, Reached]:
    """Read what LCOV says of src, samples and interfaces apart; a file may have several records."""
    files: dict[str, Reached] = {}
    reached = Reached()
    for record in lcov.splitlines():
        kind, _, value = record.partition(":")
        if kind == "SF":
            ours = re.match(r"src/(?!samples/|interfaces/)", value)
            reached = files.setdefault(value.removeprefix("src/"), Reached()) if ours else Reached()
        elif kind == "DA":
            line, hits = value.split(",")[:2]
            reached.lines[int(line)] = reached.lines.get(int(line), 0) + int(hits)
        elif kind == "BRDA":
            line, block, side, hits = value.split(",")
            branch = (int(line), block, side)
            reached.branches[branch] = reached.branches.get(branch, 0) + (0 if hits == "-" else int(hits))
    return files


def table(files: dict[str, Reached]) -> Iterator[str]:
    """Give a line a file, then the sums."""
    yield f"{'src':<30}{'lines':>20}{'branches':>20}"
    for name, reached in sorted(files.items()):
        yield f"{name:<30}{_share(list(reached.lines.values()))}{_share(list(reached.branches.values()))}"
    yield f"{'all':<30}{''.join(_share(hits) for hits in totals(files).values())}"


def totals(files: dict[str, Reached]) -> dict[str, list[int]]:
    return {
        "lines": [hits for reached in files.values() for hits in reached.lines.values()],
        "branches": [hits for reached in files.values() for hits in reached.branches.values()],
    }


def unreached(files: dict[str, Reached]) -> Iterator[str]:
    for name, reached in sorted(files.items()):
        places = {line for line, hits in reached.lines.items() if hits == 0}
        places |= {line for (line, _, _), hits in reached.branches.items() if hits == 0}
        yield from (f"{name}:{line}" for line in sorted(places))


def percent(hits: list[int]) -> float:
    return 100 * sum(map(bool, hits)) / len(hits) if hits else 100.0


def _share(hits: list[int]) -> str:
    return f"{sum(map(bool, hits)):>5}/{len(hits):<5}{percent(hits):>7.2f} %"


def _forge(profile: str, *arguments: str) -> None:
    """Run forge; what it says is shown only if something fails."""
    env = {**os.environ, "FOUNDRY_PROFILE": profile}
    done = subprocess.run([str(FORGE), *arguments], cwd=EVM, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"coverage: forge {arguments[0]} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


if __name__ == "__main__":
    main()
