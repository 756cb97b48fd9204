// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes, TransferId} from "../src/interfaces/IGateway.sol";
import {OrderBase} from "./OrderBase.sol";
import {Answer, Wallet} from "./mocks/Wallets.sol";

/// R-02, R-61: Orders of holders that are contracts (ERC-1271), or accounts with code and a key (EIP-7702).
contract OrderWalletTest is OrderBase {
    Wallet internal wallet;

    function setUp() public override {
        super.setUp();
        wallet = new Wallet();
        source.token.issue(address(wallet), UNITS);
        vm.prank(address(wallet));
        source.token.approve(address(source.gateway), type(uint256).max);
    }

    /// R-02
    function test_a_contract_s_word_locks_its_units(bytes memory signature) public {
        _submitLocked(_accepted(5, signature));
        _eq(source.token.balanceOf(address(wallet)), UNITS - 5, "the wallet's");
        _eq(source.token.balanceOf(holder), UNITS, "nobody else's");
    }

    /// R-02
    function test_what_a_contract_did_not_accept_is_refused(uint256 amount) public {
        vm.assume(amount != 5);
        IGatewayTypes.SignedOrder memory signed = _accepted(5, "");
        signed.order.amount = amount;
        _expectSignatureInvalid(signed);
    }

    /// R-02: the nonces are the wallet's own.
    function test_a_contract_s_order_locks_once() public {
        _submitLocked(_accepted(5, ""));
        bytes memory reason = abi.encodeWithSelector(IGatewayTypes.NonceUsed.selector, address(wallet), 1);
        _expectRefused(_accepted(5, ""), reason);
        _submitLocked(_signed(_order(5)));
    }

    /// R-61: a static call of bounded gas; only the magic word, whole, is a yes.
    function test_a_misbehaving_contract_locks_nothing(uint8 mode) public {
        Answer[6] memory bad =
            [Answer.WRONG, Answer.REVERTS, Answer.BURNS_GAS, Answer.RETURNS_1_MB, Answer.RETURNS_SHORT, Answer.WRITES];
        wallet.behave(bad[_bound(mode, 0, 5)]);
        IGatewayTypes.SignedOrder memory signed = _accepted(5, "");
        uint256 gasBefore = gasleft();
        _expectSignatureInvalid(signed);
        _le(gasBefore - gasleft(), 600_000, "bounded gas");
        wallet.behave(Answer.GOOD);
        _submitLocked(signed);
    }

    /// R-61: what it answers beyond the word isn't copied.
    function test_a_long_answer_costs_its_contract_only() public {
        IGatewayTypes.SignedOrder memory signed = _accepted(5, "");
        wallet.behave(Answer.RETURNS_LONG);
        uint256 gasBefore = gasleft();
        _submitLocked(signed);
        _le(gasBefore - gasleft(), 400_000, "not paid twice");
    }

    /// R-02: a contract that burns all its gas doesn't block the rest of a list.
    function test_a_bad_contract_does_not_block_a_list(uint8 mode) public {
        wallet.behave(Answer(uint8(_bound(mode, 1, 4))));
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](3);
        (orders[0], orders[1], orders[2]) = (_signed(_order(5)), _accepted(7, ""), _signed(_numbered(2)));
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(1, address(wallet), _signatureInvalid(address(wallet)));
        TransferId[] memory ids = _submit(venue, orders);
        _true(TransferId.unwrap(ids[0]) != 0 && TransferId.unwrap(ids[1]) == 0, "first, not second");
        _true(TransferId.unwrap(ids[2]) != 0, "third");
    }

    /// R-02: whoever submits chooses the gas, and never what a contract's answer is: all or nothing.
    function test_too_little_gas_never_makes_a_good_order_bad(uint256 gasLimit) public {
        gasLimit = _bound(gasLimit, 50_000, 4_000_000);
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](2);
        (orders[0], orders[1]) = (_accepted(5, ""), _signed(_order(6)));
        vm.prank(venue);
        try source.gateway.lockOrders{gas: gasLimit}(orders, new IGatewayTypes.Permit[](0)) {
            _eq(source.gateway.lane(lane).locked, 11, "all");
        } catch {
            _eq(source.gateway.lane(lane).locked, 0, "none");
        }
    }

    /// R-02: an account with delegated code signs with its own key as ever, whatever the code says.
    function test_an_account_with_code_still_signs_by_its_key(uint8 mode) public {
        vm.etch(holder, address(wallet).code);
        Wallet(holder).behave(Answer(uint8(_bound(mode, 0, 7))));
        _submitLocked(_signed(_order(5)));
        _expectRefused(_signed(_order(5)), _nonceUsed(1));
    }

    /// R-02: and its code may answer for it too.
    function test_an_account_with_code_may_answer_by_its_code() public {
        vm.etch(holder, address(wallet).code);
        IGatewayTypes.Order memory order = _order(5);
        _expectSignatureInvalid(_with(order, "not a key's"));
        Wallet(holder).accept(_orderDigest(order));
        _submitLocked(_with(order, "not a key's"));
    }

    /* HELPERS */

    function _numbered(uint256 nonce) private view returns (IGatewayTypes.Order memory order) {
        order = _order(9);
        order.nonce = nonce;
    }

    /// An Order of the wallet, which says yes to it.
    function _accepted(uint256 amount, bytes memory signature) private returns (IGatewayTypes.SignedOrder memory) {
        IGatewayTypes.Order memory order = _order(amount);
        order.holder = address(wallet);
        wallet.accept(_orderDigest(order));
        return _with(order, signature);
    }
}
