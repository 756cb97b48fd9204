"""One ledger as a process: listen, announce, seal on time, stop at once. The clock and sockets enter here."""

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog
from aiohttp import web
from eth_typing import Address

from bridge.devnet.ledger.chain import GAS_LIMIT, ChainSettings, DevChain
from bridge.devnet.ledger.methods import Methods
from bridge.devnet.ledger.records import SealedBlock
from bridge.devnet.ledger.rpc import RpcServer
from bridge.devnet.ledger.worker import Urgency, Worker
from bridge.errors import BridgeError

HOST = "127.0.0.1"
STOP_TIMEOUT_S = 0.2  # aiohttp waits for it twice: for the handlers, then for the connections
_EXECUTION_SHARE = 0.4

_log = structlog.get_logger("bridge.devnet.ledger")


class PortUnavailableError(BridgeError):
    """The port is taken or not allowed; choose another, or 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """How one ledger runs; `port` 0 lets the system choose, balances in wei. Below a second, its time runs ahead."""

    chain_id: int
    period_s: float
    funds: Mapping[Address, int]
    port: int
    announce: Path | None
    gas_limit: int = GAS_LIMIT


async def serve(settings: ServiceSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set.

    Raises:
        PortUnavailableError: the port can't be had.
    """
    listener = _listen(settings.port)
    port: int = listener.getsockname()[1]
    worker = Worker()
    worker.start()
    chain = await worker.run(lambda: _begin(settings))
    runner = web.AppRunner(
        RpcServer(Methods(chain, client_version()), worker).application(),
        access_log=None,
        shutdown_timeout=STOP_TIMEOUT_S,
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        if settings.announce is not None:
            announce(settings.announce, port)
        _log.info("ledger.started", ledger=settings.chain_id, port=port, period_s=settings.period_s)
        async with asyncio.TaskGroup() as group:
            ticker = group.create_task(_seal_forever(chain, worker, settings))
            await stop.wait()
            ticker.cancel()
    finally:
        worker.stop()
        await runner.cleanup()
        listener.close()
    _log.info("ledger.stopped", ledger=settings.chain_id, height=chain.head.block_number)


def client_version() -> str:
    """Return what web3_clientVersion tells."""
    try:
        number = version("naru-bridge")
    except PackageNotFoundError:
        number = "0"
    return f"Naru-devnet/{number}/py-evm"


def announce(path: Path, port: int) -> None:
    """Write the port so that a reader sees all of it or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(f"{port}\n")
    Path(temporary).replace(path)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        msg = f"cannot listen on {HOST}:{port}: {error.strerror}; choose another --port, or 0"
        raise PortUnavailableError(msg) from error


def _begin(settings: ServiceSettings) -> DevChain:
    """Seal the genesis and one block, so that the parent's hash is never zero for a contract."""
    now = int(time.time())
    chain = DevChain(
        ChainSettings(
            chain_id=settings.chain_id,
            funds=settings.funds,
            genesis_timestamp=now - 1,
            gas_limit=settings.gas_limit,
        )
    )
    chain.seal(now)
    return chain


async def _seal_forever(chain: DevChain, worker: Worker, settings: ServiceSettings) -> None:
    """Seal on the whole seconds of the wall clock; a period that was missed is left out, not made up for."""
    loop = asyncio.get_running_loop()
    due = loop.time() + settings.period_s - time.time() % settings.period_s
    while True:
        await asyncio.sleep(due - loop.time())
        await worker.run(lambda: _seal(chain, settings), Urgency.SEAL)
        late = loop.time() - due
        due += settings.period_s * (1 + int(max(0.0, late) // settings.period_s))


def _seal(chain: DevChain, settings: ServiceSettings) -> None:
    began = time.monotonic()
    deadline = began + settings.period_s * _EXECUTION_SHARE
    block = chain.seal(int(time.time()), lambda: time.monotonic() > deadline)
    if block.transactions:
        _report(settings.chain_id, block, time.monotonic() - began)


def _report(ledger: int, block: SealedBlock, duration_s: float) -> None:
    _log.info(
        "block.sealed",
        ledger=ledger,
        height=block.number,
        transactions=len(block.transactions),
        gas_used=block.gas_used,
        duration_ms=round(duration_s * 1000, 1),
    )
