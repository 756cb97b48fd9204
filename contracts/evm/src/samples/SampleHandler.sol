// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Erc20Handler} from "../handlers/Erc20Handler.sol";
import {Reasons} from "../libraries/Reasons.sol";
import {SampleSecurityToken} from "./SampleSecurityToken.sol";

/// @title What an issuer writes for a token with errors of its own. A sample for demonstrations and tests, not a product.
contract SampleHandler is Erc20Handler {
    function _meaningOf(bytes4 selector, bytes calldata rest) internal view override returns (uint8 reason) {
        if (selector == SampleSecurityToken.HolderNotRegistered.selector) return Reasons.NOT_ELIGIBLE;
        return super._meaningOf(selector, rest);
    }
}
