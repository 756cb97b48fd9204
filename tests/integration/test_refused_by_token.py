"""Eligible when locked, refused when it is to be minted: paid back, with the token's own words for why (R-11, R-31)."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import SAMPLE_TOKEN
from bridge.adapters.evm.deploy import MINTER, Outbox
from bridge.adapters.evm.node import Node
from bridge.core.reasons import Reason
from bridge.core.records import Status
from bridge.core.transfer import TransferId
from tests.integration.support import Done, Network, naru_here

pytestmark = pytest.mark.processes


def issuer(network: Network, function: str, *arguments: object, asset: str = "tower", ledger: str = "beta") -> None:
    """Call an asset's token as its issuer there."""

    async def call() -> None:
        config = network.names.ledger(ledger)
        node = Node(config.nodes[0])
        try:
            outbox = Outbox(EvmAccount(node, network.key(f"issuer-{ledger}")))
            token = next(t.token for t in network.names.asset(asset).tokens if t.ledger == ledger)
            await outbox.call(node.contract(SAMPLE_TOKEN, token), function, *arguments)
            await outbox.confirm()
        finally:
            await node.close()

    asyncio.run(call())


@contextmanager
def stopped(network: Network, name: str) -> Iterator[None]:
    """Let a daemon do nothing for a while."""
    pid = network.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def address(network: Network, name: str) -> str:
    return next(account.address for account in network.config.accounts if account.name == name)


def naru(network: Network, *arguments: str) -> Done:
    return naru_here(*arguments, "--config", str(network.config_path))


def sent(network: Network, *options: str) -> Done:
    lane = ("--source", "alpha", "--destination", "beta")
    return naru(network, "transfer", "send", "3", "tower", "--from", "alice", "--to", "bob", *lane, *options)


def explained(network: Network, transfer: TransferId) -> str:
    done = naru(network, "transfer", "explain", f"0x{transfer.hex()}")
    assert done.code == 0, done.err
    return done.out


def test_who_is_struck_off_between_lock_and_mint_gets_nothing_and_the_sender_is_paid_back(network: Network) -> None:
    """R-12, R-23, INV-6."""
    bob = address(network, "bob")
    try:
        with stopped(network, "relayer"):
            transfer = network.send(amount=3)
            issuer(network, "unregister", [bob])
        assert network.ended(transfer) == (Status.ROLLED_BACK, Reason.NOT_ELIGIBLE)
        told = explained(network, transfer)
        assert "recorded: NOT_ELIGIBLE: The recipient is not on the destination's register of holders." in told
        assert "it would not be minted; it is decided, as REJECTED, for ever" in told
        assert "HolderNotRegistered(address): The account may not hold or move this token. 이 계좌는" in told

        quoted = sent(network)
        assert quoted.code == 2
        assert "beta would refuse (NOT_ELIGIBLE)" in quoted.err
        assert "The destination's error: HolderNotRegistered(address): The account may not hold" in quoted.err
    finally:
        issuer(network, "register", [bob])
    network.assert_conserved()


def test_a_token_that_reverts_is_refused_with_its_error_and_who_must_act(network: Network) -> None:
    """Section 7, TOKEN_REVERTED: the gateway's right to mint was taken away after the lock."""
    gateway = network.destination.gateway
    try:
        with stopped(network, "relayer"):
            transfer = network.send(amount=3)
            issuer(network, "revokeRole", MINTER, gateway)
        assert network.ended(transfer) == (Status.ROLLED_BACK, Reason.TOKEN_REVERTED)
        shown = naru(network, "transfer", "show", f"0x{transfer.hex()}")
        assert f"what the token says: naru transfer explain 0x{transfer.hex()}" in shown.out
        told = explained(network, transfer)
        assert "AccessControlUnauthorizedAccount(address,bytes32): The gateway has not the token's right" in told
        assert "who must act: The token's owner: grant the gateway what docs/deploy.md lists." in told
        row = naru(network, "transfer", "explain", f"0x{transfer.hex()}", "-o", "json").json["said"][-1]
        assert row["selector"] == "0xe2517d3f"
        assert row["meaning"]["who"].startswith("The token's owner")
    finally:
        issuer(network, "grantRole", MINTER, gateway)
    network.assert_conserved()


def test_a_committed_transfer_has_nothing_against_it(network: Network) -> None:
    transfer = network.send(amount=1)
    assert network.ended(transfer) == (Status.COMMITTED, Reason.NONE)
    assert explained(network, transfer).strip().endswith("Nothing to do.")


def test_a_paused_source_token_is_told_in_words_at_the_lock(network: Network) -> None:
    """R-03: LockFailed's error."""
    issuer(network, "pause", ledger="alpha")
    try:
        refused = sent(network, "--no-preflight")
        assert refused.code == 1
        assert "alpha refused the lock with TokenCallFailed: EnforcedPause(): The token is paused." in refused.err
    finally:
        issuer(network, "unpause", ledger="alpha")
