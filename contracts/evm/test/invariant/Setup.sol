// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LaneId, TokenForm} from "../../src/interfaces/IGateway.sol";
import {SchnorrLib} from "../../src/libraries/SchnorrLib.sol";
import {Base} from "../Base.sol";
import {Turncoat} from "./Turncoat.sol";
import {World} from "./World.sol";

/// A holder that is a contract and signs what it is shown by repeating it (ERC-1271).
contract Consenting {
    function isValidSignature(bytes32 digest, bytes calldata signature) external pure returns (bytes4) {
        return bytes32(signature) == digest ? this.isValidSignature.selector : bytes4(0);
    }
}

/// Deploys the world, and opens the ghost ledger's books on it.
contract Setup is World {
    function setUp() public virtual override {
        Base.setUp();
        (gateways[0], gateways[1]) = (source.gateway, destination.gateway);
        (endpoints[0], endpoints[1]) = (source.endpoint, destination.endpoint);
        (chains[0], chains[1]) = (source.chainId, destination.chainId);
        keys[0] = _point(_privateKey(0));
        noncePoint = _point(NONCE % SchnorrLib.N);
        for (uint256 i = 0; i < HOLDERS - 1; ++i) {
            people.push(vm.createWallet(_holderKey(i)).addr);
        }
        people.push(address(new Consenting()));
        people.push(HEIR);
        people.push(payee);
        for (uint256 g = 0; g < 2; ++g) {
            _openAssets(g);
        }
        _nameStandards();
        for (uint256 w = 0; w < WAYS; ++w) {
            _openWay(w);
        }
        _openBooks();
    }

    function _openAssets(uint256 g) private {
        vm.chainId(chains[g]);
        vm.prank(governance);
        gateways[g].setDelays(DELAY, DELAY);
        for (uint256 a = 0; a < 2; ++a) {
            tokens[g][a] = Turncoat(vm.deployCode("Turncoat.sol:Turncoat", ""));
            vm.prank(governance);
            gateways[g].addProfile(
                assetIds[a], address(tokens[g][a]), tokenHandler, _modeOf(a), _formOf(a), 0, GAS_ALLOWANCE
            );
            for (uint256 i = 0; i < 2; ++i) {
                vm.prank(governance);
                gateways[g].setAgent(assetIds[a], agents[i], true);
            }
            for (uint256 h = 0; h < HOLDERS; ++h) {
                tokens[g][a].issue(people[h], ISSUED);
                vm.prank(people[h]);
                tokens[g][a].approve(address(gateways[g]), type(uint256).max);
            }
        }
    }

    /// One row per standard; an asset's profile begins with Base's handler, and takes any of these later.
    function _nameStandards() private {
        _add("AskingHandler", TokenForm.NONE);
        _add("Erc3643Handler", TokenForm.ROLE);
        _add("Erc7943Handler", TokenForm.NONE);
        _add("Erc7802Handler", TokenForm.ERC7802);
        _add("Kip7Handler", TokenForm.OWN);
        _add("Erc1404Handler", TokenForm.NONE);
        _add("Erc1400Handler", TokenForm.NONE);
    }

    function _add(string memory name, TokenForm form) private {
        address handler = vm.deployCode(string.concat(name, ".sol:", name), "");
        standards.push(Standard({name: name, handler: handler, form: form}));
    }

    function _openWay(uint256 w) private {
        (uint256 from, uint256 a) = (w & 1, w >> 1);
        vm.chainId(chains[from]);
        vm.prank(governance);
        LaneId id = gateways[from].configureOutbound(endpoints[1 - from], assetIds[a], _firstOutbound());
        vm.chainId(chains[1 - from]);
        vm.prank(governance);
        gateways[1 - from].configureInbound(endpoints[from], assetIds[a], _firstInbound());
        ways[w] = Way({from: from, to: 1 - from, asset: a, id: id});
    }

    function _openBooks() private {
        for (uint256 g = 0; g < 2; ++g) {
            for (uint256 a = 0; a < 2; ++a) {
                for (uint256 h = 0; h < HOLDERS; ++h) {
                    unitsOf[tokens[g][a]][people[h]] = ISSUED;
                }
                supplyOf[tokens[g][a]] = HOLDERS * ISSUED;
                profileOf[g][a] = gateways[g].asset(assetIds[a]).profile;
            }
        }
        for (uint256 w = 0; w < WAYS; ++w) {
            buckets[w].limits = _firstInbound();
        }
    }
}
