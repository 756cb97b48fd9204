"""What a holder does on the source ledger: look before it locks, allow, lock (R-02)."""

from dataclasses import dataclass
from typing import Final

from web3.types import TxParams, TxReceipt

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY, PLAIN_TOKEN
from bridge.adapters.evm.node import revert
from bridge.adapters.evm.reader import LOCKED, EvmReader
from bridge.core.caip import AssetId, EndpointId, evm_address
from bridge.core.transfer import ZERO_WORD, Transfer, decode
from bridge.errors import BridgeError, InvalidInputError, LedgerRefusedError, UnavailableError
from bridge.ports.ledger import PreparedTransaction

LOCK_FAILED_EVENT: Final = "LockFailed"
NONCE_USED: Final = "NonceUsed"
NONCE_WORDS: Final = 2**16
NONCE_MAX: Final = 256 * NONCE_WORDS - 1


class LockUncertainError(BridgeError):
    """A lock was submitted and its end is unknown: only the same `nonce` can be tried again without locking twice."""

    def __init__(self, reference: bytes, nonce: int, cause: str) -> None:
        """Keep the transaction's hash and the holder's nonce at the gateway."""
        super().__init__(
            f"{cause}; the lock was submitted in transaction 0x{reference.hex()} under nonce {nonce}: it may still "
            f"lock: look with `naru transfer list`, and repeat only with --nonce {nonce}, which can lock once only"
        )
        self.reference = reference
        self.nonce = nonce


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
class Locked:
    """A lock that is in a block."""

    transfer: Transfer
    height: int
    reference: bytes


class EvmHolder:
    """One holder at one gateway."""

    def __init__(self, account: EvmAccount, reader: EvmReader) -> None:
        """Act for *account* at the gateway that *reader* reads."""
        self._account = account
        self._address = evm_address(reader.endpoint.gateway)
        self._gateway = account.node.contract(GATEWAY, self._address)

    async def balance(self, asset: AssetId) -> int:
        """Tell the holder's balance in smallest units.

        Raises:
            InvalidInputError: the gateway does not know the asset.
        """
        token = self._account.node.contract(PLAIN_TOKEN, await self._token(asset))
        return int(await self._account.node.call(token.functions.balanceOf(self._account.address)))

    async def lock(self, terms: LockTerms, *, nonce: int | None = None) -> Locked:
        """Allow exactly the amount where the allowance is short, then lock under *nonce*, else the lowest unused one.

        Raises:
            LedgerRefusedError: the gateway or the token refuses; nothing is locked (`NonceUsed`: by this call).
            UnavailableError: the node does not answer; nothing was submitted.
            LockUncertainError: it was submitted, and the node does not tell what became of it.
        """
        chosen = await self._fresh_nonce() if nonce is None else await self.unused(nonce)
        await self._allow(terms.asset, terms.amount)
        request = _request(terms, chosen)
        await self._simulate(request)
        data = self._gateway.encode_abi("lock", [[request]])
        prepared = await self._account.prepare({"to": self._gateway.address, "data": data})
        return self._locked(await self._submitted(prepared, chosen))

    async def unused(self, nonce: int) -> int:
        """Give *nonce*, 1 to NONCE_MAX, back if the gateway would take it from this holder.

        Raises:
            LedgerRefusedError: `NonceUsed`.
        """
        if await self._nonce_word(nonce >> 8) >> (nonce & 0xFF) & 1:
            raise LedgerRefusedError(NONCE_USED, f"{self._account.address}, {nonce}")
        return nonce

    async def _submitted(self, prepared: PreparedTransaction, nonce: int) -> TxReceipt:
        """Submit and wait. From the first byte on, no answer says nothing about the lock."""
        try:
            await self._account.submit(prepared)
            return await self._account.confirm(prepared)
        except UnavailableError as error:
            raise LockUncertainError(prepared.reference, nonce, str(error)) from error

    async def _allow(self, asset: AssetId, amount: int) -> None:
        token = self._account.node.contract(PLAIN_TOKEN, await self._token(asset))
        allowance = await self._account.node.call(token.functions.allowance(self._account.address, self._address))
        if allowance < amount:
            await self._account.transact(token, "approve", self._address, amount)

    async def _simulate(self, request: tuple[object, ...]) -> None:
        """Ask for the one item's self-call, which reverts with the reason that `lock` would swallow into an event."""
        data = self._gateway.encode_abi("lockItem", [request, self._account.address])
        call: TxParams = {"from": self._gateway.address, "to": self._gateway.address, "data": data}
        await self._account.node.ask(lambda: self._account.node.web3.eth.call(call))

    def _locked(self, receipt: TxReceipt) -> Locked:
        for log in receipt["logs"]:
            if log["address"] == self._gateway.address and log["topics"][0] == LOCKED:
                transfer = decode(bytes(log["data"]))
                height, reference = int(receipt["blockNumber"]), bytes(receipt["transactionHash"])
                return Locked(transfer=transfer, height=height, reference=reference)
        for event in self._gateway.events[LOCK_FAILED_EVENT]().process_receipt(receipt):
            raise revert("0x" + bytes(event["args"]["error"]).hex(), "the lock was left out")
        raise LedgerRefusedError("NoLock", "the transaction holds no lock of this gateway")

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

    async def _token(self, asset: AssetId) -> str:
        functions = self._gateway.functions
        profile = (await self._account.node.call(functions.asset(asset)))[1]
        if not profile:
            msg = f"gateway {self._address} does not know asset 0x{asset.hex()}: see naru doctor for what it knows"
            raise InvalidInputError(msg)
        return str((await self._account.node.call(functions.profile(profile)))[1])


def _request(terms: LockTerms, nonce: int) -> tuple[object, ...]:
    return (
        terms.destination,
        terms.asset,
        terms.recipient,
        terms.amount,
        terms.deadline,
        terms.client_reference,
        terms.payload_hash,
        nonce,
    )
