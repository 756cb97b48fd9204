// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, IGatewayTypes, Outcome} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {TokenWithoutRegister} from "./mocks/OddTokens.sol";

/// R-22 and section 7: `eligibility`, the reason for which nothing would be minted now.
contract EligibilityTest is Base {
    IGatewayTypes.Transfer internal item;

    function setUp() public override {
        super.setUp();
        item = _lock(1_000);
        _on(destination);
    }

    /// Section 7
    function test_eligibility_answers_the_reason_of_the_first_obstacle() public {
        _on(destination);
        _eq(destination.gateway.eligibility(item), 0, "eligible");

        IGatewayTypes.Transfer memory odd = item;
        odd.recipient = bytes32(type(uint256).max);
        _eq(destination.gateway.eligibility(odd), 5, "MALFORMED_ACCOUNT");
        odd.recipient = 0;
        _eq(destination.gateway.eligibility(odd), 5, "zero");
        odd.recipient = _account(address(destination.gateway));
        _eq(destination.gateway.eligibility(odd), 5, "gateway");
        odd.recipient = _account(address(destination.token));
        _eq(destination.gateway.eligibility(odd), 5, "token");

        odd = item;
        odd.amount = 1 << 127;
        _eq(destination.gateway.eligibility(odd), 6, "amount");
        odd.amount = 0;
        _eq(destination.gateway.eligibility(odd), 6, "no amount");
        odd.amount = uint256(_inboundLimits().capacity) + 1;
        _eq(destination.gateway.eligibility(odd), 7, "LIMIT_EXCEEDED: more than the bucket holds");
        odd.asset = AssetId.wrap("other");
        _eq(destination.gateway.eligibility(odd), 4, "unknown asset");

        destination.token.bar(payee, true);
        _eq(destination.gateway.eligibility(item), 1, "NOT_ELIGIBLE");
        destination.token.setPaused(true);
        _eq(destination.gateway.eligibility(item), 8, "TOKEN_PAUSED, before any verdict on the recipient");
        destination.token.setPaused(false);
        destination.token.bar(payee, false);

        vm.prank(guardian);
        destination.gateway.pauseLane(lane);
        _eq(destination.gateway.eligibility(item), 8, "paused lane");
        vm.prank(unpauser);
        destination.gateway.unpauseLane(lane);
        vm.prank(guardian);
        destination.gateway.pause();
        _eq(destination.gateway.eligibility(item), 8, "paused gateway");
        vm.prank(governance);
        destination.gateway.setAssetEnabled(ASSET, false);
        _eq(destination.gateway.eligibility(item), 4, "disabled asset");
        vm.prank(governance);
        destination.gateway.setAssetEnabled(ASSET, true);
        vm.prank(governance);
        destination.gateway.setLaneEnabled(lane, false);
        _eq(destination.gateway.eligibility(item), 4, "disabled lane");
        _on(source);
        _eq(source.gateway.eligibility(item), 4, "not the destination");
    }

    /// R-22: a token that stops answering is a transient obstacle, never a verdict.
    function test_a_token_without_code_is_transient() public {
        _on(destination);
        vm.etch(address(destination.token), "");
        _eq(destination.gateway.eligibility(item), 8, "TOKEN_PAUSED");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "open");
    }

    /// R-22: the same where only its register of holders stops answering.
    function test_a_register_that_no_longer_answers_is_transient() public {
        bytes memory code = address(destination.token).code;
        vm.etch(address(destination.token), address(new TokenWithoutRegister()).code);
        _eq(destination.gateway.eligibility(item), 8, "TOKEN_PAUSED, and not NOT_ELIGIBLE");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "open");
        vm.etch(address(destination.token), code);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "minted when it answers again");
    }
}
