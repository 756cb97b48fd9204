"""What a notary's operator is told about a transfer."""

from dataclasses import replace

import pytest

from bridge.core.policy import Check
from bridge.core.reasons import Reason
from bridge.core.statements import Kind
from bridge.ops.explain import explain
from bridge.ports.committee import Offer, Question
from tests.conformance.verdicts import REFUSES, WAITS


def test_a_transfer_that_it_never_judged_is_said_to_be_unknown() -> None:
    (line,) = explain([])
    assert "never been asked" in line


def test_a_wait_is_told_with_its_check_its_end_and_who_must_act() -> None:
    text = "\n".join(explain([WAITS]))

    assert "WAIT: in its turn" in text
    assert "Decided by RATE" in text
    assert "A limit of the lane is used up for now." in text
    assert "ends by itself at 2027-01-15 08:01:00 UTC" in text
    assert "Who must act: Nobody" in text


def test_the_history_is_told_in_order_and_the_last_verdict_explained() -> None:
    approved = replace(
        WAITS, offers=(Offer(kind=Kind.LOCKED, code=0),), reason=Reason.NONE, check=Check.ALL, note="", until=None
    )
    outcome = replace(approved, question=Question.OUTCOME, offers=(Offer(kind=Kind.OUTCOME, code=1),), check=Check.ALL)
    lines = explain([WAITS, REFUSES, approved, outcome])

    assert [line.partition(": ")[2].partition(":")[0] for line in lines[:4]] == [
        "WAIT",
        "REFUSE(NOT_ELIGIBLE) or REFUSE(POLICY_REFUSED)",
        "APPROVE",
        "attest MINTED",
    ]
    assert lines[4].startswith("Decided by ALL")


@pytest.mark.parametrize("check", list(Check))
def test_every_check_says_what_will_change_it_and_who_must_act(check: Check) -> None:
    lines = explain([replace(WAITS, check=check)])

    assert lines[-2].startswith("What will change it: ")
    assert lines[-1].startswith("Who must act: ")
