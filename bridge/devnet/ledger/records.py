"""What a sealed block leaves behind. Plain values: no EVM object, no JSON, nothing that changes after sealing."""

from dataclasses import dataclass

from eth_typing import Address, Hash32


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One event; `topics` has at most four items of 32 bytes, `log_index` counts through the block."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: Hash32
    transaction_hash: Hash32
    transaction_index: int
    log_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedTransaction:
    """A transaction with its receipt; `raw` is the encoding that was submitted."""

    raw: bytes
    hash: Hash32
    sender: Address
    succeeded: bool
    gas_used: int
    gas_used_cumulative: int
    gas_price_effective: int
    contract_address: Address | None
    logs: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBlock:
    """A block as kept: its header in RLP (545 bytes when empty), its transactions in order."""

    number: int
    hash: Hash32
    header_rlp: bytes
    size: int
    gas_used: int
    transactions: tuple[MinedTransaction, ...]
