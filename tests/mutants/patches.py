"""Reads the mutants: each *.patch beside this file says first which rule it breaks and which test must see it.

# rule: R-13
# test: pytest tests/unit/core/test_votes.py::test_...
# test: forge test_name            (the other form: every test function of that name)
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
RUNNERS = ("pytest", "forge")
RULE = re.compile(r"^# rule: (\S+)$", re.MULTILINE)
TEST = re.compile(r"^# test: (\w+) (\S.*)$", re.MULTILINE)
TOUCHED = re.compile(r"^\+\+\+ b/(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One way to break one rule."""

    name: str
    patch: Path
    rule: str
    runner: str
    test: str
    touched: tuple[str, ...]


def mutants(only: str = "") -> list[Mutant]:
    """List the mutants whose name holds *only*, those for pytest first."""
    found = [_read(path) for path in sorted(FOLDER.glob("*.patch")) if only in path.stem]
    return sorted(found, key=lambda mutant: RUNNERS.index(mutant.runner))


def _read(path: Path) -> Mutant:
    text = path.read_text(encoding="utf-8")
    rule, test = RULE.search(text), TEST.search(text)
    if rule is None or test is None or test[1] not in RUNNERS:
        msg = f"{path.name}: its first lines must say `# rule: R-nn` and `# test: pytest NODE` or `# test: forge MATCH`"
        raise ValueError(msg)
    touched = tuple(TOUCHED.findall(text))
    return Mutant(name=path.stem, patch=path, rule=rule[1], runner=test[1], test=test[2].strip(), touched=touched)
