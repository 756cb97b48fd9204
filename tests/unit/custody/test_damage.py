"""A sealed file that is not byte for byte what was written never opens, and says what to do."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.adapters.keystore.file import open_sealed, seal
from bridge.adapters.keystore.sealed import Sealed
from bridge.errors import ConfigError
from tests.unit.custody.support import KEK, PURPOSE, SECRET, private, written

MISSING = object()
"""In the place of a value: take the name out."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = private(tmp_path_factory.mktemp("damage") / "signer") / "share.json"
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    return path


@pytest.fixture(scope="module")
def data(path: Path) -> bytes:
    return path.read_bytes()


def refusal(path: Path, data: bytes) -> str:
    with pytest.raises(ConfigError) as refused:
        open_sealed(written(path.with_name("damaged.json"), data), purpose=PURPOSE, kek=KEK)
    text = str(refused.value)
    assert "damaged.json" in text
    assert SECRET.hex() not in text
    return text


@settings(max_examples=300, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_a_single_changed_byte_anywhere_never_opens(path: Path, data: bytes, at: float, mask: int) -> None:
    place = int(at * len(data))
    changed = bytearray(data)
    changed[place] ^= mask

    assert refusal(path, bytes(changed))


def test_a_file_cut_off_anywhere_never_opens(path: Path, data: bytes) -> None:
    for length in range(len(data)):
        assert refusal(path, data[:length])


@pytest.mark.parametrize("more", [b"\n", b" ", b"{}", b"\0"])
def test_a_file_with_something_added_never_opens(path: Path, data: bytes, more: bytes) -> None:
    assert "restore it from its backup" in refusal(path, data + more)
    assert "restore it from its backup" in refusal(path, more + data)


def test_the_same_values_in_another_form_are_a_changed_file(path: Path, data: bytes) -> None:
    fields = json.loads(data)
    forms = [
        json.dumps(fields).encode(),
        json.dumps(fields, indent=2, sort_keys=True).encode(),
        data.replace(b'"version": 1', b'"version": 1.0'),
        data.replace(b'"version": 1', b'"version": true'),
        data.replace(fields["ciphertext"].encode(), fields["ciphertext"].upper().encode()),
        data.replace(fields["nonce"].encode(), b" ".join([fields["nonce"][:2].encode(), fields["nonce"][2:].encode()])),
    ]
    for form in forms:
        assert "damaged or changed" in refusal(path, form)


def test_a_name_that_stands_twice_is_refused(path: Path, data: bytes) -> None:
    twice = data.replace(b'"version": 1', b'"version": 1,\n  "version": 1')
    inside = data.replace(b'"kdf": "scrypt"', b'"kdf": "scrypt",\n      "kdf": "scrypt"')

    assert "it says 'version' twice" in refusal(path, twice)
    assert "it says 'kdf' twice" in refusal(path, inside)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "1", '"naru-sealed"', "[" * 100_000, "nan", "\udcff", "9" * 5_000, '{"version": 1}']
)
def test_what_is_no_sealed_file_is_refused(path: Path, text: str) -> None:
    assert "damaged.json" in refusal(path, text.encode("utf-8", errors="surrogateescape"))


def test_a_file_longer_than_any_sealed_one_is_refused_unread(path: Path) -> None:
    assert "is longer than 65536 bytes: it is not the file that belongs here" in refusal(path, bytes(65_537))


@pytest.mark.parametrize("version", [0, 2, "1", None, [], "2" * 500])
def test_another_version_says_to_run_the_newer_program(path: Path, data: bytes, version: object) -> None:
    text = refusal(path, changed(data, {"version": version}))
    assert "and this program knows 1: run the newer program" in text
    assert len(text) < 500


def test_another_programs_file_is_refused(path: Path, data: bytes) -> None:
    other = changed(data, {"format": "keystore"})
    assert "not a sealed file of this project: name the right one" in refusal(path, other)


@pytest.mark.parametrize("name", ["ciphertext", "kek", "nonce", "purpose"])
@pytest.mark.parametrize("value", [None, 1, "zz", "00", [], {}, {"name": 1, "parameters": {}}, {"name": "x"}])
def test_a_field_of_another_type_or_length_is_refused(path: Path, data: bytes, name: str, value: object) -> None:
    text = refusal(path, changed(data, {name: value}))
    assert "restore it from its backup" in text or "name the right file" in text


def test_a_field_too_few_or_too_many_is_refused(path: Path, data: bytes) -> None:
    for name in ("ciphertext", "kek", "nonce", "purpose"):
        assert "not the fields" in refusal(path, changed(data, {name: MISSING}))
    assert "not the fields" in refusal(path, changed(data, {"more": 1}))
    assert "not the fields" in refusal(path, changed(data, {"more": 1}, "kek"))


def test_what_a_file_claims_is_shown_shortened_and_escaped(path: Path, data: bytes) -> None:
    text = refusal(path, changed(data, {"purpose": "\x1b[2J" + "x" * 10_000}))

    assert "\\x1b[2J" in text
    assert len(text) < 500


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"n": str(2**22)}, "n·r·p is 2097152 at the most"),
        ({"n": str(2**26)}, "n·r·p is 2097152 at the most"),
        ({"r": "99999999"}, "n·r·p is 2097152 at the most"),
        ({"p": "99999999"}, "n·r·p is 2097152 at the most"),
        ({"n": "3"}, "a power of two above 1"),
        ({"n": "1"}, "a power of two above 1"),
        ({"n": "0"}, "is no number"),
        ({"r": "-8"}, "is no number"),
        ({"p": "1e9"}, "is no number"),
        ({"n": "9" * 5_000}, "is no number"),
        ({"r": "٨"}, "is no number"),
        ({"kdf": "none"}, "not wrapped by a passphrase and scrypt"),
        ({"salt": "x"}, "salt is not in hex digits"),
        ({"nonce": ""}, "the passphrase does not open it"),
        ({"wrapped": ""}, "the passphrase does not open it"),
    ],
)
def test_dangerous_scrypt_parameters_are_refused_before_they_cost_anything(
    path: Path, data: bytes, values: dict[str, str], says: str
) -> None:
    text = refusal(path, changed(data, values, "kek", "parameters"))
    assert says in text
    assert "restore the file" in text


def test_a_sealed_file_reads_as_it_writes(data: bytes) -> None:
    assert Sealed.from_bytes(data).to_bytes() == data


def changed(data: bytes, values: Mapping[str, object], *inside: str) -> bytes:
    """Change what is said, in the form in which this program would say it."""
    fields = place = json.loads(data)
    for name in inside:
        place = place[name]
    place.update(values)
    for name in [name for name, value in values.items() if value is MISSING]:
        del place[name]
    return json.dumps(fields, sort_keys=True, indent=2).encode() + b"\n"
