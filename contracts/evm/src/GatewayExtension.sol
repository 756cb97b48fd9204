// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Committee} from "./Committee.sol";
import {GatewayViews} from "./GatewayViews.sol";
import {Governing} from "./Governing.sol";
import {Register} from "./Register.sol";

/// @title The cold part of a gateway: everything but what moves units.
/// @dev The Gateway delegatecalls it for each function that it hasn't got itself, always the same one. It is apart only
/// because one contract may have 24,576 bytes of code. Here `address(this)` is the gateway: what stands in *its*
/// immutables is asked by a call to it. Called by itself it does nothing: no role is held, no key is known, no peer is
/// registered in its own, empty storage.
contract GatewayExtension is Governing, Committee, Register, GatewayViews {}
