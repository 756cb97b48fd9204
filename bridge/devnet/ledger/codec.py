"""RLP with types: the one place that imports the untyped library."""

from typing import TypeAlias, cast

import rlp  # type: ignore[import-untyped]  # the library ships no types
from eth.vm.forks.cancun.blocks import CancunBlockHeader

RlpItem: TypeAlias = "bytes | list[RlpItem]"

RlpError: type[Exception] = rlp.exceptions.RLPException


def decode_items(encoded: bytes) -> RlpItem:
    """Decode without a schema: byte strings and lists."""
    return cast("RlpItem", rlp.decode(encoded))


def encode_header(header: CancunBlockHeader) -> bytes:
    """Return the header in RLP, whose Keccak hash is the block's."""
    return cast("bytes", rlp.encode(header))


def decode_header(encoded: bytes) -> CancunBlockHeader:
    """Return the header that `encode_header` wrote."""
    return cast("CancunBlockHeader", rlp.decode(encoded, CancunBlockHeader))
