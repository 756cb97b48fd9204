"""The border to py-evm: the chain's rules as a VM, its headers, and running one message without a transaction.

Law: Cancun, no proof, and a base fee that stays zero for ever (as Besu's `zeroBaseFee`), whatever the load.
Every cast and ignore that py-evm's loose types need is here, in store.py or in transactions.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from eth import exceptions as faults
from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI, StateAPI, VirtualMachineAPI
from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.constants import POST_MERGE_NONCE, ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.typing import AccountDetails, HeaderParams
from eth.vm.forks.berlin.transactions import calculate_txn_intrinsic_gas_berlin
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError

from bridge.core.keccak import keccak
from bridge.devnet.ledger.codec import encode_header
from bridge.devnet.ledger.errors import ExecutionFailedError
from bridge.devnet.ledger.store import GenerationStore
from bridge.devnet.ledger.transactions import AccessList

_FAULT_TEXTS: Mapping[type[faults.VMError], str] = {
    faults.OutOfGas: "out of gas",
    faults.InsufficientStack: "stack underflow",
    faults.FullStack: "stack limit reached 1024",
    faults.InvalidJumpDestination: "invalid jump destination",
    faults.InvalidInstruction: "invalid opcode",
    faults.InsufficientFunds: "insufficient balance for transfer",
    faults.StackDepthLimit: "max call depth exceeded",
    faults.ContractCreationCollision: "contract address collision",
    faults.WriteProtection: "write protection",
    faults.OutOfBoundsRead: "return data out of bounds",
    faults.ReservedBytesInCode: "invalid code: must not begin with 0xef",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCall:
    """A call that is run and forgotten; `to` None creates a contract, `gas` includes the intrinsic part."""

    sender: Address
    to: Address | None
    value: int
    data: bytes
    gas: int
    access_list: AccessList = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a message did; `gas_used` is before refunds, `fault` is None on success."""

    output: bytes
    gas_used: int
    reverted: bool
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _FreeTransaction:
    """What py-evm's executor reads of a transaction; unsigned, and every price zero."""

    sender: Address
    to: bytes
    value: int
    data: bytes
    gas: int
    nonce: int
    access_list: AccessList
    intrinsic_gas: int = 0
    gas_price: int = 0
    max_fee_per_gas: int = 0
    max_priority_fee_per_gas: int = 0
    type_id: None = None
    s: int = 1

    def validate(self) -> None:
        """Pass: there is no signature."""


class LedgerVM(CancunVM):
    """Cancun with a fixed gas limit and a base fee of zero."""

    consensus_class = NoProofConsensus

    @classmethod
    def validate_gas(cls, header: BlockHeaderAPI, parent_header: BlockHeaderAPI) -> None:
        """Allow neither to move."""
        if header.gas_limit != parent_header.gas_limit or header.base_fee_per_gas != 0:
            msg = "the gas limit and the base fee of this ledger are fixed"
            raise ValidationError(msg)


class _HeaderAndStateDB(ChainDB):
    """A chain database that keeps no bodies: the ledger's own history does."""

    def persist_trie_data_dict(self, trie_data_dict: dict[Hash32, bytes]) -> None:
        """Drop the nodes of transaction and receipt tries; only their roots are needed."""


class Evm:
    """One chain's rules and state; not safe for several threads."""

    def __init__(
        self, *, chain_id: int, gas_limit: int, funds: Mapping[Address, int], timestamp: int, store: GenerationStore
    ) -> None:
        """Write the genesis: the funded accounts, nothing else."""
        self._store = store
        chain_class = MiningChain.configure(
            chaindb_class=_HeaderAndStateDB,
            vm_configuration=((BlockNumber(0), LedgerVM),),
            chain_id=chain_id,
        )
        accounts = {address: _account(balance) for address, balance in funds.items()}
        genesis: dict[str, HeaderParams] = {
            "gas_limit": gas_limit,
            "timestamp": timestamp,
            "difficulty": 0,
            "base_fee_per_gas": 0,
            "extra_data": chain_id.to_bytes(32),  # else ledgers started in one second share their blocks' hashes
        }
        chain = chain_class.from_genesis(AtomicDB(store), genesis, accounts)
        self._chain = cast("MiningChain", chain)
        self.genesis = cast("CancunBlockHeader", self._chain.get_canonical_head())

    def child(self, parent: CancunBlockHeader, timestamp: int) -> CancunBlockHeader:
        """Return the header to build the next block on; a different `prevRandao` for each block."""
        return CancunBlockHeader(
            difficulty=0,
            block_number=BlockNumber(parent.block_number + 1),
            gas_limit=parent.gas_limit,
            timestamp=timestamp,
            parent_hash=parent.hash,
            state_root=parent.state_root,
            mix_hash=Hash32(keccak(parent.hash)),
            nonce=POST_MERGE_NONCE,
            base_fee_per_gas=0,
            parent_beacon_block_root=ZERO_HASH32,
        )

    def machine(self, header: CancunBlockHeader) -> VirtualMachineAPI:
        """Return a fresh VM in that block's context, on the state that the header names."""
        return self._chain.get_vm(header)

    def state(self, header: CancunBlockHeader) -> StateAPI:
        """Return a state to read, or to run on and throw away."""
        return self.machine(header).state

    def keep_header(self, header: CancunBlockHeader) -> None:
        """Make the header readable for BLOCKHASH."""
        self._store[header.hash] = encode_header(header)

    def run(self, header: CancunBlockHeader, call: MessageCall) -> Outcome:
        """Run a message after a block, in that block's context (as geth does), and forget its effects.

        Raises:
            ExecutionFailedError: it can't begin: too little gas for its size, or too little money for its value; or its
                calls nest deeper than this Python lets C code recurse (3.12: some hundreds of the EVM's 1,024).
        """
        state = self.state(header)
        transaction = _free(call, state.get_nonce(call.sender))
        balance = state.get_balance(call.sender)
        if balance < call.value:
            msg = f"insufficient funds for gas * price + value: balance {balance}, tx cost {call.value}"
            raise ExecutionFailedError(msg)
        if call.gas < transaction.intrinsic_gas:
            msg = f"intrinsic gas too low: have {call.gas}, want {transaction.intrinsic_gas}"
            raise ExecutionFailedError(msg)
        try:
            return _outcome(call, state.apply_transaction(cast("SignedTransactionAPI", transaction)))
        except RecursionError as error:
            msg = "calls nested deeper than this Python lets them: run the embedded ledger on another than 3.12"
            raise ExecutionFailedError(msg) from error


def intrinsic_gas(call: MessageCall) -> int:
    """Return what the message costs before its first instruction; creations pay for their code besides."""
    return _free(call, 0).intrinsic_gas


def _account(balance: int) -> AccountDetails:
    return {"balance": balance, "nonce": 0, "code": b"", "storage": {}}


def _free(call: MessageCall, nonce: int) -> _FreeTransaction:
    bare = _FreeTransaction(
        sender=call.sender,
        to=call.to or b"",
        value=call.value,
        data=call.data,
        gas=call.gas,
        nonce=nonce,
        access_list=call.access_list,
    )
    intrinsic = calculate_txn_intrinsic_gas_berlin(cast("SignedTransactionAPI", bare))
    return replace(bare, intrinsic_gas=intrinsic)


def _outcome(call: MessageCall, computation: ComputationAPI) -> Outcome:
    fault = computation.error if computation.is_error else None
    reverted = isinstance(fault, faults.Revert)
    return Outcome(
        output=computation.output,
        gas_used=call.gas - computation.get_gas_remaining(),
        reverted=reverted,
        fault=None if fault is None else _fault_text(fault),
    )


def _fault_text(fault: faults.VMError) -> str:
    if isinstance(fault, faults.Revert):
        return "execution reverted"
    return _FAULT_TEXTS.get(type(fault), f"execution failed: {type(fault).__name__}")
