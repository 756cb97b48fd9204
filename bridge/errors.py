"""The one exception tree. The class says what the caller should do; attributes carry the data."""

from typing import ClassVar


class BridgeError(Exception):
    """Base of every error raised on purpose; `retryable` tells whether the same call may succeed later."""

    retryable: ClassVar[bool] = False


class InvalidInputError(BridgeError):
    """A value given by a person or a peer is not acceptable; the text says what to give instead."""


class ConfigError(BridgeError):
    """The configuration can't be used; `problems` tells everything that is wrong at once."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Keep every problem, each a sentence that says what to do."""
        super().__init__("; ".join(problems))
        self.problems = problems


class UnavailableError(BridgeError):
    """A ledger node, store or peer did not answer, or too few agreed: transient (R-53)."""

    retryable: ClassVar[bool] = True


class RefusedError(BridgeError):
    """The other side answered, and refused for good: terminal (R-53)."""


class LedgerRefusedError(RefusedError):
    """A ledger refused a call; `name` is the contract error's or the node's, `detail` its arguments or text."""

    def __init__(self, name: str, detail: str) -> None:
        """Keep the error's name apart from its arguments."""
        super().__init__(f"{name}({detail})" if detail else name)
        self.name = name
        self.detail = detail


class ConflictError(BridgeError):
    """A compare-and-set lost against another writer: read again, decide again (R-51)."""

    retryable: ClassVar[bool] = True
