// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, TokenForm} from "../interfaces/IGateway.sol";
import {AskLib} from "../libraries/AskLib.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {Erc20Handler} from "./Erc20Handler.sol";

/// What is used of ERC-1594, the core of ERC-1400. What `canTransferFrom` returns was changed while it was a draft: status
/// and reason, or a bool before them.
interface IErc1594 {
    function isIssuable() external view returns (bool);
    function canTransferFrom(address from, address to, uint256 amount, bytes calldata data) external view;
}

/// @title ERC-1400, by its core ERC-1594, with status bytes as ERC-1400 lists them.
/// @dev
/// | status | ERC-1400 says          | reason                                  |
/// | ------ | ---------------------- | --------------------------------------- |
/// | 0x51   | success                | none                                    |
/// | 0x52   | insufficient balance   | none, if no units at all may go there   |
/// | 0x53   | insufficient allowance | the same                                |
/// | 0x54   | transfers halted       | TOKEN_PAUSED                            |
/// | 0x55   | funds locked           | as 0x52                                 |
/// | 0x57   | invalid receiver       | NOT_ELIGIBLE                            |
/// | others | …                      | COMPLIANCE_RULE                         |
///
/// The standard mints by `issue`, and a gateway by `mint(address,uint256)`: such a token must have both.
contract Erc1400Handler is Erc20Handler {
    uint8 private constant FAILURE = 0x50;
    uint8 private constant SUCCESS = 0x51;
    uint8 private constant NO_BALANCE = 0x52;
    uint8 private constant NO_ALLOWANCE = 0x53;
    uint8 private constant HALTED = 0x54;
    uint8 private constant LOCKED = 0x55;
    uint8 private constant INVALID_RECEIVER = 0x57;
    uint8 private constant INVALID_OPERATOR = 0x58;

    /// @dev The one who asks is this contract: a token that answers only operators it knows can't be asked by it.
    function examine(address token, TokenForm form)
        external
        view
        override
        returns (bool fits, bool asks, bool mayBurn)
    {
        (bool answered, uint8 status) = _statusOf(token, msg.sender, 0);
        fits = answered && status >> 4 == 0x5 && status != INVALID_OPERATOR && AskLib.canBeOf(token, form)
            && AskLib.says(token, abi.encodeCall(IErc1594.isIssuable, ()));
        return (fits, true, false);
    }

    /// @dev There is no `canIssue`: asked is what there is, a transfer from the gateway, the one holder that is known. What
    /// it lacks for one (units, an allowance for this contract) says nothing of a mint; but the token may not have looked
    /// at the recipient then: asked again for no units, it has.
    function check(address token, address recipient, uint256 amount) external view override returns (uint8 reason) {
        if (AskLib.isPaused(token)) return Reasons.TOKEN_PAUSED;
        if (!AskLib.mustSay(token, abi.encodeCall(IErc1594.isIssuable, ()))) return Reasons.COMPLIANCE_RULE;
        uint8 status = _mustStatusOf(token, recipient, amount);
        if (_isOfGatewaysUnits(status)) status = _mustStatusOf(token, recipient, 0);
        return status == SUCCESS ? 0 : _meaningOfStatus(status);
    }

    /// @dev As ConsenSys' tokens write a status: its two digits. An operator that may not mint any more is a gateway that
    /// was dismissed by the issuer.
    function _meaningOfText(bytes32 text) internal view override returns (uint8 reason) {
        if (text == keccak256("54")) return Reasons.TOKEN_PAUSED;
        if (text == keccak256("57")) return Reasons.NOT_ELIGIBLE;
        if (text == keccak256("50") || text == keccak256("55")) return Reasons.COMPLIANCE_RULE;
        if (text == keccak256("58")) return Reasons.ASSET_NOT_REGISTERED;
        return super._meaningOfText(text);
    }

    function _meaningOfStatus(uint8 status) private pure returns (uint8 reason) {
        if (status == HALTED) return Reasons.TOKEN_PAUSED;
        return status == INVALID_RECEIVER ? Reasons.NOT_ELIGIBLE : Reasons.COMPLIANCE_RULE;
    }

    function _isOfGatewaysUnits(uint8 status) private pure returns (bool) {
        return status == NO_BALANCE || status == NO_ALLOWANCE || status == LOCKED;
    }

    function _mustStatusOf(address token, address recipient, uint256 amount) private view returns (uint8 status) {
        bool answered;
        (answered, status) = _statusOf(token, recipient, amount);
        if (!answered) revert IGatewayTypes.NoAnswer(token);
    }

    function _statusOf(address token, address recipient, uint256 amount)
        private
        view
        returns (bool answered, uint8 status)
    {
        bytes memory question = abi.encodeCall(IErc1594.canTransferFrom, (msg.sender, recipient, amount, ""));
        bytes memory data = AskLib.answer(token, question);
        if (data.length == 64) return _read(bytes32(data), true);
        if (data.length != 96) return (false, 0);
        (uint256 allowed, bytes32 word,) = abi.decode(data, (uint256, bytes32, bytes32));
        return _read(word, allowed == 1);
    }

    function _read(bytes32 word, bool allowed) private pure returns (bool isStatus, uint8 status) {
        if (bytes32(word[0]) != word) return (false, 0);
        status = uint8(word[0]);
        return (true, status == SUCCESS && !allowed ? FAILURE : status);
    }
}
