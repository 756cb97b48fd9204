"""The doctor tells what is wrong, whatever it is, and never stops at it."""

import asyncio
from typing import Final

import pytest

from bridge.adapters.memory.gateway import Limits
from bridge.adapters.system import system_entropy
from bridge.config import ClientConfig
from bridge.core.caip import asset_id
from bridge.frost.keys import deal_at_random
from bridge.ops.doctor import Check, examine, never_minted
from tests.scenarios.world import ASSET, World
from tests.unit.test_config import client, committee, ledger

DEAD: Final = ["http://127.0.0.1:1"]
OTHER: Final = deal_at_random(entropy=system_entropy, threshold=4, participants=5).public_key_package.to_bytes().hex()
OWN: Final = deal_at_random(entropy=system_entropy, threshold=3, participants=4).public_key_package.to_bytes().hex()


def examined(public_keys: str) -> dict[str, Check]:
    """Examine a network of which nothing answers."""
    seats = committee(public_keys=public_keys)
    for member in seats["members"]:
        member["address"] = "127.0.0.1:1"
    ledgers = [ledger(nodes=DEAD), ledger("beta", 7002, nodes=DEAD)]
    config = ClientConfig.model_validate(client(ledgers=ledgers, redis="redis://127.0.0.1:1", committee=seats))
    return {check.name: check for check in asyncio.run(examine(config))}


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
    assert [name for name, check in checks.items() if check.ok] == ["committee"]


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
