// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, Outcome} from "../src/interfaces/IGateway.sol";
import {LimitsBase} from "./LimitsBase.sol";
import {Vm} from "./Vm.sol";

/// R-25: an amount of `largeAmount` or more is minted only some time after it was first shown, attested, to the gateway.
contract LargeAmountsTest is LimitsBase {
    uint256 internal constant LARGE = 10_000;
    uint256 internal constant DELAY = 6 hours;
    uint64 internal constant RELEASE = uint64(START + DELAY);

    function setUp() public override {
        super.setUp();
        _configure(1e24, 1 days, LARGE, DELAY);
    }

    /// R-25
    function test_the_first_showing_starts_the_delay(uint256 amount) public {
        IGatewayTypes.Transfer memory item = _next(_bound(amount, LARGE, 1e24));
        _eq(destination.gateway.releaseTime(_id(item)), 0, "not shown");
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        vm.expectEmit();
        emit IGatewayTypes.Delayed(_id(item), RELEASE);
        vm.expectEmit();
        emit IGatewayTypes.SettleFailed(_id(item), LIMIT, _delayNotOver(RELEASE));
        destination.gateway.settle(_inbound(item), attestation);
        _eq(destination.gateway.releaseTime(_id(item)), RELEASE, "release");
        _eq(_outcomeOf(item), Outcome.NONE, "no record");
        _expectHeadroom(1e24);
    }

    /// R-25: to the second.
    function test_it_is_minted_after_the_delay_and_not_before(uint32 later) public {
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _settle(item);
        vm.warp(RELEASE - 1);
        _expectFailed(item, _delayNotOver(RELEASE));
        vm.warp(uint256(RELEASE) + later);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "minted");
        _eq(destination.token.balanceOf(payee), LARGE, "units");
    }

    /// R-25: showing it again neither restarts the delay nor tells of it again.
    function test_showing_again_does_not_restart_the_delay(uint32[8] memory times) public {
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _settle(item);
        vm.recordLogs();
        for (uint256 i = 0; i < 8; ++i) {
            vm.warp(START + times[i] % DELAY);
            _expectFailed(item, _delayNotOver(RELEASE));
            _eq(destination.gateway.releaseTime(_id(item)), RELEASE, "the same");
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _eq(_count(logs, address(destination.gateway), IGatewayTypes.Delayed.selector), 0, "told once");
        vm.warp(RELEASE);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "minted");
    }

    /// R-25: from `largeAmount` on.
    function test_smaller_amounts_do_not_wait(uint256 amount) public {
        _mint(_bound(amount, 1, LARGE - 1));
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _expectFailed(item, _delayNotOver(RELEASE));
    }

    /// R-25: the rest of a list does not wait for it.
    function test_a_waiting_item_does_not_stop_the_list() public {
        IGatewayTypes.Transfer[] memory items = _two(_next(LARGE), _next(5));
        _settle(items);
        _eq(_outcomeOf(items[0]), Outcome.NONE, "waits");
        _eq(_outcomeOf(items[1]), Outcome.MINTED, "minted");
    }

    /// R-25: each transfer has its own delay: other terms are another transfer.
    function test_each_transfer_waits_for_itself(uint32 later) public {
        later = uint32(_bound(later, 1, DELAY - 1));
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _settle(item);
        vm.warp(START + later);
        item.amount += 1;
        _expectFailed(item, _delayNotOver(RELEASE + later));
        vm.warp(RELEASE);
        _expectFailed(item, _delayNotOver(RELEASE + later));
    }

    /// R-25: nobody starts the delay but by an attestation; a delay begun by a stranger would be over when a thief comes.
    function test_only_an_attested_item_starts_the_delay() public {
        IGatewayTypes.Transfer memory item = _next(LARGE);
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(_next(LARGE)));
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(item), attestation);
        _eq(destination.gateway.releaseTime(_id(item)), 0, "not shown");
        IGatewayTypes.Transfer memory bare = _bare(item);
        bare.amount = LARGE;
        _settle(bare);
        _eq(destination.gateway.releaseTime(_id(item)), 0, "a bare item is not shown");
    }

    /// R-20, R-25: the deadline counts: what was not minted by then never is, however long it waited.
    function test_the_deadline_ends_the_wait(uint32 late) public {
        IGatewayTypes.Transfer memory item = _next(LARGE);
        item.deadline = RELEASE;
        _settle(item);
        vm.warp(uint256(RELEASE) + late);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "not minted");
        _refuse(item, EXPIRED_REASON);
        _eq(_outcomeOf(item), Outcome.EXPIRED, "expired");
    }

    /// R-20, R-25: at or after the deadline nothing is begun.
    function test_an_expired_item_starts_no_delay() public {
        IGatewayTypes.Transfer memory item = _next(LARGE);
        vm.warp(item.deadline);
        _settle(item);
        _eq(destination.gateway.releaseTime(_id(item)), 0, "not shown");
    }

    /// R-25: people looked, and it is refused while it waits.
    function test_it_can_be_refused_while_it_waits() public {
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _settle(item);
        _refuse(item, 6);
        vm.warp(RELEASE);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.REJECTED, "refused");
        _eq(destination.token.totalSupply(), 0, "never minted");
    }

    /// R-25, R-32: a pause does not stop the clock, and begins none.
    function test_a_paused_lane_shows_nothing() public {
        vm.prank(guardian);
        destination.gateway.pauseLane(lane);
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _settle(item);
        _eq(destination.gateway.releaseTime(_id(item)), 0, "not shown");
        vm.prank(unpauser);
        destination.gateway.unpauseLane(lane);
        _settle(item);
        vm.prank(guardian);
        destination.gateway.pauseLane(lane);
        vm.warp(RELEASE);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "paused");
        vm.prank(unpauser);
        destination.gateway.unpauseLane(lane);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "minted");
    }

    /// R-25: the bucket counts after the delay.
    function test_a_released_amount_needs_headroom_too() public {
        _configure(LARGE, LARGE, LARGE, DELAY);
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _settle(item);
        vm.warp(RELEASE);
        _mint(1);
        _expectLimited(item, LARGE - 1);
        vm.warp(destination.gateway.refillTime(lane, LARGE));
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "minted");
    }

    /// R-25: what waits keeps the time it was told; what is no longer large doesn't wait, what is now, does.
    function test_changed_limits_do_not_move_a_delay_that_runs(uint32 delay) public {
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _settle(item);
        _configure(1e24, 1 days, LARGE, delay);
        _eq(destination.gateway.releaseTime(_id(item)), RELEASE, "as told");
        _expectFailed(item, _delayNotOver(RELEASE));
        _configure(1e24, 1 days, LARGE + 1, delay);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "not large any more");
    }

    /// R-25: eligibility says nothing of the delay.
    function test_eligibility_does_not_look_at_the_delay() public {
        IGatewayTypes.Transfer memory item = _next(LARGE);
        _eq(destination.gateway.eligibility(item), 0, "eligible");
        _settle(item);
        _eq(destination.gateway.eligibility(item), 0, "still");
        item.amount = 1e24 + 1;
        _eq(destination.gateway.eligibility(item), LIMIT, "but at the bucket");
    }

    /// R-25: without a delay it is minted at its first showing.
    function test_no_delay_is_over_at_once() public {
        _configure(1e24, 1 days, LARGE, 0);
        _mint(LARGE);
    }

    function _delayNotOver(uint64 release) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IGatewayTypes.DelayNotOver.selector, release);
    }
}
