"""The sealed file's one form: canonical JSON, so that any changed byte is another file and never opens.

    {"ciphertext": hex, "format": "naru-sealed", "kek": {"name": text, "parameters": {text: text}},
     "nonce": hex (12 bytes), "purpose": text, "version": 1}

ciphertext = AES-256-GCM under a random data key, over all that is not nonce or ciphertext; the KEK wraps the data key,
bound to format, version, purpose and its own name. Nothing here touches the disk.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from bridge.errors import ConfigError
from bridge.ports.custody import WrappedKey

FORMAT: Final = "naru-sealed"
VERSION: Final = 1
NONCE_LEN: Final = 12
TAG_LEN: Final = 16
_FIELDS: Final = {"ciphertext", "format", "kek", "nonce", "purpose", "version"}
_SHOWN_LEN_MAX: Final = 100
"""What is read from a file that proved nothing is shown no longer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a sealed file says; all of it is public."""

    purpose: str
    kek: str
    wrapped: WrappedKey
    nonce: bytes
    ciphertext: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a file.

        Raises:
            ConfigError: it is no sealed file, of another version, or not byte for byte as it was written.
        """
        fields = _fields(data)
        kek = _object(fields["kek"], {"name", "parameters"})
        parameters = _object(kek["parameters"])
        sealed = cls(
            purpose=_text(fields["purpose"]),
            kek=_text(kek["name"]),
            wrapped=WrappedKey(parameters={name: _text(value) for name, value in parameters.items()}),
            nonce=_bytes(fields["nonce"], NONCE_LEN, NONCE_LEN),
            ciphertext=_bytes(fields["ciphertext"], TAG_LEN + 1),
        )
        if sealed.to_bytes() != data:
            raise damaged("it is not in the form in which it was written")
        return sealed

    def to_bytes(self) -> bytes:
        """Give the file."""
        kek = {"name": self.kek, "parameters": dict(self.wrapped.parameters)}
        fields = {**_header(self.purpose), "kek": kek, "nonce": self.nonce.hex(), "ciphertext": self.ciphertext.hex()}
        return json.dumps(fields, sort_keys=True, indent=2).encode("ascii") + b"\n"


def context(purpose: str, kek: str) -> bytes:
    """Give what the wrapped data key is bound to."""
    return _canonical({**_header(purpose), "kek": kek})


def associated(purpose: str, kek: str, wrapped: WrappedKey) -> bytes:
    """Give what the ciphertext is bound to."""
    return _canonical({**_header(purpose), "kek": {"name": kek, "parameters": dict(wrapped.parameters)}})


def damaged(why: str) -> ConfigError:
    """Say that a file is not what was written."""
    return ConfigError((f"damaged or changed ({why}): restore it from its backup",))


def shown(text: str) -> str:
    """Quote what a file claims."""
    return repr(text if len(text) <= _SHOWN_LEN_MAX else text[:_SHOWN_LEN_MAX] + "…")


def _header(purpose: str) -> dict[str, object]:
    return {"format": FORMAT, "version": VERSION, "purpose": purpose}


def _canonical(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _fields(data: bytes) -> dict[str, object]:
    try:
        fields = _object(json.loads(data, object_pairs_hook=_unique))
    except (ValueError, RecursionError) as error:
        raise damaged("it is no JSON, or cut off") from error
    if fields.get("format") != FORMAT:
        raise ConfigError(("not a sealed file of this project: name the right one",))
    if fields.get("version") != VERSION:
        text = f"version {shown(str(fields.get('version')))}, and this program knows {VERSION}: run the newer program"
        raise ConfigError((text,))
    return _object(fields, _FIELDS)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise damaged(f"it says {shown(twice[0])} twice")
    return dict(pairs)


def _object(value: object, names: set[str] | None = None) -> dict[str, object]:
    if not isinstance(value, dict):
        raise damaged("an object is missing")
    if names is not None and value.keys() != names:
        raise damaged(f"not the fields {', '.join(sorted(names))}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise damaged("a text is missing")
    return value


def _bytes(value: object, length_min: int, length_max: int | None = None) -> bytes:
    try:
        data = bytes.fromhex(_text(value))
    except ValueError as error:
        raise damaged("not hex digits") from error
    if len(data) < length_min or (length_max is not None and len(data) > length_max):
        raise damaged("a value has the wrong length")
    return data
