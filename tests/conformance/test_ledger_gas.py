"""How the EVM writer lays a list out, and how much of it is tried in one transaction (R-20, R-21)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3.providers.async_base import AsyncBaseProvider
from web3.types import RPCEndpoint, RPCResponse, TxParams

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.adapters.evm.writer import GAS_FIXED, GAS_MAX, GAS_PER_ITEM, EvmWriter, batches, fitting
from bridge.core.caip import AssetId, EndpointId
from bridge.core.records import Outcome
from bridge.core.statements import Kind
from bridge.core.transfer import ZERO_WORD, Transfer
from bridge.ports.ledger import PreparedTransaction, Submission
from relayer.engine import BATCH_LEN_MAX
from tests.committee import finish, settle
from tests.conformance.evm import RELAYER, key
from tests.scenarios.world import World

ALLOWANCE = 200_000
ITEM = GAS_PER_ITEM + ALLOWANCE * 64 // 63
GATEWAY_ADDRESS = "0x" + "11" * 20


class Limited(AsyncBaseProvider):
    """A node that only has a gas limit: answers with a block's gas limit, and to every call that it would do."""

    def __init__(self, gas_limit: int) -> None:
        super().__init__()
        self.gas_limit = gas_limit

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:  # noqa: ANN401 - web3's own signature
        del params
        block = {"gasLimit": hex(self.gas_limit)}
        answers: dict[str, Any] = {"eth_chainId": "0x1", "eth_getBlockByNumber": block, "eth_call": "0x"}
        return {"jsonrpc": "2.0", "id": 1, "result": answers[method]}


class Unsent(EvmAccount):
    """Keeps what it should sign."""

    kept: TxParams

    async def prepare(self, transaction: TxParams, *, gas: int | None = None) -> PreparedTransaction:
        assert gas == transaction["gas"]
        self.kept = transaction
        return PreparedTransaction(account=self.account, nonce=0, reference=b"", raw=b"")


class Generous(EvmReader):
    """Gives every token the same gas."""

    async def gas_allowance(self, asset: AssetId) -> int:
        del asset
        return ALLOWANCE


def prepared(call: Submission, world: World, gas_limit: int) -> tuple[int, list[tuple[Any, ...]]]:
    """Give the gas and the items of what the writer would send."""

    async def whole() -> tuple[int, list[tuple[Any, ...]]]:
        node = Node("http://127.0.0.1:1")
        node.web3.provider = Limited(gas_limit)  # type: ignore[assignment]
        account = Unsent(node, key(RELAYER))
        finishes = call.attestation.statement.kind is Kind.OUTCOME
        endpoint = (world.alpha if finishes else world.beta).endpoint
        await EvmWriter(account, Generous(node, endpoint)).prepare(call)
        gateway = node.contract(GATEWAY, GATEWAY_ADDRESS)
        _, arguments = gateway.decode_function_input(account.kept["data"])
        (batch,) = arguments["batches"]
        other = world.lane.destination if finishes else world.lane.source
        assert (batch["peer"], batch["asset"]) == (other, world.lane.asset)
        return int(account.kept["gas"]), [tuple(item.values()) for item in batch["items"]]

    return asyncio.run(whole())


def sent(kind: str, transfers: list[Transfer]) -> Submission:
    return settle(transfers) if kind == "settle" else finish(transfers, Outcome.MINTED)


@pytest.mark.parametrize("kind", ["settle", "finish"])
@pytest.mark.parametrize(
    ("gas_limit", "tried"), [(30_000_000, 39), (2**53, 39), (GAS_FIXED + 5 * ITEM, 5), (GAS_FIXED + 1, 1), (0, 1)]
)
def test_of_a_list_only_what_fits_one_transaction_is_tried(kind: str, gas_limit: int, tried: int) -> None:
    """R-20, R-21: 40 items would need more than a transaction may have; the rest counts for the digest only."""
    world = World()
    transfers = [world.lock(amount) for amount in range(1, BATCH_LEN_MAX + 1)]
    call = sent(kind, transfers)
    gas, items = prepared(call, world, gas_limit)

    assert gas == GAS_FIXED + tried * ITEM
    assert [item[0] for item in items] == [*range(1, tried + 1), *[0] * (BATCH_LEN_MAX - tried)]
    ids = [item.transfer_id for item in call.attestation.statement.items]
    assert [item[1] for item in items[tried:]] == ids[tried:]


@given(st.lists(st.integers(1, GAS_MAX), min_size=1, max_size=60), st.integers(0, 2 * GAS_MAX))
def test_what_fits_is_as_much_as_possible_and_never_nothing(costs: list[int], gas_max: int) -> None:
    count = fitting(costs, gas_max)
    assert 1 <= count <= len(costs)
    assert count == 1 or GAS_FIXED + sum(costs[:count]) <= gas_max
    assert count == len(costs) or GAS_FIXED + sum(costs[: count + 1]) > gas_max


def test_the_runs_of_a_lane_are_batches_in_the_order_of_the_list() -> None:
    """R-20: what is not tried, or not this gateway's, goes bare in the batch that it comes upon."""
    world = World()
    first, second, third, fourth = [world.lock(amount) for amount in range(1, 5)]
    other = replace(third, asset=AssetId(b"\x07" * 32))
    elsewhere = replace(fourth, destination=EndpointId(b"\x05" * 32))
    call = replace(settle([first, second, other, third, elsewhere]), tried=(second, other, third, elsewhere))
    lists = batches(call, world.lane.destination)

    source, asset = world.lane.source, world.lane.asset
    assert [batch[:2] for batch in lists] == [(ZERO_WORD,) * 2, (source, asset), (source, other.asset), (source, asset)]
    told = [[(item[0], item[1]) for item in batch[2]] for batch in lists]
    assert told == [
        [(0, first.id)],
        [(second.sequence, second.sender)],
        [(other.sequence, other.sender)],
        [(third.sequence, third.sender), (0, elsewhere.id)],
    ]
