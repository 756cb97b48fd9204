"""What tokens' errors mean (section 7, TOKEN_REVERTED): the built-in table, and errors that strangers wrote."""

from collections.abc import Sequence

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import known_refusals as known
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.core.refusals import (
    PANIC,
    RECIPIENT_REFUSED,
    TEXT,
    TEXT_LEN_MAX,
    TOKEN_CALL_FAILED,
    Key,
    Known,
    Meaning,
    Refusals,
    as_note,
    in_short,
    selector,
    shown,
    text_of,
)
from bridge.errors import InvalidInputError, LedgerRefusedError

SOMEBODY = "0x" + "11" * 20
MEANING = Meaning(english="Not on the list.", korean="명부에 없습니다.", who="The registrar.")
READ = known.BUILT_IN.read


def text(words: str) -> bytes:
    return TEXT + encode(["string"], [words])


def of_token(error: bytes) -> bytes:
    return TOKEN_CALL_FAILED + encode(["address", "bytes"], [SOMEBODY, error])


def custom(signature: str, types: Sequence[str] = (), values: Sequence[object] = ()) -> bytes:
    return selector(signature) + encode(list(types), list(values))


# --- the built-in table


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (custom("EnforcedPause()"), known.PAUSED),
        (text("Pausable: paused"), known.PAUSED),
        (custom("ERC20InsufficientBalance(address,uint256,uint256)"), known.BALANCE),
        (text("ERC20: insufficient allowance"), known.ALLOWANCE),
        (text("AccessControl: account 0x11 is missing role 0x22"), known.NO_ROLE),
        (text("KIP7Capped: cap exceeded"), known.CAP),
        (text("Identity is not verified."), known.NOT_VERIFIED),
        (text("Compliance not followed"), known.RULE),
        (text("Transfer not possible"), known.NOT_POSSIBLE),
        (text("wallet is frozen"), known.FROZEN),
        (text("AgentRole: caller does not have the Agent role"), known.NO_ROLE),
        (bytes.fromhex("366b6964") + bytes(64), known.RULE),
        (custom("ERC7943CannotReceive(address)"), known.RESTRICTED),
        (PANIC + (0x11).to_bytes(32), known.OVERFLOW),
        (text("52"), known.BALANCE),
        (text("57"), known.RESTRICTED),
    ],
)
def test_what_tokens_of_each_standard_say_is_known_bare_and_within_the_gateway_s_error(
    error: bytes, meaning: Meaning
) -> None:
    assert READ(error).meaning is meaning
    assert READ(of_token(error)) == READ(error)
    assert READ(of_token(of_token(error))) == READ(error)


def test_every_row_has_both_languages_and_says_who_must_act() -> None:
    for row in known.KNOWN:
        assert row.meaning.english.endswith(".")
        assert row.meaning.korean.endswith(".")
        assert row.meaning.who.endswith(".")
    keys = [(row.kind, row.key) for row in known.KNOWN]
    assert len(keys) == len(set(keys))


def test_a_handler_s_reason_is_read_out_of_the_gateway_s_error() -> None:
    """R-22: the mint was stopped before the token was asked."""
    for reason in Reason:
        reading = READ(RECIPIENT_REFUSED + encode(["address", "uint8"], [SOMEBODY, reason]))
        assert reading.said == f"handler: {reason.name}"
        assert reading.meaning is not None
        assert reading.meaning.korean == EXPLANATIONS[reason].korean
    assert READ(RECIPIENT_REFUSED + encode(["address", "uint8"], [SOMEBODY, 99])).said == "handler: TOKEN_REVERTED"


# --- what a person reads


def test_a_known_error_is_told_in_both_languages_with_who_must_act() -> None:
    first, second = READ(of_token(text("Pausable: paused"))).lines
    assert first == '"Pausable: paused": The token is paused. 토큰이 일시 정지되어 있습니다.'
    assert second.startswith("who must act: Whoever paused the token")


def test_an_unknown_error_shows_its_selector_and_how_the_table_learns_it() -> None:
    reading = READ(of_token(custom("NobodyKnows()")))
    assert reading.meaning is None
    told = "\n".join(reading.lines)
    assert reading.selector in told
    assert f'[[refusal]] selector = "{reading.selector}" to refusals_file (docs/refusals.md)' in told
    assert '[[refusal]] text = "nobody knows"' in "\n".join(READ(text("nobody knows")).lines)
    assert "Panic(0x12)" in READ(PANIC + (0x12).to_bytes(32)).said


def test_no_error_is_told_as_none() -> None:
    for error in (b"", b"\x01\x02\x03", of_token(b""), TOKEN_CALL_FAILED):
        assert READ(error).said == "(no error)"
        assert READ(error).meaning is not None


def test_a_stranger_s_text_is_one_short_line() -> None:
    said = READ(text("\x1b[2J\n" + "x" * 999)).said
    assert said.isprintable()
    assert len(said) < TEXT_LEN_MAX + 9
    assert shown("짧은 글") == "짧은 글"
    assert (text_of(text("a b")), text_of(b"\x01\x02\x03\x04")) == ('"a b"', "")


def test_a_text_that_the_gateway_cut_is_read_as_far_as_it_goes() -> None:
    assert READ(text("long " * 99)[:256]).said.startswith('"long long')


@given(st.binary(max_size=300), st.sampled_from([b"", TEXT, PANIC, TOKEN_CALL_FAILED, RECIPIENT_REFUSED]))
def test_any_bytes_are_read(rest: bytes, start: bytes) -> None:
    reading = READ(start + rest)
    assert all(line.isprintable() for line in reading.lines)


# --- notes and refusals of ledgers


def test_an_error_in_a_note_is_found_again() -> None:
    error = of_token(text("Compliance not followed"))
    assert known.BUILT_IN.read_in(f"the destination did not mint: {as_note(error)}") == READ(error)
    assert known.BUILT_IN.read_in(f"never mint it: NOT_ELIGIBLE: {as_note(error)}; and more") == READ(error)
    assert known.BUILT_IN.read_in(as_note(b"")) is None
    assert in_short(f"why: {as_note(error)}; and more") == f"why: error 0x{TOKEN_CALL_FAILED.hex()}…; and more"
    assert known.BUILT_IN.read_in("error 0xyz") is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LedgerRefusedError("NonceUsed", "7"), "NonceUsed(7)"),
        (LedgerRefusedError("LaneDisabled", "", custom("LaneDisabled(bytes32)")), "LaneDisabled"),
        (
            LedgerRefusedError("TokenCallFailed", "…", of_token(text("Insufficient Balance"))),
            'TokenCallFailed: "Insufficient Balance": The account does not hold so many units',
        ),
        (
            LedgerRefusedError("EnforcedPause", "", custom("EnforcedPause()")),
            "EnforcedPause: The token is paused. Who must act",
        ),
        (
            LedgerRefusedError("Reverted", "0x", custom("Strange()")),
            f"Reverted: 0x{selector('Strange()').hex()}: an error that no table knows",
        ),
    ],
)
def test_a_ledger_s_refusal_is_told_with_its_meaning_where_a_token_said_it(
    error: LedgerRefusedError, told: str
) -> None:
    assert known.BUILT_IN.told(error).startswith(told)


# --- more rows


def test_later_rows_go_before_earlier_ones_and_longer_beginnings_before_shorter() -> None:
    other = Meaning(english="Other.", korean="", who="Others.")
    rows = (
        *known.KNOWN,
        Known(kind=Key.ERROR, key="EnforcedPause()", meaning=MEANING, name="stopped"),
        Known(kind=Key.SELECTOR, key="0x12345678", meaning=MEANING),
        Known(kind=Key.TEXT, key="not listed", meaning=MEANING, name="unlisted"),
        Known(kind=Key.TEXT_START, key="house rule ", meaning=other),
        Known(kind=Key.TEXT_START, key="house rule 7", meaning=MEANING, name="rule 7"),
    )
    table = Refusals(rows)
    assert (table.read(custom("EnforcedPause()")).said, table.read(custom("EnforcedPause()")).meaning) == (
        "stopped",
        MEANING,
    )
    assert table.read(bytes.fromhex("12345678")).meaning is MEANING
    assert table.read(text("not listed")).said == "unlisted"
    assert table.read(text("house rule 75")).said == "rule 7"
    assert table.read(text("house rule 8")).lines[0] == '"house rule 8": Other.'


@pytest.mark.parametrize(
    ("kind", "key", "problem"),
    [
        (Key.SELECTOR, "0x123", "is no selector: give 0x and 8 lower-case"),
        (Key.SELECTOR, "0x1234567G", "is no selector"),
        (Key.ERROR, "Refused", "is no error's signature"),
        (Key.ERROR, "Refused(address who)", "is no error's signature"),
        (Key.TEXT, "", "text is empty"),
        (Key.TEXT_START, "", "text_start is empty"),
    ],
)
def test_a_key_that_fits_no_error_is_refused(kind: Key, key: str, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        Known(kind=kind, key=key, meaning=MEANING)
