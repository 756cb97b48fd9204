// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, Outcome} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {RecipientHandler} from "./mocks/AskingHandler.sol";
import {NestingToken, Registry} from "./mocks/NestingToken.sol";
import {TestToken} from "./mocks/TestToken.sol";
import {Vm} from "./Vm.sol";

/// R-21 (H1, G12): whoever chooses the gas limit chooses how many items are done, and never how one ends. Every entry point
/// that anybody may call, at every 2 % of the gas that it needs, finer around the edges, with a plain token, with one that
/// needs nearly all of its allowance, and with one whose views and calls swallow what their nested calls do, as T-REX's
/// `isVerified` does: starved, it would say in good faith that the recipient isn't verified.
contract GasSweepTest is Base {
    uint256 private constant ITEMS = 4;
    /// More than any of these calls needs.
    uint256 private constant AMPLE = 8_000_000;

    NestingToken private _from;
    NestingToken private _to;

    function _newHandler() internal override returns (address) {
        return address(new RecipientHandler());
    }

    function _newToken() internal override returns (TestToken) {
        return TestToken(address(new NestingToken(new Registry())));
    }

    function setUp() public override {
        super.setUp();
        _from = NestingToken(address(source.token));
        _to = NestingToken(address(destination.token));
    }

    /* SETTLE */

    function test_settle_leaves_none_or_minted_at_any_gas_with_a_plain_token() public {
        _sweepSettle();
    }

    function test_settle_leaves_none_or_minted_at_any_gas_with_a_heavy_token() public {
        _to.setWork(150_000, 0);
        _sweepSettle();
    }

    /// The registry behind the token spends 35,000 gas in a nested call of the view, and 100,000 in that of the mint; both
    /// swallow its failure, one answers `false`, the other refuses the recipient.
    function test_settle_leaves_none_or_minted_at_any_gas_with_a_token_that_swallows_out_of_gas() public {
        _to.setWork(20_000, 35_000);
        _to.setCareful(true);
        _sweepSettle();
    }

    /// The same, where all is spent in the nested calls: the floor before an item must hold there too.
    function test_settle_at_any_gas_where_nested_calls_spend_nearly_all_that_they_may() public {
        _to.setWork(0, 70_000);
        _to.setCareful(true);
        _sweepSettle();
    }

    function _sweepSettle() private {
        IGatewayTypes.Transfer[] memory items = _lockMany(ITEMS);
        IGatewayTypes.Attestation memory attestation = _signLocked(items);
        IGatewayTypes.Batch[] memory batches = _inbound(items);
        _on(destination);
        uint256 most;
        for (uint256 k = 0; k < _steps(); ++k) {
            uint256 state = vm.snapshotState();
            vm.recordLogs();
            (bool success, bytes memory data) = address(destination.gateway).call{gas: _limit(k)}(
                abi.encodeCall(destination.gateway.settle, (batches, attestation))
            );
            uint256 done = _minted(items);
            _true(success == (done > 0), "R-21: it reverts only if nothing could be tried");
            if (!success) _onlyOutOfGas(data);
            _true(done >= most, "more gas never does less");
            most = done;
            vm.revertToState(state);
        }
        _eq(most, ITEMS, "with enough gas all are minted");
    }

    /// How many of a list were minted: a prefix, complete; the rest untouched.
    function _minted(IGatewayTypes.Transfer[] memory items) private returns (uint256 done) {
        uint256 units;
        while (done < items.length && _outcomeOf(items[done]) == Outcome.MINTED) units += items[done++].amount;
        for (uint256 i = done; i < items.length; ++i) {
            _eq(_outcomeOf(items[i]), Outcome.NONE, "the rest is untouched");
        }
        _eq(destination.token.balanceOf(payee), units, "units as recorded");
        _eq(destination.token.totalSupply(), units, "supply as recorded");
        _eq(destination.gateway.lane(lane).minted, units, "total as recorded");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _eq(_count(logs, address(destination.gateway), IGatewayTypes.SettleFailed.selector), 0, "no false refusal");
        _eq(_count(logs, address(destination.gateway), IGatewayTypes.Decided.selector), done, "each said once");
    }

    /* REFUSE: one write an item, no token; all or nothing */

    function test_refuse_closes_all_or_nothing_at_any_gas() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(ITEMS);
        bytes memory reasons = _repeat(0x06, ITEMS);
        IGatewayTypes.Attestation memory attestation = _signRefused(items, reasons);
        IGatewayTypes.Batch[] memory batches = _inbound(items);
        _on(destination);
        bool any;
        for (uint256 gasLimit = 20_000; gasLimit < 160_000; gasLimit += 1_000) {
            uint256 state = vm.snapshotState();
            (bool success,) = address(destination.gateway).call{gas: gasLimit}(
                abi.encodeCall(destination.gateway.refuse, (batches, reasons, attestation))
            );
            for (uint256 i = 0; i < ITEMS; ++i) {
                _eq(_outcomeOf(items[i]), success ? Outcome.REJECTED : Outcome.NONE, "all or nothing");
            }
            any = any || success;
            vm.revertToState(state);
        }
        _true(any, "with enough gas");
    }

    /* FINISH */

    function test_finish_burns_what_it_seals_at_any_gas_with_a_plain_token() public {
        _sweepFinish(hex"01010101");
    }

    function test_finish_pays_what_it_seals_at_any_gas_with_a_plain_token() public {
        _sweepFinish(hex"02030203");
    }

    /// Items that wait for a common burn, a payment between them.
    function test_finish_of_a_mixed_list_at_any_gas_with_a_heavy_token() public {
        _from.setWork(150_000, 0);
        _sweepFinish(hex"01010201");
    }

    function test_finish_of_a_mixed_list_at_any_gas_with_a_token_that_swallows_out_of_gas() public {
        _from.setWork(20_000, 35_000);
        _from.setCareful(true);
        _sweepFinish(hex"02010102");
    }

    function _sweepFinish(bytes memory outcomes) private {
        IGatewayTypes.Transfer[] memory items = _lockMany(ITEMS);
        IGatewayTypes.Attestation memory attestation = _signOutcome(items, outcomes);
        IGatewayTypes.Batch[] memory batches = _outbound(items);
        _on(source);
        uint256 most;
        for (uint256 k = 0; k < _steps(); ++k) {
            uint256 state = vm.snapshotState();
            (bool success, bytes memory data) = address(source.gateway).call{gas: _limit(k)}(
                abi.encodeCall(source.gateway.finish, (batches, outcomes, attestation))
            );
            uint256 done = _ended(items, outcomes);
            _true(success == (done > 0), "R-21: it reverts only if nothing could be tried");
            if (!success) _onlyOutOfGas(data);
            _true(done >= most, "more gas never does less");
            most = done;
            vm.revertToState(state);
        }
        _eq(most, ITEMS, "with enough gas all end");
    }

    /// How many ended: a prefix, sealed and burned or paid (the token is honest: nothing may be pending); the rest is
    /// locked and in escrow.
    function _ended(IGatewayTypes.Transfer[] memory items, bytes memory outcomes) private view returns (uint256 done) {
        (uint256 held, uint256 burned) = (0, 0);
        while (done < items.length && _endingOf(items[done]) != Ending.OPEN) {
            bool committed = outcomes[done] == 0x01;
            _eq(_endingOf(items[done]), committed ? Ending.COMMITTED : Ending.RELEASED, "as decided");
            _eq(_pendingOf(items[done]), Ending.OPEN, "an honest token is never blamed for the gas");
            _eq(_lockWord(items[done]), 0, "sealed");
            if (committed) burned += items[done].amount;
            ++done;
        }
        for (uint256 i = done; i < items.length; ++i) {
            _eq(_endingOf(items[i]), Ending.OPEN, "the rest is untouched");
            _true(_lockWord(items[i]) != 0, "the rest is locked");
            held += items[i].amount;
        }
        _eq(source.token.balanceOf(address(source.gateway)), held, "INV-9");
        _eq(source.token.balanceOf(holder), UNITS - held - burned, "INV-6");
        _eq(source.token.totalSupply(), UNITS - burned, "burned as recorded");
    }

    /// A token that needs more than it may: sealed and pending, never half; `payout` gives it all the caller has (R-31).
    function test_finish_leaves_pending_what_the_token_cannot_do_and_payout_any_gas_later() public {
        IGatewayTypes.Transfer memory item = _lock(7);
        _from.setWork(400_000, 0);
        _finish(item, REJECTED);
        _eq(_pendingOf(item), Ending.RELEASED, "pending");
        bool any;
        for (uint256 gasLimit = 20_000; gasLimit < 1_000_000; gasLimit += 20_000) {
            uint256 state = vm.snapshotState();
            (bool success,) = address(source.gateway).call{gas: gasLimit}(abi.encodeCall(source.gateway.payout, (item)));
            _eq(_pendingOf(item), success ? Ending.OPEN : Ending.RELEASED, "paid or still pending");
            _eq(source.token.balanceOf(holder), success ? UNITS : UNITS - 7, "paid or not at all");
            any = any || success;
            vm.revertToState(state);
        }
        _true(any, "with enough gas");
    }

    /* LOCK */

    function test_lock_locks_all_or_reverts_at_any_gas_with_a_plain_token() public {
        _sweepLock();
    }

    function test_lock_locks_all_or_reverts_at_any_gas_with_a_heavy_token() public {
        _from.setWork(150_000, 0);
        _sweepLock();
    }

    function test_lock_locks_all_or_reverts_at_any_gas_with_a_token_that_swallows_out_of_gas() public {
        _from.setWork(20_000, 35_000);
        _from.setCareful(true);
        _sweepLock();
    }

    function _sweepLock() private {
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](ITEMS);
        for (uint256 i = 0; i < ITEMS; ++i) {
            requests[i] = _request(i + 1);
            requests[i].nonce = i + 1;
        }
        IGatewayTypes.LockBatch[] memory batches = _batch(requests);
        _on(source);
        bool any;
        for (uint256 k = 0; k < _steps(); ++k) {
            uint256 state = vm.snapshotState();
            vm.prank(holder);
            (bool success, bytes memory data) =
                address(source.gateway).call{gas: _limit(k)}(abi.encodeCall(source.gateway.lock, (batches)));
            _eq(source.gateway.lane(lane).nextSequence, success ? ITEMS + 1 : 1, "all or none");
            _eq(source.gateway.nonceWord(holder, 0), success ? 0x1e : 0, "nonces go with them");
            _eq(source.token.balanceOf(address(source.gateway)), success ? 10 : 0, "units go with them");
            if (!success) _onlyOutOfGas(data);
            _true(success || !any, "more gas never does less");
            any = success;
            vm.revertToState(state);
        }
        _true(any, "with enough gas");
    }

    /* ELIGIBILITY */

    /// A notary asks its node with a gas limit of its own. Whatever it is, a starved token is no verdict on the recipient:
    /// the call answers 0, says that the token does not answer (8, transient), or reverts.
    function test_a_starved_view_is_never_a_verdict_on_the_recipient() public {
        IGatewayTypes.Transfer memory item = _lock(7);
        _to.setWork(0, 40_000);
        _on(destination);
        bool any;
        for (uint256 gasLimit = 5_000; gasLimit < 1_000_000; gasLimit += gasLimit < 150_000 ? 500 : 10_000) {
            (bool success, bytes memory data) = address(destination.gateway).call{gas: gasLimit}(
                abi.encodeCall(destination.gateway.eligibility, (item))
            );
            if (!success) continue;
            uint8 reason = abi.decode(data, (uint8));
            vm.assertTrue(
                reason == 0 || reason == 8,
                string.concat("a verdict at gas ", vm.toString(gasLimit), ": ", vm.toString(reason))
            );
            any = any || reason == 0;
        }
        _true(any, "with enough gas it is eligible");
    }

    /// R-12, H1: a token whose own view takes more than a view gets, and swallows that, is waited for; it refuses nobody.
    function test_a_view_that_needs_too_much_gas_is_no_verdict_either() public {
        IGatewayTypes.Transfer memory item = _lock(7);
        _to.setWork(0, GAS_ALLOWANCE);
        _on(destination);
        _eq(destination.gateway.eligibility(item), 8, "TOKEN_PAUSED");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.NONE, "not minted, not refused");
    }

    /* STEPS */

    /// 2 % steps of the whole range, then steps of 1,000 over the first item's and the second item's edge.
    function _steps() private pure returns (uint256) {
        return 50 + 200;
    }

    /// Rising.
    function _limit(uint256 k) private pure returns (uint256) {
        uint256 start = 600_000;
        if (k < 10) return 21_000 + k * (start - 21_000) / 10;
        if (k < 210) return start + (k - 10) * 4_000;
        return 1_400_000 + (k - 210) * (AMPLE - 1_400_000) / 40;
    }

    /// What a caller of too little gas is told; nothing if it ran out before that.
    function _onlyOutOfGas(bytes memory data) private pure {
        bool told = data.length == 68 && bytes4(data) == IGatewayTypes.InsufficientGas.selector;
        vm.assertTrue(told || data.length == 0, "R-21: reverts for its gas alone");
    }
}
