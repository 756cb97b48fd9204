"""Building one block: apply what is ready, leave out what the EVM refuses, close the header.

Law: whatever one transaction does to py-evm, the block is sealed with the others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from eth.abc import BlockHeaderAPI, ComputationAPI, ReceiptAPI, VirtualMachineAPI
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth_typing import Address, Hash32
from eth_utils.exceptions import ValidationError

from bridge.devnet.ledger.evm import Evm
from bridge.devnet.ledger.records import LogEntry, MinedTransaction
from bridge.devnet.ledger.transactions import SignedTransaction

_GAS_MIN = 21_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltBlock:
    """A closed header with its transactions, and what may not be tried again."""

    header: CancunBlockHeader
    transactions: tuple[MinedTransaction, ...]
    refused: tuple[SignedTransaction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Applied:
    transaction: SignedTransaction
    receipt: ReceiptAPI
    computation: ComputationAPI


class _CrashedError(Exception):
    """py-evm failed on one transaction in a way that leaves its state in doubt."""

    def __init__(self, transaction: SignedTransaction) -> None:
        super().__init__(transaction.hash.hex())
        self.transaction = transaction


def build_block(
    evm: Evm,
    target: CancunBlockHeader,
    ready: Callable[[], Iterator[SignedTransaction]],
    out_of_time: Callable[[], bool],
) -> BuiltBlock:
    """Return the block on `target`; a transaction that crashes the EVM is left out and the block begun anew."""
    refused: list[SignedTransaction] = []
    crashed: set[Hash32] = set()
    while True:
        candidates = (item for item in ready() if item.hash not in crashed)
        try:
            return _attempt(evm, target, candidates, out_of_time, refused)
        except _CrashedError as error:
            crashed.add(error.transaction.hash)
            refused.append(error.transaction)


def _attempt(
    evm: Evm,
    target: CancunBlockHeader,
    candidates: Iterator[SignedTransaction],
    out_of_time: Callable[[], bool],
    refused: list[SignedTransaction],
) -> BuiltBlock:
    machine = evm.machine(target)
    header = target
    applied: list[_Applied] = []
    skipped: set[Address] = set()
    for transaction in candidates:
        if out_of_time() or header.gas_limit - header.gas_used < _GAS_MIN:
            break
        if transaction.sender in skipped:
            continue
        if transaction.gas > header.gas_limit - header.gas_used:
            skipped.add(transaction.sender)
            continue
        result = _apply(machine, header, transaction)
        if result is None:
            skipped.add(transaction.sender)
            refused.append(transaction)
            continue
        header = _own(machine.add_receipt_to_header(header, result.receipt))
        applied.append(result)
    header = _close(machine, header, applied)
    return BuiltBlock(header=header, transactions=_records(header, applied), refused=tuple(refused))


def _apply(machine: VirtualMachineAPI, header: CancunBlockHeader, transaction: SignedTransaction) -> _Applied | None:
    """Run one transaction; None if it may not run, and then nothing has changed."""
    try:
        receipt, computation = machine.apply_transaction(header, transaction.evm)
    except ValidationError:
        return None
    except Exception as error:  # any crash of the EVM must cost its own transaction only
        raise _CrashedError(transaction) from error
    return _Applied(transaction=transaction, receipt=receipt, computation=computation)


def _close(machine: VirtualMachineAPI, header: CancunBlockHeader, applied: Sequence[_Applied]) -> CancunBlockHeader:
    """Write the state and put the three roots into the header."""
    block = machine.set_block_transactions_and_withdrawals(
        machine.get_block(),
        header,
        [item.transaction.evm for item in applied],
        [item.receipt for item in applied],
    )
    return _own(machine.finalize_block(block).block.header)


def _own(header: BlockHeaderAPI) -> CancunBlockHeader:
    """Narrow what py-evm declares as a header of any fork."""
    return cast("CancunBlockHeader", header)


def _records(header: CancunBlockHeader, applied: Sequence[_Applied]) -> tuple[MinedTransaction, ...]:
    records: list[MinedTransaction] = []
    gas_before, logs_before = 0, 0
    for index, item in enumerate(applied):
        logs = tuple(_logs(header, item, index, logs_before))
        message = item.computation.msg
        records.append(
            MinedTransaction(
                raw=item.transaction.raw,
                hash=item.transaction.hash,
                sender=item.transaction.sender,
                succeeded=item.computation.is_success,
                gas_used=item.receipt.gas_used - gas_before,
                gas_used_cumulative=item.receipt.gas_used,
                gas_price_effective=min(item.transaction.fee_max, item.transaction.tip_max),
                contract_address=message.storage_address if message.is_create else None,
                logs=logs,
            )
        )
        gas_before = item.receipt.gas_used
        logs_before += len(logs)
    return tuple(records)


def _logs(header: CancunBlockHeader, item: _Applied, index: int, logs_before: int) -> Iterator[LogEntry]:
    for offset, log in enumerate(item.receipt.logs):
        yield LogEntry(
            address=log.address,
            topics=tuple(topic.to_bytes(32, "big") for topic in log.topics),
            data=log.data,
            block_number=header.block_number,
            block_hash=header.hash,
            transaction_hash=item.transaction.hash,
            transaction_index=index,
            log_index=logs_before + offset,
        )
