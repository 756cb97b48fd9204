// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GatewayStorage} from "./GatewayStorage.sol";
import {Identity} from "./Identity.sol";
import {AssetId, EndpointId, IGatewayCore, LaneId, TransferId} from "./interfaces/IGateway.sol";
import {GasLib} from "./libraries/GasLib.sol";
import {HandlingWord} from "./libraries/HandlingLib.sol";
import {OrderLib} from "./libraries/OrderLib.sol";
import {TokenLib} from "./libraries/TokenLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title The source's first half: locks by holders, and by what holders signed (R-01 to R-05).
abstract contract Locking is GatewayStorage, Identity {
    /// What an Order's signature may cost: a contract's answer, and hashing.
    uint256 private constant ORDER_OVERHEAD = 200_000;

    /* ENTRY POINTS */

    /// @inheritdoc IGatewayCore
    function lock(LockBatch[] calldata batches) external nonReentrant returns (TransferId[] memory ids) {
        return _lockAll(batches);
    }

    /// @inheritdoc IGatewayCore
    function lockWithPermits(LockBatch[] calldata batches, Permit[] calldata permits)
        external
        nonReentrant
        returns (TransferId[] memory ids)
    {
        _permitAll(permits);
        return _lockAll(batches);
    }

    /// @inheritdoc IGatewayCore
    function lockOrders(SignedOrder[] calldata orders, Permit[] calldata permits)
        external
        nonReentrant
        returns (TransferId[] memory ids)
    {
        if (_current.paused) revert Paused();
        if (orders.length == 0) revert EmptyList();
        _permitAll(permits);
        ids = new TransferId[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            uint256 itemGas = _lockGas(orders[i].order.asset) + ORDER_OVERHEAD;
            GasLib.suffices(false, GasLib.toStart(itemGas, 0));
            try this.drawSingle{gas: itemGas}(orders[i], msg.sender) returns (TransferId id) {
                ids[i] = id;
            } catch (bytes memory data) {
                emit LockFailed(i, orders[i].order.holder, data);
            }
        }
    }

    /// @inheritdoc IGatewayCore
    function cancelNonces(uint256 word, uint256 mask) external nonReentrant {
        _nonceWords[msg.sender][word] |= mask;
        _cancelledWords[msg.sender][word] |= mask;
        emit NoncesCancelled(msg.sender, word, mask);
    }

    /* ITEMS, ALL OR NOTHING */

    /// One request of `lock`. The name is chosen for a low selector, as Deciding's settleOne. `known`, `measured`: see TokenLib.take.
    function submitSingle(
        EndpointId destination,
        AssetId asset,
        address holder,
        LockRequest calldata request,
        uint256 known
    ) external onlySelf returns (TransferId id, uint256 measured) {
        _useNonce(holder, request.nonce);
        Transfer memory terms = Transfer({
            source: endpointId(),
            destination: destination,
            sequence: 0,
            asset: asset,
            sender: bytes32(uint256(uint160(holder))),
            recipient: request.recipient,
            amount: request.amount,
            deadline: request.deadline,
            clientReference: request.clientReference,
            payloadHash: request.payloadHash
        });
        return _lock(terms, holder, known);
    }

    /// One Order of `lockOrders`. The name is chosen for a low selector.
    function drawSingle(SignedOrder calldata signed, address submitter) external onlySelf returns (TransferId id) {
        Order calldata order = signed.order;
        Transfer memory terms = Transfer({
            source: endpointId(),
            destination: order.destination,
            sequence: 0,
            asset: order.asset,
            sender: bytes32(uint256(uint160(order.holder))),
            recipient: order.recipient,
            amount: _useOrder(signed, submitter),
            deadline: order.life == 0 ? order.deadline : uint64(block.timestamp) + order.life,
            clientReference: order.clientReference,
            payloadHash: order.payloadHash
        });
        (id,) = _lock(terms, order.holder, TokenLib.UNKNOWN);
    }

    /* INTERNAL */

    /// @dev Unlike settle, too little gas for any request reverts the whole call: the caller and the one who chose the
    /// gas are the same, and a gas estimate then covers the whole list.
    function _lockAll(LockBatch[] calldata batches) private returns (TransferId[] memory ids) {
        if (_current.paused) revert Paused();
        uint256 count = 0;
        for (uint256 b = 0; b < batches.length; ++b) {
            count += batches[b].requests.length;
        }
        if (count == 0) revert EmptyList();
        ids = new TransferId[](count);
        uint256 next = 0;
        for (uint256 b = 0; b < batches.length; ++b) {
            next = _lockBatch(batches[b], ids, next);
        }
    }

    function _lockBatch(LockBatch calldata batch, TransferId[] memory ids, uint256 next) private returns (uint256) {
        uint256 itemGas = _lockGas(batch.asset);
        uint256 startGas = GasLib.toStart(itemGas, 0);
        uint256 known = TokenLib.UNKNOWN;
        LockRequest[] calldata requests = batch.requests;
        for (uint256 i = 0; i < requests.length; ++i) {
            GasLib.suffices(false, startGas);
            try this.submitSingle{gas: itemGas}(
                batch.destination, batch.asset, msg.sender, requests[i], known
            ) returns (
                TransferId id, uint256 measured
            ) {
                ids[next] = id;
                known = measured;
            } catch (bytes memory data) {
                emit LockFailed(next, msg.sender, data);
            }
            ++next;
        }
        return next;
    }

    /// @dev Two calls of the token at most: pull and burn.
    function _lockGas(AssetId asset) private view returns (uint256) {
        return GasLib.forItem(2 * _handlingOf(asset).gasAllowance());
    }

    /// @dev `terms` without sequence. The record is written before the token is called.
    function _lock(Transfer memory terms, address holder, uint256 known)
        private
        returns (TransferId id, uint256 measured)
    {
        HandlingWord handling = _handlingOf(terms.asset);
        LaneId lane = TransferLib.laneIdOf(terms.source, terms.destination, terms.asset);
        Outbound memory state = _outbound[lane];
        _requireOpen(lane, state.flags, terms.asset, handling);
        _requireTerms(state, terms, handling);
        id = _writeLock(lane, state, handling.profile(), terms);
        return (id, TokenLib.take(handling, holder, terms.amount, known));
    }

    function _requireOpen(LaneId lane, uint8 flags, AssetId asset, HandlingWord handling) private view {
        if (flags == 0) revert LaneUnknown(lane);
        if (flags & ENABLED == 0) revert LaneDisabled(lane);
        if (_isLanePaused(lane, flags)) revert LanePausedError(lane);
        if (!handling.isEnabled()) revert AssetDisabled(asset);
    }

    /// @dev R-01, R-28. An EVM account is an address, left-padded.
    function _requireTerms(Outbound memory limits, Transfer memory terms, HandlingWord handling) private view {
        if (terms.amount < limits.amountMin || terms.amount > limits.amountMax) {
            revert AmountOutOfRange(terms.amount, limits.amountMin, limits.amountMax);
        }
        (uint256 min, uint256 max) = (block.timestamp + limits.deadlineMin, block.timestamp + limits.deadlineMax);
        if (terms.deadline < min || terms.deadline > max) revert DeadlineOutOfRange(terms.deadline, min, max);
        bool tooWide = limits.flags & TO_EVM != 0 && uint256(terms.recipient) >> 160 != 0;
        if (terms.recipient == 0 || tooWide) revert RecipientMalformed(terms.recipient);
        if (handling.hasCutOff()) _requireOutsideCutOff(_assets[terms.asset].cutOff, terms.deadline);
    }

    function _requireOutsideCutOff(CutOff memory window, uint64 deadline) private view {
        bool over = block.timestamp > window.until;
        bool before = uint256(deadline) + window.margin < window.from;
        if (!over && !before) revert CutOffError(window.from, window.until);
    }

    function _useNonce(address holder, uint256 nonce) private {
        if (nonce == 0) return;
        uint256 bit = 1 << (nonce & 0xff);
        uint256 used = _nonceWords[holder][nonce >> 8];
        if (used & bit != 0) revert NonceUsed(holder, nonce);
        _nonceWords[holder][nonce >> 8] = used | bit;
    }

    /// @return amount To be locked now.
    function _useOrder(SignedOrder calldata signed, address submitter) private returns (uint256 amount) {
        Order calldata order = signed.order;
        bool named = order.submitter != address(0);
        bool oneDeadline = (order.life == 0) != (order.deadline == 0);
        bool open = !order.divisible && order.life == 0;
        if (order.nonce == 0 || !oneDeadline || !(named || open)) revert OrderInvalid();
        if (named && order.submitter != submitter) revert NotSubmitter(submitter, order.submitter);
        if (block.timestamp > order.expiry) revert OrderExpired(order.expiry);
        bytes32 digest = OrderLib.digestOf(order, endpointId(), orderDomainSeparator());
        if (!OrderLib.isSignedBy(order.holder, digest, signed.signature)) revert OrderSignatureInvalid(order.holder);
        if (order.divisible) return _draw(signed, digest);
        if (signed.amount != 0 || signed.drawn != 0) revert OrderInvalid();
        _useNonce(order.holder, order.nonce);
        return order.amount;
    }

    /// @dev The first draw uses up the nonce, so that nothing else is locked under it; each notes how much was drawn, and of
    /// which Order. The holder's cancelling stands in words of its own, because the nonce is used by then.
    function _draw(SignedOrder calldata signed, bytes32 digest) private returns (uint256 amount) {
        Order calldata order = signed.order;
        (address holder, uint256 nonce, uint256 total) = (order.holder, order.nonce, order.amount);
        if (total >= AMOUNT_END) revert AmountOutOfRange(total, 1, AMOUNT_END - 1);
        uint256 word = _draws[holder][nonce];
        uint256 drawn = uint128(word);
        if (word == 0) _useNonce(holder, nonce);
        else if (word >> 128 != uint256(digest) >> 128 || drawn == total) revert NonceUsed(holder, nonce);
        else if (_cancelledWords[holder][nonce >> 8] & (1 << (nonce & 0xff)) != 0) revert NonceUsed(holder, nonce);
        if (signed.drawn != drawn) revert OrderDrawnOtherwise(signed.drawn, drawn);
        amount = signed.amount;
        if (amount == 0 || amount > total - drawn) revert AmountOutOfRange(amount, 1, total - drawn);
        drawn += amount;
        _draws[holder][nonce] = (uint256(digest) >> 128 << 128) | drawn;
        emit OrderDrawn(holder, nonce, drawn, total);
    }

    function _writeLock(LaneId lane, Outbound memory state, uint16 profile, Transfer memory terms)
        private
        returns (TransferId id)
    {
        uint64 sequence = uint64(state.lastSequence) + 1;
        Outbound storage stored = _outbound[lane];
        stored.locked = state.locked + uint128(terms.amount);
        stored.lastSequence = uint56(sequence);
        terms.sequence = sequence;
        id = TransferLib.idOf(terms);
        _lockWords[lane][sequence] = TransferLib.lockWordOf(block.number, profile, id);
        emit Locked(id, lane, terms);
    }

    function _permitAll(Permit[] calldata permits) private {
        for (uint256 i = 0; i < permits.length; ++i) {
            address token = _handlingOf(permits[i].asset).token();
            if (token != address(0)) TokenLib.permit(token, permits[i]);
        }
    }
}
