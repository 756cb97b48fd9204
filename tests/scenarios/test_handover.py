"""Handover from one committee to the next while 100 transfers are open, by the real relayer, notaries and signers."""

import asyncio
from pathlib import Path

import pytest

from bridge.adapters.memory.ledger import MemoryLedger
from bridge.committee.signed import NotSignedError
from bridge.core.records import Ending, Outcome
from bridge.core.statements import Epoch, Handover, Kind
from bridge.core.transfer import Transfer
from bridge.errors import LedgerRefusedError
from bridge.frost import Signature
from bridge.ops.handover import Handovers
from bridge.ports.committee import Question, SignItem, TransferRef
from bridge.ports.ledger import Submission
from tests.committee import attest, statement
from tests.conformance.handover import signed
from tests.scenarios.checker import check
from tests.scenarios.handover import (
    DAY_S,
    DECIDED,
    EXPIRED,
    FIRST,
    SECOND,
    THIRD,
    HandoverWorld,
    approve,
    fall_silent,
    group_key,
)
from tests.scenarios.world import CAROL, account, happens

EVERYTHING = {Kind.LOCKED, Kind.REFUSED, Kind.OUTCOME}
MANY = [
    *[Outcome.MINTED] * DECIDED,
    *[Outcome.MINTED] * 20,  # they waited for the pause's end
    *[Outcome.EXPIRED] * EXPIRED,
    *[Outcome.REJECTED] * 15,
    *[Outcome.MINTED] * 10,
]
"""How the open transfers end if nothing takes too long."""


def test_gateways_change_at_different_times_and_every_open_transfer_ends() -> None:
    """R-40, INV-1, INV-5, INV-6, INV-8: finished by either epoch, and nothing is stranded."""

    async def script() -> None:
        world = HandoverWorld()
        async with world.living():
            relayer = world.gated()
            await world.open_many(relayer)
            approve(world)
            made = await world.sign_handover()
            world.announce(world.alpha, made)
            await world.pass_by(5, relayer)
            world.announce(world.beta, made)
            old = await _attested(world, sequence=DECIDED)

            world.closed.remove(Kind.OUTCOME)  # what was decided is finished by epoch 1 …
            first = happens(lambda: len(world.alpha.newest.endings) >= DECIDED // 2)
            await world.relay(relayer, until=first)
            world.closed.add(Kind.OUTCOME)
            await world.activate(world.alpha, relayer)
            assert (await world.epoch(world.lane.source), await world.epoch(world.lane.destination)) == (2, 1)
            assert world.signed_by(FIRST) == EVERYTHING
            assert not world.signed_by(SECOND) & {Kind.LOCKED, Kind.REFUSED}

            await _submit(world, old)  # signed before the change, and still taken
            world.closed.clear()  # … the expired are refused by epoch 1 at beta, and finished by epoch 2 at alpha
            await world.relay(relayer, until=happens(lambda: len(world.alpha.newest.endings) == DECIDED + EXPIRED))
            assert world.signed_by(SECOND) == {Kind.OUTCOME}

            await world.activate(world.beta, relayer)
            world.unpause()
            await world.relay(relayer)
            assert world.signed_by(SECOND) == EVERYTHING

        assert await check(world) == MANY
        assert _epochs(world) == [(2, 1), (2, 1)]

    asyncio.run(script())


def test_a_gateway_out_of_reach_is_served_by_the_old_committee_until_it_gets_its_handover(tmp_path: Path) -> None:
    """R-40: the signature is in the file, and does not lapse; members keep their seats of both epochs."""

    async def script() -> None:
        world, path = HandoverWorld(), tmp_path / "handover.json"
        async with world.living():
            relayer = world.gated()
            await world.open_many(relayer)
            approve(world)
            (await world.sign_handover()).write(path)
            world.nodes[world.lane.destination].silent = True
            world.closed |= EVERYTHING
            world.announce(world.alpha, Handovers.read(path))
            await world.activate(world.alpha, relayer)
        _let_days_pass(world, 3)
        async with world.living():
            await world.pass_by(10, relayer)
            assert _epochs(world) == [(2, 1), (1, 0)]
            assert not world.alpha.newest.endings

            world.nodes[world.lane.destination].silent = False
            world.closed.clear()
            done = DECIDED + EXPIRED + 25  # all that waits for no pause; a day was too long for 25 of them
            await world.relay(relayer, until=happens(lambda: len(world.alpha.newest.endings) == done))
            assert (world.signed_by(FIRST), world.signed_by(SECOND)) == ({*EVERYTHING}, {Kind.OUTCOME})

            world.announce(world.beta, Handovers.read(path))
            await world.activate(world.beta, relayer)
            world.unpause()
            world.lock(7)
            await world.relay(relayer)
            assert world.signed_by(SECOND) >= {Kind.LOCKED, Kind.OUTCOME}

        late = [Outcome.EXPIRED] * (EXPIRED + 25)
        assert await check(world) == [*[Outcome.MINTED] * (DECIDED + 20), *late, Outcome.MINTED]

    asyncio.run(script())


def test_the_next_committee_finishes_what_the_old_one_is_too_few_for() -> None:
    """R-40, INV-8: d never comes back, and c falls silent once the handovers are signed; f = 1 of the heirs."""

    async def script() -> None:
        world = HandoverWorld()
        async with world.living():
            relayer = world.gated()
            await world.open_many(relayer)
            approve(world)
            made = await world.sign_handover()
            fall_silent(*(members["c"] for members in world.committees.values() if "c" in members))
            world.closed.clear()
            world.unpause()
            for ledger in (world.alpha, world.beta):
                world.announce(ledger, made)
            await world.pass_by(10, relayer)
            assert (len(world.beta.newest.outcomes), len(world.alpha.newest.endings)) == (DECIDED, 0)

            await world.activate(world.alpha, relayer)
            await world.activate(world.beta, relayer)
            await world.relay(relayer)

        assert await check(world) == MANY
        assert {m.id for m in world.committees[SECOND].values() if m.signed} == {1, 2, 3}, "e, a and b"

    asyncio.run(script())


def test_a_stolen_key_is_worth_nothing_once_it_is_revoked_and_all_transfers_end() -> None:
    """R-40: epoch 1 and what it handed over to are ended; governance registers a number that was never used."""

    async def script() -> None:
        world = HandoverWorld()
        async with world.living():
            relayer = world.gated()
            await world.open_many(relayer)
            stolen = world.lock(999, recipient=CAROL, deadline_s=DAY_S)
            theft = Handover(verifier=world.lane.source, epoch=SECOND, px=_px(9), py=_py(9))
            _announce(world.alpha, theft, signed(theft, 1))
            for ledger in (world.beta, world.alpha):
                ledger.change_epochs(lambda e, _: e.revoked(FIRST))
                await world.pass_by(5, relayer)
            world.closed.clear()
            world.unpause()
            await world.pass_by(20, relayer)
            assert (len(world.beta.newest.outcomes), len(world.alpha.newest.endings)) == (DECIDED, 0)

            for kind, codes, verifier in (
                (Kind.LOCKED, {stolen.id: 0}, world.beta),
                (Kind.OUTCOME, {stolen.id: int(Outcome.MINTED)}, world.alpha),
            ):
                forged = attest(statement(kind, verifier.endpoint.id, codes), seed=1)
                with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                    verifier.prepare(account("thief"), Submission(attestation=forged, tried=(stolen,)))
            with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                _announce(world.alpha, theft, signed(theft, 1))
            with pytest.raises(LedgerRefusedError, match="HandoverMissing"):
                world.alpha.change_epochs(lambda e, _: e.activated(int(world.clock.now()) + DAY_S))

            for ledger in (world.alpha, world.beta):
                ledger.register_key(THIRD, group_key(THIRD))
                await world.pass_by(5, relayer)
            await world.relay(relayer)

        assert await check(world) == [*MANY, Outcome.REJECTED]
        assert world.signed_by(THIRD) == EVERYTHING
        assert not world.signed_by(SECOND)
        assert _epochs(world) == [(3, 0), (3, 0)]

    asyncio.run(script())


def test_after_a_veto_no_other_heir_is_signed_and_governance_names_one() -> None:
    """R-13, R-40."""

    async def script() -> None:
        world = HandoverWorld()
        async with world.living():
            relayer = world.gated()
            await world.open_many(relayer)
            approve(world)
            made = await world.sign_handover()
            for ledger in (world.alpha, world.beta):
                world.announce(ledger, made)
                ledger.change_epochs(lambda e, _: e.vetoed())
            with pytest.raises(LedgerRefusedError, match="KeyStruck"):
                world.announce(world.alpha, made)
            approve(world, heir=THIRD)
            with pytest.raises(NotSignedError, match=r"handed over to another key already.*R-13"):
                await world.sign_handover(THIRD)

            world.closed.clear()
            world.unpause()
            await world.pass_by(3, relayer)
            for ledger in (world.beta, world.alpha):
                ledger.register_key(THIRD, group_key(THIRD))
                world.lock(7)
                await world.pass_by(5, relayer)
            await world.relay(relayer)

        assert await check(world) == [*MANY, Outcome.MINTED, Outcome.MINTED]
        assert not world.signed_by(SECOND)
        assert _epochs(world) == [(3, 1), (3, 1)]

    asyncio.run(script())


def test_a_notary_signs_with_the_epoch_that_the_verifier_s_final_block_has() -> None:
    """R-40: neither the next one, while its activation can be undone, nor the one before after that."""

    async def script() -> None:
        world = HandoverWorld(finality_depth=6)
        locked = world.lock(7, deadline_s=DAY_S)
        async with world.living():
            await world.pass_by(8)
            await _activated(world)
            assert (world.beta.newest.epochs.current, await world.epoch(world.lane.destination)) == (2, 1)
            with pytest.raises(NotSignedError, match="epoch 2 asked, 1 current"):
                await _mint_signed(world, SECOND, locked)
            await _mint_signed(world, FIRST, locked)

            await world.pass_by(8)
            assert await world.epoch(world.lane.destination) == 2
            with pytest.raises(NotSignedError, match="epoch 1 asked, 2 current"):
                await _mint_signed(world, FIRST, locked)
            await _mint_signed(world, SECOND, locked)

    asyncio.run(script())


def test_a_handover_needs_the_approval_of_t_operators_and_names_one_key() -> None:
    """R-13: one next key within an epoch, whatever an operator approves later."""

    async def script() -> None:
        world = HandoverWorld()
        with pytest.raises(NotSignedError, match="operator has not approved"):
            await world.sign_handover()
        approve(world, "ab")
        with pytest.raises(NotSignedError, match="operator has not approved"):
            await world.sign_handover()
        approve(world, "abc")
        assert set((await world.sign_handover()).signatures) == set(world.nodes)
        approve(world, "abc", heir=THIRD)
        for heir, why in ((THIRD, "another key already"), (SECOND, "operator has not approved")):
            with pytest.raises(NotSignedError, match=why):
                await world.sign_handover(heir)
        approve(world, "abc", heir=SECOND)
        await world.sign_handover()

    asyncio.run(script())


# ---


def _epochs(world: HandoverWorld) -> list[tuple[Epoch, Epoch]]:
    return [(e.current, e.previous) for e in (ledger.newest.epochs for ledger in (world.alpha, world.beta))]


def _px(seed: int) -> int:
    return group_key(Epoch(seed)).coordinates()[0]


def _py(seed: int) -> int:
    return group_key(Epoch(seed)).coordinates()[1]


def _announce(ledger: MemoryLedger, decree: Handover, signature: Signature) -> None:
    here = ledger.endpoint.id
    ledger.change_epochs(lambda e, now: e.announced(decree, group_key(FIRST), signature, here=here, now=now))


async def _attested(world: HandoverWorld, sequence: int) -> Submission:
    """Have the current committee of the source attest what was decided, without submitting it."""
    (lock,) = await world.alpha.locks(world.lane, sequence, 1, await world.alpha.head())
    ref = TransferRef(lane=world.lane, sequence=sequence, transfer_id=lock.transfer.id)
    found = await world.gated().coordinator.attest(Question.OUTCOME, world.lane.source, [ref])
    (made,) = found.signed
    return Submission(attestation=made.attestation, tried=(lock.transfer,))


async def _submit(world: HandoverWorld, call: Submission) -> None:
    """Submit as anybody, and see it done or skipped, not refused."""
    prepared = world.alpha.prepare(account("anybody"), call)
    world.alpha.submit(prepared)
    await world.reach(happens(lambda: world.alpha.receipt(prepared.reference) is not None))
    receipt = world.alpha.receipt(prepared.reference)
    assert receipt is not None
    assert receipt.succeeded
    (transfer,) = call.tried
    assert world.alpha.newest.endings[world.lane.id, transfer.sequence] is Ending.COMMITTED


def _let_days_pass(world: HandoverWorld, days: int) -> None:
    world.clock.advance(days * DAY_S)
    for ledger in (world.alpha, world.beta):
        ledger.mine(days * DAY_S)


async def _activated(world: HandoverWorld) -> None:
    """Change beta's committee in its newest block."""
    approve(world)
    world.announce(world.beta, await world.sign_handover())
    await world.pass_by(world.beta.newest.epochs.delay_s)
    world.beta.change_epochs(lambda e, now: e.activated(now))


async def _mint_signed(world: HandoverWorld, epoch: Epoch, transfer: Transfer) -> None:
    """Have the members of an epoch sign that this transfer may be minted, whatever the gateway's epoch is."""
    ref = TransferRef(lane=transfer.lane, sequence=transfer.sequence, transfer_id=transfer.id)
    living = [member.id for name, member in world.committees[epoch].items() if name != "d"]
    desk = world.desk_of(epoch)
    await desk.sign_list(Kind.LOCKED, transfer.destination, (SignItem(ref=ref, code=0),), living)
