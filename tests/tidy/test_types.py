"""The type strings of docs/protocol.md, section 3: each hashes to what stands beside it, and the code has the same."""

import re
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from bridge.core.orders import ORDER_DOMAIN_TYPE, ORDER_TYPE
from tests.tidy import sources
from tests.vectors.statements import ALL_TYPES

SECTION = sources.text(Path("docs/protocol.md")).partition("\n## 3. ")[2].partition("\n## 4. ")[0]
STATEMENTS, _, TABLE = SECTION.partition("\n### Type strings\n")
TYPE = r"[A-Z]\w*\(\w+(?:\[\])? \w+(?:,\w+(?:\[\])? \w+)*\)"
ROWS = re.findall(rf"^\| `({TYPE})` \| `(0x[0-9a-f]{{64}})` \|$", TABLE, re.MULTILINE)
UNUSED = {"Supply"}  # signed and read off the ledgers: the stored totals of each height


def test_every_row_of_the_table_is_a_type_string_and_its_hash() -> None:
    lines = [line for line in TABLE.splitlines() if line.startswith("|")]
    assert len(ROWS) == len(lines) - 2 >= 13


@pytest.mark.parametrize(("text", "typehash"), ROWS, ids=lambda value: value.partition("(")[0])
def test_a_type_string_hashes_to_the_typehash_beside_it(text: str, typehash: str) -> None:
    assert "0x" + keccak(text.encode()).hex() == typehash


def test_every_statement_has_its_type_string_in_the_table() -> None:
    stated = re.findall(rf"^\| `({TYPE})` \|", STATEMENTS, re.MULTILINE)
    assert len(stated) >= 6
    assert set(stated) <= _specified()


def test_the_contracts_hash_the_table_s_type_strings_and_no_others() -> None:
    folder = Path("contracts/evm/src")
    texts = [sources.text(path) for path in sources.files() if path.is_relative_to(folder) and path.suffix == ".sol"]
    hashed = {found for text in texts for found in re.findall(rf'keccak256\(\s*"({TYPE})"\s*\)', text)}
    assert hashed == {text for text in _specified() if text.partition("(")[0] not in UNUSED}


def test_the_vectors_have_the_table_s_type_strings_and_no_others() -> None:
    known = {*ALL_TYPES, ORDER_DOMAIN_TYPE, ORDER_TYPE}
    assert known == {text for text in _specified() if text.partition("(")[0] not in UNUSED}


def _specified() -> set[str]:
    return {text for text, _ in ROWS}
