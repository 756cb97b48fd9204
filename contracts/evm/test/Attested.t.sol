// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EndpointId, IGateway, IGatewayTypes, TransferId} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";

/// R-06, R-40 and section 3: whose signature is accepted, and for what. By `settle`; all entry points check alike.
contract AttestedTest is Base {
    IGatewayTypes.Transfer internal item;

    function setUp() public override {
        super.setUp();
        item = _lock(1_000);
        _on(destination);
    }

    /// Section 3: the signature covers every field of every item.
    function test_a_changed_item_is_refused(uint8 field, uint256 change) public {
        field = uint8(_bound(field, 0, 9));
        vm.assume(field != 1); // the destination isn't given: it is this gateway
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        IGatewayTypes.Transfer memory changed = _changed(item, field, change);
        vm.assume(TransferId.unwrap(_id(changed)) != TransferId.unwrap(_id(item)));
        vm.assume(changed.sequence != 0);
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(changed), attestation);
    }

    /// R-40
    function test_an_unknown_epoch_or_another_key_is_refused(uint64 epoch, uint256 key) public {
        vm.assume(epoch != EPOCH);
        key = _bound(key, 1, 2 ** 255);
        vm.assume(key != GROUP_KEY);
        bytes32 digest = _lockedDigest(_one(item));
        IGatewayTypes.Attestation memory attestation = _signWith(GROUP_KEY, epoch, digest);
        _on(destination);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, epoch));
        destination.gateway.settle(_inbound(item), attestation);
        attestation = _signWith(key, EPOCH, digest);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.KeyMismatch.selector, EPOCH));
        destination.gateway.settle(_inbound(item), attestation);
    }

    /// Section 3: a signature for another kind of statement, or another verifier, says nothing here.
    function test_another_statement_s_signature_is_refused() public {
        IGatewayTypes.Attestation memory refused = _signRefused(_one(item), hex"06");
        IGatewayTypes.Attestation memory outcome = _signOutcome(_one(item), MINTED);
        _on(destination);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(item), refused);
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(item), outcome);
    }

    /// R-06, Omnibridge 2022: on a fork with another chain id the endpoint is another and every attestation is refused.
    function test_a_fork_with_another_chain_id_refuses_every_attestation(uint64 chain) public {
        vm.assume(chain != destination.chainId && chain != 0);
        IGatewayTypes.Attestation memory attestation = _signLocked(_one(item));
        vm.chainId(chain);
        _true(EndpointId.unwrap(destination.gateway.endpointId()) != EndpointId.unwrap(destination.endpoint), "another");
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(item), attestation);
        // A bare id is the same on every chain: there the domain alone refuses.
        vm.expectRevert(IGatewayTypes.SignatureInvalid.selector);
        destination.gateway.settle(_inbound(_bare(item)), attestation);
    }

    /// Nomad 2022: before a key is registered nothing is attested, not by zeros either.
    function test_a_gateway_without_a_key_accepts_nothing(uint64 epoch) public {
        IGateway fresh = _newGateway();
        IGatewayTypes.Attestation memory attestation;
        attestation.epoch = epoch;
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, epoch);
        vm.expectRevert(refusal);
        fresh.settle(_inbound(item), attestation);
        vm.expectRevert(refusal);
        fresh.refuse(_inbound(item), hex"06", attestation);
        vm.expectRevert(refusal);
        fresh.finish(_outbound(item), MINTED, attestation);
        _on(source);
        IGatewayTypes.Attestation memory by = _signOutcome(_one(item), MINTED);
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.EpochUnknown.selector, EPOCH));
        fresh.finish(_outbound(item), MINTED, by);
    }

    function _changed(IGatewayTypes.Transfer memory terms, uint8 field, uint256 change)
        private
        pure
        returns (IGatewayTypes.Transfer memory)
    {
        bytes memory words = abi.encode(terms);
        uint256 word = 32 * (uint256(field) + 1);
        // The narrow fields stay narrow.
        if (field == 2 || field == 7) change &= type(uint64).max;
        assembly {
            mstore(add(words, word), xor(mload(add(words, word)), change))
        }
        return abi.decode(words, (IGatewayTypes.Transfer));
    }
}
