"""The figures to be had, and what each is to be at most (quality bar of gas; change an aim here only)."""

from dataclasses import dataclass
from typing import Final

LIST: Final = 50


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: gas per item of a list of `items`, at most `aim`; without an aim it is only told."""

    what: str
    items: int = 1
    aim: int | None = None


ROWS: Final = {
    "lock_single": Row(what="lock", aim=85_000),
    "lock_first_nonce": Row(what="lock, first nonce of a word (1 in 256)"),
    "lock_bulk50": Row(what="lock, 50 of the caller's own", items=LIST, aim=36_000),
    "lock_orders50": Row(what="lock, 50 signed Orders of 50 holders", items=LIST, aim=52_000),
    "single_fresh": Row(what="settle, recipient never held", aim=92_000),
    "single_known": Row(what="settle, recipient held before"),
    "batch50_fresh": Row(what="settle, 50, recipients never held", items=LIST, aim=34_000),
    "batch50_known": Row(what="settle, 50, recipients held before", items=LIST, aim=17_500),
    "refuse_batch50": Row(what="refuse, 50", items=LIST, aim=6_000),
    "finish_commit_single": Row(what="finish, commit"),
    "finish_commit50": Row(what="finish, 50, commit", items=LIST, aim=12_000),
    "finish_release50": Row(what="finish, 50, release to one sender", items=LIST, aim=25_000),
    "path_single": Row(what="lock, settle, finish; recipient never held"),
    "path_batch50": Row(what="the same in lists of 50", items=LIST, aim=80_000),
}
"""By the key in build/gas.json."""
