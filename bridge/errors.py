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
    """A ledger refused a call; `name` is the contract error's or the node's, `detail` its arguments or text.

    `data`: what the contract reverted with, raw; empty where a node, or nobody, said it.
    """

    def __init__(self, name: str, detail: str, data: bytes = b"") -> None:
        """Keep the error's name apart from its arguments."""
        super().__init__(f"{name}({detail})" if detail else name)
        self.name = name
        self.detail = detail
        self.data = data


class RevertedError(LedgerRefusedError):
    """A transaction is in a block, and reverted: its nonce is used up, and it did nothing else."""

    def __init__(self, reference: bytes) -> None:
        """Name the transaction by its hash."""
        super().__init__("Reverted", f"transaction 0x{reference.hex()}")


class UncertainError(BridgeError):
    """Locks were submitted and their end is unknown; the text says how to go on without locking twice."""

    def __init__(self, reference: bytes, cause: str) -> None:
        """Keep the transaction's hash."""
        super().__init__(cause)
        self.reference = reference


class LockUncertainError(UncertainError):
    """A lock was submitted and its end is unknown: only the same `nonce` can be tried again without locking twice."""

    def __init__(self, reference: bytes, nonce: int, cause: str) -> None:
        """Keep the transaction's hash and the holder's nonce at the gateway."""
        super().__init__(
            reference,
            f"{cause}; the lock was submitted in transaction 0x{reference.hex()} under nonce {nonce}: it may still "
            f"lock: look with `naru transfer list`, and repeat only with --nonce {nonce}, which can lock once only",
        )
        self.nonce = nonce


class ConflictError(BridgeError):
    """A compare-and-set lost against another writer: read again, decide again (R-51)."""

    retryable: ClassVar[bool] = True
