// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, IGatewayTypes, LockMode, Outcome, TokenForm} from "../src/interfaces/IGateway.sol";
import {OrderBase} from "./OrderBase.sol";
import {TestToken} from "./mocks/TestToken.sol";

/// R-28: no lock that could still be open in the issuer's window, `margin` seconds after its deadline included.
contract CutOffTest is OrderBase {
    AssetId internal constant OTHER = AssetId.wrap(keccak256("isin:KR7000660001"));
    uint64 internal constant FROM = uint64(START + 2 days);
    uint64 internal constant UNTIL = uint64(START + 3 days);
    uint32 internal constant MARGIN = 30 minutes;

    address internal agent = address(0xA6E27);

    function setUp() public override {
        super.setUp();
        vm.prank(governance);
        source.gateway.setAgent(ASSET, agent, true);
    }

    /* THE WINDOW */

    /// R-28: exactly where [now, deadline + margin] and [from, until] meet.
    function test_a_lock_is_refused_where_it_could_be_open_in_the_window(
        uint64 from,
        uint64 until,
        uint32 margin,
        uint32 now_,
        uint32 span
    ) public {
        from = uint64(_bound(from, 0, START + 30 days));
        until = uint64(_bound(until, from, START + 40 days));
        margin = uint32(_bound(margin, 0, 10 days));
        vm.warp(START + _bound(now_, 0, 50 days));
        _set(from, until, margin);
        IGatewayTypes.LockRequest memory request = _request(1);
        request.deadline = uint64(vm.getBlockTimestamp() + _bound(span, 60, 7 days));
        (uint256 first, uint256 last) = (vm.getBlockTimestamp(), uint256(request.deadline) + margin);
        bool meet = (first > from ? first : from) <= (last < until ? last : until);
        if (meet && until != 0) _expectRefused(request, from, until);
        else _lock(request);
    }

    /// R-28: the window's first second, less the margin.
    function test_a_lock_must_be_over_before_the_window_opens() public {
        _set(FROM, UNTIL, MARGIN);
        IGatewayTypes.LockRequest memory request = _request(1);
        request.deadline = FROM - MARGIN;
        _expectRefused(request, FROM, UNTIL);
        request.deadline = FROM - MARGIN - 1;
        _lock(request);
    }

    /// R-28: the window's last second belongs to it.
    function test_locks_are_taken_again_after_the_window() public {
        _set(FROM, UNTIL, MARGIN);
        vm.warp(UNTIL);
        _expectRefused(_request(1), FROM, UNTIL);
        vm.warp(uint256(UNTIL) + 1);
        _lock(1);
    }

    /// R-28: inside, however short the lock's life is.
    function test_nothing_is_locked_in_the_window(uint32 when, uint32 life) public {
        _set(FROM, UNTIL, MARGIN);
        vm.warp(_bound(when, FROM, UNTIL));
        IGatewayTypes.LockRequest memory request = _request(1);
        request.deadline = uint64(vm.getBlockTimestamp() + _bound(life, 60, 7 days));
        _expectRefused(request, FROM, UNTIL);
    }

    /// R-28: a window that spans a lock's whole life, and one without length.
    function test_a_window_of_one_second_counts() public {
        _set(uint64(START + 70), uint64(START + 70), 0);
        IGatewayTypes.LockRequest memory request = _request(1);
        request.deadline = uint64(START + 69);
        _lock(request);
        request.deadline = uint64(START + 70);
        _expectRefused(request, uint64(START + 70), uint64(START + 70));
    }

    /// R-28: Orders are locks; their deadline is known at the lock only, where they have a life.
    function test_orders_are_bound_by_the_window() public {
        _set(FROM, UNTIL, MARGIN);
        IGatewayTypes.Order memory order = _order(5);
        (order.deadline, order.life, order.submitter) = (0, 1 hours, venue);
        order.expiry = UNTIL + 1;
        bytes memory reason = abi.encodeWithSelector(IGatewayTypes.CutOffError.selector, FROM, UNTIL);
        vm.warp(FROM - MARGIN - 1 hours);
        _expectRefused(venue, _signed(order), reason);
        vm.warp(UNTIL);
        _expectRefused(venue, _signed(order), reason);
        vm.warp(FROM - MARGIN - 1 hours - 1);
        _submitLocked(_signed(order));
    }

    /// R-28, R-07: what is in flight goes on; only locks are refused.
    function test_the_window_touches_nothing_but_locks() public {
        IGatewayTypes.Transfer memory minted = _lock(5);
        IGatewayTypes.Transfer memory refused = _lock(6);
        _set(uint64(START), UNTIL, MARGIN);
        _on(destination);
        vm.prank(governance);
        destination.gateway.setAgent(ASSET, agent, true);
        vm.prank(agent);
        destination.gateway.setCutOff(ASSET, uint64(START), UNTIL, MARGIN);
        _settle(minted);
        _refuse(refused, 6);
        _eq(_outcomeOf(minted), Outcome.MINTED, "minted in the window");
        _finish(_two(minted, refused), bytes.concat(MINTED, REJECTED));
        _eq(source.token.balanceOf(holder), UNITS - 5, "one paid back");
        _eq(source.token.totalSupply(), UNITS - 5, "one burned");
    }

    /* WHO, AND HOW */

    /// R-28, R-61
    function test_only_an_agent_of_the_asset_sets_the_window(address caller) public {
        vm.assume(caller != agent && uint160(caller) > 0xffff);
        TestToken other = new TestToken();
        vm.prank(governance);
        source.gateway.addProfile(OTHER, address(other), tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE);
        vm.prank(governance);
        source.gateway.setAgent(OTHER, caller, true);
        _expectNotAgent(caller);
        _expectNotAgent(governance);
        _expectNotAgent(guardian);
        vm.prank(governance);
        source.gateway.setAgent(ASSET, agent, false);
        _expectNotAgent(agent);
        _eq(source.gateway.asset(ASSET).cutOff.until, 0, "none");
    }

    /// R-28
    function test_the_window_is_told(uint64 from, uint64 until, uint32 margin) public {
        if (from > until) (from, until) = (until, from);
        vm.expectEmit();
        emit IGatewayTypes.CutOffSet(ASSET, from, until, margin, agent);
        _set(from, until, margin);
        IGatewayTypes.CutOff memory cutOff = source.gateway.asset(ASSET).cutOff;
        _eq(cutOff.from, from, "from");
        _eq(cutOff.until, until, "until");
        _eq(cutOff.margin, margin, "margin");
    }

    function test_a_window_does_not_end_before_it_begins(uint64 from, uint64 until) public {
        vm.assume(from > until);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.CutOffError.selector, from, until));
        _set(from, until, MARGIN);
    }

    /// R-28
    function test_zeros_clear_the_window() public {
        _set(uint64(START), UNTIL, MARGIN);
        _expectRefused(_request(1), uint64(START), UNTIL);
        _set(0, 0, 0);
        _lock(1);
        _eq(source.gateway.asset(ASSET).cutOff.until, 0, "none");
    }

    /// R-28: the window is the asset's, whatever its profile.
    function test_a_later_profile_keeps_the_window() public {
        _set(uint64(START), UNTIL, MARGIN);
        TestToken next = new TestToken();
        vm.prank(governance);
        source.gateway.addProfile(ASSET, address(next), tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE);
        _expectRefused(_request(1), uint64(START), UNTIL);
    }

    /* HELPERS */

    function _set(uint64 from, uint64 until, uint32 margin) private {
        vm.prank(agent);
        source.gateway.setCutOff(ASSET, from, until, margin);
    }

    function _expectRefused(IGatewayTypes.LockRequest memory request, uint64 from, uint64 until) private {
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(
            0, holder, abi.encodeWithSelector(IGatewayTypes.CutOffError.selector, from, until)
        );
        _lockAll(_one(request));
    }

    function _expectNotAgent(address caller) private {
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.NotAgent.selector, ASSET, caller));
        vm.prank(caller);
        source.gateway.setCutOff(ASSET, FROM, UNTIL, MARGIN);
    }
}
