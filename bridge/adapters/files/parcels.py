"""Parcels of lifecycle data as files (ports.lifecycle.ParcelStore): `<box>/<TransferId>`, mode 0600, folders 0700.

    terms of the transfer (320) ‖ salt (32) ‖ canonical bytes

Law: a file appears whole, on disk and under its name, before the call returns; kill -9 leaves nothing half written.
Commands may read, and put into the outbox, while the relayer runs. This is the only place where data lies in the clear.
"""

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bridge.core.lifecycle import PACKAGE_LEN_MAX, Package, Parcel
from bridge.core.transfer import TRANSFER_WORDS, TransferId, decode, encode
from bridge.disk import put, sync_folder
from bridge.errors import ConfigError, InvalidInputError, UnavailableError
from bridge.ports.lifecycle import Box

TERMS_LEN: Final = TRANSFER_WORDS * 32
_NAME: Final = re.compile(r"[0-9a-f]{64}")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class FileParcels:
    """The folder of one institution's lifecycle data."""

    def __init__(self, folder: Path) -> None:
        """Use *folder*, made with mode 0700 if it isn't there, in one that is.

        Raises:
            ConfigError: others may use it.
            UnavailableError: the disk refuses.
        """
        self._folder = folder
        with _translated(folder):
            for path in (folder, *(folder / box for box in Box)):
                with suppress(FileExistsError):
                    path.mkdir(mode=0o700)
                    sync_folder(path.parent)
            if folder.stat().st_mode & _OTHERS:
                raise ConfigError((f"others may use {folder}: chmod 700 {folder}",))

    def put(self, box: Box, parcel: Parcel) -> None:
        """Put a parcel on disk before this returns; the one of that transfer that is there stays."""
        path = self._path(box, parcel.transfer.id)
        with _translated(path), suppress(FileExistsError):
            put(path, encode(parcel.transfer) + parcel.package.to_bytes(), mode=0o600, new=True)

    def ids(self, box: Box) -> list[TransferId]:
        """List the transfers whose parcels lie in a box."""
        with _translated(self._folder / box):
            names = sorted(path.name for path in (self._folder / box).iterdir() if _NAME.fullmatch(path.name))
        return [TransferId(bytes.fromhex(name)) for name in names]

    def get(self, box: Box, transfer_id: TransferId) -> Parcel | None:
        """Give a transfer's parcel; None if none lies there."""
        path = self._path(box, transfer_id)
        with _translated(path):
            try:
                with path.open("rb") as file:
                    data = file.read(TERMS_LEN + PACKAGE_LEN_MAX + 1)
            except FileNotFoundError:
                return None
        try:
            parcel = Parcel(transfer=decode(data[:TERMS_LEN]), package=Package.from_bytes(data[TERMS_LEN:]))
        except InvalidInputError as error:
            raise _damaged(path) from error
        if parcel.transfer.id != transfer_id or parcel.package.hash != parcel.transfer.payload_hash:
            raise _damaged(path)
        return parcel

    def move(self, transfer_id: TransferId, to: Box) -> None:
        """Take what lies in the outbox to another box; nothing happens if nothing does."""
        path = self._path(Box.OUTBOX, transfer_id)
        with _translated(path), suppress(FileNotFoundError):
            path.replace(self._path(to, transfer_id))
            sync_folder(self._folder / to)
            sync_folder(path.parent)

    def _path(self, box: Box, transfer_id: TransferId) -> Path:
        return self._folder / box / transfer_id.hex()


def _damaged(path: Path) -> UnavailableError:
    return UnavailableError(f"{path} is damaged: restore it, or take it away and have it sent again")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = f"{path} can't be used ({error.strerror}): see to the disk and its rights; the folder above must exist"
        raise UnavailableError(text) from error
