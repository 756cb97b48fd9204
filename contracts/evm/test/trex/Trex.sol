// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "../Vm.sol";
import {
    IOnchainId,
    ITrexAuthority,
    ITrexCompliance,
    ITrexIssuers,
    ITrexModules,
    ITrexRegistry,
    ITrexRegistryStorage,
    ITrexToken,
    ITrexTopics
} from "./ITrex.sol";

/// An issuer with a T-REX 4.1.6 suite of its own, put on the ledger as the suite's factory does it: implementations, an
/// authority over them, and proxies. This contract owns all of it, is an agent, and has the key of every identity.
/// A holder needs one claim per claim issuer: each is trusted for a topic of its own, the dearest case.
contract Trex {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    string private constant PACKAGE = "node_modules/@tokenysolutions/t-rex/artifacts/";
    string private constant PROXIES = "contracts/proxy/";
    string private constant REGISTRIES = "contracts/registry/implementation/";
    string private constant MODULES = "contracts/compliance/modular/modules/";
    string private constant ONCHAINID = "@onchain-id/solidity/contracts/";
    uint256 private constant SIGNER = 0xC1A1;
    /// ERC-734: purposes and kind of keys.
    uint256 private constant MANAGEMENT = 1;
    uint256 private constant CLAIM = 3;
    uint256 private constant ECDSA = 1;
    /// ISO 3166-1.
    uint16 public constant KOREA = 410;

    ITrexToken public token;
    ITrexRegistry public registry;
    ITrexCompliance public compliance;
    address[] public claimIssuers;
    mapping(address holder => address) public identityOf;
    mapping(string name => address) private _modules;

    error NotInstalled(string told);

    constructor(uint256 issuers) {
        address authority = _putAuthority();
        address topics = _put(PROXIES, "ClaimTopicsRegistryProxy", abi.encode(authority));
        address trusted = _put(PROXIES, "TrustedIssuersRegistryProxy", abi.encode(authority));
        address known = _put(PROXIES, "IdentityRegistryStorageProxy", abi.encode(authority));
        address holders = _put(PROXIES, "IdentityRegistryProxy", abi.encode(authority, trusted, topics, known));
        address rules = _put(PROXIES, "ModularComplianceProxy", abi.encode(authority));
        bytes memory terms = abi.encode(authority, holders, rules, "T-REX share", "TRX", uint8(0), address(0));
        token = ITrexToken(_put(PROXIES, "TokenProxy", terms));
        (registry, compliance) = (ITrexRegistry(holders), ITrexCompliance(rules));
        ITrexRegistryStorage(known).bindIdentityRegistry(holders);
        registry.addAgent(address(token)); // for recoveries
        registry.addAgent(address(this));
        token.addAgent(address(this));
        for (uint256 i = 0; i < issuers; ++i) {
            _addClaimIssuer(ITrexTopics(topics), ITrexIssuers(trusted), i);
        }
        token.unpause();
    }

    /* WHO MAY HOLD */

    /// An identity with every claim, registered for a person's wallet or a gateway.
    function onboard(address holder) external returns (address identity) {
        identity = _newIdentity();
        for (uint256 i = 0; i < claimIssuers.length; ++i) {
            claim(identity, i);
        }
        register(holder, identity);
    }

    /// The same without any claim.
    function onboardWithoutClaims(address holder) external returns (address identity) {
        identity = _newIdentity();
        register(holder, identity);
    }

    function register(address wallet, address identity) public {
        identityOf[wallet] = identity;
        registry.registerIdentity(wallet, identity, KOREA);
    }

    /// Claim issuer `i` says that its topic holds of an identity.
    function claim(address identity, uint256 i) public {
        bytes memory data = hex"01";
        bytes32 said = keccak256(abi.encode(identity, i + 1, data));
        bytes32 digest = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", said));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER + i, digest);
        IOnchainId(identity).addClaim(i + 1, ECDSA, claimIssuers[i], abi.encodePacked(r, s, v), data, "");
    }

    function revokeClaim(address identity, uint256 i) external {
        IOnchainId(claimIssuers[i]).revokeClaim(keccak256(abi.encode(claimIssuers[i], i + 1)), identity);
    }

    /// What the suite takes as the sign that a wallet is of the same person as a lost one.
    function giveKey(address identity, address wallet) external {
        IOnchainId(identity).addKey(keccak256(abi.encode(wallet)), MANAGEMENT, ECDSA);
    }

    /* WHAT AN OWNER AND AGENT DOES */

    /// A call of the token, of ITrexToken.
    function act(bytes calldata data) external {
        _call(address(token), data);
    }

    /// A call of the identity registry, of ITrexRegistry.
    function keepRegister(bytes calldata data) external {
        _call(address(registry), data);
    }

    /* RULES */

    /// Bind a compliance module, by its contract's name.
    function addModule(string calldata name) external {
        putModule(name);
        bindModule(name);
    }

    function putModule(string memory name) public returns (address module) {
        address implementation = _put(MODULES, name, "");
        bytes memory initialize = abi.encodeCall(ITrexModules.initialize, ());
        module = _put(MODULES, "ModuleProxy", abi.encode(implementation, initialize));
        _modules[name] = module;
    }

    function bindModule(string memory name) public {
        compliance.addModule(_modules[name]);
    }

    /// It counts by identity from nothing on, so whoever binds it to a token in use tells it the balances first.
    function addMaxBalance(address[] calldata holders) external {
        ITrexModules module = ITrexModules(putModule("MaxBalanceModule"));
        for (uint256 i = 0; i < holders.length; ++i) {
            module.preSetModuleState(address(compliance), identityOf[holders[i]], token.balanceOf(holders[i]));
        }
        module.presetCompleted(address(compliance));
        bindModule("MaxBalanceModule");
    }

    /// A call of a module, of ITrexModules, through the compliance contract: it heeds no other.
    function rule(string calldata name, bytes calldata data) external {
        compliance.callModuleFunction(data, _modules[name]);
    }

    /* INTERNAL */

    function _putAuthority() private returns (address authority) {
        ITrexAuthority.Implementations memory all = ITrexAuthority.Implementations({
            token: _put("contracts/token/", "Token", ""),
            topics: _put(REGISTRIES, "ClaimTopicsRegistry", ""),
            registry: _put(REGISTRIES, "IdentityRegistry", ""),
            registryStorage: _put(REGISTRIES, "IdentityRegistryStorage", ""),
            issuers: _put(REGISTRIES, "TrustedIssuersRegistry", ""),
            compliance: _put("contracts/compliance/modular/", "ModularCompliance", "")
        });
        bytes memory terms = abi.encode(true, address(0), address(0));
        authority = _put("contracts/proxy/authority/", "TREXImplementationAuthority", terms);
        ITrexAuthority(authority).addAndUseTREXVersion(ITrexAuthority.Version(4, 1, 6), all);
    }

    function _addClaimIssuer(ITrexTopics topics, ITrexIssuers trusted, uint256 i) private {
        address issuer = _put(ONCHAINID, "ClaimIssuer", abi.encode(address(this)));
        address signer = vm.createWallet(SIGNER + i).addr;
        IOnchainId(issuer).addKey(keccak256(abi.encode(signer)), CLAIM, ECDSA);
        uint256[] memory its = new uint256[](1);
        its[0] = i + 1;
        topics.addClaimTopic(i + 1);
        trusted.addTrustedIssuer(issuer, its);
        claimIssuers.push(issuer);
    }

    function _newIdentity() private returns (address) {
        return _put(ONCHAINID, "Identity", abi.encode(address(this), false));
    }

    function _put(string memory folder, string memory name, bytes memory terms) private returns (address) {
        string memory path = string.concat(PACKAGE, folder, name, ".sol/", name, ".json");
        if (!vm.exists(path)) {
            revert NotInstalled("T-REX 4.1.6 is not in contracts/evm/node_modules: run `make contracts`");
        }
        return vm.deployCode(path, terms);
    }

    function _call(address target, bytes calldata data) private {
        (bool success, bytes memory answer) = target.call(data);
        if (success) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }
}
