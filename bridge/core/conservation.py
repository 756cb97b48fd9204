"""INV-4 and INV-9 over one snapshot of one ledger: no cross-ledger cut is needed."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """One asset on one ledger at one finalised block, in smallest units."""

    issued: int
    """By the asset's register."""
    supply: int
    minted: int
    burned: int
    reminted: int
    held: int
    """What the gateway must hold: open locks, pending burns and pending payouts."""
    balance: int
    """What it does hold."""

    @property
    def unexplained(self) -> int:
        """Supply that neither issue nor bridge accounts for: above zero breaks INV-4, below it is a redemption."""
        return self.supply - self.minted + self.burned - self.reminted - self.issued

    @property
    def covered(self) -> bool:
        """INV-9: the escrow is all there."""
        return self.balance >= self.held


def conserved(totals: Iterable[Totals]) -> bool:
    """Tell whether INV-4 holds with equality, as it must at a cut-off, and INV-9, on every ledger."""
    return all(t.unexplained == 0 and t.covered for t in totals)
