"""Translate errors of the HTTP library into errors that callers can act on, in words that quote no other side."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator

import httpx2

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.text import one_line

# How the library's messages about a connection that was closed begin.
_CLOSED = ("Server disconnected", "peer closed connection")
_PROXY_STATUS = re.compile(r"\d{3}\b")


def transport_error(error: Exception, host: str) -> MogplexError:
    """Return what a failure of the transport means; `may_have_happened` is True if the request may have been received.

    Args:
        error: An `httpx2.TransportError`, or an `ssl.SSLError` of an established connection.
        host: The host that the request was for.
    """
    match error:
        case httpx2.ConnectTimeout():
            code, text = ErrorCode.UNREACHABLE, f"{host} did not accept a connection in time."
        case httpx2.PoolTimeout():
            code = ErrorCode.TIMED_OUT
            text = f"No connection to {host} became free: too many requests are under way."
        case httpx2.ProxyError():
            code, text = ErrorCode.UNREACHABLE, f"The proxy did not connect to {host}: {_proxy_reason(error)}."
        case httpx2.ConnectError():
            code, text = _connect_failure(error, host)
        case httpx2.TimeoutException():
            code, text = ErrorCode.TIMED_OUT, f"{host} stopped answering."
        case _:
            code, text = ErrorCode.CONNECTION_LOST, f"The connection to {host} broke: {_broken_reason(error)}."
    was_sent = not isinstance(
        error, httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ProxyError | httpx2.ConnectError
    )
    return MogplexError(code, text, may_have_happened=was_sent)


def _proxy_reason(error: httpx2.ProxyError) -> str:
    status = _PROXY_STATUS.match(str(error))
    return f"it answered {status[0]}" if status else "it refused"


def _broken_reason(error: Exception) -> str:
    if not isinstance(error, httpx2.ProtocolError):
        return "it was reset"
    return "it was closed before the answer was whole" if str(error).startswith(_CLOSED) else "the answer is not HTTP"


def _connect_failure(error: httpx2.ConnectError, host: str) -> tuple[ErrorCode, str]:
    """Return code and text for the cause of an error that the operating system or TLS reported."""
    said = one_line(str(error), 120) or "it was closed at once"
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return ErrorCode.TLS_FAILED, (
                    f"The certificate of {host} was not accepted: {one_line(cause.verify_message or said, 120)}. "
                    "If a company proxy inspects TLS, add its certificate to the trust store of this system "
                    "(on Linux also by SSL_CERT_FILE); check the clock as well."
                )
            case socket.gaierror():
                return ErrorCode.UNREACHABLE, f"The name {host} could not be resolved. Check the base URL and network."
            case OSError() if _is_refusal(cause):
                return ErrorCode.UNREACHABLE, f"{host} could not be reached: the connection was refused."
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ErrorCode.TLS_FAILED, (
            f"No TLS connection to {host} could be made: {said}. "
            "Check that the address and port speak https, and proxies on the way."
        )
    return ErrorCode.UNREACHABLE, f"{host} could not be reached: {said}."


def _is_refusal(error: OSError) -> bool:
    """Return whether no process listens there. Of several addresses Python 3.11 makes one error with only a text."""
    return isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, what caused it, and so on; what happened in parallel as well."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
