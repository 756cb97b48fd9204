"""Submissions to one EVM gateway from one account (ports.ledger.LedgerWriter)."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Final

from eth_abi.abi import decode as abi_decode
from eth_typing import HexStr
from web3.types import TxParams, TxReceipt

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY, topic
from bridge.adapters.evm.reader import EvmReader, terms
from bridge.core.caip import AssetId, EndpointId, evm_address
from bridge.core.reasons import Reason
from bridge.core.statements import Kind
from bridge.core.transfer import ZERO_WORD, Transfer, TransferId
from bridge.ports.ledger import Attestation, Payout, PreparedTransaction, Receipt, Submission

SETTLE_FAILED: Final = topic("SettleFailed(bytes32,uint8,bytes)")
DELAY_NOT_OVER: Final = topic("DelayNotOver(uint64)")[:4]
GAS_FIXED: Final = 850_000
"""Signature check, the list's head, and what the last item must see left before it starts: GasLib.sol's overhead of an
item and reserve, 550k, with the EVM's 64/63 (R-21)."""
GAS_PER_ITEM: Final = 200_000
"""Record, totals and event of an item, measures and views of its token, beside what its calls are given: settle makes
one of the token for each item, and one of its handler where that is asked; finish one at the most."""
GAS_MAX: Final = 2**24
"""What one transaction may have, whatever its block holds (EIP-7825)."""

Item = tuple[int, bytes, bytes, int, int, bytes, bytes]
Batch = tuple[bytes, bytes, list[Item]]


class EvmWriter:
    """Settles, refuses and finishes on one gateway."""

    def __init__(self, account: EvmAccount, reader: EvmReader) -> None:
        """Send from *account* to the gateway that *reader* reads."""
        self._account = account
        self._reader = reader
        self._gateway = account.node.contract(GATEWAY, evm_address(reader.endpoint.gateway))
        self._allowances: dict[AssetId, int] = {}

    async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
        """Sign a transaction with the ledger's next free nonce; sends nothing.

        Gas is reckoned, never estimated: a list that stops early for lack of gas does not revert (R-21), so an
        estimate would find the gas of its first item. The call is simulated at that gas. Of a list, only what fits
        one transaction is tried; the rest goes as bare ids (R-20) and stays as it is.
        """
        tried = (call.transfer,) if isinstance(call, Payout) else call.tried
        costs = [GAS_PER_ITEM + await self._allowance(transfer.asset) * 64 // 63 for transfer in tried]
        if isinstance(call, Submission):
            costs = costs[: fitting(costs, await self._gas_max())]
            call = replace(call, tried=tried[: len(costs)])
        gas = GAS_FIXED + sum(costs)
        transaction: TxParams = {"to": self._gateway.address, "data": self._data(call), "gas": gas}
        simulated: TxParams = {**transaction, "from": self._account.address}
        await self._account.node.ask(lambda: self._account.node.web3.eth.call(simulated))
        return await self._account.prepare(transaction, gas=gas)

    async def submit(self, transaction: PreparedTransaction) -> None:
        """Hand the transaction to the node; sending the same one again does no harm."""
        await self._account.submit(transaction)

    async def receipt(self, reference: bytes) -> Receipt | None:
        """Look whether the transaction is in a block; None while it isn't."""
        found = await self._account.node.receipt(reference)
        if found is None:
            return None
        failures = _failures(found)
        return Receipt(
            stamp=await self._account.node.stamp(int(found["blockNumber"])),
            succeeded=found["status"] == 1,
            failures=tuple((transfer_id, reason) for transfer_id, reason, _ in failures),
            releases=tuple((i, int.from_bytes(error[4:])) for i, _, error in failures if error[:4] == DELAY_NOT_OVER),
            errors=tuple((transfer_id, error) for transfer_id, _, error in failures),
        )

    async def _gas_max(self) -> int:
        block = await self._account.node.ask(lambda: self._account.node.web3.eth.get_block("latest"))
        return min(int(block.get("gasLimit", GAS_MAX)), GAS_MAX)

    async def _allowance(self, asset: AssetId) -> int:
        if asset not in self._allowances:
            self._allowances[asset] = await self._reader.gas_allowance(asset)
        return self._allowances[asset]

    def _data(self, call: Submission | Payout) -> HexStr:
        if isinstance(call, Payout):
            return HexStr(self._gateway.encode_abi("payout", [terms(call.transfer)]))
        statement = call.attestation.statement
        lists, signature = batches(call, self._reader.endpoint.id), _attestation(call.attestation)
        match statement.kind:
            case Kind.LOCKED:
                return HexStr(self._gateway.encode_abi("settle", [lists, signature]))
            case Kind.REFUSED:
                return HexStr(self._gateway.encode_abi("refuse", [lists, statement.codes, signature]))
            case Kind.OUTCOME:
                return HexStr(self._gateway.encode_abi("finish", [lists, statement.codes, signature]))


def fitting(costs: Sequence[int], gas_max: int) -> int:
    """Count the leading items, by the gas of each, that one transaction can try; one is tried in any case."""
    return max(1, sum(gas <= gas_max - GAS_FIXED for gas in accumulate(costs)))


def batches(submission: Submission, here: EndpointId) -> list[Batch]:
    """Lay a statement's items out in its order: each run of one lane's is a batch, named by the lane's other end.

    What is not tried goes bare in the batch that it comes upon, and so does what has *here* at neither end: a gateway
    takes its own place in the terms for granted.
    """
    outgoing = submission.attestation.statement.kind is Kind.OUTCOME
    tried = {transfer.id: transfer for transfer in submission.tried}
    runs: list[Batch] = []
    for listed in submission.attestation.statement.items:
        transfer = tried.get(listed.transfer_id)
        if transfer is None or here != (transfer.source if outgoing else transfer.destination):
            run, item = runs[-1][:2] if runs else (ZERO_WORD, ZERO_WORD), _bare(listed.transfer_id)
        else:
            run = (transfer.destination if outgoing else transfer.source, transfer.asset)
            item = _item(transfer)
        if not runs or runs[-1][:2] != run:
            runs.append((*run, []))
        runs[-1][2].append(item)
    return runs


def _item(transfer: Transfer) -> Item:
    return (
        transfer.sequence,
        transfer.sender,
        transfer.recipient,
        transfer.amount,
        transfer.deadline,
        transfer.client_reference,
        transfer.payload_hash,
    )


def _bare(transfer_id: TransferId) -> Item:
    """Lay an item out that only counts for the digest: its id in the sender's place, sequence 0 (R-20)."""
    return (0, transfer_id, ZERO_WORD, 0, 0, ZERO_WORD, ZERO_WORD)


def _attestation(attestation: Attestation) -> tuple[int, int, int, int, int, int]:
    px, py = attestation.group_key.coordinates()
    rx, ry = attestation.signature.group_commitment.coordinates()
    return (attestation.statement.epoch, px, py, rx, ry, attestation.signature.z)


def _failures(receipt: TxReceipt) -> list[tuple[TransferId, Reason, bytes]]:
    """List what settle left at NONE: why, and the error; a large amount that waits has its release there (R-25)."""
    found = []
    for log in receipt["logs"]:
        if log["topics"][0] == SETTLE_FAILED:
            reason, error = abi_decode(("uint8", "bytes"), bytes(log["data"]))
            found.append((TransferId(bytes(log["topics"][1])), Reason(reason), error))
    return found
