// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, Outcome} from "../src/interfaces/IGateway.sol";
import {LimitsBase} from "./LimitsBase.sol";

/// R-25: the token bucket of a lane that arrives; large amounts: LargeAmounts.
contract LimitsTest is LimitsBase {
    /* FILLING AND EMPTYING */

    /// R-25: full at first; what is taken flows back evenly.
    function test_a_bucket_refills_linearly() public {
        _configure(1_000, 1_000);
        _expectHeadroom(1_000);
        _mint(1_000);
        _expectHeadroom(0);
        for (uint256 i = 1; i <= 10; ++i) {
            vm.warp(START + 100 * i);
            _expectHeadroom(100 * i);
        }
        vm.warp(START + 5_000);
        _expectHeadroom(1_000);
        _mint(400);
        _expectHeadroom(600);
    }

    /// R-25: the view is exact: that much passes, and not one unit more.
    function test_the_headroom_is_what_settle_lets_through(uint256 capacity, uint32 refill, uint256 first, uint32 pause)
        public
    {
        capacity = _configureAny(capacity, refill);
        _mint(_bound(first, 1, capacity));
        vm.warp(START + pause);
        uint256 headroom = destination.gateway.headroom(lane);
        _expectLimited(_next(headroom + 1), headroom);
        if (headroom != 0) _mint(headroom);
        _expectLimited(_next(1), 0);
    }

    /// R-25: the view is exact: at that second it passes, one before it does not.
    function test_the_refill_time_is_when_settle_lets_it_through(
        uint256 capacity,
        uint32 refill,
        uint256 first,
        uint256 amount,
        uint32 pause
    ) public {
        capacity = _configureAny(capacity, refill);
        amount = _bound(amount, 1, capacity);
        _mint(_bound(first, 1, capacity));
        vm.warp(START + pause);
        uint256 when = destination.gateway.refillTime(lane, amount);
        _le(vm.getBlockTimestamp(), when, "not in the past");
        IGatewayTypes.Transfer memory item = _next(amount);
        if (when > vm.getBlockTimestamp()) {
            vm.warp(when - 1);
            _eq(destination.gateway.refillTime(lane, amount), when, "does not move");
            _expectLimited(item, destination.gateway.headroom(lane));
            vm.warp(when);
        }
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "at that time");
    }

    /// R-25: more than the bucket holds never passes.
    function test_more_than_the_capacity_never_passes(uint256 amount, uint32 later) public {
        _configure(1_000, 1_000);
        amount = _bound(amount, 1_001, 2 ** 127 - 1);
        _eq(destination.gateway.refillTime(lane, amount), 0, "never");
        vm.warp(START + later);
        _expectLimited(_next(amount), 1_000);
    }

    /// R-25: an unknown lane lets nothing through.
    function test_an_unknown_lane_has_no_headroom() public view {
        _eq(source.gateway.headroom(lane), 0, "outbound");
        _eq(source.gateway.refillTime(lane, 1), 0, "never");
    }

    /// R-25: in many parts never more than in one.
    function test_many_small_amounts_take_no_less_than_one_large(
        uint256 capacity,
        uint32 refill,
        uint256[6] memory parts
    ) public {
        capacity = _configureAny(_bound(capacity, 6, 2 ** 100), refill);
        uint256 sum = 0;
        for (uint256 i = 0; i < 6; ++i) {
            parts[i] = _bound(parts[i], 1, capacity / 6);
            sum += parts[i];
            _settle(_next(parts[i]));
        }
        _le(destination.gateway.headroom(lane), capacity - sum, "no less than the sum");
        _le(destination.token.balanceOf(payee), sum, "no more than the sum");
    }

    /// R-25: a stolen committee key mints at most capacity · (1 + T / refill) in any period of length T.
    function test_a_stolen_key_is_bounded_in_every_period(
        uint256 capacity,
        uint32 refill,
        uint32[12] memory pauses,
        uint256[12] memory amounts
    ) public {
        capacity = _configureAny(capacity, refill);
        refill = destination.gateway.lane(lane).inboundLimits.refill;
        uint256[12] memory times;
        uint256[12] memory minted;
        for (uint256 i = 0; i < 12; ++i) {
            vm.warp(vm.getBlockTimestamp() + pauses[i] % (uint256(refill) / 4 + 2));
            times[i] = vm.getBlockTimestamp();
            uint256 headroom = destination.gateway.headroom(lane);
            // greedy each second time, else whatever it likes
            uint256 amount = i % 2 == 0 && headroom != 0 ? headroom : _bound(amounts[i], 1, capacity);
            uint256 before = destination.token.totalSupply();
            _settle(_next(amount));
            minted[i] = destination.token.totalSupply() - before;
        }
        for (uint256 i = 0; i < 12; ++i) {
            uint256 sum = 0;
            for (uint256 j = i; j < 12; ++j) {
                sum += minted[j];
                _le(sum * refill, capacity * (refill + times[j] - times[i]), "capacity * (1 + T / refill)");
            }
        }
    }

    /* WHAT A LIMIT STOPS */

    /// R-20, R-25: a limited item stays NONE, with reason 7; the rest of the list goes on.
    function test_a_limited_item_does_not_stop_the_list(uint8 place) public {
        _configure(1_000, 1_000);
        place = uint8(_bound(place, 0, 2));
        IGatewayTypes.Transfer[] memory items = new IGatewayTypes.Transfer[](3);
        for (uint256 i = 0; i < 3; ++i) {
            items[i] = _next(i == place ? 900 : 300);
        }
        uint256 headroom = 1_000 - 300 * uint256(place);
        if (place == 0) items[0].amount = 1_001;
        _on(destination);
        IGatewayTypes.Attestation memory attestation = _signLocked(items);
        vm.expectEmit();
        emit IGatewayTypes.SettleFailed(_id(items[place]), LIMIT, _limitExceeded(items[place].amount, headroom));
        destination.gateway.settle(_inbound(items), attestation);
        for (uint256 i = 0; i < 3; ++i) {
            _eq(_outcomeOf(items[i]), i == place ? Outcome.NONE : Outcome.MINTED, "each");
        }
        if (place == 0) return;
        vm.warp(START + 1_000);
        _settle(items);
        _eq(_outcomeOf(items[place]), Outcome.MINTED, "later");
    }

    /// R-25: an item that fails takes nothing from the bucket.
    function test_a_failed_mint_takes_nothing_from_the_bucket() public {
        _configure(1_000, 1_000);
        destination.token.bar(payee, true);
        _settle(_next(700));
        _expectHeadroom(1_000);
        destination.token.bar(payee, false);
        _mint(1_000);
    }

    /// R-25: eligibility answers for the amount.
    function test_eligibility_answers_for_the_bucket(uint256 amount) public {
        _configure(1_000, 1_000);
        _mint(600);
        IGatewayTypes.Transfer memory item = _next(_bound(amount, 1, 2_000));
        _eq(destination.gateway.eligibility(item), item.amount > 400 ? LIMIT : 0, "7 if it holds less");
        vm.warp(START + 600);
        _eq(destination.gateway.eligibility(item), item.amount > 1_000 ? LIMIT : 0, "by time");
    }

    /// R-25: an empty bucket stops no refusal.
    function test_no_limit_applies_to_refuse(uint8 reason) public {
        reason = uint8(_bound(reason, 1, 14));
        _configure(1_000, 1_000);
        _mint(1_000);
        IGatewayTypes.Transfer memory item = _next(2 ** 120);
        _refuse(item, reason);
        _eq(_outcomeOf(item), reason == EXPIRED_REASON ? Outcome.EXPIRED : Outcome.REJECTED, "refused");
    }

    /// R-25: nor do the source's to what ends a lock, by then too small or too large.
    function test_no_limit_applies_to_finish_and_payout(bool pending) public {
        IGatewayTypes.Transfer memory a = _lock(500);
        IGatewayTypes.Transfer memory b = _lock(500);
        vm.prank(governance);
        source.gateway.configureOutbound(destination.endpoint, ASSET, IGatewayTypes.OutboundLimits(1, 2, 60, 61));
        source.token.setPaused(pending);
        _finish(_two(a, b), bytes.concat(MINTED, REJECTED));
        _eq(_endingOf(a), Ending.COMMITTED, "committed");
        _eq(_endingOf(b), Ending.RELEASED, "released");
        if (pending) {
            source.token.setPaused(false);
            _payout(a);
            _payout(b);
        }
        _eq(source.token.balanceOf(holder), UNITS - 500, "paid back");
        _eq(source.token.totalSupply(), UNITS - 500, "burned");
    }

    /// R-25: nor an inbound bucket, of the other direction on the same gateway: mint-backs are no mints of a lane.
    function test_a_payment_back_takes_nothing_from_a_bucket() public {
        _configure(1_000, 1_000);
        IGatewayTypes.Transfer memory item = _lock(5_000);
        _finish(item, REJECTED);
        _eq(source.token.balanceOf(holder), UNITS, "paid back");
        _on(destination);
        _expectHeadroom(1_000);
    }

    /* CHANGED LIMITS */

    /// R-25: a changed bucket is as many seconds from full as before, and no further than empty.
    function test_a_changed_bucket_keeps_its_level_in_time(
        uint256 taken,
        uint128 capacity,
        uint32 refill,
        uint32 pause,
        uint32 later
    ) public {
        _configure(1_000_000, 1_000_000);
        taken = _bound(taken, 1, 1_000_000);
        _mint(taken);
        pause = uint32(_bound(pause, 0, 1_000_000));
        vm.warp(START + pause);
        capacity = uint128(_bound(capacity, 1, 2 ** 100));
        refill = uint32(_bound(refill, 1, 10_000_000));
        _configure(capacity, refill);
        uint256 fromFull = taken > pause ? taken - pause : 0;
        if (fromFull > refill) fromFull = refill;
        _expectHeadroom((refill - fromFull) * uint256(capacity) / refill);
        later = uint32(_bound(later, 0, fromFull));
        vm.warp(START + pause + later);
        _expectHeadroom((refill - fromFull + later) * uint256(capacity) / refill);
    }

    /// R-25: changing limits again and again fills no bucket.
    function test_the_same_limits_again_change_nothing(uint256 taken) public {
        _configure(1_000, 1_000);
        _mint(_bound(taken, 1, 1_000));
        uint256 headroom = destination.gateway.headroom(lane);
        _configure(1_000, 1_000);
        _expectHeadroom(headroom);
    }

    /// R-25: a disabled and enabled lane has the bucket that it had.
    function test_a_lane_enabled_again_has_its_bucket() public {
        _configure(1_000, 1_000);
        _mint(1_000);
        vm.prank(governance);
        destination.gateway.setLaneEnabled(lane, false);
        vm.prank(governance);
        destination.gateway.setLaneEnabled(lane, true);
        _expectHeadroom(0);
    }
}
