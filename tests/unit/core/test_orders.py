"""Orders: what holders sign, its digest by two implementations, and what no gateway would take (R-02)."""

import copy
import json
import re
from dataclasses import fields, replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.caip import Account, AssetId, Endpoint, EndpointId, LedgerId, ledger_id
from bridge.core.orders import (
    ANYBODY,
    ORDER_DOMAIN_TYPE,
    ORDER_TYPE,
    U32_MAX,
    U256_MAX,
    Order,
    SignedOrder,
    order_domain_separator,
    order_of,
)
from bridge.core.transfer import AMOUNT_MAX, U64_MAX
from bridge.errors import InvalidInputError
from tests.strategies import evm_accounts, words
from tests.tidy import sources
from tests.vectors.orders import PATH, text

VECTORS = json.loads(PATH.read_text())
GATEWAY = Endpoint(ledger=ledger_id("eip155:7001"), fingerprint=b"\x01" * 32, gateway=Account(bytes(12) + b"\xab" * 20))
OTHER = replace(GATEWAY, fingerprint=b"\x02" * 32)
ALICE, VENUE = Account(bytes(12) + b"\x0a" * 20), Account(bytes(12) + b"\x0c" * 20)
ORDER = Order(
    source=GATEWAY.id,
    destination=EndpointId(b"\x05" * 32),
    asset=AssetId(b"\x06" * 32),
    holder=ALICE,
    recipient=Account(bytes(12) + b"\x0b" * 20),
    amount=100,
    deadline=1_900_000_000,
    nonce=7,
    expiry=1_800_000_000,
)


@st.composite
def gateways(draw: st.DrawFn) -> Endpoint:
    chain_id = draw(st.integers(1, 2**53 - 1))
    return Endpoint(ledger=ledger_id(f"eip155:{chain_id}"), fingerprint=draw(words), gateway=draw(evm_accounts))


@st.composite
def orders(draw: st.DrawFn, gateway: Endpoint = GATEWAY) -> Order:
    submitter = draw(st.just(ANYBODY) | evm_accounts)
    named = submitter != ANYBODY
    life = draw(st.integers(0, U32_MAX)) if named else 0
    return Order(
        source=gateway.id,
        destination=EndpointId(draw(words.filter(lambda w: w != gateway.id))),
        asset=AssetId(draw(words)),
        holder=draw(evm_accounts),
        recipient=Account(draw(words.filter(any))),
        amount=draw(st.integers(1, AMOUNT_MAX)),
        divisible=named and draw(st.booleans()),
        deadline=0 if life else draw(st.integers(1, U64_MAX)),
        life=life,
        client_reference=draw(words),
        payload_hash=draw(words),
        nonce=draw(st.integers(1, U256_MAX)),
        expiry=draw(st.integers(1, U64_MAX)),
        submitter=submitter,
    )


def endpoint(row: dict[str, str]) -> Endpoint:
    return Endpoint(
        ledger=ledger_id(row["caip2"]),
        fingerprint=bytes.fromhex(row["fingerprint"][2:]),
        gateway=Account(bytes.fromhex(row["account"][2:])),
    )


@pytest.mark.parametrize("row", VECTORS["orders"], ids=lambda row: row["digest"][:10])
def test_an_order_s_digest_is_the_one_in_the_vectors(row: dict[str, Any]) -> None:
    gateway = endpoint(VECTORS["gateways"][row["gateway"]])
    order = order_of(row["typedData"], gateway)
    assert order.struct_hash.hex() == row["structHash"][2:]
    assert order.digest(gateway).hex() == row["digest"][2:]
    assert order_domain_separator(gateway).hex() == VECTORS["gateways"][row["gateway"]]["domainSeparator"][2:]


def test_the_vectors_are_those_of_the_code() -> None:
    assert PATH.read_text() == text(), "run `make vectors` and commit"


@given(st.data())
def test_an_order_s_digest_is_what_a_wallet_hashes(data: st.DataObject) -> None:
    """Another implementation of EIP-712, given the JSON that wallets take, finds the same 32 bytes."""
    gateway = data.draw(gateways())
    order = data.draw(orders(gateway))
    signable = encode_typed_data(full_message=json.loads(json.dumps(order.typed_data(gateway))))
    assert signable.header == order_domain_separator(gateway)
    assert signable.body == order.struct_hash
    assert keccak(b"\x19" + signable.version + signable.header + signable.body) == order.digest(gateway)


@given(orders())
def test_an_order_that_is_written_is_read_again(order: Order) -> None:
    assert order_of(json.loads(json.dumps(order.typed_data(GATEWAY))), GATEWAY) == order


def test_wallets_may_write_numbers_as_numbers_and_addresses_in_small_letters() -> None:
    data = ORDER.typed_data(GATEWAY)
    message: Any = data["message"]
    message |= {"amount": 100, "nonce": 7, "holder": message["holder"].lower()}
    assert order_of(data, GATEWAY) == ORDER


@given(orders(), orders())
def test_two_orders_share_a_digest_only_if_they_are_equal(one: Order, other: Order) -> None:
    assert (one.digest(GATEWAY) == other.digest(GATEWAY)) == (one == other)


@pytest.mark.parametrize(
    "changed",
    [
        {"destination": b"\x55" * 32},
        {"asset": b"\x55" * 32},
        {"holder": VENUE},
        {"recipient": VENUE},
        {"amount": 101},
        {"divisible": True},
        {"deadline": 1_900_000_001},
        {"deadline": 0, "life": 600},
        {"client_reference": b"\x55" * 32},
        {"payload_hash": b"\x55" * 32},
        {"nonce": 8},
        {"expiry": 1_800_000_001},
        {"submitter": ALICE},
    ],
    ids=str,
)
def test_a_signature_is_good_for_these_terms_only_r_02(changed: dict[str, Any]) -> None:
    named = replace(ORDER, submitter=VENUE)
    assert replace(named, **changed).digest(GATEWAY) != named.digest(GATEWAY)


def test_a_signature_is_good_at_one_gateway_only() -> None:
    elsewhere = replace(GATEWAY, ledger=LedgerId("eip155:7002"))
    another = replace(GATEWAY, gateway=Account(bytes(12) + b"\xac" * 20))
    separators = {order_domain_separator(gateway) for gateway in (GATEWAY, elsewhere, another)}
    assert len(separators) == 3
    with pytest.raises(InvalidInputError, match="not for the one it is taken to"):
        ORDER.digest(OTHER)
    with pytest.raises(InvalidInputError, match="not for the one it is taken to"):
        ORDER.typed_data(OTHER)


@pytest.mark.parametrize("ledger", ["book:main", "fabric:ab"])
def test_only_an_evm_ledger_has_such_a_domain(ledger: str) -> None:
    with pytest.raises(InvalidInputError, match="is not an EVM ledger"):
        order_domain_separator(replace(GATEWAY, ledger=LedgerId(ledger)))


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"amount": 0}, "amount 0 is out of range"),
        ({"amount": AMOUNT_MAX + 1}, "is out of range: give a whole number of smallest units from 1 to 2^127 - 1"),
        ({"nonce": 0}, "nonce 0 is out of range: give 1 to 2^256 - 1"),
        ({"nonce": U256_MAX + 1}, "is out of range: give 1 to 2^256 - 1"),
        ({"expiry": 0}, "expiry 0 is out of range: give unix seconds"),
        ({"expiry": U64_MAX + 1}, "is out of range: give unix seconds"),
        ({"deadline": -1}, "deadline -1 is out of range"),
        ({"deadline": U64_MAX + 1}, "is out of range: give unix seconds"),
        ({"life": -1}, "life -1 is out of range"),
        ({"life": U32_MAX + 1, "deadline": 0}, "give seconds, at most 2^32 - 1"),
        ({"deadline": 0}, "give one of the two"),
        ({"life": 600, "submitter": VENUE}, "give one of the two"),
        ({"life": 600, "deadline": 0}, "must name its submitter"),
        ({"divisible": True}, "must name its submitter"),
        ({"destination": GATEWAY.id}, "a transfer moves between two ledgers"),
        ({"recipient": bytes(32)}, "names its recipient"),
        ({"recipient": b"\1" * 31}, "expected 32 bytes, got 31"),
        ({"destination": b"\1" * 33}, "expected 32 bytes, got 33"),
        ({"asset": b""}, "expected 32 bytes, got 0"),
        ({"client_reference": b"\1"}, "expected 32 bytes, got 1"),
        ({"payload_hash": b"\1"}, "expected 32 bytes, got 1"),
        ({"holder": bytes(32)}, "the zero address can't hold units"),
        ({"holder": b"\1" * 32}, "upper twelve bytes must be zero"),
        ({"submitter": b"\1" * 32}, "upper twelve bytes must be zero"),
    ],
    ids=str,
)
def test_an_order_that_no_gateway_takes_can_t_be_made_r_02(wrong: dict[str, Any], part: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(part)):
        replace(ORDER, **wrong)


def test_an_order_may_be_of_parts_and_have_a_life_if_its_submitter_is_named_r_02() -> None:
    order = replace(ORDER, submitter=VENUE, divisible=True, deadline=0, life=600)
    assert (order.divisible, order.life, order.submitter) == (True, 600, VENUE)


DIVISIBLE = replace(ORDER, submitter=VENUE, divisible=True)


@pytest.mark.parametrize(
    ("order", "amount", "drawn", "part"),
    [
        (ORDER, 1, 0, "not divisible: it is locked whole"),
        (ORDER, 0, 1, "not divisible: it is locked whole"),
        (DIVISIBLE, 101, 0, "101 after 0 is more than the order's 100"),
        (DIVISIBLE, 1, 100, "1 after 100 is more than the order's 100"),
        (DIVISIBLE, -1, 0, "-1 after 0"),
        (DIVISIBLE, 1, -1, "1 after -1"),
    ],
)
def test_no_more_is_drawn_than_the_holder_signed_r_02(order: Order, amount: int, drawn: int, part: str) -> None:
    with pytest.raises(InvalidInputError, match=part):
        SignedOrder(order=order, signature=b"", amount=amount, drawn=drawn)


def test_an_order_may_be_drawn_to_its_last_unit() -> None:
    assert SignedOrder(order=DIVISIBLE, signature=b"", amount=1, drawn=99).amount == 1
    assert SignedOrder(order=ORDER, signature=b"").amount == 0


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        ((), 5, "the order is missing"),
        (("message",), None, "the order's message is missing"),
        (("message", "more"), 1, "has exactly the fields source, destination"),
        (("message", "asset"), "0x12", "asset must be 0x and 64 lower-case hexadecimal digits"),
        (("message", "asset"), "0x" + "AB" * 32, "asset must be 0x and 64 lower-case hexadecimal digits"),
        (("message", "asset"), 12, "asset must be 0x and 64 lower-case hexadecimal digits"),
        (("message", "holder"), 12, "holder must be an address"),
        (("message", "holder"), "0x12", "is not an EVM account"),
        (("message", "amount"), "0x64", "amount must be a whole number"),
        (("message", "amount"), "-1", "amount must be a whole number"),
        (("message", "amount"), "١٢", "amount must be a whole number"),
        (("message", "amount"), "9" * 5000, "amount must be a whole number"),
        (("message", "amount"), 1.0, "amount must be a whole number"),
        (("message", "amount"), True, "amount must be a whole number"),
        (("message", "divisible"), 0, "divisible must be true or false"),
        (("message", "divisible"), "false", "divisible must be true or false"),
        (("message", "source"), "0x" + "99" * 32, "not for the one it is taken to"),
        (("primaryType",), "Permit", "types or domain are not those of a Naru order"),
        (("domain", "chainId"), 1, "types or domain are not those of a Naru order"),
        (("domain", "verifyingContract"), "0x" + "11" * 20, "types or domain are not those of a Naru order"),
        (("domain", "salt"), "0x" + "11" * 32, "types or domain are not those of a Naru order"),
        (("types", "Order"), [], "types or domain are not those of a Naru order"),
        (("more",), 1, "types or domain are not those of a Naru order"),
    ],
    ids=str,
)
def test_what_is_not_this_gateway_s_order_is_refused(path: tuple[str, ...], value: object, part: str) -> None:
    data = copy.deepcopy(ORDER.typed_data(GATEWAY))
    with pytest.raises(InvalidInputError, match=re.escape(part)):
        order_of(_put(data, path, value), GATEWAY)


def test_a_field_that_is_missing_is_told() -> None:
    data: Any = ORDER.typed_data(GATEWAY)
    del data["message"]["expiry"]
    with pytest.raises(InvalidInputError, match="has exactly the fields"):
        order_of(data, GATEWAY)


def test_every_field_is_in_the_type_string() -> None:
    assert ORDER_TYPE.count(",") + 1 == len(fields(Order))


@pytest.mark.parametrize("type_string", [ORDER_DOMAIN_TYPE, ORDER_TYPE])
def test_the_specification_gives_the_order_s_type_string_as_signed(type_string: str) -> None:
    page = (sources.ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert f"| `{type_string}` | `0x{keccak(type_string.encode()).hex()}` |" in page


def test_the_contract_has_the_same_type_strings() -> None:
    library = (sources.ROOT / "contracts/evm/src/libraries/OrderLib.sol").read_text(encoding="utf-8")
    assert f'"{ORDER_TYPE}"' in library
    assert f'"{ORDER_DOMAIN_TYPE}"' in library


def _put(data: Any, path: tuple[str, ...], value: object) -> Any:  # noqa: ANN401 - any JSON
    if not path:
        return value
    return {**data, path[0]: _put(data.get(path[0]), path[1:], value)}
