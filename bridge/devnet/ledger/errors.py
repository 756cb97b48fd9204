"""Every refusal of the ledger, with its JSON-RPC code and a text as geth words it."""

from typing import ClassVar

from bridge.errors import BridgeError


class LedgerError(BridgeError):
    """A request can't be served; `code` and `data` go into the JSON-RPC error object."""

    code: ClassVar[int] = -32000

    def __init__(self, text: str, data: bytes | None = None) -> None:
        """Keep the text shown to the caller and the bytes that a contract returned, if any."""
        super().__init__(text)
        self.data = data


class TransactionRefusedError(LedgerError):
    """A raw transaction may not enter the pool; the text starts as geth's does."""


class ExecutionFailedError(LedgerError):
    """A call ended in an EVM fault other than a revert, or could not begin."""


class ExecutionRevertedError(LedgerError):
    """A call was reverted by the contract; `data` is what it returned."""

    code = 3


class HeaderNotFoundError(LedgerError):
    """The block named by number, tag or hash does not exist (yet)."""

    def __init__(self) -> None:
        """Take geth's words."""
        super().__init__("header not found")


class StateUnavailableError(LedgerError):
    """The block exists, its state was dropped to bound memory; ask at a younger block."""


class HistoryPrunedError(LedgerError):
    """Bodies, receipts and logs of that block were dropped to bound memory."""

    code = 4444


class InvalidParamsError(LedgerError):
    """An argument is missing, malformed, or contradicts another."""

    code = -32602


class TooManyResultsError(LedgerError):
    """A log query matches more than one answer may hold; ask for a narrower range."""

    code = -32005
