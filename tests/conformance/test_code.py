"""What code stands behind an asset, as a notary reads it at a final block (R-31)."""

from collections.abc import Mapping

import pytest
from eth_typing import HexStr
from eth_utils.address import to_checksum_address

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.codes import BEACON_SLOTS, LOGIC_SLOTS, implementation, implementation_hash
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.core.keccak import keccak
from bridge.core.records import BlockStamp
from bridge.errors import LedgerRefusedError
from bridge.ports.ledger import AssetView
from tests.conformance.bench import End
from tests.conformance.evm import GOVERNOR, EvmBench, EvmPair, key

pytestmark = pytest.mark.processes
EIP_1967 = "360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
EIP_1967_BEACON = "a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"
EIP_1822 = "c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"
"""As the EIPs print them."""


class Overwritten(Node):
    """A ledger on which other code stands at some addresses."""

    codes: Mapping[str, bytes] = {}

    async def code(self, address: str, at: BlockStamp) -> bytes:
        return self.codes.get(to_checksum_address(address)) or await super().code(address, at)


def constructor(runtime: bytes, *, slot: bytes = bytes(32), value: str = "") -> bytes:
    """Code that deploys *runtime*, with an address in one slot of its storage."""
    store = b"" if not value else b"\x73" + bytes.fromhex(value[2:]) + b"\x7f" + slot + b"\x55"
    copy = bytes([0x60, len(runtime), 0x80, 0x60, len(store) + 11, 0x5F, 0x39, 0x5F, 0xF3, 0, 0])
    return store + copy + runtime


def telling(address: str) -> bytes:
    """Code that answers *address* to everything."""
    return b"\x73" + bytes.fromhex(address[2:]) + bytes.fromhex("5f5260205ff3")


def forwarding(slot: bytes) -> bytes:
    """Code of a proxy: all calls go to the address in *slot*."""
    return bytes.fromhex("363d3d373d3d363d7f" + slot.hex() + "545af43d6000803e6038573d6000fd5b3d6000f3")


async def deployed(bench: EvmBench, code: bytes) -> str:
    account = EvmAccount(bench.sites[End.SOURCE].node, key(GOVERNOR))
    return str((await account.send({"data": HexStr("0x" + code.hex())}))["contractAddress"])


async def viewed(bench: EvmBench, codes: Mapping[str, bytes]) -> AssetView:
    site = bench.sites[End.SOURCE]
    node = Overwritten(site.node.address)
    node.codes = codes
    try:
        return await EvmReader(node, site.endpoint).asset(bench.lane.asset, await node.head())
    finally:
        await node.close()


def test_the_slots_are_those_that_the_standards_print() -> None:
    assert [slot.hex() for slot in LOGIC_SLOTS[:2]] == [EIP_1967, EIP_1822]
    assert next(iter(BEACON_SLOTS)).hex() == EIP_1967_BEACON


def test_code_that_is_not_what_was_registered_is_told_r_31(evm_pair: EvmPair) -> None:
    async def script(bench: EvmBench) -> None:
        site = bench.sites[End.SOURCE]
        as_registered = await viewed(bench, {})
        assert (as_registered.code_changed, as_registered.implementation) == (False, b"")
        for changed in (site.token, site.handler):
            assert (await viewed(bench, {changed: b"\x00"})).code_changed

    evm_pair.run(script)


def test_the_code_behind_a_registered_token_is_told_with_its_asset_r_31(evm_pair: EvmPair) -> None:
    async def script(bench: EvmBench) -> None:
        site = bench.sites[End.SOURCE]
        slot, behind = bytes.fromhex(EIP_1967), site.token
        site.token = await deployed(bench, constructor(forwarding(slot), slot=slot, value=behind))
        await bench.set_refusal(End.SOURCE, None)  # registers it, with a handler that takes any
        view = await viewed(bench, {})
        code = await site.node.code(behind, await site.node.head())
        assert (view.code_changed, view.implementation) == (False, keccak(code))

    evm_pair.run(script)


@pytest.mark.parametrize("slot", LOGIC_SLOTS, ids=bytes.hex)
def test_the_code_behind_a_proxy_is_found_by_its_slot_r_31(evm_pair: EvmPair, slot: bytes) -> None:
    async def script(bench: EvmBench) -> None:
        node = bench.sites[End.SOURCE].node
        behind = await deployed(bench, constructor(b"\x00\x01"))
        proxy = await deployed(bench, constructor(b"\x00", slot=slot, value=behind))
        at = await node.head()
        assert await implementation(node, proxy, at) == behind
        assert await implementation_hash(node, proxy, at) == keccak(b"\x00\x01")
        assert await implementation_hash(node, behind, at) == b""

    evm_pair.run(script)


@pytest.mark.parametrize("slot", BEACON_SLOTS, ids=bytes.hex)
def test_the_code_behind_a_beacon_is_asked_for_r_31(evm_pair: EvmPair, slot: bytes) -> None:
    async def script(bench: EvmBench) -> None:
        node = bench.sites[End.SOURCE].node
        behind = await deployed(bench, constructor(b"\x00\x02"))
        beacon = await deployed(bench, constructor(telling(behind)))
        proxy = await deployed(bench, constructor(b"\x00", slot=slot, value=beacon))
        assert await implementation_hash(node, proxy, await node.head()) == keccak(b"\x00\x02")

    evm_pair.run(script)


def test_a_beacon_that_refuses_to_answer_is_no_answer_r_31(evm_pair: EvmPair) -> None:
    async def script(bench: EvmBench) -> None:
        node = bench.sites[End.SOURCE].node
        beacon = await deployed(bench, constructor(bytes.fromhex("5f5ffd")))
        proxy = await deployed(bench, constructor(b"\x00", slot=next(iter(BEACON_SLOTS)), value=beacon))
        with pytest.raises(LedgerRefusedError):
            await implementation_hash(node, proxy, await node.head())

    evm_pair.run(script)
