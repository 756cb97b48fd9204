// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, LockMode, TokenForm, TransferId} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {AgentToken, BridgeableToken} from "./mocks/RoleTokens.sol";

/// R-04: tokens as they are found: agents of ERC-3643, the bridge of ERC-7802 (OpenZeppelin's).
contract BurnTokensTest is Base {
    AgentToken internal agents;
    BridgeableToken internal bridgeable;

    function setUp() public override {
        super.setUp();
        _on(source);
        agents = new AgentToken();
        agents.setAgent(address(this), true);
        agents.verify(holder, true);
        agents.mint(holder, 1_000);
        bridgeable = new BridgeableToken();
        bridgeable.issue(holder, 1_000);
        vm.prank(holder);
        agents.approve(address(source.gateway), type(uint256).max);
        vm.prank(holder);
        bridgeable.approve(address(source.gateway), type(uint256).max);
    }

    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }

    /* WITHOUT THE ROLE */

    /// R-04: registered only where the gateway may burn.
    function test_a_gateway_without_the_role_registers_no_token() public {
        _expectCannotBurn(address(agents), TokenForm.ROLE);
        _expectCannotBurn(address(bridgeable), TokenForm.ERC7802);
        agents.setAgent(address(source.gateway), true);
        bridgeable.setBridge(address(source.gateway));
        _use(address(agents), TokenForm.ROLE);
        _use(address(bridgeable), TokenForm.ERC7802);
    }

    /// R-04: the form must be the token's.
    function test_a_token_of_another_form_is_refused() public {
        agents.setAgent(address(source.gateway), true);
        bridgeable.setBridge(address(source.gateway));
        _expectCannotBurn(address(agents), TokenForm.OWN);
        _expectCannotBurn(address(agents), TokenForm.ERC7802);
        _expectCannotBurn(address(bridgeable), TokenForm.OWN);
        _expectCannotBurn(address(bridgeable), TokenForm.ROLE);
    }

    /// R-03: a role taken away later: locks are left out, and mint-backs wait for it.
    function test_a_role_that_is_taken_away_stops_locks_and_delays_mint_backs() public {
        _useAgents();
        IGatewayTypes.Transfer memory item = _lock(400);
        agents.setAgent(address(source.gateway), false);
        bytes memory said = abi.encodeWithSelector(AgentToken.OnlyAgent.selector, address(source.gateway));
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(
            0, holder, abi.encodeWithSelector(IGatewayTypes.TokenCallFailed.selector, address(agents), said)
        );
        _lockAll(_one(_request(1)));
        _finish(item, REJECTED);
        _eq(_pendingOf(item), Ending.RELEASED, "pending");
        agents.setAgent(address(source.gateway), true);
        _payout(item);
        _eq(agents.balanceOf(holder), 1_000, "all back");
    }

    /* THE WHOLE WAY */

    /// R-03, R-04: an agent's burn asks neither for a pause nor for a freeze; a lock does, because it pulls the units first.
    function test_frozen_units_and_a_paused_token_stay_where_they_are() public {
        _useAgents();
        agents.freeze(holder, true);
        _eq(TransferId.unwrap(_lockAll(_one(_request(400)))[0]), 0, "frozen: left out");
        agents.freeze(holder, false);
        agents.pause(true);
        _eq(TransferId.unwrap(_lockAll(_one(_request(400)))[0]), 0, "paused: left out");
        _eq(agents.balanceOf(holder), 1_000, "nothing taken");
        agents.pause(false);
        _lock(400);
    }

    /// R-04, INV-6
    function test_an_agent_token_is_burned_and_minted_back(uint256 amount) public {
        amount = _bound(amount, 1, 1_000);
        _useAgents();
        IGatewayTypes.Transfer memory item = _lock(amount);
        _eq(agents.totalSupply(), 1_000 - amount, "burned");
        _finish(item, EXPIRED);
        _eq(agents.balanceOf(holder), 1_000, "minted back");
    }

    /// R-31: a holder that lost its verification meanwhile is paid when it has it again.
    function test_a_holder_unverified_meanwhile_is_paid_later() public {
        _useAgents();
        IGatewayTypes.Transfer memory item = _lock(400);
        agents.verify(holder, false);
        _finish(item, REJECTED);
        _eq(_pendingOf(item), Ending.RELEASED, "pending");
        bytes memory said = abi.encodeWithSelector(AgentToken.NotVerified.selector, holder);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.TokenCallFailed.selector, address(agents), said));
        source.gateway.payout(item);
        agents.verify(holder, true);
        _payout(item);
        _eq(agents.balanceOf(holder), 1_000, "all back");
        (, uint256 burned, uint256 reminted,) = source.gateway.totals(ASSET);
        _eq(burned, reminted, "INV-4");
    }

    /// R-04
    function test_a_bridgeable_token_goes_there_and_back(uint256 amount) public {
        amount = _bound(amount, 1, 1_000);
        bridgeable.setBridge(address(source.gateway));
        _use(address(bridgeable), TokenForm.ERC7802);
        IGatewayTypes.Transfer memory item = _lock(amount);
        _eq(bridgeable.totalSupply(), 1_000 - amount, "burned");
        _finish(item, REJECTED);
        _eq(bridgeable.balanceOf(holder), 1_000, "minted back");
    }

    /// R-03: more than the holder has.
    function test_more_than_the_holder_has_is_not_burned(uint256 amount) public {
        amount = _bound(amount, 1_001, 1e24);
        _useAgents();
        _eq(TransferId.unwrap(_lockAll(_one(_request(amount)))[0]), 0, "left out");
        _eq(agents.totalSupply(), 1_000, "nothing burned");
    }

    /* HELPERS */

    function _use(address token, TokenForm form) private {
        vm.prank(governance);
        source.gateway.addProfile(ASSET, token, tokenHandler, LockMode.BURN, form, 0, GAS_ALLOWANCE);
    }

    function _useAgents() private {
        agents.setAgent(address(source.gateway), true);
        _use(address(agents), TokenForm.ROLE);
    }

    function _expectCannotBurn(address token, TokenForm form) private {
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.TokenCannotBurn.selector, token));
        _use(token, form);
    }
}
