"""Eligible when locked and refused when it is to be minted: by the real relayer and notaries, released (R-11, R-31)."""

import asyncio

from bridge.adapters.memory.store import MemoryStores
from bridge.core.reasons import Reason
from bridge.core.records import Outcome, Status
from bridge.core.statements import Kind
from bridge.ports.ledger import LedgerWriter, Payout, PreparedTransaction, Receipt, Submission
from bridge.ports.store import TransferRecord
from tests.scenarios.checker import check
from tests.scenarios.world import ALICE, ASSET, BOB, ISSUED, World


class Striking:
    """Just before the first mint is sent, the issuer strikes bob off: the notaries have approved it by then."""

    def __init__(self, writer: LedgerWriter, world: World) -> None:
        self._writer, self._world = writer, world

    async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
        if isinstance(call, Submission) and call.attestation.statement.kind is Kind.LOCKED:
            self._world.beta.set_holder(ASSET, BOB, registered=False)
        return await self._writer.prepare(call)

    async def submit(self, transaction: PreparedTransaction) -> None:
        await self._writer.submit(transaction)

    async def receipt(self, reference: bytes) -> Receipt | None:
        return await self._writer.receipt(reference)


async def record_of(stores: MemoryStores, transfer_id: bytes) -> TransferRecord:
    (record,) = [r for r in await stores.transfers.recent(9) if r.id == transfer_id]
    return record


def test_struck_off_before_the_notaries_looked_it_is_rejected_for_that_and_released() -> None:
    """R-12, R-23, INV-6."""

    async def script() -> None:
        world = World()
        transfer = world.lock(70)
        world.beta.set_holder(ASSET, BOB, registered=False)
        async with world.living():
            await world.relay(world.relayer())
        assert await check(world) == [Outcome.REJECTED]
        record = await record_of(world.stores, transfer.id)
        assert (record.status, record.reason) == (Status.ROLLED_BACK, Reason.NOT_ELIGIBLE)
        assert world.clock.now() < transfer.deadline
        assert world.alpha.balance(ASSET, ALICE) == ISSUED

    asyncio.run(script())


def test_struck_off_after_they_approved_it_says_why_until_the_deadline_and_is_released() -> None:
    """R-13, INV-1, INV-6: a notary that voted for a mint never refuses it before its deadline."""

    async def script() -> None:
        world = World()
        transfer = world.lock(70)
        async with world.living():
            await world.relay(world.relayer(wrap=lambda writer: Striking(writer, world)))
        assert await check(world) == [Outcome.REJECTED]
        record = await record_of(world.stores, transfer.id)
        assert (record.status, record.reason) == (Status.ROLLED_BACK, Reason.NOT_ELIGIBLE)
        held = [entry.note for entry in record.timeline if entry.event == "held"]
        assert held[0] == "NOT_ELIGIBLE: the destination did not mint: no error said"
        assert world.clock.now() >= transfer.deadline
        assert world.alpha.balance(ASSET, ALICE) == ISSUED
        assert world.minted() == 0

    asyncio.run(script())


def test_a_token_that_reverts_is_refused_and_one_without_an_answer_is_waited_for() -> None:
    """R-12, R-22: TOKEN_REVERTED is for good; no answer counts as a pause, and passes."""

    async def script() -> None:
        world = World()
        refused = world.lock(70)
        world.beta.set_token_refusal(ASSET, Reason.TOKEN_REVERTED)
        async with world.living():
            await world.relay(world.relayer())
            assert (await record_of(world.stores, refused.id)).reason is Reason.TOKEN_REVERTED

            world.beta.set_token_refusal(ASSET, Reason.TOKEN_PAUSED)
            waiting = world.lock(30)

            async def held() -> bool:
                record = await world.stores.transfers.get(waiting.id)
                return record is not None and record.reason is Reason.TOKEN_PAUSED

            await world.relay(world.relayer(), until=held)
            world.beta.set_token_refusal(ASSET, Reason.NONE)
            await world.relay(world.relayer())
        assert await check(world) == [Outcome.REJECTED, Outcome.MINTED]

    asyncio.run(script())
