"""Orders at one gateway: what became of them, whether their signature holds, and locks by who submits them (R-02)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode as abi_encode
from eth_account import Account as EthAccount
from eth_account.messages import SignableMessage
from eth_typing import HexStr
from eth_utils.address import to_checksum_address
from web3.types import TxParams

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY, topic
from bridge.adapters.evm.locking import LOCK_ORDER, Locked, LockSender, moving_of
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.core.caip import Endpoint, evm_address
from bridge.core.orders import Order, SignedOrder, order_domain_separator
from bridge.errors import BridgeError, LedgerRefusedError, UnavailableError, UncertainError

SIGNATURE_LEN: Final = 65
S_MAX: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half of secp256k1's order: a gateway takes the lower of the two s that fit."""
IS_VALID_SIGNATURE: Final = topic("isValidSignature(bytes32,bytes)")[:4]
"""ERC-1271; its own answer, too."""
DRAW_LEN: Final = 16
"""Bytes of an Order's digest that stand beside what was drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """What a gateway knows of an Order at its newest block; `drawn` in smallest units."""

    nonce_used: bool
    """Locked whole, drawn to the end, or cancelled by the holder: nothing more can be locked."""
    drawn: int
    is_other: bool
    """Another Order with this nonce has been drawn on: this one is refused."""
    time: int
    """The block's, in unix seconds."""
    allowance: int
    """What the gateway may still move of the holder's units."""


class EvmOrders:
    """Looks at Orders; needs no key."""

    def __init__(self, node: Node, gateway: Endpoint) -> None:
        """Look at *gateway* through *node*."""
        self._node = node
        self._endpoint = gateway
        self._gateway = node.contract(GATEWAY, evm_address(gateway.gateway))

    async def state(self, order: Order) -> OrderState:
        """Read what became of *order*.

        Raises:
            UnavailableError: the node does not answer.
            InvalidInputError: the gateway does not know the asset.
        """
        holder, functions = evm_address(order.holder), self._gateway.functions
        word = await self._node.call(functions.nonceWord(holder, order.nonce >> 8))
        drawn, start, is_cancelled = await self._node.call(functions.orderDrawn(holder, order.nonce))
        is_used = bool(word >> (order.nonce & 0xFF) & 1)
        is_other = any(start) and bytes(start) != order.digest(self._endpoint)[:DRAW_LEN]
        if any(start) and not is_other:  # the first draw uses up the nonce
            is_used = is_cancelled or drawn == order.amount
        moving = await moving_of(self._node, self._gateway, order.asset, to_checksum_address(holder))
        return OrderState(
            nonce_used=is_used,
            drawn=0 if is_other else int(drawn),
            is_other=is_other,
            time=(await self._node.stamp("latest")).time,
            allowance=moving.allowance,
        )

    async def is_signed(self, signed: SignedOrder) -> bool:
        """Tell whether the holder's key signed this, or the holder is a contract that says it did (ERC-1271)."""
        if recovered(signed, self._endpoint) == evm_address(signed.order.holder):
            return True
        holder = evm_address(signed.order.holder)
        if not await self._node.has_code(holder):
            return False
        digest = signed.order.digest(self._endpoint)
        data = HexStr("0x" + (IS_VALID_SIGNATURE + abi_encode(("bytes32", "bytes"), (digest, signed.signature))).hex())
        call: TxParams = {"to": to_checksum_address(holder), "data": data}
        try:
            answer = await self._node.ask(lambda: self._node.web3.eth.call(call))
        except LedgerRefusedError:
            return False
        return bytes(answer)[:32] == IS_VALID_SIGNATURE + bytes(28)


class EvmVenue:
    """One account that submits what holders signed."""

    def __init__(self, account: EvmAccount, reader: EvmReader) -> None:
        """Submit from *account* to the gateway that *reader* reads."""
        self._account = account
        self._gateway = account.node.contract(GATEWAY, evm_address(reader.endpoint.gateway))
        self._sender = LockSender(account, self._gateway)

    async def lock_orders(self, orders: Sequence[SignedOrder]) -> list[Locked | BridgeError]:
        """Lock what can be locked, in as few transactions as hold it; each Order's lock, or why there is none.

        An UncertainError: its transaction was submitted and its end is unknown; sent again, an Order or a draw locks
        once only. An UnavailableError: it was not sent.
        """
        results: list[Locked | BridgeError] = [await self._objection(order) or _NOT_SENT for order in orders]
        waiting = [place for place, result in enumerate(results) if result is _NOT_SENT]
        while waiting:
            done = await self._lock_some([orders[place] for place in waiting])
            for place, result in zip(waiting, done, strict=False):
                results[place] = result
            if any(isinstance(result, UncertainError | UnavailableError) for result in done):
                break
            waiting = waiting[len(done) :]
        return results

    async def _lock_some(self, orders: Sequence[SignedOrder]) -> Sequence[Locked | BridgeError]:
        """Send the first transaction of what is left; results of the orders in it."""
        try:
            prepared = await self._sender.prepare(orders, self.encode)
        except (LedgerRefusedError, UnavailableError) as error:
            return [error] * len(orders)
        try:
            return await self._sender.send(prepared.transaction, len(prepared.items))
        except (LedgerRefusedError, UncertainError) as error:
            return [error] * len(prepared.items)

    def encode(self, orders: Sequence[SignedOrder]) -> HexStr:
        """Encode the call that locks all of *orders*."""
        return HexStr(self._gateway.encode_abi("lockOrders", [[_signed(order) for order in orders], []]))

    async def _objection(self, order: SignedOrder) -> BridgeError | None:
        try:
            await self._sender.simulate(LOCK_ORDER, _signed(order), self._account.address)
        except (LedgerRefusedError, UnavailableError) as error:
            return error
        return None


def recovered(signed: SignedOrder, gateway: Endpoint) -> str:
    """Tell whose key made the signature, as the gateway would; empty if it is of no key's form."""
    signature = signed.signature
    if len(signature) != SIGNATURE_LEN or int.from_bytes(signature[32:64]) > S_MAX or signature[64] not in {27, 28}:
        return ""
    domain = order_domain_separator(gateway)
    message = SignableMessage(version=b"\x01", header=domain, body=signed.order.struct_hash)
    try:
        return str(EthAccount.recover_message(message, signature=signature))
    except (ValueError, TypeError):
        return ""


_NOT_SENT: Final = UnavailableError("was not sent, because what came before it failed: try again")


def _signed(signed: SignedOrder) -> tuple[Any, ...]:
    """Lay a signed Order out as the gateway's ABI takes it."""
    order = signed.order
    terms = (
        order.destination,
        order.asset,
        evm_address(order.holder),
        order.recipient,
        order.amount,
        order.divisible,
        order.deadline,
        order.life,
        order.client_reference,
        order.payload_hash,
        order.nonce,
        order.expiry,
        evm_address(order.submitter),
    )
    return (terms, signed.amount, signed.drawn, signed.signature)
