// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGatewayCore, IGatewayExtension, LaneId} from "./interfaces/IGateway.sol";
import {CommitteeLib} from "./libraries/CommitteeLib.sol";
import {Attested} from "./Attested.sol";
import {Guarded} from "./Guarded.sol";

/// @title What the issuer of an asset says: its register's entries, its cut-off, and its word when an endpoint is closed
/// (R-11, R-28, R-60).
abstract contract Register is Guarded, Attested {
    /// @inheritdoc IGatewayExtension
    function issue(AssetId id, uint64 number, uint256 issued, bytes calldata signature) external nonReentrant {
        StoredAsset storage stored = _assets[id];
        uint64 next = stored.issueNumber + 1;
        if (number != next) revert IssueOutOfOrder(number, next);
        IGatewayCore here = IGatewayCore(address(this));
        bytes32 statement = CommitteeLib.issueStatement(here.endpointId(), id, number, issued);
        _requireRegister(id, here.domainSeparator(), statement, signature);
        stored.issueNumber = number;
        stored.issued = issued;
        emit Issued(id, number, issued);
    }

    /// @inheritdoc IGatewayExtension
    function setCutOff(AssetId id, uint64 from, uint64 until, uint32 margin) external nonReentrant {
        if (!_agents[id][msg.sender]) revert NotAgent(id, msg.sender);
        if (from > until) revert CutOffError(from, until);
        StoredAsset storage stored = _assets[id];
        stored.cutOff = CutOff({from: from, until: until, margin: margin});
        stored.handling.hasCutOff = until != 0;
        emit CutOffSet(id, from, until, margin, msg.sender);
    }

    /// @inheritdoc IGatewayExtension
    function close(EndpointId id, Attestation calldata attestation, bytes[] calldata signatures) external nonReentrant {
        Peer storage stored = _requireRegistered(id);
        if (stored.closed) revert PeerClosedError(id);
        if (!stored.closing) revert PeerNotClosing(id);
        bytes32 domainSeparator = IGatewayCore(address(this)).domainSeparator();
        _requireAttested(domainSeparator, CommitteeLib.closedStatement(attestation.epoch, id), attestation);
        _requireRegisters(id, domainSeparator, signatures);
        stored.closed = true;
        _disablePeer(id);
        emit PeerClosed(id);
    }

    /// @inheritdoc IGatewayExtension
    /// @dev In the order of their first lanes with the peer.
    function assetsWith(EndpointId id) public view returns (AssetId[] memory found) {
        LaneId[] storage ids = _lanesOf[EndpointId.unwrap(id)];
        found = new AssetId[](ids.length);
        uint256 count = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            AssetId candidate = _ends[ids[i]].asset;
            if (!_isAmong(found, count, candidate)) found[count++] = candidate;
        }
        assembly ("memory-safe") {
            mstore(found, count) // shorter than it was made
        }
    }

    /* INTERNAL */

    /// @dev R-60: of each asset that has a lane with the peer.
    function _requireRegisters(EndpointId id, bytes32 domainSeparator, bytes[] calldata signatures) private view {
        AssetId[] memory concerned = assetsWith(id);
        if (signatures.length != concerned.length) revert LengthMismatch(concerned.length, signatures.length);
        for (uint256 i = 0; i < concerned.length; ++i) {
            bytes32 statement = CommitteeLib.closingStatement(concerned[i], id);
            _requireRegister(concerned[i], domainSeparator, statement, signatures[i]);
        }
    }

    function _requireRegister(AssetId id, bytes32 domainSeparator, bytes32 statement, bytes calldata signature)
        private
        view
    {
        if (!CommitteeLib.isSignedBy(_assets[id].registerKey, domainSeparator, statement, signature)) {
            revert RegisterSignatureInvalid(id);
        }
    }

    function _isAmong(AssetId[] memory list, uint256 count, AssetId wanted) private pure returns (bool) {
        for (uint256 i = 0; i < count; ++i) {
            if (AssetId.unwrap(list[i]) == AssetId.unwrap(wanted)) return true;
        }
        return false;
    }
}
