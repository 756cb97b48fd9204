"""Calls that governance makes: what a plan still lacks, what a person writes on a command line, and how each reads."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.address import is_checksum_address
from web3.contract import AsyncContract
from web3.exceptions import Web3Exception

from bridge.adapters.evm.contracts import GATEWAY, TIMELOCK, artifact
from bridge.adapters.evm.governance import Call
from bridge.adapters.evm.inspection import NOBODY, ROLES, AssetFacts, GatewayFacts, Role
from bridge.adapters.evm.node import Node
from bridge.core.caip import EndpointId, asset_id, evm_account, evm_address
from bridge.core.transfer import Lane, LaneId
from bridge.errors import BridgeError, InvalidInputError
from bridge.ops.gateway_checks import Names, lanes_of, names_of
from bridge.ops.gateway_plan import AssetPlan, GatewayPlan

GOVERNANCE_CALLS: Final = (
    "registerKey",
    "setRoles",
    "setDelays",
    "registerPeer",
    "setPeerEnabled",
    "allowClosing",
    "addProfile",
    "setAssetEnabled",
    "setAgent",
    "setRegisterKey",
    "configureOutbound",
    "configureInbound",
    "setLaneEnabled",
)
UNPAUSER_CALLS: Final = ("unpause", "unpauseLane")
PERSON_CALLS: Final = ("addPerson", "removePerson", "updateDelay")
"""Of a timelock by itself: who is a person there, and how long it waits."""
PERSON_ROLES: Final = (Role.PROPOSER, Role.EXECUTOR, Role.CANCELLER)
_DECIMAL: Final = re.compile(r"[0-9]{1,78}", re.ASCII)
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_WORD: Final = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_ENUMS: Final[Mapping[str, Sequence[str]]] = {
    "enum LockMode": ("none", "burn", "escrow", "freeze"),
    "enum TokenForm": ("none", "own", "role", "erc7802"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A call of the gateway that governance is to make. `stands_alone`: can be tried before the others are done."""

    name: str
    arguments: tuple[object, ...]
    stands_alone: bool = True


class Book:
    """Encodes calls of one gateway, and reads them back in a plan's names."""

    def __init__(self, node: Node, gateway: str, plan: GatewayPlan, here: EndpointId) -> None:
        """Speak of the gateway at *gateway*, whose EndpointId is *here*."""
        self._gateway: AsyncContract = node.contract(GATEWAY, gateway)
        self._timelock: AsyncContract = node.contract(TIMELOCK, gateway)
        self._plan = plan
        self._here = here

    def encode(self, wanted: Wanted) -> Call:
        """Encode a call."""
        return self.call(wanted.name, *wanted.arguments)

    def call(self, name: str, *arguments: object) -> Call:
        """Encode a call of the gateway by its ABI."""
        data = bytes.fromhex(self._gateway.encode_abi(name, arguments).removeprefix("0x"))
        return Call(target=str(self._gateway.address), data=data)

    def parse(self, name: str, texts: Sequence[str]) -> tuple[object, ...]:
        """Read a call's arguments as a person writes them.

        Raises:
            InvalidInputError: the gateway has no such call for governance, or an argument is not of its type.
        """
        if name not in GOVERNANCE_CALLS:
            known = ", ".join((*GOVERNANCE_CALLS, *PERSON_CALLS))
            raise InvalidInputError(f"{name} is no call of governance: known are {known}")
        inputs = _inputs(name)
        if len(texts) != len(inputs):
            form = " ".join(f"<{_kind(item)} {item['name']}>" for item in inputs)
            raise InvalidInputError(f"{name} takes {len(inputs)} arguments, not {len(texts)}: {form}")
        return tuple(self._argument(item, text) for item, text in zip(inputs, texts, strict=True))

    def lane(self, words: Sequence[str]) -> LaneId:
        """Read a lane: its LaneId, or ASSET to|from PEER in the plan's names.

        Raises:
            InvalidInputError: neither.
        """
        match words:
            case [word] if _WORD.fullmatch(word):
                return LaneId(bytes.fromhex(word[2:]))
            case [asset, ("to" | "from") as way, peer]:
                of, at = self._asset(asset), self._peer(peer)
                ends = (self._here, at) if way == "to" else (at, self._here)
                return Lane(source=EndpointId(ends[0]), destination=EndpointId(ends[1]), asset=asset_id_of(of)).id
            case _:
                raise InvalidInputError(f"{' '.join(words)!r} is no lane: write ASSET to PEER, ASSET from PEER, or 0x…")

    def text(self, call: Call, value: int = 0) -> str:
        """Write a call, which takes *value* along, so that the second person can judge it; whatever it is."""
        try:
            told = self._worded(call)
        except (ValueError, LookupError, DecodingError, EncodingError, Web3Exception, BridgeError):
            told = f"UNKNOWN CALL of {call.target}: 0x{call.data.hex()}"
        return f"{told} PAYING {value} wei" if value else told

    def _worded(self, call: Call) -> str:
        contract = self._gateway if call.target == self._gateway.address else self._timelock
        where = "" if contract is self._gateway else f" at {call.target}"
        function, arguments = contract.decode_function_input(call.data)
        again = contract.encode_abi(function.abi_element_identifier, tuple(arguments.values()))
        if bytes.fromhex(again.removeprefix("0x")) != call.data:
            raise InvalidInputError("the call holds more than its words would tell")
        kinds = {str(item["name"]): _kind(item) for item in function.abi.get("inputs", ())}
        told = ", ".join(f"{name} {self._shown(kinds[name], value)}" for name, value in arguments.items())
        return f"{function.fn_name}({told}){where}"

    def _shown(self, kind: str, value: Any) -> str:  # noqa: ANN401 - whatever an ABI holds
        names = names_of(self._plan)
        match kind:
            case "EndpointId":
                return names.peer(value)
            case "AssetId":
                return names.asset(value)
            case "LaneId":
                return self._lane_name(value, names)
            case "enum LockMode" | "enum TokenForm":
                return _ENUMS[kind][int(value)]
            case "bytes32" if role := next((role for role, number in ROLES.items() if number == value), None):
                return str(role)
            case _:
                return _plain(value)

    def _lane_name(self, lane_id: bytes, names: Names) -> str:
        lanes = lanes_of(self._here, self._plan)
        known = lanes.get(LaneId(lane_id))
        return names.lane(known.lane, self._here) if known else "0x" + lane_id.hex()

    # --- arguments

    def _argument(self, item: Mapping[str, Any], text: str) -> object:
        kind = _kind(item)
        if str(item["type"]).startswith("tuple"):
            components = cast("Sequence[Mapping[str, Any]]", item["components"])
            parts = text.split(",")
            if len(parts) != len(components):
                form = ",".join(str(part["name"]) for part in components)
                raise InvalidInputError(f"{item['name']} is {form}, all in one word without spaces, not {text!r}")
            return tuple(self._argument(part, value) for part, value in zip(components, parts, strict=True))
        parsers: Mapping[str, Callable[[str], object]] = {
            "EndpointId": self._peer,
            "AssetId": lambda value: asset_id_of(self._asset(value)),
            "LaneId": lambda value: self.lane(re.split(r"[ :]", value)),
            "bytes32": _word,
            "address": lambda value: NOBODY if value == "none" else evm_address(evm_account(value)),
            "bool": _boolean,
            "string": str,
            **{name: _choice(values) for name, values in _ENUMS.items()},
        }
        try:
            if kind in parsers:
                return parsers[kind](text)
            return _number(text, int(str(item["type"]).removeprefix("uint")))
        except InvalidInputError as error:
            raise InvalidInputError(f"{item['name']}: {error}") from error

    def _peer(self, text: str) -> bytes:
        named = [peer for peer in self._plan.peers if peer.name == text]
        if named:
            return named[0].endpoint.id
        return _word(text, f"; peers of the plan: {', '.join(peer.name for peer in self._plan.peers) or 'none'}")

    def _asset(self, text: str) -> str | bytes:
        named = [asset for asset in self._plan.assets if asset.name == text]
        if named:
            return named[0].asset
        if text.startswith("isin:"):
            return text
        return _word(text, f"; assets of the plan: {', '.join(asset.name for asset in self._plan.assets) or 'none'}")


# --- what a plan still lacks


def lacking(plan: GatewayPlan, facts: GatewayFacts) -> list[tuple[tuple[str, ...], Wanted]]:
    """Give the calls by which a gateway comes to know what its plan says, each with what it is for.

    Never what would take something away, enable again what somebody disabled, or replace a key in force: that is
    proposed by name.
    """
    calls: list[tuple[tuple[str, ...], Wanted]] = []
    if plan.key and not facts.epoch:
        calls.append((("key",), Wanted(name="registerKey", arguments=(plan.key.epoch, *plan.key.point))))
    for peer in plan.peers:
        end = peer.endpoint
        if end.id not in facts.peers:
            arguments = (end.ledger, end.fingerprint, end.gateway)
            calls.append((("peer", peer.name), Wanted(name="registerPeer", arguments=arguments)))
    for asset in plan.assets:
        found = _asset_calls(asset, facts.assets.get(asset.id))
        calls += [(("asset", asset.name), wanted) for wanted in found]
    here = facts.endpoint.id
    for planned in plan.lanes:
        for lane_id, lane in lanes_of(here, plan.model_copy(update={"lanes": (planned,)})).items():
            known = facts.lanes.get(lane_id)
            if known is not None and known.limits == lane.limits:
                continue
            name = "configureOutbound" if lane.outbound else "configureInbound"
            peer_id = lane.lane.destination if lane.outbound else lane.lane.source
            wanted = Wanted(
                name=name,
                arguments=(peer_id, lane.lane.asset, lane.limits),
                stands_alone=peer_id in facts.peers and lane.lane.asset in facts.assets,
            )
            calls.append((("lane", planned.asset, planned.peer), wanted))
    return calls


def _asset_calls(planned: AssetPlan, known: AssetFacts | None) -> list[Wanted]:
    terms = (planned.mode_number, planned.form_number, planned.decimals, planned.gas_allowance)
    calls = []
    if known is None or (planned.token, planned.handler, *terms) != (
        known.token,
        known.handler,
        known.mode,
        known.form,
        known.decimals,
        known.gas_allowance,
    ):
        calls.append(Wanted(name="addProfile", arguments=(planned.id, planned.token, planned.handler, *terms)))
    if planned.register_key and (known is None or known.register_key != planned.register_key):
        arguments = (planned.id, planned.register_key)
        calls.append(Wanted(name="setRegisterKey", arguments=arguments, stands_alone=known is not None))
    calls += [
        Wanted(name="setAgent", arguments=(planned.id, agent, True), stands_alone=known is not None)
        for agent in planned.agents
        if known is None or agent not in known.agents
    ]
    return calls


# --- reading and writing values


def asset_id_of(asset: str | bytes) -> Any:  # noqa: ANN401 - an AssetId, from text or as it is
    """Give an AssetId from `isin:` text, or back."""
    return asset if isinstance(asset, bytes) else asset_id(asset)


def _inputs(name: str) -> Sequence[Mapping[str, Any]]:
    entry = next(entry for entry in artifact(GATEWAY).abi if entry["type"] == "function" and entry["name"] == name)
    return cast("Sequence[Mapping[str, Any]]", entry.get("inputs", ()))


def _kind(item: Mapping[str, Any]) -> str:
    """Give the Solidity type by name where it has one: such as EndpointId."""
    return str(item.get("internalType", item["type"]))


def _word(text: str, hint: str = "") -> bytes:
    if not _WORD.fullmatch(text):
        raise InvalidInputError(f"{text!r} is not 0x and 64 lower-case hexadecimal digits{hint}")
    return bytes.fromhex(text[2:])


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise InvalidInputError(f"{text!r} is neither true nor false")
    return text == "true"


def _choice(values: Sequence[str]) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text not in values:
            raise InvalidInputError(f"{text!r} is none of {', '.join(values)}")
        return values.index(text)

    return read


def _number(text: str, bits: int) -> int:
    number = int(text, 16) if _HEX.fullmatch(text) else int(text) if _DECIMAL.fullmatch(text) else -1
    if not 0 <= number < 1 << bits:
        raise InvalidInputError(f"{text!r} is not a number from 0 to 2^{bits} - 1")
    return number


def _plain(value: Any) -> str:  # noqa: ANN401 - whatever an ABI holds
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):  # escaped: it must not write over what else the second person reads
        return value if is_checksum_address(value) else json.dumps(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return str(value)
