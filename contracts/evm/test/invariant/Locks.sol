// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGateway, IGatewayTypes, TransferId} from "../../src/interfaces/IGateway.sol";
import {IJudge, Kind, World} from "./World.sol";

/// Locks by callers and by Orders, good and bad, at any gas limit.
contract Locks is World {
    /* LOCKS */

    /// One request of the caller's.
    function lock(uint256 seed) external {
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](1);
        requests[0] = _ask(seed, _holderOf(seed));
        _lockAll(seed, requests, 0);
    }

    /// Up to eight, some of them bad, in two batches.
    function lockMany(uint256 seed) external {
        IGatewayTypes.LockRequest[] memory requests = new IGatewayTypes.LockRequest[](2 + (seed >> 16) % 7);
        uint256 bad;
        for (uint256 i = 0; i < requests.length; ++i) {
            uint256 next = uint256(keccak256(abi.encode(seed, i)));
            requests[i] = _ask(next, _holderOf(seed));
            if (next >> 250 > 20) continue;
            _spoil(requests[i], next >> 8);
            bad |= 1 << i;
        }
        _lockAll(seed, requests, bad);
    }

    function _lockAll(uint256 seed, IGatewayTypes.LockRequest[] memory requests, uint256 bad) private {
        uint256 w = (seed >> 2) & 3;
        IGateway gateway = gateways[ways[w].from];
        IGatewayTypes.LockBatch[] memory batches = _split(w, requests, (seed >> 32) % requests.length);
        address who = _holderOf(seed);
        vm.chainId(chains[ways[w].from]);
        vm.prank(who);
        try gateway.lock{gas: _gas(seed)}(batches) returns (TransferId[] memory ids) {
            for (uint256 i = 0; i < ids.length; ++i) {
                bool locked = TransferId.unwrap(ids[i]) != 0;
                _true(!locked || bad & (1 << i) == 0, "R-01, R-02: a bad request locks nothing");
                if (!locked) continue;
                _useNonce(ways[w].from, who, requests[i].nonce);
                _booked(w, _termsOf(w, who, requests[i]), ids[i]);
                ++counts[requests.length == 1 ? "lock" : "lock, of many"];
            }
        } catch {}
        _observe(Kind.NOTHING);
    }

    function _split(uint256 w, IGatewayTypes.LockRequest[] memory requests, uint256 at)
        private
        view
        returns (IGatewayTypes.LockBatch[] memory batches)
    {
        batches = new IGatewayTypes.LockBatch[](2);
        for (uint256 b = 0; b < 2; ++b) {
            (uint256 start, uint256 end) = b == 0 ? (0, at) : (at, requests.length);
            batches[b].destination = endpoints[ways[w].to];
            batches[b].asset = assetIds[ways[w].asset];
            batches[b].requests = new IGatewayTypes.LockRequest[](end - start);
            for (uint256 i = start; i < end; ++i) {
                batches[b].requests[i - start] = requests[i];
            }
        }
    }

    function _ask(uint256 seed, address who) private returns (IGatewayTypes.LockRequest memory request) {
        request.recipient = _account((seed >> 96) % 16 == 0 ? who : people[(seed >> 100) % people.length]);
        request.amount = 1 + (seed >> 104) % (10 ** (2 + (seed >> 160) % 4));
        request.deadline = uint64(vm.getBlockTimestamp() + 5 minutes + (seed >> 164) % 4 hours);
        request.clientReference = bytes32(seed);
        if (seed >> 254 != 0) request.nonce = ++nonces;
    }

    /// Bad in one of six ways, whatever else is so.
    function _spoil(IGatewayTypes.LockRequest memory request, uint256 how) private view {
        how %= 6;
        if (how == 0) request.amount = 0;
        else if (how == 1) request.amount = 2e6;
        else if (how == 2) request.deadline = uint64(vm.getBlockTimestamp());
        else if (how == 3) request.recipient = 0;
        else if (how == 4) request.recipient |= bytes32(uint256(1) << 160);
        else request.deadline *= 1000; // milliseconds
    }

    function cancelNonces(uint256 seed) external {
        (uint256 g, address who) = (seed & 1, _holderOf(seed));
        uint256 nonce = nonces == 0 ? 1 : 1 + (seed >> 8) % (nonces + 1);
        vm.chainId(chains[g]);
        vm.prank(who);
        gateways[g].cancelNonces(nonce >> 8, 1 << (nonce & 0xff));
        nonceUsed[g][who][nonce] = true;
        ++counts["cancelNonces"];
    }

    /// A new Order or an old one again; drawn rightly or not.
    function lockOrders(uint256 seed) external {
        uint256 k = _pickOrder(seed);
        Drawn storage drawn = orders[k];
        Way memory way = ways[drawn.way];
        vm.chainId(chains[way.from]);
        IGatewayTypes.SignedOrder[] memory signed = new IGatewayTypes.SignedOrder[](1);
        signed[0].order = drawn.order;
        if (drawn.order.divisible) {
            signed[0].amount = 1 + (seed >> 128) % (drawn.order.amount / 3);
            signed[0].drawn = (seed >> 32) % 8 == 0 ? 1 : drawn.drawn;
        }
        uint256 h = _indexOf(drawn.order.holder);
        signed[0].signature = _signOrder(h, gateways[way.from].orderHash(drawn.order));
        vm.prank((seed >> 40) % 8 == 0 ? HEIR : BROKER);
        try gateways[way.from].lockOrders{gas: _gas(seed)}(signed, new IGatewayTypes.Permit[](0)) returns (
            TransferId[] memory ids
        ) {
            if (TransferId.unwrap(ids[0]) != 0) _bookOrder(drawn, signed[0], ids[0]);
        } catch {}
        _observe(Kind.NOTHING);
    }

    function _pickOrder(uint256 seed) private returns (uint256 k) {
        if (orders.length != 0 && seed & 0x300 != 0) return (seed >> 64) % orders.length;
        uint8 w = uint8((seed >> 2) & 3);
        IGatewayTypes.LockRequest memory request = _ask(seed, address(0));
        bool divisible = seed & 0xC00 != 0;
        orders.push();
        IGatewayTypes.Order storage order = orders[orders.length - 1].order;
        orders[orders.length - 1].way = w;
        order.destination = endpoints[ways[w].to];
        order.asset = assetIds[ways[w].asset];
        order.holder = _holderOf(seed);
        order.recipient = _account(payee);
        order.amount = request.amount + 2;
        order.divisible = divisible;
        if (divisible) order.life = 1 hours;
        else order.deadline = uint64(vm.getBlockTimestamp() + 8 hours);
        order.nonce = ++nonces;
        order.expiry = uint64(vm.getBlockTimestamp() + 6 hours);
        if (divisible) order.submitter = BROKER;
        return orders.length - 1;
    }

    function _bookOrder(Drawn storage drawn, IGatewayTypes.SignedOrder memory signed, TransferId id) private {
        IGatewayTypes.Order memory order = drawn.order;
        uint256 g = ways[drawn.way].from;
        _true(vm.getBlockTimestamp() <= order.expiry, "R-02: not after its expiry");
        _true(!nonceUsed[g][order.holder][order.nonce], "R-02: a nonce is used once, and not when cancelled");
        uint256 amount = order.divisible ? signed.amount : order.amount;
        _eq(signed.drawn, drawn.drawn, "R-02: a draw happens once");
        if (order.divisible) drawn.drawn += amount;
        _le(drawn.drawn, order.amount, "R-02: never more than was signed");
        if (!order.divisible || drawn.drawn == order.amount) _useNonce(g, order.holder, order.nonce);
        IGatewayTypes.LockRequest memory request = IGatewayTypes.LockRequest({
            recipient: order.recipient,
            amount: amount,
            deadline: order.life == 0 ? order.deadline : uint64(vm.getBlockTimestamp()) + order.life,
            clientReference: order.clientReference,
            payloadHash: order.payloadHash,
            nonce: 0
        });
        _booked(drawn.way, _termsOf(drawn.way, order.holder, request), id);
        ++counts[order.divisible ? "lockOrders, divisible" : "lockOrders, whole"];
    }

    function _booked(uint256 w, IGatewayTypes.Transfer memory terms, TransferId id) private {
        _eq(TransferId.unwrap(id), TransferId.unwrap(_id(terms)), "R-01: locked as asked, at the next sequence");
        IJudge(address(this)).bookLock(w, terms);
    }

    function _useNonce(uint256 g, address who, uint256 nonce) private {
        if (nonce == 0) return;
        _true(!nonceUsed[g][who][nonce], "R-02: a nonce is used once");
        nonceUsed[g][who][nonce] = true;
    }

    /* HELPERS */

    function _indexOf(address who) private view returns (uint256 h) {
        while (people[h] != who) ++h;
    }

    function _termsOf(uint256 w, address who, IGatewayTypes.LockRequest memory request)
        private
        view
        returns (IGatewayTypes.Transfer memory)
    {
        return IGatewayTypes.Transfer({
            source: endpoints[ways[w].from],
            destination: endpoints[ways[w].to],
            sequence: sums[w].count + 1,
            asset: assetIds[ways[w].asset],
            sender: _account(who),
            recipient: request.recipient,
            amount: request.amount,
            deadline: request.deadline,
            clientReference: request.clientReference,
            payloadHash: request.payloadHash
        });
    }
}
