"""`naru demo --token trex`: the same network on the real ERC-3643 suite, for whoever has its npm package."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.integration import trex
from tests.integration.support import Done, naru, naru_here

Test = TypeVar("Test", bound=Callable[..., None])
ENDINGS = [("COMMITTED", None), ("ROLLED_BACK", "NOT_ELIGIBLE"), ("ROLLED_BACK", "COMPLIANCE_RULE")]
ARTIFACTS = ("--trex-artifacts", str(trex.NODE_MODULES))


def needs_trex(test: Test) -> Test:
    """Leave a test to `make e2e`, and skip it out loud where the package is missing."""
    marked: Test = pytest.mark.anvil(pytest.mark.skipif(trex.MISSING, reason=trex.REASON)(test))
    return marked


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("k")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[Done]:
    """A demo whose network is kept."""
    yield naru("demo", "--token", "trex", *ARTIFACTS, "--keep", "-o", "json", folder=folder)
    naru("devnet", "down", folder=folder)


@needs_trex
@pytest.mark.processes
def test_on_t_rex_one_transfer_commits_and_two_are_refused_for_what_the_token_says(demo: Done) -> None:
    assert demo.code == 0, demo.err
    assert [(t["status"], t["reason"]) for t in demo.json["transfers"]] == ENDINGS
    assert all(t["as_expected"] for t in demo.json["transfers"])


@needs_trex
@pytest.mark.processes
def test_what_was_burned_for_a_refused_transfer_is_minted_back_inv_4(demo: Done) -> None:
    assert demo.json["conserved"] is True
    assert _figures(demo, "alpha") == {"burned": "800195", "reminted": "800075", "supply": "999880"}
    assert _figures(demo, "beta") == {"burned": "0", "reminted": "0", "supply": "250120"}


@needs_trex
@pytest.mark.processes
def test_doctor_finds_nothing_wrong_with_a_network_of_t_rex_tokens(demo: Done, folder: Path) -> None:
    assert demo.code == 0, demo.err
    examined = naru("doctor", "-o", "json", folder=folder)
    assert [check for check in examined.json if not check["ok"]] == []
    assert examined.code == 0


@needs_trex
@pytest.mark.processes
def test_a_network_of_t_rex_tokens_that_is_up_moves_units(folder: Path, demo: Done) -> None:
    """As `naru devnet up --token trex` leaves it: the same supervisor."""
    assert demo.code == 0, demo.err
    lane = ["--from", "bob", "--to", "alice", "--source", "beta", "--destination", "alpha"]
    sent = naru("transfer", "send", "20", "tower", *lane, "-o", "json", folder=folder)
    assert (sent.code, sent.err) == (0, "")
    assert naru("transfer", "watch", sent.json["id"], folder=folder).code == 0


@pytest.mark.parametrize("command", [("demo",), ("devnet", "up")])
def test_without_the_package_it_says_how_to_get_it_and_starts_nothing(command: tuple[str, ...], tmp_path: Path) -> None:
    before = naru_here("devnet", "status", "-o", "json").json
    refused = naru_here(*command, "--token", "trex", "--trex-artifacts", str(tmp_path))
    assert (refused.code, refused.out) == (2, "")
    said = " ".join(refused.err.split())
    assert "--token trex needs Node.js and npm, once" in said
    assert "run `make node`, or `npm ci` in contracts/evm" in said
    assert naru_here("devnet", "status", "-o", "json").json == before


def test_without_an_option_the_package_is_looked_for_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = naru_here("devnet", "up", "--token", "trex")
    assert refused.code == 2
    assert "is not in contracts/evm/node_modules" in " ".join(refused.err.split())


def test_artifacts_without_the_token_that_needs_them_are_refused(tmp_path: Path) -> None:
    refused = naru_here("demo", "--trex-artifacts", str(tmp_path))
    assert refused.code == 2
    assert "--trex-artifacts goes with --token trex" in refused.err


def _figures(demo: Done, ledger: str) -> dict[str, Any]:
    (line,) = (line for line in demo.json["totals"] if line["ledger"] == ledger)
    return {name: line[name] for name in ("burned", "reminted", "supply")}
