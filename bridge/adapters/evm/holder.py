"""What a holder does on the source ledger: look before it locks, allow, lock, sign Orders, cancel (R-02)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from eth_typing import ABI, ChecksumAddress, HexStr
from web3.types import TxParams

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY, PLAIN_TOKEN, topic
from bridge.adapters.evm.events import LOCKED
from bridge.adapters.evm.locking import (
    LOCK_ITEM,
    NONCE_USED,
    Locked,
    LockList,
    LockResult,
    LockSender,
    locked_in,
    moving_of,
)
from bridge.adapters.evm.node import hex_word
from bridge.adapters.evm.reader import EvmReader
from bridge.core.caip import Account, AssetId, EndpointId, evm_address
from bridge.core.keccak import keccak
from bridge.core.orders import U256_MAX, Order, SignedOrder, order_domain_separator
from bridge.core.records import BlockStamp
from bridge.core.transfer import ZERO_WORD, Lane
from bridge.errors import (
    InvalidInputError,
    LedgerRefusedError,
    LockUncertainError,
    UnavailableError,
    UncertainError,
)

NONCE_WORDS: Final = 2**16
NONCE_MAX: Final = 256 * NONCE_WORDS - 1
"""Of those that are looked for from below; who chooses its own may go to 2^256 - 1."""
NONCES_CANCELLED: Final = topic("NoncesCancelled(address,uint256,uint256)")
PERMIT_TYPEHASH: Final = keccak(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
PERMIT_LIFE_S: Final = 3600
_PERMIT_ABI: Final[ABI] = [
    {
        "type": "function",
        "name": "nonces",
        "stateMutability": "view",
        "inputs": [{"name": "owner", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    },
    {
        "type": "function",
        "name": "DOMAIN_SEPARATOR",
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "", "type": "bytes32"}],
    },
]

Permit = tuple[bytes, ChecksumAddress, int, int, int, bytes, bytes]
"""As the gateway's ABI takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTerms:
    """What a holder asks for; the gateway adds source, sequence and sender."""

    destination: EndpointId
    asset: AssetId
    recipient: bytes
    amount: int
    deadline: int
    client_reference: bytes = ZERO_WORD
    payload_hash: bytes = ZERO_WORD


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """Terms under the holder's own number at the gateway, 1 to 2^256 - 1, which locks once only."""

    terms: LockTerms
    nonce: int


class EvmHolder:
    """One holder at one gateway."""

    def __init__(self, account: EvmAccount, reader: EvmReader) -> None:
        """Act for *account* at the gateway that *reader* reads."""
        self._account = account
        self._endpoint = reader.endpoint
        self._address = evm_address(reader.endpoint.gateway)
        self._gateway = account.node.contract(GATEWAY, self._address)
        self._sender = LockSender(account, self._gateway)

    @property
    def account(self) -> Account:
        """The holder in 32 bytes."""
        return self._account.account

    async def latest(self) -> BlockStamp:
        """Give the node's newest block."""
        return await self._account.node.stamp("latest")

    async def balance(self, asset: AssetId) -> int:
        """Tell the holder's balance in smallest units.

        Raises:
            InvalidInputError: the gateway does not know the asset.
        """
        moving = await moving_of(self._account.node, self._gateway, asset, self._account.address)
        token = self._account.node.contract(PLAIN_TOKEN, moving.token)
        return int(await self._account.node.call(token.functions.balanceOf(self._account.address)))

    # --- locks

    async def lock(self, terms: LockTerms, *, nonce: int | None = None) -> Locked:
        """Let the gateway move the amount where it may not yet, then lock under *nonce*, else the lowest unused one.

        Raises:
            LedgerRefusedError: the gateway or the token refuses; nothing is locked (`NonceUsed`: by this call).
            UnavailableError: the node does not answer; nothing was submitted.
            LockUncertainError: it was submitted, and the node does not tell what became of it.
        """
        chosen = await self._fresh_nonce() if nonce is None else await self.unused(nonce)
        request = LockRequest(terms=terms, nonce=chosen)
        permits = await self._let_move([request])
        if not permits:  # a simulation can't see what a permit would allow
            await self._sender.simulate(
                LOCK_ITEM, terms.destination, terms.asset, self._account.address, _request(request), _UNKNOWN
            )
        prepared = await self._prepared([request], permits)
        try:
            (result,) = await self.send(prepared)
        except UncertainError as error:
            raise LockUncertainError(error.reference, chosen, str(error)) from error
        if isinstance(result, LedgerRefusedError):
            raise result
        return result

    async def prepare(self, requests: Sequence[LockRequest]) -> LockList[LockRequest]:
        """Sign a transaction with as many of *requests* as one may hold, by lane; lets the gateway move what they need.

        Raises:
            LedgerRefusedError: the gateway refuses the call as a whole, as when it is paused; nothing is locked.
            UnavailableError: the node does not answer; nothing is locked.
        """
        ordered = sorted(requests, key=_lane)
        return await self._prepared(ordered, await self._let_move(ordered))

    async def send(self, prepared: LockList[LockRequest]) -> list[LockResult]:
        """Submit what was prepared and wait; each request's lock or the refusal, in the list's order.

        Raises:
            LedgerRefusedError: the whole of it reverted; nothing is locked.
            UncertainError: it was submitted, and the node does not tell what became of it.
        """
        return await self._sender.send(prepared.transaction, len(prepared.items))

    async def allow(self, amounts: Mapping[AssetId, int]) -> None:
        """Let the gateway move at least so many smallest units, where the token takes an allowance and no permit."""
        for asset, amount in amounts.items():
            token = await self._short(asset, amount)
            if token is not None and await self._permit(asset, token, amount) is None:
                await self._approve(token, amount)

    async def allow_more(self, asset: AssetId, amount: int) -> None:
        """Let the gateway move *amount* beyond what it may by now: for an Order that somebody else will submit."""
        moving = await moving_of(self._account.node, self._gateway, asset, self._account.address)
        await self._approve(moving.token, min(moving.allowance + amount, U256_MAX))

    async def find(self, lanes: Iterable[Lane], references: Iterable[bytes], since: int) -> dict[bytes, Locked]:
        """Find this holder's locks by client reference, from height *since* on.

        Raises:
            UnavailableError: the node does not answer.
        """
        missing, found = set(references), dict[bytes, Locked]()
        ids = [hex_word(lane.id) for lane in lanes]
        async for log in self._account.node.logs(
            self._address, [LOCKED, None, ids], since, (await self.latest()).height
        ):
            lock = locked_in(log)
            if lock.transfer.sender == self.account and lock.transfer.client_reference in missing:
                found[lock.transfer.client_reference] = lock
                missing.discard(lock.transfer.client_reference)
            if not missing:
                break
        return found

    # --- nonces

    async def unused(self, nonce: int) -> int:
        """Give *nonce*, from 1, back if the gateway would take it from this holder.

        Raises:
            LedgerRefusedError: `NonceUsed`.
        """
        if nonce in await self.used([nonce]):
            raise LedgerRefusedError(NONCE_USED, f"{self._account.address}, {nonce}")
        return nonce

    async def used(self, nonces: Iterable[int]) -> set[int]:
        """Tell which of *nonces* the gateway would not take any more, at the node's newest block."""
        wanted = sorted(nonces)
        words = {index: await self._nonce_word(index) for index in dict.fromkeys(nonce >> 8 for nonce in wanted)}
        return {nonce for nonce in wanted if words[nonce >> 8] >> (nonce & 0xFF) & 1}

    async def ended(self, nonces: Iterable[int], orders: Iterable[Order] = ()) -> set[int]:
        """Tell of which of *nonces* nothing can come any more: used, but not by an Order that may have parts left.

        Whether all of an Order is drawn is known of *orders* only.
        """
        ended, known = await self.used(nonces), {order.nonce: order for order in orders}
        for nonce in sorted(ended):
            functions = self._gateway.functions
            drawn, start, is_cancelled = await self._account.node.call(
                functions.orderDrawn(self._account.address, nonce)
            )
            order, all_drawn = known.get(nonce), False
            if order is not None and order.digest(self._endpoint).startswith(bytes(start)):
                all_drawn = drawn == order.amount
            if any(start) and not is_cancelled and not all_drawn:
                ended.discard(nonce)
        return ended

    async def cancel(self, nonces: Iterable[int]) -> list[bytes]:
        """Use up nonces, one transaction for 256 in a row; ends Orders that have them. Gives the transactions' hashes.

        Raises:
            LedgerRefusedError: the ledger takes it not.
        """
        masks: dict[int, int] = defaultdict(int)
        for nonce in nonces:
            masks[nonce >> 8] |= 1 << (nonce & 0xFF)
        receipts = [await self._account.transact(self._gateway, "cancelNonces", *item) for item in masks.items()]
        return [bytes(receipt["transactionHash"]) for receipt in receipts]

    async def cancelled(self, nonces: Iterable[int], since: int) -> set[int]:
        """Tell which of *nonces* this holder has cancelled, from height *since* on."""
        wanted, found = set(nonces), set[int]()
        topics = [NONCES_CANCELLED, hex_word(self.account)]
        async for log in self._account.node.logs(self._address, topics, since, (await self.latest()).height):
            data = bytes(log["data"])
            index, mask = int.from_bytes(data[:32]), int.from_bytes(data[32:])
            found |= {nonce for nonce in wanted if nonce >> 8 == index and mask >> (nonce & 0xFF) & 1}
        return found

    # --- orders

    def sign(self, order: Order) -> SignedOrder:
        """Sign *order*, which must be this holder's and for this gateway.

        Raises:
            InvalidInputError: it isn't.
        """
        if order.holder != self.account:
            msg = f"the order is of {evm_address(order.holder)}, but the key is of {self._account.address}"
            raise InvalidInputError(msg)
        order.digest(self._endpoint)
        return SignedOrder(
            order=order, signature=self._account.sign(order_domain_separator(self._endpoint), order.struct_hash)
        )

    # --- how the gateway may move units

    async def _let_move(self, requests: Sequence[LockRequest]) -> list[Permit]:
        """Allow exactly the sum where the allowance is short: by a permit if that works, else by an approval."""
        sums: Counter[AssetId] = Counter()
        for request in requests:
            sums[request.terms.asset] += request.terms.amount
        permits: list[Permit] = []
        for asset, amount in sums.items():
            token = await self._short(asset, amount)
            if token is None:
                continue
            permit = await self._permit(asset, token, amount)
            if permit is not None and await self._works(permit, [r for r in requests if r.terms.asset == asset][:1]):
                permits.append(permit)
            else:
                await self._approve(token, amount)
        return permits

    async def _short(self, asset: AssetId, amount: int) -> ChecksumAddress | None:
        """Give the token if the gateway may not move *amount* of it yet."""
        moving = await moving_of(self._account.node, self._gateway, asset, self._account.address)
        return None if moving.allowance >= amount else moving.token

    async def _approve(self, token: ChecksumAddress, amount: int) -> None:
        contract = self._account.node.contract(PLAIN_TOKEN, token)
        await self._account.transact(contract, "approve", self._address, amount)

    async def _permit(self, asset: AssetId, token: ChecksumAddress, amount: int) -> Permit | None:
        """Sign an ERC-2612 permit; None if the token shows no sign of taking one."""
        functions = self._account.node.web3.eth.contract(address=token, abi=_PERMIT_ABI).functions
        try:
            nonce = int(await self._account.node.call(functions.nonces(self._account.address)))
            domain = bytes(await self._account.node.call(functions.DOMAIN_SEPARATOR()))
        except (LedgerRefusedError, UnavailableError):  # a token without these reverts, or answers nothing
            return None
        deadline = (await self.latest()).time + PERMIT_LIFE_S
        words = (self.account, self._endpoint.gateway, *(n.to_bytes(32) for n in (amount, nonce, deadline)))
        signature = self._account.sign(domain, keccak(PERMIT_TYPEHASH + b"".join(words)))
        r, s, v = signature[:32], signature[32:64], signature[64]
        return (asset, self._account.address, amount, deadline, v, r, s)

    async def _works(self, permit: Permit, requests: Sequence[LockRequest]) -> bool:
        """Look whether a lock under *permit* would get in; a permit of another kind is ignored by the gateway."""
        data = HexStr(self._gateway.encode_abi("lockWithPermits", [lock_batches(requests), [permit]]))
        call: TxParams = {"from": self._account.address, "to": self._gateway.address, "data": data}
        try:
            answer = await self._account.node.ask(lambda: self._account.node.web3.eth.call(call))
        except LedgerRefusedError:
            return False
        return any(bytes(answer)[2 * 32 :])

    async def _prepared(self, requests: Sequence[LockRequest], permits: Sequence[Permit]) -> LockList[LockRequest]:
        def encode(chosen: Sequence[LockRequest]) -> HexStr:
            if permits:
                return HexStr(self._gateway.encode_abi("lockWithPermits", [lock_batches(chosen), list(permits)]))
            return HexStr(self._gateway.encode_abi("lock", [lock_batches(chosen)]))

        return await self._sender.prepare(requests, encode)

    async def _fresh_nonce(self) -> int:
        """Find the lowest unused nonce; 0 means none and is never given."""
        for index in range(NONCE_WORDS):
            word = await self._nonce_word(index)
            free = next((bit for bit in range(256) if not word >> bit & 1 and (index or bit)), None)
            if free is not None:
                return index * 256 + free
        msg = "this account has used up its nonces at the gateway: lock from another account"
        raise InvalidInputError(msg)

    async def _nonce_word(self, index: int) -> int:
        return int(await self._account.node.call(self._gateway.functions.nonceWord(self._account.address, index)))


_UNKNOWN: Final = 2**256 - 1
"""The gateway measures for itself (TokenLib.UNKNOWN)."""


def _lane(request: LockRequest) -> tuple[bytes, bytes]:
    return (request.terms.destination, request.terms.asset)


def lock_batches(requests: Sequence[LockRequest]) -> list[tuple[bytes, bytes, list[tuple[object, ...]]]]:
    """Lay requests out as the gateway's ABI takes them, in their order: each run of one lane's is a batch."""
    return [(*lane, [_request(request) for request in run]) for lane, run in groupby(requests, key=_lane)]


def _request(request: LockRequest) -> tuple[object, ...]:
    terms = request.terms
    return (
        terms.recipient,
        terms.amount,
        terms.deadline,
        terms.client_reference,
        terms.payload_hash,
        request.nonce,
    )
