"""JSON-RPC 2.0 over HTTP: bytes in, bytes out, and the thin aiohttp handler around it.

Law: whatever comes in, the answer is well-formed JSON-RPC and the chain goes on.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeAlias

import structlog
from aiohttp import web

from bridge.devnet.ledger.errors import LedgerError
from bridge.devnet.ledger.methods import Method, Methods
from bridge.devnet.ledger.params import Json, Params
from bridge.devnet.ledger.render import data
from bridge.devnet.ledger.worker import Worker

REQUEST_LEN_MAX = 4 * 1024 * 1024
BATCH_LEN_MAX = 1_000
DEPTH_MAX = 32
RESPONSE_LEN_MAX = 64 * 1024 * 1024

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
TOO_LARGE = -32003

_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)

Answer: TypeAlias = dict[str, Json]

_log = structlog.get_logger("bridge.devnet.ledger")


class RpcServer:
    """The HTTP face of one chain."""

    def __init__(self, methods: Methods, worker: Worker) -> None:
        """Serve `methods`, each request as one job of `worker`."""
        self._methods = methods.table
        self._worker = worker

    def application(self) -> web.Application:
        """Return what aiohttp is to run: POST on the root, nothing else."""
        application = web.Application(client_max_size=REQUEST_LEN_MAX)
        application.router.add_post("/", self._post)
        return application

    async def _post(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=415, text="invalid content type, only application/json is supported\n")
        body = await request.read()
        answer = await self._worker.run(lambda: answer_body(self._methods, body))
        return web.Response(body=answer, content_type="application/json")


def answer_body(methods: Mapping[str, Method], body: bytes) -> bytes:
    """Answer one request or a batch; empty if all of it was notifications."""
    try:
        request = _parse(body)
    except ValueError:
        return _encode(_error(None, PARSE_ERROR, "parse error"))
    if not isinstance(request, list):
        answer = _answer(methods, request)
        return b"" if answer is None else _encode(answer)
    if not request:
        return _encode(_error(None, INVALID_REQUEST, "empty batch"))
    if len(request) > BATCH_LEN_MAX:
        return _encode(_error(None, INVALID_REQUEST, f"batch too large: at most {BATCH_LEN_MAX} requests"))
    return _answer_batch(methods, request)


def _answer_batch(methods: Mapping[str, Method], requests: Sequence[Json]) -> bytes:
    """Answer in order; once the answers grow too large, the rest is refused."""
    parts: list[bytes] = []
    room = RESPONSE_LEN_MAX
    for request in requests:
        fits = room > 0
        answer = _answer(methods, request) if fits else _error(_id_of(request), TOO_LARGE, "response too large")
        if answer is not None:
            parts.append(_encode(answer))
            room -= len(parts[-1])
    return b"[" + b",".join(parts) + b"]" if parts else b""


def _answer(methods: Mapping[str, Method], request: Json) -> Answer | None:
    """Answer one request; None for a notification."""
    identity = _id_of(request)
    if not isinstance(request, dict) or request.get("jsonrpc") != "2.0" or not _is_id(request.get("id")):
        return _error(identity, INVALID_REQUEST, "invalid request")
    name, values = request.get("method"), request.get("params", [])
    if not isinstance(name, str):
        return _error(identity, INVALID_REQUEST, "invalid request")
    if "id" not in request:
        return None
    method = methods.get(name)
    if method is None:
        return _error(identity, METHOD_NOT_FOUND, f"the method {name[:64]} does not exist/is not available")
    if not isinstance(values, list):
        return _error(identity, INVALID_PARAMS, "non-array args")
    if len(values) > method.arity_max:
        return _error(identity, INVALID_PARAMS, f"too many arguments, want at most {method.arity_max}")
    return _perform(method, name, identity, Params(values))


def _perform(method: Method, name: str, identity: Json, params: Params) -> Answer:
    try:
        return {"jsonrpc": "2.0", "id": identity, "result": method.run(params)}
    except LedgerError as error:
        return _error(identity, error.code, str(error), error.data)
    except Exception as error:  # noqa: BLE001  # the task boundary: one broken request must not end the server
        _log.exception("request.failed", method=name, error=repr(error))
        return _error(identity, INTERNAL_ERROR, "internal error")


def _error(identity: Json, code: int, text: str, returned: bytes | None = None) -> Answer:
    problem: dict[str, Json] = {"code": code, "message": text}
    if returned is not None:
        problem["data"] = data(returned)
    return {"jsonrpc": "2.0", "id": identity, "error": problem}


def _id_of(request: Json) -> Json:
    identity = request.get("id") if isinstance(request, dict) else None
    return identity if _is_id(identity) else None


def _is_id(value: Json) -> bool:
    return value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))


def _parse(body: bytes) -> Json:
    """Parse, but refuse deep nesting first: py-evm lifts Python's recursion limit, so the C parser would crash.

    Raises:
        ValueError: it is no JSON, or no JSON that a request needs.
    """
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _depth(body) > DEPTH_MAX:
        msg = "nested too deeply"
        raise ValueError(msg)
    parsed: Json = json.loads(body, parse_constant=_refuse_constant)
    return parsed


def _depth(body: bytes) -> int:
    """Return how deeply the brackets outside of strings are nested."""
    depth = deepest = 0
    for token in _STRING_OR_BRACKET.finditer(body):
        first = token[0][:1]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python's parser would take."""
    raise ValueError(name)


def _encode(answer: Answer) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
