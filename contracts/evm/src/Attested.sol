// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GatewayStorage} from "./GatewayStorage.sol";
import {SchnorrLib} from "./libraries/SchnorrLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title What the committee's signature is checked by.
abstract contract Attested is GatewayStorage {
    /// @dev R-40: of the current epoch or the one before; the key by its address, then one ecrecover.
    /// @return current Its word, so that whoever asks need not read it again.
    function _requireAttested(bytes32 domainSeparator_, bytes32 statement, Attestation calldata attestation)
        internal
        view
        returns (Current memory current)
    {
        current = _current;
        uint64 epoch_ = attestation.epoch;
        address key = epoch_ == current.epoch ? current.key : epoch_ == _previous.epoch ? _previous.key : address(0);
        if (key == address(0)) revert EpochUnknown(epoch_);
        (uint256 px, uint256 py) = (attestation.px, attestation.py);
        if (key != SchnorrLib.addressOf(px, py)) revert KeyMismatch(epoch_);
        bytes32 digest = TransferLib.digestOf(domainSeparator_, statement);
        if (!SchnorrLib.verify(px, py, abi.encode(digest), attestation.rx, attestation.ry, attestation.z)) {
            revert SignatureInvalid();
        }
    }
}
