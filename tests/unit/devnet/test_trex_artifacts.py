"""T-REX is brought by whoever deploys it: what is missing is said, with how to get it."""

import json
from pathlib import Path

import pytest

from bridge.devnet.trex.artifacts import PACKAGE, VERSION, TrexArtifacts
from bridge.errors import ConfigError


def installed(folder: Path, version: str = VERSION) -> Path:
    """Give a node_modules with a package that has no contract but one."""
    package = folder / PACKAGE
    file = package / "artifacts/contracts/token/Token.sol/Token.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"abi": [], "bytecode": "0x6001"}))
    (package / "package.json").write_text(json.dumps({"version": version}))
    return folder


def test_an_artifact_is_read_as_it_was_published(tmp_path: Path) -> None:
    token = TrexArtifacts(installed(tmp_path)).artifact("Token")
    assert (token.name, token.abi, token.bytecode) == ("Token", [], b"\x60\x01")


def test_without_the_package_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=f"{PACKAGE} {VERSION} is not in .*: run `make node`, or `npm ci` in contracts/evm"
    ):
        TrexArtifacts(tmp_path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has version 4\.1\.3"):
        TrexArtifacts(installed(tmp_path, "4.1.3"))


def test_a_package_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"MaxBalanceModule\.json is missing"):
        TrexArtifacts(installed(tmp_path)).artifact("MaxBalanceModule")
