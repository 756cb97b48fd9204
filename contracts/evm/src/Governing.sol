// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AssetId,
    EndpointId,
    IGatewayCore,
    IGatewayExtension,
    LaneId,
    LockMode,
    TokenForm
} from "./interfaces/IGateway.sol";
import {ITokenHandler} from "./interfaces/ITokenHandler.sol";
import {TokenLib} from "./libraries/TokenLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";
import {Guarded} from "./Guarded.sol";

/// @title What governance says, and who stops and resumes: roles, peers, assets, lanes, pauses (R-07, R-32, R-61).
/// @dev Nothing here can change a record or move escrow.
abstract contract Governing is Guarded {
    /// How long an auditor's pause holds without the guardian's word (R-61).
    uint64 private constant AUDIT_PAUSE = 24 hours;

    /* PAUSES */

    /// @inheritdoc IGatewayExtension
    function pause() external onlyGuardian nonReentrant {
        _setPaused(true);
    }

    /// @inheritdoc IGatewayExtension
    function unpause() external onlyUnpauser nonReentrant {
        _setPaused(false);
    }

    /// @inheritdoc IGatewayExtension
    function pauseLane(LaneId id) external onlyGuardian nonReentrant {
        _writeFlags(id, _flagsOf(id) | PAUSED);
        emit LanePaused(id, true);
    }

    /// @inheritdoc IGatewayExtension
    /// @dev Again only when the lane has been free of its pause for as long as one lasts: a program may stop a lane for people
    /// to look, and not close it for ever.
    function auditPauseLane(LaneId id) external onlyAuditor nonReentrant {
        uint8 flags = _flagsOf(id);
        uint64 last = _auditPausedUntil[id];
        if (last != 0 && block.timestamp < last + AUDIT_PAUSE) revert AuditPauseTooSoon(id, last + AUDIT_PAUSE);
        uint64 until = uint64(block.timestamp) + AUDIT_PAUSE;
        _writeFlags(id, flags | AUDIT_PAUSED);
        _auditPausedUntil[id] = until;
        emit LaneAuditPaused(id, until);
    }

    /// @inheritdoc IGatewayExtension
    function unpauseLane(LaneId id) external onlyUnpauser nonReentrant {
        _writeFlags(id, _flagsOf(id) & ~(PAUSED | AUDIT_PAUSED));
        if (block.timestamp < _auditPausedUntil[id]) _auditPausedUntil[id] = uint64(block.timestamp);
        emit LanePaused(id, false);
    }

    /* ROLES */

    /// @inheritdoc IGatewayExtension
    /// @dev The auditor may be missing; without the others nobody could stop or resume.
    function setRoles(address newUnpauser, address newGuardian, address newAuditor)
        external
        onlyGovernance
        nonReentrant
    {
        if (newUnpauser == address(0) || newGuardian == address(0)) revert AddressMissing();
        _unpauser = newUnpauser;
        _guardian = newGuardian;
        _auditor = newAuditor;
        emit RolesSet(newUnpauser, newGuardian, newAuditor);
    }

    /// @inheritdoc IGatewayExtension
    /// @dev What already waits keeps the time it was told.
    function setDelays(uint32 handoverDelay, uint32 redirectDelay) external onlyGovernance nonReentrant {
        if (handoverDelay == 0 || redirectDelay == 0) revert LimitsInvalid();
        _handoverDelay = handoverDelay;
        _redirectDelay = redirectDelay;
        emit DelaysSet(handoverDelay, redirectDelay);
    }

    /// @inheritdoc IGatewayExtension
    function setAgent(AssetId id, address agent, bool allowed) external onlyGovernance nonReentrant {
        _requireAsset(id);
        _agents[id][agent] = allowed;
        emit AgentSet(id, agent, allowed);
    }

    /// @inheritdoc IGatewayExtension
    /// @dev Zero: the register has no voice here until it has a key again. Numbers of entries go on.
    function setRegisterKey(AssetId id, address key) external onlyGovernance nonReentrant {
        _requireAsset(id).registerKey = key;
        emit RegisterKeySet(id, key);
    }

    /* PEERS */

    /// @inheritdoc IGatewayExtension
    function registerPeer(string calldata peerCaip2, bytes32 peerFingerprint, bytes32 account)
        external
        onlyGovernance
        nonReentrant
        returns (EndpointId id)
    {
        id = TransferLib.endpointIdOf(peerCaip2, peerFingerprint, account);
        _requireOtherLedger(id, peerCaip2, peerFingerprint);
        Peer storage stored = _peers[id];
        if (stored.registered) revert PeerAlreadyRegistered(id);
        stored.registered = true;
        stored.enabled = true;
        stored.isEvm = _isEvm(peerCaip2);
        _peerIds.push(id);
        emit PeerRegistered(id, peerCaip2, peerFingerprint, account);
    }

    /// @inheritdoc IGatewayExtension
    function setPeerEnabled(EndpointId id, bool enabled) external onlyGovernance nonReentrant {
        Peer storage stored = _requireRegistered(id);
        if (!enabled) return _disablePeer(id);
        if (stored.closed) revert PeerClosedError(id);
        stored.enabled = true;
        emit PeerEnabled(id, true);
    }

    /// @inheritdoc IGatewayExtension
    function allowClosing(EndpointId id) external onlyGovernance nonReentrant {
        Peer storage stored = _requireRegistered(id);
        if (stored.closed) revert PeerClosedError(id);
        stored.closing = true;
        emit PeerClosing(id);
    }

    /* ASSETS */

    /// @inheritdoc IGatewayExtension
    function addProfile(
        AssetId id,
        address token,
        address handler,
        LockMode mode,
        TokenForm form,
        uint8 decimals,
        uint32 gasAllowance
    ) external onlyGovernance nonReentrant returns (uint16 number) {
        _requireKind(id, mode, form, decimals);
        _requireToken(id, token, decimals);
        number = ++_profileCount;
        StoredProfile storage stored = _profiles[number];
        stored.asks = _requireHandled(token, handler, form, gasAllowance);
        stored.handler = handler;
        stored.handlerCodeHash = handler.codehash;
        stored.asset = id;
        stored.token = token;
        stored.codeHash = token.codehash;
        stored.mode = mode;
        stored.form = form;
        stored.decimals = decimals;
        stored.gasAllowance = gasAllowance;
        _assetOfToken[token] = id;
        _activate(id, number, stored);
        emit ProfileAdded(number, id, token);
    }

    /// @inheritdoc IGatewayExtension
    function setAssetEnabled(AssetId id, bool enabled) external onlyGovernance nonReentrant {
        _requireAsset(id).handling.enabled = enabled;
        emit AssetEnabled(id, enabled);
    }

    /* LANES */

    /// @inheritdoc IGatewayExtension
    function configureOutbound(EndpointId destination, AssetId assetId, OutboundLimits calldata limits)
        external
        onlyGovernance
        nonReentrant
        returns (LaneId id)
    {
        bool amountsMakeSense =
            0 < limits.amountMin && limits.amountMin <= limits.amountMax && limits.amountMax < AMOUNT_END;
        bool deadlinesMakeSense = 0 < limits.deadlineMin && limits.deadlineMin <= limits.deadlineMax;
        if (!amountsMakeSense || !deadlinesMakeSense) revert LimitsInvalid();
        EndpointId here = IGatewayCore(address(this)).endpointId();
        id = _laneBetween(LaneEnds({source: here, destination: destination, asset: assetId, outbound: true}));
        Outbound storage stored = _outbound[id];
        stored.amountMin = limits.amountMin;
        stored.amountMax = limits.amountMax;
        stored.deadlineMin = limits.deadlineMin;
        stored.deadlineMax = limits.deadlineMax;
        emit OutboundConfigured(id, destination, assetId, limits);
    }

    /// @inheritdoc IGatewayExtension
    function configureInbound(EndpointId source, AssetId assetId, InboundLimits calldata limits)
        external
        onlyGovernance
        nonReentrant
        returns (LaneId id)
    {
        bool bucketMakesSense = 0 < limits.capacity && limits.capacity < AMOUNT_END && limits.refill != 0;
        if (!bucketMakesSense || limits.largeAmount == 0) revert LimitsInvalid();
        EndpointId here = IGatewayCore(address(this)).endpointId();
        id = _laneBetween(LaneEnds({source: source, destination: here, asset: assetId, outbound: false}));
        _writeInbound(_inbound[id], limits);
        emit InboundConfigured(id, source, assetId, limits);
    }

    /// @inheritdoc IGatewayExtension
    function setLaneEnabled(LaneId id, bool enabled) external onlyGovernance nonReentrant {
        uint8 flags = _flagsOf(id);
        if (enabled) _requireOpenPeer(_peerOf(_ends[id]));
        _writeLaneEnabled(id, flags, enabled);
    }

    /* INTERNAL */

    function _setPaused(bool value) private {
        _current.paused = value;
        emit GatewayPaused(value);
    }

    /// @dev Neither this gateway nor another of its ledger: not the same name, nor the same history under another name.
    function _requireOtherLedger(EndpointId id, string calldata peerCaip2, bytes32 peerFingerprint) private view {
        IGatewayCore here = IGatewayCore(address(this));
        bool sameName = keccak256(bytes(peerCaip2)) == keccak256(bytes(here.caip2()));
        if (sameName || peerFingerprint == here.fingerprint()) revert PeerOnSameLedger(id);
    }

    function _isEvm(string calldata text) private pure returns (bool) {
        return bytes(text).length > 7 && bytes7(bytes(text)[:7]) == bytes7("eip155:");
    }

    function _requireOpenPeer(EndpointId id) private view {
        Peer storage stored = _requireRegistered(id);
        if (stored.closed) revert PeerClosedError(id);
        if (!stored.enabled) revert PeerDisabled(id);
    }

    function _requireAsset(AssetId id) private view returns (StoredAsset storage stored) {
        stored = _assets[id];
        if (stored.handling.profile == 0) revert AssetUnknown(id);
    }

    /// @dev What can be said of a profile without asking its token: all of an asset agree in mode and decimals.
    function _requireKind(AssetId id, LockMode mode, TokenForm form, uint8 decimals) private view {
        if (AssetId.unwrap(id) == 0) revert AssetUnknown(id); // 0 is "no asset" in _assetOfToken
        if (mode != LockMode.ESCROW && mode != LockMode.BURN) revert ModeUnsupported(mode);
        if (form == TokenForm.NONE) revert FormUnsupported(form);
        StoredProfile storage active = _profiles[_assets[id].handling.profile];
        if (active.mode == LockMode.NONE) return;
        if (active.mode != mode) revert ModeMismatch(active.mode, mode);
        if (active.decimals != decimals) revert DecimalsMismatch(active.decimals, decimals);
    }

    /// @dev R-01: one asset to a token, and the decimals it says.
    function _requireToken(AssetId id, address token, uint8 decimals) private view {
        if (token.code.length == 0) revert TokenWithoutCode(token);
        AssetId usedBy = _assetOfToken[token];
        if (AssetId.unwrap(usedBy) != 0 && AssetId.unwrap(usedBy) != AssetId.unwrap(id)) {
            revert TokenAlreadyUsed(token);
        }
        uint256 actual = TokenLib.decimals(token);
        if (actual != decimals) revert DecimalsMismatch(decimals, actual > 255 ? 255 : uint8(actual));
    }

    /// @dev R-22: the handler says whether it is for this token, and what the token's mint forgets.
    function _requireHandled(address token, address handler, TokenForm form, uint32 gasAllowance)
        private
        returns (bool asks)
    {
        if (handler.code.length == 0) revert HandlerWithoutCode(handler);
        bool fits;
        bool mayBurn;
        (fits, asks, mayBurn) = ITokenHandler(handler).examine(token, form);
        if (!fits) revert TokenUnsuitable(token, handler);
        if (!TokenLib.canBurn(token, form, gasAllowance, mayBurn)) revert TokenCannotBurn(token);
    }

    /// @dev An asset's first profile registers and enables it. A later one changes neither that nor the cut-off.
    function _activate(AssetId id, uint16 number, StoredProfile storage active) private {
        Handling storage handling = _assets[id].handling;
        if (handling.profile == 0) {
            _assetIds.push(id);
            handling.enabled = true;
            emit AssetEnabled(id, true);
        }
        handling.profile = number;
        handling.token = active.token;
        handling.gasAllowance = active.gasAllowance;
        handling.mode = active.mode;
        handling.form = active.form;
        handling.asks = active.asks;
    }

    function _peerOf(LaneEnds memory ends) private pure returns (EndpointId) {
        return ends.outbound ? ends.destination : ends.source;
    }

    /// @dev Creates the lane if there is none. Limits of one that is there may change whatever its peer's state.
    function _laneBetween(LaneEnds memory ends) private returns (LaneId id) {
        _requireRegistered(_peerOf(ends));
        _requireAsset(ends.asset);
        id = TransferLib.laneIdOf(ends.source, ends.destination, ends.asset);
        if (_outbound[id].flags | _inbound[id].flags == 0) _createLane(id, ends);
    }

    /// @dev A new lane is enabled.
    function _createLane(LaneId id, LaneEnds memory ends) private {
        EndpointId peerId = _peerOf(ends);
        _requireOpenPeer(peerId);
        _ends[id] = ends;
        uint8 toEvm = ends.outbound && _peers[peerId].isEvm ? TO_EVM : 0;
        _writeFlags(id, KNOWN | ENABLED | toEvm);
        _laneIds.push(id);
        _lanesOf[EndpointId.unwrap(peerId)].push(id);
        _lanesOf[AssetId.unwrap(ends.asset)].push(id);
        emit LaneEnabled(id, true);
    }

    /// @dev The bucket stays as far from full, in seconds, as it was; but never further than an empty one is, or a shorter
    /// refill would stop the lane for as long as the old one lasted.
    function _writeInbound(Inbound storage stored, InboundLimits calldata limits) private {
        uint56 empty = uint56((block.timestamp + limits.refill) << 16);
        if (stored.fullAt > empty) stored.fullAt = empty;
        stored.refill = limits.refill;
        stored.largeDelay = limits.largeDelay;
        stored.capacity = limits.capacity;
        stored.largeAmount = limits.largeAmount;
    }
}
