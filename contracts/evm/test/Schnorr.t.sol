// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {SignatureVectors} from "./SignatureVectors.sol";
import {Vm} from "./Vm.sol";

/// The verifier against RFC 9591 (appendix E.5), against signatures of the Python committee, and against bad ones.
contract SchnorrTest is SignatureVectors {
    string private constant RFC = "../../tests/vectors/frost_rfc9591_secp256k1.json";

    function setUp() public override {}

    /// RFC 9591, E.5: group key, message "test", signature; the points are compressed there.
    function test_the_rfc_s_signature_is_valid() public {
        if (!vm.exists(RFC)) vm.skip(true, "tests/vectors/frost_rfc9591_secp256k1.json is missing");
        string memory json = vm.readFile(RFC);
        bytes memory key = _hex(json, ".cases[0].inputs.group_public_key");
        bytes memory signature = _hex(json, ".cases[0].sig");
        (uint256 px, uint256 py) = _point(key, 0);
        (uint256 rx, uint256 ry) = _point(signature, 0);
        uint256 z = _word(signature, 33);
        _true(SchnorrLib.verify(px, py, "test", rx, ry, z), "valid");
        _true(!SchnorrLib.verify(px, py, "tesu", rx, ry, z), "another message");
    }

    function test_a_signature_by_the_key_is_valid(uint256 key, bytes32 message) public {
        IGatewayTypes.Attestation memory a = _signed(key, message);
        _true(SchnorrLib.verify(a.px, a.py, abi.encode(message), a.rx, a.ry, a.z), "valid");
    }

    function test_any_changed_bit_is_refused(uint256 key, bytes32 message, uint8 which, uint8 bit) public {
        IGatewayTypes.Attestation memory a = _signed(key, message);
        uint256 flip = uint256(1) << bit;
        which = uint8(_bound(which, 0, 5));
        if (which == 0) a.px ^= flip;
        if (which == 1) a.py ^= flip;
        if (which == 2) message ^= bytes32(flip);
        if (which == 3) a.rx ^= flip;
        if (which == 4) a.ry ^= flip;
        if (which == 5) a.z ^= flip;
        bool parityKept = which == 1 && bit != 0; // a key off the curve never passes registration
        _true(parityKept || !SchnorrLib.verify(a.px, a.py, abi.encode(message), a.rx, a.ry, a.z), "refused");
    }

    /// Pitfalls 9 and 10: one z per (R, message, key); no value out of range.
    function test_values_out_of_range_are_refused(uint256 key, bytes32 message) public {
        IGatewayTypes.Attestation memory a = _signed(key, message);
        _true(!SchnorrLib.verify(a.px, a.py, abi.encode(message), a.rx, a.ry, 0), "z = 0");
        _true(!SchnorrLib.verify(a.px, a.py, abi.encode(message), a.rx, a.ry, SchnorrLib.N), "z = n");
        unchecked {
            uint256 raised = a.z + SchnorrLib.N;
            _true(raised > a.z || !SchnorrLib.verify(a.px, a.py, abi.encode(message), a.rx, a.ry, raised), "z + n");
        }
        _true(!SchnorrLib.verify(a.px, a.py, abi.encode(message), a.rx, SchnorrLib.P - a.ry, a.z), "-R");
        _true(!SchnorrLib.verify(a.px, a.py, abi.encode(message), SchnorrLib.P + 1, a.ry, a.z), "Rx >= p");
        _true(!SchnorrLib.verify(a.px, a.py, abi.encode(message), a.rx, SchnorrLib.P, a.z), "Ry >= p");
        _true(!SchnorrLib.verify(a.px, a.py, abi.encode(message), 0, 0, a.z), "R = 0");
    }

    /// R-40
    function test_a_key_is_on_the_curve_and_below_n(uint256 key, uint256 x, uint256 y) public {
        Vm.Wallet memory wallet = vm.createWallet(_bound(key, 1, SchnorrLib.N - 1));
        _true(SchnorrLib.isValidKey(wallet.publicKeyX, wallet.publicKeyY), "valid");
        _true(!SchnorrLib.isValidKey(wallet.publicKeyX, wallet.publicKeyY ^ 1), "off the curve");
        _true(!SchnorrLib.isValidKey(x, y), "anything");
        _true(!SchnorrLib.isValidKey(0, 0), "zero");
        _true(!SchnorrLib.isValidKey(SchnorrLib.N, y), "n");
    }

    /// As a gateway does: a key passes registration first.
    function _accepts(uint256[6] memory words) internal pure override returns (bool) {
        (uint256 px, uint256 py) = (words[0], words[1]);
        return
            SchnorrLib.isValidKey(px, py)
                && SchnorrLib.verify(px, py, abi.encode(words[2]), words[3], words[4], words[5]);
    }

    function _hex(string memory json, string memory at) private pure returns (bytes memory) {
        return vm.parseBytes(string.concat("0x", vm.parseJsonString(json, at)));
    }

    function _word(bytes memory data, uint256 at) private pure returns (uint256 word) {
        assembly {
            word := mload(add(add(data, 0x20), at))
        }
    }

    /// A compressed point: parity, x; y = (x³ + 7)^((p + 1) / 4).
    function _point(bytes memory data, uint256 at) private view returns (uint256 x, uint256 y) {
        x = _word(data, at + 1);
        uint256 square = addmod(mulmod(mulmod(x, x, SchnorrLib.P), x, SchnorrLib.P), 7, SchnorrLib.P);
        bytes memory input = abi.encode(32, 32, 32, square, (SchnorrLib.P + 1) / 4, SchnorrLib.P);
        (, bytes memory root) = address(5).staticcall(input);
        y = abi.decode(root, (uint256));
        if (y & 1 != uint8(data[at]) & 1) y = SchnorrLib.P - y;
    }

    function _signed(uint256 key, bytes32 message) private returns (IGatewayTypes.Attestation memory) {
        return _signWith(_bound(key, 1, SchnorrLib.N - 1), EPOCH, message);
    }
}
