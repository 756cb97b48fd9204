// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGatewayTypes, LaneId, TransferId} from "../src/interfaces/IGateway.sol";
import {CommitteeLib} from "../src/libraries/CommitteeLib.sol";
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

    function test_type_hashes_are_equal_to_the_vectors() public view {
        string[] memory names = vm.parseJsonKeys(json, ".types");
        _eq(names.length, 10, "types");
        for (uint256 i = 0; i < names.length; ++i) {
            string memory at = string.concat(".types.", names[i]);
            bytes32 expected = vm.parseJsonBytes32(json, string.concat(at, ".hash"));
            _eq(_typeHashOf(names[i]), expected, names[i]);
            _eq(keccak256(bytes(vm.parseJsonString(json, string.concat(at, ".type")))), expected, names[i]);
        }
    }

    /// R-11, R-40, R-60: what the committee and the registers sign besides lists of transfers.
    function test_further_statements_are_equal_to_the_vectors() public view {
        uint256 i;
        for (; vm.keyExistsJson(json, _at("further", i, "")); ++i) {
            bytes32 domain = TransferLib.domainSeparatorOf(EndpointId.wrap(_word("further", i, ".salt")));
            bytes32 statement = _furtherAt(i);
            _eq(statement, _word("further", i, ".structHash"), _at("further", i, ""));
            _eq(TransferLib.digestOf(domain, statement), _word("further", i, ".digest"), _at("further", i, ""));
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

    function endedEntry(AssetId asset, TransferId[] memory ids, bytes calldata outcomes)
        external
        pure
        returns (bytes32)
    {
        return TransferLib.endedEntry(asset, ids, outcomes);
    }

    function _typeHashOf(string memory name) private pure returns (bytes32) {
        bytes32 hash = keccak256(bytes(name));
        if (hash == keccak256("EIP712Domain")) return TransferLib.DOMAIN_TYPEHASH;
        if (hash == keccak256("Transfer")) return TransferLib.TRANSFER_TYPEHASH;
        if (hash == keccak256("Locked")) return TransferLib.LOCKED_TYPEHASH;
        if (hash == keccak256("Refused")) return TransferLib.REFUSED_TYPEHASH;
        if (hash == keccak256("Outcome")) return TransferLib.OUTCOME_TYPEHASH;
        if (hash == keccak256("Handover")) return CommitteeLib.HANDOVER_TYPEHASH;
        if (hash == keccak256("Closed")) return CommitteeLib.CLOSED_TYPEHASH;
        if (hash == keccak256("Issue")) return CommitteeLib.ISSUE_TYPEHASH;
        if (hash == keccak256("Closing")) return CommitteeLib.CLOSING_TYPEHASH;
        require(hash == keccak256("Ended"), "unknown type");
        return TransferLib.ENDED_TYPEHASH;
    }

    function _furtherAt(uint256 i) private view returns (bytes32) {
        bytes32 name = keccak256(bytes(vm.parseJsonString(json, _at("further", i, ".kind"))));
        if (name == keccak256("Handover")) {
            return CommitteeLib.handoverStatement(_epochAt(i), _number(i, "px"), _number(i, "py"));
        }
        if (name == keccak256("Closed")) {
            return CommitteeLib.closedStatement(_epochAt(i), EndpointId.wrap(_field(i, "endpoint")));
        }
        AssetId asset = AssetId.wrap(_field(i, "asset"));
        if (name == keccak256("Issue")) {
            EndpointId endpoint = EndpointId.wrap(_field(i, "endpoint"));
            return CommitteeLib.issueStatement(endpoint, asset, uint64(_number(i, "number")), _number(i, "issued"));
        }
        if (name == keccak256("Closing")) {
            return CommitteeLib.closingStatement(asset, EndpointId.wrap(_field(i, "endpoint")));
        }
        require(name == keccak256("Ended"), "unknown kind");
        bytes32[] memory words = vm.parseJsonBytes32Array(json, _at("further", i, ".message.transfers"));
        TransferId[] memory ids;
        assembly ("memory-safe") {
            ids := words
        }
        return this.endedEntry(asset, ids, vm.parseJsonBytes(json, _at("further", i, ".message.outcomes")));
    }

    function _epochAt(uint256 i) private view returns (uint64) {
        return uint64(_number(i, "epoch"));
    }

    function _number(uint256 i, string memory field) private view returns (uint256) {
        return vm.parseJsonUint(json, _at("further", i, string.concat(".message.", field)));
    }

    function _field(uint256 i, string memory field) private view returns (bytes32) {
        return _word("further", i, string.concat(".message.", field));
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
