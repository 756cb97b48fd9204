"""A notary's verdicts and breakers in memory."""

from collections.abc import Sequence

from bridge.core.transfer import TransferId
from bridge.ports.verdicts import VERDICTS_MAX, BreakerEvent, KeptVerdict, Place


class MemoryVerdicts:
    """VerdictLog and Breakers."""

    def __init__(self) -> None:
        """Start empty, all breakers closed."""
        self._verdicts: dict[TransferId, list[KeptVerdict]] = {}
        self._events: list[BreakerEvent] = []

    def keep(self, verdicts: Sequence[KeptVerdict]) -> None:
        """Keep what differs from the last verdict on the same transfer and question."""
        for verdict in verdicts:
            kept = self._verdicts.setdefault(verdict.transfer_id, [])
            last = next((v for v in reversed(kept) if v.question is verdict.question), None)
            if last is None or verdict.differs(last):
                kept.append(verdict)
                del kept[:-VERDICTS_MAX]

    def explain(self, transfer_id: TransferId) -> list[KeptVerdict]:
        """List a transfer's verdicts, oldest first."""
        return list(self._verdicts.get(transfer_id, ()))

    def open(self, place: Place, *, at: float, why: str, by: str) -> None:
        """Open the breaker; one that is open stays as it is."""
        self._set(BreakerEvent(place=place, is_open=True, at=at, why=why, by=by))

    def close(self, place: Place, *, at: float, why: str, by: str) -> None:
        """Close it; one that is closed stays as it is."""
        self._set(BreakerEvent(place=place, is_open=False, at=at, why=why, by=by))

    def opened(self) -> list[BreakerEvent]:
        """List those that are open, oldest first."""
        last = {event.place: event for event in self._events}
        return [event for event in self._events if event.is_open and last[event.place] is event]

    def history(self) -> list[BreakerEvent]:
        """List all that happened, oldest first."""
        return list(self._events)

    def _set(self, event: BreakerEvent) -> None:
        is_open = any(opened.place == event.place for opened in self.opened())
        if is_open is not event.is_open:
            self._events.append(event)
