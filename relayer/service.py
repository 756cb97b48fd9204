"""The relayer as a whole: one engine per lane, found by asking the gateways."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from bridge.core.caip import EndpointId
from bridge.core.transfer import Lane
from bridge.errors import BridgeError
from bridge.ports.ledger import LedgerReader
from bridge.ports.runtime import Clock
from bridge.ports.store import CursorStore, TransferStore
from bridge.telemetry import crash_text
from relayer.coordinator import Coordinator
from relayer.engine import LaneEngine
from relayer.submitter import Submitter
from relayer.watcher import Watcher

LANES_POLL_S: Final = 5.0
GRACE_S: Final = 2.0
"""Within which an engine ends its step; what takes longer is taken up again at the next start."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a relayer is made of; readers and submitters by gateway."""

    readers: Mapping[EndpointId, LedgerReader]
    submitters: Mapping[EndpointId, Submitter]
    coordinator: Coordinator
    transfers: TransferStore
    cursors: CursorStore
    clock: Clock


async def run(parts: Parts, stopping: asyncio.Event, poll_s: float) -> None:
    """Serve every lane between configured gateways until *stopping* is set; new lanes are found as they come."""
    engines: dict[Lane, asyncio.Task[None]] = {}
    ask_at = 0.0
    async with asyncio.TaskGroup() as tasks:
        while not stopping.is_set():
            if not engines or parts.clock.now() >= ask_at:
                ask_at = parts.clock.now() + LANES_POLL_S
                for lane in await _lanes(parts):
                    if lane not in engines:
                        log.info("lane.found", lane=lane.id.hex())
                        engines[lane] = tasks.create_task(_engine(parts, lane).run(stopping, poll_s))
            await parts.clock.sleep(poll_s)
        if engines:
            await asyncio.wait(engines.values(), timeout=GRACE_S)
        for engine in engines.values():
            engine.cancel()  # what it was about to send is stored


async def _lanes(parts: Parts) -> list[Lane]:
    """Ask every gateway for its lanes; one that does not answer is asked again later."""
    lanes: dict[Lane, None] = {}
    for endpoint, reader in parts.readers.items():
        try:
            view = await reader.gateway(await reader.head())
        except BridgeError as error:
            log.warning("gateway.unread", ledger=reader.endpoint.ledger, error=str(error))
            continue
        except Exception as error:  # noqa: BLE001 - the task's boundary: a surprise must not end the lanes that run
            log.error("gateway.crashed", ledger=reader.endpoint.ledger, error=crash_text(error))  # noqa: TRY400 - no such key
            continue
        lanes |= {lane: None for lane in view.lanes if lane.source == endpoint and lane.destination in parts.readers}
    return list(lanes)


def _engine(parts: Parts, lane: Lane) -> LaneEngine:
    watcher = Watcher(
        lane,
        parts.readers[lane.source],
        parts.readers[lane.destination],
        parts.transfers,
        parts.cursors,
        parts.clock,
    )
    return LaneEngine(lane, watcher, parts.coordinator, parts.submitters, parts.transfers, parts.clock)
