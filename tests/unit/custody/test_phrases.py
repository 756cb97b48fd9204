import errno
import os
from pathlib import Path

import pytest

from bridge.adapters.keystore.phrases import phrase_from_credential, phrase_from_file
from bridge.errors import ConfigError, UnavailableError
from tests.unit.custody.support import PASSPHRASE, written

VARIABLE = "CREDENTIALS_DIRECTORY"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_phrase_ends_before_the_newline(tmp_path: Path, end: bytes) -> None:
    assert phrase_from_file(written(tmp_path / "phrase", PASSPHRASE + end)) == PASSPHRASE


def test_only_one_newline_is_no_part_of_the_phrase(tmp_path: Path) -> None:
    assert phrase_from_file(written(tmp_path / "phrase", b" two\nlines \n\n")) == b" two\nlines \n"


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n", b" \n \t"])
def test_an_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ConfigError, match="phrase is empty: write the passphrase or PIN into it"):
        phrase_from_file(written(tmp_path / "phrase", data))


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o640, 0o620, 0o644, 0o666])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "phrase", PASSPHRASE)
    path.chmod(mode)

    with pytest.raises(ConfigError, match=f"others may use {path}: chmod 600 {path}") as refused:
        phrase_from_file(path)
    assert PASSPHRASE.decode() not in str(refused.value)


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(written(tmp_path / "phrase", PASSPHRASE))

    with pytest.raises(ConfigError, match="link is a symbolic link, which could lead anywhere: give the real path"):
        phrase_from_file(link)


def test_another_users_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, user = written(tmp_path / "phrase", PASSPHRASE), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)

    with pytest.raises(ConfigError, match=f"belongs to uid {user}, .*: chown {user + 1} {path}"):
        phrase_from_file(path)


def test_all_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, user = written(tmp_path / "phrase", PASSPHRASE), os.geteuid()
    path.chmod(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)

    with pytest.raises(ConfigError) as refused:
        phrase_from_file(path)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(("length", "fits"), [(1024, True), (1025, False)])
def test_a_phrase_has_an_end(tmp_path: Path, length: int, *, fits: bool) -> None:
    path = written(tmp_path / "phrase", b"x" * length)
    if fits:
        assert len(phrase_from_file(path)) == length
    else:
        with pytest.raises(ConfigError, match="longer than 1024 bytes"):
            phrase_from_file(path)


def test_a_file_that_this_user_may_not_read_says_as_whom_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "phrase", PASSPHRASE)

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root, as whom CI may run, is refused nothing
    with pytest.raises(ConfigError, match="run as its owner"):
        phrase_from_file(path)


def test_a_disk_that_fails_may_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "phrase", PASSPHRASE)

    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(UnavailableError, match=r"phrase can't be used .Input/output error.: see to the disk"):
        phrase_from_file(path)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440])
def test_a_credential_is_taken_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    """0440 is what systemd's access list looks like."""
    written(tmp_path / "share", PASSPHRASE + b"\n").chmod(mode)
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    assert phrase_from_credential("share") == PASSPHRASE


@pytest.mark.parametrize("mode", [0o404, 0o402, 0o420])
def test_a_credential_that_others_may_use_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    written(tmp_path / "share", PASSPHRASE).chmod(mode)
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    with pytest.raises(ConfigError, match="others may use"):
        phrase_from_credential("share")


@pytest.mark.parametrize("folder", [None, "", ".", "/nonexistent"])
def test_without_systemd_it_is_told_where_a_credential_comes_from(
    monkeypatch: pytest.MonkeyPatch, folder: str | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if folder is not None:
        monkeypatch.setenv(VARIABLE, folder)

    with pytest.raises(ConfigError) as refused:
        phrase_from_credential("share")
    assert "LoadCredential=share:PATH or LoadCredentialEncrypted=share:PATH, or name a file" in str(refused.value)
    assert f"$CREDENTIALS_DIRECTORY is {folder or 'not set'}" in str(refused.value)


@pytest.mark.parametrize("name", ["", ".", "..", "../share", "a/b", "/etc/passwd"])
def test_a_credential_is_a_name_and_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    with pytest.raises(ConfigError, match="is no name: give the one in LoadCredential=NAME:PATH"):
        phrase_from_credential(name)
