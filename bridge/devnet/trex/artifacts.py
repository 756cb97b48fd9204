"""Reads the T-REX suite's published artifacts from an npm installation.

Law: T-REX is GPL-3.0 and its compliance modules CC-BY-NC, so nothing of it is part of this project: whoever deploys it
brings the npm package, of which ABI and bytecode are used as they were published. Nothing is compiled or copied.
"""

import json
from functools import cache
from pathlib import Path
from typing import Final, cast

from eth_typing import ABI

from bridge.adapters.evm.contracts import Artifact
from bridge.errors import ConfigError

PACKAGE: Final = "@tokenysolutions/t-rex"
VERSION: Final = "4.1.6"
_MODULES: Final = "contracts/compliance/modular/modules"
_PLACES: Final = {
    "ClaimIssuer": "@onchain-id/solidity/contracts",
    "ClaimTopicsRegistry": "contracts/registry/implementation",
    "ClaimTopicsRegistryProxy": "contracts/proxy",
    "ConditionalTransferModule": _MODULES,
    "CountryAllowModule": _MODULES,
    "CountryRestrictModule": _MODULES,
    "Identity": "@onchain-id/solidity/contracts",
    "IdentityRegistry": "contracts/registry/implementation",
    "IdentityRegistryProxy": "contracts/proxy",
    "IdentityRegistryStorage": "contracts/registry/implementation",
    "IdentityRegistryStorageProxy": "contracts/proxy",
    "MaxBalanceModule": _MODULES,
    "ModularCompliance": "contracts/compliance/modular",
    "ModularComplianceProxy": "contracts/proxy",
    "ModuleProxy": _MODULES,
    "SupplyLimitModule": _MODULES,
    "TREXImplementationAuthority": "contracts/proxy/authority",
    "TimeTransfersLimitsModule": _MODULES,
    "Token": "contracts/token",
    "TokenProxy": "contracts/proxy",
    "TransferFeesModule": _MODULES,
    "TransferRestrictModule": _MODULES,
    "TrustedIssuersRegistry": "contracts/registry/implementation",
    "TrustedIssuersRegistryProxy": "contracts/proxy",
}
"""Below the package's artifacts/, the folder of each contract that is used."""


class TrexArtifacts:
    """The artifacts of one npm installation."""

    def __init__(self, node_modules: Path) -> None:
        """Read from a folder *node_modules*.

        Raises:
            ConfigError: the package is not installed there, or in another version.
        """
        self._folder = node_modules / PACKAGE
        found = _version(self._folder)
        if found != VERSION:
            told = "is not" if found is None else f"has version {found}"
            problem = (
                f"{PACKAGE} {VERSION} {told} in {node_modules}: run `make node`, or `npm ci` in contracts/evm; "
                "this project does not contain it, for its licences"
            )
            raise ConfigError((problem,))

    def artifact(self, name: str) -> Artifact:
        """Read a contract's ABI and bytecode.

        Raises:
            ConfigError: the package lacks it.
        """
        return _read(self._folder / "artifacts" / _PLACES[name] / f"{name}.sol" / f"{name}.json")


def _version(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


@cache
def _read(path: Path) -> Artifact:
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        problem = f"{path} is missing: {PACKAGE} is not whole; run `npm ci` in contracts/evm"
        raise ConfigError((problem,)) from None
    return Artifact(
        name=path.stem,
        abi=cast("ABI", data["abi"]),
        bytecode=bytes.fromhex(data["bytecode"].removeprefix("0x")),
        runtime=b"",
        immutables=(),
    )
