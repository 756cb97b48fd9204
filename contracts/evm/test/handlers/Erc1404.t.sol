// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, LockMode, TokenForm} from "../../src/interfaces/IGateway.sol";
import {Erc1404Token, Restriction} from "../mocks/Erc1404Token.sol";
import {StandardBase} from "./StandardBase.sol";

/// R-22: ERC-1404 in ESCROW. The gateway has no units at the destination, so the token's first word is always on those.
contract Erc1404Test is StandardBase {
    function _handlerName() internal pure override returns (string memory) {
        return "Erc1404Handler";
    }

    function _tokenFor(address gateway) internal override returns (address) {
        Erc1404Token token = Erc1404Token(_deployed("Erc1404Token"));
        token.appoint(gateway);
        token.list(gateway, true);
        token.list(holder, true);
        token.list(payee, true);
        return address(token);
    }

    function _stock(address token) internal override {
        Erc1404Token(token).issue(holder, STOCK);
    }

    function _there() private view returns (Erc1404Token) {
        return Erc1404Token(there);
    }

    /* REGISTRATION */

    /// R-07
    function test_an_erc1404_token_without_erc7802_is_not_of_its_form() public {
        _on(source);
        _expectUnsuitable(here, TokenForm.ERC7802);
    }

    /// R-04
    function test_an_erc1404_token_that_burns_by_a_role_fits_too() public {
        _on(destination);
        _use(destination, there, TokenForm.ROLE);
        _expectMinted(_lock(400));
    }

    /* REFUSALS */

    /// R-22: the token's mint forgets it.
    function test_an_erc1404_recipient_must_be_on_the_list() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().list(payee, false);
        _expectRefused(item, 1);
        _there().list(payee, true);
        _expectMinted(item);
    }

    function test_a_pause_of_an_erc1404_token_is_waited_for() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().pause(true);
        _expectRefused(item, 8);
        _there().pause(false);
        _expectMinted(item);
    }

    function test_a_frozen_erc1404_account_receives_nothing() public {
        _expectRefusedWhile(Restriction.FREEZE, 2);
    }

    /// A code of the token's own, with a message or without, is its rule.
    function test_an_unknown_restriction_is_a_compliance_rule() public {
        _expectRefusedWhile(Restriction.HOLDERS, 3);
        _expectRefusedWhile(Restriction.SILENT, 3);
    }

    /// Said of a transfer of no units too, so it is not about the gateway's.
    function test_a_restriction_of_units_that_stays_without_units_counts() public {
        _expectRefusedWhile(Restriction.TIMELOCK, 3);
    }

    function test_a_cap_of_an_erc1404_token_is_a_compliance_rule() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().issue(holder, CAP - 399);
        _expectRefused(item, 3);
        vm.prank(holder);
        _there().burn(1);
        _expectMinted(item);
    }

    function test_an_erc1404_minter_that_was_dismissed_mints_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().appoint(address(0));
        _expectRefused(item, 13);
        _there().appoint(address(destination.gateway));
        _expectMinted(item);
    }

    /// R-04: a gateway that is struck off the list can't be asked about.
    function test_a_gateway_that_is_struck_off_mints_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().list(address(destination.gateway), false);
        _expectRefused(item, 1);
        _there().list(address(destination.gateway), true);
        _expectMinted(item);
    }

    /* LOCKS */

    /// R-03
    function test_a_holder_that_is_struck_off_locks_nothing() public {
        _on(source);
        Erc1404Token(here).list(holder, false);
        _expectNotLocked(400);
        Erc1404Token(here).list(holder, true);
        _lock(400);
    }

    /// R-31: in BURN the mint-back asks nothing; out of escrow a transfer must be allowed.
    function test_a_sender_that_is_struck_off_meanwhile_is_paid_by_the_token_s_rules() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        Erc1404Token(here).list(holder, false);
        _finish(item, REJECTED);
        bool waits = _mode() == LockMode.ESCROW;
        _eq(Erc1404Token(here).balanceOf(holder), waits ? STOCK - 400 : STOCK, "pending, or minted back");
        Erc1404Token(here).list(holder, true);
        if (waits) _payout(item);
        _eq(Erc1404Token(here).balanceOf(holder), STOCK, "all back");
    }

    /* ERRORS */

    function test_the_texts_of_erc1404_tokens_have_their_reasons() public view {
        _eq(_meaningOf("The transfer was restricted due to white list configuration."), 1, "list");
        _eq(_meaningOf("AddrToIsFrozen"), 2, "freeze");
        _eq(_meaningOf("The transfer was restricted due to the contract being paused."), 8, "pause");
        _eq(_meaningOf("EnforcedPause"), 8, "pause");
        _eq(_meaningOf("Pausable: paused"), 8, "and what is common to many tokens");
        _eq(_meaningOf("There are as many holders as there may be."), 13, "and no other");
    }

    function _expectRefusedWhile(Restriction why, uint8 reason) private {
        IGatewayTypes.Transfer memory item = _lock(100);
        _there().restrict(payee, why);
        _expectRefused(item, reason);
        _there().restrict(payee, Restriction.NONE);
        _expectMinted(item);
    }
}

/// The same in BURN.
contract Erc1404BurnTest is Erc1404Test {
    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }
}
