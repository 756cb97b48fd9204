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
from functools import partial
from itertools import cycle
from pathlib import Path
from queue import Queue

from tests.mutants.patches import ROOT, Mutant, mutants
from tests.tidy import sources

EVM = Path("contracts/evm")
FORGE = "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
TIMEOUT_S = 900
"""For all named tests together as for one; a mutant that hangs proves nothing."""
TREES_MAX = 4
COMPILED = ("out", "cache")
"""Forge's folders."""
NOT_RUN = ("Compiler run failed", "No tests", "no matching artifact found")
"""What forge says when a test is red, or green, for nothing."""
PYTEST_RED = 1
"""pytest's exit code for failed tests; an error in collecting them is another, and proves nothing."""


def main() -> int:
    """Run what was asked for and print the table; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants whose file name holds TEXT")
    chosen, left_out = _runnable(mutants(parser.parse_args().only))
    with tempfile.TemporaryDirectory(prefix="naru-mutants-") as name:
        trees = [Path(name) / str(number) for number in range(min(TREES_MAX, os.cpu_count() or 1))]
        with ThreadPoolExecutor(len(trees)) as workers:
            list(workers.map(_copy, trees))
            if not _green(workers, trees, chosen):
                print("mutants: 0 passed, 1 failed")
                return 1
            list(workers.map(partial(_share_compiled, trees[0]), trees[1:]))
            print(f"{'mutant':<52}{'rule':<7}{'result':<14}{'s':>5}  test")
            free: Queue[Path] = Queue()
            for tree in trees:
                free.put(tree)
            wrong = sum(workers.map(partial(_wrong, free), chosen))
    print(f"mutants: {len(chosen) - wrong} passed, {wrong} failed, {left_out} skipped")
    return 1 if wrong or (left_out and os.environ.get("CI")) else 0


def _wrong(free: Queue[Path], mutant: Mutant) -> bool:
    """Try a mutant in a tree that nobody uses; tell if it did not turn its test red."""
    tree = free.get()
    try:
        return _try(tree, mutant) != "red"
    finally:
        free.put(tree)


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


def _green(workers: ThreadPoolExecutor, trees: Sequence[Path], chosen: Sequence[Mutant]) -> bool:
    """Run all named tests on what is not broken: forge in the first tree, pytest in the next if there is one."""
    tests = {runner: sorted({m.test for m in chosen if m.runner == runner}) for runner in ("forge", "pytest")}
    wanted = {runner: names for runner, names in tests.items() if names}
    return all(list(workers.map(_is_green, cycle(trees), wanted, wanted.values())))


def _is_green(tree: Path, runner: str, tests: Sequence[str]) -> bool:
    started = time.monotonic()
    if runner == "forge":
        _run(tree / EVM, [FORGE, "build"])
    result, output = _outcome(tree, runner, tests)
    if result != "green":
        print(output)
    print(f"unbroken: {len(tests)} tests by {runner} are {result} ({time.monotonic() - started:.0f} s)", flush=True)
    return result == "green"


def _share_compiled(source: Path, tree: Path) -> None:
    """Give a tree what forge compiled in another, by hash: a test deploys contracts that it doesn't import."""
    for name in COMPILED:
        if (source / EVM / name).exists():
            shutil.copytree(source / EVM / name, tree / EVM / name)


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
    return ("not run" if any(text in output for text in NOT_RUN) else result), output


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
