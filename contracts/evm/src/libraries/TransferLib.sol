// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, EndpointId, Ending, IGatewayTypes, LaneId, TransferId} from "../interfaces/IGateway.sol";

/// @title Identities and digests (docs/protocol.md, sections 1 and 3); equal to bridge/core/statements.py.
/// @dev Everything hashed is whole words:
///
/// | hash           | bytes                                                                                    |
/// | -------------- | ---------------------------------------------------------------------------------------- |
/// | EndpointId     | keccak(caip2) ‖ fingerprint ‖ account                                                    |
/// | LaneId         | source ‖ destination ‖ asset                                                             |
/// | TransferId     | type hash ‖ the ten fields in order, numbers left-padded                                 |
/// | list           | ids, 32 bytes each, no length                                                            |
/// | codes          | reasons or outcomes, one byte an item                                                    |
/// | Locked         | type hash ‖ epoch ‖ keccak(list)                                                         |
/// | Refused        | type hash ‖ epoch ‖ keccak(list) ‖ keccak(codes)                                         |
/// | Outcome        | type hash ‖ epoch ‖ keccak(list) ‖ keccak(codes)                                         |
/// | Ended          | type hash ‖ asset ‖ keccak(list) ‖ keccak(codes): by the register                        |
/// | domain         | type hash ‖ keccak("Naru") ‖ keccak("1") ‖ EndpointId of the verifier                    |
/// | digest         | 0x1901 ‖ domain ‖ statement (66 bytes)                                                   |
///
/// A list's ids are hashed straight from calldata: the words that a batch shares are laid out once.
///
/// The lock word (R-08), from the highest bit: block number (48) ‖ profile (16) ‖ first 24 bytes of the TransferId.
/// The pending word (R-31): profile in bits 8 to 23, ending in bits 0 to 7.
library TransferLib {
    bytes32 internal constant TRANSFER_TYPEHASH = keccak256(
        "Transfer(bytes32 source,bytes32 destination,uint64 sequence,bytes32 asset,bytes32 sender,bytes32 recipient,uint256 amount,uint64 deadline,bytes32 clientReference,bytes32 payloadHash)"
    );
    bytes32 internal constant LOCKED_TYPEHASH = keccak256("Locked(uint64 epoch,bytes32[] transfers)");
    bytes32 internal constant REFUSED_TYPEHASH = keccak256("Refused(uint64 epoch,bytes32[] transfers,bytes reasons)");
    bytes32 internal constant OUTCOME_TYPEHASH = keccak256("Outcome(uint64 epoch,bytes32[] transfers,bytes outcomes)");
    bytes32 internal constant ENDED_TYPEHASH = keccak256("Ended(bytes32 asset,bytes32[] transfers,bytes outcomes)");
    bytes32 internal constant DOMAIN_TYPEHASH = keccak256("EIP712Domain(string name,string version,bytes32 salt)");
    bytes32 private constant NAME_HASH = keccak256("Naru");
    bytes32 private constant VERSION_HASH = keccak256("1");

    function endpointIdOf(string memory caip2, bytes32 fingerprint, bytes32 account)
        internal
        pure
        returns (EndpointId)
    {
        return EndpointId.wrap(keccak256(abi.encode(keccak256(bytes(caip2)), fingerprint, account)));
    }

    function laneIdOf(EndpointId source, EndpointId destination, AssetId asset) internal pure returns (LaneId) {
        return LaneId.wrap(keccak256(abi.encode(source, destination, asset)));
    }

    function domainSeparatorOf(EndpointId verifier) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, verifier));
    }

    /// @dev The struct's ten words stand in memory as they are hashed.
    function idOf(IGatewayTypes.Transfer memory terms) internal pure returns (TransferId id) {
        bytes32 typeHash = TRANSFER_TYPEHASH;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typeHash)
            mcopy(add(start, 0x20), terms, 0x140)
            id := keccak256(start, 0x160)
        }
    }

    /// The ids of a list whose items arrive here: the peers are the sources.
    function idsOfInbound(IGatewayTypes.Batch[] calldata batches, EndpointId here)
        internal
        pure
        returns (TransferId[] memory ids)
    {
        ids = _newList(batches);
        uint256 next = 0;
        for (uint256 b = 0; b < batches.length; ++b) {
            next = _hashItems(ids, next, batches[b].peer, here, batches[b].asset, batches[b].items);
        }
    }

    /// The ids of a list whose items left here: the peers are the destinations.
    function idsOfOutbound(IGatewayTypes.Batch[] calldata batches, EndpointId here)
        internal
        pure
        returns (TransferId[] memory ids)
    {
        ids = _newList(batches);
        uint256 next = 0;
        for (uint256 b = 0; b < batches.length; ++b) {
            next = _hashItems(ids, next, here, batches[b].peer, batches[b].asset, batches[b].items);
        }
    }

    function lockedStatement(uint64 epoch, TransferId[] memory ids) internal pure returns (bytes32) {
        return keccak256(abi.encode(LOCKED_TYPEHASH, epoch, _hashList(ids)));
    }

    function refusedStatement(uint64 epoch, TransferId[] memory ids, bytes calldata reasons)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(REFUSED_TYPEHASH, epoch, _hashList(ids), keccak256(reasons)));
    }

    function outcomeStatement(uint64 epoch, TransferId[] memory ids, bytes calldata outcomes)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(OUTCOME_TYPEHASH, epoch, _hashList(ids), keccak256(outcomes)));
    }

    /// The register's entry, not the committee's (R-60).
    function endedEntry(AssetId asset, TransferId[] memory ids, bytes calldata outcomes)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(ENDED_TYPEHASH, asset, _hashList(ids), keccak256(outcomes)));
    }

    function digestOf(bytes32 domainSeparator, bytes32 statement) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator, statement));
    }

    function lockWordOf(uint256 blockNumber, uint16 profile, TransferId id) internal pure returns (bytes32) {
        return bytes32((blockNumber << 208) | (uint256(profile) << 192) | (uint256(TransferId.unwrap(id)) >> 64));
    }

    function lockWordMatches(bytes32 word, TransferId id) internal pure returns (bool) {
        return word != 0 && uint192(uint256(word)) == uint192(uint256(TransferId.unwrap(id)) >> 64);
    }

    function profileInLockWord(bytes32 word) internal pure returns (uint16) {
        return uint16(uint256(word) >> 192);
    }

    function pendingWordOf(uint16 profile, Ending ending) internal pure returns (uint256) {
        return (uint256(profile) << 8) | uint256(ending);
    }

    function readPending(uint256 word) internal pure returns (Ending ending, uint16 profile) {
        return (Ending(uint8(word)), uint16(word >> 8));
    }

    function _newList(IGatewayTypes.Batch[] calldata batches) private pure returns (TransferId[] memory) {
        uint256 count = 0;
        for (uint256 b = 0; b < batches.length; ++b) {
            count += batches[b].items.length;
        }
        if (count == 0) revert IGatewayTypes.EmptyList();
        return new TransferId[](count);
    }

    /// @dev The struct's words are laid out once above the free memory, and the item's seven copied over theirs as they
    /// stand in calldata: sequence, then sender to payloadHash. Bits outside a narrow field give an id that nobody signed;
    /// reading such a field reverts.
    function _hashItems(
        TransferId[] memory ids,
        uint256 next,
        EndpointId source,
        EndpointId destination,
        AssetId asset,
        IGatewayTypes.Item[] calldata items
    ) private pure returns (uint256) {
        bytes32 typeHash = TRANSFER_TYPEHASH;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typeHash)
            mstore(add(start, 0x20), source)
            mstore(add(start, 0x40), destination)
            mstore(add(start, 0x80), asset)
            let to := add(ids, shl(5, add(next, 1)))
            let item := items.offset
            for { let end := add(item, mul(items.length, 0xe0)) } lt(item, end) { item := add(item, 0xe0) } {
                let sequence := calldataload(item)
                switch sequence
                case 0 { mstore(to, calldataload(add(item, 0x20))) }
                default {
                    mstore(add(start, 0x60), sequence)
                    calldatacopy(add(start, 0xa0), add(item, 0x20), 0xc0)
                    mstore(to, keccak256(start, 0x160))
                }
                to := add(to, 0x20)
            }
        }
        return next + items.length;
    }

    function _hashList(TransferId[] memory ids) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(add(ids, 0x20), shl(5, mload(ids)))
        }
    }
}
