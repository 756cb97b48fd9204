"""Raw transactions into values, with the signature checked. Rules that need the chain's state live in pool.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from eth.abc import SignedTransactionAPI
from eth.constants import SECPK1_N
from eth.exceptions import PyEVMError
from eth.vm.forks.cancun.transactions import CancunTransactionBuilder
from eth_keys.exceptions import BadSignature
from eth_typing import Address, Hash32
from eth_utils.exceptions import ValidationError

from bridge.core.keccak import keccak
from bridge.devnet.ledger.codec import RlpError
from bridge.devnet.ledger.errors import TransactionRefusedError

AccessList: TypeAlias = tuple[tuple[Address, tuple[int, ...]], ...]

RAW_LEN_MAX = 128 * 1024
TYPE_LEGACY, TYPE_ACCESS_LIST, TYPE_DYNAMIC_FEE = 0, 1, 2

_TYPED_FIRST_BYTE_MAX = 0x7F
_EIP155_V_MIN = 35
_WORD_LIMIT = 2**256
_UINT64_LIMIT = 2**64
_MALFORMED = (RlpError, PyEVMError, ValidationError, ValueError, TypeError, IndexError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A decoded transaction whose signature is valid; amounts in wei, `to` None for a creation."""

    raw: bytes
    hash: Hash32
    sender: Address
    type_id: int
    chain_id: int
    nonce: int
    gas: int
    fee_max: int
    tip_max: int
    to: Address | None
    value: int
    data: bytes
    access_list: AccessList
    v: int
    r: int
    s: int
    intrinsic_gas: int
    evm: SignedTransactionAPI

    @property
    def cost_max(self) -> int:
        """What the sender must own for it to run, in wei."""
        return self.gas * self.fee_max + self.value


def decode_transaction(raw: bytes, sender: Address | None = None) -> SignedTransaction:
    """Decode types 0 (EIP-155), 1 and 2; the sender is recovered unless it is known already.

    Raises:
        TransactionRefusedError: malformed, unsupported type, not bound to a chain, or a bad signature.
    """
    if len(raw) > RAW_LEN_MAX:
        msg = f"oversized data: transaction size {len(raw)}, limit {RAW_LEN_MAX}"
        raise TransactionRefusedError(msg)
    evm = _parse(raw)
    type_id = evm.type_id or TYPE_LEGACY
    v = cast("int", evm.v if type_id == TYPE_LEGACY else evm.y_parity)  # type: ignore[attr-defined]  # legacy field
    _check_signature_values(type_id, v, evm)
    _check_widths(evm)
    return SignedTransaction(
        raw=raw,
        hash=Hash32(keccak(raw)),
        sender=_recover(evm) if sender is None else sender,
        type_id=type_id,
        chain_id=evm.chain_id or 0,
        nonce=evm.nonce,
        gas=evm.gas,
        fee_max=evm.max_fee_per_gas,
        tip_max=evm.max_priority_fee_per_gas,
        to=evm.to or None,
        value=evm.value,
        data=evm.data,
        access_list=_access_list(evm.access_list),
        v=v,
        r=evm.r,
        s=evm.s,
        intrinsic_gas=evm.intrinsic_gas,
        evm=evm,
    )


def _parse(raw: bytes) -> SignedTransactionAPI:
    if raw and raw[0] <= _TYPED_FIRST_BYTE_MAX and raw[0] not in (TYPE_ACCESS_LIST, TYPE_DYNAMIC_FEE):
        msg = "transaction type not supported"
        raise TransactionRefusedError(msg)
    try:
        return CancunTransactionBuilder.decode(raw)
    except _MALFORMED as error:
        msg = f"rlp: cannot decode the transaction: {error}"
        raise TransactionRefusedError(msg) from error


def _check_signature_values(type_id: int, v: int, evm: SignedTransactionAPI) -> None:
    if type_id == TYPE_LEGACY and v in (27, 28):
        msg = "only replay-protected (EIP-155) transactions allowed over RPC"
        raise TransactionRefusedError(msg)
    v_is_valid = v >= _EIP155_V_MIN if type_id == TYPE_LEGACY else v in (0, 1)
    if not (v_is_valid and 0 < evm.r < SECPK1_N and 0 < evm.s <= SECPK1_N // 2):
        msg = "invalid transaction v, r, s values"
        raise TransactionRefusedError(msg)


def _check_widths(evm: SignedTransactionAPI) -> None:
    """Refuse what no EVM word or geth field can hold."""
    if evm.nonce >= _UINT64_LIMIT - 1:
        msg = "nonce has max value"
        raise TransactionRefusedError(msg)
    if evm.gas >= _UINT64_LIMIT or max(evm.value, evm.max_fee_per_gas, evm.max_priority_fee_per_gas) >= _WORD_LIMIT:
        msg = "rlp: value larger than its field"
        raise TransactionRefusedError(msg)
    if evm.max_priority_fee_per_gas > evm.max_fee_per_gas:
        msg = "max priority fee per gas higher than max fee per gas"
        raise TransactionRefusedError(msg)


def _recover(evm: SignedTransactionAPI) -> Address:
    try:
        return evm.sender
    except (BadSignature, ValidationError, ValueError) as error:
        msg = "invalid sender"
        raise TransactionRefusedError(msg) from error


def _access_list(items: Sequence[tuple[Address, Sequence[int]]]) -> AccessList:
    return tuple((address, tuple(slots)) for address, slots in items)
