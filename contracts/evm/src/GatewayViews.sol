// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, Ending, IGatewayExtension, LaneId, LockMode, TransferId} from "./interfaces/IGateway.sol";
import {BucketLib} from "./libraries/BucketLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";
import {GatewayStorage} from "./GatewayStorage.sol";

/// @title What a gateway tells of roles, peers, assets, lanes and transfers; of keys: Committee.
abstract contract GatewayViews is GatewayStorage, IGatewayExtension {
    /* ROLES */

    /// @inheritdoc IGatewayExtension
    function governance() external view returns (address) {
        return _governance;
    }

    /// @inheritdoc IGatewayExtension
    function unpauser() external view returns (address) {
        return _unpauser;
    }

    /// @inheritdoc IGatewayExtension
    function guardian() external view returns (address) {
        return _guardian;
    }

    /// @inheritdoc IGatewayExtension
    function auditor() external view returns (address) {
        return _auditor;
    }

    /// @inheritdoc IGatewayExtension
    function delays() external view returns (uint32 handoverDelay, uint32 redirectDelay) {
        return (_handoverDelay, _redirectDelay);
    }

    /// @inheritdoc IGatewayExtension
    function paused() external view returns (bool) {
        return _current.paused;
    }

    /* IDENTITIES */

    /// @inheritdoc IGatewayExtension
    function transferId(Transfer calldata terms) external pure returns (TransferId) {
        return TransferLib.idOf(terms);
    }

    /// @inheritdoc IGatewayExtension
    function laneId(EndpointId source, EndpointId destination, AssetId assetId) external pure returns (LaneId) {
        return TransferLib.laneIdOf(source, destination, assetId);
    }

    /* PEERS */

    /// @inheritdoc IGatewayExtension
    function peer(EndpointId id) external view returns (Peer memory) {
        return _peers[id];
    }

    /// @inheritdoc IGatewayExtension
    function peers() external view returns (EndpointId[] memory) {
        return _peerIds;
    }

    /* ASSETS */

    /// @inheritdoc IGatewayExtension
    function asset(AssetId id) external view returns (AssetState memory state) {
        StoredAsset storage stored = _assets[id];
        state.enabled = stored.handling.enabled;
        state.profile = stored.handling.profile;
        state.mode = stored.handling.mode;
        state.pendingBurn = stored.pendingBurn;
        state.pendingPay = stored.pendingPay;
        state.registerKey = stored.registerKey;
        state.issueNumber = stored.issueNumber;
        state.issued = stored.issued;
        state.cutOff = stored.cutOff;
    }

    /// @inheritdoc IGatewayExtension
    function assets() external view returns (AssetId[] memory) {
        return _assetIds;
    }

    /// @inheritdoc IGatewayExtension
    function profile(uint16 number) external view returns (Profile memory state) {
        StoredProfile storage stored = _profiles[number];
        state.asset = stored.asset;
        state.token = stored.token;
        state.codeHash = stored.codeHash;
        state.handler = stored.handler;
        state.handlerCodeHash = stored.handlerCodeHash;
        state.mode = stored.mode;
        state.form = stored.form;
        state.decimals = stored.decimals;
        state.gasAllowance = stored.gasAllowance;
        state.asks = stored.asks;
    }

    /// @inheritdoc IGatewayExtension
    function profileCount() external view returns (uint16) {
        return _profileCount;
    }

    /// @inheritdoc IGatewayExtension
    function isAgent(AssetId id, address account) external view returns (bool) {
        return _agents[id][account];
    }

    /// @inheritdoc IGatewayExtension
    function totals(AssetId id) external view returns (uint256 minted, uint256 burned, uint256 reminted, uint256 held) {
        (uint256 locked, uint256 committed, uint256 released) = (0, 0, 0);
        (minted, locked, committed, released) = _laneTotals(id);
        StoredAsset storage stored = _assets[id];
        (uint256 pendingBurn, uint256 pendingPay) = (stored.pendingBurn, stored.pendingPay);
        if (stored.handling.mode == LockMode.BURN) {
            return (minted, locked, released - pendingPay, 0); // burned at lock, minted back at release
        }
        // what is held is burned at the end, or paid back
        return (minted, committed - pendingBurn, 0, locked - committed - released + pendingBurn + pendingPay);
    }

    /* LANES */

    /// @inheritdoc IGatewayExtension
    function lane(LaneId id) external view returns (LaneState memory state) {
        LaneEnds storage ends = _ends[id];
        state.source = ends.source;
        state.destination = ends.destination;
        state.asset = ends.asset;
        state.outbound = ends.outbound;
        uint8 flags = ends.outbound ? _readOutbound(state, id) : _readInbound(state, _inbound[id]);
        state.enabled = flags & ENABLED != 0;
        state.paused = _isLanePaused(id, flags);
        state.auditPausedUntil = _auditPausedUntil[id];
    }

    /// @inheritdoc IGatewayExtension
    function lanes() external view returns (LaneId[] memory) {
        return _laneIds;
    }

    /// @inheritdoc IGatewayExtension
    function headroom(LaneId id) external view returns (uint256 amount) {
        Inbound storage stored = _inbound[id];
        if (stored.flags == 0) return 0;
        return BucketLib.headroom(stored.fullAt, stored.refill, stored.capacity);
    }

    /// @inheritdoc IGatewayExtension
    function refillTime(LaneId id, uint256 amount) external view returns (uint64) {
        Inbound storage stored = _inbound[id];
        if (stored.flags == 0) return 0;
        return BucketLib.refillTime(stored.fullAt, stored.refill, stored.capacity, amount);
    }

    /* TRANSFERS */

    /// @inheritdoc IGatewayExtension
    function nonceWord(address holder, uint256 word) external view returns (uint256) {
        return _nonceWords[holder][word];
    }

    /// @inheritdoc IGatewayExtension
    function orderDrawn(address holder, uint256 nonce)
        external
        view
        returns (uint128 drawn, bytes16 order, bool cancelled)
    {
        uint256 word = _draws[holder][nonce];
        cancelled = (_cancelledWords[holder][nonce >> 8] >> (nonce & 0xff)) & 1 != 0;
        return (uint128(word), bytes16(bytes32(word)), cancelled);
    }

    /// @inheritdoc IGatewayExtension
    function releaseTime(TransferId id) external view returns (uint64) {
        return _releaseTimes[id];
    }

    /// @inheritdoc IGatewayExtension
    function lockWords(LaneId id, uint64 first, uint64 count) external view returns (bytes32[] memory words) {
        words = new bytes32[](count);
        for (uint64 i = 0; i < count; ++i) {
            words[i] = _lockWords[id][first + i];
        }
    }

    /// @inheritdoc IGatewayExtension
    function outcomeWords(LaneId id, uint64 firstWord, uint64 count) external view returns (uint256[] memory words) {
        words = new uint256[](count);
        for (uint64 i = 0; i < count; ++i) {
            words[i] = _outcomeWords[id][firstWord + i];
        }
    }

    /// @inheritdoc IGatewayExtension
    function pending(TransferId id) external view returns (Ending ending, uint16 profileNumber) {
        return TransferLib.readPending(_pendingWords[id]);
    }

    /// @inheritdoc IGatewayExtension
    function pendingRedirect(TransferId id) external view returns (PendingRedirect memory) {
        return _redirects[id];
    }

    /* INTERNAL */

    function _laneTotals(AssetId id)
        private
        view
        returns (uint256 minted, uint256 locked, uint256 committed, uint256 released)
    {
        LaneId[] storage ids = _lanesOf[AssetId.unwrap(id)];
        for (uint256 i = 0; i < ids.length; ++i) {
            minted += _inbound[ids[i]].minted;
            locked += _outbound[ids[i]].locked;
            committed += _ended[ids[i]].committed;
            released += _ended[ids[i]].released;
        }
    }

    function _readOutbound(LaneState memory state, LaneId id) private view returns (uint8 flags) {
        Outbound storage stored = _outbound[id];
        flags = stored.flags;
        state.nextSequence = uint64(stored.lastSequence) + 1;
        state.outboundLimits =
            OutboundLimits(stored.amountMin, stored.amountMax, stored.deadlineMin, stored.deadlineMax);
        state.locked = stored.locked;
        state.committed = _ended[id].committed;
        state.released = _ended[id].released;
    }

    function _readInbound(LaneState memory state, Inbound storage stored) private view returns (uint8 flags) {
        flags = stored.flags;
        state.inboundLimits = InboundLimits(stored.capacity, stored.largeAmount, stored.refill, stored.largeDelay);
        state.minted = stored.minted;
    }
}
