"""Files that are a memory: each write is on disk, whole or not at all, before it returns."""

import os
from contextlib import suppress
from pathlib import Path

from bridge.disk import sync_folder


def put(path: Path, content: str | bytes, *, mode: int, new: bool = False) -> None:
    """Write a file by way of another, with everything on disk before this returns; *new*: it must not be there.

    Raises:
        FileExistsError: it is there, and should be new.
        OSError: it can't be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.touch(mode=mode)
        with draft.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if new:
            path.hardlink_to(draft)  # fails if it is there, as a rename would not
        else:
            draft.replace(path)
        sync_folder(path.parent)
    finally:
        with suppress(OSError):
            draft.unlink()
