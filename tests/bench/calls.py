"""The measured calls as bytes: the only place of the benchmark that knows the gateway's ABI.

It asks the adapter's own encoders, so what is measured is what relayers and holders send.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_typing import HexStr

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.holder import EvmHolder, LockRequest, lock_batches
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.evm.venue import EvmVenue
from bridge.adapters.evm.writer import EvmWriter
from bridge.core import orders as core
from bridge.core.caip import Account, evm_account, evm_address
from bridge.core.orders import SignedOrder
from bridge.ports.ledger import Submission

Request = LockRequest


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request that its holder, whose private key `key` is, signs for somebody else to submit."""

    key: str
    request: Request


class Calls:
    """Encodes calls of one gateway."""

    def __init__(self, account: EvmAccount, reader: EvmReader) -> None:
        self._writer = EvmWriter(account, reader)
        self._venue = EvmVenue(account, reader)
        self._reader = reader
        self._node = account.node
        self._gateway = account.node.contract(GATEWAY, evm_address(reader.endpoint.gateway))
        self.address = self._gateway.address

    def submission(self, submission: Submission) -> HexStr:
        """settle, refuse or finish, by the statement's kind."""
        return self._writer._data(submission)  # noqa: SLF001 - the encoder that is measured

    def lock(self, requests: Sequence[Request]) -> HexStr:
        """The caller's own units, all in one lane."""
        return HexStr(self._gateway.encode_abi("lock", [lock_batches(requests)]))

    def lock_orders(self, orders: Sequence[Order], venue: str) -> HexStr:
        """Orders of distinct holders, all in one lane, submitted by *venue*."""
        return self._venue.encode([self._signed(order, venue) for order in orders])

    def _signed(self, order: Order, venue: str) -> SignedOrder:
        account, terms = EvmAccount(self._node, order.key), order.request.terms
        unsigned = core.Order(
            source=self._reader.endpoint.id,
            destination=terms.destination,
            asset=terms.asset,
            holder=account.account,
            recipient=Account(terms.recipient),
            amount=terms.amount,
            deadline=terms.deadline,
            client_reference=terms.client_reference,
            nonce=order.request.nonce,
            expiry=terms.deadline,
            submitter=evm_account(venue),
        )
        return EvmHolder(account, self._reader).sign(unsigned)

    def cancel_nonces(self, word: int, mask: int) -> HexStr:
        return HexStr(self._gateway.encode_abi("cancelNonces", [word, mask]))
