// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGateway, LaneId, LockMode} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {Base} from "./Base.sol";
import {TokenThatAcceptsAnything, TokenWithOddAnswers, TokenWithoutBurn} from "./mocks/OddTokens.sol";
import {TestToken} from "./mocks/TestToken.sol";
import {Vm} from "./Vm.sol";

/// R-01, R-04, R-06, R-07, R-40, R-61: who may do what, and what registration refuses.
contract AdminTest is Base {
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
        bytes[9] memory calls = [
            abi.encodeCall(IGateway.unpause, ()),
            abi.encodeCall(IGateway.unpauseLane, (lane)),
            abi.encodeCall(IGateway.registerKey, (1, group.publicKeyX, group.publicKeyY)),
            abi.encodeCall(IGateway.registerPeer, ("fabric:x", keccak256("x"), keccak256("y"))),
            abi.encodeCall(IGateway.disablePeer, (destination.endpoint)),
            abi.encodeCall(IGateway.addProfile, (ASSET, address(source.token), LockMode.ESCROW, 0, GAS_ALLOWANCE)),
            abi.encodeCall(IGateway.setAssetEnabled, (ASSET, false)),
            abi.encodeCall(IGateway.configureLane, (source.endpoint, destination.endpoint, ASSET, _limits())),
            abi.encodeCall(IGateway.setLaneEnabled, (lane, false))
        ];
        _expectRefused(caller, calls[which % 9], IGateway.NotGovernance.selector);
        _expectRefused(guardian, calls[which % 9], IGateway.NotGovernance.selector);
    }

    /// R-61: each guardian function, by anybody else.
    function test_only_the_guardian_pauses(address caller, bool ofLane) public {
        vm.assume(caller != guardian);
        bytes memory call = ofLane ? abi.encodeCall(IGateway.pauseLane, (lane)) : abi.encodeCall(IGateway.pause, ());
        _expectRefused(caller, call, IGateway.NotGuardian.selector);
        _expectRefused(governance, call, IGateway.NotGuardian.selector);
    }

    /// R-61: one person stops, another resumes.
    function test_the_guardian_stops_and_governance_resumes() public {
        vm.expectEmit();
        emit IGateway.GatewayPaused(true);
        vm.prank(guardian);
        gateway.pause();
        _true(gateway.paused(), "paused");
        vm.prank(governance);
        gateway.unpause();
        _true(!gateway.paused(), "resumed");
        vm.expectEmit();
        emit IGateway.LanePaused(lane, true);
        vm.prank(guardian);
        gateway.pauseLane(lane);
        _true(gateway.lane(lane).paused, "lane paused");
        vm.prank(governance);
        gateway.unpauseLane(lane);
        _true(!gateway.lane(lane).paused, "lane resumed");
        _lock(1);
    }

    /// R-61: no function moves escrow, changes a record or replaces code: this is the whole list of entry points.
    function test_there_is_no_owner_s_door(bytes4 selector, bytes32 a, bytes32 b) public {
        IGateway.Transfer memory item = _lock(1_000);
        uint256 word = _lockWord(item);
        vm.prank(governance);
        (bool ignored,) = address(gateway).call(abi.encodePacked(selector, a, b));
        vm.prank(guardian);
        (ignored,) = address(gateway).call(abi.encodePacked(selector, a, b));
        _eq(_lockWord(item), word, "record");
        _eq(source.token.balanceOf(address(gateway)), 1_000, "escrow");
    }

    function test_a_call_of_no_function_is_refused(bytes3 data) public {
        (bool success,) = address(gateway).call(abi.encodePacked(data));
        _true(!success, "no fallback");
        (success,) = address(gateway).call("");
        _true(!success, "no receive");
    }

    /* KEYS */

    /// R-40: the first key is governance's, and there is one.
    function test_the_first_key_is_registered_once(uint64 epoch) public {
        vm.expectRevert(abi.encodeWithSelector(IGateway.KeyAlreadyRegistered.selector, EPOCH));
        vm.prank(governance);
        gateway.registerKey(epoch, group.publicKeyX, group.publicKeyY);
        _eq(gateway.currentEpoch(), EPOCH, "epoch");
        _eq(gateway.keyCommitment(EPOCH), keccak256(abi.encode(group.publicKeyX, group.publicKeyY)), "commitment");
    }

    /// R-40
    function test_an_invalid_key_is_refused(uint256 px, uint256 py) public {
        vm.assume(!SchnorrLib.isValidKey(px, py));
        IGateway fresh = _fresh();
        vm.expectRevert(abi.encodeWithSelector(IGateway.KeyInvalid.selector, px, py));
        vm.prank(governance);
        fresh.registerKey(1, px, py);
        vm.expectRevert(abi.encodeWithSelector(IGateway.EpochUnknown.selector, uint64(0)));
        vm.prank(governance);
        fresh.registerKey(0, group.publicKeyX, group.publicKeyY);
        vm.expectEmit();
        emit IGateway.KeyRegistered(1, group.publicKeyX, group.publicKeyY);
        vm.prank(governance);
        fresh.registerKey(1, group.publicKeyX, group.publicKeyY);
    }

    /// Nomad 2022: before a key is registered nothing is attested, not by zeros either.
    function test_a_gateway_without_a_key_accepts_nothing(uint64 epoch) public {
        IGateway fresh = _fresh();
        IGateway.Transfer[] memory items = _one(_terms(_request(1), 1));
        IGateway.Attestation memory attestation;
        attestation.epoch = epoch;
        vm.expectRevert(abi.encodeWithSelector(IGateway.EpochUnknown.selector, epoch));
        fresh.settle(items, attestation);
        vm.expectRevert(abi.encodeWithSelector(IGateway.EpochUnknown.selector, epoch));
        fresh.refuse(items, hex"06", attestation);
        vm.expectRevert(abi.encodeWithSelector(IGateway.EpochUnknown.selector, epoch));
        fresh.finish(items, MINTED, attestation);
    }

    /* IDENTITY */

    /// Section 1
    function test_an_endpoint_is_its_ledger_its_fingerprint_and_its_account() public view {
        vm.assertEq(gateway.caip2(), "eip155:1001", "caip2");
        _eq(gateway.fingerprint(), keccak256(abi.encode("block", uint256(1001))), "hash of the block before");
        _eq(gateway.deployedAt(), 100, "deployedAt");
        bytes32 expected =
            keccak256(abi.encode(keccak256("eip155:1001"), gateway.fingerprint(), uint256(uint160(address(gateway)))));
        _eq(EndpointId.unwrap(gateway.endpointId()), expected, "EndpointId");
        _eq(gateway.domainSeparator(), _domain(gateway.endpointId()), "domain");
    }

    /// R-06, Omnibridge 2022
    function test_another_chain_id_is_another_endpoint(uint64 chain) public {
        vm.assume(chain != 1001 && chain != 0);
        vm.chainId(chain);
        EndpointId moved = gateway.endpointId();
        _true(EndpointId.unwrap(moved) != EndpointId.unwrap(source.endpoint), "another");
        _eq(gateway.domainSeparator(), _domain(moved), "domain follows");
        vm.assertEq(gateway.caip2(), string.concat("eip155:", vm.toString(uint256(chain))), "caip2 follows");
    }

    function test_a_deployment_without_fingerprint_or_roles_is_refused() public {
        vm.roll(500);
        vm.setBlockhash(499, keccak256("x"));
        _true(!_deploys(address(0), guardian), "no governance");
        _true(!_deploys(governance, address(0)), "no guardian");
        _true(_deploys(governance, guardian), "fine");
        vm.setBlockhash(499, 0);
        _true(!_deploys(governance, guardian), "no fingerprint");
    }

    /* PEERS AND LANES */

    /// Section 1: never two gateways of one ledger.
    function test_a_gateway_of_this_ledger_is_no_peer(bytes32 hash, bytes32 account) public {
        vm.assume(hash != gateway.fingerprint());
        (string memory caip2, bytes32 fingerprint) = (gateway.caip2(), gateway.fingerprint());
        vm.expectPartialRevert(IGateway.PeerOnSameLedger.selector);
        vm.prank(governance);
        gateway.registerPeer(caip2, hash, account);
        vm.expectPartialRevert(IGateway.PeerOnSameLedger.selector);
        vm.prank(governance);
        gateway.registerPeer("fabric:x", fingerprint, account);
    }

    function test_a_peer_is_registered_once(bytes32 hash, bytes32 account) public {
        vm.assume(hash != gateway.fingerprint());
        EndpointId expected = EndpointId.wrap(keccak256(abi.encode(keccak256("book:x"), hash, account)));
        vm.expectEmit();
        emit IGateway.PeerRegistered(expected, "book:x", hash, account);
        vm.prank(governance);
        gateway.registerPeer("book:x", hash, account);
        vm.expectRevert(abi.encodeWithSelector(IGateway.PeerAlreadyRegistered.selector, expected));
        vm.prank(governance);
        gateway.registerPeer("book:x", hash, account);
    }

    function test_a_lane_needs_one_end_here_and_a_peer(bytes32 other) public {
        vm.assume(other != EndpointId.unwrap(source.endpoint) && other != EndpointId.unwrap(destination.endpoint));
        EndpointId stranger = EndpointId.wrap(other);
        _expectLaneRefused(stranger, destination.endpoint, IGateway.NotOurLane.selector);
        _expectLaneRefused(source.endpoint, source.endpoint, IGateway.NotOurLane.selector);
        _expectLaneRefused(source.endpoint, stranger, IGateway.PeerUnknown.selector);
        _expectLaneRefused(stranger, source.endpoint, IGateway.PeerUnknown.selector);
        vm.prank(governance);
        gateway.disablePeer(destination.endpoint);
        _expectLaneRefused(destination.endpoint, source.endpoint, IGateway.PeerUnknown.selector);
    }

    function test_a_lane_needs_a_known_asset(bytes32 id) public {
        vm.assume(id != AssetId.unwrap(ASSET));
        vm.expectRevert(abi.encodeWithSelector(IGateway.AssetUnknown.selector, id));
        vm.prank(governance);
        gateway.configureLane(source.endpoint, destination.endpoint, AssetId.wrap(id), _limits());
        vm.expectRevert(abi.encodeWithSelector(IGateway.AssetUnknown.selector, id));
        vm.prank(governance);
        gateway.setAssetEnabled(AssetId.wrap(id), true);
    }

    /// Section 1: 0 < amount < 2^127.
    function test_limits_that_make_no_sense_are_refused(uint128 a, uint128 b, uint32 c, uint32 d) public {
        bool sound = 0 < a && a <= b && b < 2 ** 127 && 0 < c && c <= d;
        if (!sound) vm.expectRevert(IGateway.LimitsInvalid.selector);
        vm.prank(governance);
        gateway.configureLane(source.endpoint, destination.endpoint, ASSET, IGateway.LaneLimits(a, b, c, d));
    }

    /// R-07: changing limits keeps sequence, totals and flags.
    function test_new_limits_keep_a_lane_s_state() public {
        _lock(1_000);
        vm.prank(guardian);
        gateway.pauseLane(lane);
        IGateway.LaneLimits memory limits = IGateway.LaneLimits(5, 6, 7, 8);
        vm.expectEmit();
        emit IGateway.LaneConfigured(lane, source.endpoint, destination.endpoint, ASSET, limits);
        vm.prank(governance);
        gateway.configureLane(source.endpoint, destination.endpoint, ASSET, limits);
        IGateway.LaneState memory state = gateway.lane(lane);
        _true(state.paused && state.enabled, "flags");
        _eq(state.nextSequence, 2, "sequence");
        _eq(state.locked, 1_000, "total");
        _eq(state.limits.amountMax, 6, "limits");
        _eq(state.limits.deadlineMax, 8, "limits");
        _eq(gateway.lanes().length, 1, "one lane");
        _eq(LaneId.unwrap(gateway.lanes()[0]), LaneId.unwrap(lane), "listed");
    }

    /// R-07
    function test_disabling_a_peer_disables_its_lanes_for_good() public {
        vm.prank(governance);
        LaneId back = gateway.configureLane(destination.endpoint, source.endpoint, ASSET, _limits());
        vm.prank(governance);
        EndpointId third = gateway.registerPeer("book:x", keccak256("x"), keccak256("y"));
        vm.prank(governance);
        LaneId others = gateway.configureLane(source.endpoint, third, ASSET, _limits());
        vm.prank(governance);
        gateway.disablePeer(destination.endpoint);
        _true(!gateway.lane(lane).enabled && !gateway.lane(back).enabled, "both directions");
        _true(gateway.lane(others).enabled, "not another's");
        vm.expectRevert(abi.encodeWithSelector(IGateway.PeerUnknown.selector, destination.endpoint));
        vm.prank(governance);
        gateway.setLaneEnabled(lane, true);
    }

    function test_an_unknown_lane_or_peer_is_refused(bytes32 id) public {
        vm.assume(id != LaneId.unwrap(lane) && id != EndpointId.unwrap(destination.endpoint));
        bytes memory refusal = abi.encodeWithSelector(IGateway.LaneUnknown.selector, id);
        vm.expectRevert(refusal);
        vm.prank(governance);
        gateway.setLaneEnabled(LaneId.wrap(id), true);
        vm.expectRevert(refusal);
        vm.prank(guardian);
        gateway.pauseLane(LaneId.wrap(id));
        vm.expectRevert(abi.encodeWithSelector(IGateway.PeerUnknown.selector, id));
        vm.prank(governance);
        gateway.disablePeer(EndpointId.wrap(id));
    }

    /* PROFILES */

    /// R-07
    function test_profiles_are_numbered_and_never_change(uint32 gasAllowance) public {
        gasAllowance = uint32(_bound(gasAllowance, 100_000, 1_000_000));
        TestToken next = new TestToken();
        vm.expectEmit();
        emit IGateway.ProfileAdded(2, ASSET, address(next));
        vm.prank(governance);
        _eq(gateway.addProfile(ASSET, address(next), LockMode.ESCROW, 0, gasAllowance), 2, "number");
        IGateway.Profile memory first = gateway.profile(1);
        _eq(first.token, address(source.token), "first stays");
        _eq(first.gasAllowance, GAS_ALLOWANCE, "first stays");
        IGateway.Profile memory second = gateway.profile(2);
        _eq(second.token, address(next), "token");
        _eq(second.codeHash, address(next).codehash, "code hash");
        _eq(AssetId.unwrap(second.asset), AssetId.unwrap(ASSET), "asset");
        _eq(second.gasAllowance, gasAllowance, "gas");
        _true(second.hasPaused && second.hasCanReceive && second.mode == LockMode.ESCROW, "probed");
        _eq(gateway.asset(ASSET).profile, 2, "active");
        _eq(gateway.profile(3).token, address(0), "no third");
    }

    /// R-07: a new profile leaves a disabled asset disabled.
    function test_a_new_profile_enables_nothing() public {
        vm.prank(governance);
        gateway.setAssetEnabled(ASSET, false);
        _addProfile(address(new TestToken()), LockMode.ESCROW, 0, "");
        _true(!gateway.asset(ASSET).enabled, "still disabled");
    }

    /// R-04
    function test_modes_not_built_are_refused() public {
        address token = address(source.token);
        LockMode[3] memory modes = [LockMode.NONE, LockMode.BURN, LockMode.FREEZE];
        for (uint256 i = 0; i < 3; ++i) {
            _addProfile(token, modes[i], 0, abi.encodeWithSelector(IGateway.ModeUnsupported.selector, modes[i]));
        }
    }

    /// R-01
    function test_a_token_of_other_decimals_is_refused(uint8 decimals) public {
        vm.assume(decimals != 0);
        TestToken token = new TestToken();
        token.setDecimals(decimals);
        _addProfile(
            address(token), LockMode.ESCROW, 0, abi.encodeWithSelector(IGateway.DecimalsMismatch.selector, 0, decimals)
        );
        // The asset's tokens all have the same.
        _addProfile(
            address(token),
            LockMode.ESCROW,
            decimals,
            abi.encodeWithSelector(IGateway.DecimalsMismatch.selector, 0, decimals)
        );
    }

    /// R-04
    function test_a_token_that_can_t_burn_is_refused() public {
        address without = address(new TokenWithoutBurn());
        _addProfile(without, LockMode.ESCROW, 0, abi.encodeWithSelector(IGateway.TokenCannotBurn.selector, without));
        address anything = address(new TokenThatAcceptsAnything());
        _addProfile(anything, LockMode.ESCROW, 0, abi.encodeWithSelector(IGateway.TokenCannotBurn.selector, anything));
        source.token.setPaused(true);
        address token = address(source.token);
        _addProfile(token, LockMode.ESCROW, 0, abi.encodeWithSelector(IGateway.TokenCannotBurn.selector, token));
    }

    /// Qubit 2022
    function test_an_address_without_code_is_no_token(address nobody) public {
        vm.assume(nobody.code.length == 0 && uint160(nobody) > 0xffff);
        _addProfile(nobody, LockMode.ESCROW, 0, abi.encodeWithSelector(IGateway.TokenWithoutCode.selector, nobody));
    }

    function test_one_token_is_of_one_asset(bytes32 other) public {
        vm.assume(other != AssetId.unwrap(ASSET));
        vm.expectRevert(abi.encodeWithSelector(IGateway.TokenAlreadyUsed.selector, address(source.token)));
        vm.prank(governance);
        gateway.addProfile(AssetId.wrap(other), address(source.token), LockMode.ESCROW, 0, GAS_ALLOWANCE);
    }

    /// R-22: exactly one word, 0 or 1, else the token has no such function.
    function test_odd_answers_are_no_answers() public {
        _addProfile(address(new TokenWithOddAnswers()), LockMode.ESCROW, 0, "");
        _true(!gateway.profile(2).hasPaused && !gateway.profile(2).hasCanReceive, "neither");
    }

    /// R-21: an allowance too small for a burn of nothing is found at registration.
    function test_a_hopeless_gas_allowance_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IGateway.TokenCannotBurn.selector, address(source.token)));
        vm.prank(governance);
        gateway.addProfile(ASSET, address(source.token), LockMode.ESCROW, 0, 1_000);
    }

    /* HELPERS */

    function _addProfile(address token, LockMode mode, uint8 decimals, bytes memory refusal) private {
        if (refusal.length != 0) vm.expectRevert(refusal);
        vm.prank(governance);
        gateway.addProfile(ASSET, token, mode, decimals, GAS_ALLOWANCE);
    }

    function _expectLaneRefused(EndpointId from, EndpointId to, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        vm.prank(governance);
        gateway.configureLane(from, to, ASSET, _limits());
    }

    function _expectRefused(address caller, bytes memory call, bytes4 selector) private {
        vm.expectRevert(abi.encodeWithSelector(selector, caller));
        vm.prank(caller);
        (bool ignored,) = address(gateway).call(call);
        ignored;
    }

    function _fresh() private returns (IGateway) {
        return IGateway(vm.deployCode("Gateway.sol:Gateway", abi.encode(governance, guardian)));
    }

    function _deploys(address governance_, address guardian_) private returns (bool) {
        try this.deploy(governance_, guardian_) {
            return true;
        } catch {
            return false;
        }
    }

    function deploy(address governance_, address guardian_) external {
        vm.deployCode("Gateway.sol:Gateway", abi.encode(governance_, guardian_));
    }

    function _domain(EndpointId salt) private pure returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,bytes32 salt)");
        return keccak256(abi.encode(kind, keccak256("Naru"), keccak256("1"), salt));
    }
}
