"""Lists of locks and signed Orders on an embedded EVM ledger: what a holder, and a venue, can and can't do (R-02)."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from eth_typing import HexStr
from web3.contract import AsyncContract

from bridge.adapters.evm import locking
from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import ERC20_HANDLER, GATEWAY, PLAIN_TOKEN
from bridge.adapters.evm.deploy import GatewayGovernance
from bridge.adapters.evm.holder import EvmHolder, LockRequest, LockTerms
from bridge.adapters.evm.locking import Locked, LockList, LockResult
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.venue import EvmOrders, EvmVenue
from bridge.config import AssetConfig, LedgerConfig, TokenConfig
from bridge.core.caip import asset_id, evm_address
from bridge.core.orders import Order, SignedOrder
from bridge.core.transfer import Transfer
from bridge.errors import BridgeError, LedgerRefusedError, UncertainError
from bridge.ops.bulk import Bulk
from bridge.ops.moves import Row
from bridge.ops.results import Journal
from bridge.ops.send import Move
from tests.conformance.bench import ISSUED, LATER_S, End
from tests.conformance.evm import ALICE, LIMITS, RELAYER, EvmBench, EvmPair, key
from tests.tidy import sources

pytestmark = pytest.mark.processes
ASSETS = itertools.count(10**6)
NONCES = itertools.count(10**9, 256)
FAR = 10**7
"""Seconds: this ledger's time runs ten times as fast."""


@dataclass(kw_only=True)
class Market:
    """A lane with alice as holder and the relayer's account as venue."""

    asset: str
    bench: EvmBench
    holder: EvmHolder
    venue: EvmVenue
    orders: EvmOrders
    node: Node

    async def request(self, amount: int, nonce: int | None = None, **changes: Any) -> LockRequest:  # noqa: ANN401 - fields of any type
        lane = self.bench.lane
        terms = LockTerms(
            destination=lane.destination,
            asset=lane.asset,
            recipient=self.bench.bob,
            amount=amount,
            deadline=(await self.holder.latest()).time + LATER_S,
            client_reference=bytes(31) + bytes([amount % 256]),
        )
        return LockRequest(terms=replace(terms, **changes), nonce=next(NONCES) if nonce is None else nonce)

    async def lock(self, requests: Sequence[LockRequest]) -> list[LockResult]:
        prepared = await self.holder.prepare(requests)
        assert len(prepared.items) == len(requests)
        return await self.holder.send(prepared)

    async def order(self, amount: int, **changes: Any) -> SignedOrder:  # noqa: ANN401 - fields of any type
        lane, now = self.bench.lane, (await self.holder.latest()).time
        terms: dict[str, Any] = {
            "source": lane.source,
            "destination": lane.destination,
            "asset": lane.asset,
            "holder": self.bench.alice,
            "recipient": self.bench.bob,
            "amount": amount,
            "deadline": 0 if changes.get("life") else now + LATER_S,
            "nonce": next(NONCES),
            "expiry": now + FAR,
        }
        return self.holder.sign(Order(**terms | changes))

    @property
    def named(self) -> dict[str, Any]:
        return {"submitter": EvmAccount(self.node, key(RELAYER)).account}

    async def transfers(self) -> list[Transfer]:
        head = await self.bench.source.head()
        return [lock.transfer for lock in await self.bench.source.locks(self.bench.lane, 1, 200, head)]


@pytest.fixture
def run(evm_pair: EvmPair) -> Callable[[Callable[[Market], Awaitable[None]]], None]:
    @asynccontextmanager
    async def market() -> AsyncIterator[Market]:
        asset = f"isin:KR{next(ASSETS):09}0"
        async with evm_pair.bench(asset_id(asset)) as bench:
            assert isinstance(bench, EvmBench)
            site = bench.sites[End.SOURCE]
            holder = EvmHolder(EvmAccount(site.node, key(ALICE)), site.reader)
            await holder.allow({bench.lane.asset: ISSUED})
            venue = EvmVenue(EvmAccount(site.node, key(RELAYER)), site.reader)
            orders = EvmOrders(site.node, site.endpoint)
            yield Market(asset=asset, bench=bench, holder=holder, venue=venue, orders=orders, node=site.node)

    def runner(script: Callable[[Market], Awaitable[None]]) -> None:
        async def inside() -> None:
            async with market() as opened:
                await script(opened)

        asyncio.run(inside())

    return runner


Run = Callable[[Callable[[Market], Awaitable[None]]], None]


def refusal(result: Locked | BridgeError) -> str:
    return result.name if isinstance(result, LedgerRefusedError) else f"not refused: {result}"


# --- lists


def test_a_list_is_one_transaction_and_what_fails_is_left_out_with_its_reason_r_02(run: Run) -> None:
    async def script(market: Market) -> None:
        used = await market.request(1)
        await market.lock([used])
        results = await market.lock(
            [
                await market.request(10),
                await market.request(11, used.nonce),
                await market.request(12, deadline=1),
                await market.request(13),
                await market.request(ISSUED),
                await market.request(14, recipient=bytes(32)),
                await market.request(15),
            ]
        )
        locked = [result for result in results if isinstance(result, Locked)]
        assert [lock.transfer.amount for lock in locked] == [10, 13, 15]
        assert [refusal(results[place]) for place in (1, 2, 5)] == [
            "NonceUsed",
            "DeadlineOutOfRange",
            "RecipientMalformed",
        ]
        assert "ERC20InsufficientBalance" in str(results[4])
        assert len({lock.reference for lock in locked}) == 1
        assert await market.transfers() == [*(await market.transfers())[:1], *(lock.transfer for lock in locked)]

    run(script)


def test_a_list_that_one_transaction_can_t_hold_is_cut(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(market: Market) -> None:
        requests = [await market.request(n + 1) for n in range(8)]
        monkeypatch.setattr(locking, "GAS_MAX", 1_400_000)
        prepared = await market.holder.prepare(requests)
        assert 0 < len(prepared.items) < len(requests)
        assert len([r for r in await market.holder.send(prepared) if isinstance(r, Locked)]) == len(prepared.items)
        monkeypatch.setattr(locking, "LIST_MAX", 3)
        assert len((await market.holder.prepare(requests[4:])).items) == 3

    run(script)


def test_the_gateway_is_allowed_what_is_missing_and_no_more(run: Run) -> None:
    async def script(market: Market) -> None:
        token = market.node.contract(PLAIN_TOKEN, market.bench.sites[End.SOURCE].token)
        account = EvmAccount(market.node, key(ALICE))
        gateway = evm_address(market.bench.source.endpoint.gateway)
        await account.transact(token, "approve", gateway, 0)
        await market.lock([await market.request(3), await market.request(4)])

        async def allowed() -> int:
            return int(await market.node.call(token.functions.allowance(account.address, gateway)))

        assert await allowed() == 0
        await market.holder.allow_more(market.bench.lane.asset, 5)
        await market.holder.allow_more(market.bench.lane.asset, 6)
        assert await allowed() == 11

    run(script)


def test_locks_are_found_by_their_references_and_nonces_by_their_cancelling(run: Run) -> None:
    async def script(market: Market) -> None:
        lane, since = market.bench.lane, (await market.holder.latest()).height
        one, two, three = [await market.request(n) for n in (1, 2, 3)]
        await market.lock([one, two])
        references = [r.terms.client_reference for r in (one, two, three)]
        found = await market.holder.find([lane], references, since)
        assert {lock.transfer.amount for lock in found.values()} == {1, 2}
        assert await market.holder.find([lane], references, (await market.holder.latest()).height + 1) == {}
        await market.holder.cancel([three.nonce, three.nonce + 1, three.nonce + 300])
        nonces = [one.nonce, three.nonce, three.nonce + 1, three.nonce + 2, three.nonce + 300]
        assert await market.holder.used(nonces) == {one.nonce, three.nonce, three.nonce + 1, three.nonce + 300}
        assert await market.holder.cancelled(nonces, since) == {three.nonce, three.nonce + 1, three.nonce + 300}
        assert refusal((await market.lock([three]))[0]) == "NonceUsed"

    run(script)


# --- orders


def test_an_order_has_the_digest_that_the_gateway_computes(run: Run) -> None:
    async def script(market: Market) -> None:
        gateway = market.node.contract(GATEWAY, evm_address(market.bench.source.endpoint.gateway))
        for changes in ({}, {**market.named, "divisible": True, "life": 600, "payload_hash": b"\7" * 32}):
            order = (await market.order(5, **changes)).order
            terms = (
                *(order.destination, order.asset, evm_address(order.holder), order.recipient, order.amount),
                *(order.divisible, order.deadline, order.life, order.client_reference, order.payload_hash),
                *(order.nonce, order.expiry, evm_address(order.submitter)),
            )
            digest = await market.node.call(gateway.functions.orderHash(terms))
            assert digest == order.digest(market.bench.source.endpoint)

    run(script)


def test_a_venue_locks_what_holders_signed_and_is_told_why_it_can_t_r_02(run: Run) -> None:
    async def script(market: Market) -> None:
        fine, named = await market.order(20), await market.order(21, **market.named)
        life = await market.order(22, life=600, **market.named)
        forged = SignedOrder(order=replace((await market.order(23)).order, amount=24), signature=fine.signature)
        cancelled = await market.order(25)
        await market.holder.cancel([cancelled.order.nonce])
        orders = [
            fine,
            await market.order(26, expiry=1),
            named,
            await market.order(27, submitter=market.bench.carol),
            forged,
            cancelled,
            life,
            await market.order(28, deadline=2),
        ]
        results = await market.venue.lock_orders(orders)
        expected = {1: "OrderExpired", 3: "NotSubmitter", 4: "OrderSignatureInvalid", 5: "NonceUsed"}
        assert {place: refusal(results[place]) for place in expected} == expected
        assert refusal(results[7]) == "DeadlineOutOfRange"
        locked = [result for result in results if isinstance(result, Locked)]
        assert [(lock.transfer.amount, lock.transfer.sender) for lock in locked] == [
            (amount, market.bench.alice) for amount in (20, 21, 22)
        ]
        block = await market.node.stamp(locked[2].height)
        assert locked[2].transfer.deadline == block.time + 600
        assert [refusal(result) for result in await market.venue.lock_orders([fine, named, life])] == ["NonceUsed"] * 3
        assert len(await market.transfers()) == 3

    run(script)


def test_a_divisible_order_is_drawn_in_parts_and_each_draw_happens_once_r_02(run: Run) -> None:
    async def script(market: Market) -> None:
        signed = await market.order(100, divisible=True, **market.named)

        async def draw(amount: int, drawn: int, of: SignedOrder = signed) -> Locked | BridgeError:
            (result,) = await market.venue.lock_orders([replace(of, amount=amount, drawn=drawn)])
            return result

        assert isinstance(await draw(30, 0), Locked)
        assert refusal(await draw(30, 0)) == "OrderDrawnOtherwise"
        other = market.holder.sign(replace(signed.order, amount=99))
        assert refusal(await draw(10, 0, other)) == "NonceUsed"
        state = await market.orders.state(signed.order)
        assert (state.drawn, state.nonce_used, state.is_other) == (30, False, False)
        assert (await market.orders.state(other.order)).is_other
        assert await market.holder.ended([signed.order.nonce], [signed.order]) == set()
        assert isinstance(await draw(70, 30), Locked)
        nonce, twin = signed.order.nonce, replace(signed.order, recipient=market.bench.carol)
        assert await market.holder.ended([nonce], [signed.order]) == {nonce}
        assert await market.holder.ended([nonce], [twin]) == await market.holder.ended([nonce]) == set()
        assert (await market.orders.state(signed.order)).nonce_used
        assert refusal(await draw(1, 99)) == "NonceUsed"
        assert [transfer.amount for transfer in await market.transfers()] == [30, 70]

    run(script)


def test_what_is_left_of_a_divisible_order_ends_with_its_cancelling(run: Run) -> None:
    async def script(market: Market) -> None:
        signed = await market.order(100, divisible=True, **market.named)
        assert isinstance((await market.venue.lock_orders([replace(signed, amount=1)]))[0], Locked)
        assert await market.holder.ended([signed.order.nonce]) == set()
        await market.holder.cancel([signed.order.nonce])
        assert await market.holder.ended([signed.order.nonce]) == {signed.order.nonce}
        (result,) = await market.venue.lock_orders([replace(signed, amount=1, drawn=1)])
        assert refusal(result) == "NonceUsed"

    run(script)


def test_a_signature_is_told_from_a_forged_one(run: Run) -> None:
    async def script(market: Market) -> None:
        signed = await market.order(5)
        assert await market.orders.is_signed(signed)
        r, s, v = signed.signature[:32], int.from_bytes(signed.signature[32:64]), signed.signature[64]
        order_n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
        twin = r + (order_n - s).to_bytes(32) + bytes([55 - v])
        for signature in (twin, b"", signed.signature[:64], signed.signature[:64] + b"\1", b"\xff" * 65, bytes(65)):
            assert not await market.orders.is_signed(replace(signed, signature=signature))
            (result,) = await market.venue.lock_orders([replace(signed, signature=signature)])
            assert refusal(result) == "OrderSignatureInvalid"
        contract = replace(signed.order, holder=market.bench.source.endpoint.gateway)
        assert not await market.orders.is_signed(SignedOrder(order=contract, signature=signed.signature))

    run(script)


def test_orders_that_one_transaction_can_t_hold_go_in_several(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(market: Market) -> None:
        monkeypatch.setattr(locking, "LIST_MAX", 2)
        results = await market.venue.lock_orders([await market.order(n + 1) for n in range(3)])
        locked = [result for result in results if isinstance(result, Locked)]
        assert [lock.transfer.amount for lock in locked] == [1, 2, 3]
        assert len({lock.reference for lock in locked}) == 2

    run(script)


# --- bulk


class DyingHolder(EvmHolder):
    """Its process ends before, or right after, a list is submitted; or it hears no answer."""

    dies = ""

    async def send(self, prepared: LockList[LockRequest]) -> list[LockResult]:
        how, self.dies = self.dies, ""
        if how == "before":
            raise KeyboardInterrupt
        if how == "after":
            await self._account.submit(prepared.transaction)
            raise KeyboardInterrupt
        results = await super().send(prepared)
        if how == "confirmed":
            raise KeyboardInterrupt
        if how == "silence":
            raise UncertainError(prepared.transaction.reference, "silence")
        return results


@pytest.mark.parametrize("dies", ["before", "after", "confirmed", "silence"])
def test_a_bulk_that_died_is_finished_by_the_next_run_and_locks_nothing_twice_r_02(
    run: Run, dies: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "LIST_MAX", 3)

    async def script(market: Market) -> None:
        site = market.bench.sites[End.SOURCE]
        holder = DyingHolder(EvmAccount(site.node, key(ALICE)), site.reader)
        rows = [Row(line=n + 2, reference=f"TRADE-{n}", move=_move(market, n + 1)) for n in range(5)]

        async def once() -> Bulk:
            journal, salts = Journal(tmp_path / "moves.result.csv", holder.account), itertools.count(next(NONCES))
            bulk = Bulk(rows, holder, journal, lambda length: next(salts).to_bytes(length))
            await bulk.open()
            await bulk.run(bulk.rows_open(), lambda *_: None)
            return bulk

        holder.dies = dies
        with pytest.raises((KeyboardInterrupt, UncertainError)):
            await once()
        first, bulk = await once(), await once()
        assert first.results == bulk.results
        assert {result.state.value for result in bulk.results} == {"locked"}
        transfers = {"0x" + transfer.id.hex(): transfer for transfer in await market.transfers()}
        assert [transfers[result.transfer_id].amount for result in bulk.results] == [1, 2, 3, 4, 5]
        assert len(transfers) == 5
        assert [transfers[r.transfer_id].client_reference for r in bulk.results] == [
            result.client_reference for result in bulk.results
        ]

    run(script)


def _move(market: Market, amount: int) -> Move:
    ends = {end: _ledger(market, end) for end in End}
    token = TokenConfig(ledger="source", token=market.bench.sites[End.SOURCE].token)
    asset = AssetConfig(name="test", asset=market.asset, decimals=0, tokens=(token,))
    return Move(
        source=ends[End.SOURCE],
        destination=ends[End.DESTINATION],
        asset=asset,
        recipient=market.bench.bob,
        amount=amount,
        deadline_in_s=LATER_S,
    )


def _ledger(market: Market, end: End) -> LedgerConfig:
    endpoint = market.bench.sites[end].endpoint
    return LedgerConfig(
        name=end.value,
        ledger=endpoint.ledger,
        fingerprint="0x" + endpoint.fingerprint.hex(),
        gateway=evm_address(endpoint.gateway),
        nodes=("http://127.0.0.1:1",),
    )


# --- permits


@asynccontextmanager
async def _with_token(market: Market, name: str) -> AsyncIterator[tuple[str, LockRequest]]:
    """Put a token of the contracts' own tests on the source, for an asset of its own, and give alice 100 units."""
    built = sources.ROOT / "contracts" / "evm" / "out" / "PermitTokens.sol" / f"{name}.json"
    if not built.exists():
        pytest.skip(f"{built.name} was not built: run `make contracts`")
    site = market.bench.sites[End.SOURCE]
    code, account = json.loads(built.read_text()), site.outbox.account
    receipt = await account.send({"data": HexStr(code["bytecode"]["object"])})
    token = cast("AsyncContract", market.node.web3.eth.contract(address=receipt["contractAddress"], abi=code["abi"]))
    await account.transact(token, "mint", evm_address(market.bench.alice), 100)
    gateway = GatewayGovernance(site.outbox, evm_address(site.endpoint.gateway))
    lane = replace(market.bench.lane, asset=asset_id(f"isin:KR{next(ASSETS):09}0"))
    await gateway.add_asset(lane.asset, token.address, await site.outbox.deploy(ERC20_HANDLER), 0)
    await gateway.open_lane(lane, LIMITS)
    await site.outbox.confirm()
    yield token.address, await market.request(5, asset=lane.asset)


async def _sent(market: Market) -> int:
    address = market.node.web3.to_checksum_address(evm_address(market.bench.alice))
    return await market.node.web3.eth.get_transaction_count(address)


def test_a_permit_stands_in_for_an_approval_where_the_token_takes_one_r_02(run: Run) -> None:
    async def script(market: Market) -> None:
        async with _with_token(market, "PermitToken") as (token, request):
            await market.holder.allow({request.terms.asset: 30})
            before = await _sent(market)
            results = await market.lock([request, await market.request(6, asset=request.terms.asset)])
            assert isinstance(await market.holder.lock(request.terms), Locked)
            assert [isinstance(result, Locked) for result in results] == [True, True]
            assert await _sent(market) - before == 2, "two transactions, none of them an approval"
            functions = market.node.contract(PLAIN_TOKEN, token).functions
            assert await market.node.call(functions.balanceOf(evm_address(market.bench.alice))) == 84

    run(script)


def test_a_token_that_only_seems_to_take_permits_is_approved(run: Run) -> None:
    """It accepts whatever it is asked, and answers nothing: Multichain's loss of January 2022."""

    async def script(market: Market) -> None:
        async with _with_token(market, "TokenWithFallback") as (_, request):
            before = await _sent(market)
            assert isinstance((await market.lock([request]))[0], Locked)
            assert await _sent(market) - before == 2

    run(script)
