"""One account of one EVM ledger: signs and sends transactions, waits for their receipts."""

import asyncio
from typing import Any, Final, cast

from eth_account import Account as EthAccount
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3.contract import AsyncContract
from web3.types import TxParams, TxReceipt

from bridge.adapters.evm.node import Node
from bridge.core.caip import Account, evm_account
from bridge.errors import InvalidInputError, LedgerRefusedError, RevertedError, UnavailableError
from bridge.ports.ledger import PreparedTransaction

RECEIPT_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.1
GAS_MARGIN: Final = (6, 5)
"""Estimate times 6/5: gas differs a little between kinds of nodes."""


class EvmAccount:
    """A private key on one ledger. One process at a time sends with it: the ledger's own nonce is the truth (R-52)."""

    def __init__(self, node: Node, key: str) -> None:
        """Use *key*, 0x and 64 hexadecimal digits.

        Raises:
            InvalidInputError: it is not a private key.
        """
        self.node = node
        self._signer = _signer(key)

    @property
    def address(self) -> ChecksumAddress:
        """The account's address."""
        return self._signer.address

    @property
    def account(self) -> Account:
        """The account in 32 bytes."""
        return evm_account(self.address)

    def sign(self, domain_separator: bytes, struct_hash: bytes) -> bytes:
        """Sign typed data by its two hashes (EIP-712); 65 bytes r ‖ s ‖ v."""
        message = SignableMessage(version=b"\x01", header=domain_separator, body=struct_hash)
        return bytes(self._signer.sign_message(message).signature)

    async def prepare(self, transaction: TxParams, *, gas: int | None = None) -> PreparedTransaction:
        """Fill in nonce, fees and gas, and sign; without *gas* it is estimated, which simulates the call."""
        filled = await self._filled(transaction)
        if gas is None:
            estimate = await self.node.ask(lambda: self.node.web3.eth.estimate_gas(filled))
            gas = estimate * GAS_MARGIN[0] // GAS_MARGIN[1]
        filled["gas"] = gas
        signed = self._signer.sign_transaction(cast("dict[str, Any]", filled))
        return PreparedTransaction(
            account=self.account,
            nonce=int(filled["nonce"]),
            reference=bytes(signed.hash),
            raw=bytes(signed.raw_transaction),
        )

    async def submit(self, transaction: PreparedTransaction) -> None:
        """Hand a signed transaction to the node; sending the same one again does no harm."""
        try:
            async with self.node.translated():
                await self.node.web3.eth.send_raw_transaction(HexBytes(transaction.raw))
        except LedgerRefusedError as error:
            if error.name == "AlreadyKnown":
                return
            if error.name == "NonceTooLow" and await self.node.receipt(transaction.reference) is not None:
                return
            raise

    async def confirm(self, transaction: PreparedTransaction) -> TxReceipt:
        """Wait until the transaction is in a block.

        Raises:
            UnavailableError: it isn't after a minute.
            RevertedError: it is, and reverted.
        """
        try:
            async with asyncio.timeout(RECEIPT_TIMEOUT_S):
                while (receipt := await self.node.receipt(transaction.reference)) is None:  # noqa: ASYNC110 - nodes don't call
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            msg = f"transaction 0x{transaction.reference.hex()} is in no block after {RECEIPT_TIMEOUT_S:.0f} s"
            raise UnavailableError(msg) from None
        if receipt["status"] != 1:
            raise RevertedError(transaction.reference)
        return receipt

    async def transact(self, contract: AsyncContract, name: str, *arguments: object) -> TxReceipt:
        """Send a call of a contract's function and wait until it is in a block."""
        return await self.send({"to": contract.address, "data": contract.encode_abi(name, arguments)})

    async def enqueue(self, transaction: TxParams, *, gas: int) -> PreparedTransaction:
        """Send without waiting for a block, so that many fit into one; *gas* can't be estimated on what isn't there."""
        prepared = await self.prepare(transaction, gas=gas)
        await self.submit(prepared)
        return prepared

    async def send(self, transaction: TxParams) -> TxReceipt:
        """Send a transaction and wait until it is in a block."""
        prepared = await self.prepare(transaction)
        await self.submit(prepared)
        return await self.confirm(prepared)

    async def _filled(self, transaction: TxParams) -> TxParams:
        web3 = self.node.web3
        nonce = await self.node.ask(lambda: web3.eth.get_transaction_count(self.address, "pending"))
        block = await self.node.ask(lambda: web3.eth.get_block("latest"))
        tip = await self.node.ask(self._tip)
        base = int(block.get("baseFeePerGas", 0))
        filled: TxParams = {
            "from": self.address,
            "chainId": await self.node.chain_id(),
            "nonce": nonce,
            "value": cast("Any", 0),
            "maxPriorityFeePerGas": cast("Any", tip),
            "maxFeePerGas": cast("Any", 2 * base + tip),
            **transaction,
        }
        return filled

    async def _tip(self) -> int:
        return int(await self.node.web3.eth.max_priority_fee)


def account_of(key: str) -> Account:
    """Tell whose *key* is.

    Raises:
        InvalidInputError: it is not a private key.
    """
    return evm_account(_signer(key).address)


def _signer(key: str) -> LocalAccount:
    try:
        signer: LocalAccount = EthAccount.from_key(key)
    except (ValueError, TypeError):
        msg = "not a private key: the file must hold 0x and 64 hexadecimal digits"
        raise InvalidInputError(msg) from None
    return signer
