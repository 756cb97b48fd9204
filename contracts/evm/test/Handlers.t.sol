// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Erc20Handler} from "../src/handlers/Erc20Handler.sol";
import {IGatewayTypes, LockMode, Outcome, TokenForm} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Answer, ChoosyHandler, OddHandler} from "./mocks/OddHandlers.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// R-07, R-22: a token's handler is chosen once, can only refuse, and can't be believed more than that.
contract HandlersTest is Base {
    OddHandler private odd;

    function setUp() public override {
        super.setUp();
        odd = new OddHandler();
    }

    /// R-07
    function test_a_profile_names_its_handler_for_ever() public {
        IGatewayTypes.Profile memory first = source.gateway.profile(1);
        _eq(first.handler, tokenHandler, "handler");
        _eq(first.handlerCodeHash, tokenHandler.codehash, "its code");
        _true(first.asks, "asked before each mint");
        address plain = address(new Erc20Handler());
        _add(plain, "");
        _eq(source.gateway.profile(2).handler, plain, "another");
        _true(!source.gateway.profile(2).asks, "that is not asked");
        _eq(source.gateway.profile(1).handler, tokenHandler, "the first stays");
    }

    /// R-07: never a token that its handler isn't for.
    function test_a_handler_that_is_not_for_the_token_is_refused() public {
        address choosy = address(new ChoosyHandler());
        address token = address(source.token);
        _add(choosy, abi.encodeWithSelector(IGatewayTypes.TokenUnsuitable.selector, token, choosy));
    }

    /// R-07
    function test_an_address_without_code_is_no_handler(address nobody) public {
        vm.assume(nobody.code.length == 0 && uint160(nobody) > 0xffff);
        _add(nobody, abi.encodeWithSelector(IGatewayTypes.HandlerWithoutCode.selector, nobody));
    }

    /// R-22: whatever a handler answers, an item is minted or stays open, and what is no answer is no verdict.
    function test_what_is_no_answer_is_waited_for(uint8 which) public {
        Answer answer = Answer(_bound(which, 1, uint8(type(Answer).max)));
        _switch();
        IGatewayTypes.Transfer memory item = _lock(7);
        odd.set(answer, Answer.YES);
        _on(destination);
        _eq(destination.gateway.eligibility(item), 8, "transient");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "open");
        odd.set(Answer.YES, Answer.YES);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "later");
    }

    /// R-22: a handler's word on an error counts if it is a reason; else the error is TOKEN_REVERTED.
    function test_an_error_of_which_the_handler_makes_nothing_is_token_reverted(uint8 which) public {
        Answer answer = Answer(_bound(which, 0, uint8(Answer.BURNS_ALL_GAS)));
        _switch();
        IGatewayTypes.Transfer memory item = _lock(7);
        destination.token.behave(Behaviour.REVERTS);
        odd.set(Answer.YES, answer);
        _on(destination);
        _eq(destination.gateway.eligibility(item), 13, "TOKEN_REVERTED");
    }

    /// R-22: a handler that says yes changes nothing of the measures.
    function test_a_yes_is_not_believed() public {
        _switch();
        IGatewayTypes.Transfer memory item = _lock(7);
        destination.token.behave(Behaviour.TAKES_FEE);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "not minted");
        _on(destination);
        _eq(destination.gateway.eligibility(item), 13, "and said beforehand");
    }

    /// The answer to a quote is what would happen; asking changes nothing.
    function test_asking_is_undone() public {
        IGatewayTypes.Transfer memory item = _lock(7);
        _on(destination);
        uint256 headroom = destination.gateway.headroom(lane);
        _eq(destination.gateway.eligibility(item), 0, "eligible");
        _eq(destination.token.balanceOf(payee), 0, "nothing minted");
        _eq(destination.token.totalSupply(), 0, "at all");
        _eq(destination.gateway.headroom(lane), headroom, "nor counted");
        _eq(_outcomeOf(item), Outcome.NONE, "nor recorded");
    }

    function _switch() private {
        _on(destination);
        vm.prank(governance);
        destination.gateway
            .addProfile(
                ASSET, address(destination.token), address(odd), LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE
            );
    }

    function _add(address handler, bytes memory refusal) private {
        _on(source);
        if (refusal.length != 0) vm.expectRevert(refusal);
        vm.prank(governance);
        source.gateway
            .addProfile(ASSET, address(source.token), handler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE);
    }
}
