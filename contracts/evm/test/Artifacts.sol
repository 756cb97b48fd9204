// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";

/// What the compiled contracts say of themselves: names and selectors, from the JSON files that forge writes.
abstract contract Artifacts is Base {
    string internal constant CORE = "out/Gateway.sol/Gateway.json";
    string internal constant INTERFACE = "out/IGateway.sol/IGateway.json";
    string internal constant EXTENSION = "out/GatewayExtension.sol/GatewayExtension.json";

    /// Names of the functions that are neither view nor pure; no two have one name.
    function _writers(string memory artifact) internal view returns (string[] memory names) {
        uint256 count = this.countOf(artifact, ".abi");
        names = new string[](count);
        uint256 next = 0;
        for (uint256 i = 0; i < count; ++i) {
            if (!_is(artifact, i, ".type", "function") || !_is(artifact, i, ".stateMutability", "nonpayable")) {
                continue;
            }
            names[next++] = this.valueOf(artifact, _at("abi", i, ".name"));
        }
        assembly ("memory-safe") {
            mstore(names, next)
        }
    }

    function _is(string memory artifact, uint256 i, string memory key, string memory value)
        internal
        view
        returns (bool)
    {
        return keccak256(bytes(this.valueOf(artifact, _at("abi", i, key)))) == keccak256(bytes(value));
    }

    /// In a frame of its own: a large file's memory is given back. Empty if there is no such key.
    function valueOf(string calldata artifact, string calldata key) external view returns (string memory) {
        string memory json = vm.readFile(artifact);
        return vm.keyExistsJson(json, key) ? vm.parseJsonString(json, key) : "";
    }

    /// Items of a list.
    function countOf(string calldata artifact, string calldata list) external view returns (uint256 count) {
        string memory json = vm.readFile(artifact);
        while (vm.keyExistsJson(json, string.concat(list, "[", vm.toString(count), "]"))) ++count;
    }

    /// Of the gateway, in no interface: its items' own calls.
    function _ownFunctions() internal view returns (bytes4[] memory own) {
        string[] memory core = vm.parseJsonKeys(vm.readFile(CORE), ".methodIdentifiers");
        string[] memory all = vm.parseJsonKeys(vm.readFile(INTERFACE), ".methodIdentifiers");
        own = new bytes4[](core.length);
        uint256 count = 0;
        for (uint256 i = 0; i < core.length; ++i) {
            if (!_isIn(core[i], all)) own[count++] = _selector(core[i]);
        }
        assembly ("memory-safe") {
            mstore(own, count)
        }
    }

    function _selectorOf(string memory name, string[] memory signatures) internal pure returns (bytes4 selector) {
        uint256 count = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            bytes memory signature = bytes(signatures[i]);
            uint256 length = 0;
            while (signature[length] != "(") ++length;
            bytes memory head = new bytes(length);
            for (uint256 k = 0; k < length; ++k) {
                head[k] = signature[k];
            }
            if (keccak256(head) != keccak256(bytes(name))) continue;
            selector = _selector(signatures[i]);
            ++count;
        }
        _eq(count, 1, name);
    }

    function _selector(string memory signature) internal pure returns (bytes4) {
        return bytes4(keccak256(bytes(signature)));
    }

    function _isIn(string memory wanted, string[] memory list) internal pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (keccak256(bytes(list[i])) == keccak256(bytes(wanted))) return true;
        }
        return false;
    }
}
