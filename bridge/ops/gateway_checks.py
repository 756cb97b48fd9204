"""What must be true of a gateway, held against what was read of it. Pure: facts and plan in, a table out (R-61).

Ronin lost 12 million in 2024 to an initialiser that was skipped, ioTube 4.4 million in 2026 to one key that governed:
so everything is compared, what is there too much included, and nothing that one key could do passes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bridge.adapters.evm.contracts import GATEWAY, GATEWAY_EXTENSION, artifact
from bridge.adapters.evm.handlers import told_standard
from bridge.adapters.evm.inspection import (
    NOBODY,
    AssetFacts,
    GatewayFacts,
    LaneFacts,
    immutable_words,
)
from bridge.core.caip import EndpointId, evm_address
from bridge.core.orders import order_domain_separator
from bridge.core.statements import domain_separator
from bridge.core.transfer import Lane, LaneId
from bridge.ops.gateway_plan import AssetPlan, GatewayPlan, LanePlan, Record
from bridge.ops.gateway_roles import NONE, Check, Deployed, Subject, code_check, people, roles, single_keys

SHORT: Final = 18
K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a plan calls its peers, assets and lanes, to name them in a table."""

    peers: Mapping[bytes, str] = field(default_factory=dict)
    assets: Mapping[bytes, str] = field(default_factory=dict)

    def peer(self, peer: bytes) -> str:
        """Name a peer, or give its EndpointId."""
        return self.peers.get(peer) or _short("0x" + peer.hex())

    def asset(self, asset: bytes) -> str:
        """Name an asset, or give its AssetId."""
        return self.assets.get(asset) or _short("0x" + asset.hex())

    def lane(self, lane: Lane, here: bytes) -> str:
        """Write a lane as seen from *here*."""
        way, peer = ("to", lane.destination) if lane.source == here else ("from", lane.source)
        return f"{self.asset(lane.asset)} {way} {self.peer(peer)}"


# --- the whole


def examine(subject: Subject, plan: GatewayPlan, deployed: Deployed, *, fresh: bool) -> list[Check]:
    """Hold a gateway against its plan; *fresh*: right after deployment, so a key is not there yet."""
    facts = subject.gateway
    checks = identity(facts, plan.chain_id)
    checks.append(Check(name="extension", expected=deployed.extension, found=facts.extension))
    checks.append(_number("deployed at", deployed.block, facts.deployed_at))
    checks += roles(subject, plan, deployed)
    checks += single_keys(subject)
    checks += committee(facts, plan, fresh=fresh)
    checks += registrations(facts, plan)
    return checks


def names_of(plan: GatewayPlan) -> Names:
    """Give a plan's names."""
    return Names(
        peers={peer.endpoint.id: peer.name for peer in plan.peers},
        assets={asset.id: asset.name for asset in plan.assets},
    )


# --- code and identity


def identity(facts: GatewayFacts, chain_id: int) -> list[Check]:
    """Code, constants and EndpointId: what no transaction can change."""
    wrong_code = "not the release's code: deploy with `naru gateway deploy`, and let no holder use this one"
    constants = _constants(facts)
    placed = immutable_words(artifact(GATEWAY), facts.code)
    strange = len([word for word in placed if word not in constants.values()])
    missing = [name for name, word in constants.items() if word not in placed]
    found = ", ".join([*(f"{name} missing" for name in missing), *([f"{strange} unknown"] if strange else [])])
    endpoint = facts.endpoint
    return [
        _number("chain id", chain_id, facts.chain_id, "point `node` at the plan's own ledger"),
        code_check("gateway code", GATEWAY, facts.code, wrong_code),
        code_check("extension code", GATEWAY_EXTENSION, facts.extension_code, wrong_code),
        Check(name="constants in code", expected="all right", found=found or "all right", remedy=wrong_code),
        Check(name="ledger", expected=endpoint.ledger, found=facts.caip2),
        Check(
            name="fingerprint",
            expected=_hash(facts.fingerprint_live),
            found=_hash(facts.fingerprint),
            remedy="the ledger's history changed below the gateway: this is another endpoint (R-06)",
        ),
        Check(name="endpoint id", expected=_hash(endpoint.id), found=_hash(facts.endpoint_id)),
        Check(
            name="signing domains",
            expected=_hash(domain_separator(endpoint.id) + order_domain_separator(endpoint)),
            found=_hash(facts.domain_separator + facts.order_domain_separator),
        ),
    ]


def recorded(facts: GatewayFacts, record: Record) -> list[Check]:
    """Hold the identity in the deployment file, which peers read, against the gateway's own."""
    remedy = "peers would register another endpoint: put the deployment file of this gateway back"
    ids = (("endpoint", record.endpoint_id, facts.endpoint_id), ("fingerprint", record.fingerprint, facts.fingerprint))
    return [
        Check(name=f"{name} in the deployment file", expected=told or NONE, found=_hash(found), remedy=remedy)
        for name, told, found in ids
    ]


def _constants(facts: GatewayFacts) -> dict[str, bytes]:
    """Give the words that the constructor must have written into the code (Identity.sol, Gateway.sol)."""
    endpoint = facts.endpoint
    return {
        "extension": bytes(12) + bytes.fromhex(facts.extension[2:]),
        "fingerprint": facts.fingerprint_live,
        "deployedAt": facts.deployed_at.to_bytes(32),
        "chain id": facts.chain_id.to_bytes(32),
        "endpoint id": endpoint.id,
        "domain": domain_separator(endpoint.id),
        "order domain": order_domain_separator(endpoint),
    }


# --- the committee, and what is registered


def committee(facts: GatewayFacts, plan: GatewayPlan, *, fresh: bool) -> list[Check]:
    """The key in force, a handover that waits, and the pause."""
    found = f"epoch {facts.epoch}, {facts.key}" if facts.epoch else NONE
    if fresh:
        expected = NONE
    elif plan.key is None:
        expected = found
    else:
        expected = f"epoch {plan.key.epoch}, {evm_address(plan.key.account)}"
    waits = f"to epoch {facts.pending_epoch}" if facts.pending_epoch else NONE
    return [
        Check(name="committee key", expected=expected, found=found, remedy="propose it: `naru gateway register key`"),
        Check(name="handover waiting", expected=NONE, found=waits, remedy="let it be activated, or veto it"),
        Check(
            name="paused",
            expected="no",
            found="yes" if facts.paused else "no",
            remedy="`naru gateway unpause`, then approve",
        ),
    ]


def registrations(facts: GatewayFacts, plan: GatewayPlan) -> list[Check]:
    """Peers, assets and lanes: each that is planned or there."""
    names = names_of(plan)
    planned_peers = {peer.endpoint.id: peer for peer in plan.peers}
    planned_assets = {asset.id: asset for asset in plan.assets}
    planned_lanes = lanes_of(facts.endpoint.id, plan)
    checks = [
        Check(
            name=f"peer {names.peer(peer)}",
            expected="enabled" if peer in planned_peers else NONE,
            found=_peer_state(facts, peer),
            remedy=_REGISTER if peer in planned_peers else "propose setPeerEnabled false, or add it to the plan",
        )
        for peer in _both(planned_peers, facts.peers)
    ]
    for asset in _both(planned_assets, facts.assets):
        checks += _asset(f"asset {names.asset(asset)}", planned_assets.get(asset), facts.assets.get(asset))
    for lane_id in _both(planned_lanes, facts.lanes):
        known, planned = facts.lanes.get(lane_id), planned_lanes.get(lane_id)
        lane = planned.lane if planned else facts.lanes[lane_id].lane
        checks.append(
            Check(
                name=f"lane {names.lane(lane, facts.endpoint.id)}",
                expected=_lane_text(planned),
                found=_lane_text(known),
                remedy=_REGISTER if planned else "propose setLaneEnabled false, or add it to the plan",
            )
        )
    return checks


_REGISTER: Final = "propose what the plan says: `naru gateway register`"


def lanes_of(here: EndpointId, plan: GatewayPlan) -> dict[LaneId, LaneFacts]:
    """Give a plan's lanes as they must be found."""
    return {lane.lane.id: lane for planned in plan.lanes for lane in _directions(here, plan, planned)}


def _directions(here: EndpointId, plan: GatewayPlan, planned: LanePlan) -> list[LaneFacts]:
    peer, asset = plan.peer(planned.peer).endpoint.id, plan.asset(planned.asset).id
    found = []
    if planned.outbound:
        lane = Lane(source=here, destination=peer, asset=asset)
        found.append(LaneFacts(lane=lane, outbound=True, enabled=True, paused=False, limits=planned.outbound.words))
    if planned.inbound:
        lane = Lane(source=peer, destination=here, asset=asset)
        found.append(LaneFacts(lane=lane, outbound=False, enabled=True, paused=False, limits=planned.inbound.words))
    return found


def _peer_state(facts: GatewayFacts, peer: bytes) -> str:
    known = facts.peers.get(EndpointId(peer))
    if known is None:
        return NONE
    if known.closed:
        return "closed"
    return ("enabled" if known.enabled else "disabled") + (", closing allowed" if known.closing else "")


def _implementation(name: str, planned: AssetPlan, known: AssetFacts) -> list[Check]:
    if planned.implementation is None and not known.implementation:
        return []
    found = _hash(known.implementation) if known.implementation else NONE
    remedy = "the proxy's code is another: look at it; notaries wait until their policies name it (R-31)"
    return [Check(name=f"{name} proxy for", expected=planned.implementation or found, found=found, remedy=remedy)]


def _asset(name: str, planned: AssetPlan | None, known: AssetFacts | None) -> list[Check]:
    if planned is None or known is None:
        expected, found = planned.token if planned else NONE, known.token if known else NONE
        remedy = _REGISTER if planned else "propose setAssetEnabled false, or add it to the plan"
        return [Check(name=name, expected=expected, found=found, remedy=remedy)]
    code_hash = bytes.fromhex(planned.code_hash[2:]) if planned.code_hash else known.code_hash
    terms = (planned.mode_number, planned.form_number, planned.decimals, planned.gas_allowance)
    standard = told_standard(known.handler_code)
    changed = "the token's code is not the registered one: pause the asset's lanes, find out, register a new profile"
    return [
        Check(name=name, expected=planned.token, found=known.token, remedy=_REGISTER),
        Check(name=f"{name} enabled", expected="yes", found="yes" if known.enabled else "no"),
        Check(
            name=f"{name} terms",
            expected=_terms(terms),
            found=_terms((known.mode, known.form, known.decimals, known.gas_allowance)),
            remedy=_REGISTER,
        ),
        Check(name=f"{name} handler", expected=planned.handler, found=known.handler, remedy=_REGISTER),
        Check(name=f"{name} handler is", expected=standard, found=standard),
        Check(
            name=f"{name} handler code now",
            expected=_hash(known.handler_code_hash),
            found=_hash(known.live_handler_code_hash),
            remedy="the handler's code is not the registered one: pause the asset's lanes and register another",
        ),
        Check(name=f"{name} code registered", expected=_hash(code_hash), found=_hash(known.code_hash), remedy=changed),
        Check(
            name=f"{name} token code now", expected=_hash(code_hash), found=_hash(known.live_code_hash), remedy=changed
        ),
        *_implementation(name, planned, known),
        Check(
            name=f"{name} register key",
            expected=planned.register_key or NOBODY,
            found=known.register_key,
            remedy="propose setRegisterKey",
        ),
        Check(
            name=f"{name} agents",
            expected=people(planned.agents),
            found=people(known.agents),
            remedy="propose setAgent",
        ),
    ]


# --- two ends


def never_minted(one: GatewayFacts, other: GatewayFacts, names: Names) -> list[Check]:
    """Hold the two halves of each lane against each other: no amount is locked that is never minted (R-25)."""
    checks: list[Check] = []
    for source, destination in ((one, other), (other, one)):
        for lane_id, outbound in source.lanes.items():
            if not outbound.outbound or outbound.lane.destination != destination.endpoint.id:
                continue
            name = f"ends of {names.lane(outbound.lane, one.endpoint.id)}"
            inbound = destination.lanes.get(lane_id)
            amount_max, capacity = outbound.limits[1], inbound.limits[0] if inbound else 0
            found = "within" if amount_max <= capacity else f"amountMax {amount_max} above capacity {capacity}"
            remedy = "lower the source's amountMax or raise the destination's capacity (R-25)"
            checks.append(Check(name=name, expected="within", found=found, remedy=remedy))
    know = other.endpoint.id in one.peers, one.endpoint.id in other.peers
    peer = "yes" if all(know) else "no: not there" if know[0] else "no"
    joined, remedy = "yes" if checks else "no", "give the plan of a peer by --other, or register it and its lanes first"
    return [
        Check(name="other is a registered peer", expected="yes", found=peer, remedy=remedy),
        Check(name="at least one lane joins them", expected="yes", found=joined, remedy=remedy),
        *checks,
    ]


# --- how things are written


def _lane_text(lane: LaneFacts | None) -> str:
    if lane is None:
        return NONE
    a, b, c, d = lane.limits
    limits = f"{a} to {b}, deadline {c} s to {d} s" if lane.outbound else f"{a} in {c} s, from {b} on after {d} s"
    return ("enabled" if lane.enabled else "DISABLED") + (", PAUSED" if lane.paused else "") + f", {limits}"


def _terms(terms: tuple[int, int, int, int]) -> str:
    mode, form, decimals, gas = terms
    modes, forms = ("none", "burn", "escrow", "freeze"), ("none", "own", "role", "erc7802")
    return f"{modes[mode]}, {forms[form]}, {decimals} decimals, {gas} gas"


def _number(name: str, expected: int, found: int, remedy: str = "") -> Check:
    return Check(name=name, expected=str(expected), found=str(found), remedy=remedy)


def _hash(value: bytes) -> str:
    return "0x" + value.hex()


def _short(text: str) -> str:
    return text[:SHORT] + "…"


def _both(planned: Mapping[K, object], known: Mapping[K, object]) -> list[K]:
    """Give the keys of both, those planned first."""
    return list(dict.fromkeys([*planned, *known]))
