// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Attested} from "./Attested.sol";
import {Identity} from "./Identity.sol";
import {
    AssetId,
    EndpointId,
    Ending,
    IGatewayCore,
    LaneId,
    LockMode,
    Outcome,
    TransferId
} from "./interfaces/IGateway.sol";
import {GasLib} from "./libraries/GasLib.sol";
import {OutcomeLib} from "./libraries/OutcomeLib.sol";
import {TokenLib} from "./libraries/TokenLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title The source's second half: locks end as the destination decided, and their units are burned, paid or minted back
/// (R-31), redirected by the issuer's agents, or ended by the register where the destination is closed (R-60).
abstract contract Finishing is Attested, Identity {
    /// State of `finish` within one batch: sealed COMMITTED items of one profile, whose escrow is burned in one call.
    struct Run {
        LaneId lane;
        AssetId asset;
        bool tried;
        LockMode mode;
        uint16 profile;
        uint256 itemGas;
        uint256 amount;
        uint256 count;
        uint256[] indices;
        uint256 first; // place of the batch's first item in the list
        TransferId[] ids;
    }

    /* ENTRY POINTS */

    /// @inheritdoc IGatewayCore
    function finish(Batch[] calldata batches, bytes calldata outcomes, Attestation calldata attestation)
        external
        nonReentrant
    {
        EndpointId here = endpointId();
        TransferId[] memory ids = _idsOf(batches, outcomes, here, Outcome.EXPIRED);
        bytes32 statement = TransferLib.outcomeStatement(attestation.epoch, ids, outcomes);
        _requireAttested(domainSeparator(), statement, attestation);
        _finishAll(batches, ids, outcomes, here);
    }

    /// @inheritdoc IGatewayCore
    function finishClosed(AssetId asset, Batch[] calldata batches, bytes calldata outcomes, bytes calldata signature)
        external
        nonReentrant
    {
        EndpointId here = endpointId();
        for (uint256 b = 0; b < batches.length; ++b) {
            if (AssetId.unwrap(batches[b].asset) != AssetId.unwrap(asset)) revert AssetUnknown(batches[b].asset);
            if (!_peers[batches[b].peer].closed) revert PeerNotClosed(batches[b].peer);
        }
        TransferId[] memory ids = _idsOf(batches, outcomes, here, Outcome.REJECTED);
        bytes32 digest = TransferLib.digestOf(domainSeparator(), TransferLib.endedEntry(asset, ids, outcomes));
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        bool signed = failure == ECDSA.RecoverError.NoError && signer == _assets[asset].registerKey;
        if (!signed) revert RegisterSignatureInvalid(asset);
        _finishAll(batches, ids, outcomes, here);
    }

    /// @inheritdoc IGatewayCore
    function payout(Transfer calldata item) external nonReentrant {
        TransferId id = TransferLib.idOf(item);
        (Ending ending, uint16 profile) = _takePending(id, item);
        delete _redirects[id];
        emit PaidOut(id, ending);
        _moveOut(profile, ending, _toAddress(item.sender), item.amount, TokenLib.ALL_GAS);
    }

    /// @inheritdoc IGatewayCore
    function proposeRedirect(Transfer calldata item, address to) external nonReentrant {
        _requireAgent(item.asset);
        TransferId id = TransferLib.idOf(item);
        (Ending ending,) = TransferLib.readPending(_pendingWords[id]);
        if (ending != Ending.RELEASED) revert NothingPending(id);
        if (to == address(0) || to == address(this)) revert RecipientForbidden(to);
        uint64 ready = uint64(block.timestamp) + _redirectDelay;
        _redirects[id] = PendingRedirect({to: to, agent: msg.sender, ready: ready});
        emit RedirectProposed(id, to, msg.sender, ready);
    }

    /// @inheritdoc IGatewayCore
    function confirmRedirect(Transfer calldata item, address to) external nonReentrant {
        _requireAgent(item.asset);
        TransferId id = TransferLib.idOf(item);
        PendingRedirect memory proposed = _redirects[id];
        if (proposed.to == address(0) || proposed.to != to) revert RedirectUnknown(id);
        if (proposed.agent == msg.sender) revert SecondAgentNeeded(msg.sender);
        if (!_agents[item.asset][proposed.agent]) revert NotAgent(item.asset, proposed.agent);
        if (block.timestamp < proposed.ready) revert RedirectNotReady(id, proposed.ready);
        (Ending ending, uint16 profile) = _takePending(id, item);
        delete _redirects[id];
        emit PaidOut(id, ending);
        emit Redirected(id, to, proposed.agent, msg.sender);
        _moveOut(profile, ending, to, item.amount, TokenLib.ALL_GAS);
    }

    /* ITEMS, ALL OR NOTHING */

    /// Burn or pay out of escrow, or mint back. The name is chosen for a low selector, as settleOne's.
    function finishSingle(uint16 profile, Ending ending, address to, uint256 amount) external onlySelf {
        _moveOut(profile, ending, to, amount, _profiles[profile].gasAllowance);
    }

    /* INTERNAL: FINISH */

    /// @param last The highest outcome that may be said.
    function _idsOf(Batch[] calldata batches, bytes calldata outcomes, EndpointId here, Outcome last)
        private
        pure
        returns (TransferId[] memory ids)
    {
        ids = TransferLib.idsOfOutbound(batches, here);
        if (ids.length != outcomes.length) revert LengthMismatch(ids.length, outcomes.length);
        for (uint256 i = 0; i < outcomes.length; ++i) {
            uint8 outcome = uint8(outcomes[i]);
            if (outcome == 0 || outcome > uint8(last)) revert OutcomeInvalid(outcome);
        }
    }

    /// @dev Seals items in order while the gas lasts; what is sealed has always gas left to be burned, paid or noted as
    /// pending. Items that a common burn waits for count for that.
    function _finishAll(Batch[] calldata batches, TransferId[] memory ids, bytes calldata outcomes, EndpointId here)
        private
    {
        Run memory run;
        run.ids = ids;
        run.indices = new uint256[](ids.length);
        for (uint256 b = 0; b < batches.length; ++b) {
            Batch calldata batch = batches[b];
            run.lane = TransferLib.laneIdOf(here, batch.peer, batch.asset);
            run.asset = batch.asset;
            bool done = _finishBatch(batch.items, outcomes, run);
            _burnRun(run, batch.items);
            if (!done) return;
            run.first += batch.items.length;
        }
    }

    /// @return done Whether there was gas for all of it.
    function _finishBatch(Item[] calldata items, bytes calldata outcomes, Run memory run) private returns (bool done) {
        for (uint256 i = 0; i < items.length; ++i) {
            if (!GasLib.suffices(run.tried, _runGas(run))) return false;
            bool committed = uint8(outcomes[run.first + i]) == uint8(Outcome.MINTED);
            if (!_finishItem(items, i, committed, run)) return false;
        }
        return true;
    }

    /// @return goOn Whether there was gas to finish the item, or nothing to do for it.
    function _finishItem(Item[] calldata items, uint256 i, bool committed, Run memory run) private returns (bool goOn) {
        Item calldata item = items[i];
        uint64 sequence = item.sequence;
        if (sequence == 0) return true;
        TransferId id = run.ids[run.first + i];
        bytes32 word = _lockWords[run.lane][sequence];
        if (!TransferLib.lockWordMatches(word, id)) return true;
        uint16 profile = TransferLib.profileInLockWord(word);
        if (!committed || profile != run.profile) _burnRun(run, items);
        if (profile != run.profile) _startRun(run, profile);
        if (!GasLib.suffices(run.tried, GasLib.toStart(run.itemGas, run.count + 1))) return false;
        run.tried = true;
        uint256 amount = item.amount;
        _seal(run.lane, sequence, id, amount, committed ? Ending.COMMITTED : Ending.RELEASED);
        if (!committed) _release(item.sender, amount, id, run);
        else if (run.mode == LockMode.ESCROW) _addToRun(run, i, amount);
        return true;
    }

    function _startRun(Run memory run, uint16 profile) private view {
        run.profile = profile;
        run.mode = _profiles[profile].mode;
        run.itemGas = GasLib.forItem(_profiles[profile].gasAllowance);
    }

    function _seal(LaneId lane, uint64 sequence, TransferId id, uint256 amount, Ending ending) private {
        delete _lockWords[lane][sequence];
        OutcomeLib.write(_outcomeWords[lane], sequence, uint256(ending));
        if (ending == Ending.COMMITTED) _ended[lane].committed += uint128(amount);
        else _ended[lane].released += uint128(amount);
        emit Finished(id, lane, sequence, ending);
    }

    function _addToRun(Run memory run, uint256 i, uint256 amount) private pure {
        run.amount += amount;
        run.indices[run.count++] = i;
    }

    function _burnRun(Run memory run, Item[] calldata items) private {
        if (run.count == 0) return;
        if (!_tryMoveOut(run, Ending.COMMITTED, address(0), run.amount)) {
            for (uint256 k = 0; k < run.count; ++k) {
                uint256 i = run.indices[k];
                _notePending(run.ids[run.first + i], run, Ending.COMMITTED, items[i].amount);
            }
        }
        run.count = 0;
        run.amount = 0;
    }

    function _release(bytes32 sender, uint256 amount, TransferId id, Run memory run) private {
        if (!_tryMoveOut(run, Ending.RELEASED, _toAddress(sender), amount)) {
            _notePending(id, run, Ending.RELEASED, amount);
        }
    }

    function _tryMoveOut(Run memory run, Ending ending, address to, uint256 amount) private returns (bool) {
        try this.finishSingle{gas: run.itemGas}(run.profile, ending, to, amount) {
            return true;
        } catch {
            return false;
        }
    }

    function _runGas(Run memory run) private pure returns (uint256) {
        return run.count == 0 ? GasLib.RESERVE_GAS : GasLib.toStart(run.itemGas, run.count);
    }

    /* INTERNAL: PENDING */

    function _notePending(TransferId id, Run memory run, Ending ending, uint256 amount) private {
        _pendingWords[id] = TransferLib.pendingWordOf(run.profile, ending);
        if (ending == Ending.COMMITTED) _assets[run.asset].pendingBurn += uint128(amount);
        else _assets[run.asset].pendingPay += uint128(amount);
        emit PayoutPending(id, ending);
    }

    function _takePending(TransferId id, Transfer calldata item) private returns (Ending ending, uint16 profile) {
        (ending, profile) = TransferLib.readPending(_pendingWords[id]);
        if (profile == 0) revert NothingPending(id);
        delete _pendingWords[id];
        if (ending == Ending.COMMITTED) _assets[item.asset].pendingBurn -= uint128(item.amount);
        else _assets[item.asset].pendingPay -= uint128(item.amount);
    }

    function _moveOut(uint16 number, Ending ending, address to, uint256 amount, uint256 gasAllowance) private {
        StoredProfile storage profile_ = _profiles[number];
        address token = profile_.token;
        if (ending == Ending.COMMITTED) {
            TokenLib.burn(token, profile_.form, amount, gasAllowance);
        } else if (profile_.mode == LockMode.ESCROW) {
            TokenLib.pay(token, to, amount, gasAllowance);
        } else {
            TokenLib.mint(token, profile_.form, to, amount, gasAllowance, TokenLib.UNKNOWN);
        }
    }

    function _requireAgent(AssetId asset) private view {
        if (!_agents[asset][msg.sender]) revert NotAgent(asset, msg.sender);
    }

    function _toAddress(bytes32 account) private pure returns (address) {
        return address(uint160(uint256(account)));
    }
}
