"""Bounded memory for trie nodes, code and recent headers: two generations, each complete in itself.

Law: every block sealed since the older generation began can be read in full. What only older blocks use is
forgotten when the generations turn. No EVM rule lives here.
"""

from collections.abc import Callable, Iterable, Iterator

from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.db.backends.base import BaseDB

from bridge.devnet.ledger.codec import RlpItem, decode_items

_HASH_LEN = 32
_BRANCH_LEN = 17
_LEAF_FLAG = 2


class GenerationStore(BaseDB):
    """A key-value store that forgets by generations; see `turn`."""

    def __init__(self) -> None:
        """Begin with one empty generation."""
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        """Read from the younger generation first; KeyError if neither has it."""
        value = self._young.get(key)
        return self._old[key] if value is None else value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """Write into the younger generation."""
        self._young[key] = value

    def __delitem__(self, key: bytes) -> None:
        """Remove from both; KeyError if neither has it."""
        found = self._young.pop(key, None), self._old.pop(key, None)
        if found == (None, None):
            raise KeyError(key)

    def _exists(self, key: bytes) -> bool:
        return key in self._young or key in self._old

    @property
    def young_len(self) -> int:
        """Entries in the younger generation, the live ones it began with included."""
        return len(self._young)

    def turn(self, live: Iterable[bytes]) -> None:
        """Forget the older generation and begin a new one that holds `live`, which must all be present."""
        fresh = {key: self[key] for key in live}
        self._old, self._young = self._young, fresh


def reachable(read: Callable[[bytes], bytes], state_root: bytes) -> Iterator[bytes]:
    """Yield the key of every trie node and contract code below a state root, each once."""
    seen: set[bytes] = set()
    for node_key, accounts in _walk(read, state_root, seen):
        yield node_key
        for account in accounts:
            storage_root, code_hash = _account_roots(account)
            yield from (key for key, _ in _walk(read, storage_root, seen))
            if code_hash != EMPTY_SHA3 and code_hash not in seen:
                seen.add(code_hash)
                yield code_hash


def _walk(read: Callable[[bytes], bytes], root: bytes, seen: set[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yield each stored node's key with the values that it holds itself."""
    pending = [root]
    while pending:
        key = pending.pop()
        if key == BLANK_ROOT_HASH or key in seen:
            continue
        seen.add(key)
        values: list[bytes] = []
        _open(decode_items(read(key)), pending, values)
        yield key, values


def _account_roots(account: bytes) -> tuple[bytes, bytes]:
    """Return storage root and code hash of an account's record."""
    match decode_items(account):
        case [_, _, bytes() as storage_root, bytes() as code_hash]:
            return storage_root, code_hash
        case _:
            msg = "an account's record has four parts"
            raise ValueError(msg)


def _open(node: RlpItem, pending: list[bytes], values: list[bytes]) -> None:
    """Sort one decoded node: keys of its children into `pending`, values of leaves into `values`."""
    if isinstance(node, bytes):
        return
    if len(node) == _BRANCH_LEN:
        children, value = node[:-1], node[-1]
        if value and isinstance(value, bytes):
            values.append(value)
    else:
        path, target = node
        if isinstance(path, bytes) and (path[0] >> 4) & _LEAF_FLAG:
            if isinstance(target, bytes):
                values.append(target)
            return
        children = [target]
    for child in children:
        if isinstance(child, list):
            _open(child, pending, values)
        elif len(child) == _HASH_LEN:
            pending.append(child)
