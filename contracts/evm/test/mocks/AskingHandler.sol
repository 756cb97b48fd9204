// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Erc20Handler} from "../../src/handlers/Erc20Handler.sol";
import {TokenForm} from "../../src/interfaces/IGateway.sol";
import {Reasons} from "../../src/libraries/Reasons.sol";

interface IAsked {
    function paused() external view returns (bool);
    function canReceive(address account) external view returns (bool);
}

/// Asks before each mint whether the token takes the recipient.
contract RecipientHandler is Erc20Handler {
    function examine(address, TokenForm) external pure override returns (bool fits, bool asks, bool mayBurn) {
        return (true, true, false);
    }

    function check(address token, address recipient, uint256) external view virtual override returns (uint8 reason) {
        return IAsked(token).canReceive(recipient) ? 0 : Reasons.NOT_ELIGIBLE;
    }
}

/// Asks before each mint what TestToken's mint forgets, the pause first.
contract AskingHandler is RecipientHandler {
    function check(address token, address recipient, uint256) external view override returns (uint8 reason) {
        if (IAsked(token).paused()) return Reasons.TOKEN_PAUSED;
        return IAsked(token).canReceive(recipient) ? 0 : Reasons.NOT_ELIGIBLE;
    }
}
