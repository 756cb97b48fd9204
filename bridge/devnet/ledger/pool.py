"""The transaction pool: it decides what may wait for a block, so that the EVM is only given what it may run.

Law: nothing enters that this chain could not run at some later nonce; the set is bounded in number and bytes.
No clock, no EVM execution, no JSON here.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from eth_typing import Address, Hash32

from bridge.devnet.ledger.errors import TransactionRefusedError
from bridge.devnet.ledger.transactions import SignedTransaction

INITCODE_LEN_MAX = 49_152
_INITCODE_WORD_GAS = 2
_REPLACEMENT_PERCENT = 110


class AccountReader(Protocol):
    """Nonces and balances after the newest block."""

    def nonce(self, address: Address) -> int:
        """Return the next nonce."""
        ...

    def balance(self, address: Address) -> int:
        """Return the balance in wei."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How much may wait at once."""

    transactions_max: int = 20_000
    per_sender_max: int = 5_000
    bytes_max: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Waiting:
    transaction: SignedTransaction
    arrival: int


@dataclass(slots=True)
class _Queue:
    """One sender's transactions by nonce, with their summed `cost_max`."""

    by_nonce: dict[int, _Waiting] = field(default_factory=dict)
    cost: int = 0


class TransactionPool:
    """Waiting transactions by sender and nonce; a gap makes the later ones wait, not fail."""

    def __init__(self, *, chain_id: int, gas_limit: int, limits: PoolLimits) -> None:
        """Begin empty; `gas_limit` is the block's."""
        self._chain_id = chain_id
        self._gas_limit = gas_limit
        self._limits = limits
        self._by_sender: dict[Address, _Queue] = {}
        self._by_hash: dict[Hash32, SignedTransaction] = {}
        self._bytes_len = 0
        self._arrivals = count()

    def __len__(self) -> int:
        """Count the waiting transactions."""
        return len(self._by_hash)

    def add(self, transaction: SignedTransaction, accounts: AccountReader) -> None:
        """Take a transaction, or replace the one with the same nonce if every price is 10 % higher.

        Raises:
            TransactionRefusedError: wrong chain, known, nonce used, too little gas or money, no room.
        """
        self._check_itself(transaction)
        self._check_account(transaction, accounts)
        queue = self._queue(transaction.sender)
        replaced = queue.by_nonce.get(transaction.nonce)
        if replaced is None:
            self._check_room(transaction, len(queue.by_nonce))
        else:
            _check_replacement(replaced.transaction, transaction)
            self.remove(replaced.transaction)
        queue = self._by_sender.setdefault(transaction.sender, queue)
        queue.by_nonce[transaction.nonce] = _Waiting(transaction, next(self._arrivals))
        queue.cost += transaction.cost_max
        self._by_hash[transaction.hash] = transaction
        self._bytes_len += len(transaction.raw)

    def get(self, transaction_hash: Hash32) -> SignedTransaction | None:
        """Return a waiting transaction."""
        return self._by_hash.get(transaction_hash)

    def pending_nonce(self, sender: Address, accounts: AccountReader) -> int:
        """Return the nonce after those that the next blocks can take without a gap."""
        nonce = accounts.nonce(sender)
        queue = self._queue(sender).by_nonce
        while nonce in queue:
            nonce += 1
        return nonce

    def ready(self, accounts: AccountReader) -> Iterator[SignedTransaction]:
        """Yield what can run now: nonces in order, among senders by price and then by arrival."""
        heap: list[tuple[int, int, SignedTransaction]] = []
        for sender, queue in self._by_sender.items():
            _push(heap, queue.by_nonce, accounts.nonce(sender))
        while heap:
            _, _, transaction = heapq.heappop(heap)
            yield transaction
            _push(heap, self._queue(transaction.sender).by_nonce, transaction.nonce + 1)

    def remove(self, transaction: SignedTransaction) -> None:
        """Forget a waiting transaction; without effect if it does not wait."""
        if self._by_hash.pop(transaction.hash, None) is None:
            return
        self._bytes_len -= len(transaction.raw)
        queue = self._by_sender[transaction.sender]
        del queue.by_nonce[transaction.nonce]
        queue.cost -= transaction.cost_max
        if not queue.by_nonce:
            del self._by_sender[transaction.sender]

    def settle(self, senders: Iterable[Address], accounts: AccountReader) -> None:
        """After a block: forget what these senders' nonces have passed."""
        for sender in senders:
            nonce = accounts.nonce(sender)
            waiting = self._queue(sender).by_nonce
            passed = [item.transaction for key, item in waiting.items() if key < nonce]
            for transaction in passed:
                self.remove(transaction)

    def _queue(self, sender: Address) -> _Queue:
        """Return the sender's queue, or an empty one that is not kept."""
        return self._by_sender.get(sender) or _Queue()

    def _check_itself(self, transaction: SignedTransaction) -> None:
        """Check what depends on the transaction and the chain's constants alone."""
        if transaction.chain_id != self._chain_id:
            _refuse(f"invalid chain id for signer: have {transaction.chain_id} want {self._chain_id}")
        if transaction.hash in self._by_hash:
            _refuse("already known")
        if transaction.gas > self._gas_limit:
            _refuse(f"exceeds block gas limit: have {transaction.gas}, limit {self._gas_limit}")
        minimum = transaction.intrinsic_gas
        if transaction.to is None:
            if len(transaction.data) > INITCODE_LEN_MAX:
                _refuse(f"max initcode size exceeded: code size {len(transaction.data)}, limit {INITCODE_LEN_MAX}")
            minimum += _INITCODE_WORD_GAS * -(-len(transaction.data) // 32)
        if transaction.gas < minimum:
            _refuse(f"intrinsic gas too low: gas {transaction.gas}, minimum needed {minimum}")

    def _check_account(self, transaction: SignedTransaction, accounts: AccountReader) -> None:
        """Check nonce and money; all that the sender has waiting must be payable together."""
        nonce = accounts.nonce(transaction.sender)
        if transaction.nonce < nonce:
            _refuse(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
        balance = accounts.balance(transaction.sender)
        queue = self._queue(transaction.sender)
        replaced = queue.by_nonce.get(transaction.nonce)
        queued = queue.cost - (replaced.transaction.cost_max if replaced else 0)
        if balance < queued + transaction.cost_max:
            _refuse(
                f"insufficient funds for gas * price + value: balance {balance}, "
                f"queued cost {queued}, tx cost {transaction.cost_max}"
            )

    def _check_room(self, transaction: SignedTransaction, queue_len: int) -> None:
        if queue_len >= self._limits.per_sender_max:
            _refuse(f"account limit exceeded: {queue_len} transactions of this sender wait already")
        bytes_len = self._bytes_len + len(transaction.raw)
        if len(self) >= self._limits.transactions_max or bytes_len > self._limits.bytes_max:
            _refuse("txpool is full")


def _push(heap: list[tuple[int, int, SignedTransaction]], queue: dict[int, _Waiting], nonce: int) -> None:
    item = queue.get(nonce)
    if item is not None:
        heapq.heappush(heap, (-item.transaction.tip_max, item.arrival, item.transaction))


def _check_replacement(old: SignedTransaction, new: SignedTransaction) -> None:
    for old_price, new_price in ((old.fee_max, new.fee_max), (old.tip_max, new.tip_max)):
        if new_price <= old_price or new_price * 100 < old_price * _REPLACEMENT_PERCENT:
            _refuse("replacement transaction underpriced")


def _refuse(text: str) -> None:
    raise TransactionRefusedError(text)
