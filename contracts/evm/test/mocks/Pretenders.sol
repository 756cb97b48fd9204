// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A plain token that pretends to be of standards.
abstract contract Pretender {
    uint8 public constant decimals = 0;

    function balanceOf(address) external pure returns (uint256) {
        return 0;
    }

    function burn(uint256 amount) external pure {
        require(amount == 0);
    }

    function burn(address, uint256 amount) external pure {
        require(amount == 0);
    }

    function crosschainBurn(address, uint256 amount) external pure {
        require(amount == 0);
    }
}

/// Says yes to every id, the one that nobody may have among them.
contract SaysYesToEveryId is Pretender {
    function supportsInterface(bytes4) external pure returns (bool) {
        return true;
    }
}

/// Has the ids, by the rules of ERC-165, and no function behind them.
contract HasIdsOnly is Pretender {
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id != 0xffffffff;
    }
}

/// Answers every other call with the same word or words.
contract AnswersTheSame is Pretender {
    uint256 private immutable _word;
    uint256 private immutable _count;

    constructor(uint256 word, uint256 count) {
        (_word, _count) = (word, count);
    }

    fallback() external {
        (uint256 word, uint256 count) = (_word, _count);
        assembly {
            for { let i := 0 } lt(i, count) { i := add(i, 1) } { mstore(mul(i, 0x20), word) }
            return(0, mul(count, 0x20))
        }
    }
}
