"""Rates of calls, and whom a context shows; the rest of the Guard is tested behind real servers (test_tls.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from bridge.adapters.grpc.guard import DEVELOPER, Buckets, peer_of
from bridge.errors import InvalidInputError
from tests.unit.transport.certificates import NOTARY, RELAYER


@dataclass
class Shown:
    """A context, as far as it is asked."""

    shown: Mapping[str, list[bytes]] = field(default_factory=dict)

    def auth_context(self) -> Mapping[str, list[bytes]]:
        return self.shown


def test_a_burst_passes_and_then_the_rate() -> None:
    buckets = Buckets(8.0, 3)
    assert [buckets.take(RELAYER, 5.0) for _ in range(3)] == [0.0] * 3
    assert buckets.take(RELAYER, 5.0) == 0.125
    assert buckets.take(RELAYER, 5.0625) == 0.0625
    assert buckets.take(RELAYER, 5.125) == 0.0
    assert buckets.take(RELAYER, 5.125) == 0.125


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    buckets = Buckets(10.0, 2)
    buckets.take(RELAYER, 0.0)
    assert [buckets.take(RELAYER, 1000.0) > 0 for _ in range(3)] == [False, False, True]


def test_each_peer_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(1.0, 1)
    assert buckets.take(RELAYER, 0.0) == buckets.take(NOTARY, 0.0) == 0.0
    assert buckets.take(RELAYER, 0.0) == buckets.take(NOTARY, 0.0) == 1.0


def test_a_refused_call_does_not_push_the_next_one_away() -> None:
    buckets = Buckets(1.0, 1)
    buckets.take(RELAYER, 0.0)
    for _ in range(100):
        buckets.take(RELAYER, 0.5)
    assert buckets.take(RELAYER, 1.0) == 0.0


def test_a_context_shows_the_peer_of_its_certificate() -> None:
    shown = {"transport_security_type": [b"ssl"], "peer_uri": [b"spiffe://x", RELAYER.uri.encode()]}
    assert peer_of(Shown(shown)) == RELAYER


def test_plaintext_shows_a_developer() -> None:
    assert peer_of(Shown({"transport_security_type": [b"insecure"]})) == DEVELOPER


@pytest.mark.parametrize("shown", [{}, {"transport_security_type": [b"ssl"]}, {"peer_uri": []}])
def test_a_context_that_shows_nobody_is_not_a_developer(shown: dict[str, list[bytes]]) -> None:
    with pytest.raises(InvalidInputError):
        peer_of(Shown(shown))
