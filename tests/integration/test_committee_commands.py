"""A network makes its key by a ceremony, and hands over to a committee with a new member, by the operators' commands.

Real processes throughout: what an institution does to join a committee is done here as docs/operations.md tells it.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import tomli_w

from bridge import ca
from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY, SAMPLE_TOKEN
from bridge.adapters.evm.deploy import Outbox, TokenIssuer
from bridge.adapters.evm.handover import EpochView, EvmHandover
from bridge.adapters.evm.node import Node
from bridge.committee.keys import key_account, public_keys
from bridge.config import CommitteeConfig, LedgerConfig, load
from bridge.core.peers import Peer, Role
from bridge.core.reasons import Reason
from bridge.core.records import Status
from bridge.core.transfer import TransferId
from bridge.ops.handover import Handovers
from tests.integration.support import Network, naru, naru_here, running, until

pytestmark = [pytest.mark.processes, pytest.mark.slow]

ROOT: Final = Path(__file__).parents[2]
DELAY_S: Final = 3
REDIRECT_DELAY_S: Final = 60
PASSPHRASE: Final = "seven-oars-under-one-bridge"  # noqa: S105 - of a notary that lives as long as the test
COMMITTED: Final = (Status.COMMITTED, Reason.NONE)


@dataclass(frozen=True)
class Newcomer:
    """notary-5: an institution that joins a network which runs, with files of its own."""

    folder: Path
    network: Network

    @property
    def signer(self) -> Path:
        return self.folder / "signer.toml"

    @property
    def front(self) -> Path:
        return self.folder / "notary.toml"

    def prepare(self) -> str:
        """Write configurations, get a certificate, make an identity; give the identity card."""
        self.folder.mkdir(mode=0o700)
        (self.folder / "passphrase").touch(mode=0o600)
        (self.folder / "passphrase").write_text(PASSPHRASE)
        own = {"development": True, "folder": "signer", "socket": "run/signer.sock"}
        kek = {"kind": "passphrase", "passphrase_file": "passphrase"}
        self.signer.write_text(tomli_w.dumps(own | {"kek": kek}))
        peer = tomllib.loads((self.network.folder / "notary-1.toml").read_text())
        self.front.write_text(
            tomli_w.dumps(
                peer
                | {
                    "name": "notary-5",
                    "listen": "127.0.0.1:0",
                    "announce_file": str(self.folder / "address"),
                    "signer_socket": str(self.folder / "run" / "signer.sock"),
                    "folder": str(self.folder / "state"),
                    "tls": _certified(self.folder, self.network),
                }
            )
        )
        assert naru_here("notary", "init", "--config", str(self.signer)).code == 0
        made = naru_here("notary", "card", "--config", str(self.signer), "-o", "json")
        return str(made.json["identity"])

    @contextmanager
    def living(self) -> Iterator[str]:
        """Run its signer and its front; give the front's address."""
        processes = []
        try:
            for module, config in (("notary.signer", self.signer), ("notary", self.front)):
                with (self.folder / f"{module}.log").open("wb") as log:
                    command = [sys.executable, "-m", module, "--config", str(config)]
                    processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT))
            announced = self.folder / "address"

            def address() -> str | None:
                dead = [p.args for p in processes if p.poll() is not None]
                assert not dead, [path.read_text() for path in self.folder.glob("*.log")]
                return announced.read_text() if announced.exists() else None

            yield until(address, "notary-5 answers")
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _certified(folder: Path, network: Network) -> dict[str, str]:
    """Let a second authority certify notary-5, and have everybody trust both: the network forgot its own one's key."""
    now = datetime.now(UTC)
    authority, own = ca.new_authority("of the newcomer", now), ca.new_key()
    peer = Peer(role=Role.NOTARY, instance="notary-5")
    second = ca.pem(authority.certificate)
    bundle = ""
    for trusted in sorted((network.folder / "tls").glob("*/ca.pem")):
        bundle = trusted.read_text() + second
        draft = trusted.with_suffix(".draft")
        draft.write_text(bundle)
        draft.replace(trusted)
    files = {name: folder / name for name in ("ca.pem", "tls.pem", "tls.key")}
    files["ca.pem"].write_text(bundle)
    files["tls.pem"].write_text(ca.pem(ca.issue(authority, peer, own.public_key(), now=now)))
    files["tls.key"].touch(mode=0o600)
    files["tls.key"].write_text(ca.key_pem(own))
    names = ("ca_file", "certificate_file", "key_file")
    return {name: str(path) for name, path in zip(names, files.values(), strict=True)}


def _proposal(network: Network, address: str, identity: str) -> dict[str, Any]:
    """Propose epoch 2: notary-5 has the seat of notary-4."""
    stay = network.config.committee.members[:3]
    members = [member.model_dump(mode="json") for member in stay]
    members.append(
        {"id": 4, "operator": "Newcomer", "address": address, "name": "notary-5", "identity": identity},
    )
    ledgers = [
        {"name": ledger.name, "ledger": ledger.ledger, "endpoint": f"0x{ledger.endpoint.id.hex()}"}
        for ledger in network.config.ledgers
    ]
    day = datetime.now(UTC).date().isoformat()
    head = {"epoch": 2, "attempt": 1, "created": day, "threshold": 3, "development": True}
    return head | {"members": members, "ledgers": ledgers}


async def _on(ledger: LedgerConfig, network: Network, *calls: tuple[str, ...]) -> None:
    """Call a ledger's gateway in all its roles, or unpause melody."""
    node = Node(ledger.nodes[0])
    try:
        outbox = Outbox(EvmAccount(node, network.key(f"issuer-{ledger.name}")))
        for name, *arguments in calls:
            if name == "unpause melody":
                tokens = network.names.asset("melody").tokens
                token = next(t.token for t in tokens if t.ledger == ledger.name)
                await TokenIssuer(outbox, SAMPLE_TOKEN, token).unpause()
            else:
                await outbox.call(node.contract(GATEWAY, ledger.gateway), name, *map(int, arguments))
        await outbox.confirm()
    finally:
        await node.close()


def _view(ledger: LedgerConfig) -> EpochView:
    async def read() -> EpochView:
        node = Node(ledger.nodes[0])
        try:
            return await EvmHandover(node, ledger.gateway).view()
        finally:
            await node.close()

    return asyncio.run(read())


def _done(*arguments: str) -> str:
    """Run a command in this process; give what it printed."""
    found = naru_here("committee", *arguments)
    assert found.code == 0, (arguments, found.out, found.err)
    return found.out + found.err


def test_a_committee_with_a_new_member_takes_over_while_transfers_are_open(tmp_path: Path) -> None:
    """R-40, R-41: ceremony, handover to the end, and nothing is stranded; the relayer finds the new committee."""
    with running("--ceremony") as network:
        assert network.config.committee.session, "the first key was made by a ceremony"
        network.prepare()
        newcomer = Newcomer(tmp_path / "notary-5", network)
        identity = newcomer.prepare()
        with newcomer.living() as address:
            waiting = [network.send(asset="melody") for _ in range(3)]
            for transfer_id in waiting:
                until(partial(network.record, transfer_id), "the relayer knows the transfer")

            made = _second_ceremony(network, newcomer, tmp_path, address, identity)
            _hand_over(network, tmp_path, made)

            assert network.ended(network.send()) == COMMITTED
            asyncio.run(_on(network.destination, network, ("unpause melody",)))
            assert [network.ended(transfer_id) for transfer_id in waiting] == [COMMITTED] * 3
            _finish_without_the_old_member(network)
        network.assert_conserved()


def _second_ceremony(network: Network, newcomer: Newcomer, folder: Path, address: str, identity: str) -> Path:
    """Agree on a proposal, approve it at four notaries, run it, and put the document where relayers look."""
    proposal = folder / "proposal.toml"
    proposal.write_text(tomli_w.dumps(_proposal(network, address, identity)))
    signers = [network.folder / f"signer-{number}.toml" for number in (1, 2, 3)]
    name = naru_here("committee", "check", str(proposal), "-o", "json").json["session"]
    for config in (*signers, newcomer.signer):
        _done("approve", str(proposal), "--config", str(config), "--yes")

    assert network.config.tls is not None
    tls = str(network.config.tls.key_file.parent)
    made = network.folder / "committees" / "epoch-2.toml"
    ran = naru("committee", "run", str(proposal), "--tls", tls, "--out", str(made))
    assert ran.code == 0, ran.out + ran.err
    _done("show", str(made), "--proposal", str(proposal))
    found = load(made, CommitteeConfig)
    assert (found.epoch, found.session, len(found.signatures)) == (2, name, 4)
    phases = naru_here("committee", "status", str(proposal), "--tls", tls, "-o", "json").json
    assert [row["problem"] for row in phases] == [None] * 4
    return made


def _hand_over(network: Network, folder: Path, made: Path) -> None:
    """Have three operators of epoch 1 approve, then sign, announce and activate at both gateways."""
    out, sender = folder / "handover.json", network.names.key_file("relayer")
    for ledger in network.config.ledgers:
        asyncio.run(_on(ledger, network, ("setDelays", str(DELAY_S), str(REDIRECT_DELAY_S))))
    hand_over = ("handover", str(made), "--from", str(sender), "--out", str(out), "--config", str(network.config_path))

    early = naru_here("committee", *hand_over)
    assert early.code != 0, "nobody has approved"
    assert "has not approved" in early.out + early.err
    assert [_view(ledger).pending for ledger in network.config.ledgers] == [0, 0]

    for number in (1, 2, 3):
        signer = network.folder / f"signer-{number}.toml"
        _done("approve-handover", str(made), "--config", str(signer), "--yes")
    ran = naru("committee", *hand_over)
    assert ran.code == 0, ran.out + ran.err

    key = public_keys(load(made, CommitteeConfig)).group_public_key
    for ledger in network.config.ledgers:
        view = _view(ledger)
        assert (view.current, view.previous, view.current_key) == (2, 1, key_account(key))
    assert set(Handovers.read(out).signatures) == {ledger.endpoint.id for ledger in network.config.ledgers}
    assert _done(*hand_over), "run again, it finds nothing left to do"


def _finish_without_the_old_member(network: Network) -> None:
    """Show that it is the new committee that signs: notary-4 is not asked, and notary-3 is missing."""
    old, missing = network.pid("notary-4"), network.pid("notary-3")
    for pid in (old, missing):
        os.kill(pid, signal.SIGSTOP)
    try:
        last: TransferId = network.send()
        assert network.ended(last) == COMMITTED
        assert "committee.found" in network.log("relayer")
    finally:
        for pid in (old, missing):
            os.kill(pid, signal.SIGCONT)
