"""Keccak-256 against Ethereum's well-known values and a second implementation."""

from eth_hash.auto import keccak as second
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.keccak import keccak


def test_the_empty_string_has_ethereums_hash_and_not_sha3s() -> None:
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(st.binary(max_size=500))
def test_two_implementations_agree(data: bytes) -> None:
    assert keccak(data) == second(data)
