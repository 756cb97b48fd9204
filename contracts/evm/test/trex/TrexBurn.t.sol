// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, LockMode} from "../../src/interfaces/IGateway.sol";
import {ITrexModules, ITrexRegistry, ITrexToken} from "./ITrex.sol";
import {TrexBase} from "./TrexBase.sol";

/// R-03, R-04, R-31 with the real T-REX 4.1.6 in BURN, the default there: the gateway is a verified holder that pulls,
/// and an agent that burns what it pulled and mints back what is released.
contract TrexBurnTest is TrexBase {
    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }

    /* THE WHOLE WAY */

    /// INV-1, INV-4
    function test_units_move_from_one_ledger_to_the_other(uint256 amount) public {
        amount = _bound(amount, 1, ISSUED);
        IGatewayTypes.Transfer memory item = _lock(amount);
        _eq(from.token().totalSupply(), ISSUED - amount, "burned");
        _expectMinted(item);
        _finish(item, MINTED);
        _eq(_endingOf(item), Ending.COMMITTED, "committed");
        _eq(from.token().totalSupply() + to.token().totalSupply(), ISSUED, "INV-1");
        _eq(from.token().balanceOf(address(source.gateway)), 0, "the gateway keeps nothing");
    }

    /// INV-6
    function test_a_released_transfer_is_minted_back(uint256 amount, bool expired) public {
        amount = _bound(amount, 1, ISSUED);
        IGatewayTypes.Transfer memory item = _lock(amount);
        _finish(item, expired ? EXPIRED : REJECTED);
        _eq(_pendingOf(item), Ending.OPEN, "paid");
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
        _expectBurnedIsReminted();
    }

    /// With rules that count by identity and by supply.
    function test_rules_that_count_agree_with_what_moved() public {
        _allRules();
        IGatewayTypes.Transfer memory item = _lock(400);
        _expectMinted(item);
        _finish(item, MINTED);
        to.rule("MaxBalanceModule", abi.encodeCall(ITrexModules.setMaxBalance, (499)));
        IGatewayTypes.LockRequest memory request = _request(100);
        request.clientReference = keccak256("order 2");
        item = _lock(request);
        _expectNotMinted(item, 3);
        _refuse(item, 3);
        _finish(item, REJECTED);
        _eq(from.token().balanceOf(holder), ISSUED - 400, "released");
    }

    /* LOCKS THAT THE TOKEN REFUSES */

    /// R-04: why the gateway must be a verified holder.
    function test_a_gateway_off_the_register_locks_nothing() public {
        _offboard(from, address(source.gateway));
        _expectNotLocked(100, _text("Transfer not possible"));
        _eq(from.token().balanceOf(holder), ISSUED, "nothing taken");
    }

    /// R-03: an agent's burn alone would pass all of these.
    function test_nothing_is_taken_of_who_may_not_send() public {
        _freeze(from, holder, true);
        _expectNotLocked(100, _text("wallet is frozen"));
        _freeze(from, holder, false);
        _pause(from);
        _expectNotLocked(100, _text("Pausable: paused"));
        _unpause(from);
        _freezeUnits(from, holder, ISSUED - 99);
        _expectNotLocked(100, _text("Insufficient Balance"));
        _eq(from.token().totalSupply(), ISSUED, "nothing burned");
        _eq(from.token().getFrozenTokens(holder), ISSUED - 99, "frozen units stay");
        _lock(99);
        _eq(from.token().getFrozenTokens(holder), ISSUED - 99, "free ones go");
    }

    function test_the_gateway_s_own_limits_hold_for_a_lock() public {
        from.addModule("CountryAllowModule");
        _allowCountries(from, 840);
        _expectNotLocked(100, _text("Transfer not possible"));
        from.keepRegister(abi.encodeCall(ITrexRegistry.updateCountry, (address(source.gateway), 840)));
        _lock(100);
    }

    /// R-03: what arrives is not the amount.
    function test_a_token_that_takes_fees_is_not_locked() public {
        _setAgent(from, from.putModule("TransferFeesModule"), true);
        from.bindModule("TransferFeesModule");
        from.onboard(address(0xFEE));
        from.rule("TransferFeesModule", abi.encodeCall(ITrexModules.setFee, (100, address(0xFEE))));
        _expectNotLocked(100, _text("cannot burn more than balance"));
        _eq(from.token().balanceOf(holder), ISSUED, "nothing taken");
    }

    /// R-03: the approval that a rule asks for is for holder, gateway and amount.
    function test_a_lock_that_must_be_approved_is_approved_once() public {
        from.addModule("ConditionalTransferModule");
        _expectNotLocked(100, _text("Transfer not possible"));
        _approve(holder, address(source.gateway), 100);
        _lock(100);
        _expectNotLocked(100, _text("Transfer not possible"));
    }

    /// A verified holder can be sent units by anybody: they count for its maximum balance until an agent takes them off
    /// it.
    function test_units_sent_to_the_gateway_can_fill_its_maximum_balance_until_an_agent_moves_them() public {
        _allRules();
        from.rule("MaxBalanceModule", abi.encodeCall(ITrexModules.setMaxBalance, (ISSUED)));
        address other = address(0xDAD);
        from.onboard(other);
        from.act(abi.encodeCall(ITrexToken.mint, (other, ISSUED)));
        vm.prank(other);
        source.token.transfer(address(source.gateway), ISSUED - 99);
        _expectNotLocked(100, _text("Transfer not possible"));
        _force(from, address(source.gateway), other, ISSUED - 99);
        _lock(100);
    }

    /* RELEASES THAT THE TOKEN REFUSES */

    /// R-31: a mint-back asks neither for the pause nor for a freeze: what was the holder's stays where it is frozen.
    function test_units_return_to_a_wallet_frozen_meanwhile_and_stay_there() public {
        IGatewayTypes.Transfer memory item = _lock(100);
        _freeze(from, holder, true);
        _pause(from);
        _finish(item, REJECTED);
        _eq(_pendingOf(item), Ending.OPEN, "paid");
        _eq(from.token().balanceOf(holder), ISSUED, "back");
        _unpause(from);
        _expectNotLocked(100, _text("wallet is frozen"));
    }

    function test_a_sender_who_is_not_eligible_any_more_is_paid_when_it_is_again() public {
        IGatewayTypes.Transfer memory item = _lock(100);
        address identity = from.identityOf(holder);
        _offboard(from, holder);
        _finish(item, REJECTED);
        _eq(_pendingOf(item), Ending.RELEASED, "pending");
        _expectPayoutFails(item, "Identity is not verified.");
        from.register(holder, identity);
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
        _expectBurnedIsReminted();
    }

    /// R-31: a rule that the holder did not meet any more, and meets again.
    function test_a_sender_over_the_maximum_balance_is_paid_when_there_is_room() public {
        _allRules();
        IGatewayTypes.Transfer memory item = _lock(100);
        from.rule("MaxBalanceModule", abi.encodeCall(ITrexModules.setMaxBalance, (ISSUED - 1)));
        _finish(item, REJECTED);
        _eq(_pendingOf(item), Ending.RELEASED, "pending");
        _expectPayoutFails(item, "Compliance not followed");
        from.rule("MaxBalanceModule", abi.encodeCall(ITrexModules.setMaxBalance, (ISSUED)));
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    /// R-31: the supply limit is used up by new units meanwhile.
    function test_a_release_over_the_supply_limit_waits_for_the_issuer() public {
        from.addModule("SupplyLimitModule");
        from.rule("SupplyLimitModule", abi.encodeCall(ITrexModules.setSupplyLimit, (ISSUED)));
        IGatewayTypes.Transfer memory item = _lock(100);
        from.act(abi.encodeCall(ITrexToken.mint, (holder, 1)));
        _finish(item, REJECTED);
        _expectPayoutFails(item, "Compliance not followed");
        from.rule("SupplyLimitModule", abi.encodeCall(ITrexModules.setSupplyLimit, (ISSUED + 1)));
        _payout(item);
        _eq(from.token().totalSupply(), ISSUED + 1, "all back");
    }

    function test_a_release_that_must_be_approved_waits_for_it() public {
        IGatewayTypes.Transfer memory item = _lock(100);
        from.addModule("ConditionalTransferModule");
        _finish(item, REJECTED);
        _expectPayoutFails(item, "Compliance not followed");
        _approve(address(0), holder, 100);
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    function test_a_gateway_that_is_no_agent_any_more_pays_when_it_is_again() public {
        IGatewayTypes.Transfer memory item = _lock(100);
        _setAgent(from, address(source.gateway), false);
        _expectNotLocked(100, _text("AgentRole: caller does not have the Agent role"));
        _finish(item, REJECTED);
        _expectPayoutFails(item, "AgentRole: caller does not have the Agent role");
        _setAgent(from, address(source.gateway), true);
        _payout(item);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    /// Nothing is left to do for a committed transfer: its units were burned when they were locked.
    function test_a_gateway_that_is_no_agent_any_more_commits() public {
        IGatewayTypes.Transfer memory item = _lock(100);
        _expectMinted(item);
        _setAgent(from, address(source.gateway), false);
        _finish(item, MINTED);
        _eq(_endingOf(item), Ending.COMMITTED, "committed");
        _eq(_pendingOf(item), Ending.OPEN, "nothing pending");
    }

    /* A LOST WALLET, RECOVERED IN THE MIDDLE OF A TRANSFER */

    /// R-31: what was on its way goes to the recovered wallet by two agents of the issuer, a delay between them.
    function test_a_release_to_a_lost_wallet_is_redirected_to_the_recovered_one() public {
        IGatewayTypes.Transfer memory item = _lock(100);
        _recover();
        _finish(item, REJECTED);
        _eq(_pendingOf(item), Ending.RELEASED, "the lost wallet is off the register");
        _expectPayoutFails(item, "Identity is not verified.");
        _redirect(item);
        _eq(from.token().balanceOf(FOUND), ISSUED, "all of it in the recovered wallet");
        _eq(from.token().balanceOf(holder), 0, "nothing in the lost one");
        _expectBurnedIsReminted();
    }

    /// T-REX recovers no wallet that is empty: the issuer registers the new one, and removes the lost one, by itself.
    function test_a_lost_wallet_with_all_its_units_on_their_way_is_redirected_too() public {
        IGatewayTypes.Transfer memory item = _lock(ISSUED);
        address identity = from.identityOf(holder);
        from.giveKey(identity, FOUND);
        vm.expectRevert(_text("no tokens to recover"));
        from.act(abi.encodeCall(ITrexToken.recoveryAddress, (holder, FOUND, identity)));
        from.register(FOUND, identity);
        _offboard(from, holder);
        _finish(item, REJECTED);
        _redirect(item);
        _eq(from.token().balanceOf(FOUND), ISSUED, "all of it in the recovered wallet");
    }

    /// R-31: a redirect is no way round the token's rules.
    function test_a_redirect_to_who_may_not_hold_pays_nobody() public {
        IGatewayTypes.Transfer memory item = _lock(100);
        _offboard(from, holder);
        _finish(item, REJECTED);
        vm.prank(firstAgent);
        source.gateway.proposeRedirect(item, FOUND);
        vm.warp(vm.getBlockTimestamp() + REDIRECT_DELAY);
        bytes memory said = _text("Identity is not verified.");
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.TokenCallFailed.selector, address(source.token), said));
        vm.prank(secondAgent);
        source.gateway.confirmRedirect(item, FOUND);
        _eq(_pendingOf(item), Ending.RELEASED, "still pending");
    }

    /// What arrived before the wallet was lost is committed as ever.
    function test_a_minted_transfer_of_a_lost_wallet_is_committed() public {
        IGatewayTypes.Transfer memory item = _lock(100);
        _expectMinted(item);
        _recover();
        _finish(item, MINTED);
        _eq(_endingOf(item), Ending.COMMITTED, "committed");
        _eq(from.token().balanceOf(FOUND), ISSUED - 100, "the rest was recovered");
    }

    /* HELPERS */

    function _expectBurnedIsReminted() private view {
        (, uint256 burned, uint256 reminted,) = source.gateway.totals(ASSET);
        _eq(burned, reminted, "INV-4");
    }
}
