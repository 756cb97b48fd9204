// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, Ending, IGateway, LaneId, Outcome, TransferId} from "./interfaces/IGateway.sol";
import {TokenLib} from "./libraries/TokenLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";
import {Registry} from "./Registry.sol";

/// @title The gateway: lock and finish on a transfer's source, settle and refuse on its destination.
/// @dev Not upgradeable. Every entry point is under one non-reentrancy lock (R-20). Gas of an item (R-21):
///
/// | part                          | gas                                                             |
/// | ----------------------------- | --------------------------------------------------------------- |
/// | token's state-changing call   | exactly the profile's allowance                                 |
/// | item's self-call              | that, 1/63 of it for the EVM, and ITEM_OVERHEAD                 |
/// | an item starts if there is    | that, 1/63 of it for the EVM, WAITING_GAS per item that waits   |
/// |                               | for a common burn, and RESERVE_GAS                              |
///
/// So whoever chooses the gas limit chooses how many items are done, and never how one ends.
contract Gateway is Registry {
    using TransferLib for Transfer;
    using TransferLib for Transfer[];

    /// An item's own work in its self-call: at most six views of the token, three fresh words and an event.
    uint256 private constant ITEM_OVERHEAD = 400_000;
    /// Work outside the self-call: looking at an item, sealing it, its events, and the end of the loop.
    uint256 private constant RESERVE_GAS = 100_000;
    /// Writing down that a sealed item's burn was refused.
    uint256 private constant WAITING_GAS = 35_000;

    /* Reason codes used here (docs/protocol.md, section 7) */
    uint8 private constant NOT_ELIGIBLE = 1;
    uint8 private constant ASSET_NOT_REGISTERED = 4;
    uint8 private constant MALFORMED_ACCOUNT = 5;
    uint8 private constant POLICY_REFUSED = 6;
    uint8 private constant TOKEN_PAUSED = 8;
    uint8 private constant EXPIRED = 10;
    uint8 private constant TOKEN_REVERTED = 13;
    uint8 private constant REASON_LAST = 14;

    /// State of one `finish`: sealed COMMITTED items of one profile, whose escrow is burned in one call (R-31).
    struct Run {
        EndpointId here;
        bool tried;
        uint16 profile;
        uint256 gasAllowance;
        uint256 amount;
        uint256 count;
        uint256[] indices;
    }

    modifier onlySelf() {
        if (msg.sender != address(this)) revert NotSelf();
        _;
    }

    constructor(address governance_, address guardian_) Registry(governance_, guardian_) {}

    /* LOCK */

    /// @inheritdoc IGateway
    function lock(LockRequest[] calldata requests) external nonReentrant returns (TransferId[] memory ids) {
        if (paused) revert Paused();
        if (requests.length == 0) revert EmptyList();
        ids = new TransferId[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            ids[i] = _tryLock(i, requests[i]);
        }
    }

    /// One request of `lock`, all or nothing.
    function lockItem(LockRequest calldata request, address holder) external onlySelf returns (TransferId id) {
        LaneId lane = TransferLib.laneIdOf(endpointId(), request.destination, request.asset);
        Handling memory handling = _assets[request.asset].handling;
        _requireOpenForLock(lane, request.asset, handling.enabled);
        _requireTerms(_lanes[lane], request);
        _useNonce(holder, request.nonce);
        id = _writeLock(lane, handling.profile, request, holder);
        TokenLib.pull(handling.token, holder, request.amount, handling.gasAllowance);
    }

    /// @inheritdoc IGateway
    function cancelNonces(uint256 word, uint256 mask) external nonReentrant {
        nonceWord[msg.sender][word] |= mask;
        emit NoncesCancelled(msg.sender, word, mask);
    }

    /* SETTLE */

    /// @inheritdoc IGateway
    function settle(Transfer[] calldata items, Attestation calldata attestation) external nonReentrant {
        if (paused) revert Paused();
        if (items.length == 0) revert EmptyList();
        TransferId[] memory ids = items.idsOf();
        _requireAttested(TransferLib.lockedStatement(attestation.epoch, ids), attestation);
        EndpointId here = endpointId();
        bool tried = false;
        for (uint256 i = 0; i < items.length && _hasGas(tried, RESERVE_GAS); ++i) {
            (LaneId lane, bool open) = _openForMint(items[i], here);
            if (!open) continue;
            uint256 itemGas = _itemGas(_assets[items[i].asset].handling.gasAllowance);
            if (!_hasGas(tried, _startGas(itemGas, 0))) break;
            tried = true;
            try this.settleItem{gas: itemGas}(items[i], ids[i], lane) {}
            catch (bytes memory data) {
                emit SettleFailed(ids[i], _reasonOf(data), data);
            }
        }
    }

    /// One item of `settle`, all or nothing: the record is written before the token is called (R-20, R-22).
    function settleItem(Transfer calldata item, TransferId id, LaneId lane) external onlySelf {
        Handling memory handling = _assets[item.asset].handling;
        address recipient = _requireRecipient(item.recipient, item.amount, handling.token);
        _writeOutcome(lane, item.sequence, uint256(Outcome.MINTED));
        _lanes[lane].total += uint128(item.amount);
        emit Decided(id, lane, item.sequence, Outcome.MINTED, 0);
        _requireTokenTakes(handling, recipient);
        TokenLib.mint(handling.token, recipient, item.amount, handling.gasAllowance);
    }

    /// What a token is asked before a mint; reverts with what is wrong. Called by `eligibility` only, to catch that.
    function checkItem(Transfer calldata item) external view onlySelf {
        Handling memory handling = _assets[item.asset].handling;
        _requireTokenTakes(handling, _requireRecipient(item.recipient, item.amount, handling.token));
    }

    /// @inheritdoc IGateway
    function eligibility(Transfer calldata item) external view returns (uint8 reason) {
        LaneId lane = TransferLib.laneIdOf(item.source, item.destination, item.asset);
        bool ours = EndpointId.unwrap(item.destination) == EndpointId.unwrap(endpointId());
        if (!ours || _lanes[lane].flags & ENABLED == 0 || !_assets[item.asset].handling.enabled) {
            return ASSET_NOT_REGISTERED;
        }
        try this.checkItem(item) {}
        catch (bytes memory data) {
            return _reasonOf(data);
        }
        return paused || _lanes[lane].flags & PAUSED != 0 ? TOKEN_PAUSED : 0;
    }

    /* REFUSE */

    /// @inheritdoc IGateway
    function refuse(Transfer[] calldata items, bytes calldata reasons, Attestation calldata attestation)
        external
        nonReentrant
    {
        _requireCodes(items.length, reasons.length);
        TransferId[] memory ids = items.idsOf();
        _requireAttested(TransferLib.refusedStatement(attestation.epoch, ids, reasons), attestation);
        EndpointId here = endpointId();
        for (uint256 i = 0; i < items.length; ++i) {
            uint8 reason = uint8(reasons[i]);
            if (reason == 0 || reason > REASON_LAST) revert ReasonInvalid(reason);
            _refuseItem(items[i], ids[i], here, reason);
        }
    }

    /* FINISH */

    /// @inheritdoc IGateway
    function finish(Transfer[] calldata items, bytes calldata outcomes, Attestation calldata attestation)
        external
        nonReentrant
    {
        _requireCodes(items.length, outcomes.length);
        _requireOutcomes(outcomes);
        TransferId[] memory ids = items.idsOf();
        _requireAttested(TransferLib.outcomeStatement(attestation.epoch, ids, outcomes), attestation);
        _finishAll(items, ids, outcomes);
    }

    /// Burn or pay out of escrow, all or nothing.
    function moveOut(uint16 profile, Ending ending, address to, uint256 amount) external onlySelf {
        _moveOut(profile, ending, to, amount, _profiles[profile].gasAllowance);
    }

    /// @inheritdoc IGateway
    function payout(Transfer calldata item) external nonReentrant {
        TransferId id = item.idOfItem();
        (Ending ending, uint16 profile) = TransferLib.readPending(_pendingWords[id]);
        if (profile == 0) revert NothingPending(id);
        delete _pendingWords[id];
        if (ending == Ending.COMMITTED) _assets[item.asset].pendingBurn -= uint128(item.amount);
        else _assets[item.asset].pendingPay -= uint128(item.amount);
        emit PaidOut(id, ending);
        _moveOut(profile, ending, _toAddress(item.sender), item.amount, TokenLib.ALL_GAS);
    }

    /* INTERNAL: LOCK */

    /// @dev Unlike settle, too little gas for any request reverts the whole call: the caller and the one who chose the
    /// gas are the same, and a gas estimate then covers the whole list.
    function _tryLock(uint256 index, LockRequest calldata request) private returns (TransferId) {
        uint256 itemGas = _itemGas(_assets[request.asset].handling.gasAllowance);
        _hasGas(false, _startGas(itemGas, 0));
        try this.lockItem{gas: itemGas}(request, msg.sender) returns (TransferId id) {
            return id;
        } catch (bytes memory data) {
            emit LockFailed(index, msg.sender, data);
            return TransferId.wrap(0);
        }
    }

    function _requireOpenForLock(LaneId lane, AssetId assetId, bool assetEnabled) private view {
        uint8 flags = _lanes[lane].flags;
        if (flags == 0) revert LaneUnknown(lane);
        if (flags & ENABLED == 0) revert LaneDisabled(lane);
        if (flags & PAUSED != 0) revert LanePausedError(lane);
        if (!assetEnabled) revert AssetDisabled(assetId);
    }

    /// @dev R-01. An EVM account is an address, left-padded.
    function _requireTerms(StoredLane storage lane, LockRequest calldata request) private view {
        if (request.amount < lane.amountMin || request.amount > lane.amountMax) {
            revert AmountOutOfRange(request.amount, lane.amountMin, lane.amountMax);
        }
        (uint256 min, uint256 max) = (block.timestamp + lane.deadlineMin, block.timestamp + lane.deadlineMax);
        if (request.deadline < min || request.deadline > max) revert DeadlineOutOfRange(request.deadline, min, max);
        bool tooWide = lane.flags & TO_EVM != 0 && uint256(request.recipient) >> 160 != 0;
        if (request.recipient == 0 || tooWide) revert RecipientMalformed(request.recipient);
    }

    function _useNonce(address holder, uint256 nonce) private {
        if (nonce == 0) return;
        uint256 bit = 1 << (nonce & 0xff);
        uint256 used = nonceWord[holder][nonce >> 8];
        if (used & bit != 0) revert NonceUsed(holder, nonce);
        nonceWord[holder][nonce >> 8] = used | bit;
    }

    function _writeLock(LaneId lane, uint16 profile, LockRequest calldata request, address holder)
        private
        returns (TransferId id)
    {
        StoredLane storage stored = _lanes[lane];
        uint64 sequence = ++stored.lastSequence;
        stored.total += uint128(request.amount);
        Transfer memory terms = Transfer({
            source: endpointId(),
            destination: request.destination,
            sequence: sequence,
            asset: request.asset,
            sender: bytes32(uint256(uint160(holder))),
            recipient: request.recipient,
            amount: request.amount,
            deadline: request.deadline,
            clientReference: request.clientReference,
            payloadHash: request.payloadHash
        });
        id = TransferLib.idOf(terms);
        _lockWords[lane][sequence] = TransferLib.lockWordOf(block.number, profile, id);
        emit Locked(id, lane, terms);
    }

    /* INTERNAL: SETTLE AND REFUSE */

    /// @return lane The item's lane.
    /// @return open Whether the item is to be tried.
    function _openForMint(Transfer calldata item, EndpointId here) private view returns (LaneId lane, bool open) {
        if (item.isBare() || EndpointId.unwrap(item.destination) != EndpointId.unwrap(here)) return (lane, false);
        lane = TransferLib.laneIdOf(item.source, item.destination, item.asset);
        open = _lanes[lane].flags & (ENABLED | PAUSED) == ENABLED && block.timestamp < item.deadline
            && _outcomeAt(lane, item.sequence) == 0 && _assets[item.asset].handling.enabled;
    }

    /// @dev What tokens forget (R-22), as far as the terms alone tell.
    function _requireRecipient(bytes32 account, uint256 amount, address token)
        private
        view
        returns (address recipient)
    {
        if (account == 0 || uint256(account) >> 160 != 0) {
            revert RecipientMalformed(account);
        }
        recipient = _toAddress(account);
        if (recipient == address(this) || recipient == token) revert RecipientForbidden(recipient);
        if (amount == 0 || amount >= AMOUNT_END) revert AmountOutOfRange(amount, 1, AMOUNT_END - 1);
    }

    /// @dev What tokens forget (R-22), as far as the token tells. A token that no longer answers counts as paused, the
    /// transient refusal; and pause is asked first, so that a pause never looks like a verdict on the recipient.
    function _requireTokenTakes(Handling memory handling, address recipient) private view {
        address token = handling.token;
        if (handling.hasPaused) {
            (bool known, bool tokenPaused) = TokenLib.isPaused(token);
            if (!known || tokenPaused) revert TokenPausedError(token);
        }
        if (handling.hasCanReceive) {
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

    /// @dev R-23: destination and record, nothing else.
    function _refuseItem(Transfer calldata item, TransferId id, EndpointId here, uint8 reason) private {
        if (item.isBare() || EndpointId.unwrap(item.destination) != EndpointId.unwrap(here)) return;
        LaneId lane = TransferLib.laneIdOf(item.source, item.destination, item.asset);
        if (_outcomeAt(lane, item.sequence) != 0) return;
        Outcome outcome = reason == EXPIRED ? Outcome.EXPIRED : Outcome.REJECTED;
        _writeOutcome(lane, item.sequence, uint256(outcome));
        emit Decided(id, lane, item.sequence, outcome, reason);
    }

    /* INTERNAL: FINISH */

    /// @dev Seals items in order while the gas lasts; what is sealed has always gas left to be burned, paid or noted as
    /// pending. Items that a common burn waits for count for that.
    function _finishAll(Transfer[] calldata items, TransferId[] memory ids, bytes calldata outcomes) private {
        Run memory run;
        run.here = endpointId();
        run.indices = new uint256[](items.length);
        for (uint256 i = 0; i < items.length && _hasGas(run.tried, _runGas(run)); ++i) {
            Ending ending = uint8(outcomes[i]) == uint8(Outcome.MINTED) ? Ending.COMMITTED : Ending.RELEASED;
            if (!_finishItem(items, ids, i, ending, run)) break;
        }
        _burnRun(run, items, ids);
    }

    /// @return goOn Whether there was gas to finish the item, or nothing to do for it.
    function _finishItem(
        Transfer[] calldata items,
        TransferId[] memory ids,
        uint256 index,
        Ending ending,
        Run memory run
    ) private returns (bool goOn) {
        (LaneId lane, uint16 profile) = _openForFinish(items[index], ids[index], run.here);
        if (profile == 0) return true;
        if (ending != Ending.COMMITTED || profile != run.profile) _burnRun(run, items, ids);
        uint256 itemGas = _itemGas(_profiles[profile].gasAllowance);
        if (!_hasGas(run.tried, _startGas(itemGas, run.count + 1))) return false;
        run.tried = true;
        _seal(items[index], lane, ending);
        if (ending == Ending.COMMITTED) _addToRun(run, index, profile, items[index].amount);
        else _release(items[index], ids[index], profile);
        return true;
    }

    /// @return lane The item's lane.
    /// @return profile The lock's profile, or 0 if the item is to be skipped.
    function _openForFinish(Transfer calldata item, TransferId id, EndpointId here)
        private
        view
        returns (LaneId lane, uint16 profile)
    {
        if (item.isBare() || EndpointId.unwrap(item.source) != EndpointId.unwrap(here)) return (lane, 0);
        lane = TransferLib.laneIdOf(item.source, item.destination, item.asset);
        bytes32 word = _lockWords[lane][item.sequence];
        return (lane, TransferLib.lockWordMatches(word, id) ? TransferLib.profileInLockWord(word) : 0);
    }

    function _seal(Transfer calldata item, LaneId lane, Ending ending) private {
        delete _lockWords[lane][item.sequence];
        _writeOutcome(lane, item.sequence, uint256(ending));
        if (ending == Ending.COMMITTED) _lanes[lane].committed += uint128(item.amount);
        else _lanes[lane].released += uint128(item.amount);
    }

    function _addToRun(Run memory run, uint256 index, uint16 profile, uint256 amount) private view {
        if (run.count == 0) {
            run.profile = profile;
            run.gasAllowance = _profiles[profile].gasAllowance;
        }
        run.amount += amount;
        run.indices[run.count++] = index;
    }

    function _burnRun(Run memory run, Transfer[] calldata items, TransferId[] memory ids) private {
        if (run.count == 0) return;
        bool paid = _tryMoveOut(run.profile, Ending.COMMITTED, address(0), run.amount);
        for (uint256 i = 0; i < run.count; ++i) {
            uint256 index = run.indices[i];
            _noteFinished(items[index], ids[index], run.profile, Ending.COMMITTED, paid);
        }
        run.count = 0;
        run.amount = 0;
    }

    function _release(Transfer calldata item, TransferId id, uint16 profile) private {
        bool paid = _tryMoveOut(profile, Ending.RELEASED, _toAddress(item.sender), item.amount);
        _noteFinished(item, id, profile, Ending.RELEASED, paid);
    }

    function _tryMoveOut(uint16 profile, Ending ending, address to, uint256 amount) private returns (bool) {
        uint256 itemGas = _itemGas(_profiles[profile].gasAllowance);
        try this.moveOut{gas: itemGas}(profile, ending, to, amount) {
            return true;
        } catch {
            return false;
        }
    }

    function _moveOut(uint16 profile, Ending ending, address to, uint256 amount, uint256 gasAllowance) private {
        address token = _profiles[profile].token;
        if (ending == Ending.COMMITTED) TokenLib.burn(token, amount, gasAllowance);
        else TokenLib.pay(token, to, amount, gasAllowance);
    }

    /// @dev After the token's call, because the event says how it went.
    function _noteFinished(Transfer calldata item, TransferId id, uint16 profile, Ending ending, bool paid) private {
        if (!paid) {
            _pendingWords[id] = TransferLib.pendingWordOf(profile, ending);
            if (ending == Ending.COMMITTED) _assets[item.asset].pendingBurn += uint128(item.amount);
            else _assets[item.asset].pendingPay += uint128(item.amount);
        }
        LaneId lane = TransferLib.laneIdOf(item.source, item.destination, item.asset);
        emit Finished(id, lane, item.sequence, ending, paid);
    }

    /* INTERNAL: RECORDS, GAS, WORDS */

    function _outcomeAt(LaneId lane, uint64 sequence) private view returns (uint256) {
        return (_outcomeWords[lane][sequence >> 7] >> ((sequence & 127) << 1)) & 3;
    }

    /// @dev Only where the two bits are 0: whoever calls has looked.
    function _writeOutcome(LaneId lane, uint64 sequence, uint256 value) private {
        _outcomeWords[lane][sequence >> 7] |= value << ((sequence & 127) << 1);
    }

    function _itemGas(uint256 gasAllowance) private pure returns (uint256) {
        return gasAllowance + gasAllowance / 63 + ITEM_OVERHEAD;
    }

    function _startGas(uint256 itemGas, uint256 waiting) private pure returns (uint256) {
        return itemGas + itemGas / 63 + waiting * WAITING_GAS + RESERVE_GAS;
    }

    function _runGas(Run memory run) private pure returns (uint256) {
        return run.count == 0 ? RESERVE_GAS : _startGas(_itemGas(run.gasAllowance), run.count);
    }

    /// @dev Too little gas ends the loop; before the first item was tried it reverts (R-21).
    function _hasGas(bool tried, uint256 needed) private view returns (bool) {
        uint256 left = gasleft();
        if (left < needed && !tried) revert InsufficientGas(left, needed);
        return left >= needed;
    }

    function _requireCodes(uint256 items, uint256 codes) private pure {
        if (items == 0) revert EmptyList();
        if (items != codes) revert LengthMismatch(items, codes);
    }

    function _requireOutcomes(bytes calldata outcomes) private pure {
        for (uint256 i = 0; i < outcomes.length; ++i) {
            uint8 outcome = uint8(outcomes[i]);
            if (outcome == 0 || outcome > uint8(Outcome.EXPIRED)) revert OutcomeInvalid(outcome);
        }
    }

    function _toAddress(bytes32 account) private pure returns (address) {
        return address(uint160(uint256(account)));
    }
}
