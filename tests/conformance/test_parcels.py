"""Parcels on disk (R-27): whole or not there, found again after kill -9, and readable by their owner alone."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.adapters.files.parcels import FileParcels
from bridge.core.lifecycle import Lifecycle, Lot, Parcel, pack
from bridge.errors import ConfigError, UnavailableError
from bridge.ports.lifecycle import Box
from tests.conformance.samples import transfer

WRITES = """
import itertools, sys
from pathlib import Path
from tests.conformance.test_parcels import FileParcels, Box, parcel
store = FileParcels(Path(sys.argv[1]))
for number in itertools.count(1):
    store.put(Box.OUTBOX, parcel(number))
    print(number, flush=True)
"""


def parcel(number: int, salt: bytes = bytes(32)) -> Parcel:
    package = pack(Lifecycle(lots=(Lot(units=number, acquired="2026-01-01"),)), salt)
    return Parcel(transfer=replace(transfer(number), payload_hash=package.hash), package=package)


def test_a_parcel_is_found_in_its_box_after_a_restart(tmp_path: Path) -> None:
    store = FileParcels(tmp_path / "mail")
    for box, number in ((Box.OUTBOX, 1), (Box.INBOX, 2)):
        store.put(box, parcel(number))
    again = FileParcels(tmp_path / "mail")
    assert again.get(Box.OUTBOX, parcel(1).transfer.id) == parcel(1)
    assert again.get(Box.INBOX, parcel(2).transfer.id) == parcel(2)
    assert again.get(Box.INBOX, parcel(1).transfer.id) is None
    assert again.ids(Box.OUTBOX) == [parcel(1).transfer.id]


def test_the_same_parcel_again_changes_nothing(tmp_path: Path) -> None:
    store = FileParcels(tmp_path / "mail")
    for _ in range(2):
        store.put(Box.INBOX, parcel(1))
    assert [path.name for path in (tmp_path / "mail" / "inbox").iterdir()] == [parcel(1).transfer.id.hex()]


def test_a_parcel_is_moved_once(tmp_path: Path) -> None:
    store = FileParcels(tmp_path / "mail")
    store.put(Box.OUTBOX, parcel(1))
    for _ in range(2):
        store.move(parcel(1).transfer.id, Box.SENT)
    assert (store.ids(Box.OUTBOX), store.ids(Box.SENT)) == ([], [parcel(1).transfer.id])
    assert store.get(Box.SENT, parcel(1).transfer.id) == parcel(1)


def test_what_lies_in_the_clear_is_its_owners_alone(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        FileParcels(tmp_path / "mail").put(Box.INBOX, parcel(1))
    finally:
        os.umask(former)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "mail").rglob("*")}
    assert modes == {**{box.value: 0o700 for box in Box}, parcel(1).transfer.id.hex(): 0o600}
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir(mode=0o750)
    with pytest.raises(ConfigError, match="chmod 700"):
        FileParcels(tmp_path / "mail")


def test_a_folder_in_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="the folder above must exist"):
        FileParcels(tmp_path / "no" / "mail")


@pytest.mark.parametrize("how", ["flipped", "cut", "longer", "empty", "another"])
def test_a_damaged_parcel_is_told_and_never_given(tmp_path: Path, how: str) -> None:
    store = FileParcels(tmp_path / "mail")
    store.put(Box.INBOX, parcel(1))
    path = tmp_path / "mail" / "inbox" / parcel(1).transfer.id.hex()
    whole = path.read_bytes()
    store.put(Box.OUTBOX, parcel(2))
    another = (tmp_path / "mail" / "outbox" / parcel(2).transfer.id.hex()).read_bytes()
    damaged = {
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "cut": whole[:-1],
        "longer": whole + bytes(70_000),
        "empty": b"",
        "another": another,
    }
    path.write_bytes(damaged[how])
    with pytest.raises(UnavailableError, match="is damaged"):
        store.get(Box.INBOX, parcel(1).transfer.id)


def test_kill_9_leaves_whole_parcels_and_all_that_were_put(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITES, str(tmp_path / "mail")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) == 20:
                break
        writer.send_signal(signal.SIGKILL)
    store = FileParcels(tmp_path / "mail")
    there = {store.get(Box.OUTBOX, transfer_id) for transfer_id in store.ids(Box.OUTBOX)}
    assert {parcel(number) for number in range(1, 21)} <= there
    assert None not in there
