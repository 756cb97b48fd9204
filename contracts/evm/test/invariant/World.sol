// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AssetId,
    EndpointId,
    Ending,
    IGateway,
    IGatewayTypes,
    LaneId,
    LockMode,
    Outcome,
    TokenForm
} from "../../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../../src/libraries/SchnorrLib.sol";
import {Base} from "../Base.sol";
import {Vm} from "../Vm.sol";
import {Turncoat} from "./Turncoat.sol";

/// What an action may do to records.
enum Kind {
    NOTHING,
    MINTS,
    REFUSALS,
    ENDINGS
}

/// What the parts of the handler ask of each other, by calling the handler itself.
interface IJudge {
    function observe(Kind allowed) external;
    function bookLock(uint256 w, IGatewayTypes.Transfer calldata terms) external;
    function bookPayout(uint256 place, address to) external;
    function check() external view;
    function checkAll() external view;
    function checkRebuild() external view;
    function registerKey(uint256 g) external;
}

/// Two gateways, two assets (the first in ESCROW, the second in BURN), lanes both ways: four ways in all, each gateway
/// source of two and destination of two. This is all that the handler stores: its parts are contracts of their own, for
/// their size, and run on the handler's storage by delegatecall. Statements are signed without a curve operation: one
/// nonce serves for all, which no committee may do and no gateway can see.
abstract contract World is Base {
    /* TYPES */

    /// A lane with its ends as indices.
    struct Way {
        uint256 from;
        uint256 to;
        uint256 asset;
        LaneId id;
    }

    struct Point {
        uint256 x;
        uint256 y;
    }

    struct State {
        uint8 way;
        Outcome outcome;
        Ending ending;
        Ending waits;
        uint48 height;
        uint16 profile;
    }

    struct Sums {
        uint64 count;
        uint256 locked;
        uint256 minted;
        uint256 committed;
        uint256 released;
        uint256 pendingBurn;
        uint256 pendingPay;
    }

    /// A bucket's deficit in 2^-32 seconds, rounded down: the gateway's own, in 2^-16 and rounded up, is never smaller.
    struct Bucket {
        uint256 deficit;
        uint256 since;
        IGatewayTypes.InboundLimits limits;
    }

    /// What stops a lane on one gateway.
    struct Stops {
        bool disabled;
        bool paused;
        uint64 auditUntil;
    }

    struct Drawn {
        IGatewayTypes.Order order;
        uint256 drawn;
        uint8 way;
    }

    /// A handler of src/handlers, and the form that its tokens have; NONE: any.
    struct Standard {
        string name;
        address handler;
        TokenForm form;
    }

    struct Redirect {
        address agent;
        address to;
        uint64 ready;
    }

    /* THE WORLD */

    uint256 internal constant WAYS = 4;
    uint256 internal constant HOLDERS = 3;
    uint256 internal constant ISSUED = 1e9; // to each holder, of each token
    uint32 internal constant DELAY = 10 minutes; // handover, redirect
    uint32 internal constant LARGE_DELAY = 3 minutes;

    address internal constant HEIR = address(0xE1);
    address internal constant BROKER = address(0xB70);
    address[2] internal agents = [address(0xA61), address(0xA62)];

    IGateway[2] internal gateways;
    EndpointId[2] internal endpoints;
    uint256[2] internal chains;
    AssetId[2] internal assetIds = [AssetId.wrap("held"), AssetId.wrap("burned")];
    Turncoat[2][2] internal tokens; // [ledger][asset]
    Standard[] internal standards;
    Way[WAYS] internal ways;
    /// Holders, heir, payee; the gateway of the ledger comes last.
    address[] internal people;

    /// By number; made when first used, because each is of one epoch of a gateway only (R-40).
    mapping(uint256 number => Point) internal keys;
    Point internal noncePoint;
    uint256 internal constant NONCE = uint256(keccak256("one nonce for all"));

    /* THE GHOST LEDGER */

    IGatewayTypes.Transfer[] internal items;
    State[] internal states;
    Sums[WAYS] internal sums;
    Bucket[WAYS] internal buckets;
    mapping(uint256 way => mapping(uint256 sequence => uint256)) internal placeOf; // from 1
    mapping(uint256 way => mapping(uint256 word => uint256)) internal outcomesSeen;
    mapping(uint256 way => mapping(uint256 word => uint256)) internal endingsSeen;
    mapping(Turncoat token => mapping(address holder => uint256)) internal unitsOf;
    mapping(Turncoat token => uint256) internal supplyOf;
    uint256[] internal waiting; // places of what is pending
    uint256[] internal shown; // places of large amounts that may have begun to wait
    uint256 internal actions;
    bool internal booked; // whether the last action changed anything of a transfer

    Stops[WAYS][2] internal stops; // [ledger]
    bool[2] internal paused;
    bool[2] internal peerDisabled;
    bool[2][2] internal assetDisabled; // [ledger][asset]

    mapping(string action => uint256) public counts;

    /* THOSE IN POWER, AND HOLDERS */

    /// [ledger]
    mapping(uint64 epoch => uint256 key)[2] internal keyOf;
    mapping(uint64 epoch => uint64)[2] internal parentOf;
    mapping(uint64 epoch => bool)[2] internal revoked;
    uint64[2] internal highest = [EPOCH, EPOCH];
    uint256[2] internal nextKey;
    uint16[2][2] internal profileOf; // [ledger][asset]

    Drawn[] internal orders;
    /// [ledger]
    mapping(address holder => mapping(uint256 nonce => bool))[2] internal nonceUsed;
    uint256 internal nonces;
    mapping(uint256 place => Redirect) internal redirects;

    /// Setup does it.
    function setUp() public virtual override {}

    function _observe(Kind allowed) internal {
        IJudge(address(this)).observe(allowed);
    }

    function _modeOf(uint256 a) internal pure returns (LockMode) {
        return a == 0 ? LockMode.ESCROW : LockMode.BURN;
    }

    function _formOf(uint256 a) internal pure returns (TokenForm) {
        return a == 0 ? TokenForm.OWN : TokenForm.ROLE;
    }

    function _firstOutbound() internal pure returns (IGatewayTypes.OutboundLimits memory) {
        return IGatewayTypes.OutboundLimits({amountMin: 1, amountMax: 1e5, deadlineMin: 60, deadlineMax: 1 days});
    }

    function _firstInbound() internal pure returns (IGatewayTypes.InboundLimits memory) {
        return IGatewayTypes.InboundLimits({capacity: 2e5, largeAmount: 3e4, refill: 4 hours, largeDelay: LARGE_DELAY});
    }

    function _drain(Bucket storage bucket) internal {
        uint256 past = (vm.getBlockTimestamp() - bucket.since) << 32;
        bucket.deficit = bucket.deficit > past ? bucket.deficit - past : 0;
        bucket.since = vm.getBlockTimestamp();
    }

    /* SIGNING */

    /// The next key that gateway `g` has not seen.
    function _nextKey(uint256 g) internal returns (uint256 key) {
        key = ++nextKey[g];
        if (keys[key].x == 0) keys[key] = _point(_privateKey(key));
    }

    function _point(uint256 key) internal returns (Point memory) {
        Vm.Wallet memory wallet = vm.createWallet(key);
        return Point(wallet.publicKeyX, wallet.publicKeyY);
    }

    /// The first is the key that Base registered.
    function _privateKey(uint256 i) internal pure returns (uint256) {
        return GROUP_KEY + i;
    }

    function _holderKey(uint256 i) internal pure returns (uint256) {
        return 0xA11CE000 + i;
    }

    function _attest(uint256 g, uint256 key, uint64 epoch, bytes32 statement)
        internal
        view
        returns (IGatewayTypes.Attestation memory)
    {
        (Point memory p, Point memory r) = (keys[key], noncePoint);
        bytes32 digest = _digest(endpoints[g], statement);
        uint256 c = SchnorrLib.challenge(p.x, p.y, r.x, r.y, abi.encode(digest));
        uint256 z = addmod(NONCE, mulmod(c, _privateKey(key), SchnorrLib.N), SchnorrLib.N);
        return IGatewayTypes.Attestation({epoch: epoch, px: p.x, py: p.y, rx: r.x, ry: r.y, z: z});
    }

    function _lockedBy(uint64 epoch, IGatewayTypes.Transfer[] memory list) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Locked(uint64 epoch,bytes32[] transfers)"), epoch, _list(list)));
    }

    function _refusedBy(uint64 epoch, IGatewayTypes.Transfer[] memory list, bytes memory reasons)
        internal
        pure
        returns (bytes32)
    {
        bytes32 kind = keccak256("Refused(uint64 epoch,bytes32[] transfers,bytes reasons)");
        return keccak256(abi.encode(kind, epoch, _list(list), keccak256(reasons)));
    }

    function _outcomeBy(uint64 epoch, IGatewayTypes.Transfer[] memory list, bytes memory outcomes)
        internal
        pure
        returns (bytes32)
    {
        bytes32 kind = keccak256("Outcome(uint64 epoch,bytes32[] transfers,bytes outcomes)");
        return keccak256(abi.encode(kind, epoch, _list(list), keccak256(outcomes)));
    }

    function _signOrder(uint256 h, bytes32 digest) internal pure returns (bytes memory) {
        if (h == HOLDERS - 1) return abi.encodePacked(digest);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_holderKey(h), digest);
        return abi.encodePacked(r, s, v);
    }

    /// Itself or an ancestor.
    function _isRevoked(uint256 g, uint64 number) internal view returns (bool) {
        for (uint64 i = number; i != 0; i = parentOf[g][i]) {
            if (revoked[g][i]) return true;
        }
        return false;
    }

    /// Mostly the current epoch, else the previous or any.
    function _signer(uint256 g, uint256 seed) internal view returns (uint64 epoch, bool accepted) {
        epoch = gateways[g].currentEpoch();
        if (seed % 8 == 6) epoch = gateways[g].previousEpoch();
        if (seed % 8 == 7) epoch = EPOCH + uint64((seed >> 3) % (highest[g] - EPOCH + 1));
        accepted = gateways[g].epoch(epoch).accepted;
        _true(!accepted || !_isRevoked(g, epoch), "R-40: a revoked epoch and its heirs stay out");
    }

    /* SEEDS */

    function _holderOf(uint256 seed) internal view returns (address) {
        return people[(seed >> 244) % HOLDERS];
    }

    /// Mostly enough, else any.
    function _gas(uint256 seed) internal pure returns (uint256) {
        uint256 part = (seed >> 200) & 0xffff;
        return part % 4 == 0 ? 30_000 + part * 40 : 5_000_000;
    }

    function _address(bytes32 account) internal pure returns (address) {
        return address(uint160(uint256(account)));
    }
}
