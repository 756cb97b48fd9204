"""One JSON-RPC node: calls with a timeout and bounded retries, and foreign errors translated in one place."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar, cast

import aiohttp
from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from eth_typing import ChecksumAddress, HexStr
from eth_utils.abi import get_abi_output_types
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.contract import AsyncContract
from web3.exceptions import (
    BadFunctionCallOutput,
    BadResponseFormat,
    BlockNotFound,
    ContractLogicError,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.types import BlockIdentifier, FilterParams, LogReceipt, RPCEndpoint, TxReceipt

from bridge.adapters.evm.contracts import artifact, errors
from bridge.core.records import BlockStamp
from bridge.errors import BridgeError, ConfigError, LedgerRefusedError, UnavailableError

T = TypeVar("T")

TIMEOUT_S: Final = 10.0
ATTEMPTS: Final = 3
STAMPS_MAX: Final = 4096
LOG_SPAN: Final = 5000
"""Blocks per log query: public and enterprise nodes cap the span."""
_FOREIGN: Final = (Web3Exception, aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError)


class Node:
    """One node of one EVM ledger.

    Raises everywhere:
        UnavailableError: it does not answer, or answers nonsense.
        LedgerRefusedError: it answers with a revert or refuses the call.
    """

    def __init__(self, address: str, *, finality: str = "instant") -> None:
        """Connect lazily to *address* (`http://host:port`); *finality* as in LedgerConfig."""
        self.address = address
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        self._provider = AsyncHTTPProvider(address, {"timeout": timeout}, exception_retry_configuration=None)
        self.web3: AsyncWeb3[AsyncHTTPProvider] = AsyncWeb3(self._provider)
        self._finality = finality
        self._chain_id: int | None = None
        self._stamps: OrderedDict[int, BlockStamp] = OrderedDict()

    async def close(self) -> None:
        """Give the connections back."""
        await self._provider.disconnect()

    def contract(self, name: str, address: str) -> AsyncContract:
        """Bind a committed artifact to an address on this ledger."""
        return self.web3.eth.contract(address=to_checksum_address(address), abi=artifact(name).abi)

    async def check_chain(self, chain_id: int) -> None:
        """Compare the node's chain id.

        Raises:
            ConfigError: the node is of another chain.
        """
        found = await self.chain_id()
        if found != chain_id:
            problem = f"node {self.address} is on chain {found}, not {chain_id}: point the ledger at its own node"
            raise ConfigError((problem,))

    async def chain_id(self) -> int:
        """Tell which chain this node is on; asked once."""
        if self._chain_id is None:
            self._chain_id = await self.ask(self._ask_chain_id)
        return self._chain_id

    async def head(self) -> BlockStamp:
        """Give the newest final block by the configured finality; a tag is never probed (some nodes refuse it)."""
        kind, _, value = self._finality.partition(":")
        if kind == "tag":
            return self._remembered(await self.stamp(cast("BlockIdentifier", value)))
        latest = await self.stamp("latest")
        if kind == "instant":
            return self._remembered(latest)
        return await self.final(max(0, latest.height - int(value)))

    async def final(self, height: int) -> BlockStamp:
        """Read a block at a height that is final by now; it is remembered."""
        known = self.known(height)
        return self._remembered(await self.stamp(height)) if known is None else known

    def known(self, height: int) -> BlockStamp | None:
        """Give a final block that was read before."""
        return self._stamps.get(height)

    async def stamp(self, block: BlockIdentifier) -> BlockStamp:
        """Read a block's number, hash and time."""
        data = await self.ask(lambda: self.web3.eth.get_block(block))
        try:
            return BlockStamp(height=int(data["number"]), hash=bytes(data["hash"]), time=int(data["timestamp"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UnavailableError(f"node {self.address} gives a block without {error}") from error

    def _remembered(self, stamp: BlockStamp) -> BlockStamp:
        self._stamps[stamp.height] = stamp
        while len(self._stamps) > STAMPS_MAX:
            self._stamps.popitem(last=False)
        return stamp

    async def logs(
        self, address: str, topics: Sequence[object], first: int, last: int
    ) -> AsyncGenerator[LogReceipt, None]:
        """Read an address's logs in blocks [first, last], newest first: what one looks for is mostly recent.

        Those of another address or first topic, which a node should never send, are left out.
        """
        for end in range(last, first - 1, -LOG_SPAN):
            query = {
                "address": address,
                "topics": list(topics),
                "fromBlock": max(first, end - LOG_SPAN + 1),
                "toBlock": end,
            }
            page = await self.ask(partial(self.web3.eth.get_logs, cast("FilterParams", query)))
            for log in reversed(page):
                if log["address"].lower() == address.lower() and log["topics"] and log["topics"][0] == topics[0]:
                    yield log

    async def call(self, function: Any, at: BlockStamp | None = None) -> Any:  # noqa: ANN401 - web3's contract functions and their answers are untyped; callers name the type
        """Call a bound contract function, at a block or at the newest one.

        web3 encodes and decodes; the request goes past its formatters, which take four times as long as all the rest.
        """
        call = {"to": function.address, "data": function._encode_transaction_data()}  # noqa: SLF001 - no public way
        data = await self.ask(lambda: self._eth_call(call, "latest" if at is None else hex(at.height)))
        try:
            values = self.web3.codec.decode(get_abi_output_types(function.abi), data)
        except DecodingError as error:
            raise UnavailableError(f"node {self.address} has no such contract at {function.address} yet") from error
        return values[0] if len(values) == 1 else values

    async def has_code(self, address: str) -> bool:
        """Tell whether a contract stands at *address*."""
        return bool(await self.ask(lambda: self.web3.eth.get_code(cast("ChecksumAddress", address))))

    async def receipt(self, reference: bytes) -> TxReceipt | None:
        """Look a transaction's receipt up; None while it is in no block."""
        try:
            return await self.ask(lambda: self.web3.eth.get_transaction_receipt(HexBytes(reference)))
        except LedgerRefusedError as error:
            if error.name == "TransactionNotFound":
                return None
            raise

    async def ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """Make a request that does no harm when made twice; transient failures are tried again a few times."""

        async def once() -> T:
            async with self.translated():
                return await request()

        return await AsyncRetrying(
            retry=retry_if_exception_type(UnavailableError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=0.05, max=1.0),
            reraise=True,
        )(once)

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        """Turn the libraries' errors into ours; the only place that knows them."""
        try:
            yield
        except BridgeError:
            raise
        except TransactionNotFound as error:
            raise LedgerRefusedError("TransactionNotFound", "") from error
        except ContractLogicError as error:
            raise revert(error.data, str(error.message)) from error
        except Web3RPCError as error:
            raise self._rpc_error(error) from error
        except (BlockNotFound, BadFunctionCallOutput, BadResponseFormat) as error:
            msg = f"node {self.address} has no such block or contract yet: {error}"
            raise UnavailableError(msg) from error
        except _FOREIGN as error:
            msg = f"node {self.address} does not answer properly ({type(error).__name__}: {error}): is it running?"
            raise UnavailableError(msg) from error

    async def _eth_call(self, call: dict[str, object], block: str) -> bytes:
        response = await self._provider.make_request(RPCEndpoint("eth_call"), [call, block])
        result = response.get("result")
        if not isinstance(result, str):
            raise Web3RPCError(str(response.get("error")), rpc_response=response)
        return bytes(HexBytes(result))

    async def _ask_chain_id(self) -> int:
        return int(await self.web3.eth.chain_id)

    def _rpc_error(self, error: Web3RPCError) -> BridgeError:
        response = cast("dict[str, Any]", error.rpc_response or {}).get("error", {})
        text, data = str(response.get("message", error)), response.get("data")
        if isinstance(data, str) and data.startswith("0x") and len(data) >= 10:  # noqa: PLR2004 - 0x and a selector
            return revert(data, text)
        for name, fragments in _REFUSALS:
            if any(fragment in text.lower() for fragment in fragments):
                return LedgerRefusedError(name, text)
        return UnavailableError(f"node {self.address} refuses the call: {text}")


_REFUSALS: Final = (
    ("NonceTooLow", ("nonce too low",)),
    ("AlreadyKnown", ("already known", "already imported", "known transaction")),
    ("Underpriced", ("underpriced", "same nonce in the tx pool")),
    ("WrongChain", ("chain id", "chainid")),
    ("InsufficientFunds", ("insufficient funds", "insufficient balance")),
    ("Reverted", ("revert",)),
)
"""Per class the texts of geth, anvil, Kaia and the embedded ledger (lower case)."""


def revert(data: object, text: str) -> LedgerRefusedError:
    """Name a revert by its custom error where we know the selector; `detail` holds the arguments."""
    raw = _bytes(data)
    form = errors().get(raw[:4])
    if form is None:
        return LedgerRefusedError("Reverted", f"0x{raw[:4].hex()}" if raw else text)
    try:
        values = abi_decode(form.types, raw[4:])
    except (DecodingError, OverflowError):
        return LedgerRefusedError(form.name, "")
    return LedgerRefusedError(form.name, ", ".join(_shown(value) for value in values))


def hex_word(value: bytes) -> HexStr:
    """Write bytes as JSON-RPC takes them."""
    return HexStr("0x" + value.hex())


def _shown(value: object) -> str:
    """Write an argument; one that is itself a revert, such as a token's inside the gateway's, by its name."""
    if not isinstance(value, bytes):
        return str(value)
    text = "0x" + value.hex()
    return str(revert(text, text)) if value[:4] in errors() else text


def _bytes(data: object) -> bytes:
    if not isinstance(data, str) or not data.startswith("0x"):
        return b""
    try:
        return bytes.fromhex(data[2:])
    except ValueError:
        return b""
