// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {AssetId, EndpointId, Ending, IGateway, LaneId, LockMode, TransferId} from "./interfaces/IGateway.sol";
import {SchnorrLib} from "./libraries/SchnorrLib.sol";
import {TokenLib} from "./libraries/TokenLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title What governance and guardian say: keys, peers, assets, lanes, pauses; and every view of what is stored.
/// @dev Holds the storage. What moves units is in Gateway.sol.
abstract contract Registry is IGateway, ReentrancyGuardTransient {
    /* TYPES */

    struct Peer {
        bool registered;
        bool enabled;
        bool isEvm;
    }

    /// What a gateway stores of a lane. Lock and settle read the first word only, but for the amounts.
    ///
    /// | word | from the lowest bit                                                                              |
    /// | ---- | ------------------------------------------------------------------------------------------------ |
    /// | 1    | total (128) · lastSequence (56) · deadlineMin (32) · deadlineMax (32) · flags (8)                |
    /// | 2    | amountMin (128) · amountMax (128)                                                                |
    /// | 3    | committed (128) · released (128)                                                                 |
    /// | 4–6  | source · destination · asset                                                                     |
    ///
    /// `total` is what was locked on an outbound lane, what was minted on an inbound one.
    struct StoredLane {
        uint128 total;
        uint56 lastSequence;
        uint32 deadlineMin;
        uint32 deadlineMax;
        uint8 flags;
        uint128 amountMin;
        uint128 amountMax;
        uint128 committed;
        uint128 released;
        EndpointId source;
        EndpointId destination;
        AssetId asset;
    }

    /// One word, all that lock and settle read of an asset: whether it is enabled, and its active profile's number, token,
    /// gas allowance and probes; copied from the profile, which never changes.
    struct Handling {
        bool enabled;
        uint16 profile;
        address token;
        uint32 gasAllowance;
        bool hasPaused;
        bool hasCanReceive;
    }

    struct StoredAsset {
        Handling handling;
        uint128 pendingBurn;
        uint128 pendingPay;
    }

    /// Word 1 is all that finish and payout read: token (160) · gasAllowance (32) · mode · decimals · probes.
    struct StoredProfile {
        address token;
        uint32 gasAllowance;
        LockMode mode;
        uint8 decimals;
        bool hasPaused;
        bool hasCanReceive;
        AssetId asset;
        bytes32 codeHash;
    }

    uint8 internal constant KNOWN = 1;
    uint8 internal constant ENABLED = 2;
    uint8 internal constant PAUSED = 4;
    uint8 internal constant OUTBOUND = 8;
    uint8 internal constant TO_EVM = 16;

    /// Amounts are below this (docs/protocol.md, section 1).
    uint256 internal constant AMOUNT_END = 1 << 127;

    /* STORAGE */

    /// @inheritdoc IGateway
    address public immutable governance;
    /// @inheritdoc IGateway
    address public immutable guardian;
    /// @inheritdoc IGateway
    bytes32 public immutable fingerprint;
    /// @inheritdoc IGateway
    uint256 public immutable deployedAt;

    uint256 private immutable _chainIdAtDeployment;
    EndpointId private immutable _endpointIdAtDeployment;
    bytes32 private immutable _domainSeparatorAtDeployment;

    /// @inheritdoc IGateway
    bool public paused;
    /// @inheritdoc IGateway
    uint64 public currentEpoch;
    uint16 internal _profileCount;

    /// @inheritdoc IGateway
    mapping(uint64 epoch => bytes32) public keyCommitment;
    mapping(EndpointId peer => Peer) internal _peers;
    mapping(AssetId asset => StoredAsset) internal _assets;
    mapping(uint16 number => StoredProfile) internal _profiles;
    mapping(address token => AssetId) internal _assetOfToken;

    LaneId[] internal _laneIds;
    mapping(bytes32 peerOrAsset => LaneId[]) internal _lanesOf;
    mapping(LaneId lane => StoredLane) internal _lanes;
    mapping(LaneId lane => mapping(uint64 sequence => bytes32)) internal _lockWords;
    mapping(LaneId lane => mapping(uint64 word => uint256)) internal _outcomeWords;

    /// @inheritdoc IGateway
    mapping(address holder => mapping(uint256 word => uint256)) public nonceWord;
    mapping(TransferId transfer => uint256) internal _pendingWords;

    modifier onlyGovernance() {
        if (msg.sender != governance) revert NotGovernance(msg.sender);
        _;
    }

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert NotGuardian(msg.sender);
        _;
    }

    constructor(address governance_, address guardian_) {
        if (governance_ == address(0)) revert NotGovernance(governance_);
        if (guardian_ == address(0)) revert NotGuardian(guardian_);
        governance = governance_;
        guardian = guardian_;
        deployedAt = block.number;
        fingerprint = blockhash(block.number - 1);
        if (fingerprint == 0) revert FingerprintMissing();
        _chainIdAtDeployment = block.chainid;
        EndpointId here = _liveEndpointId();
        _endpointIdAtDeployment = here;
        _domainSeparatorAtDeployment = TransferLib.domainSeparatorOf(here);
    }

    /* GUARDIAN */

    /// @inheritdoc IGateway
    function pause() external onlyGuardian nonReentrant {
        _setPaused(true);
    }

    /// @inheritdoc IGateway
    function pauseLane(LaneId id) external onlyGuardian nonReentrant {
        _setLaneFlag(id, PAUSED, true);
        emit LanePaused(id, true);
    }

    /* GOVERNANCE */

    /// @inheritdoc IGateway
    function unpause() external onlyGovernance nonReentrant {
        _setPaused(false);
    }

    /// @inheritdoc IGateway
    function unpauseLane(LaneId id) external onlyGovernance nonReentrant {
        _setLaneFlag(id, PAUSED, false);
        emit LanePaused(id, false);
    }

    /// @inheritdoc IGateway
    function registerKey(uint64 epoch, uint256 px, uint256 py) external onlyGovernance nonReentrant {
        if (currentEpoch != 0) revert KeyAlreadyRegistered(currentEpoch);
        if (epoch == 0) revert EpochUnknown(epoch);
        if (!SchnorrLib.isValidKey(px, py)) revert KeyInvalid(px, py);
        currentEpoch = epoch;
        keyCommitment[epoch] = keccak256(abi.encode(px, py));
        emit KeyRegistered(epoch, px, py);
    }

    /// @inheritdoc IGateway
    function registerPeer(string calldata peerCaip2, bytes32 peerFingerprint, bytes32 account)
        external
        onlyGovernance
        nonReentrant
        returns (EndpointId peer)
    {
        peer = TransferLib.endpointIdOf(peerCaip2, peerFingerprint, account);
        if (keccak256(bytes(peerCaip2)) == keccak256(bytes(caip2())) || peerFingerprint == fingerprint) {
            revert PeerOnSameLedger(peer);
        }
        if (_peers[peer].registered) revert PeerAlreadyRegistered(peer);
        _peers[peer] = Peer({registered: true, enabled: true, isEvm: _isEvm(peerCaip2)});
        emit PeerRegistered(peer, peerCaip2, peerFingerprint, account);
    }

    /// @inheritdoc IGateway
    function disablePeer(EndpointId peer) external onlyGovernance nonReentrant {
        if (!_peers[peer].registered) revert PeerUnknown(peer);
        _peers[peer].enabled = false;
        emit PeerDisabled(peer);
        LaneId[] storage ids = _lanesOf[EndpointId.unwrap(peer)];
        for (uint256 i = 0; i < ids.length; ++i) {
            _setLaneFlag(ids[i], ENABLED, false);
            emit LaneEnabled(ids[i], false);
        }
    }

    /// @inheritdoc IGateway
    function addProfile(AssetId assetId, address token, LockMode mode, uint8 decimals, uint32 gasAllowance)
        external
        onlyGovernance
        nonReentrant
        returns (uint16 number)
    {
        if (mode != LockMode.ESCROW) revert ModeUnsupported(mode);
        _checkToken(assetId, token, decimals, gasAllowance);
        number = ++_profileCount;
        (bool hasPaused,) = TokenLib.isPaused(token);
        (bool hasCanReceive,) = TokenLib.canReceive(token, address(this));
        _profiles[number] = StoredProfile({
            token: token,
            gasAllowance: gasAllowance,
            mode: mode,
            decimals: decimals,
            hasPaused: hasPaused,
            hasCanReceive: hasCanReceive,
            asset: assetId,
            codeHash: token.codehash
        });
        _assetOfToken[token] = assetId;
        _activate(assetId, number, _profiles[number]);
        emit ProfileAdded(number, assetId, token);
    }

    /// @inheritdoc IGateway
    function setAssetEnabled(AssetId assetId, bool enabled) external onlyGovernance nonReentrant {
        if (_assets[assetId].handling.profile == 0) revert AssetUnknown(assetId);
        _assets[assetId].handling.enabled = enabled;
        emit AssetEnabled(assetId, enabled);
    }

    /// @inheritdoc IGateway
    function configureLane(EndpointId source, EndpointId destination, AssetId assetId, LaneLimits calldata limits)
        external
        onlyGovernance
        nonReentrant
        returns (LaneId id)
    {
        bool outbound = _requireOurLane(source, destination);
        EndpointId peer = outbound ? destination : source;
        if (!_peers[peer].enabled) revert PeerUnknown(peer);
        if (_assets[assetId].handling.profile == 0) revert AssetUnknown(assetId);
        _requireLimits(limits);
        id = TransferLib.laneIdOf(source, destination, assetId);
        if (_lanes[id].flags == 0) _createLane(id, source, destination, assetId, outbound);
        _writeLimits(_lanes[id], limits);
        emit LaneConfigured(id, source, destination, assetId, limits);
    }

    /// @inheritdoc IGateway
    function setLaneEnabled(LaneId id, bool enabled) external onlyGovernance nonReentrant {
        StoredLane storage stored = _lanes[id];
        EndpointId peer = stored.flags & OUTBOUND != 0 ? stored.destination : stored.source;
        if (enabled && stored.flags != 0 && !_peers[peer].enabled) revert PeerUnknown(peer);
        _setLaneFlag(id, ENABLED, enabled);
        emit LaneEnabled(id, enabled);
    }

    /* VIEWS */

    /// @inheritdoc IGateway
    function caip2() public view returns (string memory) {
        return string.concat("eip155:", Strings.toString(block.chainid));
    }

    /// @inheritdoc IGateway
    function endpointId() public view returns (EndpointId) {
        return block.chainid == _chainIdAtDeployment ? _endpointIdAtDeployment : _liveEndpointId();
    }

    /// @inheritdoc IGateway
    function domainSeparator() public view returns (bytes32) {
        return block.chainid == _chainIdAtDeployment
            ? _domainSeparatorAtDeployment
            : TransferLib.domainSeparatorOf(_liveEndpointId());
    }

    /// @inheritdoc IGateway
    function transferId(Transfer calldata terms) external pure returns (TransferId) {
        return TransferLib.idOf(terms);
    }

    /// @inheritdoc IGateway
    function laneId(EndpointId source, EndpointId destination, AssetId assetId) external pure returns (LaneId) {
        return TransferLib.laneIdOf(source, destination, assetId);
    }

    /// @inheritdoc IGateway
    function lane(LaneId id) external view returns (LaneState memory state) {
        StoredLane storage stored = _lanes[id];
        bool outbound = stored.flags & OUTBOUND != 0;
        state.source = stored.source;
        state.destination = stored.destination;
        state.asset = stored.asset;
        state.enabled = stored.flags & ENABLED != 0;
        state.paused = stored.flags & PAUSED != 0;
        state.nextSequence = uint64(stored.lastSequence) + 1;
        state.limits = LaneLimits(stored.amountMin, stored.amountMax, stored.deadlineMin, stored.deadlineMax);
        state.locked = outbound ? stored.total : 0;
        state.committed = stored.committed;
        state.released = stored.released;
        state.minted = outbound ? 0 : stored.total;
    }

    /// @inheritdoc IGateway
    function lanes() external view returns (LaneId[] memory) {
        return _laneIds;
    }

    /// @inheritdoc IGateway
    function asset(AssetId id) external view returns (AssetState memory) {
        StoredAsset storage stored = _assets[id];
        return AssetState(stored.handling.enabled, stored.handling.profile, stored.pendingBurn, stored.pendingPay);
    }

    /// @inheritdoc IGateway
    function profile(uint16 number) external view returns (Profile memory) {
        StoredProfile storage stored = _profiles[number];
        return Profile({
            asset: stored.asset,
            token: stored.token,
            codeHash: stored.codeHash,
            mode: stored.mode,
            decimals: stored.decimals,
            gasAllowance: stored.gasAllowance,
            hasPaused: stored.hasPaused,
            hasCanReceive: stored.hasCanReceive
        });
    }

    /// @inheritdoc IGateway
    function lockWords(LaneId id, uint64 first, uint64 count) external view returns (bytes32[] memory words) {
        words = new bytes32[](count);
        for (uint64 i = 0; i < count; ++i) {
            words[i] = _lockWords[id][first + i];
        }
    }

    /// @inheritdoc IGateway
    function outcomeWords(LaneId id, uint64 firstWord, uint64 count) external view returns (uint256[] memory words) {
        words = new uint256[](count);
        for (uint64 i = 0; i < count; ++i) {
            words[i] = _outcomeWords[id][firstWord + i];
        }
    }

    /// @inheritdoc IGateway
    function pending(TransferId id) external view returns (Ending ending, uint16 profileNumber) {
        return TransferLib.readPending(_pendingWords[id]);
    }

    /// @inheritdoc IGateway
    function totals(AssetId id) external view returns (uint256 minted, uint256 burned, uint256 reminted, uint256 held) {
        LaneId[] storage ids = _lanesOf[AssetId.unwrap(id)];
        for (uint256 i = 0; i < ids.length; ++i) {
            StoredLane storage stored = _lanes[ids[i]];
            if (stored.flags & OUTBOUND == 0) {
                minted += stored.total;
            } else {
                burned += stored.committed;
                held += stored.total - stored.committed - stored.released;
            }
        }
        burned -= _assets[id].pendingBurn;
        held += uint256(_assets[id].pendingBurn) + _assets[id].pendingPay;
        reminted = 0; // ESCROW pays back what it held
    }

    /* INTERNAL */

    /// @dev R-40: the key by its commitment, then one ecrecover.
    function _requireAttested(bytes32 statement, Attestation calldata attestation) internal view {
        bytes32 commitment = keyCommitment[attestation.epoch];
        if (commitment == 0) revert EpochUnknown(attestation.epoch);
        (uint256 px, uint256 py) = (attestation.px, attestation.py);
        if (commitment != keccak256(abi.encode(px, py))) revert KeyMismatch(attestation.epoch);
        bytes memory digest = abi.encode(TransferLib.digestOf(domainSeparator(), statement));
        if (!SchnorrLib.verify(px, py, digest, attestation.rx, attestation.ry, attestation.z)) {
            revert SignatureInvalid();
        }
    }

    function _liveEndpointId() private view returns (EndpointId) {
        return TransferLib.endpointIdOf(caip2(), fingerprint, bytes32(uint256(uint160(address(this)))));
    }

    function _isEvm(string calldata text) private pure returns (bool) {
        return bytes(text).length > 7 && bytes7(bytes(text)[:7]) == bytes7("eip155:");
    }

    function _setPaused(bool value) private {
        paused = value;
        emit GatewayPaused(value);
    }

    function _setLaneFlag(LaneId id, uint8 flag, bool value) private {
        StoredLane storage stored = _lanes[id];
        if (stored.flags == 0) revert LaneUnknown(id);
        stored.flags = value ? stored.flags | flag : stored.flags & ~flag;
    }

    /// @dev R-01, R-04: what can be known of a token before its first transfer.
    function _checkToken(AssetId assetId, address token, uint8 decimals, uint32 gasAllowance) private {
        if (token.code.length == 0) revert TokenWithoutCode(token);
        AssetId usedBy = _assetOfToken[token];
        if (AssetId.unwrap(usedBy) != 0 && AssetId.unwrap(usedBy) != AssetId.unwrap(assetId)) {
            revert TokenAlreadyUsed(token);
        }
        uint256 actual = TokenLib.decimals(token);
        if (actual != decimals) revert DecimalsMismatch(decimals, actual > 255 ? 255 : uint8(actual));
        uint16 active = _assets[assetId].handling.profile;
        if (active != 0 && _profiles[active].decimals != decimals) {
            revert DecimalsMismatch(_profiles[active].decimals, decimals);
        }
        if (!TokenLib.canBurn(token, gasAllowance)) revert TokenCannotBurn(token);
    }

    /// @dev An asset's first profile enables it.
    function _activate(AssetId assetId, uint16 number, StoredProfile storage active) private {
        Handling storage handling = _assets[assetId].handling;
        if (handling.profile == 0) {
            handling.enabled = true;
            emit AssetEnabled(assetId, true);
        }
        handling.profile = number;
        handling.token = active.token;
        handling.gasAllowance = active.gasAllowance;
        handling.hasPaused = active.hasPaused;
        handling.hasCanReceive = active.hasCanReceive;
    }

    /// @return outbound Whether this gateway is the source.
    function _requireOurLane(EndpointId source, EndpointId destination) private view returns (bool outbound) {
        bytes32 here = EndpointId.unwrap(endpointId());
        outbound = EndpointId.unwrap(source) == here;
        if (outbound == (EndpointId.unwrap(destination) == here)) revert NotOurLane(source, destination);
    }

    function _requireLimits(LaneLimits calldata limits) private pure {
        bool amountsMakeSense =
            0 < limits.amountMin && limits.amountMin <= limits.amountMax && limits.amountMax < AMOUNT_END;
        bool deadlinesMakeSense = 0 < limits.deadlineMin && limits.deadlineMin <= limits.deadlineMax;
        if (!amountsMakeSense || !deadlinesMakeSense) revert LimitsInvalid();
    }

    /// @dev A new lane is enabled.
    function _createLane(LaneId id, EndpointId source, EndpointId destination, AssetId assetId, bool outbound) private {
        EndpointId peer = outbound ? destination : source;
        StoredLane storage stored = _lanes[id];
        stored.source = source;
        stored.destination = destination;
        stored.asset = assetId;
        stored.flags = KNOWN | ENABLED | (outbound ? OUTBOUND : 0) | (outbound && _peers[peer].isEvm ? TO_EVM : 0);
        _laneIds.push(id);
        _lanesOf[EndpointId.unwrap(peer)].push(id);
        _lanesOf[AssetId.unwrap(assetId)].push(id);
        emit LaneEnabled(id, true);
    }

    function _writeLimits(StoredLane storage stored, LaneLimits calldata limits) private {
        stored.amountMin = limits.amountMin;
        stored.amountMax = limits.amountMax;
        stored.deadlineMin = limits.deadlineMin;
        stored.deadlineMax = limits.deadlineMax;
    }
}
