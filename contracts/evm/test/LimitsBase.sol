// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, Outcome} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// Helpers for tests of what a destination's limits let through. Items are attested without a lock: the destination
/// doesn't know the source, and a thief of the committee's key wouldn't lock either.
abstract contract LimitsBase is Base {
    uint8 internal constant LIMIT = 7;
    uint64 internal next;

    function setUp() public virtual override {
        super.setUp();
        _on(destination);
    }

    /// No amount is large.
    function _configure(uint256 capacity, uint256 refill) internal {
        _configure(capacity, refill, type(uint128).max, 0);
    }

    function _configure(uint256 capacity, uint256 refill, uint256 largeAmount, uint256 largeDelay) internal {
        _on(destination);
        vm.prank(governance);
        destination.gateway
            .configureInbound(
                source.endpoint,
                ASSET,
                IGatewayTypes.InboundLimits(uint128(capacity), uint128(largeAmount), uint32(refill), uint32(largeDelay))
            );
    }

    /// Capacities from one unit to the end of amounts, refills from a second to 136 years.
    function _configureAny(uint256 capacity, uint256 refill) internal returns (uint256) {
        capacity = _bound(capacity, 1, 2 ** 127 - 1);
        _configure(capacity, refill == 0 ? 1 : refill);
        return capacity;
    }

    /// An item of the lane that nobody has shown yet, with time enough.
    function _next(uint256 amount) internal returns (IGatewayTypes.Transfer memory item) {
        item = _terms(_request(amount), ++next);
        item.deadline = uint64(START) + 2 ** 40;
    }

    function _mint(uint256 amount) internal {
        IGatewayTypes.Transfer memory item = _next(amount);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "minted");
    }

    function _expectHeadroom(uint256 expected) internal view {
        _eq(destination.gateway.headroom(lane), expected, "headroom");
    }

    function _expectLimited(IGatewayTypes.Transfer memory item, uint256 headroom) internal {
        _expectFailed(item, _limitExceeded(item.amount, headroom));
    }

    /// Shown, and not minted for this reason.
    function _expectFailed(IGatewayTypes.Transfer memory item, bytes memory reason) internal {
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        uint256 supply = destination.token.totalSupply();
        _on(destination);
        vm.expectEmit();
        emit IGatewayTypes.SettleFailed(_id(item), LIMIT, reason);
        destination.gateway.settle(_inbound(item), attestation);
        _eq(_outcomeOf(item), Outcome.NONE, "no record");
        _eq(destination.token.totalSupply(), supply, "nothing minted");
    }

    function _limitExceeded(uint256 amount, uint256 headroom) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IGatewayTypes.LimitExceeded.selector, amount, headroom);
    }
}
