// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Verifier of FROST(secp256k1, SHA-256) signatures, RFC 9591 section 6.5, by one ecrecover.
/// @dev z·G = R + c·P is checked as R = z·G − c·P. ecrecover(h, v, r, s) answers the address of r⁻¹·(s·Q − h·G), Q the
/// point with x = r and the parity of v; with Q = P, r = Px, s = −c·Px, h = −z·Px that is z·G − c·P. The precompile
/// takes any 0 < r < n, so a key needs Px < n. R must lie on the curve: free Ry would let a forger search for two equal
/// addresses (2^80) instead of a second preimage (2^160).
library SchnorrLib {
    uint256 internal constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    uint256 internal constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    /// @dev DST_prime of expand_message_xmd (RFC 9380, 5.3.1): the tag, then its length 29.
    bytes private constant DST_PRIME = "FROST-secp256k1-SHA256-v1chal\x1d";

    /// A key that ecrecover can take: on the curve, 0 < px < n (R-40).
    function isValidKey(uint256 px, uint256 py) internal pure returns (bool) {
        return px != 0 && px < N && isOnCurve(px, py);
    }

    /// The Ethereum address of a public key or point.
    function addressOf(uint256 x, uint256 y) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(x, y)))));
    }

    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        if (x >= P || y >= P) return false;
        return mulmod(y, y, P) == addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
    }

    /// @dev The key must have passed isValidKey when it was registered.
    function verify(uint256 px, uint256 py, bytes memory message, uint256 rx, uint256 ry, uint256 z)
        internal
        pure
        returns (bool)
    {
        if (z == 0 || z >= N || !isOnCurve(rx, ry)) return false;
        uint256 c = challenge(px, py, rx, ry, message);
        bytes32 s = bytes32(N - mulmod(c, px, N)); // N if c is 0: refused by the precompile
        bytes32 h = bytes32(N - mulmod(z, px, N));
        address recovered = ecrecover(h, uint8(27 + (py & 1)), bytes32(px), s);
        return recovered != address(0) && recovered == addressOf(rx, ry);
    }

    /// H2 of the suite over R ‖ P ‖ message, points compressed: hash_to_field by expand_message_xmd, 48 bytes mod n.
    function challenge(uint256 px, uint256 py, uint256 rx, uint256 ry, bytes memory message)
        internal
        pure
        returns (uint256)
    {
        bytes32 b0 = sha256(
            abi.encodePacked(
                bytes32(0), // Z_pad: one block of SHA-256
                bytes32(0),
                bytes1(uint8(2 + (ry & 1))),
                rx,
                bytes1(uint8(2 + (py & 1))),
                px,
                message,
                hex"003000", // 48 bytes wanted, then the counter 0
                DST_PRIME
            )
        );
        bytes32 b1 = sha256(abi.encodePacked(b0, hex"01", DST_PRIME));
        bytes32 b2 = sha256(abi.encodePacked(b0 ^ b1, hex"02", DST_PRIME));
        // (b1 ‖ first half of b2) mod n
        return addmod(mulmod(uint256(b1), 1 << 128, N), uint256(b2) >> 128, N);
    }
}
