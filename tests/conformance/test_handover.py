"""Handover on the ledger in memory, on a real gateway, and by the command's steps over two real gateways (R-40)."""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket
from typing import Final, cast

import pytest

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.deploy import GatewayGovernance, Outbox
from bridge.adapters.evm.handover import EpochView, EvmHandover
from bridge.adapters.evm.node import Node
from bridge.adapters.grpc.client import GrpcNotary
from bridge.adapters.memory.ledger import MemoryLedger
from bridge.adapters.memory.runtime import ManualClock
from bridge.committee.keys import key_account
from bridge.config import ClientConfig, CommitteeConfig, LedgerConfig
from bridge.connections import Lines
from bridge.core.caip import Account, EndpointId, LedgerId
from bridge.core.statements import Epoch, Handover
from bridge.core.votes import HandoverVote
from bridge.errors import ConfigError, InvalidInputError, UnavailableError
from bridge.frost import Element, ParticipantId, Signature
from bridge.ops.handover import Gateway, Handovers, Stage, advance, begin, sign_all
from bridge.ports.committee import Commitment, EndorseRequest, SignedShare
from notary.signer.seat import HeldSeat
from tests import seats
from tests.conformance.bench import POLLS_MAX, End
from tests.conformance.evm import ALICE, GOVERNOR, RELAYER, TICK_S, EvmPair, key
from tests.conformance.handover import (
    DELAY_S,
    FIRST,
    LONG_S,
    NOBODY,
    SECOND,
    EpochBench,
    HandoverContract,
    handover,
    key_of,
    signed,
)
from tests.conformance.samples import word

REDIRECT_DELAY_S: Final = 60


class MemoryEpochs(EpochBench):
    def __init__(self) -> None:
        self._ledger = MemoryLedger(LedgerId("book:alpha"))
        self.endpoint = self._ledger.endpoint.id
        self._ledger.register_key(FIRST, key_of(1))

    async def view(self) -> EpochView:
        epochs = self._ledger.newest.epochs
        pending = epochs.pending
        return EpochView(
            current=epochs.current,
            current_key=await self.key(epochs.current),
            previous=epochs.previous,
            pending=pending.epoch if pending else Epoch(0),
            pending_key=key_account(pending.key) if pending else NOBODY,
            ready=pending.ready if pending else 0,
            time=(await self._ledger.head()).time,
        )

    async def key(self, epoch: Epoch) -> Account:
        stored = self._ledger.newest.epochs.stored.get(epoch)
        return key_account(stored.key) if stored else NOBODY

    async def accepts(self, epoch: Epoch) -> bool:
        return self._ledger.newest.epochs.key(epoch) is not None

    async def is_struck(self, epoch: Epoch, key: Element) -> bool:
        return (epoch, key) in self._ledger.newest.epochs.struck

    async def announce(self, decree: Handover, signer: Element, signature: Signature) -> None:
        here = self.endpoint
        self._ledger.change_epochs(lambda e, now: e.announced(decree, signer, signature, here=here, now=now))

    async def activate(self) -> None:
        self._ledger.change_epochs(lambda e, now: e.activated(now))

    async def veto(self) -> None:
        self._ledger.change_epochs(lambda e, _: e.vetoed())

    async def retire(self) -> None:
        self._ledger.change_epochs(lambda e, _: e.retired())

    async def revoke(self, epoch: Epoch) -> None:
        self._ledger.change_epochs(lambda e, _: e.revoked(epoch))

    async def register(self, epoch: Epoch, key: Element) -> None:
        self._ledger.register_key(epoch, key)

    async def set_delay(self, delay_s: int) -> None:
        self._ledger.change_epochs(lambda e, _: replace(e, delay_s=delay_s))

    async def tick(self) -> None:
        self._ledger.mine()


class TestMemoryHandover(HandoverContract):
    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[EpochBench]:
        yield MemoryEpochs()


@dataclass(frozen=True)
class Site:
    """A gateway of a test's own on one of the two ledgers."""

    node: Node
    ledger: LedgerConfig

    @property
    def handover(self) -> EvmHandover:
        return EvmHandover(self.node, self.ledger.gateway)

    async def govern(self, name: str, *arguments: object) -> None:
        """Call the gateway as its guardian or governance; wait until that is in a block."""
        account = EvmAccount(self.node, key(GOVERNOR))
        await account.transact(self.node.contract(GATEWAY, self.ledger.gateway), name, *arguments)

    async def set_delay(self, delay_s: int) -> None:
        await self.govern("setDelays", delay_s, REDIRECT_DELAY_S)


@asynccontextmanager
async def site(pair: EvmPair, end: End) -> AsyncIterator[Site]:
    """Deploy a gateway whose handovers wait for DELAY_S, with epoch 1 in force."""
    node = Node(pair.urls[end])
    try:
        outbox = Outbox(EvmAccount(node, key(GOVERNOR)))
        gateway = await GatewayGovernance.deploy(outbox)
        await outbox.confirm()
        await gateway.register_key(1, key_of(1))
        await outbox.call(node.contract(GATEWAY, gateway.address), "setDelays", DELAY_S, REDIRECT_DELAY_S)
        await outbox.confirm()
        endpoint = await gateway.endpoint()
        config = LedgerConfig(
            name=end.value,
            ledger=endpoint.ledger,
            fingerprint="0x" + endpoint.fingerprint.hex(),
            gateway=gateway.address,
            nodes=(node.address,),
        )
        yield Site(node, config)
    finally:
        await node.close()


class EvmEpochs(EpochBench):
    def __init__(self, own: Site) -> None:
        self.endpoint = own.ledger.endpoint.id
        self._site = own
        self._anybody = EvmAccount(own.node, key(RELAYER))

    async def view(self) -> EpochView:
        return await self._site.handover.view()

    async def key(self, epoch: Epoch) -> Account:
        return await self._site.handover.key(epoch)

    async def accepts(self, epoch: Epoch) -> bool:
        contract = self._site.node.contract(GATEWAY, self._site.ledger.gateway)
        return bool((await self._site.node.call(contract.functions.epoch(epoch)))[2])

    async def is_struck(self, epoch: Epoch, key: Element) -> bool:
        return await self._site.handover.is_struck(epoch, key_account(key))

    async def announce(self, decree: Handover, signer: Element, signature: Signature) -> None:
        await self._site.handover.announce(self._anybody, decree, signer, signature)

    async def activate(self) -> None:
        await self._site.handover.activate(self._anybody)

    async def veto(self) -> None:
        await self._site.govern("vetoHandover")

    async def retire(self) -> None:
        await self._site.govern("retirePreviousEpoch")

    async def revoke(self, epoch: Epoch) -> None:
        await self._site.govern("revokeEpoch", epoch)

    async def register(self, epoch: Epoch, key: Element) -> None:
        await self._site.govern("registerKey", epoch, *key.coordinates())

    async def set_delay(self, delay_s: int) -> None:
        await self._site.set_delay(delay_s)

    async def tick(self) -> None:
        await asyncio.sleep(TICK_S)


@pytest.mark.processes
class TestEvmHandover(HandoverContract):
    @pytest.fixture(autouse=True)
    def _pair(self, evm_pair: EvmPair) -> None:
        self._evm = evm_pair

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[EpochBench]:
        async with site(self._evm, End.SOURCE) as own:
            yield EvmEpochs(own)


# --- the steps


@dataclass(frozen=True)
class Both:
    """Two gateways, and whoever steps: RELAYER, whose transactions are counted."""

    sites: tuple[Site, Site]

    @property
    def ledgers(self) -> list[LedgerConfig]:
        return [own.ledger for own in self.sites]

    @property
    def signed(self) -> Handovers:
        """Epoch 1's signatures for both."""
        found = {
            endpoint: signed(handover(endpoint, 2, 2), 1) for endpoint in (own.endpoint.id for own in self.ledgers)
        }
        return Handovers(epoch=SECOND, key=key_of(2), signer=key_of(1), signatures=found)

    async def step(self, given: Handovers, sender: str = RELAYER) -> list[Gateway]:
        return await advance(self.ledgers, given, key(sender))

    async def finish(self, given: Handovers) -> list[list[Stage]]:
        """Step until no gateway moves any more; give the stages that were told, each once."""
        told: list[list[Stage]] = []
        for _ in range(POLLS_MAX):
            found = stages(await self.step(given))
            if found not in told:
                told.append(found)
            if set(found) <= {Stage.DONE, Stage.STOPPED}:
                return told
            await asyncio.sleep(TICK_S)
        pytest.fail("the handover does not end")

    async def sent(self) -> list[int]:
        """How many transactions RELAYER has sent, by ledger."""
        nodes = [own.node for own in self.sites]
        return [await n.web3.eth.get_transaction_count(EvmAccount(n, key(RELAYER)).address) for n in nodes]


def stages(gateways: Sequence[Gateway]) -> list[Stage]:
    return [gateway.stage for gateway in gateways]


def unreachable(ledger: LedgerConfig) -> LedgerConfig:
    """The same gateway behind a port where nobody listens."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return ledger.model_copy(update={"nodes": (f"http://127.0.0.1:{port}",)})


@pytest.mark.processes
class TestSteps:
    """What `naru committee handover` does with its file, over two gateways."""

    @pytest.fixture(autouse=True)
    def _pair(self, evm_pair: EvmPair) -> None:
        self._evm = evm_pair

    def run(self, script: Callable[[Both], Awaitable[None]]) -> None:
        async def opened() -> None:
            async with AsyncExitStack() as stack:
                source = await stack.enter_async_context(site(self._evm, End.SOURCE))
                await script(Both((source, await stack.enter_async_context(site(self._evm, End.DESTINATION)))))

        asyncio.run(opened())

    def test_steps_that_are_repeated_announce_once_and_activate_once(self) -> None:
        async def script(both: Both) -> None:
            before = await both.sent()
            told = await both.finish(both.signed)
            assert told[-1] == [Stage.DONE, Stage.DONE]
            for _ in range(2):
                assert stages(await both.step(both.signed)) == [Stage.DONE, Stage.DONE]
            assert [after - then for after, then in zip(await both.sent(), before, strict=True)] == [2, 2]
            for own in both.sites:
                view = await own.handover.view()
                assert (view.current, view.previous, view.current_key) == (2, 1, key_account(key_of(2)))

        self.run(script)

    def test_an_announced_handover_tells_from_when_on_it_can_be_activated(self) -> None:
        async def script(both: Both) -> None:
            for own in both.sites:
                await own.set_delay(LONG_S)
            first = await both.step(both.signed)
            assert stages(first) == [Stage.ANNOUNCED, Stage.ANNOUNCED]
            for own, told in zip(both.sites, first, strict=True):
                view = await own.handover.view()
                assert told.until == view.ready
                assert view.current == 1
            assert await both.step(both.signed) == first

        self.run(script)

    def test_a_run_that_died_half_way_is_taken_up_from_its_file(self, tmp_path: Path) -> None:
        async def script(both: Both) -> None:
            path, before = tmp_path / "handover.json", await both.sent()
            both.signed.write(path)
            await advance(both.ledgers[:1], Handovers.read(path), key(RELAYER))

            assert (await both.finish(Handovers.read(path)))[-1] == [Stage.DONE, Stage.DONE]
            assert [after - then for after, then in zip(await both.sent(), before, strict=True)] == [2, 2]

        self.run(script)

    def test_a_gateway_that_nobody_reaches_changes_when_it_is_reached(self) -> None:
        async def script(both: Both) -> None:
            near, far = both.ledgers
            given = both.signed
            for _ in range(POLLS_MAX):
                found = await advance([near, unreachable(far)], given, key(RELAYER))
                assert found[1].stage is Stage.UNREACHABLE
                if found[0].stage is Stage.DONE:
                    break
            assert (await both.sites[1].handover.view()).current == 1
            assert (await both.finish(given))[-1] == [Stage.DONE, Stage.DONE]

        self.run(script)

    def test_a_node_of_another_chain_is_not_waited_for(self) -> None:
        async def script(both: Both) -> None:
            near, far = both.ledgers
            (told,) = await advance([near.model_copy(update={"nodes": far.nodes})], both.signed, key(RELAYER))
            assert told.stage is Stage.STOPPED
            assert "is on chain" in told.note

        self.run(script)

    def test_two_who_step_at_once_do_no_harm(self) -> None:
        """R-40: announced and activated by anybody; whoever is slower is refused, and told what stands."""

        async def script(both: Both) -> None:
            given, done = both.signed, [Stage.DONE, Stage.DONE]
            for _ in range(POLLS_MAX):
                found = await asyncio.gather(both.step(given), both.step(given, ALICE))
                assert Stage.STOPPED not in {g.stage for of_one in found for g in of_one}, found
                if [stages(of_one) for of_one in found] == [done, done]:
                    return
            pytest.fail("the handover does not end")

        self.run(script)

    def test_a_vetoed_handover_stops_there_and_goes_on_elsewhere(self) -> None:
        async def script(both: Both) -> None:
            given, vetoed = both.signed, both.sites[1]
            await advance([vetoed.ledger], given, key(RELAYER))
            await vetoed.govern("vetoHandover")

            assert (await both.finish(given))[-1] == [Stage.DONE, Stage.STOPPED]
            (told,) = await advance([vetoed.ledger], given, key(RELAYER))
            assert "vetoed" in told.note
            assert (await vetoed.handover.view()).pending == 0
            await vetoed.govern("registerKey", 3, *key_of(3).coordinates())
            (told,) = await advance([vetoed.ledger], given, key(RELAYER))
            assert told.stage is Stage.STOPPED

        self.run(script)

    def test_a_gateway_that_has_gone_further_or_elsewhere_is_left_alone(self) -> None:
        async def script(both: Both) -> None:
            before = await both.sent()
            for own, epoch in zip(both.sites, (2, 3), strict=True):
                await own.govern("registerKey", epoch, *key_of(7).coordinates())
            found = await both.step(both.signed)
            assert stages(found) == [Stage.STOPPED, Stage.STOPPED]
            assert ["epoch 2 is current" in found[0].note, "epoch 3 is current" in found[1].note] == [True, True]
            assert await both.sent() == before

        self.run(script)


# --- the file


ENDPOINT = EndpointId(word(2))


def made() -> Handovers:
    signatures = {ENDPOINT: signed(handover(ENDPOINT, 2, 2), 1)}
    return Handovers(epoch=SECOND, key=key_of(2), signer=key_of(1), signatures=signatures)


def document(epoch: int) -> CommitteeConfig:
    return CommitteeConfig.model_validate(tomllib.loads(seats.document(epoch=Epoch(epoch), seed=epoch)))


def test_a_handover_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "handover.json"
    made().write(path)
    assert Handovers.read(path) == made()


def test_a_handover_that_the_current_committee_did_not_sign_is_none(tmp_path: Path) -> None:
    forged = {ENDPOINT: signed(handover(ENDPOINT, 2, 2), 9)}
    with pytest.raises(InvalidInputError, match="not signed by the current committee"):
        Handovers(epoch=SECOND, key=key_of(2), signer=key_of(1), signatures=forged)
    path = tmp_path / "handover.json"
    made().write(path)
    path.write_text(path.read_text().replace(f"0x{ENDPOINT.hex()}", f"0x{word(3).hex()}"))
    with pytest.raises(ConfigError, match="no handover file"):
        Handovers.read(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"epoch": "two"}'])
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "handover.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no handover file"):
        Handovers.read(path)
    with pytest.raises(ConfigError, match="can't be read"):
        Handovers.read(tmp_path / "nowhere")


def test_a_handover_goes_to_the_next_epoch_and_a_file_is_of_one_handover(tmp_path: Path) -> None:
    path = tmp_path / "handover.json"
    assert begin(document(1), document(2), path).signatures == {}
    made().write(path)
    assert begin(document(1), document(2), path) == made()
    with pytest.raises(ConfigError, match="another handover"):
        begin(document(2), document(3), path)
    with pytest.raises(ConfigError, match="can't follow"):
        begin(document(1), document(3), path)


class SeatLines(Lines):
    """Members in this process instead of behind a channel; it counts what they are asked to endorse."""

    def __init__(self, members: Sequence[HeldSeat]) -> None:
        super().__init__(None)
        self.endorsed = 0
        self.left = 99
        """How many endorsements there will be before the members fall silent."""
        self._members = [Direct(member, self) for member in members]

    def notaries(self, committee: CommitteeConfig) -> list[GrpcNotary]:
        del committee
        return cast("list[GrpcNotary]", self._members)


class Direct:
    """What a coordinator of decrees asks of a notary, answered by a seat."""

    def __init__(self, seat: HeldSeat, lines: SeatLines) -> None:
        self._seat, self._lines = seat, lines

    @property
    def id(self) -> ParticipantId:
        return self._seat.notary

    async def commit(self, count: int) -> list[Commitment]:
        return self._seat.commit("operator/a", count)

    async def endorse(self, request: EndorseRequest) -> SignedShare:
        if self._lines.left <= 0:
            raise UnavailableError("it does not answer")
        share = self._seat.endorse(request, "operator/a")
        self._lines.left -= 1
        self._lines.endorsed += 1
        return share


def client() -> ClientConfig:
    names = {"alpha": "eip155:7001", "beta": "eip155:7002"}
    ledgers = [
        {
            "name": name,
            "ledger": ledger,
            "fingerprint": "0x" + word(6).hex(),
            "gateway": "0x" + "11" * 20,
            "nodes": ["http://127.0.0.1:1"],
        }
        for name, ledger in names.items()
    ]
    committee = tomllib.loads(seats.document(session=seats.SESSION, signatures=4))
    return ClientConfig.model_validate(
        {"development": True, "ledgers": ledgers, "redis": "unix:///nowhere", "committee": committee}
    )


def test_signatures_that_are_in_the_file_are_not_asked_for_again(tmp_path: Path) -> None:
    """R-40: all of them are made before a committee retires, and none of them lapses."""

    async def script() -> None:
        path, told = tmp_path / "handover.json", list[str]()
        operator = seats.Operator()
        px, py = key_of(2).coordinates()
        operator.handovers.append(HandoverVote(epoch=FIRST, px=px, py=py))
        lines = SeatLines(seats.admit([seats.held_seat(number, operator=operator) for number in (1, 2, 3, 4)]))
        config, heir = client(), document(2)

        lines.left = 3
        with pytest.raises(UnavailableError):
            await sign_all(config, heir, lines, ManualClock(), path, told.append)
        assert told == ["alpha"]
        assert list(Handovers.read(path).signatures) == [config.ledgers[0].endpoint.id]

        lines.left = 99
        whole = await sign_all(config, heir, lines, ManualClock(), path, told.append)
        assert told == ["alpha", "alpha", "beta"]
        assert Handovers.read(path) == whole
        assert set(whole.signatures) == {ledger.endpoint.id for ledger in config.ledgers}
        assert lines.endorsed == 6

    asyncio.run(script())
