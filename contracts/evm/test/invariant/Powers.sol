// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, TokenForm} from "../../src/interfaces/IGateway.sol";
import {Turn} from "./Turncoat.sol";
import {Kind, World} from "./World.sol";

/// What those in power do, and what tokens and time do: everything but moving transfers.
contract Powers is World {
    modifier by(address who, uint256 g) {
        vm.chainId(chains[g]);
        vm.prank(who);
        _;
        _observe(Kind.NOTHING);
    }

    /* TIME AND TOKENS */

    /// Mostly minutes, now and then half a day.
    function wait_(uint256 seed) external {
        uint256 span = seed % 32 == 0 ? 12 hours : 12 minutes;
        vm.warp(vm.getBlockTimestamp() + 1 + (seed >> 8) % span);
        vm.roll(block.number + 1);
    }

    function turn(uint256 seed) external {
        tokens[seed & 1][(seed >> 1) & 1].become(Turn((seed >> 2) % 14));
    }

    function repair(uint256 seed) external {
        for (uint256 t = 0; t < 4; ++t) {
            if ((seed >> t) & 3 != 0) tokens[t & 1][t >> 1].become(Turn.HONEST);
        }
    }

    function bar(uint256 seed) external {
        tokens[seed & 1][(seed >> 1) & 1].bar(people[(seed >> 2) % people.length], seed & 0x300 == 0);
    }

    /* STOPPING AND RESUMING */

    function stop(uint256 seed) external {
        (uint256 g, uint256 w, uint256 a) = (seed & 1, (seed >> 1) & 3, (seed >> 3) & 1);
        uint256 what = (seed >> 4) % 8;
        if (what == 0) _pause(g);
        else if (what < 3) _pauseLane(g, w);
        else if (what < 5) _auditPauseLane(g, w);
        else if (what == 5) _setLaneEnabled(g, w, false);
        else if (what == 6) _setAssetEnabled(g, a, false);
        else _setPeerEnabled(g, false);
    }

    function resume(uint256 seed) external {
        if (seed & 3 != 0) _resume(0);
        if (seed & 12 != 0) _resume(1);
    }

    function _resume(uint256 g) internal {
        _unpause(g);
        _setPeerEnabled(g, true);
        for (uint256 a = 0; a < 2; ++a) {
            if (assetDisabled[g][a]) _setAssetEnabled(g, a, true);
        }
        for (uint256 w = 0; w < WAYS; ++w) {
            _setLaneEnabled(g, w, true);
            if (stops[g][w].paused || stops[g][w].auditUntil != 0) _unpauseLane(g, w);
        }
    }

    function _pause(uint256 g) private by(guardian, g) {
        gateways[g].pause();
        paused[g] = true;
        ++counts["pause"];
    }

    function _unpause(uint256 g) private by(unpauser, g) {
        gateways[g].unpause();
        paused[g] = false;
        ++counts["unpause"];
    }

    function _pauseLane(uint256 g, uint256 w) private by(guardian, g) {
        gateways[g].pauseLane(ways[w].id);
        stops[g][w].paused = true;
        ++counts["pauseLane"];
    }

    function _auditPauseLane(uint256 g, uint256 w) private by(auditor, g) {
        uint64 until = uint64(vm.getBlockTimestamp()) + 24 hours;
        try gateways[g].auditPauseLane(ways[w].id) {
            stops[g][w].auditUntil = until;
            ++counts["auditPauseLane"];
        } catch {
            _true(
                stops[g][w].auditUntil + 24 hours > vm.getBlockTimestamp(),
                "R-61: the auditor may pause again a day later"
            );
        }
    }

    function _unpauseLane(uint256 g, uint256 w) private by(unpauser, g) {
        gateways[g].unpauseLane(ways[w].id);
        stops[g][w].paused = false;
        uint64 now_ = uint64(vm.getBlockTimestamp());
        if (stops[g][w].auditUntil > now_) stops[g][w].auditUntil = now_;
        ++counts["unpauseLane"];
    }

    function _setLaneEnabled(uint256 g, uint256 w, bool enabled) private by(governance, g) {
        gateways[g].setLaneEnabled(ways[w].id, enabled);
        stops[g][w].disabled = !enabled;
        ++counts[enabled ? "enable lane" : "disable lane"];
    }

    function _setAssetEnabled(uint256 g, uint256 a, bool enabled) private by(governance, g) {
        gateways[g].setAssetEnabled(assetIds[a], enabled);
        assetDisabled[g][a] = !enabled;
        ++counts[enabled ? "enable asset" : "disable asset"];
    }

    /// R-07: disabling disables the lanes; enabling leaves them so.
    function _setPeerEnabled(uint256 g, bool enabled) private by(governance, g) {
        gateways[g].setPeerEnabled(endpoints[1 - g], enabled);
        peerDisabled[g] = !enabled;
        for (uint256 w = 0; w < WAYS && !enabled; ++w) {
            stops[g][w].disabled = true;
        }
        ++counts[enabled ? "enable peer" : "disable peer"];
    }

    /* LIMITS, PROFILES, CUT-OFF */

    /// Of one way: the bucket keeps its deficit in seconds, an empty one's at the most.
    function limit(uint256 seed) external {
        Way memory way = ways[seed & 3];
        if (seed & 4 == 0) return _limitOutbound(way, uint128(1 + (seed >> 8) % 1e5));
        Bucket storage bucket = buckets[seed & 3];
        bucket.limits = IGatewayTypes.InboundLimits({
            capacity: uint128(5e4 + (seed >> 8) % 4e5),
            largeAmount: uint128(1e4 + (seed >> 64) % 1e5),
            refill: uint32(2 hours + (seed >> 128) % 6 hours),
            largeDelay: LARGE_DELAY
        });
        _drain(bucket);
        uint256 empty = uint256(bucket.limits.refill) << 32;
        if (bucket.deficit > empty) bucket.deficit = empty;
        _limitInbound(way, bucket.limits);
    }

    function _limitInbound(Way memory way, IGatewayTypes.InboundLimits memory limits) private by(governance, way.to) {
        gateways[way.to].configureInbound(endpoints[way.from], assetIds[way.asset], limits);
        ++counts["configureInbound"];
    }

    /// Never so that nothing passes.
    function _limitOutbound(Way memory way, uint128 amountMax) private by(governance, way.from) {
        IGatewayTypes.OutboundLimits memory limits = _firstOutbound();
        limits.amountMax = amountMax + 1e4;
        gateways[way.from].configureOutbound(endpoints[way.to], assetIds[way.asset], limits);
        ++counts["configureOutbound"];
    }

    /// R-07: the same token with another allowance and as one of another standard; what is locked keeps the old ones.
    function addProfile(uint256 seed) external by(governance, seed & 1) {
        (uint256 g, uint256 a) = (seed & 1, (seed >> 1) & 1);
        uint32 allowance = uint32(100_000 + (seed >> 8) % 200_000);
        Standard memory chosen = standards[(seed >> 40) % standards.length];
        TokenForm form = chosen.form == TokenForm.NONE ? TokenForm(1 + (seed >> 80) % 3) : chosen.form;
        address token = address(tokens[g][a]);
        try gateways[g].addProfile(assetIds[a], token, chosen.handler, _modeOf(a), form, 0, allowance) returns (
            uint16 number
        ) {
            profileOf[g][a] = number;
            ++counts["addProfile"];
            ++counts[chosen.name];
        } catch {}
    }

    /// A window an hour away, or none.
    function setCutOff(uint256 seed) external by(agents[(seed >> 2) & 1], seed & 1) {
        (uint256 g, uint256 a) = (seed & 1, (seed >> 1) & 1);
        uint64 from = seed & 0x30 == 0 ? uint64(vm.getBlockTimestamp() + (seed >> 8) % 2 hours) : 0;
        gateways[g].setCutOff(assetIds[a], from, from == 0 ? 0 : from + 10 minutes, 60);
        ++counts["setCutOff"];
    }

    /* COMMITTEE */

    function committee(uint256 seed) external {
        uint256 g = seed & 1;
        uint256 what = (seed >> 1) % 16;
        if (gateways[g].currentEpoch() == 0 && what & 1 == 0) return registerKey(g);
        if (what < 6) _handover(g);
        else if (what < 11) _activate(g);
        else if (what == 11) _veto(g);
        else if (what == 12) _retire(g);
        else if (what < 15) _revoke(g, uint64((seed >> 8) % 4));
        else registerKey(g);
    }

    function _handover(uint256 g) private {
        uint64 signer = gateways[g].currentEpoch();
        uint256 key = _nextKey(g);
        (uint256 px, uint256 py) = (keys[key].x, keys[key].y);
        bytes32 kind = keccak256("Handover(uint64 epoch,uint256 px,uint256 py)");
        bytes32 statement = keccak256(abi.encode(kind, signer + 1, px, py));
        IGatewayTypes.Attestation memory attestation = _attest(g, keyOf[g][signer], signer, statement);
        vm.chainId(chains[g]);
        try gateways[g].handover(signer + 1, px, py, attestation) {
            _true(signer != 0 && !_isRevoked(g, signer), "R-40: only the epoch in force hands over");
            keyOf[g][signer + 1] = key;
            ++counts["handover"];
        } catch {}
    }

    function _activate(uint256 g) private {
        vm.chainId(chains[g]);
        uint64 signer = gateways[g].currentEpoch();
        uint64 ready = gateways[g].pendingHandover().ready;
        try gateways[g].activateEpoch() {
            _true(ready <= vm.getBlockTimestamp(), "R-40: not before the delay is over");
            highest[g] = signer + 1;
            parentOf[g][signer + 1] = signer;
            ++counts["activateEpoch"];
        } catch {}
    }

    function _veto(uint256 g) private by(guardian, g) {
        try gateways[g].vetoHandover() {
            ++counts["vetoHandover"];
        } catch {}
    }

    function _retire(uint256 g) private by(guardian, g) {
        try gateways[g].retirePreviousEpoch() {
            ++counts["retirePreviousEpoch"];
        } catch {}
    }

    function _revoke(uint256 g, uint64 back) private by(guardian, g) {
        uint64 number = highest[g] - back;
        try gateways[g].revokeEpoch(number) {
            revoked[g][number] = true;
            ++counts["revokeEpoch"];
        } catch {}
    }

    function registerKey(uint256 g) public by(governance, g) {
        uint256 key = _nextKey(g);
        uint64 number = highest[g] + 2; // not the pending one's, whose key may be struck
        gateways[g].registerKey(number, keys[key].x, keys[key].y);
        keyOf[g][number] = key;
        highest[g] = number;
        ++counts["registerKey"];
    }
}
