// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGateway, IGatewayExtension, IGatewayTypes, LockMode, TokenForm} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// R-32, R-61: who may do what, who stops and resumes (more: Pause.t.sol). Peers and lanes: Lanes.t.sol; assets: Profiles.t.sol.
contract GoverningTest is Base {
    IGateway internal gateway;

    function setUp() public override {
        super.setUp();
        _on(source);
        gateway = source.gateway;
    }

    /* ROLES */

    /// R-61: each governance function, by anybody else.
    function test_only_governance_governs(address caller, uint8 which) public {
        vm.assume(caller != governance);
        bytes[14] memory calls = [
            abi.encodeCall(IGatewayExtension.registerKey, (8, group.publicKeyX, group.publicKeyY)),
            abi.encodeCall(IGatewayExtension.setRoles, (caller, caller, caller)),
            abi.encodeCall(IGatewayExtension.setDelays, (1, 1)),
            abi.encodeCall(IGatewayExtension.registerPeer, ("fabric:x", keccak256("x"), keccak256("y"))),
            abi.encodeCall(IGatewayExtension.setPeerEnabled, (destination.endpoint, false)),
            abi.encodeCall(IGatewayExtension.allowClosing, (destination.endpoint)),
            abi.encodeCall(
                IGatewayExtension.addProfile,
                (ASSET, address(source.token), tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE)
            ),
            abi.encodeCall(IGatewayExtension.setAssetEnabled, (ASSET, false)),
            abi.encodeCall(IGatewayExtension.setAgent, (ASSET, caller, true)),
            abi.encodeCall(IGatewayExtension.setRegisterKey, (ASSET, caller)),
            abi.encodeCall(IGatewayExtension.configureOutbound, (destination.endpoint, ASSET, _outboundLimits())),
            abi.encodeCall(IGatewayExtension.configureInbound, (destination.endpoint, ASSET, _inboundLimits())),
            abi.encodeCall(IGatewayExtension.setLaneEnabled, (lane, false)),
            abi.encodeCall(IGatewayExtension.setLaneEnabled, (lane, true))
        ];
        bytes memory call = calls[which % calls.length];
        _expectRefused(caller, call, IGatewayTypes.NotGovernance.selector);
        _expectRefused(guardian, call, IGatewayTypes.NotGovernance.selector);
        _expectRefused(unpauser, call, IGatewayTypes.NotGovernance.selector);
        _expectRefused(auditor, call, IGatewayTypes.NotGovernance.selector);
        _expectRefused(address(0), call, IGatewayTypes.NotGovernance.selector);
    }

    /// R-61: each guardian function, by anybody else.
    function test_only_the_guardian_stops(address caller, uint8 which) public {
        vm.assume(caller != guardian);
        bytes[5] memory calls = [
            abi.encodeCall(IGatewayExtension.pause, ()),
            abi.encodeCall(IGatewayExtension.pauseLane, (lane)),
            abi.encodeCall(IGatewayExtension.retirePreviousEpoch, ()),
            abi.encodeCall(IGatewayExtension.revokeEpoch, (EPOCH)),
            abi.encodeCall(IGatewayExtension.vetoHandover, ())
        ];
        bytes memory call = calls[which % calls.length];
        _expectRefused(caller, call, IGatewayTypes.NotGuardian.selector);
        _expectRefused(governance, call, IGatewayTypes.NotGuardian.selector);
        _expectRefused(unpauser, call, IGatewayTypes.NotGuardian.selector);
        _expectRefused(auditor, call, IGatewayTypes.NotGuardian.selector);
    }

    /// R-61: resuming takes two persons, and neither governance nor who stopped will do.
    function test_only_the_unpauser_resumes(address caller, bool ofLane) public {
        vm.assume(caller != unpauser);
        bytes memory call = ofLane
            ? abi.encodeCall(IGatewayExtension.unpauseLane, (lane))
            : abi.encodeCall(IGatewayExtension.unpause, ());
        _expectRefused(caller, call, IGatewayTypes.NotUnpauser.selector);
        _expectRefused(governance, call, IGatewayTypes.NotUnpauser.selector);
        _expectRefused(guardian, call, IGatewayTypes.NotUnpauser.selector);
        _expectRefused(auditor, call, IGatewayTypes.NotUnpauser.selector);
    }

    /// R-61
    function test_only_the_auditor_pauses_for_a_day(address caller) public {
        vm.assume(caller != auditor);
        bytes memory call = abi.encodeCall(IGatewayExtension.auditPauseLane, (lane));
        _expectRefused(caller, call, IGatewayTypes.NotAuditor.selector);
        _expectRefused(guardian, call, IGatewayTypes.NotAuditor.selector);
        _expectRefused(governance, call, IGatewayTypes.NotAuditor.selector);
    }

    /// R-61: no function moves escrow, changes a record or replaces code: this is the whole list of entry points.
    function test_there_is_no_owner_s_door(bytes4 selector, bytes32 a, bytes32 b) public {
        IGatewayTypes.Transfer memory item = _lock(1_000);
        uint256 word = _lockWord(item);
        address[4] memory roles = [governance, guardian, unpauser, auditor];
        for (uint256 i = 0; i < roles.length; ++i) {
            vm.prank(roles[i]);
            (bool ignored,) = address(gateway).call(abi.encodePacked(selector, a, b));
            ignored;
        }
        _eq(_lockWord(item), word, "record");
        _eq(source.token.balanceOf(address(gateway)), 1_000, "escrow");
    }

    /// R-61
    function test_governance_names_who_stops_and_resumes(address next) public {
        vm.assume(next != address(0) && next != guardian && next != unpauser && next != auditor);
        vm.expectEmit();
        emit IGatewayTypes.RolesSet(next, next, address(0));
        vm.prank(governance);
        gateway.setRoles(next, next, address(0));
        _eq(gateway.unpauser(), next, "unpauser");
        _eq(gateway.guardian(), next, "guardian");
        _eq(gateway.auditor(), address(0), "no auditor");
        vm.prank(next);
        gateway.pause();
        vm.prank(next);
        gateway.unpause();
        _expectRefused(guardian, abi.encodeCall(IGatewayExtension.pause, ()), IGatewayTypes.NotGuardian.selector);
        _expectRefused(unpauser, abi.encodeCall(IGatewayExtension.unpause, ()), IGatewayTypes.NotUnpauser.selector);
        vm.expectRevert(IGatewayTypes.AddressMissing.selector);
        vm.prank(governance);
        gateway.setRoles(address(0), next, next);
        vm.expectRevert(IGatewayTypes.AddressMissing.selector);
        vm.prank(governance);
        gateway.setRoles(next, address(0), next);
    }

    /// R-31, R-40
    function test_a_delay_is_never_nothing(uint32 ofHandover, uint32 ofRedirect) public {
        (ofHandover, ofRedirect) = (ofHandover % 4, ofRedirect % 4);
        bool sound = ofHandover != 0 && ofRedirect != 0;
        if (sound) vm.expectEmit();
        if (sound) emit IGatewayTypes.DelaysSet(ofHandover, ofRedirect);
        else vm.expectRevert(IGatewayTypes.LimitsInvalid.selector);
        vm.prank(governance);
        gateway.setDelays(ofHandover, ofRedirect);
        (uint32 handoverDelay, uint32 redirectDelay) = gateway.delays();
        _eq(handoverDelay, sound ? ofHandover : HANDOVER_DELAY, "handover");
        _eq(redirectDelay, sound ? ofRedirect : REDIRECT_DELAY, "redirect");
    }

    /* PAUSES */

    /// R-32, R-61: one person stops, another resumes.
    function test_the_guardian_stops_and_the_unpauser_resumes() public {
        vm.expectEmit();
        emit IGatewayTypes.GatewayPaused(true);
        vm.prank(guardian);
        gateway.pause();
        _true(gateway.paused(), "paused");
        vm.expectEmit();
        emit IGatewayTypes.GatewayPaused(false);
        vm.prank(unpauser);
        gateway.unpause();
        _true(!gateway.paused(), "resumed");
        vm.expectEmit();
        emit IGatewayTypes.LanePaused(lane, true);
        vm.prank(guardian);
        gateway.pauseLane(lane);
        _true(gateway.lane(lane).paused, "lane paused");
        vm.expectEmit();
        emit IGatewayTypes.LanePaused(lane, false);
        vm.prank(unpauser);
        gateway.unpauseLane(lane);
        _true(!gateway.lane(lane).paused, "lane resumed");
        _lock(1);
    }

    /* HELPERS */

    function _expectRefused(address caller, bytes memory call, bytes4 selector) private {
        vm.prank(caller);
        (bool success, bytes memory answer) = address(gateway).call(call);
        _true(!success, "refused");
        vm.assertEq(answer, abi.encodeWithSelector(selector, caller), "why");
    }
}
