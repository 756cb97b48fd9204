import pickle
import time

import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bridge.adapters.keystore.passphrase import COST, COST_DEVELOPMENT, WORK_MAX, PassphraseKey
from bridge.errors import ConfigError
from tests.unit.custody.support import KEK, PASSPHRASE

KEY = bytes(range(32))


def test_by_default_scrypt_costs_two_to_the_seventeen() -> None:
    """Also the bound of n·r·p: 256 MiB, twice the default."""
    wrapped = PassphraseKey(PASSPHRASE).wrap(KEY, b"")

    assert {name: wrapped.parameters[name] for name in "nrp"} == {"n": "131072", "r": "8", "p": "1"}
    assert PassphraseKey(PASSPHRASE).unwrap(wrapped, b"") == KEY
    assert COST * 8 * 2 == WORK_MAX


def test_what_was_wrapped_in_development_does_not_open_in_production() -> None:
    wrapped = KEK.wrap(KEY, b"")
    assert wrapped.parameters["n"] == str(COST_DEVELOPMENT) == "4096"

    with pytest.raises(ConfigError, match="meant for development, and is soon guessed: make the secret anew"):
        PassphraseKey(PASSPHRASE).unwrap(wrapped, b"")


def test_costly_parameters_are_refused_before_scrypt_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped = KEK.wrap(KEY, b"")

    def never(*_: object, **__: object) -> None:
        pytest.fail("scrypt ran")

    monkeypatch.setattr(Scrypt, "derive", never, raising=True)
    costly = type(wrapped)(parameters={**wrapped.parameters, "n": str(2**22)})
    started = time.monotonic()
    with pytest.raises(ConfigError, match="n·r·p is 2097152 at the most"):
        KEK.unwrap(costly, b"")
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("passphrase", [b"", b" ", b"\t \r"])
@pytest.mark.parametrize("development", [True, False])
def test_an_empty_passphrase_is_refused(passphrase: bytes, *, development: bool) -> None:
    with pytest.raises(ConfigError, match="the passphrase is empty: write one into its file or credential"):
        PassphraseKey(passphrase, development=development)


@pytest.mark.parametrize("passphrase", [b"ab~", b"elevenchars", b"  elevenchars  ", "열한글자로된암호문장임".encode()])
def test_a_short_passphrase_is_refused_outside_development(passphrase: bytes) -> None:
    with pytest.raises(ConfigError, match="use 12 or more, at random") as refused:
        PassphraseKey(passphrase)

    assert passphrase.decode() not in str(refused.value)
    assert PassphraseKey(passphrase, development=True).name == "passphrase"


@pytest.mark.parametrize("passphrase", [b"twelve chars", "열두글자로된암호문장이다".encode(), bytes(range(128, 160))])
def test_a_passphrase_of_twelve_characters_passes(passphrase: bytes) -> None:
    assert PassphraseKey(passphrase).name == "passphrase"


def test_a_passphrase_is_not_shown_and_not_copied_out() -> None:
    assert repr(KEK) == str(KEK) == "<passphrase>"
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(KEK)
