// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Judge} from "./Judge.sol";
import {Locks} from "./Locks.sol";
import {Powers} from "./Powers.sol";
import {Setup} from "./Setup.sol";
import {Transfers} from "./Transfers.sol";
import {IJudge, World} from "./World.sol";

/// Anybody doing anything in any order: each action takes a seed and never fails but where a rule is broken. What isn't
/// found here is the judge's, or what the parts ask of each other.
contract Handler is World {
    address private immutable _setup = _part(type(Setup).name);
    address private immutable _judge = _part(type(Judge).name);
    address private immutable _locks = _part(type(Locks).name);
    address private immutable _transfers = _part(type(Transfers).name);
    address private immutable _powers = _part(type(Powers).name);

    function setUp() public override {
        _run(_setup);
    }

    /* LOCKS */

    function lock(uint256 seed) external {
        _act(_locks, seed);
    }

    function lockMany(uint256 seed) external {
        _act(_locks, seed);
    }

    function lockOrders(uint256 seed) external {
        _act(_locks, seed);
    }

    function cancelNonces(uint256 seed) external {
        _act(_locks, seed);
    }

    /* TRANSFERS */

    function settle(uint256 seed) external {
        _act(_transfers, seed);
    }

    function refuse(uint256 seed) external {
        _act(_transfers, seed);
    }

    function finish(uint256 seed) external {
        _act(_transfers, seed);
    }

    function payout(uint256 seed) external {
        _act(_transfers, seed);
    }

    function proposeRedirect(uint256 seed) external {
        _act(_transfers, seed);
    }

    function confirmRedirect(uint256 seed) external {
        _act(_transfers, seed);
    }

    function arm(uint256 seed) external {
        _act(_transfers, seed);
    }

    /* POWERS */

    function wait_(uint256 seed) external {
        _act(_powers, seed);
    }

    function turn(uint256 seed) external {
        _act(_powers, seed);
    }

    function repair(uint256 seed) external {
        _act(_powers, seed);
    }

    function bar(uint256 seed) external {
        _act(_powers, seed);
    }

    function stop(uint256 seed) external {
        _act(_powers, seed);
    }

    function resume(uint256 seed) external {
        _act(_powers, seed);
    }

    function limit(uint256 seed) external {
        _act(_powers, seed);
    }

    function addProfile(uint256 seed) external {
        _act(_powers, seed);
    }

    function setCutOff(uint256 seed) external {
        _act(_powers, seed);
    }

    function committee(uint256 seed) external {
        _act(_powers, seed);
    }

    function bringToAnEnd() external {
        _run(_transfers);
    }

    fallback() external {
        _run(msg.sig == IJudge.registerKey.selector ? _powers : _judge);
    }

    function _part(string memory name) private returns (address) {
        return vm.deployCode(string.concat(name, ".sol:", name), "");
    }

    /// forge likes small and special numbers; the actions take a seed by its bits.
    function _act(address part, uint256 seed) private {
        ++actions;
        booked = false;
        bytes32 mixed = keccak256(abi.encode(msg.sig, seed));
        (bool success, bytes memory data) = part.delegatecall(abi.encodeWithSelector(msg.sig, mixed));
        if (success) return;
        assembly ("memory-safe") {
            revert(add(data, 0x20), mload(data))
        }
    }

    function _run(address part) private {
        assembly ("memory-safe") {
            let start := mload(0x40)
            calldatacopy(start, 0, calldatasize())
            let success := delegatecall(gas(), part, start, calldatasize(), 0, 0)
            returndatacopy(start, 0, returndatasize())
            switch success
            case 0 { revert(start, returndatasize()) }
            default { return(start, returndatasize()) }
        }
    }
}
