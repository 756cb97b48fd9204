"""R-11, R-12: what a policy lets through, check by check."""

from dataclasses import replace
from hashlib import sha256

import pytest

from bridge.core.caip import Account, AssetId, EndpointId, LedgerId, evm_account
from bridge.core.policy import (
    EVERYTHING,
    Answer,
    Check,
    Policy,
    Rule,
    Scope,
    account_digest,
    check_deadline,
    check_large,
    check_rate,
    check_terms,
    overdrawn,
)
from bridge.core.rate import Window
from bridge.core.reasons import Reason
from bridge.core.transfer import AMOUNT_MAX, Lane
from bridge.errors import InvalidInputError
from tests.conformance.samples import START_S, transfer, word

TERMS = replace(transfer(1), amount=500)
LANE = TERMS.lane
ALICE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def policy_of(rule: Rule, *, denied: frozenset[bytes] = frozenset()) -> Policy:
    return Policy(scopes=(Scope(rule=rule),), denied=denied)


def test_everything_lets_every_lane_and_amount_through() -> None:
    assert EVERYTHING.issue_required
    for amount in (1, AMOUNT_MAX):
        assert check_terms(EVERYTHING, replace(TERMS, amount=amount), ()) is None


def test_what_no_scope_covers_is_refused() -> None:
    finding = check_terms(Policy(scopes=()), TERMS, ())

    assert finding is not None
    assert (finding.answer, finding.check, finding.reason) == (Answer.REFUSE, Check.SCOPE, Reason.POLICY_REFUSED)


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (Scope(), True),
        (Scope(sources=frozenset({LANE.source})), True),
        (Scope(sources=frozenset({LANE.destination})), False),
        (Scope(destinations=frozenset({LANE.destination})), True),
        (Scope(destinations=frozenset({LANE.source})), False),
        (Scope(assets=frozenset({LANE.asset})), True),
        (Scope(assets=frozenset({AssetId(word(5))})), False),
        (Scope(sources=frozenset()), False),
    ],
)
def test_a_scope_covers_the_lanes_whose_ends_and_asset_it_names(scope: Scope, *, covers: bool) -> None:
    assert scope.covers(LANE) is covers


def test_the_first_scope_that_covers_a_lane_has_its_rule() -> None:
    narrow, wide = Rule(amount_max=10), Rule(amount_max=1000)
    elsewhere = Lane(source=EndpointId(word(8)), destination=LANE.destination, asset=LANE.asset)
    policy = Policy(scopes=(Scope(sources=frozenset({LANE.source}), rule=narrow), Scope(rule=wide)))

    assert (policy.rule(LANE), policy.rule(elsewhere)) == (narrow, wide)


@pytest.mark.parametrize(
    ("amount", "passes"), [(99, False), (100, True), (700, True), (701, False), (801, False), (AMOUNT_MAX, False)]
)
def test_an_amount_passes_within_the_rule_and_within_what_a_window_ever_lets_out(amount: int, *, passes: bool) -> None:
    rule = Rule(amount_min=100, amount_max=800, windows=(Window(amount_max=700, seconds=60),))
    finding = check_terms(policy_of(rule), replace(TERMS, amount=amount), ())

    assert (finding is None) is passes
    assert finding is None or (finding.answer, finding.check) == (Answer.REFUSE, Check.AMOUNT)


@pytest.mark.parametrize("party", [0, 1])
def test_a_transfer_with_a_denied_party_is_refused_and_the_party_not_named(party: int) -> None:
    parties = (b"s" * 32, b"r" * 32)
    finding = check_terms(policy_of(Rule(), denied=frozenset({parties[party]})), TERMS, parties)

    assert finding is not None
    assert (finding.answer, finding.check, finding.reason) == (Answer.REFUSE, Check.DENY_LIST, Reason.POLICY_REFUSED)
    assert parties[party].hex() not in finding.note
    assert check_terms(policy_of(Rule(), denied=frozenset({b"o" * 32})), TERMS, parties) is None


def test_an_account_is_denied_by_the_hash_of_its_caip10_text() -> None:
    ledger = LedgerId("eip155:1337")
    of_other_form = Account(b"\x01" * 32)

    assert account_digest(ledger, evm_account(ALICE)) == sha256(f"eip155:1337:{ALICE}".encode()).digest()
    assert account_digest(ledger, evm_account(ALICE.lower())) == account_digest(ledger, evm_account(ALICE))
    assert account_digest(ledger, of_other_form) == sha256(f"{ledger}:0x{'01' * 32}".encode()).digest()
    book = LedgerId("book:alpha")
    assert account_digest(book, evm_account(ALICE)) == sha256(f"{book}:0x{evm_account(ALICE).hex()}".encode()).digest()


def test_a_denied_account_that_is_no_digest_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="SHA-256"):
        policy_of(Rule(), denied=frozenset({b"short"}))


@pytest.mark.parametrize(("low", "high"), [(0, 5), (6, 5)])
def test_a_rule_that_no_amount_passes_is_refused(low: int, high: int) -> None:
    with pytest.raises(InvalidInputError, match="no amount"):
        Rule(amount_min=low, amount_max=high)


@pytest.mark.parametrize(("amount", "delay_s"), [(0, 5), (1, -1)])
def test_a_large_amount_below_1_or_a_delay_below_0_is_refused(amount: int, delay_s: int) -> None:
    with pytest.raises(InvalidInputError, match="large amount"):
        Rule(large_amount=amount, large_delay_s=delay_s)


def test_a_deadline_passes_up_to_the_lane_s_maximum_from_now() -> None:
    """R-62."""
    ahead = TERMS.deadline - START_S

    assert check_deadline(TERMS, now=START_S, deadline_max_s=ahead) is None
    finding = check_deadline(TERMS, now=START_S, deadline_max_s=ahead - 1)
    assert finding is not None
    assert (finding.answer, finding.check) == (Answer.REFUSE, Check.DEADLINE)


def test_a_large_amount_waits_from_its_lock_s_block_time_and_says_until_when() -> None:
    rule = Rule(large_amount=500, large_delay_s=60)
    finding = check_large(rule, TERMS, locked_at=START_S, now=START_S + 59)

    assert finding is not None
    assert (finding.answer, finding.reason, finding.until) == (Answer.WAIT, Reason.LIMIT_EXCEEDED, START_S + 60)
    assert check_large(rule, TERMS, locked_at=START_S, now=START_S + 60) is None
    assert check_large(rule, replace(TERMS, amount=499), locked_at=START_S, now=START_S) is None
    assert check_large(Rule(large_delay_s=60), replace(TERMS, amount=AMOUNT_MAX), locked_at=START_S, now=0) is None


def test_a_lock_waits_for_its_turn_and_says_until_when() -> None:
    """R-25."""
    finding = check_rate(allowed_from=START_S + 1, now=START_S)

    assert finding is not None
    assert (finding.answer, finding.reason, finding.until) == (Answer.WAIT, Reason.LIMIT_EXCEEDED, START_S + 1)
    assert check_rate(allowed_from=START_S, now=START_S) is None


@pytest.mark.parametrize(
    ("issued", "sent", "received", "excess"),
    [
        (100, 100, 0, 0),
        (100, 101, 0, 1),
        (100, 150, 50, 0),
        (100, 151, 50, 1),
        (0, 0, 0, 0),
        (0, 7, 7, 0),
        (0, 8, 7, 1),
    ],
)
def test_a_ledger_sends_out_no_more_than_was_issued_plus_what_came_in(
    issued: int, sent: int, received: int, excess: int
) -> None:
    """R-11."""
    assert overdrawn(issued=issued, sent=sent, received=received) == excess
