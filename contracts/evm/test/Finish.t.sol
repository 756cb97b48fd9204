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
import {Behaviour, TestToken} from "./mocks/TestToken.sol";

/// R-07, R-08, R-31, R-32, INV-2 to INV-6, INV-9: `finish`.
contract FinishTest is Base {
    IGatewayTypes.Transfer internal item;

    function setUp() public override {
        super.setUp();
        item = _lock(1_000);
    }

    /* ENDINGS */

    /// R-31, INV-4
    function test_a_minted_transfer_is_committed_and_its_escrow_burned(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.Transfer memory terms = _lock(amount);
        IGatewayTypes.Attestation memory attestation = _signOutcome(_one(terms), MINTED);
        vm.expectEmit();
        emit IGatewayTypes.Finished(_id(terms), lane, terms.sequence, Ending.COMMITTED);
        source.gateway.finish(_outbound(terms), MINTED, attestation);
        _eq(_endingOf(terms), Ending.COMMITTED, "bits");
        _eq(_lockWord(terms), 0, "word cleared");
        _eq(_pendingOf(terms), Ending.OPEN, "nothing waits");
        _eq(source.token.totalSupply(), UNITS - amount, "burned");
        _eq(source.token.balanceOf(address(source.gateway)), 1_000, "the other's escrow stays");
        (, uint256 burned, uint256 reminted, uint256 held) = source.gateway.totals(ASSET);
        _eq(burned, amount, "INV-4");
        _eq(reminted, 0, "nothing minted back in ESCROW");
        _eq(held, 1_000, "held");
        _eq(source.gateway.lane(lane).committed, amount, "lane total");
    }

    /// R-31, INV-6
    function test_a_rejected_or_expired_transfer_is_released_to_its_sender(uint256 amount, bool expired) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.Transfer memory terms = _lock(amount);
        bytes memory outcome = expired ? EXPIRED : REJECTED;
        IGatewayTypes.Attestation memory attestation = _signOutcome(_one(terms), outcome);
        vm.expectEmit();
        emit IGatewayTypes.Finished(_id(terms), lane, terms.sequence, Ending.RELEASED);
        source.gateway.finish(_outbound(terms), outcome, attestation);
        _eq(_endingOf(terms), Ending.RELEASED, "bits");
        _eq(_pendingOf(terms), Ending.OPEN, "nothing waits");
        _eq(source.token.balanceOf(holder), UNITS - 1_000, "paid back to the unit");
        _eq(source.token.totalSupply(), UNITS, "nothing burned");
        _eq(source.gateway.lane(lane).released, amount, "lane total");
        (, uint256 burned,,) = source.gateway.totals(ASSET);
        _eq(burned, 0, "INV-4");
    }

    /// INV-1, INV-3: what is finished stays as it is.
    function test_a_transfer_is_finished_once(uint8 first, uint8 second) public {
        bytes memory one = abi.encodePacked(uint8(_bound(first, 1, 3)));
        bytes memory two = abi.encodePacked(uint8(_bound(second, 1, 3)));
        _finish(item, one);
        Ending ending = _endingOf(item);
        uint256 balance = source.token.balanceOf(holder);
        uint256 supply = source.token.totalSupply();
        _finish(item, two);
        _eq(_endingOf(item), ending, "stands");
        _eq(source.token.balanceOf(holder), balance, "not paid again");
        _eq(source.token.totalSupply(), supply, "not burned again");
    }

    /// INV-3: twice in one list, with either outcome.
    function test_a_transfer_twice_in_one_list_is_finished_once(uint8 first, uint8 second) public {
        _lock(1_000);
        (first, second) = (uint8(_bound(first, 1, 3)), uint8(_bound(second, 1, 3)));
        _finish(_two(item, item), abi.encodePacked(first, second));
        _eq(_endingOf(item), first == 1 ? Ending.COMMITTED : Ending.RELEASED, "the first");
        _eq(source.token.balanceOf(address(source.gateway)), 1_000, "the other's escrow stays");
    }

    /// R-31: the escrow of all COMMITTED items goes in one burn, whatever stands between them but a release.
    function test_a_list_is_burned_in_one_call_between_releases(uint256 seed) public {
        IGatewayTypes.Transfer[] memory items = _lockMany(12);
        bytes memory outcomes = new bytes(12);
        uint256 burned;
        uint256 runs;
        bool inRun;
        for (uint256 i = 0; i < 12; ++i) {
            uint8 outcome = uint8(1 + uint256(keccak256(abi.encode(seed, i))) % 3);
            outcomes[i] = bytes1(outcome);
            if (outcome == 1) burned += items[i].amount;
            if (outcome == 1 && !inRun) ++runs;
            inRun = outcome == 1;
        }
        uint256 before = source.token.burnCount();
        _finish(items, outcomes);
        _eq(source.token.burnCount() - before, runs, "burns");
        _eq(source.token.totalSupply(), UNITS - burned, "supply");
        _eq(source.token.balanceOf(address(source.gateway)), 1_000, "escrow left");
        for (uint256 i = 0; i < 12; ++i) {
            _eq(_endingOf(items[i]), outcomes[i] == 0x01 ? Ending.COMMITTED : Ending.RELEASED, "each");
        }
    }

    /// R-31: items of one batch are burned in one call, each batch by itself.
    function test_each_batch_is_burned_by_itself() public {
        IGatewayTypes.Transfer memory there = _lockTowards(_anotherPeer(), 500);
        IGatewayTypes.Transfer[] memory here = _lockMany(2);
        uint256 before = source.token.burnCount();
        IGatewayTypes.Transfer[] memory items = new IGatewayTypes.Transfer[](3);
        (items[0], items[1], items[2]) = (here[0], here[1], there);
        _finish(items, _repeat(0x01, 3));
        _eq(source.token.burnCount() - before, 2, "burns");
        _eq(source.token.totalSupply(), UNITS - 503, "supply");
        LaneId other = source.gateway.laneId(source.endpoint, there.destination, ASSET);
        _eq(source.gateway.lane(other).committed, 500, "total of the other lane");
        _eq(source.gateway.lane(lane).committed, 3, "total of this lane");
    }

    /* SKIPS AND REFUSALS */

    /// R-31: the lock word must match the recomputed id.
    function test_other_terms_at_the_same_sequence_are_skipped(uint256 amount, bytes32 sender) public {
        IGatewayTypes.Transfer memory other = item;
        other.amount = _bound(amount, 1, 1e24);
        other.sender = sender;
        vm.assume(TransferId.unwrap(_id(other)) != TransferId.unwrap(_id(item)));
        _finish(other, REJECTED);
        _eq(_endingOf(item), Ending.OPEN, "open");
        _eq(source.token.balanceOf(address(source.gateway)), 1_000, "escrow stays");
    }

    /// R-31: what was never locked here is skipped.
    function test_an_unknown_transfer_is_skipped(uint64 sequence, bytes32 to) public {
        sequence = uint64(_bound(sequence, 2, type(uint64).max));
        vm.assume(to != EndpointId.unwrap(destination.endpoint));
        IGatewayTypes.Transfer memory other = item;
        other.sequence = sequence;
        IGatewayTypes.Transfer memory elsewhere = item;
        elsewhere.destination = EndpointId.wrap(to);
        _finish(_two(other, elsewhere), hex"0102");
        _eq(source.token.balanceOf(address(source.gateway)), 1_000, "escrow stays");
        _eq(_bits(source, sequence), 0, "no record");
        _eq(_endingOf(item), Ending.OPEN, "open");
        LaneId unknown = source.gateway.laneId(source.endpoint, elsewhere.destination, ASSET);
        _eq(source.gateway.outcomeWords(unknown, 0, 1)[0], 0, "no record on an unknown lane");
    }

    /// R-31: what left another ledger can't be said here but as its id: ids are made for this endpoint.
    function test_another_source_s_item_is_no_item_here(bytes32 from) public {
        vm.assume(from != EndpointId.unwrap(source.endpoint));
        IGatewayTypes.Transfer memory foreign = item;
        foreign.source = EndpointId.wrap(from);
        IGatewayTypes.Transfer memory ours = _lock(7);
        IGatewayTypes.Attestation memory attestation = _signOutcome(_two(ours, foreign), hex"0102");
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        source.gateway.finish(_outbound(_two(ours, foreign)), hex"0102", attestation);
        source.gateway.finish(_outbound(_two(ours, _bare(foreign))), hex"0102", attestation);
        _eq(_endingOf(item), Ending.OPEN, "not ours at that sequence");
        _eq(_endingOf(ours), Ending.COMMITTED, "ours");
    }

    /// R-20: bare ids count for the digest.
    function test_a_bare_id_is_not_finished() public {
        IGatewayTypes.Transfer memory other = _lock(7);
        IGatewayTypes.Attestation memory attestation = _signOutcome(_two(item, other), hex"0101");
        source.gateway.finish(_outbound(_two(_bare(item), other)), hex"0101", attestation);
        _eq(_endingOf(item), Ending.OPEN, "bare");
        _eq(_endingOf(other), Ending.COMMITTED, "whole");
    }

    /// Section 3: outcomes are signed.
    function test_changed_outcomes_are_refused(uint8 signed, uint8 given) public {
        (signed, given) = (uint8(_bound(signed, 1, 3)), uint8(_bound(given, 1, 3)));
        vm.assume(signed != given);
        IGatewayTypes.Attestation memory attestation = _signOutcome(_one(item), abi.encodePacked(signed));
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        source.gateway.finish(_outbound(item), abi.encodePacked(given), attestation);
    }

    function test_an_unknown_outcome_is_refused(uint8 outcome) public {
        vm.assume(outcome == 0 || outcome > 3);
        bytes memory outcomes = abi.encodePacked(outcome);
        IGatewayTypes.Attestation memory attestation = _signOutcome(_one(item), outcomes);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.OutcomeInvalid.selector, outcome));
        source.gateway.finish(_outbound(item), outcomes, attestation);
    }

    function test_lists_of_other_lengths_are_refused(uint8 count) public {
        vm.assume(count != 1);
        bytes memory outcomes = _repeat(0x01, count);
        IGatewayTypes.Attestation memory attestation = _signOutcome(_one(item), outcomes);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.LengthMismatch.selector, 1, uint256(count)));
        source.gateway.finish(_outbound(item), outcomes, attestation);
        vm.expectRevert(IGatewayTypes.EmptyList.selector);
        source.gateway.finish(_outbound(new IGatewayTypes.Transfer[](0)), "", attestation);
    }

    /* NOTHING STOPS A FINISH */

    /// R-07, R-32
    function test_no_pause_and_nothing_disabled_stops_a_finish(bool commit) public {
        vm.prank(guardian);
        source.gateway.pause();
        vm.prank(guardian);
        source.gateway.pauseLane(lane);
        vm.prank(governance);
        source.gateway.setAssetEnabled(ASSET, false);
        vm.prank(governance);
        source.gateway.setPeerEnabled(destination.endpoint, false);
        vm.warp(item.deadline + 365 days);
        _finish(item, commit ? MINTED : EXPIRED);
        _eq(_endingOf(item), commit ? Ending.COMMITTED : Ending.RELEASED, "finished");
        _eq(source.token.balanceOf(address(source.gateway)), 0, "moved");
    }

    /// R-31, INV-9: a token that refuses, lies or starves changes no ending; its units wait in escrow.
    function test_a_misbehaving_token_can_t_stop_a_finish(uint8 behaviour, bool commit) public {
        behaviour = uint8(_bound(behaviour, 1, 11));
        vm.assume(behaviour != uint8(Behaviour.RETURNS_1_MB) && behaviour != uint8(Behaviour.REENTERS));
        vm.assume(commit || behaviour != uint8(Behaviour.MISSTATES_SUPPLY)); // supply isn't moved by a payment
        source.token.behave(Behaviour(behaviour));
        IGatewayTypes.Attestation memory attestation = _signOutcome(_one(item), commit ? MINTED : REJECTED);
        Ending ending = commit ? Ending.COMMITTED : Ending.RELEASED;
        vm.expectEmit();
        emit IGatewayTypes.Finished(_id(item), lane, item.sequence, ending);
        vm.expectEmit();
        emit IGatewayTypes.PayoutPending(_id(item), ending);
        uint256 gasBefore = gasleft();
        source.gateway.finish(_outbound(item), commit ? MINTED : REJECTED, attestation);
        _le(gasBefore - gasleft(), 1_000_000, "bounded gas");
        _eq(_endingOf(item), ending, "sealed");
        _eq(_pendingOf(item), ending, "pending");
        _eq(source.token.balanceOf(address(source.gateway)), 1_000, "still held");
        (, uint256 burned,, uint256 held) = source.gateway.totals(ASSET);
        _eq(held, 1_000, "INV-9");
        _eq(burned, 0, "INV-4: not burned yet");
        IGatewayTypes.AssetState memory state = source.gateway.asset(ASSET);
        _eq(state.pendingBurn, commit ? 1_000 : 0, "pendingBurn");
        _eq(state.pendingPay, commit ? 0 : 1_000, "pendingPay");
    }

    /// R-31: if the common burn fails, each item becomes pending.
    function test_a_failed_common_burn_makes_each_item_pending() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(5);
        source.token.setPaused(true);
        _finish(items, _repeat(0x01, 5));
        for (uint256 i = 0; i < 5; ++i) {
            _eq(_endingOf(items[i]), Ending.COMMITTED, "sealed");
            _eq(_pendingOf(items[i]), Ending.COMMITTED, "pending");
        }
        _eq(source.gateway.asset(ASSET).pendingBurn, 15, "total");
    }

    /// R-31: one sender whom the token bars blocks nobody else.
    function test_a_refused_payment_blocks_no_other() public {
        IGatewayTypes.Transfer memory other = _lock(7);
        source.token.setCallback(address(source.gateway), abi.encodeCall(IGatewayCore.payout, (item)));
        source.token.behave(Behaviour.REENTERS);
        _finish(_two(item, other), hex"0202");
        _true(!source.token.callbackSucceeded(), "no re-entry");
        _eq(source.token.balanceOf(holder), UNITS, "both paid");
    }

    /// R-07: a lock is finished by the profile it was made under.
    function test_a_lock_keeps_its_profile() public {
        TestToken next = new TestToken();
        vm.prank(governance);
        source.gateway.addProfile(ASSET, address(next), tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE);
        next.issue(holder, 50);
        vm.prank(holder);
        next.approve(address(source.gateway), 50);
        IGatewayTypes.Transfer memory later = _lock(50);
        _eq((_lockWord(later) >> 192) & 0xffff, 2, "new profile");
        _finish(_two(item, later), hex"0102");
        _eq(source.token.balanceOf(address(source.gateway)), 0, "old token burned");
        _eq(next.balanceOf(holder), 50, "new token paid");
    }

    /// R-31: items of two profiles in one list are burned by profile.
    function test_a_list_over_two_profiles_is_burned_by_profile() public {
        TestToken next = new TestToken();
        vm.prank(governance);
        source.gateway.addProfile(ASSET, address(next), tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE);
        next.issue(holder, 50);
        vm.prank(holder);
        next.approve(address(source.gateway), 50);
        IGatewayTypes.Transfer memory later = _lock(50);
        _finish(_two(item, later), hex"0101");
        _eq(source.token.totalSupply(), UNITS - 1_000, "old");
        _eq(next.totalSupply(), 0, "new");
    }

    /* GAS */

    /// R-31: at any gas limit, what is sealed is burned, paid or noted as pending; and nothing is pending for want of gas.
    function test_no_gas_limit_loses_a_unit(uint256 gasLimit, uint256 seed) public {
        gasLimit = _bound(gasLimit, 21_000, 3_000_000);
        IGatewayTypes.Transfer[] memory items = _lockMany(5);
        bytes memory outcomes = new bytes(5);
        for (uint256 i = 0; i < 5; ++i) {
            outcomes[i] = bytes1(uint8(1 + uint256(keccak256(abi.encode(seed, i))) % 3));
        }
        IGatewayTypes.Attestation memory attestation = _signOutcome(items, outcomes);
        try source.gateway.finish{gas: gasLimit}(_outbound(items), outcomes, attestation) {
            _true(_endingOf(items[0]) != Ending.OPEN, "the first was done");
        } catch {}
        uint256 burned;
        uint256 paid;
        for (uint256 i = 0; i < 5; ++i) {
            Ending ending = _endingOf(items[i]);
            if (ending == Ending.COMMITTED) burned += items[i].amount;
            if (ending == Ending.RELEASED) paid += items[i].amount;
            _eq(_pendingOf(items[i]), Ending.OPEN, "none pending");
        }
        _eq(source.token.totalSupply(), UNITS - burned, "burned as sealed");
        _eq(source.token.balanceOf(address(source.gateway)), 1_015 - burned - paid, "held as open");
    }

    /// R-31: the same with a token that burns all it gets: always noted.
    function test_no_gas_limit_leaves_a_sealed_item_unnoted(uint256 gasLimit) public {
        gasLimit = _bound(gasLimit, 500_000, 3_000_000);
        IGatewayTypes.Transfer[] memory items = _lockMany(8);
        source.token.behave(Behaviour.BURNS_GAS);
        IGatewayTypes.Attestation memory attestation = _signOutcome(items, _repeat(0x01, 8));
        try source.gateway.finish{gas: gasLimit}(_outbound(items), _repeat(0x01, 8), attestation) {} catch {}
        uint256 pendingUnits;
        for (uint256 i = 0; i < 8; ++i) {
            _eq(_pendingOf(items[i]), _endingOf(items[i]), "sealed is noted");
            if (_endingOf(items[i]) == Ending.COMMITTED) pendingUnits += items[i].amount;
        }
        _eq(source.gateway.asset(ASSET).pendingBurn, pendingUnits, "total");
    }

    /// R-21
    function test_too_little_gas_for_the_first_item_reverts() public {
        IGatewayTypes.Attestation memory attestation = _signOutcome(_one(item), MINTED);
        vm.expectPartialRevert(IGatewayTypes.InsufficientGas.selector);
        source.gateway.finish{gas: 400_000}(_outbound(item), MINTED, attestation);
    }

    /// R-21: it ends whole, burned too, and the next one isn't touched.
    function test_the_least_gas_that_ends_an_item_ends_just_one() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        IGatewayTypes.Attestation memory attestation = _signOutcome(items, hex"0101");
        bool done;
        for (uint256 gasLimit = 600_000; !done; gasLimit += 5_000) {
            bytes memory data = abi.encodeCall(source.gateway.finish, (_outbound(items), hex"0101", attestation));
            (done,) = address(source.gateway).call{gas: gasLimit}(data);
        }
        _eq(_endingOf(items[0]), Ending.COMMITTED, "the first");
        _eq(_pendingOf(items[0]), Ending.OPEN, "burned");
        _eq(source.token.totalSupply(), UNITS - items[0].amount, "burned");
        _eq(_endingOf(items[1]), Ending.OPEN, "the second waits");
        _true(_lockWord(items[1]) != 0, "still locked");
    }

    /* HELPERS */

    function _anotherPeer() private returns (EndpointId peer) {
        vm.prank(governance);
        peer = source.gateway.registerPeer("eip155:1003", keccak256("third"), _account(address(3)));
        vm.prank(governance);
        source.gateway.configureOutbound(peer, ASSET, _outboundLimits());
    }

    function _lockTowards(EndpointId peer, uint256 amount) private returns (IGatewayTypes.Transfer memory terms) {
        IGatewayTypes.LockRequest memory request = _request(amount);
        terms = _terms(request, 1);
        terms.destination = peer;
        IGatewayTypes.LockBatch[] memory batches = _batch(request);
        batches[0].destination = peer;
        vm.prank(holder);
        TransferId id = source.gateway.lock(batches)[0];
        _eq(TransferId.unwrap(id), TransferId.unwrap(_id(terms)), "locked");
    }
}
