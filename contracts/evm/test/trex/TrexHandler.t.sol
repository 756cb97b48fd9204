// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentToken} from "../mocks/RoleTokens.sol";
import {IGatewayTypes, LockMode, TokenForm} from "../../src/interfaces/IGateway.sol";
import {ITokenHandler} from "../../src/interfaces/ITokenHandler.sol";
import {TrexBase} from "./TrexBase.sol";

/// A token that answers what an ERC-3643 token answers, and has nothing behind it.
contract HollowToken {
    address public identityRegistry;
    address public compliance;
    uint256 public paused;

    constructor(address registry, address rules, uint256 paused_) {
        (identityRegistry, compliance, paused) = (registry, rules, paused_);
    }

    function isFrozen(address) external pure returns (bool) {
        return false;
    }

    function isAgent(address) external pure returns (bool) {
        return true;
    }
}

/// R-07, R-22: the handler of ERC-3643, by itself.
contract TrexHandlerTest is TrexBase {
    ITokenHandler private handler;

    function setUp() public override {
        super.setUp();
        handler = ITokenHandler(trexHandler);
    }

    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }

    /* REGISTRATION */

    function test_a_profile_names_the_handler_and_asks_before_each_mint() public view {
        IGatewayTypes.Profile memory profile = source.gateway.profile(2);
        _eq(profile.handler, trexHandler, "handler");
        _eq(profile.handlerCodeHash, trexHandler.codehash, "its code");
        _true(profile.asks, "asked before each mint");
    }

    function test_a_token_is_minted_and_burned_by_a_role_and_no_other_form() public {
        _expectExamined(address(source.token), TokenForm.ROLE, true);
        _expectExamined(address(source.token), TokenForm.OWN, false);
        _expectExamined(address(source.token), TokenForm.ERC7802, false);
    }

    /// R-04
    function test_a_token_is_not_registered_before_the_gateway_is_an_agent() public {
        _setAgent(from, address(source.gateway), false);
        _on(source);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.TokenCannotBurn.selector, address(source.token)));
        this.register(address(source.token));
        _setAgent(from, address(source.gateway), true);
        this.register(address(source.token));
    }

    /// R-07: never guessed: what lacks one of the answers is no ERC-3643 token.
    function test_a_token_of_another_kind_is_refused() public {
        _expectUnsuitable(address(new AgentToken()));
        _expectUnsuitable(address(new HollowToken(address(1), address(this), 0)));
        _expectUnsuitable(address(new HollowToken(address(this), address(1), 0)));
        _expectUnsuitable(address(new HollowToken(address(this), address(this), 2)));
        address last = address(new HollowToken(address(this), address(this), 1));
        _expectExamined(last, TokenForm.ROLE, true);
    }

    /* REASONS */

    function test_errors_have_their_reasons() public view {
        _expectReason(_text("Identity is not verified."), 1);
        _expectReason(_text("identity not found"), 1);
        _expectReason(_text("Compliance not followed"), 3);
        _expectReason(_text("AgentRole: caller does not have the Agent role"), 4);
        _expectReason(_text("Pausable: paused"), 8);
        _expectReason(abi.encodeWithSignature("MaxBalanceExceeded(address,uint256)", address(1), 41), 3);
    }

    function test_other_errors_are_token_reverted() public view {
        _expectReason(_text("Identity is not verified"), 13);
        _expectReason(abi.encodeWithSignature("Panic(uint256)", 0x11), 13);
        _expectReason("", 13);
        _expectReason(hex"08c379", 13);
        _expectReason(abi.encodeWithSelector(TEXT), 13);
        _expectReason(abi.encodeWithSelector(TEXT, uint256(0x20), type(uint256).max), 13);
    }

    /* HELPERS */

    function register(address token) external {
        vm.prank(governance);
        source.gateway.addProfile(ASSET, token, trexHandler, _mode(), TokenForm.ROLE, 0, _gasAllowance());
    }

    function _expectUnsuitable(address token) private {
        _expectExamined(token, TokenForm.ROLE, false);
    }

    function _expectExamined(address token, TokenForm form, bool expected) private {
        vm.prank(address(source.gateway));
        (bool fits, bool asks, bool mayBurn) = handler.examine(token, form);
        _true(fits == expected, "fits");
        _true(asks, "asked before each mint");
        if (fits) _true(mayBurn, "may burn");
    }

    function _expectReason(bytes memory error, uint8 reason) private view {
        _eq(handler.reasonOf(error), reason, string(error));
    }
}
