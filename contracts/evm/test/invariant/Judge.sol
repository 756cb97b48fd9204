// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, LockMode, Outcome, TransferId} from "../../src/interfaces/IGateway.sol";
import {Turncoat} from "./Turncoat.sol";
import {Kind, World} from "./World.sol";

/// What must be so, kept by the test itself: every transfer that was locked, what became of it, who holds what. After each
/// action the gateways' words are compared with the ghost's: what changed must be what this action may change, and is
/// booked; then all totals and balances must agree to the unit.
contract Judge is World {
    /* BOOKING */

    function bookLock(uint256 w, IGatewayTypes.Transfer calldata terms) external {
        booked = true;
        Way memory way = ways[w];
        _true(!paused[way.from], "R-32: no lock while the gateway is paused");
        _requireOpen(way.from, w);
        items.push(terms);
        states.push();
        State storage state = states[states.length - 1];
        state.way = uint8(w);
        state.height = uint48(block.number);
        state.profile = profileOf[way.from][way.asset];
        placeOf[w][terms.sequence] = items.length;
        ++sums[w].count;
        sums[w].locked += terms.amount;
        Turncoat token = tokens[way.from][way.asset];
        unitsOf[token][_address(terms.sender)] -= terms.amount;
        if (_modeOf(way.asset) == LockMode.ESCROW) unitsOf[token][address(gateways[way.from])] += terms.amount;
        else supplyOf[token] -= terms.amount;
    }

    function _bookOutcome(uint256 i, Outcome outcome, Kind allowed) private {
        State storage state = states[i];
        _true(state.outcome == Outcome.NONE, "INV-3: a record changes once");
        state.outcome = outcome;
        if (outcome != Outcome.MINTED) {
            _true(allowed == Kind.REFUSALS, "R-23: only refuse writes REJECTED and EXPIRED");
            return;
        }
        IGatewayTypes.Transfer memory item = items[i];
        (uint256 w, Way memory way) = (state.way, ways[state.way]);
        _true(allowed == Kind.MINTS, "R-20: only settle mints");
        _true(state.ending == Ending.OPEN, "INV-1: never MINTED after RELEASED");
        _true(vm.getBlockTimestamp() < item.deadline, "R-20: never at the deadline or after");
        _true(!paused[way.to], "R-32: no mint while the gateway is paused");
        _requireOpen(way.to, w);
        _bookBucket(w, i, item.amount);
        sums[w].minted += item.amount;
        Turncoat token = tokens[way.to][way.asset];
        unitsOf[token][_address(item.recipient)] += item.amount;
        supplyOf[token] += item.amount;
        ++counts["minted"];
    }

    function _bookBucket(uint256 w, uint256 i, uint256 amount) private {
        Bucket storage bucket = buckets[w];
        IGatewayTypes.InboundLimits memory limits = bucket.limits;
        _drain(bucket);
        bucket.deficit += (amount * limits.refill << 32) / limits.capacity;
        _le(bucket.deficit, uint256(limits.refill) << 32, "R-25: never more than the bucket holds");
        if (amount < limits.largeAmount) return;
        uint64 release = gateways[ways[w].to].releaseTime(_id(items[i]));
        _true(release != 0 && release <= vm.getBlockTimestamp(), "R-25: a large amount was shown, and waited");
        ++counts["minted, large"];
    }

    function _bookEnding(uint256 i, Ending ending, Kind allowed) private {
        State storage state = states[i];
        uint256 amount = items[i].amount;
        _true(allowed == Kind.ENDINGS, "R-31: only finish ends");
        _true(state.ending == Ending.OPEN, "INV-3: a record changes once");
        _true((ending == Ending.COMMITTED) == (state.outcome == Outcome.MINTED), "INV-1, INV-2: as decided");
        _true(state.outcome != Outcome.NONE, "INV-2: nothing ends undecided");
        state.ending = ending;
        Way memory way = ways[state.way];
        (Ending waits, uint16 profile) = gateways[way.from].pending(_id(items[i]));
        state.waits = waits;
        if (ending == Ending.COMMITTED) sums[state.way].committed += amount;
        else sums[state.way].released += amount;
        if (waits == Ending.OPEN) {
            _bookPayment(i, _address(items[i].sender));
            return;
        }
        _true(waits == ending && profile == state.profile, "R-31: pending as sealed, by the lock's profile");
        if (ending == Ending.COMMITTED) sums[state.way].pendingBurn += amount;
        else sums[state.way].pendingPay += amount;
        waiting.push(i);
        ++counts["pending"];
    }

    /// What was pending is burned, or paid to `to`.
    function bookPayout(uint256 place, address to) external {
        booked = true;
        uint256 i = waiting[place];
        waiting[place] = waiting[waiting.length - 1];
        waiting.pop();
        State storage state = states[i];
        if (state.waits == Ending.COMMITTED) sums[state.way].pendingBurn -= items[i].amount;
        else sums[state.way].pendingPay -= items[i].amount;
        state.waits = Ending.OPEN;
        _bookPayment(i, to);
    }

    function _bookPayment(uint256 i, address to) private {
        Way memory way = ways[states[i].way];
        (Turncoat token, uint256 amount) = (tokens[way.from][way.asset], items[i].amount);
        bool held = _modeOf(way.asset) == LockMode.ESCROW;
        bool back = states[i].ending == Ending.RELEASED;
        if (held) unitsOf[token][address(gateways[way.from])] -= amount;
        if (back) unitsOf[token][to] += amount;
        if (held && !back) supplyOf[token] -= amount;
        if (!held && back) supplyOf[token] += amount;
    }

    function _requireOpen(uint256 g, uint256 w) private view {
        Stops memory stop = stops[g][w];
        _true(!stop.disabled && !peerDisabled[g] && !assetDisabled[g][ways[w].asset], "R-07: not while disabled");
        _true(!stop.paused && stop.auditUntil <= vm.getBlockTimestamp(), "R-32, R-61: not while the lane is paused");
    }

    /* OBSERVING */

    /// Find what changed in the records of both sides, and book it.
    function observe(Kind allowed) external {
        for (uint256 w = 0; w < WAYS; ++w) {
            Way memory way = ways[w];
            uint64 count = sums[w].count / 128 + 1;
            _compare(w, gateways[way.to].outcomeWords(way.id, 0, count), outcomesSeen[w], true, allowed);
            _compare(w, gateways[way.from].outcomeWords(way.id, 0, count), endingsSeen[w], false, allowed);
        }
    }

    function _compare(
        uint256 w,
        uint256[] memory words,
        mapping(uint256 word => uint256) storage known,
        bool decisions,
        Kind allowed
    ) private {
        for (uint256 k = 0; k < words.length; ++k) {
            uint256 diff = words[k] ^ known[k];
            if (diff == 0) continue;
            _eq(words[k] & known[k], known[k], "INV-3: what is written stands");
            known[k] = words[k];
            booked = true;
            for (uint256 s = 0; diff != 0; (++s, diff >>= 2)) {
                if (diff & 3 == 0) continue;
                uint256 place = placeOf[w][k * 128 + s];
                _true(place != 0, "INV-5: only what was locked is decided or ends");
                uint256 bits = (words[k] >> (2 * s)) & 3;
                if (decisions) _bookOutcome(place - 1, Outcome(bits), allowed);
                else _bookEnding(place - 1, Ending(bits), allowed);
            }
        }
    }

    /* JUDGING */

    /// After every action: all totals and balances if it moved anything, else those of one lane and one asset in turn.
    function check() external view {
        if (booked) return checkAll();
        uint256 n = actions & 3;
        _checkLane(n);
        _checkBooks(n & 1, n >> 1);
        _checkTotals(n & 1, n >> 1);
    }

    function checkAll() public view {
        for (uint256 n = 0; n < WAYS; ++n) {
            _checkLane(n);
            _checkBooks(n & 1, n >> 1);
            _checkTotals(n & 1, n >> 1);
        }
    }

    function _checkLane(uint256 w) private view {
        (Way memory way, Sums memory sum) = (ways[w], sums[w]);
        IGatewayTypes.LaneState memory out = gateways[way.from].lane(way.id);
        _eq(out.nextSequence, sum.count + 1, "R-05: sequences are gapless");
        _eq(out.locked, sum.locked, "INV-5: locked");
        _eq(out.committed, sum.committed, "INV-5: committed");
        _eq(out.released, sum.released, "INV-5: released");
        _eq(gateways[way.to].lane(way.id).minted, sum.minted, "INV-5: minted");
        _le(sum.minted + sum.released, sum.locked, "INV-5: minted + released <= locked");
        _le(sum.committed, sum.minted, "INV-5: committed <= minted");
    }

    function _checkBooks(uint256 g, uint256 a) private view {
        Turncoat token = tokens[g][a];
        address[] memory who = _everybody(g);
        (uint256 supply, uint256[] memory units, uint256 letIn) = token.books(who);
        _eq(supply, supplyOf[token], "INV-4: supply");
        for (uint256 i = 0; i < who.length; ++i) {
            _eq(units[i], unitsOf[token][who[i]], i + 1 == who.length ? "INV-9: in escrow" : "INV-6: to the unit");
        }
        _eq(letIn, 0, "R-20: nobody gets in twice");
    }

    function _checkTotals(uint256 g, uint256 a) private view {
        (Sums memory out, Sums memory into) = (sums[2 * a + g], sums[2 * a + 1 - g]);
        (uint256 minted, uint256 burned, uint256 reminted, uint256 held) = gateways[g].totals(assetIds[a]);
        _eq(minted, into.minted, "INV-4: minted");
        _eq(HOLDERS * ISSUED + minted + reminted - burned, supplyOf[tokens[g][a]], "INV-4: supply is explained");
        uint256 open = out.locked - out.committed - out.released;
        bool escrow = _modeOf(a) == LockMode.ESCROW;
        _eq(held, escrow ? open + out.pendingBurn + out.pendingPay : 0, "INV-9: held");
        _eq(burned, escrow ? out.committed - out.pendingBurn : out.locked, "INV-4: burned");
        _eq(reminted, escrow ? 0 : out.released - out.pendingPay, "INV-4: reminted");
        _eq(unitsOf[tokens[g][a]][address(gateways[g])], held, "INV-9: the escrow is what is held");
    }

    /// Everything from the gateways' words alone (R-08): each record is found again.
    function checkRebuild() public view {
        for (uint256 w = 0; w < WAYS; ++w) {
            Way memory way = ways[w];
            bytes32[] memory locks = gateways[way.from].lockWords(way.id, 1, sums[w].count);
            for (uint256 s = 0; s < locks.length; ++s) {
                uint256 i = placeOf[w][s + 1] - 1;
                State memory state = states[i];
                TransferId id = _id(items[i]);
                uint256 word = (uint256(state.height) << 208) | (uint256(state.profile) << 192);
                word |= uint256(TransferId.unwrap(id)) >> 64;
                _eq(uint256(locks[s]), state.ending == Ending.OPEN ? word : 0, "R-08: the lock word");
                (Ending waits,) = gateways[way.from].pending(id);
                _eq(waits, state.waits, "R-31: pending");
            }
        }
    }

    function _everybody(uint256 g) private view returns (address[] memory who) {
        who = new address[](people.length + 1);
        for (uint256 i = 0; i < people.length; ++i) {
            who[i] = people[i];
        }
        who[people.length] = address(gateways[g]);
    }
}
