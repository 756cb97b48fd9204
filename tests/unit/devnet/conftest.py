"""Calls nested a thousand deep need the stack that py-evm asks for; only the tests of the ledger have it."""

import sys
from collections.abc import Iterator

import pytest
from eth import EVM_RECURSION_LIMIT


@pytest.fixture(autouse=True)
def evm_stack() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(EVM_RECURSION_LIMIT)
    yield
    sys.setrecursionlimit(before)
