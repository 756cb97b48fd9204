// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Has no burn.
contract TokenWithoutBurn {
    uint8 public constant decimals = 0;

    function balanceOf(address) external pure returns (uint256) {
        return 0;
    }
}

/// Its fallback accepts everything and answers nothing, burn included.
contract TokenThatAcceptsAnything {
    uint8 public constant decimals = 0;

    function balanceOf(address) external pure returns (uint256) {
        return 0;
    }

    fallback() external {}
}

/// Its `paused` and `canReceive` answer words that are neither 0 nor 1; the rest is a token.
contract TokenWithOddAnswers {
    uint8 public constant decimals = 0;

    function balanceOf(address) external pure returns (uint256) {
        return 0;
    }

    function burn(uint256 amount) external pure {
        require(amount == 0);
    }

    function paused() external pure returns (uint256) {
        return 2;
    }

    function canReceive(address) external pure returns (uint256, uint256) {
        return (1, 1);
    }
}

/// Is not paused, and answers nothing else.
contract TokenWithoutRegister {
    bool public constant paused = false;
}
