// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Attested} from "./Attested.sol";
import {Identity} from "./Identity.sol";
import {AssetId, EndpointId, IGatewayCore, LaneId, Outcome, TransferId} from "./interfaces/IGateway.sol";
import {BucketLib} from "./libraries/BucketLib.sol";
import {GasLib} from "./libraries/GasLib.sol";
import {HandlerLib} from "./libraries/HandlerLib.sol";
import {HandlingWord} from "./libraries/HandlingLib.sol";
import {OutcomeLib} from "./libraries/OutcomeLib.sol";
import {Reasons} from "./libraries/Reasons.sol";
import {TokenLib} from "./libraries/TokenLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title The destination: mint, or close undecided transfers (R-20 to R-26).
abstract contract Deciding is Attested, Identity {
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
    function eligibility(Transfer calldata terms) external nonReentrant returns (uint8 reason) {
        LaneId lane = TransferLib.laneIdOf(terms.source, terms.destination, terms.asset);
        Inbound memory state = _inbound[lane];
        HandlingWord handling = _handlingOf(terms.asset);
        bool ours = EndpointId.unwrap(terms.destination) == EndpointId.unwrap(endpointId());
        if (!ours || state.flags & ENABLED == 0 || !handling.isEnabled()) return Reasons.ASSET_NOT_REGISTERED;
        uint256 itemGas = _itemGas(handling);
        GasLib.suffices(false, GasLib.toStart(itemGas, 0));
        try this.simulateOne{gas: itemGas}(handling, terms.recipient, terms.amount) {}
        catch (bytes memory data) {
            if (bytes4(data) != WouldMint.selector) return _reasonOf(handling, data);
        }
        if (_current.paused || _isLanePaused(lane, state.flags)) return Reasons.TOKEN_PAUSED;
        (, bool fits) = _fits(state, terms.amount);
        return fits ? 0 : Reasons.LIMIT_EXCEEDED;
    }

    /* ITEMS, ALL OR NOTHING */

    /// The token's part of an item of `settle` (R-22). The name is chosen for a low selector: the compiler compares them in
    /// ascending order, 22 gas each. `known`, `measured`: the token's supply, see TokenLib.mint.
    function settleOne(HandlingWord handling, bytes32 account, uint256 amount, uint256 known)
        external
        onlySelf
        returns (uint256 measured)
    {
        return _mint(handling, account, amount, known);
    }

    /// The same, and always undone: reverts with what is wrong, or with WouldMint. Called by `eligibility` only.
    function simulateOne(HandlingWord handling, bytes32 account, uint256 amount) external onlySelf {
        _mint(handling, account, amount, TokenLib.UNKNOWN);
        revert WouldMint();
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
        run.itemGas = _itemGas(run.handling);
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
            emit SettleFailed(id, _reasonOf(run.handling, data), data);
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
        emit SettleFailed(id, Reasons.LIMIT_EXCEEDED, abi.encodeWithSelector(LimitExceeded.selector, amount, room));
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
        emit SettleFailed(id, Reasons.LIMIT_EXCEEDED, abi.encodeWithSelector(DelayNotOver.selector, release));
        return false;
    }

    /// @dev The one way to a mint: what the protocol refuses, what the token forgets (R-22), and the token's own word.
    function _mint(HandlingWord handling, bytes32 account, uint256 amount, uint256 known)
        private
        returns (uint256 measured)
    {
        (address token, uint256 gasAllowance) = (handling.token(), handling.gasAllowance());
        address recipient = _requireRecipient(token, account, amount);
        if (handling.asks()) {
            HandlerLib.requireMintable(_handlerOf(handling), token, recipient, amount, gasAllowance);
        }
        return TokenLib.mint(token, handling.form(), recipient, amount, gasAllowance, known);
    }

    function _requireRecipient(address token, bytes32 account, uint256 amount)
        private
        view
        returns (address recipient)
    {
        if (account == 0 || uint256(account) >> 160 != 0) {
            revert RecipientMalformed(account);
        }
        recipient = address(uint160(uint256(account)));
        if (recipient == address(this) || recipient == token) revert RecipientForbidden(recipient);
        if (amount == 0 || amount >= AMOUNT_END) revert AmountOutOfRange(amount, 1, AMOUNT_END - 1);
    }

    function _handlerOf(HandlingWord handling) private view returns (address) {
        return _profiles[handling.profile()].handler;
    }

    /// @dev Of the self-call in which an item is minted.
    function _itemGas(HandlingWord handling) private pure returns (uint256) {
        uint256 allowance = handling.gasAllowance();
        return GasLib.forItem(handling.asks() ? 2 * allowance : allowance);
    }

    /// @dev The reason code of an error that ended an item; what the token said, its handler understands.
    function _reasonOf(HandlingWord handling, bytes memory data) private view returns (uint8) {
        bytes4 selector = bytes4(data);
        if (selector == RecipientRefused.selector) return _refusalIn(data);
        if (selector == TokenCallFailed.selector) return HandlerLib.reasonOf(_handlerOf(handling), _errorIn(data));
        if (selector == NoAnswer.selector) return Reasons.TOKEN_PAUSED;
        if (selector == AmountOutOfRange.selector) return Reasons.POLICY_REFUSED;
        bool malformed = selector == RecipientMalformed.selector || selector == RecipientForbidden.selector;
        return malformed ? Reasons.MALFORMED_ACCOUNT : Reasons.TOKEN_REVERTED;
    }

    /// @dev The reason within a RecipientRefused: its second word.
    function _refusalIn(bytes memory data) private pure returns (uint8 reason) {
        assembly ("memory-safe") {
            reason := mload(add(data, 0x44))
        }
    }

    /// @dev The token's own error within a TokenCallFailed, where it lies: length and bytes follow address and offset. Both
    /// errors were encoded by this very contract.
    function _errorIn(bytes memory data) private pure returns (bytes memory error) {
        assembly ("memory-safe") {
            error := add(data, 0x64)
        }
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
            if (reason == 0 || reason > Reasons.LAST) revert ReasonInvalid(reason);
            uint64 sequence = items[i].sequence;
            Outcome outcome = reason == Reasons.EXPIRED ? Outcome.EXPIRED : Outcome.REJECTED;
            if (sequence != 0 && OutcomeLib.writeOnce(_outcomeWords[lane], sequence, uint256(outcome))) {
                emit Decided(ids[next], lane, sequence, outcome, reason);
            }
            ++next;
        }
        return next;
    }
}
