"""A servicer's answer to one call: our errors become gRPC's here, as `errors` turns them back at the other end."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
import structlog

from bridge.adapters.grpc.errors import NOT_APPROVED
from bridge.core.votes import VoteConflictError
from bridge.errors import BridgeError, InvalidInputError
from bridge.frost import FrostError
from bridge.ports.committee import NotApprovedError

Request = TypeVar("Request")
Response = TypeVar("Response")
log = structlog.get_logger()


async def answer(
    event: str,
    request: Request,
    context: grpc.aio.ServicerContext[Request, Response],
    handler: Callable[[Request], Awaitable[Response]],
) -> Response:
    """Have *handler* answer, and abort the call where it raises an error of ours; *event* is what has then happened."""
    started = time.monotonic()
    try:
        response = await handler(request)
    except BridgeError as error:
        log.info("request.refused", step=event, error=str(error))
        await context.abort(_code(error), str(error), _metadata(error))
    log.debug(event, duration_ms=round(1000 * (time.monotonic() - started), 1))
    return response


def _code(error: BridgeError) -> grpc.StatusCode:
    if isinstance(error, InvalidInputError | FrostError):
        return grpc.StatusCode.INVALID_ARGUMENT
    return grpc.StatusCode.UNAVAILABLE if error.retryable else grpc.StatusCode.FAILED_PRECONDITION


def _metadata(error: BridgeError) -> tuple[tuple[str, str], ...]:
    match error:
        case NotApprovedError(transfer_id=transfer_id):
            return ((NOT_APPROVED, transfer_id.hex()),)
        case VoteConflictError(vote=vote):
            return ((NOT_APPROVED, vote.transfer_id.hex()),)
        case _:
            return ()
