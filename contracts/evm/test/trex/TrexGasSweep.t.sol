// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, LockMode, Outcome} from "../../src/interfaces/IGateway.sol";
import {GasLib} from "../../src/libraries/GasLib.sol";
import {ITrexModules, ITrexToken} from "./ITrex.sol";
import {Base} from "../Base.sol";
import {TrexBase} from "./TrexBase.sol";
import {Vm} from "../Vm.sol";

/// R-21, H1 with the real T-REX 4.1.6, 0 to 5 claim issuers and four compliance modules. Its identity registry swallows
/// what goes wrong when it asks a claim issuer, and its proxies keep 10,000 gas back each: starved, it says in good
/// faith that a verified recipient isn't. Whatever the caller's gas, and whatever allowance a profile was given,
/// nothing is left but NONE or MINTED, and no quote says more against the recipient than that the token doesn't answer.
/// Each call is a transaction of its own, so that nothing is warm.
/// forge-config: default.isolate = true
contract TrexGasSweepTest is TrexBase {
    uint256 private constant ITEMS = 3;
    /// More than any quote needs.
    uint256 private constant AMPLE = 20_000_000;

    /// The profile's allowance, of the table in docs/tokens/erc3643.md.
    uint32 private _allowance;
    /// What the figures are of; without it none is printed.
    string private _suite;
    /// Whether each mint must be approved.
    bool private _isRuled;
    /// Transfers that wait to be minted.
    IGatewayTypes.Transfer[] private _items;

    event log_named_uint(string key, uint256 value);

    function setUp() public override {
        Base.setUp();
    }

    function _mode() internal pure override returns (LockMode) {
        return LockMode.BURN;
    }

    function _gasAllowance() internal view override returns (uint32) {
        return _allowance;
    }

    /* WHATEVER THE CALLER'S GAS */

    function test_settle_leaves_none_or_minted_with_no_claim_issuer() public {
        _sweepSettle(0);
    }

    function test_settle_leaves_none_or_minted_with_1_claim_issuer() public {
        _sweepSettle(1);
    }

    function test_settle_leaves_none_or_minted_with_2_claim_issuers() public {
        _sweepSettle(2);
    }

    function test_settle_leaves_none_or_minted_with_3_claim_issuers() public {
        _sweepSettle(3);
    }

    function test_settle_leaves_none_or_minted_with_4_claim_issuers() public {
        _sweepSettle(4);
    }

    function test_settle_leaves_none_or_minted_with_5_claim_issuers() public {
        _sweepSettle(5);
    }

    /// In 2 % steps of what all items need, finer around what the first one does.
    function _sweepSettle(uint256 issuers) private {
        _begin(issuers, _allowanceFor(issuers));
        uint256 toStart = GasLib.toStart(GasLib.forItem(2 * uint256(_allowance)), 0);
        uint256 ample = toStart + 3_000_000;
        bytes memory data = _settleData();
        uint256 most;
        for (uint256 k = 1; k <= 100; ++k) {
            uint256 gasLimit = k <= 50 ? k * ample / 50 : toStart - 50_000 + (k - 50) * 10_000;
            if (k == 51) most = 0; // from the beginning
            uint256 done = _settleWith(gasLimit, data);
            _true(done >= most, "more gas never does less");
            most = done;
            if (k == 50) _eq(done, ITEMS, "with enough gas all are minted");
        }
    }

    /// @return done How many were minted: the first ones; the rest is untouched.
    function _settleWith(uint256 gasLimit, bytes memory data) private returns (uint256 done) {
        uint256 state = vm.snapshotState();
        vm.recordLogs();
        (bool success,) = address(destination.gateway).call{gas: gasLimit}(data);
        uint256 units;
        while (done < ITEMS && _outcomeOf(_items[done]) == Outcome.MINTED) units += _items[done++].amount;
        for (uint256 i = done; i < ITEMS; ++i) {
            _eq(_outcomeOf(_items[i]), Outcome.NONE, "the rest is untouched");
        }
        _true(success == (done > 0), "R-21: it reverts only if nothing could be tried");
        _eq(to.token().balanceOf(payee), units, "units as recorded");
        _eq(to.token().totalSupply(), units, "supply as recorded");
        uint256 failed = _count(vm.getRecordedLogs(), address(destination.gateway), IGatewayTypes.SettleFailed.selector);
        _eq(failed, 0, "no false refusal");
        vm.revertToState(state);
    }

    /// A notary asks its node with a gas limit of its own.
    function test_a_quote_is_never_a_false_verdict_at_any_gas() public {
        for (uint256 issuers = 0; issuers <= 5; ++issuers) {
            uint256 state = vm.snapshotState();
            _begin(issuers, _allowanceFor(issuers));
            uint256 ample = GasLib.toStart(GasLib.forItem(2 * uint256(_allowance)), 0) + 100_000;
            for (uint256 k = 1; k <= 50; ++k) {
                (bool answered, uint8 reason) = _quote(k * ample / 50);
                _true(!answered || reason == 0 || reason == 8, "no verdict on the recipient");
                if (k == 50) _true(answered && reason == 0, "eligible");
            }
            vm.revertToState(state);
        }
    }

    /* WHATEVER THE ALLOWANCE */

    function test_an_allowance_that_is_too_small_is_waited_for_with_no_claim_issuer() public {
        _sweepAllowance(0);
    }

    function test_an_allowance_that_is_too_small_is_waited_for_with_1_claim_issuer() public {
        _sweepAllowance(1);
    }

    function test_an_allowance_that_is_too_small_is_waited_for_with_2_claim_issuers() public {
        _sweepAllowance(2);
    }

    function test_an_allowance_that_is_too_small_is_waited_for_with_3_claim_issuers() public {
        _sweepAllowance(3);
    }

    function test_an_allowance_that_is_too_small_is_waited_for_with_4_claim_issuers() public {
        _sweepAllowance(4);
    }

    function test_an_allowance_that_is_too_small_is_waited_for_with_5_claim_issuers() public {
        _sweepAllowance(5);
    }

    /// In 2 % steps of the right one, and in steps of 0.2 % from a tenth to a half: what is starved and swallowed looks
    /// like a refusal at few values only. A suite that needs more than it was registered with, as when the issuer asks
    /// for one more claim, is waited for; it refuses nobody.
    function _sweepAllowance(uint256 issuers) private {
        uint32 right = _allowanceFor(issuers);
        _begin(issuers, right);
        bool minted;
        for (uint32 k = 10; k <= 500; k += k >= 50 && k < 250 ? 1 : 10) {
            bool mints = _isMintedWith(k * right / 500);
            _true(mints || !minted, "more never does less");
            if (mints && !minted) emit log_named_uint("  least allowance", k * right / 500);
            minted = mints;
            if (k == 249) _true(minted, "half of it would do");
        }
    }

    function _isMintedWith(uint32 allowance) private returns (bool minted) {
        uint256 state = vm.snapshotState();
        _addProfile(destination, allowance);
        (bool answered, uint8 reason) = _quote(AMPLE);
        vm.recordLogs();
        _settle(_items[0]);
        minted = _outcomeOf(_items[0]) == Outcome.MINTED;
        uint8 told = _reasonIn(vm.getRecordedLogs(), _id(_items[0]));
        vm.revertToState(state);
        string memory at = string.concat(" at allowance ", vm.toString(uint256(allowance)));
        _true(answered && (reason == 0 || reason == 8), string.concat("a false verdict", at));
        _eq(told, reason, string.concat("a mint says the same", at));
        _true(minted == (reason == 0), string.concat("minted or waited for", at));
    }

    /* WHAT IT COSTS */

    /// A true refusal takes less than half the allowance: more is taken for starvation, and waited for.
    function test_a_true_refusal_is_one_at_the_right_allowance() public {
        for (uint256 issuers = 0; issuers <= 5; ++issuers) {
            uint256 state = vm.snapshotState();
            _begin(issuers, _allowanceFor(issuers));
            uint256 clean = vm.snapshotState();
            if (issuers != 0) {
                to.revokeClaim(to.identityOf(payee), issuers - 1);
                _expectReason(1, "NOT_ELIGIBLE");
                vm.revertToState(clean);
            }
            to.rule("SupplyLimitModule", abi.encodeCall(ITrexModules.setSupplyLimit, (0)));
            _expectReason(3, "COMPLIANCE_RULE");
            vm.revertToState(clean);
            _freeze(to, payee, true);
            _expectReason(2, "ACCOUNT_FROZEN");
            vm.revertToState(clean);
            _setAgent(to, address(destination.gateway), false);
            _expectReason(4, "ASSET_NOT_REGISTERED");
            vm.revertToState(state);
        }
    }

    /// `-vv` prints it: whole transactions, calldata and all, per item.
    function test_gas_of_each_step_with_trex() public {
        for (uint256 issuers = 0; issuers <= 5; ++issuers) {
            for (uint256 modules = 0; modules <= 4; modules += 4) {
                uint256 state = vm.snapshotState();
                _allowance = _allowanceFor(issuers);
                _install(issuers);
                if (modules != 0) _bindAll();
                _suite = string.concat(vm.toString(issuers), " claim issuers, ", vm.toString(modules), " modules: ");
                _report();
                vm.revertToState(state);
            }
        }
    }

    function _report() private {
        _begetSupply();
        _prepare(1);
        _settle(_items);
        _log("settle, to who had none", 1);
        _prepare(1);
        _settle(_items);
        _log("settle", 1);
        _finish(_items, MINTED);
        _prepareApart(20);
        _settle(_items);
        _log("settle", 20);
        _eq(_outcomeOf(_items[19]), Outcome.MINTED, "minted");
        _finish(_items, _repeat(0x01, 20));
        _log("finish, commit", 20);
        _prepare(20);
        _finish(_items, _repeat(0x02, 20));
        _log("finish, release", 20);
        _eq(_pendingOf(_items[19]), Ending.OPEN, "paid");
    }

    /// So that no figure is that of a token's first unit.
    function _begetSupply() private {
        to.onboard(address(0xF1));
        if (_isRuled) _approveMint(address(0xF1), 1);
        to.act(abi.encodeCall(ITrexToken.mint, (address(0xF1), 1)));
    }

    /// Of the last call, per item.
    function _log(string memory step, uint256 items) private {
        if (bytes(_suite).length == 0) return;
        string memory what = string.concat(_suite, step, ", of ", vm.toString(items));
        emit log_named_uint(what, vm.lastCallGas().gasTotalUsed / items);
    }

    /* HELPERS */

    /// Twice what a mint needs here with four modules, in steps of 50,000.
    function _allowanceFor(uint256 issuers) private pure returns (uint32) {
        return uint32(600_000 + issuers * 150_000);
    }

    function _begin(uint256 issuers, uint32 allowance) private {
        _allowance = allowance;
        _install(issuers);
        _bindAll();
        _prepare(ITEMS);
    }

    function _bindAll() private {
        _allRules();
        _isRuled = true;
        to.addModule("ConditionalTransferModule");
    }

    /// `count` locks of 1, 2, 3, … units for one recipient.
    function _prepare(uint256 count) private {
        address[] memory recipients = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            recipients[i] = payee;
        }
        _prepareFor(recipients);
    }

    /// The same for as many recipients, who hold units already.
    function _prepareApart(uint256 count) private {
        address[] memory recipients = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            recipients[i] = address(uint160(0xF0000 + i));
            to.onboard(recipients[i]);
            if (_isRuled) _approveMint(recipients[i], 1);
            to.act(abi.encodeCall(ITrexToken.mint, (recipients[i], 1)));
        }
        _prepareFor(recipients);
    }

    function _prepareFor(address[] memory recipients) private {
        delete _items;
        uint256 count = recipients.length;
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](count);
        uint64 first = source.gateway.lane(lane).nextSequence;
        for (uint256 i = 0; i < count; ++i) {
            requests[i] = _request(i + 1);
            requests[i].recipient = _account(recipients[i]);
            _items.push(_terms(requests[i], first + uint64(i)));
            if (_isRuled) _approveMint(recipients[i], i + 1);
        }
        _lockAll(requests);
        _log("lock", count);
        _on(destination);
    }

    /// As often as it is asked for: T-REX's approvals of mints are never used up.
    function _approveMint(address recipient, uint256 amount) private {
        bytes memory approval = abi.encodeCall(ITrexModules.approveTransfer, (address(0), recipient, amount));
        to.rule("ConditionalTransferModule", approval);
    }

    function _settleData() private returns (bytes memory) {
        IGatewayTypes.Attestation memory attestation = _signLocked(_items);
        return abi.encodeCall(destination.gateway.settle, (_inbound(_items), attestation));
    }

    function _quote(uint256 gasLimit) private returns (bool answered, uint8 reason) {
        bytes memory data;
        (answered, data) = address(destination.gateway).call{gas: gasLimit}(
            abi.encodeCall(destination.gateway.eligibility, (_items[0]))
        );
        if (answered) reason = abi.decode(data, (uint8));
    }

    function _expectReason(uint8 expected, string memory name) private {
        (bool answered, uint8 reason) = _quote(AMPLE);
        _true(answered, name);
        _eq(reason, expected, name);
    }
}
