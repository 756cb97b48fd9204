// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../src/libraries/SchnorrLib.sol";
import {SignatureVectors} from "./SignatureVectors.sol";

/// The committee's signatures behind ERC-7913 (R-40): the magic value or 0xffffffff, never a revert.
contract FrostVerifierTest is SignatureVectors {
    event log_named_uint(string key, uint256 value);

    bytes4 private constant VALID = 0x024ad318; // verify(bytes,bytes32,bytes)
    bytes4 private constant INVALID = 0xffffffff;
    uint256 private constant N = SchnorrLib.N;
    uint256 private constant P = SchnorrLib.P;

    IERC7913SignatureVerifier private verifier;

    function setUp() public override {
        verifier = IERC7913SignatureVerifier(vm.deployCode("FrostVerifier.sol:FrostVerifier", ""));
    }

    /* ACCEPTED */

    function test_a_signature_by_the_key_is_valid(uint256 secret, bytes32 hash) public {
        (bytes memory key, bytes memory signature) = _signed(secret, hash);
        _eq(_verify(key, hash, signature), VALID, "valid");
        _eq(VALID, IERC7913SignatureVerifier.verify.selector, "the interface's magic value");
    }

    /// As other contracts use it: the signer is the verifier's address, then the key.
    function test_openzeppelin_s_checker_accepts_the_key_as_a_signer(uint256 secret, bytes32 hash) public {
        (bytes memory key, bytes memory signature) = _signed(secret, hash);
        bytes memory signer = bytes.concat(bytes20(address(verifier)), key);
        _true(SignatureChecker.isValidSignatureNow(signer, hash, signature), "valid");
        _true(!SignatureChecker.isValidSignatureNow(signer, ~hash, signature), "another hash");
    }

    /* REFUSED */

    function test_any_changed_bit_is_refused(uint256 secret, bytes32 hash, uint8 part, uint8 bit) public {
        IGatewayTypes.Attestation memory a = _attested(secret, hash);
        uint256 flip = uint256(1) << bit;
        part = uint8(_bound(part, 0, 5));
        if (part == 0) a.px ^= flip;
        if (part == 1) a.py ^= flip;
        if (part == 2) hash ^= bytes32(flip);
        if (part == 3) a.rx ^= flip;
        if (part == 4) a.ry ^= flip;
        if (part == 5) a.z ^= flip;
        _eq(_verify(_key(a.px, a.py), hash, _signature(a.rx, a.ry, a.z)), INVALID, "refused");
    }

    function test_another_hash_is_refused(uint256 secret, bytes32 hash, bytes32 other) public {
        vm.assume(hash != other);
        (bytes memory key, bytes memory signature) = _signed(secret, hash);
        _eq(_verify(key, other, signature), INVALID, "another hash");
    }

    function test_another_key_is_refused(uint256 secret, uint256 other, bytes32 hash) public {
        (bytes memory key, bytes memory signature) = _signed(secret, hash);
        (bytes memory otherKey,) = _signed(other, hash);
        vm.assume(keccak256(key) != keccak256(otherKey));
        _eq(_verify(otherKey, hash, signature), INVALID, "another key");
    }

    function test_a_key_of_another_length_is_refused(uint256 secret, bytes32 hash, uint8 length) public {
        (bytes memory key, bytes memory signature) = _signed(secret, hash);
        vm.assume(length != 64);
        _eq(_verify(_resized(key, length), hash, signature), INVALID, "that length");
        _eq(_verify("", hash, signature), INVALID, "empty");
        _eq(_verify(_resized(key, 63), hash, signature), INVALID, "a byte less");
        _eq(_verify(_resized(key, 65), hash, signature), INVALID, "a byte more");
        _eq(_verify(_resized(key, 96), hash, signature), INVALID, "a word more");
    }

    function test_a_signature_of_another_length_is_refused(uint256 secret, bytes32 hash, uint8 length) public {
        (bytes memory key, bytes memory signature) = _signed(secret, hash);
        vm.assume(length != 96);
        _eq(_verify(key, hash, _resized(signature, length)), INVALID, "that length");
        _eq(_verify(key, hash, ""), INVALID, "empty");
        _eq(_verify(key, hash, _resized(signature, 95)), INVALID, "a byte less");
        _eq(_verify(key, hash, _resized(signature, 97)), INVALID, "a byte more");
        _eq(_verify(key, hash, _resized(signature, 64)), INVALID, "z is missing");
        _eq(_verify("", hash, ""), INVALID, "nothing at all");
    }

    function test_anything_is_answered_without_a_revert(bytes memory key, bytes32 hash, bytes memory signature)
        public
        view
    {
        _eq(_verify(key, hash, signature), INVALID, "any bytes");
        _eq(_verify(_resized(key, 64), hash, _resized(signature, 96)), INVALID, "of the right lengths");
    }

    function test_a_key_out_of_range_is_refused(uint256 secret, bytes32 hash, uint256 x, uint256 y) public {
        IGatewayTypes.Attestation memory a = _attested(secret, hash);
        bytes memory signature = _signature(a.rx, a.ry, a.z);
        _eq(_verify(_key(x, y), hash, signature), INVALID, "anything");
        _eq(_verify(_key(0, 0), hash, signature), INVALID, "px = py = 0");
        _eq(_verify(_key(0, a.py), hash, signature), INVALID, "px = 0");
        _eq(_verify(_key(_bound(x, N, P - 1), a.py), hash, signature), INVALID, "n <= px < p");
        _eq(_verify(_key(_bound(x, P, type(uint256).max), a.py), hash, signature), INVALID, "px >= p");
        _eq(_verify(_key(a.px, _bound(y, P, type(uint256).max)), hash, signature), INVALID, "py >= p");
        _eq(_verify(_key(a.px, P - a.py), hash, signature), INVALID, "-P");
    }

    /// ecrecover and the challenge see px and the parity of py only: with such a py the same signature would be valid.
    function test_a_key_off_the_curve_is_refused_though_the_equation_holds(uint256 secret, bytes32 hash, uint256 y)
        public
    {
        IGatewayTypes.Attestation memory a = _attested(secret, hash);
        y = (y & ~uint256(1)) | (a.py & 1);
        vm.assume(y != a.py);
        _true(SchnorrLib.verify(a.px, y, abi.encode(hash), a.rx, a.ry, a.z), "the equation holds");
        _eq(_verify(_key(a.px, y), hash, _signature(a.rx, a.ry, a.z)), INVALID, "off the curve");
    }

    /// What would be valid if only z's range, or R's, were not looked at: Schnorr.t.sol.
    function test_a_signature_out_of_range_is_refused(uint256 secret, bytes32 hash, uint256 x, uint256 y, uint256 z)
        public
    {
        IGatewayTypes.Attestation memory a = _attested(secret, hash);
        bytes memory key = _key(a.px, a.py);
        _eq(_verify(key, hash, _signature(a.rx, a.ry, 0)), INVALID, "z = 0");
        _eq(_verify(key, hash, _signature(a.rx, a.ry, N)), INVALID, "z = n");
        _eq(_verify(key, hash, _signature(a.rx, a.ry, _bound(z, N, type(uint256).max))), INVALID, "z >= n");
        _eq(_verify(key, hash, _signature(a.rx, a.ry, N - a.z)), INVALID, "-z");
        _eq(_verify(key, hash, _signature(x, y, a.z)), INVALID, "any R");
        _eq(_verify(key, hash, _signature(0, 0, a.z)), INVALID, "R = 0");
        _eq(_verify(key, hash, _signature(a.rx, P - a.ry, a.z)), INVALID, "-R");
        _eq(_verify(key, hash, _signature(a.rx, a.ry ^ 2, a.z)), INVALID, "R off the curve");
        _eq(_verify(key, hash, _signature(_bound(x, P, type(uint256).max), a.ry, a.z)), INVALID, "rx >= p");
        _eq(_verify(key, hash, _signature(a.rx, _bound(y, P, type(uint256).max), a.z)), INVALID, "ry >= p");
    }

    /* GAS */

    function test_gas_of_a_verification() public {
        (bytes memory key, bytes memory signature) = _signed(GROUP_KEY, keccak256("message"));
        _verify(key, keccak256("message"), signature);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("verify", used);
        _le(used, 7_800, "verify");
    }

    /* HELPERS */

    function _verify(bytes memory key, bytes32 hash, bytes memory signature) private view returns (bytes4) {
        return verifier.verify(key, hash, signature);
    }

    function _accepts(uint256[6] memory words) internal view override returns (bool) {
        bytes4 answer = _verify(_key(words[0], words[1]), bytes32(words[2]), _signature(words[3], words[4], words[5]));
        _true(answer == VALID || answer == INVALID, "one of the two");
        return answer == VALID;
    }

    function _attested(uint256 secret, bytes32 hash) private returns (IGatewayTypes.Attestation memory) {
        return _signWith(_bound(secret, 1, N - 1), EPOCH, hash);
    }

    function _signed(uint256 secret, bytes32 hash) private returns (bytes memory key, bytes memory signature) {
        IGatewayTypes.Attestation memory a = _attested(secret, hash);
        return (_key(a.px, a.py), _signature(a.rx, a.ry, a.z));
    }

    function _key(uint256 px, uint256 py) private pure returns (bytes memory) {
        return abi.encode(px, py);
    }

    function _signature(uint256 rx, uint256 ry, uint256 z) private pure returns (bytes memory) {
        return abi.encode(rx, ry, z);
    }

    /// Cut off, or filled up with zeros.
    function _resized(bytes memory data, uint256 length) private pure returns (bytes memory resized) {
        resized = new bytes(length);
        for (uint256 i = 0; i < length && i < data.length; ++i) {
            resized[i] = data[i];
        }
    }
}
