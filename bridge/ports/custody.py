"""Custody of secrets at rest: who can wrap the key of a sealed file. A KMS or a token fills this port."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key that only its key-encryption key opens; all of it is public and stands in the sealed file."""

    parameters: Mapping[str, str]
    """What `unwrap` needs, the wrapped bytes among it; ASCII, names and values a few hundred characters at the most."""


class KeyEncryption(Protocol):
    """A key-encryption key (KEK). Both calls may block, for a second or as long as a token takes: use a thread."""

    @property
    def name(self) -> str:
        """Tell which key this is, in one line of ASCII: "passphrase", "pkcs11:<token>/<label>"; no secret in it."""
        ...

    def wrap(self, key: bytes, context: bytes) -> WrappedKey:
        """Encrypt a data key (32 bytes) so that it opens only with the same *context* (any bytes, public).

        Raises:
            UnavailableError: the KMS or token does not answer.
            ConfigError: it has no such key, or the key may not be used like this.
        """
        ...

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Give the data key back.

        Raises:
            UnavailableError: the KMS or token does not answer.
            ConfigError: another passphrase or key wrapped it, its context was another, or the parameters are damaged
                or dangerous; the text says what to do.
        """
        ...


@runtime_checkable
class KeyMaker(Protocol):
    """A KEK whose key is made elsewhere, once: on a token, in a KMS. Others need not fill this."""

    def make_key(self) -> bool:
        """Make the key if it isn't there; tell whether it was made.

        Raises:
            UnavailableError: the KMS or token does not answer.
            ConfigError: it refuses, or the key that is there is not as it should be.
        """
        ...
