"""A key-encryption key that never leaves a PKCS#11 token (an HSM; SoftHSM in tests): an AES key that it finds by label.

AES-GCM where the token has it, bound to the context; else AES key wrap (RFC 3394) of data key ‖ SHA-256(context).
Each call opens a session and closes it: one that was kept would not survive a fork, nor the token's restart.
Needs the extra `pkcs11`; only bridge/adapters/keystore/kinds.py imports this, and only where it is asked for.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypedDict, cast

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.types import Key, Object, Session, Token

from bridge.errors import ConfigError, UnavailableError
from bridge.ports.custody import WrappedKey

MECHANISMS: Final = ("AES_GCM", "AES_KEY_WRAP")
"""By preference; PKCS #11's names."""
_KEY_BITS: Final = 256
_NONCE_LEN: Final = 12
_TAG_BITS: Final = 128
_DIGEST_LEN: Final = 32
_LOCK: Final = threading.Lock()
"""A login belongs to the process, not to a session: one at a time."""
_PIN_ERRORS: Final = (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange)
_PIN_STATES: Final = (pkcs11.PinLocked, pkcs11.PinExpired, pkcs11.UserPinNotInitialized)
_OF_THE_DATA: Final = (
    pkcs11.EncryptedDataInvalid,
    pkcs11.EncryptedDataLenRange,
    pkcs11.WrappedKeyInvalid,
    pkcs11.WrappedKeyLenRange,
    pkcs11.DataInvalid,
    pkcs11.DataLenRange,
    pkcs11.ArgumentsBad,
    pkcs11.GeneralError,  # what SoftHSM 2.6 says of a wrong tag
    pkcs11.FunctionFailed,
)
"""What tokens answer to what another key wrapped, and, some of them, when they are broken."""


class _AesKey(Protocol):
    """What python-pkcs11's key can do; its own types leave it to the object's capabilities."""

    def encrypt(self, data: bytes, *, mechanism: Mechanism, mechanism_param: GCMParams) -> bytes: ...
    def decrypt(self, data: bytes, *, mechanism: Mechanism, mechanism_param: GCMParams) -> bytes: ...
    def wrap_key(self, key: Key, *, mechanism: Mechanism) -> bytes: ...
    def unwrap_key(
        self,
        object_class: ObjectClass,
        key_type: KeyType,
        key_data: bytes,
        *,
        mechanism: Mechanism,
        template: dict[Attribute, object],
    ) -> Key: ...


class _Gcm(TypedDict):
    mechanism: Mechanism
    mechanism_param: GCMParams


class Pkcs11Key:
    """KeyEncryption by an AES key on a token."""

    __slots__ = ("_label", "_mechanisms", "_module", "_pin", "_token")

    def __init__(
        self, *, module: Path, token: str, label: str, pin: bytes, mechanisms: tuple[str, ...] = MECHANISMS
    ) -> None:
        """Name the library, the token's label and the key's; the first of *mechanisms* that the token has is used.

        Raises:
            ConfigError: the PIN is no UTF-8, or the names are no ASCII.
        """
        if not (token + label).isascii() or not (token + label).isprintable():
            raise ConfigError((f"the token {token!r} or the key {label!r} is not in ASCII: give it such a label",))
        self._module = module
        self._token = token
        self._label = label
        self._pin = _text(pin)
        self._mechanisms = mechanisms

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def name(self) -> str:
        """Tell which key this is."""
        return f"pkcs11:{self._token}/{self._label}"

    def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        """Let the token encrypt a data key."""
        with self._session() as session:
            return WrappedKey(parameters=self._wrapped(session, self._key(session), key, _digest(context)))

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Let the token give the data key back.

        Raises:
            UnavailableError: the token is not there, or does not answer.
            ConfigError: the PIN is wrong, no such key is on the token, or another key wrapped this.
        """
        parameters = dict(wrapped.parameters)
        mechanism = parameters.pop("mechanism", "")
        names = {"AES_GCM": {"nonce", "wrapped"}, "AES_KEY_WRAP": {"wrapped"}}.get(mechanism)
        try:
            values = {name: bytes.fromhex(text) for name, text in parameters.items()}
        except ValueError:
            values = {}
        if names is None or values.keys() != names:
            raise ConfigError(("not wrapped by a PKCS#11 token as this program does it: restore the file's backup",))
        with self._session() as session:
            return self._unwrapped(session, values["wrapped"], values.get("nonce"), _digest(context))

    def make_key(self) -> bool:
        """Make the key, AES-256, which can't be read out of the token, if none of its label is there; tell if it did.

        Raises:
            UnavailableError: the token is not there, or does not answer.
            ConfigError: the PIN is wrong, or the key that is there is not as it should be.
        """
        with self._session(rw=True) as session:
            if self._labelled(session):
                self._key(session)
                return False
            uses = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT | MechanismFlag.WRAP | MechanismFlag.UNWRAP
            closed = {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
            session.generate_key(
                KeyType.AES, _KEY_BITS, label=self._label, store=True, capabilities=uses, template=closed
            )
            return True

    def _wrapped(self, session: Session, kek: _AesKey, key: bytes, digest: bytes) -> dict[str, str]:
        if self._mechanism(session.token) == "AES_GCM":
            nonce = secrets.token_bytes(_NONCE_LEN)
            wrapped = kek.encrypt(key, **_gcm(nonce, digest))
            return {"mechanism": "AES_GCM", "nonce": nonce.hex(), "wrapped": wrapped.hex()}
        content = cast("Key", session.create_object(_content(key + digest)))
        return {"mechanism": "AES_KEY_WRAP", "wrapped": kek.wrap_key(content, mechanism=Mechanism.AES_KEY_WRAP).hex()}

    def _unwrapped(self, session: Session, wrapped: bytes, nonce: bytes | None, digest: bytes) -> bytes:
        kek = self._key(session)
        try:
            if nonce is not None:
                return kek.decrypt(wrapped, **_gcm(nonce, digest))
            both = _read(kek, wrapped)
        except _OF_THE_DATA as error:
            self._wrapped(session, kek, bytes(_DIGEST_LEN), digest)  # a token that is broken fails again
            raise self._wrong_key() from error
        if not hmac.compare_digest(both[-_DIGEST_LEN:], digest):
            raise self._wrong_key()
        return both[:-_DIGEST_LEN]

    @contextmanager
    def _session(self, *, rw: bool = False) -> Iterator[Session]:
        with _LOCK, self._translated(), self._slot().open(user_pin=self._pin, rw=rw) as session:
            yield session

    def _slot(self) -> Token:
        if not self._module.is_file():
            raise ConfigError((f"the PKCS#11 module {self._module} is not there: give the path of the HSM's library",))
        try:
            library = pkcs11.lib(str(self._module))
        except pkcs11.PKCS11Error as error:
            if type(error) is not pkcs11.PKCS11Error:  # the library loaded, and said something
                raise
            text = f"{self._module} is no PKCS#11 module: give the path of the HSM's library"
            raise ConfigError((text,)) from error
        tokens = [token for token in library.get_tokens() if token.label]  # a new one has none
        found = [token for token in tokens if token.label == self._token]
        if not found:
            known = ", ".join(sorted({token.label for token in tokens})) or "none"
            text = f"no token {self._token!r} answers at {self._module} (there: {known}): start it, or mend its label"
            raise UnavailableError(text)
        if len(found) > 1:
            text = f"{len(found)} tokens at {self._module} are called {self._token!r}: give each a label of its own"
            raise ConfigError((text,))
        return found[0]

    def _key(self, session: Session) -> _AesKey:
        found = self._labelled(session)
        if not found:
            text = f"no AES key {self._label!r} is on the token {self._token!r}: mend the label, or make the key"
            raise ConfigError((text,))
        if len(found) > 1:
            text = f"several keys {self._label!r} are on the token {self._token!r}: give each a label of its own"
            raise ConfigError((text,))
        if found[0][Attribute.KEY_TYPE] != KeyType.AES or found[0][Attribute.EXTRACTABLE]:
            text = f"the key {self.name} is no AES key, or can be read out: make one with CKA_EXTRACTABLE false"
            raise ConfigError((text,))
        return cast("_AesKey", found[0])

    def _labelled(self, session: Session) -> list[Object]:
        return list(session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._label}))

    def _mechanism(self, token: Token) -> str:
        has = token.slot.get_mechanisms()
        for name in self._mechanisms:
            if Mechanism[name] in has:
                return name
        text = f"the token {self._token!r} has none of {', '.join(self._mechanisms)}: use a plug-in made for this HSM"
        raise ConfigError((text,))

    def _wrong_key(self) -> ConfigError:
        text = f"the key {self.name} does not open it: configure the key that sealed it, or restore the damaged file"
        return ConfigError((text,))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _PIN_ERRORS as error:
            text = f"the PIN of the token {self._token!r} is wrong: mend it first; a token locks after a few tries"
            raise ConfigError((text,)) from error
        except _PIN_STATES as error:
            text = f"the PIN of the token {self._token!r} is locked, expired or not set: set it with the HSM's own tool"
            raise ConfigError((text,)) from error
        except pkcs11.PKCS11Error as error:
            text = f"the token {self._token!r} fails ({type(error).__name__}): see to the HSM, then try again"
            raise UnavailableError(text) from error


def _text(pin: bytes) -> str:
    try:
        return pin.decode()
    except UnicodeDecodeError:
        raise ConfigError(("the PIN is no UTF-8 text: mend its file or credential",)) from None  # it would show the PIN


def _digest(context: bytes) -> bytes:
    """Shorten the context: some tokens take little associated data."""
    return hashlib.sha256(context).digest()


def _gcm(nonce: bytes, digest: bytes) -> _Gcm:
    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, digest, _TAG_BITS)}


def _read(kek: _AesKey, data: bytes) -> bytes:
    readable: dict[Attribute, object] = {
        Attribute.TOKEN: False,
        Attribute.SENSITIVE: False,
        Attribute.EXTRACTABLE: True,
    }
    content = kek.unwrap_key(
        ObjectClass.SECRET_KEY, KeyType.GENERIC_SECRET, data, mechanism=Mechanism.AES_KEY_WRAP, template=readable
    )
    return cast("bytes", content[Attribute.VALUE])


def _content(data: bytes) -> dict[Attribute, Any]:
    return {
        Attribute.CLASS: ObjectClass.SECRET_KEY,
        Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
        Attribute.VALUE: data,
        Attribute.TOKEN: False,
        Attribute.SENSITIVE: False,
        Attribute.EXTRACTABLE: True,
    }
