"""What is made from something else equals what its generator makes now."""

import json
import re
import runpy
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.tidy import diagram, sources, stubs
from tests.vectors import statements

ARTIFACTS = sources.ROOT / "bridge" / "adapters" / "evm" / "artifacts"
PROJECT = tomllib.loads((sources.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = {"run": ("build",), "test": ("build", "test"), "check": ("build", "test", "check")}


def test_the_state_table_and_diagram_are_those_of_plan() -> None:
    page = diagram.PATH.read_text(encoding="utf-8")
    assert diagram.put(page) == page, "run `make diagram` and commit"


def test_the_vectors_are_those_of_the_code() -> None:
    assert statements.PATH.read_text(encoding="utf-8") == statements.text(), "run `make vectors` and commit"


def test_the_grpc_stubs_are_those_of_proto() -> None:
    if not stubs.available():
        pytest.skip("grpcio-tools is not installed (requirements/check.txt); `make check` has it")
    assert stubs.stale() == [], "run `make proto WRITE=1` and commit"


def test_the_contract_artifacts_were_made_from_these_sources() -> None:
    source_hash = runpy.run_path(str(sources.ROOT / "contracts" / "evm" / "tools" / "artifacts"))["source_hash"]()
    made_from = {path.name: json.loads(path.read_text())["sourceHash"] for path in sorted(ARTIFACTS.glob("*.json"))}
    assert made_from
    assert set(made_from.values()) == {source_hash}, "run `make artifacts WRITE=1` and commit"


def test_the_gateways_page_names_all_of_its_abi() -> None:
    abi = json.loads((ARTIFACTS / "Gateway.json").read_text(encoding="utf-8"))["abi"]
    words = set(re.findall(r"\w+", (sources.ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")))
    assert not [entry["name"] for entry in abi if "name" in entry and entry["name"] not in words]


@pytest.mark.parametrize("level", GROUPS)
def test_the_pinned_requirements_fit_the_project(level: str) -> None:
    pinned = _pins(level)
    wanted = [*PROJECT["project"]["dependencies"]]
    wanted += [line for group in GROUPS[level] for line in PROJECT["dependency-groups"][group]]
    wrong = [line for line in wanted if not _fits(Requirement(line), pinned)]
    assert not wrong, "run `make lock` and commit"


def test_the_lists_of_pinned_requirements_agree() -> None:
    run, test, check = (_pins(level) for level in GROUPS)
    assert run.items() <= test.items() <= check.items(), "run `make lock` and commit"


def test_the_pinned_slither_is_the_one_asked_for() -> None:
    wanted = map(Requirement, PROJECT["dependency-groups"]["slither"])
    assert all(_fits(requirement, _pins("slither")) for requirement in wanted), "run `make lock` and commit"


def _pins(level: str) -> dict[str, Version]:
    lines = (sources.ROOT / "requirements" / f"{level}.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split()[0].split("==") for line in lines if line[:1].isalnum()]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def _fits(requirement: Requirement, pinned: dict[str, Version]) -> bool:
    version = pinned.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)
