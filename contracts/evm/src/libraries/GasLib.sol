// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes} from "../interfaces/IGateway.sol";

/// @title What gas an item of a list gets, and what must be left before it starts (R-21).
/// @dev
/// | part                          | gas                                                             |
/// | ----------------------------- | --------------------------------------------------------------- |
/// | token's state-changing call   | exactly the profile's allowance                                 |
/// | item's self-call              | that, 1/63 of it for the EVM, and ITEM_OVERHEAD                 |
/// | an item starts if there is    | that, 1/63 of it for the EVM, WAITING_GAS per item that waits   |
/// |                               | for a common burn, and RESERVE_GAS                              |
///
/// So whoever chooses the gas limit chooses how many items are done, and never how one ends.
library GasLib {
    /// An item's own work in its self-call: at most six views of the token, four fresh words and an event.
    uint256 private constant ITEM_OVERHEAD = 400_000;
    /// Work outside the self-call: looking at an item, sealing it, its events, and the end of the loop.
    uint256 internal constant RESERVE_GAS = 100_000;
    /// Writing down that a sealed item's burn was refused.
    uint256 private constant WAITING_GAS = 35_000;

    /// @param allowance Of all state-changing calls that the item makes of its token together.
    function forItem(uint256 allowance) internal pure returns (uint256) {
        return allowance + allowance / 63 + ITEM_OVERHEAD;
    }

    /// @param itemGas Of the self-calls that must still be possible.
    /// @param waiting Items that wait for a common burn.
    function toStart(uint256 itemGas, uint256 waiting) internal pure returns (uint256) {
        return itemGas + itemGas / 63 + waiting * WAITING_GAS + RESERVE_GAS;
    }

    /// @dev Too little gas ends the loop; before the first item was tried it reverts (R-21).
    function suffices(bool tried, uint256 needed) internal view returns (bool) {
        if (gasleft() >= needed) return true;
        if (!tried) revert IGatewayTypes.InsufficientGas(gasleft(), needed);
        return false;
    }
}
