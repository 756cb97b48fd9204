// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {EndpointId, IGatewayCore} from "./interfaces/IGateway.sol";
import {OrderLib} from "./libraries/OrderLib.sol";
import {TransferLib} from "./libraries/TransferLib.sol";

/// @title Which endpoint a gateway is (docs/protocol.md, section 1): fixed at deployment, made anew when the chain id changes.
abstract contract Identity is IGatewayCore {
    /// @inheritdoc IGatewayCore
    bytes32 public immutable fingerprint;
    /// @inheritdoc IGatewayCore
    uint256 public immutable deployedAt;

    uint256 private immutable _chainIdAtDeployment;
    EndpointId private immutable _endpointIdAtDeployment;
    bytes32 private immutable _domainSeparatorAtDeployment;
    bytes32 private immutable _orderDomainSeparatorAtDeployment;

    /// An item's own call (R-20): by this gateway only.
    modifier onlySelf() {
        if (msg.sender != address(this)) revert NotSelf();
        _;
    }

    constructor() {
        deployedAt = block.number;
        fingerprint = blockhash(block.number - 1);
        if (fingerprint == 0) revert FingerprintMissing();
        _chainIdAtDeployment = block.chainid;
        EndpointId here = _liveEndpointId();
        _endpointIdAtDeployment = here;
        _domainSeparatorAtDeployment = TransferLib.domainSeparatorOf(here);
        _orderDomainSeparatorAtDeployment = OrderLib.domainSeparator();
    }

    /// @inheritdoc IGatewayCore
    function caip2() public view returns (string memory) {
        return string.concat("eip155:", Strings.toString(block.chainid));
    }

    /// @inheritdoc IGatewayCore
    function endpointId() public view returns (EndpointId) {
        return block.chainid == _chainIdAtDeployment ? _endpointIdAtDeployment : _liveEndpointId();
    }

    /// @inheritdoc IGatewayCore
    function domainSeparator() public view returns (bytes32) {
        return block.chainid == _chainIdAtDeployment
            ? _domainSeparatorAtDeployment
            : TransferLib.domainSeparatorOf(_liveEndpointId());
    }

    /// @inheritdoc IGatewayCore
    function orderDomainSeparator() public view returns (bytes32) {
        return block.chainid == _chainIdAtDeployment ? _orderDomainSeparatorAtDeployment : OrderLib.domainSeparator();
    }

    function _liveEndpointId() private view returns (EndpointId) {
        return TransferLib.endpointIdOf(caip2(), fingerprint, bytes32(uint256(uint160(address(this)))));
    }
}
