"""The real ERC-3643 suite, T-REX 4.1.6, and what it does that a bridge must know; refusals to the byte."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.adapters.evm.codes import implementation_hash
from bridge.core.keccak import keccak
from bridge.devnet.trex.artifacts import PACKAGE
from bridge.devnet.trex.foundation import Module
from bridge.devnet.trex.suite import KOREA
from tests.integration import trex
from tests.integration.anvil import BINARY, FREE, running
from tests.integration.trex import Ledger, Play, exceeds, panics, says

pytestmark = [pytest.mark.processes, pytest.mark.anvil, pytest.mark.skipif(trex.MISSING, reason=trex.REASON)]
USA = 840
PLENTY = 10**9
NOT_AGENT = says("AgentRole: caller does not have the Agent role")
NOT_VERIFIED = says("Identity is not verified.")
RULE = says("Compliance not followed")
NOT_POSSIBLE = says("Transfer not possible")
NO_UNITS = says("Insufficient Balance")
FROZEN = says("wallet is frozen")
OUT_OF_RANGE = panics(0x11)
NEARLY_ALL = 15 / 16


@pytest.fixture(
    scope="module",
    params=[
        "embedded",
        pytest.param(
            "anvil",
            marks=[
                pytest.mark.anvil,
                pytest.mark.skipif(not BINARY.exists(), reason=f"no {BINARY.name}: run make node"),
            ],
        ),
    ],
)
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory(prefix="naru-t-") as name:
        folder = Path(name)
        anvil = request.param == "anvil"
        node = running(folder, trex.CHAIN_ID, *FREE) if anvil else trex.embedded(folder)
        with node as url, trex.ledger(url, anvil=anvil) as started:
            yield started


@pytest.fixture(scope="module")
def plain(ledger: Ledger) -> Play:
    """No modules; a holder needs claims on two topics, each of its own issuer."""
    return ledger.suite()


@pytest.fixture(scope="module")
def ruled(ledger: Ledger) -> Play:
    """Modules whose rules refuse nothing yet."""
    play = ledger.suite(
        Module.COUNTRY_ALLOW,
        Module.COUNTRY_RESTRICT,
        Module.MAX_BALANCE,
        Module.SUPPLY_LIMIT,
        Module.TRANSFER_RESTRICT,
        Module.TIME_TRANSFERS_LIMITS,
    )
    suite = play.suite
    play.do(
        suite.allow_countries(KOREA),
        suite.limit_balance(PLENTY),
        suite.limit_supply(PLENTY),
        suite.allow_transfers(play.gateway.address),
    )
    return play


@pytest.fixture(scope="module")
def conditional(ledger: Ledger) -> Play:
    return ledger.suite(Module.CONDITIONAL_TRANSFER)


@contextmanager
def paused(play: Play) -> Iterator[None]:
    play.do(play.suite.pause())
    yield
    play.do(play.suite.unpause())


# --- who may hold


def test_a_holder_with_a_claim_on_every_topic_is_verified_and_gets_units(plain: Play) -> None:
    alice = plain.holder(150)
    assert plain.verified(alice.address)
    assert plain.balance(alice) == (150, 0)


@pytest.mark.parametrize("claims_of", [(), (0,), (1,)])
def test_a_holder_who_lacks_a_claim_gets_none(plain: Play, claims_of: tuple[int, ...]) -> None:
    bob = plain.holder(claims_of=claims_of)
    assert not plain.verified(bob.address)
    assert plain.mint(bob.address) == NOT_VERIFIED


def test_whoever_is_not_on_the_register_gets_none(plain: Play) -> None:
    assert plain.mint(plain.person().address) == NOT_VERIFIED
    assert plain.mint("0x" + "00" * 20) == NOT_VERIFIED


def test_a_revoked_claim_is_none(plain: Play) -> None:
    alice = plain.holder()
    plain.do(plain.suite.revoke(alice.identity, 1, 2))
    assert plain.mint(alice.address) == NOT_VERIFIED


def test_one_of_several_claim_issuers_of_a_topic_is_enough(ledger: Ledger) -> None:
    play = ledger.suite(topics=((7,), (7,), (7,)))
    alice, bob = play.holder(claims_of=(2,)), play.holder(claims_of=())
    assert (play.verified(alice.address), play.verified(bob.address)) == (True, False)


def test_a_contract_such_as_a_gateway_can_be_a_verified_holder(plain: Play) -> None:
    contract = str(plain.suite.contracts.compliance.address)
    plain.do(plain.suite.onboard(contract))
    assert plain.verified(contract)
    assert plain.mint(contract) is None


def test_whoever_deployed_a_suite_finds_all_of_it_again_by_its_token(ruled: Play) -> None:
    again, bob = ruled.found_again(), ruled.person().address
    assert list(again.contracts.modules) == list(ruled.suite.contracts.modules)
    addresses = [[contract.address for contract in s.contracts.claim_issuers] for s in (again, ruled.suite)]
    assert addresses[0] == addresses[1]
    ruled.run(again.onboard(bob))
    ruled.run(again.confirm())
    assert ruled.verified(bob)


def test_a_suite_s_token_is_a_proxy_for_the_published_code_that_its_authority_names_r_31(plain: Play) -> None:
    node, at = plain.ledger.node, plain.run(plain.ledger.node.head())
    published = json.loads((trex.NODE_MODULES / PACKAGE / "artifacts/contracts/token/Token.sol/Token.json").read_text())
    code = bytes.fromhex(published["deployedBytecode"][2:])
    assert plain.run(implementation_hash(node, plain.token.address, at)) == keccak(code)
    assert plain.run(node.code(plain.token.address, at)) != code


# --- mint


def test_only_an_agent_mints(plain: Play) -> None:
    alice, agent = plain.holder(), plain.person().address
    assert plain.refusal(agent, "mint", alice.address, 10) == NOT_AGENT
    plain.do(plain.suite.add_agent(agent))
    assert plain.refusal(agent, "mint", alice.address, 10) is None
    plain.do(plain.suite.remove_agent(agent))
    assert plain.refusal(agent, "mint", alice.address, 10) == NOT_AGENT


def test_mint_forgets_the_pause(plain: Play) -> None:
    alice = plain.holder()
    with paused(plain):
        assert plain.mint(alice.address) is None


def test_mint_forgets_a_frozen_wallet(plain: Play) -> None:
    alice = plain.holder()
    plain.do(plain.suite.freeze(alice.address))
    assert plain.mint(alice.address) is None


def test_nothing_is_no_amount(plain: Play) -> None:
    alice = plain.holder(10, pays=True)
    assert plain.mint(alice.address, 0) == says("invalid argument - no value mint")
    assert plain.burn(alice, 0) == says("invalid argument - no value burn")
    assert plain.pull(alice, 0) == says("invalid argument - no value transfer")


# --- burn


def test_a_burn_by_an_agent_spends_free_units_and_then_frozen_ones(plain: Play) -> None:
    alice = plain.holder(150)
    plain.do(plain.suite.freeze_units(alice.address, 100), plain.suite.burn(alice.address, 100))
    assert plain.balance(alice) == (50, 50), "what was free is gone, half of what was frozen stays so"


def test_units_unfrozen_before_their_burn_leave_the_rest_free(plain: Play) -> None:
    alice = plain.holder(150)
    plain.do(
        plain.suite.freeze_units(alice.address, 100),
        plain.suite.unfreeze_units(alice.address, 100),
        plain.suite.burn(alice.address, 100),
    )
    assert plain.balance(alice) == (50, 0)


def test_only_an_agent_burns_and_holders_burn_not_even_their_own(plain: Play) -> None:
    alice = plain.holder(10)
    assert plain.refusal(alice.address, "burn", alice.address, 10) == NOT_AGENT
    assert plain.burn(alice, 11) == says("cannot burn more than balance")


def test_a_burn_forgets_pause_frozen_wallet_and_register(plain: Play) -> None:
    alice = plain.holder(10)
    plain.do(plain.suite.freeze(alice.address), plain.suite.offboard(alice.address))
    with paused(plain):
        assert plain.burn(alice) is None


# --- a gateway pulls units to itself


def test_a_verified_gateway_pulls_what_is_approved(plain: Play) -> None:
    alice, bob = plain.holder(10, pays=True), plain.holder(10)
    assert plain.pull(alice) is None
    assert plain.pull(bob) == OUT_OF_RANGE, "no allowance"
    assert plain.pull(alice, 11) == NO_UNITS


def test_nothing_is_pulled_while_paused(plain: Play) -> None:
    alice = plain.holder(10, pays=True)
    with paused(plain):
        assert plain.pull(alice) == says("Pausable: paused")


def test_nothing_is_pulled_from_or_to_a_frozen_wallet(plain: Play) -> None:
    alice = plain.holder(10, pays=True)
    for frozen in (alice, plain.gateway):
        plain.do(plain.suite.freeze(frozen.address))
        assert plain.pull(alice) == FROZEN
        plain.do(plain.suite.unfreeze(frozen.address))
    assert plain.pull(alice) is None


def test_frozen_units_are_not_pulled(plain: Play) -> None:
    alice = plain.holder(150, pays=True)
    plain.do(plain.suite.freeze_units(alice.address, 100))
    assert (plain.pull(alice, 50), plain.pull(alice, 51)) == (None, NO_UNITS)


def test_a_gateway_off_the_register_pulls_nothing(plain: Play) -> None:
    alice = plain.holder(10, pays=True)
    plain.do(plain.suite.offboard(plain.gateway.address))
    assert plain.pull(alice) == NOT_POSSIBLE
    plain.do(plain.suite.register(plain.gateway.address, plain.gateway.identity))
    assert plain.pull(alice) is None


def test_a_transfer_forgets_whether_its_sender_may_still_hold(plain: Play) -> None:
    alice = plain.holder(10, pays=True)
    plain.do(plain.suite.offboard(alice.address))
    assert plain.pull(alice) is None


# --- forced transfer and recovery


def test_a_forced_transfer_takes_frozen_units_while_paused(plain: Play) -> None:
    alice, bob = plain.holder(150), plain.holder()
    plain.do(plain.suite.freeze_units(alice.address, 100), plain.suite.freeze(bob.address))
    with paused(plain):
        plain.do(plain.suite.force_transfer(alice.address, bob.address, 100))
    assert (plain.balance(alice), plain.balance(bob)) == ((50, 50), (100, 0))
    nobody = plain.person().address
    assert plain.refusal(plain.gateway.address, "forcedTransfer", bob.address, nobody, 1) == NOT_POSSIBLE
    assert plain.refusal(plain.gateway.address, "forcedTransfer", bob.address, alice.address, 101) == says(
        "sender balance too low"
    )


def test_recovery_moves_units_freezes_and_the_registration_to_the_new_wallet(plain: Play) -> None:
    alice, wallet = plain.holder(150, country=USA, pays=True), plain.person()
    plain.do(plain.suite.freeze_units(alice.address, 100), plain.suite.freeze(alice.address))
    plain.do(plain.suite.recover(alice.address, wallet.address, alice.identity))
    found = trex.Holder(wallet, alice.identity)
    assert (plain.balance(alice), plain.balance(found)) == ((0, 0), (150, 100))
    assert (plain.verified(alice.address), plain.verified(wallet.address)) == (False, True)
    assert plain.ask(plain.suite.contracts.registry, "investorCountry", wallet.address) == USA
    assert plain.ask(plain.token, "isFrozen", wallet.address)
    assert plain.ask(plain.token, "isFrozen", alice.address), "and the lost one stays frozen"
    allowance = plain.ask(plain.token, "allowance", wallet.address, plain.gateway.address)
    assert allowance == 0, "what the lost one approved does not follow"
    assert plain.mint(alice.address) == NOT_VERIFIED


def test_recovery_asks_for_the_identitys_key_and_a_wallet_that_is_new(plain: Play) -> None:
    alice, bob, wallet = plain.holder(10), plain.holder(), plain.person().address
    agent = plain.gateway.address
    recovery = ("recoveryAddress", alice.address, wallet, alice.identity)
    assert plain.refusal(agent, *recovery) == says("Recovery not possible")
    plain.do(plain.suite.give_key(alice.identity, wallet))
    assert plain.refusal(agent, *recovery) is None
    plain.do(plain.suite.register(wallet, alice.identity))
    assert plain.refusal(agent, *recovery) == says("address stored already")
    empty = ("recoveryAddress", bob.address, wallet, bob.identity)
    assert plain.refusal(agent, *empty) == says("no tokens to recover")


# --- modules


def test_the_country_of_whoever_receives_counts_and_no_other(ruled: Play) -> None:
    alice = ruled.holder(10, pays=True)
    ruled.do(ruled.suite.move(alice.address, USA))
    assert ruled.mint(alice.address) == RULE
    assert ruled.pull(alice) is None, "it may leave"
    ruled.do(ruled.suite.move(ruled.gateway.address, USA))
    assert ruled.pull(alice) == NOT_POSSIBLE, "the gateway's counts too"
    ruled.do(ruled.suite.move(ruled.gateway.address, KOREA))


def test_a_restricted_country_receives_nothing(ruled: Play) -> None:
    alice = ruled.holder(10)
    assert ruled.mint(alice.address) is None
    ruled.do(ruled.suite.restrict_countries(KOREA))
    assert ruled.mint(alice.address) == RULE
    ruled.do(ruled.suite.unrestrict_countries(KOREA))
    ruled.do(ruled.suite.disallow_countries(KOREA))
    assert ruled.mint(alice.address) == RULE
    ruled.do(ruled.suite.allow_countries(KOREA))
    assert ruled.mint(alice.address) is None


@contextmanager
def balances_up_to(play: Play, amount: int) -> Iterator[None]:
    play.do(play.suite.limit_balance(amount))
    yield
    play.do(play.suite.limit_balance(PLENTY))


def test_the_maximum_balance_is_an_identitys_over_all_its_wallets(ruled: Play) -> None:
    alice, second = ruled.holder(60), ruled.person().address
    ruled.do(ruled.suite.register(second, alice.identity))
    with balances_up_to(ruled, 100):
        assert (ruled.mint(alice.address, 40), ruled.mint(second, 40)) == (None, None)
        assert (ruled.mint(alice.address, 41), ruled.mint(second, 41)) == (RULE, RULE)


def test_the_maximum_balance_bounds_the_gateway_too(ruled: Play) -> None:
    alice = ruled.holder(101, pays=True)
    with balances_up_to(ruled, 100):
        assert (ruled.pull(alice, 100), ruled.pull(alice, 101)) == (None, NOT_POSSIBLE)


def test_the_maximum_balance_s_own_error_comes_of_forced_transfers_only(ruled: Play) -> None:
    alice, bob = ruled.holder(60), ruled.holder(60)
    forced = ("forcedTransfer", alice.address, bob.address, 41)
    with balances_up_to(ruled, 100):
        error = exceeds(ruled.suite.contracts.compliance.address, 41)
        assert ruled.refusal(ruled.gateway.address, *forced) == error
        assert error[:4].hex() == "366b6964"


def test_with_a_maximum_balance_a_holder_off_the_register_can_neither_send_nor_be_burned(ruled: Play) -> None:
    alice = ruled.holder(10, pays=True)
    ruled.do(ruled.suite.offboard(alice.address))
    assert (ruled.pull(alice), ruled.burn(alice)) == (says("identity not found"), says("identity not found"))
    ruled.do(ruled.suite.onboard(alice.address))
    assert ruled.burn(alice) == OUT_OF_RANGE, "another identity has none of the units"


def test_the_supply_limit_bounds_mints_and_nothing_else(ruled: Play) -> None:
    alice = ruled.holder(10, pays=True)
    supply = int(ruled.ask(ruled.token, "totalSupply"))
    ruled.do(ruled.suite.limit_supply(supply + 5))
    assert (ruled.mint(alice.address, 5), ruled.mint(alice.address, 6)) == (None, RULE)
    assert ruled.pull(alice) is None
    ruled.do(ruled.suite.limit_supply(PLENTY))


def test_transfers_between_those_who_are_not_allowed_to_are_refused_and_mints_are_not(ruled: Play) -> None:
    alice, bob = ruled.holder(10, pays=True), ruled.holder()
    assert ruled.refusal(alice.address, "transfer", bob.address, 1) == NOT_POSSIBLE
    assert ruled.pull(alice) is None, "the gateway is allowed"
    assert ruled.mint(alice.address) is None


def test_a_limit_of_transfers_a_day_bounds_what_is_pulled_and_no_mint(ruled: Play) -> None:
    alice = ruled.holder(100, pays=True)
    ruled.do(ruled.suite.limit_transfers(20, 86_400))
    assert (ruled.pull(alice, 20), ruled.pull(alice, 21)) == (None, NOT_POSSIBLE)
    assert ruled.mint(alice.address, 100) is None
    ruled.do(ruled.suite.limit_transfers(PLENTY, 86_400))


def test_a_transfer_s_approval_is_for_its_exact_amount_and_used_up(conditional: Play) -> None:
    suite, gateway = conditional.suite, conditional.gateway
    alice = conditional.person().address
    conditional.do(suite.onboard(alice), suite.approve_transfer(None, alice, 10), suite.mint(alice, 10))
    bob = conditional.holder()
    conditional.do(suite.approve_transfer(None, bob.address, 20), suite.mint(bob.address, 20))
    conditional.sent(bob.account, conditional.token, "approve", gateway.address, PLENTY)
    assert conditional.pull(bob) == NOT_POSSIBLE
    conditional.do(suite.approve_transfer(bob.address, gateway.address, 10))
    assert (conditional.pull(bob), conditional.pull(bob, 11)) == (None, NOT_POSSIBLE)
    conditional.sent(gateway.account, conditional.token, "transferFrom", bob.address, gateway.address, 10)
    assert conditional.pull(bob) == NOT_POSSIBLE
    assert conditional.burn(gateway) is None, "a burn needs no approval"


def test_a_mint_s_approval_is_for_its_exact_amount_and_never_used_up(conditional: Play) -> None:
    alice = conditional.holder()
    assert conditional.mint(alice.address) == RULE
    conditional.do(conditional.suite.approve_transfer(None, alice.address, 10))
    assert (conditional.mint(alice.address, 10), conditional.mint(alice.address, 11)) == (None, RULE)
    conditional.do(conditional.suite.mint(alice.address, 10))
    assert conditional.mint(alice.address, 10) is None


def test_with_transfer_fees_a_gateway_gets_less_than_it_pulls(ledger: Ledger) -> None:
    play = ledger.suite(Module.TRANSFER_FEES)
    alice, collector = play.holder(1000, pays=True), play.holder()
    play.do(play.suite.take_fees(100, collector.address))
    play.sent(play.gateway.account, play.token, "transferFrom", alice.address, play.gateway.address, 1000)
    assert (play.balance(play.gateway), play.balance(collector)) == ((990, 0), (10, 0))


# --- gas


def test_each_topic_that_a_holder_must_have_a_claim_on_costs_a_mint_some_64_000_gas(ledger: Ledger) -> None:
    used = {}
    for topics in (0, 1, 5):
        play = ledger.suite(topics=[(topic,) for topic in range(1, topics + 1)])
        alice = play.holder(1)
        used[topics] = play.gas("mint", alice.address, 10)
    assert 90_000 < used[0] < 105_000
    assert 60_000 < (used[5] - used[1]) / 4 < 68_000
    assert used[5] > 400_000


def test_too_little_gas_makes_a_verified_holder_look_like_one_who_is_not(plain: Play) -> None:
    """The registry's try/catch and the 10,000 gas that each proxy keeps back make a well-formed refusal of it."""
    alice = plain.holder(1)
    mint = ("mint", alice.address, 10)
    least = plain.gas(*mint)
    answers = {given: plain.refusal(plain.gateway.address, *mint, gas=given) for given in range(100_000, least, 2_000)}
    starved = [given for given, refusal in answers.items() if refusal == NOT_VERIFIED]
    assert starved
    assert b"" in answers.values(), "elsewhere it is a revert without data"
    used = plain.gas(*mint, given=starved[0])
    assert used < NEARLY_ALL * starved[0], "so much gas is left that it does not look starved"
