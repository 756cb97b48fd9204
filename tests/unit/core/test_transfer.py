"""The terms of a transfer, their bytes and their id (protocol.md, section 1)."""

import json
from dataclasses import replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.caip import Account, AssetId, EndpointId
from bridge.core.transfer import (
    AMOUNT_MAX,
    TRANSFER_TYPE,
    U64_MAX,
    Lane,
    Transfer,
    TransferId,
    decode,
    encode,
)
from bridge.errors import InvalidInputError
from tests.strategies import transfers, words
from tests.vectors.statements import PATH

VECTORS = json.loads(PATH.read_text())
TERMS = Transfer(
    source=EndpointId(b"\x01" * 32),
    destination=EndpointId(b"\x02" * 32),
    sequence=1,
    asset=AssetId(b"\x03" * 32),
    sender=Account(b"\x04" * 32),
    recipient=Account(b"\x05" * 32),
    amount=1,
    deadline=1,
)
WORDS = ("source", "destination", "asset", "sender", "recipient", "client_reference", "payload_hash")
INTEGERS = {"sequence": U64_MAX, "amount": AMOUNT_MAX, "deadline": U64_MAX}


@pytest.mark.parametrize("row", VECTORS["transfers"], ids=lambda row: row["id"][:10])
def test_an_id_is_the_one_in_the_vectors(row: dict[str, Any]) -> None:
    transfer = _from_vector(row["terms"])
    assert transfer.id.hex() == row["id"][2:]
    assert decode(encode(transfer)) == transfer


@pytest.mark.parametrize("row", VECTORS["lanes"], ids=lambda row: row["id"][:10])
def test_a_lane_id_is_the_one_in_the_vectors(row: dict[str, str]) -> None:
    assert _lane(row).id.hex() == row["id"][2:]


@given(transfers())
def test_terms_survive_their_bytes(transfer: Transfer) -> None:
    data = encode(transfer)
    assert len(data) == 320
    assert decode(data) == transfer


@given(transfers())
def test_an_id_is_what_a_wallet_library_hashes(transfer: Transfer) -> None:
    """R-05: another implementation of EIP-712, given the type string's fields, finds the same id."""
    fields = [part.split(" ") for part in TRANSFER_TYPE.removeprefix("Transfer(").removesuffix(")").split(",")]
    values = [getattr(transfer, _snake(name)) for _, name in fields]
    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [{"name": "name", "type": "string"}],
                "Transfer": [{"name": name, "type": kind} for kind, name in fields],
            },
            "primaryType": "Transfer",
            "domain": {"name": "any"},
            "message": {name: value for (_, name), value in zip(fields, values, strict=True)},
        }
    )
    assert signable.body == transfer.id


@pytest.mark.parametrize("name", WORDS)
@given(transfers(), words)
def test_an_id_binds_every_word(name: str, transfer: Transfer, value: bytes) -> None:
    """R-27: the payload's hash and the client's reference too."""
    changed = _with(transfer, name, value)
    assert (changed.id == transfer.id) == (changed == transfer)


@pytest.mark.parametrize("name", INTEGERS)
@given(transfers(), st.data())
def test_an_id_binds_every_number(name: str, transfer: Transfer, data: st.DataObject) -> None:
    changed = _with(transfer, name, data.draw(st.integers(1, INTEGERS[name])))
    assert (changed.id == transfer.id) == (changed == transfer)


@given(transfers(), st.permutations(range(10)))
def test_an_id_binds_the_order_of_the_words(transfer: Transfer, order: list[int]) -> None:
    data = encode(transfer)
    shuffled = b"".join(data[i * 32 : i * 32 + 32] for i in order)
    id_of_shuffled = TransferId(keccak(keccak(TRANSFER_TYPE.encode()) + shuffled))
    assert (id_of_shuffled == transfer.id) == (shuffled == data)


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("bad", [0, -1, "above"])
def test_a_number_out_of_its_range_is_refused(name: str, bad: int | str) -> None:
    """R-01: amount 0, negative or from 2^127 on; sequence and deadline outside 64 bits."""
    value = INTEGERS[name] + 1 if isinstance(bad, str) else bad
    with pytest.raises(InvalidInputError, match=rf"{name} -?\d+ is out of range: .+"):
        _with(TERMS, name, value)


@pytest.mark.parametrize("name", INTEGERS)
def test_the_ends_of_each_range_are_taken(name: str) -> None:
    for value in (1, INTEGERS[name]):
        assert getattr(decode(encode(_with(TERMS, name, value))), name) == value


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("length", [0, 20, 31, 33])
def test_a_field_that_is_no_word_is_refused(name: str, length: int) -> None:
    with pytest.raises(InvalidInputError, match=f"expected 32 bytes, got {length}"):
        _with(TERMS, name, bytes(length))


@pytest.mark.parametrize("length", [0, 319, 321, 640])
def test_bytes_of_another_length_are_no_transfer(length: int) -> None:
    with pytest.raises(InvalidInputError, match=f"320 bytes, got {length}"):
        decode(b"\x01" * length)


@pytest.mark.parametrize("index", [2, 6, 7])
def test_a_word_wider_than_its_field_is_no_transfer(index: int) -> None:
    data = bytearray(encode(TERMS))
    data[index * 32] = 1  # the top byte of sequence, amount or deadline
    with pytest.raises(InvalidInputError, match="out of range"):
        decode(bytes(data))


def test_a_lane_never_leads_back_to_its_source() -> None:
    with pytest.raises(InvalidInputError, match="two gateways on two ledgers"):
        Lane(source=TERMS.source, destination=TERMS.source, asset=TERMS.asset)


def test_a_transfer_never_leads_back_to_its_source() -> None:
    with pytest.raises(InvalidInputError, match="moves between two ledgers"):
        _with(TERMS, "destination", TERMS.source)


def test_a_transfer_names_its_lane() -> None:
    assert TERMS.lane == Lane(source=TERMS.source, destination=TERMS.destination, asset=TERMS.asset)


def _with(transfer: Transfer, name: str, value: object) -> Transfer:
    changes: dict[str, Any] = {name: value}
    return replace(transfer, **changes)


def _snake(name: str) -> str:
    return {"clientReference": "client_reference", "payloadHash": "payload_hash"}.get(name, name)


def _from_vector(terms: dict[str, str]) -> Transfer:
    return Transfer(
        source=EndpointId(_bytes(terms["source"])),
        destination=EndpointId(_bytes(terms["destination"])),
        sequence=int(terms["sequence"]),
        asset=AssetId(_bytes(terms["asset"])),
        sender=Account(_bytes(terms["sender"])),
        recipient=Account(_bytes(terms["recipient"])),
        amount=int(terms["amount"]),
        deadline=int(terms["deadline"]),
        client_reference=_bytes(terms["clientReference"]),
        payload_hash=_bytes(terms["payloadHash"]),
    )


def _lane(row: dict[str, str]) -> Lane:
    return Lane(
        source=EndpointId(_bytes(row["source"])),
        destination=EndpointId(_bytes(row["destination"])),
        asset=AssetId(_bytes(row["asset"])),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
