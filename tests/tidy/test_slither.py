"""`make slither` fails on what is new and on what is over; lines of a source don't matter to it."""

import tomllib
from typing import Any

import pytest

from tests.tidy import slither
from tests.tidy.slither import Answer, Finding

FINDING = Finding(detector="timestamp", place="Gateway.settle", text="")


def test_an_answer_covers_its_detector_at_its_place_only() -> None:
    assert slither.unanswered([FINDING], [Answer(detector="timestamp", where="Gateway.settle")]) == []
    assert slither.unanswered([FINDING], [Answer(detector="timestamp", where="Gateway.*")]) == []
    assert slither.unanswered([FINDING], [Answer(detector="assembly", where="*")]) == [FINDING]
    assert slither.unanswered([FINDING], [Answer(detector="timestamp", where="Gateway.lock")]) == [FINDING]


def test_an_answer_to_nothing_is_told() -> None:
    over = Answer(detector="timestamp", where="Gateway.gone")
    assert slither.unneeded([FINDING], [Answer(detector="timestamp", where="*.settle"), over]) == [over]


def test_a_finding_is_named_by_what_it_stands_in() -> None:
    contract = {"type": "contract", "name": "Gateway"}
    function = {"type": "function", "name": "settle", "type_specific_fields": {"parent": contract}}
    local = {"type": "variable", "name": "lane", "type_specific_fields": {"parent": function}}
    statement = {"type": "node", "name": "lane = 1", "type_specific_fields": {"parent": function}}
    pragma = {"type": "pragma", "name": "0.8.37", "source_mapping": {"filename_relative": "src/Gateway.sol"}}
    places = [slither.place(element) for element in (contract, function, local, statement, pragma)]
    assert places == ["Gateway", "Gateway.settle", "Gateway.settle.lane", "Gateway.settle", "src/Gateway.sol"]


def test_a_finding_in_a_dependency_alone_is_nobodys_to_answer() -> None:
    assert slither.findings(_report(ours=False)) == []
    assert [finding.place for finding in slither.findings(_report(ours=True))] == ["Gateway"]


def test_every_answer_says_why() -> None:
    assert slither.answers(tomllib.loads(slither.ANSWERS.read_text(encoding="utf-8")))
    with pytest.raises(SystemExit, match="why"):
        slither.answers({"answer": [{"detector": "timestamp", "where": ["*"], "why": " "}]})


def _report(*, ours: bool) -> dict[str, Any]:
    elements = [
        {"type": "contract", "name": "ERC20", "source_mapping": {"is_dependency": True}},
        {"type": "contract", "name": "Gateway", "source_mapping": {"is_dependency": not ours}},
    ]
    return {"results": {"detectors": [{"check": "pragma", "description": "", "elements": elements}]}}
