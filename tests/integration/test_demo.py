"""`naru demo` as a person or a program runs it: two at once, kept or not, ended or killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.support import CHILDREN, Done, alive, children, done, name_of, naru, started, until

pytestmark = pytest.mark.processes

DEALT = "the committee's key was dealt by one process, for development only; --ceremony makes it properly"
"""R-41: whoever deals a key could sign alone, and nobody must take the demo's for a real one."""
ENDINGS = [("COMMITTED", None), ("ROLLED_BACK", "NOT_ELIGIBLE"), ("ROLLED_BACK", "EXPIRED")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders for networks: one whose network is kept, one whose network isn't."""
    kept, ended = tmp_path_factory.mktemp("k"), tmp_path_factory.mktemp("e")
    return kept, ended


@pytest.fixture(scope="module")
def both(folders: tuple[Path, Path]) -> Iterator[tuple[Done, Done]]:
    """Two demos at once; the first keeps its network."""
    kept = started("demo", "-o", "json", "--keep", folder=folders[0])
    ended = started("demo", "-o", "json", folder=folders[1])
    yield done(kept), done(ended)
    naru("devnet", "down", folder=folders[0])


@pytest.fixture(scope="module", params=[0, 1], ids=["kept", "ended"])
def demo(both: tuple[Done, Done], request: pytest.FixtureRequest) -> Done:
    return both[request.param]


def test_the_three_transfers_of_the_demo_end_as_they_must(demo: Done) -> None:
    assert demo.code == 0, demo.err
    transfers = demo.json["transfers"]
    assert [(t["status"], t["reason"]) for t in transfers] == ENDINGS
    assert all(t["as_expected"] for t in transfers)
    assert all(t["id"].startswith("0x") and len(t["id"]) == 66 for t in transfers)


def test_the_demo_shows_conserved_totals_inv_4_and_inv_9(demo: Done) -> None:
    assert demo.json["conserved"] is True
    assert {line["unexplained"] for line in demo.json["totals"]} == {"0"}
    moved = {(line["ledger"], line["asset"]): (line["minted"], line["burned"]) for line in demo.json["totals"]}
    assert moved["alpha", "tower"] == ("0", "120")
    assert moved["beta", "tower"] == ("120", "0")
    assert moved["alpha", "melody"] == moved["beta", "melody"] == ("0", "0")


def test_each_transfer_tells_who_signed_and_what_happened_where(demo: Done) -> None:
    committed, refused, expired = (_events(t) for t in demo.json["transfers"])
    path = ["locked", "{} signed", "{} sent", "{}", "finish signed", "finish sent"]
    for events, action, decision, ending in (
        (committed, "settle", "minted", "committed"),
        (refused, "refuse", "rejected", "released"),
        (expired, "refuse", "expired", "released"),
    ):
        expected = [p.format(decision if p == "{}" else action) for p in path] + [ending]
        assert [event for event in events if event in expected] == expected
    signed = [e for t in demo.json["transfers"] for e in t["timeline"] if e["event"].endswith("signed")]
    assert all(len(e["signers"]) == 3 for e in signed), "t = 3 of 4"


def test_standard_output_holds_the_object_and_nothing_else(demo: Done) -> None:
    assert demo.out.startswith("{")
    assert isinstance(demo.json, dict)


def test_standard_error_tells_where_a_network_that_was_kept_is_and_how_it_is_stopped(
    both: tuple[Done, Done], folders: tuple[Path, Path]
) -> None:
    run = naru("devnet", "status", "-o", "json", folder=folders[0]).json[0]
    told = [f"the network stays up: {run['config']}", f"stop it with: naru devnet down {run['name']}"]
    assert [demo.err.splitlines() for demo in both] == [[DEALT, "", *told], [DEALT, ""]]


def test_a_demo_leaves_no_folder_behind(both: tuple[Done, Done], folders: tuple[Path, Path]) -> None:
    assert both[1].code == 0
    assert _left(folders[1]) == []


def test_another_process_finds_the_network_that_was_kept(
    both: tuple[Done, Done], folders: tuple[Path, Path], empty_folder: Path
) -> None:
    status = naru("devnet", "status", "-o", "json", folder=folders[0])
    assert [set(run) for run in status.json] == [{"name", "config", "pid"}]
    assert alive(status.json[0]["pid"])
    listed = naru("transfer", "list", "-o", "json", folder=folders[0])
    assert {t["id"] for t in listed.json} == {t["id"] for t in both[0].json["transfers"]}
    shown = naru("transfer", "show", listed.json[0]["id"], "--config", status.json[0]["config"], folder=empty_folder)
    assert (shown.code, shown.err) == (0, "")
    assert listed.json[0]["id"] in shown.out


def test_doctor_finds_nothing_wrong_with_the_network_that_was_kept(
    both: tuple[Done, Done], folders: tuple[Path, Path]
) -> None:
    assert both[0].code == 0
    examined = naru("doctor", "-o", "json", folder=folders[0])
    assert [check for check in examined.json if not check["ok"]] == []
    assert examined.code == 0


def test_watching_an_ended_transfer_tells_by_its_exit_code_how_it_ended(
    both: tuple[Done, Done], folders: tuple[Path, Path]
) -> None:
    committed, refused, _ = both[0].json["transfers"]
    assert naru("transfer", "watch", committed["id"], folder=folders[0]).code == 0
    watched = naru("transfer", "watch", refused["id"], "-o", "json", folder=folders[0])
    assert (watched.code, watched.json["reason"]) == (1, "NOT_ELIGIBLE")


def test_a_lock_sent_twice_under_one_nonce_happens_once_r_02(
    both: tuple[Done, Done], folders: tuple[Path, Path]
) -> None:
    assert both[0].code == 0
    lane = ["--from", "alice", "--to", "bob", "--source", "alpha", "--destination", "beta"]
    send = ["transfer", "send", "1", "tower", *lane, "--nonce", "700"]
    sent = naru(*send, "-o", "json", folder=folders[0])
    assert (sent.code, sent.err) == (0, "")
    for more in ([], ["--no-preflight"]):
        again = naru(*send, *more, folder=folders[0])
        assert (again.code, again.out) == (1, "")
        assert "this nonce was used: the lock got in; see naru transfer list" in again.err
    assert naru("transfer", "watch", sent.json["id"], folder=folders[0]).code == 0


def test_devnet_down_leaves_no_process_and_no_folder(both: tuple[Done, Done], folders: tuple[Path, Path]) -> None:
    assert both[0].code == 0
    supervisor = naru("devnet", "status", "-o", "json", folder=folders[0]).json[0]["pid"]
    family = [supervisor, *children(supervisor)]
    down = naru("devnet", "down", folder=folders[0])
    assert (down.code, down.err) == (0, "")
    until(lambda: not any(alive(pid) for pid in family), "every process of the network has ended")
    assert _left(folders[0]) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_demo_that_is_ended_leaves_no_process_and_no_folder(number: signal.Signals, empty_folder: Path) -> None:
    process = started("demo", folder=empty_folder)
    try:
        supervisor = until(lambda: next(iter(children(process.pid)), None), "the supervisor has started")
        family = until(lambda: _complete(supervisor), "ledgers and Redis have started")
    finally:
        process.send_signal(number)
        process.communicate()
    assert process.returncode == (130 if number is signal.SIGINT else -number)
    until(lambda: not any(alive(pid) for pid in (supervisor, *family)), "every process of the network has ended")
    assert _left(empty_folder) == []


def test_a_supervisor_that_starts_after_its_demo_was_killed_ends_at_once(empty_folder: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    arguments = [sys.executable, "-m", "bridge.devnet", "--name", "net-late", "--with-parent", str(gone.pid)]
    late = subprocess.run(arguments, env=os.environ | {"XDG_RUNTIME_DIR": str(empty_folder)}, timeout=60, check=False)
    assert late.returncode == 1
    assert _left(empty_folder) == []


def test_a_supervisor_that_is_killed_takes_every_process_with_it(empty_folder: Path) -> None:
    process = started("devnet", "up", folder=empty_folder)
    try:
        supervisor = until(lambda: next(iter(children(process.pid)), None), "the supervisor has started")
        family = until(lambda: _complete(supervisor), "ledgers and Redis have started")
        os.kill(supervisor, signal.SIGKILL)
        up = done(process)
    finally:
        process.kill()
    assert up.code == 3, "something does not answer"
    assert "the network did not start" in up.err
    until(lambda: not any(alive(pid) for pid in family), "every process of the network has ended")
    naru("devnet", "status", folder=empty_folder)
    assert _left(empty_folder) == [], "the next command has removed what the dead one left"


@pytest.mark.parametrize("arguments", [["--help"], ["transfer", "list"], ["transfer", "--help"], ["demo", "--help"]])
def test_looking_does_not_import_what_takes_long(arguments: list[str], empty_folder: Path) -> None:
    heavy = ("web3", "eth_account", "grpc", "eth")
    script = (
        "import sys; from bridge.ops.cli.main import main\n"
        f"sys.argv = {['naru', *arguments]!r}\n"
        "try:\n    main()\n"
        f"finally:\n    print([m for m in {heavy!r} if m in sys.modules])"
    )
    looked = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"XDG_RUNTIME_DIR": str(empty_folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert looked.stdout.splitlines()[-1] == "[]"


def _events(transfer: dict[str, Any]) -> list[str]:
    return [entry["event"] for entry in transfer["timeline"]]


def _left(folder: Path) -> list[str]:
    return [path.name for root in folder.iterdir() for path in root.iterdir()]


def _complete(supervisor: int) -> list[int] | None:
    """Give the supervisor's children once all that start without waiting for another are there."""
    pids = children(supervisor)
    return pids if {"redis", "alpha", "beta"} <= {name_of(pid) for pid in pids} <= {"", *CHILDREN} else None
