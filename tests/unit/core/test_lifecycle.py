"""R-27: one value has one sequence of bytes (RFC 8785), and bytes count only under the hash that a transfer binds."""

import json
import struct
from dataclasses import replace

import pytest
import rfc8785
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.lifecycle import (
    PACKAGE_LEN_MAX,
    SALT_LEN,
    TEXT_LEN_MAX,
    Fault,
    Kind,
    Lifecycle,
    LifecycleError,
    Lot,
    Package,
    RecordDate,
    Right,
    Side,
    pack,
    seal_context,
)
from bridge.core.transfer import AMOUNT_MAX, Transfer
from tests.conformance.samples import transfer

SALT = bytes(range(SALT_LEN))
DATA = Lifecycle(
    lots=(
        Lot(units=600, acquired="2024-02-29", cost="1,200,000 KRW"),
        Lot(units=400, acquired="2026-07-02"),
    ),
    rights=(
        Right(name="royalty-2026-q2", kind=Kind.ROYALTY, record_date="2026-06-30", entitled="보유자-0017", units=1000),
    ),
    record_dates=(
        RecordDate(name="royalty-2026-q2", date="2026-06-30", side=Side.EX),
        RecordDate(name="vote-2026", date="2026-12-31", side=Side.CUM),
    ),
)
CANONICAL = (
    '{"lots":[{"acquired":"2024-02-29","cost":"1,200,000 KRW","units":"600"},{"acquired":"2026-07-02","units":"400"}],'
    '"record_dates":[{"date":"2026-06-30","name":"royalty-2026-q2","side":"ex"},'
    '{"date":"2026-12-31","name":"vote-2026","side":"cum"}],'
    '"rights":[{"entitled":"보유자-0017","kind":"royalty","name":"royalty-2026-q2","record_date":"2026-06-30",'
    '"units":"1000"}],"version":1}'
)
PACKAGE = pack(DATA, SALT)


def bound(package: Package = PACKAGE, amount: int = 1000) -> Transfer:
    return replace(transfer(1), amount=amount, payload_hash=package.hash)


# --- RFC 8785, as the library gives it; copied from the RFC by hand


def test_the_rfc_s_example_has_the_rfc_s_bytes() -> None:
    value = json.loads(
        r"""{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"""
    )
    expected = (
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e3333"
        "33333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127"
        "425c225c5c5c5c5c222f227d"
    )
    assert rfc8785.dumps(value).hex() == expected


def test_the_rfc_s_names_are_sorted_by_utf_16() -> None:
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(rfc8785.dumps(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_the_rfc_s_numbers_are_written_as_its_appendix_b_has_them(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert rfc8785.dumps(number).decode() == text


# --- the data


def test_data_has_one_canonical_form_and_numbers_are_texts() -> None:
    assert DATA.to_bytes().decode() == CANONICAL
    assert Lifecycle.from_bytes(CANONICAL.encode()) == DATA
    assert DATA.units == 1000


def test_any_layout_is_read_and_gives_the_same_bytes() -> None:
    spread = json.dumps(json.loads(CANONICAL), indent=4, ensure_ascii=True)
    assert Lifecycle.from_json(spread).to_bytes() == CANONICAL.encode()
    assert Lifecycle.from_json('{"version": 1, "lots": [{"units": "1", "acquired": "2026-01-01"}]}').rights == ()


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.isprintable)
DAYS = st.dates().map(str)
LOTS = st.builds(Lot, units=st.integers(1, 2**100), acquired=DAYS, cost=st.none() | TEXTS)
FLAGS = st.builds(RecordDate, name=TEXTS, date=DAYS, side=st.sampled_from(Side))


@st.composite
def whole(draw: st.DrawFn) -> Lifecycle:
    lots = draw(st.lists(LOTS, min_size=1, max_size=5))
    flags = draw(st.lists(FLAGS, max_size=4, unique_by=lambda flag: flag.name))
    rights = [
        Right(
            name=flag.name,
            kind=draw(st.sampled_from(Kind)),
            record_date=flag.date,
            entitled=draw(TEXTS),
            units=draw(st.integers(1, sum(lot.units for lot in lots))),
        )
        for flag in flags
        if flag.side is Side.EX
    ]
    return Lifecycle(lots=tuple(lots), rights=tuple(rights), record_dates=tuple(flags))


@given(whole())
def test_what_is_written_is_read_again_and_written_the_same(data: Lifecycle) -> None:
    written = data.to_bytes()
    assert Lifecycle.from_bytes(written) == data
    assert Lifecycle.from_json(json.dumps(json.loads(written))).to_bytes() == written


@pytest.mark.parametrize(
    "data",
    [
        CANONICAL.replace('"version":1', '"version": 1'),
        CANONICAL.replace("보유자", "\\ubcf4\\uc720\\uc790"),
        CANONICAL[:-1] + ',"rights":[]}',
        CANONICAL + "\n",
    ],
)
def test_bytes_in_another_form_are_refused(data: str) -> None:
    with pytest.raises(LifecycleError, match=r"^MALFORMED: .*(canonical form|stands there twice)"):
        Lifecycle.from_bytes(data.encode())


def changed(path: str, value: object) -> str:
    """Set what is at *path* of the sample; a value of `...` takes it away."""
    document = json.loads(CANONICAL)
    *before, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    at = document
    for step in before:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("version", 2, "version: give 1"),
        ("version", True, "version: give 1"),
        ("version", ..., "the file: version is missing: add it"),
        ("lots", ..., "lots is missing"),
        ("lots", [], "lots: give at least one"),
        ("lots", {}, "lots: give a list"),
        ("lots.0", 5, r"lots\[0\]: give an object with units, acquired"),
        ("lots.0.unit", "1", r"lots\[0\]: no such field as 'unit'"),
        ("lots.0.units", 600, 'whole smallest units as a text, such as "1500"'),
        ("lots.0.units", "6e2", "whole smallest units"),
        ("lots.0.units", "0600", "whole smallest units"),
        ("lots.0.units", "0", "whole smallest units"),
        ("lots.0.units", "-600", "whole smallest units"),
        ("lots.0.units", "٦٠٠", "whole smallest units"),
        ("lots.0.units", str(AMOUNT_MAX + 1), r"lots\[0\].units: give 1 to 2\^127 - 1"),
        ("lots.0.units", str(AMOUNT_MAX), r"lots: .* together no more than 2\^127 - 1"),
        ("lots.0.acquired", "2023-02-29", r"lots\[0\].acquired: give a day"),
        ("lots.0.acquired", "2026-13-01", "give a day"),
        ("lots.0.acquired", "2026-00-01", "give a day"),
        ("lots.0.acquired", "0000-01-01", "give a day"),
        ("lots.0.acquired", "20260101", "give a day"),
        ("lots.0.cost", 1200, r"lots\[0\].cost: give a text"),
        ("lots.0.cost", "", r"lots\[0\].cost: give 1 to 200 printable"),
        ("lots.0.cost", "a\nb", "printable"),
        ("lots.0.cost", "\ud800", "printable"),
        ("rights.0.kind", "royalties", r"rights\[0\].kind: give one of royalty, dividend"),
        ("rights.0.entitled", "x" * (TEXT_LEN_MAX + 1), r"rights\[0\].entitled: give 1 to 200"),
        ("rights.0.units", "1001", "more units carried 'royalty-2026-q2' than are moved"),
        ("rights.0.record_date", "2026-06-29", "record_dates must name it with that date and side ex"),
        ("rights.0.name", "royalty-2026-q1", "record_dates must name it"),
        ("record_dates.0.side", "cum", "record_dates must name it"),
        ("record_dates.0.side", "both", r"record_dates\[0\].side: give one of cum, ex"),
        ("record_dates.1.name", "royalty-2026-q2", "record_dates: 'royalty-2026-q2' stands there twice"),
        ("record_dates.1.date", "soon", r"record_dates\[1\].date: give a day"),
    ],
)
def test_wrong_data_is_refused_and_the_text_tells_where(path: str, value: object, told: str) -> None:
    with pytest.raises(LifecycleError, match=told) as caught:
        Lifecycle.from_json(changed(path, value))
    assert caught.value.fault is Fault.MALFORMED


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1", b"[" * 100_000, b"[]", b'"lots"'])
def test_what_is_no_object_in_json_is_refused(data: bytes) -> None:
    with pytest.raises(LifecycleError, match="MALFORMED"):
        Lifecycle.from_json(data)


def test_a_right_is_told_once_for_each_holder_and_no_holder_stands_in_the_error() -> None:
    with pytest.raises(LifecycleError, match="stands there twice") as caught:
        replace(DATA, rights=(replace(DATA.rights[0], units=1),) * 2)
    assert DATA.rights[0].entitled not in str(caught.value)
    both = tuple(replace(DATA.rights[0], units=500, entitled=name) for name in ("h-1", "h-2"))
    assert Lifecycle.from_bytes(replace(DATA, rights=both).to_bytes()).rights == both


# --- the hash


def test_the_hash_is_of_salt_and_bytes_and_never_of_bytes_alone() -> None:
    assert PACKAGE.hash == keccak(SALT + CANONICAL.encode())
    assert PACKAGE.hash != keccak(CANONICAL.encode())
    assert PACKAGE.to_bytes() == SALT + CANONICAL.encode()
    assert Package.from_bytes(PACKAGE.to_bytes()) == PACKAGE
    assert pack(DATA, bytes(SALT_LEN)).hash != PACKAGE.hash


def test_what_a_transfer_binds_is_read() -> None:
    assert PACKAGE.check(bound()) == DATA


@given(st.integers(0, 8 * len(PACKAGE.to_bytes()) - 1))
def test_a_flipped_bit_anywhere_is_another_hash(bit: int) -> None:
    number = int.from_bytes(PACKAGE.to_bytes()) ^ 1 << bit
    other = Package.from_bytes(number.to_bytes(len(PACKAGE.to_bytes())))
    with pytest.raises(LifecycleError, match="HASH_MISMATCH"):
        other.check(bound())


def test_a_transfer_that_binds_nothing_takes_nothing() -> None:
    with pytest.raises(LifecycleError, match="HASH_MISMATCH"):
        PACKAGE.check(transfer(1))


def test_lots_that_do_not_add_up_to_the_amount_are_refused() -> None:
    for amount in (999, 1001):
        with pytest.raises(LifecycleError, match=f"UNITS_MISMATCH: .* 1000 units, and the transfer moves {amount}"):
            PACKAGE.check(bound(amount=amount))


def test_bound_bytes_that_are_no_data_are_refused() -> None:
    junk = Package(salt=SALT, data=b"{}")
    with pytest.raises(LifecycleError, match="MALFORMED"):
        junk.check(bound(junk))


def test_a_package_has_its_salt_and_64_kib_at_the_most() -> None:
    assert len(Package.from_bytes(bytes(PACKAGE_LEN_MAX)).data) == PACKAGE_LEN_MAX - SALT_LEN
    with pytest.raises(LifecycleError, match="TOO_LONG"):
        Package.from_bytes(bytes(PACKAGE_LEN_MAX + 1))
    with pytest.raises(LifecycleError, match="begins with 32 random bytes"):
        Package.from_bytes(bytes(SALT_LEN - 1))


def test_a_seal_is_bound_to_the_transfer_and_to_the_hash() -> None:
    one, other, third = bound(), replace(bound(), sequence=2), bound(pack(DATA, bytes(SALT_LEN)))
    assert len({seal_context(one), seal_context(other), seal_context(third)}) == 3
    assert seal_context(one) == b"naru.lifecycle.1\x00" + one.id + one.payload_hash
