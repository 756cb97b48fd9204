"""A plug-in as another package would bring it: a KMS that is a key in memory."""

import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.errors import ConfigError
from bridge.ports.custody import KeyEncryption, WrappedKey


class Kms:
    """KeyEncryption."""

    def __init__(self, key: bytes) -> None:
        self._key = AESGCM(key)

    @property
    def name(self) -> str:
        return "kms:test"

    def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        nonce = secrets.token_bytes(12)
        return WrappedKey(parameters={"blob": (nonce + self._key.encrypt(nonce, key, context)).hex()})

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        try:
            if wrapped.parameters.keys() != {"blob"}:
                raise ConfigError(("the KMS needs a blob: restore the file",))
            blob = bytes.fromhex(wrapped.parameters["blob"])
            return self._key.decrypt(blob[:12], blob[12:], context)
        except (ValueError, InvalidTag) as error:
            raise ConfigError(("the KMS's key does not open it: name the right one",)) from error


def make(parameters: Mapping[str, str]) -> KeyEncryption:
    return Kms(bytes.fromhex(parameters["key"]))


def make_nothing(parameters: Mapping[str, str]) -> object:
    return dict(parameters)


def refuse(parameters: Mapping[str, str]) -> KeyEncryption:
    raise ConfigError((f"the KMS knows no {sorted(parameters)}: name a key",))
