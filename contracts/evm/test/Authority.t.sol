// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EndpointId, IGateway, IGatewayTypes, LockMode, TokenForm} from "../src/interfaces/IGateway.sol";
import {Artifacts} from "./Artifacts.sol";
import {Statements} from "./Statements.sol";
import {Behaviour, TestToken} from "./mocks/TestToken.sol";
import {Vm} from "./Vm.sol";

/// R-61: every entry point of both contracts, as their ABI tells them, by every sort of caller. A function without a row here
/// fails.
contract AuthorityTest is Statements, Artifacts {
    enum Who {
        ANYONE,
        GOVERNANCE,
        GUARDIAN,
        AUDITOR,
        UNPAUSER,
        AGENT,
        SELF
    }

    /// `late`: while a handover waits, its delay over.
    struct Row {
        Who who;
        bool late;
        bytes data;
    }

    uint256 internal constant HOLDER_KEY = 0x401DE6;
    uint256 internal constant FORGER_KEY = 0xF06;

    address internal agent = address(0xA6E1);
    address internal otherAgent = address(0xA6E2);
    IGateway internal gateway;
    Row[] internal rows;
    EndpointId internal closedPeer;
    IGatewayTypes.Transfer internal pendingItem;
    IGatewayTypes.Transfer internal openItem;
    IGatewayTypes.Transfer internal closedItem;

    function setUp() public override {
        holder = vm.createWallet(HOLDER_KEY).addr;
        super.setUp();
        gateway = source.gateway;
        _setRegisterKey(source, ASSET, REGISTER_KEY);
        _govern(abi.encodeCall(gateway.setAgent, (ASSET, agent, true)));
        _govern(abi.encodeCall(gateway.setAgent, (ASSET, otherAgent, true)));
        _govern(abi.encodeCall(gateway.configureInbound, (destination.endpoint, ASSET, _inboundLimits())));
        _leaveAPaymentPending();
        _closeAPeer();
        openItem = _lock(5);
        _govern(abi.encodeCall(gateway.allowClosing, (destination.endpoint)));
        _register(source, NEXT_EPOCH, NEXT_KEY); // the group's epoch is the previous one from now on
        _writeRows(NEXT_KEY, REGISTER_KEY, HOLDER_KEY);
    }

    /* THE MATRIX */

    /// R-61: who may, and what everybody else is told.
    function test_each_entry_point_takes_its_role_and_no_other() public {
        address[10] memory callers = [
            stranger,
            holder,
            guardian,
            auditor,
            unpauser,
            governance,
            agent,
            gateway.extension(),
            address(source.token),
            address(destination.gateway)
        ];
        for (uint256 i = 0; i < rows.length; ++i) {
            for (uint256 c = 0; c < callers.length; ++c) {
                _cell(rows[i], callers[c]);
            }
        }
    }

    /// R-61: an address without a role is a stranger, whichever it is.
    function test_any_address_without_a_role_is_a_stranger(address caller, uint256 which) public {
        vm.assume(caller != otherAgent && caller != address(gateway));
        _cell(rows[which % rows.length], caller);
    }

    /// The table is complete: what changes state, by the ABI, has a row, and each row is a function.
    function test_every_entry_point_has_a_row() public view {
        string[] memory core = _writers("out/IGateway.sol/IGatewayCore.json");
        string[] memory extension = _writers("out/IGateway.sol/IGatewayExtension.json");
        _eq(core.length + extension.length + _ownFunctions().length, rows.length, "as many rows as entry points");
        _haveRows(core, CORE);
        _haveRows(extension, EXTENSION);
    }

    /// No function takes ether.
    function test_no_entry_point_takes_ether() public {
        vm.deal(stranger, 1 ether);
        for (uint256 i = 0; i < rows.length; ++i) {
            vm.prank(stranger);
            (bool success, bytes memory answer) = address(gateway).call{value: 1}(rows[i].data);
            _true(!success && answer.length == 0, string.concat("row ", vm.toString(i)));
        }
    }

    /// CrossCurve 2026: without what the committee, the register, the holder signed, a stranger changes nothing; but for its
    /// own nonces, and what was attested before: a payment that waits for the sender, a handover whose delay is over.
    function test_without_an_attestation_a_stranger_changes_nothing() public {
        _writeRows(FORGER_KEY, FORGER_KEY, FORGER_KEY);
        uint256 harmless = 0;
        for (uint256 i = 0; i < rows.length; ++i) {
            Row memory row = rows[i];
            bytes4 selector = bytes4(row.data);
            bool exempt = selector == gateway.cancelNonces.selector || selector == gateway.payout.selector
                || selector == gateway.activateEpoch.selector;
            uint256 state = vm.snapshotState();
            if (row.late) _waitForHandover();
            bool changed = _changesState(row.data, address(gateway));
            _true(changed == exempt, string.concat("row ", vm.toString(i)));
            if (!changed) ++harmless;
            vm.revertToState(state);
        }
        _eq(harmless, rows.length - 3, "all but three");
    }

    /// R-20, R-31: an item's own call is the gateway's, whatever else it is given; so is every function that is in no interface.
    function test_the_gateway_s_own_functions_are_nobody_else_s(address caller, bytes32[64] memory words) public {
        vm.assume(caller != address(gateway));
        bytes4[] memory own = _ownFunctions();
        _true(own.length != 0, "there are some");
        for (uint256 i = 0; i < own.length; ++i) {
            _fails(caller, gateway, _zeros(own[i]), _error(IGatewayTypes.NotSelf.selector));
            vm.prank(caller);
            (bool success,) = address(gateway).call(abi.encodePacked(own[i], words));
            _true(!success, "whatever the arguments");
        }
    }

    /* THE TWO HALVES */

    /// Called by itself the extension reverts, whoever calls, with whatever was signed for its gateway.
    function test_the_extension_alone_does_nothing() public {
        address extension = gateway.extension();
        address[5] memory callers = [stranger, governance, guardian, address(gateway), agent];
        for (uint256 i = 0; i < rows.length; ++i) {
            for (uint256 c = 0; c < callers.length; ++c) {
                vm.prank(callers[c]);
                (bool success,) = extension.call(rows[i].data);
                _true(!success, string.concat("row ", vm.toString(i)));
            }
            _true(!_changesState(rows[i].data, extension), "nothing is changed");
        }
    }

    /// The gateway's functions come first: one of the extension's with the same selector could never be reached.
    function test_no_selector_is_in_both_halves() public view {
        string[] memory core = vm.parseJsonKeys(vm.readFile(CORE), ".methodIdentifiers");
        string[] memory extension = vm.parseJsonKeys(vm.readFile(EXTENSION), ".methodIdentifiers");
        for (uint256 i = 0; i < core.length; ++i) {
            for (uint256 k = 0; k < extension.length; ++k) {
                _true(_selector(core[i]) != _selector(extension[k]), core[i]);
            }
        }
    }

    /// What both halves have is the interface, and the gateway's own functions.
    function test_the_two_halves_are_the_whole_interface() public view {
        string[] memory core = vm.parseJsonKeys(vm.readFile(CORE), ".methodIdentifiers");
        string[] memory extension = vm.parseJsonKeys(vm.readFile(EXTENSION), ".methodIdentifiers");
        string[] memory all = vm.parseJsonKeys(vm.readFile(INTERFACE), ".methodIdentifiers");
        for (uint256 i = 0; i < all.length; ++i) {
            _true(_isIn(all[i], core) || _isIn(all[i], extension), all[i]);
        }
        _eq(core.length + extension.length, all.length + _ownFunctions().length, "and nothing else");
    }

    /* CELLS */

    function _cell(Row memory row, address caller) private {
        uint256 state = vm.snapshotState();
        if (row.late) _waitForHandover();
        vm.prank(caller);
        (bool success, bytes memory answer) = address(gateway).call(row.data);
        string memory name = string.concat("function ", _hex(row.data), " by ", vm.toString(uint256(uint160(caller))));
        if (_may(row.who, caller)) {
            _true(success, name);
        } else {
            _true(!success, name);
            vm.assertEq(answer, _refusal(row.who, caller), name);
        }
        vm.revertToState(state);
    }

    function _may(Who who, address caller) private view returns (bool) {
        if (who == Who.ANYONE) return true;
        if (who == Who.GOVERNANCE) return caller == governance;
        if (who == Who.GUARDIAN) return caller == guardian;
        if (who == Who.AUDITOR) return caller == auditor;
        if (who == Who.UNPAUSER) return caller == unpauser;
        if (who == Who.AGENT) return caller == agent;
        return false;
    }

    function _refusal(Who who, address caller) private pure returns (bytes memory) {
        if (who == Who.GOVERNANCE) return _error(IGatewayTypes.NotGovernance.selector, caller);
        if (who == Who.GUARDIAN) return _error(IGatewayTypes.NotGuardian.selector, caller);
        if (who == Who.AUDITOR) return _error(IGatewayTypes.NotAuditor.selector, caller);
        if (who == Who.UNPAUSER) return _error(IGatewayTypes.NotUnpauser.selector, caller);
        if (who == Who.AGENT) return abi.encodeWithSelector(IGatewayTypes.NotAgent.selector, ASSET, caller);
        return _error(IGatewayTypes.NotSelf.selector);
    }

    /// Whether a stranger's call changes any word of `target` or of the token.
    function _changesState(bytes memory data, address target) private returns (bool) {
        address token = address(source.token);
        uint256 state = vm.snapshotState();
        vm.record();
        vm.prank(stranger);
        (bool ignored,) = target.call(data);
        ignored;
        (, bytes32[] memory ofTarget) = vm.accesses(target);
        (, bytes32[] memory ofToken) = vm.accesses(token);
        bytes32 afterwards = keccak256(bytes.concat(_load(target, ofTarget), _load(token, ofToken)));
        vm.revertToState(state);
        return afterwards != keccak256(bytes.concat(_load(target, ofTarget), _load(token, ofToken)));
    }

    function _load(address target, bytes32[] memory slots) private view returns (bytes memory words) {
        for (uint256 i = 0; i < slots.length; ++i) {
            words = bytes.concat(words, vm.load(target, slots[i]));
        }
    }

    function _haveRows(string[] memory names, string memory artifact) private view {
        string[] memory all = vm.parseJsonKeys(vm.readFile(artifact), ".methodIdentifiers");
        for (uint256 i = 0; i < names.length; ++i) {
            bytes4 selector = _selectorOf(names[i], all);
            uint256 count = 0;
            for (uint256 r = 0; r < rows.length; ++r) {
                if (bytes4(rows[r].data) == selector) ++count;
            }
            _eq(count, 1, names[i]);
        }
    }

    function _hex(bytes memory data) private pure returns (string memory) {
        return vm.toString(uint256(uint32(bytes4(data))));
    }

    /// Zeros are arguments of any type.
    function _zeros(bytes4 selector) private pure returns (bytes memory) {
        return abi.encodePacked(selector, new bytes(64 * 32));
    }

    /* ROWS: what the role's holder gets through, if the keys are the right ones */

    function _writeRows(uint256 committee, uint256 register, uint256 signer) private {
        delete rows;
        _writeSourceRows(signer);
        _writeAttestedRows(committee);
        _writeRegisterRows(committee, register);
        _writeAgentRows();
        _writeRoleRows();
        _writeGovernanceRows();
        _writeConfigurationRows();
        _writeOwnRows();
    }

    function _row(Who who, bytes memory data) private {
        rows.push(Row({who: who, late: false, data: data}));
    }

    function _lateRow(Who who, bytes memory data) private {
        rows.push(Row({who: who, late: true, data: data}));
    }

    function _writeSourceRows(uint256 signer) private {
        IGatewayTypes.Permit[] memory permits = new IGatewayTypes.Permit[](0);
        IGatewayTypes.SignedOrder[] memory orders = new IGatewayTypes.SignedOrder[](1);
        IGatewayTypes.Order memory order;
        (order.destination, order.asset, order.holder) = (destination.endpoint, ASSET, holder);
        (order.recipient, order.amount, order.nonce) = (_account(payee), 5, 1);
        (order.deadline, order.expiry) = (_request(5).deadline, _request(5).deadline);
        (orders[0].order, orders[0].signature) = (order, _ecdsa(signer, _orderDigest(source, order)));
        _row(Who.ANYONE, abi.encodeCall(gateway.lock, (_batch(_request(5)))));
        _row(Who.ANYONE, abi.encodeCall(gateway.lockWithPermits, (_batch(_request(5)), permits)));
        _row(Who.ANYONE, abi.encodeCall(gateway.lockOrders, (orders, permits)));
        _row(Who.ANYONE, abi.encodeCall(gateway.cancelNonces, (1, 2)));
        _row(Who.ANYONE, abi.encodeCall(gateway.payout, (pendingItem)));
    }

    function _writeAttestedRows(uint256 key) private {
        IGatewayTypes.Transfer[] memory items = _one(openItem);
        IGatewayTypes.Attestation memory a = _attest(key, _outcomeStatement(NEXT_EPOCH, _list(items), MINTED));
        _row(Who.ANYONE, abi.encodeCall(gateway.finish, (_outbound(items), MINTED, a)));
        (items[0].source, items[0].destination) = (items[0].destination, items[0].source);
        _row(Who.ANYONE, abi.encodeCall(gateway.eligibility, (items[0])));
        a = _attest(key, _lockedStatement(NEXT_EPOCH, _list(items)));
        _row(Who.ANYONE, abi.encodeCall(gateway.settle, (_inbound(items), a)));
        a = _attest(key, _refusedStatement(NEXT_EPOCH, _list(items), hex"06"));
        _row(Who.ANYONE, abi.encodeCall(gateway.refuse, (_inbound(items), hex"06", a)));
        _row(Who.ANYONE, _handoverCall(source, key, THIRD_EPOCH, vm.createWallet(THIRD_KEY)));
        _lateRow(Who.ANYONE, abi.encodeCall(gateway.activateEpoch, ()));
    }

    function _writeRegisterRows(uint256 committee, uint256 key) private {
        bytes memory entry = _ecdsa(key, _digest(source.endpoint, _issueStatement(source.endpoint, ASSET, 1, 100)));
        _row(Who.ANYONE, abi.encodeCall(gateway.issue, (ASSET, 1, 100, entry)));
        entry = _ecdsa(key, _digest(source.endpoint, _endedStatement(ASSET, _list(_one(closedItem)), hex"02")));
        _row(Who.ANYONE, abi.encodeCall(gateway.finishClosed, (ASSET, _outbound(closedItem), hex"02", entry)));
        _row(Who.ANYONE, _closeCall(committee, NEXT_EPOCH, key, destination.endpoint));
    }

    function _writeAgentRows() private {
        _row(Who.AGENT, abi.encodeCall(gateway.proposeRedirect, (pendingItem, payee)));
        _row(Who.AGENT, abi.encodeCall(gateway.confirmRedirect, (pendingItem, payee)));
        _row(Who.AGENT, abi.encodeCall(gateway.setCutOff, (ASSET, uint64(START), uint64(START + 1), 1)));
    }

    function _writeRoleRows() private {
        _row(Who.GUARDIAN, abi.encodeCall(gateway.pause, ()));
        _row(Who.GUARDIAN, abi.encodeCall(gateway.pauseLane, (lane)));
        _row(Who.GUARDIAN, abi.encodeCall(gateway.retirePreviousEpoch, ()));
        _row(Who.GUARDIAN, abi.encodeCall(gateway.revokeEpoch, (EPOCH)));
        _lateRow(Who.GUARDIAN, abi.encodeCall(gateway.vetoHandover, ()));
        _row(Who.AUDITOR, abi.encodeCall(gateway.auditPauseLane, (lane)));
        _row(Who.UNPAUSER, abi.encodeCall(gateway.unpause, ()));
        _row(Who.UNPAUSER, abi.encodeCall(gateway.unpauseLane, (lane)));
    }

    function _writeGovernanceRows() private {
        Vm.Wallet memory key = vm.createWallet(THIRD_KEY);
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.registerKey, (THIRD_EPOCH, key.publicKeyX, key.publicKeyY)));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.setRoles, (stranger, stranger, stranger)));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.setDelays, (1, 1)));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.registerPeer, ("fabric:new", keccak256("new"), keccak256("x"))));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.setPeerEnabled, (destination.endpoint, false)));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.allowClosing, (destination.endpoint)));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.setAgent, (ASSET, stranger, true)));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.setRegisterKey, (ASSET, stranger)));
    }

    function _writeConfigurationRows() private {
        EndpointId to = destination.endpoint;
        address token = address(new TestToken());
        bytes memory profile = abi.encodeCall(
            gateway.addProfile, (ASSET, token, tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE)
        );
        _row(Who.GOVERNANCE, profile);
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.setAssetEnabled, (ASSET, false)));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.configureOutbound, (to, ASSET, _outboundLimits())));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.configureInbound, (to, ASSET, _inboundLimits())));
        _row(Who.GOVERNANCE, abi.encodeCall(gateway.setLaneEnabled, (lane, false)));
    }

    /// Also what is a view: all that is in the ABI and in no interface.
    function _writeOwnRows() private {
        bytes4[] memory own = _ownFunctions();
        for (uint256 i = 0; i < own.length; ++i) {
            _row(Who.SELF, _zeros(own[i]));
        }
    }

    /* SET-UP */

    function _govern(bytes memory data) private {
        _passes(governance, gateway, data);
    }

    function _attest(uint256 key, bytes32 statement) private returns (IGatewayTypes.Attestation memory) {
        return _signWith(key, NEXT_EPOCH, _digest(source.endpoint, statement));
    }

    /// Proposed to be redirected, by another agent, and ready.
    function _leaveAPaymentPending() private {
        pendingItem = _lock(500);
        source.token.behave(Behaviour.REVERTS);
        _finish(pendingItem, REJECTED);
        source.token.behave(Behaviour.HONEST);
        _passes(otherAgent, gateway, abi.encodeCall(gateway.proposeRedirect, (pendingItem, payee)));
        vm.warp(START + REDIRECT_DELAY);
    }

    function _closeAPeer() private {
        vm.prank(governance);
        closedPeer = gateway.registerPeer("fabric:closed", keccak256("genesis"), keccak256("gateway"));
        _govern(abi.encodeCall(gateway.configureOutbound, (closedPeer, ASSET, _outboundLimits())));
        IGatewayTypes.LockBatch[] memory batches = _batch(_request(5));
        batches[0].destination = closedPeer;
        _passes(holder, gateway, abi.encodeCall(gateway.lock, (batches)));
        closedItem = _terms(_request(5), 1);
        closedItem.destination = closedPeer;
        _govern(abi.encodeCall(gateway.allowClosing, (closedPeer)));
        _passes(stranger, gateway, _closeCall(GROUP_KEY, EPOCH, REGISTER_KEY, closedPeer));
    }

    function _closeCall(uint256 committee, uint64 epoch, uint256 register, EndpointId peer)
        private
        returns (bytes memory)
    {
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _ecdsa(register, _digest(source.endpoint, _closingStatement(ASSET, peer)));
        bytes32 digest = _digest(source.endpoint, _closedStatement(epoch, peer));
        return abi.encodeCall(gateway.close, (peer, _signWith(committee, epoch, digest), signatures));
    }

    function _waitForHandover() private {
        _passes(stranger, gateway, _handoverCall(source, NEXT_KEY, THIRD_EPOCH, vm.createWallet(THIRD_KEY)));
        vm.warp(gateway.pendingHandover().ready);
    }
}
