// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {
    AssetId,
    EndpointId,
    Ending,
    IGatewayTypes,
    LaneId,
    LockMode,
    TokenForm,
    TransferId
} from "./interfaces/IGateway.sol";
import {HandlingWord} from "./libraries/HandlingLib.sol";

/// @title What a gateway stores, and the little that its hot and cold parts do alike.
/// @dev Gateway and GatewayExtension both have exactly this storage; neither declares any of its own. Every entry point of
/// both is under one non-reentrancy lock, in transient storage (R-20).
abstract contract GatewayStorage is IGatewayTypes, ReentrancyGuardTransient {
    /* TYPES */

    /// One word, read by every attested call: the current key and whether the gateway is paused.
    struct Current {
        address key;
        uint64 epoch;
        bool paused;
    }

    struct Previous {
        address key;
        uint64 epoch;
    }

    struct StoredEpoch {
        address key;
        uint64 parent;
        bool revoked;
    }

    /// Word 1 is all that a lock writes.
    ///
    /// | word | from the lowest bit                                                                                 |
    /// | ---- | --------------------------------------------------------------------------------------------------- |
    /// | 1    | locked (128) · lastSequence (56) · deadlineMin (32) · deadlineMax (32) · flags (8)                   |
    /// | 2    | amountMin (128) · amountMax (128)                                                                   |
    struct Outbound {
        uint128 locked;
        uint56 lastSequence;
        uint32 deadlineMin;
        uint32 deadlineMax;
        uint8 flags;
        uint128 amountMin;
        uint128 amountMax;
    }

    /// One word: what of an outbound lane's locks has ended, and how.
    struct Ended {
        uint128 committed;
        uint128 released;
    }

    /// Word 1 is all that a mint writes.
    ///
    /// | word | from the lowest bit                                                                                 |
    /// | ---- | --------------------------------------------------------------------------------------------------- |
    /// | 1    | minted (128) · fullAt (56) · refill (32) · largeDelay (32) · flags (8)                               |
    /// | 2    | capacity (128) · largeAmount (128)                                                                  |
    struct Inbound {
        uint128 minted;
        uint56 fullAt;
        uint32 refill;
        uint32 largeDelay;
        uint8 flags;
        uint128 capacity;
        uint128 largeAmount;
    }

    /// What a lane is between; flags tell which of the two mappings holds its state.
    struct LaneEnds {
        EndpointId source;
        EndpointId destination;
        AssetId asset;
        bool outbound;
    }

    /// One word, all that lock and settle read of an asset, by HandlingLib: copied from its active profile, which never
    /// changes.
    struct Handling {
        address token;
        uint32 gasAllowance;
        uint16 profile;
        LockMode mode;
        TokenForm form;
        bool enabled;
        bool asks;
        bool hasCutOff;
    }

    struct StoredAsset {
        Handling handling;
        uint128 pendingBurn;
        uint128 pendingPay;
        CutOff cutOff;
        address registerKey;
        uint64 issueNumber;
        uint256 issued;
    }

    /// Word 1 is all that finish and payout read; `handler` is read by a mint that asks it, or failed.
    struct StoredProfile {
        address token;
        uint32 gasAllowance;
        LockMode mode;
        TokenForm form;
        uint8 decimals;
        bool asks;
        AssetId asset;
        bytes32 codeHash;
        address handler;
        bytes32 handlerCodeHash;
    }

    /* FLAGS OF A LANE */

    uint8 internal constant KNOWN = 1;
    uint8 internal constant ENABLED = 2;
    uint8 internal constant PAUSED = 4;
    /// The auditor's pause; whether it has lapsed stands in _auditPausedUntil.
    uint8 internal constant AUDIT_PAUSED = 8;
    /// Outbound only: recipients are addresses.
    uint8 internal constant TO_EVM = 16;

    /// Amounts are below this (docs/protocol.md, section 1).
    uint256 internal constant AMOUNT_END = 1 << 127;

    /* STORAGE */

    Current internal _current;
    Previous internal _previous;
    PendingHandover internal _handover;
    uint64 internal _highestEpoch;
    uint32 internal _handoverDelay;
    uint32 internal _redirectDelay;
    uint16 internal _profileCount;

    address internal _governance;
    address internal _unpauser;
    address internal _guardian;
    address internal _auditor;

    mapping(uint64 epoch => StoredEpoch) internal _epochs;
    mapping(uint64 epoch => mapping(address key => bool)) internal _struck;
    /// Every key that ever was in force: each is of one epoch, so that revoking the epoch revokes the key.
    mapping(address key => bool) internal _usedKeys;

    EndpointId[] internal _peerIds;
    AssetId[] internal _assetIds;
    LaneId[] internal _laneIds;
    mapping(EndpointId peer => Peer) internal _peers;
    mapping(AssetId asset => StoredAsset) internal _assets;
    mapping(AssetId asset => mapping(address account => bool)) internal _agents;
    mapping(uint16 number => StoredProfile) internal _profiles;
    mapping(address token => AssetId) internal _assetOfToken;
    mapping(bytes32 peerOrAsset => LaneId[]) internal _lanesOf;

    mapping(LaneId lane => LaneEnds) internal _ends;
    mapping(LaneId lane => Outbound) internal _outbound;
    mapping(LaneId lane => Ended) internal _ended;
    mapping(LaneId lane => Inbound) internal _inbound;
    mapping(LaneId lane => uint64) internal _auditPausedUntil;
    mapping(LaneId lane => mapping(uint64 sequence => bytes32)) internal _lockWords;
    mapping(LaneId lane => mapping(uint64 word => uint256)) internal _outcomeWords;

    mapping(address holder => mapping(uint256 word => uint256)) internal _nonceWords;
    /// Bits of nonces that their holder cancelled.
    mapping(address holder => mapping(uint256 word => uint256)) internal _cancelledWords;
    /// Of a divisible Order: drawn (128, low) · first 16 bytes of its hash.
    mapping(address holder => mapping(uint256 nonce => uint256)) internal _draws;
    mapping(TransferId transfer => uint256) internal _pendingWords;
    mapping(TransferId transfer => PendingRedirect) internal _redirects;
    mapping(TransferId transfer => uint64) internal _releaseTimes;

    /* SHARED */

    function _handlingOf(AssetId asset) internal view returns (HandlingWord word) {
        Handling storage handling = _assets[asset].handling;
        assembly ("memory-safe") {
            word := sload(handling.slot)
        }
    }

    /// @dev Whether a lane with these flags is paused: the auditor's pause lapses by itself (R-61).
    function _isLanePaused(LaneId lane, uint8 flags) internal view returns (bool) {
        if (flags & (PAUSED | AUDIT_PAUSED) == 0) return false;
        return flags & PAUSED != 0 || block.timestamp < _auditPausedUntil[lane];
    }
}
