// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EndpointId, IGatewayTypes, TransferId} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// The holder has a key; helpers that sign Orders by their own type strings, in a domain of any gateway and ledger.
abstract contract OrderBase is Base {
    uint256 internal constant HOLDER_KEY = 0xA11CE0;
    address internal venue = address(0x0FF1CE);

    function setUp() public virtual override {
        holder = vm.createWallet(HOLDER_KEY).addr;
        super.setUp();
        _on(source);
    }

    /* ORDERS */

    /// Indivisible, for anybody to submit.
    function _order(uint256 amount) internal view returns (IGatewayTypes.Order memory) {
        return IGatewayTypes.Order({
            destination: destination.endpoint,
            asset: ASSET,
            holder: holder,
            recipient: _account(payee),
            amount: amount,
            divisible: false,
            deadline: uint64(vm.getBlockTimestamp() + 1 hours),
            life: 0,
            clientReference: keccak256("order 1"),
            payloadHash: 0,
            nonce: 1,
            expiry: uint64(vm.getBlockTimestamp() + 1 days),
            submitter: address(0)
        });
    }

    /// To be drawn in parts by the venue, each with an hour to live.
    function _divisible(uint256 total) internal view returns (IGatewayTypes.Order memory order) {
        order = _order(total);
        order.divisible = true;
        order.deadline = 0;
        order.life = 1 hours;
        order.submitter = venue;
    }

    /* SIGNING */

    function _orderDigest(IGatewayTypes.Order memory order) internal view returns (bytes32) {
        return _orderDigest(order, source.endpoint, source.chainId, address(source.gateway));
    }

    function _orderDigest(IGatewayTypes.Order memory o, EndpointId from, uint256 chain, address verifier)
        internal
        pure
        returns (bytes32)
    {
        bytes32 kind = keccak256(
            "Order(bytes32 source,bytes32 destination,bytes32 asset,address holder,bytes32 recipient,uint256 amount,bool divisible,uint64 deadline,uint32 life,bytes32 clientReference,bytes32 payloadHash,uint256 nonce,uint64 expiry,address submitter)"
        );
        bytes memory head = abi.encode(kind, from, o.destination, o.asset, o.holder, o.recipient, o.amount);
        bytes memory middle = abi.encode(o.divisible, o.deadline, o.life, o.clientReference, o.payloadHash);
        bytes memory tail = abi.encode(o.nonce, o.expiry, o.submitter);
        bytes32 struct_ = keccak256(bytes.concat(head, middle, tail));
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Naru"),
                keccak256("1"),
                chain,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, struct_));
    }

    function _signDigest(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// By the holder; whole.
    function _signed(IGatewayTypes.Order memory order) internal view returns (IGatewayTypes.SignedOrder memory) {
        return _with(order, _signDigest(HOLDER_KEY, _orderDigest(order)));
    }

    function _with(IGatewayTypes.Order memory order, bytes memory signature)
        internal
        pure
        returns (IGatewayTypes.SignedOrder memory)
    {
        return IGatewayTypes.SignedOrder({order: order, amount: 0, drawn: 0, signature: signature});
    }

    /// By the holder; a part.
    function _part(IGatewayTypes.Order memory order, uint256 amount, uint256 drawn)
        internal
        view
        returns (IGatewayTypes.SignedOrder memory signed)
    {
        signed = _signed(order);
        (signed.amount, signed.drawn) = (amount, drawn);
    }

    /* SUBMITTING */

    function _list(IGatewayTypes.SignedOrder memory signed)
        internal
        pure
        returns (IGatewayTypes.SignedOrder[] memory orders)
    {
        orders = new IGatewayTypes.SignedOrder[](1);
        orders[0] = signed;
    }

    function _submit(address submitter, IGatewayTypes.SignedOrder[] memory orders)
        internal
        returns (TransferId[] memory)
    {
        vm.prank(submitter);
        return source.gateway.lockOrders(orders, new IGatewayTypes.Permit[](0));
    }

    /// By the venue.
    function _submit(IGatewayTypes.SignedOrder memory signed) internal returns (TransferId) {
        return _submit(venue, _list(signed))[0];
    }

    function _submitLocked(IGatewayTypes.SignedOrder memory signed) internal {
        _true(TransferId.unwrap(_submit(signed)) != 0, "locked");
    }

    /// Left out for this reason, and nothing else happened.
    function _expectRefused(address submitter, IGatewayTypes.SignedOrder memory signed, bytes memory reason) internal {
        uint64 next = source.gateway.lane(lane).nextSequence;
        uint256 units = source.token.balanceOf(signed.order.holder);
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, signed.order.holder, reason);
        TransferId id = _submit(submitter, _list(signed))[0];
        _eq(TransferId.unwrap(id), 0, "left out");
        _eq(source.gateway.lane(lane).nextSequence, next, "no record");
        _eq(source.token.balanceOf(signed.order.holder), units, "nothing taken");
    }

    function _expectRefused(IGatewayTypes.SignedOrder memory signed, bytes memory reason) internal {
        _expectRefused(venue, signed, reason);
    }

    function _expectRefused(IGatewayTypes.SignedOrder memory signed, bytes4 reason) internal {
        _expectRefused(venue, signed, abi.encodeWithSelector(reason));
    }

    function _expectSignatureInvalid(IGatewayTypes.SignedOrder memory signed) internal {
        _expectRefused(signed, _signatureInvalid(signed.order.holder));
    }

    function _signatureInvalid(address who) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IGatewayTypes.OrderSignatureInvalid.selector, who);
    }

    function _nonceUsed(uint256 nonce) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IGatewayTypes.NonceUsed.selector, holder, nonce);
    }
}
