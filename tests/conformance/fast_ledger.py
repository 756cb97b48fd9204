"""`python -m tests.conformance.fast_ledger CHAIN_ID ANNOUNCE ADDRESS…`: an embedded ledger with ten blocks a second.

Its timestamps rise by a second a block all the same, so that a deadline of 20 s passes in two.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from eth_typing import Address

from bridge.devnet.ledger.service import ServiceSettings, serve

PERIOD_S = 0.1
FUNDS_WEI = 10**24


async def main(chain_id: int, announce: Path, addresses: Sequence[str]) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    funds = {Address(bytes.fromhex(address[2:])): FUNDS_WEI for address in addresses}
    await serve(ServiceSettings(chain_id=chain_id, period_s=PERIOD_S, funds=funds, port=0, announce=announce), stop)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
