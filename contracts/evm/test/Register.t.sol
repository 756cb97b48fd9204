// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, Ending, IGateway, IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {Statements} from "./Statements.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// R-11: the register's entries; R-31, R-61: its issuer's agents and the redirects they make.
contract RegisterTest is Statements {
    AssetId internal constant BOND = AssetId.wrap(keccak256("isin:KR6000000001"));
    address internal agent = address(0xA6E1);
    address internal otherAgent = address(0xA6E2);
    address internal heir = address(0x4E18);
    IGateway internal gateway;

    function setUp() public override {
        super.setUp();
        gateway = source.gateway;
        _setRegisterKey(source, ASSET, REGISTER_KEY);
        _setAgent(agent, true);
        _setAgent(otherAgent, true);
    }

    /* ENTRIES */

    /// R-11: numbered without gaps, posted by anybody; what is issued may also fall.
    function test_entries_are_numbered_without_gaps(address caller, uint256[3] memory issued) public {
        for (uint64 i = 0; i < 3; ++i) {
            vm.expectEmit();
            emit IGatewayTypes.Issued(ASSET, i + 1, issued[i]);
            _passes(caller, gateway, _issue(i + 1, issued[i]));
            IGatewayTypes.AssetState memory state = gateway.asset(ASSET);
            _eq(state.issueNumber, i + 1, "number");
            _eq(state.issued, issued[i], "issued");
        }
    }

    /// R-11: neither a gap nor the same number again.
    function test_an_entry_out_of_order_is_refused(uint64 number) public {
        vm.assume(number != 3);
        _passes(stranger, gateway, _issue(1, 100));
        _passes(stranger, gateway, _issue(2, 200));
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.IssueOutOfOrder.selector, number, 3);
        _fails(stranger, gateway, _issue(number, 300), error);
        error = abi.encodeWithSelector(IGatewayTypes.IssueOutOfOrder.selector, 2, 3);
        _fails(stranger, gateway, _issue(2, 200), error);
        _eq(gateway.asset(ASSET).issued, 200, "as it was");
    }

    /// R-11: signed by the asset's register key, whoever else signs.
    function test_another_key_s_entry_is_refused(uint256 key) public {
        key = _bound(key, 1, type(uint128).max);
        vm.assume(key != REGISTER_KEY);
        _unsigned(_ecdsa(key, _issueDigest(source, ASSET, 1, 100)));
        _unsigned(_ecdsa(GROUP_KEY, _issueDigest(source, ASSET, 1, 100)));
    }

    /// R-11: for this gateway, this asset, this number, this sum.
    function test_an_entry_that_says_something_else_is_refused() public {
        bytes32 statement = _issueStatement(destination.endpoint, ASSET, 1, 100);
        _unsigned(_ecdsa(REGISTER_KEY, _issueDigest(destination, ASSET, 1, 100)));
        _unsigned(_ecdsa(REGISTER_KEY, _digest(source.endpoint, statement))); // another's entry in this domain
        statement = _issueStatement(source.endpoint, ASSET, 1, 100);
        _unsigned(_ecdsa(REGISTER_KEY, _digest(destination.endpoint, statement))); // this one's in another's
        _unsigned(_ecdsa(REGISTER_KEY, _issueDigest(source, BOND, 1, 100)));
        _unsigned(_ecdsa(REGISTER_KEY, _issueDigest(source, ASSET, 2, 100)));
        _unsigned(_ecdsa(REGISTER_KEY, _issueDigest(source, ASSET, 1, 101)));
        _passes(stranger, gateway, _issue(1, 100));
    }

    /// 65 bytes with a low s, nothing else: each entry has one signature.
    function test_a_malformed_signature_is_refused(bytes memory noise) public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(REGISTER_KEY, _issueDigest(source, ASSET, 1, 100));
        _unsigned(abi.encodePacked(r, bytes32(SchnorrLib.N - uint256(s)), v ^ 7)); // 27 <-> 28
        _unsigned(abi.encodePacked(r, s));
        _unsigned(abi.encodePacked(r, s, v, uint8(0)));
        _unsigned(abi.encodePacked(r, s, v - 27));
        _unsigned(noise);
        _unsigned("");
        _unsigned(new bytes(65));
        _passes(stranger, gateway, _issue(1, 100));
    }

    /// R-11: a new key signs from then on; numbers go on.
    function test_a_new_register_key_takes_over(uint256 key) public {
        key = _bound(key, 1, type(uint128).max);
        vm.assume(key != REGISTER_KEY);
        _passes(stranger, gateway, _issue(1, 50));
        _setRegisterKey(source, ASSET, key);
        _eq(gateway.asset(ASSET).registerKey, vm.createWallet(key).addr, "stored");
        bytes memory data = _issue(2, 100);
        _fails(stranger, gateway, data, _registerError(ASSET));
        bytes memory entry = _ecdsa(key, _issueDigest(source, ASSET, 2, 100));
        _passes(stranger, gateway, abi.encodeCall(gateway.issue, (ASSET, 2, 100, entry)));
    }

    /// Nomad 2022: without a key nothing is signed, not by zeros either.
    function test_without_a_register_key_nothing_is_issued(bytes32 r, bytes32 s, uint8 v) public {
        vm.expectEmit();
        emit IGatewayTypes.RegisterKeySet(ASSET, address(0));
        _passes(governance, gateway, abi.encodeCall(gateway.setRegisterKey, (ASSET, address(0))));
        _unsigned(abi.encodePacked(r, s, v));
        _unsigned(new bytes(65));
        _unsigned(_ecdsa(REGISTER_KEY, _issueDigest(source, ASSET, 1, 100)));
    }

    function test_an_unknown_asset_has_no_register_and_no_agents(AssetId unknown) public {
        vm.assume(AssetId.unwrap(unknown) != AssetId.unwrap(ASSET));
        bytes memory error = _error(IGatewayTypes.AssetUnknown.selector, AssetId.unwrap(unknown));
        _fails(governance, gateway, abi.encodeCall(gateway.setRegisterKey, (unknown, agent)), error);
        _fails(governance, gateway, abi.encodeCall(gateway.setAgent, (unknown, agent, true)), error);
        bytes memory entry = _ecdsa(REGISTER_KEY, _issueDigest(source, unknown, 1, 100));
        bytes memory data = abi.encodeCall(gateway.issue, (unknown, 1, 100, entry));
        _fails(stranger, gateway, data, _registerError(unknown));
    }

    /* REDIRECT */

    function test_agents_come_and_go(address account) public {
        vm.assume(account != agent && account != otherAgent);
        vm.expectEmit();
        emit IGatewayTypes.AgentSet(ASSET, account, true);
        _setAgent(account, true);
        _true(gateway.isAgent(ASSET, account), "agent");
        _true(!gateway.isAgent(BOND, account), "of that asset only");
        _setAgent(account, false);
        _true(!gateway.isAgent(ASSET, account), "removed");
    }

    /// R-31, R-61: two distinct agents, a delay, an event that names both.
    function test_two_agents_redirect_after_the_delay(uint256 early, uint256 late) public {
        IGatewayTypes.Transfer memory item = _pendingRelease();
        uint64 ready = uint64(START + REDIRECT_DELAY);
        vm.expectEmit();
        emit IGatewayTypes.RedirectProposed(_id(item), heir, agent, ready);
        _passes(agent, gateway, _proposal(item, heir));
        IGatewayTypes.PendingRedirect memory proposed = gateway.pendingRedirect(_id(item));
        _true(proposed.to == heir && proposed.agent == agent && proposed.ready == ready, "told");
        vm.warp(_bound(early, START, ready - 1));
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.RedirectNotReady.selector, _id(item), ready);
        _fails(otherAgent, gateway, _confirmation(item, heir), error);
        vm.warp(_bound(late, ready, ready + 365 days));
        vm.expectEmit();
        emit IGatewayTypes.PaidOut(_id(item), Ending.RELEASED);
        vm.expectEmit();
        emit IGatewayTypes.Redirected(_id(item), heir, agent, otherAgent);
        _passes(otherAgent, gateway, _confirmation(item, heir));
        _eq(source.token.balanceOf(heir), 500, "paid");
        _eq(gateway.asset(ASSET).pendingPay, 0, "INV-9: nothing owed");
        _hasNoRedirect(item);
        _fails(otherAgent, gateway, _confirmation(item, heir), _itemError(IGatewayTypes.RedirectUnknown.selector, item));
        bytes memory payout = abi.encodeCall(gateway.payout, (item));
        _fails(stranger, gateway, payout, _itemError(IGatewayTypes.NothingPending.selector, item));
    }

    function test_one_agent_alone_redirects_nothing() public {
        IGatewayTypes.Transfer memory item = _proposed();
        bytes memory error = _error(IGatewayTypes.SecondAgentNeeded.selector, agent);
        _fails(agent, gateway, _confirmation(item, heir), error);
    }

    function test_whoever_is_no_agent_redirects_nothing(address caller) public {
        vm.assume(caller != agent && caller != otherAgent);
        IGatewayTypes.Transfer memory item = _pendingRelease();
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.NotAgent.selector, ASSET, caller);
        _fails(caller, gateway, _proposal(item, heir), error);
        _passes(agent, gateway, _proposal(item, heir));
        vm.warp(START + REDIRECT_DELAY);
        _fails(caller, gateway, _confirmation(item, heir), error);
    }

    /// R-31: only units on their way back to the sender; a burn that waits can pay nobody.
    function test_only_a_pending_release_is_redirected() public {
        IGatewayTypes.Transfer memory open = _lock(500);
        bytes memory nothing = _itemError(IGatewayTypes.NothingPending.selector, open);
        _fails(agent, gateway, _proposal(open, heir), nothing);
        source.token.behave(Behaviour.REVERTS);
        _finish(open, MINTED);
        _eq(_pendingOf(open), Ending.COMMITTED, "a burn waits");
        _fails(agent, gateway, _proposal(open, heir), nothing);
        source.token.behave(Behaviour.HONEST);
        IGatewayTypes.Transfer memory paid = _lock(500);
        _finish(paid, REJECTED);
        _fails(agent, gateway, _proposal(paid, heir), _itemError(IGatewayTypes.NothingPending.selector, paid));
    }

    /// The terms are the transfer's: of altered ones nothing is pending.
    function test_altered_terms_redirect_nothing(uint256 amount) public {
        vm.assume(amount != 500);
        IGatewayTypes.Transfer memory item = _proposed();
        item.amount = amount;
        _fails(agent, gateway, _proposal(item, heir), _itemError(IGatewayTypes.NothingPending.selector, item));
        _fails(otherAgent, gateway, _confirmation(item, heir), _itemError(IGatewayTypes.RedirectUnknown.selector, item));
    }

    /// R-31: a new proposal replaces the old one and waits anew.
    function test_a_new_proposal_begins_anew(uint256 gap) public {
        gap = _bound(gap, 1, REDIRECT_DELAY - 1);
        IGatewayTypes.Transfer memory item = _pendingRelease();
        _passes(agent, gateway, _proposal(item, heir));
        vm.warp(START + gap);
        _passes(otherAgent, gateway, _proposal(item, payee));
        uint64 ready = uint64(START + gap + REDIRECT_DELAY);
        vm.warp(START + REDIRECT_DELAY);
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.RedirectNotReady.selector, _id(item), ready);
        _fails(agent, gateway, _confirmation(item, payee), error);
        vm.warp(ready);
        _fails(agent, gateway, _confirmation(item, heir), _itemError(IGatewayTypes.RedirectUnknown.selector, item));
        bytes memory alone = _error(IGatewayTypes.SecondAgentNeeded.selector, otherAgent);
        _fails(otherAgent, gateway, _confirmation(item, payee), alone);
        _passes(agent, gateway, _confirmation(item, payee));
        _eq(source.token.balanceOf(payee), 500, "to the new one");
    }

    /// What waits keeps the time it was told.
    function test_a_new_delay_leaves_a_proposal_alone() public {
        IGatewayTypes.Transfer memory item = _pendingRelease();
        _passes(agent, gateway, _proposal(item, heir));
        vm.prank(governance);
        gateway.setDelays(HANDOVER_DELAY, 30 days);
        vm.warp(START + REDIRECT_DELAY);
        _passes(otherAgent, gateway, _confirmation(item, heir));
    }

    function test_a_removed_agent_s_proposal_is_void() public {
        IGatewayTypes.Transfer memory item = _proposed();
        _setAgent(agent, false);
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.NotAgent.selector, ASSET, agent);
        _fails(otherAgent, gateway, _confirmation(item, heir), error);
    }

    /// R-31: whoever pays the sender in the meantime ends it.
    function test_a_payout_ends_the_proposal(address caller) public {
        IGatewayTypes.Transfer memory item = _proposed();
        _passes(caller, gateway, abi.encodeCall(gateway.payout, (item)));
        _eq(source.token.balanceOf(holder), UNITS, "the sender has it");
        _hasNoRedirect(item);
        _fails(otherAgent, gateway, _confirmation(item, heir), _itemError(IGatewayTypes.RedirectUnknown.selector, item));
    }

    function test_nothing_is_redirected_to_nobody_or_to_the_gateway() public {
        IGatewayTypes.Transfer memory item = _pendingRelease();
        bytes memory error = _error(IGatewayTypes.RecipientForbidden.selector, address(0));
        _fails(agent, gateway, _proposal(item, address(0)), error);
        _fails(
            otherAgent,
            gateway,
            _confirmation(item, address(0)),
            _itemError(IGatewayTypes.RedirectUnknown.selector, item)
        );
        error = _error(IGatewayTypes.RecipientForbidden.selector, address(gateway));
        _fails(agent, gateway, _proposal(item, address(gateway)), error);
    }

    /// A token that refuses leaves everything as it was.
    function test_a_refused_payment_leaves_the_proposal() public {
        IGatewayTypes.Transfer memory item = _proposed();
        source.token.behave(Behaviour.ANSWERS_FALSE);
        vm.prank(otherAgent);
        vm.expectPartialRevert(IGatewayTypes.TokenCallFailed.selector);
        gateway.confirmRedirect(item, heir);
        _eq(_pendingOf(item), Ending.RELEASED, "still pending");
        source.token.behave(Behaviour.HONEST);
        _passes(otherAgent, gateway, _confirmation(item, heir));
        _eq(source.token.balanceOf(heir), 500, "paid");
    }

    /* HELPERS */

    function _setAgent(address account, bool allowed) private {
        vm.prank(governance);
        gateway.setAgent(ASSET, account, allowed);
    }

    function _issueDigest(Ledger memory at, AssetId asset, uint64 number, uint256 issued)
        private
        pure
        returns (bytes32)
    {
        return _digest(at.endpoint, _issueStatement(at.endpoint, asset, number, issued));
    }

    function _issue(uint64 number, uint256 issued) private view returns (bytes memory) {
        bytes memory entry = _ecdsa(REGISTER_KEY, _issueDigest(source, ASSET, number, issued));
        return abi.encodeCall(gateway.issue, (ASSET, number, issued, entry));
    }

    /// Entry 1 of 100 units, so signed.
    function _unsigned(bytes memory signature) private {
        _fails(stranger, gateway, abi.encodeCall(gateway.issue, (ASSET, 1, 100, signature)), _registerError(ASSET));
    }

    function _registerError(AssetId asset) private pure returns (bytes memory) {
        return _error(IGatewayTypes.RegisterSignatureInvalid.selector, AssetId.unwrap(asset));
    }

    /// 500 units that the token would not pay back.
    function _pendingRelease() private returns (IGatewayTypes.Transfer memory item) {
        item = _lock(500);
        source.token.behave(Behaviour.REVERTS);
        _finish(item, REJECTED);
        source.token.behave(Behaviour.HONEST);
        _eq(_pendingOf(item), Ending.RELEASED, "pending");
    }

    /// Proposed by `agent` to `heir`, and ready.
    function _proposed() private returns (IGatewayTypes.Transfer memory item) {
        item = _pendingRelease();
        _passes(agent, gateway, _proposal(item, heir));
        vm.warp(START + REDIRECT_DELAY);
    }

    function _proposal(IGatewayTypes.Transfer memory item, address to) private view returns (bytes memory) {
        return abi.encodeCall(gateway.proposeRedirect, (item, to));
    }

    function _confirmation(IGatewayTypes.Transfer memory item, address to) private view returns (bytes memory) {
        return abi.encodeCall(gateway.confirmRedirect, (item, to));
    }

    function _itemError(bytes4 selector, IGatewayTypes.Transfer memory item) private pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, _id(item));
    }

    function _hasNoRedirect(IGatewayTypes.Transfer memory item) private view {
        IGatewayTypes.PendingRedirect memory none = gateway.pendingRedirect(_id(item));
        _true(none.to == address(0) && none.agent == address(0) && none.ready == 0, "no proposal");
    }
}
