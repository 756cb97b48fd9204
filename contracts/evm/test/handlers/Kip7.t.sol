// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, LockMode, TokenForm} from "../../src/interfaces/IGateway.sol";
import {Kip7Token, Kip7TokenWithoutPause} from "../mocks/Kip7Tokens.sol";
import {HasIdsOnly} from "../mocks/Pretenders.sol";
import {StandardBase} from "./StandardBase.sol";

/// R-22: KIP-7, as Klaytn's library has it, in ESCROW.
contract Kip7Test is StandardBase {
    function _handlerName() internal pure override returns (string memory) {
        return "Kip7Handler";
    }

    function _tokenFor(address gateway) internal override returns (address) {
        return _new("Kip7Token", gateway);
    }

    function _stock(address token) internal override {
        Kip7Token(token).mint(holder, STOCK);
    }

    function _new(string memory name, address gateway) private returns (address) {
        Kip7Token token = Kip7Token(_deployed(string.concat("Kip7Tokens.sol:", name), ""));
        token.addMinter(gateway);
        return address(token);
    }

    function _there() private view returns (Kip7Token) {
        return Kip7Token(there);
    }

    /* REGISTRATION */

    /// R-07: its burning extension has one burn only.
    function test_a_kip7_token_has_no_other_form() public {
        _on(source);
        _expectUnsuitable(here, TokenForm.ROLE);
        _expectUnsuitable(here, TokenForm.ERC7802);
    }

    /// R-07
    function test_a_kip7_token_without_the_extensions_is_refused() public {
        _on(source);
        _expectUnsuitable(_deployed("Kip7Tokens.sol:Kip7TokenWithoutBurn", ""), TokenForm.OWN);
        _expectUnsuitable(address(new HasIdsOnly()), TokenForm.OWN);
    }

    /// R-04
    function test_a_gateway_that_is_no_minter_registers_nothing() public {
        _on(source);
        Kip7Token token = Kip7Token(_deployed("Kip7Tokens.sol:Kip7Token", ""));
        _expectUnsuitable(address(token), TokenForm.OWN);
        token.addMinter(address(source.gateway));
        _use(source, address(token), TokenForm.OWN);
    }

    /// Asked before a mint is only a token that can be paused.
    function test_a_kip7_token_without_pause_is_not_asked() public {
        _on(source);
        _true(source.gateway.profile(2).asks, "has the pausing extension");
        Kip7TokenWithoutPause token = Kip7TokenWithoutPause(_deployed("Kip7Tokens.sol:Kip7TokenWithoutPause", ""));
        token.addMinter(address(source.gateway));
        _use(source, address(token), TokenForm.OWN);
        _true(!source.gateway.profile(3).asks, "has not");
    }

    /* REFUSALS */

    function test_a_pause_of_a_kip7_token_is_waited_for() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().pause();
        _expectRefused(item, 8);
        _there().unpause();
        _expectMinted(item);
    }

    /// R-22: the pausing extension doesn't say that a pause stops mints.
    function test_a_kip7_token_that_mints_while_paused_is_waited_for() public {
        _on(destination);
        there = _new("Kip7TokenThatMintsWhilePaused", address(destination.gateway));
        _use(destination, there, TokenForm.OWN);
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().pause();
        _there().mint(holder, 1);
        _expectRefused(item, 8);
        _there().unpause();
        _expectMinted(item);
    }

    function test_a_cap_of_a_kip7_token_is_a_compliance_rule() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().mint(holder, CAP - 399);
        _expectRefused(item, 3);
        vm.prank(holder);
        _there().burn(1);
        _expectMinted(item);
    }

    /// Its mint is a safe one.
    function test_a_contract_must_take_kip7_tokens() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        vm.etch(payee, address(source.token).code);
        _expectRefused(item, 5);
        vm.etch(payee, _deployed("Kip7Tokens.sol:Kip7Receiver", "").code);
        _expectMinted(item);
    }

    function test_a_kip7_minter_that_was_dismissed_mints_nothing() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _there().revokeRole(keccak256("KIP7_MINTER_ROLE"), address(destination.gateway));
        _expectRefused(item, 4);
        _there().addMinter(address(destination.gateway));
        _expectMinted(item);
    }

    /// R-03
    function test_a_paused_kip7_token_is_not_locked() public {
        _on(source);
        Kip7Token(here).pause();
        _expectNotLocked(400);
        Kip7Token(here).unpause();
        _lock(400);
    }

    /// R-31: a mint-back waits for the end of a pause.
    function test_a_release_waits_for_the_end_of_a_pause() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        Kip7Token(here).pause();
        _finish(item, REJECTED);
        _eq(Kip7Token(here).balanceOf(holder), STOCK - 400, "pending");
        Kip7Token(here).unpause();
        _payout(item);
        _eq(Kip7Token(here).balanceOf(holder), STOCK, "all back");
    }

    /* ERRORS */

    function test_the_texts_of_kip7_have_their_reasons() public view {
        _eq(_meaningOf("KIP7Pausable: token transfer while paused"), 8, "pause");
        _eq(_meaningOf("KIP7Capped: cap exceeded"), 3, "cap");
        _eq(_meaningOf("KIP7: mint to the zero address"), 5, "zero");
        _eq(_meaningOf("KIP7: transfer to non IKIP7Receiver implementer"), 5, "contract");
        _eq(_meaningOf("KIP7: transfer to non KIP7Receiver implementer"), 5, "contract without the function");
        _eq(_meaningOf("Pausable: paused"), 8, "and what is common to many tokens");
        _eq(_meaningOf("KIP7Mintable: must have minter role to mint"), 4, "no minter any more");
        _eq(_meaningOf("KIP7: burn from the zero address"), 13, "and no other");
    }
}

/// The same in BURN.
contract Kip7BurnTest is Kip7Test {
    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }
}
