"""What every gateway must do with its committee's epochs (R-40), seen through what a fake and a contract both offer."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from bridge.adapters.evm.handover import EpochView
from bridge.committee.keys import key_account
from bridge.core.caip import Account, EndpointId
from bridge.core.statements import Epoch, Handover
from bridge.errors import LedgerRefusedError
from bridge.frost import Element, Signature, aggregate
from tests.committee import dealing
from tests.conformance.samples import word
from tests.unit.frost.support import entropy_of, sign_together

DELAY_S = 3
LONG_S = 100_000
"""A delay that no test lives to see."""
NOBODY = Account(bytes(32))
POLLS_MAX = 2_000
FIRST, SECOND, THIRD, FOURTH = (Epoch(number) for number in range(1, 5))


def key_of(seed: int) -> Element:
    """The group key of the committee dealt from *seed*; epoch n's is dealt from n."""
    return dealing(seed).public_key_package.group_public_key


def handover(verifier: EndpointId, epoch: int, seed: int) -> Handover:
    px, py = key_of(seed).coordinates()
    return Handover(verifier=verifier, epoch=Epoch(epoch), px=px, py=py)


def signed(decree: Handover, seed: int) -> Signature:
    """Have three of the committee dealt from *seed* sign."""
    commitments, shares = sign_together(dealing(seed), decree.digest, (1, 2, 3), entropy_of(seed))
    return aggregate(dealing(seed).public_key_package, decree.digest, commitments, shares)


class EpochBench(ABC):
    """A gateway whose first epoch, dealt from seed 1, is in force; handovers wait there for DELAY_S."""

    endpoint: EndpointId

    @abstractmethod
    async def view(self) -> EpochView: ...

    @abstractmethod
    async def key(self, epoch: Epoch) -> Account: ...

    @abstractmethod
    async def accepts(self, epoch: Epoch) -> bool:
        """Tell whether what this epoch signs is taken."""

    @abstractmethod
    async def is_struck(self, epoch: Epoch, key: Element) -> bool: ...

    @abstractmethod
    async def announce(self, decree: Handover, signer: Element, signature: Signature) -> None:
        """Submit a handover, as anybody."""

    @abstractmethod
    async def activate(self) -> None:
        """Activate, as anybody."""

    @abstractmethod
    async def veto(self) -> None: ...

    @abstractmethod
    async def retire(self) -> None: ...

    @abstractmethod
    async def revoke(self, epoch: Epoch) -> None: ...

    @abstractmethod
    async def register(self, epoch: Epoch, key: Element) -> None: ...

    @abstractmethod
    async def set_delay(self, delay_s: int) -> None:
        """Have the handovers that are announced from now on wait for *delay_s* seconds."""

    @abstractmethod
    async def tick(self) -> None:
        """Let a little time pass."""

    async def announce_next(self, epoch: int, seed: int = 0) -> None:
        """Announce *epoch*, whose key is dealt from *seed* or else its number, signed by the one before."""
        decree = handover(self.endpoint, epoch, seed or epoch)
        await self.announce(decree, key_of(epoch - 1), signed(decree, epoch - 1))

    async def wait(self) -> None:
        """Let the announced epoch's delay pass."""
        for _ in range(POLLS_MAX):
            view = await self.view()
            if view.time >= view.ready:
                return
            await self.tick()
        pytest.fail("the gateway's time stands still")

    async def hand_over(self, epoch: int) -> None:
        await self.announce_next(epoch)
        await self.wait()
        await self.activate()


Script = Callable[[EpochBench], Awaitable[None]]


class HandoverContract(ABC):
    """The suite."""

    @abstractmethod
    def fresh(self) -> AbstractAsyncContextManager[EpochBench]: ...

    def run(self, script: Script) -> None:
        async def opened() -> None:
            async with self.fresh() as bench:
                await script(bench)

        asyncio.run(opened())

    def test_a_signed_handover_is_announced_by_anybody_and_in_force_after_the_delay(self) -> None:
        async def script(bench: EpochBench) -> None:
            before = await bench.view()
            assert (before.current, before.previous, before.pending, before.ready) == (1, 0, 0, 0)
            await bench.announce_next(2)

            announced = await bench.view()
            assert (announced.current, announced.current_key) == (1, key_account(key_of(1)))
            assert (announced.pending, announced.pending_key) == (2, key_account(key_of(2)))
            assert announced.ready >= before.time + DELAY_S
            assert not await bench.accepts(SECOND)

            await bench.wait()
            await bench.activate()
            after = await bench.view()
            assert (after.current, after.current_key) == (2, key_account(key_of(2)))
            assert (after.previous, after.pending, after.pending_key) == (1, 0, NOBODY)
            assert await bench.accepts(FIRST)
            assert await bench.accepts(SECOND)
            assert [await bench.key(e) for e in (SECOND, THIRD)] == [key_account(key_of(2)), NOBODY]

        self.run(script)

    def test_an_announced_handover_is_not_in_force_before_its_delay_is_over(self) -> None:
        async def script(bench: EpochBench) -> None:
            await bench.set_delay(LONG_S)
            await bench.announce_next(2)
            with pytest.raises(LedgerRefusedError, match="HandoverNotReady"):
                await bench.activate()
            view = await bench.view()
            assert (view.current, view.pending) == (1, 2)
            assert not await bench.accepts(SECOND)

        self.run(script)

    def test_what_the_current_epoch_did_not_sign_for_this_gateway_is_refused(self) -> None:
        async def script(bench: EpochBench) -> None:
            decree, elsewhere = handover(bench.endpoint, 2, 2), handover(EndpointId(word(5)), 2, 2)
            with pytest.raises(LedgerRefusedError, match="KeyMismatch"):
                await bench.announce(decree, key_of(9), signed(decree, 9))
            for forged in (signed(decree, 9), signed(elsewhere, 1), signed(handover(bench.endpoint, 2, 3), 1)):
                with pytest.raises(LedgerRefusedError, match="SignatureInvalid"):
                    await bench.announce(decree, key_of(1), forged)
            with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                await bench.announce_next(3)
            assert (await bench.view()).pending == 0

        self.run(script)

    def test_one_handover_waits_at_a_time(self) -> None:
        async def script(bench: EpochBench) -> None:
            with pytest.raises(LedgerRefusedError, match="HandoverMissing"):
                await bench.activate()
            await bench.announce_next(2)
            for seed in (2, 3):
                with pytest.raises(LedgerRefusedError, match="HandoverPending"):
                    await bench.announce_next(2, seed)
            assert (await bench.view()).pending_key == key_account(key_of(2))

        self.run(script)

    def test_the_epoch_before_the_last_one_hands_over_to_nobody(self) -> None:
        async def script(bench: EpochBench) -> None:
            await bench.hand_over(2)
            with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                await bench.announce_next(2, 3)
            await bench.hand_over(3)
            assert [await bench.accepts(e) for e in (FIRST, SECOND, THIRD)] == [False, True, True]

        self.run(script)

    def test_a_key_that_is_none_or_was_in_force_is_refused(self) -> None:
        async def script(bench: EpochBench) -> None:
            nowhere = Handover(verifier=bench.endpoint, epoch=SECOND, px=5, py=5)
            with pytest.raises(LedgerRefusedError, match="KeyInvalid"):
                await bench.announce(nowhere, key_of(1), signed(nowhere, 1))
            with pytest.raises(LedgerRefusedError, match="KeyStruck"):
                await bench.announce_next(2, 1)
            await bench.hand_over(2)
            with pytest.raises(LedgerRefusedError, match="KeyStruck"):
                await bench.register(FOURTH, key_of(1))

        self.run(script)

    def test_a_vetoed_key_never_comes_and_governance_registers_another_under_its_number(self) -> None:
        async def script(bench: EpochBench) -> None:
            with pytest.raises(LedgerRefusedError, match="HandoverMissing"):
                await bench.veto()
            await bench.announce_next(2)
            await bench.wait()
            await bench.veto()

            assert await bench.is_struck(SECOND, key_of(2))
            assert not await bench.is_struck(SECOND, key_of(3))
            assert (await bench.view()).pending == 0
            with pytest.raises(LedgerRefusedError, match="HandoverMissing"):
                await bench.activate()
            with pytest.raises(LedgerRefusedError, match="KeyStruck"):
                await bench.announce_next(2)
            with pytest.raises(LedgerRefusedError, match="KeyStruck"):
                await bench.register(SECOND, key_of(2))
            await bench.register(SECOND, key_of(3))
            after = await bench.view()
            assert (after.current, after.current_key, after.previous) == (2, key_account(key_of(3)), 1)

        self.run(script)

    def test_a_retired_epoch_is_not_accepted_and_its_heir_stays(self) -> None:
        async def script(bench: EpochBench) -> None:
            with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                await bench.retire()
            await bench.hand_over(2)
            await bench.retire()
            view = await bench.view()
            assert (view.current, view.previous) == (2, 0)
            assert [await bench.accepts(e) for e in (FIRST, SECOND)] == [False, True]

        self.run(script)

    def test_revoking_an_epoch_ends_what_descends_from_it_for_ever(self) -> None:
        async def script(bench: EpochBench) -> None:
            await bench.hand_over(2)
            await bench.announce_next(3)
            await bench.revoke(FIRST)

            view = await bench.view()
            assert (view.current, view.previous, view.pending, view.current_key) == (0, 0, 0, NOBODY)
            assert await bench.is_struck(THIRD, key_of(3))
            assert [await bench.accepts(e) for e in (FIRST, SECOND)] == [False, False]
            with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                await bench.announce_next(3)
            with pytest.raises(LedgerRefusedError, match="EpochUsed"):
                await bench.register(SECOND, key_of(9))
            for key in (key_of(1), key_of(2), key_of(3)):
                with pytest.raises(LedgerRefusedError, match="KeyStruck"):
                    await bench.register(THIRD, key)
            await bench.register(THIRD, key_of(9))
            view = await bench.view()
            assert (view.current, view.previous) == (3, 0)

        self.run(script)

    def test_revoking_an_heir_leaves_the_epoch_before_it(self) -> None:
        async def script(bench: EpochBench) -> None:
            with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                await bench.revoke(SECOND)
            await bench.hand_over(2)
            for _ in range(2):
                await bench.revoke(SECOND)
                view = await bench.view()
                assert (view.current, view.previous) == (0, 1)
                assert await bench.accepts(FIRST)
            with pytest.raises(LedgerRefusedError, match="EpochUnknown"):
                await bench.announce_next(2, 3)
            await bench.register(THIRD, key_of(3))
            view = await bench.view()
            assert (view.current, view.previous) == (3, 1)

        self.run(script)

    def test_what_governance_registered_does_not_fall_with_the_epoch_before(self) -> None:
        async def script(bench: EpochBench) -> None:
            await bench.register(SECOND, key_of(2))
            await bench.revoke(FIRST)
            view = await bench.view()
            assert (view.current, view.previous) == (2, 0)

        self.run(script)

    def test_a_registered_key_strikes_another_that_waits_and_not_itself(self) -> None:
        async def script(bench: EpochBench) -> None:
            await bench.announce_next(2)
            await bench.register(SECOND, key_of(2))
            assert not await bench.is_struck(SECOND, key_of(2))
            await bench.announce_next(3)
            await bench.register(FOURTH, key_of(4))
            assert await bench.is_struck(THIRD, key_of(3))
            view = await bench.view()
            assert (view.current, view.previous, view.pending) == (4, 2, 0)

        self.run(script)
