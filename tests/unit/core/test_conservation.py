"""INV-4 and INV-9 over one snapshot."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.conservation import Totals, conserved

ISSUED = Totals(issued=1000, supply=1000, minted=0, burned=0, reminted=0, held=0, balance=0)
UNITS = st.integers(0, 2**127)


@given(UNITS, UNITS, UNITS, UNITS)
def test_what_the_bridge_minted_and_burned_explains_the_supply(
    issued: int, minted: int, burned: int, reminted: int
) -> None:
    """INV-4."""
    totals = Totals(
        issued=issued,
        supply=issued + minted - burned + reminted,
        minted=minted,
        burned=burned,
        reminted=reminted,
        held=0,
        balance=0,
    )
    assert totals.unexplained == 0
    assert conserved([totals])


@given(st.integers(1, 2**127))
def test_units_that_nobody_issued_are_unexplained(excess: int) -> None:
    """INV-4."""
    assert replace(ISSUED, supply=1000 + excess).unexplained == excess
    assert not conserved([ISSUED, replace(ISSUED, supply=1000 + excess)])


def test_a_redemption_outside_the_register_is_not_hidden_either() -> None:
    """INV-4: equality is what a cut-off asks for."""
    assert replace(ISSUED, supply=900).unexplained == -100
    assert not conserved([replace(ISSUED, supply=900)])


@given(UNITS, UNITS)
def test_the_escrow_must_hold_what_is_owed(held: int, balance: int) -> None:
    """INV-9."""
    totals = replace(ISSUED, held=held, balance=balance)
    assert totals.covered == (balance >= held)
    assert conserved([totals]) == (balance >= held)
