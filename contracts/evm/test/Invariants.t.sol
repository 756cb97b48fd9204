// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";
import {Handler} from "./invariant/Handler.sol";
import {IJudge} from "./invariant/World.sol";

/// INV-1 to INV-6 and INV-9 over two gateways that are both source and destination of an asset in ESCROW and of one in
/// BURN, after every action; INV-8, but for its times, after every run (G11).
contract InvariantsTest is Base {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    event log_named_uint(string key, uint256 value);

    /// What moves transfers is drawn more often.
    bytes4[26] private _actions = [
        Handler.lock.selector,
        Handler.lock.selector,
        Handler.lockMany.selector,
        Handler.lockMany.selector,
        Handler.lockOrders.selector,
        Handler.cancelNonces.selector,
        Handler.settle.selector,
        Handler.settle.selector,
        Handler.settle.selector,
        Handler.settle.selector,
        Handler.refuse.selector,
        Handler.finish.selector,
        Handler.finish.selector,
        Handler.payout.selector,
        Handler.proposeRedirect.selector,
        Handler.confirmRedirect.selector,
        Handler.arm.selector,
        Handler.wait_.selector,
        Handler.turn.selector,
        Handler.repair.selector,
        Handler.bar.selector,
        Handler.stop.selector,
        Handler.resume.selector,
        Handler.limit.selector,
        Handler.setCutOff.selector,
        Handler.committee.selector
    ];

    Handler private _handler;

    function setUp() public override {
        _handler = Handler(vm.deployCode("Handler.sol:Handler", ""));
        _handler.setUp();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(_handler);
        targets[0].selectors = new bytes4[](_actions.length + 1);
        for (uint256 i = 0; i < _actions.length; ++i) {
            targets[0].selectors[i] = _actions[i];
        }
        targets[0].selectors[_actions.length] = Handler.addProfile.selector;
    }

    /// The handler itself fails where an action changed what it may not; here all totals and balances are compared.
    function invariant_both_ledgers_agree_with_the_ghost() external view {
        IJudge(address(_handler)).check();
    }

    function afterInvariant() external {
        _handler.bringToAnEnd();
    }

    /// A handler whose actions always fail would prove nothing: in one long run each succeeds.
    function test_every_action_succeeds_sometimes() external {
        for (uint256 i = 0; i < 4_000; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("action", i)));
            bytes4 action = i % 50 == 49 ? Handler.addProfile.selector : _actions[seed % _actions.length];
            (bool success,) = address(_handler).call(abi.encodeWithSelector(action, seed >> 8));
            _true(success, "an action fails only where a rule is broken");
            if (i % 50 == 0) IJudge(address(_handler)).checkAll();
        }
        IJudge(address(_handler)).checkAll();
        IJudge(address(_handler)).checkRebuild();
        _handler.bringToAnEnd();
        string[43] memory names = [
            "lock",
            "lock, of many",
            "lockOrders, whole",
            "lockOrders, divisible",
            "cancelNonces",
            "settle",
            "minted",
            "minted, large",
            "refuse",
            "finish",
            "pending",
            "payout, burn",
            "payout, back",
            "proposeRedirect",
            "confirmRedirect",
            "pause",
            "unpause",
            "pauseLane",
            "auditPauseLane",
            "unpauseLane",
            "disable lane",
            "enable lane",
            "disable asset",
            "enable asset",
            "disable peer",
            "enable peer",
            "configureInbound",
            "configureOutbound",
            "addProfile",
            "AskingHandler",
            "Erc3643Handler",
            "Erc7943Handler",
            "Erc7802Handler",
            "Kip7Handler",
            "Erc1404Handler",
            "Erc1400Handler",
            "setCutOff",
            "handover",
            "activateEpoch",
            "vetoHandover",
            "retirePreviousEpoch",
            "revokeEpoch",
            "registerKey"
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            emit log_named_uint(names[i], _handler.counts(names[i]));
        }
        for (uint256 i = 0; i < names.length; ++i) {
            _true(_handler.counts(names[i]) > 0, names[i]);
        }
    }
}
