// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TokenForm} from "../interfaces/IGateway.sol";
import {AskLib} from "../libraries/AskLib.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {Erc20Handler} from "./Erc20Handler.sol";

/// The views of an ERC-3643 token that are asked here; nothing else of it is used.
interface IErc3643Views {
    function identityRegistry() external view returns (address);
    function compliance() external view returns (address);
    function paused() external view returns (bool);
    function isFrozen(address wallet) external view returns (bool);
    function isAgent(address account) external view returns (bool);
}

/// @title ERC-3643 tokens (T-REX): the gateway is an agent, and a verified holder so that it can pull what it burns.
/// @dev T-REX's `mint` asks the identity registry and the compliance contract itself, and its text tells which of the
/// two refused. To ask them here too would say the same, for 18,000 to 194,000 gas more an item (no claim issuer and no
/// module, to five and four). Only what that mint forgets is asked: the pause and the frozen wallet, 6,400 gas.
contract Erc3643Handler is Erc20Handler {
    /// @inheritdoc Erc20Handler
    /// @dev T-REX refuses to burn 0, so the role itself is looked at.
    function examine(address token, TokenForm form)
        external
        view
        override
        returns (bool fits, bool asks, bool mayBurn)
    {
        (, uint256 registry) = AskLib.word(token, abi.encodeCall(IErc3643Views.identityRegistry, ()));
        (, uint256 compliance) = AskLib.word(token, abi.encodeCall(IErc3643Views.compliance, ()));
        fits = form == TokenForm.ROLE && _isContract(registry) && _isContract(compliance)
            && _isBool(token, abi.encodeCall(IErc3643Views.paused, ()))
            && _isBool(token, abi.encodeCall(IErc3643Views.isFrozen, (msg.sender)));
        return (fits, true, AskLib.says(token, abi.encodeCall(IErc3643Views.isAgent, (msg.sender))));
    }

    /// @inheritdoc Erc20Handler
    /// @dev A token that does not answer, or no longer with a bool, ends this call: that is waited for, and no verdict.
    function check(address token, address recipient, uint256) external view override returns (uint8 reason) {
        if (AskLib.mustSay(token, abi.encodeCall(IErc3643Views.paused, ()))) return Reasons.TOKEN_PAUSED;
        bool frozen = AskLib.mustSay(token, abi.encodeCall(IErc3643Views.isFrozen, (recipient)));
        return frozen ? Reasons.ACCOUNT_FROZEN : 0;
    }

    /// @dev The one custom error of T-REX's compliance modules.
    function _meaningOf(bytes4 selector, bytes calldata rest) internal view override returns (uint8 reason) {
        if (selector == bytes4(keccak256("MaxBalanceExceeded(address,uint256)"))) return Reasons.COMPLIANCE_RULE;
        return super._meaningOf(selector, rest);
    }

    /// @dev T-REX's, as far as a mint can say them. A gateway that is no agent any more was taken off by the issuer:
    /// the asset is closed to it, and who has units on the way gets them back instead of waiting for the deadline.
    function _meaningOfText(bytes32 text) internal view override returns (uint8 reason) {
        if (text == keccak256("Identity is not verified.")) return Reasons.NOT_ELIGIBLE;
        if (text == keccak256("Compliance not followed")) return Reasons.COMPLIANCE_RULE;
        if (text == keccak256("AgentRole: caller does not have the Agent role")) return Reasons.ASSET_NOT_REGISTERED;
        if (text == keccak256("identity not found")) return Reasons.NOT_ELIGIBLE; // a module that counts by identity
        return super._meaningOfText(text);
    }

    function _isBool(address token, bytes memory question) private view returns (bool) {
        (bool answered, uint256 word) = AskLib.word(token, question);
        return answered && word < 2;
    }

    function _isContract(uint256 word) private view returns (bool) {
        return word >> 160 == 0 && address(uint160(word)).code.length != 0;
    }
}
