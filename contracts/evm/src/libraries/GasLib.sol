// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes} from "../interfaces/IGateway.sol";

/// @title What gas an item of a list gets, and what must be left before it starts (R-21).
/// @dev
/// | part                          | gas                                                             |
/// | ----------------------------- | --------------------------------------------------------------- |
/// | token's state-changing call   | exactly the profile's allowance                                 |
/// | handler's check before a mint | the same                                                        |
/// | item's self-call              | both, 1/63 of it for the EVM, and ITEM_OVERHEAD                 |
/// | an item starts if there is    | that, 1/63 of it for the EVM, WAITING_GAS per item that waits   |
/// |                               | for a common burn, and RESERVE_GAS                              |
///
/// So whoever chooses the gas limit chooses how many items are done, and never how one ends.
library GasLib {
    /// An item's own work in its self-call: at most four views of the token, four fresh words and an event.
    uint256 private constant ITEM_OVERHEAD = 400_000;
    /// What a handler gets to tell what an error means.
    uint256 internal constant REASON_GAS = 40_000;
    /// Work outside the self-call: looking at an item, sealing it, what its error means, events, the end of the loop.
    uint256 internal constant RESERVE_GAS = 150_000;
    /// Writing down that a sealed item's burn was refused.
    uint256 private constant WAITING_GAS = 35_000;

    /// @param allowance Of all state-changing calls that the item makes of its token together, and of a handler's check.
    function forItem(uint256 allowance) internal pure returns (uint256) {
        return allowance + allowance / 63 + ITEM_OVERHEAD;
    }

    /// @param itemGas Of the self-calls that must still be possible.
    /// @param waiting Items that wait for a common burn.
    function toStart(uint256 itemGas, uint256 waiting) internal pure returns (uint256) {
        return itemGas + itemGas / 63 + waiting * WAITING_GAS + RESERVE_GAS;
    }

    /// @return allowance The same; or a revert if exactly that much can't be given to a call now.
    function exactly(uint256 allowance) internal view returns (uint256) {
        uint256 needed = allowance + allowance / 63 + 5_000; // the call itself: 2,600, and a little after it
        if (gasleft() < needed) revert IGatewayTypes.InsufficientGas(gasleft(), needed);
        return allowance;
    }

    /// Whether a call that got `allowance` used so much of it that its refusal may be its running out of gas: a token that
    /// swallows that of an inner call says no to recipients whom it would take. Half: behind T-REX's proxies, each of which
    /// keeps gas back, a starved refusal of a verified holder used 89 % at the least, an empty one 66 %. So an allowance is
    /// to be twice what the dearest mint needs.
    /// @param before Gas left before the call.
    function isMost(uint256 before, uint256 allowance) internal view returns (bool) {
        return before - gasleft() > allowance / 2;
    }

    /// @dev Too little gas ends the loop; before the first item was tried it reverts (R-21).
    function suffices(bool tried, uint256 needed) internal view returns (bool) {
        if (gasleft() >= needed) return true;
        if (!tried) revert IGatewayTypes.InsufficientGas(gasleft(), needed);
        return false;
    }
}
