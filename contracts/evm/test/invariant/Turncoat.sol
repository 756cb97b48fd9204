// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

enum Turn {
    HONEST,
    REVERTS, // with nothing
    REVERTS_WITH_64_KB,
    RETURNS_64_KB,
    ANSWERS_FALSE,
    BURNS_GAS, // all that it gets
    TAKES_FEE, // one unit of each movement
    DOES_NOTHING, // and says it did
    INFLATES_BALANCE, // the caller's, by one unit at each call
    INFLATES_SUPPLY,
    REENTERS, // calls `callback` before it moves
    IS_HEAVY, // needs more than its allowance, less than a payout gets
    IS_BLIND, // its views answer nothing
    IS_PAUSED
}

/// A token for the invariants: of every standard that has a handler, turns bad and good again, and keeps book of what it made up itself, so that a ghost ledger
/// can still compare to the unit. Anybody may do anything.
contract Turncoat {
    uint8 public constant decimals = 0;

    mapping(address holder => mapping(address spender => uint256)) public allowance;
    mapping(address holder => bool) public barred;
    Turn public turn;

    mapping(address holder => uint256) private _units;
    uint256 private _supply;

    /// Units that only a lie made.
    mapping(address holder => uint256) private _lies;
    uint256 private _lieOfSupply;

    address private _target;
    bytes private _callback;
    /// How many callbacks were let in.
    uint256 private _letIn;

    error Refused();

    modifier turning() {
        if (turn == Turn.REVERTS || turn == Turn.IS_PAUSED) revert Refused();
        if (turn == Turn.REVERTS_WITH_64_KB) _end(false, 0x10000, 0);
        if (turn == Turn.BURNS_GAS) _burnGas();
        if (turn == Turn.IS_HEAVY) _expandMemory();
        if (turn == Turn.DOES_NOTHING) _end(true, 0x20, 1);
        if (turn == Turn.REENTERS) _callBack();
        _;
        if (turn == Turn.RETURNS_64_KB) _end(true, 0x10000, 0);
        if (turn == Turn.ANSWERS_FALSE) _end(true, 0x20, 0);
        if (turn == Turn.INFLATES_BALANCE) (++_units[msg.sender], ++_lies[msg.sender]);
        if (turn == Turn.INFLATES_SUPPLY) (++_supply, ++_lieOfSupply);
    }

    modifier seeing() {
        if (turn == Turn.IS_BLIND) _end(false, 0x20, 0);
        _;
    }

    /* WHAT THE TEST SAYS AND ASKS */

    function become(Turn next) external {
        turn = next;
    }

    function bar(address who, bool value) external {
        barred[who] = value;
    }

    function setCallback(address target, bytes calldata data) external {
        (_target, _callback) = (target, data);
    }

    function issue(address to, uint256 amount) external {
        _units[to] += amount;
        _supply += amount;
    }

    /// The true books less the token's own lies, and how many callbacks were let in.
    function books(address[] calldata holders)
        external
        view
        returns (uint256 supply, uint256[] memory units, uint256 letIn)
    {
        units = new uint256[](holders.length);
        for (uint256 i = 0; i < holders.length; ++i) {
            units[i] = _units[holders[i]] - _lies[holders[i]];
        }
        return (_supply - _lieOfSupply, units, _letIn);
    }

    /* THE TOKEN */

    function balanceOf(address who) external view seeing returns (uint256) {
        return _units[who];
    }

    function totalSupply() external view seeing returns (uint256) {
        return _supply;
    }

    function paused() external view seeing returns (bool) {
        return turn == Turn.IS_PAUSED;
    }

    function canReceive(address who) external view seeing returns (bool) {
        return !barred[who];
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function mint(address to, uint256 amount) external turning {
        _units[to] += _afterFee(amount);
        _supply += _afterFee(amount);
    }

    function burn(uint256 amount) external turning {
        _burn(msg.sender, amount);
    }

    function burn(address from, uint256 amount) external turning {
        _burn(from, amount);
    }

    function transfer(address to, uint256 amount) external turning returns (bool) {
        _units[msg.sender] -= amount;
        _units[to] += _afterFee(amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external turning returns (bool) {
        allowance[from][msg.sender] -= amount;
        _units[from] -= amount;
        _units[to] += _afterFee(amount);
        return true;
    }

    function crosschainMint(address to, uint256 amount) external turning {
        _units[to] += _afterFee(amount);
        _supply += _afterFee(amount);
    }

    function crosschainBurn(address from, uint256 amount) external turning {
        _burn(from, amount);
    }

    /* OF EVERY STANDARD AT ONCE */

    function supportsInterface(bytes4 id) external view seeing returns (bool) {
        return id != 0xffffffff;
    }

    /// ERC-7943
    function canSend(address) external view seeing returns (bool) {
        return true;
    }

    /// ERC-7943
    function canTransfer(address, address to, uint256) external view seeing returns (bool) {
        return !barred[to];
    }

    /// KIP-7
    function isMinter(address) external view seeing returns (bool) {
        return true;
    }

    /// ERC-1404
    function detectTransferRestriction(address, address to, uint256) external view seeing returns (uint8) {
        return barred[to] ? 1 : 0;
    }

    /// ERC-1404
    function messageForTransferRestriction(uint8) external view seeing returns (string memory) {
        return "The transfer was restricted due to white list configuration.";
    }

    /// ERC-1400
    function isIssuable() external view seeing returns (bool) {
        return true;
    }

    /// ERC-1400
    function canTransferFrom(address, address to, uint256, bytes calldata)
        external
        view
        seeing
        returns (bytes1, bytes32)
    {
        return (barred[to] ? bytes1(0x57) : bytes1(0x51), 0);
    }

    /// ERC-3643
    function identityRegistry() external view seeing returns (address) {
        return address(this);
    }

    /// ERC-3643
    function compliance() external view seeing returns (address) {
        return address(this);
    }

    /// ERC-3643
    function isFrozen(address who) external view seeing returns (bool) {
        return barred[who];
    }

    /// ERC-3643
    function isAgent(address) external view seeing returns (bool) {
        return true;
    }

    /* INTERNAL */

    function _burn(address from, uint256 amount) private {
        _units[from] -= amount;
        _supply -= _afterFee(amount);
    }

    function _afterFee(uint256 amount) private view returns (uint256) {
        return turn == Turn.TAKES_FEE && amount > 0 ? amount - 1 : amount;
    }

    function _callBack() private {
        if (_target == address(0)) return;
        (bool success,) = _target.call(_callback);
        if (success) ++_letIn;
    }

    function _burnGas() private pure {
        assembly {
            invalid()
        }
    }

    /// 500,000 gas at once.
    function _expandMemory() private pure {
        assembly {
            pop(mload(480000))
        }
    }

    function _end(bool success, uint256 size, uint256 word) private pure {
        assembly {
            mstore(0, word)
            if success { return(0, size) }
            revert(0, size)
        }
    }
}
