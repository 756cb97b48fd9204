// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

enum Behaviour {
    HONEST,
    REVERTS, // with a typed error
    REVERTS_WITH_1_MB,
    RETURNS_1_MB,
    ANSWERS_FALSE,
    BURNS_GAS, // all that it gets
    TAKES_FEE, // one unit of each movement
    DOES_NOTHING, // and says it did
    MISSTATES_BALANCE, // moves, but the books of one holder are off
    MISSTATES_SUPPLY,
    REENTERS, // calls `callback` before it moves
    IS_HEAVY // needs 400,000 gas
}

/// A token for tests that does what it is told to: anybody may mint, change its behaviour, pause it, bar a holder.
contract TestToken {
    mapping(address holder => uint256) public balanceOf;
    mapping(address holder => mapping(address spender => uint256)) public allowance;
    mapping(address holder => bool) public barred;
    uint256 public totalSupply;
    uint8 public decimals;
    bool public paused;
    Behaviour public behaviour;

    address public callbackTarget;
    bytes public callback;
    bool public callbackSucceeded;
    bytes public callbackAnswer;

    uint256 public burnCount;
    uint256 private _sink;

    error Refused(address caller);
    error Insufficient(address holder);

    modifier misbehaving() {
        if (behaviour == Behaviour.REVERTS || paused) revert Refused(msg.sender);
        if (behaviour == Behaviour.REVERTS_WITH_1_MB) _fill(false);
        if (behaviour == Behaviour.BURNS_GAS) while (true) ++_sink;
        if (behaviour == Behaviour.REENTERS) (callbackSucceeded, callbackAnswer) = callbackTarget.call(callback);
        if (behaviour == Behaviour.DOES_NOTHING) _answer(1);
        if (behaviour == Behaviour.IS_HEAVY) _work(400_000);
        _;
        if (behaviour == Behaviour.RETURNS_1_MB) _fill(true);
        if (behaviour == Behaviour.ANSWERS_FALSE) _answer(0);
        if (behaviour == Behaviour.MISSTATES_SUPPLY) ++totalSupply;
        if (behaviour == Behaviour.MISSTATES_BALANCE) ++balanceOf[msg.sender];
    }

    function behave(Behaviour next) external {
        behaviour = next;
    }

    function setPaused(bool value) external {
        paused = value;
    }

    function setDecimals(uint8 value) external {
        decimals = value;
    }

    function bar(address who, bool value) external {
        barred[who] = value;
    }

    function setCallback(address target, bytes calldata data) external {
        (callbackTarget, callback) = (target, data);
    }

    function canReceive(address who) external view returns (bool) {
        return !barred[who];
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    /// Mint outside the gateway, always honest.
    function issue(address to, uint256 amount) external {
        balanceOf[to] += amount;
        totalSupply += amount;
    }

    function mint(address to, uint256 amount) external misbehaving {
        balanceOf[to] += _afterFee(amount);
        totalSupply += _afterFee(amount);
    }

    function burn(uint256 amount) external misbehaving {
        ++burnCount;
        _take(msg.sender, amount);
        totalSupply -= _afterFee(amount);
    }

    /// By a role, as in ERC-3643; here anybody's.
    function burn(address from, uint256 amount) external misbehaving {
        _burnFrom(from, amount);
    }

    function crosschainMint(address to, uint256 amount) external misbehaving {
        balanceOf[to] += _afterFee(amount);
        totalSupply += _afterFee(amount);
    }

    function crosschainBurn(address from, uint256 amount) external misbehaving {
        _burnFrom(from, amount);
    }

    function transfer(address to, uint256 amount) external misbehaving returns (bool) {
        _take(msg.sender, amount);
        balanceOf[to] += _afterFee(amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external misbehaving returns (bool) {
        if (allowance[from][msg.sender] < amount) revert Insufficient(from);
        allowance[from][msg.sender] -= amount;
        _take(from, amount);
        balanceOf[to] += _afterFee(amount);
        return true;
    }

    function _burnFrom(address from, uint256 amount) private {
        ++burnCount;
        _take(from, amount);
        totalSupply -= _afterFee(amount);
    }

    function _take(address from, uint256 amount) private {
        if (balanceOf[from] < amount) revert Insufficient(from);
        balanceOf[from] -= amount;
    }

    function _afterFee(uint256 amount) private view returns (uint256) {
        return behaviour == Behaviour.TAKES_FEE && amount > 0 ? amount - 1 : amount;
    }

    function _work(uint256 amount) private {
        uint256 start = gasleft();
        while (start - gasleft() < amount) ++_sink;
    }

    function _answer(uint256 word) private pure {
        assembly {
            mstore(0, word)
            return(0, 0x20)
        }
    }

    function _fill(bool success) private pure {
        assembly {
            if success { return(0x10000, 1000000) }
            revert(0x10000, 1000000)
        }
    }
}
