"""Which tokens a network can be started with. Imports nothing heavy: the command line offers these as a choice."""

from enum import StrEnum


class TokenKind(StrEnum):
    """A kind of token."""

    SAMPLE = "sample"
    """The sample security token of this project."""
    TREX = "trex"
    """The real ERC-3643 suite, T-REX, where its npm package is installed."""
