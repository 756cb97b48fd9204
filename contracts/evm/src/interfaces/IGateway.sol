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

/// How a gateway takes units out of circulation at lock (R-04): burned then, or held. FREEZE has a reserved number and is
/// not built.
enum LockMode {
    NONE,
    BURN,
    ESCROW,
    FREEZE
}

/// Which functions of a token mint and burn.
///
/// | form    | mint                          | burn                                                |
/// | ------- | ----------------------------- | --------------------------------------------------- |
/// | OWN     | mint(address,uint256)         | burn(uint256): the caller's own units               |
/// | ROLE    | mint(address,uint256)         | burn(address,uint256): anybody's, by a role         |
/// | ERC7802 | crosschainMint(address,uint256) | crosschainBurn(address,uint256): anybody's, by a role |
enum TokenForm {
    NONE,
    OWN,
    ROLE,
    ERC7802
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

/// @title What a gateway's functions take, answer, emit and revert with.
interface IGatewayTypes {
    /* TRANSFERS */

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

    /// Transfers of one lane: what they share is given once. `peer` is the lane's other end: the source for settle and
    /// refuse, the destination for finish. A signed list is the items of all batches in order.
    struct Batch {
        EndpointId peer;
        AssetId asset;
        Item[] items;
    }

    /// A transfer within a batch. Bare (R-20): sequence 0 and the TransferId in `sender`; then the batch says nothing of it.
    struct Item {
        uint64 sequence;
        bytes32 sender;
        bytes32 recipient;
        uint256 amount;
        uint64 deadline;
        bytes32 clientReference;
        bytes32 payloadHash;
    }

    /// Locks that one caller asks for on one lane.
    struct LockBatch {
        EndpointId destination;
        AssetId asset;
        LockRequest[] requests;
    }

    /// What a holder asks for; the gateway adds source, sequence and sender.
    /// `nonce`: 0 for none, else a number the holder has not used (R-02).
    struct LockRequest {
        bytes32 recipient;
        uint256 amount;
        uint64 deadline;
        bytes32 clientReference;
        bytes32 payloadHash;
        uint256 nonce;
    }

    /// Terms that a holder signs for others to submit (EIP-712, domain name "Naru", version "1", chainId,
    /// verifyingContract; R-02). The type string has `source`, this gateway's EndpointId, before these fields.
    /// `nonce` is not 0. With a named `submitter` (only that account may submit), `divisible` makes `amount` a total to be
    /// drawn in parts, and `life` may stand in `deadline`'s place (which is 0 then): seconds from the lock's block time.
    struct Order {
        EndpointId destination;
        AssetId asset;
        address holder;
        bytes32 recipient;
        uint256 amount;
        bool divisible;
        uint64 deadline;
        uint32 life;
        bytes32 clientReference;
        bytes32 payloadHash;
        uint256 nonce;
        uint64 expiry;
        address submitter;
    }

    /// An Order as it is submitted. Of a divisible one `amount` is drawn now, after `drawn` in all before, so that a draw
    /// sent twice happens once; both are 0 for an indivisible one. `signature`: 65 bytes r ‖ s ‖ v, or the holder
    /// contract's own (ERC-1271).
    struct SignedOrder {
        Order order;
        uint256 amount;
        uint256 drawn;
        bytes signature;
    }

    /// An ERC-2612 permit for this gateway, of the asset's active token. A failing one is ignored (R-02).
    struct Permit {
        AssetId asset;
        address holder;
        uint256 value;
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// A statement's signature by the committee: FROST(secp256k1, SHA-256), RFC 9591, with the key it is of.
    struct Attestation {
        uint64 epoch;
        uint256 px;
        uint256 py;
        uint256 rx;
        uint256 ry;
        uint256 z;
    }

    /* WHAT IS STORED */

    /// What a gateway is deployed with. `extension`: its cold half's code; delays in seconds, not 0; auditor may be 0.
    struct Settings {
        address extension;
        address governance;
        address unpauser;
        address guardian;
        address auditor;
        uint32 handoverDelay;
        uint32 redirectDelay;
    }

    /// Of a lane that leaves here: amounts in smallest units, spans in seconds from the lock's block time (R-01).
    struct OutboundLimits {
        uint128 amountMin;
        uint128 amountMax;
        uint32 deadlineMin;
        uint32 deadlineMax;
    }

    /// Of a lane that arrives here (R-25): a token bucket of `capacity` smallest units that fills in `refill` seconds; an
    /// amount of `largeAmount` or more is minted `largeDelay` seconds after it was first shown, attested, to this gateway.
    struct InboundLimits {
        uint128 capacity;
        uint128 largeAmount;
        uint32 refill;
        uint32 largeDelay;
    }

    /// A lane as this gateway sees it; totals count records, not payouts (INV-5). `auditPausedUntil`: end of the
    /// auditor's last pause in unix seconds, 0 if there was none.
    struct LaneState {
        EndpointId source;
        EndpointId destination;
        AssetId asset;
        bool outbound;
        bool enabled;
        bool paused;
        uint64 auditPausedUntil;
        uint64 nextSequence;
        OutboundLimits outboundLimits;
        InboundLimits inboundLimits;
        uint128 locked;
        uint128 committed;
        uint128 released;
        uint128 minted;
    }

    /// How this gateway handles one asset (R-07). Numbered from 1, append-only. `handler`: what knows the token's standard
    /// (ITokenHandler); `asks`: whether it is asked before each mint.
    struct Profile {
        AssetId asset;
        address token;
        bytes32 codeHash;
        address handler;
        bytes32 handlerCodeHash;
        LockMode mode;
        TokenForm form;
        uint8 decimals;
        uint32 gasAllowance;
        bool asks;
    }

    /// An asset on this gateway: its active profile (0 if none), what is held for it or owed (INV-9), in smallest units,
    /// and what its register says was issued on this ledger, by its entry of that number (R-11).
    struct AssetState {
        bool enabled;
        uint16 profile;
        LockMode mode;
        uint128 pendingBurn;
        uint128 pendingPay;
        address registerKey;
        uint64 issueNumber;
        uint256 issued;
        CutOff cutOff;
    }

    /// No lock that could still be open between `from` and `until` (unix seconds), `margin` seconds after its deadline
    /// included (R-28). Zeros: none.
    struct CutOff {
        uint64 from;
        uint64 until;
        uint32 margin;
    }

    /// Another ledger's gateway.
    struct Peer {
        bool registered;
        bool enabled;
        bool isEvm;
        bool closing;
        bool closed;
    }

    /// A committee key by its epoch (R-40). `key` is the address of the group's public key; `parent` the epoch that handed
    /// over to it, 0 if governance registered it.
    struct EpochState {
        address key;
        uint64 parent;
        bool accepted;
        bool revoked;
    }

    /// A handover that waits for the delay; all zero if there is none. `ready`: unix seconds.
    struct PendingHandover {
        uint64 epoch;
        address key;
        uint64 ready;
    }

    /// A redirect that one agent proposed; all zero if there is none. `ready`: unix seconds.
    struct PendingRedirect {
        address to;
        address agent;
        uint64 ready;
    }

    /* EVENTS */

    event Locked(TransferId indexed transferId, LaneId indexed lane, Transfer transfer);
    event LockFailed(uint256 index, address indexed holder, bytes error);
    event NoncesCancelled(address indexed holder, uint256 word, uint256 mask);
    event OrderDrawn(address indexed holder, uint256 indexed nonce, uint256 drawn, uint256 total);
    event Decided(
        TransferId indexed transferId, LaneId indexed lane, uint64 indexed sequence, Outcome outcome, uint8 reason
    );
    event SettleFailed(TransferId indexed transferId, uint8 reason, bytes error);
    event Delayed(TransferId indexed transferId, uint64 release);
    event Finished(TransferId indexed transferId, LaneId indexed lane, uint64 indexed sequence, Ending ending);
    event PayoutPending(TransferId indexed transferId, Ending ending);
    event PaidOut(TransferId indexed transferId, Ending ending);
    event RedirectProposed(TransferId indexed transferId, address indexed to, address agent, uint64 ready);
    event Redirected(TransferId indexed transferId, address indexed to, address firstAgent, address secondAgent);

    event KeyRegistered(uint64 indexed epoch, uint256 px, uint256 py);
    event HandoverAnnounced(uint64 indexed epoch, uint256 px, uint256 py, uint64 ready);
    event HandoverVetoed(uint64 indexed epoch, address key);
    event EpochActivated(uint64 indexed epoch, address key);
    event EpochRetired(uint64 indexed epoch);
    event EpochRevoked(uint64 indexed epoch);

    event RolesSet(address unpauser, address guardian, address auditor);
    event DelaysSet(uint32 handoverDelay, uint32 redirectDelay);
    event PeerRegistered(EndpointId indexed peer, string caip2, bytes32 fingerprint, bytes32 account);
    event PeerEnabled(EndpointId indexed peer, bool enabled);
    event PeerClosing(EndpointId indexed peer);
    event PeerClosed(EndpointId indexed peer);
    event ProfileAdded(uint16 indexed number, AssetId indexed asset, address token);
    event AssetEnabled(AssetId indexed asset, bool enabled);
    event AgentSet(AssetId indexed asset, address indexed agent, bool allowed);
    event RegisterKeySet(AssetId indexed asset, address key);
    event Issued(AssetId indexed asset, uint64 indexed number, uint256 issued);
    event CutOffSet(AssetId indexed asset, uint64 from, uint64 until, uint32 margin, address agent);
    event OutboundConfigured(
        LaneId indexed lane, EndpointId indexed destination, AssetId indexed asset, OutboundLimits limits
    );
    event InboundConfigured(
        LaneId indexed lane, EndpointId indexed source, AssetId indexed asset, InboundLimits limits
    );
    event LaneEnabled(LaneId indexed lane, bool enabled);
    event LanePaused(LaneId indexed lane, bool paused);
    event LaneAuditPaused(LaneId indexed lane, uint64 until);
    event GatewayPaused(bool paused);

    /* ERRORS */

    error FingerprintMissing();
    error AddressMissing();
    error NotSelf();
    error NotGovernance(address caller);
    error NotUnpauser(address caller);
    error NotGuardian(address caller);
    error NotAuditor(address caller);
    error NotAgent(AssetId asset, address caller);
    error EmptyList();
    error LengthMismatch(uint256 items, uint256 values);
    error Paused();
    error LanePausedError(LaneId lane);
    error AuditPauseTooSoon(LaneId lane, uint64 next);
    error LaneUnknown(LaneId lane);
    error LaneDisabled(LaneId lane);
    error AssetDisabled(AssetId asset);
    error AssetUnknown(AssetId asset);
    error PeerUnknown(EndpointId peer);
    error PeerDisabled(EndpointId peer);
    error PeerClosedError(EndpointId peer);
    error PeerNotClosing(EndpointId peer);
    error PeerNotClosed(EndpointId peer);
    error PeerOnSameLedger(EndpointId peer);
    error PeerAlreadyRegistered(EndpointId peer);
    error AmountOutOfRange(uint256 amount, uint256 min, uint256 max);
    error DeadlineOutOfRange(uint64 deadline, uint256 min, uint256 max);
    error CutOffError(uint64 from, uint64 until);
    error LimitsInvalid();
    error LimitExceeded(uint256 amount, uint256 headroom);
    error DelayNotOver(uint64 release);
    error RecipientMalformed(bytes32 recipient);
    error NonceUsed(address holder, uint256 nonce);
    error OrderInvalid();
    error OrderExpired(uint64 expiry);
    error NotSubmitter(address caller, address submitter);
    error OrderDrawnOtherwise(uint256 expected, uint256 actual);
    error OrderSignatureInvalid(address holder);
    error BalanceChangeMismatch(address token, uint256 expected, uint256 actual);
    error SupplyChangeMismatch(address token, uint256 expected, uint256 actual);
    error TokenCallFailed(address token, bytes reason);
    error TokenWithoutCode(address token);
    error TokenCannotBurn(address token);
    error HandlerWithoutCode(address handler);
    error TokenUnsuitable(address token, address handler);
    error NoAnswer(address asked);
    error RecipientRefused(address recipient, uint8 reason);
    error WouldMint();
    error RecipientForbidden(address recipient);
    error DecimalsMismatch(uint8 expected, uint8 actual);
    error ModeUnsupported(LockMode mode);
    error ModeMismatch(LockMode expected, LockMode actual);
    error FormUnsupported(TokenForm form);
    error TokenAlreadyUsed(address token);
    error InsufficientGas(uint256 left, uint256 needed);
    error KeyInvalid(uint256 px, uint256 py);
    error KeyStruck(uint64 epoch, address key);
    error EpochUsed(uint64 epoch);
    error EpochUnknown(uint64 epoch);
    error EpochNotNext(uint64 epoch, uint64 next);
    error HandoverMissing();
    error HandoverPending(uint64 epoch);
    error HandoverNotReady(uint64 epoch, uint64 ready);
    error KeyMismatch(uint64 epoch);
    error SignatureInvalid();
    error OutcomeInvalid(uint8 outcome);
    error ReasonInvalid(uint8 reason);
    error NothingPending(TransferId transferId);
    error RedirectUnknown(TransferId transferId);
    error RedirectNotReady(TransferId transferId, uint64 ready);
    error SecondAgentNeeded(address agent);
    error IssueOutOfOrder(uint64 number, uint64 next);
    error RegisterSignatureInvalid(AssetId asset);
}

/// @title What moves units: the hot part of a gateway, in Gateway.sol.
/// @notice The interface is the document: rules are cited as R-nn.
interface IGatewayCore is IGatewayTypes {
    /* ANYONE: SOURCE */

    /// Lock the caller's units, each request in its own self-call; one that fails is left out, with LockFailed and its
    /// place in the whole call (R-01 to R-05). The units move by the caller's allowance to this gateway. Too little
    /// gas for all of them reverts, so that a gas estimate covers the whole list.
    /// @return transferIds Of all batches in order; zero where the request was left out.
    function lock(LockBatch[] calldata batches) external returns (TransferId[] memory transferIds);

    /// The same after handing the permits to their tokens.
    function lockWithPermits(LockBatch[] calldata batches, Permit[] calldata permits)
        external
        returns (TransferId[] memory transferIds);

    /// Lock what holders signed (R-02), each Order in its own self-call, as `lock` does.
    function lockOrders(SignedOrder[] calldata orders, Permit[] calldata permits)
        external
        returns (TransferId[] memory transferIds);

    /// Use up nonces of the caller: bits of `mask` in word `word` (nonce = word * 256 + bit); ends what was left of
    /// Orders with these nonces (R-02).
    function cancelNonces(uint256 word, uint256 mask) external;

    /// Commit or release locks against an Outcome statement (R-31). `outcomes`: one byte an item, of the full list.
    function finish(Batch[] calldata batches, bytes calldata outcomes, Attestation calldata attestation) external;

    /// End locks towards a closed endpoint by the signed word of the asset's register (R-60). `outcomes`: 1 COMMITTED where
    /// the register credited the recipient anew, 2 RELEASED where the units go back to the sender. All batches are of
    /// `asset`, their peers closed. `signature`: 65 bytes, by the register key, over
    /// Ended(bytes32 asset,bytes32[] transfers,bytes outcomes) in this gateway's domain (salt).
    function finishClosed(AssetId asset, Batch[] calldata batches, bytes calldata outcomes, bytes calldata signature)
        external;

    /// Try again what the token refused at finish; reverts with the token's reason, and then nothing is written (R-31).
    function payout(Transfer calldata item) external;

    /* ISSUER'S AGENTS (R-31, R-61) */

    /// Propose that a pending payment go to the same holder's recovered wallet or legal successor. A new proposal for the
    /// same transfer replaces the old one, its delay begins anew.
    function proposeRedirect(Transfer calldata item, address to) external;
    /// Pay as proposed; by another agent, after the delay.
    function confirmRedirect(Transfer calldata item, address to) external;

    /* ANYONE: DESTINATION */

    /// Mint against a Locked statement; an item that can't be minted stays NONE, with SettleFailed (R-20 to R-22, R-25):
    /// its reason is `eligibility`'s, or 7 where the lane's limits hold it; `error` is always one of this interface's
    /// errors, the token's own inside TokenCallFailed cut to 256 bytes. The first showing of a large amount only starts its delay, with Delayed.
    /// When the gas ends, what is done stays done: a gas *estimate* covers the first item only (see Gateway's table).
    function settle(Batch[] calldata batches, Attestation calldata attestation) external;

    /// Close undecided transfers against a Refused statement (R-23). `reasons`: one byte an item, of the full list.
    function refuse(Batch[] calldata batches, bytes calldata reasons, Attestation calldata attestation) external;

    /// Reason code (docs/protocol.md, section 7) for which this gateway would not mint now; 0 = eligible. Ask by eth_call: no
    /// view, because the mint itself is tried, by `settle`'s own code, and always undone; a transaction changes nothing. In
    /// this order: 4 not our endpoint, or lane or asset unknown or disabled; 5 recipient zero, wider than an address, this
    /// gateway or the token; 6 amount out of the protocol's range; what the asset's handler finds against the mint, or
    /// makes of the token's error: 13 where it knows no reason, or the token's effect was wrong; 8 where handler or token did
    /// not answer, refused with more than half of their gas used, or without a word; 8 gateway or lane paused; 7 the lane's bucket has not that much now. Neither deadline,
    /// delay nor record is looked at. Less gas than `settle` needs for an item reverts with InsufficientGas.
    function eligibility(Transfer calldata terms) external returns (uint8 reason);

    /* VIEWS */

    function extension() external view returns (address);
    function caip2() external view returns (string memory);
    function fingerprint() external view returns (bytes32);
    function deployedAt() external view returns (uint256 blockNumber);
    function endpointId() external view returns (EndpointId);
    function domainSeparator() external view returns (bytes32);
    /// Domain of Orders, as wallets show it: name, version, chainId, verifyingContract.
    function orderDomainSeparator() external view returns (bytes32);
    function orderHash(Order calldata order) external view returns (bytes32 digest);
}

/// @title What is said about a gateway, and what it tells: the cold part, in GatewayExtension.sol, reached by delegatecall.
interface IGatewayExtension is IGatewayTypes {
    /* GUARDIAN: one person may stop (R-32, R-61) */

    function pause() external;
    /// Also confirms an auditor's pause.
    function pauseLane(LaneId lane) external;
    /// No longer accept the epoch before the current one; its heirs stay (R-40).
    function retirePreviousEpoch() external;
    /// End an epoch and every key that descends from it (R-40).
    function revokeEpoch(uint64 epoch) external;
    /// Strike the pending handover's (epoch, key) for ever (R-40).
    function vetoHandover() external;

    /* AUDITOR: a program may pause one lane; it lapses after 24 h */

    /// Again 24 h after the end of the last one at the earliest.
    function auditPauseLane(LaneId lane) external;

    /* UNPAUSER: two persons */

    function unpause() external;
    /// Ends the guardian's and the auditor's pause.
    function unpauseLane(LaneId lane) external;

    /* ANYONE: COMMITTEE AND REGISTER */

    /// Announce the next epoch's key, signed by the current one (R-40): epoch current + 1, on the curve, 0 < px < n.
    function handover(uint64 epoch, uint256 px, uint256 py, Attestation calldata attestation) external;
    /// Put the announced key in force, once the delay is over; the current one becomes the previous.
    function activateEpoch() external;
    /// Post the register's next entry of what is issued on this ledger (R-11): `number` is the last one plus 1.
    /// `signature`: 65 bytes, by the register key, over Issue(bytes32 endpoint,bytes32 asset,uint64 number,uint256 issued)
    /// in this gateway's domain (salt).
    function issue(AssetId asset, uint64 number, uint256 issued, bytes calldata signature) external;
    /// Close a peer for ever (R-60): governance has allowed it, the committee says so (Closed), and the register of every
    /// asset that has a lane with it signed Closing(bytes32 asset,bytes32 endpoint) in this gateway's domain (salt).
    /// `signatures`: 65 bytes each, in the order of `assetsWith(peer)`.
    function close(EndpointId peer, Attestation calldata attestation, bytes[] calldata signatures) external;

    /* ISSUER'S AGENTS (R-28, R-61) */

    /// Set or, with zeros, clear the asset's cut-off window; `from` <= `until`.
    function setCutOff(AssetId asset, uint64 from, uint64 until, uint32 margin) external;

    /* GOVERNANCE: two persons and a timelock */

    /// Register a key of the committee: the first, or one after a veto or revocation (R-40): on the curve, 0 < px < n; epoch
    /// above any that was ever in force here, so a vetoed one's number will do. It is in force at once; strikes a pending
    /// handover, unless it is of this very key.
    function registerKey(uint64 epoch, uint256 px, uint256 py) external;
    function setRoles(address unpauser, address guardian, address auditor) external;
    /// In seconds; not 0.
    function setDelays(uint32 handoverDelay, uint32 redirectDelay) external;
    /// Register another ledger's gateway by what its EndpointId is made of; never one of this ledger.
    function registerPeer(string calldata caip2, bytes32 fingerprint, bytes32 account) external returns (EndpointId);
    /// Disabled: no new lock to, no new mint from `peer`: clears the enabled bit of each of its lanes (R-07). Enabling
    /// leaves its lanes disabled, each to be enabled by itself.
    function setPeerEnabled(EndpointId peer, bool enabled) external;
    /// Allow that `close` be called for a peer (R-60).
    function allowClosing(EndpointId peer) external;
    /// Append a profile and make it the asset's active one; reads decimals and code hash, refuses a token that doesn't burn
    /// as its form says (R-01, R-04, R-07). An asset's first profile enables it; all its profiles have one mode.
    /// The handler must find that the token is of its standard, and says whether it is to be asked before every mint (R-22).
    /// Burning 0 must pass, unless the handler knows of the right to burn, and burning more than is held must fail, so a
    /// token that is paused now may have to be registered later; that a burn of an amount will pass can't be known.
    /// @param handler What knows the token's standard: an ITokenHandler of this ledger, one of src/handlers or an issuer's own.
    /// @param gasAllowance Gas that a state-changing call of the token gets, exactly, and so does the handler's check (R-21).
    /// Twice what the dearest mint needs: a refusal that used more than half of it is waited for, as one that ran out of gas.
    function addProfile(
        AssetId asset,
        address token,
        address handler,
        LockMode mode,
        TokenForm form,
        uint8 decimals,
        uint32 gasAllowance
    ) external returns (uint16 number);
    function setAssetEnabled(AssetId asset, bool enabled) external;
    function setAgent(AssetId asset, address agent, bool allowed) external;
    function setRegisterKey(AssetId asset, address key) external;
    /// Create the lane to a peer, enabled, or change its limits: 0 < min <= max of both, amounts < 2^127.
    function configureOutbound(EndpointId destination, AssetId asset, OutboundLimits calldata limits)
        external
        returns (LaneId);
    /// Create the lane from a peer, enabled, or change its limits: capacity, largeAmount and refill not 0, capacity < 2^127.
    /// A changed bucket keeps its level in time: as many seconds from full as before.
    function configureInbound(EndpointId source, AssetId asset, InboundLimits calldata limits) external returns (LaneId);
    function setLaneEnabled(LaneId lane, bool enabled) external;

    /* VIEWS */

    function governance() external view returns (address);
    function unpauser() external view returns (address);
    function guardian() external view returns (address);
    function auditor() external view returns (address);
    function delays() external view returns (uint32 handoverDelay, uint32 redirectDelay);
    function paused() external view returns (bool);
    /// 0 if no key is in force.
    function currentEpoch() external view returns (uint64);
    /// 0 if there is none, or it was retired.
    function previousEpoch() external view returns (uint64);
    function epoch(uint64 number) external view returns (EpochState memory);
    function pendingHandover() external view returns (PendingHandover memory);
    /// Whether a veto, a revocation or a registration struck this pair. A key that was in force is refused for any epoch, too.
    function isStruck(uint64 epoch, address key) external view returns (bool);
    function transferId(Transfer calldata terms) external pure returns (TransferId);
    function laneId(EndpointId source, EndpointId destination, AssetId asset) external pure returns (LaneId);
    function peer(EndpointId id) external view returns (Peer memory);
    function peers() external view returns (EndpointId[] memory);
    function lane(LaneId id) external view returns (LaneState memory);
    function lanes() external view returns (LaneId[] memory);
    function asset(AssetId id) external view returns (AssetState memory);
    function assets() external view returns (AssetId[] memory);
    function assetsWith(EndpointId peer) external view returns (AssetId[] memory);
    function profile(uint16 number) external view returns (Profile memory);
    function profileCount() external view returns (uint16);
    function isAgent(AssetId asset, address account) external view returns (bool);
    function nonceWord(address holder, uint256 word) external view returns (uint256);
    /// How much of a divisible Order was drawn, the first 16 bytes of its hash, and whether the holder cancelled the nonce.
    /// The first draw uses up the nonce in `nonceWord`.
    function orderDrawn(address holder, uint256 nonce)
        external
        view
        returns (uint128 drawn, bytes16 order, bool cancelled);
    /// What the lane's bucket would let through now, in smallest units (R-25).
    function headroom(LaneId id) external view returns (uint256 amount);
    /// When the lane's bucket will hold `amount`, in unix seconds, if nothing else takes from it; 0 if never (R-25).
    function refillTime(LaneId id, uint256 amount) external view returns (uint64);
    /// When a large transfer that was shown may be minted, in unix seconds; 0 if it was not shown (R-25).
    function releaseTime(TransferId id) external view returns (uint64);
    /// Lock words of `count` sequences from `first`: block (48 bits) ‖ profile (16) ‖ first 24 bytes of the id (R-08).
    function lockWords(LaneId id, uint64 first, uint64 count) external view returns (bytes32[] memory);
    /// Two bits a sequence, 128 to a word, sequence s at bit 2·(s mod 128) of word s / 128; Ending on the lane's
    /// source, Outcome on its destination (R-08).
    function outcomeWords(LaneId id, uint64 firstWord, uint64 count) external view returns (uint256[] memory);
    /// What a token refused at finish: its ending and profile; zeros if nothing waits (R-31).
    function pending(TransferId id) external view returns (Ending ending, uint16 profileNumber);
    function pendingRedirect(TransferId id) external view returns (PendingRedirect memory);
    /// Monotone totals of INV-4, and what the gateway must hold at least (INV-9), in smallest units.
    function totals(AssetId id) external view returns (uint256 minted, uint256 burned, uint256 reminted, uint256 held);
}

/// @title The gateway of one EVM ledger: source and destination of transfers (docs/protocol.md).
interface IGateway is IGatewayCore, IGatewayExtension {}
