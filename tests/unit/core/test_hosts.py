"""Plaintext is for this machine only."""

import pytest

from bridge.core.hosts import is_loopback


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.255.0.9:0", "[::1]:80", "localhost:7000"])
def test_this_machine_is_loopback(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.1:1", "0.0.0.0:1", "[::]:1", "notary.example:1", "localhost.example:1", ":1", ""]
)
def test_everything_else_is_not(address: str) -> None:
    assert not is_loopback(address)
