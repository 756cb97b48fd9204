"""What the committee signs: types, digests, and what is no statement (protocol.md, section 3)."""

import json
from dataclasses import replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.statements import DOMAIN_TYPE, TYPES, Epoch, Item, Kind, Statement, domain_separator, locked
from bridge.core.transfer import TRANSFER_TYPE, U64_MAX, TransferId
from bridge.errors import InvalidInputError
from tests.strategies import CODES, epochs, statements, words
from tests.tidy import sources
from tests.vectors.statements import PATH

VECTORS = json.loads(PATH.read_text())
VERIFIER = EndpointId(b"\x0a" * 32)
ONE, TWO = TransferId(b"\x01" * 32), TransferId(b"\x02" * 32)
COLUMN = {Kind.REFUSED: "reasons", Kind.OUTCOME: "outcomes"}


@pytest.mark.parametrize("row", VECTORS["statements"], ids=lambda row: row["digest"][:10])
def test_a_digest_is_the_one_in_the_vectors(row: dict[str, Any]) -> None:
    kind = Kind(row["kind"])
    ids = [bytes.fromhex(text[2:]) for text in row["transfers"]]
    codes = bytes.fromhex(row["codes"][2:]) or bytes(len(ids))
    items = tuple(Item(transfer_id=TransferId(i), code=c) for i, c in zip(ids, codes, strict=True))
    verifier = EndpointId(bytes.fromhex(row["salt"][2:]))
    statement = Statement(kind=kind, verifier=verifier, epoch=Epoch(int(row["epoch"])), items=items)
    assert statement.digest.hex() == row["digest"][2:]
    assert statement.codes.hex() == row["codes"][2:]


@pytest.mark.parametrize("row", VECTORS["further"], ids=lambda row: f"{row['kind']}-{row['digest'][:10]}")
def test_a_further_statement_s_digest_is_made_as_the_specification_says(row: dict[str, Any]) -> None:
    """keccak256 of the words, by hand: the vectors' are another implementation's, and forge's a third's."""
    text = VECTORS["types"][row["kind"]]["type"]
    kinds = {field["name"]: field["type"] for field in _fields(text.partition("(")[2].removesuffix(")"))}
    assert list(kinds) == list(row["message"])
    words_ = [keccak(text.encode()), *(_word(kind, row["message"][name]) for name, kind in kinds.items())]
    struct_hash = keccak(b"".join(words_))
    domain = domain_separator(EndpointId(bytes.fromhex(row["salt"][2:])))
    assert struct_hash.hex() == row["structHash"][2:]
    assert keccak(b"\x19\x01" + domain + struct_hash).hex() == row["digest"][2:]


@given(statements())
def test_a_digest_is_what_a_wallet_library_hashes(statement: Statement) -> None:
    """Another implementation of EIP-712, given the type strings, finds the same 32 bytes."""
    name, _, fields = TYPES[statement.kind].removesuffix(")").partition("(")
    message: dict[str, object] = {
        "epoch": statement.epoch,
        "transfers": [item.transfer_id for item in statement.items],
    }
    if statement.kind in COLUMN:
        message[COLUMN[statement.kind]] = statement.codes
    signable = encode_typed_data(
        full_message={
            "types": {"EIP712Domain": _fields(DOMAIN_TYPE[13:-1]), name: _fields(fields)},
            "primaryType": name,
            "domain": {"name": "Naru", "version": "1", "salt": statement.verifier},
            "message": message,
        }
    )
    assert keccak(b"\x19" + signable.version + signable.header + signable.body) == statement.digest


@given(statements(), statements())
def test_two_statements_share_a_digest_only_if_they_are_equal(one: Statement, other: Statement) -> None:
    assert (one.digest == other.digest) == (one == other)


@given(statements(), words, epochs)
def test_a_digest_binds_verifier_and_epoch(statement: Statement, verifier: bytes, epoch: Epoch) -> None:
    """R-40: a signature is good at one gateway, under one epoch."""
    for changed in (replace(statement, verifier=EndpointId(verifier)), replace(statement, epoch=epoch)):
        assert (changed.digest == statement.digest) == (changed == statement)


@given(statements(), st.data())
def test_a_digest_binds_every_item_and_the_order(statement: Statement, data: st.DataObject) -> None:
    items = list(statement.items)
    index = data.draw(st.integers(0, len(items) - 1))
    shuffled = tuple(data.draw(st.permutations(items)))
    code = data.draw(st.sampled_from(CODES[statement.kind]))
    other_id = TransferId(data.draw(words.filter(lambda w: all(w != i.transfer_id for i in items))))
    variants = [
        replace(statement, items=shuffled),
        replace(statement, items=_put(items, index, replace(items[index], code=code))),
        replace(statement, items=_put(items, index, replace(items[index], transfer_id=other_id))),
        replace(statement, items=(*items, Item(transfer_id=other_id, code=code))),
    ]
    for changed in variants:
        assert (changed.digest == statement.digest) == (changed == statement)


@given(st.sampled_from([Kind.REFUSED, Kind.OUTCOME]).flatmap(lambda kind: statements(st.just(kind))))
def test_a_refusal_never_passes_for_an_outcome(statement: Statement) -> None:
    """The same list with the same bytes under the other type is another digest."""
    other = {Kind.REFUSED: Kind.OUTCOME, Kind.OUTCOME: Kind.REFUSED}[statement.kind]
    if all(item.code in CODES[other] for item in statement.items):
        assert replace(statement, kind=other).digest != statement.digest


@pytest.mark.parametrize("epoch", [-1, 0, U64_MAX + 1])
def test_an_epoch_out_of_range_is_no_statement(epoch: int) -> None:
    with pytest.raises(InvalidInputError, match="committees are numbered from 1"):
        locked(VERIFIER, Epoch(epoch), [ONE])


def test_an_empty_list_is_no_statement() -> None:
    with pytest.raises(InvalidInputError, match="at least one transfer"):
        locked(VERIFIER, Epoch(1), [])


def test_a_transfer_named_twice_is_no_statement() -> None:
    """Section 3: no id occurs twice, whatever its codes."""
    with pytest.raises(InvalidInputError, match="no transfer twice"):
        locked(VERIFIER, Epoch(1), [ONE, TWO, ONE])
    items = (Item(transfer_id=ONE, code=1), Item(transfer_id=ONE, code=2))
    with pytest.raises(InvalidInputError, match="no transfer twice"):
        Statement(kind=Kind.OUTCOME, verifier=VERIFIER, epoch=Epoch(1), items=items)


@pytest.mark.parametrize("kind", Kind)
def test_a_code_belongs_to_its_kind(kind: Kind) -> None:
    """R-12: a Refused statement gives a permanent reason; a transient one can't be signed."""
    for code in range(-1, 258):
        items = (Item(transfer_id=TWO, code=CODES[kind][0]), Item(transfer_id=ONE, code=code))
        if code in CODES[kind]:
            assert Statement(kind=kind, verifier=VERIFIER, epoch=Epoch(1), items=items).items == items
        else:
            with pytest.raises(InvalidInputError, match=f"code {code} does not belong in a {kind} statement"):
                Statement(kind=kind, verifier=VERIFIER, epoch=Epoch(1), items=items)


def test_a_locked_statement_carries_no_codes() -> None:
    statement = locked(VERIFIER, Epoch(U64_MAX), [ONE, TWO])
    assert statement.codes == b""
    assert [item.code for item in statement.items] == [Reason.NONE, Reason.NONE]


@pytest.mark.parametrize("length", [0, 20, 31, 33])
def test_an_id_that_is_no_word_gets_no_digest(length: int) -> None:
    with pytest.raises(InvalidInputError, match="32 bytes"):
        _ = locked(VERIFIER, Epoch(1), [TransferId(bytes(length))]).digest
    with pytest.raises(InvalidInputError, match="32 bytes"):
        domain_separator(EndpointId(bytes(length)))


@given(words, words)
def test_the_domain_is_bound_to_the_verifier(one: bytes, other: bytes) -> None:
    same = domain_separator(EndpointId(one)) == domain_separator(EndpointId(other))
    assert same == (one == other)


@pytest.mark.parametrize("text", [DOMAIN_TYPE, TRANSFER_TYPE, *TYPES.values()])
def test_the_specification_gives_the_type_string_as_signed(text: str) -> None:
    page = (sources.ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert f"| `{text}` | `0x{keccak(text.encode()).hex()}` |" in page


def _fields(text: str) -> list[dict[str, str]]:
    pairs = [part.split(" ") for part in text.split(",")]
    return [{"name": name, "type": kind} for kind, name in pairs]


def _word(kind: str, value: Any) -> bytes:  # noqa: ANN401 - any JSON
    match kind:
        case "uint64" | "uint256":
            return int(value).to_bytes(32)
        case "bytes32":
            return bytes.fromhex(value[2:])
        case "bytes32[]":
            return keccak(b"".join(bytes.fromhex(item[2:]) for item in value))
        case _:
            return keccak(bytes.fromhex(value[2:]))


def _put(items: list[Item], index: int, item: Item) -> tuple[Item, ...]:
    return (*items[:index], item, *items[index + 1 :])
