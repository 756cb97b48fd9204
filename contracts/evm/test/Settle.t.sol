// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGateway, Outcome, TransferId} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Behaviour} from "./mocks/TestToken.sol";
import {Vm} from "./Vm.sol";

/// R-20 to R-22, R-26, R-32, R-40, INV-3: `settle` and `eligibility`.
contract SettleTest is Base {
    IGateway.Transfer internal item;

    function setUp() public override {
        super.setUp();
        item = _lock(1_000);
        _on(destination);
    }

    /* WHAT A MINT DOES */

    /// R-20, R-22, INV-4
    function test_a_settled_transfer_is_minted_exactly(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        IGateway.Transfer memory terms = _lock(amount);
        IGateway.Attestation memory attestation = _signLocked(_one(terms));
        _on(destination);
        vm.expectEmit();
        emit IGateway.Decided(_id(terms), lane, terms.sequence, Outcome.MINTED, 0);
        destination.gateway.settle(_one(terms), attestation);
        _eq(_outcomeOf(terms), Outcome.MINTED, "record");
        _eq(destination.token.balanceOf(payee), amount, "units");
        _eq(destination.gateway.lane(lane).minted, amount, "lane total");
        (uint256 minted,,,) = destination.gateway.totals(ASSET);
        _eq(minted, amount, "INV-4");
    }

    /// INV-3
    function test_a_transfer_is_minted_once(uint8 times) public {
        IGateway.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        for (uint256 i = 0; i < _bound(times, 2, 5); ++i) {
            destination.gateway.settle(_one(item), attestation);
        }
        _settle(_two(item, item));
        _eq(destination.token.balanceOf(payee), 1_000, "once");
    }

    /// INV-3: twice in one list.
    function test_a_transfer_twice_in_one_list_is_minted_once() public {
        _settle(_two(item, item));
        _eq(destination.token.balanceOf(payee), 1_000, "once");
    }

    /// R-20: the order of a list decides nothing, and outcomes of 130 sequences span two words.
    function test_a_long_list_is_minted_whole(uint256 seed) public {
        IGateway.Transfer[] memory items = _lockMany(130);
        for (uint256 i = 129; i > 0; --i) {
            uint256 j = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
        _settle(items);
        _eq(destination.token.balanceOf(payee), 130 * 131 / 2, "all");
        for (uint256 i = 0; i < 130; ++i) {
            _eq(_outcomeOf(items[i]), Outcome.MINTED, "each");
        }
        _eq(_outcomeOf(item), Outcome.NONE, "no other");
    }

    /// R-20: an item given as its id counts for the digest and is not tried.
    function test_a_bare_id_is_not_tried() public {
        IGateway.Transfer memory other = _lock(7);
        IGateway.Attestation memory attestation = _signLocked(_two(item, other));
        _on(destination);
        destination.gateway.settle(_two(_bare(item), other), attestation);
        _eq(_outcomeOf(item), Outcome.NONE, "bare");
        _eq(_outcomeOf(other), Outcome.MINTED, "whole");
        destination.gateway.settle(_two(item, _bare(other)), attestation);
        _eq(_outcomeOf(item), Outcome.MINTED, "later");
        _eq(destination.token.balanceOf(payee), 1_007, "each once");
    }

    /* SKIPS */

    /// R-20, R-30: not at the deadline or after.
    function test_nothing_is_minted_at_or_after_the_deadline(uint32 late) public {
        vm.warp(uint256(item.deadline) + late);
        _settle(item);
        _expectNone();
        vm.warp(item.deadline - 1);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "a second before");
    }

    /// R-20
    function test_another_destination_s_item_is_skipped(bytes32 elsewhere) public {
        vm.assume(elsewhere != EndpointId.unwrap(destination.endpoint));
        IGateway.Transfer memory other = item;
        other.destination = EndpointId.wrap(elsewhere);
        _settle(_two(other, item));
        _eq(destination.token.balanceOf(payee), 1_000, "one of two");
    }

    /// R-07, R-20
    function test_a_disabled_or_paused_lane_or_asset_skips(uint8 which) public {
        which = uint8(_bound(which, 0, 3));
        _on(destination);
        vm.prank(which == 1 ? guardian : governance);
        if (which == 0) destination.gateway.setLaneEnabled(lane, false);
        if (which == 1) destination.gateway.pauseLane(lane);
        if (which == 2) destination.gateway.setAssetEnabled(ASSET, false);
        if (which == 3) destination.gateway.disablePeer(source.endpoint);
        _settle(item);
        _expectNone();
    }

    /// R-07: of a lane never configured, nothing is minted.
    function test_an_unknown_lane_s_item_is_skipped(bytes32 anywhere, bytes32 anything) public {
        IGateway.Transfer memory other = item;
        other.source = EndpointId.wrap(anywhere);
        other.asset = AssetId.wrap(anything);
        _settle(other);
        _eq(destination.token.totalSupply(), 0, "nothing");
    }

    /// R-23: the first write wins.
    function test_a_refused_transfer_is_never_minted(uint8 reason) public {
        reason = uint8(_bound(reason, 1, 14));
        _refuse(item, reason);
        _settle(item);
        _eq(_outcomeOf(item), reason == EXPIRED_REASON ? Outcome.EXPIRED : Outcome.REJECTED, "stands");
        _eq(destination.token.totalSupply(), 0, "nothing");
    }

    /// R-26: a sequence decided for another transfer decides nothing for this one, and it is never minted.
    function test_a_sequence_is_minted_once_whatever_the_transfer(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        _settle(item);
        IGateway.Transfer memory other = item;
        other.amount = amount;
        _settle(other);
        _eq(destination.token.balanceOf(payee), 1_000, "the first");
    }

    /// R-32
    function test_a_paused_gateway_mints_nothing() public {
        IGateway.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        vm.prank(guardian);
        destination.gateway.pause();
        vm.expectRevert(IGateway.Paused.selector);
        destination.gateway.settle(_one(item), attestation);
    }

    /* REFUSALS THAT LEAVE NO RECORD */

    /// R-22: what tokens forget; the rest of the list is minted.
    function test_an_ineligible_recipient_stays_none_and_blocks_nobody() public {
        IGateway.LockRequest memory request = _request(7);
        request.recipient = _account(address(0xBAD));
        IGateway.Transfer memory bad = _lock(request);
        destination.token.bar(address(0xBAD), true);
        vm.recordLogs();
        _settle(_two(bad, item));
        _expectSettleFailed(bad, 1, abi.encodeWithSelector(IGateway.RecipientNotEligible.selector, address(0xBAD)));
        _eq(_outcomeOf(bad), Outcome.NONE, "open");
        _eq(_outcomeOf(item), Outcome.MINTED, "the other");
        destination.token.bar(address(0xBAD), false);
        _settle(bad);
        _eq(_outcomeOf(bad), Outcome.MINTED, "when eligible");
    }

    /// R-22, H2: a pause is transient; nothing is recorded.
    function test_a_paused_token_leaves_no_record() public {
        destination.token.setPaused(true);
        destination.token.bar(payee, true);
        vm.recordLogs();
        _settle(item);
        _expectSettleFailed(
            item, 8, abi.encodeWithSelector(IGateway.TokenPausedError.selector, address(destination.token))
        );
        _expectNone();
        destination.token.setPaused(false);
        destination.token.bar(payee, false);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "later");
    }

    /// R-22
    function test_the_gateway_and_the_token_are_no_recipients() public {
        address[2] memory forbidden = [address(destination.gateway), address(destination.token)];
        for (uint256 i = 0; i < 2; ++i) {
            IGateway.LockRequest memory request = _request(7);
            request.recipient = _account(forbidden[i]);
            IGateway.Transfer memory bad = _lock(request);
            vm.recordLogs();
            _settle(bad);
            _expectSettleFailed(bad, 5, abi.encodeWithSelector(IGateway.RecipientForbidden.selector, forbidden[i]));
            _eq(_outcomeOf(bad), Outcome.NONE, "open");
        }
    }

    /// R-22: an account of another form.
    function test_a_malformed_recipient_stays_none(bytes32 recipient) public {
        IGateway.Transfer memory bad = item;
        bad.recipient = recipient | bytes32(uint256(1) << 160);
        vm.recordLogs();
        _settle(bad);
        _expectSettleFailed(bad, 5, abi.encodeWithSelector(IGateway.RecipientMalformed.selector, bad.recipient));
        _eq(_outcomeOf(bad), Outcome.NONE, "open");
    }

    /// Section 1: 0 < amount < 2^127.
    function test_an_amount_out_of_range_stays_none(uint256 amount) public {
        IGateway.Transfer memory bad = item;
        bad.amount = amount | (1 << 127);
        _settle(bad);
        bad.amount = 0;
        _settle(bad);
        _expectNone();
    }

    /// R-21, R-22: whatever the token does, record and units go together.
    function test_a_misbehaving_token_leaves_no_record(uint8 behaviour) public {
        behaviour = uint8(_bound(behaviour, 1, 9));
        vm.assume(behaviour != uint8(Behaviour.RETURNS_1_MB));
        // misstates the gateway's balance, which a mint doesn't move
        vm.assume(behaviour != uint8(Behaviour.MISSTATES_BALANCE));
        destination.token.behave(Behaviour(behaviour));
        IGateway.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        vm.recordLogs();
        uint256 gasBefore = gasleft();
        destination.gateway.settle(_one(item), attestation);
        _le(gasBefore - gasleft(), 1_000_000, "bounded gas");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _eq(_count(logs, address(destination.gateway), IGateway.SettleFailed.selector), 1, "said");
        (uint8 reason,) = abi.decode(logs[logs.length - 1].data, (uint8, bytes));
        _eq(reason, 13, "TOKEN_REVERTED");
        _expectNone();
        destination.token.behave(Behaviour.HONEST);
        _settle(item);
        _eq(destination.token.balanceOf(payee), 1_000, "when honest");
    }

    /// R-21: a heavy token isn't starved or blamed on the recipient: it stays open.
    function test_a_token_that_needs_more_than_its_allowance_stays_none() public {
        destination.token.behave(Behaviour.IS_HEAVY);
        _settle(item);
        _expectNone();
    }

    /// R-20: one lock over every entry point; the mint itself is unharmed.
    function test_a_token_cannot_reenter(uint8 which) public {
        which = uint8(_bound(which, 0, 2));
        IGateway.Attestation memory attestation = _signLocked(_one(item));
        IGateway.Attestation memory refused = _signRefused(_one(item), hex"06");
        bytes[3] memory calls = [
            abi.encodeCall(IGateway.settle, (_one(item), attestation)),
            abi.encodeCall(IGateway.refuse, (_one(item), hex"06", refused)),
            abi.encodeCall(IGateway.finish, (_one(item), MINTED, attestation))
        ];
        destination.token.setCallback(address(destination.gateway), calls[which]);
        destination.token.behave(Behaviour.REENTERS);
        _on(destination);
        destination.gateway.settle(_one(item), attestation);
        _true(!destination.token.callbackSucceeded(), "refused");
        _eq(destination.token.balanceOf(payee), 1_000, "once");
    }

    /* GAS */

    /// R-21: at any gas limit a record is NONE or MINTED, with its units; a call that minted nothing reverts.
    function test_no_gas_limit_makes_anything_but_none_or_minted(uint256 gasLimit) public {
        gasLimit = _bound(gasLimit, 21_000, 2_500_000);
        IGateway.Transfer[] memory items = _lockMany(4);
        IGateway.Attestation memory attestation = _signLocked(items);
        _on(destination);
        vm.recordLogs();
        try destination.gateway.settle{gas: gasLimit}(items, attestation) {
            _eq(_outcomeOf(items[0]), Outcome.MINTED, "the first was tried");
        } catch {}
        uint256 units;
        for (uint256 i = 0; i < 4; ++i) {
            Outcome outcome = _outcomeOf(items[i]);
            _true(outcome == Outcome.NONE || outcome == Outcome.MINTED, "NONE or MINTED");
            if (outcome == Outcome.MINTED) units += items[i].amount;
        }
        _eq(destination.token.balanceOf(payee), units, "units as recorded");
        _eq(destination.gateway.lane(lane).minted, units, "total as recorded");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _eq(_count(logs, address(destination.gateway), IGateway.SettleFailed.selector), 0, "no false refusal");
    }

    /// R-21: the same in steps of 5,000 gas, with a token that uses nearly all of its allowance.
    function test_a_gas_sweep_never_fails_a_transfer() public {
        IGateway.Transfer[] memory items = _lockMany(2);
        IGateway.Attestation memory attestation = _signLocked(items);
        _on(destination);
        bool done = false;
        for (uint256 gasLimit = 30_000; gasLimit < 1_500_000; gasLimit += 5_000) {
            vm.recordLogs();
            try destination.gateway.settle{gas: gasLimit}(items, attestation) {
                done = true;
            } catch {
                _true(!done, "more gas never does less");
            }
            Vm.Log[] memory logs = vm.getRecordedLogs();
            _eq(_count(logs, address(destination.gateway), IGateway.SettleFailed.selector), 0, "no false refusal");
        }
        _eq(destination.token.balanceOf(payee), 3, "both in the end");
    }

    /// R-20, R-21: what is done stays done when the gas ends.
    function test_what_is_done_stays_done_when_the_gas_ends() public {
        IGateway.Transfer[] memory items = _lockMany(20);
        IGateway.Attestation memory attestation = _signLocked(items);
        _on(destination);
        destination.gateway.settle{gas: 1_000_000}(items, attestation);
        uint256 minted = destination.gateway.lane(lane).minted;
        _true(minted > 0 && minted < 210, "some");
        destination.gateway.settle{gas: 5_000_000}(items, attestation);
        _eq(destination.gateway.lane(lane).minted, 210, "the rest");
    }

    /// R-21
    function test_too_little_gas_for_the_first_item_reverts() public {
        IGateway.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        vm.expectPartialRevert(IGateway.InsufficientGas.selector);
        destination.gateway.settle{gas: 400_000}(_one(item), attestation);
    }

    /* ATTESTATION */

    /// Section 3: the signature covers every field of every item.
    function test_a_changed_item_is_refused(uint8 field, uint256 change) public {
        field = uint8(_bound(field, 0, 9));
        IGateway.Attestation memory attestation = _signLocked(_one(item));
        IGateway.Transfer memory changed = _changed(item, field, change);
        vm.assume(TransferId.unwrap(_id(changed)) != TransferId.unwrap(_id(item)));
        vm.assume(changed.sequence != 0);
        _on(destination);
        vm.expectRevert(IGateway.SignatureInvalid.selector);
        destination.gateway.settle(_one(changed), attestation);
    }

    /// R-40
    function test_an_unknown_epoch_or_another_key_is_refused(uint64 epoch, uint256 key) public {
        vm.assume(epoch != EPOCH);
        key = _bound(key, 1, 2 ** 255);
        vm.assume(key != GROUP_KEY);
        bytes32 digest = _lockedDigest(_one(item));
        IGateway.Attestation memory attestation = _signWith(GROUP_KEY, epoch, digest);
        _on(destination);
        vm.expectRevert(abi.encodeWithSelector(IGateway.EpochUnknown.selector, epoch));
        destination.gateway.settle(_one(item), attestation);
        attestation = _signWith(key, EPOCH, digest);
        vm.expectRevert(abi.encodeWithSelector(IGateway.KeyMismatch.selector, EPOCH));
        destination.gateway.settle(_one(item), attestation);
    }

    /// Section 3: a signature for another kind of statement, or another verifier, says nothing here.
    function test_another_statement_s_signature_is_refused() public {
        IGateway.Attestation memory refused = _signRefused(_one(item), hex"06");
        IGateway.Attestation memory outcome = _signOutcome(_one(item), MINTED);
        _on(destination);
        vm.expectRevert(IGateway.SignatureInvalid.selector);
        destination.gateway.settle(_one(item), refused);
        vm.expectRevert(IGateway.SignatureInvalid.selector);
        destination.gateway.settle(_one(item), outcome);
    }

    /// R-06, Omnibridge 2022: on a fork with another chain id the endpoint is another and every attestation is refused.
    function test_a_fork_with_another_chain_id_refuses_every_attestation(uint64 chain) public {
        vm.assume(chain != destination.chainId && chain != 0);
        IGateway.Attestation memory attestation = _signLocked(_one(item));
        vm.chainId(chain);
        _true(EndpointId.unwrap(destination.gateway.endpointId()) != EndpointId.unwrap(destination.endpoint), "another");
        vm.expectRevert(IGateway.SignatureInvalid.selector);
        destination.gateway.settle(_one(item), attestation);
    }

    function test_an_empty_list_is_refused() public {
        IGateway.Attestation memory attestation = _signLocked(new IGateway.Transfer[](0));
        _on(destination);
        vm.expectRevert(IGateway.EmptyList.selector);
        destination.gateway.settle(new IGateway.Transfer[](0), attestation);
    }

    function test_only_the_gateway_calls_its_item_functions(address caller) public {
        vm.assume(caller != address(destination.gateway));
        string memory terms = "(bytes32,bytes32,uint64,bytes32,bytes32,bytes32,uint256,uint64,bytes32,bytes32)";
        bytes[3] memory calls = [
            abi.encodeWithSignature(string.concat("settleItem(", terms, ",bytes32,bytes32)"), item, _id(item), lane),
            abi.encodeWithSignature(string.concat("checkItem(", terms, ")"), item),
            abi.encodeWithSignature("moveOut(uint16,uint8,address,uint256)", 1, 2, caller, 1)
        ];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(IGateway.NotSelf.selector);
            vm.prank(caller);
            (bool ignored,) = address(destination.gateway).call(calls[i]);
            ignored;
        }
    }

    /* ELIGIBILITY */

    /// Section 7
    function test_eligibility_answers_the_reason_of_the_first_obstacle() public {
        _on(destination);
        _eq(destination.gateway.eligibility(item), 0, "eligible");

        IGateway.Transfer memory odd = item;
        odd.recipient = bytes32(type(uint256).max);
        _eq(destination.gateway.eligibility(odd), 5, "MALFORMED_ACCOUNT");
        odd.recipient = 0;
        _eq(destination.gateway.eligibility(odd), 5, "zero");
        odd.recipient = _account(address(destination.gateway));
        _eq(destination.gateway.eligibility(odd), 5, "gateway");
        odd.recipient = _account(address(destination.token));
        _eq(destination.gateway.eligibility(odd), 5, "token");

        odd = item;
        odd.amount = 1 << 127;
        _eq(destination.gateway.eligibility(odd), 6, "amount");
        odd.asset = AssetId.wrap("other");
        _eq(destination.gateway.eligibility(odd), 4, "unknown asset");

        destination.token.bar(payee, true);
        _eq(destination.gateway.eligibility(item), 1, "NOT_ELIGIBLE");
        destination.token.setPaused(true);
        _eq(destination.gateway.eligibility(item), 8, "TOKEN_PAUSED, before any verdict on the recipient");
        destination.token.setPaused(false);
        destination.token.bar(payee, false);

        vm.prank(guardian);
        destination.gateway.pauseLane(lane);
        _eq(destination.gateway.eligibility(item), 8, "paused lane");
        vm.prank(governance);
        destination.gateway.unpauseLane(lane);
        vm.prank(guardian);
        destination.gateway.pause();
        _eq(destination.gateway.eligibility(item), 8, "paused gateway");
        vm.prank(governance);
        destination.gateway.setAssetEnabled(ASSET, false);
        _eq(destination.gateway.eligibility(item), 4, "disabled asset");
        vm.prank(governance);
        destination.gateway.setAssetEnabled(ASSET, true);
        vm.prank(governance);
        destination.gateway.setLaneEnabled(lane, false);
        _eq(destination.gateway.eligibility(item), 4, "disabled lane");
        _on(source);
        _eq(source.gateway.eligibility(item), 4, "not the destination");
    }

    /// R-22: a token that stops answering is a transient obstacle, never a verdict.
    function test_a_token_without_code_is_transient() public {
        _on(destination);
        vm.etch(address(destination.token), "");
        _eq(destination.gateway.eligibility(item), 8, "TOKEN_PAUSED");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "open");
    }

    /* HELPERS */

    function _changed(IGateway.Transfer memory terms, uint8 field, uint256 change)
        private
        pure
        returns (IGateway.Transfer memory)
    {
        bytes memory words = abi.encode(terms);
        uint256 word = 32 * (uint256(field) + 1);
        // The narrow fields stay narrow.
        if (field == 2 || field == 7) change &= type(uint64).max;
        assembly {
            mstore(add(words, word), xor(mload(add(words, word)), change))
        }
        return abi.decode(words, (IGateway.Transfer));
    }

    function _expectNone() private view {
        _eq(_outcomeOf(item), Outcome.NONE, "no record");
        _eq(destination.token.totalSupply(), 0, "no units");
        _eq(destination.gateway.lane(lane).minted, 0, "no total");
    }

    function _expectSettleFailed(IGateway.Transfer memory terms, uint8 reason, bytes memory data) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IGateway.SettleFailed.selector) continue;
            _eq(logs[i].topics[1], TransferId.unwrap(_id(terms)), "id");
            vm.assertEq(logs[i].data, abi.encode(reason, data), "reason and error");
            return;
        }
        _true(false, "no SettleFailed");
    }
}
