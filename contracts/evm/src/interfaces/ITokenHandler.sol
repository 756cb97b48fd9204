// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TokenForm} from "./IGateway.sol";

/// @title What a gateway asks about tokens of one standard; one small contract each, in src/handlers.
/// @notice Named in a profile at registration, by address and code hash, and fixed there for ever (R-07, R-22). A handler is
/// only ever called statically and with bounded gas: a wrong one can refuse, or say nothing, and never move a unit. The
/// caller of every function is the gateway. Reasons that a token can have: 1 to 5, 7, 8 and 13 of docs/protocol.md, section 7.
interface ITokenHandler {
    /// Asked once, at registration.
    /// @return fits Whether the token is of this standard and mints and burns by `form` (ERC-165, KIP-13, its views).
    /// @return asks Whether `check` is to be asked before each mint; false where the token's own mint forgets nothing.
    /// @return mayBurn Whether the caller is known to have the right to burn; else the gateway tries with a burn of 0.
    function examine(address token, TokenForm form) external view returns (bool fits, bool asks, bool mayBurn);

    /// What the token's mint forgets: the reason why the caller must not mint to the recipient now, 0 if there is none.
    /// Gets exactly the profile's gas allowance.
    function check(address token, address recipient, uint256 amount) external view returns (uint8 reason);

    /// The reason that an error of the token means, as far as its first 256 bytes tell; 13 if it is none that is known.
    function reasonOf(bytes calldata error) external view returns (uint8 reason);
}
