// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, LockMode, TokenForm, TransferId} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Behaviour, TestToken} from "./mocks/TestToken.sol";

/// R-03, R-04, R-31, INV-4, INV-6 in mode BURN: burned at lock, minted back at release; once for each form of token.
abstract contract BurnFacts is Base {
    function setUp() public override {
        super.setUp();
        _on(source);
    }

    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }

    /* THE WAY OF A TRANSFER */

    /// R-03, R-04, INV-4
    function test_a_lock_burns_the_holder_s_units(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        vm.expectCall(address(source.token), _burnCall(amount));
        _lock(amount);
        _eq(source.token.balanceOf(holder), UNITS - amount, "taken");
        _eq(source.token.balanceOf(address(source.gateway)), 0, "nothing held");
        _eq(source.token.totalSupply(), UNITS - amount, "burned");
        _expectTotals(amount, 0);
    }

    /// R-31, INV-6
    function test_a_release_mints_back_to_the_sender(uint256 amount, bool expired) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.Transfer memory item = _lock(amount);
        vm.expectCall(address(source.token), _mintCall(holder, amount));
        _finish(item, expired ? EXPIRED : REJECTED);
        _eq(_endingOf(item), Ending.RELEASED, "released");
        _eq(source.token.balanceOf(holder), UNITS, "the same units");
        _expectTotals(amount, amount);
    }

    /// R-31: what was burned at lock stays burned; commit calls no token.
    function test_a_commit_moves_nothing(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.Transfer memory item = _lock(amount);
        uint256 burns = source.token.burnCount();
        source.token.behave(Behaviour.REVERTS);
        _finish(item, MINTED);
        _eq(_endingOf(item), Ending.COMMITTED, "committed");
        _eq(_pendingOf(item), Ending.OPEN, "nothing pending");
        _eq(source.token.burnCount(), burns, "burned once, at lock");
        _expectTotals(amount, 0);
    }

    /// R-04: the destination mints by the same form.
    function test_a_settled_transfer_is_minted_by_its_form(uint256 amount) public {
        amount = _bound(amount, 1, 1e24);
        IGatewayTypes.Transfer memory item = _lock(amount);
        vm.expectCall(address(destination.token), _mintCall(payee, amount));
        _settle(item);
        _eq(destination.token.balanceOf(payee), amount, "minted");
        (uint256 minted, uint256 burned, uint256 reminted, uint256 held) = destination.gateway.totals(ASSET);
        _eq(minted, amount, "minted");
        _eq(burned + reminted + held, 0, "nothing else");
        _eq(destination.token.totalSupply(), minted, "INV-4 on the destination");
    }

    /// INV-4: at every step of a list that ends in all ways.
    function test_the_totals_hold_at_every_step(uint256 seed) public {
        IGatewayTypes.Transfer[] memory items = _lockMany(12);
        _expectTotals(78, 0);
        uint256 back = 0;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 way = (seed >> (2 * i)) & 3;
            if (way == 3) source.token.behave(Behaviour.REVERTS);
            _finish(items[i], way == 0 ? MINTED : REJECTED);
            source.token.behave(Behaviour.HONEST);
            if (way == 1 || way == 2) back += i + 1;
            _expectTotals(78, back);
        }
        for (uint256 i = 0; i < 12; ++i) {
            if ((seed >> (2 * i)) & 3 != 3) continue;
            _payout(items[i]);
            back += i + 1;
            _expectTotals(78, back);
        }
        _eq(source.gateway.lane(lane).committed + back, 78, "all ended");
    }

    /* TOKENS THAT REFUSE OR LIE */

    /// R-31, INV-4: a refused mint-back is noted, and minted later; until then it isn't counted as minted back.
    function test_a_refused_mint_back_is_minted_later(uint8 which) public {
        Behaviour behaviour = _bad(which);
        IGatewayTypes.Transfer memory item = _lock(500);
        source.token.behave(behaviour);
        vm.expectEmit();
        emit IGatewayTypes.PayoutPending(_id(item), Ending.RELEASED);
        _finish(item, REJECTED);
        _eq(_endingOf(item), Ending.RELEASED, "sealed");
        _eq(_pendingOf(item), Ending.RELEASED, "pending");
        _eq(source.gateway.asset(ASSET).pendingPay, 500, "owed");
        _eq(source.token.totalSupply(), UNITS - 500, "not minted");
        _expectTotals(500, 0);

        source.token.behave(Behaviour.HONEST);
        vm.expectEmit();
        emit IGatewayTypes.PaidOut(_id(item), Ending.RELEASED);
        _payout(item);
        _eq(source.token.balanceOf(holder), UNITS, "the same units");
        _eq(source.gateway.asset(ASSET).pendingPay, 0, "not owed");
        _expectTotals(500, 500);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.NothingPending.selector, _id(item)));
        source.gateway.payout(item);
    }

    /// R-31: a payout that the token refuses again writes nothing.
    function test_a_payout_refused_again_leaves_it_pending(uint8 which) public {
        IGatewayTypes.Transfer memory item = _lock(500);
        source.token.behave(Behaviour.REVERTS);
        _finish(item, REJECTED);
        source.token.behave(_liar(which));
        vm.expectRevert();
        source.gateway.payout(item);
        _eq(_pendingOf(item), Ending.RELEASED, "still pending");
        _eq(source.token.totalSupply(), UNITS - 500, "not minted");
        _expectTotals(500, 0);
    }

    /// R-03, R-21: a lock burns exactly the amount, or does not happen.
    function test_a_misbehaving_token_locks_nothing(uint8 which) public {
        source.token.behave(_bad(which));
        TransferId[] memory ids = _lockAll(_one(_request(500)));
        source.token.behave(Behaviour.HONEST);
        _eq(TransferId.unwrap(ids[0]), 0, "left out");
        _eq(source.token.balanceOf(holder), UNITS, "nothing taken");
        _eq(source.gateway.lane(lane).nextSequence, 1, "no record");
        _expectTotals(0, 0);
    }

    /// R-03: said with what was expected and what was found.
    function test_a_fee_is_told(uint256 amount) public {
        amount = _bound(amount, 2, 1e24);
        source.token.behave(Behaviour.TAKES_FEE);
        // taken on the way to the gateway, which then has too little to burn
        bytes memory said = abi.encodeWithSelector(TestToken.Insufficient.selector, address(source.gateway));
        bytes memory reason =
            abi.encodeWithSelector(IGatewayTypes.TokenCallFailed.selector, address(source.token), said);
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, reason);
        _lockAll(_one(_request(amount)));
    }

    /// R-03: measured for each of a list, also where the figures are carried from one to the next.
    function test_a_lie_within_a_list_is_found(uint8 count) public {
        count = uint8(_bound(count, 2, 10));
        _lockMany(count);
        source.token.behave(Behaviour.MISSTATES_SUPPLY);
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](count);
        for (uint256 i = 0; i < count; ++i) {
            requests[i] = _request(1);
        }
        TransferId[] memory ids = _lockAll(requests);
        for (uint256 i = 0; i < count; ++i) {
            _eq(TransferId.unwrap(ids[i]), 0, "left out");
        }
    }

    /// R-02, R-03: nobody's units but the caller's.
    function test_a_caller_without_units_burns_nobody_s(address caller) public {
        vm.assume(caller != holder && uint160(caller) > 0xffff && caller != address(source.gateway));
        vm.prank(caller);
        TransferId[] memory ids = source.gateway.lock(_batch(_request(5)));
        _eq(TransferId.unwrap(ids[0]), 0, "left out");
        _eq(source.token.totalSupply(), UNITS, "nothing burned");
    }

    /// R-02, R-04: by whatever form, units are pulled by the holder's allowance first.
    function test_without_an_allowance_no_form_locks() public {
        vm.prank(holder);
        source.token.approve(address(source.gateway), 0);
        _eq(TransferId.unwrap(_lockAll(_one(_request(5)))[0]), 0, "left out");
    }

    /* PROFILES */

    /// R-07: what was locked by a profile ends by it, whatever came after; new locks go by the new one.
    function test_an_old_lock_ends_by_its_own_profile(uint8 form, bool refusedFirst) public {
        IGatewayTypes.Transfer memory old = _lock(500);
        TestToken first = source.token;
        TestToken next = new TestToken();
        _append(next, TokenForm(uint8(_bound(form, 1, 3))));
        next.issue(holder, UNITS);
        vm.prank(holder);
        next.approve(address(source.gateway), type(uint256).max);
        IGatewayTypes.Transfer memory newer = _lock(300);
        _eq(next.totalSupply(), UNITS - 300, "the new token");
        _eq(first.totalSupply(), UNITS - 500, "not the old");
        _eq((_lockWord(old) >> 192) & 0xffff, 1, "profile 1");
        _eq((_lockWord(newer) >> 192) & 0xffff, 2, "profile 2");

        if (refusedFirst) first.behave(Behaviour.REVERTS);
        _finish(_two(old, newer), bytes.concat(REJECTED, REJECTED));
        if (refusedFirst) {
            (, uint16 number) = source.gateway.pending(_id(old));
            _eq(number, 1, "pending by profile 1");
            first.behave(Behaviour.HONEST);
            _payout(old);
        }
        _eq(first.balanceOf(holder), UNITS, "old units back");
        _eq(next.balanceOf(holder), UNITS, "new units back");
    }

    /// R-04
    function test_all_profiles_of_an_asset_have_one_mode() public {
        TestToken next = new TestToken();
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.ModeMismatch.selector, LockMode.BURN, LockMode.ESCROW));
        vm.prank(governance);
        source.gateway.addProfile(ASSET, address(next), tokenHandler, LockMode.ESCROW, _form(), 0, GAS_ALLOWANCE);
        _append(next, _form());
        _true(source.gateway.asset(ASSET).mode == LockMode.BURN, "still");
    }

    /* HELPERS */

    function _append(TestToken next, TokenForm form) private {
        vm.prank(governance);
        source.gateway.addProfile(ASSET, address(next), tokenHandler, LockMode.BURN, form, 0, GAS_ALLOWANCE);
    }

    /// Of the source; INV-4: the supply is what was issued, less burned, and minted back.
    function _expectTotals(uint256 expectedBurned, uint256 expectedBack) private view {
        (uint256 minted, uint256 burned, uint256 reminted, uint256 held) = source.gateway.totals(ASSET);
        _eq(minted, 0, "minted");
        _eq(burned, expectedBurned, "burned");
        _eq(reminted, expectedBack, "minted back");
        _eq(held, 0, "held");
        _eq(source.token.totalSupply() + burned - reminted, UNITS, "INV-4");
    }

    function _burnCall(uint256 amount) private view returns (bytes memory) {
        if (_form() == TokenForm.OWN) return abi.encodeWithSignature("burn(uint256)", amount);
        if (_form() == TokenForm.ROLE) {
            return abi.encodeWithSignature("burn(address,uint256)", address(source.gateway), amount);
        }
        return abi.encodeWithSignature("crosschainBurn(address,uint256)", address(source.gateway), amount);
    }

    function _mintCall(address to, uint256 amount) private view returns (bytes memory) {
        if (_form() == TokenForm.ERC7802) {
            return abi.encodeWithSignature("crosschainMint(address,uint256)", to, amount);
        }
        return abi.encodeWithSignature("mint(address,uint256)", to, amount);
    }

    /// What no lock and no mint-back may come through of.
    function _bad(uint256 which) private pure returns (Behaviour) {
        Behaviour[4] memory others =
            [Behaviour.REVERTS, Behaviour.REVERTS_WITH_1_MB, Behaviour.BURNS_GAS, Behaviour.IS_HEAVY];
        which = _bound(which, 0, 7);
        return which < 4 ? others[which] : _liar(which);
    }

    function _liar(uint256 which) private pure returns (Behaviour) {
        Behaviour[4] memory liars =
            [Behaviour.TAKES_FEE, Behaviour.DOES_NOTHING, Behaviour.ANSWERS_FALSE, Behaviour.MISSTATES_SUPPLY];
        return liars[which % 4];
    }
}

contract BurnOwnTest is BurnFacts {
    function _form() internal pure override returns (TokenForm) {
        return TokenForm.OWN;
    }
}

contract BurnRoleTest is BurnFacts {
    function _form() internal pure override returns (TokenForm) {
        return TokenForm.ROLE;
    }
}

contract BurnErc7802Test is BurnFacts {
    function _form() internal pure override returns (TokenForm) {
        return TokenForm.ERC7802;
    }
}
