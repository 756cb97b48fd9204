// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, EndpointId, IGatewayTypes, LaneId, Outcome, TransferId} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// R-07, R-08, R-32, docs/protocol.md section 1: a gateway isn't upgraded; a new one is a new endpoint, and the old one
/// drains: every transfer that is open on it ends, both ways, while the new one works.
/// forge-config: default.fuzz.runs = 16
/// forge-config: ci.fuzz.runs = 128
contract MigrationTest is Base {
    uint256 internal constant COUNT = 50;

    LaneId internal forth;
    LaneId internal back;
    IGatewayTypes.Transfer[] internal outgoing;
    IGatewayTypes.Transfer[] internal incoming;

    Ledger internal old;
    Ledger internal other;
    Ledger internal fresh;

    function setUp() public override {
        super.setUp();
        forth = lane;
        back = _open(destination, source);
        destination.token.issue(holder, UNITS);
        vm.prank(holder);
        destination.token.approve(address(destination.gateway), type(uint256).max);
        old = source;
        other = destination;
    }

    /* DRAINING */

    /// R-07, INV-4, INV-5, INV-9: the lanes to and from it are disabled for locks, then for mints; 100 transfers in every
    /// state end, nothing stays in escrow, and a new gateway of the same ledger works all the while.
    function test_an_old_gateway_drains_while_a_new_one_works(uint256 seed) public {
        _lockBothWays();
        _decideSome(seed);
        _setLocksEnabled(false);
        _expectNoLocks();

        _introduceFresh();
        _useFresh();

        _turnTo(old, other, forth);
        _settleEveryOther(outgoing, seed);
        _turnTo(other, old, back);
        _settleEveryOther(incoming, seed);

        _setMintsEnabled(false);
        _turnTo(old, other, forth);
        _endAll(outgoing);
        _turnTo(other, old, back);
        _endAll(incoming);

        _expectDrained();
        _useFresh();
        _expectDrained();
    }

    /// R-07: disabling the peer at once does it too: what is undecided is refused at the deadline.
    function test_a_disabled_peer_s_transfers_end(uint256 seed) public {
        _lockBothWays();
        _decideSome(seed);
        _disablePeers();
        _expectNoLocks();
        _introduceFresh();

        _turnTo(old, other, forth);
        _endAll(outgoing);
        _turnTo(other, old, back);
        _endAll(incoming);
        _expectDrained();
        _useFresh();
    }

    /// R-31: a token that refuses while the gateway drains delays the end of its units only.
    function test_what_a_token_refuses_meanwhile_is_paid_out_of_the_old_gateway(uint256 seed) public {
        _lockBothWays();
        _decideSome(seed);
        _disablePeers();
        old.token.setPaused(true);
        _turnTo(old, other, forth);
        _endAll(outgoing);
        (,,, uint256 held) = old.gateway.totals(ASSET);
        _eq(held, COUNT * (COUNT + 1) / 2, "all of it pending");
        _eq(old.token.balanceOf(address(old.gateway)), held, "INV-9");
        old.token.setPaused(false);
        for (uint256 i = 0; i < COUNT; ++i) {
            _payout(outgoing[i]);
        }
        _turnTo(other, old, back);
        _endAll(incoming);
        _expectDrained();
    }

    /// R-32: a paused old gateway drains as well.
    function test_a_paused_gateway_drains(uint256 seed) public {
        _lockBothWays();
        _decideSome(seed);
        vm.prank(guardian);
        old.gateway.pause();
        vm.prank(guardian);
        other.gateway.pause();
        _turnTo(old, other, forth);
        _endAll(outgoing);
        _turnTo(other, old, back);
        _endAll(incoming);
        _expectDrained();
    }

    /* REBUILDING */

    /// R-08, INV-7: next sequence, lock words and outcome words tell which transfers are open, at any moment.
    function test_the_views_rebuild_the_open_set(uint256 seed) public {
        _lockBothWays();
        _decideSome(seed);
        _turnTo(old, other, forth);
        bool[] memory open = new bool[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            open[i] = true;
        }
        _expectOpen(outgoing, open);
        for (uint256 i = 0; i < COUNT; ++i) {
            if (_outcomeOf(outgoing[i]) == Outcome.NONE || (seed >> i) & 1 == 0) continue;
            _finish(outgoing[i], _codeOf(outgoing[i]));
            open[i] = false;
        }
        _expectOpen(outgoing, open);
        _endAll(outgoing);
        _expectOpen(outgoing, new bool[](COUNT));
    }

    /// R-08: each log is found by its block: the lock word tells it.
    function test_a_lock_word_tells_its_block() public {
        for (uint256 i = 1; i <= 5; ++i) {
            vm.roll(1_000 * i);
            IGatewayTypes.Transfer memory item = _lock(i);
            _eq(_lockWord(item) >> 208, 1_000 * i, "block");
        }
    }

    /* STEPS */

    /// `count` each way, of 1, 2, 3, … units.
    function _lockBothWays() private {
        _turnTo(old, other, forth);
        _keep(outgoing, _lockMany(COUNT));
        _turnTo(other, old, back);
        _keep(incoming, _lockMany(COUNT));
    }

    /// A third is minted, a third refused, a third stays undecided, as the seed says.
    function _decideSome(uint256 seed) private {
        _turnTo(old, other, forth);
        _decide(outgoing, seed);
        _turnTo(other, old, back);
        _decide(incoming, ~seed);
    }

    function _decide(IGatewayTypes.Transfer[] storage items, uint256 seed) private {
        for (uint256 i = 0; i < COUNT; ++i) {
            uint256 way = uint256(keccak256(abi.encode(seed, i))) % 3;
            if (way == 0) _settle(items[i]);
            if (way == 1) _refuse(items[i], 1);
        }
    }

    /// Of the undecided ones.
    function _settleEveryOther(IGatewayTypes.Transfer[] storage items, uint256 seed) private {
        for (uint256 i = 0; i < COUNT; ++i) {
            if (_outcomeOf(items[i]) != Outcome.NONE || (seed >> i) & 1 == 0) continue;
            _settle(items[i]);
            _eq(_outcomeOf(items[i]), Outcome.MINTED, "what was locked before may still be minted");
        }
    }

    /// No more mints: what is undecided is refused at the deadline, and all is finished in one list.
    function _endAll(IGatewayTypes.Transfer[] storage items) private {
        vm.warp(items[0].deadline);
        bytes memory outcomes;
        for (uint256 i = 0; i < COUNT; ++i) {
            if (_outcomeOf(items[i]) == Outcome.NONE) _refuse(items[i], EXPIRED_REASON);
            outcomes = bytes.concat(outcomes, _codeOf(items[i]));
        }
        _finish(items, outcomes);
        for (uint256 i = 0; i < COUNT; ++i) {
            bool minted = _outcomeOf(items[i]) == Outcome.MINTED;
            _eq(_endingOf(items[i]), minted ? Ending.COMMITTED : Ending.RELEASED, "as decided");
        }
    }

    function _setLocksEnabled(bool enabled) private {
        _on(old);
        vm.prank(governance);
        old.gateway.setLaneEnabled(forth, enabled);
        _on(other);
        vm.prank(governance);
        other.gateway.setLaneEnabled(back, enabled);
    }

    function _setMintsEnabled(bool enabled) private {
        _on(old);
        vm.prank(governance);
        old.gateway.setLaneEnabled(back, enabled);
        _on(other);
        vm.prank(governance);
        other.gateway.setLaneEnabled(forth, enabled);
    }

    function _disablePeers() private {
        _on(old);
        vm.prank(governance);
        old.gateway.setPeerEnabled(other.endpoint, false);
        _on(other);
        vm.prank(governance);
        other.gateway.setPeerEnabled(old.endpoint, false);
    }

    /* THE NEW GATEWAY */

    /// On the old one's ledger, for the same token, and known to the other ledger.
    function _introduceFresh() private {
        _on(old);
        vm.roll(90_000);
        vm.setBlockhash(89_999, keccak256("a later block"));
        fresh = old;
        fresh.gateway = _newGateway();
        fresh.endpoint = fresh.gateway.endpointId();
        _true(EndpointId.unwrap(fresh.endpoint) != EndpointId.unwrap(old.endpoint), "another endpoint");
        vm.prank(governance);
        fresh.gateway.registerKey(EPOCH, group.publicKeyX, group.publicKeyY);
        vm.prank(governance);
        fresh.gateway.addProfile(ASSET, address(fresh.token), tokenHandler, _mode(), _form(), 0, GAS_ALLOWANCE);
        _register(fresh, other);
        _register(other, fresh);
        _open(fresh, other);
        _open(other, fresh);
        vm.prank(holder);
        fresh.token.approve(address(fresh.gateway), type(uint256).max);
    }

    /// There and back, to the end.
    function _useFresh() private {
        _goOnce(fresh, other);
        _goOnce(other, fresh);
        (,,, uint256 held) = fresh.gateway.totals(ASSET);
        _eq(held, 0, "ended");
    }

    function _goOnce(Ledger memory from, Ledger memory to) private {
        _turnTo(from, to, from.gateway.laneId(from.endpoint, to.endpoint, ASSET));
        uint256 before = to.token.balanceOf(payee);
        IGatewayTypes.Transfer memory item = _lock(777);
        _settle(item);
        _finish(item, MINTED);
        _eq(to.token.balanceOf(payee), before + 777, "arrived");
        _eq(_endingOf(item), Ending.COMMITTED, "committed");
    }

    function _register(Ledger memory at, Ledger memory peer) private {
        _on(peer);
        (string memory caip2, bytes32 fingerprint) = (peer.gateway.caip2(), peer.gateway.fingerprint());
        _on(at);
        vm.prank(governance);
        at.gateway.registerPeer(caip2, fingerprint, _account(address(peer.gateway)));
    }

    function _open(Ledger memory from, Ledger memory to) private returns (LaneId id) {
        _on(from);
        vm.prank(governance);
        id = from.gateway.configureOutbound(to.endpoint, ASSET, _outboundLimits());
        _on(to);
        vm.prank(governance);
        to.gateway.configureInbound(from.endpoint, ASSET, _inboundLimits());
    }

    /* WHAT IS SEEN */

    /// Base's helpers work from `source` to `destination` on `lane`.
    function _turnTo(Ledger memory from, Ledger memory to, LaneId id) private {
        source = from;
        destination = to;
        lane = id;
        _on(from);
    }

    function _expectNoLocks() private {
        _turnTo(old, other, forth);
        _expectLaneDisabled();
        _turnTo(other, old, back);
        _expectLaneDisabled();
    }

    function _expectLaneDisabled() private {
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, abi.encodeWithSelector(IGatewayTypes.LaneDisabled.selector, lane));
        _lockAll(_one(_request(1)));
    }

    /// Nothing open, nothing held or owed, and the totals of both ends agree.
    function _expectDrained() private {
        _turnTo(other, old, back);
        _expectOpen(incoming, new bool[](COUNT));
        _expectLaneEnded();
        _turnTo(old, other, forth);
        _expectOpen(outgoing, new bool[](COUNT));
        _expectLaneEnded();
        (,,, uint256 held) = old.gateway.totals(ASSET);
        _eq(held, 0, "nothing held");
        _eq(old.token.balanceOf(address(old.gateway)), 0, "escrow is empty");
        _eq(other.token.balanceOf(address(other.gateway)), 0, "and on the other ledger");
        IGatewayTypes.AssetState memory state = old.gateway.asset(ASSET);
        _eq(uint256(state.pendingBurn) + state.pendingPay, 0, "nothing owed");
        _expectSupply(old);
        _expectSupply(other);
    }

    /// INV-5, as equalities: every transfer of the lane has ended.
    function _expectLaneEnded() private view {
        IGatewayTypes.LaneState memory left = source.gateway.lane(lane);
        IGatewayTypes.LaneState memory arrived = destination.gateway.lane(lane);
        _eq(uint256(arrived.minted) + left.released, left.locked, "minted or released");
        _eq(left.committed, arrived.minted, "committed = minted");
    }

    /// INV-4: over all gateways of the ledger.
    function _expectSupply(Ledger memory ledger) private view {
        (uint256 minted, uint256 burned, uint256 reminted,) = ledger.gateway.totals(ASSET);
        if (ledger.chainId == fresh.chainId) {
            (uint256 minted2, uint256 burned2, uint256 reminted2,) = fresh.gateway.totals(ASSET);
            (minted, burned, reminted) = (minted + minted2, burned + burned2, reminted + reminted2);
        }
        _eq(ledger.token.totalSupply() + burned - minted - reminted, UNITS, "INV-4");
    }

    /// The open set from the source's views alone, against what it should be.
    function _expectOpen(IGatewayTypes.Transfer[] storage items, bool[] memory open) private view {
        uint64 end = source.gateway.lane(lane).nextSequence;
        _eq(end, items.length + 1, "all sequences");
        bytes32[] memory words = source.gateway.lockWords(lane, 1, end - 1);
        for (uint64 sequence = 1; sequence < end; ++sequence) {
            uint256 i = sequence - 1;
            bool isOpen = _bits(source, sequence) == 0;
            _true(isOpen == open[i], "by the outcome words");
            _true((words[i] != 0) == open[i], "by the lock words");
            if (!isOpen) continue;
            bytes32 id = TransferId.unwrap(_id(items[i]));
            _eq(words[i] << 64, id >> 64 << 64, "which transfer");
        }
    }

    function _codeOf(IGatewayTypes.Transfer memory item) private view returns (bytes memory) {
        return abi.encodePacked(uint8(_outcomeOf(item)));
    }

    function _keep(IGatewayTypes.Transfer[] storage list, IGatewayTypes.Transfer[] memory items) private {
        for (uint256 i = 0; i < items.length; ++i) {
            list.push(items[i]);
        }
    }
}
