// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";

/// OpenZeppelin's ERC-7802 token with its pause and its cap, and one bridge.
contract Erc7802Token is ERC20Bridgeable, ERC20Pausable, ERC20Capped {
    address public bridge;

    error OnlyBridge(address caller);

    constructor() ERC20("Bridgeable", "BRG") ERC20Capped(10_000) {}

    function appoint(address account) external {
        bridge = account;
    }

    function pause(bool value) external {
        value ? _pause() : _unpause();
    }

    function issue(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function retire(address from, uint256 amount) external {
        _burn(from, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function _update(address from, address to, uint256 amount) internal override(ERC20, ERC20Pausable, ERC20Capped) {
        super._update(from, to, amount);
    }

    function _checkTokenBridge(address caller) internal view override {
        if (caller != bridge) revert OnlyBridge(caller);
    }
}
