// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TokenForm} from "../interfaces/IGateway.sol";
import {AskLib} from "../libraries/AskLib.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {Erc20Handler} from "./Erc20Handler.sol";

/// What is used of IERC7943Fungible, and its errors.
interface IErc7943 {
    error ERC7943CannotSend(address account);
    error ERC7943CannotReceive(address account);
    error ERC7943CannotTransfer(address from, address to, uint256 amount);
    error ERC7943InsufficientUnfrozenBalance(address account, uint256 amount, uint256 unfrozen);

    function canSend(address account) external view returns (bool);
    function canReceive(address account) external view returns (bool);
    function canTransfer(address from, address to, uint256 amount) external view returns (bool);
}

/// @title ERC-7943 (uRWA), the fungible interface.
/// @dev A mint by a role "MAY bypass" the standard's checks, so they are made here. Frozen units bar nobody from receiving:
/// the standard lets an issuer freeze more than a holder has, and what arrives then is frozen there.
contract Erc7943Handler is Erc20Handler {
    bytes4 private constant ID = 0x3edbb4c4;

    /// @dev The gateway holds what it locks, so it must be a holder that the token takes (R-04).
    function examine(address token, TokenForm form)
        external
        view
        override
        returns (bool fits, bool asks, bool mayBurn)
    {
        fits = AskLib.hasInterface(token, ID) && AskLib.canBeOf(token, form)
            && AskLib.says(token, abi.encodeCall(IErc7943.canSend, (msg.sender)))
            && AskLib.says(token, abi.encodeCall(IErc7943.canReceive, (msg.sender)));
        return (fits, true, false);
    }

    /// @dev `canTransfer` is asked from the gateway, the one holder that is known, and for no units: how many it has, and
    /// how many of them are frozen, must not decide about a mint. Some tokens say a pause only there.
    function check(address token, address recipient, uint256) external view override returns (uint8 reason) {
        if (AskLib.isPaused(token)) return Reasons.TOKEN_PAUSED;
        if (!AskLib.mustSay(token, abi.encodeCall(IErc7943.canReceive, (recipient)))) return Reasons.NOT_ELIGIBLE;
        bytes memory question = abi.encodeCall(IErc7943.canTransfer, (msg.sender, recipient, 0));
        return AskLib.mustSay(token, question) ? 0 : Reasons.COMPLIANCE_RULE;
    }

    function _meaningOf(bytes4 selector, bytes calldata rest) internal view override returns (uint8 reason) {
        if (selector == IErc7943.ERC7943CannotReceive.selector) return Reasons.NOT_ELIGIBLE;
        if (selector == IErc7943.ERC7943InsufficientUnfrozenBalance.selector) return Reasons.ACCOUNT_FROZEN;
        if (selector == IErc7943.ERC7943CannotTransfer.selector) return Reasons.COMPLIANCE_RULE;
        if (selector == IErc7943.ERC7943CannotSend.selector) return Reasons.COMPLIANCE_RULE;
        return super._meaningOf(selector, rest);
    }
}
