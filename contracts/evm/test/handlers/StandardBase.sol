// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ending, IGatewayTypes, LockMode, Outcome, TokenForm} from "../../src/interfaces/IGateway.sol";
import {ITokenHandler} from "../../src/interfaces/ITokenHandler.sol";
import {Base} from "../Base.sol";
import {TokenThatAcceptsAnything} from "../mocks/OddTokens.sol";
import {AnswersTheSame, SaysYesToEveryId} from "../mocks/Pretenders.sol";
import {Vm} from "../Vm.sol";

/// What the tests use of any token.
interface IStandardToken {
    function approve(address spender, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
    function totalSupply() external view returns (uint256);
}

/// A token of one standard on each ledger, registered with the standard's handler: what the gateway and the holder need is
/// granted, the payee may receive, and the holder has 1,000 units.
abstract contract StandardBase is Base {
    uint256 internal constant STOCK = 1_000;
    uint256 internal constant CAP = 10_000;

    ITokenHandler internal handler;
    address internal here;
    address internal there;

    function setUp() public override {
        super.setUp();
        handler = ITokenHandler(_deployed(_handlerName()));
        (here, there) = (_prepared(source), _prepared(destination));
        _on(source);
        _stock(here);
        vm.prank(holder);
        IStandardToken(here).approve(address(source.gateway), type(uint256).max);
    }

    /* WHAT A STANDARD SAYS */

    function _handlerName() internal pure virtual returns (string memory);

    /// A new token, with everything granted to the gateway.
    function _tokenFor(address gateway) internal virtual returns (address token);

    /// The holder's units.
    function _stock(address token) internal virtual;

    function _standardForm() internal pure virtual returns (TokenForm) {
        return TokenForm.OWN;
    }

    /* EVERY STANDARD */

    /// R-22
    function test_an_item_is_minted_and_committed() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _expectMinted(item);
        _finish(item, MINTED);
        _eq(IStandardToken(here).totalSupply(), STOCK - 400, "burned at the source");
        _eq(_endingOf(item), Ending.COMMITTED, "committed");
        _eq(_pendingOf(item), Ending.OPEN, "and nothing pending");
    }

    /// R-31, INV-6
    function test_a_release_pays_back() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        _eq(IStandardToken(here).balanceOf(holder), STOCK - 400, "locked");
        bool burns = _mode() == LockMode.BURN;
        _eq(IStandardToken(here).totalSupply(), burns ? STOCK - 400 : STOCK, "BURN burns at once");
        _finish(item, REJECTED);
        _eq(IStandardToken(here).balanceOf(holder), STOCK, "all back");
        _eq(IStandardToken(here).totalSupply(), STOCK, "and no more");
    }

    /// R-07: a token must be of its handler's standard.
    function test_a_token_of_no_standard_is_refused() public {
        _on(source);
        _expectUnsuitable(address(source.token), _standardForm());
        _expectUnsuitable(address(new TokenThatAcceptsAnything()), _standardForm());
        _expectUnsuitable(address(new SaysYesToEveryId()), _standardForm());
        for (uint256 count = 0; count < 4; ++count) {
            for (uint256 word = 0; word < 2; ++word) {
                _expectUnsuitable(address(new AnswersTheSame(word, count)), _standardForm());
            }
        }
    }

    /// R-22: a token that stops answering is waited for, also one that burns whatever gas its calls get.
    function test_a_token_that_no_longer_answers_is_waited_for() public {
        IGatewayTypes.Transfer memory item = _lock(400);
        bytes memory code = there.code;
        vm.etch(there, "");
        _expectRefused(item, 8);
        vm.etch(there, hex"fe");
        _expectRefused(item, 8);
        vm.etch(there, code);
        _expectMinted(item);
    }

    function test_gas_of_settle() public {
        _measureSettle();
    }

    /* HELPERS */

    function _use(Ledger memory ledger, address token, TokenForm form) internal {
        vm.prank(governance);
        ledger.gateway.addProfile(ASSET, token, address(handler), _mode(), form, 0, GAS_ALLOWANCE);
    }

    function _expectUnsuitable(address token, TokenForm form) internal {
        bytes4 error = IGatewayTypes.TokenUnsuitable.selector;
        vm.expectRevert(abi.encodeWithSelector(error, token, address(handler)));
        _use(source, token, form);
    }

    /// The same reason from the quote and from the mint, and no record.
    function _expectRefused(IGatewayTypes.Transfer memory item, uint8 reason) internal {
        _on(destination);
        _eq(destination.gateway.eligibility(item), reason, "the quote");
        vm.recordLogs();
        _settle(item);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _eq(_refusalIn(logs), reason, "the mint");
        _eq(_outcomeOf(item), Outcome.NONE, "no record");
        emit Refusal(reason);
    }

    function _expectMinted(IGatewayTypes.Transfer memory item) internal {
        _on(destination);
        uint256 before = IStandardToken(there).balanceOf(payee);
        _eq(destination.gateway.eligibility(item), 0, "eligible");
        _settle(item);
        _eq(_outcomeOf(item), Outcome.MINTED, "minted");
        _eq(IStandardToken(there).balanceOf(payee), before + item.amount, "the payee's");
    }

    /// Left out, and nothing taken.
    function _expectNotLocked(uint256 amount) internal {
        _eq(bytes32(abi.encode(_lockAll(_one(_request(amount)))[0])), 0, "left out");
        _eq(IStandardToken(here).balanceOf(holder), STOCK, "nothing taken");
    }

    function _meaning(bytes memory error) internal view returns (uint8) {
        return handler.reasonOf(error);
    }

    function _meaningOf(string memory text) internal view returns (uint8) {
        return handler.reasonOf(abi.encodeWithSignature("Error(string)", text));
    }

    function _deployed(string memory name) internal returns (address) {
        return _deployed(string.concat(name, ".sol:", name), "");
    }

    function _deployed(string memory path, bytes memory arguments) internal returns (address) {
        return vm.deployCode(path, arguments);
    }

    function _prepared(Ledger memory ledger) private returns (address token) {
        _on(ledger);
        token = _tokenFor(address(ledger.gateway));
        _use(ledger, token, _standardForm());
    }

    function _refusalIn(Vm.Log[] memory logs) private pure returns (uint8 reason) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IGatewayTypes.SettleFailed.selector) continue;
            (reason,) = abi.decode(logs[i].data, (uint8, bytes));
        }
    }
}
