// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";

/// As T-REX (ERC-3643) does it: agents mint and burn anybody's units, to verified holders only.
contract AgentToken is ERC20 {
    mapping(address account => bool) public isAgent;
    mapping(address account => bool) public isVerified;
    mapping(address account => bool) public isFrozen;
    bool public paused;

    error OnlyAgent(address caller);
    error NotVerified(address account);
    error MovesNothing(address account);

    modifier onlyAgent() {
        if (!isAgent[msg.sender]) revert OnlyAgent(msg.sender);
        _;
    }

    constructor() ERC20("Agents", "AGT") {}

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function setAgent(address account, bool value) external {
        isAgent[account] = value;
    }

    function verify(address account, bool value) external {
        isVerified[account] = value;
    }

    function freeze(address account, bool value) external {
        isFrozen[account] = value;
    }

    function pause(bool value) external {
        paused = value;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (paused || isFrozen[from]) revert MovesNothing(from);
        return super.transferFrom(from, to, amount);
    }

    /// As there: neither pause nor freeze is looked at.
    function mint(address to, uint256 amount) external onlyAgent {
        if (!isVerified[to]) revert NotVerified(to);
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external onlyAgent {
        _burn(from, amount);
    }
}

/// OpenZeppelin's ERC-7802 token with one bridge.
contract BridgeableToken is ERC20Bridgeable {
    address public bridge;

    error OnlyBridge(address caller);

    constructor() ERC20("Bridgeable", "BRG") {}

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function setBridge(address account) external {
        bridge = account;
    }

    function issue(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _checkTokenBridge(address caller) internal view override {
        if (caller != bridge) revert OnlyBridge(caller);
    }
}
