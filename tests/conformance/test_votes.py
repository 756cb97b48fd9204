from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.core.statements import Epoch
from bridge.frost.keys import ParticipantId
from bridge.ports.store import SeatStore
from tests.conformance.votes import VoteStoreContract


class TestMemoryVotes(VoteStoreContract):
    @contextmanager
    def fresh(self) -> Iterator[SeatStore]:
        yield MemoryVoteStore()


class TestSqliteVotes(VoteStoreContract):
    folder = Path()
    numbers = count()

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @contextmanager
    def fresh(self) -> Iterator[SeatStore]:
        path = self.folder / f"votes-{next(self.numbers)}.db"
        with SqliteVoteStore.create(path, notary=ParticipantId(1), epoch=Epoch(1), group_key=b"\x02" * 33) as store:
            yield store
