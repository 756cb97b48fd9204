"""Reason codes: their numbers are for ever, and each can be told to a person (protocol.md, section 7)."""

import re
from dataclasses import astuple

import pytest

from bridge.core.reasons import EXPLANATIONS, TRANSIENT, Reason
from tests.tidy import sources

NUMBERS = {
    0: "NONE",
    1: "NOT_ELIGIBLE",
    2: "ACCOUNT_FROZEN",
    3: "COMPLIANCE_RULE",
    4: "ASSET_NOT_REGISTERED",
    5: "MALFORMED_ACCOUNT",
    6: "POLICY_REFUSED",
    7: "LIMIT_EXCEEDED",
    8: "TOKEN_PAUSED",
    9: "LEDGER_UNREACHABLE",
    10: "EXPIRED",
    11: "SUPPLY_BREAK",
    12: "LOCK_BROKEN",
    13: "TOKEN_REVERTED",
    14: "SUPERSEDED",
}
"""Stored on ledgers. A line may be added, none changed."""
HANGUL = re.compile("[가-힣]")


def test_a_number_keeps_its_meaning_for_ever() -> None:
    assert {reason.value: reason.name for reason in Reason} == NUMBERS


def test_the_specification_lists_the_same_numbers() -> None:
    page = (sources.ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    section = page.partition("## 7. Reason codes")[2]
    listed = dict(re.findall(r"(?:^|· )(\d+) (\w+)", section, re.MULTILINE))
    assert {int(number): name.upper() for number, name in listed.items()} == NUMBERS


def test_three_reasons_pass_by_themselves() -> None:
    """R-12: a transient reason is WAIT, never REFUSE."""
    assert {reason.value for reason in Reason if reason.transient} == {7, 8, 9}
    assert {reason for reason in Reason if reason.transient} == TRANSIENT


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_told_in_english_and_korean_with_what_to_do(reason: Reason) -> None:
    told = EXPLANATIONS[reason]
    assert HANGUL.search(told.korean)
    assert not HANGUL.search(told.english + told.action)
    assert all(text.endswith(".") and text == text.strip() and 10 < len(text) < 120 for text in astuple(told))


def test_no_two_reasons_are_told_alike() -> None:
    assert len({told.english for told in EXPLANATIONS.values()}) == len(Reason)
    assert len({told.korean for told in EXPLANATIONS.values()}) == len(Reason)
