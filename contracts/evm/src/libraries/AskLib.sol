// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IGatewayTypes, TokenForm} from "../interfaces/IGateway.sol";

/// @title Bounded questions of handlers to a token that may be no token of their standard, or no token at all.
/// @dev Return data beyond ANSWER_MAX isn't copied. What is not exactly the expected answer is none: a token that lacks the
/// function must not be taken for one that said no, nor its fallback for one that said yes.
library AskLib {
    bytes4 internal constant ERC7802 = 0x33331994;
    bytes4 private constant ERC165 = 0x01ffc9a7;
    bytes4 private constant NO_INTERFACE = 0xffffffff;
    /// What ERC-165 allows a question about an interface.
    uint256 private constant ERC165_GAS = 30_000;
    uint256 private constant ALL_GAS = type(uint256).max;
    uint256 private constant ANSWER_MAX = 256;

    /// Whether the token says that it implements an interface, by ERC-165 or KIP-13, which is the same function.
    function hasInterface(address token, bytes4 id) internal view returns (bool) {
        return _claims(token, ERC165) && !_claims(token, NO_INTERFACE) && _claims(token, id);
    }

    /// Whether a token can be of the form, as far as standards tell: `mint` and `burn` belong to none and are tried by the
    /// gateway, ERC-7802 has an id.
    function canBeOf(address token, TokenForm form) internal view returns (bool) {
        return form != TokenForm.ERC7802 || hasInterface(token, ERC7802);
    }

    /// Whether the token says that it is paused; one without `paused()` never is.
    function isPaused(address token) internal view returns (bool) {
        return says(token, abi.encodeWithSignature("paused()"));
    }

    /// Whether the token answers true.
    function says(address token, bytes memory question) internal view returns (bool) {
        (bool answered, uint256 word_) = word(token, question);
        return answered && word_ == 1;
    }

    /// A bool that the token must give: anything else reverts, which a gateway takes for a pause (R-22).
    function mustSay(address token, bytes memory question) internal view returns (bool) {
        (bool answered, uint256 word_) = word(token, question);
        if (!answered || word_ > 1) revert IGatewayTypes.NoAnswer(token);
        return word_ == 1;
    }

    /// An answer of one word.
    function word(address token, bytes memory question) internal view returns (bool answered, uint256 word_) {
        bytes memory data = answer(token, question);
        return data.length == 32 ? (true, abi.decode(data, (uint256))) : (false, 0);
    }

    /// What the token returned, whole; nothing if it reverted or returned too much.
    function answer(address token, bytes memory question) internal view returns (bytes memory data) {
        return _ask(token, question, ALL_GAS);
    }

    function _claims(address token, bytes4 id) private view returns (bool) {
        bytes memory data = _ask(token, abi.encodeCall(IERC165.supportsInterface, (id)), ERC165_GAS);
        return data.length == 32 && uint256(bytes32(data)) == 1;
    }

    function _ask(address token, bytes memory question, uint256 gasGiven) private view returns (bytes memory data) {
        uint256 max = ANSWER_MAX;
        assembly ("memory-safe") {
            let success := staticcall(gasGiven, token, add(question, 0x20), mload(question), 0, 0)
            let size := mul(success, returndatasize())
            if gt(size, max) { size := 0 }
            data := mload(0x40)
            mstore(data, size)
            returndatacopy(add(data, 0x20), 0, size)
            mstore(0x40, add(add(data, 0x20), and(add(size, 0x1f), not(0x1f))))
        }
    }
}
