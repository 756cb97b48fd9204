// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {AssetId, IGatewayCore, IGatewayTypes, LockMode, TokenForm, TransferId} from "../src/interfaces/IGateway.sol";
import {OrderBase} from "./OrderBase.sol";
import {PermitToken, TokenWithBadPermit, TokenWithFallback} from "./mocks/PermitTokens.sol";
import {TestToken} from "./mocks/TestToken.sol";

/// R-02: permits let the gateway move tokens and never authorise terms; one that fails is ignored.
contract PermitTest is OrderBase {
    bytes32 private constant PERMIT_TYPE =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    PermitToken internal token;

    function setUp() public override {
        super.setUp();
        token = new PermitToken();
        token.mint(holder, UNITS);
        _use(address(token));
    }

    /* A PERMIT AND A LOCK IN ONE TRANSACTION */

    /// R-02, R-03
    function test_a_holder_locks_without_an_approval_before(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        TransferId[] memory ids = _lockWith(holder, _request(amount), _permit(amount));
        _true(TransferId.unwrap(ids[0]) != 0, "locked");
        _eq(token.balanceOf(address(source.gateway)), amount, "in escrow");
        _eq(token.balanceOf(holder), UNITS - amount, "taken");
        _eq(token.allowance(holder, address(source.gateway)), 0, "used up");
    }

    /// R-02
    function test_a_signed_order_and_a_permit_need_no_transaction_of_the_holder(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.SignedOrder memory signed = _signed(_order(amount));
        vm.prank(venue);
        TransferId[] memory ids = source.gateway.lockOrders(_list(signed), _list(_permit(amount)));
        _true(TransferId.unwrap(ids[0]) != 0, "locked");
        _eq(token.balanceOf(holder), UNITS - amount, "taken");
    }

    /// R-02: several holders' permits in one call, each for its own.
    function test_permits_come_before_all_orders() public {
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](2);
        (orders[0], orders[1]) = (_signed(_order(3)), _signed(_order(4)));
        orders[1].order.nonce = 2;
        orders[1] = _signed(orders[1].order);
        vm.prank(venue);
        TransferId[] memory ids = source.gateway.lockOrders(orders, _list(_permit(7)));
        _true(TransferId.unwrap(ids[0]) != 0 && TransferId.unwrap(ids[1]) != 0, "both of one permit");
    }

    /* FAILING PERMITS */

    /// R-02: somebody took the permit from the mempool and handed it in first: the allowance is there.
    function test_a_permit_handed_in_before_does_not_block_the_lock() public {
        IGatewayTypes.Permit memory permit = _permit(5);
        _handIn(permit);
        TransferId[] memory ids = _lockWith(holder, _request(5), permit);
        _true(TransferId.unwrap(ids[0]) != 0, "locked");
        IGatewayTypes.SignedOrder memory signed = _signed(_order(5));
        permit = _permit(5);
        _handIn(permit);
        vm.prank(venue);
        ids = source.gateway.lockOrders(_list(signed), _list(permit));
        _true(TransferId.unwrap(ids[0]) != 0, "the Order too");
    }

    /// R-02: without an allowance the lock fails, with the token's word.
    function test_a_failing_permit_without_an_allowance_leaves_the_lock_out(uint8 fault) public {
        IGatewayTypes.Permit memory permit = _permit(5);
        fault = uint8(_bound(fault, 0, 3));
        if (fault == 0) permit.value += 1;
        if (fault == 1) permit.deadline = START - 1;
        if (fault == 2) permit.v ^= 7;
        if (fault == 3) permit.holder = payee;
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, _insufficient(5));
        TransferId[] memory ids = _lockWith(holder, _request(5), permit);
        _eq(TransferId.unwrap(ids[0]), 0, "left out");
        _eq(token.balanceOf(holder), UNITS, "nothing taken");
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, _insufficient(5));
        vm.prank(venue);
        source.gateway.lockOrders(_list(_signed(_order(5))), _list(permit));
    }

    /// R-02
    function test_a_failing_permit_is_ignored_if_there_is_an_allowance(uint8 v, bytes32 r, bytes32 s) public {
        IGatewayTypes.Permit memory permit = _permit(5);
        (permit.v, permit.r, permit.s) = (v, r, s);
        vm.prank(holder);
        token.approve(address(source.gateway), 5);
        _true(TransferId.unwrap(_lockWith(holder, _request(5), permit)[0]) != 0, "locked");
    }

    /// R-02: one failing permit of a list takes nothing from the others.
    function test_a_failing_permit_does_not_block_the_next() public {
        IGatewayTypes.Permit[] memory permits = new IGatewayTypes.Permit[](2);
        (permits[0], permits[1]) = (_permit(5), _permit(5));
        permits[0].holder = payee;
        vm.prank(holder);
        TransferId[] memory ids = source.gateway.lockWithPermits(_batch(_request(5)), permits);
        _true(TransferId.unwrap(ids[0]) != 0, "locked");
    }

    /// Nothing of users' data is called but an asset's active token (R-61).
    function test_a_permit_of_an_unknown_asset_is_skipped(bytes32 unknown) public {
        vm.assume(unknown != AssetId.unwrap(ASSET));
        IGatewayTypes.Permit[] memory permits = new IGatewayTypes.Permit[](2);
        (permits[0], permits[1]) = (_permit(5), _permit(5));
        permits[0].asset = AssetId.wrap(unknown);
        vm.prank(holder);
        TransferId[] memory ids = source.gateway.lockWithPermits(_batch(_request(5)), permits);
        _true(TransferId.unwrap(ids[0]) != 0, "by the second");
        _eq(token.nonces(holder), 1, "one permit handed in");
    }

    /// R-21: what a token's permit may cost is bounded; the lock goes on.
    function test_a_permit_that_burns_gas_is_bounded() public {
        TokenWithBadPermit bad = new TokenWithBadPermit();
        _prepare(bad);
        uint256 gasBefore = gasleft();
        _true(TransferId.unwrap(_lockWith(holder, _request(5), _garbage(holder))[0]) != 0, "locked");
        _le(gasBefore - gasleft(), 400_000, "bounded");
    }

    /// R-20: a permit can't reenter.
    function test_a_permit_cannot_reenter() public {
        TokenWithBadPermit bad = new TokenWithBadPermit();
        _prepare(bad);
        bad.reenter(true);
        bad.setCallback(address(source.gateway), abi.encodeCall(IGatewayCore.cancelNonces, (0, 2)));
        _true(TransferId.unwrap(_lockWith(holder, _request(5), _garbage(holder))[0]) != 0, "locked");
        _true(!bad.reentered(), "refused");
        bad.setCallback(address(bad), abi.encodeCall(TestToken.setPaused, (false)));
        _lockWith(holder, _request(5), _garbage(holder));
        _true(bad.reentered(), "the token did call");
    }

    /* A PERMIT AUTHORISES NO TERMS */

    /// R-02: a holder's valid permit in a stranger's hands gives an allowance and moves nothing.
    function test_a_permit_locks_nothing_for_a_stranger(address stranger) public {
        vm.assume(stranger != holder && uint160(stranger) > 0xffff);
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, stranger, _insufficient(5));
        _lockWith(stranger, _request(5), _permit(5));
        _eq(token.allowance(holder, address(source.gateway)), 5, "an allowance");
        IGatewayTypes.SignedOrder memory forged = _with(_order(5), new bytes(65));
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, _signatureInvalid(holder));
        vm.prank(stranger);
        source.gateway.lockOrders(_list(forged), _list(_permit(5)));
        _eq(token.balanceOf(holder), UNITS, "nothing moved");
        _eq(source.gateway.lane(lane).nextSequence, 1, "no record");
    }

    /// R-02: Multichain 2022: the victim's boundless approval, a token whose fallback takes a permit for granted.
    function test_a_fallback_that_accepts_a_permit_moves_nothing(address attacker) public {
        vm.assume(attacker != holder && uint160(attacker) > 0xffff);
        TokenWithFallback loose = new TokenWithFallback();
        _prepare(loose);
        IGatewayTypes.SignedOrder memory forged = _with(_order(5), new bytes(65));
        vm.prank(attacker);
        TransferId[] memory ids = source.gateway.lockOrders(_list(forged), _list(_garbage(holder)));
        _eq(TransferId.unwrap(ids[0]), 0, "no Order");
        ids = _lockWith(attacker, _request(5), _garbage(holder));
        _eq(TransferId.unwrap(ids[0]), 0, "no lock");
        _eq(loose.fallbacks(), 2, "both permits accepted");
        _eq(loose.balanceOf(holder), UNITS, "nothing moved");
        _eq(loose.balanceOf(address(source.gateway)), 0, "nothing arrived");
    }

    /// R-32
    function test_a_paused_gateway_hands_in_no_permit() public {
        vm.prank(guardian);
        source.gateway.pause();
        IGatewayTypes.Permit memory permit = _permit(5);
        vm.expectRevert(IGatewayTypes.Paused.selector);
        _lockWith(holder, _request(5), permit);
        _eq(token.nonces(holder), 0, "not used");
    }

    /* HELPERS */

    /// The asset's next profile.
    function _use(address next) private {
        vm.prank(governance);
        source.gateway.addProfile(ASSET, next, tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE);
    }

    /// Of a boundless approval.
    function _prepare(TestToken next) private {
        _use(address(next));
        next.issue(holder, UNITS);
        vm.prank(holder);
        next.approve(address(source.gateway), type(uint256).max);
    }

    function _lockWith(address caller, IGatewayTypes.LockRequest memory request, IGatewayTypes.Permit memory permit)
        private
        returns (TransferId[] memory)
    {
        vm.prank(caller);
        return source.gateway.lockWithPermits(_batch(request), _list(permit));
    }

    /// The holder's, signed as ERC-2612 says.
    function _permit(uint256 value) private view returns (IGatewayTypes.Permit memory permit) {
        permit.asset = ASSET;
        permit.holder = holder;
        permit.value = value;
        permit.deadline = START + 1 days;
        bytes32 struct_ = keccak256(
            abi.encode(PERMIT_TYPE, holder, address(source.gateway), value, token.nonces(holder), permit.deadline)
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), struct_));
        (permit.v, permit.r, permit.s) = vm.sign(HOLDER_KEY, digest);
    }

    function _garbage(address victim) private pure returns (IGatewayTypes.Permit memory permit) {
        (permit.asset, permit.holder, permit.value, permit.deadline) = (ASSET, victim, 5, type(uint256).max);
    }

    function _handIn(IGatewayTypes.Permit memory p) private {
        token.permit(p.holder, address(source.gateway), p.value, p.deadline, p.v, p.r, p.s);
    }

    function _list(IGatewayTypes.Permit memory permit) private pure returns (IGatewayTypes.Permit[] memory permits) {
        permits = new IGatewayTypes.Permit[](1);
        permits[0] = permit;
    }

    function _insufficient(uint256 needed) private view returns (bytes memory) {
        bytes memory said = abi.encodeWithSelector(
            IERC20Errors.ERC20InsufficientAllowance.selector, address(source.gateway), 0, needed
        );
        return abi.encodeWithSelector(IGatewayTypes.TokenCallFailed.selector, address(token), said);
    }
}
