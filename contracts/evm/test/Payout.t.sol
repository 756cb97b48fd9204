// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayCore, IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// R-31, R-32, INV-6, INV-9: `payout`.
contract PayoutTest is Base {
    IGatewayTypes.Transfer internal item;

    function setUp() public override {
        super.setUp();
        item = _lock(1_000);
    }

    /// R-31, INV-6: anybody may try again, and only the sender is paid.
    function test_a_pending_payment_goes_to_the_sender_whoever_asks(address caller) public {
        _makePending(REJECTED);
        vm.expectEmit();
        emit IGatewayTypes.PaidOut(_id(item), Ending.RELEASED);
        vm.prank(caller);
        source.gateway.payout(item);
        _eq(source.token.balanceOf(holder), UNITS, "paid back");
        _expectNothingHeld();
    }

    /// R-31: of a committed transfer the escrow is burned and nobody is paid.
    function test_a_pending_burn_pays_nobody() public {
        _makePending(MINTED);
        _payout(item);
        _eq(source.token.balanceOf(holder), UNITS - 1_000, "not paid");
        _eq(source.token.totalSupply(), UNITS - 1_000, "burned");
        (, uint256 burned,,) = source.gateway.totals(ASSET);
        _eq(burned, 1_000, "INV-4: now burned");
        _expectNothingHeld();
    }

    /// R-31
    function test_a_payout_happens_once(bool commit) public {
        _makePending(commit ? MINTED : EXPIRED);
        _payout(item);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.NothingPending.selector, _id(item)));
        source.gateway.payout(item);
    }

    /// R-31: a failure writes nothing; the word is restored.
    function test_a_failed_payout_writes_nothing(uint8 behaviour, bool commit) public {
        behaviour = uint8(_bound(behaviour, 1, 9));
        vm.assume(behaviour != uint8(Behaviour.RETURNS_1_MB) && behaviour != uint8(Behaviour.BURNS_GAS));
        vm.assume(commit || behaviour != uint8(Behaviour.MISSTATES_SUPPLY));
        _makePending(commit ? MINTED : REJECTED);
        source.token.behave(Behaviour(behaviour));
        vm.expectRevert();
        source.gateway.payout(item);
        _eq(_pendingOf(item), commit ? Ending.COMMITTED : Ending.RELEASED, "still pending");
        (,,, uint256 held) = source.gateway.totals(ASSET);
        _eq(held, 1_000, "still held");
        source.token.behave(Behaviour.HONEST);
        _payout(item);
        _expectNothingHeld();
    }

    /// R-31: payout gives all its caller's gas, where finish gives the allowance only.
    function test_a_heavy_token_is_paid_out_with_more_gas(bool commit) public {
        source.token.behave(Behaviour.IS_HEAVY);
        _finish(item, commit ? MINTED : REJECTED);
        _true(_pendingOf(item) != Ending.OPEN, "more than the allowance");
        vm.expectRevert();
        source.gateway.payout{gas: 300_000}(item);
        _payout(item);
        _expectNothingHeld();
    }

    /// R-31: it recomputes the id, so nothing but the locked terms is paid.
    function test_other_terms_are_not_paid(uint256 amount, bytes32 sender) public {
        _makePending(REJECTED);
        IGatewayTypes.Transfer memory other = item;
        other.amount = amount;
        other.sender = sender;
        vm.assume(amount != item.amount || sender != item.sender);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.NothingPending.selector, _id(other)));
        source.gateway.payout(other);
    }

    /// R-31: an open or a paid transfer has nothing pending.
    function test_an_open_or_paid_transfer_has_no_payout() public {
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.NothingPending.selector, _id(item)));
        source.gateway.payout(item);
        _finish(item, REJECTED);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.NothingPending.selector, _id(item)));
        source.gateway.payout(item);
    }

    /// R-07, R-32
    function test_no_pause_and_nothing_disabled_stops_a_payout(bool commit) public {
        _makePending(commit ? MINTED : REJECTED);
        vm.prank(guardian);
        source.gateway.pause();
        vm.prank(guardian);
        source.gateway.pauseLane(lane);
        vm.prank(governance);
        source.gateway.setAssetEnabled(ASSET, false);
        vm.prank(governance);
        source.gateway.setPeerEnabled(destination.endpoint, false);
        _payout(item);
        _expectNothingHeld();
    }

    /// R-20
    function test_a_token_cannot_reenter() public {
        _makePending(REJECTED);
        source.token.setCallback(address(source.gateway), abi.encodeCall(IGatewayCore.payout, (item)));
        source.token.behave(Behaviour.REENTERS);
        _payout(item);
        _true(!source.token.callbackSucceeded(), "refused");
        _eq(source.token.balanceOf(holder), UNITS, "paid once");
    }

    function _makePending(bytes memory outcome) private {
        source.token.setPaused(true);
        _finish(item, outcome);
        source.token.setPaused(false);
    }

    function _expectNothingHeld() private view {
        _eq(_pendingOf(item), Ending.OPEN, "nothing pending");
        (,,, uint256 held) = source.gateway.totals(ASSET);
        _eq(held, 0, "nothing held");
        _eq(source.token.balanceOf(address(source.gateway)), 0, "escrow empty");
    }
}
