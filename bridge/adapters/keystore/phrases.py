"""Reads a passphrase or PIN from a file or a systemd credential; never from an argument or the environment's values."""

import os
from pathlib import Path
from typing import Final

from bridge.adapters.keystore.private import CREDENTIAL_OTHERS, read_private
from bridge.errors import ConfigError

FOLDER_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
"""Set by systemd for a service that loads credentials: the folder that they are in (systemd.exec)."""
_LEN_MAX: Final = 1024


def phrase_from_file(path: Path) -> bytes:
    """Read what stands in a file that is this user's alone, without the newline at its end.

    Raises:
        ConfigError: the file is not there, open to others, empty, or longer than 1,024 bytes.
        UnavailableError: the disk refuses.
    """
    return _phrase(path, read_private(path, size_max=_LEN_MAX))


def phrase_from_credential(name: str) -> bytes:
    """Read the systemd credential of that name, without the newline at its end.

    Raises:
        ConfigError: systemd gave no credentials, or none of that name; else as phrase_from_file.
        UnavailableError: the disk refuses.
    """
    if name in {"", ".", ".."} or "/" in name:
        raise ConfigError((f"the credential {name!r} is no name: give the one in LoadCredential=NAME:PATH",))
    folder = os.environ.get(FOLDER_VARIABLE, "")
    path = Path(folder, name)
    if not Path(folder).is_absolute() or not path.exists():
        text = (
            f"systemd gives no credential {name!r} (${FOLDER_VARIABLE} is {folder or 'not set'}): start this program "
            f"by a unit that has LoadCredential={name}:PATH or LoadCredentialEncrypted={name}:PATH, or name a file"
        )
        raise ConfigError((text,))
    return _phrase(path, read_private(path, size_max=_LEN_MAX, others=CREDENTIAL_OTHERS))


def _phrase(path: Path, data: bytes) -> bytes:
    phrase = data.removesuffix(b"\n").removesuffix(b"\r")
    if not phrase.strip():
        raise ConfigError((f"{path} is empty: write the passphrase or PIN into it",))
    return phrase
