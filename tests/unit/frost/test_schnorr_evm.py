"""The file that forge reads is the one that its generator makes, and Python agrees with every row."""

import json

import pytest

from bridge.frost import ORDER, Element, EncodingError, Signature, verify
from tests.vectors.schnorr_evm import PATH, VALID_COUNT, Row, Vectors, text

VECTORS: Vectors = json.loads(PATH.read_text())


def accepts(row: Row) -> bool:
    words = {name: bytes.fromhex(row[name][2:]) for name in ("px", "py", "message", "rx", "ry", "z")}
    try:
        key = Element.from_coordinates(int(row["px"], 16), int(row["py"], 16))
        signature = Signature.from_evm(words["rx"] + words["ry"] + words["z"])
    except EncodingError:
        return False
    return verify(key, words["message"], signature)


def test_the_committed_file_is_what_its_generator_makes() -> None:
    assert PATH.read_text() == text()


def test_every_valid_row_verifies() -> None:
    assert len(VECTORS["valid"]) == VALID_COUNT
    assert all(accepts(row) for row in VECTORS["valid"])


@pytest.mark.parametrize("why", sorted({row["why"] for row in VECTORS["refused"]}))
def test_no_spoiled_row_verifies(why: str) -> None:
    rows = [row for row in VECTORS["refused"] if row["why"] == why]
    assert len(rows) == 5
    assert not any(accepts(row) for row in rows)


def test_the_rows_cover_both_parities_and_the_refused_key_is_on_the_curve() -> None:
    assert {int(row["py"], 16) % 2 for row in VECTORS["valid"]} == {0, 1}
    assert {int(row["ry"], 16) % 2 for row in VECTORS["valid"]} == {0, 1}
    above = next(row for row in VECTORS["refused"] if row["why"].startswith("Px >= n"))
    assert Element.from_coordinates(int(above["px"], 16), int(above["py"], 16)).coordinates()[0] >= ORDER
