// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IGatewayTypes, LockMode, TokenForm} from "../interfaces/IGateway.sol";
import {GasLib} from "./GasLib.sol";
import {HandlingWord} from "./HandlingLib.sol";

/// The token functions that a gateway calls; nothing else of a token is used.
interface IBridgedToken {
    function mint(address to, uint256 amount) external;
    function burn(uint256 amount) external;
    function burn(address from, uint256 amount) external;
    function crosschainMint(address to, uint256 amount) external;
    function crosschainBurn(address from, uint256 amount) external;
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function balanceOf(address holder) external view returns (uint256);
    function totalSupply() external view returns (uint256);
    function decimals() external view returns (uint8);
}

/// @title Bounded token calls, and the measures that say what they really did (R-03, R-21, R-22).
/// @dev Safety never rests on the token: whatever it does or answers, an item either changes balance and supply by
/// exactly the amount, or is undone. Assumed for *liveness* only:
/// - balanceOf and totalSupply take at most VIEW_GAS and answer one word;
/// - each state-changing call takes at most the profile's gas allowance, and answer nothing or `true`;
/// - balances don't change by themselves (no rebasing) and nothing is deducted on the way (no fee).
library TokenLib {
    /// What each view call of a token gets.
    uint256 internal constant VIEW_GAS = 50_000;
    /// As gas of a call: everything that is left (R-31, payout).
    uint256 internal constant ALL_GAS = type(uint256).max;
    /// In place of a holder, where a view takes none; nobody's account on any gateway.
    address private constant NOBODY = address(0);
    /// In place of a figure that was not measured yet.
    uint256 internal constant UNKNOWN = type(uint256).max;
    /// What a token's permit gets.
    uint256 private constant PERMIT_GAS = 100_000;
    /// Bytes of a token's error that are kept.
    uint256 internal constant ERROR_MAX = 256;

    /// Take units from a holder: into escrow, or out of circulation (R-03, R-04). Pulled in any case, also where a role lets
    /// the gateway burn the holder's: so the token's own rules for a transfer hold, a pause or a freeze of the holder among
    /// them, which burning by a role skips (T-REX even unfreezes what it burns).
    /// @param known The gateway's own balance in ESCROW, the supply in BURN, if it was just measured; else UNKNOWN.
    /// @return measured The same afterwards.
    function take(HandlingWord handling, address holder, uint256 amount, uint256 known)
        internal
        returns (uint256 measured)
    {
        (address token, uint256 gasAllowance) = (handling.token(), handling.gasAllowance());
        if (handling.mode() == LockMode.ESCROW) return _pull(token, holder, amount, gasAllowance, known);
        TokenForm form = handling.form();
        uint256 supply = known == UNKNOWN ? totalSupply(token) : known;
        uint256 before = balanceOf(token, holder);
        _call(token, gasAllowance, abi.encodeCall(IBridgedToken.transferFrom, (holder, address(this), amount)));
        _call(token, gasAllowance, _burnCall(form, address(this), amount));
        _requireBalance(token, holder, before - amount);
        measured = supply - amount;
        _requireSupply(token, measured);
    }

    /// @param known The supply, if it was just measured; else UNKNOWN.
    /// @return measured The supply afterwards.
    function mint(address token, TokenForm form, address to, uint256 amount, uint256 gasAllowance, uint256 known)
        internal
        returns (uint256 measured)
    {
        uint256 supply = known == UNKNOWN ? totalSupply(token) : known;
        uint256 before = balanceOf(token, to);
        _mint(token, form, to, amount, gasAllowance);
        _requireBalance(token, to, before + amount);
        measured = supply + amount;
        _requireSupply(token, measured);
    }

    /// Burn out of escrow.
    function burn(address token, TokenForm form, uint256 amount, uint256 gasAllowance) internal {
        uint256 supply = totalSupply(token);
        uint256 before = balanceOf(token, address(this));
        _call(token, gasAllowance, _burnCall(form, address(this), amount));
        _requireBalance(token, address(this), before - amount);
        _requireSupply(token, supply - amount);
    }

    /// Pay out of escrow.
    function pay(address token, address to, uint256 amount, uint256 gasAllowance) internal {
        uint256 before = balanceOf(token, address(this));
        uint256 beforeOfPayee = balanceOf(token, to);
        _call(token, gasAllowance, abi.encodeCall(IBridgedToken.transfer, (to, amount)));
        _requireBalance(token, address(this), before - amount);
        _requireBalance(token, to, beforeOfPayee + amount);
    }

    /// Hand a holder's ERC-2612 permit to the token; whether it fails is not looked at: what counts is the allowance.
    function permit(address token, IGatewayTypes.Permit calldata permit_) internal {
        bytes memory data = abi.encodeCall(
            IERC20Permit.permit,
            (permit_.holder, address(this), permit_.value, permit_.deadline, permit_.v, permit_.r, permit_.s)
        );
        uint256 gasGiven = PERMIT_GAS;
        assembly ("memory-safe") {
            pop(call(gasGiven, token, 0, add(data, 0x20), mload(data), 0, 0))
        }
    }

    /// @dev Whether the token burns as its form says, as far as can be told without any units: burning 0 must pass within
    /// the allowance (unless the handler knows of the right: T-REX refuses to burn 0), and burning more than this gateway
    /// has must fail. The first finds tokens without burn, or without the role for this gateway; the second those whose
    /// fallback accepts everything. What it can't tell: that burning a real amount will pass (the token may ask for more or
    /// be paused then): such a burn becomes pending (R-31). A token that is paused now may refuse to burn 0 and must be
    /// registered later. Code isn't searched for the selector: a proxy's doesn't hold it.
    function canBurn(address token, TokenForm form, uint256 gasAllowance, bool mayBurn) internal returns (bool) {
        uint256 tooMuch = balanceOf(token, address(this)) + 1;
        return (mayBurn || _tryCall(token, gasAllowance, _burnCall(form, address(this), 0)))
            && !_tryCall(token, gasAllowance, _burnCall(form, address(this), tooMuch));
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

    /// @dev Laid out by hand: the hottest call (gas).
    function _mint(address token, TokenForm form, address to, uint256 amount, uint256 gasAllowance) private {
        bytes4 selector =
            form == TokenForm.ERC7802 ? IBridgedToken.crosschainMint.selector : IBridgedToken.mint.selector;
        uint256 start;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(start, selector)
            mstore(add(start, 4), to)
            mstore(add(start, 0x24), amount)
        }
        uint256 before = gasleft();
        if (_callAt(token, gasAllowance, start, 0x44)) return;
        bool starved = gasAllowance != ALL_GAS && GasLib.isMost(before, gasAllowance);
        bytes memory error = _boundedError();
        if (starved || error.length == 0) revert IGatewayTypes.NoAnswer(token);
        revert IGatewayTypes.TokenCallFailed(token, error);
    }

    function _pull(address token, address holder, uint256 amount, uint256 gasAllowance, uint256 known)
        private
        returns (uint256 measured)
    {
        measured = (known == UNKNOWN ? balanceOf(token, address(this)) : known) + amount;
        _call(token, gasAllowance, abi.encodeCall(IBridgedToken.transferFrom, (holder, address(this), amount)));
        _requireBalance(token, address(this), measured);
    }

    function _burnCall(TokenForm form, address from, uint256 amount) private pure returns (bytes memory) {
        if (form == TokenForm.OWN) return abi.encodeWithSignature("burn(uint256)", amount);
        if (form == TokenForm.ROLE) return abi.encodeWithSignature("burn(address,uint256)", from, amount);
        return abi.encodeCall(IBridgedToken.crosschainBurn, (from, amount));
    }

    function _requireBalance(address token, address holder, uint256 expected) private view {
        uint256 actual = balanceOf(token, holder);
        if (actual != expected) revert IGatewayTypes.BalanceChangeMismatch(token, expected, actual);
    }

    function _requireSupply(address token, uint256 expected) private view {
        uint256 actual = totalSupply(token);
        if (actual != expected) revert IGatewayTypes.SupplyChangeMismatch(token, expected, actual);
    }

    function _mustRead(address token, bytes4 selector, address holder) private view returns (uint256 word) {
        bool success;
        (success, word) = _read(token, selector, holder);
        if (!success) revert IGatewayTypes.NoAnswer(token);
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
        if (!_tryCall(token, gasAllowance, data)) revert IGatewayTypes.TokenCallFailed(token, _boundedError());
    }

    function _tryCall(address token, uint256 gasAllowance, bytes memory data) private returns (bool success) {
        uint256 start;
        assembly ("memory-safe") {
            start := add(data, 0x20)
        }
        return _callAt(token, gasAllowance, start, data.length);
    }

    /// @dev State-changing call with exactly `gasAllowance`; false if it reverts or answers anything but nothing or true.
    function _callAt(address token, uint256 gasAllowance, uint256 start, uint256 size) private returns (bool success) {
        uint256 gasGiven = gasAllowance == ALL_GAS ? gasleft() : GasLib.exactly(gasAllowance);
        assembly ("memory-safe") {
            mstore(0, 1)
            success := call(gasGiven, token, 0, start, size, 0, 0x20)
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
