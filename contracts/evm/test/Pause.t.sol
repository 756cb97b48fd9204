// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EndpointId, Ending, IGateway, IGatewayTypes, LaneId, Outcome} from "../src/interfaces/IGateway.sol";
import {Statements} from "./Statements.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// R-32: pausing stops `lock` and `settle`, and nothing that ends a transfer; R-61: who stops, and for how long.
contract PauseTest is Statements {
    uint256 internal constant HOLDER_KEY = 0x401DE6;
    uint64 internal constant DAY = 24 hours;
    LaneId internal otherLane;
    EndpointId internal otherPeer;

    function setUp() public override {
        holder = vm.createWallet(HOLDER_KEY).addr;
        super.setUp();
        _on(source);
        vm.prank(governance);
        otherPeer = source.gateway.registerPeer("fabric:other", keccak256("genesis"), keccak256("gateway"));
        vm.prank(governance);
        otherLane = source.gateway.configureOutbound(otherPeer, ASSET, _outboundLimits());
        _setRegisterKey(source, ASSET, REGISTER_KEY);
    }

    /* THE GATEWAY */

    /// R-32
    function test_a_paused_gateway_takes_no_locks() public {
        _pause(source);
        _on(source);
        bytes memory paused = _error(IGatewayTypes.Paused.selector);
        IGatewayTypes.Permit[] memory permits = new IGatewayTypes.Permit[](0);
        IGateway at = source.gateway;
        _fails(holder, at, abi.encodeCall(at.lock, (_batch(_request(1)))), paused);
        _fails(holder, at, abi.encodeCall(at.lockWithPermits, (_batch(_request(1)), permits)), paused);
        _fails(holder, at, abi.encodeCall(at.lockOrders, (_orders(1), permits)), paused);
        _unpause(source);
        _lock(1);
        _passes(holder, at, abi.encodeCall(at.lockOrders, (_orders(1), permits)));
        _eq(at.lane(lane).locked, 2, "both");
    }

    /// R-32
    function test_a_paused_gateway_mints_nothing() public {
        IGatewayTypes.Transfer[] memory items = _one(_lock(5));
        IGatewayTypes.Attestation memory attestation = _signLocked(items);
        _pause(destination);
        _on(destination);
        IGateway at = destination.gateway;
        bytes memory data = abi.encodeCall(at.settle, (_inbound(items), attestation));
        _fails(stranger, at, data, _error(IGatewayTypes.Paused.selector));
        _eq(uint256(at.eligibility(items[0])), 8, "and says so");
        _unpause(destination);
        _passes(stranger, at, data);
        _eq(_outcomeOf(items[0]), Outcome.MINTED, "afterwards");
    }

    /// R-32: a breaker must not break atomicity: refuse, finish, payout and redirect go on.
    function test_a_paused_gateway_ends_transfers() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(3);
        source.token.behave(Behaviour.REVERTS);
        _finish(items[0], REJECTED);
        source.token.behave(Behaviour.HONEST);
        _pause(source);
        _pause(destination);
        _refuse(items[1], 6);
        _eq(_outcomeOf(items[1]), Outcome.REJECTED, "refuse");
        _finish(items[1], REJECTED);
        _finish(items[2], MINTED);
        _eq(_endingOf(items[1]), Ending.RELEASED, "finish, releasing");
        _eq(_endingOf(items[2]), Ending.COMMITTED, "finish, committing");
        _payout(items[0]);
        _eq(source.token.balanceOf(holder), UNITS - 3, "payout");
        vm.prank(holder);
        source.gateway.cancelNonces(0, 2);
        _eq(source.gateway.nonceWord(holder, 0), 2, "cancel");
    }

    /// R-32: nor does it stop the agents' redirect of what is pending.
    function test_a_paused_gateway_redirects() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        source.token.behave(Behaviour.REVERTS);
        _finish(item, REJECTED);
        source.token.behave(Behaviour.HONEST);
        _pause(source);
        _setAgent(auditor);
        _setAgent(payee);
        vm.prank(auditor);
        source.gateway.proposeRedirect(item, stranger);
        vm.warp(START + REDIRECT_DELAY);
        vm.prank(payee);
        source.gateway.confirmRedirect(item, stranger);
        _eq(source.token.balanceOf(stranger), 5, "redirected");
    }

    /// R-32, R-40, R-11, R-60: nor the committee's succession, the register's entries, the end of a dead peer.
    function test_a_paused_gateway_hears_committee_and_register() public {
        IGatewayTypes.LockBatch[] memory batches = _batch(_request(4));
        batches[0].destination = otherPeer;
        _on(source);
        vm.prank(holder);
        source.gateway.lock(batches);
        IGatewayTypes.Transfer memory item = _terms(batches[0].requests[0], 1);
        item.destination = otherPeer;
        _pause(source);
        bytes32 digest = _digest(source.endpoint, _issueStatement(source.endpoint, ASSET, 1, 100));
        source.gateway.issue(ASSET, 1, 100, _ecdsa(REGISTER_KEY, digest));
        _eq(source.gateway.asset(ASSET).issueNumber, 1, "issue");
        _close(otherPeer);
        _true(source.gateway.peer(otherPeer).closed, "close");
        digest = _digest(source.endpoint, _endedStatement(ASSET, _list(_one(item)), hex"02"));
        source.gateway.finishClosed(ASSET, _outbound(item), hex"02", _ecdsa(REGISTER_KEY, digest));
        _eq(source.token.balanceOf(holder), UNITS, "finishClosed");
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _eq(source.gateway.currentEpoch(), NEXT_EPOCH, "handover");
        _true(source.gateway.paused(), "paused all the while");
    }

    function test_a_pause_is_told() public {
        vm.expectEmit();
        emit IGatewayTypes.GatewayPaused(true);
        _pause(source);
        _true(source.gateway.paused() && !destination.gateway.paused(), "that gateway");
        vm.expectEmit();
        emit IGatewayTypes.GatewayPaused(false);
        _unpause(source);
        _true(!source.gateway.paused(), "resumed");
    }

    /* A LANE */

    /// R-32: its locks are left out, another lane's aren't.
    function test_a_paused_lane_refuses_locks() public {
        vm.expectEmit();
        emit IGatewayTypes.LanePaused(lane, true);
        _pauseLane(source);
        _true(source.gateway.lane(lane).paused, "told");
        _refusesLocks();
        IGatewayTypes.LockBatch[] memory batches = _batch(_request(1));
        batches[0].destination = otherPeer;
        vm.prank(holder);
        source.gateway.lock(batches);
        _eq(source.gateway.lane(otherLane).locked, 1, "the other lane goes on");
        vm.expectEmit();
        emit IGatewayTypes.LanePaused(lane, false);
        _unpauseLane(source);
        _lock(1);
    }

    /// R-32: its items stay undecided; refuse, finish and payout go on.
    function test_a_paused_lane_mints_nothing_and_ends_transfers() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(3);
        _pauseLane(source);
        _pauseLane(destination);
        _settle(items);
        _eq(_outcomeOf(items[0]), Outcome.NONE, "not minted");
        _eq(uint256(destination.gateway.eligibility(items[0])), 8, "and says so");
        _refuse(items[1], EXPIRED_REASON);
        _eq(_outcomeOf(items[1]), Outcome.EXPIRED, "refuse");
        source.token.behave(Behaviour.REVERTS);
        _finish(items[1], EXPIRED);
        source.token.behave(Behaviour.HONEST);
        _payout(items[1]);
        _eq(source.token.balanceOf(holder), UNITS - 4, "finish and payout");
        _unpauseLane(destination);
        _settle(items);
        _eq(_outcomeOf(items[0]), Outcome.MINTED, "afterwards");
    }

    function test_an_unknown_lane_is_nobody_s(LaneId unknown) public {
        vm.assume(LaneId.unwrap(unknown) != LaneId.unwrap(lane) && LaneId.unwrap(unknown) != LaneId.unwrap(otherLane));
        IGateway at = source.gateway;
        bytes memory error = _error(IGatewayTypes.LaneUnknown.selector, LaneId.unwrap(unknown));
        _fails(guardian, at, abi.encodeCall(at.pauseLane, (unknown)), error);
        _fails(auditor, at, abi.encodeCall(at.auditPauseLane, (unknown)), error);
        _fails(unpauser, at, abi.encodeCall(at.unpauseLane, (unknown)), error);
        _fails(governance, at, abi.encodeCall(at.setLaneEnabled, (unknown, true)), error);
    }

    /* THE AUDITOR */

    /// R-61: it lapses by itself after 24 hours, to the second.
    function test_an_auditor_s_pause_lapses_after_a_day(uint256 time) public {
        vm.expectEmit();
        emit IGatewayTypes.LaneAuditPaused(lane, uint64(START) + DAY);
        _auditPause(source);
        _eq(source.gateway.lane(lane).auditPausedUntil, START + DAY, "told");
        vm.warp(_bound(time, START, START + DAY - 1));
        _refusesLocks();
        vm.warp(START + DAY);
        _lock(1);
    }

    /// R-61, at the destination too.
    function test_an_auditor_s_pause_stops_mints_for_a_day() public {
        IGatewayTypes.LockRequest memory request = _request(5);
        request.deadline = uint64(START + 2 days);
        IGatewayTypes.Transfer memory item = _lock(request);
        _auditPause(destination);
        vm.warp(START + DAY - 1);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "not minted");
        vm.warp(START + DAY);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "lapsed");
    }

    /// R-61: the program can't postpone the end before a person looks.
    function test_an_auditor_can_not_prolong_its_pause(uint256 time) public {
        _auditPause(source);
        time = _bound(time, START, START + 2 * DAY - 1);
        vm.warp(time);
        IGateway at = source.gateway;
        bytes memory data = abi.encodeCall(at.auditPauseLane, (lane));
        _fails(
            auditor, at, data, abi.encodeWithSelector(IGatewayTypes.AuditPauseTooSoon.selector, lane, START + 2 * DAY)
        );
        _eq(at.lane(lane).auditPausedUntil, START + DAY, "as it was");
        vm.warp(START + 2 * DAY);
        _passes(auditor, at, data);
        _eq(at.lane(lane).auditPausedUntil, START + 3 * DAY, "a new one, a day after it lapsed");
        _refusesLocks();
    }

    /// R-61: the guardian's word confirms it: it no longer lapses.
    function test_the_guardian_confirms_an_auditor_s_pause(uint256 time) public {
        _auditPause(source);
        _pauseLane(source);
        vm.warp(_bound(time, START + DAY, START + 365 days));
        _refusesLocks();
        _unpauseLane(source);
        _lock(1);
    }

    /// R-61: two persons end both; the auditor may pause again a day later.
    function test_the_unpauser_ends_both_pauses(bool ofGuardian, bool ofAuditor) public {
        if (ofAuditor) _auditPause(source);
        if (ofGuardian) _pauseLane(source);
        _unpauseLane(source);
        IGatewayTypes.LaneState memory state = source.gateway.lane(lane);
        _true(!state.paused && state.auditPausedUntil <= START, "neither");
        _lock(1);
        if (ofAuditor) vm.warp(START + DAY);
        _auditPause(source);
        _refusesLocks();
    }

    /* HELPERS */

    function _pause(Ledger memory at) private {
        vm.prank(guardian);
        at.gateway.pause();
    }

    function _unpause(Ledger memory at) private {
        vm.prank(unpauser);
        at.gateway.unpause();
    }

    function _pauseLane(Ledger memory at) private {
        vm.prank(guardian);
        at.gateway.pauseLane(lane);
    }

    function _auditPause(Ledger memory at) private {
        vm.prank(auditor);
        at.gateway.auditPauseLane(lane);
    }

    function _unpauseLane(Ledger memory at) private {
        vm.prank(unpauser);
        at.gateway.unpauseLane(lane);
    }

    function _setAgent(address account) private {
        vm.prank(governance);
        source.gateway.setAgent(ASSET, account, true);
    }

    /// Neither the holder's own lock nor its Order comes through, and both are told why.
    function _refusesLocks() private {
        _on(source);
        bytes memory error = _error(IGatewayTypes.LanePausedError.selector, LaneId.unwrap(lane));
        uint128 before = source.gateway.lane(lane).locked;
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, error);
        _lockAll(_one(_request(1)));
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, error);
        source.gateway.lockOrders(_orders(9), new IGatewayTypes.Permit[](0));
        _eq(source.gateway.lane(lane).locked, before, "nothing locked");
    }

    function _orders(uint256 nonce) private view returns (IGatewayTypes.SignedOrder[] memory orders) {
        orders = new IGatewayTypes.SignedOrder[](1);
        IGatewayTypes.LockRequest memory request = _request(1);
        IGatewayTypes.Order memory order;
        (order.destination, order.asset, order.holder) = (destination.endpoint, ASSET, holder);
        (order.recipient, order.amount, order.deadline) = (request.recipient, request.amount, request.deadline);
        (order.nonce, order.expiry) = (nonce, request.deadline);
        orders[0].order = order;
        orders[0].signature = _ecdsa(HOLDER_KEY, _orderDigest(source, order));
    }

    function _close(EndpointId peer) private {
        vm.prank(governance);
        source.gateway.allowClosing(peer);
        IGatewayTypes.Attestation memory attestation = _sign(_digest(source.endpoint, _closedStatement(EPOCH, peer)));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _ecdsa(REGISTER_KEY, _digest(source.endpoint, _closingStatement(ASSET, peer)));
        source.gateway.close(peer, attestation, signatures);
    }
}
