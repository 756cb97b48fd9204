// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, TokenForm} from "../interfaces/IGateway.sol";
import {AskLib} from "../libraries/AskLib.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {Erc20Handler} from "./Erc20Handler.sol";

/// What ERC-1404 adds to ERC-20.
interface IErc1404 {
    function detectTransferRestriction(address from, address to, uint256 amount) external view returns (uint8 code);
    function messageForTransferRestriction(uint8 code) external view returns (string memory message);
}

/// @title ERC-1404, tokens that name a transfer's restriction by a code and its message.
/// @dev Only code 0 is the standard's, and one number means different things in different tokens: known here are messages,
/// TokenSoft's and CMTAT's. An issuer with others inherits from this contract and adds them to `_meaningOfText`.
contract Erc1404Handler is Erc20Handler {
    uint8 private constant UNRESTRICTED = 0;

    /// @inheritdoc Erc20Handler
    function examine(address token, TokenForm form)
        external
        view
        override
        returns (bool fits, bool asks, bool mayBurn)
    {
        (bool answered,) = _codeOf(token, msg.sender, 0);
        return (answered && _messageOf(token, UNRESTRICTED) != 0 && AskLib.canBeOf(token, form), true, false);
    }

    /// @dev Asked as a transfer from the gateway, the one holder that is known. What bars only the gateway's own units, which
    /// a mint doesn't move, is no obstacle; but a token that says so may not have looked at the recipient: asked again for no
    /// units, then it has.
    function check(address token, address recipient, uint256 amount) external view override returns (uint8 reason) {
        if (AskLib.isPaused(token)) return Reasons.TOKEN_PAUSED;
        bytes32 message = _restriction(token, recipient, amount);
        if (_isOfGatewaysUnits(message)) message = _restriction(token, recipient, 0);
        if (message == 0) return 0;
        reason = _meaningOfText(message);
        return reason == Reasons.TOKEN_REVERTED ? Reasons.COMPLIANCE_RULE : reason;
    }

    /// @dev As messages, and as texts of `require`, which many of these tokens make of them.
    function _meaningOfText(bytes32 text) internal view virtual override returns (uint8 reason) {
        if (text == keccak256("The transfer was restricted due to white list configuration.")) {
            return Reasons.NOT_ELIGIBLE;
        }
        if (text == keccak256("AddrToIsFrozen")) return Reasons.ACCOUNT_FROZEN;
        if (text == keccak256("The transfer was restricted due to the contract being paused.")) {
            return Reasons.TOKEN_PAUSED;
        }
        if (text == keccak256("EnforcedPause")) return Reasons.TOKEN_PAUSED;
        return super._meaningOfText(text);
    }

    function _isOfGatewaysUnits(bytes32 message) internal pure virtual returns (bool) {
        return message == keccak256("The transfer was restricted due to timelocked tokens.")
            || message == keccak256("AddrFrom:insufficientActiveBalance");
    }

    /// @return message The keccak256 of the message, 0 where there is no restriction, 1 for one without a message.
    function _restriction(address token, address recipient, uint256 amount) private view returns (bytes32 message) {
        (bool answered, uint8 code) = _codeOf(token, recipient, amount);
        if (!answered) revert IGatewayTypes.NoAnswer(token);
        if (code == UNRESTRICTED) return 0;
        message = _messageOf(token, code);
        return message == 0 ? bytes32(uint256(1)) : message;
    }

    function _codeOf(address token, address recipient, uint256 amount)
        private
        view
        returns (bool answered, uint8 code)
    {
        bytes memory question = abi.encodeCall(IErc1404.detectTransferRestriction, (msg.sender, recipient, amount));
        uint256 word;
        (answered, word) = AskLib.word(token, question);
        return answered && word <= type(uint8).max ? (true, uint8(word)) : (false, 0);
    }

    /// @dev The keccak256; 0 for one that is too long, or no text.
    function _messageOf(address token, uint8 code) private view returns (bytes32 message) {
        bytes memory data = AskLib.answer(token, abi.encodeCall(IErc1404.messageForTransferRestriction, (code)));
        if (data.length < 64) return 0;
        (uint256 offset, uint256 length) = abi.decode(data, (uint256, uint256));
        if (offset != 32 || length > data.length - 64) return 0;
        return keccak256(bytes(abi.decode(data, (string))));
    }
}
