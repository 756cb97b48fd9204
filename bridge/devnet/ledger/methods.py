"""The methods of the JSON-RPC interface, each a few lines over the chain; one table names them all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.devnet.ledger import render
from bridge.devnet.ledger.chain import DevChain
from bridge.devnet.ledger.errors import LedgerError
from bridge.devnet.ledger.params import Json, LogQuery, Params
from bridge.devnet.ledger.records import SealedBlock

FEE_HISTORY_BLOCKS_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Method:
    """A method and how many arguments it takes at the most."""

    run: Callable[[Params], Json]
    arity_max: int


class Methods:
    """What a caller may ask of one chain."""

    def __init__(self, chain: DevChain, version: str) -> None:
        """Serve `chain`; `version` is what web3_clientVersion tells."""
        self._chain = chain
        self.table: Mapping[str, Method] = {
            "eth_chainId": Method(lambda _: render.quantity(chain.settings.chain_id), 0),
            "net_version": Method(lambda _: str(chain.settings.chain_id), 0),
            "net_listening": Method(lambda _: True, 0),
            "net_peerCount": Method(lambda _: "0x0", 0),
            "web3_clientVersion": Method(lambda _: version, 0),
            "eth_syncing": Method(lambda _: False, 0),
            "eth_accounts": Method(lambda _: [], 0),
            "eth_gasPrice": Method(lambda _: "0x0", 0),
            "eth_maxPriorityFeePerGas": Method(lambda _: "0x0", 0),
            "eth_feeHistory": Method(self._fee_history, 3),
            "eth_blockNumber": Method(lambda _: render.quantity(chain.head.block_number), 0),
            "eth_getBlockByNumber": Method(self._block, 2),
            "eth_getBlockByHash": Method(self._block_by_hash, 2),
            "eth_getBlockReceipts": Method(self._block_receipts, 1),
            "eth_getTransactionByHash": Method(self._transaction, 1),
            "eth_getTransactionReceipt": Method(self._receipt, 1),
            "eth_getTransactionCount": Method(self._transaction_count, 2),
            "eth_getBalance": Method(self._balance, 2),
            "eth_getCode": Method(self._code, 2),
            "eth_getStorageAt": Method(self._storage, 3),
            "eth_call": Method(self._call, 4),
            "eth_estimateGas": Method(self._estimate, 4),
            "eth_sendRawTransaction": Method(self._send, 1),
            "eth_getLogs": Method(self._logs, 1),
        }

    def _block(self, params: Params) -> Json:
        params.required(0)
        sealed = self._chain.block(params.block(0))
        return None if sealed is None else render.block(sealed, full=params.flag(1))

    def _block_by_hash(self, params: Params) -> Json:
        sealed = self._chain.block(params.hash(0))
        return None if sealed is None else render.block(sealed, full=params.flag(1))

    def _block_receipts(self, params: Params) -> Json:
        params.required(0)
        sealed = self._chain.block(params.block(0))
        if sealed is None:
            return None
        return [render.receipt(sealed, item, index) for index, item in enumerate(sealed.transactions)]

    def _transaction(self, params: Params) -> Json:
        wanted = params.hash(0)
        place = self._chain.transaction(wanted)
        if place is not None:
            return render.mined_transaction(*place)
        waiting = self._chain.waiting(wanted)
        return None if waiting is None else render.waiting_transaction(waiting)

    def _receipt(self, params: Params) -> Json:
        place = self._chain.transaction(params.hash(0))
        return None if place is None else render.receipt(*place)

    def _transaction_count(self, params: Params) -> Json:
        return render.quantity(self._chain.transaction_count(params.address(0), params.block(1)))

    def _balance(self, params: Params) -> Json:
        return render.quantity(self._chain.state(params.block(1)).get_balance(params.address(0)))

    def _code(self, params: Params) -> Json:
        return render.data(self._chain.state(params.block(1)).get_code(params.address(0)))

    def _storage(self, params: Params) -> Json:
        value = self._chain.state(params.block(2)).get_storage(params.address(0), params.slot(1))
        return render.data(value.to_bytes(32, "big"))

    def _call(self, params: Params) -> Json:
        params.no_overrides(2)
        params.no_overrides(3)
        call = params.call(0, self._chain.settings.gas_limit)
        return render.data(self._chain.call(call, params.block(1)))

    def _estimate(self, params: Params) -> Json:
        params.no_overrides(2)
        params.no_overrides(3)
        call = params.call(0, self._chain.settings.gas_limit)
        return render.quantity(self._chain.estimate(call, params.block(1)))

    def _send(self, params: Params) -> Json:
        return render.data(self._chain.submit(params.data(0)))

    def _logs(self, params: Params) -> Json:
        query = LogQuery(params.required(0))
        if query.block_hash is None:
            found = self._chain.logs(query.filter, query.first, query.last)
        else:
            found = self._chain.logs_of_block(query.filter, query.block_hash)
        return [render.log(entry) for entry in found]

    def _fee_history(self, params: Params) -> Json:
        """Return zero base fees, how full the blocks were, and the tips that were paid."""
        points = params.percentiles(2)
        newest = self._chain.block(params.block(1))
        if newest is None:
            msg = "request beyond head block"
            raise LedgerError(msg)
        count = min(params.quantity(0), FEE_HISTORY_BLOCKS_MAX, newest.number + 1)
        blocks = [self._chain.block(number) for number in range(newest.number - count + 1, newest.number + 1)]
        kept = [sealed for sealed in blocks if sealed is not None]
        shown: dict[str, Json] = {
            "oldestBlock": render.quantity(newest.number - count + 1),
            "baseFeePerGas": ["0x0"] * (count + 1),
            "gasUsedRatio": [sealed.gas_used / self._chain.settings.gas_limit for sealed in kept],
            "baseFeePerBlobGas": ["0x1"] * (count + 1),
            "blobGasUsedRatio": [0.0] * count,
        }
        if points:
            shown["reward"] = [_tips(sealed, points) for sealed in kept]
        return shown


def _tips(sealed: SealedBlock, points: tuple[float, ...]) -> list[Json]:
    """Return the tip at each percentile of the block's gas, from the cheapest transaction on."""
    items = sorted((item.gas_price_effective, item.gas_used) for item in sealed.transactions)
    tips: list[Json] = []
    for point in points:
        threshold, passed, tip = sealed.gas_used * point / 100, 0, 0
        for price, gas_used in items:
            tip = price
            passed += gas_used
            if passed >= threshold:
                break
        tips.append(render.quantity(tip))
    return tips
