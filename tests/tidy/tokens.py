"""Writes what forge's tests saw of each token standard: refusals into docs/tokens.md, gas into docs/performance.md.

A test that shows a refusal emits `Refusal(reason)` (contracts/evm/test/Base.sol) where quote and mint agree on it; its
name is the situation. So no row is there that no test has. Gas is measured with a transaction to each call.

Run as a module: `make tokens`, which compares; `make tokens WRITE=1` writes.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bridge.core.keccak import keccak
from bridge.core.reasons import EXPLANATIONS, Reason
from tests.tidy.slither import EVM, FORGE
from tests.tidy.sources import ROOT

REFUSALS: Final = ROOT / "docs" / "tokens.md", "refusals"
GAS: Final = ROOT / "docs" / "performance.md", "settle by standard"
REFUSAL: Final = "0x" + keccak(b"Refusal(uint8)").hex()
SETTLE_GAS: Final = "0x" + keccak(b"SettleGas(uint256,uint256)").hex()
STANDARDS: Final = {
    "Erc1400": "ERC-1400",
    "Erc1404": "ERC-1404",
    "Erc7802": "ERC-7802",
    "Erc7943": "ERC-7943",
    "Kip7": "KIP-7",
    "Samples": "ERC-20 (sample)",
    "Trex": "ERC-3643 (T-REX 4.1.6)",
}
"""By what the test contract's name begins with."""
Results = Mapping[str, Any]
"""What forge says of each test contract, by place."""
PATHS: Final = "test/{handlers/*,trex/*,Samples.t.sol}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    fresh = [
        _renewed(*REFUSALS, refusals(_results("--no-match-test", "test_gas_of_")), write=write),
        _renewed(*GAS, gas(_results("--isolate", "--match-test", "^test_gas_of_settle\\(\\)$")), write=write),
    ]
    if not all(fresh):
        sys.exit("docs/tokens.md or docs/performance.md is stale: run `make tokens WRITE=1` and commit")
    print("tokens: fresh")


def refusals(results: Results) -> str:
    """Lay out a row per standard, situation and reason."""
    lines = ["| standard | situation | reason | a transfer then | who must act |", "|---|---|---|---|---|"]
    found = {(name, _words(test), Reason(int(data, 16))) for name, test, data in _events(results, REFUSAL)}
    for standard, situation, reason in sorted(found):
        outcome = "waits, until its deadline at the latest" if reason.transient else "is rolled back"
        action = EXPLANATIONS[reason].action
        lines.append(f"| {standard} | {situation} | {reason.value} {reason.name} | {outcome} | {action} |")
    return "\n".join(lines)


def gas(results: Results) -> str:
    """Lay out a row per standard: the dearest of its variants."""
    lines = ["| standard | settle, one transfer | settle, each of ten |", "|---|---:|---:|"]
    dearest: dict[str, tuple[int, int]] = {}
    for standard, _, data in _events(results, SETTLE_GAS):
        figures = int(data[2:66], 16), int(data[66:], 16)
        dearest[standard] = max(figures, dearest.get(standard, figures))
    return "\n".join([*lines, *(f"| {name} | {one:,} | {each:,} |" for name, (one, each) in sorted(dearest.items()))])


def _renewed(page: Path, what: str, table: str, *, write: bool) -> bool:
    """Put the table between its markers, if it is to be written; tell whether it stands there."""
    begin, end = f"<!-- {what}: written by `make tokens WRITE=1` from contracts/evm/test -->", f"<!-- end of {what} -->"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(begin)
    fresh = f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"
    if write:
        page.write_text(fresh, encoding="utf-8")
    return write or fresh == text


def _events(results: Results, topic: str) -> Iterator[tuple[str, str, str]]:
    """Give standard, test and data of each event of a kind; fuzzed tests apart, which see something else each time."""
    for place, suite in results.items():
        contract = place.rpartition(":")[2]
        for test, result in suite["test_results"].items():
            if result["status"] != "Success":
                sys.exit(f"tokens: {contract}.{test} failed: {result.get('reason')}")
            for log in result["logs"]:
                if test.endswith("()") and log["topics"][:1] == [topic]:
                    yield _standard(contract), test, log["data"]


def _standard(contract: str) -> str:
    for prefix, name in STANDARDS.items():
        if contract.startswith(prefix):
            return name
    sys.exit(f"tokens: {contract} is of no standard: name it in STANDARDS")


def _words(test: str) -> str:
    return test.partition("(")[0].removeprefix("test_").replace("_", " ")


def _results(*options: str) -> Results:
    done = subprocess.run(
        [FORGE, "test", "-vv", "--json", "--match-path", PATHS, *options],
        cwd=EVM,
        env=os.environ | {"FOUNDRY_PROFILE": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        results: Results = json.loads(done.stdout)
    except json.JSONDecodeError:
        sys.exit(f"tokens: forge failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return results


if __name__ == "__main__":
    main()
