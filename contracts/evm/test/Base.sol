// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AssetId,
    EndpointId,
    Ending,
    IGateway,
    LaneId,
    LockMode,
    Outcome,
    TransferId
} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {TestToken} from "./mocks/TestToken.sol";
import {Vm} from "./Vm.sol";

/// Two ledgers in one machine, `source` and `destination`, told apart by chain id; a committee of one key; helpers that
/// sign statements by their own type strings, so that the contract isn't checked against itself.
abstract contract Base {
    struct Ledger {
        uint256 chainId;
        IGateway gateway;
        TestToken token;
        EndpointId endpoint;
    }

    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    uint256 internal constant GROUP_KEY = 0xC0FFEE;
    uint64 internal constant EPOCH = 7;
    uint32 internal constant GAS_ALLOWANCE = 200_000;
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant UNITS = 1e30;
    AssetId internal constant ASSET = AssetId.wrap(keccak256("isin:KR7005930003"));

    uint8 internal constant EXPIRED_REASON = 10;
    bytes internal constant MINTED = hex"01";
    bytes internal constant REJECTED = hex"02";
    bytes internal constant EXPIRED = hex"03";

    address internal governance = address(0x60);
    address internal guardian = address(0x61);
    address internal holder = address(0xA11CE);
    address internal payee = address(0xB0B);

    Ledger internal source;
    Ledger internal destination;
    LaneId internal lane;
    Vm.Wallet internal group;

    function setUp() public virtual {
        vm.warp(START);
        group = vm.createWallet(GROUP_KEY);
        source = _deploy(1001, 100);
        destination = _deploy(1002, 200);
        _introduce(source, destination);
        _introduce(destination, source);
        lane = _openLane();
        _on(source);
        _fund();
        vm.prank(holder);
        source.token.approve(address(source.gateway), type(uint256).max);
    }

    /* SET-UP */

    function _newToken() internal virtual returns (TestToken) {
        return new TestToken();
    }

    function _fund() internal virtual {
        source.token.issue(holder, UNITS);
    }

    function _deploy(uint256 chain, uint256 height) private returns (Ledger memory ledger) {
        vm.chainId(chain);
        vm.roll(height);
        vm.setBlockhash(height - 1, keccak256(abi.encode("block", chain)));
        ledger.chainId = chain;
        ledger.gateway = IGateway(vm.deployCode("Gateway.sol:Gateway", abi.encode(governance, guardian)));
        ledger.token = _newToken();
        ledger.endpoint = ledger.gateway.endpointId();
        vm.prank(governance);
        ledger.gateway.registerKey(EPOCH, group.publicKeyX, group.publicKeyY);
        vm.prank(governance);
        ledger.gateway.addProfile(ASSET, address(ledger.token), LockMode.ESCROW, 0, GAS_ALLOWANCE);
    }

    function _introduce(Ledger memory ledger, Ledger memory peer) private {
        vm.chainId(peer.chainId);
        (string memory caip2, bytes32 fingerprint) = (peer.gateway.caip2(), peer.gateway.fingerprint());
        vm.chainId(ledger.chainId);
        vm.prank(governance);
        ledger.gateway.registerPeer(caip2, fingerprint, _account(address(peer.gateway)));
    }

    function _openLane() private returns (LaneId id) {
        _on(source);
        vm.prank(governance);
        id = source.gateway.configureLane(source.endpoint, destination.endpoint, ASSET, _limits());
        _on(destination);
        vm.prank(governance);
        destination.gateway.configureLane(source.endpoint, destination.endpoint, ASSET, _limits());
    }

    function _limits() internal pure returns (IGateway.LaneLimits memory) {
        return IGateway.LaneLimits({amountMin: 1, amountMax: 1e24, deadlineMin: 60, deadlineMax: 7 days});
    }

    function _on(Ledger memory ledger) internal {
        vm.chainId(ledger.chainId);
    }

    /* TRANSFERS */

    function _request(uint256 amount) internal view returns (IGateway.LockRequest memory) {
        return IGateway.LockRequest({
            destination: destination.endpoint,
            asset: ASSET,
            recipient: _account(payee),
            amount: amount,
            deadline: uint64(vm.getBlockTimestamp() + 1 hours),
            clientReference: keccak256("order 1"),
            payloadHash: 0,
            nonce: 0
        });
    }

    function _terms(IGateway.LockRequest memory request, uint64 sequence)
        internal
        view
        returns (IGateway.Transfer memory)
    {
        return IGateway.Transfer({
            source: source.endpoint,
            destination: request.destination,
            sequence: sequence,
            asset: request.asset,
            sender: _account(holder),
            recipient: request.recipient,
            amount: request.amount,
            deadline: request.deadline,
            clientReference: request.clientReference,
            payloadHash: request.payloadHash
        });
    }

    function _lockAll(IGateway.LockRequest[] memory requests) internal returns (TransferId[] memory) {
        _on(source);
        vm.prank(holder);
        return source.gateway.lock(requests);
    }

    function _lock(IGateway.LockRequest memory request) internal returns (IGateway.Transfer memory) {
        uint64 sequence = source.gateway.lane(lane).nextSequence;
        TransferId id = _lockAll(_one(request))[0];
        IGateway.Transfer memory terms = _terms(request, sequence);
        _eq(TransferId.unwrap(id), TransferId.unwrap(_id(terms)), "lock answers the TransferId");
        return terms;
    }

    function _lock(uint256 amount) internal returns (IGateway.Transfer memory) {
        return _lock(_request(amount));
    }

    /// `count` locks of 1, 2, 3, … units.
    function _lockMany(uint256 count) internal returns (IGateway.Transfer[] memory items) {
        IGateway.LockRequest[] memory requests = new IGateway.LockRequest[](count);
        items = new IGateway.Transfer[](count);
        uint64 first = source.gateway.lane(lane).nextSequence;
        for (uint256 i = 0; i < count; ++i) {
            requests[i] = _request(i + 1);
            items[i] = _terms(requests[i], first + uint64(i));
        }
        _lockAll(requests);
    }

    function _settle(IGateway.Transfer[] memory items) internal {
        _on(destination);
        IGateway.Attestation memory attestation = _signLocked(items);
        destination.gateway.settle(items, attestation);
    }

    function _settle(IGateway.Transfer memory item) internal {
        _settle(_one(item));
    }

    function _refuse(IGateway.Transfer[] memory items, bytes memory reasons) internal {
        _on(destination);
        IGateway.Attestation memory attestation = _signRefused(items, reasons);
        destination.gateway.refuse(items, reasons, attestation);
    }

    function _refuse(IGateway.Transfer memory item, uint8 reason) internal {
        _refuse(_one(item), abi.encodePacked(reason));
    }

    function _finish(IGateway.Transfer[] memory items, bytes memory outcomes) internal {
        _on(source);
        IGateway.Attestation memory attestation = _signOutcome(items, outcomes);
        source.gateway.finish(items, outcomes, attestation);
    }

    function _finish(IGateway.Transfer memory item, bytes memory outcome) internal {
        _finish(_one(item), outcome);
    }

    function _payout(IGateway.Transfer memory item) internal {
        _on(source);
        source.gateway.payout(item);
    }

    /* RECORDS */

    function _outcomeOf(IGateway.Transfer memory item) internal view returns (Outcome) {
        return Outcome(_bits(destination, item.sequence));
    }

    function _endingOf(IGateway.Transfer memory item) internal view returns (Ending) {
        return Ending(_bits(source, item.sequence));
    }

    function _bits(Ledger memory ledger, uint64 sequence) internal view returns (uint256) {
        return (ledger.gateway.outcomeWords(lane, sequence / 128, 1)[0] >> (2 * (sequence % 128))) & 3;
    }

    function _lockWord(IGateway.Transfer memory item) internal view returns (uint256) {
        return uint256(source.gateway.lockWords(lane, item.sequence, 1)[0]);
    }

    function _pendingOf(IGateway.Transfer memory item) internal view returns (Ending ending) {
        (ending,) = source.gateway.pending(_id(item));
    }

    /* STATEMENTS */

    function _id(IGateway.Transfer memory t) internal pure returns (TransferId) {
        bytes memory head = abi.encode(
            keccak256(
                "Transfer(bytes32 source,bytes32 destination,uint64 sequence,bytes32 asset,bytes32 sender,bytes32 recipient,uint256 amount,uint64 deadline,bytes32 clientReference,bytes32 payloadHash)"
            ),
            t.source,
            t.destination,
            t.sequence,
            t.asset
        );
        bytes memory tail = abi.encode(t.sender, t.recipient, t.amount, t.deadline, t.clientReference, t.payloadHash);
        return TransferId.wrap(keccak256(bytes.concat(head, tail)));
    }

    function _bare(IGateway.Transfer memory item) internal pure returns (IGateway.Transfer memory bare) {
        bare.sender = TransferId.unwrap(_id(item));
    }

    function _list(IGateway.Transfer[] memory items) internal pure returns (bytes32) {
        bytes memory ids;
        for (uint256 i = 0; i < items.length; ++i) {
            ids = bytes.concat(ids, items[i].sequence == 0 ? items[i].sender : TransferId.unwrap(_id(items[i])));
        }
        return keccak256(ids);
    }

    function _digest(EndpointId verifier, bytes32 statement) internal pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,bytes32 salt)"),
                keccak256("Naru"),
                keccak256("1"),
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, statement));
    }

    function _lockedDigest(IGateway.Transfer[] memory items) internal view returns (bytes32) {
        bytes32 kind = keccak256("Locked(uint64 epoch,bytes32[] transfers)");
        return _digest(destination.endpoint, keccak256(abi.encode(kind, EPOCH, _list(items))));
    }

    function _signLocked(IGateway.Transfer[] memory items) internal returns (IGateway.Attestation memory) {
        return _sign(_lockedDigest(items));
    }

    function _signRefused(IGateway.Transfer[] memory items, bytes memory reasons)
        internal
        returns (IGateway.Attestation memory)
    {
        bytes32 kind = keccak256("Refused(uint64 epoch,bytes32[] transfers,bytes reasons)");
        bytes32 statement = keccak256(abi.encode(kind, EPOCH, _list(items), keccak256(reasons)));
        return _sign(_digest(destination.endpoint, statement));
    }

    function _signOutcome(IGateway.Transfer[] memory items, bytes memory outcomes)
        internal
        returns (IGateway.Attestation memory)
    {
        bytes32 kind = keccak256("Outcome(uint64 epoch,bytes32[] transfers,bytes outcomes)");
        bytes32 statement = keccak256(abi.encode(kind, EPOCH, _list(items), keccak256(outcomes)));
        return _sign(_digest(source.endpoint, statement));
    }

    function _sign(bytes32 digest) internal returns (IGateway.Attestation memory) {
        return _signWith(GROUP_KEY, EPOCH, digest);
    }

    /// A plain Schnorr signature by one key: the same bytes as FROST's aggregate.
    function _signWith(uint256 key, uint64 epoch, bytes32 digest) internal returns (IGateway.Attestation memory) {
        Vm.Wallet memory public_ = vm.createWallet(key);
        uint256 k = uint256(keccak256(abi.encode("nonce", key, digest))) % SchnorrLib.N;
        Vm.Wallet memory r = vm.createWallet(k);
        uint256 c = SchnorrLib.challenge(
            public_.publicKeyX, public_.publicKeyY, r.publicKeyX, r.publicKeyY, abi.encodePacked(digest)
        );
        return IGateway.Attestation({
            epoch: epoch,
            px: public_.publicKeyX,
            py: public_.publicKeyY,
            rx: r.publicKeyX,
            ry: r.publicKeyY,
            z: addmod(k, mulmod(c, key, SchnorrLib.N), SchnorrLib.N)
        });
    }

    /* VALUES */

    function _account(address who) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(who)));
    }

    function _one(IGateway.Transfer memory item) internal pure returns (IGateway.Transfer[] memory items) {
        items = new IGateway.Transfer[](1);
        items[0] = item;
    }

    function _one(IGateway.LockRequest memory request) internal pure returns (IGateway.LockRequest[] memory requests) {
        requests = new IGateway.LockRequest[](1);
        requests[0] = request;
    }

    function _two(IGateway.Transfer memory a, IGateway.Transfer memory b)
        internal
        pure
        returns (IGateway.Transfer[] memory items)
    {
        items = new IGateway.Transfer[](2);
        (items[0], items[1]) = (a, b);
    }

    function _repeat(bytes1 code, uint256 count) internal pure returns (bytes memory codes) {
        codes = new bytes(count);
        for (uint256 i = 0; i < count; ++i) {
            codes[i] = code;
        }
    }

    /// `value` brought into [min, max].
    function _bound(uint256 value, uint256 min, uint256 max) internal pure returns (uint256) {
        if (value >= min && value <= max) return value;
        return min + value % (max - min + 1);
    }

    /* ASSERTIONS */

    function _eq(uint256 actual, uint256 expected, string memory what) internal pure {
        vm.assertEq(actual, expected, what);
    }

    function _eq(bytes32 actual, bytes32 expected, string memory what) internal pure {
        vm.assertEq(actual, expected, what);
    }

    function _eq(address actual, address expected, string memory what) internal pure {
        vm.assertEq(actual, expected, what);
    }

    function _eq(Outcome actual, Outcome expected, string memory what) internal pure {
        vm.assertEq(uint256(actual), uint256(expected), what);
    }

    function _eq(Ending actual, Ending expected, string memory what) internal pure {
        vm.assertEq(uint256(actual), uint256(expected), what);
    }

    function _true(bool condition, string memory what) internal pure {
        vm.assertTrue(condition, what);
    }

    function _le(uint256 left, uint256 right, string memory what) internal pure {
        vm.assertLe(left, right, what);
    }

    /// The JSON path of item `index` of a list.
    function _at(string memory list, uint256 index, string memory rest) internal pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(index), "]", rest);
    }

    /// How many events of this kind a contract emitted since vm.recordLogs.
    function _count(Vm.Log[] memory logs, address emitter, bytes32 topic) internal pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == emitter && logs[i].topics[0] == topic) ++count;
        }
    }
}
