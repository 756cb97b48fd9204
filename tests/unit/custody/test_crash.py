"""Killed at any moment, sealing leaves the whole file or none, and the next seal cleans up what lies about."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.adapters.keystore.file import open_sealed, reseal, seal
from bridge.adapters.keystore.passphrase import PassphraseKey
from tests.unit.custody.killed import NEW_KEK
from tests.unit.custody.support import KEK, PASSPHRASE, PURPOSE, SECRET, private

TIMEOUT_S = 60


def kill(action: str, path: Path, when: str, function: str) -> None:
    command = [sys.executable, "-m", "tests.unit.custody.killed", action, str(path), when, function]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("when", "function", "there"),
    [
        ("before", "fsync", False),
        ("after", "fsync", False),
        ("before", "link", False),
        ("after", "link", True),
        ("before", "unlink", True),
    ],
)
def test_a_seal_that_is_killed_leaves_the_whole_file_or_none(
    tmp_path: Path, when: str, function: str, *, there: bool
) -> None:
    path = private(tmp_path / "signer") / "share.json"
    kill("seal", path, when, function)

    assert path.exists() == there
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0
        for hidden in (SECRET, PASSPHRASE):
            assert hidden not in file.read_bytes()
            assert hidden.hex().encode() not in file.read_bytes()
    if there:
        assert open_sealed(path, purpose=PURPOSE, kek=KEK) == SECRET
    else:
        seal(path, SECRET, purpose=PURPOSE, kek=KEK)
        assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("when", "kek"), [("before", KEK), ("after", NEW_KEK)])
def test_a_reseal_that_is_killed_leaves_the_file_under_the_old_key_or_the_new(
    tmp_path: Path, when: str, kek: PassphraseKey
) -> None:
    path = private(tmp_path / "signer") / "share.json"
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    kill("reseal", path, when, "replace")

    assert open_sealed(path, purpose=PURPOSE, kek=kek) == SECRET
    reseal(path, purpose=PURPOSE, kek=kek, new_kek=KEK)
    assert list(path.parent.iterdir()) == [path]
