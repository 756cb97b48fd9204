"""The worked example of docs/lifecycle.md (R-27): a royalty is cut at a record date, and then the units move."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bridge.adapters.files.parcels import FileParcels
from bridge.adapters.memory.gateway import LockTerms
from bridge.adapters.memory.runtime import SeededEntropy
from bridge.committee.identity import Identity
from bridge.core.lifecycle import Kind, Lifecycle, Parcel, Side, pack
from bridge.core.records import Outcome
from bridge.core.transfer import Transfer
from bridge.ports.lifecycle import Box
from relayer.lifecycle import Institution, Receiver, Sender
from tests.scenarios.checker import check
from tests.scenarios.world import ALICE, BOB, DEADLINE_S, World
from tests.tidy import sources

PAGE = sources.text(Path("docs/lifecycle.md"))
FOUND = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
SOLD = 1000
ROYALTY = "royalty-2026-q2"
Holdings = Mapping[str, int]


def payees(holders: Holdings, arrived: list[Lifecycle], royalty: str) -> Counter[str]:
    """What a register pays a royalty on: what its holders have, less what came without the right; that, to whom it is.

    *arrived* is what came beside the units of the one buyer, `buyer`.
    """
    paid = Counter(holders)
    for data in arrived:
        for right in data.rights:
            if (right.name, right.kind) == (royalty, Kind.ROYALTY):
                paid["buyer"] -= right.units
                paid[right.entitled] += right.units
    return +paid


def sold(world: World, payload_hash: bytes) -> Transfer:
    terms = LockTerms(
        lane=world.lane,
        sender=ALICE,
        recipient=BOB,
        amount=SOLD,
        deadline=int(world.clock.now()) + DEADLINE_S,
        payload_hash=payload_hash,
    )
    return world.alpha.lock(terms)


def test_a_royalty_stays_with_who_held_the_units_at_the_record_date(tmp_path: Path) -> None:
    async def script() -> None:
        (written,) = FOUND
        data = Lifecycle.from_json(written)
        package = pack(data, SeededEntropy(27)(32))
        world, beta_trust = World(), Identity.generate()
        transfer = sold(world, package.hash)

        # The units move, and no one has sent, asked for, or waited for any data.
        async with world.living():
            await world.relay(world.relayer())
        assert await check(world) == [Outcome.MINTED]
        assert world.minted() == SOLD

        # Days later alpha's register sends it.
        alpha, beta = FileParcels(tmp_path / "alpha"), FileParcels(tmp_path / "beta")
        assert beta.get(Box.INBOX, transfer.id) is None
        receiver = Receiver(beta_trust, world.relayer().readers, beta)
        to = Institution(card=beta_trust.card, correspondent=receiver)
        alpha.put(Box.OUTBOX, Parcel(transfer=transfer, package=package))
        await Sender(alpha, {transfer.destination: to}, world.clock).step()

        # The royalty is paid to its holder of record on 15 July, though beta shows the buyer.
        kept = beta.get(Box.INBOX, transfer.id)
        assert kept is not None
        arrived = kept.package.check(transfer)
        assert payees({"buyer": SOLD, "other": 50}, [arrived], ROYALTY) == {"h-0017": SOLD, "other": 50}
        assert alpha.ids(Box.SENT) == [transfer.id]

        # The vote goes with the units: nothing is taken from the buyer.
        assert {flag.name: flag.side for flag in arrived.record_dates} == {ROYALTY: Side.EX, "vote-2026": Side.CUM}
        assert payees({"buyer": SOLD}, [arrived], "vote-2026") == {"buyer": SOLD}

    asyncio.run(script())


def test_the_page_shows_its_data_in_the_form_that_is_read() -> None:
    (written,) = FOUND
    data = Lifecycle.from_json(written)
    assert data.units == SOLD
    assert all(f"`{word}`" in PAGE or word in PAGE for word in (*Kind, *Side))
