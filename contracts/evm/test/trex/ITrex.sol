// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What the tests call of T-REX 4.1.6 and ONCHAINID, written by hand from their ABI: the suite itself is no part of
/// this project and is deployed from its npm package as it was published.
interface ITrexToken {
    function mint(address to, uint256 amount) external;
    function burn(address holder, uint256 amount) external;
    function approve(address spender, uint256 amount) external returns (bool);
    function transfer(address to, uint256 amount) external returns (bool);
    function forcedTransfer(address from, address to, uint256 amount) external returns (bool);
    function recoveryAddress(address lost, address wallet, address identity) external returns (bool);
    function freezePartialTokens(address holder, uint256 amount) external;
    function unfreezePartialTokens(address holder, uint256 amount) external;
    function setAddressFrozen(address holder, bool frozen) external;
    function pause() external;
    function unpause() external;
    function addAgent(address agent) external;
    function removeAgent(address agent) external;
    function balanceOf(address holder) external view returns (uint256);
    function totalSupply() external view returns (uint256);
    function getFrozenTokens(address holder) external view returns (uint256);
    function isFrozen(address holder) external view returns (bool);
}

interface ITrexRegistry {
    function addAgent(address agent) external;
    function registerIdentity(address wallet, address identity, uint16 country) external;
    function deleteIdentity(address wallet) external;
    function updateCountry(address wallet, uint16 country) external;
    function isVerified(address wallet) external view returns (bool);
}

interface ITrexRegistryStorage {
    function bindIdentityRegistry(address registry) external;
}

interface ITrexTopics {
    function addClaimTopic(uint256 topic) external;
}

interface ITrexIssuers {
    function addTrustedIssuer(address issuer, uint256[] calldata topics) external;
}

interface ITrexCompliance {
    function addModule(address module) external;
    function callModuleFunction(bytes calldata data, address module) external;
}

interface ITrexAuthority {
    struct Version {
        uint8 major;
        uint8 minor;
        uint8 patch;
    }

    struct Implementations {
        address token;
        address topics;
        address registry;
        address registryStorage;
        address issuers;
        address compliance;
    }

    function addAndUseTREXVersion(Version calldata version, Implementations calldata implementations) external;
}

interface ITrexModules {
    function initialize() external;
    function batchAllowCountries(uint16[] calldata countries) external;
    function batchRestrictCountries(uint16[] calldata countries) external;
    function setMaxBalance(uint256 amount) external;
    function preSetModuleState(address compliance, address identity, uint256 balance) external;
    function presetCompleted(address compliance) external;
    function setSupplyLimit(uint256 amount) external;
    function approveTransfer(address from, address to, uint256 amount) external;
    function setFee(uint256 perTenThousand, address collector) external;
}

interface IOnchainId {
    function addKey(bytes32 key, uint256 purpose, uint256 kind) external returns (bool);
    function addClaim(
        uint256 topic,
        uint256 scheme,
        address issuer,
        bytes calldata signature,
        bytes calldata data,
        string calldata uri
    ) external returns (bytes32);
    function revokeClaim(bytes32 claim, address identity) external returns (bool);
}
