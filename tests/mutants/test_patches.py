"""Every mutant still fits the code, names a rule that exists, and a test that exists. `make mutants` runs them."""

import subprocess

import pytest

from tests.mutants.patches import ROOT, Mutant, mutants
from tests.tidy.test_rules import RULES

ALL = mutants()


def test_there_are_mutants() -> None:
    assert len(ALL) >= 20


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_breaks_a_rule_that_exists(mutant: Mutant) -> None:
    assert mutant.rule in RULES


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_names_a_test_that_exists(mutant: Mutant) -> None:
    if mutant.runner == "pytest":
        path, *_, name = mutant.test.split("::")
        suites = (ROOT / "tests/conformance").glob("*.py")  # whose tests a class may have inherited
        texts = [file.read_text(encoding="utf-8") for file in (ROOT / path, *suites)]
        assert any(f"def {name.partition('[')[0]}(" in text for text in texts)
    else:
        texts = [path.read_text(encoding="utf-8") for path in (ROOT / "contracts/evm/test").rglob("*.sol")]
        assert any(f"function {mutant.test}(" in text for text in texts)


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_code(mutant: Mutant) -> None:
    command = ["git", "apply", "--check", str(mutant.patch)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"make the patch anew: {done.stderr}"
