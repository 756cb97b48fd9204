// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";

import {SchnorrLib} from "./libraries/SchnorrLib.sol";

/// @title ERC-7913 verifier of FROST(secp256k1, SHA-256) signatures: a committee's key as a signer (R-40).
/// @dev Stateless. Says only that the key signed the hash; which key is the committee's, a gateway knows.
///
/// | argument    | bytes                                                           |
/// | ----------- | --------------------------------------------------------------- |
/// | `key`       | px (32) · py (32): a point of the curve, 0 < px < n             |
/// | `hash`      | the 32 bytes that were signed                                   |
/// | `signature` | rx (32) · ry (32) · z (32): a point of the curve, and 0 < z < n |
contract FrostVerifier is IERC7913SignatureVerifier {
    bytes4 private constant INVALID = 0xffffffff;

    /// @inheritdoc IERC7913SignatureVerifier
    function verify(bytes calldata key, bytes32 hash, bytes calldata signature) external pure returns (bytes4) {
        if (key.length != 64 || signature.length != 96) return INVALID;
        (uint256 px, uint256 py) = abi.decode(key, (uint256, uint256));
        if (!SchnorrLib.isValidKey(px, py)) return INVALID;
        (uint256 rx, uint256 ry, uint256 z) = abi.decode(signature, (uint256, uint256, uint256));
        bool valid = SchnorrLib.verify(px, py, abi.encodePacked(hash), rx, ry, z);
        return valid ? IERC7913SignatureVerifier.verify.selector : INVALID;
    }
}
