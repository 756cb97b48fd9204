"""What stands behind a reason code: a token's own error, from the ledger to the sentence (section 7)."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.adapters.evm.asking import EvmMintErrors, last_failure, mint_error, payout_error
from bridge.adapters.evm.deploy import MINTER
from bridge.adapters.evm.node import Node
from bridge.adapters.memory.runtime import ManualClock
from bridge.adapters.memory.verdicts import MemoryVerdicts
from bridge.core import known_refusals as known
from bridge.core.caip import AssetId, evm_address
from bridge.core.known_refusals import BUILT_IN
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.refusals import selector
from bridge.core.statements import Kind
from bridge.core.transfer import Transfer
from bridge.errors import LedgerRefusedError, UnavailableError
from bridge.ops.explain import explain
from bridge.ports.committee import Offer, Question, TransferRef
from notary.judge import Judge, LedgerEyes
from tests.committee import finish, refuse, settle
from tests.conformance.bench import End
from tests.conformance.evm import EvmBench, EvmPair, answering
from tests.conformance.ledger_eligibility import POLICY

pytestmark = pytest.mark.processes
LARGE_ALLOWANCE = 700_000
NOBODY_HOME = "http://127.0.0.1:1"


async def revoke(bench: EvmBench) -> None:
    """Take the gateway's right to mint away: an error that the token's handler does not know."""
    gateway = evm_address(bench.destination.endpoint.gateway)
    await bench.sites[End.DESTINATION].govern("revokeRole", MINTER, gateway, token=True)


async def asked(bench: EvmBench, transfer: Transfer) -> bytes:
    return await mint_error(bench.sites[End.DESTINATION].node, bench.destination.endpoint, transfer)


def test_the_error_of_a_mint_is_asked_for_without_minting(evm_pair: EvmPair) -> None:
    async def script(bench: EvmBench) -> None:
        transfer = await bench.lock(7)
        assert await asked(bench, transfer) == b""
        await bench.set_holder(End.DESTINATION, bench.bob, registered=False)
        assert BUILT_IN.read(await asked(bench, transfer)).said == "HolderNotRegistered(address)"
        await bench.set_token_paused(End.DESTINATION, paused=True)
        assert BUILT_IN.read(await asked(bench, transfer)).meaning is known.PAUSED
        await bench.set_token_paused(End.DESTINATION, paused=False)
        await bench.set_refusal(End.DESTINATION, Reason.ACCOUNT_FROZEN)
        assert BUILT_IN.read(await asked(bench, transfer)).said == "handler: ACCOUNT_FROZEN"
        await bench.set_refusal(End.DESTINATION, None)
        assert BUILT_IN.read(await asked(bench, transfer)).meaning is known.NO_ANSWER
        assert await bench.balance(End.DESTINATION, bench.bob) == 0

    evm_pair.run(script)


def test_the_newest_failed_try_is_found_with_its_error_by_the_receipt_and_by_its_event(evm_pair: EvmPair) -> None:
    """R-20."""

    async def script(bench: EvmBench) -> None:
        transfer = await bench.lock(7)
        node = bench.sites[End.DESTINATION].node
        assert await last_failure(node, bench.destination.endpoint, transfer.id) is None
        await bench.set_holder(End.DESTINATION, bench.bob, registered=False)
        await bench.send(End.DESTINATION, settle([transfer]))
        await revoke(bench)
        receipt = await bench.send(End.DESTINATION, settle([transfer]))
        assert receipt.failures == ((transfer.id, Reason.TOKEN_REVERTED),)
        ((failed, error),) = receipt.errors
        assert failed == transfer.id
        assert BUILT_IN.read(error).meaning is known.NO_ROLE
        assert await last_failure(node, bench.destination.endpoint, transfer.id) == (
            receipt.stamp.height,
            Reason.TOKEN_REVERTED,
            error,
        )

    evm_pair.run(script)


def test_a_notary_refuses_a_token_that_reverts_and_keeps_its_error_for_its_operator(evm_pair: EvmPair) -> None:
    """R-11, R-12: no verdict hangs on the error; one that can't be had is left out."""

    async def script(bench: EvmBench) -> None:
        transfer = await bench.lock(7)
        await revoke(bench)
        silent = Node(NOBODY_HOME, timeout_s=1)
        nodes = [silent, bench.sites[End.DESTINATION].node]
        try:
            for asking, told in ((nodes, True), (nodes[:1], False)):
                kept = await judged(bench, transfer, EvmMintErrors(asking, bench.destination.endpoint))
                (verdict,) = kept.explain(transfer.id)
                assert verdict.offers[0] == Offer(kind=Kind.REFUSED, code=Reason.TOKEN_REVERTED)
                text = "\n".join(explain([verdict]))
                assert ("The destination's error: AccessControlUnauthorizedAccount" in text) is told
                assert ("The destination's error: who must act: The token's owner" in text) is told
        finally:
            await silent.close()

    evm_pair.run(script)


async def judged(bench: EvmBench, transfer: Transfer, errors: EvmMintErrors) -> MemoryVerdicts:
    eyes = {
        bench.source.endpoint.id: LedgerEyes(reader=bench.source, assets=bench.source, margin_s=0),
        bench.destination.endpoint.id: LedgerEyes(
            reader=bench.destination, assets=bench.destination, margin_s=0, errors=errors
        ),
    }
    kept = MemoryVerdicts()
    clock = ManualClock((await bench.destination.head()).time)
    judge = Judge(eyes, clock, idle_allowance_s=300.0, policy=POLICY, verdicts=kept, breakers=kept)
    ref = TransferRef(lane=transfer.lane, sequence=transfer.sequence, transfer_id=transfer.id)
    await judge.judge(Question.DECISION, [ref])
    return kept


def test_errors_that_nobody_tells_are_unavailable(evm_pair: EvmPair) -> None:
    async def script(bench: EvmBench) -> None:
        transfer = await bench.lock(7)
        silent = Node(NOBODY_HOME, timeout_s=1)
        try:
            with pytest.raises(UnavailableError, match="none of 1 nodes tells"):
                await EvmMintErrors([silent], bench.destination.endpoint).mint_error(transfer)
        finally:
            await silent.close()

    evm_pair.run(script)


class Hushed(Node):
    """A node that tells of reverts without their data."""

    async def ask(self, request: Any) -> Any:  # noqa: ANN401 - as in Node
        try:
            return await super().ask(request)
        except LedgerRefusedError as error:
            raise LedgerRefusedError("Reverted", "") from error


def test_a_node_that_keeps_errors_to_itself_says_nothing_about_a_mint(evm_pair: EvmPair) -> None:
    async def script(bench: EvmBench) -> None:
        transfer = await bench.lock(7)
        hushed = Hushed(evm_pair.urls[End.DESTINATION])
        try:
            with pytest.raises(UnavailableError, match="a revert without its error"):
                await mint_error(hushed, bench.destination.endpoint, transfer)
        finally:
            await hushed.close()

    evm_pair.run(script)


def test_the_error_of_a_payout_that_waits_is_asked_for(evm_pair: EvmPair) -> None:
    """R-31."""

    async def script(bench: EvmBench) -> None:
        transfer = await bench.lock(7)
        node, endpoint = bench.sites[End.SOURCE].node, bench.source.endpoint
        nothing = await payout_error(node, endpoint, transfer)
        assert nothing[:4] == selector("NothingPending(bytes32)")
        await bench.send(End.DESTINATION, refuse([transfer], Reason.NOT_ELIGIBLE))
        await bench.set_holder(End.SOURCE, bench.alice, registered=False)
        await bench.send(End.SOURCE, finish([transfer], Outcome.REJECTED))
        assert BUILT_IN.read(await payout_error(node, endpoint, transfer)).said == "HolderNotRegistered(address)"
        await bench.set_holder(End.SOURCE, bench.alice, registered=True)
        assert await payout_error(node, endpoint, transfer) == b""

    evm_pair.run(script)


def test_a_mint_is_sent_with_gas_for_its_token_and_as_much_for_its_handler(evm_pair: EvmPair) -> None:
    """R-21: with less, the gateway tries nothing."""

    async def script(bench: EvmBench) -> None:
        await bench.set_handler(End.DESTINATION, answering(Reason.NONE), LARGE_ALLOWANCE)
        transfer = await bench.lock(7)
        await bench.send(End.DESTINATION, settle([transfer]))
        decision = await bench.decision(transfer)
        assert decision is not None
        assert decision.outcome is Outcome.MINTED

    evm_pair.run(script)


def test_an_asset_that_the_gateway_does_not_know_says_nothing(evm_pair: EvmPair) -> None:
    async def script(bench: EvmBench) -> None:
        unknown = replace(await bench.lock(7), asset=AssetId(b"\x77" * 32))
        assert await asked(bench, unknown) == b""

    evm_pair.run(script)


def test_a_lock_that_the_token_refuses_is_told_in_the_token_s_words(evm_pair: EvmPair) -> None:
    """R-02: LockFailed's error, as send, bulk and order submit show it."""

    async def script(bench: EvmBench) -> None:
        await bench.set_token_paused(End.SOURCE, paused=True)
        with pytest.raises(LedgerRefusedError) as caught:
            await bench.lock(7)
        assert BUILT_IN.told(caught.value).startswith("TokenCallFailed: EnforcedPause(): The token is paused.")

    evm_pair.run(script)
