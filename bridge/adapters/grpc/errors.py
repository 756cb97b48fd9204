"""gRPC's errors, translated in one place."""

import grpc

from bridge.core.transfer import TransferId
from bridge.errors import BridgeError, RefusedError, UnavailableError
from bridge.ports.committee import NotApprovedError

NOT_APPROVED = "naru-not-approved"
"""Trailing metadata of a refused Sign: the item's TransferId, hexadecimal."""


def translated(error: grpc.aio.AioRpcError, who: str) -> BridgeError:
    """Say in our terms what went wrong when *who* was asked."""
    text = f"{who}: {error.details()}"
    match error.code():
        case grpc.StatusCode.FAILED_PRECONDITION:
            for key, value in error.trailing_metadata() or ():
                if key == NOT_APPROVED:
                    return NotApprovedError(TransferId(bytes.fromhex(str(value))), text)
            return RefusedError(text)
        case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.UNIMPLEMENTED | grpc.StatusCode.PERMISSION_DENIED:
            return RefusedError(text)
        case _:
            return UnavailableError(text)
