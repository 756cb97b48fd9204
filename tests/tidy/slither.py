"""Runs Slither over the contracts: every finding has an answer in slither-answers.toml, and every answer a finding.

A finding is known by its detector and its place, `Contract.function` or `Contract.function.variable`, never by a line.
Run as a module: `make slither`.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.tidy.sources import ROOT

EVM = ROOT / "contracts" / "evm"
ANSWERS = EVM / "slither-answers.toml"
FORGE = EVM / "node_modules" / "@foundry-rs" / "forge-linux-amd64" / "bin" / "forge"
SOLC = EVM / "tools" / "solc"
WORK = ROOT / ".cache" / "slither"
BUILD = WORK / "build-info"
PYTHON = WORK / "venv" / "bin" / "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of Slither that touches our own sources."""

    detector: str
    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why the findings of one detector are right at the places that match *where*, a shell pattern."""

    detector: str
    where: str

    def fits(self, finding: Finding) -> bool:
        return self.detector == finding.detector and fnmatchcase(finding.place, self.where)


def main() -> None:
    given = answers(tomllib.loads(ANSWERS.read_text(encoding="utf-8")))
    compile_contracts()
    found = findings(analyse())
    open_, stale = unanswered(found, given), unneeded(found, given)
    for finding in open_:
        print(f"slither: {finding.detector} at {finding.place} has no answer:\n{finding.text}")
    if open_:
        print(f"slither: mend it, or answer in {ANSWERS.relative_to(ROOT)}:\n\n{skeleton(open_)}")
    for answer in stale:
        print(f"slither: nothing is found any more of {answer.detector} at {answer.where}: take the answer out")
    if open_ or stale:
        sys.exit(1)
    print(f"slither: {len(found)} findings, all answered")


def compile_contracts() -> None:
    """Parse and check src as a whole, and write that down as forge would; Slither needs no bytecode."""
    profile = tomllib.loads((EVM / "foundry.toml").read_text(encoding="utf-8"))["profile"]["default"]
    sources = {path.relative_to(EVM).as_posix(): {"content": path.read_text()} for path in EVM.glob("src/**/*.sol")}
    settings = {
        "remappings": profile["remappings"],
        "evmVersion": profile["evm_version"],
        "outputSelection": {"*": {"": ["ast"], "*": ["abi"]}},
    }
    asked = {"language": "Solidity", "sources": dict(sorted(sources.items())), "settings": settings}
    output = json.loads(_run(str(SOLC), "--standard-json", given=json.dumps(asked)).stdout)
    if wrong := [error["formattedMessage"] for error in output.get("errors", []) if error["severity"] == "error"]:
        sys.exit("slither: the contracts do not compile:\n" + "\n".join(wrong))
    for contract in (contract for file in output["contracts"].values() for contract in file.values()):
        contract["evm"] = {name: {"object": "", "sourceMap": ""} for name in ("bytecode", "deployedBytecode")}
    version = _run(str(SOLC), "--version").stdout.split("Version: ")[1].split("+")[0]
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "src.json").write_text(json.dumps({"solcVersion": version, "input": asked, "output": output}))


def analyse() -> Mapping[str, Any]:
    """Run every detector on that build, all contracts or none; what a comment in a source would hide is told too."""
    build = ("--ignore-compile", "--foundry-build-info-directory", str(BUILD), "--disallow-partial")
    output = ("--show-ignored-findings", "--fail-none", "--disable-color", "--json", "-")
    done = _run(str(PYTHON), "-m", "slither", ".", *build, *output)
    report: Mapping[str, Any] = json.loads(done.stdout)
    if not report["success"]:
        sys.exit(f"slither: {report['error']}")
    return report


def findings(report: Mapping[str, Any]) -> list[Finding]:
    """List what touches our own sources."""
    results = report["results"].get("detectors", [])
    return sorted(
        (
            Finding(detector=result["check"], place=place(ours[0]), text=result["description"].rstrip())
            for result in results
            if (ours := [part for part in result["elements"] if not part["source_mapping"]["is_dependency"]])
        ),
        key=lambda finding: (finding.detector, finding.place),
    )


def place(element: Mapping[str, Any]) -> str:
    """Name where an element stands: `Contract.function.variable`, or its file if it is in no contract."""
    names = list(_names(element))
    return ".".join(reversed(names)) or str(element["source_mapping"]["filename_relative"])


def answers(parsed: Mapping[str, Any]) -> list[Answer]:
    """Read the answers, one for each place."""
    for entry in parsed["answer"]:
        if entry.keys() != {"detector", "where", "why"} or not entry["where"] or not entry["why"].strip():
            sys.exit(f"slither: an answer has a detector, where, and a why: {entry}")
    return [Answer(detector=entry["detector"], where=where) for entry in parsed["answer"] for where in entry["where"]]


def unanswered(found: Sequence[Finding], given: Sequence[Answer]) -> list[Finding]:
    return [finding for finding in found if not any(answer.fits(finding) for answer in given)]


def unneeded(found: Sequence[Finding], given: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in given if not any(answer.fits(finding) for finding in found)]


def skeleton(found: Sequence[Finding]) -> str:
    """Write the answers that are missing, but for why."""
    places: dict[str, list[str]] = {}
    for finding in found:
        known = places.setdefault(finding.detector, [])
        if finding.place not in known:
            known.append(finding.place)
    return "\n".join(
        f'[[answer]]\ndetector = "{detector}"\nwhere = {json.dumps(where)}\nwhy = ""\n'
        for detector, where in places.items()
    )


def _names(element: Mapping[str, Any]) -> Iterator[str]:
    """Give the names of the element and what it stands in, innermost first; statements have none."""
    if element["type"] in {"contract", "function", "variable", "event", "struct", "enum", "custom_error"}:
        yield element["name"]
    if parent := element.get("type_specific_fields", {}).get("parent"):
        yield from _names(parent)


def _run(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run in contracts/evm, with forge on the path: Slither asks it for the project's settings."""
    env = {**os.environ, "PATH": f"{FORGE.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=EVM, env=env, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"slither: `{' '.join(command)}` failed:\n{done.stdout[-4000:]}{done.stderr}")
    return done


if __name__ == "__main__":
    main()
