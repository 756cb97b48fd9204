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
from web3.types import LogReceipt, RPCEndpoint, TxReceipt

from bridge.adapters.evm import answers
from bridge.adapters.evm.contracts import artifact, errors
from bridge.adapters.evm.transport import RESPONSE_LEN_MAX, BoundedProvider, shown
from bridge.core.records import BlockStamp
from bridge.core.refusals import text_of
from bridge.errors import BridgeError, ConfigError, LedgerRefusedError, UnavailableError
from bridge.ports.facts import Header

T = TypeVar("T")

TIMEOUT_S: Final = 10.0
ATTEMPTS: Final = 3
STAMPS_MAX: Final = 4096
LOG_SPAN: Final = 5000
"""Blocks per log query: public and enterprise nodes cap the span."""
TEXT_LEN_MAX: Final = 300
"""Of a node's own words no more goes into an error's text."""
CHAIN_ID_BITS: Final = 256
_FOREIGN: Final = (
    Web3Exception,
    aiohttp.ClientError,
    asyncio.TimeoutError,
    OSError,
    ValueError,
    TypeError,  # this and the rest: what web3's formatters make of an answer that lacks something
    LookupError,
    AttributeError,
    OverflowError,
)


class Node:
    """One node of one EVM ledger.

    Raises everywhere:
        UnavailableError: it does not answer, or answers nonsense.
        LedgerRefusedError: it answers with a revert or refuses the call.
    """

    def __init__(
        self,
        address: str,
        *,
        finality: str = "instant",
        timeout_s: float = TIMEOUT_S,
        response_len_max: int = RESPONSE_LEN_MAX,
    ) -> None:
        """Connect lazily to *address* (`http://host:port`); *finality* as in LedgerConfig, the limits per request."""
        self.address = address
        self.name = shown(address)
        """Its address as texts and logs show it."""
        self._provider = BoundedProvider(address, timeout_s=timeout_s, response_len_max=response_len_max)
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
            problem = f"node {self.name} is on chain {found}, not {chain_id}: point the ledger at its own node"
            raise ConfigError((problem,))

    async def chain_id(self) -> int:
        """Tell which chain this node is on; asked once."""
        if self._chain_id is None:
            self._chain_id = await self.live_chain_id()
        return self._chain_id

    async def live_chain_id(self) -> int:
        """Ask anew which chain this node is on: one behind a load balancer may change."""
        return await self.ask(self._ask_chain_id)

    async def head(self) -> BlockStamp:
        """Give the newest final block by the configured finality; a tag is never probed (some nodes refuse it)."""
        kind, _, value = self._finality.partition(":")
        if kind == "tag":
            return self._remembered(await self.stamp(value))
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

    async def stamp(self, block: int | str) -> BlockStamp:
        """Read a block's number, hash and time."""
        return (await self.header(block)).stamp

    async def header(self, block: int | str) -> Header:
        """Read a block, by its number or a tag, anew: its stamp, and the hash of the one before it."""
        return await self.ask(partial(self._ask_header, block))

    def _remembered(self, stamp: BlockStamp) -> BlockStamp:
        self._stamps[stamp.height] = stamp
        while len(self._stamps) > STAMPS_MAX:
            self._stamps.popitem(last=False)
        return stamp

    async def logs(
        self, address: str, topics: Sequence[object], first: int, last: int
    ) -> AsyncGenerator[LogReceipt, None]:
        """Read an address's logs in blocks [first, last], newest first: what one looks for is mostly recent.

        What a node should never send for this question is left out: logs of another address, topic or block, taken
        back, or in no block yet. That a log's block is the final one is for the caller to check.
        """
        wanted = [None if topic is None else _words(topic) for topic in topics]
        shown = [None if words is None else [hex_word(word) for word in words] for words in wanted]
        for end in range(last, first - 1, -LOG_SPAN):
            start = max(first, end - LOG_SPAN + 1)
            query: dict[str, object] = {
                "address": address,
                "topics": shown,
                "fromBlock": hex(start),
                "toBlock": hex(end),
            }
            page = await self.ask(partial(self._ask_logs, query))
            for log in reversed(page):
                if start <= log["blockNumber"] <= end and _answers(log, address, wanted):
                    yield log

    async def call(self, function: Any, at: BlockStamp | None = None) -> Any:  # noqa: ANN401 - web3's contract functions and their answers are untyped; callers name the type
        """Call a bound contract function, at the block of *at*'s hash or at the newest one.

        By hash, so that a node on another branch has no answer instead of another one (R-10; EIP-1898). web3 encodes
        and decodes; the request goes past its formatters, which take four times as long as all the rest.
        """
        call = {"to": function.address, "data": function._encode_transaction_data()}  # noqa: SLF001 - no public way
        block = "latest" if at is None else await self._block(at)
        data = await self.ask(lambda: self._data("eth_call", call, block))
        try:
            values = self.web3.codec.decode(get_abi_output_types(function.abi), data)
        except (DecodingError, OverflowError, ValueError) as error:
            raise UnavailableError(f"node {self.name} has no such contract at {function.address} yet") from error
        return values[0] if len(values) == 1 else values

    async def code(self, address: str, at: BlockStamp) -> bytes:
        """Read the code at *address*, at the block of *at*'s hash; empty if there is none."""
        block = await self._block(at)
        return await self.ask(lambda: self._data("eth_getCode", address, block))

    async def storage(self, address: str, slot: bytes, at: BlockStamp) -> bytes:
        """Read a word of *address*'s storage, at the block of *at*'s hash; 32 bytes."""
        block = await self._block(at)
        return (await self.ask(lambda: self._data("eth_getStorageAt", address, hex_word(slot), block))).rjust(32, b"\0")

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
            msg = f"node {self.name} has no such block or contract yet: {error}"
            raise UnavailableError(msg) from error
        except _FOREIGN as error:
            told = f"{type(error).__name__}: {error}"[:TEXT_LEN_MAX]
            raise UnavailableError(f"node {self.name} does not answer properly ({told}): is it running?") from error

    async def _block(self, at: BlockStamp) -> dict[str, object]:
        """Name a block by its hash, which stands for all before it; one whose height is another's is nowhere."""
        if (await self.final(at.height)).hash != at.hash:
            raise UnavailableError(f"node {self.name} has another block at height {at.height}")
        return {"blockHash": hex_word(at.hash), "requireCanonical": True}

    async def _data(self, method: str, *parameters: object) -> bytes:
        return answers.data(await self._request(method, *parameters))

    async def _ask_chain_id(self) -> int:
        return answers.quantity(await self._request("eth_chainId"), CHAIN_ID_BITS)

    async def _ask_header(self, block: int | str) -> Header:
        found = await self._request("eth_getBlockByNumber", hex(block) if isinstance(block, int) else block, False)  # noqa: FBT003 - JSON-RPC's: no transactions
        if found is None:
            raise UnavailableError(f"node {self.name} has no block {block} yet")
        header = answers.header(found)
        if isinstance(block, int) and header.stamp.height != block:
            raise UnavailableError(f"node {self.name} gives block {header.stamp.height} for block {block}")
        return header

    async def _ask_logs(self, query: dict[str, object]) -> list[LogReceipt]:
        found = answers.logs(await self._request("eth_getLogs", query))
        return [log for log in found if log is not None]

    async def _request(self, method: str, *parameters: object) -> object:
        response = await self._provider.make_request(RPCEndpoint(method), list(parameters))
        if "error" in response:
            raise Web3RPCError(str(response["error"])[:TEXT_LEN_MAX], rpc_response=response)
        return response["result"]

    def _rpc_error(self, error: Web3RPCError) -> BridgeError:
        response = cast("dict[str, Any]", error.rpc_response or {}).get("error", {})
        text, data = str(response.get("message", error))[:TEXT_LEN_MAX], response.get("data")
        if isinstance(data, str) and data.startswith("0x") and len(data) >= 10:  # noqa: PLR2004 - 0x and a selector
            return revert(data, text)
        for name, fragments in _REFUSALS:
            if any(fragment in text.lower() for fragment in fragments):
                return LedgerRefusedError(name, text)
        return UnavailableError(f"node {self.name} refuses the call: {text}")


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
        return LedgerRefusedError("Reverted", (text_of(raw) or f"0x{raw[:4].hex()}") if raw else text, raw)
    try:
        values = abi_decode(form.types, raw[4:])
    except (DecodingError, OverflowError):
        return LedgerRefusedError(form.name, "", raw)
    return LedgerRefusedError(form.name, ", ".join(_shown(value) for value in values), raw)


def _words(topic: object) -> list[bytes]:
    """Read a topic of a filter: one word, or those of which any will do."""
    return [bytes(HexBytes(cast("Any", word))) for word in (topic if isinstance(topic, list) else [topic])]


def _answers(log: LogReceipt, address: str, wanted: Sequence[list[bytes] | None]) -> bool:
    """Tell whether a log is of the address and topics asked for."""
    topics = log["topics"]
    return (
        log["address"].lower() == address.lower()
        and len(topics) >= len(wanted)
        and all(words is None or bytes(topic) in words for topic, words in zip(topics, wanted, strict=False))
    )


def hex_word(value: bytes) -> HexStr:
    """Write bytes as JSON-RPC takes them."""
    return HexStr("0x" + value.hex())


def _shown(value: object) -> str:
    """Write an argument; one that is itself a revert, such as a token's inside the gateway's, by its name."""
    if not isinstance(value, bytes):
        return str(value)
    text = "0x" + value.hex()
    return str(revert(text, text)) if value[:4] in errors() else text_of(value) or text


def _bytes(data: object) -> bytes:
    if not isinstance(data, str) or not data.startswith("0x"):
        return b""
    try:
        return bytes.fromhex(data[2:])
    except ValueError:
        return b""
