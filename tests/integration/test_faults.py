"""What dies in the middle costs time and nothing else: kill -9 of daemons and Redis, a wiped Redis, a silent notary.

Every test ends with its transfers ended as they must, the totals of INV-4 and INV-9 in order, and nothing held.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from redis.asyncio import Redis

from bridge.core.reasons import Reason
from bridge.core.records import Status
from bridge.core.transfer import TransferId
from tests.integration.support import FRONTS, SIGNERS, Network, until

pytestmark = [pytest.mark.processes, pytest.mark.slow]

COMMITTED = (Status.COMMITTED, Reason.NONE)
REFUSED = (Status.ROLLED_BACK, Reason.NOT_ELIGIBLE)
EXPIRED = (Status.ROLLED_BACK, Reason.EXPIRED)
DEADLINE_IN_S = 10
TERM_S = 8.0


@pytest.fixture(autouse=True)
def _conserved_at_the_end(network: Network) -> Iterator[None]:
    yield
    network.assert_conserved()


@pytest.mark.parametrize(
    "stages", [("locked", "settle sent", "finish signed"), ("settle signed", "minted", "finish sent")], ids="-".join
)
def test_a_relayer_killed_after_any_step_of_a_commit_finishes_it_inv_7_inv_8(
    network: Network, stages: tuple[str, ...]
) -> None:
    transfer = network.send(amount=7)
    for stage in stages:
        network.reached(transfer, stage)
        network.kill("relayer")
    assert network.ended(transfer) == COMMITTED


def test_a_relayer_killed_after_any_step_of_a_refusal_finishes_it_inv_7_inv_8(network: Network) -> None:
    transfer = network.send(to="carol", amount=5)
    for stage in ("refuse signed", "rejected", "finish signed"):
        network.reached(transfer, stage)
        network.kill("relayer")
    assert network.ended(transfer) == REFUSED


@pytest.mark.parametrize("name", ["notary-1", "signer-1"])
def test_a_notary_of_which_a_half_is_killed_while_it_signs_comes_back_and_the_transfer_commits_r_14(
    network: Network, name: str
) -> None:
    transfer = network.send()
    network.reached(transfer, "locked")
    network.kill(name)
    assert network.ended(transfer) == COMMITTED


def test_with_a_signer_killed_after_each_step_the_transfer_commits_r_13_r_14(network: Network) -> None:
    """Every seat was away once, lost its nonces, and was admitted again by the others' reports."""
    transfer = network.send(amount=3)
    for stage, name in zip(("locked", "settle signed", "minted", "finish signed"), SIGNERS, strict=True):
        network.reached(transfer, stage)
        network.kill(name)
    assert network.ended(transfer) == COMMITTED


def test_with_all_signers_killed_at_once_they_admit_each_other_and_the_transfers_end_r_13(network: Network) -> None:
    transfers = [network.send(), network.send(to="carol")]
    network.reached(transfers[0], "settle signed")
    for name in SIGNERS:
        os.kill(network.pid(name), signal.SIGKILL)
    assert _endings(network, transfers) == [COMMITTED, REFUSED]


def test_with_the_relayer_and_both_halves_of_a_notary_killed_at_once_the_transfer_commits(network: Network) -> None:
    transfer = network.send()
    network.reached(transfer, "settle signed")
    for name in ("notary-2", "signer-2", "relayer"):
        os.kill(network.pid(name), signal.SIGKILL)
    assert network.ended(transfer) == COMMITTED


def test_with_redis_wiped_in_the_middle_the_three_transfers_end_as_they_must_inv_7(network: Network) -> None:
    transfers = _send_three(network)
    network.reached(transfers[0], "settle sent")
    asyncio.run(_wipe(network))
    assert _endings(network, transfers) == [COMMITTED, REFUSED, EXPIRED]


def test_with_redis_killed_in_the_middle_the_three_transfers_end_as_they_must_inv_7(network: Network) -> None:
    transfers = _send_three(network)
    network.reached(transfers[0], "settle signed")
    network.kill("redis")
    assert _endings(network, transfers) == [COMMITTED, REFUSED, EXPIRED]


def test_with_everything_killed_and_wiped_at_once_the_three_transfers_end_as_they_must_inv_7(network: Network) -> None:
    transfers = _send_three(network)
    network.reached(transfers[0], "locked")
    asyncio.run(_wipe(network))
    for name in ("redis", "relayer", *FRONTS, *SIGNERS):
        os.kill(network.pid(name), signal.SIGKILL)
    assert _endings(network, transfers) == [COMMITTED, REFUSED, EXPIRED]


@pytest.mark.parametrize("name", ["notary-1", "signer-1"])
def test_three_of_four_notaries_finish_while_one_is_silent_and_a_relayer_that_waits_for_it_ends_at_once(
    network: Network, name: str
) -> None:
    with _silent(network, name):
        transfer = network.send()
        network.reached(transfer, "locked")
        old = network.pid("relayer")
        os.kill(old, signal.SIGTERM)
        until(lambda: network.pids().get("relayer", old) != old, "another relayer runs", TERM_S)
        record = network.reached(transfer, "settle signed")
        assert network.ended(transfer) == COMMITTED
    signers = next(entry.signers for entry in record.timeline if entry.event == "settle signed")
    assert signers == (2, 3, 4)


def test_two_of_four_notaries_sign_nothing_and_the_transfer_waits_until_a_third_is_back(network: Network) -> None:
    with _silent(network, "notary-3"), _silent(network, "notary-4"):
        transfer = network.send()
        record = network.reached(transfer, "held")
        assert "2 of 4 notaries answer, 3 must" in record.note
    assert network.ended(transfer) == COMMITTED


@pytest.mark.parametrize("name", ["notary-1", "signer-1", "relayer"])
def test_a_daemon_that_is_asked_to_end_ends_in_order_and_at_once(network: Network, name: str, tmp_path: Path) -> None:
    module = {"notary-1": "notary", "signer-1": "notary.signer", "relayer": "relayer"}[name]
    log = tmp_path / "log"
    with log.open("wb") as out:
        command = [sys.executable, "-W", "error", "-m", module, "--config"]
        process = subprocess.Popen([*command, str(_copy(network, name, tmp_path))], stdout=out, stderr=out)
    try:
        until(lambda: '.started"' in log.read_text() or process.poll() is not None, f"{name} has started")
        process.terminate()
        assert process.wait(TERM_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def _send_three(network: Network) -> list[TransferId]:
    """Send the demonstration's three transfers: one that commits, one that is refused, one that expires."""
    return [
        network.send(),
        network.send(to="carol"),
        network.send(asset="melody", deadline_in_s=DEADLINE_IN_S),
    ]


def _endings(network: Network, transfers: list[TransferId]) -> list[tuple[Status, Reason]]:
    return [network.ended(transfer) for transfer in transfers]


async def _wipe(network: Network) -> None:
    client = Redis.from_url(network.config.redis)
    try:
        await client.flushall()
    finally:
        await client.aclose()


@contextmanager
def _silent(network: Network, name: str) -> Iterator[None]:
    """Stop a process without ending it, as a machine that hangs does."""
    pid = network.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _copy(network: Network, name: str, folder: Path) -> Path:
    """Copy a daemon's configuration, with stores, sockets and an address of its own."""
    config: dict[str, Any] = tomllib.loads((network.folder / f"{name}.toml").read_text())
    if name in FRONTS:
        del config["announce_file"]
        config |= {"folder": str(folder / "state"), "listen": "127.0.0.1:0"}
    elif name in SIGNERS:
        shutil.copytree(config["folder"], folder / "keys")  # never in production: two stores of one seat
        config |= {"folder": str(folder / "keys"), "socket": str(folder / "run" / "s")}
    else:
        config["transcript_file"] = str(folder / "transcripts.jsonl")
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps(config))
    return path
