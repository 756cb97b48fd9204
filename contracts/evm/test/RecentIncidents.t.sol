// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayCore, IGatewayExtension, IGatewayTypes, TransferId} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// Incidents.t.sol, from 2024 on.
contract RecentIncidentsTest is Base {
    /* 2024 */

    /// Enough keys were stolen. Here the thief, who can sign anything, mints no more than the lane's bucket, and nothing at
    /// once that is large (R-25).
    function test_orbit_2024_stolen_keys_mint_no_more_than_the_bucket(uint256 seed) public {
        uint128 capacity = 1_000_000;
        _on(destination);
        vm.prank(governance);
        destination.gateway
            .configureInbound(source.endpoint, ASSET, IGatewayTypes.InboundLimits(capacity, 600_000, 1 hours, 1 hours));
        _settle(_invented(seed, 1, 700_000));
        _le(destination.token.totalSupply(), capacity, "R-25: one bucket");
        _true(destination.token.totalSupply() > 0, "what is small enough is minted");
        vm.warp(vm.getBlockTimestamp() + 30 minutes);
        _settle(_invented(seed, 21, 599_999));
        _le(destination.token.totalSupply(), capacity + capacity / 2, "and what flowed in since");
    }

    /// Twenty transfers that no lock is behind.
    function _invented(uint256 seed, uint64 first, uint256 max)
        private
        view
        returns (IGatewayTypes.Transfer[] memory items)
    {
        items = new IGatewayTypes.Transfer[](20);
        for (uint64 i = 0; i < 20; ++i) {
            items[i] = _terms(_request(1 + uint256(keccak256(abi.encode(seed, first + i))) % max), first + i);
        }
    }

    /// Arbitrary calls spent infinite approvals. Here an allowance moves units by the holder's own terms only: as caller or
    /// by an Order it signed.
    function test_socket_lifi_2024_an_allowance_is_not_consent(address stranger, bytes32 r, bytes32 s) public {
        vm.assume(stranger != holder && stranger != address(source.gateway) && stranger != address(source.token));
        vm.assume(source.token.allowance(stranger, address(source.gateway)) == 0);
        _on(source);
        vm.prank(stranger);
        source.gateway.lock(_batch(_request(5)));
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](1);
        orders[0].order = IGatewayTypes.Order({
            destination: destination.endpoint,
            asset: ASSET,
            holder: holder,
            recipient: _account(stranger),
            amount: 5,
            divisible: false,
            deadline: uint64(START + 1 hours),
            life: 0,
            clientReference: 0,
            payloadHash: 0,
            nonce: 1,
            expiry: uint64(START + 1 hours),
            submitter: address(0)
        });
        orders[0].signature = abi.encodePacked(r, s, uint8(27));
        vm.prank(stranger);
        source.gateway.lockOrders(orders, new IGatewayTypes.Permit[](0));
        _eq(source.token.balanceOf(holder), UNITS, "nothing of the holder's moved");
        _eq(source.gateway.lane(lane).nextSequence, 1, "nothing is locked");
    }

    /// An initialiser was skipped, and the threshold was 0. Here there is none: a gateway without its roles, its delays or
    /// its extension can't be deployed, and has no key until governance registers one.
    function test_ronin_2024_nothing_is_left_to_be_initialised() public {
        address extension = source.gateway.extension();
        bytes memory code = vm.getCode("Gateway.sol:Gateway");
        for (uint256 i = 0; i < 7; ++i) {
            IGatewayTypes.Settings memory settings =
                IGatewayTypes.Settings(extension, governance, unpauser, guardian, auditor, 1, 1);
            if (i == 0) settings.extension = address(0);
            if (i == 1) settings.extension = address(0xE0A);
            if (i == 2) settings.governance = address(0);
            if (i == 3) settings.unpauser = address(0);
            if (i == 4) settings.guardian = address(0);
            if (i == 5) settings.handoverDelay = 0;
            if (i == 6) settings.redirectDelay = 0;
            bytes memory creation = bytes.concat(code, abi.encode(settings));
            address deployed;
            assembly {
                deployed := create(0, add(creation, 0x20), mload(creation))
            }
            _eq(deployed, address(0), "not deployed");
        }
        string[4] memory initialisers =
            ["initialize()", "initialize(address)", "reinitialize(uint64)", "upgradeToAndCall(address,bytes)"];
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(governance);
            (bool success,) = address(source.gateway).call(abi.encodeWithSignature(initialisers[i]));
            _true(!success, "there is no such function");
        }
    }

    /* 2026 */

    /// Execution was open to anyone, with a message that nobody checked. Here every entry point without a valid attestation
    /// or role changes nothing.
    function test_crosscurve_2026_no_entry_point_acts_without_an_attestation(address anybody, uint256 junk) public {
        vm.assume(anybody != governance && anybody != guardian && anybody != unpauser && anybody != auditor);
        vm.assume(anybody != address(source.gateway) && anybody != address(destination.gateway));
        IGatewayTypes.Transfer memory item = _lock(5);
        bytes32 before = _stateOf(item);
        bytes[] memory calls = _callsOfAnybody(item, junk);
        for (uint256 i = 0; i < calls.length; ++i) {
            for (uint256 side = 0; side < 2; ++side) {
                Ledger memory ledger = side == 0 ? source : destination;
                _on(ledger);
                vm.prank(anybody);
                (bool success,) = address(ledger.gateway).call(calls[i]);
                _true(!success, "refused");
                _eq(_stateOf(item), before, "nothing changed");
            }
        }
    }

    /// The same with calldata that is nothing at all.
    function test_crosscurve_2026_nonsense_changes_nothing(address anybody, bytes calldata data) public {
        IGatewayTypes.Transfer memory item = _lock(5);
        bytes32 before = _stateOf(item);
        vm.prank(anybody);
        (bool ignored,) = address(destination.gateway).call(data);
        vm.prank(anybody);
        (ignored,) = address(source.gateway).call(data);
        _eq(_stateOf(item), before, "nothing changed");
    }

    /// One key upgraded custody. Here no role, alone or all together, has a function that moves escrow or a record: each
    /// address is refused what isn't its own, and there is no owner.
    function test_iotube_2026_no_single_key_can_do_another_s_work() public {
        address[4] memory roles = [governance, guardian, unpauser, auditor];
        bytes[4] memory works = [
            abi.encodeCall(IGatewayExtension.setDelays, (1, 1)),
            abi.encodeCall(IGatewayExtension.pause, ()),
            abi.encodeCall(IGatewayExtension.unpause, ()),
            abi.encodeCall(IGatewayExtension.auditPauseLane, (lane))
        ];
        _on(source);
        for (uint256 r = 0; r < 4; ++r) {
            for (uint256 w = 0; w < 4; ++w) {
                vm.prank(roles[r]);
                (bool success,) = address(source.gateway).call(works[w]);
                _true(success == (r == w), "its own work alone");
            }
        }
        _eq(source.token.balanceOf(address(source.gateway)), 0, "nothing moved");
    }

    /// A leaf's index was not checked against the count, and a proof not bound to its request. Here a valid statement says
    /// nothing of another list, kind, verifier or outcome.
    function test_hyperbridge_2026_a_valid_proof_says_nothing_of_another_request(uint256 change) public {
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Transfer memory other = _lock(6);
        IGatewayTypes.Attestation memory locked = _signLocked(_one(item));
        IGatewayTypes.Attestation memory outcome = _signOutcome(_one(item), REJECTED);
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(other), locked);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.refuse(_inbound(item), hex"02", outcome);
        _on(source);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        source.gateway.finish(_outbound(item), MINTED, outcome);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        source.gateway.finish(_outbound(item), REJECTED, locked);
        item.amount = _bound(change, 6, 1e24);
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(item), locked);
    }

    /// The amount was not bound to what was locked. Here it is what the lock measured, and in the id.
    function test_verus_2026_no_more_is_minted_than_was_locked(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.Transfer memory item = _lock(amount);
        _settle(item);
        _eq(destination.token.totalSupply(), source.token.balanceOf(address(source.gateway)), "what was locked");
        source.token.behave(Behaviour.TAKES_FEE);
        _lockNothing(_request(amount));
    }

    /// A spoofed message that hashed as a true one, by packed encoding of fields of changing length. Here everything hashed
    /// is whole words, and two lists that differ in their cut are different.
    function test_map_butter_2026_no_two_lists_hash_alike() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        bytes memory codes = hex"0601";
        IGatewayTypes.Attestation memory good = _signRefused(items, codes);
        _on(destination);
        bytes[3] memory others = [bytes(hex"0106"), hex"0600", hex"0606"];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
            destination.gateway.refuse(_inbound(items), others[i], good);
        }
        // an id in the place of a code's bytes, or of the other way round
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.LengthMismatch.selector, uint256(1), uint256(2)));
        destination.gateway.refuse(_inbound(items[0]), codes, good);
        destination.gateway.refuse(_inbound(items), codes, good);
    }

    /* HELPERS */

    function _lockNothing(IGatewayTypes.LockRequest memory request) private {
        uint64 next = source.gateway.lane(lane).nextSequence;
        uint128 locked = source.gateway.lane(lane).locked;
        TransferId[] memory ids = _lockAll(_one(request));
        _eq(TransferId.unwrap(ids[0]), 0, "no id");
        _eq(source.gateway.lane(lane).nextSequence, next, "no sequence");
        _eq(source.gateway.lane(lane).locked, locked, "no total");
    }

    function _callsOfAnybody(IGatewayTypes.Transfer memory item, uint256 junk)
        private
        view
        returns (bytes[] memory calls)
    {
        IGatewayTypes.Attestation memory forged =
            IGatewayTypes.Attestation(EPOCH, group.publicKeyX, group.publicKeyY, junk, junk, junk);
        calls = new bytes[](17);
        calls[0] = abi.encodeCall(IGatewayCore.settle, (_inbound(item), forged));
        calls[1] = abi.encodeCall(IGatewayCore.refuse, (_inbound(item), hex"06", forged));
        calls[2] = abi.encodeCall(IGatewayCore.finish, (_outbound(item), REJECTED, forged));
        calls[3] = abi.encodeCall(IGatewayCore.finishClosed, (ASSET, _outbound(item), REJECTED, abi.encode(junk, junk)));
        calls[4] = abi.encodeCall(IGatewayCore.payout, (item));
        calls[5] = abi.encodeCall(IGatewayCore.proposeRedirect, (item, address(uint160(junk))));
        calls[6] = abi.encodeCall(IGatewayCore.confirmRedirect, (item, address(uint160(junk))));
        calls[7] = abi.encodeCall(IGatewayExtension.handover, (EPOCH + 1, group.publicKeyX, group.publicKeyY, forged));
        calls[8] = abi.encodeCall(IGatewayExtension.activateEpoch, ());
        calls[9] = abi.encodeCall(IGatewayExtension.issue, (ASSET, 1, junk, abi.encode(junk, junk)));
        calls[10] = abi.encodeCall(IGatewayExtension.close, (item.destination, forged, new bytes[](1)));
        calls[11] = abi.encodeCall(IGatewayExtension.setCutOff, (ASSET, 1, 2, 3));
        calls[12] = abi.encodeCall(IGatewayExtension.registerKey, (EPOCH + 1, group.publicKeyX, group.publicKeyY));
        calls[13] = abi.encodeCall(IGatewayExtension.pauseLane, (lane));
        calls[14] = abi.encodeCall(IGatewayExtension.unpause, ());
        calls[15] = abi.encodeWithSignature("moveOut(uint16,uint8,address,uint256)", 1, 2, holder, 5);
        calls[16] = abi.encodeWithSelector(bytes4(bytes32(junk)), item, junk);
    }

    function _stateOf(IGatewayTypes.Transfer memory item) private view returns (bytes32) {
        bytes memory records = abi.encode(
            _outcomeOf(item),
            _endingOf(item),
            _lockWord(item),
            _pendingOf(item),
            source.gateway.lane(lane),
            destination.gateway.lane(lane)
        );
        bytes memory units = abi.encode(
            source.token.balanceOf(holder),
            source.token.totalSupply(),
            destination.token.totalSupply(),
            source.gateway.asset(ASSET),
            destination.gateway.asset(ASSET)
        );
        return keccak256(bytes.concat(records, units, _keysOf(source), _keysOf(destination)));
    }

    function _keysOf(Ledger memory ledger) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                ledger.gateway.currentEpoch(),
                ledger.gateway.epoch(EPOCH),
                ledger.gateway.pendingHandover(),
                ledger.gateway.governance(),
                ledger.gateway.guardian(),
                ledger.gateway.unpauser(),
                ledger.gateway.auditor(),
                ledger.gateway.paused(),
                ledger.gateway.profileCount()
            )
        );
    }
}
