// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGateway, IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {Statements} from "./Statements.sol";
import {Vm} from "./Vm.sol";

/// R-40: whose signature counts: registration, handover, veto, retirement, revocation.
contract CommitteeTest is Statements {
    IGateway internal gateway;
    Vm.Wallet internal next;
    Vm.Wallet internal third;

    function setUp() public override {
        super.setUp();
        gateway = source.gateway;
        next = vm.createWallet(NEXT_KEY);
        third = vm.createWallet(THIRD_KEY);
        _on(source);
    }

    /* REGISTRATION */

    /// R-40: the first key is governance's, in force at once.
    function test_the_first_key_is_in_force_at_once(uint64 number) public {
        number = uint64(_bound(number, 1, type(uint64).max));
        IGateway fresh = _fresh();
        _eq(fresh.currentEpoch(), 0, "no key yet");
        _eq(fresh.previousEpoch(), 0, "no key before");
        vm.expectEmit();
        emit IGatewayTypes.KeyRegistered(number, next.publicKeyX, next.publicKeyY);
        vm.expectEmit();
        emit IGatewayTypes.EpochActivated(number, next.addr);
        _passes(governance, fresh, _registration(number, next));
        _eq(fresh.currentEpoch(), number, "current");
        _eq(fresh.previousEpoch(), 0, "none before it");
        _hasEpoch(fresh, number, next.addr, 0, true, false);
    }

    /// R-40: on the curve, 0 < px < n.
    function test_a_key_that_is_no_key_is_never_registered(uint256 px, uint256 py) public {
        vm.assume(!SchnorrLib.isValidKey(px, py));
        _invalid(px, py);
        _invalid(0, 0);
        _invalid(group.publicKeyX, group.publicKeyY + 1);
        _invalid(group.publicKeyX, SchnorrLib.P + 1);
    }

    /// R-40: ecrecover takes no r of n or more, so a point of the curve with such an x is not a key.
    function test_a_point_with_an_x_of_n_or_more_is_not_a_key() public {
        (uint256 px, uint256 py) = _pointAbove(SchnorrLib.N);
        _true(px >= SchnorrLib.N && SchnorrLib.isOnCurve(px, py), "a point");
        _invalid(px, py);
    }

    /// R-40: numbers of epochs only rise, and none is used twice, whatever became of its key.
    function test_a_number_not_above_the_highest_is_refused(uint64 number, bool revoked) public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        if (revoked) _revoke(NEXT_EPOCH);
        number = uint64(_bound(number, 0, NEXT_EPOCH));
        _fails(governance, gateway, _registration(number, third), _error(IGatewayTypes.EpochUsed.selector, number));
        _passes(governance, gateway, _registration(NEXT_EPOCH + 1, third));
        _fails(governance, _fresh(), _registration(0, third), _error(IGatewayTypes.EpochUsed.selector, uint256(0)));
    }

    /// R-40: the epoch before a registered one is still accepted, so that what it signed can be finished.
    function test_the_epoch_before_a_registered_one_is_still_accepted() public {
        _register(source, 20, NEXT_KEY);
        _eq(gateway.currentEpoch(), 20, "current");
        _eq(gateway.previousEpoch(), EPOCH, "previous");
        _hasEpoch(gateway, EPOCH, group.addr, 0, true, false);
        _hasEpoch(gateway, 20, next.addr, 0, true, false);
        _accepts(EPOCH, GROUP_KEY);
        _accepts(20, NEXT_KEY);
    }

    /// R-40: governance's word overrides a handover that waits.
    function test_a_registration_strikes_a_waiting_handover() public {
        _announce(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        vm.expectEmit();
        emit IGatewayTypes.HandoverVetoed(NEXT_EPOCH, next.addr);
        _passes(governance, gateway, _registration(NEXT_EPOCH, third));
        _true(gateway.isStruck(NEXT_EPOCH, next.addr), "struck");
        _hasNoHandover();
        _eq(gateway.epoch(NEXT_EPOCH).key, third.addr, "governance's key");
    }

    function test_a_registration_of_the_waiting_key_strikes_nothing() public {
        _announce(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _register(source, NEXT_EPOCH, NEXT_KEY);
        _true(!gateway.isStruck(NEXT_EPOCH, next.addr), "not struck");
        _hasNoHandover();
        _hasEpoch(gateway, NEXT_EPOCH, next.addr, 0, true, false);
    }

    /* HANDOVER */

    /// R-40: announced by the current committee's word, in force after the delay, both times by anybody.
    function test_a_handover_takes_effect_after_the_delay(address caller, uint256 early) public {
        uint64 ready = uint64(START + HANDOVER_DELAY);
        bytes memory data = _handoverCall(source, GROUP_KEY, NEXT_EPOCH, next);
        vm.expectEmit();
        emit IGatewayTypes.HandoverAnnounced(NEXT_EPOCH, next.publicKeyX, next.publicKeyY, ready);
        _passes(caller, gateway, data);
        IGatewayTypes.PendingHandover memory pending = gateway.pendingHandover();
        _eq(pending.epoch, NEXT_EPOCH, "number");
        _eq(pending.key, next.addr, "key");
        _eq(pending.ready, ready, "ready");
        _eq(gateway.currentEpoch(), EPOCH, "not yet");
        vm.warp(_bound(early, START, ready - 1));
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.HandoverNotReady.selector, NEXT_EPOCH, ready);
        _fails(caller, gateway, _activation(), error);
        vm.warp(ready);
        vm.expectEmit();
        emit IGatewayTypes.EpochActivated(NEXT_EPOCH, next.addr);
        _passes(caller, gateway, _activation());
        _hasEpoch(gateway, NEXT_EPOCH, next.addr, EPOCH, true, false);
        _hasNoHandover();
    }

    /// What waits keeps the time it was told.
    function test_a_new_delay_leaves_the_waiting_handover_alone() public {
        _announce(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        vm.prank(governance);
        gateway.setDelays(HANDOVER_DELAY * 2, REDIRECT_DELAY);
        vm.warp(START + HANDOVER_DELAY);
        gateway.activateEpoch();
        _eq(gateway.currentEpoch(), NEXT_EPOCH, "in time");
    }

    /// R-40: the previous epoch's statements count, but it names no heir any more.
    function test_the_previous_committee_hands_over_nothing() public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        IGatewayTypes.Attestation memory attestation = _signHandover(source, GROUP_KEY, NEXT_EPOCH, third);
        bytes memory data = _announcement(NEXT_EPOCH, third, attestation);
        _fails(stranger, gateway, data, _error(IGatewayTypes.EpochUnknown.selector, EPOCH));
        attestation = _signHandover(source, GROUP_KEY, THIRD_EPOCH, third); // under the current number
        data = _announcement(THIRD_EPOCH, third, attestation);
        _fails(stranger, gateway, data, _error(IGatewayTypes.KeyMismatch.selector, NEXT_EPOCH));
    }

    /// R-40: no other number than current + 1.
    function test_a_handover_to_another_number_is_refused(uint64 number) public {
        vm.assume(number != NEXT_EPOCH);
        bytes32 digest = _digest(source.endpoint, _handoverStatement(number, next.publicKeyX, next.publicKeyY));
        bytes memory data = _announcement(number, next, _sign(digest));
        _fails(stranger, gateway, data, abi.encodeWithSelector(IGatewayTypes.EpochNotNext.selector, number, NEXT_EPOCH));
    }

    function test_a_handover_that_the_committee_did_not_sign_is_refused() public {
        bytes memory invalid = _error(IGatewayTypes.SignatureInvalid.selector);
        IGatewayTypes.Attestation memory attestation = _signHandover(source, GROUP_KEY, NEXT_EPOCH, next);
        _fails(stranger, gateway, _announcement(NEXT_EPOCH, third, attestation), invalid); // of another key
        attestation = _signHandover(destination, GROUP_KEY, NEXT_EPOCH, next);
        _fails(stranger, gateway, _announcement(NEXT_EPOCH, next, attestation), invalid); // for another gateway
        IGateway fresh = _fresh();
        attestation.epoch = 0;
        bytes memory data = abi.encodeCall(fresh.handover, (1, next.publicKeyX, next.publicKeyY, attestation));
        _fails(stranger, fresh, data, _error(IGatewayTypes.EpochUnknown.selector, uint256(0)));
    }

    function test_a_second_handover_waits_for_the_first() public {
        _announce(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        bytes memory waiting = _error(IGatewayTypes.HandoverPending.selector, NEXT_EPOCH);
        _fails(stranger, gateway, _handoverCall(source, GROUP_KEY, NEXT_EPOCH, third), waiting);
        _fails(stranger, gateway, _handoverCall(source, GROUP_KEY, NEXT_EPOCH, next), waiting);
    }

    /// R-40: a gateway accepts its current epoch and the one before, and no other.
    function test_two_epochs_are_accepted_and_no_third() public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _accepts(EPOCH, GROUP_KEY);
        _accepts(NEXT_EPOCH, NEXT_KEY);
        _handOver(source, NEXT_KEY, THIRD_EPOCH, THIRD_KEY);
        _refuses(EPOCH, GROUP_KEY);
        _accepts(NEXT_EPOCH, NEXT_KEY);
        _accepts(THIRD_EPOCH, THIRD_KEY);
        _hasEpoch(gateway, EPOCH, group.addr, 0, false, false);
        _hasEpoch(gateway, NEXT_EPOCH, next.addr, EPOCH, true, false);
        _hasEpoch(gateway, THIRD_EPOCH, third.addr, NEXT_EPOCH, true, false);
        _eq(gateway.previousEpoch(), NEXT_EPOCH, "previous");
    }

    /* VETO */

    /// R-40: the guardian strikes that (epoch, key) for ever; after the delay too, until somebody activates it.
    function test_a_vetoed_pair_never_comes_back(uint256 time) public {
        _announce(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        vm.warp(_bound(time, START, START + 10 * uint256(HANDOVER_DELAY)));
        vm.expectEmit();
        emit IGatewayTypes.HandoverVetoed(NEXT_EPOCH, next.addr);
        _passes(guardian, gateway, abi.encodeCall(gateway.vetoHandover, ()));
        _true(gateway.isStruck(NEXT_EPOCH, next.addr), "struck");
        _hasNoHandover();
        bytes memory struck = abi.encodeWithSelector(IGatewayTypes.KeyStruck.selector, NEXT_EPOCH, next.addr);
        _fails(stranger, gateway, _handoverCall(source, GROUP_KEY, NEXT_EPOCH, next), struck);
        _fails(governance, gateway, _registration(NEXT_EPOCH, next), struck);
        _true(!destination.gateway.isStruck(NEXT_EPOCH, next.addr), "on that gateway only");
    }

    /// R-40, R-41: a key is of one epoch, so that revoking the epoch revokes the key.
    function test_a_key_that_was_in_force_never_comes_back() public {
        Vm.Wallet memory first = vm.createWallet(GROUP_KEY);
        bytes memory struck = abi.encodeWithSelector(IGatewayTypes.KeyStruck.selector, NEXT_EPOCH, first.addr);
        _fails(stranger, gateway, _handoverCall(source, GROUP_KEY, NEXT_EPOCH, first), struck);
        _fails(governance, gateway, _registration(NEXT_EPOCH, first), struck);
    }

    /// R-40: after a veto governance registers the next key; the vetoed number was never in force.
    function test_governance_registers_after_a_veto(bool sameNumber) public {
        _announce(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        vm.prank(guardian);
        gateway.vetoHandover();
        if (sameNumber) _register(source, NEXT_EPOCH, THIRD_KEY);
        else _register(source, THIRD_EPOCH, NEXT_KEY);
        _accepts(sameNumber ? NEXT_EPOCH : THIRD_EPOCH, sameNumber ? THIRD_KEY : NEXT_KEY);
        _accepts(EPOCH, GROUP_KEY);
    }

    function test_without_a_handover_there_is_nothing_to_veto_or_activate() public {
        _hasNoHandover();
    }

    /* RETIREMENT */

    /// R-40: a retired epoch is no longer accepted; its heirs stay.
    function test_a_retired_epoch_is_refused_and_its_heir_stays() public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        vm.expectEmit();
        emit IGatewayTypes.EpochRetired(EPOCH);
        _passes(guardian, gateway, abi.encodeCall(gateway.retirePreviousEpoch, ()));
        _eq(gateway.previousEpoch(), 0, "no previous");
        _refuses(EPOCH, GROUP_KEY);
        _accepts(NEXT_EPOCH, NEXT_KEY);
        _hasEpoch(gateway, EPOCH, group.addr, 0, false, false);
        bytes memory data = abi.encodeCall(gateway.retirePreviousEpoch, ());
        _fails(guardian, gateway, data, _error(IGatewayTypes.EpochUnknown.selector, uint256(0)));
        _handOver(source, NEXT_KEY, THIRD_EPOCH, THIRD_KEY);
        _accepts(NEXT_EPOCH, NEXT_KEY);
        _refuses(EPOCH, GROUP_KEY);
    }

    /* WHOSE NUMBER, WHOSE KEY */

    function test_the_right_key_under_another_number_is_refused() public {
        _handOver(source, GROUP_KEY, NEXT_EPOCH, NEXT_KEY);
        _attest(EPOCH, NEXT_KEY, _error(IGatewayTypes.KeyMismatch.selector, EPOCH));
        _attest(NEXT_EPOCH, GROUP_KEY, _error(IGatewayTypes.KeyMismatch.selector, NEXT_EPOCH));
    }

    /// Nomad 2022: nothing is attested by zeros, nor by a number that was never registered.
    function test_an_epoch_that_never_was_is_refused(uint64 number) public {
        vm.assume(number != EPOCH);
        _refuses(number, GROUP_KEY);
        _refuses(0, GROUP_KEY);
        IGatewayTypes.Attestation memory zeros;
        _settleFails(zeros, _error(IGatewayTypes.EpochUnknown.selector, uint256(0)));
        zeros.epoch = EPOCH;
        _settleFails(zeros, _error(IGatewayTypes.KeyMismatch.selector, EPOCH));
        IGateway fresh = _fresh();
        IGatewayTypes.Batch[] memory batches = _inbound(_terms(_request(1), 1));
        zeros.epoch = number;
        bytes memory data = abi.encodeCall(fresh.settle, (batches, zeros));
        _fails(stranger, fresh, data, _error(IGatewayTypes.EpochUnknown.selector, number));
        zeros.epoch = 0;
        _fails(
            stranger,
            fresh,
            abi.encodeCall(fresh.settle, (batches, zeros)),
            _error(IGatewayTypes.EpochUnknown.selector, uint256(0))
        );
    }

    /* HELPERS */

    function _fresh() private returns (IGateway) {
        vm.roll(500);
        vm.setBlockhash(499, keccak256("fresh"));
        return _newGateway();
    }

    function _invalid(uint256 px, uint256 py) private {
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.KeyInvalid.selector, px, py);
        _fails(governance, gateway, abi.encodeCall(gateway.registerKey, (NEXT_EPOCH, px, py)), error);
        bytes32 digest = _digest(source.endpoint, _handoverStatement(NEXT_EPOCH, px, py));
        bytes memory data = abi.encodeCall(gateway.handover, (NEXT_EPOCH, px, py, _sign(digest)));
        _fails(stranger, gateway, data, error);
    }

    /// The first point of the curve with x of at least `x`, found by the square root for p = 3 mod 4.
    function _pointAbove(uint256 x) private pure returns (uint256 px, uint256 py) {
        for (px = x; !SchnorrLib.isOnCurve(px, py); ++px) {
            py = _root(addmod(mulmod(mulmod(px + 1, px + 1, SchnorrLib.P), px + 1, SchnorrLib.P), 7, SchnorrLib.P));
        }
    }

    function _root(uint256 square) private pure returns (uint256 root) {
        root = 1;
        for (uint256 exponent = (SchnorrLib.P + 1) / 4; exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) root = mulmod(root, square, SchnorrLib.P);
            square = mulmod(square, square, SchnorrLib.P);
        }
    }

    function _registration(uint64 number, Vm.Wallet memory key) private view returns (bytes memory) {
        return abi.encodeCall(gateway.registerKey, (number, key.publicKeyX, key.publicKeyY));
    }

    function _activation() private view returns (bytes memory) {
        return abi.encodeCall(gateway.activateEpoch, ());
    }

    function _announcement(uint64 number, Vm.Wallet memory key, IGatewayTypes.Attestation memory attestation)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(gateway.handover, (number, key.publicKeyX, key.publicKeyY, attestation));
    }

    function _revoke(uint64 number) private {
        vm.prank(guardian);
        gateway.revokeEpoch(number);
    }

    function _hasNoHandover() private {
        _eq(gateway.pendingHandover().epoch, 0, "nothing waits");
        _eq(gateway.pendingHandover().key, address(0), "no key waits");
        _fails(stranger, gateway, _activation(), _error(IGatewayTypes.HandoverMissing.selector));
        bytes memory veto = abi.encodeCall(gateway.vetoHandover, ());
        _fails(guardian, gateway, veto, _error(IGatewayTypes.HandoverMissing.selector));
    }

    function _hasEpoch(IGateway at, uint64 number, address key, uint64 parent, bool accepted, bool revoked)
        private
        view
    {
        IGatewayTypes.EpochState memory state = at.epoch(number);
        _eq(state.key, key, "key");
        _eq(state.parent, parent, "parent");
        _true(state.accepted == accepted, "accepted");
        _true(state.revoked == revoked, "revoked");
    }

    function _accepts(uint64 number, uint256 key) private {
        _attest(number, key, "");
    }

    function _refuses(uint64 number, uint256 key) private {
        _attest(number, key, _error(IGatewayTypes.EpochUnknown.selector, number));
    }

    /// Of (epoch, key), each of the three statements of lists, on the source's gateway; no `error`: all are taken.
    function _attest(uint64 number, uint256 key, bytes memory error) private {
        IGatewayTypes.Transfer memory item = _terms(_request(1), 1);
        (item.source, item.destination) = (item.destination, item.source); // nothing here: checked, then skipped
        IGatewayTypes.Transfer[] memory items = _one(item);
        bytes32 statement = _lockedStatement(number, _list(items));
        IGatewayTypes.Attestation memory a = _signWith(key, number, _digest(source.endpoint, statement));
        _try(abi.encodeCall(gateway.settle, (_inbound(items), a)), error);
        items[0].sequence = 0;
        statement = _refusedStatement(number, _list(items), hex"01");
        a = _signWith(key, number, _digest(source.endpoint, statement));
        _try(abi.encodeCall(gateway.refuse, (_inbound(items), hex"01", a)), error);
        items = _one(_terms(_request(1), 99));
        statement = _outcomeStatement(number, _list(items), MINTED);
        a = _signWith(key, number, _digest(source.endpoint, statement));
        _try(abi.encodeCall(gateway.finish, (_outbound(items), MINTED, a)), error);
    }

    function _try(bytes memory data, bytes memory error) private {
        if (error.length == 0) _passes(stranger, gateway, data);
        else _fails(stranger, gateway, data, error);
    }

    function _settleFails(IGatewayTypes.Attestation memory attestation, bytes memory error) private {
        IGatewayTypes.Batch[] memory batches = _inbound(_terms(_request(1), 1));
        _fails(stranger, gateway, abi.encodeCall(gateway.settle, (batches, attestation)), error);
    }
}
