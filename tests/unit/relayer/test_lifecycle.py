"""R-27: what is delivered is kept only if it is what the transfer binds; what waits is sent until it is kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest
from structlog.testing import capture_logs

from bridge.adapters.files.parcels import FileParcels
from bridge.adapters.grpc.channel import connect
from bridge.adapters.grpc.lifecycle import SERVICE, GrpcCorrespondent, LifecycleService
from bridge.adapters.grpc.server import Service, serve
from bridge.adapters.memory.gateway import LockTerms
from bridge.adapters.memory.runtime import ManualClock
from bridge.committee.identity import Identity, IdentityCard
from bridge.core.caip import EndpointId
from bridge.core.lifecycle import (
    PACKAGE_LEN_MAX,
    Fault,
    Lifecycle,
    LifecycleError,
    Lot,
    Package,
    Parcel,
    pack,
    seal_context,
)
from bridge.core.peers import Peer, Role
from bridge.core.transfer import Lane, Transfer
from bridge.errors import BridgeError, RefusedError, UnavailableError
from bridge.ports.committee import TransferRef
from bridge.ports.lifecycle import SEALED_LEN_MAX, Box, Correspondent, Delivery
from bridge.rpc.v1 import lifecycle_pb2 as pb
from bridge.rpc.v1.lifecycle_pb2_grpc import add_LifecycleServicer_to_server
from bridge.telemetry import KEYS
from relayer.__main__ import LIMITS, POLICY
from relayer.lifecycle import AT_ONCE_MAX, BACKOFF_S, Institution, Receiver, Sender
from tests.scenarios.world import ALICE, BOB, World
from tests.unit.transport.certificates import NOTARY, RELAYER, identity

SERVER = Peer(role=Role.RELAYER, instance="beta-trust")
OPERATOR = Peer(role=Role.OPERATOR, instance="kim")
Forge: TypeAlias = Callable[["Houses"], Delivery]


class Houses:
    """An institution on alpha that sends and one on beta that receives, each with a folder; two locks on alpha."""

    def __init__(self, folder: Path, *, finality_depth: int = 0) -> None:
        self.folder = folder
        self.world = World(finality_depth=finality_depth)
        self.alpha, self.beta = FileParcels(folder / "alpha"), FileParcels(folder / "beta")
        self.identity = Identity.generate()
        self.receiver = Receiver(self.identity, self.world.relayer().readers, self.beta)
        self.parcels = [self.locked(units) for units in (70, 71)]
        self.parcel = self.parcels[0]

    def locked(self, units: int, package: Package | None = None) -> Parcel:
        made = package or pack(Lifecycle(lots=(Lot(units=units, acquired="2026-01-01"),)), units.to_bytes(32))
        deadline = int(self.world.clock.now()) + 600
        terms = LockTerms(
            lane=self.world.lane, sender=ALICE, recipient=BOB, amount=units, deadline=deadline, payload_hash=made.hash
        )
        return Parcel(transfer=self.world.alpha.lock(terms), package=made)

    def sender(self, correspondent: Correspondent) -> Sender:
        to = Institution(card=self.identity.card, correspondent=correspondent)
        return Sender(self.alpha, {self.world.lane.destination: to}, self.world.clock)

    def delivery(
        self,
        transfer: Transfer | None = None,
        *,
        plain: bytes | None = None,
        context: bytes | None = None,
        card: IdentityCard | None = None,
    ) -> Delivery:
        """Seal as a sender does, or as one that lies does."""
        transfer = transfer or self.parcel.transfer
        card = card or self.identity.card
        sealed = card.seal(
            self.parcel.package.to_bytes() if plain is None else plain,
            seal_context(transfer) if context is None else context,
        )
        return Delivery(ref=ref(transfer), recipient=card.sealing, sealed=sealed)

    @property
    def kept(self) -> list[Path]:
        return [path for path in (self.folder / "beta").rglob("*") if path.is_file()]

    @asynccontextmanager
    async def over_tls(
        self, caller: Peer = RELAYER, *, service: LifecycleService | None = None
    ) -> AsyncIterator[Correspondent]:
        """Give the receiver as *caller* sees it at the end of a wire."""
        served = service or LifecycleService(self.receiver)
        offered = Service(name=SERVICE, add=lambda server: add_LifecycleServicer_to_server(served, server))
        tls = identity(self.folder / "server", SERVER)
        running = await serve("127.0.0.1:0", [offered], POLICY, tls=tls, limits=LIMITS)
        own = identity(self.folder / f"{caller.role}", caller)
        channel = connect(running.address, tls=own, expected=SERVER)
        try:
            yield GrpcCorrespondent("relayer beta-trust", channel)
        finally:
            await channel.close()
            await running.stop(0)


def ref(transfer: Transfer) -> TransferRef:
    return TransferRef(lane=transfer.lane, sequence=transfer.sequence, transfer_id=transfer.id)


Script: TypeAlias = Callable[[Correspondent], Awaitable[None]]
Way: TypeAlias = Callable[[Houses, Script], None]


def by_hand(houses: Houses, script: Script) -> None:
    async def whole() -> None:
        await script(houses.receiver)

    asyncio.run(whole())


def by_wire(houses: Houses, script: Script) -> None:
    async def whole() -> None:
        async with houses.over_tls() as correspondent:
            await script(correspondent)

    asyncio.run(whole())


WAYS = pytest.mark.parametrize("way", [by_hand, by_wire])


def flipped(houses: Houses) -> Delivery:
    whole = houses.delivery()
    return replace(whole, sealed=whole.sealed[:-1] + bytes([whole.sealed[-1] ^ 1]))


def tampered(houses: Houses) -> Delivery:
    plain = houses.parcel.package.to_bytes()
    return houses.delivery(plain=plain.replace(b"2026-01-01", b"2025-01-01"))


def unsalted(houses: Houses) -> Delivery:
    return houses.delivery(plain=bytes(32) + houses.parcel.package.data)


def of_another_transfer(houses: Houses) -> Delivery:
    return houses.delivery(plain=houses.parcels[1].package.to_bytes())


def sealed_for_another_transfer(houses: Houses) -> Delivery:
    return houses.delivery(context=seal_context(houses.parcels[1].transfer))


def sealed_for_another_hash(houses: Houses) -> Delivery:
    return houses.delivery(context=seal_context(replace(houses.parcel.transfer, payload_hash=bytes(32))))


def to_a_stranger(houses: Houses) -> Delivery:
    return houses.delivery(card=Identity.generate().card)


def to_a_stranger_in_our_name(houses: Houses) -> Delivery:
    return replace(to_a_stranger(houses), recipient=houses.identity.card.sealing)


def oversize(houses: Houses) -> Delivery:
    return houses.delivery(plain=bytes(PACKAGE_LEN_MAX + 1))


def not_adding_up(houses: Houses) -> Delivery:
    parcel = houses.locked(72, houses.parcel.package)
    return houses.delivery(parcel.transfer)


def bound_nonsense(houses: Houses) -> Delivery:
    package = Package(salt=bytes(32), data=b'{"version":1}')
    return houses.delivery(houses.locked(73, package).transfer, plain=package.to_bytes())


def another_id(houses: Houses) -> Delivery:
    return houses.delivery(replace(houses.parcel.transfer, amount=1))


def unread_ledger(houses: Houses) -> Delivery:
    return houses.delivery(replace(houses.parcel.transfer, source=EndpointId(b"\x01" * 32)))


@WAYS
@pytest.mark.parametrize(
    ("forge", "fault"),
    [
        (flipped, Fault.SEAL_BROKEN),
        (tampered, Fault.HASH_MISMATCH),
        (unsalted, Fault.HASH_MISMATCH),
        (of_another_transfer, Fault.HASH_MISMATCH),
        (sealed_for_another_transfer, Fault.SEAL_BROKEN),
        (sealed_for_another_hash, Fault.SEAL_BROKEN),
        (to_a_stranger, Fault.OTHER_RECIPIENT),
        (to_a_stranger_in_our_name, Fault.SEAL_BROKEN),
        (oversize, Fault.TOO_LONG),
        (not_adding_up, Fault.UNITS_MISMATCH),
        (bound_nonsense, Fault.MALFORMED),
        (another_id, Fault.NO_TRANSFER),
        (unread_ledger, Fault.NO_TRANSFER),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_never_kept(
    tmp_path: Path, way: Way, forge: Forge, fault: Fault
) -> None:
    houses = Houses(tmp_path)

    async def script(correspondent: Correspondent) -> None:
        with pytest.raises(LifecycleError) as caught:
            await correspondent.deliver(forge(houses))
        assert (caught.value.fault, caught.value.retryable) == (fault, False)
        assert houses.kept == []
        await correspondent.deliver(houses.delivery())

    way(houses, script)
    assert houses.beta.get(Box.INBOX, houses.parcel.transfer.id) == houses.parcel


@WAYS
def test_what_fits_is_kept_on_disk_and_again_is_no_error(tmp_path: Path, way: Way) -> None:
    houses = Houses(tmp_path)

    async def script(correspondent: Correspondent) -> None:
        for _ in range(2):
            await correspondent.deliver(houses.delivery())

    way(houses, script)
    assert [path.stat().st_mode & 0o777 for path in houses.kept] == [0o600]
    assert FileParcels(tmp_path / "beta").get(Box.INBOX, houses.parcel.transfer.id) == houses.parcel


@WAYS
def test_a_package_of_64_kib_passes(tmp_path: Path, way: Way) -> None:
    houses = Houses(tmp_path)
    lots = [Lot(units=1, acquired="2026-01-01", cost="x" * 200)] * 200
    while len(pack(Lifecycle(lots=tuple(lots)), bytes(32)).to_bytes()) < PACKAGE_LEN_MAX - 400:
        lots.append(lots[0])
    parcel = houses.locked(len(lots), pack(Lifecycle(lots=tuple(lots)), bytes(32)))

    async def script(correspondent: Correspondent) -> None:
        await correspondent.deliver(houses.delivery(parcel.transfer, plain=parcel.package.to_bytes()))

    way(houses, script)
    assert houses.beta.get(Box.INBOX, parcel.transfer.id) == parcel


@WAYS
def test_a_lock_that_is_not_final_is_asked_for_again_later(tmp_path: Path, way: Way) -> None:
    houses = Houses(tmp_path, finality_depth=3)

    async def script(correspondent: Correspondent) -> None:
        with pytest.raises(UnavailableError, match="not final here yet"):
            await correspondent.deliver(houses.delivery())
        assert houses.kept == []
        for _ in range(5):
            houses.world.alpha.mine()
        await correspondent.deliver(houses.delivery())

    way(houses, script)
    assert len(houses.kept) == 1


def test_every_fault_has_a_number_on_the_wire() -> None:
    names = pb.LifecycleFault.DESCRIPTOR.values_by_name
    assert {name.removeprefix("LIFECYCLE_FAULT_") for name in names} == {*Fault, "UNSPECIFIED"}


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [(99, UnavailableError, "of a newer program"), (pb.LIFECYCLE_FAULT_MALFORMED, LifecycleError, "x" * 500)],
)
def test_another_program_s_faults_are_told_and_its_words_cut_short(
    tmp_path: Path, fault: pb.LifecycleFault.ValueType, error: type[BridgeError], told: str
) -> None:
    class Newer(LifecycleService):
        async def _deliver(self, _request: pb.DeliverRequest) -> pb.DeliverResponse:
            return pb.DeliverResponse(fault=fault, note="x" * 100_000)

    async def script() -> None:
        houses = Houses(tmp_path)
        async with houses.over_tls(service=Newer(houses.receiver)) as correspondent:
            with pytest.raises(error, match=told) as caught:
                await correspondent.deliver(houses.delivery())
        assert len(str(caught.value)) < 1000

    asyncio.run(script())


@pytest.mark.parametrize("caller", [NOTARY, OPERATOR])
def test_only_relayers_may_hand_over(tmp_path: Path, caller: Peer) -> None:
    async def script() -> None:
        houses = Houses(tmp_path)
        async with houses.over_tls(caller) as correspondent:
            with pytest.raises(RefusedError, match="may not call"):
                await correspondent.deliver(houses.delivery())
        assert houses.kept == []

    asyncio.run(script())


# --- sending


@dataclass
class Flaky:
    """A way that fails as told before, or after, it has delivered."""

    inner: Correspondent
    before: Exception | None = None
    after: Exception | None = None
    asked: int = 0

    async def deliver(self, delivery: Delivery) -> None:
        self.asked += 1
        if self.before is not None:
            raise self.before
        await self.inner.deliver(delivery)
        if self.after is not None:
            raise self.after


def test_what_waits_is_sent_over_tls_after_a_restart_of_both(tmp_path: Path) -> None:
    async def script() -> None:
        houses = Houses(tmp_path)
        for parcel in houses.parcels:
            houses.alpha.put(Box.OUTBOX, parcel)
        houses.alpha = FileParcels(tmp_path / "alpha")
        async with houses.over_tls() as correspondent:
            await houses.sender(correspondent).step()
        again = FileParcels(tmp_path / "beta")
        assert [again.get(Box.INBOX, parcel.transfer.id) for parcel in houses.parcels] == houses.parcels
        assert houses.alpha.ids(Box.OUTBOX) == []
        assert len(houses.alpha.ids(Box.SENT)) == 2

    asyncio.run(script())


def test_an_answer_that_is_lost_costs_a_second_delivery_and_nothing_else(tmp_path: Path) -> None:
    async def script() -> None:
        houses = Houses(tmp_path)
        flaky = Flaky(houses.receiver, after=UnavailableError("killed between keeping and answering"))
        houses.alpha.put(Box.OUTBOX, houses.parcel)
        await houses.sender(flaky).step()
        assert houses.alpha.ids(Box.OUTBOX) == [houses.parcel.transfer.id]
        flaky.after = None
        await houses.sender(flaky).step()
        assert (houses.alpha.ids(Box.OUTBOX), len(houses.kept), flaky.asked) == ([], 1, 2)

    asyncio.run(script())


@pytest.mark.parametrize("error", [UnavailableError("down"), RefusedError("wrong role"), OSError("a surprise")])
def test_what_can_not_be_sent_waits_longer_each_time_and_is_never_given_up(tmp_path: Path, error: Exception) -> None:
    async def script() -> None:
        houses = Houses(tmp_path)
        flaky = Flaky(houses.receiver, before=error)
        sender = houses.sender(flaky)
        houses.alpha.put(Box.OUTBOX, houses.parcel)
        asked_at, begun = [], houses.world.clock.now()
        for _ in range(1300):
            known = flaky.asked
            await sender.step()
            if flaky.asked > known:
                asked_at.append(houses.world.clock.now() - begun)
            houses.world.clock.advance(1)
        waits = [after - before for before, after in pairwise(asked_at)]
        assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, BACKOFF_S[1], BACKOFF_S[1]]
        flaky.before = None
        houses.world.clock.advance(BACKOFF_S[1])
        await sender.step()
        assert houses.alpha.ids(Box.OUTBOX) == []

    asyncio.run(script())


def test_what_is_refused_for_good_is_put_aside_and_told_by_name(tmp_path: Path) -> None:
    async def script() -> None:
        houses = Houses(tmp_path)
        houses.receiver = Receiver(Identity.generate(), houses.world.relayer().readers, houses.beta)
        houses.alpha.put(Box.OUTBOX, houses.parcel)
        with capture_logs() as logs:
            await houses.sender(houses.receiver).step()
        assert houses.alpha.ids(Box.REFUSED) == [houses.parcel.transfer.id]
        assert houses.alpha.ids(Box.OUTBOX) == []
        (line,) = logs
        assert line["event"] == "lifecycle.refused"
        assert "OTHER_RECIPIENT" in line["error"]
        assert set(line) - {"log_level"} <= KEYS

    asyncio.run(script())


def test_a_destination_without_an_institution_waits_for_its_configuration(tmp_path: Path) -> None:
    async def script() -> None:
        houses = Houses(tmp_path)
        houses.alpha.put(Box.OUTBOX, houses.parcel)
        with capture_logs() as logs:
            await Sender(houses.alpha, {}, houses.world.clock).step()
        assert "add it to lifecycle.peers" in logs[0]["error"]
        assert houses.alpha.ids(Box.OUTBOX) == [houses.parcel.transfer.id]

    asyncio.run(script())


def test_one_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    async def script() -> None:
        houses = Houses(tmp_path)
        first, second = houses.parcels
        freed = asyncio.Event()

        class Hanging:
            async def deliver(self, delivery: Delivery) -> None:
                if delivery.ref.transfer_id == first.transfer.id:
                    await freed.wait()
                await houses.receiver.deliver(delivery)
                if delivery.ref.transfer_id == second.transfer.id:
                    freed.set()

        for parcel in houses.parcels:
            houses.alpha.put(Box.OUTBOX, parcel)
        await asyncio.wait_for(houses.sender(Hanging()).step(), 10)
        assert houses.alpha.ids(Box.OUTBOX) == []
        assert AT_ONCE_MAX > 1

    asyncio.run(script())


def test_a_damaged_parcel_and_a_broken_folder_end_nothing(tmp_path: Path) -> None:
    houses = Houses(tmp_path)
    for parcel in houses.parcels:
        houses.alpha.put(Box.OUTBOX, parcel)
    (tmp_path / "alpha" / "outbox" / houses.parcel.transfer.id.hex()).write_bytes(b"")
    stopping = asyncio.Event()

    class Turns(ManualClock):
        """After the first step the folder is gone, after the second it is there again, and that is all."""

        slept = 0

        async def sleep(self, _seconds: float) -> None:
            self.slept += 1
            if self.slept == 1:
                assert houses.alpha.ids(Box.SENT) == [houses.parcels[1].transfer.id]
                (tmp_path / "alpha" / "outbox").rename(tmp_path / "gone")
            else:
                stopping.set()

    to = Institution(card=houses.identity.card, correspondent=houses.receiver)
    sender = Sender(houses.alpha, {houses.world.lane.destination: to}, Turns())
    with capture_logs() as logs:
        asyncio.run(sender.run(stopping, 1))
    told = {line["event"]: line.get("error", "") for line in logs}
    assert told.keys() == {"lifecycle.kept", "lifecycle.sent", "lifecycle.not_sent", "lifecycle.step_failed"}
    assert "is damaged" in told["lifecycle.not_sent"]


def test_lanes_are_the_receivers_own_to_read(tmp_path: Path) -> None:
    """What the sender says of a transfer is a name only: terms come off the ledger."""
    houses = Houses(tmp_path)
    transfer = houses.parcel.transfer
    lane = Lane(source=transfer.source, destination=EndpointId(b"\x02" * 32), asset=transfer.asset)
    named = replace(houses.delivery(), ref=TransferRef(lane=lane, sequence=1, transfer_id=transfer.id))
    with pytest.raises(UnavailableError):
        asyncio.run(houses.receiver.deliver(named))
    assert houses.kept == []
    assert len(houses.delivery(plain=bytes(PACKAGE_LEN_MAX)).sealed) == SEALED_LEN_MAX
