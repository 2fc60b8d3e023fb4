"""Faults of the network under names that callers can act on."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpcore2

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.text import one_line

FAULTS: Final = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)
"""What can go wrong on the way."""

# Nothing of the request can have left this machine when one of these happened.
_BEFORE_SENDING = (
    httpcore2.ConnectError,
    httpcore2.ConnectTimeout,
    httpcore2.PoolTimeout,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)


# The first row that fits counts.
_MEANINGS: tuple[tuple[type[Exception], ErrorCode, str], ...] = (
    (httpcore2.ProxyError, ErrorCode.UNREACHABLE, "The proxy did not connect to {host}: {said}."),
    (httpcore2.ConnectTimeout, ErrorCode.UNREACHABLE, "{host} did not accept a connection in time."),
    (
        httpcore2.PoolTimeout,
        ErrorCode.TIMED_OUT,
        "No connection to {host} became free: too many requests are under way.",
    ),
    (httpcore2.TimeoutException, ErrorCode.TIMED_OUT, "{host} stopped answering."),
    (httpcore2.UnsupportedProtocol, ErrorCode.UNREACHABLE, "{host} could not be reached: {said}."),
    (Exception, ErrorCode.CONNECTION_LOST, "The connection to {host} broke: {said}."),
)


def transport_error(fault: Exception, host: str) -> MogplexError:
    """What a fault of the transport means; `may_have_happened` is True when the request may have been received."""
    return MogplexError(*_named(fault, host), may_have_happened=not isinstance(fault, _BEFORE_SENDING))


def _named(fault: Exception, host: str) -> tuple[ErrorCode, str]:
    said = one_line(_own_words(fault), 120) or type(fault).__name__
    if isinstance(fault, httpcore2.ConnectError):
        return _named_connect_error(list(_causes(fault)), host, said)
    code, text = next((code, text) for kind, code, text in _MEANINGS if isinstance(fault, kind))
    return code, text.format(host=host, said=said)


def _own_words(fault: Exception) -> str:
    """What this side's libraries say of a fault, without what the other side sent."""
    if isinstance(fault, httpcore2.ProxyError):
        status = str(fault)[:3]
        return f"it answered {status}" if status.isdecimal() else ""
    return str(fault).partition(":")[0] if isinstance(fault, httpcore2.RemoteProtocolError) else str(fault)


def _named_connect_error(causes: list[BaseException], host: str, said: str) -> tuple[ErrorCode, str]:
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
            case ConnectionRefusedError():
                return ErrorCode.UNREACHABLE, f"{host} could not be reached: the connection was refused."
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ErrorCode.TLS_FAILED, (
            f"No TLS connection to {host} could be made: {said}. "
            "Check that the address and port speak https, and proxies on the way."
        )
    return ErrorCode.UNREACHABLE, f"{host} could not be reached: {said}."


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault, what caused it, and so on; what happened in parallel as well."""
    seen: set[int] = set()
    waiting = [fault]
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        waiting += [error.__cause__, error.__context__]
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
