// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";

enum Restriction {
    NONE,
    LIST,
    PAUSE,
    TIMELOCK,
    FREEZE,
    HOLDERS, // a rule of its own
    SILENT // without a message
}

/// As ERC-1404 says: transfers ask `detectTransferRestriction`; a mint by a role asks nothing. Messages of TokenSoft's tokens,
/// one of CMTAT's (a freeze) and one of its own. Anybody may be the issuer.
contract Erc1404Token is ERC20Capped {
    mapping(address account => bool) public listed;
    mapping(address account => Restriction) public restrictionOf;
    address public minter;
    bool private _paused;

    error OnlyMinter(address caller);

    modifier onlyMinter() {
        if (msg.sender != minter) revert OnlyMinter(msg.sender);
        _;
    }

    constructor() ERC20("Restricted", "RST") ERC20Capped(10_000) {}

    /* THE ISSUER */

    function appoint(address account) external {
        minter = account;
    }

    function list(address account, bool value) external {
        listed[account] = value;
    }

    /// An account may receive nothing for this reason.
    function restrict(address account, Restriction why) external {
        restrictionOf[account] = why;
    }

    function pause(bool value) external {
        _paused = value;
    }

    function issue(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /* THE TOKEN */

    function mint(address to, uint256 amount) external onlyMinter {
        _mint(to, amount);
    }

    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    function burn(address from, uint256 amount) external onlyMinter {
        _burn(from, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        _requireUnrestricted(msg.sender, to, amount);
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _requireUnrestricted(from, to, amount);
        return super.transferFrom(from, to, amount);
    }

    /// The sender's units come before the recipient, as in tokens with a timelock.
    function detectTransferRestriction(address from, address to, uint256 amount) public view returns (uint8 code) {
        if (_paused) return uint8(Restriction.PAUSE);
        if (amount > balanceOf(from)) return uint8(Restriction.TIMELOCK);
        if (!listed[from] || !listed[to]) return uint8(Restriction.LIST);
        return uint8(restrictionOf[to]);
    }

    function messageForTransferRestriction(uint8 code) public pure returns (string memory message) {
        Restriction why = Restriction(code);
        if (why == Restriction.NONE) return "SUCCESS";
        if (why == Restriction.LIST) return "The transfer was restricted due to white list configuration.";
        if (why == Restriction.PAUSE) return "The transfer was restricted due to the contract being paused.";
        if (why == Restriction.TIMELOCK) return "The transfer was restricted due to timelocked tokens.";
        if (why == Restriction.FREEZE) return "AddrToIsFrozen";
        if (why == Restriction.HOLDERS) return "There are as many holders as there may be.";
        revert();
    }

    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function _requireUnrestricted(address from, address to, uint256 amount) private view {
        uint8 code = detectTransferRestriction(from, to, amount);
        require(code == uint8(Restriction.NONE), messageForTransferRestriction(code));
    }
}
