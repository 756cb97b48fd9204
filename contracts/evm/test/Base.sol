// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AssetId,
    EndpointId,
    Ending,
    IGateway,
    IGatewayTypes,
    LaneId,
    LockMode,
    Outcome,
    TokenForm,
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
    uint32 internal constant HANDOVER_DELAY = 2 days;
    uint32 internal constant REDIRECT_DELAY = 1 days;
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant UNITS = 1e30;
    AssetId internal constant ASSET = AssetId.wrap(keccak256("isin:KR7005930003"));

    uint8 internal constant EXPIRED_REASON = 10;
    bytes internal constant MINTED = hex"01";
    bytes internal constant REJECTED = hex"02";
    bytes internal constant EXPIRED = hex"03";

    address internal governance = address(0x60);
    address internal guardian = address(0x61);
    address internal unpauser = address(0x62);
    address internal auditor = address(0x63);
    address internal holder = address(0xA11CE);
    address internal payee = address(0xB0B);

    /// What a test saw, for docs/tokens.md (tests/tidy/tokens.py): quote and mint refused for this reason.
    event Refusal(uint8 reason);
    /// Likewise, where each call is a transaction: gas of a settle of one transfer, and of one in a list of ten.
    event SettleGas(uint256 single, uint256 inList);

    /// Of all tokens here.
    address internal tokenHandler;
    Ledger internal source;
    Ledger internal destination;
    LaneId internal lane;
    Vm.Wallet internal group;

    function setUp() public virtual {
        vm.warp(START);
        group = vm.createWallet(GROUP_KEY);
        tokenHandler = _newHandler();
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

    function _newHandler() internal virtual returns (address) {
        return vm.deployCode("AskingHandler.sol:AskingHandler", "");
    }

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
        ledger.gateway = _newGateway();
        ledger.token = _newToken();
        ledger.endpoint = ledger.gateway.endpointId();
        vm.prank(governance);
        ledger.gateway.registerKey(EPOCH, group.publicKeyX, group.publicKeyY);
        vm.prank(governance);
        ledger.gateway.addProfile(ASSET, address(ledger.token), tokenHandler, _mode(), _form(), 0, GAS_ALLOWANCE);
    }

    /// The gateway's two contracts, as they are compiled for use.
    function _newGateway() internal returns (IGateway) {
        address extension = vm.deployCode("GatewayExtension.sol:GatewayExtension", "");
        IGatewayTypes.Settings memory settings = IGatewayTypes.Settings({
            extension: extension,
            governance: governance,
            unpauser: unpauser,
            guardian: guardian,
            auditor: auditor,
            handoverDelay: HANDOVER_DELAY,
            redirectDelay: REDIRECT_DELAY
        });
        return IGateway(vm.deployCode("Gateway.sol:Gateway", abi.encode(settings)));
    }

    function _mode() internal view virtual returns (LockMode) {
        return LockMode.ESCROW;
    }

    function _form() internal view virtual returns (TokenForm) {
        return TokenForm.OWN;
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
        id = source.gateway.configureOutbound(destination.endpoint, ASSET, _outboundLimits());
        _on(destination);
        vm.prank(governance);
        destination.gateway.configureInbound(source.endpoint, ASSET, _inboundLimits());
    }

    function _outboundLimits() internal pure returns (IGatewayTypes.OutboundLimits memory) {
        return IGatewayTypes.OutboundLimits({amountMin: 1, amountMax: 1e24, deadlineMin: 60, deadlineMax: 7 days});
    }

    /// Ample: what tests of limits narrow.
    function _inboundLimits() internal pure virtual returns (IGatewayTypes.InboundLimits memory) {
        return IGatewayTypes.InboundLimits({capacity: 1e30, largeAmount: 1e29, refill: 1 days, largeDelay: 1 hours});
    }

    function _on(Ledger memory ledger) internal {
        vm.chainId(ledger.chainId);
    }

    /* TRANSFERS */

    function _request(uint256 amount) internal view returns (IGatewayTypes.LockRequest memory) {
        return IGatewayTypes.LockRequest({
            recipient: _account(payee),
            amount: amount,
            deadline: uint64(vm.getBlockTimestamp() + 1 hours),
            clientReference: keccak256("order 1"),
            payloadHash: 0,
            nonce: 0
        });
    }

    function _terms(IGatewayTypes.LockRequest memory request, uint64 sequence)
        internal
        view
        returns (IGatewayTypes.Transfer memory)
    {
        return IGatewayTypes.Transfer({
            source: source.endpoint,
            destination: destination.endpoint,
            sequence: sequence,
            asset: ASSET,
            sender: _account(holder),
            recipient: request.recipient,
            amount: request.amount,
            deadline: request.deadline,
            clientReference: request.clientReference,
            payloadHash: request.payloadHash
        });
    }

    function _lockAll(IGatewayTypes.LockRequest[] memory requests) internal returns (TransferId[] memory) {
        _on(source);
        vm.prank(holder);
        return source.gateway.lock(_batch(requests));
    }

    function _lock(IGatewayTypes.LockRequest memory request) internal returns (IGatewayTypes.Transfer memory) {
        uint64 sequence = source.gateway.lane(lane).nextSequence;
        TransferId id = _lockAll(_one(request))[0];
        IGatewayTypes.Transfer memory terms = _terms(request, sequence);
        _eq(TransferId.unwrap(id), TransferId.unwrap(_id(terms)), "lock answers the TransferId");
        return terms;
    }

    function _lock(uint256 amount) internal returns (IGatewayTypes.Transfer memory) {
        return _lock(_request(amount));
    }

    /// `count` locks of 1, 2, 3, … units.
    function _lockMany(uint256 count) internal returns (IGatewayTypes.Transfer[] memory items) {
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](count);
        items = new IGatewayTypes.Transfer[](count);
        uint64 first = source.gateway.lane(lane).nextSequence;
        for (uint256 i = 0; i < count; ++i) {
            requests[i] = _request(i + 1);
            items[i] = _terms(requests[i], first + uint64(i));
        }
        _lockAll(requests);
    }

    function _settle(IGatewayTypes.Transfer[] memory items) internal {
        _on(destination);
        IGatewayTypes.Attestation memory attestation = _signLocked(items);
        destination.gateway.settle(_inbound(items), attestation);
    }

    function _settle(IGatewayTypes.Transfer memory item) internal {
        _settle(_one(item));
    }

    function _refuse(IGatewayTypes.Transfer[] memory items, bytes memory reasons) internal {
        _on(destination);
        IGatewayTypes.Attestation memory attestation = _signRefused(items, reasons);
        destination.gateway.refuse(_inbound(items), reasons, attestation);
    }

    function _refuse(IGatewayTypes.Transfer memory item, uint8 reason) internal {
        _refuse(_one(item), abi.encodePacked(reason));
    }

    function _finish(IGatewayTypes.Transfer[] memory items, bytes memory outcomes) internal {
        _on(source);
        IGatewayTypes.Attestation memory attestation = _signOutcome(items, outcomes);
        source.gateway.finish(_outbound(items), outcomes, attestation);
    }

    function _finish(IGatewayTypes.Transfer memory item, bytes memory outcome) internal {
        _finish(_one(item), outcome);
    }

    /// Once all is warm: sequences, totals, and the recipient's balance.
    function _measureSettle() internal {
        _settle(_lock(7));
        _settle(_lock(7));
        uint256 single = vm.lastCallGas().gasTotalUsed;
        _settle(_lockMany(10));
        emit SettleGas(single, vm.lastCallGas().gasTotalUsed / 10);
    }

    function _payout(IGatewayTypes.Transfer memory item) internal {
        _on(source);
        source.gateway.payout(item);
    }

    /* BATCHES */

    /// Requests of one lane, the usual one.
    function _batch(IGatewayTypes.LockRequest[] memory requests)
        internal
        view
        returns (IGatewayTypes.LockBatch[] memory batches)
    {
        batches = new IGatewayTypes.LockBatch[](1);
        batches[0] = IGatewayTypes.LockBatch({destination: destination.endpoint, asset: ASSET, requests: requests});
    }

    function _batch(IGatewayTypes.LockRequest memory request) internal view returns (IGatewayTypes.LockBatch[] memory) {
        return _batch(_one(request));
    }

    /// A list as `settle` and `refuse` take it: runs of one lane; a bare item goes with whatever is before it.
    function _inbound(IGatewayTypes.Transfer[] memory items) internal pure returns (IGatewayTypes.Batch[] memory) {
        return _batches(items, true);
    }

    function _inbound(IGatewayTypes.Transfer memory item) internal pure returns (IGatewayTypes.Batch[] memory) {
        return _batches(_one(item), true);
    }

    /// A list as `finish` takes it.
    function _outbound(IGatewayTypes.Transfer[] memory items) internal pure returns (IGatewayTypes.Batch[] memory) {
        return _batches(items, false);
    }

    function _outbound(IGatewayTypes.Transfer memory item) internal pure returns (IGatewayTypes.Batch[] memory) {
        return _batches(_one(item), false);
    }

    function _batches(IGatewayTypes.Transfer[] memory items, bool inbound)
        private
        pure
        returns (IGatewayTypes.Batch[] memory batches)
    {
        batches = new IGatewayTypes.Batch[](items.length);
        uint256 count = 0;
        for (uint256 start = 0; start < items.length;) {
            uint256 end = start + 1;
            while (end < items.length && _sameLane(items[start], items[end])) ++end;
            IGatewayTypes.Batch memory batch = batches[count++];
            batch.peer = inbound ? items[start].source : items[start].destination;
            batch.asset = items[start].asset;
            batch.items = new IGatewayTypes.Item[](end - start);
            for (uint256 i = start; i < end; ++i) {
                batch.items[i - start] = _item(items[i]);
            }
            start = end;
        }
        assembly ("memory-safe") {
            mstore(batches, count)
        }
    }

    function _sameLane(IGatewayTypes.Transfer memory a, IGatewayTypes.Transfer memory b) private pure returns (bool) {
        if (b.sequence == 0) return true;
        return keccak256(abi.encode(a.source, a.destination, a.asset))
            == keccak256(abi.encode(b.source, b.destination, b.asset));
    }

    function _item(IGatewayTypes.Transfer memory t) private pure returns (IGatewayTypes.Item memory) {
        return IGatewayTypes.Item({
            sequence: t.sequence,
            sender: t.sender,
            recipient: t.recipient,
            amount: t.amount,
            deadline: t.deadline,
            clientReference: t.clientReference,
            payloadHash: t.payloadHash
        });
    }

    /* RECORDS */

    function _outcomeOf(IGatewayTypes.Transfer memory item) internal view returns (Outcome) {
        return Outcome(_bits(destination, item.sequence));
    }

    function _endingOf(IGatewayTypes.Transfer memory item) internal view returns (Ending) {
        return Ending(_bits(source, item.sequence));
    }

    function _bits(Ledger memory ledger, uint64 sequence) internal view returns (uint256) {
        return (ledger.gateway.outcomeWords(lane, sequence / 128, 1)[0] >> (2 * (sequence % 128))) & 3;
    }

    function _lockWord(IGatewayTypes.Transfer memory item) internal view returns (uint256) {
        return uint256(source.gateway.lockWords(lane, item.sequence, 1)[0]);
    }

    function _pendingOf(IGatewayTypes.Transfer memory item) internal view returns (Ending ending) {
        (ending,) = source.gateway.pending(_id(item));
    }

    /* STATEMENTS */

    function _id(IGatewayTypes.Transfer memory t) internal pure returns (TransferId) {
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

    function _bare(IGatewayTypes.Transfer memory item) internal pure returns (IGatewayTypes.Transfer memory bare) {
        bare.sender = TransferId.unwrap(_id(item));
    }

    function _list(IGatewayTypes.Transfer[] memory items) internal pure returns (bytes32) {
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

    function _lockedDigest(IGatewayTypes.Transfer[] memory items) internal view returns (bytes32) {
        bytes32 kind = keccak256("Locked(uint64 epoch,bytes32[] transfers)");
        return _digest(destination.endpoint, keccak256(abi.encode(kind, EPOCH, _list(items))));
    }

    function _signLocked(IGatewayTypes.Transfer[] memory items) internal returns (IGatewayTypes.Attestation memory) {
        return _sign(_lockedDigest(items));
    }

    function _signRefused(IGatewayTypes.Transfer[] memory items, bytes memory reasons)
        internal
        returns (IGatewayTypes.Attestation memory)
    {
        bytes32 kind = keccak256("Refused(uint64 epoch,bytes32[] transfers,bytes reasons)");
        bytes32 statement = keccak256(abi.encode(kind, EPOCH, _list(items), keccak256(reasons)));
        return _sign(_digest(destination.endpoint, statement));
    }

    function _signOutcome(IGatewayTypes.Transfer[] memory items, bytes memory outcomes)
        internal
        returns (IGatewayTypes.Attestation memory)
    {
        bytes32 kind = keccak256("Outcome(uint64 epoch,bytes32[] transfers,bytes outcomes)");
        bytes32 statement = keccak256(abi.encode(kind, EPOCH, _list(items), keccak256(outcomes)));
        return _sign(_digest(source.endpoint, statement));
    }

    function _sign(bytes32 digest) internal returns (IGatewayTypes.Attestation memory) {
        return _signWith(GROUP_KEY, EPOCH, digest);
    }

    /// A plain Schnorr signature by one key: the same bytes as FROST's aggregate.
    function _signWith(uint256 key, uint64 epoch, bytes32 digest) internal returns (IGatewayTypes.Attestation memory) {
        Vm.Wallet memory public_ = vm.createWallet(key);
        uint256 k = uint256(keccak256(abi.encode("nonce", key, digest))) % SchnorrLib.N;
        Vm.Wallet memory r = vm.createWallet(k);
        uint256 c = SchnorrLib.challenge(
            public_.publicKeyX, public_.publicKeyY, r.publicKeyX, r.publicKeyY, abi.encodePacked(digest)
        );
        return IGatewayTypes.Attestation({
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

    function _one(IGatewayTypes.Transfer memory item) internal pure returns (IGatewayTypes.Transfer[] memory items) {
        items = new IGatewayTypes.Transfer[](1);
        items[0] = item;
    }

    function _one(IGatewayTypes.LockRequest memory request)
        internal
        pure
        returns (IGatewayTypes.LockRequest[] memory requests)
    {
        requests = new IGatewayTypes.LockRequest[](1);
        requests[0] = request;
    }

    function _two(IGatewayTypes.Transfer memory a, IGatewayTypes.Transfer memory b)
        internal
        pure
        returns (IGatewayTypes.Transfer[] memory items)
    {
        items = new IGatewayTypes.Transfer[](2);
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
