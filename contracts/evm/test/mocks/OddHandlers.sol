// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Erc20Handler} from "../../src/handlers/Erc20Handler.sol";
import {TokenForm} from "../../src/interfaces/IGateway.sol";

/// Is for no token.
contract ChoosyHandler is Erc20Handler {
    function examine(address, TokenForm) external pure override returns (bool fits, bool asks, bool mayBurn) {
        return (false, true, true);
    }
}

/// What a handler may do wrong when it is asked before a mint.
enum Answer {
    YES,
    NO_SUCH_REASON,
    NOT_A_TOKEN_S,
    REVERTS,
    TOO_SHORT,
    TOO_LONG,
    BURNS_ALL_GAS,
    NO_WITH_NEARLY_ALL_GAS
}

contract OddHandler is Erc20Handler {
    Answer private _checked;
    Answer private _understood;

    function set(Answer toCheck, Answer toError) external {
        (_checked, _understood) = (toCheck, toError);
    }

    function examine(address, TokenForm) external pure override returns (bool fits, bool asks, bool mayBurn) {
        return (true, true, true);
    }

    function check(address, address, uint256) external view override returns (uint8) {
        return _answer(_checked);
    }

    function _meaningOf(bytes4, bytes calldata) internal view override returns (uint8) {
        return _answer(_understood);
    }

    function _answer(Answer chosen) private view returns (uint8) {
        if (chosen == Answer.YES) return 0;
        if (chosen == Answer.NO_SUCH_REASON) _return(15, 0x20);
        if (chosen == Answer.NOT_A_TOKEN_S) _return(10, 0x20); // EXPIRED is the protocol's to say
        if (chosen == Answer.TOO_SHORT) _return(1, 0x1f);
        if (chosen == Answer.TOO_LONG) _return(1, 0x40);
        if (chosen == Answer.REVERTS) revert("odd");
        uint256 rest = chosen == Answer.BURNS_ALL_GAS ? 0 : 5_000;
        while (gasleft() > rest) {}
        return 1;
    }

    function _return(uint256 word, uint256 size) private pure {
        assembly {
            mstore(0, word)
            return(0, size)
        }
    }
}
