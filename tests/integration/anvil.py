"""anvil nodes as users run them: on loopback, one block a second, each with a funded key in a file."""

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_account import Account

from bridge.devnet.process import die_with_parent
from tests.integration.support import until

EVM: Final = Path(__file__).parents[2] / "contracts/evm"
BINARY: Final = EVM / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
FUNDS_WEI: Final = 10**21
FREE: Final = ("--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee")
"""No fees, as on a permissioned ledger."""
_LISTENING: Final = re.compile(r"Listening on (127\.0\.0\.1:[0-9]+)")


@dataclass(frozen=True)
class Anvil:
    """A node that runs."""

    url: str
    key_file: Path

    def call(self, method: str, *parameters: object) -> object:
        """Make a JSON-RPC call."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})  # noqa: S310 - our node
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            result: object = json.load(answer)["result"]
            return result


@contextmanager
def anvil(folder: Path, chain_id: int, *arguments: str, slots_in_an_epoch: int = 0) -> Iterator[Anvil]:
    """Run a node; with *slots_in_an_epoch* 0 blocks are final at once, with 1 after two more."""
    timing = ("--block-time", "1", "--slots-in-an-epoch", str(slots_in_an_epoch))
    with running(folder, chain_id, *timing, *arguments) as url:
        node = Anvil(url, key_file(folder / f"{chain_id}.key"))
        node.call("anvil_setBalance", Account.from_key(node.key_file.read_text()).address, hex(FUNDS_WEI))
        yield node


@contextmanager
def running(folder: Path, chain_id: int, *arguments: str) -> Iterator[str]:
    """Run a node as *arguments* say, by default with a block for each transaction; give its address."""
    command = [str(BINARY), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(chain_id), *arguments]
    log = folder / f"anvil-{chain_id}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            preexec_fn=die_with_parent(os.getpid()),  # noqa: PLW1509 - it calls prctl and getppid only
        )
    try:
        found = until(lambda: _LISTENING.search(log.read_text()) or process.poll() is not None, "anvil listens")
        assert isinstance(found, re.Match), log.read_text()
        yield f"http://{found[1]}"
    finally:
        process.kill()
        process.wait()


def key_file(path: Path) -> Path:
    """Make a key that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text("0x" + bytes(Account.create().key).hex())
    return path
