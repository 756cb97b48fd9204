"""What stands on a ledger, read whole at one block: a gateway's code, roles and registrations, a timelock's roles.

Nothing here judges: bridge/ops/gateway_checks.py does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from eth_utils.address import to_checksum_address

from bridge.adapters.evm.codes import implementation_hash
from bridge.adapters.evm.contracts import GATEWAY, GATEWAY_EXTENSION, TIMELOCK, Artifact, artifact, topic
from bridge.adapters.evm.node import Node
from bridge.core.caip import AssetId, Endpoint, EndpointId, LedgerId, evm_account
from bridge.core.keccak import keccak
from bridge.core.records import BlockStamp
from bridge.core.statements import Epoch
from bridge.core.transfer import Lane, LaneId
from bridge.errors import LedgerRefusedError, UnavailableError

NOBODY: Final = "0x0000000000000000000000000000000000000000"
"""As the holder of a role: anybody (OpenZeppelin's open role)."""
WORD: Final = 32
VIEW_GAS: Final = 50_000 + 30_000
"""TokenLib's, and what a transaction takes before it."""
_AGENT_SET: Final = topic("AgentSet(bytes32,address,bool)")
_ROLE_GRANTED: Final = topic("RoleGranted(bytes32,address,address)")
_ROLE_PLACE, _HOLDER_PLACE = 1, 2


class Role(StrEnum):
    """What a person may do at a timelock."""

    ADMIN = "admin"
    PROPOSER = "proposer"
    EXECUTOR = "executor"
    CANCELLER = "canceller"


ROLES: Final = {
    Role.ADMIN: bytes(WORD),
    Role.PROPOSER: keccak(b"PROPOSER_ROLE"),
    Role.EXECUTOR: keccak(b"EXECUTOR_ROLE"),
    Role.CANCELLER: keccak(b"CANCELLER_ROLE"),
}
"""As the timelock numbers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelockFacts:
    """Who governs by one account. `delay_s`: None if what stands there is no timelock."""

    address: str
    code: bytes
    delay_s: int | None = None
    holders: Mapping[Role, frozenset[str]]

    @property
    def is_single_key(self) -> bool:
        """An account without code: whoever holds its one key acts alone."""
        return not self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFacts:
    """Another ledger's gateway, as it is registered."""

    enabled: bool
    closing: bool
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFacts:
    """An asset's active profile, and the code that its token has now."""

    enabled: bool
    token: str
    code_hash: bytes
    live_code_hash: bytes
    mode: int
    form: int
    decimals: int
    gas_allowance: int
    handler: str
    handler_code_hash: bytes
    live_handler_code_hash: bytes
    handler_code: bytes = b""
    """As it is now."""
    implementation: bytes = b""
    """Keccak-256 of the code behind the token as it is now, empty if it is no proxy."""
    register_key: str
    agents: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFacts:
    """A lane; `limits` in the order of the ABI's OutboundLimits or InboundLimits, by `outbound`."""

    lane: Lane
    outbound: bool
    enabled: bool
    paused: bool
    limits: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFacts:
    """A gateway at block `at`; `fingerprint_live` is the hash that the ledger has below `deployed_at`."""

    at: BlockStamp
    chain_id: int
    address: str
    code: bytes
    extension: str
    extension_code: bytes
    caip2: str
    fingerprint: bytes
    fingerprint_live: bytes
    deployed_at: int
    endpoint_id: bytes
    domain_separator: bytes
    order_domain_separator: bytes
    governance: str
    unpauser: str
    guardian: str
    auditor: str
    handover_delay_s: int
    redirect_delay_s: int
    paused: bool
    epoch: Epoch
    previous_epoch: int
    key: str
    """Address of the key in force; NOBODY if there is none."""
    pending_epoch: int
    """Of a handover that waits; 0 if none does."""
    peers: Mapping[EndpointId, PeerFacts]
    assets: Mapping[AssetId, AssetFacts]
    lanes: Mapping[LaneId, LaneFacts]

    @property
    def endpoint(self) -> Endpoint:
        """What its EndpointId must be made of."""
        return Endpoint(
            ledger=LedgerId(f"eip155:{self.chain_id}"),
            fingerprint=self.fingerprint_live,
            gateway=evm_account(self.address),
        )


# --- code


def is_artifact(wanted: Artifact, code: bytes) -> bool:
    """Tell whether *code* is a committed artifact's, but for its immutables."""
    return len(code) == len(wanted.runtime) > 0 and _masked(wanted, code) == _masked(wanted, wanted.runtime)


def immutable_words(wanted: Artifact, code: bytes) -> tuple[bytes, ...]:
    """Give what stands where a constructor wrote immutables, in the code's order."""
    return tuple(code[start : start + length] for start, length in wanted.immutables)


def _masked(wanted: Artifact, code: bytes) -> bytes:
    masked = bytearray(code)
    for start, length in wanted.immutables:
        masked[start : start + length] = bytes(length)
    return bytes(masked)


async def gateway_codes(node: Node, address: str, at: BlockStamp) -> tuple[bytes, str, bytes]:
    """Read a gateway's code, the address of its extension, and that one's code.

    The extension is named by the gateway: NOBODY and no code where that does not answer as one.
    """
    code = await node.code(address, at)
    if not is_artifact(artifact(GATEWAY), code):
        return code, NOBODY, b""
    extension = to_checksum_address(await node.call(node.contract(GATEWAY, address).functions.extension(), at))
    return code, extension, await node.code(extension, at)


def are_ours(code: bytes, extension_code: bytes) -> bool:
    """Tell whether a gateway and its extension are the committed ones, so that what they answer can be believed."""
    return is_artifact(artifact(GATEWAY), code) and is_artifact(artifact(GATEWAY_EXTENSION), extension_code)


# --- a gateway


async def read_gateway(node: Node, address: str, at: BlockStamp) -> GatewayFacts:
    """Read everything that a gateway tells, at one block.

    Raises:
        UnavailableError: the node does not answer, or no gateway stands there.
    """
    functions = node.contract(GATEWAY, address).functions

    async def views(*names: str) -> list[Any]:
        return [await node.call(functions[name](), at) for name in names]

    code, extension, extension_code = await gateway_codes(node, address, at)
    caip2, fingerprint, deployed_at, endpoint_id, domain, order_domain = await views(
        "caip2", "fingerprint", "deployedAt", "endpointId", "domainSeparator", "orderDomainSeparator"
    )
    governance, unpauser, guardian, auditor = map(
        to_checksum_address, await views("governance", "unpauser", "guardian", "auditor")
    )
    delays, paused, epoch, previous, handover = await views(
        "delays", "paused", "currentEpoch", "previousEpoch", "pendingHandover"
    )
    peers, assets, lanes = await views("peers", "assets", "lanes")
    agents = await _agents(node, address, deployed_at, at)
    return GatewayFacts(
        at=at,
        chain_id=await node.chain_id(),
        address=to_checksum_address(address),
        code=code,
        extension=extension,
        extension_code=extension_code,
        caip2=caip2,
        fingerprint=fingerprint,
        fingerprint_live=(await node.final(max(0, deployed_at - 1))).hash,
        deployed_at=deployed_at,
        endpoint_id=endpoint_id,
        domain_separator=domain,
        order_domain_separator=order_domain,
        governance=governance,
        unpauser=unpauser,
        guardian=guardian,
        auditor=auditor,
        handover_delay_s=delays[0],
        redirect_delay_s=delays[1],
        paused=paused,
        epoch=Epoch(epoch),
        previous_epoch=previous,
        key=to_checksum_address((await node.call(functions.epoch(epoch), at))[0]) if epoch else NOBODY,
        pending_epoch=handover[0],
        peers={EndpointId(i): await _peer(node, functions, i, at) for i in peers},
        assets={AssetId(i): await _asset(node, functions, i, agents, at) for i in assets},
        lanes={LaneId(i): await _lane(node, functions, i, at) for i in lanes},
    )


async def _peer(node: Node, functions: Any, peer: bytes, at: BlockStamp) -> PeerFacts:  # noqa: ANN401 - web3's are untyped
    _, enabled, _, closing, closed = await node.call(functions.peer(peer), at)
    return PeerFacts(enabled=enabled, closing=closing, closed=closed)


async def _asset(
    node: Node,
    functions: Any,  # noqa: ANN401 - web3's are untyped
    asset: bytes,
    agents: Sequence[tuple[bytes, str]],
    at: BlockStamp,
) -> AssetFacts:
    enabled, profile, _, _, _, register_key, *_ = await node.call(functions.asset(asset), at)
    _, token, code_hash, handler, handler_code_hash, *terms, _ = await node.call(functions.profile(profile), at)
    mode, form, decimals, gas_allowance = terms
    named = [agent for of, agent in agents if of == asset]
    handler_code = await node.code(handler, at)
    return AssetFacts(
        enabled=enabled,
        token=to_checksum_address(token),
        code_hash=code_hash,
        live_code_hash=keccak(await node.code(token, at)),
        mode=mode,
        form=form,
        decimals=decimals,
        gas_allowance=gas_allowance,
        handler=to_checksum_address(handler),
        handler_code_hash=handler_code_hash,
        live_handler_code_hash=keccak(handler_code),
        handler_code=handler_code,
        implementation=await implementation_hash(node, token, at),
        register_key=to_checksum_address(register_key),
        agents=frozenset([agent for agent in named if await node.call(functions.isAgent(asset, agent), at)]),
    )


async def _lane(node: Node, functions: Any, lane: bytes, at: BlockStamp) -> LaneFacts:  # noqa: ANN401 - web3's are untyped
    state = await node.call(functions.lane(lane), at)
    source, destination, asset, outbound, enabled, paused, audit_paused_until, _, outbound_limits, inbound_limits = (
        state[:10]
    )
    return LaneFacts(
        lane=Lane(source=EndpointId(source), destination=EndpointId(destination), asset=AssetId(asset)),
        outbound=outbound,
        enabled=enabled,
        paused=paused or audit_paused_until > at.time,
        limits=outbound_limits if outbound else inbound_limits,
    )


async def _agents(node: Node, address: str, since: int, at: BlockStamp) -> list[tuple[bytes, str]]:
    """List every account that was ever made an issuer's agent; who still is one, the gateway tells."""
    logs = [log async for log in node.logs(address, [_AGENT_SET], since, at.height)]
    found = [(bytes(log["topics"][1]), _address_in(log["topics"][_HOLDER_PLACE])) for log in logs]
    return list(dict.fromkeys(found))


# --- a timelock


async def read_timelock(
    node: Node, address: str, at: BlockStamp, *, since: int = 0, suspects: Sequence[str] = ()
) -> TimelockFacts:
    """Read who holds which role, by the events from height *since* on; ask for *suspects* and NOBODY whatever they say.

    What is no timelock has `delay_s` None; an account without code has no holders.

    Raises:
        UnavailableError: the node does not answer, or not for a timelock of the release.
    """
    code = await node.code(address, at)
    if not code:
        return TimelockFacts(address=address, code=code, holders={role: frozenset() for role in Role})
    functions = node.contract(TIMELOCK, address).functions
    try:
        delay_s = int(await node.call(functions.getMinDelay(), at))
        named: dict[Role, set[str]] = {role: {NOBODY, *suspects} for role in Role}
        async for log in node.logs(address, [_ROLE_GRANTED], since, at.height):
            for role, number in ROLES.items():
                if bytes(log["topics"][_ROLE_PLACE]) == number:
                    named[role].add(_address_in(log["topics"][_HOLDER_PLACE]))
        holders = {
            role: frozenset(
                [
                    who
                    for who in sorted(named[role])
                    if await node.call(functions.hasRole(ROLES[role], to_checksum_address(who)), at)
                ]
            )
            for role in Role
        }
    except (LedgerRefusedError, UnavailableError):
        if is_artifact(artifact(TIMELOCK), code):  # it is one, so it is the node that can't tell
            raise
        await node.stamp(at.height)  # raises if it is the node that does not answer
        return TimelockFacts(address=address, code=code, holders={role: frozenset() for role in Role})
    return TimelockFacts(address=address, code=code, delay_s=delay_s, holders=holders)


def _address_in(word: bytes) -> str:
    return to_checksum_address(bytes(word)[-20:])
