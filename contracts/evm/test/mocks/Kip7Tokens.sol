// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KIP7} from "@klaytn/contracts/KIP/token/KIP7/KIP7.sol";
import {KIP7Burnable} from "@klaytn/contracts/KIP/token/KIP7/extensions/KIP7Burnable.sol";
import {KIP7Capped} from "@klaytn/contracts/KIP/token/KIP7/extensions/KIP7Capped.sol";
import {KIP7Mintable} from "@klaytn/contracts/KIP/token/KIP7/extensions/KIP7Mintable.sol";
import {KIP7Pausable} from "@klaytn/contracts/KIP/token/KIP7/extensions/KIP7Pausable.sol";

/// The library's four extensions; who deploys it administers it.
contract Kip7Token is KIP7Mintable, KIP7Burnable, KIP7Pausable, KIP7Capped {
    constructor() KIP7("Kaia", "KAI") KIP7Capped(10_000) {
        _setupRole(DEFAULT_ADMIN_ROLE, msg.sender);
        _setupRole(MINTER_ROLE, msg.sender);
        _setupRole(PAUSER_ROLE, msg.sender);
    }

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function supportsInterface(bytes4 id)
        public
        view
        override(KIP7, KIP7Mintable, KIP7Burnable, KIP7Pausable)
        returns (bool)
    {
        return KIP7Mintable.supportsInterface(id) || KIP7Burnable.supportsInterface(id)
            || KIP7Pausable.supportsInterface(id);
    }

    function _mint(address to, uint256 amount) internal override(KIP7, KIP7Capped) {
        KIP7Capped._mint(to, amount);
    }

    function _beforeTokenTransfer(address from, address to, uint256 amount)
        internal
        virtual
        override(KIP7, KIP7Pausable)
    {
        KIP7Pausable._beforeTokenTransfer(from, to, amount);
    }
}

/// Mints while it is paused, which KIP-7's pausing extension allows.
contract Kip7TokenThatMintsWhilePaused is Kip7Token {
    function _beforeTokenTransfer(address from, address to, uint256 amount) internal override {
        if (from != address(0)) super._beforeTokenTransfer(from, to, amount);
    }
}

/// The library's, without the pausing extension.
contract Kip7TokenWithoutPause is KIP7Mintable, KIP7Burnable {
    constructor() KIP7("Kaia", "KAI") {
        _setupRole(DEFAULT_ADMIN_ROLE, msg.sender);
    }

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function supportsInterface(bytes4 id) public view override(KIP7Mintable, KIP7Burnable) returns (bool) {
        return KIP7Mintable.supportsInterface(id) || KIP7Burnable.supportsInterface(id);
    }
}

/// The library's, without the burning extension.
contract Kip7TokenWithoutBurn is KIP7Mintable {
    constructor() KIP7("Kaia", "KAI") {}

    function decimals() public pure override returns (uint8) {
        return 0;
    }
}

/// A recipient that takes KIP-7 tokens.
contract Kip7Receiver {
    function onKIP7Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onKIP7Received.selector;
    }
}
