// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {AssetId, EndpointId} from "../interfaces/IGateway.sol";
import {TransferLib} from "./TransferLib.sol";

/// @title Statements of the committee and of an asset's register that no lane's traffic needs (docs/protocol.md, section 3).
/// @dev Everything hashed is whole words:
///
/// | hash     | signed by    | bytes                                       |
/// | -------- | ------------ | ------------------------------------------- |
/// | Handover | committee    | type hash ‖ *next* epoch ‖ px ‖ py          |
/// | Closed   | committee    | type hash ‖ signer's epoch ‖ endpoint       |
/// | Issue    | register key | type hash ‖ endpoint ‖ asset ‖ number ‖ sum |
/// | Closing  | register key | type hash ‖ asset ‖ endpoint                |
///
/// Handover needs no signer's epoch: that is always the one before the epoch it names (R-40).
library CommitteeLib {
    bytes32 internal constant HANDOVER_TYPEHASH = keccak256("Handover(uint64 epoch,uint256 px,uint256 py)");
    bytes32 internal constant CLOSED_TYPEHASH = keccak256("Closed(uint64 epoch,bytes32 endpoint)");
    bytes32 internal constant ISSUE_TYPEHASH =
        keccak256("Issue(bytes32 endpoint,bytes32 asset,uint64 number,uint256 issued)");
    bytes32 internal constant CLOSING_TYPEHASH = keccak256("Closing(bytes32 asset,bytes32 endpoint)");

    function handoverStatement(uint64 nextEpoch, uint256 px, uint256 py) internal pure returns (bytes32) {
        return keccak256(abi.encode(HANDOVER_TYPEHASH, nextEpoch, px, py));
    }

    function closedStatement(uint64 epoch, EndpointId endpoint) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSED_TYPEHASH, epoch, endpoint));
    }

    function issueStatement(EndpointId endpoint, AssetId asset, uint64 number, uint256 issued)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(ISSUE_TYPEHASH, endpoint, asset, number, issued));
    }

    function closingStatement(AssetId asset, EndpointId endpoint) internal pure returns (bytes32) {
        return keccak256(abi.encode(CLOSING_TYPEHASH, asset, endpoint));
    }

    /// @dev Whether a register key signed it: 65 bytes r ‖ s ‖ v, low s. No key, no signature: a failed recovery answers
    /// zero too.
    function isSignedBy(address key, bytes32 domainSeparator, bytes32 statement, bytes calldata signature)
        internal
        pure
        returns (bool)
    {
        bytes32 digest = TransferLib.digestOf(domainSeparator, statement);
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return key != address(0) && signer == key;
    }
}
