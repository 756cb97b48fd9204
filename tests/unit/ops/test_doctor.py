"""The doctor tells what is wrong, whatever it is, and never stops at it."""

import asyncio
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.adapters.evm import node
from bridge.adapters.grpc.guard import ANY_PEER, Policy
from bridge.adapters.grpc.server import serve
from bridge.adapters.grpc.tls import TlsFiles
from bridge.adapters.memory.gateway import Limits
from bridge.adapters.system import system_entropy
from bridge.committee.verdict import document
from bridge.config import ClientConfig
from bridge.core.caip import asset_id
from bridge.core.peers import Peer, Role
from bridge.frost.keys import deal_at_random
from bridge.ops.doctor import Check, _shared_nodes, examine, never_minted
from bridge.rpc.v1 import notary_pb2 as pb
from tests.committee import dealing
from tests.scenarios.world import ASSET, World
from tests.seats import document as dealt_document
from tests.unit.committee.support import member, play, proposal
from tests.unit.test_config import client, committee, ledger
from tests.unit.test_connections import NOTARY_SERVICE, status_only
from tests.unit.transport.certificates import identity

DEAD: Final = ["http://127.0.0.1:1"]
OTHER: Final = deal_at_random(entropy=system_entropy, threshold=4, participants=5).public_key_package.to_bytes().hex()
OWN: Final = dealing().public_key_package.to_bytes().hex()
KEY: Final = dealing().public_key_package.group_public_key.to_bytes()
OTHER_KEY: Final = dealing(1).public_key_package.group_public_key.to_bytes()
POLICY: Final[Policy] = {NOTARY_SERVICE: ANY_PEER}


@pytest.fixture(autouse=True)
def _nothing_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer here never will."""
    monkeypatch.setattr(node, "ATTEMPTS", 1)


def configured(seats: dict[str, Any], **more: object) -> ClientConfig:
    """A network of whose ledgers and Redis nothing answers; in development, where *more* does not say otherwise."""
    ledgers = [ledger(nodes=DEAD), ledger("beta", 7002, nodes=DEAD)]
    base: dict[str, object] = {"development": True, "tls": None, "ledgers": ledgers, "redis": "redis://127.0.0.1:1"}
    return ClientConfig.model_validate(client(**(base | {"committee": seats} | more)))


def dead(seats: dict[str, Any]) -> dict[str, Any]:
    """Have no member answer."""
    for one in seats["members"]:
        one["address"] = f"127.0.0.{one['id']}:1"
    return seats


def checked(config: ClientConfig) -> dict[str, Check]:
    return {check.name: check for check in asyncio.run(examine(config))}


def examined(public_keys: str) -> dict[str, Check]:
    """Examine a network of which nothing answers."""
    return checked(configured(dead(committee(public_keys=public_keys))))


@pytest.mark.parametrize(
    ("public_keys", "found"),
    [
        ("00", "committee.public_keys is no public key package"),
        ("ff" * 200, "committee.public_keys is no public key package"),
        (OTHER, "committee.public_keys is of a 4-of-5 committee"),
    ],
)
def test_bad_public_keys_are_one_bad_line_among_all_others(public_keys: str, found: str) -> None:
    checks = examined(public_keys)
    assert not checks["committee"].ok
    assert found in checks["committee"].found
    assert checks["committee"].remedy
    assert {"alpha chain id", "beta chain id", "notary 1", "notary 4", "quorum", "redis"} < set(checks)


def test_good_public_keys_are_a_good_line() -> None:
    checks = examined(OWN)
    assert (checks["committee"].ok, checks["committee"].remedy) == (True, "")
    assert [name for name, check in checks.items() if check.ok] == ["committee", "committee document"]


def test_a_lane_that_locks_more_than_its_other_end_ever_mints_is_told_r_25() -> None:
    world = World()
    readers = {"alpha": world.alpha, "beta": world.beta}
    assets = {"tower": ASSET, "melody": asset_id("isin:KR7900020012")}
    assert asyncio.run(never_minted(readers, assets)) == []
    world.beta.open_lane(world.lane, Limits(capacity=999))
    found = f"alpha to beta, tower: amountMax {Limits().amount_max} is above capacity 999"
    assert asyncio.run(never_minted(readers, assets)) == [found]
    world.alpha.open_lane(world.lane, Limits(amount_max=999))
    assert asyncio.run(never_minted(readers, assets)) == []


# --- the committee document


def certified() -> dict[str, Any]:
    """The document of a ceremony of four, as all of them certified it."""
    members = tuple(member(number, address=f"127.0.0.{number}:1") for number in (1, 2, 3, 4))
    return tomllib.loads(document(play(proposal(4, members=members))[0].board).to_toml())


def test_a_document_that_all_members_certified_is_a_good_line_r_41() -> None:
    seats = certified()
    check = checked(configured(seats))["committee document"]
    assert (check.ok, check.remedy) == (True, "")
    assert check.found == f"certified by all 4 members in ceremony {seats['session'][:16]}…"


def _unsigned(seats: dict[str, Any]) -> None:
    seats["signatures"][2] = "00" * 64


def _short(seats: dict[str, Any]) -> None:
    del seats["signatures"][3]


def _renamed(seats: dict[str, Any]) -> None:
    seats["members"][0]["operator"] = "Somebody Else"


def _another_key(seats: dict[str, Any]) -> None:
    seats["public_keys"] = OWN


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_unsigned, "member 3 (House 3) did not sign"),
        (_short, "3 signatures of 4 members"),
        (_renamed, "did not sign"),
        (_another_key, "did not sign"),
    ],
)
def test_a_document_that_somebody_did_not_certify_is_a_bad_line_r_41(
    change: Callable[[dict[str, Any]], None], found: str
) -> None:
    seats = certified()
    change(seats)
    check = checked(configured(seats))["committee document"]
    assert (check.ok, found in check.found) == (False, True), check.found
    assert "register nothing from this one" in check.remedy


def test_a_dealt_key_is_told_and_is_good_in_development_only_r_41(tmp_path: Path) -> None:
    seats = dead(committee(public_keys=OWN))
    here = checked(configured(seats))["committee document"]
    assert (here.ok, "dealt" in here.found) == (True, True)
    there = checked(configured(seats, development=False, tls=operator(tmp_path)))["committee document"]
    assert (there.ok, "whoever dealt it could sign alone" in there.found) == (False, True)
    assert "naru committee" in there.remedy


# --- notaries that answer


def status(number: int, *, epoch: int = 1, key: bytes = KEY, host: str = "", **more: Any) -> pb.StatusResponse:  # noqa: ANN401 - any field
    """What a notary that is well answers; *host*: of its node."""
    seat = pb.SeatStatus(notary=number, epoch=epoch, threshold=3, members=4, group_key=key)
    seen = pb.LedgerStatus(ledger="eip155:7001", height=12, node_hosts=[digest(host or f"node-{number}")])
    fields: dict[str, Any] = {"seats": [seat], "ledgers": [seen]} | more
    return pb.StatusResponse(**fields)


def digest(host: str) -> bytes:
    return sha256(host.encode()).digest()[:8]


def operator(folder: Path) -> dict[str, str]:
    return table(identity(folder / "operator", Peer(role=Role.OPERATOR, instance="demo")))


def table(files: TlsFiles) -> dict[str, str]:
    return {"ca_file": str(files.ca), "certificate_file": str(files.certificate), "key_file": str(files.key)}


def with_notaries(
    answers: Sequence[pb.StatusResponse], folder: Path | None = None, seats: dict[str, Any] | None = None
) -> dict[str, Check]:
    """Examine a network whose notaries answer so; with a *folder* for certificates outside development, by TLS."""
    listed = seats or tomllib.loads(dealt_document())

    async def whole() -> Mapping[str, Check]:
        async with AsyncExitStack() as resources:
            for number, answer in enumerate(answers, 1):
                own = None
                if folder is not None:
                    own = identity(folder / str(number), Peer(role=Role.NOTARY, instance=f"notary-{number}"))
                service = status_only(lambda _, answer=answer: answer)  # type: ignore[misc] # binds this one's answer
                running = await serve(f"127.0.0.{number}:0", [service], POLICY, tls=own)
                resources.push_async_callback(running.stop, 0)
                listed["members"][number - 1]["address"] = running.address
            if folder is None:
                config = configured(listed)
            else:
                config = configured(listed, development=False, tls=operator(folder))
            return {check.name: check for check in await examine(config)}

    return dict(asyncio.run(whole()))


def all_well() -> list[pb.StatusResponse]:
    return [status(number) for number in (1, 2, 3, 4)]


def test_notaries_that_are_well_are_good_lines_and_make_a_quorum() -> None:
    checks = with_notaries(all_well())
    assert [(checks[f"notary {n}"].ok, checks[f"notary {n}"].remedy) for n in (1, 2, 3, 4)] == [(True, "")] * 4
    assert checks["notary 2"].found == "operator 2, sees eip155:7001 at 12"
    assert checks["quorum"].ok
    assert "nodes" not in checks, "in development all read one node"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (status(2, epoch=2), "has no seat of epoch 1 (it has: 2)"),
        (status(2, seats=[]), "has no seat of epoch 1 (it has: none)"),
        (status(2, key=OTHER_KEY), "holds a share of another key of epoch 1"),
        (
            status(2, seats=[pb.SeatStatus(epoch=1, group_key=KEY, problem="waits for 2 more members")]),
            "waits for 2 more members",
        ),
        (status(2, seats=[], problem="the signer: away"), "the signer: away"),
        (status(2, ledgers=[pb.LedgerStatus(ledger="a", problem="1 of 3 nodes agree")]), "1 of 3 nodes agree"),
        (status(2, identity=bytes(64)), "answers with another identity than the committee document's"),
    ],
    ids=["another epoch", "no seat", "another key", "a waiting seat", "no signer", "a ledger", "another identity"],
)
def test_what_a_notary_says_is_wrong_with_it_is_a_bad_line(answer: pb.StatusResponse, found: str) -> None:
    one, _, three, four = all_well()
    checks = with_notaries([one, answer, three, four])
    assert (checks["notary 2"].ok, checks["notary 2"].found) == (False, f"{found}{_remedy(found)}")
    assert "start notary 2 at 127.0.0.2:" in checks["notary 2"].remedy
    assert checks["quorum"].ok, "three are enough"


def _remedy(found: str) -> str:
    return ": hand over, or make its key in a ceremony" if found.startswith("has no seat") else ""


def test_with_two_of_four_notaries_ill_there_is_no_quorum() -> None:
    checks = with_notaries([status(1, seats=[]), status(2, seats=[]), status(3), status(4)])
    quorum = checks["quorum"]
    assert (quorum.ok, quorum.found) == (False, "2 of 4 notaries are well, t = 3 must sign")


# --- outside development


def test_a_node_s_host_that_more_than_f_notaries_read_through_is_a_bad_line_outside_development_r_42(
    tmp_path: Path,
) -> None:
    (tmp_path / "well").mkdir()
    well = with_notaries(all_well(), tmp_path / "well")
    assert (well["nodes"].ok, well["nodes"].found) == (
        True,
        "at most 1 notaries read a ledger through one host (f = 1)",
    )
    assert all(well[f"notary {n}"].ok for n in (1, 2, 3, 4))
    (tmp_path / "shared").mkdir()
    answers = [status(1, host="node.vendor"), status(2), status(3, host="node.vendor"), status(4)]
    shared = with_notaries(answers, tmp_path / "shared")
    assert not shared["nodes"].ok
    assert shared["nodes"].found == "at most 2 notaries read a ledger through one host (f = 1)"
    assert "give each notary nodes of its own (R-10, R-42)" in shared["nodes"].remedy


def test_one_notary_that_reads_several_ledgers_through_one_host_is_one() -> None:
    ledgers = [pb.LedgerStatus(ledger=name, node_hosts=[digest("own")]) for name in ("a", "b", "c")]
    answers = [status(1, ledgers=ledgers), status(2), status(3), status(4)]
    assert _shared_nodes(answers, 4).ok


def test_an_own_certificate_that_can_not_be_used_is_one_bad_line_and_nobody_is_asked(tmp_path: Path) -> None:
    tls = operator(tmp_path)
    Path(tls["key_file"]).chmod(0o644)
    checks = checked(configured(dead(committee(public_keys=OWN)), development=False, tls=tls))
    assert not checks["tls"].ok
    assert "can be read by others: run chmod 600" in checks["tls"].found
    assert "naru ca" in checks["tls"].remedy
    assert {checks[f"notary {n}"].found for n in (1, 2, 3, 4)} == {"not asked"}
    assert {"committee document", "quorum", "nodes", "redis"} < set(checks)
