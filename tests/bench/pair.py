"""Two anvil nodes with a gateway and a plain ERC-20 each, and a lane between them on which gas is measured.

Everything is made from one seed and blocks are a second apart, so two runs give the same figures. Every call is looked
up afterwards: a figure of an item that was skipped would be a small one.
"""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_account import Account as EthAccount
from eth_typing import HexStr
from web3.types import RPCEndpoint

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import ERC20_HANDLER, PLAIN_TOKEN
from bridge.adapters.evm.deploy import GatewayGovernance, LaneLimits, Outbox, TokenIssuer
from bridge.adapters.evm.holder import LockTerms
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.core.caip import Account, Endpoint, asset_id, evm_account
from bridge.core.reasons import Reason
from bridge.core.records import Ending, Outcome
from bridge.core.transfer import Lane, Transfer
from bridge.ports.ledger import Submission
from tests import committee
from tests.bench.calls import Calls, Order, Request
from tests.integration.anvil import FUNDS_WEI, running

STARTS: Final = {31_101: 1_800_000_000, 31_102: 1_800_000_001}
"""Time of each chain's first block, whose hash must not be the other's: a fingerprint is the mark of one ledger."""
NODE: Final = ("--block-base-fee-per-gas", "1", "--enable-tx-gas-limit")
ASSET: Final = asset_id("isin:KR7900040010")
DECIMALS: Final = 18
LIMITS: Final = LaneLimits(amount_max=2**80, capacity=2**88, large_amount=2**80)
"""The bucket is on and never empty; no amount is large."""
AMOUNT_LEN: Final = 9
"""72 bits."""
UNITS: Final = 2**100
"""What a holder has, and allows the gateway: finite, so that each lock pays for writing the rest down."""
LIFE_S: Final = 86_400
GAS: Final = 2**24
"""What one transaction may have (EIP-7825)."""
PER_WORD: Final = 128
"""Outcomes to a word."""
FIRST_NONCE: Final = 256
"""Of the nonce word that priming takes into use; 256 to a word."""
_chance = random.Random("naru gas")


def fresh_bytes(count: int) -> bytes:
    """Random bytes, none of them zero, because a zero byte of calldata is cheaper."""
    return bytes(_chance.randint(1, 255) for _ in range(count))


def fresh_key() -> str:
    """A private key whose address has no zero byte."""
    while True:
        key = "0x" + fresh_bytes(32).hex()
        if 0 not in evm_account(EthAccount.from_key(key).address)[12:]:
            return key


@dataclass(frozen=True, kw_only=True)
class Site:
    """One ledger: who governs it, who relays to it, and what stands on it."""

    outbox: Outbox
    relayer: EvmAccount
    token: TokenIssuer
    gateway: GatewayGovernance
    reader: EvmReader
    calls: Calls

    @classmethod
    async def lay(cls, url: str) -> "Site":
        """Deploy a gateway and its token; again until the EndpointId has no zero byte."""
        node = Node(url)
        await anvil_call(node, "anvil_setBlockTimestampInterval", 1)
        outbox = Outbox(await funded(node, fresh_key()))
        gateway, endpoint = await _gateway(outbox)
        while 0 in endpoint.id:
            gateway, endpoint = await _gateway(outbox)
        token = await TokenIssuer.deploy(outbox, PLAIN_TOKEN, "Plain", "PLAIN", DECIMALS)
        for minter in (outbox.account.address, gateway.address):
            await token.allow_minting(minter)
        await outbox.confirm()
        relayer, reader = await funded(node, fresh_key()), EvmReader(node, endpoint)
        calls = Calls(relayer, reader)
        return cls(outbox=outbox, relayer=relayer, token=token, gateway=gateway, reader=reader, calls=calls)

    @property
    def node(self) -> Node:
        return self.relayer.node

    async def join(self, peer: Endpoint, lane: Lane) -> None:
        key = committee.dealing().public_key_package.group_public_key
        await self.gateway.register_key(committee.EPOCH, key)
        await self.gateway.register_peer(peer)
        await self.gateway.add_asset(ASSET, self.token.address, await self.outbox.deploy(ERC20_HANDLER), DECIMALS)
        await self.gateway.open_lane(lane, LIMITS)
        await self.outbox.confirm()

    async def holder(self, key: str) -> EvmAccount:
        """Give an account units, and the gateway its allowance."""
        account = await funded(self.node, key)
        await self.token.issue(account.address, UNITS)
        await self.outbox.confirm()
        token = self.node.contract(PLAIN_TOKEN, self.token.address)
        await account.transact(token, "approve", self.calls.address, UNITS)
        return account

    async def send(self, account: EvmAccount, data: HexStr) -> int:
        """Have a call of the gateway mined in a block of its own; give its gas."""
        prepared = await account.prepare({"to": self.calls.address, "data": data}, gas=GAS)
        await account.submit(prepared)
        return int((await account.confirm(prepared))["gasUsed"])


class Pair:
    """A lane from one site to the other. Each method that acts is one transaction, and gives its gas."""

    def __init__(self, source: Site, destination: Site, lane: Lane, holder: EvmAccount) -> None:
        self.source, self.destination, self.lane = source, destination, lane
        self._holder = holder
        self._nonce = FIRST_NONCE

    async def lock(self, recipients: Sequence[Account]) -> tuple[list[Transfer], int]:
        """Lock the holder's units under its next nonces."""
        requests = [Request(terms=await self._terms(to), nonce=self._nonce + i) for i, to in enumerate(recipients)]
        self._nonce += len(recipients)
        return await self._locked(self._holder, self.source.calls.lock(requests), len(recipients))

    async def lock_orders(self, recipients: Sequence[Account]) -> tuple[list[Transfer], int]:
        """Have a venue lock the units of as many holders, each of whom signed an Order."""
        keys = [fresh_key() for _ in recipients]
        venue = await funded(self.source.node, fresh_key())
        terms = [await self._terms(to) for to in recipients]
        orders = [
            Order(key=key, request=Request(terms=t, nonce=FIRST_NONCE + 1)) for key, t in zip(keys, terms, strict=True)
        ]
        data = self.source.calls.lock_orders(orders, venue.address)
        for key in keys:
            holder = await self.source.holder(key)
            await self.source.send(holder, self.source.calls.cancel_nonces(FIRST_NONCE >> 8, 1))
        return await self._locked(venue, data, len(orders))

    async def settle(self, transfers: Sequence[Transfer]) -> int:
        return await self._decide(committee.settle(transfers), Outcome.MINTED)

    async def refuse(self, transfers: Sequence[Transfer]) -> int:
        return await self._decide(committee.refuse(transfers, Reason.NOT_ELIGIBLE), Outcome.REJECTED)

    async def finish(self, transfers: Sequence[Transfer], outcome: Outcome) -> int:
        gas = await self.source.send(
            self.source.relayer, self.source.calls.submission(committee.finish(transfers, outcome))
        )
        reader = self.source.reader
        locks = await reader.locks(self.lane, transfers[0].sequence, len(transfers), await reader.head())
        ending = Ending.COMMITTED if outcome is Outcome.MINTED else Ending.RELEASED
        assert [(lock.transfer, lock.ending, lock.pending) for lock in locks] == [(t, ending, False) for t in transfers]
        return gas

    async def prime(self) -> None:
        """Take lane, totals, supply, escrow, nonce and outcome words into use."""
        await self.through([_recipient()])
        (refused,), _ = await self.lock([_recipient()])
        await self.refuse([refused])
        await self.finish([refused], Outcome.REJECTED)
        await self.lock([_recipient()])  # so that the escrow is never empty

    async def through(self, recipients: Sequence[Account]) -> None:
        transfers, _ = await self.lock(recipients)
        await self.settle(transfers[-1:])
        await self.finish(transfers[-1:], Outcome.MINTED)

    async def room(self, count: int) -> None:
        """See to it that the next *count* sequences lie in an outcome word that is in use on both ledgers."""
        following = await self._next_sequence()
        left = PER_WORD - following % PER_WORD
        if left < count:
            await self.through([_recipient()] * (left + 1))

    def skip_nonces(self) -> None:
        """Go on in the next nonce word, which is not in use."""
        self._nonce += FIRST_NONCE - self._nonce % FIRST_NONCE

    async def _next_sequence(self) -> int:
        return (await self.source.reader.lane(self.lane, await self.source.reader.head())).next_sequence

    async def _locked(self, account: EvmAccount, data: HexStr, count: int) -> tuple[list[Transfer], int]:
        first = await self._next_sequence()
        gas = await self.source.send(account, data)
        locks = await self.source.reader.locks(self.lane, first, count, await self.source.reader.head())
        assert len(locks) == count, "a lock was left out"
        return [lock.transfer for lock in locks], gas

    async def _decide(self, submission: Submission, outcome: Outcome) -> int:
        site = self.destination
        gas = await site.send(site.relayer, site.calls.submission(submission))
        decisions = await site.reader.decisions(submission.tried, await site.reader.head())
        assert [decision and decision.outcome for decision in decisions] == [outcome] * len(submission.tried)
        return gas

    async def _terms(self, recipient: Account) -> LockTerms:
        return LockTerms(
            destination=self.lane.destination,
            asset=self.lane.asset,
            recipient=recipient,
            amount=int.from_bytes(fresh_bytes(AMOUNT_LEN)),
            deadline=(await self.source.reader.head()).time + LIFE_S,
            client_reference=fresh_bytes(32),
        )


def recipients(count: int) -> list[Account]:
    """Accounts that never held anything."""
    return [_recipient() for _ in range(count)]


@asynccontextmanager
async def running_pair(folder: Path) -> AsyncIterator[Pair]:
    """Start two nodes, set everything up, and end both nodes by their process ids."""
    with ExitStack() as stack:
        urls = [
            stack.enter_context(running(folder, chain_id, *NODE, "--timestamp", str(start)))
            for chain_id, start in STARTS.items()
        ]
        source, destination = [await Site.lay(url) for url in urls]
        ends = source.reader.endpoint, destination.reader.endpoint
        lane = Lane(source=ends[0].id, destination=ends[1].id, asset=ASSET)
        await source.join(ends[1], lane)
        await destination.join(ends[0], lane)
        try:
            yield Pair(source, destination, lane, await source.holder(fresh_key()))
        finally:
            await source.node.close()
            await destination.node.close()


async def funded(node: Node, key: str) -> EvmAccount:
    """An account that can pay for gas."""
    account = EvmAccount(node, key)
    await anvil_call(node, "anvil_setBalance", account.address, hex(FUNDS_WEI))
    return account


async def anvil_call(node: Node, method: str, *parameters: object) -> None:
    answer = await node.web3.provider.make_request(RPCEndpoint(method), list(parameters))
    assert "error" not in answer, answer


async def _gateway(outbox: Outbox) -> tuple[GatewayGovernance, Endpoint]:
    gateway = await GatewayGovernance.deploy(outbox)
    await outbox.confirm()
    return gateway, await gateway.endpoint()


def _recipient() -> Account:
    return Account(bytes(12) + fresh_bytes(20))
