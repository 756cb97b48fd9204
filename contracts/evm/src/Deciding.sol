// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Attested} from "./Attested.sol";
import {Identity} from "./Identity.sol";
import {AssetId, EndpointId, IGatewayCore, LaneId, Outcome, TransferId} from "./interfaces/IGateway.sol";
import {BucketLib} from "./libraries/BucketLib.sol";
import {GasLib} from "./libraries/GasLib.sol";
import {HandlingWord} from "./libraries/HandlingLib.sol";
import {OutcomeLib} from "./libraries/OutcomeLib.sol";
import {TokenLib} from "./libraries/TokenLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title The destination: mint, or close undecided transfers (R-20 to R-26).
abstract contract Deciding is Attested, Identity {
    /* Reason codes used here (docs/protocol.md, section 7) */
    uint8 private constant NOT_ELIGIBLE = 1;
    uint8 private constant ASSET_NOT_REGISTERED = 4;
    uint8 private constant MALFORMED_ACCOUNT = 5;
    uint8 private constant POLICY_REFUSED = 6;
    uint8 private constant LIMIT_EXCEEDED = 7;
    uint8 private constant TOKEN_PAUSED = 8;
    uint8 private constant EXPIRED = 10;
    uint8 private constant TOKEN_REVERTED = 13;
    uint8 private constant REASON_LAST = 14;

    /// One batch of `settle`: what its items share, and what the loop carries along so that no word is read twice.
    struct Minting {
        LaneId lane;
        HandlingWord handling;
        uint256 itemGas;
        uint256 startGas;
        Inbound state;
        uint256 supply;
    }

    /* ENTRY POINTS */

    /// @inheritdoc IGatewayCore
    function settle(Batch[] calldata batches, Attestation calldata attestation) external nonReentrant {
        EndpointId here = endpointId();
        TransferId[] memory ids = TransferLib.idsOfInbound(batches, here);
        bytes32 statement = TransferLib.lockedStatement(attestation.epoch, ids);
        if (_requireAttested(domainSeparator(), statement, attestation).paused) revert Paused();
        bool tried = false;
        uint256 next = 0;
        for (uint256 b = 0; b < batches.length; ++b) {
            bool done;
            (done, tried) = _settleBatch(batches[b], ids, next, here, tried);
            if (!done) return;
            next += batches[b].items.length;
        }
    }

    /// @inheritdoc IGatewayCore
    function refuse(Batch[] calldata batches, bytes calldata reasons, Attestation calldata attestation)
        external
        nonReentrant
    {
        EndpointId here = endpointId();
        TransferId[] memory ids = TransferLib.idsOfInbound(batches, here);
        if (ids.length != reasons.length) revert LengthMismatch(ids.length, reasons.length);
        _requireAttested(domainSeparator(), TransferLib.refusedStatement(attestation.epoch, ids, reasons), attestation);
        uint256 next = 0;
        for (uint256 b = 0; b < batches.length; ++b) {
            next = _refuseBatch(batches[b], ids, reasons, next, here);
        }
    }

    /// @inheritdoc IGatewayCore
    function eligibility(Transfer calldata terms) external view returns (uint8 reason) {
        LaneId lane = TransferLib.laneIdOf(terms.source, terms.destination, terms.asset);
        Inbound memory state = _inbound[lane];
        HandlingWord handling = _handlingOf(terms.asset);
        bool ours = EndpointId.unwrap(terms.destination) == EndpointId.unwrap(endpointId());
        if (!ours || state.flags & ENABLED == 0 || !handling.isEnabled()) return ASSET_NOT_REGISTERED;
        // a token's view that swallows its running out of gas would otherwise look like a verdict
        GasLib.suffices(false, GasLib.toStart(GasLib.forItem(0), 0));
        try this.checkItem(handling, terms.recipient, terms.amount) {}
        catch (bytes memory data) {
            return _reasonOf(data);
        }
        if (_current.paused || _isLanePaused(lane, state.flags)) return TOKEN_PAUSED;
        (, bool fits) = _fits(state, terms.amount);
        return fits ? 0 : LIMIT_EXCEEDED;
    }

    /* ITEMS, ALL OR NOTHING */

    /// The token's part of an item of `settle` (R-22). The name is chosen for a low selector: the compiler compares them in
    /// ascending order, 22 gas each. `known`, `measured`: the token's supply, see TokenLib.mint.
    function settleOne(HandlingWord handling, bytes32 account, uint256 amount, uint256 known)
        external
        onlySelf
        returns (uint256 measured)
    {
        address recipient = _requireRecipient(handling, account, amount);
        return TokenLib.mint(handling.token(), handling.form(), recipient, amount, handling.gasAllowance(), known);
    }

    /// What is asked before a mint; reverts with what is wrong. Called by `eligibility` only, to catch that.
    function checkItem(HandlingWord handling, bytes32 account, uint256 amount) external view onlySelf {
        _requireRecipient(handling, account, amount);
    }

    /* INTERNAL: SETTLE */

    /// @return done Whether there was gas for all of it.
    /// @return triedAny Whether there was gas for any item of the call by now.
    function _settleBatch(Batch calldata batch, TransferId[] memory ids, uint256 next, EndpointId here, bool tried)
        private
        returns (bool done, bool triedAny)
    {
        Minting memory run;
        run.lane = TransferLib.laneIdOf(batch.peer, here, batch.asset);
        run.state = _inbound[run.lane];
        run.handling = _handlingOf(batch.asset);
        if (!_isOpen(run)) return (true, tried);
        run.itemGas = GasLib.forItem(run.handling.gasAllowance());
        run.startGas = GasLib.toStart(run.itemGas, 0);
        run.supply = TokenLib.UNKNOWN;
        Item[] calldata items = batch.items;
        for (uint256 i = 0; i < items.length; ++i) {
            if (!GasLib.suffices(tried, run.startGas)) return (false, tried);
            tried = true;
            _settleItem(items[i], ids[next + i], run);
        }
        return (true, tried);
    }

    function _isOpen(Minting memory run) private view returns (bool) {
        uint8 flags = run.state.flags;
        return flags & ENABLED != 0 && !_isLanePaused(run.lane, flags) && run.handling.isEnabled();
    }

    /// @dev Record and bucket are written before the token is called, and put back if it fails: all or none (R-20).
    function _settleItem(Item calldata item, TransferId id, Minting memory run) private {
        uint64 sequence = item.sequence;
        if (sequence == 0 || block.timestamp >= item.deadline) return;
        uint256 word = _outcomeWords[run.lane][sequence >> 7];
        if (OutcomeLib.inWord(word, sequence) != 0) return;
        uint256 amount = item.amount;
        if (amount >= run.state.largeAmount && !_isReleased(id, run)) return;
        (uint256 fullAt, bool fits) = _fits(run.state, amount);
        if (!fits) return _limited(id, amount, run.state);
        _outcomeWords[run.lane][sequence >> 7] = OutcomeLib.withValue(word, sequence, uint256(Outcome.MINTED));
        uint256 minted;
        unchecked {
            minted = run.state.minted + amount;
        }
        _count(run.lane, minted, fullAt);
        try this.settleOne{gas: run.itemGas}(run.handling, item.recipient, amount, run.supply) returns (
            uint256 measured
        ) {
            run.supply = measured;
            run.state.minted = uint128(minted);
            run.state.fullAt = uint56(fullAt);
            emit Decided(id, run.lane, sequence, Outcome.MINTED, 0);
        } catch (bytes memory data) {
            _outcomeWords[run.lane][sequence >> 7] = word;
            _count(run.lane, run.state.minted, run.state.fullAt);
            emit SettleFailed(id, _reasonOf(data), data);
        }
    }

    /// @dev An amount out of the protocol's range is let through: `settleOne` says what is wrong with it.
    function _fits(Inbound memory state, uint256 amount) private view returns (uint256 fullAt, bool fits) {
        if (amount >= AMOUNT_END) return (state.fullAt, true);
        (fullAt, fits) = BucketLib.take(state.fullAt, state.refill, state.capacity, amount);
        unchecked {
            fits = fits && uint256(state.minted) + amount <= type(uint128).max;
        }
    }

    function _limited(TransferId id, uint256 amount, Inbound memory state) private {
        uint256 room = BucketLib.headroom(state.fullAt, state.refill, state.capacity);
        emit SettleFailed(id, LIMIT_EXCEEDED, abi.encodeWithSelector(LimitExceeded.selector, amount, room));
    }

    function _count(LaneId lane, uint256 minted, uint256 fullAt) private {
        Inbound storage stored = _inbound[lane];
        stored.minted = uint128(minted);
        stored.fullAt = uint56(fullAt);
    }

    /// @dev R-25: a large amount waits from its first showing, so that people can look before it is minted.
    function _isReleased(TransferId id, Minting memory run) private returns (bool) {
        uint64 release = _releaseTimes[id];
        if (release == 0) {
            release = uint64(block.timestamp) + run.state.largeDelay;
            _releaseTimes[id] = release;
            emit Delayed(id, release);
        }
        if (block.timestamp >= release) return true;
        emit SettleFailed(id, LIMIT_EXCEEDED, abi.encodeWithSelector(DelayNotOver.selector, release));
        return false;
    }

    /// @dev What tokens forget (R-22). One that no longer answers counts as paused, the transient refusal; and pause is
    /// asked first, so that a pause never looks like a verdict on the recipient.
    function _requireRecipient(HandlingWord handling, bytes32 account, uint256 amount)
        private
        view
        returns (address recipient)
    {
        address token = handling.token();
        if (account == 0 || uint256(account) >> 160 != 0) revert RecipientMalformed(account);
        recipient = address(uint160(uint256(account)));
        if (recipient == address(this) || recipient == token) revert RecipientForbidden(recipient);
        if (amount == 0 || amount >= AMOUNT_END) revert AmountOutOfRange(amount, 1, AMOUNT_END - 1);
        if (handling.hasPaused()) {
            (bool known, bool tokenPaused) = TokenLib.isPaused(token);
            if (!known || tokenPaused) revert TokenPausedError(token);
        }
        if (handling.hasCanReceive()) {
            (bool known, bool allowed) = TokenLib.canReceive(token, recipient);
            if (!known) revert TokenPausedError(token);
            if (!allowed) revert RecipientNotEligible(recipient);
        }
    }

    /// @dev The reason code of an error that ended an item.
    function _reasonOf(bytes memory data) private pure returns (uint8) {
        bytes4 selector = bytes4(data);
        if (selector == RecipientNotEligible.selector) return NOT_ELIGIBLE;
        if (selector == RecipientMalformed.selector || selector == RecipientForbidden.selector) {
            return MALFORMED_ACCOUNT;
        }
        if (selector == AmountOutOfRange.selector) return POLICY_REFUSED;
        if (selector == TokenPausedError.selector) return TOKEN_PAUSED;
        return TOKEN_REVERTED;
    }

    /* INTERNAL: REFUSE */

    /// @dev R-23: destination and record, nothing else.
    function _refuseBatch(
        Batch calldata batch,
        TransferId[] memory ids,
        bytes calldata reasons,
        uint256 next,
        EndpointId here
    ) private returns (uint256) {
        LaneId lane = TransferLib.laneIdOf(batch.peer, here, batch.asset);
        Item[] calldata items = batch.items;
        for (uint256 i = 0; i < items.length; ++i) {
            uint8 reason = uint8(reasons[next]);
            if (reason == 0 || reason > REASON_LAST) revert ReasonInvalid(reason);
            uint64 sequence = items[i].sequence;
            Outcome outcome = reason == EXPIRED ? Outcome.EXPIRED : Outcome.REJECTED;
            if (sequence != 0 && OutcomeLib.writeOnce(_outcomeWords[lane], sequence, uint256(outcome))) {
                emit Decided(ids[next], lane, sequence, outcome, reason);
            }
            ++next;
        }
        return next;
    }
}
