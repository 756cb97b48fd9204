// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGateway, IGatewayTypes, TransferId} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {OrderBase} from "./OrderBase.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// R-02: `lockOrders` of whole Orders by holders with a key. Contract holders: OrderWallet; parts: OrderDivisible.
contract OrderTest is OrderBase {
    /* WHAT AN ORDER DOES */

    /// R-02, R-05: the terms are the signed ones; sequence, source and sender are the gateway's and the holder's.
    function test_a_signed_order_is_locked_by_anybody(address anybody, uint256 amount) public {
        vm.assume(uint160(anybody) > 0xffff && anybody != holder);
        IGatewayTypes.Order memory order = _order(_bound(amount, 1, 1e24));
        IGatewayTypes.Transfer memory terms = _terms(order, 1);
        IGatewayTypes.SignedOrder memory signed = _signed(order);
        vm.expectEmit();
        emit IGatewayTypes.Locked(_id(terms), lane, terms);
        TransferId id = _submit(anybody, _list(signed))[0];
        _eq(TransferId.unwrap(id), TransferId.unwrap(_id(terms)), "the id");
        _eq(source.token.balanceOf(holder), UNITS - order.amount, "taken from the holder");
        _eq(source.token.balanceOf(address(source.gateway)), order.amount, "in escrow");
        _eq(source.gateway.nonceWord(holder, 0), 2, "nonce 1 used");
    }

    /// R-02: the digest of wallets (eth_signTypedData, here forge's), ours and the gateway's are one.
    function test_the_order_hash_is_what_a_wallet_signs(IGatewayTypes.Order memory order) public view {
        bytes32 expected = vm.eip712HashTypedData(_typedData(order));
        _eq(_orderDigest(order), expected, "ours");
        _eq(source.gateway.orderHash(order), expected, "the gateway's");
    }

    /// R-02
    function test_an_order_of_a_named_submitter_is_nobody_else_s(address other) public {
        vm.assume(other != venue && uint160(other) > 0xffff);
        IGatewayTypes.Order memory order = _order(5);
        order.submitter = venue;
        bytes memory reason = abi.encodeWithSelector(IGatewayTypes.NotSubmitter.selector, other, venue);
        _expectRefused(other, _signed(order), reason);
        _submitLocked(_signed(order));
    }

    /// R-02: a named submitter may have a life instead of a deadline: seconds from the lock's block time.
    function test_a_life_counts_from_the_lock(uint32 later) public {
        later = uint32(_bound(later, 0, 1 days));
        IGatewayTypes.Order memory order = _order(5);
        (order.deadline, order.life, order.submitter) = (0, 90, venue);
        vm.warp(START + later);
        IGatewayTypes.Transfer memory terms = _terms(order, 1);
        terms.deadline = uint64(START + later + 90);
        TransferId id = _submit(_signed(order));
        _eq(TransferId.unwrap(id), TransferId.unwrap(_id(terms)), "deadline = now + life");
    }

    /* ONCE */

    /// R-02
    function test_an_order_locks_once(uint256 nonce) public {
        vm.assume(nonce != 0);
        IGatewayTypes.Order memory order = _order(5);
        order.nonce = nonce;
        _submitLocked(_signed(order));
        _expectRefused(_signed(order), _nonceUsed(nonce));
        order.amount = 6;
        _expectRefused(_signed(order), _nonceUsed(nonce));
    }

    /// R-02: within one list as well.
    function test_an_order_twice_in_one_list_locks_once() public {
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](2);
        (orders[0], orders[1]) = (_signed(_order(5)), _signed(_order(5)));
        TransferId[] memory ids = _submit(venue, orders);
        _true(TransferId.unwrap(ids[0]) != 0 && TransferId.unwrap(ids[1]) == 0, "the first");
        _eq(source.token.balanceOf(holder), UNITS - 5, "once");
    }

    /// R-02: a caller's nonces and Orders' nonces are the same numbers.
    function test_a_nonce_serves_one_lock_or_one_order() public {
        IGatewayTypes.LockRequest memory request = _request(1);
        request.nonce = 1;
        _lock(request);
        _expectRefused(_signed(_order(5)), _nonceUsed(1));

        IGatewayTypes.Order memory order = _order(5);
        order.nonce = 2;
        _submitLocked(_signed(order));
        request.nonce = 2;
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, _nonceUsed(2));
        _lockAll(_one(request));
    }

    /// R-02
    function test_a_cancelled_order_locks_nothing(uint8 bit) public {
        vm.assume(bit != 0);
        IGatewayTypes.Order memory order = _order(5);
        order.nonce = bit;
        vm.prank(holder);
        source.gateway.cancelNonces(0, uint256(1) << bit);
        _expectRefused(_signed(order), _nonceUsed(bit));
    }

    /// R-02, R-61: cancelling is the holder's.
    function test_nobody_cancels_another_s_order(address other) public {
        vm.assume(other != holder && uint160(other) > 0xffff);
        vm.prank(other);
        source.gateway.cancelNonces(0, type(uint256).max);
        _submitLocked(_signed(_order(5)));
    }

    /// R-02: to the second.
    function test_an_order_expires(uint32 late) public {
        IGatewayTypes.Order memory order = _order(5);
        order.expiry = uint64(START + 100);
        IGatewayTypes.SignedOrder memory signed = _signed(order);
        vm.warp(START + 101 + uint256(late));
        _expectRefused(signed, abi.encodeWithSelector(IGatewayTypes.OrderExpired.selector, order.expiry));
        vm.warp(START + 100);
        _submitLocked(signed);
    }

    /// R-02: what failed for the token's sake can be submitted again.
    function test_a_failed_order_keeps_its_nonce() public {
        source.token.behave(Behaviour.REVERTS);
        _true(TransferId.unwrap(_submit(_signed(_order(5)))) == 0, "left out");
        _eq(source.gateway.nonceWord(holder, 0), 0, "unused");
        source.token.behave(Behaviour.HONEST);
        _submitLocked(_signed(_order(5)));
    }

    /* FORM */

    /// R-02
    function test_an_order_needs_a_nonce() public {
        IGatewayTypes.Order memory order = _order(5);
        order.nonce = 0;
        _expectRefused(_signed(order), IGatewayTypes.OrderInvalid.selector);
    }

    /// R-02: exactly one of life and deadline, whoever submits.
    function test_an_order_has_a_life_or_a_deadline(bool named) public {
        IGatewayTypes.Order memory order = _order(5);
        if (named) order.submitter = venue;
        order.life = 1 hours;
        _expectRefused(_signed(order), IGatewayTypes.OrderInvalid.selector);
        (order.life, order.deadline) = (0, 0);
        _expectRefused(_signed(order), IGatewayTypes.OrderInvalid.selector);
    }

    /// R-02: or anybody could choose when, and in which parts.
    function test_life_and_parts_need_a_named_submitter(bool divisible) public {
        IGatewayTypes.Order memory order = _order(5);
        order.divisible = divisible;
        if (!divisible) (order.deadline, order.life) = (0, 1 hours);
        _expectRefused(_part(order, divisible ? 5 : 0, 0), IGatewayTypes.OrderInvalid.selector);
    }

    /// R-02: an indivisible Order is whole; `amount` and `drawn` are not signed and say nothing.
    function test_an_indivisible_order_takes_no_part(uint256 amount, uint256 drawn) public {
        vm.assume(amount | drawn != 0);
        IGatewayTypes.Order memory order = _order(5);
        _expectRefused(_part(order, amount, drawn), IGatewayTypes.OrderInvalid.selector);
    }

    /// R-01: a signed Order is bound by the lane's limits like any lock.
    function test_an_order_is_bound_by_the_lane_s_limits() public {
        IGatewayTypes.Order memory order = _order(1e24 + 1);
        bytes memory reason = abi.encodeWithSelector(IGatewayTypes.AmountOutOfRange.selector, 1e24 + 1, 1, 1e24);
        _expectRefused(_signed(order), reason);
        order = _order(5);
        (order.deadline, order.life, order.submitter) = (0, 59, venue);
        reason =
            abi.encodeWithSelector(IGatewayTypes.DeadlineOutOfRange.selector, START + 59, START + 60, START + 7 days);
        _expectRefused(_signed(order), reason);
        order = _order(5);
        order.recipient = 0;
        _expectRefused(_signed(order), abi.encodeWithSelector(IGatewayTypes.RecipientMalformed.selector, bytes32(0)));
    }

    /* SIGNATURES */

    /// R-02: every field is signed.
    function test_a_field_changed_after_signing_is_refused(uint8 field, uint256 change) public {
        IGatewayTypes.Order memory order = _order(5);
        order.submitter = venue;
        bytes memory signature = _signDigest(HOLDER_KEY, _orderDigest(order));
        address submitter = _changeField(order, _bound(field, 0, 12), change);
        _expectRefused(submitter, _with(order, signature), _signatureInvalid(order.holder));
    }

    /// R-02: an allowance, even a boundless one, authorises no terms.
    function test_an_allowance_alone_authorises_nothing(bytes memory signature, uint256 otherKey) public {
        IGatewayTypes.Order memory order = _order(5);
        _expectSignatureInvalid(_with(order, signature));
        _expectSignatureInvalid(_with(order, ""));
        otherKey = _bound(otherKey, 1, SchnorrLib.N - 1);
        vm.assume(otherKey != HOLDER_KEY);
        _expectSignatureInvalid(_with(order, _signDigest(otherKey, _orderDigest(order))));
    }

    /// R-02: the submitter is no holder.
    function test_nobody_locks_for_the_zero_account(bytes memory signature) public {
        IGatewayTypes.Order memory order = _order(5);
        order.holder = address(0);
        _expectSignatureInvalid(_with(order, signature));
    }

    /// R-02: a signature is for one gateway on one ledger: chain id, contract, and the ledger's history.
    function test_another_gateway_s_signature_is_refused(uint256 chain, address gateway, bytes32 from) public {
        IGatewayTypes.Order memory order = _order(5);
        vm.assume(chain != source.chainId && gateway != address(source.gateway));
        vm.assume(from != EndpointId.unwrap(source.endpoint));
        (EndpointId here, uint256 id, address us) = (source.endpoint, source.chainId, address(source.gateway));
        _expectSignatureInvalid(_with(order, _signDigest(HOLDER_KEY, _orderDigest(order, here, chain, us))));
        _expectSignatureInvalid(_with(order, _signDigest(HOLDER_KEY, _orderDigest(order, here, id, gateway))));
        _expectSignatureInvalid(
            _with(order, _signDigest(HOLDER_KEY, _orderDigest(order, EndpointId.wrap(from), id, us)))
        );
    }

    /// R-02, R-06: after a fork with another chain id, what was signed before counts no more; the views follow.
    function test_a_fork_takes_no_old_orders(uint64 chain) public {
        vm.assume(chain != 0 && chain != source.chainId);
        IGatewayTypes.Order memory order = _order(5);
        IGatewayTypes.SignedOrder memory signed = _signed(order);
        vm.chainId(chain);
        _expectSignatureInvalid(signed);
        bytes32 there = _orderDigest(order, source.gateway.endpointId(), chain, address(source.gateway));
        _eq(source.gateway.orderHash(order), there, "of the live chain");
    }

    /// The other signature of the same digest (high s) is refused, and so is any length but 65.
    function test_a_malleated_signature_is_refused(uint8 length) public {
        IGatewayTypes.Order memory order = _order(5);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(HOLDER_KEY, _orderDigest(order));
        bytes32 high = bytes32(SchnorrLib.N - uint256(s));
        _expectSignatureInvalid(_with(order, abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27))));
        _expectSignatureInvalid(_with(order, abi.encodePacked(r, s, v - 27)));
        bytes32 compact = bytes32(uint256(s) | (uint256(v - 27) << 255));
        _expectSignatureInvalid(_with(order, abi.encodePacked(r, compact)));
        vm.assume(length != 65);
        bytes memory long = abi.encodePacked(r, s, v, new bytes(255));
        assembly {
            mstore(long, length)
        }
        _expectSignatureInvalid(_with(order, long));
        _submitLocked(_signed(order));
    }

    /* LISTS */

    /// R-02: one bad Order, whatever is wrong with it, never blocks the others.
    function test_a_bad_order_is_left_out_and_the_others_are_locked(uint8 badIndex, uint8 fault) public {
        badIndex = uint8(_bound(badIndex, 0, 2));
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](3);
        for (uint256 i = 0; i < 3; ++i) {
            IGatewayTypes.Order memory order = _order(10 * (i + 1));
            order.nonce = 7 + i;
            orders[i] = _signed(order);
        }
        bytes memory reason = _spoil(orders[badIndex], _bound(fault, 0, 4));
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(badIndex, orders[badIndex].order.holder, reason);
        TransferId[] memory ids = _submit(venue, orders);
        for (uint256 i = 0; i < 3; ++i) {
            _true((TransferId.unwrap(ids[i]) == 0) == (i == badIndex), "zero where left out");
        }
        _eq(source.gateway.lane(lane).nextSequence, 3, "no gap");
        _eq(source.gateway.lane(lane).locked, 60 - 10 * (uint256(badIndex) + 1), "two");
    }

    /// R-32
    function test_a_paused_gateway_or_lane_takes_no_orders() public {
        vm.prank(guardian);
        source.gateway.pauseLane(lane);
        _expectRefused(_signed(_order(5)), abi.encodeWithSelector(IGatewayTypes.LanePausedError.selector, lane));
        vm.prank(guardian);
        source.gateway.pause();
        vm.expectRevert(IGatewayTypes.Paused.selector);
        source.gateway.lockOrders(_list(_signed(_order(5))), new IGatewayTypes.Permit[](0));
    }

    function test_an_empty_list_is_refused() public {
        vm.expectRevert(IGatewayTypes.EmptyList.selector);
        source.gateway.lockOrders(new IGatewayTypes.SignedOrder[](0), new IGatewayTypes.Permit[](0));
    }

    /// R-02: an Order is never locked past its checks.
    function test_only_the_gateway_calls_its_item_function(address caller) public {
        vm.assume(caller != address(source.gateway) && uint160(caller) > 0xffff);
        IGatewayTypes.SignedOrder memory signed = _signed(_order(5));
        bytes4 selector = bytes4(
            keccak256(
                "drawSingle(((bytes32,bytes32,address,bytes32,uint256,bool,uint64,uint32,bytes32,bytes32,uint256,uint64,address),uint256,uint256,bytes),address)"
            )
        );
        vm.prank(caller);
        (bool success, bytes memory answer) =
            address(source.gateway).call(abi.encodeWithSelector(selector, signed, caller));
        _true(!success, "refused");
        _eq(bytes32(bytes4(answer)), bytes32(IGatewayTypes.NotSelf.selector), "by its caller");
    }

    /* HELPERS */

    function _terms(IGatewayTypes.Order memory order, uint64 sequence)
        private
        view
        returns (IGatewayTypes.Transfer memory terms)
    {
        IGatewayTypes.LockRequest memory request = _request(order.amount);
        (request.recipient, request.deadline) = (order.recipient, order.deadline);
        (request.clientReference, request.payloadHash) = (order.clientReference, order.payloadHash);
        return _terms(request, sequence);
    }

    /// Never a form that would be refused before the signature is looked at.
    /// @return submitter Who may submit the changed Order.
    function _changeField(IGatewayTypes.Order memory o, uint256 field, uint256 change)
        private
        pure
        returns (address submitter)
    {
        uint256 other = _bound(change, 1, type(uint32).max);
        if (field == 0) o.destination = EndpointId.wrap(bytes32(uint256(EndpointId.unwrap(o.destination)) ^ other));
        if (field == 1) o.asset = AssetId.wrap(bytes32(uint256(AssetId.unwrap(o.asset)) ^ other));
        if (field == 2) o.holder = address(uint160(o.holder) ^ uint160(other));
        if (field == 3) o.recipient ^= bytes32(other);
        if (field == 4) o.amount ^= other;
        if (field == 5) o.divisible = true;
        if (field == 6) o.deadline += uint64(other);
        if (field == 7) (o.life, o.deadline) = (uint32(other), 0);
        if (field == 8) o.clientReference ^= bytes32(other);
        if (field == 9) o.payloadHash ^= bytes32(other);
        if (field == 10) o.nonce += other;
        if (field == 11) o.expiry += uint64(other);
        if (field == 12) o.submitter = address(uint160(0xffff) + uint160(other));
        return o.submitter;
    }

    /// @return reason What the gateway will say.
    function _spoil(IGatewayTypes.SignedOrder memory signed, uint256 fault) private view returns (bytes memory reason) {
        IGatewayTypes.Order memory order = signed.order;
        if (fault == 0) {
            order.amount += 1;
            return _signatureInvalid(holder);
        }
        if (fault == 1) {
            order.nonce = 0;
            return abi.encodeWithSelector(IGatewayTypes.OrderInvalid.selector);
        }
        if (fault == 2) {
            order.expiry = uint64(START - 1);
            return abi.encodeWithSelector(IGatewayTypes.OrderExpired.selector, order.expiry);
        }
        if (fault == 3) {
            order.holder = address(source.token); // code that answers nothing to isValidSignature
            return _signatureInvalid(order.holder);
        }
        order.submitter = payee;
        return abi.encodeWithSelector(IGatewayTypes.NotSubmitter.selector, venue, payee);
    }

    /// What a wallet is asked by eth_signTypedData_v4.
    function _typedData(IGatewayTypes.Order memory o) private view returns (string memory) {
        string memory types = string.concat(
            '{"types":{"EIP712Domain":[',
            _fields("name:string,version:string,chainId:uint256,verifyingContract:address"),
            '],"Order":[',
            _fields(
                "source:bytes32,destination:bytes32,asset:bytes32,holder:address,recipient:bytes32,amount:uint256,divisible:bool,deadline:uint64,life:uint32,clientReference:bytes32,payloadHash:bytes32,nonce:uint256,expiry:uint64,submitter:address"
            ),
            ']},"primaryType":"Order","domain":{"name":"Naru","version":"1","chainId":',
            vm.toString(source.chainId),
            ',"verifyingContract":"',
            vm.toString(address(source.gateway)),
            '"},"message":{'
        );
        string memory head = string.concat(
            _pair("source", vm.toString(EndpointId.unwrap(source.endpoint))),
            _pair("destination", vm.toString(EndpointId.unwrap(o.destination))),
            _pair("asset", vm.toString(AssetId.unwrap(o.asset))),
            _pair("holder", vm.toString(o.holder)),
            _pair("recipient", vm.toString(o.recipient)),
            _pair("amount", vm.toString(o.amount)),
            '"divisible":',
            o.divisible ? "true," : "false,"
        );
        string memory tail = string.concat(
            _pair("deadline", vm.toString(o.deadline)),
            _pair("life", vm.toString(o.life)),
            _pair("clientReference", vm.toString(o.clientReference)),
            _pair("payloadHash", vm.toString(o.payloadHash)),
            _pair("nonce", vm.toString(o.nonce)),
            _pair("expiry", vm.toString(o.expiry)),
            '"submitter":"',
            vm.toString(o.submitter),
            '"}}'
        );
        return string.concat(types, head, tail);
    }

    function _pair(string memory name, string memory value) private pure returns (string memory) {
        return string.concat('"', name, '":"', value, '",');
    }

    /// "a:t,b:u" as a JSON list of name and type.
    function _fields(string memory list) private pure returns (string memory json) {
        bytes memory text = bytes(list);
        json = '{"name":"';
        for (uint256 i = 0; i < text.length; ++i) {
            if (text[i] == ":") json = string.concat(json, '","type":"');
            else if (text[i] == ",") json = string.concat(json, '"},{"name":"');
            else json = string.concat(json, string(abi.encodePacked(text[i])));
        }
        json = string.concat(json, '"}');
    }
}
