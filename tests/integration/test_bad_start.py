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

from tests.integration.support import Done, Network

pytestmark = pytest.mark.processes

Config = dict[str, Any]
START_S: Final = 60.0


def _set(**values: object) -> Callable[[Config], object]:
    return lambda config: config.update(values)


def _committee(**values: object) -> Callable[[Config], object]:
    return lambda config: config["committee"].update(values)


def _operators(*names: str) -> Callable[[Config], object]:
    def rename(config: Config) -> None:
        for member, name in zip(config["committee"]["members"], names, strict=True):
            member["operator"] = name

    return rename


def _address(config: Config) -> None:
    config["committee"]["members"][0]["address"] = "192.0.2.7:7000"


def _crossed(config: Config) -> None:
    config["ledgers"][0]["nodes"] = config["ledgers"][1]["nodes"]


def _without_account(config: Config) -> None:
    del config["ledgers"][0]["account_file"]


def _own_files(config: Config, folder: Path) -> None:
    """Let a second copy of a notary have a store and an address of its own."""
    config |= {"store_file": str(folder / "votes.sqlite"), "listen": "127.0.0.1:0"}
    del config["announce_file"]


WRONG_NOTARY: Final = {
    "an address that others reach": (
        _set(listen="0.0.0.0:0"),
        "0.0.0.0:0 is not a loopback address: plaintext gRPC is allowed on 127.0.0.1 only",
    ),
    "a node of another chain": (_crossed, "is on chain 7002, not 7001: point the ledger at its own node"),
}
WRONG_RELAYER: Final = {
    "a notary that others reach": (
        _address,
        "notary 1 at 192.0.2.7:7000: plaintext gRPC is allowed on loopback only",
    ),
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
    config = _read(network, "relayer")
    change(config)
    _assert_refused(_start("relayer", config, tmp_path), "relayer", text)


def test_a_second_copy_of_a_notary_on_one_store_does_not_start_r_13(network: Network, tmp_path: Path) -> None:
    text = f"another notary (process {network.pid('notary-2')}) runs on"
    _assert_refused(_start("notary", _read(network, "notary-2"), tmp_path), "notary", text)


def test_a_second_copy_of_a_notary_on_one_address_does_not_start(network: Network, tmp_path: Path) -> None:
    config = _read(network, "notary-2")
    config["store_file"] = str(tmp_path / "votes.sqlite")
    refused = _start("notary", config, tmp_path)
    _assert_refused(refused, "notary", "can't be listened on: choose a free port")


def test_the_share_of_another_notary_is_not_taken(network: Network, tmp_path: Path) -> None:
    config = _read(network, "notary-2")
    _own_files(config, tmp_path)
    config["share_file"] = _read(network, "notary-3")["share_file"]
    text = f"{config['share_file']} is notary 3's share, and this is notary 2"
    _assert_refused(_start("notary", config, tmp_path), "notary", text)


@pytest.mark.parametrize(
    ("mode", "content", "text"),
    [(0o644, None, "can be read by others: run chmod 600"), (0o600, "no share", "holds no key package")],
)
def test_a_share_must_be_one_and_its_owners_alone(
    network: Network, mode: int, content: str | None, text: str, tmp_path: Path
) -> None:
    config = _read(network, "notary-2")
    _own_files(config, tmp_path)
    share = tmp_path / "share"
    share.touch(mode)
    share.write_text(content or Path(config["share_file"]).read_text())
    config["share_file"] = str(share)
    _assert_refused(_start("notary", config, tmp_path), "notary", text)


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
    assert failed.code == 2
    for part in ("ledgers.0.finality: ", "ledgers.0.gateway: ", "surprise: "):
        assert f"relayer: relayer.toml: {part}" in failed.err


def _read(network: Network, name: str) -> Config:
    return tomllib.loads((network.folder / f"{name}.toml").read_text())


def _start(role: str, config: Config, folder: Path) -> Done:
    """Run a daemon that must end by itself."""
    path = folder / f"{role}.toml"
    path.write_text(tomli_w.dumps(config))
    command = [sys.executable, "-W", "error", "-m", role, "--config", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
    return Done(ended.returncode, ended.stdout, ended.stderr)


def _assert_refused(refused: Done, role: str, text: str) -> None:
    assert (refused.code, refused.out) == (2, ""), refused
    told = [line for line in refused.err.splitlines() if line.startswith(f"{role}: ")]
    assert len(told) == 1
    assert text in told[0]
    assert "Traceback" not in refused.err
