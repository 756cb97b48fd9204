"""A relayer finds its lanes by asking gateways; one that fails is asked again and costs the others nothing (R-53)."""

import asyncio
from dataclasses import replace

from structlog.testing import capture_logs

from bridge.core.records import BlockStamp, Status
from bridge.ports.ledger import GatewayView
from bridge.telemetry import KEYS
from relayer.service import Parts
from tests.scenarios.faults import FalseReader
from tests.scenarios.world import World
from tests.unit.relayer.relay import SurpriseError


class Surprising(FalseReader):
    """A node that can be made to surprise whoever asks for the gateway."""

    surprises = True

    async def gateway(self, at: BlockStamp) -> GatewayView:
        if self.surprises:
            raise SurpriseError
        return await super().gateway(at)


class Surprised:
    """A world whose relayer reads each gateway through a node that surprises."""

    def __init__(self) -> None:
        self.world = World()
        self.alpha, self.beta = Surprising(self.world.alpha), Surprising(self.world.beta)
        readers = {reader.endpoint.id: reader for reader in (self.alpha, self.beta)}
        self.parts: Parts = replace(self.world.relayer(), readers=readers)


def test_a_gateway_that_surprises_is_told_and_the_other_s_lane_is_served() -> None:
    async def script() -> None:
        here = Surprised()
        here.alpha.surprises = False
        transfer = here.world.lock(7)
        with capture_logs() as logs:
            async with here.world.living():
                await here.world.relay(here.parts)

        record = await here.world.stores.transfers.get(transfer.id)
        assert record is not None
        assert record.status is Status.COMMITTED
        told = [line for line in logs if line["log_level"] == "error"]
        assert {(line["event"], line["ledger"], line["error"]) for line in told} == {
            ("gateway.crashed", here.beta.endpoint.ledger, "SurpriseError: of a library")
        }
        assert set(told[0]) - {"log_level"} <= KEYS

    asyncio.run(script())


def test_a_gateway_that_surprised_is_asked_again() -> None:
    async def script() -> None:
        here = Surprised()
        here.world.lock(7)
        async with here.world.living(), asyncio.TaskGroup() as tasks:
            relaying = tasks.create_task(here.world.relay(here.parts))
            await here.world.clock.sleep(10)
            assert await here.world.stores.transfers.recent(1) == []
            here.alpha.surprises = False
            await relaying
        assert here.world.minted() == 7

    asyncio.run(script())
