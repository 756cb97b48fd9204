// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes} from "../interfaces/IGateway.sol";
import {ITokenHandler} from "../interfaces/ITokenHandler.sol";
import {GasLib} from "./GasLib.sol";
import {Reasons} from "./Reasons.sol";

/// @title Bounded questions to a token's handler.
library HandlerLib {
    /// Reverts with the reason why nothing may be minted to the recipient now; a handler that does not answer counts as a
    /// token that is paused, the transient refusal.
    function requireMintable(address handler, address token, address recipient, uint256 amount, uint256 gasAllowance)
        internal
        view
    {
        bytes memory data = abi.encodeCall(ITokenHandler.check, (token, recipient, amount));
        uint256 before = gasleft();
        (bool answered, uint256 reason) = _ask(handler, data, GasLib.exactly(gasAllowance));
        if (answered && reason == 0) return;
        if (!answered || !Reasons.isOfToken(reason)) revert IGatewayTypes.NoAnswer(handler);
        if (GasLib.isMost(before, gasAllowance)) revert IGatewayTypes.NoAnswer(handler);
        revert IGatewayTypes.RecipientRefused(recipient, uint8(reason));
    }

    /// @return reason TOKEN_REVERTED where the handler knows none.
    function reasonOf(address handler, bytes memory error) internal view returns (uint8 reason) {
        bytes memory data = abi.encodeCall(ITokenHandler.reasonOf, (error));
        (bool answered, uint256 word) = _ask(handler, data, GasLib.REASON_GAS);
        return answered && Reasons.isOfToken(word) ? uint8(word) : Reasons.TOKEN_REVERTED;
    }

    /// @dev One word or nothing: more return data isn't copied, less isn't an answer.
    function _ask(address handler, bytes memory data, uint256 gasGiven)
        private
        view
        returns (bool answered, uint256 word)
    {
        assembly ("memory-safe") {
            answered := staticcall(gasGiven, handler, add(data, 0x20), mload(data), 0, 0x20)
            answered := and(answered, eq(returndatasize(), 0x20))
            word := mload(0)
        }
    }
}
