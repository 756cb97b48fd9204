"""`python -m bridge.devnet --name NAME`: the supervisor of one embedded network, until SIGTERM or SIGINT.

People use `naru devnet up`, which starts this and waits for the client configuration.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import structlog

from bridge import telemetry
from bridge.devnet.issuance import Issuance, SampleIssuance, TrexIssuance
from bridge.devnet.kinds import TokenKind
from bridge.devnet.launch import EXIT_INPUT, SPEAKER
from bridge.devnet.network import NAMES, Network, OwnLedger
from bridge.devnet.process import die_with_parent
from bridge.devnet.runs import claim
from bridge.errors import BridgeError, ConfigError, InvalidInputError

log = structlog.get_logger()


def main() -> int:
    """Bring a network up, keep it up, take it down; exit code 1 where that fails, 2 where the input is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bridge.devnet")
    parser.add_argument("--name", required=True, help="of the network's folder")
    parser.add_argument(
        "--ceremony", action="store_true", help="the notaries make their key together; else it is dealt"
    )
    parser.add_argument("--token", choices=list(TokenKind), default=TokenKind.SAMPLE, help="which tokens are issued")
    parser.add_argument("--trex-artifacts", metavar="FOLDER", type=Path, help="node_modules that holds T-REX")
    parser.add_argument("--with-parent", type=int, metavar="PID", help="end with the process PID, which started this")
    for name in NAMES:
        parser.add_argument(f"--{name}", metavar="URL", help="a ledger of yours instead of the embedded one")
        parser.add_argument(f"--{name}-key", metavar="FILE", type=Path, help="its funded key")
        parser.add_argument(f"--{name}-finality", default="instant", help="instant, tag:finalized, depth:N …")
    arguments = vars(parser.parse_args())
    if arguments["with_parent"] is not None:
        die_with_parent(arguments["with_parent"], signal.SIGTERM)()
    telemetry.configure("devnet")
    own = {
        name: OwnLedger(url=arguments[name], key_file=arguments[f"{name}_key"], finality=arguments[f"{name}_finality"])
        for name in NAMES
        if arguments[name] is not None
    }
    try:
        issuance = _issuance(arguments["token"], arguments["trex_artifacts"])
        asyncio.run(_run(arguments["name"], own, issuance, ceremony=arguments["ceremony"]))
    except (ConfigError, InvalidInputError) as error:
        print(f"{SPEAKER}{error}", file=sys.stderr)
        return EXIT_INPUT
    except BridgeError as error:
        print(f"{SPEAKER}{error}", file=sys.stderr)
        return 1
    return 0


def _issuance(kind: str, trex: Path | None) -> Issuance:
    """Choose the tokens.

    Raises:
        ConfigError: T-REX is wanted, and not installed.
    """
    if kind == TokenKind.SAMPLE:
        return SampleIssuance()
    if trex is None:
        raise ConfigError(("--token trex needs --trex-artifacts FOLDER",))
    return TrexIssuance(trex)


async def _run(name: str, own: dict[str, OwnLedger], issuance: Issuance, *, ceremony: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    folder, _lock = claim(name)
    network = Network(folder, own, issuance, ceremony=ceremony)
    try:
        up = asyncio.create_task(network.up())
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait([up, stop], return_when=asyncio.FIRST_COMPLETED)
        if up.done():
            up.result()
            log.info("network.up", address=str(folder))
            await network.run(stopping)
        up.cancel()
        stop.cancel()
    finally:
        await network.down()


if __name__ == "__main__":
    sys.exit(main())
