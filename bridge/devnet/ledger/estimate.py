"""Gas estimation by search. Pure: the caller says how to run a message with a given amount of gas."""

from collections.abc import Callable

from bridge.devnet.ledger.errors import ExecutionFailedError
from bridge.devnet.ledger.evm import Outcome

_STIPEND = 2_300
_ERROR_RATIO = 0.015


def estimate_gas(run: Callable[[int], Outcome], *, floor: int, ceiling: int) -> tuple[int, Outcome]:
    """Return an amount with which the message succeeds, at most 1.5 % above the least, and the run at `ceiling`.

    A callee gets 63/64 of what is left, so that gas used is no bound on gas needed: hence a search, not a run
    (EIP-150). `floor` is known to be needed at least. If the message fails at `ceiling`, the amount is
    `ceiling` and the outcome tells the fault.
    """
    best = run(ceiling)
    if best.fault is not None:
        return ceiling, best
    if best.gas_used == floor and _succeeds(run, floor):
        return floor, best
    low = max(floor, best.gas_used) - 1
    high = ceiling
    guess = (best.gas_used + _STIPEND) * 64 // 63
    while high - low > max(1, int(high * _ERROR_RATIO)):
        middle = guess if low < guess < high else min((low + high) // 2, low * 2)
        guess = 0
        if _succeeds(run, middle):
            high = middle
        else:
            low = middle
    return high, best


def _succeeds(run: Callable[[int], Outcome], gas: int) -> bool:
    try:
        return run(gas).fault is None
    except ExecutionFailedError:
        return False
