// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What the tests use of PlainToken and SampleSecurityToken; those are deployed by artifact.
interface ISampleToken {
    error HolderNotRegistered(address holder);
    error EnforcedPause();
    error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);

    function MINTER() external view returns (bytes32);
    function ISSUER() external view returns (bytes32);
    function REGISTRAR() external view returns (bytes32);
    function PAUSER() external view returns (bytes32);
    function grantRole(bytes32 role, address account) external;
    function mint(address to, uint256 amount) external;
    function burn(uint256 amount) external;
    function transfer(address to, uint256 amount) external returns (bool);
    function approve(address spender, uint256 amount) external returns (bool);
    function balanceOf(address holder) external view returns (uint256);
    function totalSupply() external view returns (uint256);
    function decimals() external view returns (uint8);
    function paused() external view returns (bool);
    function pause() external;
    function unpause() external;
    function register(address[] calldata holders) external;
    function unregister(address[] calldata holders) external;
    function canReceive(address holder) external view returns (bool);
}
