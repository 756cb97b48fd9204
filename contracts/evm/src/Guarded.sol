// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EndpointId, IGatewayExtension, LaneId} from "./interfaces/IGateway.sol";
import {GatewayStorage} from "./GatewayStorage.sol";

/// @title Who may call the cold part, and how a lane or a peer is stopped: what its other parts share.
/// @dev All roles are address(0) in the extension's own storage, so none of its guarded functions can be called directly.
abstract contract Guarded is GatewayStorage, IGatewayExtension {
    modifier onlyGovernance() {
        if (msg.sender != _governance) revert NotGovernance(msg.sender);
        _;
    }

    modifier onlyGuardian() {
        if (msg.sender != _guardian) revert NotGuardian(msg.sender);
        _;
    }

    modifier onlyUnpauser() {
        if (msg.sender != _unpauser) revert NotUnpauser(msg.sender);
        _;
    }

    modifier onlyAuditor() {
        if (msg.sender != _auditor) revert NotAuditor(msg.sender);
        _;
    }

    /* LANES */

    /// @dev Never 0: a lane that exists is KNOWN.
    function _flagsOf(LaneId id) internal view returns (uint8 flags) {
        flags = _ends[id].outbound ? _outbound[id].flags : _inbound[id].flags;
        if (flags == 0) revert LaneUnknown(id);
    }

    function _writeFlags(LaneId id, uint8 flags) internal {
        if (_ends[id].outbound) _outbound[id].flags = flags;
        else _inbound[id].flags = flags;
    }

    function _writeLaneEnabled(LaneId id, uint8 flags, bool enabled) internal {
        _writeFlags(id, enabled ? flags | ENABLED : flags & ~ENABLED);
        emit LaneEnabled(id, enabled);
    }

    /* PEERS */

    function _requireRegistered(EndpointId id) internal view returns (Peer storage stored) {
        stored = _peers[id];
        if (!stored.registered) revert PeerUnknown(id);
    }

    /// @dev R-07: the peer and each of its lanes that was enabled.
    function _disablePeer(EndpointId id) internal {
        _peers[id].enabled = false;
        emit PeerEnabled(id, false);
        LaneId[] storage ids = _lanesOf[EndpointId.unwrap(id)];
        for (uint256 i = 0; i < ids.length; ++i) {
            uint8 flags = _flagsOf(ids[i]);
            if (flags & ENABLED != 0) _writeLaneEnabled(ids[i], flags, false);
        }
    }
}
