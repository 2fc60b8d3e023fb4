"""The effect of each kind of fault on a request and on its response."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .faults import Fault, FaultKind
from .messages import HTML, JSON, Request, Response, error, redirect
from .wire import Wire

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PARTS = 4
_ELSEWHERE = "https://elsewhere.invalid"
_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_MAINTENANCE = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
_PAGES = {
    FaultKind.HTML_502: (502, _BAD_GATEWAY, HTML),
    FaultKind.HTML_200: (200, _MAINTENANCE, HTML),
    FaultKind.EMPTY_500: (500, b"", ""),
    FaultKind.INVALID_JSON: (200, b'{"ok":true,"data":{"repos":[', JSON),
    FaultKind.INVALID_UTF8: (200, b'{"ok":true,"data":{"name":"\xff\xfe"}}', JSON),
}
_ERRORS = {
    FaultKind.JSON_500: (500, "INTERNAL_ERROR", "Internal server error"),
    FaultKind.RATE_LIMITED: (429, "RATE_LIMITED", "Rate limit exceeded. Retry after 60s."),
    FaultKind.UNAVAILABLE: (503, "SERVICE_UNAVAILABLE", "Service unavailable"),
}


async def replace_response(fault: Fault, request: Request, wire: Wire) -> Response | None:
    """Apply a fault before the request is executed.

    Returns:
        The response in place of executing the request; None to execute it.
    """
    match fault.kind:
        case FaultKind.REFUSED:
            await wire.refuse()
        case FaultKind.RESET_BEFORE_WRITE:
            await wire.reset()
        case FaultKind.RATE_LIMITED | FaultKind.UNAVAILABLE | FaultKind.JSON_500:
            return _envelope(fault)
        case FaultKind.REDIRECT:
            return redirect(307, fault.location or _ELSEWHERE + request.raw_path)
    page = _PAGES.get(FaultKind(fault.kind))
    if page is None:
        return None
    status, body, kind = page
    return Response(status, body, [("content-type", kind)] if kind else [])


async def alter_response(fault: Fault, response: Response, wire: Wire, send: Send) -> bool:
    """Apply a fault to the response of a request that was executed.

    Returns:
        Whether the response has been sent.
    """
    body = response.body
    match fault.kind:
        case FaultKind.RESET_AFTER_WRITE:
            await wire.reset()
        case FaultKind.SLOW:
            await wire.wait(fault.seconds)
        case FaultKind.SLOW_BODY:
            await send(_start(response))
            size = max(1, -(-len(body) // _PARTS))
            for at in range(0, len(body), size):
                await wire.wait(fault.seconds)
                await send({"type": "http.response.body", "body": body[at : at + size], "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return True
        case FaultKind.CUT_BODY:
            await wire.send_part(response, body[: len(body) // 2], len(body))
        case FaultKind.WRONG_LENGTH:
            await wire.send_part(response, body, len(body) // 2)
        case _:
            return False
    return False


async def send_response(response: Response, send: Send) -> None:
    """Send a response unchanged."""
    await send(_start(response))
    await send({"type": "http.response.body", "body": response.body})


def _envelope(fault: Fault) -> Response:
    status, code, message = _ERRORS[FaultKind(fault.kind)]
    response = error(status, code, fault.message or message)
    if fault.retry_after is not None and fault.kind != FaultKind.JSON_500:
        response.with_header("retry-after", str(fault.retry_after))
    return response


def _start(response: Response) -> dict[str, Any]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    return {"type": "http.response.start", "status": response.status, "headers": headers}
