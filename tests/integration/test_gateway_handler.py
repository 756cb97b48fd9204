"""`naru gateway handler`, and what `register` finds before two persons wait for it (R-01, R-04, R-22)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import SAMPLE_TOKEN
from bridge.adapters.evm.deploy import Outbox, TokenIssuer
from bridge.ops.gateway_plan import read_record, record_path, write_record
from tests.integration.gateways import ASSET, Ground, address, ground, key, wrong

pytestmark = pytest.mark.processes
FREE = "isin:KR7900010021"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A gateway on alpha that knows nothing yet; its peer's place is taken by words."""
    with ground(tmp_path_factory.mktemp("handlers")) as found:
        assert found.naru("deploy", plan=found.plan("alpha", peers=[], lanes=[])).code == 0
        yield found


def asset(site: Ground, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any TOML
    standing = {"token": site.tokens["alpha"], "handler": site.handlers["alpha"], "gas_allowance": 200_000}
    return {"name": "tower", "asset": ASSET, "form": "own", "decimals": 0, **standing, **changes}


def planned(site: Ground, file: str, **changes: Any) -> Path:  # noqa: ANN401 - any TOML
    """Write a plan of the gateway with one asset."""
    return site.other_plan("alpha", file, peers=[], lanes=[], assets=[asset(site, **changes)])


def token(site: Ground, *allowed: str, paused: bool = False) -> str:
    """Deploy one more token, and do what is *allowed*: "mint" and "hold", both for the gateway."""

    async def deploy() -> str:
        node = site.node("alpha")
        try:
            outbox = Outbox(EvmAccount(node, key("stranger")))
            made = await TokenIssuer.deploy(outbox, SAMPLE_TOKEN, "another security", "ANO", 0)
            gateway = read_record(record_path(site.plan("alpha"))).address("gateway")
            if "mint" in allowed:
                await made.allow_minting(gateway)
            if "hold" in allowed:
                await made.register(gateway)
            if paused:
                await made.pause()
            await outbox.confirm()
            return made.address
        finally:
            await node.close()

    return asyncio.run(deploy())


def nonce(site: Ground, who: str) -> int:
    async def ask() -> int:
        node = site.node("alpha")
        try:
            return await node.web3.eth.get_transaction_count(EvmAccount(node, key(who)).address)
        finally:
            await node.close()

    return asyncio.run(ask())


# --- deploying a handler


def test_a_handler_is_deployed_once_however_often_it_is_asked_for(site: Ground) -> None:
    """R-52."""
    plan = planned(site, "once", asset=FREE)
    first = site.naru("handler", "erc20", "-o", "json", plan=plan)
    assert first.code == 0, first.err
    sent = nonce(site, "deployer")
    second = site.naru("handler", "erc20", plan=plan)
    assert f'handler = "{first.json["handler"]}"' in second.out
    assert nonce(site, "deployer") == sent
    step = read_record(record_path(plan)).steps["handler erc20"]
    assert (step.address, step.code_hash, step.raw) == (first.json["handler"], first.json["code_hash"], None)


def test_a_handler_may_come_before_the_gateway_and_whatever_else_asks_for_that_says_so(site: Ground) -> None:
    plan = site.plan("alpha", file="early", deployer_file="stranger.key", peers=[], lanes=[], assets=[])
    made = site.naru("handler", "erc20", "-o", "json", plan=plan)
    assert made.code == 0, made.err
    early = site.naru("status", plan=plan)
    assert (early.code, "not complete" in early.err) == (2, True)
    assert site.naru("deploy", plan=plan).code == 0
    assert read_record(record_path(plan)).steps["handler erc20"].address == made.json["handler"]
    assert site.naru("verify", plan=plan).code == 1  # no key yet, and nothing else


def test_a_handler_of_an_older_release_stays_and_is_followed_by_this_one_s(site: Ground) -> None:
    plan = planned(site, "older", asset=FREE)
    record = read_record(record_path(plan))
    old = record.steps["extension"].model_copy(update={"contract": "Erc20Handler"})
    write_record(record_path(plan), record.model_copy(update={"steps": {**record.steps, "handler erc20": old}}))
    made = site.naru("handler", "erc20", "-o", "json", plan=plan)
    assert made.code == 0, made.err
    assert made.json["handler"] != old.address


def test_a_standard_without_a_handler_is_told_with_those_that_have_one(site: Ground) -> None:
    done = site.naru("handler", "erc777", plan=planned(site, "unknown"))
    assert done.code == 2
    assert "'erc777' is no standard with a handler in this release: known are erc20" in done.err


# --- told of what is registered


def test_whose_a_registered_handler_is_stands_in_verify_and_status(site: Ground) -> None:
    plan = planned(site, "own")
    ours = site.naru("handler", "erc20", "-o", "json", plan=plan).json["handler"]
    for file, handler, told in (
        ("issuer", site.handlers["alpha"], "not one of Naru's: read it"),
        ("ours", ours, "erc20, Naru's own"),
    ):
        plan = planned(site, file, handler=handler)
        site.register(plan, "asset", "tower")
        checks = site.naru("verify", "-o", "json", plan=plan).json
        assert [check["found"] for check in checks if check["check"] == "asset tower handler is"] == [told]
        assert not {name for name in wrong(checks) if name.startswith("asset tower handler")}
        assert f"asset tower: token {site.tokens['alpha']}, handler {told}" in site.naru("status", plan=plan).out
        (row,) = site.naru("status", "-o", "json", plan=plan).json["assets"]
        assert (row["handler"], row["handler_is"]) == (handler, told)


# --- before it is registered


@pytest.mark.parametrize(
    ("allowed", "changes", "told"),
    [
        (("hold",), {}, "the gateway may not mint (the token says AccessControlUnauthorizedAccount"),
        (("mint",), {}, "the gateway may not hold the token (the token says HolderNotRegistered(address))"),
        (("mint", "hold"), {"decimals": 2}, "the token has 0 decimals, the plan 2"),
        (("mint", "hold"), {"form": "role"}, "a burn by the gateway is refused (the token says (no error))"),
        (("mint", "hold"), {"gas_allowance": 20_000}, "gas_allowance 20000 is less than twice what a mint took now"),
        (("mint", "hold"), {"handler": address("ben")}, f"there is no handler at {address('ben')}"),
        (("mint", "hold"), {"token": address("ben")}, f"there is no contract at {address('ben')}"),
    ],
)
def test_a_token_that_is_not_ready_is_not_proposed(
    site: Ground, allowed: tuple[str, ...], changes: dict[str, Any], told: str
) -> None:
    plan = planned(site, "unready", **{"asset": FREE, "token": token(site, *allowed), **changes})
    done = site.naru("register", "asset", "tower", plan=plan, who="ann")
    assert done.code == 1
    assert f"asset tower is not ready: (1) {told}" in done.err
    assert "Nothing was proposed; --force proposes it all the same" in done.err
    assert "nothing waits for a second person" in site.naru("status", plan=plan).out


def test_a_paused_token_is_told_as_such_once(site: Ground) -> None:
    plan = planned(site, "paused", asset=FREE, token=token(site, "mint", "hold", paused=True))
    done = site.naru("register", plan=plan, who="ann")
    assert (done.code, done.err.count("the token is paused")) == (1, 1)


def test_a_contract_that_is_no_handler_is_told(site: Ground) -> None:
    made = token(site, "mint", "hold")
    plan = planned(site, "nohandler", asset=FREE, token=made, handler=made)
    assert "the handler does not answer examine()" in site.naru("register", plan=plan, who="ann").err


def test_who_knows_better_forces_it(site: Ground) -> None:
    plan = planned(site, "forced", asset=FREE, token=token(site, "hold"))
    assert site.naru("register", plan=plan, who="ann").code == 1
    done = site.naru("register", "--force", "-o", "json", plan=plan, who="ann")
    assert done.code == 0, done.err
    assert site.naru("cancel", done.json["proposed"]["id"], plan=plan, who="ann").code == 0
