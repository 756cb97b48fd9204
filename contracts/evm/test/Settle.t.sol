// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AssetId,
    EndpointId,
    IGatewayCore,
    IGatewayTypes,
    LaneId,
    Outcome,
    TransferId
} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Behaviour} from "./mocks/TestToken.sol";
import {Vm} from "./Vm.sol";

/// R-20 to R-22, R-26, R-32, INV-3: `settle`.
contract SettleTest is Base {
    IGatewayTypes.Transfer internal item;

    function setUp() public override {
        super.setUp();
        item = _lock(1_000);
        _on(destination);
    }

    /* WHAT A MINT DOES */

    /// R-20, R-22, INV-4
    function test_a_settled_transfer_is_minted_exactly(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.Transfer memory terms = _lock(amount);
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(terms));
        _on(destination);
        vm.expectEmit();
        emit IGatewayTypes.Decided(_id(terms), lane, terms.sequence, Outcome.MINTED, 0);
        destination.gateway.settle(_inbound(terms), attestation);
        _eq(_outcomeOf(terms), Outcome.MINTED, "record");
        _eq(destination.token.balanceOf(payee), amount, "units");
        _eq(destination.gateway.lane(lane).minted, amount, "lane total");
        (uint256 minted,,,) = destination.gateway.totals(ASSET);
        _eq(minted, amount, "INV-4");
    }

    /// INV-3
    function test_a_transfer_is_minted_once(uint8 times) public {
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        for (uint256 i = 0; i < _bound(times, 2, 5); ++i) {
            destination.gateway.settle(_inbound(item), attestation);
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
        IGatewayTypes.Transfer[] memory items = _lockMany(130);
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
        IGatewayTypes.Transfer memory other = _lock(7);
        IGatewayTypes.Attestation memory attestation = _signLocked(_two(item, other));
        _on(destination);
        destination.gateway.settle(_inbound(_two(_bare(item), other)), attestation);
        _eq(_outcomeOf(item), Outcome.NONE, "bare");
        _eq(_outcomeOf(other), Outcome.MINTED, "whole");
        destination.gateway.settle(_inbound(_two(item, _bare(other))), attestation);
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

    /// R-20: another destination's item can't be said here but as its id: ids are made for this endpoint.
    function test_another_destination_s_item_is_no_item_here(bytes32 elsewhere) public {
        vm.assume(elsewhere != EndpointId.unwrap(destination.endpoint));
        IGatewayTypes.Transfer memory other = item;
        other.destination = EndpointId.wrap(elsewhere);
        IGatewayTypes.Transfer memory ours = _lock(7);
        IGatewayTypes.Attestation memory attestation = _signLocked(_two(other, ours));
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(_two(other, ours)), attestation);
        destination.gateway.settle(_inbound(_two(_bare(other), ours)), attestation);
        _eq(destination.token.balanceOf(payee), 7, "one of two");
        _eq(_outcomeOf(item), Outcome.NONE, "not ours at that sequence");
    }

    /// R-07, R-20
    function test_a_disabled_or_paused_lane_or_asset_skips(uint8 which) public {
        which = uint8(_bound(which, 0, 3));
        _on(destination);
        vm.prank(which == 1 ? guardian : governance);
        if (which == 0) destination.gateway.setLaneEnabled(lane, false);
        if (which == 1) destination.gateway.pauseLane(lane);
        if (which == 2) destination.gateway.setAssetEnabled(ASSET, false);
        if (which == 3) destination.gateway.setPeerEnabled(source.endpoint, false);
        _settle(item);
        _expectNone();
    }

    /// R-07: of a lane never configured, by its peer or by its asset, nothing is minted; the rest of the list is.
    function test_an_unknown_lane_s_batch_is_skipped(bytes32 anywhere, bytes32 anything) public {
        vm.assume(anywhere != EndpointId.unwrap(source.endpoint) && anything != AssetId.unwrap(ASSET));
        IGatewayTypes.Transfer[] memory items = new IGatewayTypes.Transfer[](3);
        (items[0], items[1], items[2]) = (item, item, item);
        items[0].source = EndpointId.wrap(anywhere);
        items[1].asset = AssetId.wrap(anything);
        _settle(items);
        _eq(destination.token.totalSupply(), 1_000, "the known one's");
        _eq(_outcomeOf(item), Outcome.MINTED, "minted");
        for (uint256 i = 0; i < 2; ++i) {
            LaneId unknown = destination.gateway.laneId(items[i].source, destination.endpoint, items[i].asset);
            _eq(destination.gateway.outcomeWords(unknown, 0, 1)[0], 0, "no record");
        }
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
        IGatewayTypes.Transfer memory other = item;
        other.amount = amount;
        _settle(other);
        _eq(destination.token.balanceOf(payee), 1_000, "the first");
    }

    /// R-32
    function test_a_paused_gateway_mints_nothing() public {
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        vm.prank(guardian);
        destination.gateway.pause();
        vm.expectRevert(IGatewayTypes.Paused.selector);
        destination.gateway.settle(_inbound(item), attestation);
    }

    /* REFUSALS THAT LEAVE NO RECORD */

    /// R-22: what tokens forget; the rest of the list is minted.
    function test_an_ineligible_recipient_stays_none_and_blocks_nobody() public {
        IGatewayTypes.LockRequest memory request = _request(7);
        request.recipient = _account(address(0xBAD));
        IGatewayTypes.Transfer memory bad = _lock(request);
        destination.token.bar(address(0xBAD), true);
        vm.recordLogs();
        _settle(_two(bad, item));
        _expectSettleFailed(bad, 1, abi.encodeWithSelector(IGatewayTypes.RecipientRefused.selector, address(0xBAD), 1));
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
        _expectSettleFailed(item, 8, abi.encodeWithSelector(IGatewayTypes.RecipientRefused.selector, payee, 8));
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
            IGatewayTypes.LockRequest memory request = _request(7);
            request.recipient = _account(forbidden[i]);
            IGatewayTypes.Transfer memory bad = _lock(request);
            vm.recordLogs();
            _settle(bad);
            _expectSettleFailed(bad, 5, abi.encodeWithSelector(IGatewayTypes.RecipientForbidden.selector, forbidden[i]));
            _eq(_outcomeOf(bad), Outcome.NONE, "open");
        }
    }

    /// R-22: an account of another form.
    function test_a_malformed_recipient_stays_none(bytes32 recipient) public {
        IGatewayTypes.Transfer memory bad = item;
        bad.recipient = recipient | bytes32(uint256(1) << 160);
        vm.recordLogs();
        _settle(bad);
        _expectSettleFailed(bad, 5, abi.encodeWithSelector(IGatewayTypes.RecipientMalformed.selector, bad.recipient));
        _eq(_outcomeOf(bad), Outcome.NONE, "open");
    }

    /// R-20, section 1: 0 < amount < 2^127; the rest of the list is minted.
    function test_an_amount_out_of_range_stays_none_and_blocks_nobody(uint256 amount, bool largest) public {
        _settle(item);
        IGatewayTypes.Transfer memory bad = _lock(7);
        bad.amount = 0;
        _expectAmountRefused(bad);
        bad.deadline += 1 days;
        bad.amount = largest ? type(uint256).max : amount | (1 << 127);
        _settle(bad); // a large amount is tried once its delay is over (R-25)
        vm.warp(vm.getBlockTimestamp() + _inboundLimits().largeDelay);
        _expectAmountRefused(bad);
    }

    /// R-21, R-22: whatever the token does, record and units go together.
    function test_a_misbehaving_token_leaves_no_record(uint8 behaviour) public {
        behaviour = uint8(_bound(behaviour, 1, 9));
        vm.assume(behaviour != uint8(Behaviour.RETURNS_1_MB));
        // misstates the gateway's balance, which a mint doesn't move
        vm.assume(behaviour != uint8(Behaviour.MISSTATES_BALANCE));
        destination.token.behave(Behaviour(behaviour));
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        vm.recordLogs();
        uint256 gasBefore = gasleft();
        destination.gateway.settle(_inbound(item), attestation);
        _le(gasBefore - gasleft(), 1_000_000, "bounded gas");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _eq(_count(logs, address(destination.gateway), IGatewayTypes.SettleFailed.selector), 1, "said");
        (uint8 reason,) = abi.decode(logs[logs.length - 1].data, (uint8, bytes));
        bool silent = Behaviour(behaviour) == Behaviour.BURNS_GAS || Behaviour(behaviour) == Behaviour.REVERTS_WITH_1_MB;
        _eq(reason, silent ? 8 : 13, "TOKEN_REVERTED, or no answer within its gas");
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
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        IGatewayTypes.Attestation memory refused = _signRefused(_one(item), hex"06");
        bytes[3] memory calls = [
            abi.encodeCall(IGatewayCore.settle, (_inbound(item), attestation)),
            abi.encodeCall(IGatewayCore.refuse, (_inbound(item), hex"06", refused)),
            abi.encodeCall(IGatewayCore.finish, (_outbound(item), MINTED, attestation))
        ];
        destination.token.setCallback(address(destination.gateway), calls[which]);
        destination.token.behave(Behaviour.REENTERS);
        _on(destination);
        destination.gateway.settle(_inbound(item), attestation);
        _true(!destination.token.callbackSucceeded(), "refused");
        _eq(destination.token.balanceOf(payee), 1_000, "once");
    }

    /* GAS */

    /// R-21: at any gas limit a record is NONE or MINTED, with its units; a call that minted nothing reverts.
    function test_no_gas_limit_makes_anything_but_none_or_minted(uint256 gasLimit) public {
        gasLimit = _bound(gasLimit, 21_000, 2_500_000);
        IGatewayTypes.Transfer[] memory items = _lockMany(4);
        IGatewayTypes.Attestation memory attestation = _signLocked(items);
        _on(destination);
        vm.recordLogs();
        try destination.gateway.settle{gas: gasLimit}(_inbound(items), attestation) {
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
        _eq(_count(logs, address(destination.gateway), IGatewayTypes.SettleFailed.selector), 0, "no false refusal");
    }

    /// R-21: the same in steps of 5,000 gas, with a token that uses nearly all of its allowance.
    function test_a_gas_sweep_never_fails_a_transfer() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        IGatewayTypes.Attestation memory attestation = _signLocked(items);
        _on(destination);
        bool done = false;
        for (uint256 gasLimit = 30_000; gasLimit < 1_500_000; gasLimit += 5_000) {
            vm.recordLogs();
            try destination.gateway.settle{gas: gasLimit}(_inbound(items), attestation) {
                done = true;
            } catch {
                _true(!done, "more gas never does less");
            }
            Vm.Log[] memory logs = vm.getRecordedLogs();
            _eq(_count(logs, address(destination.gateway), IGatewayTypes.SettleFailed.selector), 0, "no false refusal");
        }
        _eq(destination.token.balanceOf(payee), 3, "both in the end");
    }

    /// R-20, R-21: what is done stays done when the gas ends.
    function test_what_is_done_stays_done_when_the_gas_ends() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(20);
        IGatewayTypes.Attestation memory attestation = _signLocked(items);
        _on(destination);
        destination.gateway.settle{gas: 1_200_000}(_inbound(items), attestation);
        uint256 minted = destination.gateway.lane(lane).minted;
        _true(minted > 0 && minted < 210, "some");
        destination.gateway.settle{gas: 5_000_000}(_inbound(items), attestation);
        _eq(destination.gateway.lane(lane).minted, 210, "the rest");
    }

    /// R-21
    function test_too_little_gas_for_the_first_item_reverts() public {
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        vm.expectPartialRevert(IGatewayTypes.InsufficientGas.selector);
        destination.gateway.settle{gas: 400_000}(_inbound(item), attestation);
    }

    /* LISTS AND SELF-CALLS */

    function test_an_empty_list_is_refused() public {
        IGatewayTypes.Attestation memory attestation = _signLocked(new IGatewayTypes.Transfer[](0));
        _on(destination);
        vm.expectRevert(IGatewayTypes.EmptyList.selector);
        destination.gateway.settle(new IGatewayTypes.Batch[](0), attestation);
        IGatewayTypes.Batch[] memory empty = _inbound(item);
        empty[0].items = new IGatewayTypes.Item[](0);
        vm.expectRevert(IGatewayTypes.EmptyList.selector);
        destination.gateway.settle(empty, attestation);
    }

    function test_only_the_gateway_calls_its_item_functions(address caller) public {
        vm.assume(caller != address(destination.gateway));
        bytes[3] memory calls = [
            abi.encodeWithSignature("settleOne(uint256,bytes32,uint256,uint256)", 1, item.recipient, 1, 0),
            abi.encodeWithSignature("simulateOne(uint256,bytes32,uint256)", 1, item.recipient, 1),
            abi.encodeWithSignature("finishSingle(uint16,uint8,address,uint256)", 1, 2, caller, 1)
        ];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(caller);
            (bool success, bytes memory answer) = address(destination.gateway).call(calls[i]);
            _true(!success, "refused");
            vm.assertEq(answer, abi.encodeWithSelector(IGatewayTypes.NotSelf.selector), "why");
        }
    }

    /* HELPERS */

    function _expectNone() private view {
        _eq(_outcomeOf(item), Outcome.NONE, "no record");
        _eq(destination.token.totalSupply(), 0, "no units");
        _eq(destination.gateway.lane(lane).minted, 0, "no total");
    }

    /// Beside a good one in the list; `item` was minted before.
    function _expectAmountRefused(IGatewayTypes.Transfer memory bad) private {
        uint256 minted = destination.token.totalSupply();
        IGatewayTypes.Transfer memory good = _lock(7);
        vm.recordLogs();
        _settle(_two(bad, good));
        bytes4 selector = IGatewayTypes.AmountOutOfRange.selector;
        _expectSettleFailed(bad, 6, abi.encodeWithSelector(selector, bad.amount, 1, (uint256(1) << 127) - 1));
        _eq(_outcomeOf(bad), Outcome.NONE, "open");
        _eq(_outcomeOf(good), Outcome.MINTED, "the other");
        _eq(destination.token.totalSupply(), minted + 7, "the other's units");
        _eq(destination.gateway.lane(lane).minted, minted + 7, "the other's total");
    }

    function _expectSettleFailed(IGatewayTypes.Transfer memory terms, uint8 reason, bytes memory data) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IGatewayTypes.SettleFailed.selector) continue;
            _eq(logs[i].topics[1], TransferId.unwrap(_id(terms)), "id");
            vm.assertEq(logs[i].data, abi.encode(reason, data), "reason and error");
            return;
        }
        _true(false, "no SettleFailed");
    }
}
