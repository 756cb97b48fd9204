// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Reason codes that contracts give (docs/protocol.md, section 7); numbers are for ever.
library Reasons {
    uint8 internal constant NOT_ELIGIBLE = 1;
    uint8 internal constant ACCOUNT_FROZEN = 2;
    uint8 internal constant COMPLIANCE_RULE = 3;
    uint8 internal constant ASSET_NOT_REGISTERED = 4;
    uint8 internal constant MALFORMED_ACCOUNT = 5;
    uint8 internal constant POLICY_REFUSED = 6;
    uint8 internal constant LIMIT_EXCEEDED = 7;
    uint8 internal constant TOKEN_PAUSED = 8;
    uint8 internal constant EXPIRED = 10;
    uint8 internal constant TOKEN_REVERTED = 13;
    uint8 internal constant LAST = 14;

    /// What a token can mean: neither deadline, supply, lock nor record is its business.
    uint256 private constant OF_TOKENS = (1 << NOT_ELIGIBLE) | (1 << ACCOUNT_FROZEN) | (1 << COMPLIANCE_RULE)
        | (1 << ASSET_NOT_REGISTERED) | (1 << MALFORMED_ACCOUNT) | (1 << LIMIT_EXCEEDED) | (1 << TOKEN_PAUSED)
        | (1 << TOKEN_REVERTED);

    function isOfToken(uint256 reason) internal pure returns (bool) {
        return reason <= LAST && (OF_TOKENS >> reason) & 1 != 0;
    }
}
