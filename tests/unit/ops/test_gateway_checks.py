"""Every tampered state of a gateway is found, on facts alone (R-07, R-25, R-31, R-40, R-61)."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bridge.adapters.evm.contracts import GATEWAY, GATEWAY_EXTENSION, TIMELOCK, artifact
from bridge.adapters.evm.inspection import (
    NOBODY,
    AssetFacts,
    GatewayFacts,
    LaneFacts,
    PeerFacts,
    Role,
    TimelockFacts,
    are_ours,
    is_artifact,
)
from bridge.core.caip import AssetId, Endpoint, EndpointId, LedgerId, asset_id, evm_account, evm_address
from bridge.core.orders import order_domain_separator
from bridge.core.records import BlockStamp
from bridge.core.statements import Epoch, domain_separator
from bridge.core.transfer import Lane
from bridge.ops.gateway_calls import lacking
from bridge.ops.gateway_checks import Names, examine, never_minted
from bridge.ops.gateway_plan import GatewayPlan, KeyPlan
from bridge.ops.gateway_roles import Check, Deployed, Subject
from tests.committee import dealing
from tests.tidy import sources

CHAIN_ID, HEIGHT = 8111, 9
ASSET = asset_id("isin:KR7900010013")
CODE_HASH = bytes.fromhex("c0" * 32)
HANDLER_HASH = bytes.fromhex("c1" * 32)
OUTBOUND, INBOUND = (1, 1000, 60, 86_400), (5000, 2000, 86_400, 3600)


def who(number: int) -> str:
    return evm_address(evm_account("0x" + f"{number:02x}" * 20))


ANN, BEN, GUARDIAN, AUDITOR, TOKEN, REGISTER, STRANGER, HANDLER = map(who, range(1, 9))
GATEWAY_AT, EXTENSION_AT, GOVERNANCE_AT, UNPAUSER_AT, PEER_AT = map(who, range(0x11, 0x16))
HERE = Endpoint(ledger=LedgerId(f"eip155:{CHAIN_ID}"), fingerprint=b"\x42" * 32, gateway=evm_account(GATEWAY_AT))
PEER = Endpoint(ledger=LedgerId("eip155:8112"), fingerprint=b"\x43" * 32, gateway=evm_account(PEER_AT))
FORTH = Lane(source=HERE.id, destination=PEER.id, asset=ASSET)
BACK = Lane(source=PEER.id, destination=HERE.id, asset=ASSET)
DEPLOYED = Deployed(extension=EXTENSION_AT, governance=GOVERNANCE_AT, unpauser=UNPAUSER_AT, block=HEIGHT)


@cache
def plan() -> GatewayPlan:
    outbound = dict(zip(("amount_min", "amount_max", "deadline_min_s", "deadline_max_s"), OUTBOUND, strict=True))
    inbound = dict(zip(("capacity", "large_amount", "refill_s", "large_delay_s"), INBOUND, strict=True))
    values: dict[str, Any] = {
        "name": "alpha",
        "node": "http://127.0.0.1:1",
        "chain_id": CHAIN_ID,
        "deployer_file": "deployer.key",
        "governance": [ANN, BEN],
        "governance_delay_s": 3600,
        "unpausers": [ANN, BEN],
        "guardian": GUARDIAN,
        "auditor": AUDITOR,
        "handover_delay_s": 60,
        "redirect_delay_s": 70,
        "key": {"epoch": 1, "public_keys": dealing().public_key_package.to_bytes().hex()},
        "peers": [{"name": "beta", "ledger": PEER.ledger, "fingerprint": "0x" + "43" * 32, "gateway": PEER_AT}],
        "assets": [
            {
                "name": "tower",
                "asset": "isin:KR7900010013",
                "token": TOKEN,
                "handler": HANDLER,
                "form": "own",
                "decimals": 0,
                "gas_allowance": 200_000,
                "register_key": REGISTER,
                "agents": [ANN, BEN],
            }
        ],
        "lanes": [{"asset": "tower", "peer": "beta", "outbound": outbound, "inbound": inbound}],
    }
    return GatewayPlan.model_validate(values, context={"folder": Path()})


def code() -> bytes:
    """The gateway's code as its constructor must leave it; every place holds the word of its variable."""
    words = [
        bytes(12) + bytes.fromhex(EXTENSION_AT[2:]),
        HERE.fingerprint,
        HEIGHT.to_bytes(32),
        CHAIN_ID.to_bytes(32),
        HERE.id,
        domain_separator(HERE.id),
        order_domain_separator(HERE),
    ]
    made = bytearray(artifact(GATEWAY).runtime)
    for number, (start, length) in enumerate(artifact(GATEWAY).immutables):
        made[start : start + length] = words[number % len(words)]
    return bytes(made)


def timelock(address: str, delay_s: int, **holders: set[str]) -> TimelockFacts:
    people: Mapping[Role, frozenset[str]] = {
        Role.ADMIN: frozenset({address}),
        **{role: frozenset({ANN, BEN}) for role in (Role.PROPOSER, Role.EXECUTOR, Role.CANCELLER)},
    }
    changed = {Role(role): frozenset(accounts) for role, accounts in holders.items()}
    return TimelockFacts(
        address=address, code=artifact(TIMELOCK).runtime, delay_s=delay_s, holders={**people, **changed}
    )


def asset(**changes: Any) -> AssetFacts:  # noqa: ANN401 - any field
    known = AssetFacts(
        enabled=True,
        token=TOKEN,
        code_hash=CODE_HASH,
        live_code_hash=CODE_HASH,
        mode=2,
        form=1,
        decimals=0,
        gas_allowance=200_000,
        handler=HANDLER,
        handler_code_hash=HANDLER_HASH,
        live_handler_code_hash=HANDLER_HASH,
        register_key=REGISTER,
        agents=frozenset({ANN, BEN}),
    )
    return replace(known, **changes)


def lane(way: Lane = FORTH, **changes: Any) -> LaneFacts:  # noqa: ANN401 - any field
    limits = OUTBOUND if way is FORTH else INBOUND
    return replace(LaneFacts(lane=way, outbound=way is FORTH, enabled=True, paused=False, limits=limits), **changes)


def facts(**changes: Any) -> GatewayFacts:  # noqa: ANN401 - any field
    key = plan().key
    assert key
    known = GatewayFacts(
        at=BlockStamp(height=99, hash=b"\x99" * 32, time=1_800_000_000),
        chain_id=CHAIN_ID,
        address=GATEWAY_AT,
        code=code(),
        extension=EXTENSION_AT,
        extension_code=artifact(GATEWAY_EXTENSION).runtime,
        caip2=HERE.ledger,
        fingerprint=HERE.fingerprint,
        fingerprint_live=HERE.fingerprint,
        deployed_at=HEIGHT,
        endpoint_id=HERE.id,
        domain_separator=domain_separator(HERE.id),
        order_domain_separator=order_domain_separator(HERE),
        governance=GOVERNANCE_AT,
        unpauser=UNPAUSER_AT,
        guardian=GUARDIAN,
        auditor=AUDITOR,
        handover_delay_s=60,
        redirect_delay_s=70,
        paused=False,
        epoch=Epoch(1),
        previous_epoch=0,
        key=evm_address(key.account),
        pending_epoch=0,
        peers={PEER.id: PeerFacts(enabled=True, closing=False, closed=False)},
        assets={ASSET: asset()},
        lanes={FORTH.id: lane(), BACK.id: lane(BACK)},
    )
    return replace(known, **changes)


def found(gateway: GatewayFacts, *, fresh: bool = False, **locks: TimelockFacts) -> dict[str, str]:
    """Give what was found of each check that is off."""
    standing = {"governance": timelock(GOVERNANCE_AT, 3600), "unpauser": timelock(UNPAUSER_AT, 0)} | locks
    subject = Subject(gateway=gateway, **standing)
    return {check.name: check.found for check in examine(subject, plan(), DEPLOYED, fresh=fresh) if not check.ok}


def test_a_gateway_as_planned_has_nothing_off() -> None:
    assert found(facts()) == {}


def test_a_fresh_gateway_knows_nothing() -> None:
    bare = facts(epoch=Epoch(0), key=NOBODY, peers={}, assets={}, lanes={})
    subject = Subject(gateway=bare, governance=timelock(GOVERNANCE_AT, 3600), unpauser=timelock(UNPAUSER_AT, 0))
    assert all(check.ok for check in examine(subject, plan().bare, DEPLOYED, fresh=True))
    assert "committee key" in found(facts(), fresh=True)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"chain_id": 1}, "chain id"),
        ({"extension": STRANGER}, "extension"),
        ({"extension_code": artifact(TIMELOCK).runtime}, "extension code"),
        ({"extension_code": b""}, "extension code"),
        ({"code": artifact(GATEWAY).runtime[:-1] + b"\x5b"}, "gateway code"),
        ({"code": artifact(GATEWAY).runtime}, "constants in code"),
        ({"caip2": "eip155:1"}, "ledger"),
        ({"fingerprint_live": b"\x41" * 32}, "fingerprint"),
        ({"deployed_at": 10}, "deployed at"),
        ({"endpoint_id": PEER.id}, "endpoint id"),
        ({"domain_separator": b"\x00" * 32}, "signing domains"),
        ({"governance": STRANGER}, "governance"),
        ({"unpauser": GOVERNANCE_AT}, "unpauser"),
        ({"guardian": STRANGER}, "guardian"),
        ({"auditor": NOBODY}, "auditor"),
        ({"handover_delay_s": 1}, "handover delay"),
        ({"redirect_delay_s": 1}, "redirect delay"),
        ({"paused": True}, "paused"),
        ({"epoch": Epoch(2)}, "committee key"),
        ({"key": STRANGER}, "committee key"),
        ({"pending_epoch": 2}, "handover waiting"),
    ],
)
def test_each_changed_value_of_the_gateway_is_found(changes: dict[str, Any], name: str) -> None:
    assert name in found(facts(**changes))


def test_a_constant_of_another_gateway_in_the_code_is_found() -> None:
    made = bytearray(code())
    start, length = artifact(GATEWAY).immutables[0]
    made[start : start + length] = bytes(12) + bytes.fromhex(STRANGER[2:])
    assert is_artifact(artifact(GATEWAY), bytes(made))
    assert found(facts(code=bytes(made))) == {"constants in code": "1 unknown"}


def test_no_code_is_nobody_s_artifact() -> None:
    assert not is_artifact(artifact("PlainToken"), b"")
    assert not are_ours(code(), b"")
    assert are_ours(code(), artifact(GATEWAY_EXTENSION).runtime)


# --- roles


@pytest.mark.parametrize(
    ("holders", "name", "told"),
    [
        ({"executor": {ANN, BEN, NOBODY}}, "governance open roles", "executor"),
        ({"proposer": {ANN, BEN, NOBODY}}, "governance open roles", "proposer"),
        ({"admin": {GOVERNANCE_AT, STRANGER}}, "governance outside admins", STRANGER),
        ({"executor": {ANN}}, "governance is two persons", "no: 1"),
        ({"proposer": {ANN, NOBODY}}, "governance is two persons", "no: 1"),
        ({"canceller": {ANN}}, "governance cancellers", ANN),
    ],
)
def test_iotube_2026_roles_that_are_open_outside_or_of_one_person_are_found(
    holders: dict[str, set[str]], name: str, told: str
) -> None:
    assert found(facts(), governance=timelock(GOVERNANCE_AT, 3600, **holders))[name] == told


def test_iotube_2026_an_account_of_one_key_is_found_whatever_the_plan_says() -> None:
    owner = TimelockFacts(address=GOVERNANCE_AT, code=b"", holders={role: frozenset() for role in Role})
    assert found(facts(), governance=owner)["governance is two persons"] == "no: AN ACCOUNT OF ONE KEY"
    assert found(facts(), unpauser=owner)["unpauser is two persons"] == "no: AN ACCOUNT OF ONE KEY"


def test_a_timelock_of_other_code_or_delay_is_found() -> None:
    other = replace(timelock(GOVERNANCE_AT, 0), code=b"\x5b")
    wrong = found(facts(), governance=other)
    assert (wrong["governance code"], wrong["governance delay"]) == ("other code", "0 s")
    assert "unpauser delay" in found(facts(), unpauser=timelock(UNPAUSER_AT, 60))
    contract = TimelockFacts(address=GOVERNANCE_AT, code=b"\x5b", holders={role: frozenset() for role in Role})
    wrong = found(facts(), governance=contract)
    assert wrong["governance is two persons"] == "no: a contract that is no timelock"
    assert wrong["governance delay"] == "no timelock"


# --- registrations


@pytest.mark.parametrize(
    ("changes", "name", "told"),
    [
        ({"peers": {}}, "peer beta", "none"),
        ({"peers": {PEER.id: PeerFacts(enabled=False, closing=True, closed=False)}}, "peer beta", "disabled"),
        ({"peers": {PEER.id: PeerFacts(enabled=False, closing=True, closed=True)}}, "peer beta", "closed"),
        ({"assets": {}}, "asset tower", "none"),
        ({"assets": {ASSET: asset(token=STRANGER)}}, "asset tower", STRANGER),
        ({"assets": {ASSET: asset(live_code_hash=b"\x00" * 32)}}, "asset tower token code now", "0x00"),
        ({"assets": {ASSET: asset(handler=STRANGER)}}, "asset tower handler", STRANGER),
        ({"assets": {ASSET: asset(live_handler_code_hash=b"\x00" * 32)}}, "asset tower handler code now", "0x00"),
        ({"assets": {ASSET: asset(gas_allowance=1)}}, "asset tower terms", "escrow, own, 0 decimals, 1 gas"),
        ({"assets": {ASSET: asset(register_key=NOBODY)}}, "asset tower register key", NOBODY),
        ({"assets": {ASSET: asset(agents=frozenset({ANN, STRANGER}))}}, "asset tower agents", ANN),
        ({"assets": {ASSET: asset(enabled=False)}}, "asset tower enabled", "no"),
        ({"lanes": {FORTH.id: lane()}}, "lane tower from beta", "none"),
        ({"lanes": {FORTH.id: lane(enabled=False), BACK.id: lane(BACK)}}, "lane tower to beta", "DISABLED"),
        ({"lanes": {FORTH.id: lane(paused=True), BACK.id: lane(BACK)}}, "lane tower to beta", "enabled, PAUSED"),
        (
            {"lanes": {FORTH.id: lane(limits=(1, 9, 1, 2)), BACK.id: lane(BACK)}},
            "lane tower to beta",
            "enabled, 1 to 9",
        ),
    ],
)
def test_each_changed_registration_is_found(changes: dict[str, Any], name: str, told: str) -> None:
    assert found(facts(**changes))[name].startswith(told)


def test_what_is_registered_too_much_is_found() -> None:
    other_asset, other_peer = AssetId(b"\x0a" * 32), EndpointId(b"\x0b" * 32)
    extra = replace(FORTH, asset=other_asset, destination=other_peer)
    wrong = found(
        facts(
            peers={**facts().peers, other_peer: PeerFacts(enabled=True, closing=False, closed=False)},
            assets={**facts().assets, other_asset: asset(token=STRANGER)},
            lanes={**facts().lanes, extra.id: lane(extra, outbound=True)},
        )
    )
    assert sorted(name.split()[0] for name in wrong) == ["asset", "lane", "peer"]


def test_a_token_whose_code_the_plan_knows_is_held_against_that() -> None:
    known = plan().assets[0].model_copy(update={"code_hash": "0x" + "cc" * 32})
    subject = Subject(gateway=facts(), governance=timelock(GOVERNANCE_AT, 3600), unpauser=timelock(UNPAUSER_AT, 0))
    checks = examine(subject, plan().model_copy(update={"assets": (known,)}), DEPLOYED, fresh=False)
    assert {c.name for c in checks if not c.ok} == {"asset tower code registered", "asset tower token code now"}


@pytest.mark.parametrize(
    ("planned", "behind", "told"),
    [
        (None, b"", []),
        (None, b"\xaa" * 32, [(True, "0x" + "aa" * 32)]),
        ("aa", b"\xaa" * 32, [(True, "0x" + "aa" * 32)]),
        ("aa", b"\xbb" * 32, [(False, "0x" + "bb" * 32)]),
        ("aa", b"", [(False, "none")]),
    ],
)
def test_the_code_behind_a_proxy_is_shown_and_held_against_what_the_plan_knows_r_31(
    planned: str | None, behind: bytes, told: list[tuple[bool, str]]
) -> None:
    known = plan().assets[0].model_copy(update={"implementation": planned and "0x" + planned * 32})
    gateway = facts(assets={ASSET: asset(implementation=behind)})
    subject = Subject(gateway=gateway, governance=timelock(GOVERNANCE_AT, 3600), unpauser=timelock(UNPAUSER_AT, 0))
    checks = examine(subject, plan().model_copy(update={"assets": (known,)}), DEPLOYED, fresh=False)
    assert [(c.ok, c.found) for c in checks if c.name == "asset tower proxy for"] == told


def test_ends_of_a_lane_that_don_t_fit_are_found() -> None:
    """R-25."""
    far = facts(
        address=PEER_AT,
        chain_id=8112,
        fingerprint_live=PEER.fingerprint,
        peers={HERE.id: PeerFacts(enabled=True, closing=False, closed=False)},
        lanes={FORTH.id: lane(FORTH, outbound=False, limits=(999, 1, 1, 1))},
    )
    checks: list[Check] = never_minted(facts(), far, Names())
    assert [check.found for check in checks] == ["yes", "yes", "amountMax 1000 above capacity 999"]
    assert [check.found for check in never_minted(facts(peers={}), far, Names())][:2] == ["no", "yes"]
    assert [check.found for check in never_minted(far, facts(lanes={}), Names())] == ["yes", "no"]


# --- what a plan still lacks


def test_what_a_plan_lacks_is_all_of_it_in_an_order_that_works() -> None:
    """Ronin 2024: nothing of an initialisation can be left out by hand."""
    bare = facts(epoch=Epoch(0), key=NOBODY, peers={}, assets={}, lanes={})
    assert [(named, wanted.name, wanted.stands_alone) for named, wanted in lacking(plan(), bare)] == [
        (("key",), "registerKey", True),
        (("peer", "beta"), "registerPeer", True),
        (("asset", "tower"), "addProfile", True),
        (("asset", "tower"), "setRegisterKey", False),
        (("asset", "tower"), "setAgent", False),
        (("asset", "tower"), "setAgent", False),
        (("lane", "tower", "beta"), "configureOutbound", False),
        (("lane", "tower", "beta"), "configureInbound", False),
    ]


def test_what_is_there_and_what_somebody_stopped_lacks_nothing() -> None:
    stopped = {
        "peers": {PEER.id: PeerFacts(enabled=False, closing=False, closed=False)},
        "assets": {ASSET: asset(enabled=False)},
        "lanes": {FORTH.id: lane(enabled=False, paused=True), BACK.id: lane(BACK)},
    }
    assert lacking(plan(), facts()) == lacking(plan(), facts(**stopped)) == []


def test_changed_terms_and_limits_are_lacking() -> None:
    changed = facts(
        assets={ASSET: asset(gas_allowance=1, agents=frozenset({ANN}))},
        lanes={FORTH.id: lane(limits=(1, 9, 1, 2)), BACK.id: lane(BACK)},
    )
    names = [wanted.name for _, wanted in lacking(plan(), changed)]
    assert names == ["addProfile", "setAgent", "configureOutbound"]


def test_a_key_of_too_small_a_committee_is_no_plan() -> None:
    """Ronin 2024: a threshold of 0 must not get in."""
    with pytest.raises(ValueError, match="no public key package"):
        KeyPlan(epoch=1, public_keys="00" * 40)


def test_the_plan_in_the_docs_is_one() -> None:
    page = (sources.ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    written = tomllib.loads(page.split("```toml\n")[1].split("```")[0])
    read = GatewayPlan.model_validate(written, context={"folder": Path()})
    assert [lane.asset for lane in read.lanes] == ["tower"]


def test_help_imports_no_library_of_a_ledger() -> None:
    script = (
        "import sys, bridge.ops.cli.main; print([m for m in ('web3', 'eth_account', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=sources.ROOT)
    assert done.stdout.strip() == "[]"
