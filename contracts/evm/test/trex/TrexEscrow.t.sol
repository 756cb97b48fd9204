// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, LockMode, Outcome} from "../../src/interfaces/IGateway.sol";
import {ITrexModules, ITrexToken} from "./ITrex.sol";
import {TrexBase} from "./TrexBase.sol";

/// R-03, R-31, INV-9 with the real T-REX 4.1.6 in ESCROW: the gateway holds what is locked, as a verified identity, and
/// the issuer's agents have the same power over its units as over everybody's.
contract TrexEscrowTest is TrexBase {
    IGatewayTypes.Transfer private item;

    function setUp() public override {
        super.setUp();
        item = _lock(100);
    }

    function _mode() internal pure override returns (LockMode) {
        return LockMode.ESCROW;
    }

    /* THE WHOLE WAY */

    function test_units_move_from_one_ledger_to_the_other() public {
        _eq(from.token().balanceOf(address(source.gateway)), 100, "held");
        _expectMinted(item);
        _finish(item, MINTED);
        _eq(_pendingOf(item), Ending.OPEN, "burned");
        _eq(from.token().totalSupply() + to.token().totalSupply(), ISSUED, "INV-1");
        _eq(from.token().balanceOf(address(source.gateway)), 0, "nothing held");
    }

    function test_a_released_transfer_is_paid_back() public {
        _finish(item, REJECTED);
        _eq(_pendingOf(item), Ending.OPEN, "paid");
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    /// With the rules that count by identity, the gateway's among them.
    function test_rules_that_count_agree_with_what_moved() public {
        _finish(item, REJECTED);
        _allRules();
        item = _lock(400);
        _expectMinted(item);
        _finish(item, MINTED);
        _finish(_lock(300), EXPIRED);
        _eq(from.token().balanceOf(holder), ISSUED - 400, "as it should be");
    }

    function test_a_gateway_off_the_register_holds_nothing_more() public {
        _offboard(from, address(source.gateway));
        _expectNotLocked(100, _text("Transfer not possible"));
        _finish(item, REJECTED);
        _eq(from.token().balanceOf(holder), ISSUED, "and pays what it holds");
    }

    /// Why nobody takes a gateway off the register while it holds units; it must come back under the same identity.
    function test_a_gateway_off_the_register_pays_nothing_where_rules_count_by_identity() public {
        _finish(item, REJECTED);
        _allRules();
        item = _lock(100);
        IGatewayTypes.Transfer memory other = _lock(50);
        _expectMinted(other);
        address identity = from.identityOf(address(source.gateway));
        _offboard(from, address(source.gateway));
        _finish(item, REJECTED);
        _finish(other, MINTED);
        _expectPayoutFails(item, "identity not found");
        _expectPayoutFails(other, "identity not found");
        from.register(address(source.gateway), identity);
        _payout(item);
        _payout(other);
        _eq(from.token().balanceOf(holder), ISSUED - 50, "all as it should be");
        _eq(from.token().totalSupply() + to.token().totalSupply(), ISSUED, "INV-1");
    }

    /* RELEASES THAT THE TOKEN REFUSES */

    function test_nothing_is_paid_while_the_token_is_paused() public {
        _pause(from);
        _finish(item, REJECTED);
        _expectPayoutFails(item, "Pausable: paused");
        _unpause(from);
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    function test_nothing_is_paid_to_or_by_a_frozen_wallet() public {
        _freeze(from, holder, true);
        _finish(item, REJECTED);
        _expectPayoutFails(item, "wallet is frozen");
        _freeze(from, holder, false);
        _freeze(from, address(source.gateway), true);
        _expectPayoutFails(item, "wallet is frozen");
        _freeze(from, address(source.gateway), false);
        _payout(item);
    }

    function test_a_sender_who_is_not_eligible_any_more_is_paid_when_it_is_again() public {
        address identity = from.identityOf(holder);
        _offboard(from, holder);
        _finish(item, REJECTED);
        _expectPayoutFails(item, "Transfer not possible");
        from.register(holder, identity);
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    function test_a_release_that_must_be_approved_waits_for_it() public {
        from.addModule("ConditionalTransferModule");
        _finish(item, REJECTED);
        _expectPayoutFails(item, "Transfer not possible");
        _approve(address(source.gateway), holder, 100);
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    /// R-31: as in BURN.
    function test_a_release_to_a_lost_wallet_is_redirected_to_the_recovered_one() public {
        _recover();
        _finish(item, REJECTED);
        _expectPayoutFails(item, "Transfer not possible");
        _redirect(item);
        _eq(from.token().balanceOf(FOUND), ISSUED, "all of it in the recovered wallet");
        _eq(_missing(), 0, "INV-9");
    }

    /// All that is on its way counts as one holder's.
    function test_the_maximum_balance_bounds_all_that_is_held() public {
        _finish(item, REJECTED);
        _allRules();
        from.rule("MaxBalanceModule", abi.encodeCall(ITrexModules.setMaxBalance, (150)));
        _lock(100);
        _expectNotLocked(51, _text("Transfer not possible"));
        _lock(50);
    }

    /* THE ROLE */

    /// A burn needs the role, a payment does not.
    function test_a_gateway_that_is_no_agent_any_more_pays_and_burns_later() public {
        IGatewayTypes.Transfer memory other = _lock(50);
        _expectMinted(item);
        _setAgent(from, address(source.gateway), false);
        _finish(item, MINTED);
        _finish(other, REJECTED);
        _eq(_pendingOf(item), Ending.COMMITTED, "burn pending");
        _eq(_pendingOf(other), Ending.OPEN, "paid");
        _eq(_missing(), 0, "INV-9");
        _expectPayoutFails(item, "AgentRole: caller does not have the Agent role");
        _setAgent(from, address(source.gateway), true);
        _payout(item);
        _eq(from.token().totalSupply() + to.token().totalSupply(), ISSUED, "INV-1");
    }

    /* WHAT THE ISSUER'S AGENTS MAY DO TO ESCROW */

    /// Frozen units of the gateway are not paid, and burned all the same: T-REX's burn frees them first.
    function test_units_that_were_frozen_there_are_paid_when_they_are_free() public {
        _freezeUnits(from, address(source.gateway), 1);
        _finish(item, REJECTED);
        _expectPayoutFails(item, "Insufficient Balance");
        _unfreezeUnits(from, address(source.gateway), 1);
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    function test_units_that_were_frozen_there_are_burned() public {
        _freezeUnits(from, address(source.gateway), 100);
        _expectMinted(item);
        _finish(item, MINTED);
        _eq(_pendingOf(item), Ending.OPEN, "burned");
        _eq(from.token().getFrozenTokens(address(source.gateway)), 0, "and frozen no more");
    }

    /// INV-9: it shows at once; what is short stays pending and is paid when the issuer has put it right, once.
    function test_escrow_that_is_taken_away_is_noticed_and_released_when_it_is_back() public {
        _force(from, address(source.gateway), holder, 40);
        _eq(_missing(), 40, "INV-9 is broken");
        _finish(item, REJECTED);
        _expectPayoutFails(item, "Insufficient Balance");
        _force(from, holder, address(source.gateway), 40);
        _eq(_missing(), 0, "put right");
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back, once");
    }

    /// Nothing is minted twice, whatever happens to the escrow of what was minted.
    function test_escrow_that_is_burned_by_an_agent_is_noticed_and_nothing_is_minted_twice() public {
        from.act(abi.encodeCall(ITrexToken.burn, (address(source.gateway), 100)));
        _eq(_missing(), 100, "INV-9 is broken");
        _expectMinted(item);
        _finish(item, MINTED);
        _eq(_pendingOf(item), Ending.COMMITTED, "burn pending");
        _settle(item);
        _eq(to.token().totalSupply(), 100, "minted once");
        _eq(_missing(), 100, "still broken");
        _expectPayoutFails(item, "cannot burn more than balance");
        from.act(abi.encodeCall(ITrexToken.mint, (address(source.gateway), 100)));
        _payout(item);
        _eq(_missing(), 0, "put right");
        _eq(from.token().totalSupply() + to.token().totalSupply(), ISSUED, "INV-1");
    }

    /// The gateway's wallet is recovered by an agent as anybody's: the escrow is gone, the gateway off the register.
    function test_escrow_of_a_gateway_that_is_recovered_is_noticed() public {
        address gateway = address(source.gateway);
        address identity = from.identityOf(gateway);
        from.giveKey(identity, address(0xE5C));
        from.act(abi.encodeCall(ITrexToken.recoveryAddress, (gateway, address(0xE5C), identity)));
        _eq(_missing(), 100, "INV-9 is broken");
        _expectNotLocked(1, _text("Transfer not possible"));
        from.register(gateway, identity);
        _force(from, address(0xE5C), gateway, 100);
        _eq(_missing(), 0, "put right");
        _finish(item, REJECTED);
        _eq(_outcomeOf(item), Outcome.NONE, "never minted");
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }
}
