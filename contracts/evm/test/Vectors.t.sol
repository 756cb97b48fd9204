// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGatewayTypes, LaneId, TransferId} from "../src/interfaces/IGateway.sol";
import {TransferLib} from "../src/libraries/TransferLib.sol";
import {Base} from "./Base.sol";

/// Identities and digests equal to those of Python's core, by shared vectors (docs/protocol.md, sections 1 and 3).
contract VectorsTest is Base {
    string private json;

    function setUp() public override {
        string memory path = "../../tests/vectors/statements.json";
        if (!vm.exists(path)) vm.skip(true, "tests/vectors/statements.json is missing");
        json = vm.readFile(path);
    }

    function test_assets_are_equal_to_the_vectors() public view {
        uint256 i;
        for (; vm.keyExistsJson(json, _at("assets", i, "")); ++i) {
            string memory text = vm.parseJsonString(json, _at("assets", i, ".text"));
            _eq(keccak256(bytes(text)), _word("assets", i, ".id"), text);
        }
        _true(i > 0, "no vectors");
    }

    function test_endpoints_are_equal_to_the_vectors() public view {
        uint256 i;
        for (; vm.keyExistsJson(json, _at("endpoints", i, "")); ++i) {
            string memory caip2 = vm.parseJsonString(json, _at("endpoints", i, ".caip2"));
            EndpointId id = TransferLib.endpointIdOf(
                caip2, _word("endpoints", i, ".fingerprint"), _word("endpoints", i, ".account")
            );
            _eq(EndpointId.unwrap(id), _word("endpoints", i, ".id"), caip2);
        }
        _true(i > 0, "no vectors");
    }

    function test_lanes_are_equal_to_the_vectors() public view {
        uint256 i;
        for (; vm.keyExistsJson(json, _at("lanes", i, "")); ++i) {
            LaneId id = TransferLib.laneIdOf(
                EndpointId.wrap(_word("lanes", i, ".source")),
                EndpointId.wrap(_word("lanes", i, ".destination")),
                AssetId.wrap(_word("lanes", i, ".asset"))
            );
            _eq(LaneId.unwrap(id), _word("lanes", i, ".id"), _at("lanes", i, ""));
        }
        _true(i > 0, "no vectors");
    }

    function test_transfer_ids_are_equal_to_the_vectors() public view {
        uint256 i;
        for (; vm.keyExistsJson(json, _at("transfers", i, "")); ++i) {
            IGatewayTypes.Transfer memory terms = _termsAt(i);
            bytes32 expected = _word("transfers", i, ".id");
            _eq(TransferId.unwrap(TransferLib.idOf(terms)), expected, "in memory");
            _eq(this.idsOf(_inbound(terms), terms.destination, true)[0], expected, "in calldata, arriving");
            _eq(this.idsOf(_outbound(terms), terms.source, false)[0], expected, "in calldata, leaving");
            _eq(TransferId.unwrap(_id(terms)), expected, "in the tests");
        }
        _true(i > 0, "no vectors");
    }

    /// R-20: a list's ids stand in the order of its items, over batches, a bare one being its own.
    function test_the_ids_of_a_list_are_equal_to_the_vectors() public view {
        uint256 count;
        while (vm.keyExistsJson(json, _at("transfers", count, ""))) ++count;
        IGatewayTypes.Transfer[] memory items = new IGatewayTypes.Transfer[](count);
        for (uint256 i = 0; i < count; ++i) {
            items[i] = _termsAt(i);
            items[i].destination = _termsAt(0).destination;
            if (i % 3 == 1) items[i] = _bare(items[i]);
        }
        bytes32[] memory ids = this.idsOf(_inbound(items), items[0].destination, true);
        _eq(ids.length, count, "each");
        for (uint256 i = 0; i < count; ++i) {
            bytes32 expected = items[i].sequence == 0 ? items[i].sender : TransferId.unwrap(_id(items[i]));
            _eq(ids[i], expected, _at("transfers", i, ""));
        }
    }

    function test_digests_are_equal_to_the_vectors() public view {
        uint256 i;
        for (; vm.keyExistsJson(json, _at("statements", i, "")); ++i) {
            bytes32[] memory words = vm.parseJsonBytes32Array(json, _at("statements", i, ".transfers"));
            TransferId[] memory ids = new TransferId[](words.length);
            for (uint256 j = 0; j < words.length; ++j) {
                ids[j] = TransferId.wrap(words[j]);
            }
            bytes32 domain = TransferLib.domainSeparatorOf(EndpointId.wrap(_word("statements", i, ".salt")));
            bytes32 statement = this.statementOf(
                vm.parseJsonString(json, _at("statements", i, ".kind")),
                uint64(vm.parseJsonUint(json, _at("statements", i, ".epoch"))),
                ids,
                vm.parseJsonBytes(json, _at("statements", i, ".codes"))
            );
            _eq(TransferLib.digestOf(domain, statement), _word("statements", i, ".digest"), _at("statements", i, ""));
        }
        _true(i > 0, "no vectors");
    }

    function idsOf(IGatewayTypes.Batch[] calldata batches, EndpointId here, bool inbound)
        external
        pure
        returns (bytes32[] memory words)
    {
        TransferId[] memory ids =
            inbound ? TransferLib.idsOfInbound(batches, here) : TransferLib.idsOfOutbound(batches, here);
        assembly ("memory-safe") {
            words := ids
        }
    }

    function statementOf(string calldata kind, uint64 epoch, TransferId[] memory ids, bytes calldata codes)
        external
        pure
        returns (bytes32)
    {
        bytes32 name = keccak256(bytes(kind));
        if (name == keccak256("Locked")) return TransferLib.lockedStatement(epoch, ids);
        if (name == keccak256("Refused")) return TransferLib.refusedStatement(epoch, ids, codes);
        require(name == keccak256("Outcome"), "unknown kind");
        return TransferLib.outcomeStatement(epoch, ids, codes);
    }

    function _termsAt(uint256 i) private view returns (IGatewayTypes.Transfer memory) {
        return IGatewayTypes.Transfer({
            source: EndpointId.wrap(_word("transfers", i, ".terms.source")),
            destination: EndpointId.wrap(_word("transfers", i, ".terms.destination")),
            sequence: uint64(vm.parseJsonUint(json, _at("transfers", i, ".terms.sequence"))),
            asset: AssetId.wrap(_word("transfers", i, ".terms.asset")),
            sender: _word("transfers", i, ".terms.sender"),
            recipient: _word("transfers", i, ".terms.recipient"),
            amount: vm.parseJsonUint(json, _at("transfers", i, ".terms.amount")),
            deadline: uint64(vm.parseJsonUint(json, _at("transfers", i, ".terms.deadline"))),
            clientReference: _word("transfers", i, ".terms.clientReference"),
            payloadHash: _word("transfers", i, ".terms.payloadHash")
        });
    }

    function _word(string memory list, uint256 i, string memory field) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, _at(list, i, field));
    }
}
