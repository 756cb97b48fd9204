// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LockMode, TokenForm} from "../interfaces/IGateway.sol";

/// GatewayStorage.Handling as it stands in its one storage word.
type HandlingWord is uint256;

using HandlingLib for HandlingWord global;

/// @title Reads of a Handling in one word, so that it is loaded once and handed on (gas); bits from the lowest:
/// token (160) · gasAllowance (32) · profile (16) · mode (8) · form (8) · enabled, asks, hasCutOff (8 each).
library HandlingLib {
    function token(HandlingWord word) internal pure returns (address) {
        return address(uint160(HandlingWord.unwrap(word)));
    }

    function gasAllowance(HandlingWord word) internal pure returns (uint256) {
        return uint32(HandlingWord.unwrap(word) >> 160);
    }

    function profile(HandlingWord word) internal pure returns (uint16) {
        return uint16(HandlingWord.unwrap(word) >> 192);
    }

    function mode(HandlingWord word) internal pure returns (LockMode) {
        return LockMode(uint8(HandlingWord.unwrap(word) >> 208));
    }

    function form(HandlingWord word) internal pure returns (TokenForm) {
        return TokenForm(uint8(HandlingWord.unwrap(word) >> 216));
    }

    function isEnabled(HandlingWord word) internal pure returns (bool) {
        return uint8(HandlingWord.unwrap(word) >> 224) != 0;
    }

    function asks(HandlingWord word) internal pure returns (bool) {
        return uint8(HandlingWord.unwrap(word) >> 232) != 0;
    }

    function hasCutOff(HandlingWord word) internal pure returns (bool) {
        return uint8(HandlingWord.unwrap(word) >> 240) != 0;
    }
}
