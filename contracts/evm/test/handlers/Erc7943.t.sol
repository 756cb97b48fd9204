// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, LockMode, TokenForm} from "../../src/interfaces/IGateway.sol";
import {Erc7943Token} from "../mocks/Erc7943Token.sol";
import {HasIdsOnly} from "../mocks/Pretenders.sol";
import {StandardBase} from "./StandardBase.sol";

/// R-22: ERC-7943 in ESCROW.
contract Erc7943Test is StandardBase {
    function _handlerName() internal pure override returns (string memory) {
        return "Erc7943Handler";
    }

    function _tokenFor(address gateway) internal override returns (address) {
        Erc7943Token token = Erc7943Token(_deployed("Erc7943Token"));
        token.appoint(gateway);
        token.list(gateway, true);
        token.list(holder, true);
        token.list(payee, true);
        return address(token);
    }

    function _stock(address token) internal override {
        Erc7943Token(token).issue(holder, STOCK);
    }

    function _there() internal view returns (Erc7943Token) {
        return Erc7943Token(there);
    }

    /* REGISTRATION */

    /// R-07: the ids alone are not enough.
    function test_a_token_without_the_functions_is_refused() public {
        _on(source);
        _expectUnsuitable(address(new HasIdsOnly()), TokenForm.OWN);
    }

    /// R-04: the gateway must be a holder that the token takes.
    function test_a_gateway_that_may_not_hold_registers_nothing() public {
        _on(source);
        Erc7943Token token = Erc7943Token(_tokenFor(address(source.gateway)));
        token.list(address(source.gateway), false);
        _expectUnsuitable(address(token), TokenForm.OWN);
        token.list(address(source.gateway), true);
        _use(source, address(token), TokenForm.OWN);
    }

    /// R-07: ERC-7802's form is for tokens that say they have it; then it works like the others.
    function test_the_form_of_erc7802_needs_its_id() public {
        _on(source);
        _expectUnsuitable(here, TokenForm.ERC7802);
        _on(destination);
        _there().addErc7802();
        _use(destination, there, TokenForm.ERC7802);
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().list(payee, false);
        _expectRefused(item, 1);
        _there().list(payee, true);
        _expectMinted(item);
    }

    /// R-04
    function test_a_token_that_burns_by_a_role_fits_too() public {
        _on(destination);
        _use(destination, there, TokenForm.ROLE);
        _expectMinted(_lock(400));
    }

    /* REFUSALS */

    /// R-22: the token's mint forgets it.
    function test_an_erc7943_recipient_must_be_able_to_receive() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().list(payee, false);
        _expectRefused(item, 1);
        _there().list(payee, true);
        _expectMinted(item);
    }

    function test_a_pause_of_an_erc7943_token_is_waited_for() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().pause(true);
        _expectRefused(item, 8);
        _there().pause(false);
        _expectMinted(item);
    }

    function test_a_rule_behind_can_transfer_holds_for_mints() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().close(payee, true);
        _expectRefused(item, 3);
        _there().close(payee, false);
        _expectMinted(item);
    }

    function test_a_cap_of_an_erc7943_token_is_a_compliance_rule() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().issue(holder, CAP - 399);
        _expectRefused(item, 3);
        vm.prank(holder);
        _there().burn(1);
        _expectMinted(item);
    }

    /// A right taken away is the token's own word.
    function test_a_minter_that_was_dismissed_mints_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().appoint(address(0));
        _expectRefused(item, 13);
        _there().appoint(address(destination.gateway));
        _expectMinted(item);
    }

    /* FROZEN UNITS */

    /// The standard bars nobody with frozen units from receiving, and lets an issuer freeze what is yet to come.
    function test_frozen_units_bar_nobody_from_receiving() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().setFrozenTokens(payee, 5_000);
        _expectMinted(item);
        _eq(_there().getFrozenTokens(payee), 5_000, "still frozen, and what arrived with them");
        vm.prank(payee);
        vm.expectPartialRevert(Erc7943Token.ERC7943InsufficientUnfrozenBalance.selector);
        _there().transfer(holder, 1);
    }

    /// R-03: the gateway's own units, and how many of them are frozen, say nothing of a mint.
    function test_frozen_units_of_the_gateway_stop_no_mint() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().setFrozenTokens(address(destination.gateway), 5_000);
        _expectMinted(item);
    }

    /// R-03
    function test_frozen_units_are_not_locked() public {
        _on(source);
        Erc7943Token(here).setFrozenTokens(holder, STOCK - 399);
        _expectNotLocked(400);
        Erc7943Token(here).setFrozenTokens(holder, STOCK - 400);
        _lock(400);
    }

    /* ERRORS */

    function test_the_errors_of_erc7943_have_their_reasons() public view {
        _eq(_meaning(abi.encodeWithSelector(Erc7943Token.ERC7943CannotReceive.selector, payee)), 1, "receive");
        _eq(_meaning(abi.encodeWithSelector(Erc7943Token.ERC7943CannotSend.selector, payee)), 3, "send");
        _eq(_meaning(abi.encodeWithSelector(Erc7943Token.ERC7943CannotTransfer.selector, payee, payee, 1)), 3, "rule");
        bytes4 frozen = Erc7943Token.ERC7943InsufficientUnfrozenBalance.selector;
        _eq(_meaning(abi.encodeWithSelector(frozen, payee, 2, 1)), 2, "frozen");
        _eq(_meaning(abi.encodeWithSignature("EnforcedPause()")), 8, "and what is common to many tokens");
        _eq(_meaning(abi.encodeWithSelector(Erc7943Token.OnlyMinter.selector, payee)), 13, "and no other");
    }
}

/// The same in BURN.
contract Erc7943BurnTest is Erc7943Test {
    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }
}
