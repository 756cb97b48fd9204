"""The development chain: transactions in, sealed blocks out, reads at any block whose state is kept.

Laws: a block holds what the pool found valid, and one bad transaction never costs the others their block;
timestamps are whole seconds and strictly rise; what is sealed never changes (latest = safe = finalized).
No clock and no I/O: the caller brings the time. Not safe for several threads: see worker.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import chain as chained
from typing import NoReturn, TypeAlias

from eth.abc import StateAPI
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth_typing import Address, Hash32

from bridge.devnet.ledger.codec import decode_header, encode_header
from bridge.devnet.ledger.errors import (
    ExecutionFailedError,
    ExecutionRevertedError,
    HeaderNotFoundError,
    HistoryPrunedError,
    StateUnavailableError,
)
from bridge.devnet.ledger.estimate import estimate_gas
from bridge.devnet.ledger.evm import Evm, MessageCall, Outcome, intrinsic_gas
from bridge.devnet.ledger.history import History, HistoryLimits
from bridge.devnet.ledger.logs import LogFilter, LogIndex
from bridge.devnet.ledger.pool import PoolLimits, TransactionPool
from bridge.devnet.ledger.records import LogEntry, MinedTransaction, SealedBlock
from bridge.devnet.ledger.sealing import build_block
from bridge.devnet.ledger.store import GenerationStore, reachable
from bridge.devnet.ledger.transactions import SignedTransaction, decode_transaction

GAS_LIMIT = 60_000_000
HEADERS_READABLE = 257
_SHORT_LEN_MAX = 55
_ERROR_STRING = bytes.fromhex("08c379a0")
_REASON_OFFSET = 68
_LIST_PREFIX_MIN = 0xC0


class BlockTag(Enum):
    """The names that a block may be asked by; all but the first mean the newest block."""

    EARLIEST = "earliest"
    LATEST = "latest"
    SAFE = "safe"
    FINALIZED = "finalized"
    PENDING = "pending"


BlockRef: TypeAlias = BlockTag | int | Hash32


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """A chain's constants; balances in wei, the genesis' timestamp in seconds."""

    chain_id: int
    funds: Mapping[Address, int]
    genesis_timestamp: int
    gas_limit: int = GAS_LIMIT
    pool: PoolLimits = field(default_factory=PoolLimits)
    history: HistoryLimits = field(default_factory=HistoryLimits)
    generation_entries_max: int = 250_000


class HeadAccounts:
    """Accounts after the newest block; py-evm caches what is read through one state."""

    def __init__(self, state: StateAPI) -> None:
        """Read from `state` only."""
        self._state = state

    def nonce(self, address: Address) -> int:
        """Return the next nonce."""
        return self._state.get_nonce(address)

    def balance(self, address: Address) -> int:
        """Return the balance in wei."""
        return self._state.get_balance(address)


def never() -> bool:
    """Say that there is time left."""
    return False


class DevChain:
    """A whole ledger in memory."""

    def __init__(self, settings: ChainSettings) -> None:
        """Seal the genesis with the funded accounts."""
        self.settings = settings
        self._store = GenerationStore()
        self._evm = Evm(
            chain_id=settings.chain_id,
            gas_limit=settings.gas_limit,
            funds=settings.funds,
            timestamp=settings.genesis_timestamp,
            store=self._store,
        )
        self._pool = TransactionPool(chain_id=settings.chain_id, gas_limit=settings.gas_limit, limits=settings.pool)
        self._history = History(settings.history)
        self._logs = LogIndex()
        self._state_floor = self._next_state_floor = 0
        self._adopt(self._evm.genesis, ())

    @property
    def head(self) -> CancunBlockHeader:
        """The newest block's header."""
        return self._head

    @property
    def pool(self) -> TransactionPool:
        """What waits for a block; to be read only."""
        return self._pool

    def submit(self, raw: bytes) -> Hash32:
        """Take a raw transaction into the pool and return its hash.

        Raises:
            TransactionRefusedError: it may not wait; the text says why, as geth's does.
        """
        transaction = decode_transaction(raw)
        self._pool.add(transaction, self._accounts)
        return transaction.hash

    def seal(self, timestamp: int, out_of_time: Callable[[], bool] = never) -> SealedBlock:
        """Build the next block from the pool, empty if nothing is ready.

        Its timestamp is `timestamp` or one second after its parent's, whichever is later. When `out_of_time`
        turns true, what is left waits for the block after.
        """
        target = self._evm.child(self._head, max(self._head.timestamp + 1, timestamp))
        built = build_block(self._evm, target, lambda: self._pool.ready(self._accounts), out_of_time)
        for refused in built.refused:
            self._pool.remove(refused)
        block = self._adopt(built.header, built.transactions)
        self._pool.settle({transaction.sender for transaction in block.transactions}, self._accounts)
        if self._store.young_len > self.settings.generation_entries_max:
            self._turn_generation()
        return block

    def block(self, ref: BlockRef) -> SealedBlock | None:
        """Return a block; None if there is none such."""
        number = self._number(ref)
        if number is not None and 0 <= number < self._history.floor:
            msg = f"pruned history unavailable: blocks are kept from {self._history.floor} on"
            raise HistoryPrunedError(msg)
        return None if number is None else self._history.block(number)

    def transaction(self, transaction_hash: Hash32) -> tuple[SealedBlock, MinedTransaction, int] | None:
        """Return a mined transaction with its block and its index there."""
        place = self._history.transaction(transaction_hash)
        return None if place is None else (place[0], place[0].transactions[place[1]], place[1])

    def waiting(self, transaction_hash: Hash32) -> SignedTransaction | None:
        """Return a transaction that waits in the pool."""
        return self._pool.get(transaction_hash)

    def state(self, ref: BlockRef) -> StateAPI:
        """Return the state after a block, to read from.

        Raises:
            HeaderNotFoundError: there is no such block.
            StateUnavailableError: the block is too old.
        """
        header = self._header_with_state(ref)
        return self._head_state if header is self._head else self._evm.state(header)

    def transaction_count(self, address: Address, ref: BlockRef) -> int:
        """Return an account's next nonce after a block, or after what waits if `ref` is PENDING."""
        if ref is BlockTag.PENDING:
            return self._pool.pending_nonce(address, self._accounts)
        return self.state(ref).get_nonce(address)

    def call(self, call: MessageCall, ref: BlockRef) -> bytes:
        """Run a message after a block and return its output.

        Raises:
            ExecutionRevertedError: with the contract's data.
            ExecutionFailedError: any other fault.
        """
        outcome = self._evm.run(self._header_with_state(ref), call)
        if outcome.fault is not None:
            _raise_fault(outcome)
        return outcome.output

    def estimate(self, call: MessageCall, ref: BlockRef) -> int:
        """Return gas enough for the message, at most `call.gas`; errors as `call`."""
        header = self._header_with_state(ref)
        gas, outcome = estimate_gas(
            lambda amount: self._evm.run(header, replace(call, gas=amount)),
            floor=intrinsic_gas(call),
            ceiling=call.gas,
        )
        if outcome.fault == "out of gas":
            msg = f"gas required exceeds allowance ({call.gas})"
            raise ExecutionFailedError(msg)
        if outcome.fault is not None:
            _raise_fault(outcome)
        return gas

    def logs(self, wanted: LogFilter, first: BlockRef, last: BlockRef) -> list[LogEntry]:
        """Return the matching logs of a range; numbers beyond the newest block match nothing (yet)."""
        return self._logs.find(wanted, self._bound(first), self._bound(last))

    def logs_of_block(self, wanted: LogFilter, block_hash: Hash32) -> list[LogEntry]:
        """Return the matching logs of one block; HeaderNotFoundError if it is unknown."""
        number = self._history.number_of(block_hash)
        if number is None:
            raise HeaderNotFoundError
        return self._logs.find(wanted, number, number)

    def _adopt(self, header: CancunBlockHeader, transactions: tuple[MinedTransaction, ...]) -> SealedBlock:
        """Make a built block the newest one."""
        self._evm.keep_header(header)
        header_rlp = encode_header(header)
        block = SealedBlock(
            number=header.block_number,
            hash=header.hash,
            header_rlp=header_rlp,
            size=_block_len(header_rlp, transactions),
            gas_used=header.gas_used,
            transactions=transactions,
        )
        self._head = header
        self._head_state = self._evm.state(header)
        self._accounts = HeadAccounts(self._head_state)
        self._logs.append(chained.from_iterable(item.logs for item in transactions))
        if self._history.append(block):
            self._logs.prune(self._history.floor)
        return block

    def _turn_generation(self) -> None:
        """Forget the states before the older generation; see store.py."""
        live: Iterator[bytes] = reachable(self._store.__getitem__, self._head.state_root)
        newest = self._head.block_number
        recent = range(max(self._history.floor, newest - HEADERS_READABLE), newest + 1)
        headers = [block.hash for number in recent if (block := self._history.block(number))]
        self._store.turn(chained(live, headers))
        self._state_floor, self._next_state_floor = self._next_state_floor, newest

    def _number(self, ref: BlockRef) -> int | None:
        if isinstance(ref, BlockTag):
            return 0 if ref is BlockTag.EARLIEST else self._head.block_number
        if isinstance(ref, int):
            return ref
        return self._history.number_of(ref)

    def _bound(self, ref: BlockRef) -> int:
        number = self._number(ref)
        if number is None:
            raise HeaderNotFoundError
        return number

    def _header_with_state(self, ref: BlockRef) -> CancunBlockHeader:
        number = self._number(ref)
        if number is None or number > self._head.block_number:
            raise HeaderNotFoundError
        if number == self._head.block_number:
            return self._head
        block = self._history.block(number)
        if block is None or number < self._state_floor:
            msg = f"historical state is not available: kept from block {self._state_floor} on"
            raise StateUnavailableError(msg)
        return decode_header(block.header_rlp)


def _raise_fault(outcome: Outcome) -> NoReturn:
    if outcome.reverted:
        raise ExecutionRevertedError(_revert_text(outcome.output), outcome.output)
    raise ExecutionFailedError(outcome.fault or "execution failed")


def _revert_text(output: bytes) -> str:
    """Return geth's text, with the reason if the data is a plain `Error(string)`."""
    text = "execution reverted"
    if output[:4] != _ERROR_STRING or len(output) < _REASON_OFFSET:
        return text
    length = int.from_bytes(output[36:_REASON_OFFSET], "big")
    reason = output[_REASON_OFFSET : _REASON_OFFSET + length]
    return f"{text}: {reason.decode(errors='replace')}"


def _block_len(header_rlp: bytes, transactions: tuple[MinedTransaction, ...]) -> int:
    """Return the length of the block in RLP: header, transactions, no uncles, no withdrawals."""
    bodies = sum(_item_len(len(item.raw)) if item.raw[0] < _LIST_PREFIX_MIN else len(item.raw) for item in transactions)
    return _item_len(len(header_rlp) + _item_len(bodies) + 2)


def _item_len(payload_len: int) -> int:
    """Return the length of an RLP item with its prefix."""
    return payload_len + (1 if payload_len <= _SHORT_LEN_MAX else 1 + (payload_len.bit_length() + 7) // 8)
