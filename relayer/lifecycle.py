"""Lifecycle data beside the units (R-27): what other institutions send is checked and kept, what waits here is sent.

Law: no lane waits for any of this, and no failure in it reaches one. What is received is kept only if the hash that the
transfer binds on this relayer's own finalised view of the source ledger is that of the bytes.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from bridge.committee.identity import ForgedError, Identity, IdentityCard
from bridge.core.caip import EndpointId
from bridge.core.lifecycle import Fault, LifecycleError, Package, Parcel, seal_context
from bridge.core.transfer import Transfer, TransferId
from bridge.errors import BridgeError, UnavailableError
from bridge.ports.committee import TransferRef
from bridge.ports.ledger import LedgerReader
from bridge.ports.lifecycle import SEALED_LEN_MAX, Box, Correspondent, Delivery, ParcelStore
from bridge.ports.runtime import Clock
from bridge.telemetry import crash_text

BACKOFF_S: Final = (1.0, 300.0)
"""First and longest wait before the same parcel is tried again."""
AT_ONCE_MAX: Final = 32
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """Who receives what goes to one gateway: its card, and the way to its relayer."""

    card: IdentityCard
    correspondent: Correspondent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Retry:
    due_at: float
    wait_s: float


class Receiver:
    """This institution as a Correspondent: opens, checks, keeps."""

    def __init__(self, identity: Identity, readers: Mapping[EndpointId, LedgerReader], store: ParcelStore) -> None:
        """Open with *identity*, check against what *readers* (by gateway) show as final, keep in *store*'s inbox."""
        self._identity = identity
        self._readers = readers
        self._store = store

    async def deliver(self, delivery: Delivery) -> None:
        """Take a package, or refuse it by name; nothing is kept of one that is refused."""
        if len(delivery.sealed) > SEALED_LEN_MAX:
            raise LifecycleError(Fault.TOO_LONG, f"a sealed package has at most {SEALED_LEN_MAX} bytes")
        if delivery.recipient != self._identity.card.sealing:
            text = "sealed to another card than this institution's: put its present card into lifecycle.peers"
            raise LifecycleError(Fault.OTHER_RECIPIENT, text)
        transfer = await self._transfer(delivery.ref)
        package = Package.from_bytes(self._opened(delivery.sealed, transfer))
        package.check(transfer)
        await asyncio.to_thread(self._store.put, Box.INBOX, Parcel(transfer=transfer, package=package))
        log.info("lifecycle.kept", transfer_id=transfer.id.hex())

    async def _transfer(self, ref: TransferRef) -> Transfer:
        """Read the terms off the source ledger, at finality."""
        reader = self._readers.get(ref.lane.source)
        if reader is None:
            text = f"the receiving relayer reads no gateway 0x{ref.lane.source.hex()}: it takes no data from there"
            raise LifecycleError(Fault.NO_TRANSFER, text)
        locks = await reader.locks(ref.lane, ref.sequence, 1, await reader.head())
        if not locks:
            raise UnavailableError(f"transfer 0x{ref.transfer_id.hex()} is not final here yet: try again later")
        if locks[0].transfer.id != ref.transfer_id:
            text = f"another transfer is number {ref.sequence} of that lane: name the one that the data belongs to"
            raise LifecycleError(Fault.NO_TRANSFER, text)
        return locks[0].transfer

    def _opened(self, sealed: bytes, transfer: Transfer) -> bytes:
        try:
            return self._identity.open(sealed, seal_context(transfer))
        except ForgedError as error:
            text = "the seal is of another transfer or another hash, or was changed on its way: seal it anew"
            raise LifecycleError(Fault.SEAL_BROKEN, text) from error


class Sender:
    """Empties the outbox: each parcel until it is kept or refused for good, however long that takes."""

    def __init__(self, store: ParcelStore, institutions: Mapping[EndpointId, Institution], clock: Clock) -> None:
        """Send what lies in *store*'s outbox to *institutions*, by destination gateway."""
        self._store = store
        self._institutions = institutions
        self._clock = clock
        self._retries: dict[TransferId, _Retry] = {}

    async def run(self, stopping: asyncio.Event, poll_s: float) -> None:
        """Step until *stopping* is set; what fails is logged and tried again."""
        while not stopping.is_set():
            try:
                await self.step()
            except BridgeError as error:
                log.warning("lifecycle.step_failed", error=str(error))
            except Exception as error:  # noqa: BLE001 - the task's boundary: a surprise must not end the lanes
                log.error("lifecycle.step_crashed", error=crash_text(error))  # noqa: TRY400 - no such key
            await self._clock.sleep(poll_s)

    async def step(self) -> None:
        """Try parcels that are due, side by side, so that an institution that hangs holds up no other one's."""
        waiting = await asyncio.to_thread(self._store.ids, Box.OUTBOX)
        self._retries = {each: self._retries[each] for each in waiting if each in self._retries}
        due = sorted((each for each in waiting if self._due_at(each) <= self._clock.now()), key=self._due_at)
        async with asyncio.TaskGroup() as tasks:
            for transfer_id in due[:AT_ONCE_MAX]:
                tasks.create_task(self._try(transfer_id))

    async def _try(self, transfer_id: TransferId) -> None:
        """Try one; what fails, in whatever way, costs the others nothing."""
        told = {"transfer_id": transfer_id.hex()}
        try:
            await self._send(transfer_id)
        except LifecycleError as error:
            await asyncio.to_thread(self._store.move, transfer_id, Box.REFUSED)
            log.warning("lifecycle.refused", error=str(error), **told)
        except BridgeError as error:  # a wrong certificate or address may be mended, too: nothing is given up
            self._wait(transfer_id)
            log.info("lifecycle.not_sent", error=str(error), **told)
        except Exception as error:  # noqa: BLE001 - the task's boundary: a surprise must not cancel its neighbours
            self._wait(transfer_id)
            log.error("lifecycle.crashed", error=crash_text(error), **told)  # noqa: TRY400 - no such key
        else:
            await asyncio.to_thread(self._store.move, transfer_id, Box.SENT)
            log.info("lifecycle.sent", **told)

    async def _send(self, transfer_id: TransferId) -> None:
        parcel = await asyncio.to_thread(self._store.get, Box.OUTBOX, transfer_id)
        if parcel is None:
            raise UnavailableError("it was taken out of the outbox by hand")
        transfer = parcel.transfer
        to = self._institutions.get(transfer.destination)
        if to is None:
            raise UnavailableError(
                f"no institution for gateway 0x{transfer.destination.hex()}: add it to lifecycle.peers"
            )
        ref = TransferRef(lane=transfer.lane, sequence=transfer.sequence, transfer_id=transfer.id)
        sealed = to.card.seal(parcel.package.to_bytes(), seal_context(transfer))
        await to.correspondent.deliver(Delivery(ref=ref, recipient=to.card.sealing, sealed=sealed))

    def _due_at(self, transfer_id: TransferId) -> float:
        retry = self._retries.get(transfer_id)
        return 0.0 if retry is None else retry.due_at

    def _wait(self, transfer_id: TransferId) -> None:
        earlier = self._retries.get(transfer_id)
        wait_s = min(BACKOFF_S[1], earlier.wait_s * 2) if earlier else BACKOFF_S[0]
        self._retries[transfer_id] = _Retry(due_at=self._clock.now() + wait_s, wait_s=wait_s)
