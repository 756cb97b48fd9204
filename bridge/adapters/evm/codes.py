"""What code stands behind an asset (R-31): of its token and handler, and behind a token that is a proxy.

Proxies of EIP-1967, EIP-1822, T-REX and OpenZeppelin's first ones are known. A clone (EIP-1167) names its code in its
own, which can't change. The facets of a diamond (EIP-2535) are not seen.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from bridge.adapters.evm.node import Node
from bridge.core.keccak import keccak
from bridge.core.records import BlockStamp


def _before(name: str) -> bytes:
    """EIP-1967: a hash less one, so that nobody knows what it is the hash of."""
    return (int.from_bytes(keccak(name.encode())) - 1).to_bytes(32)


LOGIC_SLOTS: Final = (
    _before("eip1967.proxy.implementation"),
    keccak(b"PROXIABLE"),
    keccak(b"org.zeppelinos.proxy.implementation"),
)
"""Where a proxy keeps its implementation's address."""
BEACON_SLOTS: Final = {
    _before("eip1967.proxy.beacon"): "implementation",
    bytes.fromhex("821f3e4d3d679f19eacc940c87acf846ea6eae24a63058ea750304437a62aafc"): "getTokenImplementation",
}
"""Where it keeps the address of whom to ask for it, and that one's function; the second is of T-REX 4.1.6."""
_ADDRESS_LEN: Final = 20


async def code_now(node: Node, profile: Sequence[Any], at: BlockStamp) -> tuple[bool, bytes]:
    """Tell whether token or handler have other code than *profile*, the gateway's struct, and `implementation_hash`.

    Raises:
        UnavailableError: the node does not answer, or a beacon does not.
        LedgerRefusedError: a beacon reverts.
    """
    _, token, token_hash, handler, handler_hash, *_ = profile
    token_code, handler_code, behind = await asyncio.gather(
        node.code(token, at), node.code(handler, at), implementation_hash(node, token, at)
    )
    return (keccak(token_code), keccak(handler_code)) != (token_hash, handler_hash), behind


async def implementation(node: Node, address: str, at: BlockStamp) -> str | None:
    """Give the address of the implementation behind *address* at a block; None if that is no proxy.

    Raises:
        UnavailableError: the node does not answer, or the beacon does not.
        LedgerRefusedError: the beacon reverts.
    """
    slots = (*LOGIC_SLOTS, *BEACON_SLOTS)
    words = await asyncio.gather(*(node.storage(address, slot, at) for slot in slots))
    for slot, word in zip(slots, words, strict=True):
        if any(word):
            named = to_checksum_address(word[-_ADDRESS_LEN:])
            return named if slot in LOGIC_SLOTS else await _asked(node, named, BEACON_SLOTS[slot], at)
    return None


async def implementation_hash(node: Node, address: str, at: BlockStamp) -> bytes:
    """Give Keccak-256 of the code behind *address* at a block; empty if that is no proxy.

    Raises:
        UnavailableError: the node does not answer, or the beacon does not.
        LedgerRefusedError: the beacon reverts.
    """
    behind = await implementation(node, address, at)
    return b"" if behind is None else keccak(await node.code(behind, at))


async def _asked(node: Node, beacon: ChecksumAddress, name: str, at: BlockStamp) -> str:
    function: dict[str, Any] = {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "", "type": "address"}],
    }
    contract = node.web3.eth.contract(address=beacon, abi=[function])
    return to_checksum_address(await node.call(contract.functions[name](), at))
