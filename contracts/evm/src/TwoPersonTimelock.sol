// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title A timelock that takes two persons: one schedules, another executes (R-61).
/// @dev Governance of a gateway with a delay; a second instance with delay 0 unpauses: two persons, no timelock.
/// The persons administer themselves: who is a person, and the delay, change by operations only. One person alone can
/// stop every operation (`cancel`), even its own removal, and complete none. Persons are told apart by account: who
/// holds the keys of two accounts is two persons here.
contract TwoPersonTimelock is TimelockController {
    uint256 private constant PERSONS_MIN = 2;

    /// Who scheduled an operation, the last time that it was scheduled; it may have been cancelled or executed since.
    mapping(bytes32 id => address person) public schedulerOf;

    /// Counted so that the roles can't run dry: a timelock of one person could never act again, nor get a second one.
    mapping(bytes32 role => uint256 count) private _holders;

    /// Who scheduled an operation can't execute it.
    error SecondPersonNeeded(bytes32 id, address scheduler);
    /// Who scheduled an operation may schedule no longer, so it is nobody's proposal: schedule it again.
    error SchedulerRemoved(bytes32 id, address scheduler);
    /// Two different persons at least must be able to schedule, and to execute.
    error TooFewPersons(bytes32 role, uint256 count);
    /// Nobody may hold this role by this account: see `_grantRole`.
    error GrantRefused(bytes32 role, address account);

    modifier onlyAnother(bytes32 id) {
        address scheduler = schedulerOf[id];
        if (scheduler == msg.sender) revert SecondPersonNeeded(id, msg.sender);
        // else a person with a new key could execute what the old one scheduled
        if (scheduler != address(0) && !hasRole(PROPOSER_ROLE, scheduler)) revert SchedulerRemoved(id, scheduler);
        _;
    }

    /// @param minDelay Seconds between scheduling and execution, at the least.
    /// @param persons Each may schedule, cancel and execute.
    constructor(uint256 minDelay, address[] memory persons) TimelockController(minDelay, persons, persons, address(0)) {
        _checkHolders(EXECUTOR_ROLE); // proposers are the same
    }

    /// @inheritdoc TimelockController
    function schedule(
        address target,
        uint256 value,
        bytes calldata data,
        bytes32 predecessor,
        bytes32 salt,
        uint256 delay
    ) public override {
        super.schedule(target, value, data, predecessor, salt, delay);
        schedulerOf[hashOperation(target, value, data, predecessor, salt)] = msg.sender;
    }

    /// @inheritdoc TimelockController
    function scheduleBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt,
        uint256 delay
    ) public override {
        super.scheduleBatch(targets, values, payloads, predecessor, salt, delay);
        schedulerOf[hashOperationBatch(targets, values, payloads, predecessor, salt)] = msg.sender;
    }

    /// @inheritdoc TimelockController
    function execute(address target, uint256 value, bytes calldata payload, bytes32 predecessor, bytes32 salt)
        public
        payable
        override
        onlyAnother(hashOperation(target, value, payload, predecessor, salt))
    {
        super.execute(target, value, payload, predecessor, salt);
    }

    /// @inheritdoc TimelockController
    function executeBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) public payable override onlyAnother(hashOperationBatch(targets, values, payloads, predecessor, salt)) {
        super.executeBatch(targets, values, payloads, predecessor, salt);
    }

    /// @dev No role for address(0), which OpenZeppelin reads as "anyone". The timelock is its own administrator and the
    /// only one, as an outside one could make itself two persons; and it is no person, as it acts when persons do.
    function _grantRole(bytes32 role, address account) internal override returns (bool granted) {
        bool isAdmin = role == DEFAULT_ADMIN_ROLE;
        if (account == address(0) || isAdmin != (account == address(this))) revert GrantRefused(role, account);
        granted = super._grantRole(role, account);
        if (granted) ++_holders[role];
    }

    function _revokeRole(bytes32 role, address account) internal override returns (bool revoked) {
        revoked = super._revokeRole(role, account);
        if (revoked) --_holders[role];
        if (role == PROPOSER_ROLE || role == EXECUTOR_ROLE) _checkHolders(role);
    }

    function _checkHolders(bytes32 role) private view {
        if (_holders[role] < PERSONS_MIN) revert TooFewPersons(role, _holders[role]);
    }
}
