"""Two embedded ledgers with ten blocks a second, people with keys there, and plans of a gateway on each."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from eth_account import Account as EthAccount

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import SAMPLE_HANDLER, SAMPLE_TOKEN
from bridge.adapters.evm.deploy import Outbox, TokenIssuer
from bridge.adapters.evm.node import Node
from bridge.core.keccak import keccak
from bridge.ops.gateway_plan import read_plan, read_record, record_path
from tests.committee import EPOCH, dealing
from tests.integration.support import Done, naru_here, until

NAMES = ("alpha", "beta")
CHAIN_IDS = {"alpha": 8111, "beta": 8112}
PEOPLE = ("deployer", "ann", "ben", "guardian", "auditor", "stranger")
ASSET = "isin:KR7900010013"
DELAY_S = 3
"""Governance's delay: three blocks of the fast ledger."""
OUTBOUND = {"amount_min": 1, "amount_max": 1000, "deadline_min_s": 60, "deadline_max_s": 86400}
INBOUND = {"capacity": 5000, "refill_s": 86400, "large_amount": 2000, "large_delay_s": 3600}


def key(name: str) -> str:
    return "0x" + keccak(f"a person's key: {name}".encode()).hex()


def address(name: str) -> str:
    return str(EthAccount.from_key(key(name)).address)


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A folder with key files, two ledgers, and a token and its handler on each."""

    folder: Path
    urls: Mapping[str, str]
    tokens: Mapping[str, str]
    handlers: Mapping[str, str]

    def key_file(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def plan(self, name: str, *, file: str = "", **changes: Any) -> Path:  # noqa: ANN401 - any TOML
        """Write the whole plan of a gateway on ledger *name*, with *changes*; None leaves a value out."""
        (peer,) = set(NAMES) - {name}
        values: dict[str, Any] = {
            "name": name,
            "node": self.urls[name],
            "chain_id": CHAIN_IDS[name],
            "deployer_file": "deployer.key",
            "governance": [address("ann"), address("ben")],
            "governance_delay_s": DELAY_S,
            "unpausers": [address("ann"), address("ben")],
            "guardian": address("guardian"),
            "auditor": address("auditor"),
            "handover_delay_s": 60,
            "redirect_delay_s": 60,
            "frost_verifier": True,
            "key": {"epoch": int(EPOCH), "public_keys": dealing().public_key_package.to_bytes().hex()},
            "peers": [{"name": peer, "deployment": f"{peer}.deployment.json"}],
            "assets": [
                {
                    "name": "tower",
                    "asset": ASSET,
                    "token": self.tokens[name],
                    "handler": self.handlers[name],
                    "form": "own",
                    "decimals": 0,
                    "gas_allowance": 200_000,
                    "register_key": address("stranger"),
                    "agents": [address("ann"), address("ben")],
                }
            ],
            "lanes": [{"asset": "tower", "peer": peer, "outbound": OUTBOUND, "inbound": INBOUND}],
        } | changes
        path = self.folder / f"{file or name}.toml"
        path.write_text(tomli_w.dumps({k: v for k, v in values.items() if v is not None}))
        return path

    def other_plan(self, name: str, file: str, **changes: Any) -> Path:  # noqa: ANN401 - any TOML
        """Write another plan of the gateway that stands on ledger *name*."""
        record = record_path(self.plan(name)).read_text()
        (self.folder / f"{file}.deployment.json").write_text(record)
        return self.plan(name, file=file, **changes)

    def deployed(self, name: str, file: str) -> Path:
        """Deploy one more gateway; give its plan."""
        plan = self.plan(name, file=file)
        done = self.naru("deploy", plan=plan)
        assert done.code == 0, done.err
        return plan

    def register(self, plan: Path, *what: str) -> None:
        """Have ann propose and ben approve, once the issuer has admitted the gateway to the token."""
        asyncio.run(self.admit(plan))
        done = self.naru("register", *what, "-o", "json", plan=plan, who="ann")
        assert done.code == 0, done.err
        assert self.approved(done.json["proposed"]["id"], plan, "ben").code == 0

    async def admit(self, plan: Path) -> None:
        """Grant the gateway what docs/deploy.md lists: to mint, and a place on the register of holders."""
        found, gateway = read_plan(plan), read_record(record_path(plan)).address("gateway")
        node = Node(found.node)
        try:
            outbox = Outbox(EvmAccount(node, key("stranger")))
            for asset in found.assets:
                token = TokenIssuer(outbox, SAMPLE_TOKEN, asset.token)
                await token.allow_minting(gateway)
                await token.register(gateway)
            await outbox.confirm()
        finally:
            await node.close()

    def node(self, name: str) -> Node:
        return Node(self.urls[name])

    def naru(self, *arguments: str, plan: Path, who: str = "") -> Done:
        """Run `naru gateway` in this process."""
        sender = ("--from", str(self.key_file(who))) if who else ()
        return naru_here("gateway", *arguments, "--plan", str(plan), *sender)

    def approved(self, operation: str, plan: Path, who: str) -> Done:
        """Approve as soon as the delay is over."""
        return until(lambda: self._approved(operation, plan, who), "the operation can be approved")

    def _approved(self, operation: str, plan: Path, who: str) -> Done | None:
        done = self.naru("approve", operation, "--yes", "-o", "json", plan=plan, who=who)
        return None if done.code and "more: approve it then" in done.err else done


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Start both ledgers, and end them by their process ids."""
    for name in PEOPLE:
        file = folder / f"{name}.key"
        file.touch(mode=0o600)
        file.write_text(key(name))
    with ExitStack() as stack:
        urls = {name: stack.enter_context(_running(folder / name, CHAIN_IDS[name])) for name in NAMES}
        pairs = {name: asyncio.run(_token(urls[name])) for name in NAMES}
        tokens = {name: token for name, (token, _) in pairs.items()}
        handlers = {name: handler for name, (_, handler) in pairs.items()}
        yield Ground(folder=folder, urls=urls, tokens=tokens, handlers=handlers)


@contextmanager
def _running(announce: Path, chain_id: int) -> Iterator[str]:
    module = "tests.conformance.fast_ledger"
    command = [sys.executable, "-W", "error", "-m", module, str(chain_id), str(announce), *map(address, PEOPLE)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: announce.exists() or process.poll() is not None, "the ledger starts")
        assert process.poll() is None, "the ledger did not start"
        yield f"http://127.0.0.1:{announce.read_text().strip()}"
    finally:
        process.kill()
        process.wait()


async def _token(url: str) -> tuple[str, str]:
    node = Node(url)
    try:
        outbox = Outbox(EvmAccount(node, key("stranger")))
        token = await TokenIssuer.deploy(outbox, SAMPLE_TOKEN, "a security", "SEC", 0)
        handler = await outbox.deploy(SAMPLE_HANDLER)
        await outbox.confirm()
        return token.address, handler
    finally:
        await node.close()


def wrong(checks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give what was found of each check that is off."""
    return {check["check"]: check["found"] for check in checks if not check["ok"]}
