import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.adapters.keystore.file import open_sealed, seal
from bridge.adapters.keystore.kinds import key_encryption
from bridge.errors import ConfigError
from bridge.ports.custody import KeyEncryption, KeyMaker
from tests.unit.custody.support import KEK, PASSPHRASE, PURPOSE, SECRET, private, written

PLUGIN = """\
[naru.key_encryption]
kms = tests.unit.custody.kms:make
refusing = tests.unit.custody.kms:refuse
nothing = tests.unit.custody.kms:make_nothing
absent = tests.unit.custody.kms:no_such_name
missing = tests.unit.custody.no_such_module:make
"""
MODULE, TOKEN = Path("/nonexistent.so"), "naru"


def install(folder: Path, name: str, text: str) -> None:
    """Install a package that has nothing but entry points."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(text)


def hsm_key(folder: Path, parameters: Mapping[str, str] | None = None) -> KeyEncryption:
    pin = written(folder / "pin", b"1234")
    return key_encryption(
        "pkcs11",
        module=MODULE,
        token=TOKEN,
        key_label="kek",
        pin_file=pin,
        parameters=parameters,
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    install(folder, "naru-kms", PLUGIN)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_a_passphrase_comes_from_a_file(tmp_path: Path) -> None:
    path = private(tmp_path / "signer") / "share.json"
    seal(path, SECRET, purpose=PURPOSE, kek=KEK)
    kek = key_encryption(
        "passphrase", passphrase_file=written(tmp_path / "phrase", PASSPHRASE + b"\n"), development=True
    )

    assert open_sealed(path, purpose=PURPOSE, kek=kek) == SECRET
    assert not isinstance(kek, KeyMaker)


def test_a_passphrase_comes_from_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "share", PASSPHRASE)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert key_encryption("passphrase", credential="share").name == "passphrase"


def test_a_short_passphrase_is_for_development_only(tmp_path: Path) -> None:
    file = written(tmp_path / "phrase", b"short")

    assert key_encryption("passphrase", passphrase_file=file, development=True).name == "passphrase"
    with pytest.raises(ConfigError, match="use 12 or more"):
        key_encryption("passphrase", passphrase_file=file)


def test_all_values_that_are_missing_or_out_of_place_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        key_encryption("passphrase", module=Path("x.so"), token="t", parameters={"a": "b"})  # noqa: S106 - a label
    assert refused.value.problems == (
        "a key of kind 'passphrase' takes exactly one of passphrase_file and credential: give one",
        "a key of kind 'passphrase' takes no module: remove it",
        "a key of kind 'passphrase' takes no parameters: remove it",
        "a key of kind 'passphrase' takes no token: remove it",
    )

    with pytest.raises(ConfigError) as refused:
        key_encryption("pkcs11", passphrase_file=Path("x"), token="")
    assert refused.value.problems == (
        "a key of kind 'pkcs11' needs module: add it",
        "a key of kind 'pkcs11' needs token: add it",
        "a key of kind 'pkcs11' needs key_label: add it",
        "a key of kind 'pkcs11' takes exactly one of pin_file and credential: give one",
        "a key of kind 'pkcs11' takes no passphrase_file: remove it",
    )

    with pytest.raises(ConfigError, match="takes no credential: remove it"):
        key_encryption("kms", credential="x")


def test_two_places_for_one_passphrase_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exactly one of passphrase_file and credential"):
        key_encryption("passphrase", passphrase_file=tmp_path / "phrase", credential="share")


def test_without_python_pkcs11_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    monkeypatch.delitem(sys.modules, "bridge.adapters.keystore.pkcs11", raising=False)

    with pytest.raises(ConfigError, match=r"needs python-pkcs11 .*: pip install 'naru-bridge\[pkcs11\]'"):
        hsm_key(tmp_path)


@pytest.mark.parametrize("parameters", [{"mechanism": "DES3_CBC"}, {"mechanism": ""}, {"slot": "1"}])
def test_a_parameter_that_pkcs11_does_not_know_is_refused(tmp_path: Path, parameters: dict[str, str]) -> None:
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed (requirements/check.txt)")
    with pytest.raises(ConfigError, match="only the parameter mechanism, one of AES_GCM, AES_KEY_WRAP: mend it"):
        hsm_key(tmp_path, parameters)


@pytest.mark.usefixtures("site")
def test_an_installed_plug_in_seals_and_opens(tmp_path: Path) -> None:
    path = private(tmp_path / "signer") / "share.json"
    kek = key_encryption("kms", parameters={"key": "11" * 32})
    seal(path, SECRET, purpose=PURPOSE, kek=kek)

    assert kek.name == "kms:test"
    assert open_sealed(path, purpose=PURPOSE, kek=key_encryption("kms", parameters={"key": "11" * 32})) == SECRET
    with pytest.raises(ConfigError, match="the KMS's key does not open it: name the right one"):
        open_sealed(path, purpose=PURPOSE, kek=key_encryption("kms", parameters={"key": "22" * 32}))


@pytest.mark.usefixtures("site")
def test_an_unknown_kind_lists_those_there_are() -> None:
    with pytest.raises(ConfigError) as refused:
        key_encryption("vault")
    text = "no key-encryption key of kind 'vault' is installed (there are: absent, kms, missing, nothing, passphrase, "
    assert str(refused.value) == text + "pkcs11, refusing): name one, or install it"


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("nothing", "the plug-in naru-kms:nothing gives no KeyEncryption: it needs name, wrap and unwrap"),
        ("absent", "the plug-in naru-kms:absent fails .AttributeError: .*: mend it, or its parameters"),
        ("missing", "the plug-in naru-kms:missing fails .ModuleNotFoundError: .*: mend it, or its parameters"),
        ("kms", "the plug-in naru-kms:kms fails .KeyError: .*: mend it, or its parameters"),
        ("refusing", "the KMS knows no .*: name a key"),
    ],
)
def test_a_plug_in_that_fails_is_named(kind: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        key_encryption(kind)


def test_two_plug_ins_of_one_name_are_refused(site: Path) -> None:
    install(site, "other-kms", "[naru.key_encryption]\nkms = tests.unit.custody.kms:make\n")

    with pytest.raises(ConfigError, match=r"2 plug-ins are called 'kms' .naru-kms:kms, other-kms:kms.: uninstall"):
        key_encryption("kms", parameters={"key": "11" * 32})


def test_a_plug_in_can_not_take_the_place_of_a_kind_of_ours(tmp_path: Path, site: Path) -> None:
    install(site, "evil", "[naru.key_encryption]\npassphrase = tests.unit.custody.kms:make_nothing\n")
    file = written(tmp_path / "phrase", PASSPHRASE)

    assert repr(key_encryption("passphrase", passphrase_file=file)) == "<passphrase>"
