// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGateway, IGatewayExtension, IGatewayTypes, LaneId} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// R-01, R-07, R-25 and section 1: peers and lanes, as governance registers and disables them.
contract LanesTest is Base {
    IGateway internal gateway;

    function setUp() public override {
        super.setUp();
        _on(source);
        gateway = source.gateway;
    }

    /* PEERS */

    /// Section 1: never two gateways of one ledger.
    function test_a_gateway_of_this_ledger_is_no_peer(bytes32 hash, bytes32 account) public {
        vm.assume(hash != gateway.fingerprint());
        (string memory caip2, bytes32 fingerprint) = (gateway.caip2(), gateway.fingerprint());
        bytes32 id = keccak256(abi.encode(keccak256(bytes(caip2)), hash, account));
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.PeerOnSameLedger.selector, id));
        vm.prank(governance);
        gateway.registerPeer(caip2, hash, account);
        id = keccak256(abi.encode(keccak256("fabric:x"), fingerprint, account));
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.PeerOnSameLedger.selector, id));
        vm.prank(governance);
        gateway.registerPeer("fabric:x", fingerprint, account);
    }

    function test_a_peer_is_registered_once(bytes32 hash, bytes32 account, bool evm) public {
        vm.assume(hash != gateway.fingerprint());
        string memory caip2 = evm ? "eip155:5" : "book:x";
        EndpointId expected = EndpointId.wrap(keccak256(abi.encode(keccak256(bytes(caip2)), hash, account)));
        vm.expectEmit();
        emit IGatewayTypes.PeerRegistered(expected, caip2, hash, account);
        vm.prank(governance);
        gateway.registerPeer(caip2, hash, account);
        IGatewayTypes.Peer memory peer = gateway.peer(expected);
        _true(peer.registered && peer.enabled && !peer.closing && !peer.closed, "in use");
        _true(peer.isEvm == evm, "by its name");
        _eq(gateway.peers().length, 2, "listed");
        _eq(EndpointId.unwrap(gateway.peers()[1]), EndpointId.unwrap(expected), "listed");
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.PeerAlreadyRegistered.selector, expected));
        vm.prank(governance);
        gateway.registerPeer(caip2, hash, account);
    }

    /* LANES */

    /// Section 1: a lane is between this gateway and a peer that is in use.
    function test_a_lane_needs_a_peer(bytes32 other) public {
        vm.assume(other != EndpointId.unwrap(destination.endpoint));
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.PeerUnknown.selector, other);
        _expectLanesRefused(EndpointId.wrap(other), refusal);
        refusal = abi.encodeWithSelector(IGatewayTypes.PeerUnknown.selector, source.endpoint);
        _expectLanesRefused(source.endpoint, refusal);
        vm.prank(governance);
        EndpointId third = gateway.registerPeer("book:x", keccak256("x"), keccak256("y"));
        vm.prank(governance);
        gateway.setPeerEnabled(third, false);
        _expectLanesRefused(third, abi.encodeWithSelector(IGatewayTypes.PeerDisabled.selector, third));
    }

    function test_a_lane_needs_a_known_asset(bytes32 id) public {
        vm.assume(id != AssetId.unwrap(ASSET));
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.AssetUnknown.selector, id);
        vm.expectRevert(refusal);
        vm.prank(governance);
        gateway.configureOutbound(destination.endpoint, AssetId.wrap(id), _outboundLimits());
        vm.expectRevert(refusal);
        vm.prank(governance);
        gateway.configureInbound(destination.endpoint, AssetId.wrap(id), _inboundLimits());
        vm.expectRevert(refusal);
        vm.prank(governance);
        gateway.setAssetEnabled(AssetId.wrap(id), true);
    }

    /// R-01, section 1: 0 < amount < 2^127.
    function test_outbound_limits_that_make_no_sense_are_refused(uint128 a, uint128 b, uint32 c, uint32 d) public {
        bool sound = 0 < a && a <= b && b < 2 ** 127 && 0 < c && c <= d;
        if (!sound) vm.expectRevert(IGatewayTypes.LimitsInvalid.selector);
        vm.prank(governance);
        gateway.configureOutbound(destination.endpoint, ASSET, IGatewayTypes.OutboundLimits(a, b, c, d));
    }

    /// R-01: one of the four at a time, one step out of bounds.
    function test_outbound_limits_end_at_their_edges() public {
        _expectOutbound(1, 1, 1, 1, true);
        _expectOutbound(2 ** 127 - 1, 2 ** 127 - 1, type(uint32).max, type(uint32).max, true);
        _expectOutbound(0, 1, 1, 1, false);
        _expectOutbound(2, 1, 1, 1, false);
        _expectOutbound(1, 2 ** 127, 1, 1, false);
        _expectOutbound(1, 1, 0, 1, false);
        _expectOutbound(1, 1, 2, 1, false);
    }

    /// R-25: neither an empty bucket, nor one that never fills, nor every amount being large by mistake.
    function test_inbound_limits_that_make_no_sense_are_refused() public {
        _expectInbound(1, 1, 1, 0, true);
        _expectInbound(2 ** 127 - 1, type(uint128).max, type(uint32).max, type(uint32).max, true);
        _expectInbound(0, 1, 1, 1, false);
        _expectInbound(2 ** 127, 1, 1, 1, false);
        _expectInbound(1, 0, 1, 1, false);
        _expectInbound(1, 1, 0, 1, false);
    }

    /// R-07: changing limits keeps sequence, totals and flags.
    function test_new_limits_keep_a_lane_s_state() public {
        _lock(1_000);
        vm.prank(guardian);
        gateway.pauseLane(lane);
        IGatewayTypes.OutboundLimits memory limits = IGatewayTypes.OutboundLimits(5, 6, 7, 8);
        vm.expectEmit();
        emit IGatewayTypes.OutboundConfigured(lane, destination.endpoint, ASSET, limits);
        vm.prank(governance);
        gateway.configureOutbound(destination.endpoint, ASSET, limits);
        IGatewayTypes.LaneState memory state = gateway.lane(lane);
        _true(state.paused && state.enabled && state.outbound, "flags");
        _eq(state.nextSequence, 2, "sequence");
        _eq(state.locked, 1_000, "total");
        vm.assertEq(abi.encode(state.outboundLimits), abi.encode(limits), "limits");
        _eq(gateway.lanes().length, 1, "one lane");
        _eq(LaneId.unwrap(gateway.lanes()[0]), LaneId.unwrap(lane), "listed");
        vm.prank(governance);
        gateway.setLaneEnabled(lane, false);
        vm.prank(governance);
        gateway.configureOutbound(destination.endpoint, ASSET, limits);
        _true(!gateway.lane(lane).enabled, "enables nothing");
    }

    /// R-07: of a lane that arrives too.
    function test_new_inbound_limits_keep_a_lane_s_state() public {
        _settle(_lock(1_000));
        vm.prank(guardian);
        destination.gateway.pauseLane(lane);
        IGatewayTypes.InboundLimits memory limits = IGatewayTypes.InboundLimits(5, 6, 7, 8);
        vm.expectEmit();
        emit IGatewayTypes.InboundConfigured(lane, source.endpoint, ASSET, limits);
        vm.prank(governance);
        destination.gateway.configureInbound(source.endpoint, ASSET, limits);
        IGatewayTypes.LaneState memory state = destination.gateway.lane(lane);
        _true(state.paused && state.enabled && !state.outbound, "flags");
        _eq(state.minted, 1_000, "total");
        vm.assertEq(abi.encode(state.inboundLimits), abi.encode(limits), "limits");
        _eq(destination.gateway.lanes().length, 1, "one lane");
    }

    /// R-07: a peer's lanes go with it, and come back one by one.
    function test_disabling_a_peer_disables_its_lanes_until_each_is_enabled() public {
        vm.prank(governance);
        LaneId back = gateway.configureInbound(destination.endpoint, ASSET, _inboundLimits());
        vm.prank(governance);
        EndpointId third = gateway.registerPeer("book:x", keccak256("x"), keccak256("y"));
        vm.prank(governance);
        LaneId others = gateway.configureOutbound(third, ASSET, _outboundLimits());
        vm.expectEmit();
        emit IGatewayTypes.PeerEnabled(destination.endpoint, false);
        _setPeer(false);
        _true(!gateway.lane(lane).enabled && !gateway.lane(back).enabled, "both directions");
        _true(gateway.lane(others).enabled, "not another's");
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.PeerDisabled.selector, destination.endpoint));
        vm.prank(governance);
        gateway.setLaneEnabled(lane, true);
        vm.expectEmit();
        emit IGatewayTypes.PeerEnabled(destination.endpoint, true);
        _setPeer(true);
        _true(!gateway.lane(lane).enabled && !gateway.lane(back).enabled, "still neither");
        vm.expectEmit();
        emit IGatewayTypes.LaneEnabled(lane, true);
        vm.prank(governance);
        gateway.setLaneEnabled(lane, true);
        _true(gateway.lane(lane).enabled && !gateway.lane(back).enabled, "the one");
        _lock(1);
    }

    /// R-07: limits of a lane that is there may change whatever its peer's state, and enable nothing.
    function test_a_disabled_peer_s_lane_may_get_other_limits() public {
        _setPeer(false);
        vm.prank(governance);
        gateway.configureOutbound(destination.endpoint, ASSET, IGatewayTypes.OutboundLimits(5, 6, 7, 8));
        _eq(gateway.lane(lane).outboundLimits.amountMax, 6, "limits");
        _true(!gateway.lane(lane).enabled, "still disabled");
    }

    function test_an_unknown_lane_or_peer_is_refused(bytes32 id) public {
        vm.assume(id != LaneId.unwrap(lane) && id != EndpointId.unwrap(destination.endpoint));
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.LaneUnknown.selector, id);
        _expect(governance, abi.encodeCall(IGatewayExtension.setLaneEnabled, (LaneId.wrap(id), true)), refusal);
        _expect(governance, abi.encodeCall(IGatewayExtension.setLaneEnabled, (LaneId.wrap(id), false)), refusal);
        _expect(guardian, abi.encodeCall(IGatewayExtension.pauseLane, (LaneId.wrap(id))), refusal);
        _expect(auditor, abi.encodeCall(IGatewayExtension.auditPauseLane, (LaneId.wrap(id))), refusal);
        _expect(unpauser, abi.encodeCall(IGatewayExtension.unpauseLane, (LaneId.wrap(id))), refusal);
        refusal = abi.encodeWithSelector(IGatewayTypes.PeerUnknown.selector, id);
        _expect(governance, abi.encodeCall(IGatewayExtension.setPeerEnabled, (EndpointId.wrap(id), false)), refusal);
        _expect(governance, abi.encodeCall(IGatewayExtension.setPeerEnabled, (EndpointId.wrap(id), true)), refusal);
        _expect(governance, abi.encodeCall(IGatewayExtension.allowClosing, (EndpointId.wrap(id))), refusal);
    }

    /* HELPERS */

    function _setPeer(bool enabled) private {
        vm.prank(governance);
        gateway.setPeerEnabled(destination.endpoint, enabled);
    }

    function _expectLanesRefused(EndpointId peer, bytes memory refusal) private {
        _expect(
            governance, abi.encodeCall(IGatewayExtension.configureOutbound, (peer, ASSET, _outboundLimits())), refusal
        );
        _expect(
            governance, abi.encodeCall(IGatewayExtension.configureInbound, (peer, ASSET, _inboundLimits())), refusal
        );
    }

    function _expectOutbound(uint128 a, uint128 b, uint32 c, uint32 d, bool sound) private {
        if (!sound) vm.expectRevert(IGatewayTypes.LimitsInvalid.selector);
        vm.prank(governance);
        gateway.configureOutbound(destination.endpoint, ASSET, IGatewayTypes.OutboundLimits(a, b, c, d));
    }

    function _expectInbound(uint128 capacity, uint128 large, uint32 refill, uint32 delay, bool sound) private {
        if (!sound) vm.expectRevert(IGatewayTypes.LimitsInvalid.selector);
        vm.prank(governance);
        gateway.configureInbound(
            destination.endpoint, ASSET, IGatewayTypes.InboundLimits(capacity, large, refill, delay)
        );
    }

    function _expect(address caller, bytes memory call, bytes memory refusal) private {
        vm.prank(caller);
        (bool success, bytes memory answer) = address(gateway).call(call);
        _true(!success, "refused");
        vm.assertEq(answer, refusal, "why");
    }
}
