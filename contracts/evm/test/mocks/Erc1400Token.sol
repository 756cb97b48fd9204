// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";

/// As ERC-1594 says, ERC-1400's core: transfers ask what `canTransferFrom` asks; issuing asks only whether any is possible.
/// Beside `issue` and `redeem` it has the mint and burn that gateways call. Anybody may be the issuer.
contract Erc1400Token is ERC20Capped {
    mapping(address account => bool) public listed;
    mapping(address account => bytes1) public statusOf;
    mapping(address account => uint256) public lockedUnits;
    mapping(address operator => bool) public barred;
    address public minter;
    bool public isIssuable = true;
    bool private _halted;
    /// Whether answers have a bool before them.
    bool internal _isNewer;

    error OnlyMinter(address caller);
    error NotIssuable();
    error Status(bytes1 status);

    modifier onlyMinter() {
        if (msg.sender != minter) revert OnlyMinter(msg.sender);
        _;
    }

    constructor() ERC20("Partitioned", "PRT") ERC20Capped(10_000) {}

    /* THE ISSUER */

    function appoint(address account) external {
        minter = account;
    }

    function list(address account, bool value) external {
        listed[account] = value;
    }

    /// An account may receive nothing for this reason.
    function restrict(address account, bytes1 status) external {
        statusOf[account] = status;
    }

    function lockUp(address account, uint256 amount) external {
        lockedUnits[account] = amount;
    }

    function bar(address operator, bool value) external {
        barred[operator] = value;
    }

    function halt(bool value) external {
        _halted = value;
    }

    function setIssuable(bool value) external {
        isIssuable = value;
    }

    function answerAsNewer() external {
        _isNewer = true;
    }

    /* THE TOKEN */

    function issue(address to, uint256 amount, bytes calldata) public {
        if (!isIssuable) revert NotIssuable();
        _mint(to, amount);
    }

    function redeem(uint256 amount, bytes calldata) external {
        _burn(msg.sender, amount);
    }

    function mint(address to, uint256 amount) external onlyMinter {
        issue(to, amount, msg.data[:0]);
    }

    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    function burn(address from, uint256 amount) external onlyMinter {
        _burn(from, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        _requireSuccess(_statusOf(msg.sender, msg.sender, to, amount));
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _requireSuccess(_statusOf(msg.sender, from, to, amount));
        return super.transferFrom(from, to, amount);
    }

    function canTransfer(address to, uint256 amount, bytes calldata) external view {
        _answer(_statusOf(msg.sender, msg.sender, to, amount));
    }

    function canTransferFrom(address from, address to, uint256 amount, bytes calldata) external view {
        _answer(_statusOf(msg.sender, from, to, amount));
    }

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    /// The sender's units come before the recipient.
    function _statusOf(address operator, address from, address to, uint256 amount) private view returns (bytes1) {
        if (barred[operator]) return 0x58;
        if (amount > balanceOf(from)) return 0x52;
        if (operator != from && amount > allowance(from, operator)) return 0x53;
        if (_halted) return 0x54;
        if (amount > balanceOf(from) - lockedUnits[from]) return 0x55;
        if (!listed[from]) return 0x56;
        if (!listed[to]) return 0x57;
        return statusOf[to] == 0 ? bytes1(0x51) : statusOf[to];
    }

    function _answer(bytes1 status) private view {
        bytes memory data = abi.encode(status, bytes32("a reason"));
        if (_isNewer) data = bytes.concat(abi.encode(status == 0x51), data);
        assembly {
            return(add(data, 0x20), mload(data))
        }
    }

    function _requireSuccess(bytes1 status) private pure {
        if (status != 0x51) revert Status(status);
    }
}
