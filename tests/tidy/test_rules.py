"""Every rule and invariant has a citing test, or says in docs/invariants.md what is missing; none is made up."""

import re
from pathlib import Path

import pytest

from tests.tidy import sources

PROTOCOL = Path("docs/protocol.md")
INVARIANTS = Path("docs/invariants.md")
NAME = re.compile(r"\b(R-\d\d|INV-\d+)\b")
DEFINED = re.compile(r"^- (R-\d\d|INV-\d+) ", re.MULTILINE)
ROW = re.compile(r"^\| (R-\d\d|INV-\d+) \|(.*)\|$", re.MULTILINE)
NAMED_FILE = re.compile(r"`((?:bridge|relayer|notary|tests|contracts|proto)/[\w./-]+)`")
RULES = tuple(DEFINED.findall(sources.text(PROTOCOL)))
ROWS = dict(ROW.findall(sources.text(INVARIANTS)))
NOT_TESTS = ("tests/tidy", "tests/mutants", "tests/vectors")
"""What only talks about rules."""
TESTS = tuple(
    path
    for path in sources.files()
    if path.is_relative_to("contracts/evm/test")
    or (path.parts[0] == "tests" and not any(path.is_relative_to(folder) for folder in NOT_TESTS))
)


def test_each_rule_is_defined_once_and_has_one_row() -> None:
    assert len(RULES) == len(set(RULES)) > 40
    assert sorted(ROWS) == sorted(RULES)
    assert len(ROW.findall(sources.text(INVARIANTS))) == len(ROWS)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_tested_or_says_what_is_missing(rule: str) -> None:
    citing = [str(path) for path in TESTS if rule in NAME.findall(sources.text(path))]
    assert citing or re.search(r"\*later\b", ROWS[rule]), (
        f"{rule}: no test cites it; write one, or *later: …* in its row"
    )


def test_no_file_cites_a_rule_that_does_not_exist() -> None:
    unknown = {
        str(path): sorted(wrong)
        for path in sources.files()
        if path.suffix in {".py", ".sol", ".md", ".proto", ".pml", ".patch", ".lua"}
        and (wrong := set(NAME.findall(sources.text(path))) - set(RULES))
    }
    assert not unknown


def test_every_file_that_the_table_names_exists() -> None:
    missing = sorted(
        {name for row in ROWS.values() for name in NAMED_FILE.findall(row) if not (sources.ROOT / name).exists()}
    )
    assert not missing
