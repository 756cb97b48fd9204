// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TokenForm} from "../interfaces/IGateway.sol";
import {AskLib} from "../libraries/AskLib.sol";
import {Erc20Handler} from "./Erc20Handler.sol";

/// @title ERC-7802: tokens that a bridge mints and burns by `crosschainMint` and `crosschainBurn`.
/// @dev The standard has no rules for holders, so its mint forgets none: a token that has some by another standard is
/// registered with that one's handler, and the same form.
contract Erc7802Handler is Erc20Handler {
    function examine(address token, TokenForm form)
        external
        view
        override
        returns (bool fits, bool asks, bool mayBurn)
    {
        return (form == TokenForm.ERC7802 && AskLib.hasInterface(token, AskLib.ERC7802), false, false);
    }
}
