// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Two bits a sequence, 128 to a word (R-08): an Outcome on the destination, an Ending on the source.
library OutcomeLib {
    function inWord(uint256 word, uint64 sequence) internal pure returns (uint256) {
        return (word >> _shift(sequence)) & 3;
    }

    /// @dev Only where the two bits are 0: whoever calls has looked.
    function withValue(uint256 word, uint64 sequence, uint256 value) internal pure returns (uint256) {
        return word | (value << _shift(sequence));
    }

    function _shift(uint256 sequence) private pure returns (uint256) {
        return (sequence & 127) << 1;
    }

    /// @dev Only where the two bits are 0: whoever calls has looked.
    function write(mapping(uint64 word => uint256) storage words, uint64 sequence, uint256 value) internal {
        words[sequence >> 7] = withValue(words[sequence >> 7], sequence, value);
    }

    /// @return written False if the bits were set before; they stay.
    function writeOnce(mapping(uint64 word => uint256) storage words, uint64 sequence, uint256 value)
        internal
        returns (bool written)
    {
        uint256 word = words[sequence >> 7];
        if (inWord(word, sequence) != 0) return false;
        words[sequence >> 7] = withValue(word, sequence, value);
        return true;
    }
}
