// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deciding} from "./Deciding.sol";
import {Finishing} from "./Finishing.sol";
import {IGatewayCore} from "./interfaces/IGateway.sol";
import {OrderLib} from "./libraries/OrderLib.sol";
import {Locking} from "./Locking.sol";

/// @title The gateway: lock and finish on a transfer's source, settle and refuse on its destination.
/// @dev Not upgradeable. The cold half, governance and views, is in GatewayExtension, whose address is fixed at deployment:
/// what isn't found here is delegated there. Split for the size limit of EIP-170 alone; both have one storage,
/// GatewayStorage.
contract Gateway is Locking, Deciding, Finishing {
    /// @inheritdoc IGatewayCore
    address public immutable extension;

    constructor(Settings memory settings) {
        if (settings.extension.code.length == 0) revert AddressMissing();
        bool named =
            settings.governance != address(0) && settings.unpauser != address(0) && settings.guardian != address(0);
        if (!named) revert AddressMissing();
        if (settings.handoverDelay == 0 || settings.redirectDelay == 0) revert LimitsInvalid();
        extension = settings.extension;
        _governance = settings.governance;
        _unpauser = settings.unpauser;
        _guardian = settings.guardian;
        _auditor = settings.auditor;
        _handoverDelay = settings.handoverDelay;
        _redirectDelay = settings.redirectDelay;
    }

    /// @inheritdoc IGatewayCore
    function orderHash(Order calldata order) external view returns (bytes32 digest) {
        return OrderLib.digestOf(order, endpointId(), orderDomainSeparator());
    }

    /// @dev What isn't found here is the extension's. Not OpenZeppelin's Proxy: its assembly isn't memory-safe, which takes
    /// from the compiler what it needs against too deep a stack in all of the gateway.
    fallback() external {
        address target = extension;
        assembly ("memory-safe") {
            let start := mload(0x40)
            calldatacopy(start, 0, calldatasize())
            let success := delegatecall(gas(), target, start, calldatasize(), 0, 0)
            returndatacopy(start, 0, returndatasize())
            switch success
            case 0 { revert(start, returndatasize()) }
            default { return(start, returndatasize()) }
        }
    }
}
