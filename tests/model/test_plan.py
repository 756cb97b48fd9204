"""The model does what PLAN says: its macros, cell by cell, without Spin."""

import re

import pytest

from bridge.core.records import PLAN, Destination, Source, Step
from tests.model.plan import DESTINATIONS, SOURCES, macros
from tests.model.run import MODEL

DEFINED = re.compile(r"#define STEP_(\w+)\(s,d\) \((.*)\)")
MODELLED = [(s, d) for s in Source for d in Destination if s is not Source.UNKNOWN and d is not Destination.UNKNOWN]


@pytest.mark.parametrize(("source", "destination"), MODELLED)
def test_a_pair_of_records_has_its_step_in_the_model(source: Source, destination: Destination) -> None:
    conditions = dict(DEFINED.findall(macros()))
    assert set(conditions) == set(Step)
    true = [
        step for step, condition in conditions.items() if _holds(condition, SOURCES[source], DESTINATIONS[destination])
    ]
    assert true == [PLAN[source, destination]]


def test_a_changed_cell_changes_the_model() -> None:
    for pair in MODELLED:
        for step in Step:
            changed = macros({**PLAN, pair: step})
            assert (changed == macros()) == (PLAN[pair] is step)


def test_the_model_decides_by_plan_and_forbids_what_plan_calls_broken() -> None:
    text = MODEL.read_text(encoding="utf-8")
    assert set(re.findall(r"STEP_(\w+)\(", text)) == set(Step) - {Step.WAIT}, "WAIT: nothing is done"
    assert '#include "plan.pml"' in text


def test_the_model_knows_every_record() -> None:
    assert set(SOURCES) == set(Source) - {Source.UNKNOWN}
    assert set(DESTINATIONS) == set(Destination) - {Destination.UNKNOWN}


def _holds(condition: str, source: str, destination: str) -> bool:
    """Evaluate a macro's disjunction of pairs."""
    pairs = re.findall(r"\(\(s\)==(\w+) && \(d\)==(\w+)\)", condition)
    assert condition == (" || ".join(f"((s)=={s} && (d)=={d})" for s, d in pairs) or "0")
    return (source, destination) in pairs
