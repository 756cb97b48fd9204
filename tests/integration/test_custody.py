"""Issue 5, item 3, on the network that runs: what /proc shows of a notary's two processes.

The front talks to ledgers and strangers. Whoever takes it over must find neither share nor passphrase there: not in
its arguments, environment, configuration, open files or memory.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.adapters.keystore.folder import IDENTITY, SHARE, VOTES, SignerFolder
from bridge.adapters.keystore.passphrase import PassphraseKey
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.frost import encode_scalar
from tests.committee import EPOCH
from tests.integration.support import NUMBERS, Network

pytestmark = [pytest.mark.processes, pytest.mark.slow]

PROC: Final = Path("/proc")
WRITABLE: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw.. [0-9a-f]+ [0-9a-f:]+ [0-9]+ *(\S*)")
STRIDE: Final = 1 << 24


@dataclass(frozen=True)
class Custody:
    """Where one signer keeps what nobody else may see, and what that is."""

    network: Network
    number: int

    @property
    def config(self) -> dict[str, Any]:
        return tomllib.loads((self.network.folder / f"signer-{self.number}.toml").read_text())

    @property
    def folder(self) -> Path:
        return Path(self.config["folder"])

    @property
    def passphrase_file(self) -> Path:
        return Path(self.config["kek"]["passphrase_file"])

    @property
    def passphrase(self) -> bytes:
        return self.passphrase_file.read_bytes().strip()

    @property
    def secrets(self) -> list[bytes]:
        """Passphrase, share and identity, as bytes and as hexadecimal digits."""
        key = PassphraseKey(self.passphrase, development=True)
        opened = SignerFolder(self.folder, key, SqliteVoteStore.create)
        share, identity = encode_scalar(opened.key(EPOCH).signing_share), opened.identity()
        plain = [self.passphrase, share, share[::-1], identity[:32], identity[32:]]
        return [*plain, *(secret.hex().encode() for secret in plain)]

    @property
    def places(self) -> list[str]:
        """Paths that say where it is."""
        return [str(self.folder), str(self.passphrase_file), SHARE, IDENTITY, VOTES]

    @property
    def front(self) -> int:
        return self.network.pid(f"notary-{self.number}")

    @property
    def signer(self) -> int:
        return self.network.pid(f"signer-{self.number}")


@pytest.fixture(params=NUMBERS)
def custody(network: Network, request: pytest.FixtureRequest) -> Custody:
    return Custody(network, request.param)


def test_the_secrets_that_are_looked_for_are_there(custody: Custody) -> None:
    """Or the others would look for nothing."""
    assert len(custody.passphrase) >= 24
    assert (custody.folder / f"epoch-{EPOCH}" / SHARE).is_file()
    assert all(len(secret) >= 24 for secret in custody.secrets)
    assert custody.signer != custody.front


def test_a_front_shows_nothing_of_its_signer_s_secrets_in_proc(custody: Custody) -> None:
    hidden = [*custody.secrets, *(place.encode() for place in custody.places)]
    for name in ("cmdline", "environ", "maps"):
        shown = (PROC / str(custody.front) / name).read_bytes()
        assert shown, name
        assert [what for what in hidden if what in shown] == [], name


def test_a_front_has_no_file_of_its_signer_open(custody: Custody) -> None:
    opened = _open_files(custody.front)
    assert any(path.endswith("facts.sqlite") for path in opened), "its own files are seen"
    assert [path for path in opened for place in custody.places if place in path] == []


def test_a_front_s_configuration_names_the_socket_and_nothing_else_of_its_signer(custody: Custody) -> None:
    path = custody.network.folder / f"notary-{custody.number}.toml"
    shown = path.read_bytes()
    assert custody.config["socket"].encode() in shown
    hidden = [*custody.secrets, *(place.encode() for place in custody.places)]
    assert [what for what in hidden if what in shown] == []


def test_a_front_s_memory_holds_none_of_its_signer_s_secrets(custody: Custody) -> None:
    own = str(tomllib.loads((custody.network.folder / f"notary-{custody.number}.toml").read_text())["folder"]).encode()
    found, wanted = set[bytes](), (own, *custody.secrets)
    for chunk in _memory(custody.front):
        found |= {what for what in wanted if what in chunk}
    assert found == {own}, "what it knows is found, and what it must not know isn't"


def test_a_signer_shows_no_secret_in_proc_and_dumps_no_core(custody: Custody) -> None:
    proc = PROC / str(custody.signer)
    for name in ("cmdline", "environ", "maps"):
        try:
            shown = (proc / name).read_bytes()
        except PermissionError:  # it is undumpable: only root may look
            assert name != "cmdline"
            continue
        assert [secret for secret in custody.secrets if secret in shown] == [], name
    limits = (proc / "limits").read_text().splitlines()
    assert [line.split()[4:6] for line in limits if line.startswith("Max core file size")] == [["0", "0"]]


def test_no_log_of_the_network_holds_a_secret(network: Network) -> None:
    secrets = [secret for number in NUMBERS for secret in Custody(network, number).secrets]
    for path in (network.folder / "logs").iterdir():
        shown = path.read_bytes()
        assert [secret for secret in secrets if secret in shown] == [], path.name


def test_what_a_signer_keeps_is_its_own_users_alone(custody: Custody) -> None:
    for folder in (custody.folder, custody.folder.parent, Path(custody.config["socket"]).parent):
        assert folder.stat().st_mode & 0o077 == 0, folder
    for path in (custody.passphrase_file, *custody.folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def _open_files(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in (PROC / str(pid) / "fd").iterdir()]


def _memory(pid: int) -> Iterator[bytes]:
    """Read what a process has written: its heap, stacks and other memory without a file, piece by piece."""
    regions = WRITABLE.findall((PROC / str(pid) / "maps").read_text())
    assert regions
    with (PROC / str(pid) / "mem").open("rb", buffering=0) as memory:
        for first, end, name in regions:
            if name.startswith("/"):
                continue
            for start in range(int(first, 16), int(end, 16), STRIDE):
                yield _piece(memory, start, min(STRIDE + 1024, int(end, 16) - start))  # pieces overlap


def _piece(memory: Any, start: int, length: int) -> bytes:  # noqa: ANN401 - an unbuffered file
    try:
        memory.seek(start)
        return bytes(memory.read(length))
    except OSError:  # unmapped meanwhile
        return b""
