"""Split verdicts: however four notaries think of a transfer, it ends by its deadline, and on both sides alike.

Every assignment of APPROVE, two different permanent reasons, and WAIT to the four: 256 worlds (R-12, R-13, INV-8).
"""

import asyncio
from collections.abc import Sequence
from itertools import product

import pytest

from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Outcome
from bridge.core.transfer import Transfer
from bridge.ports.ledger import LedgerReader
from tests.committee import THRESHOLD, dealing
from tests.scenarios.checker import check
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import IDLE_ALLOWANCE_S, World

DEADLINE_S = 6
GRACE_S = 12
"""Virtual seconds after deadline and idle allowance: a wait of the relayer's, two blocks and two looks."""
APPROVE, WAIT = Reason.NONE, Reason.TOKEN_PAUSED
FROZEN, COMPLIANCE = Reason.ACCOUNT_FROZEN, Reason.COMPLIANCE_RULE
OPINIONS = (APPROVE, FROZEN, COMPLIANCE, WAIT)
SPLITS = list(product(OPINIONS, repeat=4))


class Opinionated(FalseReader):
    """A destination whose eligibility is what this notary is to think."""

    def __init__(self, honest: LedgerReader, opinion: Reason) -> None:
        super().__init__(honest)
        self.opinion = opinion

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        del transfer, at
        return self.opinion


def split_world(split: Sequence[Reason]) -> World:
    world = World()
    for index, (package, opinion) in enumerate(zip(dealing().key_packages, split, strict=True)):
        world.members[index] = world.seat(package, beta=Opinionated(world.beta, opinion))
    return world


def expected(split: Sequence[Reason]) -> Outcome:
    """Three of four decide; who refuses for different reasons shares one of them; the rest is for the deadline."""
    if split.count(APPROVE) >= THRESHOLD:
        return Outcome.MINTED
    refusing = split.count(FROZEN) + split.count(COMPLIANCE)
    return Outcome.REJECTED if refusing >= THRESHOLD else Outcome.EXPIRED


@pytest.mark.parametrize("split", SPLITS, ids=lambda split: "-".join(reason.name[:7] for reason in split))
def test_however_verdicts_are_split_a_transfer_ends_by_its_deadline(split: Sequence[Reason]) -> None:
    """R-12, INV-8; INV-1 and INV-6 by the checker."""

    async def script() -> None:
        world = split_world(split)
        transfer = world.lock(70, deadline_s=DEADLINE_S)
        async with world.living():
            await world.relay(world.relayer())
            ended_at = world.clock.now()

        assert await check(world) == [expected(split)]
        decided_early = expected(split) is not Outcome.EXPIRED
        assert ended_at < transfer.deadline + (0 if decided_early else IDLE_ALLOWANCE_S + GRACE_S)

    asyncio.run(script())
