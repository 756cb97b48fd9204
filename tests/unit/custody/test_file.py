import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.adapters.keystore import file as module
from bridge.adapters.keystore.file import SealedFileExistsError, open_sealed, reseal, seal
from bridge.adapters.keystore.passphrase import PassphraseKey
from bridge.errors import ConfigError, InvalidInputError, UnavailableError
from bridge.ports.custody import KeyEncryption, WrappedKey
from tests.unit.custody.kms import make
from tests.unit.custody.support import KEK, PASSPHRASE, PURPOSE, SECRET, private, written

OTHER = PassphraseKey(b"another horse and another staple", development=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return private(tmp_path / "signer") / "share.json"


def refusal(path: Path, purpose: str = PURPOSE, kek: KeyEncryption = KEK) -> str:
    with pytest.raises(ConfigError) as refused:
        open_sealed(path, purpose=purpose, kek=kek)
    return str(refused.value)


@pytest.mark.parametrize("secret", [b"\0", SECRET, os.urandom(16_384)])
def test_a_secret_comes_back(path: Path, secret: bytes) -> None:
    seal(path, secret, purpose=PURPOSE, kek=KEK)

    assert open_sealed(path, purpose=PURPOSE, kek=KEK) == secret


def test_the_file_is_its_owners_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_file_holds_neither_secret_nor_passphrase(path: Path) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    text = path.read_bytes()

    for hidden in (SECRET, PASSPHRASE):
        assert hidden not in text
        assert hidden.hex().encode() not in text


def test_two_seals_of_one_secret_share_no_value(path: Path) -> None:
    other = path.with_name("other.json")
    for each in (path, other):
        seal(each, SECRET, purpose=PURPOSE, kek=KEK)
    one, two = (json.loads(each.read_bytes()) for each in (path, other))

    for name in ("nonce", "ciphertext"):
        assert one[name] != two[name]
    for name in ("salt", "nonce", "wrapped"):
        assert one["kek"]["parameters"][name] != two["kek"]["parameters"][name]


def test_a_file_that_is_there_is_never_overwritten(path: Path) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    before = path.read_bytes()

    with pytest.raises(SealedFileExistsError, match="never overwritten: open it, or move it away first") as refused:
        seal(path, b"another", purpose=PURPOSE, kek=KEK)

    assert refused.value.path == path
    assert path.read_bytes() == before


def test_a_link_to_nowhere_is_something_that_is_there(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))

    with pytest.raises(SealedFileExistsError):
        seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    assert not path.with_name("elsewhere").exists()


def test_a_file_that_comes_while_the_kek_works_is_not_overwritten(path: Path) -> None:
    class Slow:
        """Another process seals the same path meanwhile."""

        name = KEK.name
        unwrap = KEK.unwrap

        def wrap(self, key: bytes, context: bytes) -> WrappedKey:
            seal(path, b"the first", purpose=PURPOSE, kek=KEK)
            return KEK.wrap(key, context)

    with pytest.raises(SealedFileExistsError):
        seal(path, b"the second", purpose=PURPOSE, kek=Slow())

    assert open_sealed(path, purpose=PURPOSE, kek=KEK) == b"the first"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_comes_while_the_disk_works_is_not_overwritten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def slow(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        seal(path, b"the first", purpose=PURPOSE, kek=KEK)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    with pytest.raises(UnavailableError, match="another process sealed it meanwhile: see what is there, then go on"):
        seal(path, b"the second", purpose=PURPOSE, kek=KEK)

    assert open_sealed(path, purpose=PURPOSE, kek=KEK) == b"the first"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o701, 0o704, 0o702, 0o710, 0o740, 0o770, 0o755])
def test_a_folder_that_others_may_use_is_refused(path: Path, mode: int) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    path.parent.chmod(mode)

    assert f"chmod 700 {path.parent}" in refusal(path)
    with pytest.raises(ConfigError, match="chmod 700"):
        seal(path.with_name("second.json"), SECRET, purpose=PURPOSE, kek=KEK)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o640, 0o620, 0o644, 0o601])
def test_a_file_that_others_may_use_is_refused(path: Path, mode: int) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    path.chmod(mode)

    assert f"chmod 600 {path}" in refusal(path)


def test_another_users_folder_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)

    assert f"belongs to uid {user}, not to this user (uid {user + 1}): chown {user + 1} " in refusal(path)


def test_a_symbolic_link_is_refused_as_file_and_as_folder(path: Path, tmp_path: Path) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    link, folder = path.with_name("link.json"), tmp_path / "folder"
    link.symlink_to(path)
    folder.symlink_to(path.parent)

    assert "link.json is a symbolic link, which could lead anywhere: give the real path" in refusal(link)
    assert "folder is a symbolic link, which could lead anywhere: give the real path" in refusal(folder / path.name)


def test_what_is_not_there_is_told_with_what_to_do(path: Path) -> None:
    assert f"{path} is not there: give the path of one that is" in refusal(path)
    assert f"{path.parent / 'none'} is not there" in refusal(path.parent / "none" / "share.json")
    with pytest.raises(ConfigError, match="is not there"):
        seal(path.parent / "none" / "share.json", SECRET, purpose=PURPOSE, kek=KEK)


def test_a_pipe_or_folder_in_the_place_of_a_file_is_refused_at_once(path: Path) -> None:
    os.mkfifo(path, 0o600)
    assert f"{path} is not a file: name a file" in refusal(path)

    path.unlink()
    path.mkdir(0o700)
    assert f"{path} is not a file: name a file" in refusal(path)


def test_a_file_in_the_place_of_the_folder_is_refused(path: Path) -> None:
    written(path, b"")

    assert f"{path} is not a folder: name one" in refusal(path / "share.json")


def test_a_file_of_another_purpose_is_refused(path: Path) -> None:
    seal(path, SECRET, purpose="identity", kek=KEK)

    assert f"{path}: sealed as 'identity', not as '{PURPOSE}': name the right file" in refusal(path)


def test_a_purpose_that_was_changed_in_the_file_opens_nothing(path: Path) -> None:
    seal(path, SECRET, purpose="identity", kek=KEK)
    written(path, path.read_bytes().replace(b'"identity"', b'"identitx"'))

    assert "restore" in refusal(path, purpose="identitx")


def test_a_file_under_another_kek_is_refused(path: Path) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=make({"key": "11" * 32}))

    text = refusal(path)
    assert "sealed by the key 'kms:test', not by the configured 'passphrase': configure that one" in text


def test_another_passphrase_is_refused(path: Path) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)

    text = refusal(path, kek=OTHER)
    assert f"{path}: the passphrase does not open it: give the one that sealed it" in text


@pytest.mark.parametrize("secret", [b"", bytes(16_385)])
def test_a_secret_of_a_strange_length_is_refused(path: Path, secret: bytes) -> None:
    with pytest.raises(InvalidInputError, match="seal 1 to 16384"):
        seal(path, secret, purpose=PURPOSE, kek=KEK)
    assert not path.exists()


@pytest.mark.parametrize("purpose", ["", "x" * 201, "지분", "two\nlines"])
def test_a_purpose_that_is_no_short_line_is_refused(path: Path, purpose: str) -> None:
    with pytest.raises(InvalidInputError, match="give 1 to 200 printable ASCII characters"):
        seal(path, SECRET, purpose=purpose, kek=KEK)
    assert not path.exists()


class Forgetful:
    """A KEK whose wrapped keys nobody can open."""

    name = "forgetful"

    def __init__(self, given: bytes | None) -> None:
        self._given = given

    def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        return WrappedKey(parameters={"length": str(len(key) + len(context))})

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        if self._given is None:
            raise ConfigError((f"no key for {len(wrapped.parameters)} {len(context)}: name one",))
        return self._given


@pytest.mark.parametrize("given", [None, b"", bytes(32), bytes(33)])
def test_a_kek_that_does_not_give_back_what_it_wrapped_seals_nothing(path: Path, given: bytes | None) -> None:
    with pytest.raises(ConfigError, match="the key forgetful does not give back what it wrapped"):
        seal(path, SECRET, purpose=PURPOSE, kek=Forgetful(given))
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("parameters", [{"지갑": "1"}, {"a": "지갑"}, {"a": "1" * 9_000}])
def test_a_kek_with_parameters_that_fit_no_file_seals_nothing(path: Path, parameters: dict[str, str]) -> None:
    class Odd(Forgetful):
        def wrap(self, key: bytes, context: bytes) -> WrappedKey:
            assert key + context
            return WrappedKey(parameters=parameters)

    with pytest.raises(ConfigError, match="no ASCII text, or too long: mend its plug-in"):
        seal(path, SECRET, purpose=PURPOSE, kek=Odd(None))
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("victim", ["fsync", "open", "link"])
def test_a_full_disk_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, victim: str) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, victim, failing(getattr(os, victim)))
        with pytest.raises(UnavailableError, match=r"No space left on device.*see to the disk, its free space"):
            seal(path, SECRET, purpose=PURPOSE, kek=KEK)

    assert list(path.parent.iterdir()) == []
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)


def test_a_folder_that_does_not_reach_the_disk_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def of_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files_only)
    with pytest.raises(UnavailableError, match="Input/output error"):
        seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    assert list(path.parent.iterdir()) == []


def test_a_disk_that_gives_back_something_else_is_noticed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def losing(descriptor: int) -> None:
        fsync(descriptor)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.pwrite(descriptor, b"?", 200)

    monkeypatch.setattr(os, "fsync", losing)
    with pytest.raises(UnavailableError, match="gives back something else than was written: replace the disk"):
        seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    assert list(path.parent.iterdir()) == []


def test_file_and_folder_are_on_disk_before_seal_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def told(name: str) -> Callable[..., object]:
        function: Callable[..., object] = getattr(os, name)

        def call(*arguments: object, **named: object) -> object:
            steps.append(name)
            return function(*arguments, **named)

        return call

    for name in ("fsync", "link"):
        monkeypatch.setattr(os, name, told(name))
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)

    assert steps == ["fsync", "link", "fsync"]


def test_a_sealed_file_can_be_put_under_another_passphrase(path: Path) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    reseal(path, purpose=PURPOSE, kek=KEK, new_kek=OTHER)

    assert open_sealed(path, purpose=PURPOSE, kek=OTHER) == SECRET
    assert "the passphrase does not open it" in refusal(path, kek=KEK)
    assert list(path.parent.iterdir()) == [path]


def test_a_reseal_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="does not open it"):
        reseal(path, purpose=PURPOSE, kek=OTHER, new_kek=KEK)
    with pytest.raises(ConfigError, match="does not give back"):
        reseal(path, purpose=PURPOSE, kek=KEK, new_kek=Forgetful(None))
    monkeypatch.setattr(os, "fsync", failing(os.fsync))
    with pytest.raises(UnavailableError):
        reseal(path, purpose=PURPOSE, kek=KEK, new_kek=OTHER)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_no_error_text_holds_secret_or_passphrase(path: Path) -> None:
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    texts = [refusal(path, kek=OTHER), refusal(path, purpose="x"), refusal(path, kek=make({"key": "11" * 32}))]

    for text in [*texts, repr(KEK), str(KEK), repr(module)]:
        for hidden in (PASSPHRASE, b"another horse"):
            assert hidden.decode() not in text
            assert hidden.hex() not in text
        assert SECRET.hex() not in text


def failing(function: Callable[..., object]) -> Callable[..., object]:
    """Fail as on a full disk; only what writes, where *function* is os.open."""

    def call(*arguments: object, **named: object) -> object:
        if function is not os.open and getattr(function, "__name__", "") == "open" and not _creates(arguments):
            return function(*arguments, **named)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return call


def _creates(arguments: tuple[object, ...]) -> bool:
    flags = arguments[1]
    return isinstance(flags, int) and bool(flags & os.O_CREAT)
