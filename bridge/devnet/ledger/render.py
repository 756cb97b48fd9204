"""Blocks, transactions, receipts and logs as a Cancun client shows them in JSON-RPC. Pure functions."""

from eth_bloom.bloom import BloomFilter

from bridge.devnet.ledger.codec import decode_header
from bridge.devnet.ledger.params import Json
from bridge.devnet.ledger.records import LogEntry, MinedTransaction, SealedBlock
from bridge.devnet.ledger.transactions import (
    TYPE_DYNAMIC_FEE,
    TYPE_LEGACY,
    AccessList,
    SignedTransaction,
    decode_transaction,
)

_BLOOM_LEN = 256


def quantity(value: int) -> str:
    """Return a number without leading zeros."""
    return hex(value)


def data(value: bytes) -> str:
    """Return bytes in hex."""
    return "0x" + value.hex()


def block(sealed: SealedBlock, *, full: bool) -> dict[str, Json]:
    """Return a block with its transactions, or with their hashes only."""
    header = decode_header(sealed.header_rlp)
    items = sealed.transactions
    return {
        "number": quantity(sealed.number),
        "hash": data(sealed.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "miner": data(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transaction_root),
        "receiptsRoot": data(header.receipt_root),
        "logsBloom": _bloom(header.bloom),
        "difficulty": quantity(header.difficulty),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
        "baseFeePerGas": quantity(header.base_fee_per_gas or 0),
        "withdrawalsRoot": data(header.withdrawals_root or b""),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root or b""),
        "size": quantity(sealed.size),
        "uncles": [],
        "withdrawals": [],
        "transactions": [
            mined_transaction(sealed, item, index) if full else data(item.hash) for index, item in enumerate(items)
        ],
    }


def mined_transaction(sealed: SealedBlock, item: MinedTransaction, index: int) -> dict[str, Json]:
    """Return a transaction with its place."""
    shown = _transaction(decode_transaction(item.raw, item.sender))
    shown.update(
        blockHash=data(sealed.hash),
        blockNumber=quantity(sealed.number),
        transactionIndex=quantity(index),
        gasPrice=quantity(item.gas_price_effective),
    )
    return shown


def waiting_transaction(transaction: SignedTransaction) -> dict[str, Json]:
    """Return a transaction that has no place yet."""
    shown = _transaction(transaction)
    shown.update(blockHash=None, blockNumber=None, transactionIndex=None, gasPrice=quantity(transaction.fee_max))
    return shown


def receipt(sealed: SealedBlock, item: MinedTransaction, index: int) -> dict[str, Json]:
    """Return a transaction's receipt."""
    transaction = decode_transaction(item.raw, item.sender)
    return {
        "transactionHash": data(item.hash),
        "transactionIndex": quantity(index),
        "blockHash": data(sealed.hash),
        "blockNumber": quantity(sealed.number),
        "from": data(item.sender),
        "to": None if transaction.to is None else data(transaction.to),
        "contractAddress": None if item.contract_address is None else data(item.contract_address),
        "cumulativeGasUsed": quantity(item.gas_used_cumulative),
        "gasUsed": quantity(item.gas_used),
        "effectiveGasPrice": quantity(item.gas_price_effective),
        "status": quantity(int(item.succeeded)),
        "type": quantity(transaction.type_id),
        "logsBloom": _bloom(_bloom_of(item)),
        "logs": [log(entry) for entry in item.logs],
    }


def log(entry: LogEntry) -> dict[str, Json]:
    """Return an event; nothing is ever removed here."""
    return {
        "address": data(entry.address),
        "topics": [data(topic) for topic in entry.topics],
        "data": data(entry.data),
        "blockNumber": quantity(entry.block_number),
        "blockHash": data(entry.block_hash),
        "transactionHash": data(entry.transaction_hash),
        "transactionIndex": quantity(entry.transaction_index),
        "logIndex": quantity(entry.log_index),
        "removed": False,
    }


def _transaction(transaction: SignedTransaction) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "hash": data(transaction.hash),
        "type": quantity(transaction.type_id),
        "chainId": quantity(transaction.chain_id),
        "nonce": quantity(transaction.nonce),
        "from": data(transaction.sender),
        "to": None if transaction.to is None else data(transaction.to),
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas),
        "input": data(transaction.data),
        "v": quantity(transaction.v),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    if transaction.type_id != TYPE_LEGACY:
        shown.update(yParity=quantity(transaction.v), accessList=_access_list(transaction.access_list))
    if transaction.type_id == TYPE_DYNAMIC_FEE:
        shown.update(maxFeePerGas=quantity(transaction.fee_max), maxPriorityFeePerGas=quantity(transaction.tip_max))
    return shown


def _access_list(items: AccessList) -> list[Json]:
    return [
        {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
        for address, slots in items
    ]


def _bloom_of(item: MinedTransaction) -> int:
    """Return the filter over addresses and topics; it is not kept, as it is longer than most logs."""
    return int(BloomFilter.from_iterable(part for entry in item.logs for part in (entry.address, *entry.topics)))


def _bloom(value: int) -> str:
    return data(value.to_bytes(_BLOOM_LEN, "big"))
