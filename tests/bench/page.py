"""Lays the gas figures out in docs/performance.md, next to other bridges' figures, between two markers.

The peers' figures were measured once, on 2026-11-22, by the method that the page describes; they are not measured again
here, because that takes their packages and hours of compiling.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.bench.rows import ROWS, Row
from tests.tidy import sources

PATH: Final = sources.ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- gas: from tests/bench/gas.py by `make bench-gas` -->\n"
END: Final = "<!-- end of gas -->\n"

DESTINATION: Final = (
    (
        "OpenZeppelin ERC-20 and ECDSA, t of n, a record per id",
        "100,932 / 83,832",
        "124,751 / 107,651",
        "188,260 / 171,160",
    ),
    (
        "Hyperlane HypERC20, message-id multisig set on the token",
        "131,027 / 113,915",
        "149,647 / 132,547",
        "197,231 / 180,143",
    ),
    ("CCTP v2, real USDC, finalized", "171,712 / 154,617", "194,350 / 177,221", "254,643 / 237,534"),
    (
        "Axelar Amplifier gateway and ITS (2 transactions)",
        "212,668 / 195,568",
        "237,363 / 220,263",
        "296,495 / 279,407",
    ),
    ("CCIP 2.0, burn-mint pool, rate limit on", "232,906 / 215,806", "253,951 / 236,851", "310,055 / 292,967"),
    (
        "LayerZero v2 OFT, one DVN with that quorum (3 transactions)",
        "244,286 / 227,174",
        "267,490 / 250,378",
        "329,381 / 312,305",
    ),
    (
        "Wormhole NTT, rate limit on (2 of 2, 5 of 7, 13 of 19)",
        "223,134 / 206,034",
        "256,009 / 238,873",
        "341,002 / 323,866",
    ),
)
"""Destination, gas to receive one transfer, recipient fresh / known, by quorum: 2 of 3, 5 of 9, 13 of 19."""
SOURCE: Final = (
    ("CCTP v2 depositForBurn, USDC", 116_284),
    ("Hyperlane transferRemote, merkle hook only", 120_354),
    ("Axelar ITS interchainTransfer, gas paid", 126_822),
    ("Wormhole NTT transfer, rate limit on, no relayer paid", 171_902),
    ("LayerZero OFT.send, one DVN, executor paid", 238_500),
    ("CCIP 2.0 ccipSend, native fee", 363_715),
)
PATHS: Final = (
    ("Hyperlane, 5 of 9, merkle hook only", 270_001),
    ("CCTP v2, 2 of 2", 288_008),
    ("Axelar, 5 of 9", 364_185),
    ("Wormhole NTT, 13 of 19", 512_904),
    ("LayerZero, two DVNs", 601_714),
    ("CCIP 2.0, 5 of 9", 617_666),
)
"""Source and destination together."""

ONE: Final = "**Naru**, one by one"
MANY: Final = "**Naru**, 50 to a list"
Figures = Mapping[str, int | None]


def write(figures: Figures, about: Mapping[str, str]) -> None:
    """Make the part between the markers anew."""
    PATH.write_text(put(PATH.read_text(encoding="utf-8"), render(figures, about)), encoding="utf-8")


def put(text: str, part: str) -> str:
    """Give the page *text* with *part* between its markers."""
    head, _, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        msg = f"{PATH.name} has lost its markers {BEGIN.strip()} … {END.strip()}"
        raise ValueError(msg)
    return head + BEGIN + part + END + tail


def render(figures: Figures, about: Mapping[str, str]) -> str:
    """Lay out everything that stands between the two markers."""
    made = f"contracts by solc {about['solc']} ({about['settings']}), their sources {about['sources']}"
    parts = (
        f"Measured on anvil {about['anvil']}, {made}. Gas per transfer.\n",
        _table(("Naru, step", "gas", "aim"), [_step(row, figures[key]) for key, row in ROWS.items()]),
        "**Receiving one transfer** (recipient never held / held before), by the quorum that attests it:\n",
        _table(("destination", "2 of 3", "5 of 9", "13 of 19"), _destination(figures)),
        "**Sending one transfer** (allowance given before):\n",
        _table(("source", "gas"), _source(figures)),
        "**Both ends together.** Naru's third step, `finish`, is counted; the others have none:\n",
        _table(("whole path", "gas", "Naru one by one takes", "50 to a list"), _paths(figures)),
    )
    return "\n".join(parts)


def _step(row: Row, gas: int | None) -> tuple[str, str, str]:
    if row.aim is None:
        return row.what, _figure(gas), ""
    if gas is not None and gas > row.aim:
        return row.what, f"**{_figure(gas)}**", f"≤ {row.aim:,}, missed"
    return row.what, _figure(gas), f"≤ {row.aim:,}"


def _destination(figures: Figures) -> list[Sequence[str]]:
    one, many = (
        f"**{_figure(figures[fresh])} / {_figure(figures[known])}**"
        for fresh, known in (("single_fresh", "single_known"), ("batch50_fresh", "batch50_known"))
    )
    return [
        (ONE, one, "the same", "the same"),
        (MANY, many, "the same", "the same"),
        *DESTINATION,
    ]


def _source(figures: Figures) -> list[Sequence[str]]:
    ours = (
        ("**Naru** `lock`", "lock_single"),
        ("**Naru** `lock`, 50 of the caller's own", "lock_bulk50"),
        ("**Naru**, 50 signed Orders", "lock_orders50"),
    )
    return [*((what, f"**{_figure(figures[key])}**") for what, key in ours), *((w, f"{gas:,}") for w, gas in SOURCE)]


def _paths(figures: Figures) -> list[Sequence[str]]:
    one, many = figures["path_single"], figures["path_batch50"]
    ours = [(what, f"**{_figure(gas)}**", "", "") for what, gas in ((ONE, one), (MANY, many))]
    return [*ours, *((what, f"{gas:,}", _share(one, gas), _share(many, gas)) for what, gas in PATHS)]


def _share(gas: int | None, theirs: int) -> str:
    return "" if gas is None else f"{gas / theirs:.0%}"


def _figure(gas: int | None) -> str:
    return "not built" if gas is None else f"{gas:,}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
