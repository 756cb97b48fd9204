"""Lines in memory (ports.transcripts.LineLog): what a file keeps, without the file."""


class MemoryLineLog:
    """Every line, in `kept`."""

    def __init__(self) -> None:
        """Start empty."""
        self.kept: list[str] = []

    def append(self, line: str) -> None:
        """Add a line."""
        self.kept.append(line)

    def last(self) -> str | None:
        """Give the newest line."""
        return self.kept[-1] if self.kept else None
