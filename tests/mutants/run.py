"""Breaks one rule at a time in a copy of the tree; the test that the mutant names must turn red. `make mutants`.

First all named tests run on the copy as it is: red says something only where green was before.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.patches import ROOT, Mutant, mutants
from tests.tidy import sources

EVM = Path("contracts/evm")
FORGE = "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
TIMEOUT_S = 900
"""For all named tests together as for one; a mutant that hangs proves nothing."""
TREES_MAX = 4
PYTEST_RED = 1
"""pytest's exit code for failed tests; an error in collecting them is another, and proves nothing."""


def main() -> int:
    """Run what was asked for and print the table; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants whose file name holds TEXT")
    chosen, left_out = _runnable(mutants(parser.parse_args().only))
    with tempfile.TemporaryDirectory(prefix="naru-mutants-") as name:
        trees = [Path(name) / str(number) for number in range(min(TREES_MAX, os.cpu_count() or 1))]
        for tree in trees:
            _copy(tree)
        if not _green(trees[0], chosen):
            print("mutants: 0 passed, 1 failed")
            return 1
        print(f"{'mutant':<52}{'rule':<7}{'result':<14}{'s':>5}  test")
        with ThreadPoolExecutor(len(trees)) as workers:
            wrong = sum(workers.map(_wrong, trees, (chosen[number :: len(trees)] for number in range(len(trees)))))
    print(f"mutants: {len(chosen) - wrong} passed, {wrong} failed, {left_out} skipped")
    return 1 if wrong or (left_out and os.environ.get("CI")) else 0


def _wrong(tree: Path, share: Sequence[Mutant]) -> int:
    """Try mutants in a tree of their own; count those that did not turn their test red."""
    return sum(_try(tree, mutant) != "red" for mutant in share)


def _runnable(found: list[Mutant]) -> tuple[list[Mutant], int]:
    if (ROOT / EVM / FORGE).exists():
        return found, 0
    forge = [mutant for mutant in found if mutant.runner == "forge"]
    if forge:
        print(f"SKIPPED {len(forge)} mutants of contracts: no forge (run `npm ci` in {EVM})")
    return [mutant for mutant in found if mutant.runner != "forge"], len(forge)


def _copy(tree: Path) -> None:
    for path in sources.files():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, tree / path)
    if (ROOT / EVM / "node_modules").exists():
        (tree / EVM / "node_modules").symlink_to(ROOT / EVM / "node_modules")


def _green(tree: Path, chosen: Sequence[Mutant]) -> bool:
    green = True
    for runner in sorted({mutant.runner for mutant in chosen}):
        started = time.monotonic()
        tests = sorted({mutant.test for mutant in chosen if mutant.runner == runner})
        result, output = _outcome(tree, runner, tests)
        if result != "green":
            print(output)
        print(f"unbroken: {len(tests)} tests by {runner} are {result} ({time.monotonic() - started:.0f} s)", flush=True)
        green = green and result == "green"
    return green


def _try(tree: Path, mutant: Mutant) -> str:
    started = time.monotonic()
    applied = _run(tree, ["git", "apply", str(mutant.patch)])
    fits = applied.returncode == 0
    result = _outcome(tree, mutant.runner, [mutant.test])[0] if fits else "does not fit"
    for path in mutant.touched:
        shutil.copy2(ROOT / path, tree / path)
        os.utime(tree / path)  # a compiled file of the mutant must not pass for this one
    mark = "" if result == "red" else "  <-- WRONG"
    seconds = time.monotonic() - started
    print(f"{mutant.name:<52}{mutant.rule:<7}{result:<14}{seconds:>5.0f}  {mutant.test}{mark}", flush=True)
    return result


def _outcome(tree: Path, runner: str, tests: Iterable[str]) -> tuple[str, str]:
    """Run *tests*: green, red, or why neither; and what was printed."""
    try:
        if runner == "pytest":
            done = _run(tree, [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests])
            result = {0: "green", PYTEST_RED: "red"}.get(done.returncode, f"pytest said {done.returncode}")
        else:
            done = _run(tree / EVM, [FORGE, "test", "--match-test", "|".join(rf"^{test}\(" for test in tests)])
            result = "green" if done.returncode == 0 else "red"
    except subprocess.TimeoutExpired:
        return "hung", ""
    output = done.stdout + done.stderr
    return ("not run" if "Compiler run failed" in output or "No tests" in output else result), output


def _run(folder: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FOUNDRY_PROFILE": "mutants",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )


if __name__ == "__main__":
    sys.exit(main())
