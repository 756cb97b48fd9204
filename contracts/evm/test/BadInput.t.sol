// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayCore, IGatewayTypes, Outcome, TransferId} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {Base} from "./Base.sol";

/// The bad inputs of reference/reliability.md, section 4, that can reach a gateway: in terms, in calldata, in lists, in
/// signatures. Each is refused by name, or does nothing; none does half.
contract BadInputTest is Base {
    /* AMOUNTS (R-01) */

    function test_no_amount_outside_the_limits_is_locked() public {
        uint256[6] memory amounts = [0, 1e24 + 1, 1 << 127, (1 << 127) | 5, 1 << 255, type(uint256).max];
        for (uint256 i = 0; i < amounts.length; ++i) {
            IGatewayTypes.LockRequest memory request = _request(amounts[i]);
            _expectLeftOut(
                request,
                abi.encodeWithSelector(IGatewayTypes.AmountOutOfRange.selector, amounts[i], uint256(1), uint256(1e24))
            );
        }
        _lock(1);
        _lock(1e24);
    }

    /// Section 1: 0 < amount < 2^127 on the destination too, whoever signed it.
    function test_no_amount_outside_the_protocol_s_range_is_minted() public {
        uint256[4] memory amounts = [0, 1 << 127, 1 << 128, type(uint256).max];
        for (uint256 i = 0; i < amounts.length; ++i) {
            IGatewayTypes.Transfer memory item = _terms(_request(amounts[i]), 1);
            _settle(item);
            _eq(_outcomeOf(item), Outcome.NONE, "open");
        }
        _eq(destination.token.totalSupply(), 0, "nothing");
    }

    /* RECIPIENTS (R-01, R-22) */

    function test_a_recipient_of_another_form_is_not_locked() public {
        bytes32[4] memory recipients = [
            bytes32(0),
            bytes32(uint256(1) << 160),
            bytes32(bytes20(address(type(uint160).max - 1))), // right-padded
            bytes32(type(uint256).max)
        ];
        for (uint256 i = 0; i < recipients.length; ++i) {
            IGatewayTypes.LockRequest memory request = _request(5);
            request.recipient = recipients[i];
            _expectLeftOut(request, abi.encodeWithSelector(IGatewayTypes.RecipientMalformed.selector, recipients[i]));
        }
    }

    /// They may be locked, the source can't know better; they are never minted, and end as refused.
    function test_the_gateway_and_the_token_as_recipients_are_paid_back() public {
        address[2] memory recipients = [address(destination.gateway), address(destination.token)];
        for (uint256 i = 0; i < recipients.length; ++i) {
            IGatewayTypes.LockRequest memory request = _request(5);
            request.recipient = _account(recipients[i]);
            IGatewayTypes.Transfer memory item = _lock(request);
            _settle(item);
            _eq(_outcomeOf(item), Outcome.NONE, "not minted");
            _refuse(item, 5);
            _finish(item, REJECTED);
        }
        _eq(source.token.balanceOf(holder), UNITS, "paid back");
    }

    /// Whether a precompile or the sender's own address may hold is for the token to say, not for the gateway.
    function test_a_precompile_and_the_sender_itself_are_accounts_like_any() public {
        address[3] memory recipients = [address(1), address(9), holder];
        for (uint256 i = 0; i < recipients.length; ++i) {
            IGatewayTypes.LockRequest memory request = _request(5);
            request.recipient = _account(recipients[i]);
            _settle(_lock(request));
            _eq(destination.token.balanceOf(recipients[i]), 5, "as the token says");
        }
    }

    /* DEADLINES (R-01) */

    function test_a_deadline_outside_the_limits_is_not_locked() public {
        uint64 now_ = uint64(START);
        uint64[7] memory deadlines = [0, 1, now_ - 1, now_ + 59, now_ + 7 days + 1, now_ * 1000, type(uint64).max];
        for (uint256 i = 0; i < deadlines.length; ++i) {
            IGatewayTypes.LockRequest memory request = _request(5);
            request.deadline = deadlines[i];
            _expectLeftOut(
                request,
                abi.encodeWithSelector(
                    IGatewayTypes.DeadlineOutOfRange.selector, deadlines[i], START + 60, START + 7 days
                )
            );
        }
        IGatewayTypes.LockRequest memory edge = _request(5);
        edge.deadline = now_ + 60;
        _lock(edge);
        edge.deadline = now_ + 7 days;
        _lock(edge);
    }

    /* CALLDATA */

    /// Words of narrow fields with bits above them: another id than was signed, so the signature is of something else.
    function test_dirty_bits_in_an_item_make_it_another_transfer(uint8 field, uint8 bit) public {
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        _on(destination);
        bytes memory data = abi.encodeCall(IGatewayCore.settle, (_inbound(item), attestation));
        uint256 word = field % 2 == 0 ? _itemWord() : _itemWord() + 4; // sequence, deadline
        _flip(data, word, 64 + bit % 192);
        (bool success, bytes memory answer) = address(destination.gateway).call(data);
        _refused(success, answer, IGatewayTypes.SignatureInvalid.selector);
        _eq(destination.token.totalSupply(), 0, "nothing");
        _flip(data, word, 64 + bit % 192);
        (success,) = address(destination.gateway).call(data);
        _eq(destination.token.totalSupply(), 5, "and without them it is minted");
    }

    /// Even if somebody had signed such an id: reading the field reverts.
    function test_a_signed_item_with_dirty_bits_reverts() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        uint256 wide = uint256(item.deadline) | (1 << 64);
        bytes memory words = abi.encode(item);
        assembly {
            mstore(add(words, 0x100), wide)
        }
        bytes32 type_ = keccak256(
            "Transfer(bytes32 source,bytes32 destination,uint64 sequence,bytes32 asset,bytes32 sender,bytes32 recipient,uint256 amount,uint64 deadline,bytes32 clientReference,bytes32 payloadHash)"
        );
        bytes32 id = keccak256(bytes.concat(type_, words));
        IGatewayTypes.Transfer memory bare;
        bare.sender = id;
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(bare));
        bytes memory data = abi.encodeCall(IGatewayCore.settle, (_inbound(item), attestation));
        _flip(data, _itemWord() + 4, 64);
        _on(destination);
        (bool success, bytes memory answer) = address(destination.gateway).call(data);
        _true(!success && answer.length == 0, "the decoder reverts");
        _eq(destination.token.totalSupply(), 0, "nothing");
    }

    /// The attestation's epoch and a request's deadline are read through the decoder.
    function test_dirty_bits_in_other_narrow_fields_revert(uint8 bit) public {
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        bytes memory data = abi.encodeCall(IGatewayCore.settle, (_inbound(item), attestation));
        _flip(data, 1, 64 + bit % 192); // settle(batches offset, epoch, …)
        _on(destination);
        (bool success, bytes memory answer) = address(destination.gateway).call(data);
        _true(!success && answer.length == 0, "epoch");

        data = abi.encodeCall(IGatewayCore.lock, (_batch(_request(5))));
        _flip(data, data.length / 32 - 4, 64 + bit % 192); // deadline: third of the last request's six words
        _on(source);
        vm.prank(holder);
        (success,) = address(source.gateway).call(data);
        _eq(source.gateway.lane(lane).nextSequence, 2, "deadline: not locked");
    }

    /// payout takes the transfer whole: a dirty sender names nobody, and its id is another.
    function test_a_sender_wider_than_an_address_is_no_pending_payment(uint256 high) public {
        IGatewayTypes.Transfer memory item = _pending();
        item.sender |= bytes32(_bound(high, 1, type(uint96).max) << 160);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.NothingPending.selector, _id(item)));
        source.gateway.payout(item);
    }

    /// R-20: whatever is cut off, the call reverts and nothing is written.
    function test_truncated_calldata_does_nothing(uint256 cut) public {
        IGatewayTypes.Transfer[] memory items = _lockMany(3);
        _on(destination);
        bytes memory whole = abi.encodeCall(IGatewayCore.settle, (_inbound(items), _signLocked(items)));
        bytes memory data = _cut(whole, _bound(cut, 0, whole.length - 1));
        (bool success,) = address(destination.gateway).call(data);
        _true(!success, "settle");
        _eq(destination.token.totalSupply(), 0, "nothing minted");

        bytes memory outcomes = hex"010203";
        whole = abi.encodeCall(IGatewayCore.finish, (_outbound(items), outcomes, _signOutcome(items, outcomes)));
        // the last word is of `outcomes`, 3 bytes of it count: a cut in its padding changes nothing
        data = _cut(whole, _bound(cut, 0, whole.length - 33));
        _on(source);
        (success,) = address(source.gateway).call(data);
        _true(!success, "finish");
        _eq(_endingOf(items[0]), Ending.OPEN, "nothing ended");
    }

    /// A length word that claims more than there is, up to all that fits a word: reverts without burning the block's gas.
    function test_a_list_that_claims_a_huge_length_reverts_cheaply(uint256 claim, uint8 which) public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        bytes memory data = abi.encodeCall(IGatewayCore.settle, (_inbound(items), _signLocked(items)));
        // words after the selector: offset, attestation (6), length of batches, offset of batch 0, peer, asset, offset, length
        uint256 word = which % 2 == 0 ? 7 : 12;
        _put(data, word, _bound(claim, 100_000, type(uint256).max));
        _on(destination);
        uint256 before = gasleft();
        (bool success,) = address(destination.gateway).call{gas: 10_000_000}(data);
        _le(before - gasleft(), 200_000, "cheap");
        _true(!success, "reverts");
        _eq(destination.token.totalSupply(), 0, "nothing");
    }

    /// An offset that points outside, or back into the head.
    function test_an_offset_that_points_elsewhere_does_nothing(uint256 offset, uint8 which) public {
        IGatewayTypes.Transfer memory item = _lock(5);
        bytes memory data = abi.encodeCall(IGatewayCore.settle, (_inbound(item), _signLocked(_one(item))));
        uint256[3] memory words = [uint256(0), 8, 11];
        uint256 word = words[which % 3];
        vm.assume(offset != _get(data, word));
        _put(data, word, offset);
        _on(destination);
        (bool success,) = address(destination.gateway).call{gas: 10_000_000}(data);
        _true(!success, "reverts");
        _eq(destination.token.totalSupply(), 0, "nothing");
    }

    function test_calldata_longer_than_the_call_is_as_if_it_ended(bytes calldata more) public {
        IGatewayTypes.Transfer memory item = _lock(5);
        _on(destination);
        bytes memory data = abi.encodeCall(IGatewayCore.settle, (_inbound(item), _signLocked(_one(item))));
        (bool success,) = address(destination.gateway).call(bytes.concat(data, more));
        _true(success, "settled");
        _eq(_outcomeOf(item), Outcome.MINTED, "as signed");
    }

    /* LISTS */

    function test_empty_lists_and_batches_are_refused_everywhere() public {
        IGatewayTypes.Attestation memory attestation = _sign(keccak256("nothing"));
        IGatewayTypes.Batch[][3] memory lists;
        lists[0] = new IGatewayTypes.Batch[](0);
        lists[1] = new IGatewayTypes.Batch[](1);
        lists[2] = new IGatewayTypes.Batch[](50);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(IGatewayTypes.EmptyList.selector);
            destination.gateway.settle(lists[i], attestation);
            vm.expectRevert(IGatewayTypes.EmptyList.selector);
            destination.gateway.refuse(lists[i], "", attestation);
            vm.expectRevert(IGatewayTypes.EmptyList.selector);
            source.gateway.finish(lists[i], "", attestation);
            vm.expectRevert(IGatewayTypes.EmptyList.selector);
            source.gateway.lock(new IGatewayTypes.LockBatch[](i));
        }
        vm.expectRevert(IGatewayTypes.EmptyList.selector);
        source.gateway.lockOrders(new IGatewayTypes.SignedOrder[](0), new IGatewayTypes.Permit[](0));
    }

    /// Empty batches between full ones say nothing.
    function test_empty_batches_among_full_ones_change_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        IGatewayTypes.Batch[] memory batches = new IGatewayTypes.Batch[](3);
        batches[1] = _inbound(item)[0];
        _on(destination);
        destination.gateway.settle(batches, attestation);
        _eq(destination.token.balanceOf(payee), 5, "minted");
    }

    /// Section 3: at a gateway the second is a skip.
    function test_a_transfer_three_times_in_one_list_happens_once() public {
        IGatewayTypes.Transfer memory minted = _lock(5);
        IGatewayTypes.Transfer memory refused = _lock(7);
        _settle(_thrice(minted));
        _refuse(_thrice(refused), hex"060a01");
        _eq(_outcomeOf(refused), Outcome.REJECTED, "the first reason");
        _finish(_thrice(minted), hex"010101");
        _finish(_thrice(refused), hex"020202");
        _eq(destination.token.totalSupply(), 5, "one mint");
        _eq(source.token.totalSupply(), UNITS - 5, "one burn");
        _eq(source.token.balanceOf(holder), UNITS - 5, "one payment");
    }

    /// Two outcomes of one transfer in one list: the committee signed nonsense; the first stands.
    function test_two_outcomes_of_one_transfer_in_one_list_end_it_once() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        _finish(_two(item, item), hex"0201");
        _eq(_endingOf(item), Ending.RELEASED, "the first");
        _eq(source.token.balanceOf(holder), UNITS, "paid once");
        _eq(source.token.totalSupply(), UNITS, "nothing burned");
    }

    /// R-20: everywhere a bare item counts for the digest and is not looked at.
    function test_a_list_of_bare_items_does_nothing_anywhere() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(3);
        IGatewayTypes.Transfer[] memory bare = new IGatewayTypes.Transfer[](3);
        for (uint256 i = 0; i < 3; ++i) {
            bare[i] = _bare(items[i]);
            bare[i].source = source.endpoint;
            bare[i].destination = destination.endpoint;
            bare[i].asset = ASSET;
            bare[i].amount = 1e20;
            bare[i].recipient = _account(payee);
            bare[i].deadline = type(uint64).max;
        }
        _settle(bare);
        _refuse(bare, hex"060606");
        for (uint256 i = 0; i < 3; ++i) {
            _eq(_outcomeOf(items[i]), Outcome.NONE, "undecided");
        }
        _finish(bare, hex"020202");
        for (uint256 i = 0; i < 3; ++i) {
            _eq(_endingOf(items[i]), Ending.OPEN, "open");
        }
        _eq(source.token.balanceOf(holder), UNITS - 6, "nothing paid");
    }

    function test_codes_that_are_too_few_too_many_or_unknown_are_refused() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        bytes[2] memory lengths = [bytes(hex"01"), bytes(hex"010101")];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory codes = lengths[i];
            IGatewayTypes.Attestation memory attestation = _signOutcome(items, codes);
            vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.LengthMismatch.selector, uint256(2), codes.length));
            source.gateway.finish(_outbound(items), codes, attestation);
            attestation = _signRefused(items, codes);
            vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.LengthMismatch.selector, uint256(2), codes.length));
            destination.gateway.refuse(_inbound(items), codes, attestation);
        }
        uint8[3] memory outcomes = [0, 4, 255];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory codes = abi.encodePacked(uint8(1), outcomes[i]);
            IGatewayTypes.Attestation memory attestation = _signOutcome(items, codes);
            vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.OutcomeInvalid.selector, outcomes[i]));
            _on(source);
            source.gateway.finish(_outbound(items), codes, attestation);
        }
        uint8[3] memory reasons = [0, 15, 255];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory codes = abi.encodePacked(uint8(1), reasons[i]);
            IGatewayTypes.Attestation memory attestation = _signRefused(items, codes);
            _on(destination);
            vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.ReasonInvalid.selector, reasons[i]));
            destination.gateway.refuse(_inbound(items), codes, attestation);
        }
        _eq(_outcomeOf(items[0]), Outcome.NONE, "none of the list");
    }

    /* SIGNATURES */

    /// z = 0, z >= n, z + n; R = 0, off the curve, beyond the field, mirrored; a key swapped for R; other epochs.
    function test_a_malformed_signature_is_refused() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Attestation memory good = _signLocked(_one(item));
        _on(destination);
        for (uint256 i = 0; i < 11; ++i) {
            IGatewayTypes.Attestation memory bad = _copy(good);
            if (i == 0) bad.z = 0;
            if (i == 1) bad.z = SchnorrLib.N;
            if (i == 2) bad.z = type(uint256).max;
            if (i == 3) (bad.rx, bad.ry) = (0, 0);
            if (i == 4) bad.rx = 0;
            if (i == 5) bad.ry = SchnorrLib.P - bad.ry;
            if (i == 6) bad.rx += 1;
            if (i == 7) (bad.rx, bad.ry) = (type(uint256).max, type(uint256).max);
            if (i == 8) (bad.rx, bad.ry) = (bad.px, bad.py);
            if (i == 9) bad.z = SchnorrLib.N - bad.z;
            if (i == 10) (bad.rx, bad.ry, bad.z) = (0, 0, 0);
            vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
            destination.gateway.settle(_inbound(item), bad);
        }
        uint64[4] memory epochs = [0, EPOCH - 1, EPOCH + 1, type(uint64).max];
        for (uint256 i = 0; i < 4; ++i) {
            IGatewayTypes.Attestation memory bad = _copy(good);
            bad.epoch = epochs[i];
            vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, epochs[i]));
            destination.gateway.settle(_inbound(item), bad);
        }
        destination.gateway.settle(_inbound(item), good);
    }

    /// The key's own coordinates: zero, mirrored, swapped, another.
    function test_another_key_than_the_epoch_s_is_refused() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        IGatewayTypes.Attestation memory good = _signLocked(_one(item));
        _on(destination);
        for (uint256 i = 0; i < 4; ++i) {
            IGatewayTypes.Attestation memory bad = _copy(good);
            if (i == 0) (bad.px, bad.py) = (0, 0);
            if (i == 1) bad.py = SchnorrLib.P - bad.py;
            if (i == 2) (bad.px, bad.py) = (bad.py, bad.px);
            if (i == 3) bad.px ^= 1;
            vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.KeyMismatch.selector, EPOCH));
            destination.gateway.settle(_inbound(item), bad);
        }
    }

    /* HELPERS */

    function _expectLeftOut(IGatewayTypes.LockRequest memory request, bytes memory why) private {
        uint64 next = source.gateway.lane(lane).nextSequence;
        _on(source);
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, why);
        vm.prank(holder);
        TransferId[] memory ids = source.gateway.lock(_batch(request));
        _eq(TransferId.unwrap(ids[0]), 0, "no id");
        _eq(source.gateway.lane(lane).nextSequence, next, "no sequence");
        _eq(source.token.balanceOf(address(source.gateway)), source.gateway.lane(lane).locked, "no units");
    }

    function _pending() private returns (IGatewayTypes.Transfer memory item) {
        item = _lock(5);
        source.token.setPaused(true);
        _finish(item, REJECTED);
        source.token.setPaused(false);
        _eq(_pendingOf(item), Ending.RELEASED, "pending");
    }

    function _thrice(IGatewayTypes.Transfer memory item) private pure returns (IGatewayTypes.Transfer[] memory items) {
        items = new IGatewayTypes.Transfer[](3);
        (items[0], items[1], items[2]) = (item, item, item);
    }

    function _copy(IGatewayTypes.Attestation memory a) private pure returns (IGatewayTypes.Attestation memory) {
        return abi.decode(abi.encode(a), (IGatewayTypes.Attestation));
    }

    function _refused(bool success, bytes memory answer, bytes4 selector) private pure {
        _true(!success && bytes4(answer) == selector, "refused by name");
    }

    /// Word of the first item in settle's calldata: offset, attestation (6), count, offset, peer, asset, offset, count.
    function _itemWord() private pure returns (uint256) {
        return 13;
    }

    function _get(bytes memory data, uint256 word) private pure returns (uint256 value) {
        assembly {
            value := mload(add(add(data, 0x24), mul(word, 0x20)))
        }
    }

    function _put(bytes memory data, uint256 word, uint256 value) private pure {
        assembly {
            mstore(add(add(data, 0x24), mul(word, 0x20)), value)
        }
    }

    function _flip(bytes memory data, uint256 word, uint256 bit) private pure {
        _put(data, word, _get(data, word) ^ (1 << bit));
    }

    function _cut(bytes memory data, uint256 length) private pure returns (bytes memory part) {
        part = bytes.concat(data);
        assembly {
            mstore(part, length)
        }
    }
}
