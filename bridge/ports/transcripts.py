"""Where lines of evidence are kept: appended, never changed, the oldest dropped once there are too many."""

from typing import Protocol


class LineLog(Protocol):
    """Lines of text in the order in which they were appended; one writer at a time.

    Raises everywhere:
        UnavailableError: the disk refuses.
    """

    def append(self, line: str) -> None:
        """Add *line*, which holds no line break; it may be lost with the machine's power, never torn."""
        ...

    def last(self) -> str | None:
        """Give the newest line; None if there is none."""
        ...
