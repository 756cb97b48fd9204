"""Names in certificates: one spelling each, and nothing that only looks like one."""

import pytest

from bridge.core.peers import Peer, Role
from bridge.errors import InvalidInputError


def test_a_peer_has_one_uri_and_one_host_name() -> None:
    peer = Peer(role=Role.NOTARY, instance="bank-a-1")
    assert (peer.uri, peer.dns_name) == ("naru:notary/bank-a-1", "bank-a-1.notary.naru")
    assert Peer.from_uri(peer.uri) == peer


@pytest.mark.parametrize("instance", ["", "-a", "A", "a.b", "a/b", "a_b", "a" * 33, "a\n", "나루"])
def test_what_is_no_name_is_refused(instance: str) -> None:
    with pytest.raises(InvalidInputError, match="is no name: use 1 to 32 of a-z"):
        Peer(role=Role.RELAYER, instance=instance)


def test_names_are_up_to_32_characters_long() -> None:
    assert len(Peer(role=Role.RELAYER, instance="9" * 32).instance) == 32


@pytest.mark.parametrize(
    "uri", ["", "naru:", "naru:notary", "naru:auditor/a", "notary/a", "spiffe:notary/a", "Naru:notary/a"]
)
def test_another_uri_names_nobody(uri: str) -> None:
    with pytest.raises(InvalidInputError, match="is not naru:<role>/<instance>, with role notary, relayer, operator"):
        Peer.from_uri(uri)


def test_a_malformed_instance_in_a_uri_names_nobody() -> None:
    with pytest.raises(InvalidInputError, match="is no name"):
        Peer.from_uri("naru:notary/a/b")


def test_others_names_beside_ours_do_not_matter() -> None:
    assert Peer.among(["spiffe://x/y", "naru:operator/kim"]) == Peer(role=Role.OPERATOR, instance="kim")


@pytest.mark.parametrize("uris", [[], ["spiffe://x"], ["naru:notary/a", "naru:notary/b"], ["naru:notary/a"] * 2])
def test_a_certificate_names_exactly_one_peer(uris: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="exactly one is needed"):
        Peer.among(uris)
