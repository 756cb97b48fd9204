// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGateway, IGatewayTypes, Outcome} from "../src/interfaces/IGateway.sol";
import {Statements} from "./Statements.sol";
import {Vm} from "./Vm.sol";

/// R-40: revoking an epoch ends it and its heirs; R-32: nothing of the committee's wakes a paused gateway; INV-8: no transfer
/// is stranded by a handover.
contract RevocationTest is Statements {
    uint64 internal constant LATER = 20;
    IGateway internal gateway;

    function setUp() public override {
        super.setUp();
        gateway = source.gateway;
        _on(source);
    }

    /* REVOCATION, BY POSITION */

    /// R-40: the current epoch without heirs; the one before goes on, and names no heir.
    function test_the_current_epoch_revoked_leaves_the_previous_one() public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _expectRevoked(NEXT_EPOCH);
        _revoke(NEXT_EPOCH);
        _are(0, EPOCH);
        _ended(NEXT_EPOCH);
        _stands(EPOCH);
        _true(_isAccepted(EPOCH, GROUP_KEY), "previous is accepted");
        _true(!_isAccepted(NEXT_EPOCH, NEXT_KEY), "revoked is not");
        bytes memory data = _handoverCall(source, GROUP_KEY, NEXT_EPOCH, vm.createWallet(THIRD_KEY));
        _fails(stranger, gateway, data, _error(IGatewayTypes.EpochUnknown.selector, EPOCH));
        _register(source, THIRD_EPOCH, THIRD_KEY);
        _are(THIRD_EPOCH, EPOCH);
        _true(_isAccepted(EPOCH, GROUP_KEY), "previous still");
    }

    /// R-40: the previous epoch takes the current one, its heir, along; then nothing passes until governance registers
    /// a number above all that were seen.
    function test_the_previous_epoch_revoked_ends_its_heir() public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _expectRevoked(EPOCH);
        _expectRevoked(NEXT_EPOCH);
        _revoke(EPOCH);
        _are(0, 0);
        _ended(EPOCH);
        _ended(NEXT_EPOCH);
        _true(!_isAccepted(EPOCH, GROUP_KEY) && !_isAccepted(NEXT_EPOCH, NEXT_KEY), "no statement passes");
        _true(!_isAccepted(0, GROUP_KEY), "nor of epoch 0");
        bytes memory data = _handoverCall(source, NEXT_KEY, THIRD_EPOCH, vm.createWallet(THIRD_KEY));
        _fails(stranger, gateway, data, _error(IGatewayTypes.EpochUnknown.selector, NEXT_EPOCH));
        Vm.Wallet memory third = vm.createWallet(THIRD_KEY);
        data = abi.encodeCall(gateway.registerKey, (NEXT_EPOCH, third.publicKeyX, third.publicKeyY));
        _fails(governance, gateway, data, _error(IGatewayTypes.EpochUsed.selector, NEXT_EPOCH));
        _register(source, THIRD_EPOCH, THIRD_KEY);
        _are(THIRD_EPOCH, 0);
        _true(_isAccepted(THIRD_EPOCH, THIRD_KEY), "the new key");
        _true(!_isAccepted(NEXT_EPOCH, NEXT_KEY), "the revoked stays so");
    }

    /// R-40: an ancestor that is accepted no more ends all that descend from it.
    function test_an_older_ancestor_revoked_ends_every_descendant() public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _handOver(source, NEXT_KEY, THIRD_EPOCH, THIRD_KEY);
        _revoke(EPOCH);
        _are(0, 0);
        _ended(EPOCH);
        _ended(NEXT_EPOCH);
        _ended(THIRD_EPOCH);
        _true(!_isAccepted(NEXT_EPOCH, NEXT_KEY) && !_isAccepted(THIRD_EPOCH, THIRD_KEY), "no statement passes");
    }

    /// R-40: descendants, not ancestors.
    function test_a_middle_epoch_revoked_leaves_its_parent() public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _handOver(source, NEXT_KEY, THIRD_EPOCH, THIRD_KEY);
        _revoke(NEXT_EPOCH);
        _are(0, 0);
        _stands(EPOCH);
        _ended(NEXT_EPOCH);
        _ended(THIRD_EPOCH);
    }

    /// R-40: a key that governance registered descends from none, next number or not; nor do its heirs.
    function test_a_root_of_governance_s_survives_the_line_before_it(bool nextNumber) public {
        uint64 root = nextNumber ? THIRD_EPOCH : LATER;
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _register(source, root, THIRD_KEY);
        _announce(source, THIRD_KEY, root + 1, 0xFADE);
        _revoke(EPOCH);
        _ended(EPOCH);
        _ended(NEXT_EPOCH);
        _stands(root);
        _are(root, 0); // the previous one was of the revoked line
        _true(!_isAccepted(NEXT_EPOCH, NEXT_KEY), "previous ended");
        _true(_isAccepted(root, THIRD_KEY), "root accepted");
        _eq(gateway.pendingHandover().epoch, root + 1, "its handover waits on");
        vm.warp(gateway.pendingHandover().ready);
        gateway.activateEpoch();
        _are(root + 1, root);
        _eq(gateway.epoch(root + 1).parent, root, "heir of the root");
    }

    /// R-40: what a revoked epoch signed is struck, like after a veto.
    function test_a_revoked_signer_s_handover_is_struck() public {
        address next = vm.createWallet(NEXT_KEY).addr;
        _announce(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        vm.expectEmit();
        emit IGatewayTypes.HandoverVetoed(NEXT_EPOCH, next);
        _revoke(EPOCH);
        _eq(gateway.pendingHandover().epoch, 0, "nothing waits");
        _true(gateway.isStruck(NEXT_EPOCH, next), "struck");
        vm.warp(START + HANDOVER_DELAY);
        bytes memory data = abi.encodeCall(gateway.activateEpoch, ());
        _fails(stranger, gateway, data, _error(IGatewayTypes.HandoverMissing.selector));
    }

    function test_an_epoch_that_never_was_can_not_be_revoked(uint64 number) public {
        vm.assume(number != EPOCH);
        bytes memory data = abi.encodeCall(gateway.revokeEpoch, (number));
        _fails(guardian, gateway, data, _error(IGatewayTypes.EpochUnknown.selector, number));
    }

    /// An announced key is no epoch yet: it is vetoed, not revoked.
    function test_an_announced_epoch_is_not_revoked() public {
        _announce(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        bytes memory data = abi.encodeCall(gateway.revokeEpoch, (NEXT_EPOCH));
        _fails(guardian, gateway, data, _error(IGatewayTypes.EpochUnknown.selector, NEXT_EPOCH));
    }

    function test_a_second_revocation_changes_nothing() public {
        _revoke(EPOCH);
        _register(source, NEXT_EPOCH, NEXT_KEY);
        vm.recordLogs();
        _revoke(EPOCH);
        _eq(vm.getRecordedLogs().length, 0, "no event");
        _are(NEXT_EPOCH, 0);
        _stands(NEXT_EPOCH);
        _true(_isAccepted(NEXT_EPOCH, NEXT_KEY), "still accepted");
    }

    /* PAUSE */

    /// R-32: keys come and go; who paused the gateway is who counts.
    function test_a_paused_gateway_stays_paused_through_every_change_of_key(bool paused) public {
        vm.prank(paused ? guardian : unpauser);
        if (paused) gateway.pause();
        else gateway.unpause();
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _true(gateway.paused() == paused, "after an activation");
        _announce(source, NEXT_KEY, THIRD_EPOCH, THIRD_KEY);
        vm.prank(guardian);
        gateway.vetoHandover();
        _true(gateway.paused() == paused, "after a veto");
        vm.prank(guardian);
        gateway.retirePreviousEpoch();
        _true(gateway.paused() == paused, "after a retirement");
        _revoke(NEXT_EPOCH);
        _true(gateway.paused() == paused, "after a revocation");
        _register(source, LATER, THIRD_KEY);
        _true(gateway.paused() == paused, "after a registration");
    }

    /* OPEN TRANSFERS */

    /// R-40, INV-8: what the old committee signed before the handover settles, is refused and finishes after it.
    function test_ten_open_transfers_end_by_the_old_committee_s_word() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(10);
        IGatewayTypes.Attestation memory locked = _signLocked(items);
        bytes memory outcomes = _repeat(0x01, 10);
        IGatewayTypes.Attestation memory outcome = _signOutcome(items, outcomes);
        _handOverBoth(GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        vm.warp(START + 30 minutes); // the handover's delay is of no interest here: back before the deadlines
        _on(destination);
        destination.gateway.settle(_inbound(items), locked);
        _on(source);
        gateway.finish(_outbound(items), outcomes, outcome);
        for (uint256 i = 0; i < 10; ++i) {
            _eq(_outcomeOf(items[i]), Outcome.MINTED, "minted");
            _eq(_endingOf(items[i]), Ending.COMMITTED, "committed");
        }
        _eq(destination.token.balanceOf(payee), 55, "1 + 2 + ... + 10");
    }

    /// R-40: a third epoch leaves the first one's signatures without effect; signed again, every transfer still ends.
    function test_what_the_epoch_before_the_previous_signed_is_signed_again() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(10);
        bytes memory reasons = _repeat(bytes1(EXPIRED_REASON), 10);
        bytes memory outcomes = _repeat(0x03, 10);
        IGatewayTypes.Attestation memory refused = _signRefused(items, reasons);
        IGatewayTypes.Attestation memory outcome = _signOutcome(items, outcomes);
        _handOverBoth(GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _handOverBoth(NEXT_KEY, THIRD_EPOCH, THIRD_KEY);
        bytes memory unknown = _error(IGatewayTypes.EpochUnknown.selector, EPOCH);
        bytes memory data = abi.encodeCall(gateway.refuse, (_inbound(items), reasons, refused));
        _on(destination);
        _fails(stranger, destination.gateway, data, unknown);
        refused = _signWith(
            THIRD_KEY, THIRD_EPOCH, _digest(destination.endpoint, _refusedStatement(THIRD_EPOCH, _list(items), reasons))
        );
        destination.gateway.refuse(_inbound(items), reasons, refused);
        _on(source);
        data = abi.encodeCall(gateway.finish, (_outbound(items), outcomes, outcome));
        _fails(stranger, gateway, data, unknown);
        outcome = _signWith(
            NEXT_KEY, NEXT_EPOCH, _digest(source.endpoint, _outcomeStatement(NEXT_EPOCH, _list(items), outcomes))
        );
        gateway.finish(_outbound(items), outcomes, outcome);
        for (uint256 i = 0; i < 10; ++i) {
            _eq(_outcomeOf(items[i]), Outcome.EXPIRED, "expired");
            _eq(_endingOf(items[i]), Ending.RELEASED, "released");
        }
        _eq(source.token.balanceOf(holder), UNITS, "INV-6: nothing stranded");
    }

    /* HELPERS */

    function _handOverBoth(uint256 signer, uint64 number, uint256 to) private {
        _handOver(source, signer, number, to);
        _handOver(destination, signer, number, to);
    }

    function _revoke(uint64 number) private {
        vm.prank(guardian);
        gateway.revokeEpoch(number);
    }

    function _expectRevoked(uint64 number) private {
        vm.expectEmit();
        emit IGatewayTypes.EpochRevoked(number);
    }

    function _are(uint64 current, uint64 previous) private view {
        _eq(gateway.currentEpoch(), current, "current epoch");
        _eq(gateway.previousEpoch(), previous, "previous epoch");
    }

    function _ended(uint64 number) private view {
        IGatewayTypes.EpochState memory state = gateway.epoch(number);
        _true(state.revoked && !state.accepted, "revoked");
    }

    function _stands(uint64 number) private view {
        _true(!gateway.epoch(number).revoked, "not revoked");
    }

    /// Whether a Locked statement of (epoch, key) passes; if not, because the epoch is unknown.
    function _isAccepted(uint64 number, uint256 key) private returns (bool success) {
        IGatewayTypes.Transfer[] memory items = _one(_terms(_request(1), 1));
        (items[0].source, items[0].destination) = (destination.endpoint, source.endpoint);
        bytes32 digest = _digest(source.endpoint, _lockedStatement(number, _list(items)));
        IGatewayTypes.Attestation memory attestation = _signWith(key, number, digest);
        bytes memory answer;
        (success, answer) = address(gateway).call(abi.encodeCall(gateway.settle, (_inbound(items), attestation)));
        if (!success) vm.assertEq(answer, _error(IGatewayTypes.EpochUnknown.selector, number), "error");
    }
}
