// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGateway, Outcome} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// Anybody doing anything in any order at any gas limit, with tokens that turn bad and good again; the committee alone is
/// honest, and even it signs approvals and refusals of one transfer at will. The ghost ledger is `items` and `holders`.
contract Handler is Base {
    uint256 public constant HOLDERS = 3;

    IGateway.Transfer[] private _items;

    constructor() {
        setUp();
        for (uint256 i = 0; i < HOLDERS; ++i) {
            source.token.issue(holderAt(i), UNITS);
            vm.prank(holderAt(i));
            source.token.approve(address(source.gateway), type(uint256).max);
        }
    }

    function _fund() internal override {}

    /* ACTIONS */

    function lock(uint256 who, uint256 amount) external {
        holder = holderAt(who % HOLDERS);
        IGateway.LockRequest memory request = _request(_bound(amount, 1, 1e24));
        IGateway.Transfer memory terms = _terms(request, source.gateway.lane(lane).nextSequence);
        _on(source);
        vm.prank(holder);
        try source.gateway.lock(_one(request)) {} catch {}
        if (source.gateway.lane(lane).nextSequence > terms.sequence) _items.push(terms);
    }

    function settle(uint256 seed, uint256 gasLimit) external {
        if (_items.length == 0) return;
        IGateway.Transfer[] memory some = _some(seed);
        IGateway.Attestation memory attestation = _signLocked(some);
        _on(destination);
        try destination.gateway.settle{gas: _gas(gasLimit)}(some, attestation) {} catch {}
    }

    /// Before the deadline for a reason of the committee's; at and after it as EXPIRED.
    function refuse(uint256 seed, uint8 reason, uint256 gasLimit) external {
        if (_items.length == 0) return;
        IGateway.Transfer[] memory some = _some(seed);
        bytes memory reasons = new bytes(some.length);
        for (uint256 i = 0; i < some.length; ++i) {
            bool late = vm.getBlockTimestamp() >= some[i].deadline;
            reasons[i] = bytes1(late ? EXPIRED_REASON : uint8(_bound(reason, 1, 9)));
        }
        IGateway.Attestation memory attestation = _signRefused(some, reasons);
        _on(destination);
        try destination.gateway.refuse{gas: _gas(gasLimit)}(some, reasons, attestation) {} catch {}
    }

    /// Of what is decided on the destination.
    function finish(uint256 seed, uint256 gasLimit) external {
        if (_items.length == 0) return;
        (IGateway.Transfer[] memory decided, bytes memory outcomes) = _decided(_some(seed));
        if (decided.length == 0) return;
        IGateway.Attestation memory attestation = _signOutcome(decided, outcomes);
        _on(source);
        try source.gateway.finish{gas: _gas(gasLimit)}(decided, outcomes, attestation) {} catch {}
    }

    function payout(uint256 seed) external {
        if (_items.length == 0) return;
        _on(source);
        try source.gateway.payout{gas: 3_000_000}(_items[seed % _items.length]) {} catch {}
    }

    function turn(bool ofSource, uint8 behaviour) external {
        Behaviour[8] memory choices = [
            Behaviour.HONEST,
            Behaviour.REVERTS,
            Behaviour.ANSWERS_FALSE,
            Behaviour.BURNS_GAS,
            Behaviour.TAKES_FEE,
            Behaviour.DOES_NOTHING,
            Behaviour.MISSTATES_BALANCE,
            Behaviour.IS_HEAVY
        ];
        (ofSource ? source : destination).token.behave(choices[behaviour % 8]);
    }

    function repair(bool ofSource) external {
        (ofSource ? source : destination).token.behave(Behaviour.HONEST);
    }

    function stop(uint8 what) external {
        Ledger memory ledger = what & 1 == 0 ? source : destination;
        _on(ledger);
        vm.prank(what & 2 == 0 ? guardian : governance);
        if (what & 2 != 0) ledger.gateway.setLaneEnabled(lane, false);
        else if (what & 4 != 0) ledger.gateway.pauseLane(lane);
        else ledger.gateway.pause();
    }

    function resume() external {
        _resume(source);
        _resume(destination);
    }

    function bar(bool value) external {
        destination.token.bar(payee, value);
    }

    function wait_(uint16 time) external {
        vm.warp(vm.getBlockTimestamp() + time % 30 minutes);
    }

    /// INV-8, without its times: whatever happened, every transfer ends on both sides and nothing stays in escrow.
    function bringToAnEnd() external {
        source.token.behave(Behaviour.HONEST);
        vm.warp(vm.getBlockTimestamp() + 30 days);
        _on(source);
        for (uint256 i = 0; i < _items.length; ++i) {
            IGateway.Transfer memory item = _items[i];
            _refuse(item, EXPIRED_REASON);
            _finish(item, abi.encodePacked(uint8(_outcomeOf(item))));
            if (_pendingOf(item) != Ending.OPEN) _payout(item);
            _true(_endingOf(item) != Ending.OPEN, "ended");
        }
        _eq(source.token.balanceOf(address(source.gateway)), 0, "nothing stays in escrow");
    }

    /* WHAT THE INVARIANTS READ */

    function count() external view returns (uint256) {
        return _items.length;
    }

    function stateOf(uint256 i)
        external
        view
        returns (uint256 amount, address sender, Outcome outcome, Ending ending, Ending waits)
    {
        IGateway.Transfer memory item = _items[i];
        sender = address(uint160(uint256(item.sender)));
        return (item.amount, sender, _outcomeOf(item), _endingOf(item), _pendingOf(item));
    }

    function ledgers() external view returns (Ledger memory, Ledger memory) {
        return (source, destination);
    }

    function words() external view returns (uint256 outcomes, uint256 endings) {
        return (destination.gateway.outcomeWords(lane, 0, 1)[0], source.gateway.outcomeWords(lane, 0, 1)[0]);
    }

    function laneStates() external view returns (IGateway.LaneState memory, IGateway.LaneState memory) {
        return (source.gateway.lane(lane), destination.gateway.lane(lane));
    }

    function holderAt(uint256 i) public pure returns (address) {
        return address(uint160(0xA000 + i));
    }

    /* HELPERS */

    function _resume(Ledger memory ledger) private {
        _on(ledger);
        vm.prank(governance);
        ledger.gateway.unpause();
        vm.prank(governance);
        ledger.gateway.unpauseLane(lane);
        vm.prank(governance);
        ledger.gateway.setLaneEnabled(lane, true);
    }

    /// One to four items, the same twice if it so happens.
    function _some(uint256 seed) private view returns (IGateway.Transfer[] memory some) {
        some = new IGateway.Transfer[](1 + seed % 4);
        for (uint256 i = 0; i < some.length; ++i) {
            some[i] = _items[uint256(keccak256(abi.encode(seed, i))) % _items.length];
        }
    }

    function _decided(IGateway.Transfer[] memory some)
        private
        view
        returns (IGateway.Transfer[] memory decided, bytes memory outcomes)
    {
        decided = some;
        outcomes = new bytes(some.length);
        uint256 n;
        for (uint256 i = 0; i < some.length; ++i) {
            Outcome outcome = _outcomeOf(some[i]);
            if (outcome == Outcome.NONE) continue;
            decided[n] = some[i];
            outcomes[n++] = bytes1(uint8(outcome));
        }
        assembly {
            mstore(decided, n)
            mstore(outcomes, n)
        }
    }

    function _gas(uint256 seed) private pure returns (uint256) {
        return _bound(seed, 50_000, 4_000_000);
    }
}

/// INV-1 to INV-6 and INV-9 over both ledgers, after every action.
/// forge-config: default.invariant.runs = 64
contract InvariantsTest is Base {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private _handler;
    uint256 private _outcomesSeen;
    uint256 private _endingsSeen;

    function setUp() public override {
        _handler = new Handler();
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(_handler);
        targets[0].selectors = new bytes4[](14);
        bytes4[14] memory actions = [
            Handler.lock.selector, // what moves transfers is drawn more often
            Handler.lock.selector,
            Handler.settle.selector,
            Handler.settle.selector,
            Handler.refuse.selector,
            Handler.finish.selector,
            Handler.finish.selector,
            Handler.payout.selector,
            Handler.turn.selector,
            Handler.repair.selector,
            Handler.stop.selector,
            Handler.resume.selector,
            Handler.bar.selector,
            Handler.wait_.selector
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            targets[0].selectors[i] = actions[i];
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    struct Sums {
        uint256 locked;
        uint256 minted;
        uint256 committed;
        uint256 released;
        uint256 pendingBurn;
        uint256 pendingPay;
    }

    /// One pass over the ghost ledger; each assertion names its invariant.
    function invariant_of_both_ledgers() external {
        (Ledger memory from, Ledger memory to) = _handler.ledgers();
        (Sums memory sums, uint256[] memory owed) = _sum();
        _checkTotals(sums);
        _checkSupply(from, to, sums);
        for (uint256 i = 0; i < owed.length; ++i) {
            _eq(from.token.balanceOf(_handler.holderAt(i)), 1e30 - owed[i], "INV-6: paid back to the unit");
        }
        _checkWriteOnce();
    }

    function afterInvariant() external {
        _handler.bringToAnEnd();
    }

    function _sum() private view returns (Sums memory sums, uint256[] memory owed) {
        owed = new uint256[](_handler.HOLDERS());
        for (uint256 i = 0; i < _handler.count(); ++i) {
            (uint256 amount, address sender, Outcome outcome, Ending ending, Ending waits) = _handler.stateOf(i);
            _true(outcome != Outcome.MINTED || ending != Ending.RELEASED, "INV-1: never MINTED and RELEASED");
            _true(ending != Ending.COMMITTED || outcome == Outcome.MINTED, "INV-2: COMMITTED only if MINTED");
            _true(waits == Ending.OPEN || waits == ending, "R-31: pending as sealed");
            sums.locked += amount;
            if (outcome == Outcome.MINTED) sums.minted += amount;
            if (ending == Ending.COMMITTED) sums.committed += amount;
            if (ending == Ending.RELEASED) sums.released += amount;
            if (waits == Ending.COMMITTED) sums.pendingBurn += amount;
            if (waits == Ending.RELEASED) sums.pendingPay += amount;
            bool paidBack = ending == Ending.RELEASED && waits == Ending.OPEN;
            if (!paidBack) owed[uint160(sender) - uint160(_handler.holderAt(0))] += amount;
        }
    }

    function _checkTotals(Sums memory sums) private view {
        (IGateway.LaneState memory out, IGateway.LaneState memory into) = _handler.laneStates();
        _eq(out.locked, sums.locked, "INV-5: locked");
        _eq(out.committed, sums.committed, "INV-5: committed");
        _eq(out.released, sums.released, "INV-5: released");
        _eq(into.minted, sums.minted, "INV-5: minted");
        _le(sums.minted + sums.released, sums.locked, "INV-5: minted + released <= locked");
        _le(sums.committed, sums.minted, "INV-5: committed <= minted");
    }

    function _checkSupply(Ledger memory from, Ledger memory to, Sums memory sums) private view {
        (uint256 minted,,,) = to.gateway.totals(ASSET);
        _eq(minted, sums.minted, "INV-4: minted total");
        _eq(to.token.totalSupply(), minted, "INV-4: supply - minted = issued (0)");
        _eq(to.token.balanceOf(payee), sums.minted, "INV-3: one mint a transfer");
        (, uint256 burned, uint256 reminted, uint256 held) = from.gateway.totals(ASSET);
        _eq(burned, sums.committed - sums.pendingBurn, "INV-4: burned at the executed burn");
        _eq(from.token.totalSupply() + burned - reminted, 3e30, "INV-4: supply + burned - reminted = issued");
        uint256 open = sums.locked - sums.committed - sums.released;
        _eq(held, open + sums.pendingBurn + sums.pendingPay, "INV-9: held");
        _eq(from.token.balanceOf(address(from.gateway)), held, "INV-9: in escrow");
    }

    function _checkWriteOnce() private {
        (uint256 outcomes, uint256 endings) = _handler.words();
        _eq(outcomes & _mask(_outcomesSeen), _outcomesSeen, "INV-3: a decision stands");
        _eq(endings & _mask(_endingsSeen), _endingsSeen, "INV-3: an ending stands");
        (_outcomesSeen, _endingsSeen) = (outcomes, endings);
    }

    /// Both bits of each pair that isn't 0.
    function _mask(uint256 word) private pure returns (uint256) {
        uint256 low = (word | (word >> 1)) & (type(uint256).max / 3);
        return low * 3;
    }
}
