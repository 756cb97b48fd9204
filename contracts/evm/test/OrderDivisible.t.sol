// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, TransferId} from "../src/interfaces/IGateway.sol";
import {OrderBase} from "./OrderBase.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// R-02: Orders drawn in parts by the submitter that they name: how an OTC venue pulls inventory.
contract OrderDivisibleTest is OrderBase {
    IGatewayTypes.Order internal order;

    function setUp() public override {
        super.setUp();
        order = _divisible(100);
    }

    /// R-02: parts of any size, never more than the total, and the nonce ends with the last unit.
    function test_parts_add_up_to_the_total_and_no_more(uint8[10] memory sizes) public {
        uint256 drawn = 0;
        for (uint256 i = 0; i < sizes.length && drawn < 100; ++i) {
            uint256 amount = _bound(sizes[i], 1, 100 - drawn);
            vm.expectEmit();
            emit IGatewayTypes.OrderDrawn(holder, 1, drawn + amount, 100);
            _submitLocked(_part(order, amount, drawn));
            drawn += amount;
            _expectDrawn(drawn);
        }
        if (drawn < 100) _submitLocked(_part(order, 100 - drawn, drawn));
        _eq(source.gateway.nonceWord(holder, 0), 2, "nonce used up");
        _expectRefused(_part(order, 1, 100), _nonceUsed(1));
        _eq(source.gateway.lane(lane).locked, 100, "the total");
        _eq(source.token.balanceOf(holder), UNITS - 100, "taken");
    }

    /// R-02: each part is a transfer of its own, with the amount drawn and its own deadline.
    function test_a_part_is_a_transfer_of_its_amount() public {
        _submit(_part(order, 30, 0));
        vm.warp(START + 500);
        TransferId id = _submit(_part(order, 12, 30));
        IGatewayTypes.Transfer memory terms = _terms(_request(12), 2);
        _eq(TransferId.unwrap(id), TransferId.unwrap(_id(terms)), "12 units, an hour from now");
    }

    /// R-02: parts may have a common deadline instead of a life.
    function test_a_divisible_order_may_have_a_deadline() public {
        (order.life, order.deadline) = (0, uint64(START + 1 hours));
        TransferId id = _submit(_part(order, 30, 0));
        _eq(TransferId.unwrap(id), TransferId.unwrap(_id(_terms(_request(30), 1))), "the Order's");
        _submitLocked(_part(order, 70, 30));
    }

    /// R-02: a draw sent twice happens once: it says what was drawn before.
    function test_a_draw_sent_twice_happens_once(uint256 drawn) public {
        _submitLocked(_part(order, 30, 0));
        _expectRefused(_part(order, 30, 0), _drawnOtherwise(0, 30));
        vm.assume(drawn != 30);
        _expectRefused(_part(order, 30, drawn), _drawnOtherwise(drawn, 30));
        _submitLocked(_part(order, 30, 30));
    }

    /// R-02: in one list too; the next part may stand in it.
    function test_a_list_may_draw_several_parts() public {
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](3);
        (orders[0], orders[1], orders[2]) = (_part(order, 30, 0), _part(order, 30, 0), _part(order, 70, 30));
        TransferId[] memory ids = _submit(venue, orders);
        _true(TransferId.unwrap(ids[0]) != 0 && TransferId.unwrap(ids[1]) == 0, "the first once");
        _true(TransferId.unwrap(ids[2]) != 0, "the rest");
        _eq(source.gateway.lane(lane).locked, 100, "the total");
    }

    /// R-02
    function test_more_than_the_rest_is_refused(uint256 amount) public {
        _submitLocked(_part(order, 30, 0));
        amount = _bound(amount, 71, type(uint256).max);
        _expectRefused(_part(order, amount, 30), _outOfRange(amount, 70));
        _expectRefused(_part(order, 0, 30), _outOfRange(0, 70));
        _expectDrawn(30);
        _submitLocked(_part(order, 70, 30));
    }

    /// R-02: the exact end in one draw.
    function test_a_divisible_order_may_be_drawn_whole() public {
        _submitLocked(_part(order, 100, 0));
        _eq(source.gateway.nonceWord(holder, 0), 2, "nonce used up");
        _expectRefused(_part(order, 100, 0), _nonceUsed(1));
    }

    /// R-02: what was drawn stands, the rest is ended.
    function test_the_holder_cancels_the_rest() public {
        _submitLocked(_part(order, 30, 0));
        vm.prank(holder);
        source.gateway.cancelNonces(0, 2);
        _expectRefused(_part(order, 1, 30), _nonceUsed(1));
        _expectDrawn(30);
        _eq(source.gateway.lane(lane).locked, 30, "what was drawn");
    }

    /// R-02: expiry ends the rest as well.
    function test_an_expired_order_is_drawn_no_more() public {
        _submitLocked(_part(order, 30, 0));
        vm.warp(order.expiry + 1);
        _expectRefused(_part(order, 1, 30), abi.encodeWithSelector(IGatewayTypes.OrderExpired.selector, order.expiry));
    }

    /// R-02
    function test_only_the_named_submitter_draws(address other) public {
        vm.assume(other != venue && uint160(other) > 0xffff);
        bytes memory reason = abi.encodeWithSelector(IGatewayTypes.NotSubmitter.selector, other, venue);
        _expectRefused(other, _part(order, 30, 0), reason);
    }

    /// R-02: a draw that the token or the lane refuses leaves what was drawn.
    function test_a_failed_draw_draws_nothing() public {
        _submitLocked(_part(order, 30, 0));
        source.token.behave(Behaviour.REVERTS);
        _true(TransferId.unwrap(_submit(_part(order, 70, 30))) == 0, "left out");
        _expectDrawn(30);
        source.token.behave(Behaviour.HONEST);
        _submitLocked(_part(order, 70, 30));
    }

    /// R-02: what each part is, is bound by the lane; the total only by the protocol's end of amounts.
    function test_a_total_beyond_amounts_is_refused(uint256 total) public {
        _expectTotalRefused(_bound(total, 2 ** 127, type(uint256).max));
        _expectTotalRefused(2 ** 127);
        order = _divisible(2 ** 127 - 1);
        _submitLocked(_part(order, 1, 0));
    }

    /* ONE NONCE, ONE ORDER */

    /// R-02
    function test_a_nonce_used_by_a_lock_is_not_drawn() public {
        IGatewayTypes.LockRequest memory request = _request(1);
        request.nonce = 1;
        _lock(request);
        _expectRefused(_part(order, 30, 0), _nonceUsed(1));
    }

    /// R-02
    function test_a_nonce_used_by_an_order_is_not_drawn() public {
        _submitLocked(_signed(_order(5)));
        _expectRefused(_part(order, 30, 0), _nonceUsed(1));
    }

    /// R-02: two divisible Orders.
    function test_a_nonce_drawn_by_one_order_is_not_drawn_by_another(uint256 total) public {
        _submitLocked(_part(order, 30, 0));
        IGatewayTypes.Order memory other = _divisible(_bound(total, 101, 2 ** 127 - 1));
        _expectRefused(_part(other, 1, 30), _nonceUsed(1));
        _expectRefused(_part(other, 1, 0), _nonceUsed(1));
        _submitLocked(_part(order, 70, 30));
    }

    /// R-02: a whole Order with the nonce of one that was drawn in part.
    /// BUG IN SRC: Locking._useNonce looks at the bitmap only, and a draw that isn't the last leaves no bit there.
    function test_a_nonce_drawn_in_part_locks_no_other_order() public {
        _submitLocked(_part(order, 30, 0));
        _expectRefused(_signed(_order(5)), _nonceUsed(1));
    }

    /// R-02: a lock with the nonce of an Order that was drawn in part.
    /// BUG IN SRC: as above.
    function test_a_nonce_drawn_in_part_serves_no_lock() public {
        _submitLocked(_part(order, 30, 0));
        IGatewayTypes.LockRequest memory request = _request(1);
        request.nonce = 1;
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, _nonceUsed(1));
        _lockAll(_one(request));
    }

    /* HELPERS */

    function _expectTotalRefused(uint256 total) private {
        bytes memory reason = abi.encodeWithSelector(IGatewayTypes.AmountOutOfRange.selector, total, 1, 2 ** 127 - 1);
        _expectRefused(_part(_divisible(total), 1, 0), reason);
    }

    function _expectDrawn(uint256 expected) private view {
        (uint128 drawn, bytes16 hash,) = source.gateway.orderDrawn(holder, 1);
        _eq(drawn, expected, "drawn");
        _eq(bytes32(hash), bytes32(bytes16(_orderDigest(order))), "of this Order");
    }

    function _drawnOtherwise(uint256 said, uint256 drawn) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IGatewayTypes.OrderDrawnOtherwise.selector, said, drawn);
    }

    function _outOfRange(uint256 amount, uint256 max) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IGatewayTypes.AmountOutOfRange.selector, amount, 1, max);
    }
}
