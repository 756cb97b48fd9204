"""What people write at the command line, and what is taken for it."""

import contextlib
import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import ClientConfig
from bridge.core.caip import evm_account
from bridge.errors import BridgeError, InvalidInputError
from bridge.ops.client import Names, format_amount, parse_amount, parse_id, parse_reference
from bridge.ops.send import Move
from tests.unit.test_config import client

ALICE: Final = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
BOB: Final = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
CONFIG: Final = ClientConfig.model_validate(
    client(
        assets=[
            {
                "name": "tower",
                "asset": "isin:KR7900010013",
                "decimals": 0,
                "tokens": [{"ledger": "alpha", "token": ALICE}],
            }
        ],
        accounts=[{"name": "bob", "address": BOB}],
    )
)
NAMES: Final = Names(CONFIG)
BETA: Final = NAMES.ledger("beta")


@pytest.mark.parametrize(
    ("text", "decimals", "amount"),
    [
        ("12", 0, 12),
        ("12", 2, 1200),
        ("0.5", 1, 5),
        ("0.05", 2, 5),
        ("1.10", 2, 110),
        ("0.000000000000000001", 18, 1),
        ("9007199254740993", 0, 9007199254740993),
        ("0.1", 36, 10**35),
    ],
)
def test_an_amount_is_exact(text: str, decimals: int, amount: int) -> None:
    assert parse_amount(text, decimals) == amount


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-1", "+1", "1.", ".5", "01", "00", "1,000", "1_000", "1e3", "1E3", "0x10", "1 ", " 1", "1\n"),
        *("١٢", "１２", "1٫5", "²", "½", "inf", "nan", "NaN", "1.2.3", "9" * 5000, "0." + "0" * 5000),
    ],
)
def test_what_is_no_amount_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"write 12 or 0\.5, without sign, exponent or commas"):
        parse_amount(text, 36)


@pytest.mark.parametrize(("text", "decimals"), [("0.5", 0), ("1.0", 0), ("0.001", 2)])
def test_an_amount_finer_than_the_asset_is_refused_and_never_rounded(text: str, decimals: int) -> None:
    with pytest.raises(InvalidInputError, match=f"it has {decimals} decimal places"):
        parse_amount(text, decimals)


@pytest.mark.parametrize("text", ["0", "0.0", "0.00"])
def test_nothing_is_no_amount(text: str) -> None:
    with pytest.raises(InvalidInputError, match="amount must be above zero"):
        parse_amount(text, 2)


@given(amount=st.integers(1, 2**127), decimals=st.integers(0, 36))
def test_an_amount_that_is_written_is_read_again(amount: int, decimals: int) -> None:
    assert parse_amount(format_amount(amount, decimals), decimals) == amount


@given(text=st.text(max_size=100), decimals=st.integers(0, 36))
def test_whatever_is_written_is_an_amount_above_zero_or_refused(text: str, decimals: int) -> None:
    with contextlib.suppress(InvalidInputError):
        assert parse_amount(text, decimals) > 0


# --- names


def test_ledgers_and_assets_go_by_name_or_by_identity() -> None:
    assert NAMES.ledger("eip155:7002") is NAMES.ledger("beta")
    assert NAMES.asset("isin:KR7900010013") is NAMES.asset("tower")


@pytest.mark.parametrize("text", ["", "BETA", "beta ", "eip155:07002", "eip155:1"])
def test_an_unknown_ledger_is_told_with_those_that_are_known(text: str) -> None:
    with pytest.raises(InvalidInputError, match="known are alpha, beta"):
        NAMES.ledger(text)


def test_an_unknown_asset_is_told_with_those_that_are_known() -> None:
    with pytest.raises(InvalidInputError, match="unknown asset 'gold': known are tower"):
        NAMES.asset("gold")


@pytest.mark.parametrize("text", ["bob", BOB, BOB.lower(), BOB.upper().replace("0X", "0x"), f"eip155:7002:{BOB}"])
def test_a_recipient_goes_by_name_address_or_caip_10(text: str) -> None:
    assert NAMES.recipient(text, BETA) == evm_account(BOB)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "give 0x and 40 hexadecimal digits"),
        ("nobody", "give 0x and 40 hexadecimal digits"),
        (BOB[:-1], "give 0x and 40 hexadecimal digits"),
        (BOB + "0", "give 0x and 40 hexadecimal digits"),
        (BOB[2:], "give 0x and 40 hexadecimal digits"),
        (BOB + "\n", "give 0x and 40 hexadecimal digits"),
        (BOB.replace("fB", "fb"), "fails its EIP-55 checksum"),
        ("0x" + "0" * 40, "the zero address can't hold units"),
        (f"eip155:7001:{BOB}", "is an account of eip155:7001, but the transfer goes to eip155:7002"),
        (f"book:main:{BOB}", "give the recipient's account there"),
        ("eip155:7002:bob", "give 0x and 40 hexadecimal digits"),
    ],
)
def test_a_wrong_recipient_is_told(text: str, part: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(part)):
        NAMES.recipient(text, BETA)


@pytest.mark.parametrize("text", ["nobody", "k" * 5000, "", "\0"])
def test_an_unknown_key_is_told(text: str) -> None:
    with pytest.raises(InvalidInputError, match="unknown account or key file"):
        NAMES.key_file(text)


def test_a_key_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch()
    assert NAMES.key_file(str(path)) == path


# --- ids


@pytest.mark.parametrize("text", ["ab" * 32, "0x" + "AB" * 32, "0xabababab"])
def test_a_transfer_goes_by_its_id_or_by_its_first_digits(text: str) -> None:
    assert ("ab" * 32).startswith(parse_id(text))


@pytest.mark.parametrize("text", ["", "0x", "0xabc", "ab" * 33, "0x" + "g" * 64, "0x" + "１" * 64, "tower", "\n"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a transfer id: give 0x and its 64 hexadecimal digits"):
        parse_id(text)
    with pytest.raises(InvalidInputError, match="is not a client reference: give 0x and 64 hexadecimal digits"):
        parse_reference(text)


# --- orders


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"amount": 0}, "from 1 smallest unit to 2^127 - 1"),
        ({"amount": -1}, "from 1 smallest unit to 2^127 - 1"),
        ({"amount": 2**127}, "from 1 smallest unit to 2^127 - 1"),
        ({"deadline_in_s": 0}, "has passed: give seconds above zero"),
        ({"deadline_in_s": -1}, "has passed: give seconds above zero"),
        ({"deadline_in_s": 10**30}, "more than a century away: give fewer seconds"),
        ({"nonce": 0}, "nonce 0 is out of range: give 1 to 2^24 - 1"),
        ({"nonce": 2**24}, "nonce 16777216 is out of range: give 1 to 2^24 - 1"),
        ({"destination": NAMES.ledger("alpha")}, "source and destination are both alpha"),
    ],
)
def test_an_order_that_no_gateway_would_take_is_refused_r_01(wrong: dict[str, object], part: str) -> None:
    right = {
        "source": NAMES.ledger("alpha"),
        "destination": BETA,
        "asset": NAMES.asset("tower"),
        "recipient": evm_account(BOB),
        "amount": 2**127 - 1,
        "deadline_in_s": 600,
        "nonce": 2**24 - 1,
    }
    Move(**right)  # type: ignore[arg-type] # values of many types, checked by what follows
    with pytest.raises(BridgeError, match=re.escape(part)):
        Move(**(right | wrong))  # type: ignore[arg-type] # the same
