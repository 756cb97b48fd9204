"""`naru lifecycle` at two institutions (R-27): from a written file to what the other side shows."""

import asyncio
import json
import re
import socket
import tomllib
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from bridge.adapters.memory.gateway import LockTerms
from bridge.adapters.memory.ledger import MemoryLedger
from bridge.config import load
from bridge.connections import lines, read_identity
from bridge.core.caip import evm_address
from bridge.core.lifecycle import PACKAGE_LEN_MAX, Package
from bridge.core.peers import Peer, Role
from bridge.core.records import BlockStamp, Destination, Source, Status
from bridge.core.transfer import Transfer
from bridge.errors import ConfigError, InvalidInputError
from bridge.ops import lifecycle
from bridge.ops.client import parse_reference
from bridge.ops.send import Move, draft_of
from bridge.ports.store import TransferRecord
from bridge.relayer_config import RelayerConfig
from relayer import __main__ as relayer
from relayer.lifecycle import Sender
from tests.integration.support import Done, naru_here
from tests.scenarios.world import ALICE, BOB, World
from tests.tidy import sources
from tests.unit.ops.test_client import BETA, NAMES
from tests.unit.test_config import committee, problems
from tests.unit.transport.certificates import identity

Config = dict[str, Any]
DATA: Config = {"version": 1, "lots": [{"units": "70", "acquired": "2026-01-01"}], "rights": [], "record_dates": []}
CARD = "ab" * 64


def ledger_table(name: str, ledger: MemoryLedger) -> Config:
    endpoint = ledger.endpoint
    return {
        "name": name,
        "ledger": endpoint.ledger,
        "fingerprint": "0x" + endpoint.fingerprint.hex(),
        "gateway": evm_address(endpoint.gateway),
        "nodes": ["http://127.0.0.1:8545"],
    }


def configured(world: World, **table: object) -> Config:
    base: Config = {"listen": "127.0.0.1:0", "identity_file": "lifecycle.key", "folder": "mail", "peers": []}
    ledgers = [ledger_table("alpha", world.alpha), ledger_table("beta", world.beta)]
    more: Config = {"redis": "redis://127.0.0.1:1", "committee": committee(), "lifecycle": base | table}
    tls = {"ca_file": "tls/ca.pem", "certificate_file": "tls/tls.pem", "key_file": "tls/tls.key"}
    return {"ledgers": ledgers, "tls": tls} | more


class Trust:
    """One institution: a folder with its certificate, identity, relayer's configuration, and files."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder / name, name
        identity(self.folder / "tls", Peer(role=Role.RELAYER, instance=name))
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.card = naru_here("lifecycle", "identity", str(self.folder / "lifecycle.key")).out.strip()

    def configure(self, world: World, *peers: Config) -> None:
        self.config.write_text(tomli_w.dumps(configured(world, listen=self.address, peers=list(peers))))

    def peer(self, ledger: str) -> Config:
        return {"ledger": ledger, "address": self.address, "name": self.name, "card": self.card}

    @property
    def config(self) -> Path:
        return self.folder / "relayer.toml"

    def naru(self, command: str, *arguments: str) -> Done:
        return naru_here("lifecycle", command, *arguments, "--config", str(self.config))

    def written(self, data: object = DATA) -> Path:
        path = self.folder / "lots.json"
        path.write_text(json.dumps(data, indent=2))
        return path


class Pair:
    """alpha's register and beta's, and a world between them."""

    def __init__(self, folder: Path) -> None:
        self.world = World()
        self.alpha, self.beta = Trust(folder, "alpha-trust"), Trust(folder, "beta-trust")
        self.alpha.configure(self.world, self.beta.peer("beta"))
        self.beta.configure(self.world, self.alpha.peer("alpha"))

    def locked(self, payload_hash: bytes) -> Transfer:
        world = self.world
        deadline = int(world.clock.now()) + 600
        return world.alpha.lock(
            LockTerms(
                lane=world.lane, sender=ALICE, recipient=BOB, amount=70, deadline=deadline, payload_hash=payload_hash
            )
        )

    async def hand_over(self) -> None:
        """Put both relayers' halves of it together, as `python -m relayer` does, and let alpha's send once."""
        async with AsyncExitStack() as resources:
            await self._composed(self.beta, resources)
            await (await self._composed(self.alpha, resources)).step()

    async def _composed(self, trust: Trust, resources: AsyncExitStack) -> Sender:
        config, parts = load(trust.config, RelayerConfig), self.world.relayer()
        opened = await lines(resources, config.tls)
        assert config.lifecycle is not None
        return await relayer._lifecycle(config, config.lifecycle, parts, opened, resources)  # noqa: SLF001 - what is composed


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def known(monkeypatch: pytest.MonkeyPatch, transfer: Transfer | None) -> None:
    """Let Redis have *transfer*."""
    stamp = BlockStamp(height=1, hash=bytes(32), time=1)
    record = None
    if transfer is not None:
        record = TransferRecord(
            transfer=transfer,
            locked_at=stamp,
            source=Source.LOCKED,
            destination=Destination.NONE,
            status=Status.PREPARED,
        )

    async def find(*_: object) -> TransferRecord | None:
        return record

    monkeypatch.setattr(lifecycle, "find", find)


def test_a_written_file_reaches_the_other_register(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    made = naru_here("lifecycle", "make", str(pair.alpha.written()), "-o", "json").json
    package = Path(made["file"])
    assert (package.name, package.stat().st_mode & 0o777, made["units"]) == ("lots.package", 0o600, "70")
    assert Package.from_bytes(package.read_bytes()).hash.hex() == made["payload_hash"].removeprefix("0x")

    transfer = pair.locked(bytes.fromhex(made["payload_hash"][2:]))
    digits = "0x" + transfer.id.hex()
    nothing = pair.beta.naru("show", digits, "-o", "json")
    assert (nothing.code, nothing.json) == (0, {"id": digits, "received": None, "sending": None})
    assert "received: nothing. The transfer does not wait" in pair.beta.naru("show", digits).out

    known(monkeypatch, transfer)
    assert pair.alpha.naru("send", digits, str(package), "-o", "json").json == {"id": digits, "sending": "outbox"}
    assert "waits in the outbox" in pair.alpha.naru("show", digits[:12]).out
    asyncio.run(pair.hand_over())
    assert "the receiving institution has it" in pair.alpha.naru("show", digits).out
    assert pair.beta.naru("show", digits[:12], "-o", "json").json == {"id": digits, "received": DATA, "sending": None}
    assert "lots: acquired 2026-01-01, units 70" in pair.beta.naru("show", digits).out


def test_a_salt_is_fresh_and_never_overwritten(pair: Pair) -> None:
    path = str(pair.alpha.written())
    first = naru_here("lifecycle", "make", path)
    assert "70 smallest units in 1 lots" in first.out
    again = naru_here("lifecycle", "make", path)
    assert (again.code, "a transfer may bind it: give another name with --out" in again.err) == (2, True)
    other = naru_here("lifecycle", "make", path, "--out", str(pair.alpha.folder / "second"), "-o", "json").json
    assert other["payload_hash"] not in first.out


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (DATA | {"lots": []}, "MALFORMED: lots: give at least one"),
        (["no object"], "MALFORMED: the file: give an object with version, lots"),
        (DATA | {"lots": DATA["lots"] * 3000}, "TOO_LONG: more than 65536 bytes"),
        (DATA | {"lots": DATA["lots"] * 9000}, "TOO_LONG: "),
    ],
)
def test_a_file_that_will_not_do_is_wrong_input(pair: Pair, data: object, told: str) -> None:
    refused = naru_here("lifecycle", "make", str(pair.alpha.written(data)))
    assert (refused.code, refused.out) == (2, "")
    assert told in refused.err
    assert not (pair.alpha.folder / "lots.package").exists()


def test_only_what_the_transfer_binds_is_sent(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    package = naru_here("lifecycle", "make", str(pair.alpha.written()), "-o", "json").json
    other, long = pair.locked(bytes(32)), pair.alpha.folder / "long"
    long.write_bytes(bytes(PACKAGE_LEN_MAX + 1))
    known(monkeypatch, other)
    digits = other.id.hex()
    for file, told in ((package["file"], "HASH_MISMATCH"), (str(long), "TOO_LONG"), ("nowhere", "can't be read")):
        refused = pair.alpha.naru("send", digits, file)
        assert (refused.code, told in refused.err) == (2, True), refused
    known(monkeypatch, None)
    assert "try again once its lock is final" in pair.alpha.naru("send", digits, package["file"]).err
    pair.alpha.configure(pair.world)
    known(monkeypatch, pair.locked(bytes.fromhex(package["payload_hash"][2:])))
    assert "add it to lifecycle.peers" in pair.alpha.naru("send", digits, package["file"]).err
    assert not (pair.alpha.folder / "mail").exists()


def test_the_start_of_an_id_must_be_of_one_that_lies_here(pair: Pair) -> None:
    refused = pair.beta.naru("show", "12345678")
    assert (refused.code, "give the whole id" in refused.err) == (2, True)


def test_an_identity_is_made_once_and_its_file_is_private(pair: Pair) -> None:
    path = pair.alpha.folder / "lifecycle.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert naru_here("lifecycle", "identity", str(path), "-o", "json").json == {"card": pair.alpha.card}
    path.write_text("not hex")
    with pytest.raises(ConfigError, match="holds no identity"):
        read_identity(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_identity(path)


def test_a_relayer_without_the_table_says_so(pair: Pair) -> None:
    config = configured(pair.world)
    del config["lifecycle"]
    pair.beta.config.write_text(tomli_w.dumps(config))
    told = pair.beta.naru("show", "ab" * 32)
    assert (told.code, "add a lifecycle table" in told.err) == (2, True)


def test_the_page_s_table_is_one_that_loads(tmp_path: Path) -> None:
    (found,) = re.findall(r"```toml\n(.*?)```", sources.text(Path("docs/lifecycle.md")), re.DOTALL)
    table = tomllib.loads(found)["lifecycle"]
    table["peers"][0]["card"] = CARD
    path = tmp_path / "relayer.toml"
    path.write_text(tomli_w.dumps(configured(World(), **table)))
    read = load(path, RelayerConfig).lifecycle
    assert read is not None
    assert read.folder == tmp_path / "lifecycle"


def test_a_hash_is_locked_as_it_was_printed() -> None:
    printed = "0x" + "5a" * 32
    move = Move(
        source=NAMES.ledger("alpha"),
        destination=BETA,
        asset=NAMES.asset("tower"),
        recipient=BOB,
        amount=1,
        deadline_in_s=600,
        payload_hash=parse_reference(printed, "payload hash"),
    )
    assert draft_of(move, ALICE, 1).payload_hash.hex() == printed[2:]
    with pytest.raises(InvalidInputError, match="is not a payload hash: give 0x and 64"):
        parse_reference(printed[:-1], "payload hash")


PEER: Config = {"ledger": "beta", "address": "10.0.0.1:7400", "name": "beta-trust", "card": CARD}


@pytest.mark.parametrize(
    ("table", "more", "told"),
    [
        ({"peers": [PEER | {"ledger": "gamma"}]}, {}, "lifecycle: gamma is no ledger here: known are alpha, beta"),
        ({"peers": [PEER, PEER]}, {}, "lifecycle: ledger beta has two peers"),
        ({"peers": [PEER | {"name": ""}]}, {}, "the peer of ledger beta has no name"),
        ({"peers": [PEER | {"card": "ab"}]}, {}, "lifecycle.peers.0.card"),
        ({"listen": "0.0.0.0:7400"}, {"tls": None}, "0.0.0.0:7400 is not on loopback"),
        ({"peers": [PEER]}, {"tls": None}, "10.0.0.1:7400 is not on loopback"),
        ({"listen": "nowhere"}, {}, "lifecycle.listen"),
        ({"port": 1}, {}, "lifecycle.port: there is no such key"),
    ],
)
def test_a_table_that_will_not_do_is_told(tmp_path: Path, table: Config, more: Config, told: str) -> None:
    config = {key: value for key, value in (configured(World(), **table) | more).items() if value is not None}
    if "tls" not in config:
        config["development"] = True
    assert told in problems(RelayerConfig, config, tmp_path)
