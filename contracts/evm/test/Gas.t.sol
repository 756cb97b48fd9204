// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {ISampleToken} from "./mocks/ISampleToken.sol";
import {TestToken} from "./mocks/TestToken.sol";

/// What a whole transaction costs, with a plain OpenZeppelin token: 21,000, calldata, refund and all (`forge test --isolate`
/// makes each outer call a transaction of its own). `-vv` prints the figures; the bounds are a few per cent above them, so that a
/// change for the worse is seen.
/// forge-config: default.isolate = true
contract GasTest is Base {
    event log_named_uint(string key, uint256 value);

    function setUp() public override {
        super.setUp();
        _round(1); // sequences, totals, supply and outcome words are in use
    }

    function _newToken() internal override returns (TestToken) {
        return TestToken(vm.deployCode("PlainToken.sol:PlainToken", abi.encode("Plain", "PLN", uint8(0), governance)));
    }

    function _fund() internal override {
        _allowMint(address(source.token), address(this));
        _allowMint(address(destination.token), address(destination.gateway));
        ISampleToken(address(source.token)).mint(holder, UNITS);
    }

    function test_gas_of_a_lock() public {
        payee = address(0xF1);
        IGatewayTypes.LockRequest memory request = _request(5);
        _on(source);
        vm.prank(holder);
        source.gateway.lock(_batch(request));
        _report("lock, one", 1, 91_000);
        request.nonce = 300;
        vm.prank(holder);
        source.gateway.lock(_batch(request));
        _report("lock, one, first nonce of a word", 1, 114_000);
        request.nonce = 301;
        vm.prank(holder);
        source.gateway.lock(_batch(request));
        _report("lock, one, next nonce", 1, 97_000);
        _lockMany(50);
        _report("lock, per item of 50", 50, 43_000);
    }

    function test_gas_of_a_settle() public {
        IGatewayTypes.Transfer[] memory items = _fresh(1, 1000);
        _settle(items);
        _report("settle, one, fresh recipient", 1, 102_000);
        items = _fresh(1, 1000);
        _settle(items);
        _report("settle, one, known recipient", 1, 85_000);
        items = _fresh(50, 2000);
        _settle(items);
        _report("settle, per item of 50, fresh", 50, 43_000);
        items = _fresh(50, 2000);
        _settle(items);
        _report("settle, per item of 50, known", 50, 26_000);
    }

    function test_gas_of_a_refuse() public {
        IGatewayTypes.Transfer[] memory items = _fresh(50, 2000);
        _refuse(items, _repeat(0x0a, 50));
        _report("refuse, per item of 50", 50, 9_000);
    }

    function test_gas_of_a_finish() public {
        _finish(_fresh(1, 1000), MINTED);
        _report("finish, one, commit", 1, 85_000);
        _finish(_fresh(1, 1000), REJECTED);
        _report("finish, one, release", 1, 85_000);
        _finish(_fresh(50, 2000), _repeat(0x01, 50));
        _report("finish, per item of 50, commit", 50, 15_000);
        _finish(_fresh(50, 2000), _repeat(0x02, 50));
        _report("finish, per item of 50, release", 50, 23_000);
    }

    /// Locked, settled and finished once each way.
    function _round(uint256 amount) private {
        IGatewayTypes.Transfer memory committed = _lock(amount);
        IGatewayTypes.Transfer memory released = _lock(amount);
        _settle(committed);
        _refuse(released, 6);
        _finish(_two(committed, released), hex"0102");
        _lock(amount); // escrow isn't empty
    }

    /// `count` locks to recipients of their own.
    function _fresh(uint256 count, uint160 firstRecipient) private returns (IGatewayTypes.Transfer[] memory items) {
        _on(source);
        items = new IGatewayTypes.Transfer[](count);
        for (uint256 i = 0; i < count; ++i) {
            IGatewayTypes.LockRequest memory request = _request(1e20 + i);
            request.recipient = _account(address(firstRecipient + uint160(i)));
            items[i] = _lock(request);
        }
    }

    function _allowMint(address token, address minter) private {
        bytes32 role = ISampleToken(token).MINTER();
        vm.prank(governance);
        ISampleToken(token).grantRole(role, minter);
    }

    function _report(string memory what, uint256 items, uint256 max) private {
        uint256 used = vm.lastCallGas().gasTotalUsed / items;
        emit log_named_uint(what, used);
        _le(used, max, what);
    }
}
