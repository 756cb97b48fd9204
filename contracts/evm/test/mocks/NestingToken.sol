// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Behind a token: spends gas as it is told and answers yes, unless it runs out.
contract Registry {
    function isVerified(address, uint256 work) external view returns (bool) {
        uint256 start = gasleft();
        while (start - gasleft() < work) {}
        return true;
    }
}

/// A token that asks a registry, and takes its silence for a no, as T-REX's `isVerified` does with each claim: starved of
/// gas it refuses a good recipient in good faith.
contract NestingToken {
    uint8 public constant decimals = 0;

    Registry private immutable _registry;
    uint256 private _ownWork;
    uint256 private _nestedWork;
    /// Whether movements ask the registry too, with twice its work.
    bool private _careful;

    mapping(address holder => uint256) public balanceOf;
    mapping(address holder => mapping(address spender => uint256)) public allowance;
    uint256 public totalSupply;

    error NotVerified(address holder);

    constructor(Registry registry) {
        _registry = registry;
    }

    modifier asking(address holder) {
        _work();
        if (_careful && !_ask(holder, 2 * _nestedWork)) revert NotVerified(holder);
        _;
    }

    function setWork(uint256 own, uint256 nested) external {
        (_ownWork, _nestedWork) = (own, nested);
    }

    function setCareful(bool value) external {
        _careful = value;
    }

    function issue(address to, uint256 amount) external {
        balanceOf[to] += amount;
        totalSupply += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function canReceive(address holder) external view returns (bool) {
        return _ask(holder, _nestedWork);
    }

    function mint(address to, uint256 amount) external asking(to) {
        balanceOf[to] += amount;
        totalSupply += amount;
    }

    function burn(uint256 amount) external asking(msg.sender) {
        balanceOf[msg.sender] -= amount;
        totalSupply -= amount;
    }

    function transfer(address to, uint256 amount) external asking(to) returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external asking(to) returns (bool) {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    /// Swallows whatever happens below.
    function _ask(address holder, uint256 work) private view returns (bool) {
        if (work == 0) return true;
        try _registry.isVerified(holder, work) returns (bool answer) {
            return answer;
        } catch {
            return false;
        }
    }

    function _work() private view {
        uint256 start = gasleft();
        while (start - gasleft() < _ownWork) {}
    }
}
