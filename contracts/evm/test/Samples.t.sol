// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, LockMode, Outcome, TokenForm} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {ISampleToken} from "./mocks/ISampleToken.sol";
import {TestToken} from "./mocks/TestToken.sol";

/// The sample tokens, alone and under a gateway (R-04, R-22).
contract SamplesTest is Base {
    ISampleToken private issued;
    ISampleToken private received;

    function _newHandler() internal override returns (address) {
        return vm.deployCode("SampleHandler.sol:SampleHandler", "");
    }

    function _newToken() internal override returns (TestToken) {
        bytes memory args = abi.encode("Sample", "SMP", uint8(0), governance);
        return TestToken(vm.deployCode("SampleSecurityToken.sol:SampleSecurityToken", args));
    }

    function _fund() internal override {
        (issued, received) = (ISampleToken(address(source.token)), ISampleToken(address(destination.token)));
        bytes32 role = received.MINTER();
        vm.prank(governance);
        received.grantRole(role, address(destination.gateway));
        _register(issued, address(source.gateway));
        _register(issued, holder);
        _register(received, payee);
        vm.prank(governance);
        issued.mint(holder, UNITS);
    }

    /// R-22, INV-6: the whole path, both ways.
    function test_a_registered_holder_receives_and_a_sender_gets_back(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.Transfer memory item = _lock(amount);
        IGatewayTypes.Transfer memory other = _lock(amount);
        _settle(item);
        _refuse(other, 6);
        _finish(_two(item, other), hex"0102");
        _eq(received.balanceOf(payee), amount, "minted");
        _eq(issued.totalSupply(), UNITS - amount, "burned");
        _eq(issued.balanceOf(holder), UNITS - amount, "one paid back");
    }

    /// R-22
    function test_an_unregistered_recipient_is_not_eligible_until_registered(address recipient) public {
        vm.assume(uint160(recipient) > 0xffff && recipient != payee);
        vm.assume(recipient != address(received) && recipient != address(destination.gateway));
        IGatewayTypes.LockRequest memory request = _request(5);
        request.recipient = _account(recipient);
        IGatewayTypes.Transfer memory item = _lock(request);
        _on(destination);
        _eq(destination.gateway.eligibility(item), 1, "NOT_ELIGIBLE");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "open");
        emit Refusal(1);
        _register(received, recipient);
        _eq(destination.gateway.eligibility(item), 0, "eligible");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "minted");
    }

    /// R-31: a sender struck off the register is paid when registered again; a paused token later.
    function test_a_sender_struck_off_is_paid_later() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        address[] memory holders = new address[](1);
        holders[0] = holder;
        vm.prank(governance);
        issued.unregister(holders);
        _refuse(item, 6);
        _finish(item, REJECTED);
        vm.expectRevert();
        source.gateway.payout(item);
        _register(issued, holder);
        _payout(item);
        _eq(issued.balanceOf(holder), UNITS, "paid back");
    }

    function test_a_receipt_by_an_unregistered_holder_is_refused(address who) public {
        vm.assume(uint160(who) > 0xffff && who != holder && who != address(source.gateway));
        vm.expectRevert(abi.encodeWithSelector(ISampleToken.HolderNotRegistered.selector, who));
        vm.prank(governance);
        issued.mint(who, 1);
        vm.expectRevert(abi.encodeWithSelector(ISampleToken.HolderNotRegistered.selector, who));
        vm.prank(holder);
        issued.transfer(who, 1);
    }

    function test_each_role_is_needed(address caller) public {
        vm.assume(caller != governance);
        address[] memory holders = new address[](1);
        bytes[5] memory calls = [
            abi.encodeCall(ISampleToken.mint, (holder, 1)),
            abi.encodeCall(ISampleToken.register, (holders)),
            abi.encodeCall(ISampleToken.unregister, (holders)),
            abi.encodeCall(ISampleToken.pause, ()),
            abi.encodeCall(ISampleToken.unpause, ())
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(caller);
            (bool success, bytes memory answer) = address(issued).call(calls[i]);
            _true(!success, "refused");
            _eq(bytes32(bytes4(answer)), bytes32(ISampleToken.AccessControlUnauthorizedAccount.selector), "why");
        }
    }

    function test_only_a_minter_creates_plain_units(address caller) public {
        ISampleToken plain =
            ISampleToken(vm.deployCode("PlainToken.sol:PlainToken", abi.encode("P", "P", uint8(0), governance)));
        vm.expectPartialRevert(ISampleToken.AccessControlUnauthorizedAccount.selector);
        vm.prank(caller);
        plain.mint(caller, 1);
    }

    function test_a_paused_token_moves_nothing_until_it_is_resumed() public {
        vm.prank(governance);
        issued.pause();
        vm.expectRevert(ISampleToken.EnforcedPause.selector);
        vm.prank(holder);
        issued.transfer(holder, 1);
        vm.expectRevert(ISampleToken.EnforcedPause.selector);
        vm.prank(holder);
        issued.burn(1);
        vm.prank(governance);
        issued.unpause();
        vm.prank(holder);
        issued.burn(1);
        _eq(issued.balanceOf(holder), UNITS - 1, "moves again");
    }

    function test_the_decimals_are_those_given(uint8 decimals) public {
        bytes memory args = abi.encode("Sample", "SMP", decimals, governance);
        string[2] memory names = ["SampleSecurityToken.sol:SampleSecurityToken", "PlainToken.sol:PlainToken"];
        for (uint256 i = 0; i < 2; ++i) {
            _eq(ISampleToken(vm.deployCode(names[i], args)).decimals(), decimals, names[i]);
        }
    }

    /// R-22: the sample forgets nothing, so its handler is not asked, and knows its errors.
    function test_the_sample_s_own_refusals_are_understood() public {
        _true(!destination.gateway.profile(1).asks, "its mint checks all itself");
        IGatewayTypes.Transfer memory item = _lock(5);
        vm.prank(governance);
        received.pause();
        _on(destination);
        _eq(destination.gateway.eligibility(item), 8, "TOKEN_PAUSED");
        emit Refusal(8);
    }

    function test_gas_of_settle() public {
        _measureSettle();
    }

    function _register(ISampleToken token, address who) private {
        address[] memory holders = new address[](1);
        holders[0] = who;
        vm.prank(governance);
        token.register(holders);
    }
}
