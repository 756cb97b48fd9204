"""What a notary's operator has approved, as files in the signer's folder: whoever may write there is the operator.

approvals/handover-<epoch>.json     {"px": hex, "py": hex}; the epoch is the one that signs
approvals/closed-<endpoint>.json    {}; the endpoint in hex digits
"""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from bridge.adapters.keystore.private import private_folder, read_private, translated
from bridge.core.caip import EndpointId
from bridge.core.statements import Epoch
from bridge.core.votes import HandoverVote
from bridge.errors import ConfigError

FOLDER: Final = "approvals"
_SIZE_MAX: Final = 1024
_MODE: Final = 0o600


def approve_handover(folder: Path, vote: HandoverVote) -> None:
    """Let the seat of `vote.epoch` sign a handover to exactly this key, in the signer's *folder*.

    An approval of another key in that epoch is replaced; what was signed already stays binding (R-13).

    Raises:
        ConfigError: the folder is not there, or open to others.
        UnavailableError: the disk refuses.
    """
    _write(folder, _handover(vote.epoch), {"px": vote.px.to_bytes(32).hex(), "py": vote.py.to_bytes(32).hex()})


def approve_closing(folder: Path, endpoint: EndpointId) -> None:
    """Let the seats sign that *endpoint* is closed for ever (R-60).

    Raises:
        ConfigError: the folder is not there, or open to others.
        UnavailableError: the disk refuses.
    """
    _write(folder, _closing(endpoint), {})


def withdraw_handover(folder: Path, epoch: Epoch) -> None:
    """Take back what `approve_handover` let; none is no error.

    Raises:
        UnavailableError: the disk refuses.
    """
    with translated(folder):
        (folder / FOLDER / _handover(epoch)).unlink(missing_ok=True)


class Approvals:
    """What is approved now; read anew at each question, so that the operator needs no restart."""

    def __init__(self, folder: Path) -> None:
        """Read in the signer's *folder*."""
        self._folder = folder / FOLDER

    def handover(self, epoch: Epoch) -> HandoverVote | None:
        """Give the key to which the seat of *epoch* may hand over.

        Raises:
            ConfigError: the approval is damaged, or open to others.
            UnavailableError: the disk refuses.
        """
        path = self._folder / _handover(epoch)
        if not os.path.lexists(path):
            return None
        try:
            fields = json.loads(read_private(path, size_max=_SIZE_MAX))
            px, py = (int.from_bytes(bytes.fromhex(fields[name])) for name in ("px", "py"))
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError((f"{path} is no approval: approve the handover again",)) from error
        return HandoverVote(epoch=epoch, px=px, py=py)

    def closing(self, endpoint: EndpointId) -> bool:
        """Tell whether the closing of *endpoint* may be signed.

        Raises:
            ConfigError: the approval is open to others.
            UnavailableError: the disk refuses.
        """
        path = self._folder / _closing(endpoint)
        return os.path.lexists(path) and bool(read_private(path, size_max=_SIZE_MAX))


def _handover(epoch: Epoch) -> str:
    return f"handover-{epoch}.json"


def _closing(endpoint: EndpointId) -> str:
    return f"closed-{endpoint.hex()}.json"


def _write(folder: Path, name: str, fields: dict[str, str]) -> None:
    with translated(folder):
        with private_folder(folder):
            (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
        write_private(folder / FOLDER / name, json.dumps(fields).encode() + b"\n")


def write_private(path: Path, data: bytes) -> None:
    """Put a file of mode 0600 in its place, whole or not at all, whenever the machine dies; what was there goes.

    Raises:
        ConfigError: its folder is open to others.
        UnavailableError: the disk refuses.
    """
    draft = f".{path.name}.{secrets.token_hex(8)}.tmp"
    with private_folder(path.parent) as folder:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(draft, flags, _MODE, dir_fd=folder), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=folder)
