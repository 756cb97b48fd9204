"""Daemons that can't do their work say why at start, with what to do, and exit: nothing runs half configured."""

import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import tomli_w

from tests.integration.support import COMMAND_S, Done, Network

pytestmark = pytest.mark.processes

Config = dict[str, Any]


def _set(**values: object) -> Callable[[Config], object]:
    return lambda config: config.update(values)


def _committee(**values: object) -> Callable[[Config], object]:
    return lambda config: config["committee"].update(values)


def _operators(*names: str) -> Callable[[Config], object]:
    def rename(config: Config) -> None:
        for member, name in zip(config["committee"]["members"], names, strict=True):
            member["operator"] = name

    return rename


def _in_plaintext_elsewhere(config: Config) -> None:
    del config["tls"]
    config["committee"]["members"][0]["address"] = "192.0.2.7:7000"


def _nameless(config: Config) -> None:
    config["committee"]["members"][0]["name"] = ""


def _crossed(config: Config) -> None:
    config["ledgers"][0]["nodes"] = config["ledgers"][1]["nodes"]


def _without_account(config: Config) -> None:
    del config["ledgers"][0]["account_file"]


def _without_tls(config: Config) -> None:
    del config["tls"]
    config["development"] = False


def _readable_key(config: Config) -> None:
    """Point at a copy of the own key that others may read."""
    own = Path(config["tls"]["key_file"])
    copy = own.with_name("readable.key")
    copy.write_text(own.read_text())
    copy.chmod(0o644)
    config["tls"]["key_file"] = str(copy)


def _another_s_certificate(config: Config) -> None:
    own = Path(config["tls"]["certificate_file"])
    config["tls"]["certificate_file"] = str(own.parents[1] / "operator-demo" / "tls.pem")


def _own_files(config: Config, folder: Path) -> None:
    """Let a second copy of a front have a folder and an address of its own."""
    config |= {"folder": str(folder / "state"), "listen": "127.0.0.1:0"}
    del config["announce_file"]


OPEN_KEY: Final = "can be read by others: run chmod 600"
WRONG_NOTARY: Final = {
    "plaintext outside development": (
        _without_tls,
        "tls is missing: name this notary's certificate; plaintext is for development only",
    ),
    "a TLS key that others may read": (_readable_key, OPEN_KEY),
    "a TLS key of another certificate": (_another_s_certificate, "is not the key of"),
    "a node of another chain": (_crossed, "is on chain 7002, not 7001: point the ledger at its own node"),
}
WRONG_RELAYER: Final = {
    "a notary elsewhere in plaintext": (
        _in_plaintext_elsewhere,
        "192.0.2.7:7000 is not on loopback: plaintext gRPC is allowed on loopback only; give a tls table",
    ),
    "a notary without a name for TLS": (_nameless, "notary 1 has no name in its committee document"),
    "a TLS key that others may read": (_readable_key, OPEN_KEY),
    "two seats of one operator r_42": (
        _operators("A", "A", "B", "C"),
        "operator 'A' holds 2 of 4 seats: none may hold more than f = 1 (R-42)",
    ),
    "keys that are none": (_committee(public_keys="00"), "committee.public_keys is no public key package"),
    "a node of another chain": (_crossed, "is on chain 7002, not 7001: point the ledger at its own node"),
    "no account": (_without_account, "has no account_file: name the key that pays for transactions"),
    "no redis URL": (
        _set(redis="localhost:6379"),
        "the Redis URL must start with redis://, rediss:// (TLS) or unix://",
    ),
}


@pytest.fixture(autouse=True)
def _the_network_is_not_disturbed(network: Network) -> Iterator[None]:
    before = network.pids()
    yield
    assert network.pids() == before


@pytest.mark.parametrize(("change", "text"), WRONG_NOTARY.values(), ids=WRONG_NOTARY)
def test_a_notary_refuses_to_start_with(
    network: Network, change: Callable[[Config], object], text: str, tmp_path: Path
) -> None:
    config = _read(network, "notary-2")
    _own_files(config, tmp_path)
    change(config)
    _assert_refused(_start("notary", config, tmp_path), "notary", text)


@pytest.mark.parametrize(("change", "text"), WRONG_RELAYER.values(), ids=WRONG_RELAYER)
def test_a_relayer_refuses_to_start_with(
    network: Network, change: Callable[[Config], object], text: str, tmp_path: Path
) -> None:
    config = _read(network, "relayer") | {"transcript_file": str(tmp_path / "transcripts.jsonl")}
    change(config)
    _assert_refused(_start("relayer", config, tmp_path), "relayer", text)


def test_a_second_relayer_on_one_file_of_transcripts_does_not_start(network: Network, tmp_path: Path) -> None:
    text = "transcripts.jsonl is written by another process: give each a file of its own"
    _assert_refused(_start("relayer", _read(network, "relayer"), tmp_path), "relayer", text)


def test_a_second_front_on_one_folder_does_not_start(network: Network, tmp_path: Path) -> None:
    text = f"another notary (process {network.pid('notary-2')}) uses the"
    _assert_refused(_start("notary", _read(network, "notary-2"), tmp_path), "notary", text)


def test_a_second_front_on_one_address_does_not_start(network: Network, tmp_path: Path) -> None:
    config = _read(network, "notary-2")
    config["folder"] = str(tmp_path / "state")
    refused = _start("notary", config, tmp_path)
    _assert_refused(refused, "notary", "can't be listened on: choose a free port")


def test_a_second_signer_on_one_folder_does_not_start_r_13(network: Network, tmp_path: Path) -> None:
    """What else a signer refuses stands in test_signer_process.py."""
    config = _read(network, "signer-2")
    config["socket"] = str(tmp_path / "run" / "s")
    text = f"another signer uses {config['folder']}: stop it first"
    _assert_refused(_start("notary.signer", config, tmp_path), "signer", text)


@pytest.mark.parametrize("role", ["notary", "relayer"])
def test_a_daemon_whose_node_is_down_says_so_and_may_be_started_again(
    network: Network, role: str, tmp_path: Path
) -> None:
    config = _read(network, "notary-2" if role == "notary" else role)
    if role == "notary":
        _own_files(config, tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config["ledgers"][1]["nodes"] = [f"http://127.0.0.1:{free.getsockname()[1]}"]
    failed = _start(role, config, tmp_path)
    assert (failed.code, failed.out) == (1, ""), failed.err
    assert f"{role}: node {config['ledgers'][1]['nodes'][0]}" in failed.err
    assert "is it running?" in failed.err
    assert "Traceback" not in failed.err


def test_everything_wrong_in_a_daemons_configuration_is_told_at_once(network: Network, tmp_path: Path) -> None:
    config = _read(network, "relayer")
    config["ledgers"][0] |= {"finality": "soon", "gateway": "0x12"}
    config["surprise"] = 1
    failed = _start("relayer", config, tmp_path)
    assert failed.code == 2, failed.err
    for part in ("ledgers.0.finality: ", "ledgers.0.gateway: ", "surprise: "):
        assert f"relayer: relayer.toml: {part}" in failed.err


def _read(network: Network, name: str) -> Config:
    return tomllib.loads((network.folder / f"{name}.toml").read_text())


def _start(role: str, config: Config, folder: Path) -> Done:
    """Run a daemon that must end by itself."""
    path = folder / f"{role}.toml"
    path.write_text(tomli_w.dumps(config))
    command = [sys.executable, "-W", "error", "-m", role, "--config", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    return Done(ended.returncode, ended.stdout, ended.stderr)


def _assert_refused(refused: Done, role: str, text: str) -> None:
    assert (refused.code, refused.out) == (2, ""), refused
    told = [line for line in refused.err.splitlines() if line.startswith(f"{role}: ")]
    assert len(told) == 1
    assert text in told[0]
    assert "Traceback" not in refused.err
