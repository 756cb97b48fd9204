"""`naru gateway` on embedded ledgers: deployed, checked, registered by two persons, tampered with (R-25, R-61)."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import FROST_VERIFIER, GATEWAY
from bridge.adapters.evm.deploy import Outbox
from bridge.adapters.evm.governance import Timelock
from bridge.config import ClientConfig
from bridge.core.caip import Endpoint
from bridge.errors import LedgerRefusedError, UnavailableError
from bridge.ops.gateway import verify_network
from bridge.ops.gateway_plan import Record, read_plan, read_record, record_path, write_record
from bridge.ports.ledger import PreparedTransaction
from tests.integration.gateways import CHAIN_IDS, INBOUND, NAMES, OUTBOUND, Ground, address, ground, key, wrong
from tests.unit.test_config import client, ledger

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Two ledgers with nothing of ours but a token each."""
    with ground(tmp_path_factory.mktemp("gateways")) as found:
        yield found


@pytest.fixture(scope="module")
def deployed(bare: Ground) -> Ground:
    """A gateway on each, nothing registered."""
    for name in NAMES:
        done = bare.naru("deploy", "-o", "json", plan=bare.plan(name))
        assert done.code == 0, done.err
        assert all(check["ok"] for check in done.json["checks"])
    return bare


@pytest.fixture(scope="module")
def governed(deployed: Ground) -> Ground:
    """Both know what their plans say: ann proposed, ben approved."""
    for name in NAMES:
        deployed.register(deployed.plan(name))
    return deployed


def verified(site: Ground, plan: Path, *options: str) -> tuple[int, dict[str, str]]:
    done = site.naru("verify", "-o", "json", *options, plan=plan)
    return done.code, wrong(done.json)


# --- deploying


def test_a_second_run_finds_a_deployment_complete(deployed: Ground) -> None:
    plan = deployed.plan("alpha")
    before = record_path(plan).read_text()
    done = deployed.naru("deploy", plan=plan)
    assert (done.code, record_path(plan).read_text()) == (0, before)
    assert "was complete before" in done.out


def test_ronin_2024_a_skipped_registration_is_found(deployed: Ground) -> None:
    """Its initialiser was skipped and a threshold stayed 0: a gateway without key, peer and lane is told as such."""
    code, found = verified(deployed, deployed.deployed("alpha", "untouched"))
    assert code == 1
    assert found["committee key"] == "none"
    assert {"peer beta", "asset tower", "lane tower to beta", "lane tower from beta"} <= set(found)


def test_a_deployment_killed_between_two_transactions_goes_on_and_deploys_nothing_twice(bare: Ground) -> None:
    """R-52: killed after each submission, before it is known to be in a block."""
    plan = bare.plan("beta", file="killed", deployer_file="stranger.key")
    confirm = EvmAccount.confirm
    count = asyncio.run(_nonce(bare, "beta", "stranger"))

    async def killed(_: EvmAccount, transaction: PreparedTransaction) -> None:
        raise UnavailableError(f"killed while 0x{transaction.reference.hex()[:8]} is on its way")

    for _ in range(4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(EvmAccount, "confirm", _after(1, confirm, killed))
            done = bare.naru("deploy", plan=plan)
        assert done.code == 3, done.err
    done = bare.naru("deploy", plan=plan)
    assert done.code == 0, done.err
    assert (
        asyncio.run(_nonce(bare, "beta", "stranger")) == count + len(read_record(record_path(plan)).steps) == count + 5
    )


def test_a_deployment_killed_before_a_transaction_was_sent_sends_that_one(bare: Ground) -> None:
    plan = bare.plan("beta", file="unsent", deployer_file="stranger.key")

    async def killed(_: EvmAccount, transaction: PreparedTransaction) -> None:
        raise UnavailableError(f"killed before 0x{transaction.reference.hex()[:8]} was sent")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EvmAccount, "submit", killed)
        assert bare.naru("deploy", plan=plan).code == 3
    step = read_record(record_path(plan)).steps["governance"]
    assert step.raw
    done = bare.naru("deploy", plan=plan)
    assert done.code == 0, done.err
    again = read_record(record_path(plan)).steps["governance"]
    assert (again.transaction, again.raw) == (step.transaction, None)


def test_a_half_deployed_gateway_refuses_another_plan(bare: Ground) -> None:
    plan = bare.plan("beta", file="changed", deployer_file="stranger.key")

    async def killed(_: EvmAccount, transaction: PreparedTransaction) -> None:
        raise UnavailableError(f"killed at 0x{transaction.reference.hex()[:8]}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EvmAccount, "confirm", killed)
        assert bare.naru("deploy", plan=plan).code == 3
    bare.plan("beta", file="changed", deployer_file="stranger.key", guardian=address("stranger"))
    done = bare.naru("deploy", plan=plan)
    assert done.code == 2
    assert "another plan or deployer" in done.err


def _after(passes: int, real: Any, broken: Any) -> Any:  # noqa: ANN401 - methods
    """Let *passes* calls through, then break."""
    seen = []

    async def call(account: EvmAccount, transaction: PreparedTransaction) -> object:
        seen.append(transaction)
        return await (real if len(seen) <= passes else broken)(account, transaction)

    return call


async def _nonce(site: Ground, ledger: str, who: str) -> int:
    node = site.node(ledger)
    try:
        return int(await node.web3.eth.get_transaction_count(EvmAccount(node, key(who)).address))
    finally:
        await node.close()


# --- plans that can't be


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"governance": [address("ann")]}, "governance"),
        ({"governance": [address("ann"), address("ann")]}, "governance has"),
        ({"governance_delay_s": 0}, "governance_delay_s"),
        ({"guardian": "0x" + "00" * 20}, "guardian"),
        ({"auditor": address("guardian")}, "guardian and auditor are one account"),
        ({"lanes": [{"asset": "tower", "peer": "gamma", "outbound": OUTBOUND}]}, "gamma"),
        ({"key": {"epoch": 1, "public_keys": "00"}}, "public_keys is no public key package"),
        ({"deployer_file": "nobody.key"}, "nobody.key"),
        ({"chain_id": 1}, "is on chain 8111, not 1"),
    ],
)
def test_a_plan_that_can_t_be_is_refused_with_what_to_do(bare: Ground, changes: dict[str, Any], told: str) -> None:
    done = bare.naru("deploy", plan=bare.plan("alpha", file="bad", **changes))
    assert (done.code, told in done.err) == (2, True), done.err
    assert not (bare.folder / "bad.deployment.json").exists()


# --- two persons


def test_who_proposes_can_t_approve_and_nobody_before_the_delay(deployed: Ground) -> None:
    """R-61: by our own check and by the contract's."""
    plan = deployed.plan("beta")
    operation = deployed.naru("propose", "setDelays", "61", "61", "-o", "json", plan=plan, who="ann").json["id"]
    own = deployed.naru("approve", operation[:12], "--yes", plan=plan, who="ann")
    assert (own.code, "another person must approve" in own.err) == (1, True)
    assert asyncio.run(_approve_by_force(deployed, plan, operation)) == "SecondPersonNeeded"
    stranger = deployed.approved(operation, plan, "stranger")
    assert (stranger.code, "none of the persons of governance" in stranger.err) == (1, True)
    asked = deployed.naru("approve", operation, plan=plan, who="ben")
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert deployed.naru("cancel", operation, plan=plan, who="ben").code == 0
    gone = deployed.naru("approve", operation, "--yes", plan=plan, who="ben")
    assert (gone.code, "no operation waits" in gone.err) == (2, True)


async def _approve_by_force(site: Ground, plan: Path, operation: str) -> str:
    node = site.node("beta")
    try:
        account = EvmAccount(node, key("ann"))
        timelock = Timelock(node, read_record(record_path(plan)).address("governance"))
        found = await timelock.operation(bytes.fromhex(operation[2:]))
        posing = found.__class__(
            **{name: getattr(found, name) for name in found.__slots__} | {"proposer": "", "ready": 0}
        )
        await timelock.approve(account, posing)
    except LedgerRefusedError as error:
        return error.name
    finally:
        await node.close()
    return ""


def test_a_stranger_proposes_nothing(deployed: Ground) -> None:
    done = deployed.naru("propose", "setDelays", "61", "61", plan=deployed.plan("beta"), who="stranger")
    assert (done.code, "none of the persons of governance" in done.err) == (1, True)


def test_a_call_that_would_be_refused_is_not_proposed(deployed: Ground) -> None:
    plan = deployed.plan("beta")
    done = deployed.naru("propose", "setDelays", "0", "61", plan=plan, who="ann")
    assert (done.code, "LimitsInvalid" in done.err, "nothing was proposed" in done.err) == (1, True, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("setDelays", "61"), "takes 2 arguments"),
        (("setDelays", "61", "4294967296"), "redirectDelay"),
        (("withdrawAll",), "no call of governance"),
        (("setPeerEnabled", "gamma", "true"), "peers of the plan: alpha"),
        (("setPeerEnabled", "alpha", "maybe"), "neither true nor false"),
        (("configureInbound", "alpha", "tower", "1,2"), "capacity,largeAmount,refill,largeDelay"),
        (("addProfile", "tower", "none", "none", "frozen", "own", "0", "1"), "none of none, burn, escrow, freeze"),
        (("addPerson", "ann"), "not an EVM account"),
    ],
)
def test_what_can_t_be_proposed_is_told(deployed: Ground, words: tuple[str, ...], told: str) -> None:
    done = deployed.naru("propose", *words, plan=deployed.plan("beta"), who="ann")
    assert (done.code, told in done.err) == (2, True), done.err


def test_a_key_file_that_others_may_read_is_refused(deployed: Ground) -> None:
    loose = deployed.folder / "loose.key"
    loose.write_text(key("ann"))
    loose.chmod(0o644)
    done = deployed.naru("pause", plan=deployed.plan("beta"), who="loose")
    assert (done.code, "chmod 600" in done.err) == (2, True)


# --- registered


def test_what_is_registered_as_planned_passes_every_check_on_both_ends(governed: Ground) -> None:
    """R-07, R-25, R-40, R-61."""
    done = governed.naru("verify", "--other", str(governed.plan("beta")), plan=governed.plan("alpha"))
    assert done.code == 0, done.out
    assert "checks are ok" in done.out
    assert "ends of tower to beta" in done.out
    again = governed.naru("register", plan=governed.plan("alpha"), who="ann")
    assert (again.code, again.out.strip()) == (0, "nothing to propose: the gateway knows all of it")


def test_a_lane_that_locks_more_than_its_other_end_ever_mints_is_told(governed: Ground) -> None:
    """R-25."""
    alpha = governed.other_plan("alpha", "wide", lanes=_lanes("beta", amount_max=6000))
    governed.register(alpha, "lane", "tower", "beta")
    try:
        code, found = verified(governed, alpha, "--other", str(governed.plan("beta")))
        assert (code, found) == (1, {"ends of tower to beta": "amountMax 6000 above capacity 5000"})
    finally:
        governed.register(governed.plan("alpha"), "lane", "tower", "beta")


def test_a_lane_that_the_plan_has_not_is_told(governed: Ground) -> None:
    extra = governed.other_plan("alpha", "narrow", lanes=[])
    code, found = verified(governed, extra)
    assert code == 1
    assert set(found) == {f"lane tower {way} beta" for way in ("to", "from")}


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"guardian": address("stranger")}, "guardian"),
        ({"auditor": None}, "auditor"),
        ({"governance_delay_s": 4}, "governance delay"),
        ({"handover_delay_s": 61}, "handover delay"),
        ({"governance": [address("ann"), address("stranger")]}, "governance executors"),
        ({"key": {"epoch": 2, "public_keys": "KEYS"}}, "committee key"),
    ],
)
def test_what_differs_from_the_plan_is_told(governed: Ground, changes: dict[str, Any], check: str) -> None:
    if "key" in changes:
        public_keys = read_plan(governed.plan("alpha")).key
        assert public_keys
        changes = {"key": {"epoch": 2, "public_keys": public_keys.public_keys}}
    code, found = verified(governed, governed.other_plan("alpha", "other", **changes))
    assert code == 1
    assert check in found


def test_what_waits_is_not_proposed_again(governed: Ground) -> None:
    plan = governed.other_plan("alpha", "twice", lanes=_lanes("beta", amount_max=999))
    first = governed.naru("register", "-o", "json", plan=plan, who="ann").json
    second = governed.naru("register", "-o", "json", plan=plan, who="ben").json
    assert second == {"proposed": None, "pending": first["proposed"]["calls"]}
    status = governed.naru("status", plan=plan)
    assert f"operation {first['proposed']['id']} at governance" in status.out
    assert "configureOutbound(destination beta, assetId tower, limits" in status.out.replace("(AssetId ", "(")
    assert governed.naru("cancel", first["proposed"]["id"], plan=plan, who="ann").code == 0


def test_persons_change_by_two_persons(governed: Ground) -> None:
    """R-61: three calls, one a role; what the new person proposed lapses when that one is removed."""
    plan, late = governed.plan("alpha"), {}
    for call, expected in (("addPerson", 3), ("removePerson", 2)):
        item = governed.naru("propose", call, address("stranger"), "-o", "json", plan=plan, who="ann").json
        assert len(item["calls"]) == 3
        assert governed.approved(item["id"], plan, "ben").code == 0
        _, found = verified(governed, plan)
        assert found.get("governance executors", "two, two").count(",") == expected - 1
        if call == "addPerson":
            late = governed.naru("propose", "setDelays", "61", "61", "-o", "json", plan=plan, who="stranger").json
            assert not late["lapsed"]
    assert "LAPSED" in governed.naru("status", plan=plan).out
    refused = governed.naru("approve", late["id"], "--yes", plan=plan, who="ben")
    assert (refused.code, "no longer a person: cancel it" in refused.err) == (1, True), refused.err
    assert governed.naru("cancel", late["id"], plan=plan, who="ben").code == 0


def test_one_stops_and_two_resume(governed: Ground) -> None:
    """R-32, R-61: the guardian alone stops; a person and another, without delay, resume."""
    plan = governed.plan("alpha")
    refused = governed.naru("pause", plan=plan, who="ann")
    assert (refused.code, "is not the guardian" in refused.err) == (1, True)
    for stop, resume, check in (
        (("pause",), ("unpause",), "paused"),
        (("pause-lane", "tower", "to", "beta"), ("unpause-lane", "tower", "to", "beta"), "lane tower to beta"),
    ):
        assert governed.naru(*stop, plan=plan, who="guardian").code == 0
        assert check in verified(governed, plan)[1]
        item = governed.naru(*resume, "-o", "json", plan=plan, who="ben").json
        assert governed.naru("approve", item["id"], "--yes", plan=plan, who="ben").code == 1
        assert governed.naru("approve", item["id"], "--yes", plan=plan, who="ann").code == 0
        assert verified(governed, plan) == (0, {})


def test_the_guardian_revokes_an_epoch_and_that_is_told(deployed: Ground) -> None:
    """R-40."""
    plan = deployed.deployed("beta", "struck")
    deployed.register(plan, "key")
    assert deployed.naru("strike", "1", plan=plan, who="guardian").code == 0
    assert verified(deployed, plan)[1]["committee key"] == "none"
    assert deployed.naru("strike", "everything", plan=plan, who="guardian").code == 2


def _lanes(peer: str, **outbound: int) -> list[dict[str, object]]:
    return [{"asset": "tower", "peer": peer, "outbound": OUTBOUND | outbound, "inbound": INBOUND}]


# --- tampered with


def test_other_code_at_the_extension_is_found(deployed: Ground) -> None:
    """A gateway whose cold half is anything but the release's answers nothing that counts."""
    plan = deployed.plan("alpha", file="tampered")
    settings = (address("ann"), address("ann"), address("guardian"), address("auditor"), 60, 60)
    gateway = asyncio.run(_gateway_by_hand(deployed, extension="", settings=settings))
    _write_record(deployed, plan, gateway)
    code, found = verified(deployed, plan)
    assert (code, found) == (1, {"extension code": "other code"})


def test_iotube_2026_one_key_that_governs_is_found(deployed: Ground) -> None:
    """One owner's key moved what was in custody: no role that governs or unpauses may be one key's (R-61)."""
    plan = deployed.plan("alpha", file="single")
    extension = read_record(record_path(deployed.plan("alpha"))).address("extension")
    settings = (address("ann"), address("ben"), address("guardian"), address("auditor"), 60, 60)
    _write_record(deployed, plan, asyncio.run(_gateway_by_hand(deployed, extension=extension, settings=settings)))
    code, found = verified(deployed, plan)
    assert code == 1
    assert found["governance is two persons"] == found["unpauser is two persons"] == "no: AN ACCOUNT OF ONE KEY"
    assert found["governance"] == address("ann")
    text = deployed.naru("verify", "--off-only", plan=plan).out
    assert "ONE KEY CAN ACT AS GOVERNANCE" in text
    seen = ledger(
        ledger=f"eip155:{CHAIN_IDS['alpha']}", nodes=[deployed.urls["alpha"]], gateway=read_gateway_address(plan)
    )
    config = ClientConfig.model_validate(client(ledgers=[seen]))
    assert [check.name for check in asyncio.run(verify_network(config)) if not check.ok] == [
        "alpha governance is two persons",
        "alpha unpauser is two persons",
    ]


def read_gateway_address(plan: Path) -> str:
    return read_record(record_path(plan)).address("gateway")


def test_no_gateway_at_all_is_found(deployed: Ground) -> None:
    plan = deployed.plan("alpha", file="nothing")
    _write_record(deployed, plan, address("stranger"))
    assert verified(deployed, plan) == (1, {"gateway code": "no code", "extension code": "no code"})
    done = deployed.naru("deploy", plan=plan)
    assert (done.code, "none of this release stands there" in done.err) == (2, True)


async def _gateway_by_hand(site: Ground, *, extension: str, settings: tuple[object, ...]) -> str:
    node = site.node("alpha")
    try:
        outbox = Outbox(EvmAccount(node, key("stranger")))
        cold = extension or await outbox.deploy(FROST_VERIFIER)
        await outbox.confirm()
        gateway = await outbox.deploy(GATEWAY, (cold, *settings))
        await outbox.confirm()
        return gateway
    finally:
        await node.close()


def _write_record(site: Ground, plan: Path, gateway: str) -> None:
    """Let a deployment file tell of another gateway."""
    record: Record = read_record(record_path(site.plan("alpha")))
    step = record.steps["gateway"].model_copy(update={"address": gateway})
    write_record(record_path(plan), record.model_copy(update={"steps": record.steps | {"gateway": step}}))


def test_the_deployment_file_is_what_a_peer_s_plan_reads(deployed: Ground) -> None:
    record = json.loads(record_path(deployed.plan("beta")).read_text())
    endpoint: Endpoint = read_plan(deployed.plan("alpha")).peers[0].endpoint
    assert record["endpoint_id"] == "0x" + endpoint.id.hex()
    assert record["chain_id"] == CHAIN_IDS["beta"]
    assert set(record["steps"]) == {"governance", "unpauser", "extension", "gateway", "verifier"}
    assert all("raw" not in step and step["code_hash"] for step in record["steps"].values())
