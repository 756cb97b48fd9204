// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TokenForm} from "../interfaces/IGateway.sol";
import {ITokenHandler} from "../interfaces/ITokenHandler.sol";
import {Reasons} from "../libraries/Reasons.sol";

/// @title ERC-20 tokens whose own mint checks all that their transfers check, permit tokens among them (ERC-2612).
/// @dev Also what every other handler begins with: errors that are common to many tokens.
contract Erc20Handler is ITokenHandler {
    /// Error(string), of `require` and `revert` with a text.
    bytes4 internal constant TEXT = 0x08c379a0;

    /// @inheritdoc ITokenHandler
    function examine(address, TokenForm) external view virtual returns (bool fits, bool asks, bool mayBurn) {
        return (true, false, false);
    }

    /// @inheritdoc ITokenHandler
    function check(address, address, uint256) external view virtual returns (uint8 reason) {
        return 0;
    }

    /// @inheritdoc ITokenHandler
    function reasonOf(bytes calldata error) external view returns (uint8 reason) {
        if (error.length < 4) return Reasons.TOKEN_REVERTED;
        if (bytes4(error) != TEXT) return _meaningOf(bytes4(error), error[4:]);
        return _meaningOfText(_textHash(error));
    }

    /// @dev OpenZeppelin 5's Pausable, ERC-20 (ERC-6093) and ERC20Capped.
    function _meaningOf(bytes4 selector, bytes calldata) internal view virtual returns (uint8 reason) {
        if (selector == bytes4(keccak256("EnforcedPause()"))) return Reasons.TOKEN_PAUSED;
        if (selector == bytes4(keccak256("ERC20InvalidReceiver(address)"))) return Reasons.MALFORMED_ACCOUNT;
        if (selector == bytes4(keccak256("ERC20ExceededCap(uint256,uint256)"))) return Reasons.COMPLIANCE_RULE;
        return Reasons.TOKEN_REVERTED;
    }

    /// @dev OpenZeppelin 4's, by the keccak256 of the text.
    function _meaningOfText(bytes32 text) internal view virtual returns (uint8 reason) {
        if (text == keccak256("Pausable: paused")) return Reasons.TOKEN_PAUSED;
        if (text == keccak256("ERC20: mint to the zero address")) return Reasons.MALFORMED_ACCOUNT;
        if (text == keccak256("ERC20Capped: cap exceeded")) return Reasons.COMPLIANCE_RULE;
        return Reasons.TOKEN_REVERTED;
    }

    /// @dev Of Error(string); zero where it is cut, or none.
    function _textHash(bytes calldata error) private pure returns (bytes32) {
        if (error.length < 68 || uint256(bytes32(error[4:36])) != 0x20) return 0;
        uint256 length = uint256(bytes32(error[36:68]));
        return length > error.length - 68 ? bytes32(0) : keccak256(error[68:68 + length]);
    }
}
