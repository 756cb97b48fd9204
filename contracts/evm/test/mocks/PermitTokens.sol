// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {TestToken} from "./TestToken.sol";

/// OpenZeppelin's ERC20Permit; anybody may mint.
contract PermitToken is ERC20Permit, ERC20Burnable {
    constructor() ERC20("Permit", "PMT") ERC20Permit("Permit") {}

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// No permit, and a fallback that accepts whatever it is asked: Multichain's loss of January 2022 (WETH).
contract TokenWithFallback is TestToken {
    uint256 public fallbacks;

    fallback() external {
        ++fallbacks;
    }
}

/// Its permit burns all gas that it gets, or calls the gateway.
contract TokenWithBadPermit is TestToken {
    bool private _reenters;
    bool public reentered;
    uint256 private _burned;

    function reenter(bool value) external {
        _reenters = value;
    }

    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) external {
        if (_reenters) {
            (reentered,) = callbackTarget.call(callback);
            return;
        }
        while (true) ++_burned;
    }
}
