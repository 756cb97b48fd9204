// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, Ending, IGatewayCore, IGatewayTypes, Outcome} from "../../src/interfaces/IGateway.sol";
import {Turn} from "./Turncoat.sol";
import {IJudge, Kind, World} from "./World.sol";

/// Anybody moving transfers in any order at any gas limit. The committee is honest in one thing alone, that an Outcome says
/// what the destination recorded; approvals and refusals of one transfer it signs at will. Each action says what it may
/// change; Ghost finds out whether that was all.
contract Transfers is World {
    /* DECISIONS */

    function settle(uint256 seed) external {
        (uint256 g, IGatewayTypes.Transfer[] memory list) = _pick(seed, true);
        if (shown.length != 0 && (seed >> 60) & 3 == 0) (g, list) = _again(seed >> 64);
        if (list.length == 0) return;
        (uint64 epoch, bool accepted) = _signer(g, seed >> 16);
        IGatewayTypes.Attestation memory attestation = _attest(g, keyOf[g][epoch], epoch, _lockedBy(epoch, list));
        IGatewayTypes.Batch[] memory batches = _inbound(_baring(list, seed));
        vm.chainId(chains[g]);
        try gateways[g].settle{gas: _gas(seed)}(batches, attestation) {
            _true(accepted, "R-40: only an accepted epoch");
            ++counts["settle"];
            _noteShown(list);
        } catch {}
        _observe(Kind.MINTS);
    }

    function _noteShown(IGatewayTypes.Transfer[] memory list) private {
        for (uint256 k = 0; k < list.length; ++k) {
            if (list[k].sequence != 0 && list[k].amount >= 1e4) shown.push(_placeOf(list[k]));
        }
    }

    /// One large transfer that was tried before.
    function _again(uint256 seed) private returns (uint256 g, IGatewayTypes.Transfer[] memory list) {
        uint256 place = seed % shown.length;
        uint256 i = shown[place];
        shown[place] = shown[shown.length - 1];
        shown.pop();
        return (ways[states[i].way].to, _one(items[i]));
    }

    /// Before the deadline for a reason of the committee's; at and after it as EXPIRED.
    function refuse(uint256 seed) external {
        (uint256 g, IGatewayTypes.Transfer[] memory list) = _pick(seed, true);
        if (list.length == 0) return;
        bytes memory reasons = new bytes(list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            bool late = vm.getBlockTimestamp() >= list[i].deadline;
            reasons[i] = bytes1(late ? EXPIRED_REASON : uint8(1 + (seed >> 64) % 9));
        }
        (uint64 epoch, bool accepted) = _signer(g, seed >> 16);
        bytes32 statement = _refusedBy(epoch, list, reasons);
        IGatewayTypes.Attestation memory attestation = _attest(g, keyOf[g][epoch], epoch, statement);
        IGatewayTypes.Batch[] memory batches = _inbound(_baring(list, seed));
        vm.chainId(chains[g]);
        try gateways[g].refuse{gas: _gas(seed)}(batches, reasons, attestation) {
            _true(accepted, "R-40: only an accepted epoch");
            ++counts["refuse"];
        } catch {}
        _observe(Kind.REFUSALS);
    }

    /* ENDINGS */

    /// Of what is decided.
    function finish(uint256 seed) external {
        (uint256 g, IGatewayTypes.Transfer[] memory list) = _pick(seed, false);
        bytes memory outcomes;
        (list, outcomes) = _decided(list);
        if (list.length == 0) return;
        (uint64 epoch, bool accepted) = _signer(g, seed >> 16);
        bytes32 statement = _outcomeBy(epoch, list, outcomes);
        IGatewayTypes.Attestation memory attestation = _attest(g, keyOf[g][epoch], epoch, statement);
        IGatewayTypes.Batch[] memory batches = _outbound(_baring(list, seed));
        vm.chainId(chains[g]);
        try gateways[g].finish{gas: _gas(seed)}(batches, outcomes, attestation) {
            _true(accepted, "R-40: only an accepted epoch");
            ++counts["finish"];
        } catch {}
        _observe(Kind.ENDINGS);
    }

    /// Of what waits, and now and then of what doesn't.
    function payout(uint256 seed) external {
        if (items.length == 0) return;
        bool any = waiting.length == 0 || seed % 8 == 0;
        uint256 place = any ? 0 : (seed >> 8) % waiting.length;
        uint256 i = any ? (seed >> 8) % items.length : waiting[place];
        Ending waits = states[i].waits;
        uint256 g = ways[states[i].way].from;
        vm.chainId(chains[g]);
        try gateways[g].payout{gas: _gas(seed >> 32)}(items[i]) {
            _true(waits != Ending.OPEN, "R-31: only what is pending is paid");
            while (waiting[place] != i) ++place;
            IJudge(address(this)).bookPayout(place, _address(items[i].sender));
            delete redirects[i];
            ++counts[waits == Ending.COMMITTED ? "payout, burn" : "payout, back"];
        } catch {}
        _observe(Kind.NOTHING);
    }

    function proposeRedirect(uint256 seed) external {
        if (waiting.length == 0) return;
        uint256 i = waiting[(seed >> 8) % waiting.length];
        uint256 g = ways[states[i].way].from;
        address agent = agents[seed & 1];
        vm.chainId(chains[g]);
        vm.prank(agent);
        try gateways[g].proposeRedirect(items[i], HEIR) {
            _true(states[i].waits == Ending.RELEASED, "R-31: only a payment back is redirected");
            redirects[i] = Redirect({agent: agent, to: HEIR, ready: uint64(vm.getBlockTimestamp()) + DELAY});
            ++counts["proposeRedirect"];
        } catch {}
        _observe(Kind.NOTHING);
    }

    /// By either agent, in time or not.
    function confirmRedirect(uint256 seed) external {
        if (waiting.length == 0) return;
        uint256 place = (seed >> 8) % waiting.length;
        for (uint256 k = 0; k < waiting.length; ++k) {
            if (redirects[waiting[k]].to != address(0)) place = k;
        }
        uint256 i = waiting[place];
        uint256 g = ways[states[i].way].from;
        address agent = agents[seed & 1];
        Redirect memory proposed = redirects[i];
        vm.chainId(chains[g]);
        vm.prank(agent);
        try gateways[g].confirmRedirect(items[i], HEIR) {
            _true(proposed.to == HEIR && proposed.agent != agent, "R-61: by two agents");
            _true(proposed.ready <= vm.getBlockTimestamp(), "R-61: after the delay");
            IJudge(address(this)).bookPayout(place, HEIR);
            delete redirects[i];
            ++counts["confirmRedirect"];
        } catch {}
        _observe(Kind.NOTHING);
    }

    /* REENTRY */

    /// Arm a token with a call that would succeed if the gateway let it in.
    function arm(uint256 seed) external {
        (uint256 g, IGatewayTypes.Transfer[] memory list) = _pick(seed, true);
        if (list.length == 0) return;
        uint64 epoch = gateways[g].currentEpoch();
        IGatewayTypes.Attestation memory attestation = _attest(g, keyOf[g][epoch], epoch, _lockedBy(epoch, list));
        bytes memory data = abi.encodeCall(IGatewayCore.settle, (_inbound(list), attestation));
        if (waiting.length != 0 && seed & 0x100 != 0) {
            uint256 i = waiting[(seed >> 16) % waiting.length];
            g = ways[states[i].way].from;
            data = abi.encodeCall(IGatewayCore.payout, (items[i]));
        }
        if (seed & 0x600 == 0) data = abi.encodeCall(IGatewayCore.cancelNonces, (0, 1));
        tokens[g][(seed >> 12) & 1].setCallback(address(gateways[g]), data);
    }

    /* THE END */

    /// INV-8, without its times: whatever was stopped, whatever the tokens do, every transfer is decided and ends; and once
    /// they are good again, all is paid and nothing stays in escrow.
    function bringToAnEnd() external {
        vm.warp(vm.getBlockTimestamp() + 30 days);
        for (uint256 g = 0; g < 2; ++g) {
            if (gateways[g].currentEpoch() == 0) IJudge(address(this)).registerKey(g);
            _refuseRest(g);
            _observe(Kind.REFUSALS);
        }
        for (uint256 g = 0; g < 2; ++g) {
            _finishRest(g);
            _observe(Kind.ENDINGS);
        }
        for (uint256 i = 0; i < states.length; ++i) {
            _true(states[i].ending != Ending.OPEN, "INV-8: every transfer ends");
        }
        IJudge(address(this)).checkAll();
        IJudge(address(this)).checkRebuild();
        _payRest();
        _eq(waiting.length, 0, "INV-8: everything is paid");
        IJudge(address(this)).checkAll();
        for (uint256 g = 0; g < 2; ++g) {
            (,,, uint256 held) = gateways[g].totals(assetIds[0]);
            _eq(held, 0, "INV-8: nothing stays in escrow");
        }
    }

    function _refuseRest(uint256 g) private {
        IGatewayTypes.Transfer[] memory list = _rest(g, true);
        if (list.length == 0) return;
        bytes memory reasons = _repeat(bytes1(EXPIRED_REASON), list.length);
        uint64 epoch = gateways[g].currentEpoch();
        bytes32 statement = _refusedBy(epoch, list, reasons);
        IGatewayTypes.Attestation memory attestation = _attest(g, keyOf[g][epoch], epoch, statement);
        vm.chainId(chains[g]);
        gateways[g].refuse(_inbound(list), reasons, attestation);
    }

    function _finishRest(uint256 g) private {
        (IGatewayTypes.Transfer[] memory list, bytes memory outcomes) = _decided(_rest(g, false));
        if (list.length == 0) return;
        uint64 epoch = gateways[g].currentEpoch();
        bytes32 statement = _outcomeBy(epoch, list, outcomes);
        IGatewayTypes.Attestation memory attestation = _attest(g, keyOf[g][epoch], epoch, statement);
        vm.chainId(chains[g]);
        gateways[g].finish(_outbound(list), outcomes, attestation);
    }

    function _payRest() private {
        for (uint256 g = 0; g < 2; ++g) {
            tokens[g][0].become(Turn.HONEST);
            tokens[g][1].become(Turn.HONEST);
        }
        while (waiting.length != 0) {
            uint256 i = waiting[0];
            uint256 g = ways[states[i].way].from;
            vm.chainId(chains[g]);
            gateways[g].payout(items[i]);
            IJudge(address(this)).bookPayout(0, _address(items[i].sender));
        }
    }

    /* HELPERS */

    /// One to six that go to (else: come from) one ledger, mostly young and open, the same twice if it so happens.
    function _pick(uint256 seed, bool inbound) private view returns (uint256 g, IGatewayTypes.Transfer[] memory list) {
        g = seed & 1;
        uint256 count = items.length;
        list = new IGatewayTypes.Transfer[](count == 0 ? 0 : 1 + (seed >> 1) % 6);
        uint256 n;
        for (uint256 k = 0; k < list.length; ++k) {
            uint256 i = _drawOne(uint256(keccak256(abi.encode(seed, k))), inbound);
            Way storage way = ways[states[i].way];
            if ((inbound ? way.to : way.from) == g) list[n++] = items[i];
        }
        _shorten(list, n);
    }

    function _drawOne(uint256 draw, bool inbound) private view returns (uint256 i) {
        uint256 count = items.length;
        for (uint256 attempt = 0; attempt < 4; ++attempt) {
            uint256 back = draw & 3 == 0 || count < 24 ? (draw >> 8) % count : (draw >> 8) % 24;
            i = count - 1 - back;
            if (inbound ? states[i].outcome == Outcome.NONE : states[i].ending == Ending.OPEN) return i;
            draw >>= 16;
        }
    }

    /// All that is undecided towards, or open from, a ledger.
    function _rest(uint256 g, bool inbound) private view returns (IGatewayTypes.Transfer[] memory list) {
        list = new IGatewayTypes.Transfer[](items.length);
        uint256 n;
        for (uint256 i = 0; i < items.length; ++i) {
            Way storage way = ways[states[i].way];
            bool open = inbound ? states[i].outcome == Outcome.NONE : states[i].ending == Ending.OPEN;
            if (open && (inbound ? way.to : way.from) == g) list[n++] = items[i];
        }
        _shorten(list, n);
    }

    /// Some of a list as bare ids, in one call of four.
    function _baring(IGatewayTypes.Transfer[] memory list, uint256 seed)
        private
        pure
        returns (IGatewayTypes.Transfer[] memory)
    {
        if ((seed >> 40) & 3 != 0) return list;
        for (uint256 k = 1; k < list.length; ++k) {
            if ((seed >> (48 + k)) & 1 != 0) list[k] = _bare(list[k]);
        }
        return list;
    }

    /// Those of a list that have an outcome, with it.
    function _decided(IGatewayTypes.Transfer[] memory list)
        private
        view
        returns (IGatewayTypes.Transfer[] memory, bytes memory outcomes)
    {
        outcomes = new bytes(list.length);
        uint256 n;
        for (uint256 k = 0; k < list.length; ++k) {
            Outcome outcome = _outcomeSeen(list[k]);
            if (outcome == Outcome.NONE) continue;
            list[n] = list[k];
            outcomes[n++] = bytes1(uint8(outcome));
        }
        _shorten(list, n);
        assembly ("memory-safe") {
            mstore(outcomes, n)
        }
        return (list, outcomes);
    }

    /// By the ghost's book, which agrees with the gateway's.
    function _outcomeSeen(IGatewayTypes.Transfer memory item) private view returns (Outcome) {
        return states[_placeOf(item)].outcome;
    }

    function _placeOf(IGatewayTypes.Transfer memory item) private view returns (uint256) {
        uint256 w = 0;
        while (!_same(item, ways[w])) ++w;
        return placeOf[w][item.sequence] - 1;
    }

    function _same(IGatewayTypes.Transfer memory item, Way memory way) private view returns (bool) {
        return AssetId.unwrap(item.asset) == AssetId.unwrap(assetIds[way.asset])
            && EndpointId.unwrap(item.source) == EndpointId.unwrap(endpoints[way.from]);
    }

    function _shorten(IGatewayTypes.Transfer[] memory list, uint256 length) private pure {
        assembly ("memory-safe") {
            mstore(list, length)
        }
    }
}
