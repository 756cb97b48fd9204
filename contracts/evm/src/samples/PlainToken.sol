// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";

/// @title A plain ERC-20 with mint and burn: the least that a gateway in ESCROW mode needs. A sample, not a product.
contract PlainToken is ERC20, ERC20Burnable, AccessControl {
    /// May create units: the issuer, and each gateway that has this token.
    bytes32 public constant MINTER = keccak256("MINTER");

    uint8 private immutable _decimals;

    constructor(string memory name, string memory symbol, uint8 decimals_, address admin) ERC20(name, symbol) {
        _decimals = decimals_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    function mint(address to, uint256 amount) external onlyRole(MINTER) {
        _mint(to, amount);
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}
