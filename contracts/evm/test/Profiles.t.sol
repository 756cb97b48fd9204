// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssetId, IGateway, IGatewayTypes, LockMode, TokenForm} from "../src/interfaces/IGateway.sol";
import {Base} from "./Base.sol";
import {TokenThatAcceptsAnything, TokenWithOddAnswers, TokenWithoutBurn} from "./mocks/OddTokens.sol";
import {TestToken} from "./mocks/TestToken.sol";

/// R-01, R-04, R-07, R-22: how a gateway handles an asset, and which tokens it refuses.
contract ProfilesTest is Base {
    AssetId private constant OTHER = AssetId.wrap(keccak256("isin:KR7000660001"));

    IGateway internal gateway;

    function setUp() public override {
        super.setUp();
        _on(source);
        gateway = source.gateway;
    }

    /// R-07
    function test_profiles_are_numbered_and_never_change(uint32 gasAllowance) public {
        gasAllowance = uint32(_bound(gasAllowance, 100_000, 1_000_000));
        TestToken next = new TestToken();
        vm.expectEmit();
        emit IGatewayTypes.ProfileAdded(2, ASSET, address(next));
        vm.prank(governance);
        uint16 number =
            gateway.addProfile(ASSET, address(next), tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, gasAllowance);
        _eq(number, 2, "number");
        _eq(gateway.profileCount(), 2, "count");
        IGatewayTypes.Profile memory first = gateway.profile(1);
        _eq(first.token, address(source.token), "first stays");
        _eq(first.gasAllowance, GAS_ALLOWANCE, "first stays");
        IGatewayTypes.Profile memory second = gateway.profile(2);
        _eq(second.token, address(next), "token");
        _eq(second.codeHash, address(next).codehash, "code hash");
        _eq(AssetId.unwrap(second.asset), AssetId.unwrap(ASSET), "asset");
        _eq(second.gasAllowance, gasAllowance, "gas");
        _eq(second.decimals, 0, "decimals");
        _true(second.mode == LockMode.ESCROW && second.form == TokenForm.OWN, "mode and form");
        _eq(gateway.asset(ASSET).profile, 2, "active");
        _eq(gateway.profile(3).token, address(0), "no third");
    }

    /// R-07: an asset's first profile registers and enables it.
    function test_a_first_profile_registers_its_asset(uint8 decimals) public {
        TestToken token = new TestToken();
        token.setDecimals(decimals);
        _true(!gateway.asset(OTHER).enabled, "unknown");
        vm.expectEmit();
        emit IGatewayTypes.AssetEnabled(OTHER, true);
        vm.prank(governance);
        gateway.addProfile(OTHER, address(token), tokenHandler, LockMode.BURN, TokenForm.OWN, decimals, GAS_ALLOWANCE);
        IGatewayTypes.AssetState memory state = gateway.asset(OTHER);
        _true(state.enabled && state.mode == LockMode.BURN, "enabled");
        _eq(state.profile, 2, "profile");
        _eq(gateway.profile(2).decimals, decimals, "decimals");
        _eq(gateway.assets().length, 2, "listed");
        _eq(AssetId.unwrap(gateway.assets()[1]), AssetId.unwrap(OTHER), "listed");
        _eq(gateway.asset(ASSET).profile, 1, "not another's");
    }

    /// R-07: a new profile leaves a disabled asset disabled.
    function test_a_new_profile_enables_nothing() public {
        vm.expectEmit();
        emit IGatewayTypes.AssetEnabled(ASSET, false);
        vm.prank(governance);
        gateway.setAssetEnabled(ASSET, false);
        _add(address(new TestToken()), 0, "");
        _true(!gateway.asset(ASSET).enabled, "still disabled");
        _eq(gateway.assets().length, 1, "listed once");
    }

    /// R-04
    function test_modes_not_built_are_refused() public {
        LockMode[2] memory modes = [LockMode.NONE, LockMode.FREEZE];
        for (uint256 i = 0; i < modes.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.ModeUnsupported.selector, modes[i]);
            _add(ASSET, address(source.token), modes[i], TokenForm.OWN, refusal);
            _add(OTHER, address(new TestToken()), modes[i], TokenForm.OWN, refusal);
        }
    }

    /// R-04
    function test_a_profile_without_a_form_is_refused() public {
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.FormUnsupported.selector, TokenForm.NONE);
        _add(ASSET, address(source.token), LockMode.ESCROW, TokenForm.NONE, refusal);
    }

    /// Section 1: all profiles of an asset on a gateway have one lock mode; their forms may differ from token to token.
    function test_an_asset_has_one_mode() public {
        address next = address(new TestToken());
        _add(
            ASSET,
            next,
            LockMode.BURN,
            TokenForm.OWN,
            abi.encodeWithSelector(IGatewayTypes.ModeMismatch.selector, LockMode.ESCROW, LockMode.BURN)
        );
        _add(OTHER, next, LockMode.BURN, TokenForm.OWN, "");
        _add(
            OTHER,
            next,
            LockMode.ESCROW,
            TokenForm.OWN,
            abi.encodeWithSelector(IGatewayTypes.ModeMismatch.selector, LockMode.BURN, LockMode.ESCROW)
        );
    }

    /// R-01
    function test_a_token_of_other_decimals_is_refused(uint8 decimals) public {
        vm.assume(decimals != 0);
        TestToken token = new TestToken();
        token.setDecimals(decimals);
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.DecimalsMismatch.selector, 0, decimals);
        _add(address(token), 0, refusal);
        // The asset's tokens all have the same.
        _add(address(token), decimals, refusal);
    }

    /// R-04
    function test_a_token_that_can_t_burn_is_refused() public {
        _expectCannotBurn(address(new TokenWithoutBurn()), TokenForm.OWN);
        for (uint8 form = uint8(TokenForm.OWN); form <= uint8(TokenForm.ERC7802); ++form) {
            _expectCannotBurn(address(new TokenThatAcceptsAnything()), TokenForm(form));
        }
        source.token.setPaused(true);
        _expectCannotBurn(address(source.token), TokenForm.OWN);
    }

    /// R-04: a token that burns, but not as the form says.
    function test_a_token_of_another_form_is_refused() public {
        bytes memory arguments = abi.encode("Plain", "PLN", uint8(0), governance);
        address plain = vm.deployCode("PlainToken.sol:PlainToken", arguments);
        _expectCannotBurn(plain, TokenForm.ROLE);
        _expectCannotBurn(plain, TokenForm.ERC7802);
    }

    /// Qubit 2022
    function test_an_address_without_code_is_no_token(address nobody) public {
        vm.assume(nobody.code.length == 0 && uint160(nobody) > 0xffff);
        _add(nobody, 0, abi.encodeWithSelector(IGatewayTypes.TokenWithoutCode.selector, nobody));
    }

    function test_one_token_is_of_one_asset(bytes32 other) public {
        vm.assume(other != AssetId.unwrap(ASSET) && other != 0);
        address token = address(source.token);
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.TokenAlreadyUsed.selector, token);
        _add(AssetId.wrap(other), token, LockMode.ESCROW, TokenForm.OWN, refusal);
        _add(ASSET, token, LockMode.ESCROW, TokenForm.OWN, ""); // its own may have another profile of it
    }

    function test_no_asset_is_no_asset() public {
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.AssetUnknown.selector, bytes32(0));
        _add(AssetId.wrap(0), address(new TestToken()), LockMode.ESCROW, TokenForm.OWN, refusal);
    }

    /// R-21: an allowance too small for a burn of nothing is found at registration.
    function test_a_hopeless_gas_allowance_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IGatewayTypes.TokenCannotBurn.selector, address(source.token)));
        vm.prank(governance);
        gateway.addProfile(ASSET, address(source.token), tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, 1_000);
    }

    /// R-21: with too little gas for that burn, nothing is said of the token.
    function test_a_starved_registration_says_so_and_nothing_of_the_token() public {
        address next = address(new TestToken());
        vm.expectPartialRevert(IGatewayTypes.InsufficientGas.selector);
        vm.prank(governance);
        gateway.addProfile{gas: GAS_ALLOWANCE + 50_000}(
            ASSET, next, tokenHandler, LockMode.ESCROW, TokenForm.OWN, 0, GAS_ALLOWANCE
        );
    }

    /* HELPERS */

    function _expectCannotBurn(address token, TokenForm form) private {
        bytes memory refusal = abi.encodeWithSelector(IGatewayTypes.TokenCannotBurn.selector, token);
        _add(ASSET, token, LockMode.ESCROW, form, refusal);
    }

    /// `refusal`: empty if it passes.
    function _add(address token, uint8 decimals, bytes memory refusal) private {
        if (refusal.length != 0) vm.expectRevert(refusal);
        vm.prank(governance);
        gateway.addProfile(ASSET, token, tokenHandler, LockMode.ESCROW, TokenForm.OWN, decimals, GAS_ALLOWANCE);
    }

    function _add(AssetId id, address token, LockMode mode, TokenForm form, bytes memory refusal) private {
        if (refusal.length != 0) vm.expectRevert(refusal);
        vm.prank(governance);
        gateway.addProfile(id, token, tokenHandler, mode, form, 0, GAS_ALLOWANCE);
    }
}
