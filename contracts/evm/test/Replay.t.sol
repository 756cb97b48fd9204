// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGateway, IGatewayTypes, TransferId} from "../src/interfaces/IGateway.sol";
import {Statements} from "./Statements.sol";
import {Vm} from "./Vm.sol";

/// What is signed as one thing counts as nothing else (section 3, R-02, R-11, R-40, R-60): every statement's words are shown at
/// every door that verifies a signature, on both endpoints, under every epoch. The committee of both epochs, the register
/// and the holder have one and the same key here, so that nothing but the digest can make the difference; the words of
/// each statement are those that the door itself is given.
contract ReplayTest is Statements {
    /// Of the current committee, of the register and of the holder: only the digest decides.
    uint256 private constant ONE_KEY = 0xBEEFED;

    enum Kind {
        LOCKED,
        REFUSED,
        OUTCOME,
        HANDOVER,
        CLOSED,
        ISSUE,
        CLOSING,
        ENDED,
        ORDER
    }

    /// What a statement is made of: at each door its own words.
    struct Words {
        Kind kind;
        Ledger verifier;
        uint64 epoch;
        IGatewayTypes.Transfer[] items;
        bytes codes;
        EndpointId peer;
        IGatewayTypes.Order order;
    }

    uint8 internal constant KINDS = 9;
    bytes internal constant CODES = hex"02"; // a reason, and an outcome of both sorts
    uint64 internal constant NUMBER = 1;
    uint256 internal constant ISSUED = 100;
    Vm.Wallet internal heir;
    EndpointId internal closedPeer;
    EndpointId internal closingPeer;

    function setUp() public override {
        holder = vm.createWallet(ONE_KEY).addr;
        super.setUp();
        heir = vm.createWallet(NEXT_KEY);
        _prepare(source, destination);
        _prepare(destination, source);
    }

    /* THE MATRIX */

    /// Nine statements at nine doors, signed for this endpoint and for the other: only the diagonal passes.
    function test_a_statement_opens_its_own_door_alone_at_the_source() public {
        _matrix(source, destination);
    }

    function test_a_statement_opens_its_own_door_alone_at_the_destination() public {
        _matrix(destination, source);
    }

    /// R-40: the number that was signed and the number that is shown are the same, and of an accepted epoch.
    function test_a_statement_counts_in_its_own_epoch_alone() public {
        _epochs(source, destination);
        _epochs(destination, source);
    }

    /// R-06, Omnibridge 2022: after a fork everything that was signed before is worth nothing on the other chain.
    function test_nothing_signed_before_a_fork_counts_after_it(uint64 chain) public {
        vm.assume(chain != 0 && chain != source.chainId && chain != destination.chainId);
        for (uint8 door = 0; door < KINDS; ++door) {
            Words memory words = _words(Kind(door), Kind(door), source, destination, source);
            uint256 state = vm.snapshotState();
            vm.chainId(chain);
            (bool passed, bytes memory error) = _show(Kind(door), words, source, NEXT_EPOCH);
            _true(!passed, "nothing passes on the other chain");
            vm.assertEq(error, _refusal(Kind(door)), "error");
            vm.revertToState(state);
            _on(source);
            (passed,) = _show(Kind(door), words, source, NEXT_EPOCH);
            _true(passed, "it does on its own");
            vm.revertToState(state);
        }
    }

    /// R-20: an item given as its bare id says nothing of endpoints: the domain alone refuses it elsewhere.
    function test_bare_items_do_not_carry_a_statement_to_another_endpoint() public {
        for (uint8 door = 0; door <= uint8(Kind.OUTCOME); ++door) {
            Words memory words = _words(Kind(door), Kind(door), source, destination, source);
            words.items = _one(_bare(words.items[0]));
            _on(source);
            uint256 state = vm.snapshotState();
            (bool passed,) = _show(Kind(door), words, source, NEXT_EPOCH);
            _true(passed, "here");
            vm.revertToState(state);
            words.verifier = destination;
            _refused(Kind(door), words, source, NEXT_EPOCH, _refusal(Kind(door)));
        }
    }

    /* CELLS */

    function _matrix(Ledger memory here, Ledger memory other) private {
        uint256 passes = 0;
        for (uint8 door = 0; door < KINDS; ++door) {
            for (uint8 kind = 0; kind < KINDS; ++kind) {
                Words memory words = _words(Kind(door), Kind(kind), here, other, other);
                _refused(Kind(door), words, here, NEXT_EPOCH, _refusal(Kind(door)));
                words = _words(Kind(door), Kind(kind), here, other, here);
                if (door != kind) {
                    _refused(Kind(door), words, here, NEXT_EPOCH, _refusal(Kind(door)));
                } else {
                    _passed(Kind(door), words, here, NEXT_EPOCH);
                    ++passes;
                }
            }
        }
        _eq(passes, KINDS, "the diagonal");
    }

    /// `signed` and `shown`: the epoch in the statement, and in the attestation.
    function _epochs(Ledger memory here, Ledger memory other) private {
        uint64[4] memory epochs = [EPOCH - 1, EPOCH, NEXT_EPOCH, THIRD_EPOCH];
        for (uint8 door = 0; door <= uint8(Kind.CLOSED); ++door) {
            for (uint256 cell = 0; cell < 16; ++cell) {
                (uint64 signed, uint64 shown) = (epochs[cell / 4], epochs[cell % 4]);
                Words memory words = _words(Kind(door), Kind(door), here, other, here);
                words.epoch = signed;
                bool known = shown == EPOCH || shown == NEXT_EPOCH;
                bytes memory unknown = _error(IGatewayTypes.EpochUnknown.selector, shown);
                if (Kind(door) == Kind.HANDOVER) {
                    // Names the next epoch and not the signer's, which is always the one before it.
                    if (shown == NEXT_EPOCH) _passed(Kind(door), words, here, shown);
                    else _refused(Kind(door), words, here, shown, unknown);
                } else if (!known) {
                    _refused(Kind(door), words, here, shown, unknown);
                } else if (signed != shown) {
                    _refused(Kind(door), words, here, shown, _refusal(Kind(door)));
                } else {
                    _passed(Kind(door), words, here, shown);
                }
            }
        }
    }

    function _passed(Kind door, Words memory words, Ledger memory here, uint64 epoch) private {
        _on(here);
        uint256 state = vm.snapshotState();
        (bool passed,) = _show(door, words, here, epoch);
        _true(passed, string.concat("should pass: ", _name(door, words)));
        vm.revertToState(state);
    }

    function _refused(Kind door, Words memory words, Ledger memory here, uint64 epoch, bytes memory expected) private {
        _on(here);
        (bool passed, bytes memory error) = _show(door, words, here, epoch);
        _true(!passed, string.concat("should be refused: ", _name(door, words)));
        vm.assertEq(error, expected, _name(door, words));
    }

    function _refusal(Kind door) private view returns (bytes memory) {
        if (door == Kind.ORDER) return _error(IGatewayTypes.OrderSignatureInvalid.selector, holder);
        if (uint8(door) <= uint8(Kind.CLOSED)) return _error(IGatewayTypes.SignatureInvalid.selector);
        return _error(IGatewayTypes.RegisterSignatureInvalid.selector, AssetId.unwrap(ASSET));
    }

    function _name(Kind door, Words memory words) private pure returns (string memory) {
        return string.concat(
            "statement ",
            vm.toString(uint256(words.kind)),
            " at door ",
            vm.toString(uint256(door)),
            " for chain ",
            vm.toString(words.verifier.chainId)
        );
    }

    /* STATEMENTS */

    /// The words that door `door` of `here` is given, said as `kind` to `verifier`.
    function _words(Kind door, Kind kind, Ledger memory here, Ledger memory other, Ledger memory verifier)
        private
        view
        returns (Words memory words)
    {
        (words.kind, words.verifier, words.epoch, words.codes) = (kind, verifier, NEXT_EPOCH, CODES);
        bool inbound = door == Kind.LOCKED || door == Kind.REFUSED;
        EndpointId peer = door == Kind.ENDED ? closedPeer : other.endpoint;
        words.items = _one(inbound ? _item(peer, here.endpoint) : _item(here.endpoint, peer));
        words.peer = closingPeer;
        words.order = _order(other.endpoint);
    }

    function _digestOf(Words memory words) private view returns (bytes32) {
        if (words.kind == Kind.ORDER) return _orderDigest(words.verifier, words.order);
        return _digest(words.verifier.endpoint, _statementOf(words));
    }

    function _statementOf(Words memory words) private view returns (bytes32) {
        (Kind kind, bytes32 list) = (words.kind, _list(words.items));
        if (kind == Kind.LOCKED) return _lockedStatement(words.epoch, list);
        if (kind == Kind.REFUSED) return _refusedStatement(words.epoch, list, words.codes);
        if (kind == Kind.OUTCOME) return _outcomeStatement(words.epoch, list, words.codes);
        if (kind == Kind.HANDOVER) return _handoverStatement(THIRD_EPOCH, heir.publicKeyX, heir.publicKeyY);
        if (kind == Kind.CLOSED) return _closedStatement(words.epoch, words.peer);
        if (kind == Kind.ISSUE) return _issueStatement(words.verifier.endpoint, ASSET, NUMBER, ISSUED);
        if (kind == Kind.CLOSING) return _closingStatement(ASSET, words.peer);
        return _endedStatement(ASSET, list, words.codes);
    }

    /* DOORS */

    /// Show the words' digest, signed by the one key in the form that the door takes.
    function _show(Kind door, Words memory words, Ledger memory here, uint64 epoch)
        private
        returns (bool passed, bytes memory error)
    {
        bytes32 digest = _digestOf(words);
        if (door == Kind.ORDER) return _showOrder(words, digest, here);
        bytes memory data = uint8(door) <= uint8(Kind.CLOSED)
            ? _attestedCall(door, words, here, _signWith(epoch == EPOCH ? GROUP_KEY : ONE_KEY, epoch, digest))
            : _registerCall(door, words, here, _ecdsa(ONE_KEY, digest));
        (passed, error) = address(here.gateway).call(data);
        if (passed) error = "";
    }

    function _attestedCall(Kind door, Words memory words, Ledger memory here, IGatewayTypes.Attestation memory a)
        private
        view
        returns (bytes memory)
    {
        IGateway at = here.gateway;
        if (door == Kind.LOCKED) return abi.encodeCall(at.settle, (_inbound(words.items), a));
        if (door == Kind.REFUSED) return abi.encodeCall(at.refuse, (_inbound(words.items), words.codes, a));
        if (door == Kind.OUTCOME) return abi.encodeCall(at.finish, (_outbound(words.items), words.codes, a));
        if (door == Kind.HANDOVER) {
            return abi.encodeCall(at.handover, (THIRD_EPOCH, heir.publicKeyX, heir.publicKeyY, a));
        }
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _ecdsa(ONE_KEY, _digest(here.endpoint, _closingStatement(ASSET, words.peer)));
        return abi.encodeCall(at.close, (words.peer, a, signatures));
    }

    function _registerCall(Kind door, Words memory words, Ledger memory here, bytes memory signature)
        private
        returns (bytes memory)
    {
        IGateway at = here.gateway;
        if (door == Kind.ISSUE) return abi.encodeCall(at.issue, (ASSET, NUMBER, ISSUED, signature));
        if (door == Kind.ENDED) {
            return abi.encodeCall(at.finishClosed, (ASSET, _outbound(words.items), words.codes, signature));
        }
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signature;
        bytes32 closed = _digest(at.endpointId(), _closedStatement(NEXT_EPOCH, words.peer)); // of the live endpoint
        return abi.encodeCall(at.close, (words.peer, _signWith(ONE_KEY, NEXT_EPOCH, closed), signatures));
    }

    /// An Order that is refused is left out, with LockFailed.
    function _showOrder(Words memory words, bytes32 digest, Ledger memory here)
        private
        returns (bool passed, bytes memory error)
    {
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](1);
        (orders[0].order, orders[0].signature) = (words.order, _ecdsa(ONE_KEY, digest));
        vm.recordLogs();
        TransferId[] memory ids = here.gateway.lockOrders(orders, new IGatewayTypes.Permit[](0));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        passed = TransferId.unwrap(ids[0]) != 0;
        if (!passed) (, error) = abi.decode(logs[0].data, (uint256, bytes));
    }

    /* SET-UP */

    /// Lanes both ways, a closed peer with a lock towards it, one that may be closed; two epochs of one key.
    function _prepare(Ledger memory here, Ledger memory other) private {
        _on(here);
        _register(here, NEXT_EPOCH, ONE_KEY);
        _setRegisterKey(here, ASSET, ONE_KEY);
        here.token.issue(holder, UNITS);
        vm.prank(holder);
        here.token.approve(address(here.gateway), type(uint256).max);
        vm.prank(governance);
        here.gateway.configureInbound(other.endpoint, ASSET, _inboundLimits());
        closedPeer = _peer(here, "fabric:closed");
        closingPeer = _peer(here, "fabric:closing");
        _openAndLock(here, other.endpoint);
        _openAndLock(here, closedPeer);
        _openAndLock(here, closingPeer);
        vm.prank(governance);
        here.gateway.allowClosing(closedPeer);
        bytes32 digest = _digest(here.endpoint, _closedStatement(NEXT_EPOCH, closedPeer));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _ecdsa(ONE_KEY, _digest(here.endpoint, _closingStatement(ASSET, closedPeer)));
        here.gateway.close(closedPeer, _signWith(ONE_KEY, NEXT_EPOCH, digest), signatures);
        vm.prank(governance);
        here.gateway.allowClosing(closingPeer);
    }

    function _peer(Ledger memory here, string memory caip2) private returns (EndpointId) {
        vm.prank(governance);
        return here.gateway.registerPeer(caip2, keccak256(bytes(caip2)), keccak256("gateway"));
    }

    function _openAndLock(Ledger memory here, EndpointId peer) private {
        vm.prank(governance);
        here.gateway.configureOutbound(peer, ASSET, _outboundLimits());
        IGatewayTypes.LockBatch[] memory batches = _batch(_request(5));
        batches[0].destination = peer;
        vm.prank(holder);
        TransferId[] memory ids = here.gateway.lock(batches);
        _eq(TransferId.unwrap(ids[0]), TransferId.unwrap(_id(_item(here.endpoint, peer))), "locked");
    }

    /// The first transfer of the lane.
    function _item(EndpointId from, EndpointId to) private view returns (IGatewayTypes.Transfer memory item) {
        item = _terms(_request(5), 1);
        (item.source, item.destination) = (from, to);
    }

    function _order(EndpointId to) private view returns (IGatewayTypes.Order memory order) {
        (order.destination, order.asset, order.holder) = (to, ASSET, holder);
        (order.recipient, order.amount) = (_account(payee), 5);
        (order.deadline, order.expiry) = (uint64(START + 1 hours), uint64(START + 1 hours));
        order.nonce = 1;
    }
}
