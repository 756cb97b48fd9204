// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, LockMode, TokenForm} from "../../src/interfaces/IGateway.sol";
import {Erc1400Token} from "../mocks/Erc1400Token.sol";
import {StandardBase} from "./StandardBase.sol";

/// R-22: ERC-1400 by its core, ERC-1594, in ESCROW. The gateway has no units at the destination and its handler no
/// allowance, so the token's first word is always on those.
contract Erc1400Test is StandardBase {
    function _handlerName() internal pure override returns (string memory) {
        return "Erc1400Handler";
    }

    function _tokenFor(address gateway) internal virtual override returns (address) {
        Erc1400Token token = Erc1400Token(_deployed("Erc1400Token"));
        token.appoint(gateway);
        token.list(gateway, true);
        token.list(holder, true);
        token.list(payee, true);
        return address(token);
    }

    function _stock(address token) internal override {
        Erc1400Token(token).issue(holder, STOCK, "");
    }

    function _there() private view returns (Erc1400Token) {
        return Erc1400Token(there);
    }

    /* REGISTRATION */

    /// R-07
    function test_an_erc1400_token_without_erc7802_is_not_of_its_form() public {
        _on(source);
        _expectUnsuitable(here, TokenForm.ERC7802);
    }

    /// R-07: nothing can be minted any more.
    function test_an_erc1400_token_that_is_not_issuable_is_refused() public {
        _on(source);
        Erc1400Token(here).setIssuable(false);
        _expectUnsuitable(here, TokenForm.OWN);
    }

    /// R-07: every answer would be about the one who asks.
    function test_an_erc1400_token_that_answers_operators_only_is_refused() public {
        _on(source);
        Erc1400Token(here).bar(address(handler), true);
        _expectUnsuitable(here, TokenForm.OWN);
    }

    /// R-04
    function test_an_erc1400_token_that_burns_by_a_role_fits_too() public {
        _on(destination);
        _use(destination, there, TokenForm.ROLE);
        _expectMinted(_lock(400));
    }

    /* REFUSALS */

    /// R-22: the token's mint forgets it.
    function test_an_erc1400_recipient_must_be_valid() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().list(payee, false);
        _expectRefused(item, 1);
        _there().list(payee, true);
        _expectMinted(item);
    }

    function test_halted_transfers_are_waited_for() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().halt(true);
        _expectRefused(item, 8);
        _there().halt(false);
        _expectMinted(item);
    }

    /// Each status byte that is not said of the gateway's units.
    function test_every_status_has_its_reason(uint8 status) public {
        status = uint8(_bound(status, 0x50, 0x5f));
        if (status == 0x51) status = 0x50;
        uint8 reason = 3;
        if (status == 0x54) reason = 8;
        if (status == 0x57) reason = 1;
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().restrict(payee, bytes1(status));
        _expectRefused(item, reason);
        _there().restrict(payee, 0);
        _expectMinted(item);
    }

    /// The gateway has units, all locked up: they are not what is minted.
    function test_locked_units_of_the_gateway_stop_no_mint() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().issue(address(destination.gateway), 500, "");
        _there().lockUp(address(destination.gateway), 500);
        vm.prank(address(destination.gateway));
        _there().approve(address(handler), 500);
        _expectMinted(item);
    }

    function test_a_token_that_stopped_issuing_mints_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().setIssuable(false);
        _expectRefused(item, 3);
        _there().setIssuable(true);
        _expectMinted(item);
    }

    function test_a_cap_of_an_erc1400_token_is_a_compliance_rule() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().issue(holder, CAP - 399, "");
        _expectRefused(item, 3);
        vm.prank(holder);
        _there().redeem(1, "");
        _expectMinted(item);
    }

    function test_an_erc1400_minter_that_was_dismissed_mints_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().appoint(address(0));
        _expectRefused(item, 13);
        _there().appoint(address(destination.gateway));
        _expectMinted(item);
    }

    /// R-04: a gateway that may not send can't be asked about.
    function test_a_gateway_that_is_an_invalid_sender_mints_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().list(address(destination.gateway), false);
        _expectRefused(item, 3);
        _there().list(address(destination.gateway), true);
        _expectMinted(item);
    }

    /* LOCKS */

    /// R-03
    function test_locked_up_units_are_not_locked() public {
        _on(source);
        Erc1400Token(here).lockUp(holder, STOCK - 399);
        _expectNotLocked(400);
        Erc1400Token(here).lockUp(holder, STOCK - 400);
        _lock(400);
    }

    /* ERRORS */

    function test_a_status_written_as_text_has_its_reason() public view {
        _eq(_meaningOf("54"), 8, "halted");
        _eq(_meaningOf("57"), 1, "receiver");
        _eq(_meaningOf("50"), 3, "failure");
        _eq(_meaningOf("55"), 3, "locked");
        _eq(_meaningOf("58"), 4, "no minter any more");
        _eq(_meaningOf("52"), 13, "and no other");
        _eq(_meaningOf("Pausable: paused"), 8, "and what is common to many tokens");
    }
}

/// The same in BURN.
contract Erc1400BurnTest is Erc1400Test {
    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }
}

/// The same with answers that begin with a bool.
contract Erc1400NewerTest is Erc1400Test {
    function _tokenFor(address gateway) internal override returns (address token) {
        token = super._tokenFor(gateway);
        Erc1400Token(token).answerAsNewer();
    }
}
