// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EndpointId, IGateway, IGatewayTypes} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// R-06, R-61 and section 1: which endpoint a gateway is, and what it must be deployed with.
contract IdentityTest is Base {
    IGateway internal gateway;

    function setUp() public override {
        super.setUp();
        _on(source);
        gateway = source.gateway;
    }

    /* IDENTITY */

    /// Section 1
    function test_an_endpoint_is_its_ledger_its_fingerprint_and_its_account() public view {
        vm.assertEq(gateway.caip2(), "eip155:1001", "caip2");
        _eq(gateway.fingerprint(), keccak256(abi.encode("block", uint256(1001))), "hash of the block before");
        _eq(gateway.deployedAt(), 100, "deployedAt");
        bytes32 expected =
            keccak256(abi.encode(keccak256("eip155:1001"), gateway.fingerprint(), uint256(uint160(address(gateway)))));
        _eq(EndpointId.unwrap(gateway.endpointId()), expected, "EndpointId");
        _eq(gateway.domainSeparator(), _domain(gateway.endpointId()), "domain");
        _eq(gateway.orderDomainSeparator(), _orderDomain(1001), "domain of Orders");
    }

    /// R-06, Omnibridge 2022
    function test_another_chain_id_is_another_endpoint(uint64 chain) public {
        vm.assume(chain != 1001 && chain != 0);
        vm.chainId(chain);
        EndpointId moved = gateway.endpointId();
        _true(EndpointId.unwrap(moved) != EndpointId.unwrap(source.endpoint), "another");
        _eq(gateway.domainSeparator(), _domain(moved), "domain follows");
        _eq(gateway.orderDomainSeparator(), _orderDomain(chain), "domain of Orders follows");
        vm.assertEq(gateway.caip2(), string.concat("eip155:", vm.toString(uint256(chain))), "caip2 follows");
    }

    /* DEPLOYMENT */

    /// Section 1: without the hash of the block before, an endpoint is not told from another.
    function test_a_deployment_without_fingerprint_is_refused() public {
        vm.roll(500);
        vm.setBlockhash(499, keccak256("x"));
        _expectDeployed(_settings(), "");
        vm.setBlockhash(499, 0);
        _expectDeployed(_settings(), abi.encodeWithSelector(IGatewayTypes.FingerprintMissing.selector));
    }

    /// R-61: each role but the auditor's must be somebody's, and no delay may be missing (R-31, R-40).
    function test_a_deployment_without_roles_extension_or_delays_is_refused() public {
        vm.roll(500);
        vm.setBlockhash(499, keccak256("x"));
        bytes memory missing = abi.encodeWithSelector(IGatewayTypes.AddressMissing.selector);
        IGatewayTypes.Settings memory settings = _settings();
        settings.governance = address(0);
        _expectDeployed(settings, missing);
        settings = _settings();
        settings.unpauser = address(0);
        _expectDeployed(settings, missing);
        settings = _settings();
        settings.guardian = address(0);
        _expectDeployed(settings, missing);
        settings = _settings();
        settings.extension = address(0xE0);
        _expectDeployed(settings, missing);
        settings = _settings();
        settings.handoverDelay = 0;
        _expectDeployed(settings, abi.encodeWithSelector(IGatewayTypes.LimitsInvalid.selector));
        settings = _settings();
        settings.redirectDelay = 0;
        _expectDeployed(settings, abi.encodeWithSelector(IGatewayTypes.LimitsInvalid.selector));
        settings = _settings();
        settings.auditor = address(0);
        _expectDeployed(settings, "");
    }

    /// R-61
    function test_a_gateway_tells_what_it_was_deployed_with() public view {
        _eq(gateway.governance(), governance, "governance");
        _eq(gateway.unpauser(), unpauser, "unpauser");
        _eq(gateway.guardian(), guardian, "guardian");
        _eq(gateway.auditor(), auditor, "auditor");
        _true(gateway.extension().code.length != 0, "extension");
        (uint32 handoverDelay, uint32 redirectDelay) = gateway.delays();
        _eq(handoverDelay, HANDOVER_DELAY, "handover");
        _eq(redirectDelay, REDIRECT_DELAY, "redirect");
        _true(!gateway.paused(), "running");
    }

    function test_a_call_of_no_function_is_refused(bytes3 data) public {
        (bool success,) = address(gateway).call(abi.encodePacked(data));
        _true(!success, "no fallback");
        (success,) = address(gateway).call("");
        _true(!success, "no receive");
        _true(address(this).balance != 0, "there are coins");
        (success,) = address(gateway).call{value: 1}(abi.encodeCall(gateway.paused, ()));
        _true(!success, "takes no coins");
    }

    /* HELPERS */

    function _settings() private view returns (IGatewayTypes.Settings memory) {
        return IGatewayTypes.Settings({
            extension: gateway.extension(),
            governance: governance,
            unpauser: unpauser,
            guardian: guardian,
            auditor: auditor,
            handoverDelay: HANDOVER_DELAY,
            redirectDelay: REDIRECT_DELAY
        });
    }

    /// `refusal`: what the constructor reverts with; empty if it passes.
    function _expectDeployed(IGatewayTypes.Settings memory settings, bytes memory refusal) private {
        if (refusal.length != 0) vm.expectRevert(refusal);
        address deployed = this.deploy(settings);
        _true(refusal.length != 0 || deployed.code.length != 0, "deployed");
    }

    function deploy(IGatewayTypes.Settings calldata settings) external returns (address) {
        return vm.deployCode("Gateway.sol:Gateway", abi.encode(settings));
    }

    function _domain(EndpointId salt) private pure returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,bytes32 salt)");
        return keccak256(abi.encode(kind, keccak256("Naru"), keccak256("1"), salt));
    }

    function _orderDomain(uint256 chain) private view returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(kind, keccak256("Naru"), keccak256("1"), chain, address(gateway)));
    }
}
