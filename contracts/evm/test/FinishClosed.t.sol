// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, Ending, IGateway, IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {Statements} from "./Statements.sol";
import {Behaviour} from "./mocks/TestToken.sol";

/// R-60: locks towards a closed endpoint end by the register's entry. Ended's outcomes: 1 COMMITTED, 2 RELEASED.
contract FinishClosedTest is Statements {
    bytes internal constant CREDITED = hex"01";
    bytes internal constant RETURNED = hex"02";
    IGateway internal gateway;

    function setUp() public override {
        super.setUp();
        gateway = source.gateway;
        _setRegisterKey(source, ASSET, REGISTER_KEY);
    }

    /* WHAT IT DOES */

    /// INV-6: the register returns the units: the holder has what was taken.
    function test_a_returned_lock_is_paid_back(uint128 amount, address caller) public {
        amount = uint128(_bound(amount, 1, 1e24));
        IGatewayTypes.Transfer memory item = _lock(amount);
        _close();
        _eq(source.token.balanceOf(holder), UNITS - amount, "taken");
        bytes memory data = _call(_one(item), RETURNED);
        vm.expectEmit();
        emit IGatewayTypes.Finished(_id(item), lane, item.sequence, Ending.RELEASED);
        _passes(caller, gateway, data);
        _eq(_endingOf(item), Ending.RELEASED, "RELEASED");
        _eq(source.token.balanceOf(holder), UNITS, "paid back");
        _eq(gateway.lane(lane).released, amount, "total");
        _eq(_lockWord(item), 0, "lock word gone");
    }

    /// The register credited the recipient anew: the escrow is burned.
    function test_a_credited_lock_is_burned(uint128 amount) public {
        amount = uint128(_bound(amount, 1, 1e24));
        IGatewayTypes.Transfer memory item = _lock(amount);
        _close();
        _passes(stranger, gateway, _call(_one(item), CREDITED));
        _eq(_endingOf(item), Ending.COMMITTED, "COMMITTED");
        _eq(source.token.balanceOf(address(gateway)), 0, "nothing held");
        _eq(source.token.totalSupply(), UNITS - amount, "burned");
        _eq(gateway.lane(lane).committed, amount, "total");
    }

    /// R-32: a breaker doesn't stop it.
    function test_a_pause_does_not_stop_it() public {
        IGatewayTypes.Transfer memory item = _lock(7);
        _close();
        vm.prank(guardian);
        gateway.pause();
        _passes(stranger, gateway, _call(_one(item), RETURNED));
        _eq(source.token.balanceOf(holder), UNITS, "paid back");
    }

    /// R-60: a record already written stands.
    function test_a_record_that_is_written_stands() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        _finish(items[0], MINTED);
        _finish(items[1], REJECTED);
        _close();
        _passes(stranger, gateway, _call(_one(items[0]), RETURNED));
        _passes(stranger, gateway, _call(_one(items[1]), CREDITED));
        _eq(_endingOf(items[0]), Ending.COMMITTED, "stays COMMITTED");
        _eq(_endingOf(items[1]), Ending.RELEASED, "stays RELEASED");
        _eq(source.token.totalSupply(), UNITS - 1, "burned once");
        _eq(source.token.balanceOf(holder), UNITS - 1, "paid once");
    }

    /// INV-3: nor does the entry work twice, nor another one after it.
    function test_an_entry_counts_once() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        _close();
        _passes(stranger, gateway, _call(_one(items[0]), RETURNED));
        _passes(stranger, gateway, _call(_one(items[0]), RETURNED));
        _passes(stranger, gateway, _call(_one(items[0]), CREDITED));
        _eq(source.token.balanceOf(holder), UNITS - 2, "one paid back, one still locked");
        _eq(gateway.lane(lane).committed, 0, "nothing committed");
        _finish(items[0], MINTED); // nor the committee's word after it
        _eq(_endingOf(items[0]), Ending.RELEASED, "stands");
    }

    /// R-20: one bad item never blocks the rest: unknown terms, a bare id, an item of no lock.
    function test_items_that_do_not_match_are_skipped() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(4);
        _close();
        items[0].amount = 1_000_000;
        IGatewayTypes.Transfer memory spared = items[1];
        items[1] = _bare(items[1]);
        items[2].sequence = 99;
        _passes(stranger, gateway, _call(items, hex"02020202"));
        _eq(source.token.balanceOf(holder), UNITS - 10 + 4, "the fourth alone");
        _eq(_endingOf(spared), Ending.OPEN, "bare: counted, not tried");
        _eq(_endingOf(items[3]), Ending.RELEASED, "done");
    }

    /// R-31: what the token refuses waits for `payout`.
    function test_what_the_token_refuses_is_pending() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        _close();
        source.token.behave(Behaviour.REVERTS);
        _passes(stranger, gateway, _call(items, hex"0102"));
        _eq(_pendingOf(items[0]), Ending.COMMITTED, "burn waits");
        _eq(_pendingOf(items[1]), Ending.RELEASED, "payment waits");
        source.token.behave(Behaviour.HONEST);
        _payout(items[0]);
        _payout(items[1]);
        _eq(source.token.totalSupply(), UNITS - 1, "burned");
        _eq(source.token.balanceOf(holder), UNITS - 1, "paid");
    }

    /* WHAT IT REFUSES */

    /// R-60: not before the endpoint is closed, not by a register alone.
    function test_an_open_peer_s_locks_are_not_the_register_s() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        bytes memory data = _call(_one(item), RETURNED);
        bytes memory error = _error(IGatewayTypes.PeerNotClosed.selector, EndpointId.unwrap(destination.endpoint));
        _fails(stranger, gateway, data, error);
        vm.prank(governance);
        gateway.allowClosing(destination.endpoint);
        _fails(stranger, gateway, data, error);
        vm.prank(governance);
        gateway.setPeerEnabled(destination.endpoint, false);
        _fails(stranger, gateway, data, error);
    }

    /// One open peer among the closed.
    function test_every_batch_s_peer_is_closed() public {
        EndpointId other = _thirdPeer();
        IGatewayTypes.Transfer[] memory items = _two(_lock(5), _lock(6));
        items[1].destination = other;
        _close();
        bytes memory error = _error(IGatewayTypes.PeerNotClosed.selector, EndpointId.unwrap(other));
        _fails(stranger, gateway, _call(items, hex"0202"), error);
    }

    function test_another_key_s_entry_is_refused(uint256 key) public {
        key = _bound(key, 1, type(uint128).max);
        vm.assume(key != REGISTER_KEY);
        IGatewayTypes.Transfer[] memory items = _one(_lock(5));
        _close();
        _refused(items, RETURNED, _entry(key, ASSET, items, RETURNED, source.endpoint));
        _refused(items, RETURNED, "");
        _refused(items, RETURNED, new bytes(65));
    }

    /// Nomad 2022: zero is nobody's key.
    function test_without_a_register_key_nothing_ends(bytes32 r, bytes32 s, uint8 v) public {
        IGatewayTypes.Transfer[] memory items = _one(_lock(5));
        _close();
        vm.prank(governance);
        gateway.setRegisterKey(ASSET, address(0));
        _refused(items, RETURNED, abi.encodePacked(r, s, v));
        _refused(items, RETURNED, new bytes(65));
    }

    /// The entry says this list, these outcomes, this asset, to this gateway.
    function test_an_entry_that_says_something_else_is_refused() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        IGatewayTypes.Transfer[] memory other = _two(items[1], items[0]);
        _close();
        bytes memory entry = _entry(REGISTER_KEY, ASSET, items, hex"0201", source.endpoint);
        _refused(items, hex"0102", entry);
        _refused(other, hex"0201", entry);
        _refused(_one(items[0]), RETURNED, entry);
        _refused(items, hex"0201", _entry(REGISTER_KEY, ASSET, items, hex"0201", destination.endpoint));
        AssetId bond = AssetId.wrap(keccak256("bond"));
        _refused(items, hex"0201", _entry(REGISTER_KEY, bond, items, hex"0201", source.endpoint));
        IGatewayTypes.Batch[] memory batches = _outbound(items);
        bytes memory data = abi.encodeCall(gateway.finishClosed, (bond, batches, hex"0201", entry));
        _fails(stranger, gateway, data, _error(IGatewayTypes.AssetUnknown.selector, AssetId.unwrap(ASSET)));
        _passes(stranger, gateway, abi.encodeCall(gateway.finishClosed, (ASSET, batches, hex"0201", entry)));
    }

    /// Another asset's batch, closed peer or not, is not this register's.
    function test_a_batch_of_another_asset_is_refused() public {
        IGatewayTypes.Transfer[] memory items = _two(_lock(5), _lock(6));
        _close();
        AssetId bond = AssetId.wrap(keccak256("bond"));
        items[1].asset = bond;
        bytes memory error = _error(IGatewayTypes.AssetUnknown.selector, AssetId.unwrap(bond));
        _fails(stranger, gateway, _call(items, hex"0202"), error);
    }

    function test_lists_that_make_no_sense_are_refused() public {
        IGatewayTypes.Transfer[] memory items = _lockMany(2);
        _close();
        IGatewayTypes.Transfer[] memory none = new IGatewayTypes.Transfer[](0);
        _fails(stranger, gateway, _call(none, ""), _error(IGatewayTypes.EmptyList.selector));
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.LengthMismatch.selector, 2, 1);
        _fails(stranger, gateway, _call(items, hex"02"), error);
        error = abi.encodeWithSelector(IGatewayTypes.LengthMismatch.selector, 2, 3);
        _fails(stranger, gateway, _call(items, hex"020202"), error);
    }

    function test_an_outcome_that_does_not_exist_is_refused(uint8 outcome) public {
        vm.assume(outcome == 0 || outcome > 3);
        IGatewayTypes.Transfer[] memory items = _one(_lock(5));
        _close();
        bytes memory data = _call(items, abi.encodePacked(outcome));
        _fails(stranger, gateway, data, _error(IGatewayTypes.OutcomeInvalid.selector, outcome));
    }

    /// R-60, IGatewayCore.finishClosed: the register knows 1 and 2; EXPIRED is a destination's word, and there is none.
    function test_a_register_does_not_say_expired() public {
        IGatewayTypes.Transfer[] memory items = _one(_lock(5));
        _close();
        bytes memory data = _call(items, EXPIRED);
        _fails(stranger, gateway, data, _error(IGatewayTypes.OutcomeInvalid.selector, uint256(3)));
    }

    /* HELPERS */

    function _close() private {
        EndpointId dead = destination.endpoint;
        vm.prank(governance);
        gateway.allowClosing(dead);
        IGatewayTypes.Attestation memory attestation = _sign(_digest(source.endpoint, _closedStatement(EPOCH, dead)));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _ecdsa(REGISTER_KEY, _digest(source.endpoint, _closingStatement(ASSET, dead)));
        gateway.close(dead, attestation, signatures);
    }

    function _thirdPeer() private returns (EndpointId) {
        vm.prank(governance);
        return gateway.registerPeer("fabric:third", keccak256("genesis"), keccak256("gateway"));
    }

    function _entry(
        uint256 key,
        AssetId asset,
        IGatewayTypes.Transfer[] memory items,
        bytes memory outcomes,
        EndpointId verifier
    ) private pure returns (bytes memory) {
        return _ecdsa(key, _digest(verifier, _endedStatement(asset, _list(items), outcomes)));
    }

    function _call(IGatewayTypes.Transfer[] memory items, bytes memory outcomes) private view returns (bytes memory) {
        bytes memory entry = _entry(REGISTER_KEY, ASSET, items, outcomes, source.endpoint);
        return abi.encodeCall(gateway.finishClosed, (ASSET, _outbound(items), outcomes, entry));
    }

    function _refused(IGatewayTypes.Transfer[] memory items, bytes memory outcomes, bytes memory entry) private {
        bytes memory data = abi.encodeCall(gateway.finishClosed, (ASSET, _outbound(items), outcomes, entry));
        _fails(stranger, gateway, data, _error(IGatewayTypes.RegisterSignatureInvalid.selector, AssetId.unwrap(ASSET)));
    }
}
