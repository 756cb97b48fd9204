// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, LockMode, TokenForm} from "../../src/interfaces/IGateway.sol";
import {Erc7802Token} from "../mocks/Erc7802Token.sol";
import {StandardBase} from "./StandardBase.sol";

/// R-22: ERC-7802, OpenZeppelin's, in ESCROW.
contract Erc7802Test is StandardBase {
    function _handlerName() internal pure override returns (string memory) {
        return "Erc7802Handler";
    }

    function _standardForm() internal pure override returns (TokenForm) {
        return TokenForm.ERC7802;
    }

    function _tokenFor(address gateway) internal override returns (address) {
        Erc7802Token token = Erc7802Token(_deployed("Erc7802Token"));
        token.appoint(gateway);
        return address(token);
    }

    function _stock(address token) internal override {
        Erc7802Token(token).issue(holder, STOCK);
    }

    function _there() internal view returns (Erc7802Token) {
        return Erc7802Token(there);
    }

    /// R-07
    function test_an_erc7802_token_has_no_other_form() public {
        _on(source);
        _expectUnsuitable(here, TokenForm.OWN);
        _expectUnsuitable(here, TokenForm.ROLE);
    }

    /// Its mint forgets nothing that its transfers check, so nothing is asked before.
    function test_an_erc7802_token_is_not_asked_before_a_mint() public {
        _on(source);
        _true(!source.gateway.profile(2).asks, "not asked");
    }

    function test_a_pause_of_an_erc7802_token_is_waited_for() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().pause(true);
        _expectRefused(item, 8);
        _there().pause(false);
        _expectMinted(item);
    }

    function test_a_cap_of_an_erc7802_token_is_a_compliance_rule() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().issue(holder, CAP - 399);
        _expectRefused(item, 3);
        _there().retire(holder, 1);
        _expectMinted(item);
    }

    function test_a_bridge_that_was_dismissed_mints_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().appoint(address(0));
        _expectRefused(item, 13);
        _there().appoint(address(destination.gateway));
        _expectMinted(item);
    }

    /// R-03
    function test_a_paused_erc7802_token_is_not_locked() public {
        _on(source);
        Erc7802Token(here).pause(true);
        _expectNotLocked(400);
        Erc7802Token(here).pause(false);
        _lock(400);
    }
}

/// The same in BURN.
contract Erc7802BurnTest is Erc7802Test {
    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }
}
