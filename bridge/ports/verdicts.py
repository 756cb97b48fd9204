"""What a notary's front keeps for people: why it judged as it did, and what stops it from judging (R-11, R-12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bridge.core.caip import AssetId, EndpointId
from bridge.core.policy import Check
from bridge.core.reasons import Reason
from bridge.core.transfer import Lane, TransferId
from bridge.errors import InvalidInputError
from bridge.ports.committee import Offer, Question

VERDICTS_MAX: Final = 64
"""Kept of one transfer; the oldest make room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVerdict:
    """A notary's verdict about one transfer, as it was from *at* (unix seconds) until the next one."""

    transfer_id: TransferId
    question: Question
    at: float
    offers: tuple[Offer, ...]
    reason: Reason
    check: Check
    """Which check decided."""
    note: str
    until: int | None = None
    """When waiting ends by itself, unix seconds; None if it doesn't."""

    def differs(self, earlier: "KeptVerdict") -> bool:
        """Tell whether this is news after *earlier*; figures in a note that change at every look are none."""
        return (self.offers, self.reason, self.check) != (earlier.offers, earlier.reason, earlier.check)


class VerdictLog(Protocol):
    """Why a notary judged as it did.

    Raises everywhere:
        UnavailableError: the disk refuses.
    """

    def keep(self, verdicts: Sequence[KeptVerdict]) -> None:
        """Keep what differs from the last verdict on the same transfer and question."""
        ...

    def explain(self, transfer_id: TransferId) -> list[KeptVerdict]:
        """List a transfer's verdicts, oldest first; at most VERDICTS_MAX are kept."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a breaker stands for: an asset on an endpoint, a whole endpoint, or, with neither, everything.

    Raises:
        InvalidInputError: an asset without an endpoint.
    """

    endpoint: EndpointId | None = None
    asset: AssetId | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be said of a ledger."""
        if self.endpoint is None and self.asset is not None:
            msg = "a breaker of an asset needs the endpoint, too: supply is counted on each ledger for itself"
            raise InvalidInputError(msg)

    def concerns(self, lane: Lane) -> bool:
        """Tell whether *lane* begins or ends there."""
        if self.endpoint is None:
            return True
        return self.endpoint in (lane.source, lane.destination) and self.asset in (None, lane.asset)

    def __str__(self) -> str:
        """Name it for people."""
        if self.endpoint is None:
            return "everything"
        asset = "" if self.asset is None else f"asset 0x{self.asset.hex()} on "
        return f"{asset}endpoint 0x{self.endpoint.hex()}"


GLOBAL: Final = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerEvent:
    """A breaker was opened or closed: when (unix seconds), why, and by whom."""

    place: Place
    is_open: bool
    at: float
    why: str
    by: str


class Breakers(Protocol):
    """What stops this notary from deciding. Every change is kept for ever; none closes by itself.

    Raises everywhere:
        UnavailableError: the disk refuses; who can't read them judges as if one were open.
    """

    def open(self, place: Place, *, at: float, why: str, by: str) -> None:
        """Open the breaker, on disk before this returns; one that is open stays as it is."""
        ...

    def close(self, place: Place, *, at: float, why: str, by: str) -> None:
        """Close it, by a person's word; one that is closed stays as it is."""
        ...

    def opened(self) -> list[BreakerEvent]:
        """List those that are open, each by the event that opened it, oldest first."""
        ...

    def history(self) -> list[BreakerEvent]:
        """List all that happened, oldest first."""
        ...
