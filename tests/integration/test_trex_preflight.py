"""What `naru gateway register` finds at a real T-REX 4.1.6 token before anything is proposed (R-22)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.adapters.evm.deploy import Outbox
from bridge.adapters.evm.handlers import HANDLERS, ROLE, read_token
from bridge.devnet.trex.foundation import Module
from bridge.ops.gateway_plan import AssetPlan
from bridge.ops.gateway_preflight import objections
from tests.integration import trex
from tests.integration.trex import Ledger, Play

pytestmark = [pytest.mark.processes, pytest.mark.anvil, pytest.mark.skipif(trex.MISSING, reason=trex.REASON)]
GAS = 900_000


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    with (
        tempfile.TemporaryDirectory(prefix="naru-t-") as name,
        trex.embedded(Path(name)) as url,
        trex.ledger(url, anvil=False) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def handler(ledger: Ledger) -> str:
    outbox = Outbox(ledger.person())
    address = ledger.runner.run(outbox.deploy(HANDLERS["erc3643"]))
    ledger.runner.run(outbox.confirm())
    return address


@pytest.fixture(scope="module")
def plain(ledger: Ledger) -> Play:
    return ledger.suite()


def found(play: Play, handler: str, gateway: str, *, gas_allowance: int = GAS, decimals: int = 0) -> list[str]:
    planned = AssetPlan.model_validate(
        {
            "name": "tower",
            "asset": "isin:KR7900010013",
            "token": play.suite.token,
            "handler": handler,
            "mode": "burn",
            "form": "role",
            "decimals": decimals,
            "gas_allowance": gas_allowance,
        }
    )
    facts = play.run(read_token(play.ledger.node, gateway, planned.token, handler, ROLE))
    return [objection.what for objection in objections(planned, facts)]


def test_a_gateway_that_is_agent_and_verified_holder_is_ready(plain: Play, handler: str) -> None:
    assert found(plain, handler, plain.gateway.address) == []


def test_a_stranger_is_told_both_rights_that_it_lacks(plain: Play, handler: str) -> None:
    stranger = str(plain.person().address)
    refusal = '(the token says "AgentRole: caller does not have the Agent role")'
    told = [f"the gateway may not mint {refusal}", f"the gateway may not burn {refusal}"]
    assert found(plain, handler, stranger) == told


def test_an_agent_without_identity_may_not_hold(plain: Play, handler: str) -> None:
    agent = str(plain.person().address)
    plain.do(plain.suite.add_agent(agent))
    (told,) = found(plain, handler, agent)
    assert told == 'the gateway may not hold the token (the token says "Identity is not verified.")'


def test_a_frozen_gateway_and_a_paused_token_are_told_though_its_mint_forgets_both(plain: Play, handler: str) -> None:
    gateway = plain.gateway.address
    plain.do(plain.suite.freeze(gateway))
    (frozen,) = found(plain, handler, gateway)
    assert frozen.startswith("the handler says ACCOUNT_FROZEN of the gateway")
    plain.do(plain.suite.unfreeze(gateway), plain.suite.pause())
    assert found(plain, handler, gateway) == ["the token is paused"]
    plain.do(plain.suite.unpause())


def test_too_little_gas_and_other_decimals_are_told(plain: Play, handler: str) -> None:
    told = found(plain, handler, plain.gateway.address, gas_allowance=200_000, decimals=18)
    assert told[0] == "the token has 0 decimals, the plan 18"
    assert told[1].startswith("gas_allowance 200000 is less than twice what a mint took now")


def test_a_rule_that_bars_the_gateway_is_told(ledger: Ledger, handler: str) -> None:
    ruled = ledger.suite(Module.MAX_BALANCE)  # whose limit was never set, and so is 0
    (told,) = found(ruled, handler, ruled.gateway.address)
    assert told == 'the gateway may not hold the token (the token says "Compliance not followed")'
