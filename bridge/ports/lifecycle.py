"""How lifecycle data gets from one institution's disk to another's (R-27). No transfer ever waits for any of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from bridge.core.lifecycle import PACKAGE_LEN_MAX, Parcel
from bridge.core.transfer import TransferId
from bridge.ports.committee import TransferRef

SEAL_LEN: Final = 48
"""What HPKE adds: a key of 32 bytes, a tag of 16."""
SEALED_LEN_MAX: Final = PACKAGE_LEN_MAX + SEAL_LEN


class Box(StrEnum):
    """Where a parcel lies."""

    OUTBOX = "outbox"
    """To be sent."""
    SENT = "sent"
    """The receiving institution has kept it."""
    REFUSED = "refused"
    """The receiving institution refused it for good."""
    INBOX = "inbox"
    """Received, and checked against the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A sealed package on its way."""

    ref: TransferRef
    recipient: bytes
    """The X25519 key that it is sealed to, 32 bytes."""
    sealed: bytes = field(repr=False)


class Correspondent(Protocol):
    """The institution that lifecycle data is delivered to."""

    async def deliver(self, delivery: Delivery) -> None:
        """Hand a package over; the same again is no error. When this returns, it is kept on disk.

        Raises:
            LifecycleError: refused for good, by the name of its fault; nothing of it was kept.
            UnavailableError: no answer, or the lock is not final there yet: try again later.
        """
        ...


class ParcelStore(Protocol):
    """One institution's parcels, at most one per transfer in each box.

    Raises everywhere:
        UnavailableError: the disk refuses, or a parcel on it is damaged.
    """

    def put(self, box: Box, parcel: Parcel) -> None:
        """Put a parcel on disk before this returns; the one of that transfer that is there stays."""
        ...

    def ids(self, box: Box) -> list[TransferId]:
        """List the transfers whose parcels lie in a box."""
        ...

    def get(self, box: Box, transfer_id: TransferId) -> Parcel | None:
        """Give a transfer's parcel; None if none lies there."""
        ...

    def move(self, transfer_id: TransferId, to: Box) -> None:
        """Take what lies in the outbox to another box; nothing happens if nothing does."""
        ...
