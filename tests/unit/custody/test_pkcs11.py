"""A key on a token of SoftHSM, and what is said when token, PIN or key is not as it should be."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.adapters.keystore.file import open_sealed, seal
from bridge.adapters.keystore.kinds import key_encryption
from bridge.errors import ConfigError, UnavailableError
from bridge.ports.custody import KeyMaker
from tests.unit.custody.softhsm import LABEL, OTHER, PIN, TOKEN, TWINS, SoftHsm, running
from tests.unit.custody.support import PURPOSE, SECRET, private, written

KEY = bytes(32)


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    with running(tmp_path_factory.mktemp("softhsm")) as hsm:
        yield hsm


@pytest.mark.parametrize("parameters", [{}, {"mechanism": "AES_GCM"}, {"mechanism": "AES_KEY_WRAP"}])
def test_a_share_under_a_token_comes_back(hsm: SoftHsm, tmp_path: Path, parameters: dict[str, str]) -> None:
    path, pin = private(tmp_path / "signer") / "share.json", written(tmp_path / "pin", PIN + b"\n")
    kek = key_encryption("pkcs11", module=hsm.module, token=TOKEN, key_label=LABEL, pin_file=pin, parameters=parameters)
    seal(path, SECRET, purpose=PURPOSE, kek=kek)

    assert kek.name == "pkcs11:naru/kek"
    assert open_sealed(path, purpose=PURPOSE, kek=kek) == SECRET
    assert PIN not in path.read_bytes()
    with pytest.raises(ConfigError, match="sealed by the key 'pkcs11:naru/kek', not by the configured 'pkcs11:naru/ot"):
        open_sealed(path, purpose=PURPOSE, kek=hsm.key(label=OTHER))


def test_what_one_mechanism_wrapped_opens_whichever_is_preferred(hsm: SoftHsm) -> None:
    for one, other in (("AES_GCM", "AES_KEY_WRAP"), ("AES_KEY_WRAP", "AES_GCM")):
        wrapped = hsm.key(mechanism=one).wrap(KEY, b"")
        assert wrapped.parameters["mechanism"] == one
        assert hsm.key(mechanism=other).unwrap(wrapped, b"") == KEY


def test_a_key_is_made_once_and_can_not_be_read_out(hsm: SoftHsm) -> None:
    pkcs11 = pytest.importorskip("pkcs11")
    kek = hsm.key(label="fresh")
    assert isinstance(kek, KeyMaker)
    assert kek.make_key()
    wrapped = kek.wrap(KEY, b"")

    assert not kek.make_key()
    assert kek.unwrap(wrapped, b"") == KEY
    token = pkcs11.lib(str(hsm.module)).get_token(token_label=TOKEN)
    with token.open(user_pin=PIN.decode()) as session:
        key = session.get_key(label="fresh")
        of = pkcs11.Attribute
        assert (key.key_length, key[of.SENSITIVE], key[of.EXTRACTABLE], key[of.PRIVATE]) == (256, True, False, True)
        with pytest.raises(pkcs11.AttributeSensitive):
            key[of.VALUE]


def test_a_key_that_can_be_read_out_is_refused(hsm: SoftHsm) -> None:
    pkcs11 = pytest.importorskip("pkcs11")
    token = pkcs11.lib(str(hsm.module)).get_token(token_label=TOKEN)
    with token.open(user_pin=PIN.decode(), rw=True) as session:
        template = {pkcs11.Attribute.EXTRACTABLE: True}
        session.generate_key(pkcs11.KeyType.AES, 256, label="open", store=True, template=template)

    for call in (lambda: hsm.key(label="open").wrap(KEY, b""), hsm.key(label="open").make_key):
        with pytest.raises(ConfigError, match="or can be read out: make one with CKA_EXTRACTABLE false"):
            call()


def test_two_keys_of_one_label_are_refused(hsm: SoftHsm) -> None:
    pkcs11 = pytest.importorskip("pkcs11")
    token = pkcs11.lib(str(hsm.module)).get_token(token_label=TOKEN)
    with token.open(user_pin=PIN.decode(), rw=True) as session:
        for _ in range(2):
            session.generate_key(pkcs11.KeyType.AES, 256, label="twice", store=True)

    with pytest.raises(ConfigError, match="several keys 'twice' are on the token 'naru'"):
        hsm.key(label="twice").wrap(KEY, b"")


def test_a_key_that_is_not_there_says_to_make_it(hsm: SoftHsm) -> None:
    with pytest.raises(ConfigError, match="no AES key 'none' is on the token 'naru': mend the label, or make the key"):
        hsm.key(label="none").wrap(KEY, b"")


@pytest.mark.parametrize("pin", [b"0000", b"4711-0816", b"x" * 1000])
def test_a_wrong_pin_says_so_and_does_not_show_it(hsm: SoftHsm, pin: bytes) -> None:
    with pytest.raises(
        ConfigError, match="the PIN of the token 'naru' is wrong: mend it first; a token locks"
    ) as refused:
        hsm.key(pin=pin).wrap(KEY, b"")
    assert pin.decode() not in str(refused.value)
    assert hsm.key().unwrap(hsm.key().wrap(KEY, b""), b"") == KEY


def test_a_pin_that_is_no_text_is_refused_unshown(hsm: SoftHsm) -> None:
    with pytest.raises(ConfigError, match="the PIN is no UTF-8 text") as refused:
        hsm.key(pin=b"\xff1234")
    assert "1234" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_token_that_does_not_answer_may_be_tried_again(hsm: SoftHsm) -> None:
    with pytest.raises(
        UnavailableError, match=r"no token 'gone' answers at .* \(there: naru, twins\): start it, or mend"
    ):
        hsm.key(token="gone").wrap(KEY, b"")  # noqa: S106 - a label


def test_two_tokens_of_one_label_are_refused(hsm: SoftHsm) -> None:
    with pytest.raises(ConfigError, match="are called 'twins': give each a label of its own"):
        hsm.key(token=TWINS).wrap(KEY, b"")


@pytest.mark.parametrize("name", ["PinLocked", "PinExpired", "UserPinNotInitialized"])
def test_a_pin_that_is_locked_needs_the_hsms_own_tool(hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pkcs11 = pytest.importorskip("pkcs11")

    def locked(_: str) -> None:
        raise getattr(pkcs11, name)

    monkeypatch.setattr(pkcs11, "lib", locked)
    with pytest.raises(ConfigError, match="locked, expired or not set: set it with the HSM's own tool"):
        hsm.key().wrap(KEY, b"")


def test_a_token_that_fails_may_be_tried_again(hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch) -> None:
    pkcs11 = pytest.importorskip("pkcs11")

    def broken(_: str) -> None:
        raise pkcs11.DeviceError

    monkeypatch.setattr(pkcs11, "lib", broken)
    with pytest.raises(UnavailableError, match=r"the token 'naru' fails .DeviceError.: see to the HSM, then try again"):
        hsm.key().wrap(KEY, b"")


def test_a_token_that_breaks_while_it_unwraps_is_not_taken_for_a_wrong_key(
    hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    pkcs11 = pytest.importorskip("pkcs11")
    kek = hsm.key()
    wrapped = kek.wrap(KEY, b"")

    class Broken:
        def encrypt(self, *_: object, **__: object) -> bytes:
            raise pkcs11.GeneralError

        decrypt = encrypt

    monkeypatch.setattr(type(kek), "_key", lambda *_: Broken())
    with pytest.raises(UnavailableError, match=r"the token 'naru' fails .GeneralError."):
        kek.unwrap(wrapped, b"")


def test_a_module_that_is_not_there_or_no_module_is_refused(hsm: SoftHsm, tmp_path: Path) -> None:
    path = tmp_path / "module.so"
    with pytest.raises(ConfigError, match=r"module.so is not there: give the path of the HSM's library"):
        SoftHsm(module=path).key().wrap(KEY, b"")
    path.write_bytes(b"no library")
    with pytest.raises(ConfigError, match=r"module.so is no PKCS#11 module: give the path of the HSM's library"):
        SoftHsm(module=path).key().wrap(KEY, b"")
    assert hsm.key().name


def test_a_token_without_a_mechanism_of_ours_needs_a_plug_in(hsm: SoftHsm) -> None:
    with pytest.raises(ConfigError, match="the token 'naru' has none of AES_CCM: use a plug-in made for this HSM"):
        hsm.key(mechanism="AES_CCM").wrap(KEY, b"")


@pytest.mark.parametrize("label", ["지갑", "two\nlines"])
def test_a_label_that_is_no_line_of_ascii_is_refused(hsm: SoftHsm, label: str) -> None:
    with pytest.raises(ConfigError, match="is not in ASCII: give it such a label"):
        hsm.key(label=label)


def test_a_key_is_not_shown(hsm: SoftHsm) -> None:
    assert repr(hsm.key()) == "<pkcs11:naru/kek>"


def test_the_token_holds_what_its_tool_shows(hsm: SoftHsm) -> None:
    done = subprocess.run(["softhsm2-util", "--show-slots"], check=True, capture_output=True, text=True)  # noqa: S607
    assert f"Label:            {TOKEN}" in done.stdout
    assert hsm.module.exists()
