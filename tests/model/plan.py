"""PLAN in Promela: one macro for each step, over the model's two records (tests/model/protocol.pml includes it)."""

from collections.abc import Mapping

from bridge.core.records import PLAN, Destination, Source, Step

SOURCES = {
    Source.ABSENT: "NONE",
    Source.LOCKED: "LOCKED",
    Source.COMMITTED: "COMMITTED",
    Source.RELEASED: "RELEASED",
}
"""What the model calls each source record. UNKNOWN is no record but a reader's blindness, and not in the model."""
DESTINATIONS = {
    Destination.NONE: "NONE",
    Destination.MINTED: "MINTED",
    Destination.REJECTED: "REJECTED",
    Destination.EXPIRED: "EXPIRED",
}


def macros(plan: Mapping[tuple[Source, Destination], Step] = PLAN) -> str:
    """Write plan.pml: STEP_X(s, d) is true where *plan* gives X to the pair."""
    return "".join(f"#define STEP_{step}(s,d) ({_condition(step, plan)})\n" for step in Step)


def _condition(step: Step, plan: Mapping[tuple[Source, Destination], Step]) -> str:
    pairs = [
        f"((s)=={SOURCES[source]} && (d)=={DESTINATIONS[destination]})"
        for (source, destination), planned in plan.items()
        if planned is step and source in SOURCES and destination in DESTINATIONS
    ]
    return " || ".join(pairs) or "0"
