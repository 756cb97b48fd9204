// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, Outcome, TokenForm, TransferId} from "../../src/interfaces/IGateway.sol";
import {Base} from "../Base.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {Vm} from "../Vm.sol";
import {ITrexModules, ITrexRegistry, ITrexToken} from "./ITrex.sol";
import {Trex} from "./Trex.sol";

/// The two ledgers of Base with a T-REX suite on each in place of the token there; each gateway is an agent and a
/// verified holder, `holder` a verified one at the source and `payee` at the destination.
abstract contract TrexBase is Base {
    /// Issued to `holder`.
    uint256 internal constant ISSUED = 1_000;
    uint256 internal constant PLENTY = 1e24;
    bytes4 internal constant TEXT = 0x08c379a0;

    /// The recovered wallet of `holder`.
    address internal constant FOUND = address(0xA11CE2);

    address internal firstAgent = address(0xA6E1);
    address internal secondAgent = address(0xA6E2);
    /// The suite at the source, and the one at the destination.
    Trex internal from;
    Trex internal to;
    address internal trexHandler;

    function setUp() public virtual override {
        super.setUp();
        _install(2);
        _on(source);
        vm.prank(governance);
        source.gateway.setAgent(ASSET, firstAgent, true);
        vm.prank(governance);
        source.gateway.setAgent(ASSET, secondAgent, true);
    }

    /// Of the tokens that Base begins with; not used any more once the suites are there.
    function _newHandler() internal override returns (address) {
        return vm.deployCode("Erc20Handler.sol:Erc20Handler", "");
    }

    /// @param issuers Claim issuers, and topics, of each suite.
    function _install(uint256 issuers) internal {
        trexHandler = vm.deployCode("Erc3643Handler.sol:Erc3643Handler", "");
        (from, to) = (_newSuite(issuers), _newSuite(issuers));
        _use(source, from);
        _use(destination, to);
        from.onboard(holder);
        to.onboard(payee);
        from.act(abi.encodeCall(ITrexToken.mint, (holder, ISSUED)));
        vm.prank(holder);
        source.token.approve(address(source.gateway), type(uint256).max);
    }

    /// By artifact: a test contract that held the suite's code would be too large.
    function _newSuite(uint256 issuers) private returns (Trex) {
        return Trex(vm.deployCode("Trex.sol:Trex", abi.encode(issuers)));
    }

    function _use(Ledger storage ledger, Trex suite) private {
        suite.onboard(address(ledger.gateway));
        suite.act(abi.encodeCall(ITrexToken.addAgent, (address(ledger.gateway))));
        ledger.token = TestToken(address(suite.token()));
        _addProfile(ledger, _gasAllowance());
    }

    function _addProfile(Ledger storage ledger, uint32 gasAllowance) internal {
        _on(ledger);
        address token = address(ledger.token);
        vm.prank(governance);
        ledger.gateway.addProfile(ASSET, token, trexHandler, _mode(), TokenForm.ROLE, 0, gasAllowance);
    }

    function _gasAllowance() internal view virtual returns (uint32) {
        return 1_000_000;
    }

    /* WHAT THE ISSUER DOES */

    function _pause(Trex suite) internal {
        suite.act(abi.encodeCall(ITrexToken.pause, ()));
    }

    function _unpause(Trex suite) internal {
        suite.act(abi.encodeCall(ITrexToken.unpause, ()));
    }

    function _freeze(Trex suite, address wallet, bool frozen) internal {
        suite.act(abi.encodeCall(ITrexToken.setAddressFrozen, (wallet, frozen)));
    }

    function _freezeUnits(Trex suite, address wallet, uint256 amount) internal {
        suite.act(abi.encodeCall(ITrexToken.freezePartialTokens, (wallet, amount)));
    }

    function _unfreezeUnits(Trex suite, address wallet, uint256 amount) internal {
        suite.act(abi.encodeCall(ITrexToken.unfreezePartialTokens, (wallet, amount)));
    }

    function _force(Trex suite, address sender, address recipient, uint256 amount) internal {
        suite.act(abi.encodeCall(ITrexToken.forcedTransfer, (sender, recipient, amount)));
    }

    function _offboard(Trex suite, address wallet) internal {
        suite.keepRegister(abi.encodeCall(ITrexRegistry.deleteIdentity, (wallet)));
    }

    /// `holder` lost its wallet: what is in it goes to the new one, and the old one off the register.
    function _recover() internal {
        address identity = from.identityOf(holder);
        from.giveKey(identity, FOUND);
        from.act(abi.encodeCall(ITrexToken.recoveryAddress, (holder, FOUND, identity)));
    }

    /// R-31: two agents of the issuer, the delay between them.
    function _redirect(IGatewayTypes.Transfer memory item) internal {
        _on(source);
        vm.prank(firstAgent);
        source.gateway.proposeRedirect(item, FOUND);
        vm.warp(vm.getBlockTimestamp() + REDIRECT_DELAY);
        vm.prank(secondAgent);
        source.gateway.confirmRedirect(item, FOUND);
        _eq(_pendingOf(item), Ending.OPEN, "paid");
    }

    function _setAgent(Trex suite, address account, bool agent) internal {
        suite.act(
            agent ? abi.encodeCall(ITrexToken.addAgent, (account)) : abi.encodeCall(ITrexToken.removeAgent, (account))
        );
    }

    /// Three modules on either suite, whose rules refuse nothing yet.
    function _allRules() internal {
        _bindRules(from, holder);
        _bindRules(to, payee);
    }

    /// For the suite at the source, whose ConditionalTransferModule asks for it.
    function _approve(address sender, address recipient, uint256 amount) internal {
        bytes memory approval = abi.encodeCall(ITrexModules.approveTransfer, (sender, recipient, amount));
        from.rule("ConditionalTransferModule", approval);
    }

    function _allowCountries(Trex suite, uint16 country) internal {
        uint16[] memory countries = new uint16[](1);
        countries[0] = country;
        suite.rule("CountryAllowModule", abi.encodeCall(ITrexModules.batchAllowCountries, (countries)));
    }

    /// @param investor The one who may have units already.
    function _bindRules(Trex suite, address investor) private {
        address[] memory holders = new address[](1);
        holders[0] = investor;
        suite.addMaxBalance(holders);
        suite.addModule("CountryAllowModule");
        suite.addModule("SupplyLimitModule");
        _allowCountries(suite, suite.KOREA());
        suite.rule("MaxBalanceModule", abi.encodeCall(ITrexModules.setMaxBalance, (PLENTY)));
        suite.rule("SupplyLimitModule", abi.encodeCall(ITrexModules.setSupplyLimit, (PLENTY)));
    }

    /* WHAT A GATEWAY SAYS */

    /// A quote and a mint refuse for the same reason, and nothing is written down: a row of docs/tokens.md.
    function _expectRefused(IGatewayTypes.Transfer memory item, uint8 reason) internal {
        _expectNotMinted(item, reason);
        emit Refusal(reason);
    }

    /// The same, of a test that is no situation of its own.
    function _expectNotMinted(IGatewayTypes.Transfer memory item, uint8 reason) internal {
        uint256 supply = to.token().totalSupply();
        _on(destination);
        _eq(destination.gateway.eligibility(item), reason, "quote");
        vm.recordLogs();
        _settle(item);
        _eq(_reasonIn(vm.getRecordedLogs(), _id(item)), reason, "mint");
        _eq(_outcomeOf(item), Outcome.NONE, "no record");
        _eq(to.token().totalSupply(), supply, "nothing minted");
    }

    /// A quote finds nothing against it, and it is minted, once.
    function _expectMinted(IGatewayTypes.Transfer memory item) internal {
        address recipient = address(uint160(uint256(item.recipient)));
        uint256 before = to.token().balanceOf(recipient);
        _on(destination);
        _eq(destination.gateway.eligibility(item), 0, "quote");
        _settle(item);
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "record");
        _eq(to.token().balanceOf(recipient), before + item.amount, "once");
    }

    /// A lock that the token refuses is left out, with what the token said.
    function _expectNotLocked(uint256 amount, bytes memory said) internal {
        vm.recordLogs();
        _eq(TransferId.unwrap(_lockAll(_one(_request(amount)))[0]), 0, "left out");
        bytes memory told = abi.encodeWithSelector(IGatewayTypes.TokenCallFailed.selector, address(source.token), said);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IGatewayTypes.LockFailed.selector) continue;
            (, bytes memory error) = abi.decode(logs[i].data, (uint256, bytes));
            return vm.assertEq(error, told, "what the token said");
        }
        _true(false, "LockFailed");
    }

    function _expectPayoutFails(IGatewayTypes.Transfer memory item, string memory text) internal {
        _on(source);
        vm.expectRevert(
            abi.encodeWithSelector(IGatewayTypes.TokenCallFailed.selector, address(source.token), _text(text))
        );
        source.gateway.payout(item);
        _true(_pendingOf(item) != Ending.OPEN, "still pending");
    }

    function _text(string memory text) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(TEXT, text);
    }

    /// INV-9: what the source's gateway must hold, and does not.
    function _missing() internal view returns (uint256) {
        (,,, uint256 held) = source.gateway.totals(ASSET);
        uint256 balance = from.token().balanceOf(address(source.gateway));
        return balance < held ? held - balance : 0;
    }

    function _reasonIn(Vm.Log[] memory logs, TransferId id) internal pure returns (uint8 reason) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IGatewayTypes.SettleFailed.selector) continue;
            if (logs[i].topics[1] != TransferId.unwrap(id)) continue;
            (reason,) = abi.decode(logs[i].data, (uint8, bytes));
        }
    }
}
