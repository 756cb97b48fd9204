"""Keccak-256 as Ethereum has it: the padding before SHA-3 was standardised.

safe-pysha3 rather than eth-hash's default: loading that takes a tenth of what `naru transfer list` may take in all.
"""

from sha3 import keccak_256  # type: ignore[import-untyped] # it has no types


def keccak(data: bytes) -> bytes:
    """Hash *data*; 32 bytes."""
    return bytes(keccak_256(data).digest())
