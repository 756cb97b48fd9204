// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TokenForm} from "../interfaces/IGateway.sol";
import {AskLib} from "../libraries/AskLib.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {Erc20Handler} from "./Erc20Handler.sol";

/// What is used of KIP-7's minting extension.
interface IKip7Mintable {
    function isMinter(address account) external view returns (bool);
}

/// @title KIP-7 of Kaia (Klaytn), with its minting and burning extensions.
/// @dev The pausing extension names transfers and approvals, not mints: whether a paused token mints is up to the token.
contract Kip7Handler is Erc20Handler {
    bytes4 private constant ID = 0x65787371;
    bytes4 private constant MINTABLE = 0xeab83e20;
    bytes4 private constant BURNABLE = 0x3b5a0bf8;
    bytes4 private constant PAUSABLE = 0x4d5507ff;

    /// @dev The burning extension has `burn(uint256)` only. The minting extension says who may mint: the gateway must.
    function examine(address token, TokenForm form)
        external
        view
        override
        returns (bool fits, bool asks, bool mayBurn)
    {
        fits = form == TokenForm.OWN && AskLib.hasInterface(token, ID) && AskLib.hasInterface(token, MINTABLE)
            && AskLib.hasInterface(token, BURNABLE)
            && AskLib.says(token, abi.encodeCall(IKip7Mintable.isMinter, (msg.sender)));
        return (fits, AskLib.hasInterface(token, PAUSABLE), false);
    }

    /// @inheritdoc Erc20Handler
    function check(address token, address, uint256) external view override returns (uint8 reason) {
        return AskLib.isPaused(token) ? Reasons.TOKEN_PAUSED : 0;
    }

    /// @dev Of Klaytn's library, 1.0.6. Its mint is a safe one: a contract must say that it takes KIP-7 tokens. A gateway
    /// that is no minter any more was dismissed by the issuer.
    function _meaningOfText(bytes32 text) internal view override returns (uint8 reason) {
        if (text == keccak256("KIP7Pausable: token transfer while paused")) return Reasons.TOKEN_PAUSED;
        if (text == keccak256("KIP7Capped: cap exceeded")) return Reasons.COMPLIANCE_RULE;
        if (text == keccak256("KIP7: mint to the zero address")) return Reasons.MALFORMED_ACCOUNT;
        if (text == keccak256("KIP7: transfer to non IKIP7Receiver implementer")) return Reasons.MALFORMED_ACCOUNT;
        if (text == keccak256("KIP7: transfer to non KIP7Receiver implementer")) return Reasons.MALFORMED_ACCOUNT;
        if (text == keccak256("KIP7Mintable: must have minter role to mint")) return Reasons.ASSET_NOT_REGISTERED;
        return super._meaningOfText(text);
    }
}
