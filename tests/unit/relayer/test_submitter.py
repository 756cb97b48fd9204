"""Intent first, then the ledger, whose own nonce is the truth (R-52)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bridge.adapters.memory.ledger import MemoryWriter
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.transfer import Transfer
from bridge.errors import LedgerRefusedError, UnavailableError
from bridge.ports.ledger import LedgerWriter, Payout, PreparedTransaction, Receipt, Submission
from bridge.ports.store import Intent, IntentStore
from relayer.submitter import CONFIRM_TIMEOUT_S, Submitted, Submitter
from tests.committee import refuse, settle
from tests.scenarios.world import ASSET, BOB, CAROL, World, account

RELAYER = account("relayer")


class Diary:
    """IntentStore and LedgerWriter that write down what is done in which order."""

    def __init__(self, world: World) -> None:
        self._intents = world.stores.intents
        self._writer = MemoryWriter(world.beta, RELAYER)
        self.lines: list[str] = []
        self.swallows = 0
        """So many submissions are taken and dropped silently."""
        self.down = False
        self.after_prepare: Callable[[], None] = lambda: None

    async def add(self, intent: Intent) -> None:
        self.lines.append("intent kept")
        await self._intents.add(intent)

    async def remove(self, intent: Intent) -> None:
        self.lines.append("intent removed")
        await self._intents.remove(intent)

    async def intents(self, ledger: str) -> list[Intent]:
        return await self._intents.intents(ledger)

    async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
        self.lines.append("prepared")
        prepared = await self._writer.prepare(call)
        self.after_prepare()
        return prepared

    async def submit(self, transaction: PreparedTransaction) -> None:
        if self.down:
            msg = "the node does not answer"
            raise UnavailableError(msg)
        self.lines.append(f"sent {transaction.nonce}")
        if self.swallows:
            self.swallows -= 1
            return
        await self._writer.submit(transaction)

    async def receipt(self, reference: bytes) -> Receipt | None:
        return await self._writer.receipt(reference)


def submitter(world: World, *, writer: LedgerWriter | None = None, intents: IntentStore | None = None) -> Submitter:
    return Submitter(
        world.beta.endpoint.ledger,
        writer or MemoryWriter(world.beta, RELAYER),
        intents or world.stores.intents,
        world.clock,
    )


def run(script: Callable[[World, Diary], Awaitable[None]]) -> None:
    async def whole() -> None:
        world = World()
        async with world.living():
            await script(world, Diary(world))

    asyncio.run(whole())


async def send(one: Submitter, call: Submission, *transfers: Transfer) -> Submitted:
    return await one.submit(call, "settle", tuple(t.id for t in transfers))


def test_the_intent_is_kept_before_anything_is_sent_and_removed_after_it_is_in_a_block() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7)
        submitted = await send(submitter(world, writer=diary, intents=diary), settle([transfer]), transfer)

        assert diary.lines == ["prepared", "intent kept", "sent 0", "intent removed"]
        assert submitted.receipt.succeeded
        assert submitted.ledger == world.beta.endpoint.ledger
        assert world.minted() == 7

    run(script)


def test_what_settle_left_undone_is_told_with_its_reason() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfers = [world.lock(7), world.lock(8, recipient=CAROL)]
        submitted = await send(submitter(world, writer=diary), settle(transfers), *transfers)

        assert submitted.receipt.failures == ((transfers[1].id, Reason.NOT_ELIGIBLE),)

    run(script)


def test_two_calls_at_once_go_one_after_the_other() -> None:
    """One nonce each."""

    async def script(world: World, diary: Diary) -> None:
        transfers = [world.lock(7), world.lock(8), world.lock(9)]
        one = submitter(world, writer=diary, intents=diary)
        await asyncio.gather(*(send(one, settle([transfer]), transfer) for transfer in transfers))

        whole = [["prepared", "intent kept", f"sent {nonce}", "intent removed"] for nonce in range(3)]
        assert diary.lines == [line for lines in whole for line in lines]
        assert world.minted() == 24

    run(script)


def test_a_call_that_the_gateway_would_revert_leaves_no_intent_and_is_refused() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7)
        world.beta.set_paused(paused=True)
        with pytest.raises(LedgerRefusedError, match="Paused"):
            await send(submitter(world, writer=diary, intents=diary), settle([transfer]), transfer)

        assert diary.lines == ["prepared"]

    run(script)


def test_a_transaction_that_reverts_in_its_block_is_refused_and_its_intent_removed() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7)
        diary.after_prepare = lambda: world.beta.set_paused(paused=True)
        with pytest.raises(LedgerRefusedError, match="Reverted"):
            await send(submitter(world, writer=diary, intents=diary), settle([transfer]), transfer)

        assert diary.lines[-1] == "intent removed"
        assert world.minted() == 0

    run(script)


def test_a_transaction_that_the_node_drops_silently_is_sent_again() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7)
        diary.swallows = 2
        await send(submitter(world, writer=diary, intents=diary), settle([transfer]), transfer)

        assert diary.lines.count("sent 0") == 3
        assert world.minted() == 7

    run(script)


def test_what_is_in_no_block_after_a_minute_is_unavailable_and_its_intent_is_kept() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7, deadline_s=600)
        diary.swallows = 10**6
        before = world.clock.now()
        one = submitter(world, writer=diary, intents=diary)
        with pytest.raises(UnavailableError, match="after a minute"):
            await send(one, settle([transfer]), transfer)
        assert world.clock.now() - before == pytest.approx(CONFIRM_TIMEOUT_S, abs=1)
        assert "intent removed" not in diary.lines

        diary.swallows, diary.lines = 0, []
        second = world.lock(8)
        await send(one, settle([second]), second)
        assert diary.lines == ["sent 0", "intent removed", "prepared", "intent kept", "sent 1", "intent removed"]
        assert world.minted() == 15

    run(script)


def test_a_node_that_does_not_answer_leaves_the_intent() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7)
        diary.down = True
        with pytest.raises(UnavailableError):
            await send(submitter(world, writer=diary, intents=diary), settle([transfer]), transfer)

        assert diary.lines == ["prepared", "intent kept"]

    run(script)


async def intended(world: World, transfer: Transfer) -> PreparedTransaction:
    """Leave the intent of a relayer that died before it sent."""
    transaction = world.beta.prepare(RELAYER, settle([transfer]))
    intent = Intent(
        ledger=world.beta.endpoint.ledger, action="settle", transaction=transaction, transfer_ids=(transfer.id,)
    )
    await world.stores.intents.add(intent)
    return transaction


def test_an_intent_of_a_dead_relayer_is_brought_to_its_end_before_anything_new() -> None:
    """R-52: the crash was between the intent and the send."""

    async def script(world: World, diary: Diary) -> None:
        old, new = world.lock(7), world.lock(8)
        await intended(world, old)
        await send(submitter(world, writer=diary, intents=diary), settle([new]), new)

        assert diary.lines == ["sent 0", "intent removed", "prepared", "intent kept", "sent 1", "intent removed"]
        assert world.minted() == 15

    run(script)


def test_an_intent_that_was_sent_before_the_crash_is_not_sent_again() -> None:
    """R-52: the crash was between the block and the removal."""

    async def script(world: World, diary: Diary) -> None:
        old, new = world.lock(7), world.lock(8)
        world.beta.submit(await intended(world, old))
        world.beta.mine()
        await send(submitter(world, writer=diary, intents=diary), settle([new]), new)

        assert diary.lines == ["intent removed", "prepared", "intent kept", "sent 1", "intent removed"]

    run(script)


def test_an_intent_whose_nonce_another_transaction_used_is_dropped() -> None:
    """R-52: the ledger's own nonce is the truth."""

    async def script(world: World, diary: Diary) -> None:
        old, new = world.lock(7), world.lock(8)
        await intended(world, old)
        world.beta.submit(world.beta.prepare(RELAYER, refuse([old], Reason.POLICY_REFUSED)))
        world.beta.mine()
        await send(submitter(world, writer=diary, intents=diary), settle([new]), new)

        assert diary.lines == ["sent 0", "intent removed", "prepared", "intent kept", "sent 1", "intent removed"]
        assert world.beta.newest.decided[old.id].outcome is Outcome.REJECTED

    run(script)


def test_an_intent_that_reverts_is_dropped_and_holds_nothing_up() -> None:
    async def script(world: World, diary: Diary) -> None:
        old, new = world.lock(7), world.lock(8, recipient=CAROL)
        await intended(world, old)
        world.beta.set_paused(paused=True)
        await send(submitter(world, writer=diary, intents=diary), refuse([new], Reason.NOT_ELIGIBLE), new)

        assert diary.lines == ["sent 0", "intent removed", "prepared", "intent kept", "sent 1", "intent removed"]
        assert set(world.beta.newest.decided) == {new.id}

    run(script)


def test_intents_of_another_ledger_are_left_alone() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7)
        await intended(world, transfer)
        elsewhere = Submitter(world.alpha.endpoint.ledger, diary, world.stores.intents, world.clock)
        await elsewhere.submit(settle([transfer]), "settle", (transfer.id,))

        assert diary.lines == ["prepared", "sent 0"]
        assert len(await world.stores.intents.intents(world.beta.endpoint.ledger)) == 1

    run(script)


def test_a_payout_that_is_not_pending_is_refused() -> None:
    async def script(world: World, diary: Diary) -> None:
        with pytest.raises(LedgerRefusedError, match="NothingPending"):
            await submitter(world, writer=diary).submit(Payout(transfer=world.lock(7)), "payout", ())

    run(script)


def test_intents_are_of_this_account_s_making() -> None:
    """The ledger's name, the nonce, and the transfers it is for are kept with the transaction."""

    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7)
        diary.down = True
        with pytest.raises(UnavailableError):
            await send(submitter(world, writer=diary), settle([transfer]), transfer)
        (intent,) = await world.stores.intents.intents(world.beta.endpoint.ledger)

        assert (intent.action, intent.transfer_ids) == ("settle", (transfer.id,))
        assert (intent.transaction.account, intent.transaction.nonce) == (RELAYER, 0)

    run(script)


def test_the_units_are_where_the_last_call_put_them() -> None:
    async def script(world: World, diary: Diary) -> None:
        transfer = world.lock(7)
        await send(submitter(world, writer=diary), settle([transfer]), transfer)
        await send(submitter(world, writer=diary), settle([transfer]), transfer)

        assert world.minted() == 7
        assert world.beta.balance(ASSET, BOB) == 1_000_007

    run(script)
