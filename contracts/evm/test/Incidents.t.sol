// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AssetId,
    IGatewayCore,
    IGatewayTypes,
    LockMode,
    Outcome,
    TokenForm,
    TransferId
} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {Base} from "./Base.sol";
import {TokenWithoutBurn, TokenThatAcceptsAnything} from "./mocks/OddTokens.sol";
import {Behaviour} from "./mocks/TestToken.sol";
import {Vm} from "./Vm.sol";

/// What others lost by: each row of reference/reliability.md, section 2, that a gateway can show; those
/// from 2024 on in RecentIncidents.t.sol.
///
/// Not a gateway's:
/// - Thorchain 2021, pNetwork 2021 (forged and foreign events): the reader; tests/integration/test_bad_input.py,
///   tests/unit/notary/test_observer.py.
/// - Ronin 2022 (seats in one hand), Harmony 2022 (threshold), Multichain 2023 and the key theft of Orbit 2024: the
///   committee's configuration, R-42 and t = n - f; tests/unit/test_config.py, tests/integration/test_bad_start.py,
///   tests/unit/frost/test_aggregate.py. What stale or stolen keys do to a gateway is here.
/// - deBridge 2022 (phishing): two persons for each dangerous action; TwoPersonTimelock.t.sol.
/// - KelpDAO 2026 (one verifier, lying nodes, a failover that lowers the quorum): R-10; tests/unit/notary/test_observer.py,
///   tests/unit/test_config.py, tests/scenarios/test_faults.py.
contract IncidentsTest is Base {
    /* 2021 */

    /// A message could call the key registry. Here what a token or a list names is never called: a gateway calls its
    /// profile's token, itself, and a holder's isValidSignature, whatever stands in the fields of a transfer.
    function test_poly_network_2021_no_message_reaches_an_address_but_the_token(uint8 field, bytes4 selector) public {
        Canary canary = new Canary();
        address[4] memory targets =
            [address(canary), address(source.gateway), address(destination.gateway), address(destination.token)];
        for (uint256 i = 0; i < 4; ++i) {
            IGatewayTypes.LockRequest memory request = _request(5);
            request.recipient = _account(targets[i]);
            request.clientReference = bytes32(selector);
            request.payloadHash = field % 2 == 0 ? bytes32(selector) : _account(targets[i]);
            IGatewayTypes.Transfer memory item = _lock(request);
            bytes32 before = _keysOf(destination);
            _settle(item);
            _eq(_keysOf(destination), before, "keys and roles are as before");
        }
        _eq(canary.calls(), 0, "nobody was called");
    }

    /// A default gave quota to unknown signers. Here an epoch that never was has no key, and address 0 is none.
    function test_chainswap_2021_an_unknown_signer_has_no_weight(uint256 key, uint64 epoch) public {
        key = _bound(key, 1, SchnorrLib.N - 1);
        vm.assume(key != GROUP_KEY && epoch != EPOCH);
        IGatewayTypes.Transfer memory item = _lock(5);
        bytes32 digest = _lockedDigest(_one(item));
        IGatewayTypes.Attestation memory byStranger = _signWith(key, EPOCH, digest);
        IGatewayTypes.Attestation memory ofNoEpoch = _signWith(key, epoch, digest);
        _on(destination);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.KeyMismatch.selector, EPOCH));
        destination.gateway.settle(_inbound(item), byStranger);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, epoch));
        destination.gateway.settle(_inbound(item), ofNoEpoch);
    }

    /* 2022 */

    /// A call of a function that a token lacks fell through to its fallback. Here a token that doesn't burn as its form
    /// says is no profile, and whose movement moves nothing locks nothing.
    function test_multichain_2022_a_token_without_the_function_is_refused() public {
        address[2] memory tokens = [address(new TokenWithoutBurn()), address(new TokenThatAcceptsAnything())];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(governance);
            vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.TokenCannotBurn.selector, tokens[i]));
            source.gateway
                .addProfile(
                    AssetId.wrap("odd"), tokens[i], tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE
                );
        }
        source.token.behave(Behaviour.DOES_NOTHING);
        _lockNothing(_request(5));
    }

    /// A permit for a token without permit succeeded by its fallback. Here what counts is what moved.
    function test_multichain_2022_a_permit_that_says_yes_moves_nothing() public {
        vm.prank(holder);
        source.token.approve(address(source.gateway), 0);
        IGatewayTypes.Permit[] memory permits = new IGatewayTypes.Permit[](1);
        permits[0] = IGatewayTypes.Permit(ASSET, holder, 5, type(uint256).max, 27, bytes32("r"), bytes32("s"));
        _on(source);
        vm.prank(holder);
        TransferId[] memory ids = source.gateway.lockWithPermits(_batch(_request(5)), permits);
        _eq(TransferId.unwrap(ids[0]), 0, "not locked");
    }

    /// `safeTransferFrom` of an address without code succeeded.
    function test_qubit_2022_a_token_without_code_locks_and_mints_nothing() public {
        address[2] memory tokens = [address(0), address(0xE0A)];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(governance);
            vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.TokenWithoutCode.selector, tokens[i]));
            source.gateway
                .addProfile(
                    AssetId.wrap("odd"), tokens[i], tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE
                );
        }
        IGatewayTypes.Transfer memory item = _lock(5);
        vm.etch(address(source.token), "");
        vm.etch(address(destination.token), "");
        _lockNothing(_request(5));
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "nor minted");
    }

    /// A path took it that the units had come before. Here every lock measures what came (R-03).
    function test_meter_2022_a_lock_takes_what_came_and_never_what_was_said() public {
        source.token.issue(address(source.gateway), 1_000); // given before: nobody's lock
        Behaviour[3] memory turns = [Behaviour.DOES_NOTHING, Behaviour.TAKES_FEE, Behaviour.MISSTATES_BALANCE];
        for (uint256 i = 0; i < 3; ++i) {
            source.token.behave(turns[i]);
            _lockNothing(_request(5));
        }
        source.token.behave(Behaviour.HONEST);
        _lock(5);
        _eq(source.token.balanceOf(address(source.gateway)), 1_005, "INV-9");
    }

    /// The verifier was an argument. Here it is in the code, and what ecrecover answers to nonsense, zero, is no key.
    function test_wormhole_2022_nothing_verifies_by_a_zero_answer(uint256 rx, uint256 ry, uint256 z) public {
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Attestation memory forged = _signLocked(_one(item));
        vm.assume(rx != forged.rx);
        (forged.rx, forged.ry, forged.z) = (rx, ry, z);
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(item), forged);
    }

    /// Keys that no longer counted did. Here an epoch is accepted as long as it is current or previous.
    function test_ronin_2022_a_stale_epoch_s_key_is_refused() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Attestation memory stale = _signLocked(_one(item));
        _on(destination);
        for (uint64 epoch = EPOCH + 1; epoch <= EPOCH + 2; ++epoch) {
            Vm.Wallet memory next = vm.createWallet(GROUP_KEY + epoch);
            vm.prank(governance);
            destination.gateway.registerKey(epoch, next.publicKeyX, next.publicKeyY);
        }
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, EPOCH));
        destination.gateway.settle(_inbound(item), stale);
    }

    /// An upgrade made the zero root proven. Here zero is no root, id, key or epoch; and before a key is registered
    /// nothing is.
    function test_nomad_2022_zero_proves_nothing() public {
        IGatewayTypes.Attestation memory zero;
        IGatewayTypes.Transfer[] memory items = new IGatewayTypes.Transfer[](1); // bare, id 0
        _on(destination);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, uint64(0)));
        destination.gateway.settle(_inbound(items), zero);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.NothingPending.selector, _id(items[0])));
        source.gateway.payout(items[0]);
        vm.prank(governance);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.KeyInvalid.selector, uint256(0), uint256(0)));
        destination.gateway.registerKey(EPOCH + 1, 0, 0);

        vm.prank(guardian);
        destination.gateway.revokeEpoch(EPOCH); // as before the first key
        _eq(destination.gateway.currentEpoch(), 0, "no key is in force");
        zero.epoch = EPOCH;
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, EPOCH));
        destination.gateway.settle(_inbound(items), zero);
        zero.epoch = 0;
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, uint64(0)));
        destination.gateway.settle(_inbound(items), zero);
    }

    /// An address that was somebody's here was anybody's there. Here the recipient is always named, and the destination's
    /// token must say that it may hold.
    function test_wintermute_2022_nobody_receives_by_default_of_the_same_address() public {
        IGatewayTypes.LockRequest memory request = _request(5);
        request.recipient = 0;
        _lockNothing(request);
        request.recipient = _account(holder);
        destination.token.bar(holder, true); // no identity there
        IGatewayTypes.Transfer memory item = _lock(request);
        _on(destination);
        _eq(destination.gateway.eligibility(item), 1, "NOT_ELIGIBLE");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "not minted");
    }

    /// A fork with another chain id took the old one's messages. R-06: the endpoint is made of the live chain id.
    function test_omnibridge_2022_a_fork_refuses_every_attestation_and_order(uint64 chain) public {
        vm.assume(chain != destination.chainId && chain != source.chainId && chain != 0);
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Attestation memory locked = _signLocked(_one(item));
        IGatewayTypes.Attestation memory refused = _signRefused(_one(item), hex"06");
        IGatewayTypes.Attestation memory outcome = _signOutcome(_one(item), REJECTED);
        vm.chainId(chain);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(item), locked);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.refuse(_inbound(item), hex"06", refused);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        source.gateway.finish(_outbound(item), REJECTED, outcome);
    }

    /// A proof took what it did not bind. Here every bit of the statement's list and of the signature is bound.
    function test_bnb_bridge_2022_any_flipped_bit_is_refused(uint8 word, uint8 bit) public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        IGatewayTypes.Attestation memory good = _signLocked(items);
        bytes memory data = abi.encodeCall(IGatewayCore.settle, (_inbound(items), good));
        // the words that say something: attestation 1–6, peer 9, asset 10, items 13–26
        uint256 which = word % 22;
        uint256 at = 36 + 32 * (which < 6 ? which + 1 : which < 8 ? which + 3 : which + 5);
        assembly {
            let place := add(data, at)
            mstore(place, xor(mload(place), shl(bit, 1)))
        }
        _on(destination);
        (bool success,) = address(destination.gateway).call(data);
        _true(!success, "refused");
        _eq(destination.token.totalSupply(), 0, "nothing minted");
    }

    /// The same for items added, left out or in another order.
    function test_bnb_bridge_2022_an_item_more_or_less_is_refused() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(3);
        IGatewayTypes.Attestation memory good = _signLocked(items);
        IGatewayTypes.Transfer[] memory two = _two(items[0], items[1]);
        IGatewayTypes.Transfer[] memory swapped = new IGatewayTypes.Transfer[](3);
        (swapped[0], swapped[1], swapped[2]) = (items[1], items[0], items[2]);
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(two), good);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(swapped), good);
        good = _signLocked(two);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(items), good);
    }

    /* 2023 */

    /// An oversized payload made even writing down the failure unaffordable, and blocked the channel. Here a failure is
    /// an event of bounded size, nothing is stored, and the next item is minted in the same call.
    function test_layerzero_stargate_2023_a_stuck_transfer_never_blocks_the_next() public {
        IGatewayTypes.LockRequest memory request = _request(5);
        request.recipient = _account(address(0xBAD));
        request.payloadHash = bytes32(type(uint256).max);
        IGatewayTypes.Transfer memory stuck = _lock(request);
        IGatewayTypes.Transfer memory next = _lock(7);
        destination.token.bar(address(0xBAD), true);
        _settle(_two(stuck, next));
        _eq(_outcomeOf(next), Outcome.MINTED, "past what is stuck");
        destination.token.behave(Behaviour.REVERTS_WITH_1_MB);
        IGatewayTypes.Transfer memory third = _lock(9);
        _on(destination);
        IGatewayTypes.Attestation memory attestation = _signLocked(_two(stuck, third));
        uint256 before = gasleft();
        destination.gateway.settle(_inbound(_two(stuck, third)), attestation);
        _le(before - gasleft(), 1_500_000, "a bomb costs its allowance");
        destination.token.behave(Behaviour.HONEST);
        _settle(third);
        _eq(_outcomeOf(third), Outcome.MINTED, "and blocks nothing later");
        vm.etch(address(0xBAD), "");
        _refuse(stuck, 1);
        _eq(_outcomeOf(stuck), Outcome.REJECTED, "what is stuck can be closed");
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

/// Counts who calls.
contract Canary {
    uint256 public calls;

    fallback() external {
        ++calls;
    }
}
