"""web3's HTTP provider within bounds: of what a node sends no more is read than may be, and nothing of another form.

The session is our own: web3's is guarded by a lock that a cancelled request may take and never give back, after which
every request to that node waits for ever. Here requests are cancelled all the time (R-10: k answers are enough).
"""

import asyncio
import json
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from web3 import AsyncHTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from bridge.adapters.evm import answers
from bridge.errors import UnavailableError

RESPONSE_LEN_MAX: Final = 32 * 2**20
"""Bytes, unpacked. A page of 5,000 blocks with four of our events in each is less."""
_CHUNK_LEN: Final = 64 * 2**10
_OK: Final = 200


class BoundedProvider(AsyncHTTPProvider):
    """One node's address. A whole request takes no longer than *timeout_s*, however slowly an answer drips in."""

    def __init__(self, address: str, *, timeout_s: float, response_len_max: int = RESPONSE_LEN_MAX) -> None:
        """Connect lazily to *address*."""
        super().__init__(address, exception_retry_configuration=None)
        self._address = address
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._response_len_max = response_len_max
        self._session: tuple[asyncio.AbstractEventLoop, aiohttp.ClientSession] | None = None
        self._is_closed = False

    async def disconnect(self) -> None:
        """Give the connections back, for good: a request that outlives its caller must not open others."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session[1].close()

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:  # noqa: ANN401 - web3's own signature
        """Ask once.

        Raises:
            UnavailableError: the connections were given back.
            ValueError: the answer is too long, or none that JSON-RPC allows.
        """
        request = self.encode_rpc_request(method, params)
        return answers.response(await self._make_request(method, request), json.loads(request)["id"])

    async def _make_request(self, method: RPCEndpoint, request_data: bytes) -> bytes:
        del method
        session = await self._own_session()
        async with session.post(
            self._address, data=request_data, headers=self.get_request_headers(), allow_redirects=False
        ) as response:
            if response.status != _OK:
                msg = f"it answers with HTTP status {response.status}"
                raise ValueError(msg)
            return await self._read(response)

    async def _own_session(self) -> aiohttp.ClientSession:
        """Give this event loop's session; one of a loop that has ended is let go."""
        loop, before = asyncio.get_running_loop(), self._session
        if self._is_closed:
            raise UnavailableError(f"the connection to node {shown(self._address)} was closed")
        if before is not None and before[0] is loop:
            return before[1]
        connector = aiohttp.TCPConnector(force_close=True)
        session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        self._session = (loop, session)
        if before is not None:
            await before[1].close()
        return session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK_LEN):
            body += chunk
            if len(body) > self._response_len_max:
                msg = f"it gives an answer of more than {self._response_len_max} bytes"
                raise ValueError(msg)
        return bytes(body)


def shown(address: str) -> str:
    """Give a node's address without what may be a secret: a user's name and password, a path that holds an API key."""
    parts = urlsplit(address)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return place + "/…" if parts.path.strip("/") or parts.query else place
