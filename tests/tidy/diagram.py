"""Writes PLAN into docs/protocol.md, as a table and as a diagram of its acting steps: `make diagram`."""

import sys

from bridge.core.records import PLAN, Destination, Source, Step
from tests.tidy import sources

PATH = sources.ROOT / "docs" / "protocol.md"
BEGIN = "<!-- PLAN: from bridge/core/records.py by `make diagram` -->\n"
END = "<!-- end of PLAN -->\n"
Pair = tuple[Source, Destination]


def render() -> str:
    """Lay out everything that stands between the two markers."""
    return f"{table()}\n```mermaid\n{diagram()}```\n"


def table() -> str:
    """Draw PLAN, one row for each view of the source record."""
    rows = [
        "| source \\ destination | " + " | ".join(Destination) + " |",
        "|---" * (len(Destination) + 1) + "|",
        *(f"| {source} | " + " | ".join(_cell(PLAN[source, d]) for d in Destination) + " |" for source in Source),
    ]
    return "\n".join(rows) + "\n"


def diagram() -> str:
    """Draw the pairs that can be reached from an empty place, and the submission that leads on from each."""
    lines = ["stateDiagram-v2", "    [*] --> ABSENT_NONE"]
    reached: list[Pair] = [(Source.ABSENT, Destination.NONE)]
    for pair in reached:  # grows while it is walked
        lines.append(f"    {_node(pair)}: {pair[0]} × {pair[1]}")
        moves = _moves(pair)
        lines += [f"    {_node(pair)} --> {_node(target)}: {how}" for how, target in moves]
        lines += [] if moves else [f"    {_node(pair)} --> [*]"]
        reached += [target for _, target in moves if target not in reached]
    return "\n".join(lines) + "\n"


def put(page: str) -> str:
    """Give *page* with the part between the markers made anew."""
    head, _, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        msg = f"{PATH.name} has lost its markers {BEGIN.strip()} … {END.strip()}"
        raise ValueError(msg)
    return head + BEGIN + render() + END + tail


def _moves(pair: Pair) -> list[tuple[str, Pair]]:
    source, destination = pair
    match PLAN[pair]:
        case Step.DONE if source is Source.ABSENT:
            return [("lock", (Source.LOCKED, destination))]
        case Step.DECIDE:
            return [
                ("settle", (source, Destination.MINTED)),
                ("refuse", (source, Destination.REJECTED)),
                ("refuse, reason EXPIRED", (source, Destination.EXPIRED)),
            ]
        case Step.COMMIT:
            return [("finish", (Source.COMMITTED, destination))]
        case Step.RELEASE:
            return [("finish", (Source.RELEASED, destination))]
        case Step.DONE | Step.WAIT | Step.BROKEN:
            return []


def _node(pair: Pair) -> str:
    return f"{pair[0]}_{pair[1]}"


def _cell(step: Step) -> str:
    return "**broken**" if step is Step.BROKEN else step.value


if __name__ == "__main__":
    fresh = put(PATH.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        PATH.write_text(fresh, encoding="utf-8")
    else:
        print(render())
