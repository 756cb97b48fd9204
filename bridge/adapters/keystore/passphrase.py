"""A key-encryption key made of a passphrase: scrypt (RFC 7914), then AES-256-GCM."""

import secrets
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bridge.errors import ConfigError
from bridge.ports.custody import WrappedKey

NAME: Final = "passphrase"
LENGTH_MIN: Final = 12
COST: Final = 2**17
"""scrypt's n: 128 MiB and 0.4 s with r = 8, p = 1."""
COST_DEVELOPMENT: Final = 2**12
WORK_MAX: Final = 2**21
"""n·r·p at the most, so 256 MiB: a changed file must not exhaust the machine before it is found out."""
_BLOCK: Final = 8
_PARALLEL: Final = 1
_SALT_LEN: Final = 32
_NONCE_LEN: Final = 12
_KEY_LEN: Final = 32
_DIGITS_MAX: Final = 8
_PARAMETERS: Final = {"kdf", "n", "r", "p", "salt", "nonce", "wrapped"}


class PassphraseKey:
    """KeyEncryption by a passphrase, which it keeps in memory and never shows."""

    __slots__ = ("_development", "_passphrase")

    def __init__(self, passphrase: bytes, *, development: bool = False) -> None:
        """Take the passphrase; *development* allows a short one, and makes scrypt cheap (n = 2^12).

        Raises:
            ConfigError: it is empty, or shorter than 12 characters.
        """
        length = len(passphrase.decode("utf-8", errors="replace").strip())
        if not length:
            raise ConfigError(("the passphrase is empty: write one into its file or credential",))
        if length < LENGTH_MIN and not development:
            text = f"the passphrase has {length} characters: use {LENGTH_MIN} or more, at random (openssl rand -hex 32)"
            raise ConfigError((text,))
        self._passphrase = passphrase
        self._development = development

    def __repr__(self) -> str:
        return f"<{NAME}>"

    def __reduce__(self) -> str:
        raise TypeError("a passphrase stays in its process: make the key anew from its file or credential")

    @property
    def name(self) -> str:
        """Tell which key this is."""
        return NAME

    def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        """Encrypt a data key."""
        cost = COST_DEVELOPMENT if self._development else COST
        salt, nonce = secrets.token_bytes(_SALT_LEN), secrets.token_bytes(_NONCE_LEN)
        wrapped = AESGCM(self._derive(salt, cost, _BLOCK, _PARALLEL)).encrypt(nonce, key, context)
        numbers = {"n": str(cost), "r": str(_BLOCK), "p": str(_PARALLEL)}
        values = {"kdf": "scrypt", "salt": salt.hex(), "nonce": nonce.hex(), "wrapped": wrapped.hex()}
        return WrappedKey(parameters=numbers | values)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Give the data key back.

        Raises:
            ConfigError: the passphrase is another, or the parameters are damaged, too costly, or too cheap.
        """
        parameters = wrapped.parameters
        if parameters.keys() != _PARAMETERS or parameters["kdf"] != "scrypt":
            raise ConfigError(("not wrapped by a passphrase and scrypt: restore the file from its backup",))
        n, r, p = (_number(parameters, name) for name in ("n", "r", "p"))
        self._refuse_dangerous(n, r, p)
        salt, nonce, ciphertext = (_bytes(parameters, name) for name in ("salt", "nonce", "wrapped"))
        try:
            return AESGCM(self._derive(salt, n, r, p)).decrypt(nonce, ciphertext, context)
        except (InvalidTag, ValueError) as error:  # ValueError: a nonce of another length
            text = "the passphrase does not open it: give the one that sealed it, or restore the file if it is damaged"
            raise ConfigError((text,)) from error

    def _refuse_dangerous(self, n: int, r: int, p: int) -> None:
        if n * r * p > WORK_MAX or n & (n - 1) or n == 1:
            text = f"scrypt with n={n}, r={r}, p={p}: n·r·p is {WORK_MAX} at the most, n a power of two above 1"
            raise ConfigError((f"{text}; this program never wrote that: restore the file from its backup",))
        if n * r * p < COST * _BLOCK * _PARALLEL and not self._development:
            text = f"scrypt with n={n}, r={r}, p={p} was meant for development, and is soon guessed"
            raise ConfigError((f"{text}: make the secret anew, under a passphrase of its own",))

    def _derive(self, salt: bytes, n: int, r: int, p: int) -> bytes:
        return Scrypt(salt=salt, length=_KEY_LEN, n=n, r=r, p=p).derive(self._passphrase)


def _number(parameters: Mapping[str, str], name: str) -> int:
    text = parameters[name]
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX and text[0] != "0"):
        raise ConfigError((f"scrypt's {name} is no number as this program writes it: restore the file's backup",))
    return int(text)


def _bytes(parameters: Mapping[str, str], name: str) -> bytes:
    try:
        return bytes.fromhex(parameters[name])
    except ValueError as error:
        raise ConfigError((f"{name} is not in hex digits: restore the file from its backup",)) from error
