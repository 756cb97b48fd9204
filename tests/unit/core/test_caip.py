"""Names in text and in 32 bytes, and every way to get one wrong (protocol.md, section 1)."""

import json

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.caip import (
    Account,
    Endpoint,
    LedgerId,
    asset_id,
    caip10,
    evm_account,
    evm_address,
    evm_chain_id,
    ledger_id,
)
from bridge.errors import InvalidInputError
from tests.strategies import evm_accounts
from tests.vectors.statements import PATH

VECTORS = json.loads(PATH.read_text())
HERE = LedgerId("eip155:1337")
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ACCOUNT = Account(bytes(12) + bytes.fromhex(ADDRESS[2:]))
BAD_ADDRESSES = {
    "empty": "",
    "no prefix": ADDRESS[2:],
    "prefix only": "0x",
    "upper-case prefix": "0X" + ADDRESS[2:],
    "one digit short": ADDRESS[:-1],
    "one digit more": ADDRESS + "0",
    "an account of 32 bytes": "0x" + "00" * 12 + ADDRESS[2:],
    "not hexadecimal": ADDRESS[:-1] + "g",
    "space before": " " + ADDRESS.lower(),
    "newline after": ADDRESS.lower() + "\n",
    "unicode digits": "0x" + "١" * 40,
    "full-width letters": "0x" + "\uff41" * 40,
    "a name": "naru.eth",
    "path traversal": "../../etc/passwd",
    "control character": ADDRESS.lower()[:-1] + "\x00",
}
BAD_LEDGERS = {
    "empty": "",
    "no reference": "eip155:",
    "no namespace": ":1337",
    "no colon": "eip155",
    "two colons": "eip155:1337:1",
    "leading zero": "eip155:01337",
    "hexadecimal": "eip155:0x539",
    "negative": "eip155:-1",
    "exponent": "eip155:1e3",
    "fraction": "eip155:1.0",
    "unicode digits": "eip155:١٣٣٧",
    "upper-case namespace": "EIP155:1337",
    "space": "eip155: 1337",
    "newline": "eip155:1337\n",
    "namespace too short": "ab:1",
    "namespace too long": "abcdefghi:1",
    "reference too long": "fabric:" + "a" * 33,
    "slash": "fabric:a/b",
}
BAD_ASSETS = {
    "empty": "",
    "bare ISIN": "KR7005930003",
    "no ISIN": "isin:",
    "lower case": "isin:kr7005930003",
    "one character short": "isin:KR700593000",
    "one character more": "isin:KR70059300031",
    "letter as check digit": "isin:KR700593000A",
    "digits as country": "isin:117005930003",
    "unicode digits": "isin:KR٧٠٠٥٩٣٠٠٠٣",
    "newline": "isin:KR7005930003\n",
    "another scheme": "cusip:037833100",
}


@pytest.mark.parametrize("row", VECTORS["endpoints"], ids=lambda row: row["caip2"])
def test_an_endpoint_id_is_the_one_in_the_vectors(row: dict[str, str]) -> None:
    endpoint = Endpoint(
        ledger=ledger_id(row["caip2"]),
        fingerprint=bytes.fromhex(row["fingerprint"][2:]),
        gateway=Account(bytes.fromhex(row["account"][2:])),
    )
    assert endpoint.id.hex() == row["id"][2:]


def test_a_restored_or_copied_ledger_is_another_endpoint() -> None:
    """R-06: the chain id, the block before deployment and the gateway's account all count."""
    parts = [
        ("eip155:1337", b"\x01" * 32, ACCOUNT),
        ("eip155:1338", b"\x01" * 32, ACCOUNT),
        ("eip155:1337", b"\x02" * 32, ACCOUNT),
        ("eip155:1337", b"\x01" * 32, Account(bytes(31) + b"\x01")),
    ]
    ids = {Endpoint(ledger=ledger_id(name), fingerprint=block, gateway=gateway).id for name, block, gateway in parts}
    assert len(ids) == len(parts)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_endpoint_is_made_of_whole_words(length: int) -> None:
    with pytest.raises(InvalidInputError, match=f"expected 32 bytes, got {length}"):
        _ = Endpoint(ledger=HERE, fingerprint=bytes(length), gateway=ACCOUNT).id
    with pytest.raises(InvalidInputError, match=f"expected 32 bytes, got {length}"):
        _ = Endpoint(ledger=HERE, fingerprint=bytes(32), gateway=Account(bytes(length))).id


@pytest.mark.parametrize("text", ["eip155:1337", "eip155:0", "fabric:AbC_-9", "book:samsung", "eip155:" + "9" * 32])
def test_a_ledger_is_named_by_caip_2(text: str) -> None:
    assert ledger_id(text) == text


@pytest.mark.parametrize("text", BAD_LEDGERS.values(), ids=BAD_LEDGERS)
def test_other_text_is_no_ledger(text: str) -> None:
    with pytest.raises(InvalidInputError, match="give CAIP-2 text such as eip155:1337"):
        ledger_id(text)


@given(st.integers(0, 10**32 - 1))
def test_a_chain_id_is_read_back_from_its_ledger(chain_id: int) -> None:
    assert evm_chain_id(ledger_id(f"eip155:{chain_id}")) == chain_id


@pytest.mark.parametrize("text", ["fabric:1337", "book:a", "eip155:01"])
def test_a_ledger_that_is_not_evm_has_no_chain_id(text: str) -> None:
    with pytest.raises(InvalidInputError, match="must be eip155"):
        evm_chain_id(LedgerId(text))


@pytest.mark.parametrize("row", VECTORS["assets"], ids=lambda row: row["text"])
def test_an_asset_id_is_the_one_in_the_vectors(row: dict[str, str]) -> None:
    assert asset_id(row["text"]).hex() == row["id"][2:]


@pytest.mark.parametrize("text", BAD_ASSETS.values(), ids=BAD_ASSETS)
def test_other_text_is_no_asset(text: str) -> None:
    with pytest.raises(InvalidInputError, match="give isin: and the twelve characters"):
        asset_id(text)


@given(evm_accounts)
def test_an_address_survives_its_account(account: Account) -> None:
    text = evm_address(account)
    assert text == to_checksum_address(account[12:])
    assert evm_account(text) == evm_account(text.lower()) == evm_account("0x" + text[2:].upper()) == account


@pytest.mark.parametrize("text", BAD_ADDRESSES.values(), ids=BAD_ADDRESSES)
def test_other_text_is_no_account(text: str) -> None:
    """R-01: the recipient has the destination's form."""
    with pytest.raises(InvalidInputError, match="give 0x and 40 hexadecimal digits"):
        evm_account(text)


@given(evm_accounts, st.data())
def test_one_letter_of_the_wrong_case_fails_the_checksum(account: Account, data: st.DataObject) -> None:
    text = evm_address(account)
    letters = [i for i, c in enumerate(text) if c.isalpha() and i > 1]
    if letters:
        at = data.draw(st.sampled_from(letters))
        wrong = text[:at] + text[at].swapcase() + text[at + 1 :]
        if wrong[2:] not in {text[2:].lower(), text[2:].upper()}:
            with pytest.raises(InvalidInputError, match="EIP-55 checksum: copy it again"):
                evm_account(wrong)


def test_the_zero_address_is_nobody() -> None:
    """R-01."""
    with pytest.raises(InvalidInputError, match="zero address"):
        evm_account("0x" + "0" * 40)


@pytest.mark.parametrize("length", [0, 20, 31, 33])
def test_an_account_of_another_length_has_no_address(length: int) -> None:
    with pytest.raises(InvalidInputError, match="32 bytes"):
        evm_address(Account(bytes(length)))


@pytest.mark.parametrize("at", range(12))
def test_an_account_with_a_bit_above_its_address_is_not_evm(at: int) -> None:
    """R-01: upper twelve bytes zero."""
    raw = bytearray(ACCOUNT)
    raw[at] = 1
    with pytest.raises(InvalidInputError, match="upper twelve bytes must be zero"):
        evm_address(Account(bytes(raw)))


@pytest.mark.parametrize("text", [ADDRESS, ADDRESS.lower(), f"eip155:1337:{ADDRESS}"])
def test_an_account_of_the_ledger_is_read_with_or_without_its_name(text: str) -> None:
    assert caip10(text, ledger=HERE) == ACCOUNT


@pytest.mark.parametrize(
    "prefix", ["eip155:1", "eip155:01337", "fabric:1337", "EIP155:1337", "eip155", ":", "eip155:1337:"]
)
def test_an_account_of_another_ledger_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidInputError, match="but the transfer goes to eip155:1337: give the recipient's account"):
        caip10(f"{prefix}:{ADDRESS}", ledger=HERE)


def test_an_account_of_a_ledger_that_is_not_evm_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not an EVM ledger"):
        caip10(ADDRESS, ledger=ledger_id("fabric:channel"))


@pytest.mark.parametrize("text", BAD_ADDRESSES.values(), ids=BAD_ADDRESSES)
def test_a_named_ledger_makes_a_bad_account_no_better(text: str) -> None:
    with pytest.raises(InvalidInputError):
        caip10(f"{HERE}:{text}", ledger=HERE)
