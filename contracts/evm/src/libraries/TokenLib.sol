// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGateway} from "../interfaces/IGateway.sol";

/// The token functions that a gateway calls; nothing else of a token is used.
interface IBridgedToken {
    function mint(address to, uint256 amount) external;
    function burn(uint256 amount) external;
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function balanceOf(address holder) external view returns (uint256);
    function totalSupply() external view returns (uint256);
    function decimals() external view returns (uint8);
    function paused() external view returns (bool);
    function canReceive(address holder) external view returns (bool);
}

/// @title Bounded token calls, and the measures that say what they really did (R-03, R-21, R-22).
/// @dev Safety never rests on the token: whatever it does or answers, an item either changes balance and supply by
/// exactly the amount, or is undone. Assumed for *liveness* only:
/// - balanceOf, totalSupply, paused and canReceive take at most VIEW_GAS and answer one word;
/// - mint, burn, transfer and transferFrom take at most the profile's gas allowance, and answer nothing or `true`;
/// - balances don't change by themselves (no rebasing) and nothing is deducted on the way (no fee).
library TokenLib {
    /// What each view call of a token gets.
    uint256 internal constant VIEW_GAS = 50_000;
    /// As gas of a call: everything that is left (R-31, payout).
    uint256 internal constant ALL_GAS = type(uint256).max;
    /// In place of a holder, where a view takes none; nobody's account on any gateway.
    address private constant NOBODY = address(0);
    /// Bytes of a token's error that are kept.
    uint256 internal constant ERROR_MAX = 256;

    function pull(address token, address holder, uint256 amount, uint256 gasAllowance) internal {
        uint256 before = balanceOf(token, address(this));
        _call(token, gasAllowance, abi.encodeCall(IBridgedToken.transferFrom, (holder, address(this), amount)));
        _requireBalance(token, address(this), before + amount);
    }

    function mint(address token, address to, uint256 amount, uint256 gasAllowance) internal {
        uint256 supply = totalSupply(token);
        uint256 before = balanceOf(token, to);
        _call(token, gasAllowance, abi.encodeCall(IBridgedToken.mint, (to, amount)));
        _requireBalance(token, to, before + amount);
        _requireSupply(token, supply + amount);
    }

    function burn(address token, uint256 amount, uint256 gasAllowance) internal {
        uint256 supply = totalSupply(token);
        uint256 before = balanceOf(token, address(this));
        _call(token, gasAllowance, abi.encodeCall(IBridgedToken.burn, (amount)));
        _requireBalance(token, address(this), before - amount);
        _requireSupply(token, supply - amount);
    }

    function pay(address token, address to, uint256 amount, uint256 gasAllowance) internal {
        uint256 before = balanceOf(token, address(this));
        uint256 beforeOfPayee = balanceOf(token, to);
        _call(token, gasAllowance, abi.encodeCall(IBridgedToken.transfer, (to, amount)));
        _requireBalance(token, address(this), before - amount);
        _requireBalance(token, to, beforeOfPayee + amount);
    }

    /// @dev Whether the token burns its caller's units, as far as can be told without any: burn(0) must pass within the
    /// allowance, and burn of more than this gateway has must fail. The first finds tokens without burn, the second
    /// those whose fallback accepts everything. What it can't tell: that burn of a real amount will pass (the token may
    /// ask for a role or be paused then): such a burn becomes pending (R-31). A token that is paused now may refuse
    /// burn(0) and must be registered later. Code isn't searched for the selector: a proxy's doesn't hold it.
    function canBurn(address token, uint256 gasAllowance) internal returns (bool) {
        uint256 tooMuch = balanceOf(token, address(this)) + 1;
        return _tryCall(token, gasAllowance, abi.encodeCall(IBridgedToken.burn, (0)))
            && !_tryCall(token, gasAllowance, abi.encodeCall(IBridgedToken.burn, (tooMuch)));
    }

    function balanceOf(address token, address holder) internal view returns (uint256) {
        return _mustRead(token, IBridgedToken.balanceOf.selector, holder);
    }

    function totalSupply(address token) internal view returns (uint256) {
        return _mustRead(token, IBridgedToken.totalSupply.selector, NOBODY);
    }

    function decimals(address token) internal view returns (uint256) {
        return _mustRead(token, IBridgedToken.decimals.selector, NOBODY);
    }

    /// @return known Whether the token answered exactly one word, 0 or 1.
    function isPaused(address token) internal view returns (bool known, bool paused) {
        return _readBool(token, IBridgedToken.paused.selector, NOBODY);
    }

    /// @return known Whether the token answered exactly one word, 0 or 1.
    function canReceive(address token, address holder) internal view returns (bool known, bool allowed) {
        return _readBool(token, IBridgedToken.canReceive.selector, holder);
    }

    function _requireBalance(address token, address holder, uint256 expected) private view {
        uint256 actual = balanceOf(token, holder);
        if (actual != expected) revert IGateway.BalanceChangeMismatch(token, expected, actual);
    }

    function _requireSupply(address token, uint256 expected) private view {
        uint256 actual = totalSupply(token);
        if (actual != expected) revert IGateway.SupplyChangeMismatch(token, expected, actual);
    }

    function _readBool(address token, bytes4 selector, address holder) private view returns (bool known, bool value) {
        (bool success, uint256 word) = _read(token, selector, holder);
        return (success && word < 2, word == 1);
    }

    function _mustRead(address token, bytes4 selector, address holder) private view returns (uint256 word) {
        bool success;
        (success, word) = _read(token, selector, holder);
        if (!success) revert IGateway.TokenCallFailed(token, "");
    }

    /// @dev One word or nothing: more return data isn't copied, less isn't an answer. NOBODY: a function without argument.
    function _read(address token, bytes4 selector, address holder) private view returns (bool success, uint256 word) {
        uint256 gasGiven = VIEW_GAS;
        uint256 size = holder == NOBODY ? 4 : 36;
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, holder)
            success := staticcall(gasGiven, token, 0, size, 0, 0x20)
            success := and(success, eq(returndatasize(), 0x20))
            word := mload(0)
        }
    }

    function _call(address token, uint256 gasAllowance, bytes memory data) private {
        if (!_tryCall(token, gasAllowance, data)) revert IGateway.TokenCallFailed(token, _boundedError());
    }

    /// @dev State-changing call with exactly `gasAllowance`; false if it reverts or answers anything but nothing or true.
    function _tryCall(address token, uint256 gasAllowance, bytes memory data) private returns (bool success) {
        uint256 gasGiven = gasleft();
        if (gasAllowance != ALL_GAS) {
            uint256 needed = gasAllowance + gasAllowance / 63 + 5_000; // the call itself: 2,600, and a little after it
            if (gasGiven < needed) revert IGateway.InsufficientGas(gasGiven, needed);
            gasGiven = gasAllowance;
        }
        assembly ("memory-safe") {
            mstore(0, 1)
            success := call(gasGiven, token, 0, add(data, 0x20), mload(data), 0, 0x20)
            success := and(success, and(eq(mload(0), 1), or(iszero(returndatasize()), gt(returndatasize(), 0x1f))))
        }
    }

    /// @dev The first bytes of what the last call returned.
    function _boundedError() private pure returns (bytes memory data) {
        uint256 max = ERROR_MAX;
        assembly ("memory-safe") {
            let size := returndatasize()
            if gt(size, max) { size := max }
            data := mload(0x40)
            mstore(data, size)
            returndatacopy(add(data, 0x20), 0, size)
            mstore(0x40, add(add(data, 0x20), and(add(size, 0x1f), not(0x1f))))
        }
    }
}
