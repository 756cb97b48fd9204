// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGateway, IGatewayTypes, LaneId, TransferId} from "../src/interfaces/IGateway.sol";
import {Statements} from "./Statements.sol";
import {TestToken} from "./mocks/TestToken.sol";
import {Vm} from "./Vm.sol";

/// R-60: what it takes to close an endpoint, and that a closed one never comes back.
contract CloseTest is Statements {
    AssetId internal constant BOND = AssetId.wrap(keccak256("isin:KR6000000001"));
    uint256 internal constant BOND_REGISTER_KEY = 0x9E616;
    IGateway internal gateway;
    EndpointId internal dead;
    LaneId internal backLane;

    /// Two assets have lanes with the peer, one of them two.
    function setUp() public override {
        super.setUp();
        (gateway, dead) = (source.gateway, destination.endpoint);
        TestToken bond = new TestToken();
        vm.prank(governance);
        gateway.addProfile(BOND, address(bond), tokenHandler, _mode(), _form(), 0, GAS_ALLOWANCE);
        vm.prank(governance);
        gateway.configureInbound(dead, BOND, _inboundLimits());
        vm.prank(governance);
        backLane = gateway.configureInbound(dead, ASSET, _inboundLimits());
        _setRegisterKey(source, ASSET, REGISTER_KEY);
        _setRegisterKey(source, BOND, BOND_REGISTER_KEY);
    }

    /* WHAT IT TAKES */

    /// R-60: governance, the committee and every register; then anybody may post it.
    function test_governance_committee_and_registers_together_close_a_peer(address caller) public {
        _allow();
        bytes memory data = _closing(_closed(), _bothSign());
        vm.recordLogs();
        _passes(caller, gateway, data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _eq(_count(logs, address(gateway), IGatewayTypes.PeerClosed.selector), 1, "PeerClosed");
        _eq(_count(logs, address(gateway), IGatewayTypes.LaneEnabled.selector), 3, "each lane disabled");
        IGatewayTypes.Peer memory peer = gateway.peer(dead);
        _true(peer.closed && !peer.enabled && peer.registered, "closed");
        LaneId[] memory lanes = gateway.lanes();
        for (uint256 i = 0; i < lanes.length; ++i) {
            _true(!gateway.lane(lanes[i]).enabled, "lane disabled");
        }
    }

    /// R-60: the registers are asked in the order of their assets' first lanes, each once.
    function test_assets_with_a_peer_are_told_once_in_the_order_of_their_lanes() public view {
        AssetId[] memory assets = gateway.assetsWith(dead);
        _eq(assets.length, 2, "each once");
        _eq(AssetId.unwrap(assets[0]), AssetId.unwrap(ASSET), "the first lane's");
        _eq(AssetId.unwrap(assets[1]), AssetId.unwrap(BOND), "the next one's");
        _eq(gateway.assetsWith(source.endpoint).length, 0, "none with others");
    }

    /// R-60: without governance's word.
    function test_a_peer_is_not_closed_before_governance_allowed_it() public {
        bytes memory data = _closing(_closed(), _bothSign());
        _fails(governance, gateway, data, _peerError(IGatewayTypes.PeerNotClosing.selector, dead));
        vm.expectEmit();
        emit IGatewayTypes.PeerClosing(dead);
        _allow();
        _true(gateway.peer(dead).closing && gateway.peer(dead).enabled, "closing, and open");
        _lock(1);
        _passes(stranger, gateway, data);
    }

    function test_an_unknown_peer_is_not_closed(EndpointId unknown) public {
        vm.assume(EndpointId.unwrap(unknown) != EndpointId.unwrap(dead));
        bytes memory error = _peerError(IGatewayTypes.PeerUnknown.selector, unknown);
        _fails(governance, gateway, abi.encodeCall(gateway.allowClosing, (unknown)), error);
        IGatewayTypes.Attestation memory attestation = _sign(_digest(source.endpoint, _closedStatement(EPOCH, unknown)));
        bytes memory data = abi.encodeCall(gateway.close, (unknown, attestation, new bytes[](0)));
        _fails(stranger, gateway, data, error);
    }

    /// R-60: without the committee's word, of this very endpoint, to this very gateway.
    function test_a_peer_is_not_closed_without_its_own_closed_statement(bytes32 other) public {
        vm.assume(other != EndpointId.unwrap(dead));
        _allow();
        bytes memory invalid = _error(IGatewayTypes.SignatureInvalid.selector);
        bytes32 statement = _closedStatement(EPOCH, EndpointId.wrap(other));
        _fails(stranger, gateway, _closing(_sign(_digest(source.endpoint, statement)), _bothSign()), invalid);
        statement = _closedStatement(EPOCH, dead);
        _fails(stranger, gateway, _closing(_sign(_digest(dead, statement)), _bothSign()), invalid);
        statement = _closedStatement(NEXT_EPOCH, dead);
        _fails(stranger, gateway, _closing(_sign(_digest(source.endpoint, statement)), _bothSign()), invalid);
        IGatewayTypes.Attestation memory zeros;
        bytes memory unknown = _error(IGatewayTypes.EpochUnknown.selector, uint256(0));
        _fails(stranger, gateway, _closing(zeros, _bothSign()), unknown);
        _true(!gateway.peer(dead).closed, "open");
    }

    /// R-60: every register, none more.
    function test_a_peer_is_not_closed_without_each_register(uint8 count) public {
        count = uint8(_bound(count, 0, 4));
        vm.assume(count != 2);
        _allow();
        bytes[] memory signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = _registerSigns(BOND_REGISTER_KEY, BOND, dead, source.endpoint);
        }
        if (count != 0) signatures[0] = _registerSigns(REGISTER_KEY, ASSET, dead, source.endpoint);
        bytes memory error = abi.encodeWithSelector(IGatewayTypes.LengthMismatch.selector, 2, count);
        _fails(stranger, gateway, _closing(_closed(), signatures), error);
    }

    /// R-60: each in its place, by its own key, over its own asset and endpoint, for this gateway.
    function test_a_wrong_register_s_signature_closes_nothing() public {
        _allow();
        bytes memory good = _registerSigns(REGISTER_KEY, ASSET, dead, source.endpoint);
        bytes memory bond = _registerSigns(BOND_REGISTER_KEY, BOND, dead, source.endpoint);
        _refusedFor(ASSET, bond, good); // in the other order
        _refusedFor(ASSET, _registerSigns(0xBAD, ASSET, dead, source.endpoint), bond);
        _refusedFor(ASSET, _registerSigns(BOND_REGISTER_KEY, ASSET, dead, source.endpoint), bond);
        _refusedFor(ASSET, _registerSigns(REGISTER_KEY, BOND, dead, source.endpoint), bond);
        _refusedFor(ASSET, _registerSigns(REGISTER_KEY, ASSET, source.endpoint, source.endpoint), bond);
        _refusedFor(ASSET, _registerSigns(REGISTER_KEY, ASSET, dead, dead), bond);
        _refusedFor(BOND, good, good);
        _refusedFor(BOND, good, "");
        _refusedFor(BOND, good, new bytes(65));
        _passes(stranger, gateway, _closing(_closed(), _pair(good, bond)));
    }

    /// Nomad 2022: no register key, no voice; nobody's signature is not zero's.
    function test_an_asset_without_a_register_key_keeps_its_peers(bytes32 r, bytes32 s, uint8 v) public {
        _allow();
        vm.prank(governance);
        gateway.setRegisterKey(BOND, address(0));
        bytes memory good = _registerSigns(REGISTER_KEY, ASSET, dead, source.endpoint);
        _refusedFor(BOND, good, abi.encodePacked(r, s, v));
        _refusedFor(BOND, good, new bytes(65));
        _refusedFor(BOND, good, _registerSigns(BOND_REGISTER_KEY, BOND, dead, source.endpoint));
    }

    /* FOR EVER */

    function test_a_peer_is_closed_once() public {
        _close();
        bytes memory error = _peerError(IGatewayTypes.PeerClosedError.selector, dead);
        _fails(stranger, gateway, _closing(_closed(), _bothSign()), error);
        _fails(governance, gateway, abi.encodeCall(gateway.allowClosing, (dead)), error);
    }

    /// R-60: no word of governance's opens it again.
    function test_a_closed_peer_is_never_enabled_again() public {
        _close();
        bytes memory error = _peerError(IGatewayTypes.PeerClosedError.selector, dead);
        _fails(governance, gateway, abi.encodeCall(gateway.setPeerEnabled, (dead, true)), error);
        _fails(governance, gateway, abi.encodeCall(gateway.setLaneEnabled, (lane, true)), error);
        _fails(governance, gateway, abi.encodeCall(gateway.setLaneEnabled, (backLane, true)), error);
        bytes memory data = abi.encodeCall(gateway.configureOutbound, (dead, BOND, _outboundLimits()));
        _fails(governance, gateway, data, error);
        AssetId fresh = AssetId.wrap(keccak256("isin:KR0000000009"));
        TestToken token = new TestToken();
        vm.prank(governance);
        gateway.addProfile(fresh, address(token), tokenHandler, _mode(), _form(), 0, GAS_ALLOWANCE);
        data = abi.encodeCall(gateway.configureInbound, (dead, fresh, _inboundLimits()));
        _fails(governance, gateway, data, error);
        _fails(governance, gateway, _registration(), _peerError(IGatewayTypes.PeerAlreadyRegistered.selector, dead));
    }

    /// Limits of a lane that is there may change; it stays disabled.
    function test_new_limits_do_not_open_a_closed_peer_s_lane() public {
        _close();
        vm.prank(governance);
        gateway.configureOutbound(dead, ASSET, _outboundLimits());
        vm.prank(governance);
        gateway.configureInbound(dead, ASSET, _inboundLimits());
        vm.prank(governance);
        gateway.setPeerEnabled(dead, false);
        _true(!gateway.lane(lane).enabled && !gateway.lane(backLane).enabled, "disabled");
        _true(gateway.peer(dead).closed, "closed");
    }

    /// R-60: no new lock to it, no new mint from it.
    function test_a_closed_peer_gets_no_lock_and_no_mint() public {
        IGatewayTypes.Transfer memory back = _backTerms();
        IGatewayTypes.Transfer[] memory items = _one(back);
        bytes32 digest = _digest(source.endpoint, _lockedStatement(EPOCH, _list(items)));
        IGatewayTypes.Attestation memory attestation = _sign(digest);
        _close();
        vm.expectEmit();
        emit IGatewayTypes.LockFailed(0, holder, _laneError(lane));
        TransferId[] memory ids = _lockAll(_one(_request(5)));
        _eq(TransferId.unwrap(ids[0]), 0, "no lock");
        gateway.settle(_inbound(items), attestation);
        _eq(gateway.outcomeWords(backLane, 0, 1)[0], 0, "no record");
        _eq(source.token.balanceOf(payee), 0, "no mint");
        _eq(uint256(gateway.eligibility(back)), 4, "and says so");
    }

    /// R-60, R-23: what stays open of a closed peer's is still refused, and what it decided is finished.
    function test_refuse_and_finish_go_on_for_a_closed_peer() public {
        IGatewayTypes.Transfer memory item = _lock(5);
        _close();
        IGatewayTypes.Transfer[] memory items = _one(_backTerms());
        bytes32 digest = _digest(source.endpoint, _refusedStatement(EPOCH, _list(items), hex"06"));
        gateway.refuse(_inbound(items), hex"06", _sign(digest));
        _eq(gateway.outcomeWords(backLane, 0, 1)[0], 2 << 2, "REJECTED");
        _finish(item, EXPIRED);
        _eq(source.token.balanceOf(holder), UNITS, "paid back");
    }

    /* HELPERS */

    function _allow() private {
        vm.prank(governance);
        gateway.allowClosing(dead);
    }

    function _close() private {
        _allow();
        _passes(stranger, gateway, _closing(_closed(), _bothSign()));
    }

    function _closed() private returns (IGatewayTypes.Attestation memory) {
        return _sign(_digest(source.endpoint, _closedStatement(EPOCH, dead)));
    }

    function _closing(IGatewayTypes.Attestation memory attestation, bytes[] memory signatures)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(gateway.close, (dead, attestation, signatures));
    }

    function _registerSigns(uint256 key, AssetId asset, EndpointId endpoint, EndpointId verifier)
        private
        pure
        returns (bytes memory)
    {
        return _ecdsa(key, _digest(verifier, _closingStatement(asset, endpoint)));
    }

    function _bothSign() private view returns (bytes[] memory) {
        return _pair(
            _registerSigns(REGISTER_KEY, ASSET, dead, source.endpoint),
            _registerSigns(BOND_REGISTER_KEY, BOND, dead, source.endpoint)
        );
    }

    function _pair(bytes memory first, bytes memory second) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (first, second);
    }

    function _refusedFor(AssetId asset, bytes memory first, bytes memory second) private {
        bytes memory error = _error(IGatewayTypes.RegisterSignatureInvalid.selector, AssetId.unwrap(asset));
        _fails(stranger, gateway, _closing(_closed(), _pair(first, second)), error);
    }

    /// A transfer from the dead endpoint to here.
    function _backTerms() private view returns (IGatewayTypes.Transfer memory terms) {
        terms = _terms(_request(5), 1);
        (terms.source, terms.destination) = (dead, source.endpoint);
    }

    function _registration() private returns (bytes memory) {
        _on(destination);
        string memory caip2 = destination.gateway.caip2();
        bytes32 fingerprint = destination.gateway.fingerprint();
        _on(source);
        return abi.encodeCall(gateway.registerPeer, (caip2, fingerprint, _account(address(destination.gateway))));
    }

    function _peerError(bytes4 selector, EndpointId peer) private pure returns (bytes memory) {
        return _error(selector, EndpointId.unwrap(peer));
    }

    function _laneError(LaneId id) private pure returns (bytes memory) {
        return _error(IGatewayTypes.LaneDisabled.selector, LaneId.unwrap(id));
    }
}
