// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, LockMode, Outcome} from "../../src/interfaces/IGateway.sol";
import {ITrexModules, ITrexRegistry, ITrexToken} from "./ITrex.sol";
import {TrexBase} from "./TrexBase.sol";

/// R-22, section 7: what stands against a mint of the real T-REX 4.1.6 is the same at a quote and at the mint, leaves
/// no record, and once it is gone the same transfer is minted.
contract TrexMintTest is TrexBase {
    IGatewayTypes.Transfer private item;

    function setUp() public override {
        super.setUp();
        item = _lock(100);
    }

    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }

    /* WHO MAY HOLD */

    function test_a_recipient_off_the_register_is_not_eligible() public {
        address identity = to.identityOf(payee);
        _offboard(to, payee);
        _expectRefused(item, 1);
        to.register(payee, identity);
        _expectMinted(item);
    }

    function test_a_recipient_who_lacks_a_claim_is_not_eligible() public {
        _offboard(to, payee);
        address identity = to.onboardWithoutClaims(payee);
        _expectRefused(item, 1);
        to.claim(identity, 0);
        _expectRefused(item, 1);
        to.claim(identity, 1);
        _expectMinted(item);
    }

    function test_a_recipient_whose_claim_is_revoked_is_not_eligible() public {
        to.revokeClaim(to.identityOf(payee), 1);
        _expectRefused(item, 1);
        _offboard(to, payee);
        to.onboard(payee);
        _expectMinted(item);
    }

    /// A wallet that was lost meanwhile, and recovered: the transfer names the lost one.
    function test_a_recipient_whose_wallet_was_recovered_meanwhile_is_not_eligible() public {
        to.act(abi.encodeCall(ITrexToken.mint, (payee, 1)));
        address identity = to.identityOf(payee);
        to.giveKey(identity, address(0xB0B2));
        to.act(abi.encodeCall(ITrexToken.recoveryAddress, (payee, address(0xB0B2), identity)));
        _expectRefused(item, 1);
    }

    /* RULES */

    function test_a_recipient_of_another_country_is_against_the_rules() public {
        to.addModule("CountryAllowModule");
        _allowCountries(to, 840);
        _expectRefused(item, 3);
        to.keepRegister(abi.encodeCall(ITrexRegistry.updateCountry, (payee, 840)));
        _expectMinted(item);
    }

    function test_a_recipient_of_a_restricted_country_is_against_the_rules() public {
        to.addModule("CountryRestrictModule");
        uint16[] memory countries = new uint16[](1);
        countries[0] = to.KOREA();
        to.rule("CountryRestrictModule", abi.encodeCall(ITrexModules.batchRestrictCountries, (countries)));
        _expectRefused(item, 3);
        to.keepRegister(abi.encodeCall(ITrexRegistry.updateCountry, (payee, 840)));
        _expectMinted(item);
    }

    function test_more_than_the_maximum_balance_is_against_the_rules() public {
        to.addModule("MaxBalanceModule");
        _setMaxBalance(99);
        _expectRefused(item, 3);
        _setMaxBalance(100);
        _expectMinted(item);
        _expectRefused(_lock(1), 3);
    }

    function test_more_than_the_supply_limit_is_against_the_rules() public {
        to.addModule("SupplyLimitModule");
        _setSupplyLimit(99);
        _expectRefused(item, 3);
        _setSupplyLimit(100);
        _expectMinted(item);
    }

    function test_a_mint_that_was_not_approved_is_against_the_rules() public {
        to.addModule("ConditionalTransferModule");
        _approveMint(99);
        _expectRefused(item, 3);
        _approveMint(100);
        _expectMinted(item);
    }

    /* WHAT ITS MINT FORGETS */

    function test_nothing_is_minted_to_a_frozen_wallet() public {
        _freeze(to, payee, true);
        _expectRefused(item, 2);
        to.act(abi.encodeCall(ITrexToken.mint, (payee, 1))); // an agent could
        _freeze(to, payee, false);
        _expectMinted(item);
    }

    function test_nothing_is_minted_while_the_token_is_paused() public {
        _pause(to);
        _expectRefused(item, 8);
        to.act(abi.encodeCall(ITrexToken.mint, (payee, 1)));
        _unpause(to);
        _expectMinted(item);
    }

    /// R-12: what passes is said before what would close the transfer.
    function test_a_pause_comes_before_any_verdict_on_the_recipient() public {
        _pause(to);
        _freeze(to, payee, true);
        _offboard(to, payee);
        _expectNotMinted(item, 8);
        _unpause(to);
        _expectNotMinted(item, 2);
        _freeze(to, payee, false);
        _expectNotMinted(item, 1);
    }

    /// Units that are frozen are a part of what somebody holds; more may come.
    function test_a_recipient_with_frozen_units_receives() public {
        to.act(abi.encodeCall(ITrexToken.mint, (payee, 10)));
        _freezeUnits(to, payee, 10);
        _expectMinted(item);
        _eq(to.token().getFrozenTokens(payee), 10, "as before");
    }

    /* THE ROLE */

    /// The issuer's way to take a gateway off: nothing is minted, and senders get their units back.
    function test_a_gateway_that_is_no_agent_any_more_mints_nothing() public {
        _setAgent(to, address(destination.gateway), false);
        _expectRefused(item, 4);
        _refuse(item, 4);
        _finish(item, REJECTED);
        _eq(from.token().balanceOf(holder), ISSUED, "all back");
    }

    function test_a_gateway_that_is_an_agent_again_mints() public {
        _setAgent(to, address(destination.gateway), false);
        _expectNotMinted(item, 4);
        _setAgent(to, address(destination.gateway), true);
        _expectMinted(item);
    }

    /// A mint asks nothing about who mints but the role; only locks need the gateway's identity.
    function test_a_gateway_off_the_register_mints() public {
        _offboard(to, address(destination.gateway));
        _expectMinted(item);
    }

    /// For docs/performance.md: two claim issuers, no module.
    function test_gas_of_settle() public {
        _measureSettle();
    }

    /* MANY AT ONCE */

    /// R-21: each item for itself.
    function test_one_refused_recipient_holds_up_no_other() public {
        IGatewayTypes.LockRequest memory request = _request(7);
        request.recipient = _account(address(0xBAD));
        IGatewayTypes.Transfer memory bad = _lock(request);
        IGatewayTypes.Transfer[] memory items = new IGatewayTypes.Transfer[](3);
        (items[0], items[1], items[2]) = (item, bad, _lock(50));
        _settle(items);
        _eq(_outcomeOf(items[0]), Outcome.MINTED, "before it");
        _eq(_outcomeOf(bad), Outcome.NONE, "refused");
        _eq(_outcomeOf(items[2]), Outcome.MINTED, "after it");
        _eq(to.token().balanceOf(payee), 150, "both");
    }

    /* ELIGIBLE WHEN LOCKED, REFUSED WHEN MINTED */

    function test_eligible_when_locked_and_refused_when_minted_ends_released() public {
        _on(destination);
        _eq(destination.gateway.eligibility(item), 0, "eligible when locked");
        to.revokeClaim(to.identityOf(payee), 0);
        _expectRefused(item, 1);
        _refuse(item, 1);
        _finish(item, REJECTED);
        _eq(_endingOf(item), Ending.RELEASED, "released");
        _eq(_pendingOf(item), Ending.OPEN, "and paid");
        _eq(from.token().balanceOf(holder), ISSUED, "to the sender");
        _eq(from.token().totalSupply(), ISSUED, "INV-4");
        _eq(to.token().totalSupply(), 0, "INV-1");
    }

    function _setMaxBalance(uint256 amount) private {
        to.rule("MaxBalanceModule", abi.encodeCall(ITrexModules.setMaxBalance, (amount)));
    }

    function _setSupplyLimit(uint256 amount) private {
        to.rule("SupplyLimitModule", abi.encodeCall(ITrexModules.setSupplyLimit, (amount)));
    }

    function _approveMint(uint256 amount) private {
        to.rule("ConditionalTransferModule", abi.encodeCall(ITrexModules.approveTransfer, (address(0), payee, amount)));
    }
}
