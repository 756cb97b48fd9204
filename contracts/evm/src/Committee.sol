// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayCore, IGatewayExtension} from "./interfaces/IGateway.sol";
import {CommitteeLib} from "./libraries/CommitteeLib.sol";
import {SchnorrLib} from "./libraries/SchnorrLib.sol";
import {Attested} from "./Attested.sol";
import {Guarded} from "./Guarded.sol";

/// @title Whose signature counts: the committee's keys, by epoch (R-40).
/// @dev Two epochs are accepted, `_current` and `_previous`. The current epoch is the highest there ever was; if it was
/// revoked there is none, and what comes next is above it. An epoch's heir, if any, has the next number: a handover
/// names no other. So the descendants of an epoch are the numbers after it, as far as each was handed over by the one
/// before.
abstract contract Committee is Guarded, Attested {
    /* ANYONE */

    /// @inheritdoc IGatewayExtension
    function handover(uint64 number, uint256 px, uint256 py, Attestation calldata attestation) external nonReentrant {
        uint64 signer = _current.epoch;
        if (signer == 0 || attestation.epoch != signer) revert EpochUnknown(attestation.epoch);
        if (number != signer + 1) revert EpochNotNext(number, signer + 1);
        if (_handover.epoch != 0) revert HandoverPending(_handover.epoch);
        address key = _requireUsableKey(number, px, py);
        _requireAttested(
            IGatewayCore(address(this)).domainSeparator(), CommitteeLib.handoverStatement(number, px, py), attestation
        );
        uint64 ready = uint64(block.timestamp) + _handoverDelay;
        _handover = PendingHandover({epoch: number, key: key, ready: ready});
        emit HandoverAnnounced(number, px, py, ready);
    }

    /// @inheritdoc IGatewayExtension
    function activateEpoch() external nonReentrant {
        PendingHandover memory next = _requireHandover();
        if (block.timestamp < next.ready) revert HandoverNotReady(next.epoch, next.ready);
        delete _handover;
        _putInForce(next.epoch, next.key, _current.epoch);
    }

    /* GUARDIAN */

    /// @inheritdoc IGatewayExtension
    /// @dev After the delay too, until somebody activates it: a key that nobody has used yet can still be refused.
    function vetoHandover() external onlyGuardian nonReentrant {
        _requireHandover();
        _strikeHandover();
    }

    /// @inheritdoc IGatewayExtension
    function retirePreviousEpoch() external onlyGuardian nonReentrant {
        uint64 number = _previous.epoch;
        if (number == 0) revert EpochUnknown(0);
        delete _previous;
        emit EpochRetired(number);
    }

    /// @inheritdoc IGatewayExtension
    /// @dev A second time it changes nothing: no epoch descends from a revoked one after that.
    function revokeEpoch(uint64 number) external onlyGuardian nonReentrant {
        if (_epochs[number].key == address(0)) revert EpochUnknown(number);
        _revokeWithHeirs(number);
        if (_epochs[_previous.epoch].revoked) delete _previous;
        if (!_epochs[_current.epoch].revoked) return;
        _current = Current({key: address(0), epoch: 0, paused: _current.paused});
        if (_handover.epoch != 0) _strikeHandover(); // the revoked epoch signed it
    }

    /* GOVERNANCE */

    /// @inheritdoc IGatewayExtension
    /// @dev A number whose handover was vetoed was never in force: it may be used with another key. The epoch before, if
    /// there is one, is still accepted, so that what it signed can be finished.
    function registerKey(uint64 number, uint256 px, uint256 py) external onlyGovernance nonReentrant {
        if (number <= _highestEpoch) revert EpochUsed(number);
        address key = _requireUsableKey(number, px, py);
        _dropHandoverFor(number, key);
        emit KeyRegistered(number, px, py);
        _putInForce(number, key, 0);
    }

    /* VIEWS */

    /// @inheritdoc IGatewayExtension
    function currentEpoch() external view returns (uint64) {
        return _current.epoch;
    }

    /// @inheritdoc IGatewayExtension
    function previousEpoch() external view returns (uint64) {
        return _previous.epoch;
    }

    /// @inheritdoc IGatewayExtension
    function epoch(uint64 number) external view returns (EpochState memory) {
        StoredEpoch storage stored = _epochs[number];
        bool accepted = number != 0 && (number == _current.epoch || number == _previous.epoch);
        return EpochState({key: stored.key, parent: stored.parent, accepted: accepted, revoked: stored.revoked});
    }

    /// @inheritdoc IGatewayExtension
    function pendingHandover() external view returns (PendingHandover memory) {
        return _handover;
    }

    /// @inheritdoc IGatewayExtension
    function isStruck(uint64 number, address key) external view returns (bool) {
        return _struck[number][key];
    }

    /* INTERNAL */

    function _requireUsableKey(uint64 number, uint256 px, uint256 py) private view returns (address key) {
        if (!SchnorrLib.isValidKey(px, py)) revert KeyInvalid(px, py);
        key = SchnorrLib.addressOf(px, py);
        if (_struck[number][key] || _usedKeys[key]) revert KeyStruck(number, key);
    }

    function _requireHandover() private view returns (PendingHandover memory next) {
        next = _handover;
        if (next.epoch == 0) revert HandoverMissing();
    }

    /// @dev The epoch that was in force is the previous one from now on; if there was none, the previous one stays.
    function _putInForce(uint64 number, address key, uint64 parent) private {
        Current memory before = _current;
        if (before.epoch != 0) _previous = Previous({key: before.key, epoch: before.epoch});
        _current = Current({key: key, epoch: number, paused: before.paused});
        _epochs[number] = StoredEpoch({key: key, parent: parent, revoked: false});
        _usedKeys[key] = true;
        _highestEpoch = number;
        emit EpochActivated(number, key);
    }

    /// @dev Governance's word overrides a handover that waits: its signer is no longer the current epoch, and activated
    /// later it would put a lower number, or the same with another key, above the registered one. It is struck, so that a
    /// committee which goes by it elsewhere is seen to be refused here. If governance registers the very key that waits
    /// (it need not wait), there is nothing to strike.
    function _dropHandoverFor(uint64 number, address key) private {
        PendingHandover memory dropped = _handover;
        if (dropped.epoch == 0) return;
        if (dropped.epoch == number && dropped.key == key) delete _handover;
        else _strikeHandover();
    }

    function _strikeHandover() private {
        (uint64 number, address key) = (_handover.epoch, _handover.key);
        _struck[number][key] = true;
        delete _handover;
        emit HandoverVetoed(number, key);
    }

    /// @dev By the heirs' numbers, one after the other (see above); as many steps as there were handovers.
    function _revokeWithHeirs(uint64 number) private {
        while (!_epochs[number].revoked) {
            _epochs[number].revoked = true;
            emit EpochRevoked(number);
            if (number == type(uint64).max || _epochs[number + 1].parent != number) return;
            ++number;
        }
    }
}
