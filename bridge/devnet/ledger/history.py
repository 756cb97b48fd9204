"""Blocks and transactions as sealed, looked up by number and hash; the oldest are dropped beyond a bound."""

from dataclasses import dataclass

from eth_typing import Hash32

from bridge.devnet.ledger.records import SealedBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits:
    """How much is kept: about 0.7 kB an empty block and 1.5 kB a transaction with one log."""

    blocks_max: int = 86_400
    transactions_max: int = 200_000


class History:
    """The newest blocks without a gap."""

    def __init__(self, limits: HistoryLimits) -> None:
        """Begin empty."""
        self._limits = limits
        self._blocks: dict[int, SealedBlock] = {}
        self._numbers: dict[Hash32, int] = {}
        self._places: dict[Hash32, tuple[int, int]] = {}
        self.floor = 0

    def append(self, block: SealedBlock) -> bool:
        """Keep the next block; tells whether older ones had to be dropped for it."""
        self._blocks[block.number] = block
        self._numbers[block.hash] = block.number
        for index, transaction in enumerate(block.transactions):
            self._places[transaction.hash] = block.number, index
        limits = self._limits
        if not self._exceeds(limits.blocks_max, limits.transactions_max):
            return False
        while self._exceeds(_slack(limits.blocks_max), _slack(limits.transactions_max)):
            self._drop_oldest()
        return True

    def block(self, number: int) -> SealedBlock | None:
        """Return a block by number, if kept."""
        return self._blocks.get(number)

    def number_of(self, block_hash: Hash32) -> int | None:
        """Return a block's number by its hash, if kept."""
        return self._numbers.get(block_hash)

    def transaction(self, transaction_hash: Hash32) -> tuple[SealedBlock, int] | None:
        """Return a transaction's block and its index in it, if kept."""
        place = self._places.get(transaction_hash)
        return None if place is None else (self._blocks[place[0]], place[1])

    def _exceeds(self, blocks_max: int, transactions_max: int) -> bool:
        return len(self._blocks) > blocks_max or (len(self._places) > transactions_max and len(self._blocks) > 1)

    def _drop_oldest(self) -> None:
        block = self._blocks.pop(self.floor)
        del self._numbers[block.hash]
        for transaction in block.transactions:
            del self._places[transaction.hash]
        self.floor += 1


def _slack(limit: int) -> int:
    """Return what to shrink to, so that dropping comes in few large steps."""
    return max(1, limit - limit // 20)
