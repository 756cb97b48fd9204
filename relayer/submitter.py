"""Sends transactions to one gateway from one account, one after the other: intent first, then the ledger (R-52)."""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from bridge.core.transfer import TransferId
from bridge.errors import LedgerRefusedError, UnavailableError
from bridge.ports.ledger import LedgerWriter, Payout, PreparedTransaction, Receipt, Submission
from bridge.ports.runtime import Clock
from bridge.ports.store import Intent, IntentStore

CONFIRM_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.2
RESEND_POLLS: Final = 25
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A transaction that is in a block."""

    ledger: str
    reference: bytes
    receipt: Receipt


class Submitter:
    """One writer per (ledger, account), so that nonces never race."""

    def __init__(self, ledger: str, writer: LedgerWriter, intents: IntentStore, clock: Clock) -> None:
        """Send to *ledger* (CAIP-2) by *writer*."""
        self._ledger = ledger
        self._writer = writer
        self._intents = intents
        self._clock = clock
        self._sending = asyncio.Lock()

    async def submit(self, call: Submission | Payout, action: str, ids: tuple[TransferId, ...]) -> Submitted:
        """Send one call and wait until it is in a block.

        Raises:
            LedgerRefusedError: the gateway would revert it, or did.
            UnavailableError: the node does not answer, or it is in no block after a minute; the intent is kept.
        """
        async with self._sending:
            await self._finish_intents()
            transaction = await self._writer.prepare(call)
            intent = Intent(ledger=self._ledger, action=action, transaction=transaction, transfer_ids=ids)
            await self._intents.add(intent)
            try:
                receipt = await self._send(transaction)
            except LedgerRefusedError:
                await self._intents.remove(intent)
                raise
            await self._intents.remove(intent)
            return Submitted(ledger=self._ledger, reference=transaction.reference, receipt=receipt)

    async def _finish_intents(self) -> None:
        """Bring what was about to be sent before a crash or an outage to its end: in a block, or never to be."""
        for intent in await self._intents.intents(self._ledger):
            try:
                await self._send(intent.transaction)
            except LedgerRefusedError as error:
                log.info("intent.dropped", ledger=self._ledger, error=str(error))
            await self._intents.remove(intent)

    async def _send(self, transaction: PreparedTransaction) -> Receipt:
        """Send until it is in a block: a node that took a transaction may still drop it silently."""
        until = self._clock.now() + CONFIRM_TIMEOUT_S
        attempt = 0
        while (receipt := await self._writer.receipt(transaction.reference)) is None:
            if self._clock.now() > until:
                msg = f"transaction 0x{transaction.reference.hex()} is in no block of {self._ledger} after a minute"
                raise UnavailableError(msg)
            if attempt % RESEND_POLLS == 0:
                await self._writer.submit(transaction)
            attempt += 1
            await self._clock.sleep(POLL_S)
        if not receipt.succeeded:
            raise LedgerRefusedError("Reverted", f"transaction 0x{transaction.reference.hex()}")
        return receipt
