"""Makes the key-encryption key that a configuration names; a composition root's only door to this package's keys."""

from collections.abc import Mapping
from pathlib import Path

from bridge.adapters.keystore.passphrase import PassphraseKey
from bridge.adapters.keystore.phrases import phrase_from_credential, phrase_from_file
from bridge.adapters.keystore.plugins import plugin
from bridge.errors import ConfigError
from bridge.ports.custody import KeyEncryption


def key_encryption(  # noqa: PLR0913 - the keys of the configuration's table
    kind: str,
    *,
    passphrase_file: Path | None = None,
    credential: str | None = None,
    module: Path | None = None,
    token: str | None = None,
    key_label: str | None = None,
    pin_file: Path | None = None,
    parameters: Mapping[str, str] | None = None,
    development: bool = False,
) -> KeyEncryption:
    """Make the KEK of a *kind*: "passphrase", "pkcs11", or the name of a plug-in.

    passphrase: `passphrase_file` or `credential`; *development* allows a short one, and makes scrypt cheap.
    pkcs11: `module`, `token`, `key_label`, and `pin_file` or `credential`; parameters may hold `mechanism`.
    A plug-in: `parameters` only.

    Raises:
        ConfigError: a value is missing, out of place or wrong, a file is open to others, or nothing of that kind is
            installed; `problems` tells all that is wrong with the values at once.
        UnavailableError: a disk or KMS does not answer.
    """
    hsm = {"module": module, "token": token, "key_label": key_label}
    phrases = {"passphrase_file": passphrase_file, "pin_file": pin_file, "credential": credential}
    fields = {**hsm, **phrases, "parameters": parameters or None}
    match kind:
        case "passphrase":
            _check(kind, fields, needed=(), one_of=("passphrase_file", "credential"))
            return PassphraseKey(_phrase(passphrase_file, credential), development=development)
        case "pkcs11":
            _check(kind, fields, needed=tuple(hsm), one_of=("pin_file", "credential"), allowed=("parameters",))
            return _pkcs11(
                Path(module or ""), token or "", key_label or "", _phrase(pin_file, credential), parameters or {}
            )
        case _:
            _check(kind, fields, needed=(), one_of=(), allowed=("parameters",))
            return plugin(kind, parameters or {})


def _check(
    kind: str,
    fields: Mapping[str, object],
    *,
    needed: tuple[str, ...],
    one_of: tuple[str, ...],
    allowed: tuple[str, ...] = (),
) -> None:
    given = {name for name, value in fields.items() if value is not None and value != ""}
    problems = [f"a key of kind {kind!r} needs {name}: add it" for name in needed if name not in given]
    if one_of and len(given.intersection(one_of)) != 1:
        problems.append(f"a key of kind {kind!r} takes exactly one of {' and '.join(one_of)}: give one")
    misplaced = sorted(given.difference(needed, one_of, allowed))
    problems.extend(f"a key of kind {kind!r} takes no {name}: remove it" for name in misplaced)
    if problems:
        raise ConfigError(tuple(problems))


def _phrase(file: Path | None, credential: str | None) -> bytes:
    return phrase_from_file(file) if file is not None else phrase_from_credential(credential or "")


def _pkcs11(module: Path, token: str, label: str, pin: bytes, parameters: Mapping[str, str]) -> KeyEncryption:
    try:
        from bridge.adapters.keystore.pkcs11 import MECHANISMS, Pkcs11Key  # noqa: PLC0415 - an extra
    except ImportError as error:
        text = f"a key of kind 'pkcs11' needs python-pkcs11 ({error}): pip install 'naru-bridge[pkcs11]'"
        raise ConfigError((text,)) from error
    mechanisms = (parameters["mechanism"],) if "mechanism" in parameters else MECHANISMS
    if parameters.keys() - {"mechanism"} or not set(mechanisms) <= set(MECHANISMS):
        text = f"a key of kind 'pkcs11' takes only the parameter mechanism, one of {', '.join(MECHANISMS)}: mend it"
        raise ConfigError((text,))
    return Pkcs11Key(module=module, token=token, label=label, pin=pin, mechanisms=mechanisms)
