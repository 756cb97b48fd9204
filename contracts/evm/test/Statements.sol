// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGateway, IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Vm} from "./Vm.sol";

/// What the committee, an asset's register and holders sign besides Base's three lists, by their own type strings; and calls
/// whose error is checked byte by byte.
abstract contract Statements is Base {
    uint256 internal constant NEXT_KEY = 0xBEEF;
    uint256 internal constant THIRD_KEY = 0xFACADE;
    uint256 internal constant REGISTER_KEY = 0x9E615;
    uint64 internal constant NEXT_EPOCH = EPOCH + 1;
    uint64 internal constant THIRD_EPOCH = EPOCH + 2;

    address internal stranger = address(0x5747A);

    /* STATEMENTS: THE COMMITTEE'S */

    function _lockedStatement(uint64 epoch, bytes32 list) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Locked(uint64 epoch,bytes32[] transfers)"), epoch, list));
    }

    function _refusedStatement(uint64 epoch, bytes32 list, bytes memory reasons) internal pure returns (bytes32) {
        bytes32 kind = keccak256("Refused(uint64 epoch,bytes32[] transfers,bytes reasons)");
        return keccak256(abi.encode(kind, epoch, list, keccak256(reasons)));
    }

    function _outcomeStatement(uint64 epoch, bytes32 list, bytes memory outcomes) internal pure returns (bytes32) {
        bytes32 kind = keccak256("Outcome(uint64 epoch,bytes32[] transfers,bytes outcomes)");
        return keccak256(abi.encode(kind, epoch, list, keccak256(outcomes)));
    }

    function _handoverStatement(uint64 epoch, uint256 px, uint256 py) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Handover(uint64 epoch,uint256 px,uint256 py)"), epoch, px, py));
    }

    function _closedStatement(uint64 epoch, EndpointId endpoint) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Closed(uint64 epoch,bytes32 endpoint)"), epoch, endpoint));
    }

    /* STATEMENTS: THE REGISTER'S */

    function _issueStatement(EndpointId endpoint, AssetId asset, uint64 number, uint256 issued)
        internal
        pure
        returns (bytes32)
    {
        bytes32 kind = keccak256("Issue(bytes32 endpoint,bytes32 asset,uint64 number,uint256 issued)");
        return keccak256(abi.encode(kind, endpoint, asset, number, issued));
    }

    function _closingStatement(AssetId asset, EndpointId endpoint) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Closing(bytes32 asset,bytes32 endpoint)"), asset, endpoint));
    }

    function _endedStatement(AssetId asset, bytes32 list, bytes memory outcomes) internal pure returns (bytes32) {
        bytes32 kind = keccak256("Ended(bytes32 asset,bytes32[] transfers,bytes outcomes)");
        return keccak256(abi.encode(kind, asset, list, keccak256(outcomes)));
    }

    /* STATEMENTS: A HOLDER'S */

    /// The Order's domain is the wallet's: live chain id and the gateway's address.
    function _orderDigest(Ledger memory at, IGatewayTypes.Order memory order) internal pure returns (bytes32) {
        bytes32 kind = keccak256(
            "Order(bytes32 source,bytes32 destination,bytes32 asset,address holder,bytes32 recipient,uint256 amount,bool divisible,uint64 deadline,uint32 life,bytes32 clientReference,bytes32 payloadHash,uint256 nonce,uint64 expiry,address submitter)"
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Naru"),
                keccak256("1"),
                at.chainId,
                address(at.gateway)
            )
        );
        bytes32 terms = keccak256(bytes.concat(abi.encode(kind, at.endpoint), abi.encode(order)));
        return keccak256(abi.encodePacked(hex"1901", domain, terms));
    }

    /* SIGNATURES */

    /// 65 bytes r ‖ s ‖ v.
    function _ecdsa(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// Announced to `at` by the committee of (signer, epoch - 1).
    function _signHandover(Ledger memory at, uint256 signer, uint64 epoch, Vm.Wallet memory to)
        internal
        returns (IGatewayTypes.Attestation memory)
    {
        bytes32 statement = _handoverStatement(epoch, to.publicKeyX, to.publicKeyY);
        return _signWith(signer, epoch - 1, _digest(at.endpoint, statement));
    }

    function _handoverCall(Ledger memory at, uint256 signer, uint64 epoch, Vm.Wallet memory to)
        internal
        returns (bytes memory)
    {
        IGatewayTypes.Attestation memory attestation = _signHandover(at, signer, epoch, to);
        return abi.encodeCall(at.gateway.handover, (epoch, to.publicKeyX, to.publicKeyY, attestation));
    }

    function _announce(Ledger memory at, uint256 signer, uint64 epoch, uint256 to) internal {
        _on(at);
        _passes(stranger, at.gateway, _handoverCall(at, signer, epoch, vm.createWallet(to)));
    }

    /// From `signer`, current with epoch - 1, to the key `to`, through the delay.
    function _handOver(Ledger memory at, uint256 signer, uint64 epoch, uint256 to) internal {
        _announce(at, signer, epoch, to);
        vm.warp(at.gateway.pendingHandover().ready);
        at.gateway.activateEpoch();
    }

    function _register(Ledger memory at, uint64 epoch, uint256 key) internal {
        Vm.Wallet memory wallet = vm.createWallet(key);
        _on(at);
        bytes memory data = abi.encodeCall(at.gateway.registerKey, (epoch, wallet.publicKeyX, wallet.publicKeyY));
        _passes(governance, at.gateway, data);
    }

    function _setRegisterKey(Ledger memory at, AssetId asset, uint256 key) internal {
        _on(at);
        address key_ = vm.createWallet(key).addr;
        vm.prank(governance);
        at.gateway.setRegisterKey(asset, key_);
    }

    /* CALLS */

    function _fails(address caller, IGateway at, bytes memory data, bytes memory error) internal {
        vm.prank(caller);
        (bool success, bytes memory answer) = address(at).call(data);
        _true(!success, "refused");
        vm.assertEq(answer, error, "error");
    }

    function _passes(address caller, IGateway at, bytes memory data) internal {
        vm.prank(caller);
        (bool success, bytes memory answer) = address(at).call(data);
        if (success) return;
        assembly {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    function _error(bytes4 selector) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector);
    }

    function _error(bytes4 selector, uint256 argument) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, argument);
    }

    function _error(bytes4 selector, bytes32 argument) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, argument);
    }

    function _error(bytes4 selector, address argument) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, argument);
    }
}
