"""The file that forge reads is the one that its generator makes, and Python agrees with every row."""

import json
from collections.abc import Iterator
from dataclasses import astuple, replace

import pytest

from bridge.frost import ORDER, Element, EncodingError, Signature, verify
from tests.vectors.schnorr_evm import COMMITTEES, PATH, SIGNATURES_EACH, Row, Vectors, text

TEXT = PATH.read_text()
VECTORS: Vectors = json.loads(TEXT)
WORDS = ("px", "py", "message", "rx", "ry", "z")


def row_of(words: str) -> Row:
    data = bytes.fromhex(words)
    assert len(data) == 6 * 32
    return Row(*(int.from_bytes(data[at : at + 32]) for at in range(0, len(data), 32)))


def valid_rows() -> Iterator[Row]:
    for committee in VECTORS["valid"]:
        for words in committee["rows"]:
            yield row_of(committee["key"][2:] + words[2:])


def accepts(row: Row) -> bool:
    words = [word.to_bytes(32) for word in astuple(row)]
    try:
        key = Element.from_coordinates(row.px, row.py)
        signature = Signature.from_evm(b"".join(words[3:]))
    except EncodingError:
        return False
    return verify(key, words[2], signature)


def test_the_committed_file_is_what_its_generator_makes() -> None:
    assert text() == TEXT, "run `make vectors` and commit"


def test_every_valid_row_verifies() -> None:
    rows = list(valid_rows())
    assert len(rows) == len(COMMITTEES) * SIGNATURES_EACH == 1000
    assert all(accepts(row) for row in rows)


def test_the_valid_rows_differ_in_everything_and_have_all_parities() -> None:
    rows = list(valid_rows())
    assert len({row.px for row in rows}) == len(COMMITTEES)
    assert len({row.message for row in rows}) == len({row.rx for row in rows}) == len({row.z for row in rows}) == 1000
    assert {row.parities for row in rows} == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize("form", VECTORS["refused"], ids=lambda form: form["why"])
def test_no_refused_row_verifies(form: dict[str, list[str]]) -> None:
    rows = [row_of(words[2:]) for words in form["rows"]]
    assert len(rows) == 4
    assert not any(accepts(row) for row in rows)


def test_no_bit_of_a_signature_can_be_changed() -> None:
    row = next(valid_rows())
    changed = (replace(row, **{word: getattr(row, word) ^ 1 << bit}) for word in WORDS for bit in range(256))
    assert not any(accepts(one) for one in changed)


def test_the_refused_key_not_below_the_order_is_on_the_curve() -> None:
    (form,) = [form for form in VECTORS["refused"] if form["why"] == "Px >= n: on the curve"]
    row = row_of(form["rows"][0][2:])
    assert Element.from_coordinates(row.px, row.py).coordinates()[0] >= ORDER
