"""What must outlast a power cut."""

import os
from pathlib import Path


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
