// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EndpointId, IGatewayTypes, LaneId, Outcome} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// R-23, R-26, R-32: `refuse`.
contract RefuseTest is Base {
    IGatewayTypes.Transfer internal item;

    function setUp() public override {
        super.setUp();
        item = _lock(1_000);
        _on(destination);
    }

    /// R-23
    function test_a_refusal_is_recorded_with_its_reason(uint8 reason) public {
        reason = uint8(_bound(reason, 1, 14));
        Outcome outcome = reason == EXPIRED_REASON ? Outcome.EXPIRED : Outcome.REJECTED;
        bytes memory reasons = abi.encodePacked(reason);
        IGatewayTypes.Attestation memory attestation = _signRefused(_one(item), reasons);
        _on(destination);
        vm.expectEmit();
        emit IGatewayTypes.Decided(_id(item), lane, item.sequence, outcome, reason);
        destination.gateway.refuse(_inbound(item), reasons, attestation);
        _eq(_outcomeOf(item), outcome, "record");
    }

    /// INV-3: write-once.
    function test_a_record_is_written_once(uint8 first, uint8 second) public {
        (first, second) = (uint8(_bound(first, 1, 14)), uint8(_bound(second, 1, 14)));
        _refuse(item, first);
        Outcome outcome = _outcomeOf(item);
        _refuse(item, second);
        _eq(_outcomeOf(item), outcome, "the first stands");
    }

    /// INV-1, R-20
    function test_a_minted_transfer_is_never_refused(uint8 reason) public {
        _settle(item);
        _refuse(item, uint8(_bound(reason, 1, 14)));
        _eq(_outcomeOf(item), Outcome.MINTED, "stands");
    }

    /// R-23: neither deadline, lane, asset, pause nor token are looked at.
    function test_nothing_but_destination_and_record_is_looked_at(uint64 time) public {
        vm.warp(_bound(time, 1, type(uint64).max));
        vm.prank(guardian);
        destination.gateway.pause();
        vm.prank(guardian);
        destination.gateway.pauseLane(lane);
        vm.prank(governance);
        destination.gateway.setAssetEnabled(ASSET, false);
        vm.prank(governance);
        destination.gateway.setPeerEnabled(source.endpoint, false);
        destination.token.setPaused(true);
        _refuse(item, 6);
        _eq(_outcomeOf(item), Outcome.REJECTED, "refused");
    }

    /// R-23: nor whether the lane was ever configured.
    function test_a_transfer_on_an_unknown_lane_can_be_refused(bytes32 anywhere) public {
        IGatewayTypes.Transfer memory other = item;
        other.source = EndpointId.wrap(anywhere);
        _refuse(other, 4);
        LaneId unknown = destination.gateway.laneId(other.source, other.destination, other.asset);
        _eq(destination.gateway.outcomeWords(unknown, 0, 1)[0], 2 << 2, "sequence 1 REJECTED");
    }

    /// R-23: another destination's item can't be said here but as its id: ids are made for this endpoint.
    function test_another_destination_s_item_is_no_item_here(bytes32 elsewhere) public {
        vm.assume(elsewhere != EndpointId.unwrap(destination.endpoint));
        IGatewayTypes.Transfer memory other = item;
        other.destination = EndpointId.wrap(elsewhere);
        IGatewayTypes.Transfer memory ours = _lock(7);
        IGatewayTypes.Attestation memory attestation = _signRefused(_two(ours, other), hex"0606");
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.refuse(_inbound(_two(ours, other)), hex"0606", attestation);
        destination.gateway.refuse(_inbound(_two(ours, _bare(other))), hex"0606", attestation);
        _eq(_outcomeOf(ours), Outcome.REJECTED, "ours");
        _eq(_outcomeOf(item), Outcome.NONE, "not ours at that sequence");
        LaneId theirs = destination.gateway.laneId(other.source, other.destination, other.asset);
        _eq(destination.gateway.outcomeWords(theirs, 0, 1)[0], 0, "not theirs");
    }

    /// R-20: bare ids count for the digest.
    function test_a_bare_id_is_not_refused() public {
        IGatewayTypes.Transfer memory other = _lock(7);
        IGatewayTypes.Attestation memory attestation = _signRefused(_two(item, other), hex"060a");
        _on(destination);
        destination.gateway.refuse(_inbound(_two(_bare(item), other)), hex"060a", attestation);
        _eq(_outcomeOf(item), Outcome.NONE, "bare");
        _eq(_outcomeOf(other), Outcome.EXPIRED, "whole");
    }

    /// Section 3: reasons are signed.
    function test_changed_reasons_are_refused(uint8 signed, uint8 given) public {
        (signed, given) = (uint8(_bound(signed, 1, 14)), uint8(_bound(given, 1, 14)));
        vm.assume(signed != given);
        IGatewayTypes.Attestation memory attestation = _signRefused(_one(item), abi.encodePacked(signed));
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.refuse(_inbound(item), abi.encodePacked(given), attestation);
    }

    function test_an_unknown_reason_is_refused(uint8 reason) public {
        vm.assume(reason == 0 || reason > 14);
        bytes memory reasons = abi.encodePacked(reason);
        IGatewayTypes.Attestation memory attestation = _signRefused(_one(item), reasons);
        _on(destination);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.ReasonInvalid.selector, reason));
        destination.gateway.refuse(_inbound(item), reasons, attestation);
    }

    function test_lists_of_other_lengths_are_refused(uint8 count) public {
        vm.assume(count != 1);
        bytes memory reasons = _repeat(0x06, count);
        IGatewayTypes.Attestation memory attestation = _signRefused(_one(item), reasons);
        _on(destination);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.LengthMismatch.selector, 1, uint256(count)));
        destination.gateway.refuse(_inbound(item), reasons, attestation);
        vm.expectRevert(IGatewayTypes.EmptyList.selector);
        destination.gateway.refuse(_inbound(new IGatewayTypes.Transfer[](0)), "", attestation);
    }
}
