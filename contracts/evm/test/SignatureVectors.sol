// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "./Base.sol";

/// Signatures of the Python committee and every refused form (tests/vectors/schnorr_evm.json), for any verifier.
abstract contract SignatureVectors is Base {
    string private constant VECTORS = "../../tests/vectors/schnorr_evm.json";

    /// @param words px, py, message, rx, ry, z
    function _accepts(uint256[6] memory words) internal view virtual returns (bool);

    /// R-40: 1,000 of them, by twenty keys.
    function test_the_committee_s_signatures_are_valid() public {
        string memory json = _read();
        uint256 count;
        for (uint256 i = 0; vm.keyExistsJson(json, _at("valid", i, "")); ++i) {
            bytes memory key = vm.parseJsonBytes(json, _at("valid", i, ".key"));
            bytes[] memory rows = vm.parseJsonBytesArray(json, _at("valid", i, ".rows"));
            for (uint256 j = 0; j < rows.length; ++j) {
                _true(_accepts(_words(bytes.concat(key, rows[j]))), vm.toString(count++));
            }
        }
        _eq(count, 1000, "all");
    }

    /// R-40: each form with its reason.
    function test_what_no_committee_signed_is_refused() public {
        string memory json = _read();
        uint256 count;
        for (; vm.keyExistsJson(json, _at("refused", count, "")); ++count) {
            string memory why = vm.parseJsonString(json, _at("refused", count, ".why"));
            bytes[] memory rows = vm.parseJsonBytesArray(json, _at("refused", count, ".rows"));
            _eq(rows.length, 4, why);
            for (uint256 j = 0; j < rows.length; ++j) {
                _true(!_accepts(_words(rows[j])), why);
            }
        }
        _true(count > 40, "forms");
    }

    function test_no_bit_of_a_signature_can_be_changed() public {
        string memory json = _read();
        bytes memory key = vm.parseJsonBytes(json, ".valid[0].key");
        uint256[6] memory words = _words(bytes.concat(key, vm.parseJsonBytesArray(json, ".valid[0].rows")[0]));
        for (uint256 i = 0; i < 6 * 256; ++i) {
            words[i / 256] ^= 1 << (i % 256);
            _true(!_accepts(words), vm.toString(i));
            words[i / 256] ^= 1 << (i % 256);
        }
        _true(_accepts(words), "as it was");
    }

    function _read() private returns (string memory) {
        if (!vm.exists(VECTORS)) vm.skip(true, "tests/vectors/schnorr_evm.json is missing");
        return vm.readFile(VECTORS);
    }

    function _words(bytes memory row) private pure returns (uint256[6] memory) {
        _eq(row.length, 6 * 32, "words");
        return abi.decode(row, (uint256[6]));
    }
}
