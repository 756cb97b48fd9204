"""What a register signs is hashed as Solidity hashes it (tests/vectors/statements.json)."""

import json
from typing import Any

import pytest

from bridge.core.caip import AssetId, EndpointId
from bridge.core.keccak import keccak
from bridge.core.register import ISSUE_TYPE, ISSUED_MAX, Issue
from bridge.core.statements import domain_separator
from bridge.errors import InvalidInputError
from tests.conformance.samples import word
from tests.vectors.statements import PATH

VECTORS: dict[str, Any] = json.loads(PATH.read_text())
ISSUES = [row for row in VECTORS["further"] if row["kind"] == "Issue"]


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def test_the_type_is_the_one_that_the_gateway_hashes() -> None:
    assert VECTORS["types"]["Issue"]["type"] == ISSUE_TYPE
    assert VECTORS["types"]["Issue"]["hash"] == "0x" + keccak(ISSUE_TYPE.encode()).hex()


@pytest.mark.parametrize("row", ISSUES)
def test_an_entry_is_hashed_as_in_the_vectors(row: dict[str, Any]) -> None:
    """R-11."""
    message = row["message"]
    issue = Issue(
        endpoint=EndpointId(raw(message["endpoint"])),
        asset=AssetId(raw(message["asset"])),
        number=int(message["number"]),
        issued=int(message["issued"]),
    )

    assert issue.struct_hash == raw(row["structHash"])
    domain = domain_separator(EndpointId(raw(row["salt"])))
    assert keccak(b"\x19\x01" + domain + issue.struct_hash) == raw(row["digest"])


@pytest.mark.parametrize(("number", "issued"), [(0, 1), (2**64, 1), (1, -1), (1, ISSUED_MAX + 1)])
def test_an_entry_that_no_gateway_takes_is_refused(number: int, issued: int) -> None:
    with pytest.raises(InvalidInputError, match="numbered from 1"):
        Issue(endpoint=EndpointId(word(1)), asset=AssetId(word(2)), number=number, issued=issued)
