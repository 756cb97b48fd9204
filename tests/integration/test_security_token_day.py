"""A whole day of a security token, the real T-REX 4.1.6, on two anvil nodes; INV-1 to INV-6 hold after every step."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, Final

import pytest

from bridge.adapters.evm.holder import EvmHolder
from bridge.adapters.evm.locking import Locked
from bridge.adapters.evm.reader import terms
from bridge.adapters.system import system_entropy
from bridge.core.orders import SignedOrder
from bridge.core.reasons import Reason
from bridge.core.records import Ending, Status
from bridge.core.transfer import Transfer
from bridge.devnet.trex.foundation import Module
from bridge.errors import BridgeError, LedgerRefusedError
from bridge.ops.orders import Wanted, compose, desk_at
from tests.integration import trex
from tests.integration.anvil import BINARY, FREE, Anvil, anvil
from tests.integration.day import AGENTS, ASSET, PLENTY, Day, dawn, eventually
from tests.integration.support import Network, running

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.processes,
    pytest.mark.skipif(not BINARY.exists(), reason=f"no {BINARY.name} in contracts/evm/node_modules: run make node"),
    pytest.mark.skipif(trex.MISSING, reason=trex.REASON),
]
USA: Final = 840
ISSUE: Final = 1_000_000
BALANCE_MAX: Final = 300_000
"""On beta; on alpha the treasury holds the whole issue."""
HOUR_S: Final = 3600
NOT_YET: Final = 300


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Anvil, Anvil]]:
    """Two nodes without fees whose blocks are final at once."""
    folder = tmp_path_factory.mktemp("day")
    with anvil(folder, 31011, *FREE) as alpha, anvil(folder, 31012, *FREE) as beta:
        yield alpha, beta


@pytest.fixture(scope="module")
def network(nodes: tuple[Anvil, Anvil], _runtime_folder: None) -> Iterator[Network]:
    """Four notaries, a relayer and a Redis, each a process of its own, on both nodes; its own tokens are T-REX, too."""
    arguments = ["--token", "trex", "--trex-artifacts", str(trex.NODE_MODULES)]
    for name, node in zip(("alpha", "beta"), nodes, strict=True):
        arguments += [f"--{name}", node.url, f"--{name}-key", str(node.key_file)]
    with running(*arguments) as started:
        yield started


def test_a_whole_day_of_a_security_token(network: Network, nodes: tuple[Anvil, Anvil]) -> None:
    async def from_dawn_to_dusk() -> None:
        async with dawn(network, nodes) as day:
            for step in STEPS:
                await step(day)
                await day.check(step.__name__)
            assert day.endings() == {Ending.COMMITTED: 18, Ending.RELEASED: 7}

    asyncio.run(from_dawn_to_dusk())


# --- the morning


async def the_issuer_issues(day: Day) -> None:
    """The register's entry comes first (R-11); beta's says that nothing is issued there."""
    await day.onboard(day.alpha, "treasury")
    await day.alpha.post(1, ISSUE)
    await day.beta.post(1, 0)
    day.issued["alpha"] = ISSUE
    await day.alpha.do(day.alpha.suite.mint(day.alpha.address("treasury"), ISSUE))
    day.shift(ISSUE, None, ("alpha", "treasury"))


async def holders_are_onboarded_on_both_ledgers(day: Day) -> None:
    """Those who subscribed get their units from the treasury."""
    await asyncio.gather(
        day.onboard(day.alpha, "alice", "bob", "carol", "dana"),
        day.onboard(day.beta, "alice", "bob", "carol", "dana", "fred"),
    )
    await day.onboard(day.beta, "hans", country=USA)
    await day.beta.do(day.beta.suite.limit_balance(BALANCE_MAX))
    treasury, token = day.alpha.account("treasury"), day.alpha.suite.contracts.token
    for person, amount in (("alice", 250_000), ("dana", 150_000)):
        await treasury.transact(token, "transfer", day.alpha.address(person), amount)
        day.shift(amount, ("alpha", "treasury"), ("alpha", person))


async def brokers_move_their_customers_units_both_ways(day: Day) -> None:
    """Several at once, by their customers' keys."""
    await asyncio.gather(
        day.move("alice", "bob", 40_000),
        day.move("alice", "alice", 25_000),
        day.move("dana", "carol", 10_000),
        day.move("treasury", "dana", 60_000),
    )
    await asyncio.gather(
        day.move("bob", "alice", 5_000, back=True),
        day.move("carol", "bob", 1, back=True),
        day.move("alice", "carol", 7_000),
    )


async def a_venue_pulls_inventory_by_an_order_in_two_parts(day: Day) -> None:
    """Who signed need not be there; nobody but the venue may draw, and a draw sent twice happens once (R-02)."""
    day.alpha.fund("venue")
    signed = await _order(day, "alice", "carol", 30_000)
    async with desk_at(day.alpha.config) as desk:
        for part, again in ((12_000, "OrderDrawnOtherwise"), (18_000, "NonceUsed")):
            drawing = await desk.drawing(signed, part, None)
            assert _name((await desk.submit([drawing], trex.key("bob")))[0]) == "NotSubmitter"
            (locked,) = await desk.submit([drawing], trex.key("venue"))
            assert isinstance(locked, Locked), locked
            day.transfers.append(locked.transfer)
            assert _name((await desk.submit([drawing], trex.key("venue")))[0]) == again
    for transfer in day.transfers[-2:]:
        assert await day.ended(transfer) == (Status.COMMITTED, Reason.NONE)
        day.arrived("alice", "carol", transfer.amount)


# --- what is refused


async def whoever_may_not_receive_is_refused_and_the_sender_has_all_back(day: Day) -> None:
    """Nobody's wallet, a country, the largest balance, a frozen wallet; quote and notaries say the same."""
    await day.beta.do(day.beta.suite.freeze(day.beta.address("fred")))
    await asyncio.gather(
        day.refused("alice", "stranger", 1_000, Reason.NOT_ELIGIBLE),
        day.refused("dana", "hans", 1_000, Reason.COMPLIANCE_RULE),
        day.refused("treasury", "bob", BALANCE_MAX, Reason.COMPLIANCE_RULE),
        day.refused("alice", "fred", 1_000, Reason.ACCOUNT_FROZEN),
    )


async def no_more_than_the_supply_limit_comes_in(day: Day) -> None:
    suite = day.beta.suite
    there = sum(units for (ledger, _), units in day.units.items() if ledger == "beta")
    await day.beta.do(suite.limit_supply(there + 500))
    await day.refused("treasury", "bob", 501, Reason.COMPLIANCE_RULE)
    await day.move("treasury", "bob", 500)
    await day.beta.do(suite.limit_supply(PLENTY))


async def a_transfer_that_must_be_approved_waits_for_nobody(day: Day) -> None:
    """It is refused until the issuer has approved exactly that much for that holder."""
    await day.beta.bind(Module.CONDITIONAL_TRANSFER, bound=True)
    await day.refused("alice", "bob", 2_000, Reason.COMPLIANCE_RULE)
    await day.beta.do(day.beta.suite.approve_transfer(None, day.beta.address("bob"), 2_000))
    await day.move("alice", "bob", 2_000)
    await day.beta.bind(Module.CONDITIONAL_TRANSFER, bound=False)


async def a_paused_token_holds_what_comes_until_it_is_resumed(day: Day) -> None:
    """No reason to refuse for good; and where it is paused nothing leaves."""
    await day.beta.do(day.beta.suite.pause())
    assert await day.quote("alice", "bob", 3_000) is Reason.TOKEN_PAUSED
    assert _says(await day.lock_refusal("bob", "alice", 1, back=True), "Pausable: paused")
    transfer = await day.lock("alice", "bob", 3_000)
    await day.held(transfer, Reason.TOKEN_PAUSED)
    await day.beta.do(day.beta.suite.unpause())
    assert await day.ended(transfer) == (Status.COMMITTED, Reason.NONE)
    day.arrived("alice", "bob", 3_000)


# --- what goes wrong for a holder


async def a_wallet_is_lost_in_the_middle_of_a_transfer_and_its_units_reach_the_new_one(day: Day) -> None:
    """The release finds the lost wallet off the register and waits; two agents redirect it (R-31)."""
    await day.onboard(day.beta, "gina")
    await day.beta.do(day.beta.suite.pause())
    transfer = await day.lock("dana", "gina", 20_000)
    await day.held(transfer, Reason.TOKEN_PAUSED)
    alpha = day.alpha
    lost, new, identity = alpha.address("dana"), alpha.address("dana's new"), day.identities["alpha", "dana"]
    await alpha.do(alpha.suite.recover(lost, new, identity))
    alpha.fund("dana's new")
    day.shift(day.units["alpha", "dana"] - 20_000, ("alpha", "dana"), ("alpha", "dana's new"))
    await day.beta.do(day.beta.suite.offboard(day.beta.address("gina")), day.beta.suite.unpause())
    await eventually(lambda: _is_pending(day, transfer), "the release waits for somebody who may hold")
    await _redirected(day, transfer, "dana's new")
    assert await day.ended(transfer) == (Status.ROLLED_BACK, Reason.NOT_ELIGIBLE)
    day.shift(20_000, ("alpha", "dana"), ("alpha", "dana's new"))
    await day.move("dana's new", "dana", 1_000)


async def a_frozen_holder_moves_nothing(day: Day) -> None:
    alpha = day.alpha
    await alpha.do(alpha.suite.freeze(alpha.address("alice")))
    assert _says(await day.lock_refusal("alice", "bob", 1), "wallet is frozen")
    await alpha.do(alpha.suite.unfreeze(alpha.address("alice")))


async def a_partly_frozen_holder_moves_what_is_free(day: Day) -> None:
    alpha, alice = day.alpha, day.alpha.address("alice")
    frozen = day.units["alpha", "alice"] - 4_000
    await alpha.do(alpha.suite.freeze_units(alice, frozen))
    assert _says(await day.lock_refusal("alice", "bob", 4_001), "Insufficient Balance")
    await day.move("alice", "bob", 4_000)
    assert await alpha.ask_token("getFrozenTokens", "alice") == frozen == day.units["alpha", "alice"]
    await alpha.do(alpha.suite.unfreeze_units(alice, frozen))


async def a_forced_transfer_gives_a_frozen_holders_units_to_another_who_moves_them(day: Day) -> None:
    beta, carol, bob = day.beta, day.beta.address("carol"), day.beta.address("bob")
    await beta.do(beta.suite.freeze(carol), beta.suite.force_transfer(carol, bob, 3_000), beta.suite.unfreeze(carol))
    day.shift(3_000, ("beta", "carol"), ("beta", "bob"))
    await day.move("bob", "bob", 3_000, back=True)


# --- the evening


async def the_issuer_redeems_and_the_register_follows(day: Day) -> None:
    """Between burn and entry the supply is below what is explained, which is a redemption and no break (INV-4)."""
    alpha = day.alpha
    await alpha.do(alpha.suite.burn(alpha.address("treasury"), 100_000))
    assert await day.unexplained() == {"alpha": -100_000, "beta": 0}
    await alpha.post(2, ISSUE - 100_000)
    day.issued["alpha"] -= 100_000
    day.shift(100_000, ("alpha", "treasury"), None)


async def nothing_is_under_way_at_the_record_date(day: Day) -> None:
    """A lock that could be open in the window is refused, others pass (R-28); in it the registers' sum is the issue."""
    opens = max(await day.alpha.now(), await day.beta.now()) + NOT_YET
    await _cut_off(day, opens, opens + HOUR_S, 30)
    refusal = await day.lock_refusal("alice", "bob", 100, deadline_in_s=NOT_YET + 60)
    assert refusal.name == "CutOffError"
    transfer = await day.lock("bob", "alice", 100, back=True, deadline_in_s=NOT_YET // 2)
    assert await day.ended(transfer) == (Status.COMMITTED, Reason.NONE)
    day.arrived("bob", "alice", 100, back=True)
    await _cut_off(day, 1, await day.alpha.now() + HOUR_S, 30)
    for back in (False, True):
        assert (await day.lock_refusal("bob", "bob", 1, back=back)).name == "CutOffError"
    await day.check("in the window")
    assert sum(day.units.values()) == sum(day.issued.values())


async def the_day_after_the_record_date_everything_moves_again(day: Day) -> None:
    await _cut_off(day, 0, 0, 0)
    await asyncio.gather(day.move("alice", "bob", 100), day.move("bob", "alice", 100, back=True))


STEPS: Final = (
    the_issuer_issues,
    holders_are_onboarded_on_both_ledgers,
    brokers_move_their_customers_units_both_ways,
    a_venue_pulls_inventory_by_an_order_in_two_parts,
    whoever_may_not_receive_is_refused_and_the_sender_has_all_back,
    no_more_than_the_supply_limit_comes_in,
    a_transfer_that_must_be_approved_waits_for_nobody,
    a_paused_token_holds_what_comes_until_it_is_resumed,
    a_wallet_is_lost_in_the_middle_of_a_transfer_and_its_units_reach_the_new_one,
    a_frozen_holder_moves_nothing,
    a_partly_frozen_holder_moves_what_is_free,
    a_forced_transfer_gives_a_frozen_holders_units_to_another_who_moves_them,
    the_issuer_redeems_and_the_register_follows,
    nothing_is_under_way_at_the_record_date,
    the_day_after_the_record_date_everything_moves_again,
)


# --- how


async def _order(day: Day, holder: str, recipient: str, amount: int) -> SignedOrder:
    """Have a holder sign what only the venue may draw, and let the gateway move as much."""
    wanted = Wanted(
        move=day.wanted(recipient, amount),
        holder=day.alpha.account(holder).account,
        submitter=day.alpha.account("venue").account,
        divisible=True,
        life_s=600,
    )
    order = compose(wanted, await day.alpha.now(), system_entropy)
    signer = EvmHolder(day.alpha.account(holder), day.alpha.reader)
    await signer.allow_more(order.asset, amount)
    return signer.sign(order)


async def _is_pending(day: Day, transfer: Transfer) -> bool:
    pending = await day.alpha.ask_gateway("pending", transfer.id)
    return Ending(pending[0]) is Ending.RELEASED


async def _redirected(day: Day, transfer: Transfer, to: str) -> None:
    """Have two agents redirect a payment; nobody else, nor one of them alone, nor at once (R-31)."""
    alpha, what = day.alpha, (terms(transfer), day.alpha.address(to))
    first, second = (alpha.account(agent) for agent in AGENTS)
    assert _says(
        await _refusal(alpha.tell_gateway("payout", terms(transfer), sender=first)), "Identity is not verified."
    )
    assert (await _refusal(alpha.tell_gateway("proposeRedirect", *what))).name == "NotAgent"
    await alpha.tell_gateway("proposeRedirect", *what, sender=first)
    assert (await _refusal(alpha.tell_gateway("confirmRedirect", *what, sender=first))).name == "SecondAgentNeeded"
    _, _, ready = await alpha.ask_gateway("pendingRedirect", transfer.id)

    async def is_ready() -> bool:
        return await alpha.now() >= int(ready)

    await eventually(is_ready, "the delay is over")
    await alpha.tell_gateway("confirmRedirect", *what, sender=second)


async def _refusal(call: Coroutine[Any, Any, None]) -> LedgerRefusedError:
    with pytest.raises(LedgerRefusedError) as caught:
        await call
    return caught.value


def _name(result: Locked | BridgeError) -> str:
    assert isinstance(result, LedgerRefusedError), result
    return result.name


def _says(refusal: LedgerRefusedError, text: str) -> bool:
    """Tell whether the token's own words stand in what the gateway reverted with."""
    return refusal.name == "TokenCallFailed" and trex.says(text) in refusal.data


async def _cut_off(day: Day, opens: int, closes: int, margin_s: int) -> None:
    """Have an agent set the window on both ledgers; zeros clear it (R-28)."""
    for house in (day.alpha, day.beta):
        await house.tell_gateway("setCutOff", ASSET, opens, closes, margin_s, sender=house.account(AGENTS[0]))
