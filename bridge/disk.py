"""What must outlast a power cut: each write is on disk, whole or not at all, before it returns."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def put(path: Path, content: str | bytes, *, mode: int, new: bool = False) -> None:
    """Write a file by way of another; *new*: it must not be there. Several may write the same one at once.

    Raises:
        FileExistsError: it is there, and should be new.
        OSError: it can't be written.
    """
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with os.fdopen(os.open(draft, _NEW, mode), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if new:
            path.hardlink_to(draft)  # fails if it is there, as a rename would not
        else:
            draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink()
        sync_folder(path.parent)  # what is there already may be somebody's who has not come to this line yet


def sync_folder(folder: Path) -> None:
    """Put a folder's names on disk: a file that was made, linked or renamed in it is found after a power cut.

    Raises:
        OSError: the folder is not there, or the disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
