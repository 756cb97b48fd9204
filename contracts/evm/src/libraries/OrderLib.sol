// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {EndpointId, IGatewayTypes} from "../interfaces/IGateway.sol";

/// @title What holders sign (R-02), in a domain that wallets show; equal to bridge/core/orders.py.
library OrderLib {
    bytes32 internal constant ORDER_TYPEHASH = keccak256(
        "Order(bytes32 source,bytes32 destination,bytes32 asset,address holder,bytes32 recipient,uint256 amount,bool divisible,uint64 deadline,uint32 life,bytes32 clientReference,bytes32 payloadHash,uint256 nonce,uint64 expiry,address submitter)"
    );
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("Naru");
    bytes32 private constant VERSION_HASH = keccak256("1");
    /// What a holder that is a contract gets to answer.
    uint256 private constant SIGNATURE_GAS = 100_000;

    function domainSeparator() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
    }

    /// @dev Hashes the thirteen words as they stand in calldata. Bits outside a narrow field give a hash that nobody signed.
    function digestOf(IGatewayTypes.Order calldata order, EndpointId source, bytes32 domainSeparator_)
        internal
        pure
        returns (bytes32 digest)
    {
        bytes32 typeHash = ORDER_TYPEHASH;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typeHash)
            mstore(add(start, 0x20), source)
            calldatacopy(add(start, 0x40), order, 0x1a0)
            let struct := keccak256(start, 0x1e0)
            mstore(start, shl(240, 0x1901))
            mstore(add(start, 2), domainSeparator_)
            mstore(add(start, 0x22), struct)
            digest := keccak256(start, 0x42)
        }
    }

    /// @dev Its own key first, so that an account with delegated code (EIP-7702) still signs as ever; then ERC-1271, by a
    /// static call of bounded gas (R-61).
    function isSignedBy(address holder, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == holder) return true;
        if (holder.code.length == 0) return false;
        bytes memory data = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        uint256 gasGiven = SIGNATURE_GAS;
        bool success;
        bytes32 answer;
        assembly ("memory-safe") {
            success := staticcall(gasGiven, holder, add(data, 0x20), mload(data), 0, 0x20)
            success := and(success, gt(returndatasize(), 0x1f))
            answer := mload(0)
        }
        return success && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
