"""Whole-transaction gas of every step, against what we aim at and what other bridges take: `make bench-gas`.

A figure is the receipt's gasUsed: 21,000, calldata and execution; in lists, divided by the items. docs/performance.md
tells how it is measured, and gets its tables from here. Nothing fails because a figure misses its aim.
"""

import asyncio
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Final

from bridge.core.records import Outcome
from tests.bench import page
from tests.bench.pair import Pair, recipients, running_pair
from tests.bench.rows import LIST, ROWS
from tests.integration.anvil import BINARY
from tests.tidy import sources

REPORT: Final = sources.ROOT / "build" / "gas.json"
SINGLES: Final = 5
Note = Callable[[str], None]


class Samples:
    """What the receipts said, whole transactions, by row."""

    def __init__(self, note: Note) -> None:
        self.totals: dict[str, list[int]] = {}
        self._note = note

    def add(self, key: str, gas: int) -> None:
        self.totals.setdefault(key, []).append(gas)
        self._note(f"{key:<22}{gas:>12,}")

    def per_item(self, key: str) -> int | None:
        """The median, per item, rounded up; None if there is no such figure."""
        if key not in self.totals:
            return None
        return -(-int(statistics.median(self.totals[key])) // ROWS[key].items)


async def measure(pair: Pair, samples: Samples) -> None:
    """Fill in every row. What a step leaves behind is what the next one needs."""
    await pair.prime()
    await _measure_singles(pair, samples)
    await _measure_commits(pair, samples)
    await _measure_rollback(pair, samples)
    await pair.room(LIST)
    _, gas = await pair.lock_orders(recipients(LIST))
    samples.add("lock_orders50", gas)


async def _measure_singles(pair: Pair, samples: Samples) -> None:
    payees = recipients(SINGLES)
    for key in ("single_fresh", "single_known"):
        for payee in payees:
            transfers, lock = await pair.lock([payee])
            settle = await pair.settle(transfers)
            finish = await pair.finish(transfers, Outcome.MINTED)
            samples.add(key, settle)
            if key == "single_fresh":
                samples.add("lock_single", lock)
                samples.add("finish_commit_single", finish)
                samples.add("path_single", lock + settle + finish)


async def _measure_commits(pair: Pair, samples: Samples) -> None:
    payees = recipients(LIST)
    await pair.room(LIST)
    transfers, lock = await pair.lock(payees)
    settle = await pair.settle(transfers)
    finish = await pair.finish(transfers, Outcome.MINTED)
    samples.add("lock_bulk50", lock)
    samples.add("batch50_fresh", settle)
    samples.add("finish_commit50", finish)
    samples.add("path_batch50", lock + settle + finish)
    await pair.room(LIST)
    transfers, _ = await pair.lock(payees)
    samples.add("batch50_known", await pair.settle(transfers))


async def _measure_rollback(pair: Pair, samples: Samples) -> None:
    await pair.room(LIST)
    transfers, _ = await pair.lock(recipients(LIST))
    samples.add("refuse_batch50", await pair.refuse(transfers))
    samples.add("finish_release50", await pair.finish(transfers, Outcome.REJECTED))
    pair.skip_nonces()
    _, gas = await pair.lock(recipients(1))
    samples.add("lock_first_nonce", gas)


def report(samples: Samples) -> dict[str, object]:
    """What build/gas.json holds: a key per row, and `about`."""
    rows: dict[str, object] = {}
    for key, row in ROWS.items():
        gas = samples.per_item(key)
        met = None if gas is None or row.aim is None else gas <= row.aim
        rows[key] = {
            "what": row.what,
            "items": row.items,
            "gas": gas,
            "aim": row.aim,
            "met": met,
            "samples": samples.totals.get(key, []),
        }
    return {**rows, "about": about()}


def about() -> dict[str, str]:
    """Versions that a figure depends on."""
    gateway = json.loads(files("bridge.adapters.evm").joinpath("artifacts", "Gateway.json").read_text())
    settings = gateway["settings"]
    anvil = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "anvil": anvil.split()[2],
        "solc": gateway["compiler"].partition("+")[0],
        "settings": f"{'via-IR' if settings['viaIR'] else 'legacy'}, {settings['optimizer']['runs']} runs, "
        f"{settings['evmVersion']}",
        "sources": gateway["sourceHash"][:12],
        "naru": version("naru-bridge"),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def table(samples: Samples) -> str:
    """Lay the figures out for a terminal."""
    lines = [f"{'gas per item':<65}{'figure':>9}{'aim':>9}"]
    for key, row in ROWS.items():
        gas = samples.per_item(key)
        figure = "not built" if gas is None else f"{gas:,}"
        aim = "" if row.aim is None else f"{row.aim:,}"
        lines.append(f"{key:<22}{row.what:<43}{figure:>9}{aim:>9}  {_verdict(gas, row.aim)}".rstrip())
    return "\n".join(lines)


def _verdict(gas: int | None, aim: int | None) -> str:
    if gas is None or aim is None:
        return ""
    return f"met ({gas / aim:.2f})" if gas <= aim else f"MISSED ({gas / aim:.2f})"


async def _run(samples: Samples, note: Note) -> None:
    with tempfile.TemporaryDirectory() as folder:
        note("starting two anvil nodes, deploying")
        async with running_pair(Path(folder)) as pair:
            await measure(pair, samples)


def main() -> None:
    """Measure, print, and write the report and the page."""
    if not BINARY.exists():
        sys.exit(f"no {BINARY.name} in contracts/evm/node_modules: run `make node`")
    started = time.monotonic()

    def note(text: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {text}", file=sys.stderr, flush=True)

    samples = Samples(note)
    asyncio.run(_run(samples, note))
    found = about()
    print(", ".join(f"{key} {value}" for key, value in found.items()))
    print(table(samples))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report(samples), indent=2) + "\n", encoding="utf-8")
    page.write({key: samples.per_item(key) for key in ROWS}, found)
    print("written: build/gas.json, docs/performance.md")


if __name__ == "__main__":
    main()
