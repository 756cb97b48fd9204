// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";

/// @title A security token with a register of holders and a pause. A sample for demonstrations and tests, not a product.
/// @dev Only registered holders may receive; who holds may always send, so that an unregistered holder can leave.
contract SampleSecurityToken is ERC20, ERC20Burnable, ERC20Pausable, AccessControl {
    /// May create units: at issue.
    bytes32 public constant ISSUER = keccak256("ISSUER");
    /// May create units: a gateway, against units that left another ledger.
    bytes32 public constant MINTER = keccak256("MINTER");
    /// May change the register of holders.
    bytes32 public constant REGISTRAR = keccak256("REGISTRAR");
    /// May stop and resume all movement.
    bytes32 public constant PAUSER = keccak256("PAUSER");

    uint8 private immutable _decimals;
    mapping(address holder => bool) private _registered;

    event HolderRegistered(address indexed holder, bool registered);

    error HolderNotRegistered(address holder);

    constructor(string memory name, string memory symbol, uint8 decimals_, address admin) ERC20(name, symbol) {
        _decimals = decimals_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(ISSUER, admin);
        _grantRole(REGISTRAR, admin);
        _grantRole(PAUSER, admin);
    }

    function mint(address to, uint256 amount) external {
        if (!hasRole(MINTER, msg.sender)) _checkRole(ISSUER);
        _mint(to, amount);
    }

    function register(address[] calldata holders) external onlyRole(REGISTRAR) {
        _setRegistered(holders, true);
    }

    function unregister(address[] calldata holders) external onlyRole(REGISTRAR) {
        _setRegistered(holders, false);
    }

    function pause() external onlyRole(PAUSER) {
        _pause();
    }

    function unpause() external onlyRole(PAUSER) {
        _unpause();
    }

    function canReceive(address holder) public view returns (bool) {
        return _registered[holder];
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function _update(address from, address to, uint256 amount) internal override(ERC20, ERC20Pausable) {
        if (to != address(0) && !canReceive(to)) {
            _requireNotPaused(); // first: it passes, and says nothing of the holder
            revert HolderNotRegistered(to);
        }
        super._update(from, to, amount);
    }

    function _setRegistered(address[] calldata holders, bool registered) private {
        for (uint256 i = 0; i < holders.length; ++i) {
            _registered[holders[i]] = registered;
            emit HolderRegistered(holders[i], registered);
        }
    }
}
