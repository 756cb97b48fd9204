"""What the tests of sealed files share."""

import os
from pathlib import Path

from bridge.adapters.keystore.passphrase import PassphraseKey

PASSPHRASE = b"correct horse battery staple"
SECRET = bytes(range(71))
PURPOSE = "share of epoch 3"
KEK = PassphraseKey(PASSPHRASE, development=True)


def private(path: Path) -> Path:
    """Make a folder that is this user's alone."""
    path.mkdir(mode=0o700)
    return path


def written(path: Path, data: bytes) -> Path:
    """Write a file that is this user's alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return path
