// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A transfer's identity: EIP-712 hashStruct of its terms.
type TransferId is bytes32;
/// keccak256(abi.encode(keccak256(bytes(caip2)), fingerprint, gatewayAccount)).
type EndpointId is bytes32;
/// keccak256(utf8("isin:…")).
type AssetId is bytes32;
/// keccak256(abi.encode(source, destination, asset)).
type LaneId is bytes32;

/// How a gateway takes units out of circulation at lock (R-04). FREEZE has a reserved number and is not built.
enum LockMode {
    NONE,
    BURN,
    ESCROW,
    FREEZE
}

/// The destination's write-once record; two bits at (lane, sequence).
enum Outcome {
    NONE,
    MINTED,
    REJECTED,
    EXPIRED
}

/// The source's write-once outcome bits at (lane, sequence); OPEN while the lock word stands, or if there is no lock.
enum Ending {
    OPEN,
    COMMITTED,
    RELEASED
}

/// @title The gateway of one EVM ledger: source and destination of transfers (docs/protocol.md).
/// @notice The interface is the document: rules are cited as R-nn.
interface IGateway {
    /* TYPES */

    /// The terms of a transfer. Field order is the EIP-712 type string's; all words are static.
    struct Transfer {
        EndpointId source;
        EndpointId destination;
        uint64 sequence;
        AssetId asset;
        bytes32 sender;
        bytes32 recipient;
        uint256 amount;
        uint64 deadline;
        bytes32 clientReference;
        bytes32 payloadHash;
    }

    /// What a holder asks for; the gateway adds source, sequence and sender.
    /// `nonce`: 0 for none, else a number the holder has not used (R-02).
    struct LockRequest {
        EndpointId destination;
        AssetId asset;
        bytes32 recipient;
        uint256 amount;
        uint64 deadline;
        bytes32 clientReference;
        bytes32 payloadHash;
        uint256 nonce;
    }

    /// A statement's signature by the committee: FROST(secp256k1, SHA-256), RFC 9591, with the key it is of.
    /// The gateway holds only keccak256(abi.encode(px, py)) by epoch.
    struct Attestation {
        uint64 epoch;
        uint256 px;
        uint256 py;
        uint256 rx;
        uint256 ry;
        uint256 z;
    }

    /// Amounts in smallest units, spans in seconds from the lock's block time (R-01).
    struct LaneLimits {
        uint128 amountMin;
        uint128 amountMax;
        uint32 deadlineMin;
        uint32 deadlineMax;
    }

    /// A lane as this gateway sees it; totals count records, not payouts (INV-5).
    struct LaneState {
        EndpointId source;
        EndpointId destination;
        AssetId asset;
        bool enabled;
        bool paused;
        uint64 nextSequence;
        LaneLimits limits;
        uint128 locked;
        uint128 committed;
        uint128 released;
        uint128 minted;
    }

    /// How this gateway handles one asset (R-07). Numbered from 1, append-only.
    struct Profile {
        AssetId asset;
        address token;
        bytes32 codeHash;
        LockMode mode;
        uint8 decimals;
        uint32 gasAllowance;
        bool hasPaused;
        bool hasCanReceive;
    }

    /// An asset on this gateway: its active profile (0 if none) and what is held for it (INV-9), in smallest units.
    struct AssetState {
        bool enabled;
        uint16 profile;
        uint128 pendingBurn;
        uint128 pendingPay;
    }

    /* EVENTS */

    event Locked(TransferId indexed transferId, LaneId indexed lane, Transfer transfer);
    event LockFailed(uint256 index, address indexed holder, bytes error);
    event NoncesCancelled(address indexed holder, uint256 word, uint256 mask);
    event Decided(
        TransferId indexed transferId, LaneId indexed lane, uint64 indexed sequence, Outcome outcome, uint8 reason
    );
    event SettleFailed(TransferId indexed transferId, uint8 reason, bytes error);
    event Finished(TransferId indexed transferId, LaneId indexed lane, uint64 sequence, Ending ending, bool paid);
    event PaidOut(TransferId indexed transferId, Ending ending);
    event KeyRegistered(uint64 indexed epoch, uint256 px, uint256 py);
    event PeerRegistered(EndpointId indexed peer, string caip2, bytes32 fingerprint, bytes32 account);
    event PeerDisabled(EndpointId indexed peer);
    event ProfileAdded(uint16 indexed number, AssetId indexed asset, address token);
    event AssetEnabled(AssetId indexed asset, bool enabled);
    event LaneConfigured(
        LaneId indexed lane, EndpointId source, EndpointId destination, AssetId asset, LaneLimits limits
    );
    event LaneEnabled(LaneId indexed lane, bool enabled);
    event LanePaused(LaneId indexed lane, bool paused);
    event GatewayPaused(bool paused);

    /* ERRORS */

    error FingerprintMissing();
    error NotSelf();
    error NotGovernance(address caller);
    error NotGuardian(address caller);
    error EmptyList();
    error LengthMismatch(uint256 items, uint256 values);
    error Paused();
    error LanePausedError(LaneId lane);
    error LaneUnknown(LaneId lane);
    error LaneDisabled(LaneId lane);
    error AssetDisabled(AssetId asset);
    error AssetUnknown(AssetId asset);
    error PeerUnknown(EndpointId peer);
    error PeerOnSameLedger(EndpointId peer);
    error PeerAlreadyRegistered(EndpointId peer);
    error NotOurLane(EndpointId source, EndpointId destination);
    error AmountOutOfRange(uint256 amount, uint256 min, uint256 max);
    error DeadlineOutOfRange(uint64 deadline, uint256 min, uint256 max);
    error LimitsInvalid();
    error RecipientMalformed(bytes32 recipient);
    error NonceUsed(address holder, uint256 nonce);
    error BalanceChangeMismatch(address token, uint256 expected, uint256 actual);
    error SupplyChangeMismatch(address token, uint256 expected, uint256 actual);
    error TokenCallFailed(address token, bytes reason);
    error TokenWithoutCode(address token);
    error TokenCannotBurn(address token);
    error TokenPausedError(address token);
    error RecipientNotEligible(address recipient);
    error RecipientForbidden(address recipient);
    error DecimalsMismatch(uint8 expected, uint8 actual);
    error ModeUnsupported(LockMode mode);
    error ModeMismatch(LockMode expected, LockMode actual);
    error TokenAlreadyUsed(address token);
    error InsufficientGas(uint256 left, uint256 needed);
    error KeyInvalid(uint256 px, uint256 py);
    error KeyAlreadyRegistered(uint64 epoch);
    error EpochUnknown(uint64 epoch);
    error KeyMismatch(uint64 epoch);
    error SignatureInvalid();
    error OutcomeInvalid(uint8 outcome);
    error ReasonInvalid(uint8 reason);
    error NothingPending(TransferId transferId);

    /* ANYONE */

    /// Lock the caller's units, each request in its own self-call; one that fails is left out, with LockFailed
    /// (R-01 to R-05). The units move by the caller's allowance to this gateway. Too little gas for all of them reverts,
    /// so that a gas estimate covers the whole list.
    /// @return transferIds Zero where the request was left out.
    function lock(LockRequest[] calldata requests) external returns (TransferId[] memory transferIds);

    /// Use up nonces of the caller: bits of `mask` in word `word` (nonce = word * 256 + bit) (R-02).
    function cancelNonces(uint256 word, uint256 mask) external;

    /// Mint against a Locked statement; an item that can't be minted stays NONE, with SettleFailed (R-20 to R-22): its
    /// reason is `eligibility`'s, or 13 with TokenCallFailed or the like where the token's call or its effect was wrong;
    /// `error` is always one of this interface's errors, the token's own inside it cut to 256 bytes.
    /// When the gas ends, what is done stays done: a gas *estimate* covers the first item only (see Gateway's table).
    /// An item given as a bare id (sequence 0, the id in `sender`) counts for the digest and is not tried.
    function settle(Transfer[] calldata items, Attestation calldata attestation) external;

    /// Close undecided transfers against a Refused statement (R-23). `reasons`: one byte an item, of the full list.
    function refuse(Transfer[] calldata items, bytes calldata reasons, Attestation calldata attestation) external;

    /// Commit or release locks against an Outcome statement (R-31). `outcomes`: one byte an item, of the full list.
    function finish(Transfer[] calldata items, bytes calldata outcomes, Attestation calldata attestation) external;

    /// Try again what the token refused at finish; reverts with the token's reason, and then nothing is written (R-31).
    function payout(Transfer calldata item) external;

    /* GUARDIAN: one person may stop (R-32, R-61) */

    function pause() external;
    function pauseLane(LaneId lane) external;

    /* GOVERNANCE */

    function unpause() external;
    function unpauseLane(LaneId lane) external;
    /// Register the committee's first key (R-40): on the curve, 0 < px < n; epoch not 0.
    function registerKey(uint64 epoch, uint256 px, uint256 py) external;
    /// Register another ledger's gateway by what its EndpointId is made of; never one of this ledger.
    function registerPeer(string calldata caip2, bytes32 fingerprint, bytes32 account) external returns (EndpointId);
    /// No new lock to, no new mint from `peer`: clears the enabled bit of each of its lanes (R-07).
    function disablePeer(EndpointId peer) external;
    /// Append a profile and make it the asset's active one; reads decimals and code hash, refuses a token without
    /// burn in ESCROW (R-01, R-04, R-07). An asset's first profile enables it.
    /// Finds by a call each whether the token answers `paused()` and `canReceive(address)` with one word, 0 or 1; those
    /// it does are asked before every mint (R-22). `burn(0)` must pass and burn of more than is held must fail, so a
    /// token that is paused now may have to be registered later; that burn of an amount will pass can't be known.
    /// @param gasAllowance Gas that a state-changing call of the token gets, exactly (R-21).
    function addProfile(AssetId asset, address token, LockMode mode, uint8 decimals, uint32 gasAllowance)
        external
        returns (uint16 number);
    function setAssetEnabled(AssetId asset, bool enabled) external;
    /// Create a lane, enabled, or change its limits: 0 < min <= max of both, amounts < 2^127. One end is this gateway,
    /// the other a registered, enabled peer.
    function configureLane(EndpointId source, EndpointId destination, AssetId asset, LaneLimits calldata limits)
        external
        returns (LaneId);
    function setLaneEnabled(LaneId lane, bool enabled) external;

    /* VIEWS */

    function governance() external view returns (address);
    function guardian() external view returns (address);
    function caip2() external view returns (string memory);
    function fingerprint() external view returns (bytes32);
    function deployedAt() external view returns (uint256 blockNumber);
    function endpointId() external view returns (EndpointId);
    function domainSeparator() external view returns (bytes32);
    function paused() external view returns (bool);
    function currentEpoch() external view returns (uint64);
    /// keccak256(abi.encode(px, py)) of an accepted epoch, else zero.
    function keyCommitment(uint64 epoch) external view returns (bytes32);
    function transferId(Transfer calldata terms) external view returns (TransferId);
    function laneId(EndpointId source, EndpointId destination, AssetId asset) external pure returns (LaneId);
    function lane(LaneId id) external view returns (LaneState memory);
    function lanes() external view returns (LaneId[] memory);
    function asset(AssetId id) external view returns (AssetState memory);
    function profile(uint16 number) external view returns (Profile memory);
    function nonceWord(address holder, uint256 word) external view returns (uint256);
    /// Lock words of `count` sequences from `first`: block (48 bits) ‖ profile (16) ‖ first 24 bytes of the id (R-08).
    function lockWords(LaneId id, uint64 first, uint64 count) external view returns (bytes32[] memory);
    /// Two bits a sequence, 128 to a word, sequence s at bit 2·(s mod 128) of word s / 128; Ending on the lane's
    /// source, Outcome on its destination (R-08).
    function outcomeWords(LaneId id, uint64 firstWord, uint64 count) external view returns (uint256[] memory);
    /// What a token refused at finish: its ending and profile; zeros if nothing waits (R-31).
    function pending(TransferId id) external view returns (Ending ending, uint16 profileNumber);
    /// Monotone totals of INV-4, and what the gateway must hold at least (INV-9), in smallest units.
    function totals(AssetId id) external view returns (uint256 minted, uint256 burned, uint256 reminted, uint256 held);
    /// Reason code (docs/protocol.md, section 7) for which this gateway would not mint now; 0 = eligible. In this order:
    /// 4 not our endpoint, or lane or asset unknown or disabled; 5 recipient zero, wider than an address, this gateway or
    /// the token; 6 amount out of the protocol's range; 8 token paused, or not answering; 1 token refuses the recipient;
    /// 8 gateway or lane paused. Neither deadline nor record is looked at.
    function eligibility(Transfer calldata terms) external view returns (uint8 reason);
}
