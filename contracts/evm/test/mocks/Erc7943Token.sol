// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";

/// As ERC-7943 says of the fungible interface, with a mint by a role that forgets all that it may forget. Rules of its own:
/// a pause, accounts that are closed to transfers, a cap. Anybody may be the issuer.
contract Erc7943Token is ERC20Capped, ERC165 {
    mapping(address account => bool) public canSend;
    mapping(address account => bool) public canReceive;
    mapping(address account => uint256) public getFrozenTokens;
    mapping(address account => bool) public closed;
    address public minter;
    bool public paused;
    bool private _hasErc7802;

    event Frozen(address indexed account, uint256 amount);
    event ForcedTransfer(address indexed from, address indexed to, uint256 amount);

    error ERC7943CannotSend(address account);
    error ERC7943CannotReceive(address account);
    error ERC7943CannotTransfer(address from, address to, uint256 amount);
    error ERC7943InsufficientUnfrozenBalance(address account, uint256 amount, uint256 unfrozen);
    error OnlyMinter(address caller);

    modifier onlyMinter() {
        if (msg.sender != minter) revert OnlyMinter(msg.sender);
        _;
    }

    constructor() ERC20("Universal", "UNI") ERC20Capped(10_000) {}

    /* THE ISSUER */

    function appoint(address account) external {
        minter = account;
    }

    function list(address account, bool value) external {
        (canSend[account], canReceive[account]) = (value, value);
    }

    function close(address account, bool value) external {
        closed[account] = value;
    }

    function pause(bool value) external {
        paused = value;
    }

    function addErc7802() external {
        _hasErc7802 = true;
    }

    function issue(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setFrozenTokens(address account, uint256 amount) external returns (bool) {
        getFrozenTokens[account] = amount;
        emit Frozen(account, amount);
        return true;
    }

    function forcedTransfer(address from, address to, uint256 amount) external returns (bool) {
        if (!canReceive[to]) revert ERC7943CannotReceive(to);
        _transfer(from, to, amount);
        emit ForcedTransfer(from, to, amount);
        return true;
    }

    /* THE TOKEN */

    function mint(address to, uint256 amount) external onlyMinter {
        _mint(to, amount);
    }

    function burn(uint256 amount) external {
        _requireUnfrozen(msg.sender, amount);
        if (!canSend[msg.sender]) revert ERC7943CannotSend(msg.sender);
        _burn(msg.sender, amount);
    }

    function burn(address from, uint256 amount) external onlyMinter {
        _burn(from, amount);
    }

    function crosschainMint(address to, uint256 amount) external onlyMinter {
        _mint(to, amount);
    }

    function crosschainBurn(address from, uint256 amount) external onlyMinter {
        _burn(from, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        _requireTransferable(msg.sender, to, amount);
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _requireTransferable(from, to, amount);
        return super.transferFrom(from, to, amount);
    }

    function canTransfer(address from, address to, uint256 amount) external view returns (bool) {
        return !paused && !closed[to] && canSend[from] && canReceive[to] && amount <= _unfrozen(from);
    }

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function supportsInterface(bytes4 id) public view override returns (bool) {
        return id == 0x3edbb4c4 || (_hasErc7802 && id == 0x33331994) || super.supportsInterface(id);
    }

    function _requireTransferable(address from, address to, uint256 amount) private view {
        _requireUnfrozen(from, amount);
        if (!canSend[from]) revert ERC7943CannotSend(from);
        if (!canReceive[to]) revert ERC7943CannotReceive(to);
        if (paused || closed[to]) revert ERC7943CannotTransfer(from, to, amount);
    }

    function _requireUnfrozen(address from, uint256 amount) private view {
        uint256 unfrozen = _unfrozen(from);
        if (amount > unfrozen && amount <= balanceOf(from)) {
            revert ERC7943InsufficientUnfrozenBalance(from, amount, unfrozen);
        }
    }

    function _unfrozen(address account) private view returns (uint256) {
        (uint256 units, uint256 frozen) = (balanceOf(account), getFrozenTokens[account]);
        return frozen > units ? 0 : units - frozen;
    }
}
