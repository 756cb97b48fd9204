"""The committed contract artifacts: ABI, bytecode, and the selectors of what they can revert with."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, cast

from eth_typing import ABI

from bridge.core.keccak import keccak
from bridge.core.refusals import selector

GATEWAY: Final = "Gateway"
"""Its ABI has the extension's functions too: they answer at the gateway's address."""
GATEWAY_EXTENSION: Final = "GatewayExtension"
TIMELOCK: Final = "TwoPersonTimelock"
FROST_VERIFIER: Final = "FrostVerifier"
SAMPLE_TOKEN: Final = "SampleSecurityToken"  # noqa: S105 - a contract's name
PLAIN_TOKEN: Final = "PlainToken"  # noqa: S105 - a contract's name
ERC20_HANDLER: Final = "Erc20Handler"
SAMPLE_HANDLER: Final = "SampleHandler"
"""Of SAMPLE_TOKEN; it understands PLAIN_TOKEN too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A compiled contract."""

    name: str
    abi: ABI
    bytecode: bytes
    runtime: bytes
    """The code that a deployment leaves, with zeros where its constructor writes immutables; empty for samples."""
    immutables: tuple[tuple[int, int], ...]
    """Those places: start and length in bytes."""


@cache
def artifact(name: str) -> Artifact:
    """Read an artifact from the package."""
    data = json.loads(files(__package__).joinpath("artifacts", f"{name}.json").read_text())
    return Artifact(
        name=name,
        abi=cast("ABI", data["abi"]),
        bytecode=bytes.fromhex(data["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(data.get("deployedBytecode", "").removeprefix("0x")),
        immutables=tuple((start, length) for start, length in data.get("immutables", ())),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorForm:
    """A custom error: its name, and the ABI types of its arguments."""

    name: str
    types: tuple[str, ...]


@cache
def errors() -> dict[bytes, ErrorForm]:
    """Map selectors (4 bytes) to the custom errors of all contracts that we know."""
    forms = {}
    for name in (GATEWAY, TIMELOCK, SAMPLE_TOKEN, PLAIN_TOKEN):
        for entry in artifact(name).abi:
            if entry["type"] == "error":
                types = tuple(str(argument["type"]) for argument in entry.get("inputs", ()))
                signature = f"{entry['name']}({','.join(types)})"
                forms[selector(signature)] = ErrorForm(name=entry["name"], types=types)
    return forms


def topic(signature: str) -> bytes:
    """Give the first topic of an event."""
    return keccak(signature.encode())
