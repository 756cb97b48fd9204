// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, IGateway, IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// R-02: what holders sign, equal to Python's by shared vectors, at gateways of those very chain ids and addresses.
contract OrderVectorsTest is Base {
    string private json;

    function setUp() public override {
        string memory path = "../../tests/vectors/orders.json";
        if (!vm.exists(path)) vm.skip(true, "tests/vectors/orders.json is missing");
        json = vm.readFile(path);
    }

    function test_gateways_are_equal_to_the_vectors() public {
        uint256 i;
        for (; vm.keyExistsJson(json, _at("gateways", i, "")); ++i) {
            IGateway gateway = _gatewayAt(i);
            vm.assertEq(gateway.caip2(), vm.parseJsonString(json, _at("gateways", i, ".caip2")), "caip2");
            _eq(EndpointId.unwrap(gateway.endpointId()), _word("gateways", i, ".id"), "id");
            _eq(gateway.orderDomainSeparator(), _word("gateways", i, ".domainSeparator"), "domain");
        }
        _true(i > 0, "no vectors");
    }

    /// Each Order at its own gateway: the struct hash, in that gateway's domain, and so the digest.
    function test_order_hashes_are_equal_to_the_vectors() public {
        uint256 i;
        for (; vm.keyExistsJson(json, _at("orders", i, "")); ++i) {
            IGateway gateway = _gatewayAt(vm.parseJsonUint(json, _at("orders", i, ".gateway")));
            bytes32 digest = gateway.orderHash(_orderAt(i));
            _eq(digest, _word("orders", i, ".digest"), _at("orders", i, ".digest"));
            bytes32 structHash = _word("orders", i, ".structHash");
            bytes32 composed = keccak256(abi.encodePacked(hex"1901", gateway.orderDomainSeparator(), structHash));
            _eq(digest, composed, _at("orders", i, ".structHash"));
            _eq(_field(i, "source"), EndpointId.unwrap(gateway.endpointId()), "source");
            _eq(vm.parseJsonUint(json, _at("orders", i, ".typedData.domain.chainId")), block.chainid, "chainId");
            address verifier = vm.parseJsonAddress(json, _at("orders", i, ".typedData.domain.verifyingContract"));
            _eq(verifier, address(gateway), "verifyingContract");
        }
        _true(i > 0, "no vectors");
    }

    /// On the vectors' ledger, behind the block of their fingerprint, at their address; made by its own constructor.
    function _gatewayAt(uint256 i) private returns (IGateway) {
        string memory caip2 = vm.parseJsonString(json, _at("gateways", i, ".caip2"));
        vm.chainId(_chainIdOf(caip2));
        vm.roll(100);
        vm.setBlockhash(99, _word("gateways", i, ".fingerprint"));
        address at = address(uint160(uint256(_word("gateways", i, ".account"))));
        vm.etch(at, bytes.concat(vm.getCode("Gateway.sol:Gateway"), abi.encode(_settings())));
        (bool success, bytes memory runtime) = at.call("");
        _true(success, "deployed");
        vm.etch(at, runtime);
        return IGateway(at);
    }

    function _settings() private returns (IGatewayTypes.Settings memory) {
        return IGatewayTypes.Settings({
            extension: vm.deployCode("GatewayExtension.sol:GatewayExtension", ""),
            governance: governance,
            unpauser: unpauser,
            guardian: guardian,
            auditor: auditor,
            handoverDelay: HANDOVER_DELAY,
            redirectDelay: REDIRECT_DELAY
        });
    }

    /// The number after "eip155:".
    function _chainIdOf(string memory caip2) private pure returns (uint256 id) {
        for (uint256 i = 7; i < bytes(caip2).length; ++i) {
            id = 10 * id + uint8(bytes(caip2)[i]) - 48;
        }
    }

    function _orderAt(uint256 i) private view returns (IGatewayTypes.Order memory) {
        return IGatewayTypes.Order({
            destination: EndpointId.wrap(_field(i, "destination")),
            asset: AssetId.wrap(_field(i, "asset")),
            holder: _address(i, "holder"),
            recipient: _field(i, "recipient"),
            amount: _number(i, "amount"),
            divisible: vm.parseJsonBool(json, _path(i, "divisible")),
            deadline: uint64(_number(i, "deadline")),
            life: uint32(_number(i, "life")),
            clientReference: _field(i, "clientReference"),
            payloadHash: _field(i, "payloadHash"),
            nonce: _number(i, "nonce"),
            expiry: uint64(_number(i, "expiry")),
            submitter: _address(i, "submitter")
        });
    }

    function _path(uint256 i, string memory field) private pure returns (string memory) {
        return _at("orders", i, string.concat(".typedData.message.", field));
    }

    function _field(uint256 i, string memory field) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, _path(i, field));
    }

    function _number(uint256 i, string memory field) private view returns (uint256) {
        return vm.parseJsonUint(json, _path(i, field));
    }

    function _address(uint256 i, string memory field) private view returns (address) {
        return vm.parseJsonAddress(json, _path(i, field));
    }

    function _word(string memory list, uint256 i, string memory field) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, _at(list, i, field));
    }
}
