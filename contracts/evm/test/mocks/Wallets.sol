// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

enum Answer {
    GOOD,
    WRONG,
    REVERTS,
    BURNS_GAS,
    RETURNS_1_MB, // more than its gas can pay
    RETURNS_LONG, // 100,000 bytes, the first four of them right
    RETURNS_SHORT, // the right four bytes, and no more
    WRITES // then answers rightly
}

/// A holder that is a contract (ERC-1271): accepts the digests that it was told to, and answers as it was told to.
contract Wallet {
    bytes4 private constant MAGIC = 0x1626ba7e;

    Answer public mode;
    mapping(bytes32 digest => bool) public accepted;

    function behave(Answer next) external {
        mode = next;
    }

    function accept(bytes32 digest) external {
        accepted[digest] = true;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external returns (bytes4) {
        if (!accepted[digest] || mode == Answer.WRONG) return 0xffffffff;
        if (mode == Answer.REVERTS) revert("no");
        if (mode == Answer.BURNS_GAS) while (true) {}
        if (mode == Answer.RETURNS_1_MB) _return(1_000_000);
        if (mode == Answer.RETURNS_LONG) _return(100_000);
        if (mode == Answer.RETURNS_SHORT) _return(4);
        if (mode == Answer.WRITES) accepted[0] = true;
        return MAGIC;
    }

    function _return(uint256 size) private pure {
        bytes4 magic = MAGIC;
        assembly {
            mstore(0, magic)
            return(0, size)
        }
    }
}
