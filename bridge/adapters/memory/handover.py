"""Whose signature counts at a gateway in memory: the committee's keys by epoch (R-40), as Committee.sol has them.

Two epochs are accepted, the current one and the one before. Law: `current` is the highest there ever was; where it was
revoked there is none, and what comes next is above it. An epoch's heir, if any, has the next number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bridge.core.caip import EndpointId
from bridge.core.statements import Epoch, Handover
from bridge.errors import LedgerRefusedError
from bridge.frost import Element, FrostError, Signature, is_usable_group_key, verify

NO_EPOCH: Final = Epoch(0)
HANDOVER_DELAY_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEpoch:
    """An epoch that is, or was, in force; `parent` handed over to it, 0 if governance registered it."""

    key: Element
    parent: Epoch
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingHandover:
    """What is announced and not in force yet; from `ready` on, unix seconds, anybody may activate it."""

    epoch: Epoch
    key: Element
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Epochs:
    """One gateway's committees. A value: each entry point gives the one that it leaves behind.

    Raises everywhere:
        LedgerRefusedError: the contract would revert; the name is its error's.
    """

    delay_s: int = HANDOVER_DELAY_S
    """For which an announced epoch waits, in seconds."""
    current: Epoch = NO_EPOCH
    previous: Epoch = NO_EPOCH
    highest: Epoch = NO_EPOCH
    stored: Mapping[Epoch, StoredEpoch] = field(default_factory=dict)
    pending: PendingHandover | None = None
    struck: frozenset[tuple[Epoch, Element]] = frozenset()
    """Vetoed: no such key comes under such a number, ever."""

    def key(self, epoch: Epoch) -> Element | None:
        """Give the key of an epoch whose signature is accepted."""
        return self.stored[epoch].key if epoch and epoch in (self.current, self.previous) else None

    # --- anyone

    def announced(
        self, decree: Handover, signer: Element, signature: Signature, *, here: EndpointId, now: int
    ) -> "Epochs":
        """Take a handover that the current epoch, whose key is *signer*, has signed for the gateway *here*."""
        key = self.key(decree.signer_epoch)
        if key is None or decree.signer_epoch != self.current:
            raise LedgerRefusedError("EpochUnknown", str(decree.signer_epoch))
        if self.pending:
            raise LedgerRefusedError("HandoverPending", str(self.pending.epoch))
        heir = self._usable(decree.epoch, decree.px, decree.py)
        if signer != key:
            raise LedgerRefusedError("KeyMismatch", str(decree.signer_epoch))
        if not verify(key, replace(decree, verifier=here).digest, signature):
            raise LedgerRefusedError("SignatureInvalid", "")
        return replace(self, pending=PendingHandover(epoch=decree.epoch, key=heir, ready=now + self.delay_s))

    def activated(self, now: int) -> "Epochs":
        """Put the announced epoch in force, once its delay is over."""
        heir = self._announced()
        if now < heir.ready:
            raise LedgerRefusedError("HandoverNotReady", f"{heir.epoch}, {heir.ready}")
        return _in_force(replace(self, pending=None), heir.epoch, heir.key, parent=self.current)

    # --- the guardian

    def vetoed(self) -> "Epochs":
        """Strike the announced epoch, after its delay too, until somebody activates it."""
        self._announced()
        return _struck(self)

    def retired(self) -> "Epochs":
        """Accept the previous epoch no more; its heirs stay."""
        if not self.previous:
            raise LedgerRefusedError("EpochUnknown", "0")
        return replace(self, previous=NO_EPOCH)

    def revoked(self, number: Epoch) -> "Epochs":
        """End an epoch, and every one that descends from it; if the current one is among them there is none."""
        if number not in self.stored:
            raise LedgerRefusedError("EpochUnknown", str(number))
        stored, heir = dict(self.stored), number
        while not stored[heir].revoked:
            stored[heir] = replace(stored[heir], revoked=True)
            if heir + 1 not in stored or stored[Epoch(heir + 1)].parent != heir:
                break
            heir = Epoch(heir + 1)
        left = replace(self, stored=stored)
        if self.previous and stored[self.previous].revoked:
            left = replace(left, previous=NO_EPOCH)
        if not self.current or not stored[self.current].revoked:
            return left
        return _struck(replace(left, current=NO_EPOCH))

    # --- governance

    def registered(self, number: Epoch, key: Element) -> "Epochs":
        """Put a key in force that nobody handed over to; a handover that waits is struck, unless it is to this key."""
        if number <= self.highest:
            raise LedgerRefusedError("EpochUsed", str(number))
        self._usable(number, *key.coordinates())
        same = self.pending and (self.pending.epoch, self.pending.key) == (number, key)
        left = replace(self, pending=None) if same else _struck(self)
        return _in_force(left, number, key, parent=NO_EPOCH)

    # ---

    def _announced(self) -> PendingHandover:
        if self.pending is None:
            raise LedgerRefusedError("HandoverMissing", "")
        return self.pending

    def _usable(self, number: Epoch, px: int, py: int) -> Element:
        try:
            key = Element.from_coordinates(px, py)
        except FrostError:
            raise LedgerRefusedError("KeyInvalid", f"{px}, {py}") from None
        if not is_usable_group_key(key):
            raise LedgerRefusedError("KeyInvalid", f"{px}, {py}")
        if (number, key) in self.struck or any(epoch.key == key for epoch in self.stored.values()):
            raise LedgerRefusedError("KeyStruck", f"{number}, {px:064x}")
        return key


def _struck(epochs: Epochs) -> Epochs:
    if epochs.pending is None:
        return epochs
    return replace(epochs, pending=None, struck=epochs.struck | {(epochs.pending.epoch, epochs.pending.key)})


def _in_force(epochs: Epochs, number: Epoch, key: Element, *, parent: Epoch) -> Epochs:
    stored = {**epochs.stored, number: StoredEpoch(key=key, parent=parent)}
    previous = epochs.current or epochs.previous
    return replace(epochs, current=number, previous=previous, highest=number, stored=stored)
