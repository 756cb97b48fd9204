// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    EndpointId,
    Ending,
    IGatewayCore,
    IGatewayTypes,
    LaneId,
    LockMode,
    TokenForm,
    TransferId
} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// R-01 to R-05, R-08, R-20's lock, R-21, R-32: `lock` and `cancelNonces`.
contract LockTest is Base {
    function setUp() public override {
        super.setUp();
        _on(source);
    }

    /// R-03, R-05, R-08, INV-9
    function test_a_lock_takes_exactly_the_amount_and_is_recorded_in_one_word(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        vm.roll(12_345);
        IGatewayTypes.LockRequest memory request = _request(amount);
        IGatewayTypes.Transfer memory terms = _terms(request, 1);
        vm.expectEmit();
        emit IGatewayTypes.Locked(_id(terms), lane, terms);
        _lock(request);

        _eq(source.token.balanceOf(address(source.gateway)), amount, "in escrow");
        _eq(source.token.balanceOf(holder), UNITS - amount, "taken from the holder");
        uint256 word = _lockWord(terms);
        _eq(word >> 208, 12_345, "block");
        _eq((word >> 192) & 0xffff, 1, "profile");
        _eq(word & (2 ** 192 - 1), uint256(TransferId.unwrap(_id(terms))) >> 64, "first 24 bytes of the id");
        _eq(_endingOf(terms), Ending.OPEN, "open");
        _eq(source.gateway.lane(lane).locked, amount, "lane total");
        _eq(TransferId.unwrap(source.gateway.transferId(terms)), TransferId.unwrap(_id(terms)), "the id, as a view");
        (,,, uint256 held) = source.gateway.totals(ASSET);
        _eq(held, amount, "held");
    }

    /// R-08: sequences are gapless from 1, also over a failed item.
    function test_sequences_have_no_gaps(uint8 count) public {
        count = uint8(_bound(count, 1, 20));
        for (uint64 i = 1; i <= count; ++i) {
            _lock(i);
            IGatewayTypes.LockRequest memory bad = _request(0);
            _lockAll(_one(bad));
            _eq(source.gateway.lane(lane).nextSequence, i + 1, "next");
        }
    }

    /// R-02
    function test_a_failing_request_is_left_out_and_the_others_are_locked(uint256 badIndex) public {
        badIndex = _bound(badIndex, 0, 2);
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](3);
        for (uint256 i = 0; i < 3; ++i) {
            requests[i] = _request(i + 1);
        }
        requests[badIndex].amount = 1e24 + 1;
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(
            badIndex, holder, abi.encodeWithSelector(IGatewayTypes.AmountOutOfRange.selector, 1e24 + 1, 1, 1e24)
        );
        TransferId[] memory ids = _lockAll(requests);
        for (uint256 i = 0; i < 3; ++i) {
            _true((TransferId.unwrap(ids[i]) == 0) == (i == badIndex), "zero where left out");
        }
        _eq(source.gateway.lane(lane).nextSequence, 3, "two sequences used");
        _eq(source.gateway.lane(lane).locked, 6 - (badIndex + 1), "total of two");
    }

    /// R-02: over batches too; a failing one is named by its place in the whole call, and each lane counts for itself.
    function test_a_failing_request_is_named_by_its_place_in_the_whole_call() public {
        vm.prank(governance);
        EndpointId peer = source.gateway.registerPeer("fabric:abc", keccak256("genesis"), keccak256("cc"));
        vm.prank(governance);
        LaneId there = source.gateway.configureOutbound(peer, ASSET, _outboundLimits());
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](2);
        (requests[0], requests[1]) = (_request(1), _request(0));
        IGatewayTypes.LockBatch[] memory batches = new IGatewayTypes.LockBatch[](2);
        (batches[0], batches[1]) = (_batch(_request(4))[0], _batch(requests)[0]);
        batches[1].destination = peer;
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(
            2, holder, abi.encodeWithSelector(IGatewayTypes.AmountOutOfRange.selector, 0, 1, 1e24)
        );
        vm.prank(holder);
        TransferId[] memory ids = source.gateway.lock(batches);
        _eq(ids.length, 3, "of all batches in order");
        IGatewayTypes.Transfer memory second = _terms(requests[0], 1);
        second.destination = peer;
        _eq(TransferId.unwrap(ids[0]), TransferId.unwrap(_id(_terms(_request(4), 1))), "first");
        _eq(TransferId.unwrap(ids[1]), TransferId.unwrap(_id(second)), "second");
        _eq(TransferId.unwrap(ids[2]), bytes32(0), "left out");
        _eq(source.gateway.lane(lane).locked, 4, "total of this lane");
        _eq(source.gateway.lane(there).locked, 1, "total of the other");
        _eq(source.token.balanceOf(address(source.gateway)), 5, "taken");
    }

    /// R-01
    function test_an_amount_outside_the_lane_s_limits_is_refused(uint128 min, uint128 max, uint256 amount) public {
        min = uint128(_bound(min, 1, 2 ** 127 - 1));
        max = uint128(_bound(max, min, 2 ** 127 - 1));
        vm.prank(governance);
        source.gateway
            .configureOutbound(destination.endpoint, ASSET, IGatewayTypes.OutboundLimits(min, max, 60, 7 days));
        source.token.issue(holder, 2 ** 127);
        if (amount >= min && amount <= max) {
            _lock(amount);
        } else {
            _expectFailed(
                _request(amount), abi.encodeWithSelector(IGatewayTypes.AmountOutOfRange.selector, amount, min, max)
            );
        }
    }

    /// R-01
    function test_a_deadline_outside_the_lane_s_window_is_refused(uint64 deadline) public {
        IGatewayTypes.LockRequest memory request = _request(1);
        request.deadline = deadline;
        (uint256 min, uint256 max) = (START + 60, START + 7 days);
        if (deadline >= min && deadline <= max) {
            _lock(request);
        } else {
            _expectFailed(
                request, abi.encodeWithSelector(IGatewayTypes.DeadlineOutOfRange.selector, deadline, min, max)
            );
        }
    }

    /// R-01: exactly at the edges.
    function test_the_deadline_window_includes_its_edges() public {
        IGatewayTypes.LockRequest memory request = _request(1);
        request.deadline = uint64(START + 60);
        _lock(request);
        request.deadline = uint64(START + 7 days);
        _lock(request);
        request.deadline = uint64(START + 59);
        _expectFailed(
            request,
            abi.encodeWithSelector(
                IGatewayTypes.DeadlineOutOfRange.selector, request.deadline, START + 60, START + 7 days
            )
        );
    }

    /// R-01
    function test_a_recipient_that_is_no_evm_account_is_refused(bytes32 recipient) public {
        IGatewayTypes.LockRequest memory request = _request(1);
        request.recipient = recipient | bytes32(uint256(1) << 160);
        _expectFailed(request, abi.encodeWithSelector(IGatewayTypes.RecipientMalformed.selector, request.recipient));
        request.recipient = 0;
        _expectFailed(request, abi.encodeWithSelector(IGatewayTypes.RecipientMalformed.selector, bytes32(0)));
    }

    /// R-01: another ledger's accounts are 32 bytes of its own.
    function test_a_recipient_off_evm_is_any_account_but_zero(bytes32 recipient) public {
        vm.assume(recipient != 0);
        vm.prank(governance);
        EndpointId peer = source.gateway.registerPeer("fabric:abc", keccak256("genesis"), keccak256("cc"));
        vm.prank(governance);
        source.gateway.configureOutbound(peer, ASSET, _outboundLimits());
        IGatewayTypes.LockBatch[] memory batches = _batch(_request(1));
        batches[0].destination = peer;
        batches[0].requests[0].recipient = recipient;
        vm.prank(holder);
        _true(TransferId.unwrap(source.gateway.lock(batches)[0]) != 0, "locked");
        batches[0].requests[0].recipient = 0;
        _expectFailed(batches, abi.encodeWithSelector(IGatewayTypes.RecipientMalformed.selector, bytes32(0)));
    }

    /// R-02: terms are authorised by the caller, never by an allowance.
    function test_nobody_can_lock_another_s_units(address caller) public {
        vm.assume(caller != holder && uint160(caller) > 0xffff);
        vm.prank(caller);
        TransferId[] memory ids = source.gateway.lock(_batch(_request(5)));
        _true(TransferId.unwrap(ids[0]) == 0, "left out");
        _eq(source.token.balanceOf(holder), UNITS, "untouched");
    }

    /// R-02
    function test_a_nonce_is_used_once(uint256 nonce) public {
        vm.assume(nonce != 0);
        IGatewayTypes.LockRequest memory request = _request(1);
        request.nonce = nonce;
        _lock(request);
        _eq(source.gateway.nonceWord(holder, nonce >> 8), 1 << (nonce & 255), "one bit");
        _expectFailed(request, abi.encodeWithSelector(IGatewayTypes.NonceUsed.selector, holder, nonce));
        _eq(source.gateway.lane(lane).nextSequence, 2, "locked once");
    }

    /// R-02: twice in one list is twice.
    function test_a_nonce_is_used_once_within_a_list() public {
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](2);
        (requests[0], requests[1]) = (_request(1), _request(1));
        (requests[0].nonce, requests[1].nonce) = (9, 9);
        TransferId[] memory ids = _lockAll(requests);
        _true(TransferId.unwrap(ids[0]) != 0 && TransferId.unwrap(ids[1]) == 0, "second left out");
    }

    /// R-02: a failed lock leaves its nonce.
    function test_a_failed_lock_uses_no_nonce() public {
        IGatewayTypes.LockRequest memory request = _request(1);
        request.nonce = 3;
        source.token.behave(Behaviour.REVERTS);
        _lockAll(_one(request));
        _eq(source.gateway.nonceWord(holder, 0), 0, "unused");
        source.token.behave(Behaviour.HONEST);
        _lock(request);
    }

    /// R-02
    function test_a_cancelled_nonce_locks_nothing(uint8 bit, uint256 mask) public {
        vm.assume(bit != 0);
        mask |= uint256(1) << bit;
        vm.expectEmit();
        emit IGatewayTypes.NoncesCancelled(holder, 0, mask);
        vm.prank(holder);
        source.gateway.cancelNonces(0, mask);
        IGatewayTypes.LockRequest memory request = _request(1);
        request.nonce = bit;
        _expectFailed(request, abi.encodeWithSelector(IGatewayTypes.NonceUsed.selector, holder, bit));
    }

    /// R-32
    function test_a_paused_gateway_or_lane_locks_nothing() public {
        vm.prank(guardian);
        source.gateway.pauseLane(lane);
        _expectFailed(_request(1), abi.encodeWithSelector(IGatewayTypes.LanePausedError.selector, lane));
        vm.prank(guardian);
        source.gateway.pause();
        vm.expectRevert(IGatewayTypes.Paused.selector);
        vm.prank(holder);
        source.gateway.lock(_batch(_request(1)));
    }

    /// R-01, R-07
    function test_a_disabled_lane_asset_or_peer_locks_nothing() public {
        vm.prank(governance);
        source.gateway.setAssetEnabled(ASSET, false);
        _expectFailed(_request(1), abi.encodeWithSelector(IGatewayTypes.AssetDisabled.selector, ASSET));
        vm.prank(governance);
        source.gateway.setAssetEnabled(ASSET, true);
        vm.prank(governance);
        source.gateway.setPeerEnabled(destination.endpoint, false);
        _expectFailed(_request(1), abi.encodeWithSelector(IGatewayTypes.LaneDisabled.selector, lane));
    }

    function test_an_unknown_lane_locks_nothing(bytes32 nowhere) public {
        vm.assume(nowhere != EndpointId.unwrap(destination.endpoint));
        IGatewayTypes.LockBatch[] memory batches = _batch(_request(1));
        batches[0].destination = EndpointId.wrap(nowhere);
        LaneId unknown = source.gateway.laneId(source.endpoint, batches[0].destination, ASSET);
        _expectFailed(batches, abi.encodeWithSelector(IGatewayTypes.LaneUnknown.selector, unknown));
    }

    /// R-03, R-21: whatever the token does, a lock happens whole or not at all.
    function test_a_misbehaving_token_locks_nothing(uint8 behaviour) public {
        behaviour = uint8(_bound(behaviour, 1, 9));
        // An answer of 1 MB is only a waste; a false supply isn't looked at where nothing is burned.
        vm.assume(behaviour != uint8(Behaviour.RETURNS_1_MB) && behaviour != uint8(Behaviour.MISSTATES_SUPPLY));
        source.token.behave(Behaviour(behaviour));
        uint256 gasBefore = gasleft();
        TransferId[] memory ids = _lockAll(_one(_request(1_000)));
        _le(gasBefore - gasleft(), 1_000_000, "bounded gas");
        _true(TransferId.unwrap(ids[0]) == 0, "left out");
        _eq(source.gateway.lane(lane).nextSequence, 1, "no record");
        _eq(source.gateway.lane(lane).locked, 0, "no total");
        _eq(source.gateway.lockWords(lane, 1, 1)[0], 0, "no word");
        _eq(source.token.balanceOf(address(source.gateway)), 0, "nothing taken");
    }

    /// R-21: the kept part of the token's error is bounded.
    function test_an_error_of_a_megabyte_is_cut() public {
        vm.prank(governance);
        source.gateway
            .addProfile(ASSET, address(source.token), tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, 5_000_000);
        source.token.behave(Behaviour.REVERTS_WITH_1_MB);
        _expectFailed(
            _request(1),
            abi.encodeWithSelector(IGatewayTypes.TokenCallFailed.selector, address(source.token), new bytes(256))
        );
    }

    /// R-20: one lock over every entry point.
    function test_a_token_cannot_reenter(uint8 which) public {
        which = uint8(_bound(which, 0, 3));
        bytes[4] memory calls = [
            abi.encodeCall(IGatewayCore.lock, (_batch(_request(1)))),
            abi.encodeCall(IGatewayCore.cancelNonces, (0, 2)),
            abi.encodeCall(IGatewayCore.payout, (_terms(_request(1), 1))),
            _submitCall()
        ];
        source.token.setCallback(address(source.gateway), calls[which]);
        source.token.behave(Behaviour.REENTERS);
        _lock(1_000);
        _true(!source.token.callbackSucceeded(), "refused");
        bytes4 expected =
            which == 3 ? IGatewayTypes.NotSelf.selector : bytes4(keccak256("ReentrancyGuardReentrantCall()"));
        _eq(bytes32(bytes4(source.token.callbackAnswer())), bytes32(expected), "by the lock");
    }

    function test_an_empty_list_is_refused() public {
        vm.expectRevert(IGatewayTypes.EmptyList.selector);
        source.gateway.lock(new IGatewayTypes.LockBatch[](0));
        vm.expectRevert(IGatewayTypes.EmptyList.selector);
        source.gateway.lock(_batch(new IGatewayTypes.LockRequest[](0)));
    }

    /// R-21: too little gas is said, never taken for a failing item.
    function test_too_little_gas_reverts_or_locks_all(uint256 gasLimit) public {
        gasLimit = _bound(gasLimit, 30_000, 3_000_000);
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](3);
        for (uint256 i = 0; i < 3; ++i) {
            requests[i] = _request(i + 1);
        }
        vm.prank(holder);
        try source.gateway.lock{gas: gasLimit}(_batch(requests)) {
            _eq(source.gateway.lane(lane).locked, 6, "all");
        } catch {
            _eq(source.gateway.lane(lane).locked, 0, "none");
        }
    }

    function test_only_the_gateway_calls_its_item_functions(address caller) public {
        vm.assume(caller != address(source.gateway));
        vm.prank(caller);
        (bool success, bytes memory answer) = address(source.gateway).call(_submitCall());
        _true(!success, "refused");
        vm.assertEq(answer, abi.encodeWithSelector(IGatewayTypes.NotSelf.selector), "why");
    }

    /* HELPERS */

    function _submitCall() private view returns (bytes memory) {
        return abi.encodeWithSignature(
            "submitSingle(bytes32,bytes32,address,(bytes32,uint256,uint64,bytes32,bytes32,uint256),uint256)",
            destination.endpoint,
            ASSET,
            holder,
            _request(1),
            type(uint256).max
        );
    }

    function _expectFailed(IGatewayTypes.LockRequest memory request, bytes memory reason) private {
        _expectFailed(_batch(request), reason);
    }

    function _expectFailed(IGatewayTypes.LockBatch[] memory batches, bytes memory reason) private {
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, reason);
        vm.prank(holder);
        source.gateway.lock(batches);
    }
}
