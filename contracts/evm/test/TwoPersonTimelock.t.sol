// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {Base} from "./Base.sol";

/// What the tests use of TwoPersonTimelock beyond OpenZeppelin's contract; it is deployed by artifact.
interface ITwoPersonTimelock {
    error SchedulerRemoved(bytes32 id, address scheduler);
    error SecondPersonNeeded(bytes32 id, address scheduler);
    error TooFewPersons(bytes32 role, uint256 count);
    error GrantRefused(bytes32 role, address account);

    function schedulerOf(bytes32 id) external view returns (address);
}

/// What an operation calls.
contract Target {
    uint256 public value;
    uint256 public received;

    function set(uint256 value_) external payable {
        value = value_;
        received += msg.value;
    }
}

/// Passes calls on: a person that is a contract, or a helper that a person uses.
contract Relay {
    function pass(address to, bytes[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool done, bytes memory answer) = to.call(calls[i]);
            if (!done) {
                assembly {
                    revert(add(answer, 0x20), mload(answer))
                }
            }
        }
    }
}

/// R-61: governance is two persons and a delay; unpausing is two persons and none.
contract TwoPersonTimelockTest is Base {
    uint256 private constant DELAY = 2 days;

    address private alice = address(0xA11CE);
    address private bob = address(0xB0B);
    address private carol = address(0xCA401);

    TimelockController private timelock;
    TimelockController private undelayed;
    Target private target;

    function setUp() public override {
        vm.warp(START);
        timelock = _new(DELAY, _persons(alice, bob));
        undelayed = _new(0, _persons(alice, bob)); // as the one that unpauses
        target = new Target();
    }

    /* TWO PERSONS */

    function test_one_person_schedules_and_another_executes(uint256 value, bytes32 salt, uint32 extra) public {
        bytes32 id = _schedule(timelock, alice, _set(value), salt, DELAY + extra);
        _eq(_schedulerOf(id), alice, "remembered");
        vm.warp(START + DELAY + extra);
        _execute(timelock, bob, _set(value), salt);
        _eq(target.value(), value, "done");
        _true(timelock.isOperationDone(id), "recorded");
    }

    function test_the_scheduler_does_not_execute_however_long_ago_it_was(uint32 later) public {
        bytes32 id = _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.warp(START + DELAY + later);
        _expectSecondPersonNeeded(id, alice);
        _execute(timelock, alice, _set(5), 0);
        _eq(target.value(), 0, "nothing happened");
        _execute(timelock, bob, _set(5), 0);
        _eq(target.value(), 5, "the other person may");
    }

    function test_the_scheduler_of_a_batch_does_not_execute_it() public {
        bytes[] memory calls = _two(_set(5), _set(6));
        bytes32 id = _scheduleBatch(alice, address(target), calls);
        _eq(_schedulerOf(id), alice, "remembered");
        vm.warp(START + DELAY);
        _expectSecondPersonNeeded(id, alice);
        _executeBatch(alice, address(target), calls);
        _executeBatch(bob, address(target), calls);
        _eq(target.value(), 6, "the other person may");
        _true(timelock.isOperationDone(id), "recorded");
    }

    /// A batch of one has an id of its own: it isn't a way round.
    function test_what_was_scheduled_alone_is_not_executed_as_a_batch() public {
        _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.warp(START + DELAY);
        bytes[] memory calls = new bytes[](1);
        calls[0] = _set(5);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
            _executeBatch(i == 0 ? alice : bob, address(target), calls);
        }
    }

    function test_an_operation_cancelled_and_scheduled_again_is_its_last_scheduler_s() public {
        bytes32 id = _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.prank(bob);
        timelock.cancel(id);
        vm.warp(START + 1 days);
        _schedule(timelock, bob, _set(5), 0, DELAY);
        _eq(_schedulerOf(id), bob, "the last one");
        vm.warp(START + DELAY);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        _execute(timelock, alice, _set(5), 0); // the delay begins again
        vm.warp(START + 1 days + DELAY);
        _expectSecondPersonNeeded(id, bob);
        _execute(timelock, bob, _set(5), 0);
        _execute(timelock, alice, _set(5), 0);
        _eq(target.value(), 5, "done");
    }

    /// R-61: else alice, under a new key of hers, could execute what she scheduled under the old one.
    function test_what_a_removed_person_scheduled_is_executed_by_nobody() public {
        bytes32 proposer = timelock.PROPOSER_ROLE();
        vm.prank(address(timelock));
        timelock.grantRole(proposer, carol);
        bytes32 id = _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.prank(address(timelock));
        timelock.revokeRole(proposer, alice);
        vm.warp(START + DELAY);
        vm.expectRevert(abi.encodeWithSelector(ITwoPersonTimelock.SchedulerRemoved.selector, id, alice));
        _execute(timelock, bob, _set(5), 0);
        _eq(target.value(), 0, "not done");
    }

    function test_cancelling_and_scheduling_again_does_not_make_two_persons_of_one() public {
        bytes32 id = _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.prank(alice);
        timelock.cancel(id);
        vm.warp(START + DELAY);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        _execute(timelock, bob, _set(5), 0); // it is off, for the other person too
        _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.warp(START + 2 * DELAY);
        _expectSecondPersonNeeded(id, alice);
        _execute(timelock, alice, _set(5), 0);
    }

    function test_a_scheduled_operation_is_not_taken_over() public {
        bytes32 id = _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        _schedule(timelock, bob, _set(5), 0, DELAY);
        _eq(_schedulerOf(id), alice, "still hers");
    }

    function test_an_executed_operation_happens_once() public {
        _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.warp(START + DELAY);
        _execute(timelock, bob, _set(5), 0);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        _execute(timelock, bob, _set(5), 0);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        _schedule(timelock, bob, _set(5), 0, DELAY);
        bytes32 id = _schedule(timelock, bob, _set(5), "again", DELAY); // an id of its own, and a scheduler
        vm.warp(START + 2 * DELAY);
        _expectSecondPersonNeeded(id, bob);
        _execute(timelock, bob, _set(5), "again");
        _execute(timelock, alice, _set(5), "again");
    }

    function test_each_operation_of_a_chain_takes_two_persons() public {
        bytes32 first = _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.prank(bob);
        timelock.schedule(address(target), 0, _set(6), first, 0, DELAY);
        bytes32 second = timelock.hashOperation(address(target), 0, _set(6), first, 0);
        vm.warp(START + DELAY);
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockUnexecutedPredecessor.selector, first));
        vm.prank(alice);
        timelock.execute(address(target), 0, _set(6), first, 0);
        _execute(timelock, bob, _set(5), 0);
        _expectSecondPersonNeeded(second, bob);
        vm.prank(bob);
        timelock.execute(address(target), 0, _set(6), first, 0);
        vm.prank(alice);
        timelock.execute(address(target), 0, _set(6), first, 0);
        _eq(target.value(), 6, "both done");
    }

    function test_what_an_operation_pays_comes_with_its_execution() public {
        timelock = _new(0, _persons(alice, address(this)));
        vm.prank(alice);
        timelock.schedule(address(target), 5, _set(1), 0, 0, 0);
        timelock.execute{value: 5}(address(target), 5, _set(1), 0, 0);
        _eq(target.received(), 5, "paid");
    }

    /* DELAY */

    function test_nothing_is_executed_before_the_delay(uint256 early) public {
        _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.warp(START + DELAY - _bound(early, 1, DELAY));
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        _execute(timelock, bob, _set(5), 0);
    }

    function test_a_delay_below_the_least_is_refused(uint256 delay) public {
        delay = _bound(delay, 0, DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockInsufficientDelay.selector, delay, DELAY));
        _schedule(timelock, alice, _set(5), 0, delay);
    }

    function test_the_delay_is_changed_by_an_operation_only(address caller, uint256 delay) public {
        vm.assume(caller != address(timelock));
        address[3] memory callers = [alice, bob, caller];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockUnauthorizedCaller.selector, callers[i]));
            vm.prank(callers[i]);
            timelock.updateDelay(delay);
        }
        _operate(abi.encodeCall(TimelockController.updateDelay, (delay)));
        _eq(timelock.getMinDelay(), delay, "changed");
    }

    /* NO DELAY */

    function test_without_a_delay_two_persons_act_within_one_block() public {
        bytes32 id = _schedule(undelayed, alice, _set(5), 0, 0);
        _expectSecondPersonNeeded(id, alice);
        _execute(undelayed, alice, _set(5), 0);
        _execute(undelayed, bob, _set(5), 0);
        _eq(target.value(), 5, "done");
    }

    /// A person that is a contract, such as a wallet, may do both in one transaction: it is one person still.
    function test_a_contract_does_not_schedule_and_execute_in_one_transaction() public {
        Relay wallet = new Relay();
        undelayed = _new(0, _persons(address(wallet), bob));
        bytes32 id = undelayed.hashOperation(address(target), 0, _set(5), 0, 0);
        _expectSecondPersonNeeded(id, address(wallet));
        wallet.pass(address(undelayed), _two(_scheduling(_set(5), 0), _executing(_set(5))));
        _true(!undelayed.isOperation(id), "nothing left behind");
    }

    function test_a_person_does_not_execute_through_a_helper() public {
        Relay helper = new Relay();
        _schedule(undelayed, alice, _set(5), 0, 0);
        bytes[] memory calls = new bytes[](1);
        calls[0] = _executing(_set(5));
        _expectUnauthorized(address(helper), undelayed.EXECUTOR_ROLE());
        vm.prank(alice);
        helper.pass(address(undelayed), calls);
    }

    /// The timelock itself is no person: an operation can't execute another one.
    function test_an_operation_does_not_execute_another() public {
        _schedule(undelayed, alice, _set(5), 0, 0);
        bytes memory nested = _executing(_set(5));
        vm.prank(bob);
        undelayed.schedule(address(undelayed), 0, nested, 0, 0, 0);
        _expectUnauthorized(address(undelayed), undelayed.EXECUTOR_ROLE());
        vm.prank(alice);
        undelayed.execute(address(undelayed), 0, nested, 0, 0);
    }

    /* PERSONS */

    function test_nobody_else_does_anything(address caller) public {
        vm.assume(caller != alice && caller != bob && caller != address(timelock));
        bytes32 id = _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.warp(START + DELAY);
        (bytes32 proposer, bytes32 executor) = (timelock.PROPOSER_ROLE(), timelock.EXECUTOR_ROLE());
        _expectUnauthorized(caller, proposer);
        _schedule(timelock, caller, _set(6), 0, DELAY);
        _expectUnauthorized(caller, proposer);
        _scheduleBatch(caller, address(target), _two(_set(5), _set(6)));
        _expectUnauthorized(caller, timelock.CANCELLER_ROLE());
        vm.prank(caller);
        timelock.cancel(id);
        _expectUnauthorized(caller, executor);
        _execute(timelock, caller, _set(5), 0);
        _scheduleBatch(alice, address(target), _two(_set(5), _set(6)));
        vm.warp(START + 2 * DELAY);
        _expectUnauthorized(caller, executor);
        _executeBatch(caller, address(target), _two(_set(5), _set(6)));
    }

    function test_the_timelock_alone_administers_persons(address caller, address other) public {
        vm.assume(caller != address(timelock));
        address[4] memory callers = [alice, bob, address(this), caller];
        bytes32 role = timelock.EXECUTOR_ROLE();
        for (uint256 i = 0; i < 4; ++i) {
            _true(!timelock.hasRole(0, callers[i]), "no administrator");
            _expectUnauthorized(callers[i], 0);
            _grant(callers[i], role, other);
            _expectUnauthorized(callers[i], 0);
            _revoke(callers[i], role, alice);
        }
        _true(timelock.hasRole(0, address(timelock)), "itself");
    }

    function test_a_person_is_replaced_by_an_operation() public {
        bytes[] memory calls = new bytes[](4);
        calls[0] = _granting(timelock.PROPOSER_ROLE(), carol);
        calls[1] = _granting(timelock.EXECUTOR_ROLE(), carol);
        calls[2] = _revoking(timelock.PROPOSER_ROLE(), bob);
        calls[3] = _revoking(timelock.EXECUTOR_ROLE(), bob);
        _scheduleBatch(alice, address(timelock), calls);
        vm.warp(START + DELAY);
        _executeBatch(bob, address(timelock), calls);
        _schedule(timelock, carol, _set(5), 0, DELAY);
        vm.warp(START + 2 * DELAY);
        _expectUnauthorized(bob, timelock.EXECUTOR_ROLE());
        _execute(timelock, bob, _set(5), 0);
        _execute(timelock, alice, _set(5), 0);
        _expectUnauthorized(bob, timelock.PROPOSER_ROLE());
        _schedule(timelock, bob, _set(6), 0, DELAY);
    }

    /// OpenZeppelin reads a role of address(0) as everyone's.
    function test_execution_is_never_opened_to_everyone(address caller) public {
        vm.assume(caller != alice && caller != bob);
        bytes32 role = timelock.EXECUTOR_ROLE();
        _operateAndFail(_granting(role, address(0)), _refused(role, address(0)));
        _true(!timelock.hasRole(role, address(0)), "not open");
        _schedule(timelock, alice, _set(5), 0, DELAY);
        vm.warp(vm.getBlockTimestamp() + DELAY);
        _expectUnauthorized(caller, role);
        _execute(timelock, caller, _set(5), 0);
    }

    function test_no_role_is_granted_to_nobody(bytes32 role) public {
        _operateAndFail(_granting(role, address(0)), _refused(role, address(0)));
    }

    /// An outside administrator could make itself two persons.
    function test_the_timelock_stays_its_only_administrator(address account) public {
        vm.assume(account != address(timelock));
        _operateAndFail(_granting(0, account), _refused(0, account));
    }

    function test_the_timelock_is_no_person(bytes32 role) public {
        vm.assume(role != 0);
        _operateAndFail(_granting(role, address(timelock)), _refused(role, address(timelock)));
    }

    /// A timelock of one person could never act again.
    function test_two_persons_at_least_remain() public {
        bytes32[2] memory roles = [timelock.PROPOSER_ROLE(), timelock.EXECUTOR_ROLE()];
        for (uint256 i = 0; i < 2; ++i) {
            _operateAndFail(_revoking(roles[i], bob), _tooFew(roles[i], 1));
            vm.expectRevert(_tooFew(roles[i], 1));
            vm.prank(bob);
            timelock.renounceRole(roles[i], bob);
        }
        _schedule(timelock, bob, _set(5), 0, DELAY);
        vm.warp(vm.getBlockTimestamp() + DELAY);
        _execute(timelock, alice, _set(5), 0);
    }

    function test_one_of_three_persons_may_leave() public {
        address[] memory three = new address[](3);
        (three[0], three[1], three[2]) = (alice, bob, carol);
        timelock = _new(DELAY, three);
        bytes32[3] memory roles = [timelock.PROPOSER_ROLE(), timelock.EXECUTOR_ROLE(), timelock.CANCELLER_ROLE()];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(carol);
            timelock.renounceRole(roles[i], carol);
            _true(!timelock.hasRole(roles[i], carol), "left");
        }
        vm.prank(carol);
        timelock.renounceRole(roles[1], carol); // what was not held is not counted
        vm.expectRevert(_tooFew(roles[1], 1));
        vm.prank(bob);
        timelock.renounceRole(roles[1], bob);
    }

    /// Counting holders: who has a role already isn't counted twice.
    function test_a_role_granted_twice_is_one_person(address account) public {
        vm.assume(account != address(0) && account != address(timelock));
        bytes32 role = timelock.EXECUTOR_ROLE();
        _operate(_granting(role, alice));
        _operateAndFail(_revoking(role, bob), _tooFew(role, 1));
        _operate(_granting(role, account));
        if (account != alice && account != bob) {
            _operate(_revoking(role, bob));
            _true(!timelock.hasRole(role, bob), "three, then two");
        }
    }

    /* CONSTRUCTOR */

    function test_each_person_may_schedule_execute_and_cancel(address[3] memory persons) public {
        for (uint256 i = 0; i < 3; ++i) {
            vm.assume(persons[i] != address(0));
        }
        vm.assume(persons[0] != persons[1]);
        address[] memory list = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            list[i] = persons[i];
        }
        timelock = _new(DELAY, list);
        _eq(timelock.getMinDelay(), DELAY, "delay");
        for (uint256 i = 0; i < 3; ++i) {
            _true(timelock.hasRole(timelock.PROPOSER_ROLE(), list[i]), "may schedule");
            _true(timelock.hasRole(timelock.EXECUTOR_ROLE(), list[i]), "may execute");
            _true(timelock.hasRole(timelock.CANCELLER_ROLE(), list[i]), "may cancel");
            _true(!timelock.hasRole(0, list[i]), "may not administer");
        }
    }

    function test_fewer_than_two_different_persons_are_refused() public {
        bytes32 role = timelock.EXECUTOR_ROLE();
        vm.expectRevert(_tooFew(role, 0));
        this.deploy(0, new address[](0));
        address[] memory one = new address[](1);
        one[0] = alice;
        vm.expectRevert(_tooFew(role, 1));
        this.deploy(0, one);
        vm.expectRevert(_tooFew(role, 1));
        this.deploy(0, _persons(alice, alice));
    }

    function test_nobody_is_not_a_person() public {
        bytes memory error = _refused(timelock.PROPOSER_ROLE(), address(0));
        vm.expectRevert(error);
        this.deploy(0, _persons(alice, address(0)));
        vm.expectRevert(error);
        this.deploy(0, _persons(address(0), alice));
    }

    /* HELPERS */

    function deploy(uint256 minDelay, address[] memory persons) external returns (TimelockController) {
        return _new(minDelay, persons);
    }

    function _new(uint256 minDelay, address[] memory persons) private returns (TimelockController) {
        bytes memory args = abi.encode(minDelay, persons);
        return TimelockController(payable(vm.deployCode("TwoPersonTimelock.sol:TwoPersonTimelock", args)));
    }

    function _persons(address a, address b) private pure returns (address[] memory persons) {
        persons = new address[](2);
        (persons[0], persons[1]) = (a, b);
    }

    function _schedulerOf(bytes32 id) private view returns (address) {
        return ITwoPersonTimelock(address(timelock)).schedulerOf(id);
    }

    function _set(uint256 value) private pure returns (bytes memory) {
        return abi.encodeCall(Target.set, (value));
    }

    function _two(bytes memory a, bytes memory b) private pure returns (bytes[] memory calls) {
        calls = new bytes[](2);
        (calls[0], calls[1]) = (a, b);
    }

    function _scheduling(bytes memory call, uint256 delay) private view returns (bytes memory) {
        return abi.encodeCall(TimelockController.schedule, (address(target), 0, call, 0, 0, delay));
    }

    function _executing(bytes memory call) private view returns (bytes memory) {
        return abi.encodeCall(TimelockController.execute, (address(target), 0, call, 0, 0));
    }

    function _granting(bytes32 role, address account) private pure returns (bytes memory) {
        return abi.encodeCall(IAccessControl.grantRole, (role, account));
    }

    function _revoking(bytes32 role, address account) private pure returns (bytes memory) {
        return abi.encodeCall(IAccessControl.revokeRole, (role, account));
    }

    function _schedule(TimelockController on, address person, bytes memory call, bytes32 salt, uint256 delay)
        private
        returns (bytes32)
    {
        vm.prank(person);
        on.schedule(address(target), 0, call, 0, salt, delay);
        return on.hashOperation(address(target), 0, call, 0, salt);
    }

    function _execute(TimelockController on, address person, bytes memory call, bytes32 salt) private {
        vm.prank(person);
        on.execute(address(target), 0, call, 0, salt);
    }

    function _scheduleBatch(address person, address to, bytes[] memory calls) private returns (bytes32) {
        vm.prank(person);
        timelock.scheduleBatch(_same(to, calls.length), new uint256[](calls.length), calls, 0, 0, DELAY);
        return timelock.hashOperationBatch(_same(to, calls.length), new uint256[](calls.length), calls, 0, 0);
    }

    function _executeBatch(address person, address to, bytes[] memory calls) private {
        vm.prank(person);
        timelock.executeBatch(_same(to, calls.length), new uint256[](calls.length), calls, 0, 0);
    }

    function _same(address to, uint256 count) private pure returns (address[] memory targets) {
        targets = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            targets[i] = to;
        }
    }

    /// Alice and Bob call the timelock through itself.
    function _operate(bytes memory call) private {
        _readyForBob(call);
        vm.prank(bob);
        timelock.execute(address(timelock), 0, call, 0, 0);
    }

    function _operateAndFail(bytes memory call, bytes memory error) private {
        _readyForBob(call);
        vm.expectRevert(error);
        vm.prank(bob);
        timelock.execute(address(timelock), 0, call, 0, 0);
    }

    function _readyForBob(bytes memory call) private {
        uint256 delay = timelock.getMinDelay();
        bytes32 id = timelock.hashOperation(address(timelock), 0, call, 0, 0);
        if (!timelock.isOperationPending(id)) {
            vm.prank(alice);
            timelock.schedule(address(timelock), 0, call, 0, 0, delay);
        }
        vm.warp(vm.getBlockTimestamp() + delay);
    }

    function _grant(address caller, bytes32 role, address account) private {
        vm.prank(caller);
        timelock.grantRole(role, account);
    }

    function _revoke(address caller, bytes32 role, address account) private {
        vm.prank(caller);
        timelock.revokeRole(role, account);
    }

    function _expectSecondPersonNeeded(bytes32 id, address scheduler) private {
        vm.expectRevert(abi.encodeWithSelector(ITwoPersonTimelock.SecondPersonNeeded.selector, id, scheduler));
    }

    function _expectUnauthorized(address account, bytes32 role) private {
        bytes4 error = IAccessControl.AccessControlUnauthorizedAccount.selector;
        vm.expectRevert(abi.encodeWithSelector(error, account, role));
    }

    function _refused(bytes32 role, address account) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ITwoPersonTimelock.GrantRefused.selector, role, account);
    }

    function _tooFew(bytes32 role, uint256 count) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ITwoPersonTimelock.TooFewPersons.selector, role, count);
    }
}
